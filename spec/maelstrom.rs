//! The example program for Maelstrom's `broadcast` workload, under a stand-in for Maelstrom.
//!
//! **This is not Maelstrom.** `maelstrom/router.rs` starts the same processes and speaks the same line protocol with them,
//! delays what goes between nodes (not between clients and nodes), cuts links and counts; `maelstrom/workload.rs` asks at
//! the rate and with the mixture of Maelstrom's workload: each operation is a `broadcast` or a `read` with even odds, at a
//! node drawn at random. Its figures say what Maelstrom's would, but they are ours; only correctness is asserted.
//!
//! `MAELSTROM_SECONDS=20 cargo test --test maelstrom -- --nocapture setting` runs the measurements as long as Maelstrom's
//! usual test; with `MAELSTROM_ARGUMENTS='--shape hubs --batch 250ms'` and `--ignored as_asked` other options are measured.

#[path = "maelstrom/router.rs"]
mod router;

#[path = "maelstrom/workload.rs"]
mod workload;

use std::sync::Mutex;
use std::time::Duration;

use router::{Cut, Router};
use workload::{Plan, Report, run};

/// Latencies are measured, so no two networks run at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The delay of a message from node to node.
const DELAY: Duration = Duration::from_millis(100);

fn seconds(default: u64) -> Duration {
    let asked = std::env::var("MAELSTROM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(default))
}

/// Runs a whole test; all acknowledged values are everywhere when it returns.
fn measure(what: &str, nodes: usize, arguments: &[&str], plan: &Plan, cuts: Vec<Cut>) -> Report {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut router = Router::start(nodes, DELAY, arguments);
    let report = run(&mut router, plan, cuts);
    println!("{what}: {nodes} nodes, {DELAY:?}, rate {}, maelstrom {}\n{report}", plan.rate, arguments.join(" "));
    report
}

#[test]
fn setting_a_few_messages_at_low_latency() {
    let plan = Plan { rate: 100, lasts: seconds(8), seed: 1 };
    measure("setting A", 25, &["--shape", "star", "--batch", "200ms"], &plan, Vec::new());
}

#[test]
fn setting_b_one_message_per_operation() {
    let plan = Plan { rate: 100, lasts: seconds(8), seed: 2 };
    let arguments = ["--shape", "star", "--batch", "1300ms", "--hub-lag", "180ms", "--heartbeat", "10s"];
    measure("setting B", 25, &arguments, &plan, Vec::new());
}

#[test]
#[ignore = "measures what MAELSTROM_ARGUMENTS says"]
fn as_asked() {
    let arguments = std::env::var("MAELSTROM_ARGUMENTS").unwrap_or_default();
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    measure("as asked", 25, &arguments, &Plan { rate: 100, lasts: seconds(20), seed: 4 }, Vec::new());
}

#[test]
fn nothing_acknowledged_is_lost_in_partitions() {
    let plan = Plan { rate: 50, lasts: Duration::from_secs(6), seed: 3 };
    let halves = |parity| move |node: usize| node % 2 == parity;
    let cuts = vec![
        // The first hub alone, then halves that both hubs' neighbours are torn into.
        Cut::new(Duration::from_millis(500), Duration::from_millis(2_500), |node| node == 0),
        Cut::new(Duration::from_millis(3_000), Duration::from_millis(5_500), halves(1)),
    ];
    let report = measure("partitions", 25, &["--shape", "hubs", "--heartbeat", "2s"], &plan, cuts);
    assert!(report.cut_off > 0, "no message was cut off: the partitions did not happen");
}

#[test]
fn what_is_not_understood_is_refused_by_its_code() {
    let mut router = Router::start(1, DELAY, &[]);
    let mut code = |body: &str| {
        let answer = router.ask(0, body);
        assert_eq!(answer["body"]["type"], "error", "{body}: {answer}");
        answer["body"]["code"].as_u64()
    };
    assert_eq!(code(r#"{"type":"cas","msg_id":7}"#), Some(10));
    assert_eq!(code(r#"{"type":"broadcast","msg_id":8}"#), Some(12));
    assert_eq!(code(r#"{"type":"init","msg_id":9,"node_id":"n0","node_ids":["n0"]}"#), Some(12));
    assert_eq!(code(r#"{"type":5,"msg_id":10}"#), Some(12));
}
