//! A search for rings with repeating chords that have short distances.
//!
//! For each period that divides the number of nodes it starts from a pattern
//! drawn by chance and anneals it: some chords are drawn again, and the change
//! is kept when distances shrink, or by chance when they grow a little. A
//! candidate costs as many searches as its period is long, however large the
//! graph is, which makes this the way for large graphs.
//!
//! It never looks at graphs without this symmetry; `annealing` does. What LCF
//! patterns are is explained in `lcf`, what they compete for in `optimal`.

use rand::{Rng, RngExt};

use super::lcf::Lcf;
use super::search::{Cooling, Search};

/// The longest period tried: as many searches as fit into a machine word.
const LONGEST_PERIOD: usize = 64;

/// Shorter periods give graphs that are long like a honeycomb.
const SHORTEST_PERIOD: usize = 3;

/// The temperature at the start, as a part of the smallest possible sum: one
/// chord drawn again moves all its copies around the ring. Found by trial.
const HOT: f64 = 1.0 / 400.0;

/// How many patterns are drawn before giving up on a connected one.
const DRAWS: usize = 50;

/// The periods that can give a good graph of `n` nodes, ascending.
pub(super) fn periods(n: usize) -> Vec<usize> {
    (SHORTEST_PERIOD..=LONGEST_PERIOD.min(n / 2)).filter(|&period| n.is_multiple_of(period)).collect()
}

/// Spends up to `work` of the search on patterns of one period.
pub(super) fn anneal<R: Rng + ?Sized>(search: &mut Search<'_>, period: usize, work: u64, rng: &mut R) {
    let n = search.node_count();
    let least = search.least(period);
    let cooling = Cooling::new(least as f64 * HOT, work, search);
    let Some((mut current, mut sum)) = first(search, period, rng) else {
        return;
    };
    while sum > least && !search.is_over() && !cooling.is_over(search) {
        let Some(changed) = change(&current, n, rng) else {
            search.waste();
            continue;
        };
        let limit = sum + cooling.tolerance(search, rng);
        if let Some(changed_sum) = search.weigh(&changed.graph(), period, limit) {
            (current, sum) = (changed, changed_sum);
        }
    }
}

/// A connected pattern drawn by chance and its sum of distances.
fn first<R: Rng + ?Sized>(search: &mut Search<'_>, period: usize, rng: &mut R) -> Option<(Lcf, u64)> {
    for _ in 0..DRAWS {
        if search.is_over() {
            return None;
        }
        let free: Vec<usize> = (0..period).collect();
        let Some(pattern) = draw(search.node_count(), vec![0; period], free, rng) else {
            search.waste();
            continue;
        };
        if let Some(sum) = search.weigh(&pattern.graph(), period, u64::MAX) {
            return Some((pattern, sum));
        }
    }
    None
}

/// The pattern with one or two of its chords drawn again.
fn change<R: Rng + ?Sized>(pattern: &Lcf, n: usize, rng: &mut R) -> Option<Lcf> {
    let period = pattern.period();
    let mut free = Vec::with_capacity(4);
    for _ in 0..rng.random_range(1..=2) {
        let class = rng.random_range(0..period);
        let partner = (class + pattern.offset(class)) % period;
        for end in [class, partner] {
            if !free.contains(&end) {
                free.push(end);
            }
        }
    }
    let offsets = (0..period).map(|class| pattern.offset(class)).collect();
    draw(n, offsets, free, rng)
}

/// Draws chords for the classes of nodes in `free`, leaving the others.
fn draw<R: Rng + ?Sized>(n: usize, mut offsets: Vec<usize>, mut free: Vec<usize>, rng: &mut R) -> Option<Lcf> {
    let period = offsets.len();
    let turns = n / period;
    while !free.is_empty() {
        let class = free.swap_remove(rng.random_range(0..free.len()));
        // A class linked to itself must lead to the opposite node.
        let alone_fits = (n / 2).is_multiple_of(period);
        let choices = free.len() + usize::from(alone_fits);
        if choices == 0 {
            return None;
        }
        let choice = rng.random_range(0..choices);
        if choice == free.len() {
            offsets[class] = n / 2;
            continue;
        }
        let partner = free.swap_remove(choice);
        let offset = (partner + n - class) % period + period * rng.random_range(0..turns);
        offsets[class] = offset;
        offsets[partner] = n - offset;
    }
    Lcf::new(n, offsets)
}
