//! What the searches for short distances share: the best graph so far, the
//! work that is left, and the falling temperature of an annealing.
//!
//! Every candidate passes through [`Search::weigh`], which measures it, counts
//! the work, tells the caller how far the search is, and keeps the graph when
//! it is the best yet. No clock is read.
//!
//! Which candidates there are is decided in `annealing` and `lcf_search`, and
//! who gets how much of the work in `optimal`.

use rand::{Rng, RngExt};

use super::cubic::{Cubic, Gauge};

/// What a candidate costs besides adding up its distances, in words of work
/// per node and in all.
const OVERHEAD_PER_NODE: u64 = 1;
const OVERHEAD: u64 = 50;

/// How many times colder the end of an annealing is than its start.
const COOLING_FACTOR: f64 = 40.0;

/// From how many nodes the distances of a very large graph are estimated.
const SAMPLE: usize = 64;

/// Telling each half percent is often enough for any display.
const PROGRESS_STEP: f64 = 0.005;

/// A search among the cubic graphs of one size.
pub(super) struct Search<'p> {
    gauge: Gauge,
    best: Cubic,
    /// The sum of the distances of `best` over all ordered pairs.
    best_sum: u64,
    work: u64,
    spent: u64,
    told: f64,
    progress: &'p mut dyn FnMut(f64),
}

impl<'p> Search<'p> {
    /// A search that may do `work` and has met `start`. Where weighing `start`
    /// would alone take more than all of the work, its distances are estimated
    /// from a few nodes.
    pub(super) fn new(start: Cubic, work: u64, progress: &'p mut dyn FnMut(f64)) -> Self {
        let n = start.node_count();
        progress(0.0);
        let mut search =
            Self { gauge: Gauge::new(n), best: start.clone(), best_sum: u64::MAX, work, spent: 0, told: 0.0, progress };
        if whole_cost(n) <= work {
            search.weigh(&start, n, u64::MAX);
        } else if let Some(sum) = search.gauge.sum(&start, n.min(SAMPLE), u64::MAX) {
            search.spend(search.gauge.work());
            search.best_sum = (sum as f64 / n.min(SAMPLE) as f64 * n as f64) as u64;
        }
        search
    }

    /// Whether graphs without symmetry can be weighed with the work given.
    pub(super) fn can_weigh_any(&self) -> bool {
        whole_cost(self.node_count()) <= self.work
    }

    pub(super) fn node_count(&self) -> usize {
        self.best.node_count()
    }

    /// The best graph so far and the sum of its distances.
    pub(super) fn best(&self) -> (&Cubic, u64) {
        (&self.best, self.best_sum)
    }

    /// The smallest sum that the distances from `sources` nodes can have.
    pub(super) fn least(&self, sources: usize) -> u64 {
        self.gauge.least(sources)
    }

    /// Whether the work is spent or no graph can be better than the best.
    pub(super) fn is_over(&self) -> bool {
        self.spent >= self.work || self.best_sum <= self.least(self.node_count())
    }

    /// The work that may still be done.
    pub(super) fn left(&self) -> u64 {
        self.work.saturating_sub(self.spent)
    }

    /// The sum of the distances from the first `sources` nodes; `None` when it
    /// is above `limit` or the graph is not connected.
    ///
    /// `sources` divides the number of nodes, and the graph must look the same
    /// from each further block of that many nodes.
    pub(super) fn weigh(&mut self, graph: &Cubic, sources: usize, limit: u64) -> Option<u64> {
        let sum = self.gauge.sum(graph, sources, limit);
        let n = self.node_count() as u64;
        self.spend(self.gauge.work() + OVERHEAD + OVERHEAD_PER_NODE * n);
        let whole = sum? * (n / sources as u64);
        if whole < self.best_sum {
            self.best_sum = whole;
            self.best.clone_from(graph);
        }
        sum
    }

    /// Counts work, for a candidate that did not come to be weighed.
    pub(super) fn waste(&mut self) {
        self.spend(OVERHEAD);
    }

    fn spend(&mut self, work: u64) {
        self.spent = self.spent.saturating_add(work);
        let done = self.spent as f64 / self.work.max(1) as f64;
        if done >= self.told + PROGRESS_STEP && done < 1.0 {
            self.told = done;
            (self.progress)(done);
        }
    }
}

/// About the work it takes to weigh a graph of `n` nodes without symmetry: the
/// bits of all searches in words, for as many rounds as a random graph is long.
fn whole_cost(n: usize) -> u64 {
    let rounds = u64::from(n.ilog2()) + 3;
    (n as u64).pow(2) / 64 * rounds
}

/// The temperature of an annealing, falling with the work done.
#[derive(Debug)]
pub(super) struct Cooling {
    hot: f64,
    from: u64,
    work: u64,
}

impl Cooling {
    /// A cooling over the next `work` of the search; it starts at temperature
    /// `hot`, in units of the sum that is made smaller.
    pub(super) fn new(hot: f64, work: u64, search: &Search<'_>) -> Self {
        Self { hot, from: search.spent, work }
    }

    pub(super) fn is_over(&self, search: &Search<'_>) -> bool {
        search.spent - self.from >= self.work
    }

    /// By how much a sum may grow now; drawn anew at each call.
    pub(super) fn tolerance<R: Rng + ?Sized>(&self, search: &Search<'_>, rng: &mut R) -> u64 {
        let done = (search.spent - self.from) as f64 / self.work.max(1) as f64;
        let temperature = self.hot * COOLING_FACTOR.powf(-done);
        // In (0, 1], so the logarithm is finite.
        let chance = 1.0 - rng.random::<f64>();
        (-temperature * chance.ln()) as u64
    }
}
