//! The graph itself: nodes `0..n` and, for each, its neighbours in order.
//!
//! Undirected and simple: a pair of nodes has one link or none, and no node is
//! linked to itself. Neighbours are kept sorted, so that walking a graph, and
//! with it everything derived from one, gives the same order every time.
//!
//! This file holds structure only. Distances are in `distance`, the ways to
//! make a graph are in the generator files, reading and writing in
//! `graph_file`.

/// A simple undirected graph on the nodes `0..node_count()`.
///
/// Node arguments index like a slice: one that is out of range panics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    adjacency: Vec<Vec<usize>>,
    edge_count: usize,
}

impl Graph {
    /// A graph of `n` nodes and no links.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { adjacency: vec![Vec::new(); n], edge_count: 0 }
    }

    /// A graph of `n` nodes with the given links; repeats and links of a node
    /// to itself are left out. Faster than [`Graph::add_edge`] where one node
    /// has very many links.
    ///
    /// # Panics
    /// When a link names a node that is not in `0..n`.
    #[must_use]
    pub fn from_edges(n: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut adjacency = vec![Vec::new(); n];
        for (a, b) in edges {
            if a != b {
                adjacency[a].push(b);
                adjacency[b].push(a);
            }
        }
        let mut ends = 0;
        for neighbours in &mut adjacency {
            neighbours.sort_unstable();
            neighbours.dedup();
            ends += neighbours.len();
        }
        Self { adjacency, edge_count: ends / 2 }
    }

    /// Links `a` and `b`. Returns whether the link is new: `false` when it was
    /// there already, or when `a` and `b` are the same node.
    pub fn add_edge(&mut self, a: usize, b: usize) -> bool {
        if a == b {
            return false;
        }
        let Err(at_a) = self.adjacency[a].binary_search(&b) else {
            return false;
        };
        if let Err(at_b) = self.adjacency[b].binary_search(&a) {
            self.adjacency[b].insert(at_b, a);
        }
        self.adjacency[a].insert(at_a, b);
        self.edge_count += 1;
        true
    }

    /// Removes the link between `a` and `b`. Returns whether there was one.
    pub fn remove_edge(&mut self, a: usize, b: usize) -> bool {
        let Ok(at_a) = self.adjacency[a].binary_search(&b) else {
            return false;
        };
        if let Ok(at_b) = self.adjacency[b].binary_search(&a) {
            self.adjacency[b].remove(at_b);
        }
        self.adjacency[a].remove(at_a);
        self.edge_count -= 1;
        true
    }

    /// Whether `a` and `b` are linked.
    #[must_use]
    pub fn has_edge(&self, a: usize, b: usize) -> bool {
        self.adjacency[a].binary_search(&b).is_ok()
    }

    /// Every link once, as `(smaller, larger)`, in ascending order.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.adjacency.iter().enumerate().flat_map(|(a, list)| {
            let first = list.partition_point(|&b| b <= a);
            list[first..].iter().map(move |&b| (a, b))
        })
    }

    /// The neighbours of `node`, ascending.
    #[must_use]
    pub fn neighbours(&self, node: usize) -> &[usize] {
        &self.adjacency[node]
    }

    /// How many neighbours `node` has.
    #[must_use]
    pub fn degree(&self, node: usize) -> usize {
        self.adjacency[node].len()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.adjacency.len()
    }

    /// How many links there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edge_count
    }

    /// The graph that has exactly the links this one lacks.
    pub(super) fn complement(&self) -> Self {
        let n = self.node_count();
        let adjacency: Vec<Vec<usize>> = (0..n)
            .map(|a| {
                let mut linked = self.adjacency[a].iter().copied().peekable();
                (0..n).filter(|&b| b != a && linked.next_if_eq(&b).is_none()).collect()
            })
            .collect();
        Self { edge_count: n * n.saturating_sub(1) / 2 - self.edge_count, adjacency }
    }
}
