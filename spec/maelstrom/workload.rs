//! The `broadcast` workload, and what its checker finds.
//!
//! Two latencies are taken, both from `broadcast_ok` on. The stricter one ends when the router has handed the value to
//! the last node; no later read can miss it. The other one is that of Maelstrom's checker: it ends with the last read
//! that was asked for and came without the value, and so sees only what reads happen to see.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::router::{Cut, DEADLINE, Router, Said};

/// What is asked of the network.
pub struct Plan {
    /// Operations per second, broadcasts and reads together.
    pub rate: u32,
    pub lasts: Duration,
    pub seed: u64,
}

/// What came of it.
pub struct Report {
    pub broadcasts: usize,
    pub reads: usize,
    /// Messages between nodes, requests and replies, from the first line on until all held everything.
    pub sent: BTreeMap<String, u64>,
    /// Those of them before the first operation.
    pub before: u64,
    pub cut_off: u64,
    /// From acknowledgement until the last node had it.
    pub everywhere: Vec<Duration>,
    /// From acknowledgement until the last read without it.
    pub stale_reads: Vec<Duration>,
    /// From the last operation until all had everything.
    pub settled: Duration,
}

/// What the clients did.
#[derive(Default)]
struct History {
    open: HashMap<u64, (Instant, Option<u64>)>,
    acknowledged: BTreeMap<u64, Instant>,
    reads: Vec<(Instant, HashSet<u64>)>,
}

impl History {
    /// Takes an answer; the values, if it is that of a read.
    fn note(&mut self, said: &Said) -> Option<HashSet<u64>> {
        let asked = said.body["in_reply_to"].as_u64()?;
        let (at, value) = self.open.remove(&asked)?;
        if let Some(value) = value {
            assert_eq!(said.body["type"], "broadcast_ok", "{}", said.body);
            self.acknowledged.insert(value, said.at);
            return None;
        }
        assert_eq!(said.body["type"], "read_ok", "{}", said.body);
        let messages = said.body["messages"].as_array().expect("read_ok has messages");
        let values: HashSet<u64> = messages.iter().filter_map(Value::as_u64).collect();
        assert_eq!(values.len(), messages.len(), "n{} has a value twice", said.node);
        self.reads.push((at, values.clone()));
        Some(values)
    }
}

/// Runs the workload, waits until every acknowledged value is everywhere, and reports.
pub fn run(router: &mut Router, plan: &Plan, cuts: Vec<Cut>) -> Report {
    let mut random = SmallRng::seed_from_u64(plan.seed);
    let mut history = History::default();
    let before = router.sent.values().sum();
    let began = Instant::now();
    router.cuts = (Some(began), cuts);
    let operations = plan.rate * plan.lasts.as_secs() as u32;
    for operation in 0..operations {
        let due = began + Duration::from_secs(1) * operation / plan.rate;
        while Instant::now() < due {
            if let Some(said) = router.step(due) {
                history.note(&said);
            }
        }
        let msg_id = 100 + u64::from(operation);
        let value = random.random_bool(0.5).then_some(msg_id);
        let body = match value {
            Some(value) => json!({"type": "broadcast", "msg_id": msg_id, "message": value}),
            None => json!({"type": "read", "msg_id": msg_id}),
        };
        history.open.insert(msg_id, (Instant::now(), value));
        let node = random.random_range(0..router.nodes());
        router.tell(node, &body.to_string());
    }
    let ended = Instant::now();
    let reads = settle(router, &mut history);
    report(router, &history, reads, before, ended.elapsed())
}

/// Reads at all nodes, again and again, until every read has every acknowledged value; the number of reads before.
fn settle(router: &mut Router, history: &mut History) -> usize {
    let ends = Instant::now() + DEADLINE;
    while !history.open.is_empty() {
        assert!(Instant::now() < ends, "{} operations were not answered", history.open.len());
        if let Some(said) = router.step(ends) {
            history.note(&said);
        }
    }
    let reads = history.reads.len();
    let mut msg_id = 1_000_000;
    loop {
        for node in 0..router.nodes() {
            msg_id += 1;
            history.open.insert(msg_id, (Instant::now(), None));
            router.tell(node, &json!({"type": "read", "msg_id": msg_id}).to_string());
        }
        let mut lacking = BTreeMap::new();
        while !history.open.is_empty() {
            assert!(Instant::now() < ends, "{} reads were not answered", history.open.len());
            if let Some(said) = router.step(ends)
                && let Some(values) = history.note(&said)
            {
                let lacks = history.acknowledged.keys().filter(|value| !values.contains(value)).count();
                lacking.insert(said.node, lacks);
            }
        }
        lacking.retain(|_, lacks| *lacks > 0);
        if lacking.is_empty() {
            return reads;
        }
        assert!(Instant::now() < ends, "acknowledged values are missing, by node: {lacking:?}");
        let next = Instant::now() + Duration::from_millis(50);
        while Instant::now() < next {
            router.step(next);
        }
    }
}

fn report(router: &Router, history: &History, reads: usize, before: u64, settled: Duration) -> Report {
    let everywhere = history.acknowledged.iter().map(|(value, at)| {
        let arrivals = router.arrivals.get(value);
        let last = arrivals.and_then(|arrivals| arrivals.values().max()).copied().unwrap_or(*at);
        last.saturating_duration_since(*at)
    });
    let stale_reads = history.acknowledged.iter().map(|(value, at)| {
        let without = history.reads.iter().filter(|(_, values)| !values.contains(value)).map(|(asked, _)| *asked);
        without.max().map_or(Duration::ZERO, |last| last.saturating_duration_since(*at))
    });
    let mut report = Report {
        broadcasts: history.acknowledged.len(),
        reads,
        sent: router.sent.clone(),
        before,
        cut_off: router.cut_off,
        everywhere: everywhere.collect(),
        stale_reads: stale_reads.collect(),
        settled,
    };
    report.everywhere.sort();
    report.stale_reads.sort();
    report
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent: u64 = self.sent.values().sum();
        let operations = self.broadcasts + self.reads;
        let per = |count: u64, of: usize| count as f64 / of.max(1) as f64;
        writeln!(
            f,
            "  {sent} server messages for {operations} operations ({} broadcasts, {} reads): {:.2} per operation, {:.2} \
             without the {} of the start, {:.2} per broadcast",
            self.broadcasts,
            self.reads,
            per(sent, operations),
            per(sent - self.before, operations),
            self.before,
            per(sent, self.broadcasts),
        )?;
        writeln!(f, "  by kind: {:?}; cut off: {}", self.sent, self.cut_off)?;
        for (name, sorted) in
            [("until all hold it", &self.everywhere), ("until the last stale read", &self.stale_reads)]
        {
            let at = |share: f64| sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize);
            let ms = |share| at(share).map_or(0, Duration::as_millis);
            writeln!(f, "  stable latency, {name}: median {} ms, 99 % {} ms, max {} ms", ms(0.5), ms(0.99), ms(1.0))?;
        }
        write!(f, "  all had everything {} ms after the last operation", self.settled.as_millis())
    }
}
