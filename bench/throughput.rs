//! Sixteen nodes, all submitting as fast as they are accepted: `cargo bench --bench throughput`.
//!
//! Release builds in a random graph of degree 3. One client for each node submits over one connection, each message as soon
//! as the one before was answered, for some seconds. A round ends when every node holds every accepted message; the rate
//! counts from the first submission to that moment. Nothing may be lost: the nodes must agree on the same log.
//!
//! `-- --nodes N --seconds S --rounds R --bytes B,B` change the run.

#[path = "harness/mod.rs"]
mod harness;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use gossip_network::plot::{Chart, Mark};
use harness::connection::{Connection, request};
use harness::figures::{Figure, publish};
use harness::nodes::{Node, cpu, network, reading, until};

/// The log must hold all that is counted.
const FLAGS: &[&str] = &["--max-messages", "10000000", "--max-message-bytes", "4294967296"];

#[derive(Parser)]
struct Options {
    /// Nodes, an even number from 4 on.
    #[arg(long, default_value_t = 16)]
    nodes: usize,
    /// Seconds of submitting in each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds, each with a new network.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Bytes of a message's text.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 10_000])]
    bytes: Vec<usize>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one round gave.
struct Round {
    accepted: f64,
    delivered: f64,
    cpu_us: f64,
    envelopes: f64,
    transmissions: f64,
    rss_mib: f64,
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut figures = Vec::new();
    for bytes in &options.bytes {
        let rounds: Vec<Round> = (0..options.rounds).map(|_| round(&options, *bytes)).collect();
        let target = if *bytes <= 100 && options.nodes == 16 { ">= 5000" } else { "" };
        let mut add = |name: &str, unit, target, value: fn(&Round) -> f64| {
            let rounds = rounds.iter().map(value).collect();
            figures.push(Figure::new(format!("{bytes} bytes: {name}"), unit, target, rounds));
        };
        add("at all nodes", "messages/s", target, |round| round.delivered);
        add("accepted while submitting", "messages/s", "", |round| round.accepted);
        add("processor time of all nodes a delivery", "us", "", |round| round.cpu_us);
        add("transmissions a message and further node", "", "", |round| round.transmissions);
        add("envelopes a message and further node", "", "", |round| round.envelopes);
        add("RSS of a node at the end", "MiB", "", |round| round.rss_mib);
    }
    let points = options.bytes.iter().enumerate().map(|(i, bytes)| (*bytes as f64, figures[i * 6].median())).collect();
    let chart = Chart {
        title: format!("{} nodes, all submitting", options.nodes),
        across: "bytes of a message".to_owned(),
        up: "messages/s at all nodes".to_owned(),
        points,
        mark: Mark::Bars,
    };
    publish("throughput", &figures, &[chart])
}

fn round(options: &Options, bytes: usize) -> Round {
    let nodes = network(options.nodes, FLAGS);
    // One message of each goes ahead, as the trees form with the first.
    for (i, node) in nodes.iter().enumerate() {
        let mut connection = Connection::open(node.port).expect("a connection");
        assert_eq!(connection.ask(&submission(60)).expect("an answer").status, 201);
        let all = || nodes.iter().all(|node| node.digest().messages == i + 1);
        until("a message is everywhere", Duration::from_secs(20), all);
    }
    let pids = || nodes.iter().map(Node::pid);
    let sums = || {
        let counters = nodes.iter().map(|node| node.digest().counters);
        counters.fold((0, 0), |sum, c| (sum.0 + c.envelopes_sent, sum.1 + c.messages_received))
    };
    let (sums_before, cpu_before, began) = (sums(), cpu(pids()), Instant::now());
    let accepted = submit(&nodes, &submission(bytes), Duration::from_secs(options.seconds));
    let submitting = began.elapsed().as_secs_f64();
    let expected = nodes.len() + accepted;
    until("all messages are everywhere", Duration::from_secs(300), || {
        std::thread::sleep(Duration::from_millis(20));
        nodes.iter().all(|node| node.digest().messages == expected)
    });
    let everywhere = began.elapsed().as_secs_f64();
    let used = cpu(pids()) - cpu_before;
    let hashes: Vec<u64> = nodes.iter().map(|node| node.digest().messages_hash).collect();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "the nodes hold different messages");
    let (envelopes, received) = sums();
    let hops = accepted as f64 * (nodes.len() - 1) as f64;
    Round {
        accepted: accepted as f64 / submitting,
        delivered: accepted as f64 / everywhere,
        cpu_us: used * 1e6 / (accepted * nodes.len()) as f64,
        envelopes: (envelopes - sums_before.0) as f64 / hops,
        transmissions: (received - sums_before.1) as f64 / hops,
        rss_mib: pids().map(|pid| reading(pid, "status", "VmRSS:")).sum::<f64>() / nodes.len() as f64 / 1024.0,
    }
}

fn submission(bytes: usize) -> Vec<u8> {
    request("POST", "/messages", format!(r#"{{"message":"{}"}}"#, "x".repeat(bytes)).as_bytes())
}

/// Submits at all nodes for so long; how many were accepted.
fn submit(nodes: &[Node], submission: &[u8], time: Duration) -> usize {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = nodes
            .iter()
            .map(|node| {
                scope.spawn(|| {
                    let mut connection = Connection::open(node.port).expect("a connection");
                    let mut accepted = 0;
                    while !over.load(Ordering::Relaxed) {
                        assert_eq!(connection.ask(submission).expect("an answer").status, 201);
                        accepted += 1;
                    }
                    accepted
                })
            })
            .collect();
        std::thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().expect("a client")).sum()
    })
}
