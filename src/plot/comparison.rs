//! Comparisons: several named lines over the same places, on a logarithmic scale.
//!
//! The scale reaches over whole powers of ten. What is not above zero has no place on it and is left out. Lines are told by
//! colour, by the shade of their names in the legend, and by their names in the picture's titles.

use super::palette;
use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke};

/// Width and height of one comparison's field, the room around it for its words, and the height of a line of the legend.
const FIELD: (f64, f64) = (330.0, 260.0);
const ROOM: f64 = 60.0;
const LEGEND_LINE: f64 = 16.0;

/// The colours of Okabe and Ito, and two greys. With more lines than these they come again.
const COLOURS: [Colour; 10] = [
    Colour(0, 103, 165),
    Colour(86, 180, 233),
    Colour(213, 94, 0),
    Colour(0, 128, 94),
    Colour(230, 159, 0),
    Colour(204, 121, 167),
    Colour(120, 80, 160),
    Colour(130, 40, 0),
    Colour(88, 104, 122),
    Colour(176, 188, 200),
];

/// One named line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Whose values these are.
    pub name: String,
    /// One for each place; none where it is not known.
    pub values: Vec<Option<f64>>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What it shows.
    pub title: String,
    /// What goes to the right.
    pub across: String,
    /// The unit of what goes up; may be empty.
    pub unit: String,
    /// The names of the places, from left to right.
    pub places: Vec<String>,
    /// The lines.
    pub series: Vec<Series>,
}

/// Draws comparisons of the same series side by side under one title, with one legend.
#[must_use]
pub fn draw_comparisons(title: &str, comparisons: &[Comparison]) -> Scene {
    let mut shapes = vec![text(title, Point::new(ROOM, 30.0), Anchor::Start, 11.0, palette::TITLE)];
    let step = FIELD.0 + 1.5 * ROOM;
    let foot = 40.0 + ROOM + FIELD.1;
    for (place, comparison) in comparisons.iter().enumerate() {
        let corner = Point::new(ROOM + step * place as f64, foot);
        shapes.push(Shape::Group { title: comparison.title.clone(), shapes: comparison.shapes(corner) });
    }
    let names: Vec<&str> = comparisons
        .first()
        .map(|comparison| comparison.series.iter().map(|series| series.name.as_str()).collect())
        .unwrap_or_default();
    let per_column = names.len().div_ceil(comparisons.len().max(1)).max(1);
    for (i, name) in names.iter().enumerate() {
        let x = ROOM + step * (i / per_column) as f64;
        let y = foot + ROOM + LEGEND_LINE * (i % per_column) as f64;
        let stroke = Stroke { colour: colour(i), width: 3.0 };
        shapes.push(Shape::Line { from: Point::new(x, y), to: Point::new(x + 20.0, y), stroke });
        shapes.push(text(name, Point::new(x + 28.0, y + 4.0), Anchor::Start, 8.0, palette::CAPTION));
    }
    let titles: Vec<&str> = comparisons.iter().map(|comparison| comparison.title.as_str()).collect();
    Scene {
        width: step * comparisons.len().max(1) as f64 + ROOM / 2.0,
        height: foot + ROOM + LEGEND_LINE * (per_column + 1) as f64,
        title: title.to_owned(),
        description: titles.join("; "),
        shapes,
    }
}

fn colour(place: usize) -> Colour {
    COLOURS[place % COLOURS.len()]
}

fn text(text: &str, at: Point, anchor: Anchor, size: f64, colour: Colour) -> Shape {
    Shape::Text { text: text.to_owned(), at, anchor, size, stroke: Stroke { colour, width: size / 8.0 } }
}

impl Comparison {
    /// The powers of ten that the scale begins and ends with.
    fn powers(&self) -> (i32, i32) {
        let values = self.series.iter().flat_map(|series| &series.values).flatten();
        let logs: Vec<f64> = values.filter(|value| **value > 0.0).map(|value| value.log10()).collect();
        let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if logs.is_empty() {
            return (0, 1);
        }
        let (low, high) = (least.floor() as i32, greatest.ceil() as i32);
        (low, high.max(low + 1))
    }

    /// The shapes, with the lower left corner of the field at `corner`.
    fn shapes(&self, corner: Point) -> Vec<Shape> {
        let (low, high) = self.powers();
        let up = |log: f64| corner.y - (log - f64::from(low)) / f64::from(high - low) * FIELD.1;
        let right = |place: usize| corner.x + (place as f64 + 0.5) / self.places.len().max(1) as f64 * FIELD.0;
        let axis = Stroke { colour: palette::LONG_LINK, width: 1.0 };
        let word = |words: &str, at: Point, anchor| text(words, at, anchor, 8.0, palette::CAPTION);
        let mut shapes = Vec::new();
        for power in low..=high {
            let y = up(f64::from(power));
            let (from, to) = (Point::new(corner.x, y), Point::new(corner.x + FIELD.0, y));
            shapes.push(Shape::Line { from, to, stroke: axis });
            let number = format!("{}", 10f64.powi(power));
            shapes.push(word(&number, Point::new(corner.x - 44.0, y + 4.0), Anchor::Start));
        }
        for (place, name) in self.places.iter().enumerate() {
            shapes.push(word(name, Point::new(right(place), corner.y + 16.0), Anchor::Middle));
        }
        let middle = Point::new(corner.x + FIELD.0 / 2.0, corner.y + 34.0);
        shapes.push(word(&self.across, middle, Anchor::Middle));
        let unit = if self.unit.is_empty() { String::new() } else { format!(", {}", self.unit) };
        let above = Point::new(corner.x - 40.0, corner.y - FIELD.1 - 14.0);
        shapes.push(word(&format!("{}{unit}", self.title), above, Anchor::Start));
        for (i, series) in self.series.iter().enumerate() {
            let known = series.values.iter().enumerate().filter_map(|(place, value)| {
                value.filter(|value| *value > 0.0).map(|value| Point::new(right(place), up(value.log10())))
            });
            shapes.push(series.line(&known.collect::<Vec<_>>(), colour(i)));
        }
        shapes
    }
}

impl Series {
    fn line(&self, points: &[Point], colour: Colour) -> Shape {
        let stroke = Stroke { colour, width: 2.0 };
        let lines = points.windows(2).map(|pair| Shape::Line { from: pair[0], to: pair[1], stroke });
        let dots =
            points.iter().map(|centre| Shape::Circle { centre: *centre, radius: 3.5, fill: colour, outline: None });
        Shape::Group { title: self.name.clone(), shapes: lines.chain(dots).collect() }
    }
}
