//! What a picture of a tree consists of: the root at the left, one column per step, and an arrow to each node.
//!
//! Nodes stand in the order in which they are given; each parent stands in the middle of its children, and each leaf has a
//! line of its own, so that nothing crosses. The root has a ring. Below each node there is room for a note.
//!
//! The caller brings labels, parents and notes; nothing here knows what they mean. Letters and discs are those of `draw`.

use super::draw::{self, MARGIN};
use super::palette::{self, NodeClass};
use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke};

/// The radius of a node, from one column to the next, and from one leaf to the next, in pictures of up to `PLAIN_NODES`.
const RADIUS: f64 = 17.0;
const COLUMN: f64 = 104.0;
const ROW: f64 = 58.0;
const PLAIN_NODES: f64 = 64.0;

/// Larger trees are drawn smaller, but not below this.
const LEAST_SCALE: f64 = 0.5;

/// Heights of capitals.
const TITLE_SIZE: f64 = 17.0;
const CAPTION_SIZE: f64 = 10.5;
const NOTE_SIZE: f64 = 8.5;

/// A label that would be smaller than this part of a node's radius stands below the node.
const LEAST_LABEL: f64 = 0.34;

/// Pictures are at least this wide, so that titles have room.
const LEAST_WIDTH: f64 = 420.0;

/// One node of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeNode {
    /// Its name, in or below its disc.
    pub label: String,
    /// The place of its parent among the nodes before it; none for a root.
    pub parent: Option<usize>,
    /// A word or two below it; may be empty.
    pub note: String,
    /// What is shown to those who point at it.
    pub title: String,
}

/// Draws a tree whose nodes are given in the order of reading: each behind its parent, and before its parent's next child.
///
/// A parent that does not come before its child counts as none.
#[must_use]
pub fn draw_tree(nodes: &[TreeNode], title: &str, caption: &str) -> Scene {
    let layout = Layout::of(nodes);
    let mut shapes: Vec<Shape> = (0..nodes.len()).filter_map(|node| layout.arrow(nodes, node)).collect();
    shapes.extend(nodes.iter().enumerate().map(|(i, node)| layout.node(i, node)));
    let middle = layout.width / 2.0;
    let place = Point::new(middle, MARGIN + TITLE_SIZE);
    shapes.push(draw::words(title, place, TITLE_SIZE, palette::TITLE, layout.width));
    let place = Point::new(middle, layout.height - MARGIN + CAPTION_SIZE);
    shapes.push(draw::words(caption, place, CAPTION_SIZE, palette::CAPTION, layout.width));
    Scene {
        width: layout.width.ceil(),
        height: layout.height.ceil(),
        title: title.to_owned(),
        description: caption.to_owned(),
        shapes,
    }
}

/// Where the nodes stand.
struct Layout {
    places: Vec<Point>,
    scale: f64,
    width: f64,
    height: f64,
}

impl Layout {
    fn of(nodes: &[TreeNode]) -> Layout {
        let scale = (PLAIN_NODES / nodes.len().max(1) as f64).sqrt().clamp(LEAST_SCALE, 1.0);
        let (depths, lines, leaves) = depths_and_lines(nodes);
        let deepest = depths.iter().copied().max().unwrap_or_default() as f64;
        let outside = |node: &&TreeNode| label_size(node, RADIUS * scale).is_none();
        let below = |node: &TreeNode| draw::width_of(&node.label, NOTE_SIZE * scale);
        let widest = nodes.iter().filter(outside).map(below).fold(0.0, f64::max);
        let column = (COLUMN * scale).max(widest + 40.0 * scale);
        let border = MARGIN + (RADIUS * scale).max(widest / 2.0);
        let tree = deepest * column + 2.0 * border;
        let width = tree.max(LEAST_WIDTH);
        let left = (width - tree) / 2.0 + border;
        let top = MARGIN + TITLE_SIZE + 20.0 + 2.0 * RADIUS * scale;
        let place = |(depth, line): (&usize, &f64)| Point::new(left + *depth as f64 * column, top + line * ROW * scale);
        let places = depths.iter().zip(&lines).map(place).collect();
        let height = top + leaves.saturating_sub(1) as f64 * ROW * scale + 3.0 * RADIUS * scale + 20.0 + MARGIN;
        Layout { places, scale, width, height }
    }

    fn radius(&self) -> f64 {
        RADIUS * self.scale
    }

    /// From the parent to the node, with a bend between the columns, where there are neither nodes nor notes.
    fn arrow(&self, nodes: &[TreeNode], node: usize) -> Option<Shape> {
        let parent = parent_of(nodes, node)?;
        let (from, to) = (self.places[parent], self.places[node]);
        // The root has a ring around it.
        let gap = if nodes[parent].parent.is_none() { 1.5 } else { 1.2 };
        let start = from + Point::new(self.radius() * gap, 0.0);
        let tip = to - Point::new(self.radius() * 1.2, 0.0);
        let bend = (from.x + to.x) / 2.0;
        let reach = self.radius() * 0.4;
        let wing = |side: f64| tip - Point::new(reach, side * reach * 0.6);
        let ways = [
            (start, Point::new(bend, from.y)),
            (Point::new(bend, from.y), Point::new(bend, to.y)),
            (Point::new(bend, to.y), tip),
            (wing(1.0), tip),
            (wing(-1.0), tip),
        ];
        let stroke = Stroke { colour: palette::LINK, width: 1.6 * self.scale };
        let shapes = ways.into_iter().filter(|(from, to)| from != to);
        let shapes = shapes.map(|(from, to)| Shape::Line { from, to, stroke }).collect();
        let title = format!("from {} to {}", nodes[parent].label, nodes[node].label);
        Some(Shape::Group { title, shapes })
    }

    fn node(&self, node: usize, of: &TreeNode) -> Shape {
        let (centre, radius) = (self.places[node], self.radius());
        let class = NodeClass::Plain;
        let mut shapes = Vec::new();
        if of.parent.is_none() {
            let outline = Some(Stroke { colour: class.fill(), width: 1.8 * self.scale });
            shapes.push(Shape::Circle { centre, radius: radius * 1.3, fill: Colour::WHITE, outline });
        }
        shapes.extend(draw::mark(centre, radius, class));
        let mut below = Vec::new();
        match label_size(of, radius) {
            Some(size) => shapes.push(draw::number(&of.label, centre, size, class)),
            None => below.push((of.label.as_str(), palette::TITLE)),
        }
        below.push((of.note.as_str(), palette::CAPTION));
        let size = NOTE_SIZE * self.scale;
        let ring = if of.parent.is_none() { 1.4 } else { 1.1 };
        for (line, (text, colour)) in below.into_iter().filter(|(text, _)| !text.is_empty()).enumerate() {
            let at = centre + Point::new(0.0, radius * ring + size * (1.6 + 1.6 * line as f64));
            let stroke = draw::pen(colour, size);
            shapes.push(Shape::Text { text: text.to_owned(), at, anchor: Anchor::Middle, size, stroke });
        }
        Shape::Group { title: of.title.clone(), shapes }
    }
}

/// The parent of a node, if it comes before it.
fn parent_of(nodes: &[TreeNode], node: usize) -> Option<usize> {
    nodes[node].parent.filter(|&parent| parent < node)
}

/// For each node the column and the line that it stands on, and how many leaves there are.
fn depths_and_lines(nodes: &[TreeNode]) -> (Vec<usize>, Vec<f64>, usize) {
    let mut depths = vec![0; nodes.len()];
    // The lines of the first and the last child; none of a leaf.
    let mut children: Vec<Option<(f64, f64)>> = vec![None; nodes.len()];
    let mut is_leaf = vec![true; nodes.len()];
    for node in 0..nodes.len() {
        if let Some(parent) = parent_of(nodes, node) {
            depths[node] = depths[parent] + 1;
            is_leaf[parent] = false;
        }
    }
    let leaves = is_leaf.iter().filter(|&&leaf| leaf).count();
    let mut lines = vec![0.0; nodes.len()];
    let mut next = leaves as f64;
    // From the last node on, so that children have their lines before their parent.
    for node in (0..nodes.len()).rev() {
        lines[node] = match children[node] {
            Some((first, last)) => (first + last) / 2.0,
            None => {
                next -= 1.0;
                next
            }
        };
        if let Some(parent) = parent_of(nodes, node) {
            let last = children[parent].map_or(lines[node], |(_, last)| last);
            children[parent] = Some((lines[node], last));
        }
    }
    (depths, lines, leaves)
}

/// The size of a label in a disc; none if it would be too small there.
fn label_size(node: &TreeNode, radius: f64) -> Option<f64> {
    Some(draw::fitting_size(&node.label, radius)).filter(|size| *size >= LEAST_LABEL * radius)
}
