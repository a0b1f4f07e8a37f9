//! Graphs as text: what may be read, what is written, and what is refused.
//!
//! Read are undirected graphs in Graphviz's dot language and plain lists with
//! one link per line; which of the two is told by the first word. Written is
//! dot. Nodes are positive whole numbers, their labels; they may have gaps.
//!
//! This file joins the links into a graph and checks it as a whole. The
//! languages are in `dot` and `edge_list`. Nothing here opens a file: the
//! caller brings the text and knows its name.

use std::fmt::Write;

use thiserror::Error;

use super::{Graph, MAX_EDGES, MAX_NODES, dot, edge_list};

/// How many parts of a graph in pieces an error lists.
const PARTS_LISTED: usize = 5;

/// How many characters of a piece of the file an error repeats.
const FOUND_CHARS: usize = 40;

/// A connected graph from a file, with the numbers its nodes have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphFile {
    /// The number of each node in the file, ascending and all positive; node
    /// `i` of the graph is `labels[i]`.
    pub labels: Vec<u64>,
    /// The links; at least one.
    pub graph: Graph,
}

/// Why a text is not a graph that can be used. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphFileError {
    /// No link in the whole text.
    #[error("the file names no links; write one as \"1 2\" on a line of its own, or as a dot graph")]
    Empty,

    /// Something else than a positive whole number where a node belongs.
    #[error("line {line}: {found:?} is not a node; nodes are whole numbers from 1 upwards")]
    NotANode {
        /// Where.
        line: usize,
        /// What is there, shortened.
        found: String,
    },

    /// The text does not follow the rules of its language.
    #[error("line {line}: expected {expected}, found {found}")]
    Syntax {
        /// Where.
        line: usize,
        /// What could have followed here.
        expected: &'static str,
        /// What is there, shortened.
        found: String,
    },

    /// A comment, a quoted text or a bracket has no end.
    #[error("line {line}: {what} that starts here has no end")]
    Unended {
        /// Where it starts.
        line: usize,
        /// What it is, with its article.
        what: &'static str,
    },

    /// The graph is directed.
    #[error(
        "line {line}: the graph is directed, but links go both ways here; \
         write \"graph\" for \"digraph\" and \"--\" for \"->\""
    )]
    Directed {
        /// Where that shows.
        line: usize,
    },

    /// A node linked to itself.
    #[error("line {line}: node {node} is linked to itself")]
    SelfLoop {
        /// Where.
        line: usize,
        /// Its number.
        node: u64,
    },

    /// Groups in groups in groups.
    #[error("line {line}: groups in braces are nested more than {limit} deep")]
    TooDeep {
        /// Where.
        line: usize,
        /// How deep they may be.
        limit: usize,
    },

    /// More links than [`MAX_EDGES`], repeats included.
    #[error("line {line}: more than {MAX_EDGES} links")]
    TooManyEdges {
        /// The line of the first link that is too many.
        line: usize,
    },

    /// More nodes than [`MAX_NODES`].
    #[error("the file has {nodes} nodes; the limit is {MAX_NODES}")]
    TooManyNodes {
        /// How many there are.
        nodes: usize,
    },

    /// Some nodes cannot reach each other.
    #[error(
        "the graph is not connected: it falls into {} parts, {}",
        .parts.len(), parts_text(.parts)
    )]
    NotConnected {
        /// Size and smallest node of each part, the largest part first.
        parts: Vec<(usize, u64)>,
    },
}

impl GraphFileError {
    /// The line the error is about, where it is about one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotANode { line, .. }
            | Self::Syntax { line, .. }
            | Self::Unended { line, .. }
            | Self::Directed { line }
            | Self::SelfLoop { line, .. }
            | Self::TooDeep { line, .. }
            | Self::TooManyEdges { line } => Some(*line),
            Self::Empty | Self::TooManyNodes { .. } | Self::NotConnected { .. } => None,
        }
    }
}

/// Reads a connected graph from `text`.
///
/// Accepted is an undirected dot graph (attributes and comments are skipped;
/// chains, groups in braces and quoted numbers are understood), or a list with
/// two node numbers per line, apart by blanks, a comma or `--`, where `#` starts
/// a comment. A link may be repeated.
///
/// # Errors
/// When the text is neither, names no links, links a node to itself, is
/// directed, too large, or not connected. Where the error has a line, its
/// message starts with it.
pub fn parse_graph(text: &str) -> Result<GraphFile, GraphFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut links = Links::default();
    if dot::looks_like_dot(text) {
        dot::read(text, &mut links)?;
    } else {
        edge_list::read(text, &mut links)?;
    }
    links.into_graph()
}

/// Writes `graph` in the dot language, with `labels[i]` as the number of node
/// `i`; [`parse_graph`] reads it back.
///
/// # Panics
/// When there are not exactly as many labels as nodes.
#[must_use]
pub fn to_dot(graph: &Graph, labels: &[u64]) -> String {
    assert_eq!(labels.len(), graph.node_count(), "one label for each node");
    let mut text = String::from("graph network {\n");
    let alone = (0..graph.node_count()).filter(|&node| graph.degree(node) == 0);
    for node in alone {
        push_line(&mut text, format_args!("  {};\n", labels[node]));
    }
    for (a, b) in graph.edges() {
        push_line(&mut text, format_args!("  {} -- {};\n", labels[a], labels[b]));
    }
    text.push_str("}\n");
    text
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(line);
}

/// The links and nodes a language reader has found so far.
#[derive(Debug, Default)]
pub(super) struct Links {
    edges: Vec<(u64, u64)>,
    nodes: Vec<u64>,
}

impl Links {
    /// Takes a link found on `line`.
    pub(super) fn link(&mut self, line: usize, a: u64, b: u64) -> Result<(), GraphFileError> {
        if a == b {
            return Err(GraphFileError::SelfLoop { line, node: a });
        }
        if self.edges.len() == MAX_EDGES {
            return Err(GraphFileError::TooManyEdges { line });
        }
        self.edges.push((a, b));
        Ok(())
    }

    /// Takes a node that may have no link.
    pub(super) fn node(&mut self, node: u64) {
        self.nodes.push(node);
    }

    /// Joins everything found and checks it as a whole.
    fn into_graph(self) -> Result<GraphFile, GraphFileError> {
        if self.edges.is_empty() {
            return Err(GraphFileError::Empty);
        }
        let mut labels = self.nodes;
        labels.extend(self.edges.iter().flat_map(|&(a, b)| [a, b]));
        labels.sort_unstable();
        labels.dedup();
        if labels.len() > MAX_NODES {
            return Err(GraphFileError::TooManyNodes { nodes: labels.len() });
        }
        let place = |label: u64| labels.partition_point(|&other| other < label);
        let edges = self.edges.iter().map(|&(a, b)| (place(a), place(b)));
        let graph = Graph::from_edges(labels.len(), edges);
        let parts = graph.components();
        if parts.len() > 1 {
            let mut parts: Vec<_> = parts.iter().map(|part| (part.len(), labels[part[0]])).collect();
            parts.sort_by_key(|&(size, member)| (std::cmp::Reverse(size), member));
            return Err(GraphFileError::NotConnected { parts });
        }
        Ok(GraphFile { labels, graph })
    }
}

/// The node number `text` stands for.
pub(super) fn node_number(line: usize, text: &str) -> Result<u64, GraphFileError> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits_only && number > 0 => Ok(number),
        _ => Err(GraphFileError::NotANode { line, found: shorten(text) }),
    }
}

/// `text` itself, or its start when it is long.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(FOUND_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn parts_text(parts: &[(usize, u64)]) -> String {
    let mut listed: Vec<String> = parts
        .iter()
        .take(PARTS_LISTED)
        .map(|&(size, member)| match size {
            1 => format!("node {member} alone"),
            _ => format!("{size} nodes around node {member}"),
        })
        .collect();
    if parts.len() > PARTS_LISTED {
        listed.push(format!("and {} more", parts.len() - PARTS_LISTED));
    }
    listed.join(", ")
}
