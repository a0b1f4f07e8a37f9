//! Who is whose neighbour.
//!
//! Every value needs n-1 transmissions at least, but an envelope carries many values: what costs is the number of links
//! times that of windows. So a star is cheapest, and its two hops leave most time for waiting. When a hub is lost for
//! long, the nodes find other neighbours by the overlay's own rules, in the places that `max_peers` leaves free.

/// A graph over the nodes in the order in which `init` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// All are neighbours of the first: fewest messages.
    Star,
    /// All are neighbours of the first two: nearly twice the messages, and no single node whose loss delays all.
    Hubs,
    /// A tree in which each node has up to five below it: no node has many neighbours.
    Tree,
}

/// Nodes below one in a tree: with 25 nodes the lowest are two links from the root.
const FANOUT: usize = 5;

/// Places that a node keeps free to replace what it loses.
const SPARE: usize = 2;

/// Most links of a hub: all that the node's settings allow.
const HUB_PLACES: usize = 64;

impl Shape {
    /// The neighbours of node `index` of `count`, at most [`HUB_PLACES`] of them.
    pub fn neighbours(self, index: usize, count: usize) -> Vec<usize> {
        let linked = |other: &usize| *other != index && self.links(index.min(*other), index.max(*other));
        (0..count).filter(linked).take(HUB_PLACES).collect()
    }

    fn links(self, lower: usize, upper: usize) -> bool {
        match self {
            Shape::Star => lower == 0,
            Shape::Hubs => lower < 2,
            Shape::Tree => (upper - 1) / FANOUT == lower,
        }
    }

    /// Whether a node gathers from all others, and so waits for what they send at the end of their windows.
    pub fn is_hub(self, index: usize) -> bool {
        match self {
            Shape::Star => index == 0,
            Shape::Hubs => index < 2,
            Shape::Tree => false,
        }
    }

    /// Most links that a node of so many neighbours may have.
    pub fn places(self, neighbours: usize) -> usize {
        (neighbours + SPARE).min(HUB_PLACES)
    }
}
