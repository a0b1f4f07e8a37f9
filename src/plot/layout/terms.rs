//! What a layout should come close to: pairs of nodes and their distances.
//!
//! Up to a thousand nodes every pair is a term. Beyond that there are the
//! links and, for each of some pivot nodes, its distance from all others; a
//! pivot stands for the nodes around it (after Ortmann, Klimenta and Brandes,
//! "A Sparse Stress Model", 2016).
//!
//! Parts that are not connected are kept apart by a made-up distance. How the
//! terms are met is the business of `stress`.

use std::collections::VecDeque;

/// Up to this many nodes every pair is a term.
const ALL_PAIRS_NODES: usize = 1_000;

/// How many nodes are pivots.
const PIVOTS: usize = 100;

const UNREACHED: u32 = u32::MAX;

/// A wish: `a` and `b` should be `distance` apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) distance: f32,
    /// How much it matters to `a`; 0 when `a` is not to move for it.
    pub(super) weight_a: f32,
    /// How much it matters to `b`.
    pub(super) weight_b: f32,
}

/// The terms for `n` nodes; `edges` are pairs of different nodes below `n`.
pub(super) fn terms(n: usize, edges: &[(usize, usize)]) -> Vec<Term> {
    let mut adjacency = vec![Vec::new(); n];
    for &(a, b) in edges {
        adjacency[a].push(b);
        adjacency[b].push(a);
    }
    if n <= ALL_PAIRS_NODES { all_pairs(&adjacency) } else { with_pivots(&adjacency, edges) }
}

fn all_pairs(adjacency: &[Vec<usize>]) -> Vec<Term> {
    let n = adjacency.len();
    let mut rows: Vec<Vec<u32>> = (0..n).map(|node| search(adjacency, node)).collect();
    bridge(&mut rows);
    let mut terms = Vec::with_capacity(n * n / 2);
    for (a, row) in rows.iter().enumerate() {
        for (b, &distance) in row.iter().enumerate().skip(a + 1) {
            let distance = distance as f32;
            let weight = 1.0 / (distance * distance);
            terms.push(Term { a: a as u32, b: b as u32, distance, weight_a: weight, weight_b: weight });
        }
    }
    terms
}

fn with_pivots(adjacency: &[Vec<usize>], edges: &[(usize, usize)]) -> Vec<Term> {
    let n = adjacency.len();
    let (pivots, mut rows) = choose_pivots(adjacency);
    bridge(&mut rows);
    // Each node belongs to the pivot it is closest to.
    let mut regions: Vec<Vec<u32>> = vec![Vec::new(); pivots.len()];
    for node in 0..n {
        let far = rows.iter().map(|row| row[node]).zip(0usize..);
        if let Some((distance, pivot)) = far.min() {
            regions[pivot].push(distance);
        }
    }
    let mut terms: Vec<Term> = edges
        .iter()
        .map(|&(a, b)| Term { a: a as u32, b: b as u32, distance: 1.0, weight_a: 1.0, weight_b: 1.0 })
        .collect();
    for ((&pivot, row), region) in pivots.iter().zip(&rows).zip(&mut regions) {
        region.sort_unstable();
        for (node, &distance) in row.iter().enumerate() {
            if distance < 2 {
                continue;
            }
            // The pivot speaks for those of its nodes that are nearer to it
            // than to the node in question.
            let spoken_for = region.partition_point(|&far| far <= distance / 2);
            let distance = distance as f32;
            terms.push(Term {
                a: node as u32,
                b: pivot as u32,
                distance,
                weight_a: spoken_for as f32 / (distance * distance),
                weight_b: 0.0,
            });
        }
    }
    terms
}

/// Pivots spread over the graph, each as far as possible from those before it,
/// and the distances of all nodes from them.
fn choose_pivots(adjacency: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<u32>>) {
    let n = adjacency.len();
    let mut nearest = vec![UNREACHED; n];
    let (mut pivots, mut rows) = (Vec::new(), Vec::new());
    let mut next = 0;
    while pivots.len() < PIVOTS.min(n) {
        let row = search(adjacency, next);
        for (least, &distance) in nearest.iter_mut().zip(&row) {
            *least = distance.min(*least);
        }
        pivots.push(next);
        rows.push(row);
        next = (0..n).max_by_key(|&node| nearest[node]).unwrap_or(0);
    }
    (pivots, rows)
}

/// The distances of all nodes from `source`.
fn search(adjacency: &[Vec<usize>], source: usize) -> Vec<u32> {
    let mut distances = vec![UNREACHED; adjacency.len()];
    let mut queue = VecDeque::from([source]);
    distances[source] = 0;
    while let Some(node) = queue.pop_front() {
        for &neighbour in &adjacency[node] {
            if distances[neighbour] == UNREACHED {
                distances[neighbour] = distances[node] + 1;
                queue.push_back(neighbour);
            }
        }
    }
    distances
}

/// Gives pairs in different parts a distance a little above the greatest one
/// inside a part.
fn bridge(rows: &mut [Vec<u32>]) {
    let reached = rows.iter().flatten().filter(|&&far| far != UNREACHED);
    let greatest = reached.copied().max().unwrap_or(0);
    let apart = greatest + 2;
    for distance in rows.iter_mut().flatten() {
        *distance = apart.min(*distance);
    }
}
