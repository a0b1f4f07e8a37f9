//! Drawing a graph: from labels and links to an SVG text or a PNG image.
//!
//! [`draw_graph`] places the nodes and returns a [`Scene`], a list of circles,
//! lines and texts with their colours and places. [`Scene::to_svg`] and
//! [`Scene::to_png`] turn the same scene into either format; both draw letters
//! with the strokes of a built-in font, so they look alike and need no fonts.
//!
//! Nothing here reads or writes files, and nothing is left to chance: the same
//! input gives the same picture. Nothing here knows what a graph is beyond its
//! labels and links, or what the classes of nodes mean.
//!
//! [`draw_tree`] does the same for a tree, with arrows. Look next at `draw` for what a picture consists of, `layout` for where
//! nodes go, and `stroke_font` for the letters.

mod chart;
mod comparison;
mod draw;
mod layout;
mod palette;
mod png;
mod scene;
mod stroke_font;
mod svg;
mod tree;

#[cfg(test)]
mod tests;

pub use chart::{Chart, Mark, draw_charts};
pub use comparison::{Comparison, Series, draw_comparisons};
pub use draw::{DrawOptions, draw_graph};
pub use layout::Layout;
pub use palette::NodeClass;
pub use png::PngError;
pub use scene::{Anchor, Colour, Point, Scene, Shape, Stroke};
pub use tree::{TreeNode, draw_tree};
