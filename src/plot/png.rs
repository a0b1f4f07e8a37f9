//! A scene as a PNG image.
//!
//! The shapes are painted by `tiny-skia`, with smoothed edges; letters are
//! strokes of the built-in font, so no font file is looked for. The size is
//! bounded, because an image takes four bytes of memory per pixel.
//!
//! Titles of groups and of the scene are not part of the image. The other
//! format is in `svg`.

use thiserror::Error;
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Transform};

use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke};
use super::stroke_font::{self, CAPITAL, Segment};

/// The most pixels an image may have: 256 megabytes of memory.
const MAX_PIXELS: f64 = 64.0 * 1024.0 * 1024.0;

/// Why a scene did not become an image.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PngError {
    /// The scale is not a number above 0.
    #[error("a picture cannot be drawn at scale {0}; the scale must be above 0, for example 2")]
    Scale(f32),

    /// The image would have too many pixels, or none.
    #[error(
        "a picture of {width:.0} x {height:.0} pixels cannot be drawn; \
         choose a scale that gives from 1 to 67 million pixels"
    )]
    Size {
        /// How wide it would be.
        width: f64,
        /// How high it would be.
        height: f64,
    },

    /// The image could not be packed as PNG.
    #[error("the picture could not be packed as PNG: {0}")]
    Pack(String),
}

impl Scene {
    /// The scene as a PNG file, `scale` pixels to a unit of length (1 is plain,
    /// 2 is sharp on fine screens), rounded up to whole pixels.
    ///
    /// # Errors
    /// When `scale` is not above 0, the image would have more than 67 million
    /// pixels, or packing fails.
    pub fn to_png(&self, scale: f32) -> Result<Vec<u8>, PngError> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(PngError::Scale(scale));
        }
        let width = (self.width * f64::from(scale)).ceil();
        let height = (self.height * f64::from(scale)).ceil();
        // Widths that are not numbers fail here as well.
        let fits = width >= 1.0 && height >= 1.0 && width * height <= MAX_PIXELS;
        let image = fits.then(|| Pixmap::new(width as u32, height as u32));
        let Some(mut image) = image.flatten() else {
            return Err(PngError::Size { width, height });
        };
        image.fill(paint_colour(Colour::WHITE));
        let mut canvas = Canvas { image, transform: Transform::from_scale(scale, scale) };
        for shape in &self.shapes {
            canvas.draw(shape);
        }
        let packed = canvas.image.encode_png();
        packed.map_err(|error| PngError::Pack(error.to_string()))
    }
}

/// An image under way. A shape whose numbers are not finite is left out.
struct Canvas {
    image: Pixmap,
    transform: Transform,
}

impl Canvas {
    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Circle { centre, radius, fill, outline } => {
                let (x, y) = single(*centre);
                let Some(path) = PathBuilder::from_circle(x, y, *radius as f32) else {
                    return;
                };
                let (paint, rule) = (paint(*fill), FillRule::Winding);
                self.image.fill_path(&path, &paint, rule, self.transform, None);
                if let Some(outline) = outline {
                    self.stroke(&path, *outline, self.transform);
                }
            }
            Shape::Line { from, to, stroke } => {
                let ((x1, y1), (x2, y2)) = (single(*from), single(*to));
                let mut path = PathBuilder::new();
                path.move_to(x1, y1);
                path.line_to(x2, y2);
                if let Some(path) = path.finish() {
                    self.stroke(&path, *stroke, self.transform);
                }
            }
            Shape::Text { text, at, anchor, size, stroke } => {
                let scale = size / CAPITAL;
                let pen = Stroke { width: stroke.width / scale, ..*stroke };
                let (x, y) = single(Point::new(at.x, at.y - size));
                let (sx, sy) = (scale as f32, scale as f32);
                let placed = Transform::from_row(sx, 0.0, 0.0, sy, x, y);
                if let Some(path) = letters(text, *anchor) {
                    self.stroke(&path, pen, placed.post_concat(self.transform));
                }
            }
            Shape::Group { shapes, .. } => {
                for shape in shapes {
                    self.draw(shape);
                }
            }
        }
    }

    fn stroke(&mut self, path: &Path, stroke: Stroke, transform: Transform) {
        let pen = tiny_skia::Stroke {
            width: stroke.width as f32,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..tiny_skia::Stroke::default()
        };
        let paint = paint(stroke.colour);
        self.image.stroke_path(path, &paint, &pen, transform, None);
    }
}

/// The strokes of a text, in units of the font; `None` where it has none.
fn letters(text: &str, anchor: Anchor) -> Option<Path> {
    let mut path = PathBuilder::new();
    for glyph in stroke_font::set(text, anchor) {
        for segment in stroke_font::segments(glyph.character) {
            push(&mut path, segment, glyph.x);
        }
    }
    path.finish()
}

/// Adds a segment of a glyph that stands at `x`.
fn push(path: &mut PathBuilder, segment: Segment, x: f64) {
    let place = |point: Point| single(point + Point::new(x, 0.0));
    match segment {
        Segment::Move(to) => {
            let (x, y) = place(to);
            path.move_to(x, y);
        }
        Segment::Line(to) => {
            let (x, y) = place(to);
            path.line_to(x, y);
        }
        Segment::Quad(handle, to) => {
            let ((a, b), (x, y)) = (place(handle), place(to));
            path.quad_to(a, b, x, y);
        }
        Segment::Cubic(first, second, to) => {
            let ((a, b), (c, d), (x, y)) = (place(first), place(second), place(to));
            path.cubic_to(a, b, c, d, x, y);
        }
    }
}

fn single(point: Point) -> (f32, f32) {
    (point.x as f32, point.y as f32)
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(paint_colour(colour));
    paint.anti_alias = true;
    paint
}

fn paint_colour(Colour(red, green, blue): Colour) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(red, green, blue, 255)
}
