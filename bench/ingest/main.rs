//! One node's HTTP face under load, beside a bare handler: `cargo bench --bench ingest`.
//!
//! `wrk` (Debian: apt-get install wrk) drives release builds over eight connections. In each round every case is driven once
//! at the node and once at the bare handler, so that what else the machine does falls on both. The bare handler is this
//! program itself, started once more; it parses the same JSON and answers JSON (`bare.rs`).
//!
//! `-- --rounds N --seconds S --connections C` change the run.

mod bare;
#[path = "../harness/mod.rs"]
mod harness;

use std::process::Command;

use clap::Parser;
use gossip_network::plot::{Chart, Mark};
use harness::connection::{Connection, request};
use harness::figures::{Figure, median, publish};
use harness::nodes::{Node, cpu, free_ports};
use serde::Deserialize;

#[derive(Parser)]
struct Options {
    /// Rounds, of which the median is shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load for each case and round.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Connections of the load.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Serve the bare handler here instead.
    #[arg(long, hide = true)]
    bare: Option<u16>,
    /// Its workers.
    #[arg(long, hide = true, default_value_t = 1)]
    workers: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What `load.lua` prints.
#[derive(Deserialize)]
struct Load {
    requests: f64,
    seconds: f64,
    errors: u64,
    p50_us: f64,
}

impl Load {
    fn rate(&self) -> f64 {
        self.requests / self.seconds
    }
}

/// A load: its name, what `load.lua` is told, messages in a request.
const POSTS: &[(&str, &str, usize, usize)] = &[
    ("single new", "new", 0, 1),
    ("single duplicate", "duplicate", 0, 1),
    ("batches of 1", "new", 1, 1),
    ("batches of 16", "new", 16, 16),
    ("batches of 256", "new", 256, 256),
];

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    if let Some(port) = options.bare {
        return bare::serve(port, options.workers);
    }
    if Command::new("wrk").arg("--version").output().is_err() {
        eprintln!("ingest: wrk is not on the PATH (Debian: apt-get install wrk)");
        std::process::exit(1);
    }
    let mut figures = posts(&options);
    figures.extend(states(&options));
    let rates = |ending: &str| {
        let of = figures.iter().filter(|figure| figure.name.ends_with(ending));
        of.enumerate().map(|(i, figure)| ((i + 1) as f64, figure.median() / 1_000.0)).collect()
    };
    let chart = |title: &str, points| Chart {
        title: title.to_owned(),
        across: "single new, duplicate, batches of 1, 16, 256".to_owned(),
        up: "thousand messages/s".to_owned(),
        points,
        mark: Mark::Bars,
    };
    let charts = [chart("node", rates(": node")), chart("bare handler", rates(": bare, 1 worker"))];
    publish("ingest", &figures, &charts)
}

/// Messages posted to a node without peers and to the bare handler.
fn posts(options: &Options) -> Vec<Figure> {
    let ports = free_ports(3);
    let node = Node::start(ports[0], &[]);
    let bare = |port: u16, workers: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--bare", &port.to_string(), "--workers", workers]);
        Node::run(command, port)
    };
    let servers = [("node", node), ("bare, 1 worker", bare(ports[1], "1")), ("bare, 2 workers", bare(ports[2], "2"))];
    let mut rates = vec![vec![Vec::new(); servers.len()]; POSTS.len()];
    let mut costs = rates.clone();
    let mut run = 0;
    for _ in 0..options.rounds {
        for (case, (_, kind, batch, messages)) in POSTS.iter().enumerate() {
            for (place, (_, server)) in servers.iter().enumerate() {
                run += 1;
                let before = cpu([server.pid()]);
                let load = drive(options, server.port, &[kind, &batch.to_string(), &format!("{run:08x}")]);
                rates[case][place].push(load.rate() * *messages as f64);
                let used = cpu([server.pid()]) - before;
                costs[case][place].push(used * 1e6 / (load.requests * *messages as f64));
            }
        }
    }
    let mut figures = Vec::new();
    for (((name, ..), rates), costs) in POSTS.iter().zip(&rates).zip(&costs) {
        for ((server, _), rates) in servers.iter().zip(rates) {
            let target = if (*name, *server) == ("batches of 16", "node") { ">= 300000" } else { "" };
            figures.push(Figure::new(format!("{name}: {server}"), "messages/s", target, rates.clone()));
        }
        for ((server, _), costs) in servers.iter().zip(costs).take(2) {
            // What a busy machine takes away from a rate, it does not add to this.
            figures.push(Figure::new(format!("{name}: processor time, {server}"), "us/message", "", costs.clone()));
        }
        let share = rates[0].iter().zip(&rates[1]).map(|(node, bare)| 100.0 * node / bare).collect();
        let target = if *name == "single new" { ">= 60" } else { "" };
        figures.push(Figure::new(format!("{name}: node of bare, 1 worker"), "%", target, share));
    }
    figures
}

/// `GET /state` of nodes that know few and many others.
fn states(options: &Options) -> Vec<Figure> {
    let mut figures = Vec::new();
    for known in [16, 10_000] {
        // No other node is there: those it hears of stay as they are, and it has nothing to do but answer.
        let node = Node::start(free_ports(1)[0], &["--heartbeat", "60s"]);
        fill(&node, known);
        let large = known > 1_000;
        let (mut rates, mut waits, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..options.rounds {
            let load = drive(options, node.port, &["/state", "0", &format!("{round:08x}")]);
            rates.push(load.rate());
            waits.push(load.p50_us / 1_000.0);
            let mut connection = Connection::open(node.port).expect("a connection");
            let mut first = |_| connection.ask(&request("GET", "/state", b"")).expect("an answer").first_byte;
            let times: Vec<f64> = (0..20).map(|i| first(i).as_secs_f64() * 1_000.0).collect();
            firsts.push(median(&times));
        }
        let name = format!("GET /state, {known} nodes");
        let (rate, first) = if large { (">= 500", "<= 5") } else { ("", "") };
        figures.push(Figure::new(name.clone(), "answers/s", rate, rates));
        figures.push(Figure::new(format!("{name}: whole answer under load"), "ms", "", waits));
        figures.push(Figure::new(format!("{name}: first byte alone"), "ms", first, firsts));
    }
    figures
}

/// Tells a node of so many others.
fn fill(node: &Node, known: usize) {
    let state = |i: usize| {
        let (origin, uuid) = (20_000 + i, uuid::Uuid::from_u128(i as u128 + 1));
        format!(
            r#"{{"uuid":"{uuid}","origin":{origin},"version":1,"ttl":0,"payload":{{"book":"The Hobbit","at":{i}}},"path":[{origin}]}}"#
        )
    };
    let mut connection = Connection::open(node.port).expect("a connection");
    for chunk in (0..known - 1).collect::<Vec<_>>().chunks(200) {
        let body = format!("[{}]", chunk.iter().map(|i| state(*i)).collect::<Vec<_>>().join(","));
        let answer = connection.ask(&request("POST", "/gossip/", body.as_bytes())).expect("an answer");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(node.digest().nodes, known, "the node knows all that it was told of");
}

/// Runs wrk once.
fn drive(options: &Options, port: u16, arguments: &[&str]) -> Load {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/ingest/load.lua");
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c", &options.connections.to_string(), "-d", &format!("{}s", options.seconds), "-s", script]);
    let done = wrk.arg(format!("http://127.0.0.1:{port}/")).arg("--").args(arguments).output().expect("wrk runs");
    let text = String::from_utf8_lossy(&done.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap_or_default();
    let load: Load = serde_json::from_str(result)
        .unwrap_or_else(|error| panic!("wrk: {error}: {text}{}", String::from_utf8_lossy(&done.stderr)));
    assert_eq!(load.errors, 0, "not all requests were answered well: {text}");
    load
}
