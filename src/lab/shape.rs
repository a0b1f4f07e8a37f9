//! In which graph a network starts: what was typed, and the graph with a number for each node.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use rand::Rng;

use super::{LabError, Progress, ports};
use crate::topology::{self, Graph};

/// The most processes that one command starts; larger networks are for the simulator.
pub const MAX_NODES: usize = 1000;

/// How many nodes start when nobody says.
const DEFAULT_NODES: usize = 16;

/// Neighbours of each node of a random graph when nobody says.
const DEFAULT_DEGREE: usize = 3;

/// Parts of a Turan graph when nobody says.
const DEFAULT_PARTS: usize = 2;

/// Most peers that a node may have.
const MAX_PEERS: usize = 64;

/// Places for peers of a node that joins a network whose nodes have different numbers of them.
const NEWCOMER_PLACES: usize = 3;

/// How often a power-law graph is drawn in search of one without too large a hub.
const TRIES: usize = 100;

/// The graph that a network starts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Three neighbours each, chosen by chance, or as near to that as the number of nodes allows.
    Usual,
    /// Each node has as many neighbours, chosen by chance.
    Random {
        /// How many.
        degree: usize,
    },
    /// A ring.
    Circular,
    /// A few nodes have many neighbours.
    PowerLaw,
    /// Parts without links inside, and every link between two parts.
    Turan {
        /// How many parts.
        parts: usize,
    },
    /// Three neighbours each and the smallest mean distance that is known or found.
    Optimal,
    /// As a file says.
    File(PathBuf),
}

/// A graph whose nodes have numbers.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The number of each node, ascending.
    pub numbers: Vec<u16>,
    /// Who is linked to whom; node `i` has the number `numbers[i]`.
    pub graph: Graph,
}

impl Shape {
    /// The words that begin a shape.
    pub const NAMES: [&'static str; 6] = ["random", "circular", "powerlaw", "turan", "optimal", "graph"];

    /// Reads a shape as typed: `random 3`, `turan 4`, `graph FILE`; no words are the usual one, which is there for every number
    /// of nodes.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn parse(words: &[String]) -> Result<Shape, String> {
        let Some((name, rest)) = words.split_first() else {
            return Ok(Shape::Usual);
        };
        if let [_, extra, ..] = rest {
            return Err(format!("{extra:?} is one word too many after \"{name} {}\"", rest[0]));
        }
        let word = rest.first();
        let number = |meaning: &str, default: usize| match word {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("{name} takes {meaning}, a whole number, not {text:?}")),
        };
        let alone = |shape: Shape| match word {
            None => Ok(shape),
            Some(text) => Err(format!("{name} stands alone; {text:?} is one word too many (-n sets the nodes)")),
        };
        match name.as_str() {
            "random" => Ok(Shape::Random { degree: number("DEGREE", DEFAULT_DEGREE)? }),
            "turan" => Ok(Shape::Turan { parts: number("PARTS", DEFAULT_PARTS)? }),
            "circular" => alone(Shape::Circular),
            "powerlaw" => alone(Shape::PowerLaw),
            "optimal" => alone(Shape::Optimal),
            "graph" => {
                let file = word.ok_or("graph takes a FILE: a .dot as --plot writes it, or one link per line")?;
                Ok(Shape::File(PathBuf::from(file)))
            }
            _ => Err(format!("{name:?} is no shape; shapes are {}", Shape::NAMES.join(", "))),
        }
    }

    /// Draws the graph of `nodes` nodes, 16 when nobody says.
    ///
    /// # Errors
    /// When these numbers make no graph, with numbers that would.
    pub fn draw<R: Rng + ?Sized>(
        &self,
        nodes: Option<usize>,
        random: &mut R,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Drawing, LabError> {
        if let Shape::File(path) = self {
            return from_file(path, nodes);
        }
        let n = nodes.unwrap_or(DEFAULT_NODES);
        if n > MAX_NODES {
            return Err(LabError::Shape(too_many(n)));
        }
        let graph = match self {
            Shape::Usual => topology::random_nearly_cubic(n, random),
            Shape::Random { degree } => topology::random_regular(n, *degree, random),
            Shape::Circular => topology::circular(n),
            Shape::PowerLaw => draw_power_law(n, random),
            Shape::Turan { parts } => topology::turan(n, *parts),
            Shape::Optimal => topology::optimal(n, topology::DEFAULT_SEARCH_EFFORT, random, &mut |done| {
                // A fraction of 0 to 1; the cast only drops what a bar cannot show.
                progress(Progress::Drawn { per_mille: (done * 1000.0) as u64 });
            }),
            Shape::File(_) => return Err(LabError::Shape("a file has its own graph".to_owned())),
        };
        let graph = graph.map_err(|error| LabError::Shape(error.to_string()))?;
        let numbers = (1..=n).filter_map(|number| u16::try_from(number).ok()).collect();
        check_degrees(Drawing { numbers, graph })
    }

    /// Places for peers of a node that joins later.
    pub fn newcomer_places(&self) -> usize {
        match self {
            Shape::Random { degree } => (*degree).clamp(2, MAX_PEERS),
            Shape::Circular => 2,
            Shape::Usual | Shape::Optimal | Shape::PowerLaw | Shape::Turan { .. } | Shape::File(_) => NEWCOMER_PLACES,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Usual => f.write_str("random, up to 3 peers each"),
            Shape::Random { degree } => write!(f, "random {degree}"),
            Shape::Circular => f.write_str("circular"),
            Shape::PowerLaw => f.write_str("powerlaw"),
            Shape::Turan { parts } => write!(f, "turan {parts}"),
            Shape::Optimal => f.write_str("optimal"),
            Shape::File(path) => write!(f, "graph {}", path.display()),
        }
    }
}

impl Drawing {
    /// Number of a node and the numbers of its neighbours, node by node.
    pub fn neighbourhoods(&self) -> impl Iterator<Item = (u16, Vec<u16>)> + '_ {
        self.numbers.iter().enumerate().map(|(place, number)| {
            let neighbours = self.graph.neighbours(place).iter();
            (*number, neighbours.filter_map(|other| self.numbers.get(*other).copied()).collect())
        })
    }

    /// The numbers as labels of a picture or file.
    pub fn labels(&self) -> Vec<u64> {
        self.numbers.iter().map(|number| u64::from(*number)).collect()
    }
}

fn draw_power_law<R: Rng + ?Sized>(n: usize, random: &mut R) -> Result<Graph, topology::ShapeError> {
    let mut graph = topology::power_law(n, random)?;
    // A hub with more neighbours than a node may have is rare at these sizes: draw again rather than refuse.
    for _ in 0..TRIES {
        if largest_degree(&graph) <= MAX_PEERS {
            break;
        }
        graph = topology::power_law(n, random)?;
    }
    Ok(graph)
}

fn from_file(path: &PathBuf, nodes: Option<usize>) -> Result<Drawing, LabError> {
    let text = fs::read_to_string(path).map_err(LabError::system(format!("read {}", path.display())))?;
    let wrong = |reason: String| LabError::Shape(format!("{}: {reason}", path.display()));
    let file = topology::parse_graph(&text).map_err(|error| wrong(error.to_string()))?;
    let n = file.labels.len();
    if nodes.is_some_and(|nodes| nodes != n) {
        return Err(wrong(format!("it has {n} nodes; leave out -n, or say -n {n}")));
    }
    if n > MAX_NODES {
        return Err(wrong(too_many(n)));
    }
    let number = |label: &u64| {
        let fitting = u16::try_from(*label).ok();
        fitting.ok_or_else(|| wrong(format!("node {label} has no port; node numbers are 1 to {}", ports::MAX_NUMBER)))
    };
    let numbers = file.labels.iter().map(number).collect::<Result<_, _>>()?;
    check_degrees(Drawing { numbers, graph: file.graph })
}

fn too_many(n: usize) -> String {
    format!("{n} nodes are more than {MAX_NODES} processes; try {MAX_NODES}, or the simulator for larger networks")
}

fn largest_degree(graph: &Graph) -> usize {
    (0..graph.node_count()).map(|node| graph.degree(node)).max().unwrap_or(0)
}

fn check_degrees(drawing: Drawing) -> Result<Drawing, LabError> {
    match drawing.neighbourhoods().max_by_key(|(_, neighbours)| neighbours.len()) {
        Some((number, neighbours)) if neighbours.len() > MAX_PEERS => Err(LabError::Shape(format!(
            "node {number} would have {} peers; a node has at most {MAX_PEERS}: try fewer nodes or fewer links each",
            neighbours.len()
        ))),
        _ => Ok(drawing),
    }
}
