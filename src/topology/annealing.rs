//! Simulated annealing of a cubic graph towards short distances.
//!
//! The one move takes two links, a-b and c-d, and puts a-c and b-d in their
//! place: every node keeps its three neighbours. A move that makes distances
//! shorter is kept; one that makes them longer is kept by chance, ever more
//! rarely as the search cools down. Graphs that fall apart are never kept.
//!
//! The end is counted in work, never in time, so the same start and the same
//! chance give the same graph. Look next at `search` for the counting.

use rand::{Rng, RngExt};

use super::cubic::Cubic;
use super::search::{Cooling, Search};

/// The temperature at the start. A switch changes the sum of all distances by
/// some tens, in small graphs as in large ones; found by trial.
const HOT: f64 = 35.0;

/// Spends up to `work` on improving the best graph of the search.
pub(super) fn anneal<R: Rng + ?Sized>(search: &mut Search<'_>, work: u64, rng: &mut R) {
    let n = search.node_count();
    let cooling = Cooling::new(HOT, work, search);
    let (best, mut sum) = search.best();
    let mut current = best.clone();
    while !search.is_over() && !cooling.is_over(search) {
        let Some([a, b, c, d]) = choose_switch(&current, rng) else {
            search.waste();
            continue;
        };
        current.switch(a, b, c, d);
        let limit = sum.saturating_add(cooling.tolerance(search, rng));
        match search.weigh(&current, n, limit) {
            Some(changed) => sum = changed,
            None => current.switch(a, c, b, d),
        }
    }
}

/// Two links by chance that may be switched, as `[a, b, c, d]`.
fn choose_switch<R: Rng + ?Sized>(graph: &Cubic, rng: &mut R) -> Option<[usize; 4]> {
    let n = graph.node_count();
    let a = rng.random_range(0..n);
    let b = graph.neighbour(a, rng.random_range(0..3));
    let c = rng.random_range(0..n);
    let d = graph.neighbour(c, rng.random_range(0..3));
    let apart = a != c && a != d && b != c && b != d;
    let fits = apart && !graph.has_edge(a, c) && !graph.has_edge(b, d);
    fits.then_some([a, b, c, d])
}
