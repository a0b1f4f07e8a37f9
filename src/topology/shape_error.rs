//! What a generator answers when the numbers it was given make no graph.
//!
//! The message is meant for the person who typed the numbers: it repeats them,
//! says what is wrong, and names numbers that would work. The variants carry
//! the numbers for code that wants to react to them.
//!
//! Errors of files are in `graph_file`.

use thiserror::Error;

use super::{MAX_EDGES, MAX_NODES};

/// Why a graph of the wanted shape cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// There are too few nodes for this shape.
    #[error("{shape} of {}: it needs at least {least} nodes; try {least} nodes", nodes_text(*.nodes))]
    TooFewNodes {
        /// The shape with its article, e.g. "a ring".
        shape: &'static str,
        /// How many nodes were asked for.
        nodes: usize,
        /// The smallest number that works.
        least: usize,
    },

    /// There are more nodes than [`MAX_NODES`].
    #[error("{nodes} nodes are too many: the limit is {MAX_NODES}")]
    TooManyNodes {
        /// How many nodes were asked for.
        nodes: usize,
    },

    /// There would be more links than [`MAX_EDGES`].
    #[error("{nodes} nodes with {edges} links are too many links: the limit is {MAX_EDGES}")]
    TooManyEdges {
        /// How many nodes were asked for.
        nodes: usize,
        /// How many links that would be.
        edges: u64,
    },

    /// With so few neighbours each the graph falls apart.
    #[error(
        "{nodes} nodes of degree {degree}: with fewer than {} each they fall apart; \
         try degree {least}", neighbours_text(*.least)
    )]
    DegreeTooLow {
        /// How many nodes were asked for.
        nodes: usize,
        /// How many neighbours each was to have.
        degree: usize,
        /// The smallest degree that works for this number of nodes.
        least: usize,
    },

    /// A node cannot have that many different neighbours.
    #[error(
        "{nodes} nodes of degree {degree}: a node has at most {} here; try {}degree {}",
        neighbours_text(.nodes - 1), enough_nodes_text(*.degree), .nodes - 1
    )]
    DegreeTooHigh {
        /// How many nodes were asked for; at least 2.
        nodes: usize,
        /// How many neighbours each was to have.
        degree: usize,
    },

    /// An odd number of nodes cannot all have the same odd degree.
    #[error(
        "{nodes} nodes of degree {degree}: the number of nodes times the degree must be even; \
         try {} nodes, or degree {} or {}",
        .nodes + 1, .degree - 1, .degree + 1
    )]
    OddProduct {
        /// How many nodes were asked for; odd.
        nodes: usize,
        /// How many neighbours each was to have; odd and at least 3.
        degree: usize,
    },

    /// A Turan graph has from 2 parts to as many as it has nodes.
    #[error(
        "{nodes} nodes in {}: the number of parts must be from 2 to the number of nodes; \
         try {}", parts_text(*.parts), range_text(*.nodes)
    )]
    Parts {
        /// How many nodes were asked for; at least 2.
        nodes: usize,
        /// Into how many parts.
        parts: usize,
    },

    /// Three neighbours for each of an odd number of nodes is impossible.
    #[error(
        "an optimal graph of {nodes} nodes: each node has 3 neighbours, so the number of nodes \
         must be even; try {} or {} nodes", .nodes - 1, .nodes + 1
    )]
    OddCubic {
        /// How many nodes were asked for; odd and at least 5.
        nodes: usize,
    },

    /// Chance gave no connected graph, however often it was asked.
    #[error(
        "{nodes} nodes of degree {degree}: none of {tries} drawn graphs was connected; \
         try again, or a higher degree"
    )]
    NotConnected {
        /// How many nodes were asked for.
        nodes: usize,
        /// How many neighbours each was to have.
        degree: usize,
        /// How many graphs were drawn.
        tries: usize,
    },
}

fn nodes_text(nodes: usize) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        _ => format!("{nodes} nodes"),
    }
}

fn neighbours_text(neighbours: usize) -> String {
    match neighbours {
        1 => "1 neighbour".to_owned(),
        _ => format!("{neighbours} neighbours"),
    }
}

/// The number of nodes that would suffice for a degree, when it is allowed.
fn enough_nodes_text(degree: usize) -> String {
    match degree {
        0..MAX_NODES => format!("{} nodes, or ", degree + 1),
        _ => String::new(),
    }
}

fn parts_text(parts: usize) -> String {
    match parts {
        1 => "1 part".to_owned(),
        _ => format!("{parts} parts"),
    }
}

fn range_text(nodes: usize) -> String {
    match nodes {
        2 => "2".to_owned(),
        3 => "2 or 3".to_owned(),
        _ => format!("2 to {nodes}"),
    }
}
