//! How far apart nodes are, counted in links along a shortest path.
//!
//! Everything is breadth-first search. For all pairs at once, 256 searches
//! run side by side, one bit each; that pays as long as the graph is not very
//! long, so rings and chains fall back to one search per node.
//!
//! Nothing here changes a graph. A graph that is not connected has no finite
//! distances; the functions say so instead of leaving the pair out.
//!
//! The search for good cubic graphs measures millions of candidates and has a
//! measure of its own in `cubic`.

use std::collections::VecDeque;

use rand::Rng;

use super::Graph;

/// Searches that run side by side: four machine words of one bit each.
const WORDS: usize = 4;

/// Up to this many steps, searching side by side beats one search per node.
const SIDE_BY_SIDE_STEPS: usize = 100;

/// Distance of a node that was not reached.
const UNREACHED: usize = usize::MAX;

/// Mean and greatest distance of a graph, from one pass over all pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distances {
    /// Mean over all ordered pairs of two nodes; infinite when the graph is
    /// not connected, 0 for fewer than two nodes.
    pub mean: f64,
    /// Greatest distance of a pair; `usize::MAX` when the graph is not
    /// connected.
    pub diameter: usize,
}

impl Graph {
    /// Whether every node can be reached from every other; true for graphs of
    /// no nodes and of one.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.node_count() < 2 || !self.distances_from(0).contains(&UNREACHED)
    }

    /// The distance of every node from `source`; `usize::MAX` marks those that
    /// cannot be reached.
    ///
    /// # Panics
    /// When `source` is not a node of the graph.
    #[must_use]
    pub fn distances_from(&self, source: usize) -> Vec<usize> {
        let mut distances = vec![UNREACHED; self.node_count()];
        let mut queue = VecDeque::from([source]);
        distances[source] = 0;
        while let Some(node) = queue.pop_front() {
            for &neighbour in self.neighbours(node) {
                if distances[neighbour] == UNREACHED {
                    distances[neighbour] = distances[node] + 1;
                    queue.push_back(neighbour);
                }
            }
        }
        distances
    }

    /// The connected parts, each with its nodes ascending, ordered by their
    /// smallest node.
    #[must_use]
    pub fn components(&self) -> Vec<Vec<usize>> {
        let mut part_of = vec![UNREACHED; self.node_count()];
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for start in 0..self.node_count() {
            if part_of[start] != UNREACHED {
                continue;
            }
            let part = parts.len();
            let mut members = vec![start];
            part_of[start] = part;
            let mut at = 0;
            while let Some(&node) = members.get(at) {
                at += 1;
                for &neighbour in self.neighbours(node) {
                    if part_of[neighbour] == UNREACHED {
                        part_of[neighbour] = part;
                        members.push(neighbour);
                    }
                }
            }
            members.sort_unstable();
            parts.push(members);
        }
        parts
    }

    /// Mean and greatest distance over all ordered pairs of two nodes.
    #[must_use]
    pub fn distances(&self) -> Distances {
        let n = self.node_count();
        if n < 2 {
            return Distances { mean: 0.0, diameter: 0 };
        }
        let Some(reach) = farthest(&self.distances_from(0)) else {
            return Distances { mean: f64::INFINITY, diameter: usize::MAX };
        };
        // No two nodes are farther apart than twice the reach of any one.
        let (sum, diameter) = if reach.saturating_mul(2) <= SIDE_BY_SIDE_STEPS {
            let all: Vec<usize> = (0..n).collect();
            all.chunks(WORDS * 64).map(|some| self.side_by_side(some)).fold((0, 0), add_up)
        } else {
            (0..n).map(|node| self.one_search(node)).fold((0, 0), add_up)
        };
        Distances { mean: mean_of(sum, n, n), diameter }
    }

    /// Mean distance over all ordered pairs of two nodes; infinite when the
    /// graph is not connected, 0 for fewer than two nodes.
    #[must_use]
    pub fn mean_distance(&self) -> f64 {
        self.distances().mean
    }

    /// Greatest distance of a pair; `usize::MAX` when the graph is not
    /// connected, 0 for fewer than two nodes.
    #[must_use]
    pub fn diameter(&self) -> usize {
        self.distances().diameter
    }

    /// An estimate of [`Graph::mean_distance`] from `sources` nodes chosen by
    /// chance (all of them when there are fewer; at least one).
    #[must_use]
    pub fn mean_distance_sampled<R: Rng + ?Sized>(&self, sources: usize, rng: &mut R) -> f64 {
        let n = self.node_count();
        if n < 2 {
            return 0.0;
        }
        let sources = sources.clamp(1, n);
        let chosen = rand::seq::index::sample(rng, n, sources).into_vec();
        let Some(reach) = farthest(&self.distances_from(chosen[0])) else { return f64::INFINITY };
        let sum: u64 = if reach.saturating_mul(2) <= SIDE_BY_SIDE_STEPS {
            chosen.chunks(WORDS * 64).map(|some| self.side_by_side(some).0).sum()
        } else {
            chosen.iter().map(|source| self.one_search(*source).0).sum()
        };
        mean_of(sum, sources, n)
    }

    /// Sum and maximum of the distances from one node of a connected graph.
    fn one_search(&self, source: usize) -> (u64, usize) {
        let distances = self.distances_from(source);
        let sum = distances.iter().map(|&d| d as u64).sum();
        (sum, distances.into_iter().max().unwrap_or(0))
    }

    /// Sum and maximum of the distances from up to 256 nodes of a connected
    /// graph.
    ///
    /// Bit `s` of a node's row says that search `s` has reached it; one round
    /// ORs every row with those of its neighbours.
    fn side_by_side(&self, sources: &[usize]) -> (u64, usize) {
        let n = self.node_count();
        let mut reached = vec![[0u64; WORDS]; n];
        for (search, source) in sources.iter().enumerate() {
            reached[*source][search / 64] |= 1 << (search % 64);
        }
        let mut next = reached.clone();
        let (mut sum, mut round) = (0u64, 0usize);
        loop {
            let mut newly_reached = 0u64;
            for (node, row) in next.iter_mut().enumerate() {
                let mut merged = reached[node];
                for &neighbour in self.neighbours(node) {
                    for (word, other) in merged.iter_mut().zip(&reached[neighbour]) {
                        *word |= other;
                    }
                }
                for (word, before) in merged.iter().zip(&reached[node]) {
                    newly_reached += u64::from((word ^ before).count_ones());
                }
                *row = merged;
            }
            if newly_reached == 0 {
                return (sum, round);
            }
            round += 1;
            sum += round as u64 * newly_reached;
            std::mem::swap(&mut reached, &mut next);
        }
    }
}

/// The smallest mean distance that a graph of `n` nodes with at most `degree`
/// neighbours each can have (the Moore bound): from any node at most `degree`
/// nodes are at distance 1, `degree * (degree - 1)` at distance 2 and so on.
///
/// 0 for fewer than two nodes; infinite where no such graph is connected.
#[must_use]
pub fn moore_mean_distance(n: usize, degree: usize) -> f64 {
    if n < 2 {
        return 0.0;
    }
    moore_sum(n, degree).map_or(f64::INFINITY, |sum| mean_of(sum, 1, n))
}

/// The smallest possible sum of the distances from one node; `None` where the
/// nodes cannot all be reached.
pub(super) fn moore_sum(n: usize, degree: usize) -> Option<u64> {
    let mut left = n.saturating_sub(1) as u64;
    let mut layer = degree as u64;
    let (mut sum, mut distance) = (0u64, 1u64);
    while left > 0 {
        let here = layer.min(left);
        // Degree 1 has no second layer.
        if here == 0 {
            return None;
        }
        // With degree 2 the sum grows with the square of n, which is bounded
        // well below 2^64 for any graph that fits in memory.
        sum = sum.saturating_add(here.saturating_mul(distance));
        left -= here;
        distance += 1;
        layer = layer.saturating_mul(degree as u64 - 1);
    }
    Some(sum)
}

/// The greatest distance, or `None` when some node was not reached.
fn farthest(distances: &[usize]) -> Option<usize> {
    let most = distances.iter().copied().max().unwrap_or(0);
    (most != UNREACHED).then_some(most)
}

fn add_up((sum, most): (u64, usize), (more, far): (u64, usize)) -> (u64, usize) {
    (sum + more, most.max(far))
}

/// The mean of distances from `sources` nodes to the `n - 1` others each.
fn mean_of(sum: u64, sources: usize, n: usize) -> f64 {
    sum as f64 / (sources as f64 * (n - 1) as f64)
}
