//! Networks of up to a thousand real processes on one machine: `cargo bench --bench scale`.
//!
//! For each size, `gossip start-network` starts release builds in a random graph of degree 3, in memory and with a book every
//! ten minutes. Measured are the time until it returns, when all nodes agree; the memory in all, once as the sum of what
//! each process has resident and once with shared pages counted once; the processor time while nothing but heartbeats and
//! books happen; and, with `gossip measure`, the time until the last node has a message.
//!
//! `-- --nodes N,N --idle SECONDS --messages M` change the run.

#[path = "harness/mod.rs"]
mod harness;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use clap::Parser;
use gossip_network::plot::{Chart, Mark};
use harness::figures::{Figure, publish};
use harness::nodes::{cpu, loopback, reading};
use serde_json::Value;

#[derive(Parser)]
struct Options {
    /// Sizes of the networks.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64, 256, 1_000])]
    nodes: Vec<usize>,
    /// Seconds of idling.
    #[arg(long, default_value_t = 20)]
    idle: u64,
    /// Messages sent one at a time.
    #[arg(long, default_value_t = 30)]
    messages: usize,
    /// Nodes listen on the ports above this one.
    #[arg(long, default_value_t = 27_000)]
    base_port: u16,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A network that is stopped when this is dropped.
struct Network<'a> {
    home: &'a Path,
}

impl Network<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut gossip = Command::new(env!("CARGO_BIN_EXE_gossip"));
        gossip.env("GOSSIP_HOME", self.home).env_remove("GOSSIP_BIN_DIR");
        gossip.args(arguments).output().expect("gossip runs")
    }

    fn gossip(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "gossip {arguments:?}: {said}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Processes of the network, as its record lists them.
    fn pids(&self) -> Vec<u32> {
        let record = std::fs::read(self.home.join("default/network.json")).expect("a record");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        let nodes = record["nodes"].as_array().expect("nodes");
        nodes.iter().filter_map(|node| u32::try_from(node["process"]["pid"].as_u64()?).ok()).collect()
    }
}

impl Drop for Network<'_> {
    fn drop(&mut self) {
        // There is nothing to stop where none could be started.
        if self.home.join("default/network.json").exists() {
            let stop = self.run(&["stop-network"]);
            if !stop.status.success() {
                eprintln!("the network was not stopped: {}", String::from_utf8_lossy(&stop.stderr));
            }
        }
    }
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let (mut figures, mut charts) =
        (Vec::new(), [("time to ready", "s"), ("memory", "MiB"), ("last node", "ms")].map(chart));
    for nodes in &options.nodes {
        let measured = measure(&options, *nodes);
        for (chart, of) in charts.iter_mut().zip([0, 1, 6]) {
            chart.points.push((*nodes as f64, measured[of].median()));
        }
        figures.extend(measured);
    }
    publish("scale", &figures, &charts)
}

fn chart((title, up): (&str, &str)) -> Chart {
    let (title, across, up) = (title.to_owned(), "nodes".to_owned(), up.to_owned());
    Chart { title, across, up, points: Vec::new(), mark: Mark::Line }
}

fn measure(options: &Options, nodes: usize) -> Vec<Figure> {
    let home = tempfile::tempdir().expect("a folder");
    let network = Network { home: home.path() };
    let (count, port) = (nodes.to_string(), options.base_port.to_string());
    let began = Instant::now();
    let start = ["start-network", "-n", &count, "--base-port", &port, "--ephemeral", "--interval", "10min"];
    network.gossip(&[&start[..], &["--log-level", "off"]].concat());
    let ready = began.elapsed().as_secs_f64();
    let pids = network.pids();
    assert_eq!(pids.len(), nodes, "every node has a process");
    // What the beginning set going is over by then.
    std::thread::sleep(Duration::from_secs(5));

    let (cpu_before, bytes_before) = (cpu(pids.iter().copied()), loopback());
    std::thread::sleep(Duration::from_secs(options.idle));
    let idle = cpu(pids.iter().copied()) - cpu_before;
    let traffic = loopback().0 - bytes_before.0;

    let messages = options.messages.to_string();
    let measured = network.gossip(&["measure", "-n", &messages, "-o", "json"]);
    let measured: Value = serde_json::from_str(&measured).expect("JSON");
    let last = |which: &str| measured["last_node_ms"][which].as_f64().expect("a number");

    let sum = |file, field| pids.iter().map(|pid| reading(*pid, file, field)).sum::<f64>() / 1024.0;
    let (rss, pss, threads) =
        (sum("status", "VmRSS:"), sum("smaps_rollup", "Pss:"), sum("status", "Threads:") * 1024.0);
    // What is asked of sixteen nodes, and of a thousand.
    let of = |size: usize, text: &'static str| if nodes == size { text } else { "" };
    let idle_target = if nodes == 16 { "<= 0.75" } else { of(1_000, "<= 50") };
    let per_second = 1.0 / options.idle as f64;
    let figure =
        |name: &str, unit, target, value| Figure::new(format!("{nodes} nodes: {name}"), unit, target, vec![value]);
    vec![
        figure("time to ready", "s", of(1_000, "<= 90"), ready),
        figure("memory in all (sum of RSS)", "MiB", of(1_000, "<= 6144"), rss),
        figure("memory in all, shared pages once", "MiB", "", pss),
        figure("RSS of a node", "MiB", "<= 6", rss / nodes as f64),
        figure("threads of a node", "", "<= 4", threads / nodes as f64),
        figure("idle processor time", "% of a core", idle_target, idle * per_second * 100.0),
        figure("last node has a message, p50", "ms", of(1_000, "<= 500"), last("median")),
        figure("last node has a message, p99", "ms", "", last("p99")),
        figure("idle traffic on the loopback", "KB/s", of(16, "<= 15"), traffic * per_second / 1_000.0),
    ]
}
