//! Moves nodes until their distances on paper follow the given ones.
//!
//! One term after the other, in shuffled order, pulls its two nodes together or
//! pushes them apart, by less and less each round. That is gradient descent on
//! the stress of the layout (Zheng, Pawar and Goodman, "Graph Drawing by
//! Stochastic Gradient Descent", 2018), which rarely gets caught in a bad
//! layout. Places are in units of one link; `layout` scales them afterwards.
//!
//! Nothing here looks at crossings or overlaps; `tidy` does.

use super::super::scene::Point;
use super::shuffle::Shuffle;
use super::terms::Term;

/// How many rounds.
const ROUNDS: usize = 32;

/// The step of the last round, for a term of weight 1.
const LAST_STEP: f64 = 0.03;

/// Moves `places` towards the terms, which end up in another order.
pub(super) fn relax(places: &mut [Point], terms: &mut [Term], shuffle: &mut Shuffle) {
    let smallest = terms
        .iter()
        .flat_map(|term| [term.weight_a, term.weight_b])
        .filter(|&weight| weight > 0.0)
        .fold(f32::INFINITY, f32::min);
    if !smallest.is_finite() {
        return;
    }
    // The first step lets even the weakest term have its way.
    let first_step = 1.0 / f64::from(smallest);
    let decline = (LAST_STEP / first_step).powf(1.0 / (ROUNDS - 1) as f64);
    let mut step = first_step;
    for _ in 0..ROUNDS {
        shuffle.shuffle(terms);
        for term in &*terms {
            apply(places, term, step);
        }
        step *= decline;
    }
}

fn apply(places: &mut [Point], term: &Term, step: f64) {
    let (a, b) = (term.a as usize, term.b as usize);
    let between = places[a] - places[b];
    // Two nodes in one place have no direction; any will do.
    let length = between.length().max(1e-6);
    let excess = (length - f64::from(term.distance)) / 2.0;
    let correction = between * (excess / length);
    let share = |weight: f32| (f64::from(weight) * step).min(1.0);
    places[a] = places[a] - correction * share(term.weight_a);
    places[b] = places[b] + correction * share(term.weight_b);
}
