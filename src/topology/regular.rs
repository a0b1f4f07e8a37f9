//! Random graphs in which every node has the same number of neighbours.
//!
//! Each node gets as many loose ends as it shall have neighbours; the ends are
//! shuffled and tied two by two (the pairing model). The few ties that would
//! link a node to itself, or a pair twice, are exchanged with ties chosen by
//! chance, so the result is nearly, not exactly, uniform over all such graphs.
//! More than half of all possible neighbours is drawn as the complement of a
//! sparse graph. Degree 2 is a ring in shuffled order.
//!
//! A graph that comes out in pieces is thrown away and drawn again. Nothing is
//! optimised here; that is the business of `optimal`.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::shapes::{check_edges, check_nodes};
use super::{Graph, ShapeError};

/// How many graphs are drawn before giving up on a connected one.
const TRIES: usize = 200;

/// How many exchanges are tried for one bad tie before drawing from new.
const EXCHANGES: usize = 10_000;

/// A random connected graph of `n` nodes with exactly `degree` neighbours each.
///
/// # Errors
/// When `n` is below 2 or above [`MAX_NODES`](super::MAX_NODES), `degree` is
/// below 2 (degree 1 works for two nodes) or not below `n`, `n * degree` is
/// odd, or there would be more than [`MAX_EDGES`](super::MAX_EDGES) links.
pub fn random_regular<R: Rng + ?Sized>(n: usize, degree: usize, rng: &mut R) -> Result<Graph, ShapeError> {
    check(n, degree)?;
    if degree == 2 {
        return Ok(shuffled_ring(n, rng));
    }
    let dense = degree > (n - 1) / 2;
    for _ in 0..TRIES {
        let drawn =
            if dense { draw(n, n - 1 - degree, rng).map(|missing| missing.complement()) } else { draw(n, degree, rng) };
        if let Some(graph) = drawn.filter(Graph::is_connected) {
            return Ok(graph);
        }
    }
    Err(ShapeError::NotConnected { nodes: n, degree, tries: TRIES })
}

/// A random connected graph of `n` nodes with three neighbours each, or as near to it as `n` allows: up to four nodes are all
/// linked with each other, and of an odd number one node has two neighbours.
///
/// # Errors
/// When `n` is below 2 or above [`MAX_NODES`](super::MAX_NODES).
pub fn random_nearly_cubic<R: Rng + ?Sized>(n: usize, rng: &mut R) -> Result<Graph, ShapeError> {
    check_nodes("a random graph", n, 2)?;
    if n <= 4 || n.is_multiple_of(2) {
        return random_regular(n, 3.min(n - 1), rng);
    }
    // The odd one takes its place in the middle of a link, so that nobody gets a neighbour more.
    let even = random_regular(n - 1, 3, rng)?;
    let mut edges: Vec<(usize, usize)> = even.edges().collect();
    let (a, b) = edges.swap_remove(rng.random_range(0..edges.len()));
    edges.extend([(a, n - 1), (n - 1, b)]);
    Ok(Graph::from_edges(n, edges))
}

/// Refuses numbers for which no connected regular graph exists.
fn check(nodes: usize, degree: usize) -> Result<(), ShapeError> {
    let fitting = degree.saturating_add(1).clamp(2, super::MAX_NODES);
    if nodes < 2 {
        check_nodes("a regular graph", nodes, fitting)?;
    }
    check_nodes("a regular graph", nodes, 2)?;
    let least = (nodes - 1).min(2);
    if degree < least {
        return Err(ShapeError::DegreeTooLow { nodes, degree, least });
    }
    if degree >= nodes {
        return Err(ShapeError::DegreeTooHigh { nodes, degree });
    }
    if nodes % 2 == 1 && degree % 2 == 1 {
        return Err(ShapeError::OddProduct { nodes, degree });
    }
    check_edges(nodes, nodes as u64 * degree as u64 / 2)
}

/// A ring through all nodes in an order chosen by chance: every connected
/// graph of degree 2 is one, and each is equally likely.
fn shuffled_ring<R: Rng + ?Sized>(n: usize, rng: &mut R) -> Graph {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    Graph::from_edges(n, (0..n).map(|i| (order[i], order[(i + 1) % n])))
}

/// One draw of the pairing model; `degree` is at most half of `n - 1`.
///
/// `None` when a bad tie could not be exchanged, which happens only in very
/// small graphs.
fn draw<R: Rng + ?Sized>(n: usize, degree: usize, rng: &mut R) -> Option<Graph> {
    let mut ends: Vec<usize> = (0..n).flat_map(|a| std::iter::repeat_n(a, degree)).collect();
    ends.shuffle(rng);
    let mut graph = Graph::new(n);
    let mut good = Vec::with_capacity(ends.len() / 2);
    let mut bad = Vec::new();
    for tie in ends.chunks_exact(2) {
        let (a, b) = (tie[0], tie[1]);
        if graph.add_edge(a, b) {
            good.push((a, b));
        } else {
            bad.push((a, b));
        }
    }
    for tie in bad {
        exchange(&mut graph, &mut good, tie, rng)?;
    }
    Some(graph)
}

/// Ties the loose ends `a` and `b` to the two ends of a good tie that is
/// untied for it.
fn exchange<R: Rng + ?Sized>(
    graph: &mut Graph,
    good: &mut Vec<(usize, usize)>,
    (a, b): (usize, usize),
    rng: &mut R,
) -> Option<()> {
    if good.is_empty() {
        return None;
    }
    for _ in 0..EXCHANGES {
        let at = rng.random_range(0..good.len());
        let (c, d) = match (good[at], rng.random()) {
            ((c, d), true) => (c, d),
            ((c, d), false) => (d, c),
        };
        // All four ends must differ, except that `a` and `b` may be one node.
        let apart = a != c && a != d && b != c && b != d;
        if apart && !graph.has_edge(a, c) && !graph.has_edge(b, d) {
            graph.remove_edge(c, d);
            graph.add_edge(a, c);
            graph.add_edge(b, d);
            good[at] = (a, c);
            good.push((b, d));
            return Some(());
        }
    }
    None
}
