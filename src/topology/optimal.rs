//! Graphs of three neighbours per node with the shortest distances to be had.
//!
//! A few sizes come from a table. For the others the search first tries rings
//! with repeating chords (`lcf_search`), and anneals the best of those and of a
//! random graph (`annealing`). It ends when the Moore bound is reached,
//! beyond which no graph is better, or when the work it was given is spent.
//!
//! Work is counted and not timed, so the same numbers and the same generator
//! give the same graph, however busy the machine is. The result is not proven
//! to be the best unless it reaches
//! [`moore_mean_distance`](super::moore_mean_distance).

use rand::Rng;

use super::cubic::Cubic;
use super::search::Search;
use super::shapes::check_nodes;
use super::{Graph, ShapeError, annealing, lcf, lcf_search, random_regular};

/// A search effort that takes a few seconds in an optimised build.
pub const DEFAULT_SEARCH_EFFORT: u64 = 3_000;

/// Words of work per unit of effort, about a millisecond in an optimised build.
const WORK_PER_EFFORT: u64 = 350_000;

/// Up to this size every link is worth annealing; larger graphs are left to
/// the symmetric patterns where there are any.
const ANNEALED_NODES: usize = 200;

/// How many times the annealing starts again, each time with an equal part of
/// the work.
const ANNEALINGS: u64 = 4;

/// A graph of `n` nodes with three neighbours each and a mean distance as small
/// as the search finds.
///
/// `search_effort` bounds the work; a unit is about a millisecond in an
/// optimised build, see [`DEFAULT_SEARCH_EFFORT`]. Sizes of the table (16, 20,
/// 32, 64 and 256 nodes) need none. `progress` is called with rising numbers
/// from 0 to 1; 1 comes exactly once, at the end.
///
/// # Errors
/// When `n` is odd, below 4 or above [`MAX_NODES`](super::MAX_NODES).
pub fn optimal<R: Rng + ?Sized>(
    n: usize,
    search_effort: u64,
    rng: &mut R,
    progress: &mut dyn FnMut(f64),
) -> Result<Graph, ShapeError> {
    check_nodes("an optimal graph", n, 4)?;
    if n % 2 == 1 {
        return Err(ShapeError::OddCubic { nodes: n });
    }
    let graph = match lcf::known(n) {
        Some(pattern) => pattern.graph().to_graph(),
        None => {
            let work = search_effort.saturating_mul(WORK_PER_EFFORT);
            look(n, work, rng, progress)?
        }
    };
    progress(1.0);
    Ok(graph)
}

/// The search for a size that is not in the table.
fn look<R: Rng + ?Sized>(n: usize, work: u64, rng: &mut R, progress: &mut dyn FnMut(f64)) -> Result<Graph, ShapeError> {
    let drawn = random_regular(n, 3, rng)?;
    let Some(start) = Cubic::from_graph(&drawn) else {
        return Ok(drawn);
    };
    let mut search = Search::new(start, work, progress);
    let periods = lcf_search::periods(n);
    let annealed = search.can_weigh_any() && (n <= ANNEALED_NODES || periods.is_empty());
    if annealed {
        // Many a small size reaches the Moore bound right here.
        let share = search.left() / 8;
        annealing::anneal(&mut search, share, rng);
    }
    let for_patterns = search.left() / if annealed { 2 } else { 1 };
    let share = for_patterns / periods.len().max(1) as u64;
    for period in periods {
        if !search.is_over() {
            lcf_search::anneal(&mut search, period, share, rng);
        }
    }
    if annealed {
        let share = search.left() / ANNEALINGS;
        for _ in 0..ANNEALINGS {
            annealing::anneal(&mut search, share, rng);
        }
    }
    Ok(search.best().0.to_graph())
}
