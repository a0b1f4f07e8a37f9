//! Charts: numbers over numbers, as a line, as steps or as bars.
//!
//! Axes begin at zero and end at a round number above the greatest value.

use super::palette;
use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke};

/// Width and height of one chart's field, and the room around it for its words.
const FIELD: (f64, f64) = (420.0, 260.0);
const ROOM: f64 = 60.0;

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Points with lines between them.
    Line,
    /// Each value holds until the next.
    Steps,
    /// A bar for each value.
    Bars,
}

/// One chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What goes to the right.
    pub across: String,
    /// What goes up.
    pub up: String,
    /// The values, in rising order of what goes to the right; none below 0.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub mark: Mark,
}

/// Draws charts side by side under one title.
#[must_use]
pub fn draw_charts(title: &str, charts: &[Chart]) -> Scene {
    let mut shapes = vec![text(title, Point::new(ROOM, 30.0), Anchor::Start, 11.0, palette::TITLE)];
    let step = FIELD.0 + 2.0 * ROOM;
    for (place, chart) in charts.iter().enumerate() {
        let corner = Point::new(ROOM + step * place as f64, 40.0 + ROOM + FIELD.1);
        shapes.push(Shape::Group { title: chart.title.clone(), shapes: chart.shapes(corner) });
    }
    let names: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    Scene {
        width: step * charts.len().max(1) as f64,
        height: FIELD.1 + 2.0 * ROOM + 40.0,
        title: title.to_owned(),
        description: names.join("; "),
        shapes,
    }
}

fn text(text: &str, at: Point, anchor: Anchor, size: f64, colour: Colour) -> Shape {
    Shape::Text { text: text.to_owned(), at, anchor, size, stroke: Stroke { colour, width: size / 8.0 } }
}

/// The least of 1, 2, 5, 10, 20, … that is at least `number`.
fn round_up(number: f64) -> f64 {
    let mut ten = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if step * ten >= number {
                return step * ten;
            }
        }
        if ten > 1e15 {
            return number;
        }
        ten *= 10.0;
    }
}

impl Chart {
    /// The shapes, with the zero of both axes at `corner`.
    fn shapes(&self, corner: Point) -> Vec<Shape> {
        let greatest = |value: fn(&(f64, f64)) -> f64| round_up(self.points.iter().map(value).fold(1.0, f64::max));
        let (right, top) = (greatest(|point| point.0), greatest(|point| point.1));
        let place = |(x, y): (f64, f64)| Point::new(corner.x + x / right * FIELD.0, corner.y - y / top * FIELD.1);
        let axis = Stroke { colour: palette::LONG_LINK, width: 1.0 };
        let word = |words: &str, at: Point, anchor| text(words, at, anchor, 8.0, palette::CAPTION);
        let mut shapes = Vec::new();
        for quarter in 0..=4 {
            let part = f64::from(quarter) / 4.0;
            let level = place((0.0, top * part));
            let end = place((right, top * part));
            shapes.push(Shape::Line { from: level, to: end, stroke: axis });
            shapes.push(word(&number(top * part), Point::new(level.x - 34.0, level.y + 4.0), Anchor::Start));
            let foot = place((right * part, 0.0));
            shapes.push(word(&number(right * part), Point::new(foot.x, foot.y + 16.0), Anchor::Middle));
        }
        let middle = Point::new(corner.x + FIELD.0 / 2.0, corner.y + 36.0);
        shapes.push(word(&self.across, middle, Anchor::Middle));
        let above = Point::new(corner.x, corner.y - FIELD.1 - 12.0);
        shapes.push(word(&format!("{}: {}", self.title, self.up), above, Anchor::Start));
        self.draw_values(&place, &mut shapes);
        shapes
    }

    fn draw_values(&self, place: &dyn Fn((f64, f64)) -> Point, shapes: &mut Vec<Shape>) {
        let stroke = Stroke { colour: super::NodeClass::Plain.fill(), width: 2.0 };
        match self.mark {
            Mark::Bars => {
                let wide = Stroke { width: 8.0, ..stroke };
                let bar =
                    |point: &(f64, f64)| Shape::Line { from: place((point.0, 0.0)), to: place(*point), stroke: wide };
                shapes.extend(self.points.iter().map(bar));
            }
            Mark::Line | Mark::Steps => {
                for pair in self.points.windows(2) {
                    let (from, to) = (pair[0], pair[1]);
                    let turn = if self.mark == Mark::Steps { (to.0, from.1) } else { to };
                    shapes.push(Shape::Line { from: place(from), to: place(turn), stroke });
                    shapes.push(Shape::Line { from: place(turn), to: place(to), stroke });
                }
                if self.mark == Mark::Line {
                    let dot = |point: &(f64, f64)| Shape::Circle {
                        centre: place(*point),
                        radius: 3.5,
                        fill: stroke.colour,
                        outline: None,
                    };
                    shapes.extend(self.points.iter().map(dot));
                }
            }
        }
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") }
}
