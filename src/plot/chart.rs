//! Charts: numbers over numbers, as a line, as steps or as bars.
//!
//! Axes begin at zero and end at the first round mark that the greatest value does not pass.

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

/// Marks on an axis: from 0 on, as many as reach the greatest value, each a round number further.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    step: f64,
    marks: u32,
}

/// Most steps of an axis: more would write over each other.
const MOST_STEPS: f64 = 5.0;

impl Axis {
    /// An axis for values up to `greatest`: the least of 1, 2, 5, 10, 20, … of which few steps reach it. Below 10 that may be a
    /// tenth of those.
    fn reaching(greatest: f64) -> Axis {
        let mut ten = 0.1;
        loop {
            for step in [1.0, 2.0, 5.0].map(|step| step * ten) {
                // A value that is a whole number of steps but for what a float loses is reached by them.
                let steps = (greatest / step - 1e-9).ceil().max(1.0);
                if steps <= MOST_STEPS || ten > 1e15 {
                    return Axis { step, marks: steps as u32 };
                }
            }
            ten *= 10.0;
        }
    }

    fn end(self) -> f64 {
        self.step * f64::from(self.marks)
    }

    /// The marks as values, 0 included.
    fn values(self) -> impl Iterator<Item = f64> {
        (0..=self.marks).map(move |mark| self.step * f64::from(mark))
    }
}

impl Chart {
    /// The shapes, with the zero of both axes at `corner`.
    fn shapes(&self, corner: Point) -> Vec<Shape> {
        let axis_of = |value: fn(&(f64, f64)) -> f64| Axis::reaching(self.points.iter().map(value).fold(1.0, f64::max));
        let (across, up) = (axis_of(|point| point.0), axis_of(|point| point.1));
        let (right, top) = (across.end(), up.end());
        let place = |(x, y): (f64, f64)| Point::new(corner.x + x / right * FIELD.0, corner.y - y / top * FIELD.1);
        let axis = Stroke { colour: palette::LONG_LINK, width: 1.0 };
        let word = |words: &str, at: Point, anchor| text(words, at, anchor, 8.0, palette::CAPTION);
        let mut shapes = Vec::new();
        for value in up.values() {
            let (level, end) = (place((0.0, value)), place((right, value)));
            shapes.push(Shape::Line { from: level, to: end, stroke: axis });
            shapes.push(word(&number(value), Point::new(level.x - 20.0, level.y + 4.0), Anchor::Middle));
        }
        for value in across.values() {
            let foot = place((value, 0.0));
            shapes.push(word(&number(value), Point::new(foot.x, foot.y + 16.0), Anchor::Middle));
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
    // Steps below 1 are tenths.
    if (value - value.round()).abs() < 1e-9 { format!("{:.0}", value.round()) } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_close_above_its_greatest_value_and_its_marks_are_round() {
        for (greatest, marks) in [
            (60.0, &[0.0, 20.0, 40.0, 60.0][..]),
            (59.8, &[0.0, 20.0, 40.0, 60.0]),
            (13.6, &[0.0, 5.0, 10.0, 15.0]),
            (4.0, &[0.0, 1.0, 2.0, 3.0, 4.0]),
            (1.2, &[0.0, 0.5, 1.0, 1.5]),
            (52.0, &[0.0, 20.0, 40.0, 60.0]),
            (1000.0, &[0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]),
        ] {
            let found: Vec<f64> = Axis::reaching(greatest).values().collect();
            let same = found.len() == marks.len() && found.iter().zip(marks).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(same, "{greatest}: {found:?}");
        }
        assert_eq!([0.0, 0.5, 1.0, 20.0].map(number), ["0", "0.5", "1", "20"]);
    }
}
