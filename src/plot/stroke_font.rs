//! The built-in font: letters as strokes of a pen, with no font file.
//!
//! A letter stands on the base line at y = 10 with the top of capitals at
//! y = 0, the top of small letters at 3.6 and the foot of "g" at 13. The shapes
//! are in `stroke_font::glyphs` as short texts; this file reads them into
//! segments and sets lines of text. It knows neither colours nor formats.
//!
//! A character the font lacks is shown as an empty box, so that nothing is
//! left out unseen.

mod glyphs;

use self::glyphs::GLYPHS;
use super::scene::{Anchor, Point};

/// From the base line to the top of a capital, in units of the font.
pub(super) const CAPITAL: f64 = 10.0;

/// Between two letters.
const GAP: f64 = 2.1;

/// How far the handle of a curve reaches for it to be a quarter of an ellipse.
const QUARTER: f64 = 0.5523;

/// The width of the box for a character that is missing, and its strokes.
const MISSING: (f64, &str) = (5.0, "M0 1 L5 1 L5 10 L0 10 L0 1");

/// One step of the pen, in units of the font.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Segment {
    /// To a new place, without drawing.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A curve with one handle.
    Quad(Point, Point),
    /// A curve with two handles.
    Cubic(Point, Point, Point),
}

/// A character at its place in a line of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    pub(super) character: char,
    /// From the place of the whole text, in units of the font.
    pub(super) x: f64,
}

/// The characters of a text that leave a mark, from left to right.
pub(super) fn set(text: &str, anchor: Anchor) -> Vec<Placed> {
    let mut x = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width(text) / 2.0,
    };
    let mut placed = Vec::new();
    for character in text.chars() {
        let (advance, strokes) = glyph(character);
        if !strokes.is_empty() {
            placed.push(Placed { character, x });
        }
        x += advance + GAP;
    }
    placed
}

/// The width of a line of text, in units of the font.
pub(super) fn width(text: &str) -> f64 {
    let letters: f64 = text.chars().map(|c| glyph(c).0 + GAP).sum();
    (letters - GAP).max(0.0)
}

/// The strokes of a character.
pub(super) fn segments(character: char) -> Vec<Segment> {
    read(glyph(character).1)
}

/// Width and strokes of a character.
fn glyph(character: char) -> (f64, &'static str) {
    GLYPHS.iter().find(|(known, ..)| *known == character).map_or(MISSING, |&(_, width, strokes)| (width, strokes))
}

/// Reads the strokes of a glyph; the language is explained at the table.
///
/// What does not belong to the language is skipped; a test sees to it that
/// there is no such thing in the table.
fn read(strokes: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut at = Point::default();
    for (command, numbers) in steps(strokes) {
        let (segment, end) = match (command, numbers.as_slice()) {
            ('M', &[x, y]) => (Segment::Move(Point::new(x, y)), (x, y)),
            ('L', &[x, y]) => (Segment::Line(Point::new(x, y)), (x, y)),
            ('Q', &[a, b, x, y]) => {
                let handle = Point::new(a, b);
                (Segment::Quad(handle, Point::new(x, y)), (x, y))
            }
            ('h', &[x, y]) => {
                let first = Point::new(at.x + QUARTER * (x - at.x), at.y);
                let second = Point::new(x, y - QUARTER * (y - at.y));
                (Segment::Cubic(first, second, Point::new(x, y)), (x, y))
            }
            ('v', &[x, y]) => {
                let first = Point::new(at.x, at.y + QUARTER * (y - at.y));
                let second = Point::new(x - QUARTER * (x - at.x), y);
                (Segment::Cubic(first, second, Point::new(x, y)), (x, y))
            }
            _ => continue,
        };
        at = Point::new(end.0, end.1);
        segments.push(segment);
    }
    segments
}

/// The commands in a glyph's text, each with its numbers.
fn steps(strokes: &str) -> Vec<(char, Vec<f64>)> {
    let mut steps: Vec<(char, Vec<f64>)> = Vec::new();
    for word in strokes.split_whitespace() {
        let number = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        if let Some(command) = word.chars().next().filter(char::is_ascii_alphabetic) {
            steps.push((command, Vec::new()));
        }
        if let (Some((_, numbers)), Ok(number)) = (steps.last_mut(), number.parse()) {
            numbers.push(number);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_is_in_the_language() {
        for (character, width, strokes) in GLYPHS.iter().copied().chain([(' ', 5.0, MISSING.1)]) {
            let words: Vec<String> = steps(strokes)
                .iter()
                .map(|(command, numbers)| {
                    let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
                    format!("{command}{}", numbers.join(" "))
                })
                .collect();
            assert_eq!(words.join(" "), strokes, "{character:?}");
            assert_eq!(read(strokes).len(), words.len(), "{character:?}");
            assert!(strokes.is_empty() || strokes.starts_with('M'), "{character:?}");
            for (_, numbers) in steps(strokes) {
                let last = &numbers[numbers.len() - 2..];
                assert!((-0.01..=width + 0.01).contains(&last[0]), "{character:?}");
                assert!((-1.5..=13.0).contains(&last[1]), "{character:?}");
            }
        }
    }

    #[test]
    fn the_font_covers_what_a_caption_needs() {
        let needed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-_/()%=<>+ ";
        for character in needed.chars() {
            let count = GLYPHS.iter().filter(|(known, ..)| *known == character).count();
            assert_eq!(count, 1, "{character:?}");
        }
        let mut all: Vec<char> = GLYPHS.iter().map(|(known, ..)| *known).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), GLYPHS.len(), "no glyph twice");
    }

    #[test]
    fn text_is_set_around_its_anchor() {
        let digits = set("88", Anchor::Middle);
        assert_eq!(digits.len(), 2);
        assert!((digits[0].x + width("88") / 2.0).abs() < 1e-12);
        assert_eq!(set("a b", Anchor::Start).len(), 2, "a space leaves no mark");
        assert_eq!(set("\u{1F600}", Anchor::Start).len(), 1, "a box");
        assert_eq!(width(""), 0.0);
    }
}
