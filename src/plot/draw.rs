//! What a picture of a graph consists of: links, numbered nodes, and words.
//!
//! Links lie below nodes, the shortest on top, and the longer ones are paler.
//! Nodes have a white rim, so that a link passing below one is seen to pass.
//! Each node is a group with a title, for those who point at it or listen.
//!
//! Where nodes go is decided in `layout`, how they look by class in `palette`.
//! The caller brings plain labels and pairs; nothing here knows what they mean.

use std::collections::BTreeSet;

use super::layout::{self, Layout, Sizes};
use super::palette::{self, NodeClass};
use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke};
use super::stroke_font;

/// The free border around a picture.
pub(super) const MARGIN: f64 = 34.0;

/// Pictures are at least this wide, so that titles have room.
const LEAST_WIDTH: f64 = 420.0;

/// Heights of capitals, in pictures up to `PLAIN_WIDTH` wide. The words of
/// larger pictures grow with them.
const TITLE_SIZE: f64 = 17.0;
const CAPTION_SIZE: f64 = 10.5;
const PLAIN_WIDTH: f64 = 900.0;

/// From the base line of one line of small text to the next, as a multiple of
/// its size.
const CAPTION_LINE: f64 = 2.4;

/// What can be chosen about a picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrawOptions {
    /// How the nodes are placed.
    pub layout: Layout,
    /// A line above the picture.
    pub title: Option<String>,
    /// A line below the picture.
    pub caption: Option<String>,
    /// The class of each node; nodes beyond its end are plain. A legend is
    /// added when any node is not plain.
    pub classes: Vec<NodeClass>,
}

/// Draws a graph whose nodes have these labels and whose links are the pairs
/// of places in `labels`.
///
/// Links of a node to itself, repeats, and links to nodes that do not exist are
/// left out. No nodes at all give a picture of the words alone.
#[must_use]
pub fn draw_graph(labels: &[String], edges: &[(usize, usize)], options: &DrawOptions) -> Scene {
    let n = labels.len();
    let edges: BTreeSet<(usize, usize)> =
        edges.iter().map(|&(a, b)| (a.min(b), a.max(b))).filter(|&(a, b)| a != b && b < n).collect();
    let edges: Vec<(usize, usize)> = edges.into_iter().collect();
    let sizes = Sizes::new(n);
    let mut places = layout::places(n, &edges, options.layout, sizes);

    let (low, high) = layout::bounds(&places);
    let border = MARGIN + sizes.radius;
    let width = (high.x - low.x + 2.0 * border).max(LEAST_WIDTH);
    let growth = (width / PLAIN_WIDTH).max(1.0);
    let (title_size, small) = (TITLE_SIZE * growth, CAPTION_SIZE * growth);
    let above = options.title.as_ref().map_or(0.0, |_| title_size + 20.0 * growth);
    let to_middle = (width - high.x - low.x) / 2.0;
    for place in &mut places {
        *place = *place + Point::new(to_middle, border + above - low.y);
    }

    let picture = Picture { labels, edges: &edges, places: &places, classes: &options.classes, radius: sizes.radius };
    let mut shapes = picture.links();
    shapes.extend(picture.nodes());
    if let Some(title) = &options.title {
        let at = Point::new(width / 2.0, MARGIN + title_size);
        shapes.push(words(title, at, title_size, palette::TITLE, width));
    }
    let mut height = above + high.y - low.y + 2.0 * border;
    let legend = picture.legend(Point::new(width / 2.0, height), small);
    if !legend.is_empty() {
        shapes.extend(legend);
        height += CAPTION_LINE * small;
    }
    if let Some(caption) = &options.caption {
        let at = Point::new(width / 2.0, height);
        shapes.push(words(caption, at, small, palette::CAPTION, width));
        height += CAPTION_LINE * small;
    }
    let title = options.title.as_deref().unwrap_or("Network graph");
    Scene {
        width: width.ceil(),
        height: height.ceil(),
        title: title.to_owned(),
        description: options.caption.clone().unwrap_or_default(),
        shapes,
    }
}

/// A graph whose nodes have their places.
struct Picture<'g> {
    labels: &'g [String],
    edges: &'g [(usize, usize)],
    places: &'g [Point],
    classes: &'g [NodeClass],
    radius: f64,
}

impl Picture<'_> {
    fn class(&self, node: usize) -> NodeClass {
        self.classes.get(node).copied().unwrap_or_default()
    }

    /// The links, the longest first; those much longer than most are paler, so
    /// that they do not outweigh the others.
    fn links(&self) -> Vec<Shape> {
        let mut lines: Vec<(f64, Point, Point)> = self
            .edges
            .iter()
            .map(|&(a, b)| (self.places[a], self.places[b]))
            .map(|(from, to)| ((to - from).length(), from, to))
            .collect();
        lines.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        // Where links are many, all are paler.
        let many = lines.len() as f64 / (lines.len() as f64 + 800.0);
        let typical = lines.get(lines.len() / 2).map_or(1.0, |line| line.0.max(1.0));
        let width = (self.radius * 0.1).clamp(0.8, 1.6);
        let line = |&(length, from, to): &(f64, Point, Point)| {
            let excess = (length / typical - 0.9) / 2.0;
            let paleness = 0.45 * many + excess.clamp(0.0, 0.8);
            let colour = palette::LINK.mixed(palette::LONG_LINK, paleness);
            let stroke = Stroke { colour, width };
            Shape::Line { from, to, stroke }
        };
        lines.iter().map(line).collect()
    }

    fn nodes(&self) -> Vec<Shape> {
        let mut degrees = vec![0usize; self.labels.len()];
        for &(a, b) in self.edges {
            degrees[a] += 1;
            degrees[b] += 1;
        }
        let size = number_size(self.labels, self.radius);
        let node = |(node, label): (usize, &String)| {
            let class = self.class(node);
            let links = match degrees[node] {
                1 => "1 link".to_owned(),
                degree => format!("{degree} links"),
            };
            let title = match class {
                NodeClass::Plain => format!("node {label}: {links}"),
                _ => format!("node {label}: {}, {links}", class.name()),
            };
            let mut shapes = mark(self.places[node], self.radius, class);
            let size = size.min(fitting_size(label, self.radius));
            shapes.push(number(label, self.places[node], size, class));
            Shape::Group { title, shapes }
        };
        self.labels.iter().enumerate().map(node).collect()
    }

    /// The classes that occur with the number of nodes of each, centred around
    /// `at` on one line; nothing when all are plain.
    fn legend(&self, at: Point, size: f64) -> Vec<Shape> {
        let (mark_radius, mark_width, gap) = (0.57 * size, 1.35 * size, 2.4 * size);
        let all = || (0..self.labels.len()).map(|node| self.class(node));
        if all().all(|class| class == NodeClass::Plain) {
            return Vec::new();
        }
        let entries: Vec<(NodeClass, String, f64)> = NodeClass::ALL
            .into_iter()
            .map(|class| (class, all().filter(|&other| other == class).count()))
            .filter(|&(_, count)| count > 0)
            .map(|(class, count)| {
                let text = format!("{count} {}", class.name());
                let width = mark_width + width_of(&text, size);
                (class, text, width)
            })
            .collect();
        let widths: f64 = entries.iter().map(|(.., width)| width + gap).sum();
        let mut x = at.x - (widths - gap) / 2.0;
        let mut shapes = Vec::new();
        for (class, text, width) in entries {
            shapes.extend(mark(Point::new(x, at.y - size / 2.0), mark_radius, class));
            shapes.push(Shape::Text {
                text,
                at: Point::new(x + mark_width, at.y),
                anchor: Anchor::Start,
                size,
                stroke: pen(palette::CAPTION, size),
            });
            x += width + gap;
        }
        shapes
    }
}

/// A node without its number: a disc, with the sign of its class.
pub(super) fn mark(centre: Point, radius: f64, class: NodeClass) -> Vec<Shape> {
    let thin = (radius * 0.14).max(1.0);
    let outline = |colour, width| Some(Stroke { colour, width });
    let mut shapes = Vec::new();
    match class {
        NodeClass::Suspect => shapes.push(Shape::Circle {
            centre,
            radius: radius * 1.28,
            fill: Colour::WHITE,
            outline: outline(class.outline(), thin),
        }),
        NodeClass::Down => {
            let reach = radius * 1.05;
            for (x, y) in [(reach, reach), (reach, -reach)] {
                shapes.push(Shape::Line {
                    from: centre - Point::new(x, y),
                    to: centre + Point::new(x, y),
                    stroke: Stroke { colour: class.outline(), width: 1.6 * thin },
                });
            }
        }
        NodeClass::Plain | NodeClass::Alive | NodeClass::Left => {}
    }
    shapes.push(Shape::Circle {
        centre,
        radius,
        fill: class.fill(),
        outline: match class {
            NodeClass::Left => outline(class.outline(), thin),
            _ => outline(Colour::WHITE, thin),
        },
    });
    shapes
}

/// The size that fits for nine of ten numbers, so that most look alike even if
/// a few are very long.
fn number_size(labels: &[String], radius: f64) -> f64 {
    let mut sizes: Vec<f64> = labels.iter().map(|label| fitting_size(label, radius)).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 10).copied().unwrap_or(radius)
}

/// The size at which a number fits into a disc.
pub(super) fn fitting_size(label: &str, radius: f64) -> f64 {
    let fitting = 1.42 * radius / width_of(label, 1.0).max(1e-9);
    fitting.min(0.78 * radius)
}

/// The number of a node.
pub(super) fn number(label: &str, centre: Point, size: f64, class: NodeClass) -> Shape {
    Shape::Text {
        text: label.to_owned(),
        at: centre + Point::new(0.0, size / 2.0),
        anchor: Anchor::Middle,
        size,
        stroke: pen(class.label(), size),
    }
}

/// A line of words around `at`, smaller where it would be wider than `room`.
pub(super) fn words(text: &str, at: Point, size: f64, colour: Colour, room: f64) -> Shape {
    let fitting = (room - MARGIN) / width_of(text, 1.0).max(1e-9);
    let size = size.min(fitting);
    Shape::Text { text: text.to_owned(), at, anchor: Anchor::Middle, size, stroke: pen(colour, size) }
}

pub(super) fn width_of(text: &str, size: f64) -> f64 {
    stroke_font::width(text) * size / stroke_font::CAPITAL
}

/// A pen whose strokes go with letters of this size.
pub(super) fn pen(colour: Colour, size: f64) -> Stroke {
    Stroke { colour, width: 0.13 * size }
}
