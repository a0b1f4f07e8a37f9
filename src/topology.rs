//! Who is linked to whom: graphs, their distances, and ways to draw them up.
//!
//! A [`Graph`] is undirected and simple. The generators ([`random_regular`],
//! [`random_nearly_cubic`], [`circular`], [`power_law`], [`turan`], [`optimal`]) return connected
//! graphs or a [`ShapeError`] that says which numbers would have worked.
//! [`parse_graph`] and [`to_dot`] read and write them as text.
//!
//! Nothing here touches files, sockets, clocks or a global source of chance:
//! text and random numbers come from the caller, so that the same input gives
//! the same graph. Nothing here knows how a graph is drawn.
//!
//! Look next at `graph` for the data structure, `distance` for what is
//! measured, `optimal` for the search and `graph_file` for the formats.

mod annealing;
mod cubic;
mod distance;
mod dot;
mod edge_list;
mod graph;
mod graph_file;
mod lcf;
mod lcf_search;
mod optimal;
mod regular;
mod search;
mod shape_error;
mod shapes;

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod optimal_tests;
#[cfg(test)]
mod tests;

pub use distance::{Distances, moore_mean_distance};
pub use graph::Graph;
pub use graph_file::{GraphFile, GraphFileError, parse_graph, to_dot};
pub use optimal::{DEFAULT_SEARCH_EFFORT, optimal};
pub use regular::{random_nearly_cubic, random_regular};
pub use shape_error::ShapeError;
pub use shapes::{circular, power_law, turan};

/// The most nodes a generator draws or a file may hold.
pub const MAX_NODES: usize = 100_000;

/// The most links a generator draws or a file may hold; it keeps a mistyped
/// number (a complete graph of 100,000 nodes) from filling the memory.
pub const MAX_EDGES: usize = 5_000_000;
