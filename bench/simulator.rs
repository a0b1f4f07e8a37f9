//! The simulator's speed and size: `cargo bench --bench simulator`.
//!
//! Runs a release build of `gossip simulate` without the codec at several sizes, and prints how many requests and answers
//! its nodes handled in a second of one core's time, the most memory it held, and the bytes that took for each node, and for
//! each node and each node that it knows. At 100,000 nodes they have no states, so nobody knows anybody but its peers.
//!
//! `-- --nodes N,N --rounds R` change the run.

#[path = "harness/mod.rs"]
mod harness;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Parser;
use gossip_network::plot::{Chart, Mark};
use harness::figures::{Figure, publish};
use serde_json::Value;

/// From here on nodes have no states.
const STATELESS_FROM: usize = 50_000;

#[derive(Parser)]
struct Options {
    /// Sizes of the networks.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    nodes: Vec<usize>,
    /// Runs of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one run came to.
struct Run {
    handled: f64,
    seconds: f64,
    peak_bytes: f64,
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut figures = Vec::new();
    let mut speeds = Vec::new();
    for &nodes in &options.nodes {
        let runs: Vec<Run> = (0..options.rounds.max(1)).map(|_| simulate(nodes)).collect();
        let of = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
        let target = if nodes == 1_000 { "1,500,000" } else { "" };
        let speed = Figure::new(format!("{nodes} nodes: handled"), "/s", target, of(|run| run.handled / run.seconds));
        speeds.push((nodes as f64, speed.median()));
        figures.push(speed);
        figures.push(Figure::new(format!("{nodes} nodes: processor time"), "s", "", of(|run| run.seconds)));
        let most = of(|run| run.peak_bytes);
        let scaled = |by: f64| most.iter().map(|bytes| bytes / by).collect::<Vec<f64>>();
        let count = nodes as f64;
        figures.push(Figure::new(format!("{nodes} nodes: memory"), "MiB", "", scaled(1_048_576.0)));
        figures.push(Figure::new(format!("{nodes} nodes: memory per node"), "B", "", scaled(count)));
        if nodes < STATELESS_FROM {
            let target = if nodes == 10_000 { "120" } else { "" };
            let name = format!("{nodes} nodes: memory per node and known node");
            figures.push(Figure::new(name, "B", target, scaled(count * count)));
        }
    }
    let chart = Chart {
        title: "Handled by one core".to_owned(),
        across: "nodes".to_owned(),
        up: "requests and answers per second".to_owned(),
        points: speeds,
        mark: Mark::Line,
    };
    publish("simulator", &figures, &[chart])
}

fn simulate(nodes: usize) -> Run {
    let broadcasts = (2_000_000 / nodes).clamp(20, 500).to_string();
    let state = if nodes < STATELESS_FROM { "on" } else { "off" };
    // The last of so many nodes has a message after some 2.5 s.
    let settle = if nodes < STATELESS_FROM { "2s" } else { "4s" };
    let mut child = Command::new(env!("CARGO_BIN_EXE_gossip"))
        .args(["simulate", "--nodes", &nodes.to_string(), "--broadcasts", &broadcasts, "--every", "20ms"])
        .args(["--latency", "1ms-10ms", "--settle", settle, "--codec", "off", "--state", state, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("gossip runs");
    let (peak_bytes, seconds) = watch(&mut child);
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "the guarantee was broken");
    let report: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let handled = report["handled_messages"].as_f64().expect("a number");
    Run { handled, seconds, peak_bytes }
}

/// The most memory that a process holds until it ends, in bytes, and its processor time in seconds.
fn watch(child: &mut Child) -> (f64, f64) {
    let (mut most, mut spent) = (0.0f64, 0.0f64);
    let folder = format!("/proc/{}", child.id());
    while child.try_wait().expect("a process of our own").is_none() {
        let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap_or_default();
        let status = read("status");
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(kib.unwrap_or(0.0) * 1_024.0);
        let on_cpu: Option<f64> = read("schedstat").split(' ').next().and_then(|field| field.parse().ok());
        spent = spent.max(on_cpu.unwrap_or(0.0) / 1e9);
        std::thread::sleep(Duration::from_millis(20));
    }
    (most, spent)
}
