//! Experiments: large networks of real nodes in simulated time, and what is measured of them.
//!
//! One record of settings (`settings.rs`) says what happens; the loop (`engine.rs`) runs the nodes, `exchange.rs` their
//! calls, on the machine of `machine.rs`; `measure.rs` counts, `verdict.rs` judges the guarantee, and a [`Report`] comes out. Everything is decided by the seed, so the same settings
//! give the same trace hash in any two processes. It does no I/O; the one clock it is given is only for its own speed.

mod acts;
mod engine;
mod exchange;
mod hash;
mod machine;
mod measure;
mod report;
mod settings;
mod verdict;
mod wheel;

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use self::engine::Engine;
pub use self::report::{Degree, Histogram, Report, Spread};
pub use self::settings::{Act, Drawn, KillMode, Senders, Settings, SettingsError, Start};
use crate::topology::{Graph, random_regular};

/// Who looks on while an experiment runs.
#[derive(Default)]
pub struct Watcher<'a> {
    /// Told how many simulated milliseconds of how many are over.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
    /// Told each event as one line.
    pub trace: Option<&'a mut dyn FnMut(&str)>,
    /// Seconds of real time since some moment.
    pub seconds: Option<&'a dyn Fn() -> f64>,
}

/// How many draws of a random graph a mean distance is compared with.
const DRAWS: u64 = 5;

/// Sources from which the mean distance of a large graph is estimated.
const SOURCES: usize = 200;

/// Runs an experiment.
///
/// # Errors
/// Settings that cannot be.
pub fn run_experiment<'a>(settings: &'a Settings, watcher: Watcher<'a>) -> Result<Report, SettingsError> {
    settings.validate()?;
    let mut engine = Engine::new(settings, watcher);
    engine.build()?;
    let plan = settings.plan();
    let last = plan.last().map_or(settings.warm_up_ms, |(at, _)| *at);
    let whole = last + settings.settle_ms;
    let began = engine.seconds();
    let mut before = None;
    let grown = plan.iter().filter(|(_, act)| *act != Act::Join).map(|(at, _)| *at).min().unwrap_or(last);
    for (at, act) in &plan {
        if before.is_none() && *at >= grown {
            engine.pass(grown, whole);
            before = Some(engine.overlay());
        }
        engine.pass(*at, whole);
        engine.act(act);
    }
    let reason = engine.judge_until(last, whole);
    let took = engine.seconds() - began;
    let after = engine.overlay();
    let before = before.unwrap_or_else(|| after.clone());
    Ok(engine.report(&before, &after, reason, took))
}

impl Engine<'_> {
    fn seconds(&self) -> f64 {
        self.watcher.seconds.map_or(0.0, |seconds| seconds())
    }

    /// Lets time pass, and says how far it is.
    fn pass(&mut self, until: u64, whole: u64) {
        while self.now() < until {
            let step = (self.now() + 200).min(until);
            self.run_until(step);
            if let Some(progress) = self.watcher.progress.as_mut() {
                progress(step, whole);
            }
        }
    }

    /// The graph of the living nodes and the links that both ends hold.
    fn overlay(&self) -> Graph {
        let mut places = vec![usize::MAX; self.hosts.len()];
        let mut count = 0;
        for (number, _) in self.live() {
            places[number] = count;
            count += 1;
        }
        let links = self.live().flat_map(|(number, node)| {
            let place = places[number];
            let ends = node.view().peers().map(|peer| Engine::number(peer) as usize);
            ends.filter_map(|end| places.get(end).copied())
                .filter(|end| *end != usize::MAX)
                .map(move |end| (place, end))
                .collect::<Vec<_>>()
        });
        let ends: BTreeSet<(usize, usize)> = links.collect();
        Graph::from_edges(count, ends.iter().copied().filter(|(one, other)| ends.contains(&(*other, *one))))
    }

    fn report(&self, before: &Graph, after: &Graph, guarantee: String, took: f64) -> Report {
        let (settings, measures) = (self.settings, &self.measures);
        let live = after.node_count();
        let (held, pairs) = self.delivered_pairs();
        let (last_delivery_hop, last_delivery_ms) = measures.last_deliveries();
        let (first_detection_ms, detection_ms, undetected) = measures.detection(live as u64);
        let counters = || self.hosts.iter().filter_map(|host| Some(host.node.as_ref()?.view().counters()));
        let mean_distance_after = mean_distance(after);
        let random = random_distance(after, settings.max_peers);
        let per_second = if took > 0.0 { measures.handled as f64 / took } else { 0.0 };
        let coded = |bytes: u64| settings.codec.then_some(bytes);
        Report {
            nodes: settings.nodes,
            max_peers: settings.max_peers,
            seed: settings.seed,
            broadcasts: settings.broadcasts,
            messages: measures.sent.len(),
            live_nodes: live,
            killed_share: f64::from(settings.kill_permille) / 1_000.0,
            delivery_ratio: if pairs == 0 { 1.0 } else { held as f64 / pairs as f64 },
            redundancy: measures.redundancy(false),
            redundancy_all: measures.redundancy(true),
            last_delivery_hop,
            last_delivery_ms,
            requests: measures.requests,
            bytes: coded(measures.bytes),
            control_bytes: coded(measures.control_bytes),
            repair_rounds: measures.comparisons + counters().map(|counters| counters.comparisons).sum::<u64>(),
            repaired: measures.repaired + counters().map(|counters| counters.repaired).sum::<u64>(),
            detection_ms,
            first_detection_ms,
            undetected,
            false_suspicions: measures.false_suspicions,
            false_downs: measures.false_downs,
            degree_before: degree(before),
            degree_after: degree(after),
            mean_distance_before: mean_distance(before),
            mean_distance_after,
            mean_distance_ratio: mean_distance_after.zip(random).map(|(found, random)| found / random),
            waited_ms: self.machine.waited(),
            busy_share: self.machine.busy(self.now()),
            simulated_ms: self.now(),
            trace_hash: self.hash.text(),
            handled_messages: measures.handled,
            handled_messages_per_second: per_second as u64,
            guarantee,
            replay: String::new(),
            delivery_times: measures.delivery_times.clone(),
            delivery_hops: measures.delivery_hops.clone(),
        }
    }
}

fn degree(graph: &Graph) -> Degree {
    let degrees = || (0..graph.node_count()).map(|node| graph.degree(node) as u64);
    Degree {
        least: degrees().min().unwrap_or(0),
        mean: degrees().sum::<u64>() as f64 / graph.node_count().max(1) as f64,
        most: degrees().max().unwrap_or(0),
    }
}

fn mean_distance(graph: &Graph) -> Option<f64> {
    let mut random = SmallRng::seed_from_u64(1);
    Some(graph.mean_distance_sampled(SOURCES.max(2_000_000 / graph.node_count().max(1)), &mut random))
        .filter(|mean| mean.is_finite())
}

/// The mean distance of random regular graphs of that size; `None` where there are none.
fn random_distance(graph: &Graph, degree: usize) -> Option<f64> {
    let mut random = SmallRng::seed_from_u64(2);
    let (mut sum, mut drawn) = (0.0, 0.0);
    let nodes = graph.node_count();
    // There is no regular graph of an odd number of nodes with an odd degree: the next larger one stands in.
    let nodes = nodes + (nodes * degree % 2);
    for _ in 0..DRAWS {
        let other = random_regular(nodes, degree.min(nodes.saturating_sub(1)), &mut random).ok()?;
        sum += mean_distance(&other)?;
        drawn += 1.0;
    }
    Some(sum / drawn)
}
