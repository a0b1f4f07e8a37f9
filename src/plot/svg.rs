//! A scene as SVG text.
//!
//! The text stands on its own: no style sheet, no font, no script. Titles of
//! groups become `<title>` elements, which browsers show when pointed at and
//! screen readers read out. Each letter that occurs is defined once and used
//! where it is needed.
//!
//! Titles and descriptions may be any text; what XML reserves is escaped. The
//! other format is in `png`.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};

use super::scene::{Colour, Point, Scene, Shape, Stroke};
use super::stroke_font::{self, CAPITAL, Segment};

impl Scene {
    /// The scene as a complete SVG document.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_svg(&mut svg);
        svg
    }

    fn write_svg(&self, out: &mut String) -> fmt::Result {
        let (width, height) = (Number(self.width), Number(self.height));
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"graphics-document\">"
        )?;
        writeln!(out, "<title>{}</title>", Escaped(&self.title))?;
        if !self.description.is_empty() {
            writeln!(out, "<desc>{}</desc>", Escaped(&self.description))?;
        }
        write_glyphs(out, &self.shapes)?;
        writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>", Hex(Colour::WHITE))?;
        writeln!(out, "<g fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\">")?;
        for shape in &self.shapes {
            write_shape(out, shape)?;
        }
        writeln!(out, "</g>\n</svg>")
    }
}

/// Defines the glyphs that occur, each under a name of its own.
fn write_glyphs(out: &mut String, shapes: &[Shape]) -> fmt::Result {
    let mut characters = BTreeSet::new();
    collect_characters(shapes, &mut characters);
    if characters.is_empty() {
        return Ok(());
    }
    writeln!(out, "<defs>")?;
    for character in characters {
        write!(out, "<path id=\"{}\" d=\"", GlyphName(character))?;
        for segment in stroke_font::segments(character) {
            match segment {
                Segment::Move(to) => write!(out, "M{}", Pair(to))?,
                Segment::Line(to) => write!(out, "L{}", Pair(to))?,
                Segment::Quad(handle, to) => write!(out, "Q{} {}", Pair(handle), Pair(to))?,
                Segment::Cubic(first, second, to) => {
                    write!(out, "C{} {} {}", Pair(first), Pair(second), Pair(to))?;
                }
            }
        }
        writeln!(out, "\"/>")?;
    }
    writeln!(out, "</defs>")
}

fn collect_characters(shapes: &[Shape], characters: &mut BTreeSet<char>) {
    for shape in shapes {
        match shape {
            Shape::Text { text, anchor, .. } => {
                let placed = stroke_font::set(text, *anchor);
                characters.extend(placed.iter().map(|glyph| glyph.character));
            }
            Shape::Group { shapes, .. } => collect_characters(shapes, characters),
            Shape::Circle { .. } | Shape::Line { .. } => {}
        }
    }
}

fn write_shape(out: &mut String, shape: &Shape) -> fmt::Result {
    match shape {
        Shape::Circle { centre, radius, fill, outline } => {
            let (x, y, r) = (Number(centre.x), Number(centre.y), Number(*radius));
            write!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"{}\"", Hex(*fill))?;
            if let Some(outline) = outline {
                write!(out, "{}", Pen(*outline))?;
            }
            writeln!(out, "/>")
        }
        Shape::Line { from, to, stroke } => writeln!(
            out,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>",
            Number(from.x),
            Number(from.y),
            Number(to.x),
            Number(to.y),
            Pen(*stroke)
        ),
        Shape::Text { text, at, anchor, size, stroke } => {
            let scale = size / CAPITAL;
            // The base line of the font is at y = 10, that of the text at 0.
            let pen = Stroke { width: stroke.width / scale, ..*stroke };
            let (x, y, k) = (Number(at.x), Number(at.y - size), Fine(scale));
            write!(out, "<g transform=\"translate({x} {y}) scale({k})\"{}>", Pen(pen))?;
            for glyph in stroke_font::set(text, *anchor) {
                let (name, x) = (GlyphName(glyph.character), Number(glyph.x));
                write!(out, "<use href=\"#{name}\" x=\"{x}\"/>")?;
            }
            writeln!(out, "</g>")
        }
        Shape::Group { title, shapes } => {
            writeln!(out, "<g role=\"img\"><title>{}</title>", Escaped(title))?;
            for shape in shapes {
                write_shape(out, shape)?;
            }
            writeln!(out, "</g>")
        }
    }
}

/// A length with at most two decimals.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0 turns a negative zero into a plain one.
        write!(out, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

/// A factor with at most four decimals.
struct Fine(f64);

impl Display for Fine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", (self.0 * 10_000.0).round() / 10_000.0)
    }
}

struct Pair(Point);

impl Display for Pair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", Number(self.0.x), Number(self.0.y))
    }
}

struct Hex(Colour);

impl Display for Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Colour(red, green, blue) = self.0;
        write!(out, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The attributes of a stroke, with a blank before them.
struct Pen(Stroke);

impl Display for Pen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (colour, width) = (Hex(self.0.colour), Number(self.0.width));
        write!(out, " stroke=\"{colour}\" stroke-width=\"{width}\"")
    }
}

/// The name under which a glyph is defined.
struct GlyphName(char);

impl Display for GlyphName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "glyph{:x}", u32::from(self.0))
    }
}

/// Text as XML may hold it: reserved characters escaped, and those that XML
/// cannot hold at all replaced.
struct Escaped<'t>(&'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\t' | '\n' => out.write_char(character)?,
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.write_char('\u{fffd}')?,
                _ => out.write_char(character)?,
            }
        }
        Ok(())
    }
}
