//! The shapes that follow from their definition: ring, power law, Turan.
//!
//! Each is connected by construction, so none of them draws again. What is
//! wrong with the numbers is said by a `ShapeError`.
//!
//! Look at `regular` for graphs whose nodes all have the same number of
//! neighbours by chance, and at `optimal` for short distances.

use rand::{Rng, RngExt};

use super::{Graph, MAX_EDGES, MAX_NODES, ShapeError};

/// How many existing nodes a new node of a power-law graph links to.
const LINKS_PER_NEW_NODE: usize = 2;

/// A ring of `n` nodes; two nodes have a single link.
///
/// # Errors
/// When `n` is below 2 or above [`MAX_NODES`].
pub fn circular(n: usize) -> Result<Graph, ShapeError> {
    check_nodes("a ring", n, 2)?;
    Ok(Graph::from_edges(n, (0..n).map(|a| (a, (a + 1) % n))))
}

/// A graph with a few nodes of very many neighbours: nodes join one by one and
/// link to two others, each chosen in proportion to the links it already has
/// (preferential attachment after Barabasi and Albert, from a triangle).
///
/// # Errors
/// When `n` is below 2 or above [`MAX_NODES`].
pub fn power_law<R: Rng + ?Sized>(n: usize, rng: &mut R) -> Result<Graph, ShapeError> {
    check_nodes("a power-law graph", n, 2)?;
    let core = n.min(LINKS_PER_NEW_NODE + 1);
    let mut edges: Vec<(usize, usize)> = (0..core).flat_map(|a| (a + 1..core).map(move |b| (a, b))).collect();
    edges.reserve(LINKS_PER_NEW_NODE * (n - core));
    for newcomer in core..n {
        // The end of a link chosen by chance is a node chosen in proportion to
        // its links. Links of the newcomer itself are not among them.
        let existing = edges.len();
        while edges.len() < existing + LINKS_PER_NEW_NODE {
            let (a, b) = edges[rng.random_range(0..existing)];
            let chosen = if rng.random() { a } else { b };
            if !edges[existing..].contains(&(chosen, newcomer)) {
                edges.push((chosen, newcomer));
            }
        }
    }
    Ok(Graph::from_edges(n, edges))
}

/// The Turan graph: `n` nodes in `parts` parts of nearly equal size, with a
/// link between two nodes exactly when they are in different parts.
///
/// # Errors
/// When `n` is below 2 or above [`MAX_NODES`], `parts` is not in `2..=n`, or
/// there would be more than [`MAX_EDGES`] links.
pub fn turan(n: usize, parts: usize) -> Result<Graph, ShapeError> {
    check_nodes("a Turan graph", n, 2)?;
    if !(2..=n).contains(&parts) {
        return Err(ShapeError::Parts { nodes: n, parts });
    }
    let (size, larger) = ((n / parts) as u64, (n % parts) as u64);
    let smaller = parts as u64 - larger;
    let inside = larger * (size + 1) * size / 2 + smaller * size * size.saturating_sub(1) / 2;
    check_edges(n, pairs(n) - inside)?;
    let edges = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    Ok(Graph::from_edges(n, edges.filter(|(a, b)| a % parts != b % parts)))
}

/// How many pairs `n` nodes form.
fn pairs(n: usize) -> u64 {
    n as u64 * (n as u64).saturating_sub(1) / 2
}

/// Refuses a number of nodes outside `least..=MAX_NODES`.
pub(super) fn check_nodes(shape: &'static str, nodes: usize, least: usize) -> Result<(), ShapeError> {
    if nodes > MAX_NODES {
        Err(ShapeError::TooManyNodes { nodes })
    } else if nodes < least {
        Err(ShapeError::TooFewNodes { shape, nodes, least })
    } else {
        Ok(())
    }
}

/// Refuses more than [`MAX_EDGES`] links.
pub(super) fn check_edges(nodes: usize, edges: u64) -> Result<(), ShapeError> {
    if edges > MAX_EDGES as u64 { Err(ShapeError::TooManyEdges { nodes, edges }) } else { Ok(()) }
}
