//! A real network of 16 nodes, measured: `cargo bench --bench network`.
//!
//! Starts release builds of `gossip_server` on free ports in a random graph of degree 3, and prints how long a message
//! takes to the last node, what it costs in transmissions, memory and processor time, how long a burst takes, and what
//! the idle network uses. Arrival times are whole milliseconds at each node and are rounded up here.
//!
//! `-- --nodes N --messages M --burst B --idle SECONDS --json` change the run.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use gossip_network::topology::random_regular;
use gossip_network::wire::{DigestReport, MessageReport};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::Serialize;

/// What to measure.
#[derive(Parser)]
struct Options {
    /// Nodes, an even number from 4 on.
    #[arg(long, default_value_t = 16)]
    nodes: usize,
    /// Messages sent one at a time.
    #[arg(long, default_value_t = 100)]
    messages: usize,
    /// Messages sent as fast as they are taken.
    #[arg(long, default_value_t = 1_000)]
    burst: usize,
    /// Seconds of idling with a book every 10 s.
    #[arg(long, default_value_t = 20)]
    idle: u64,
    /// How messages travel: trees or flood.
    #[arg(long, default_value = "trees")]
    dissemination: String,
    /// Seed of the graph.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Serialize)]
struct Report {
    nodes: usize,
    ready_ms: u128,
    last_node_p50_ms: f64,
    last_node_p99_ms: f64,
    last_node_max_ms: f64,
    transmissions_per_message: f64,
    cpu_per_message_ms: f64,
    burst_messages: usize,
    burst_accepted_ms: u128,
    burst_everywhere_ms: u128,
    rss_per_node_mib_median: f64,
    rss_per_node_mib_max: f64,
    threads_per_node: u64,
    idle_seconds: u64,
    idle_cpu_percent_of_one_core: f64,
}

struct Node {
    child: Child,
    port: u16,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let options = Options::parse();
    let agent: ureq::Agent = ureq::Agent::config_builder().user_agent("gossip").build().into();
    let began = Instant::now();
    let network = start(&options, "0");
    await_agreement(&agent, &network, 0);
    let ready_ms = began.elapsed().as_millis();

    // Books are off from here on, so that every transmission belongs to a message.
    // One message of each node goes ahead, as the trees form with the first.
    singles(&agent, &network, 0, options.nodes);
    let (before, cpu_before) = (received(&agent, &network), cpu(&network));
    let mut last = singles(&agent, &network, options.nodes, options.messages);
    let per_message = |total: f64| total / options.messages as f64;
    let transmissions = per_message((received(&agent, &network) - before) as f64);
    let cpu_per_message_ms = per_message((cpu(&network) - cpu_before) * 1_000.0);

    let (burst_accepted_ms, burst_everywhere_ms) =
        burst(&agent, &network, options.nodes + options.messages, options.burst);
    let mut rss: Vec<f64> = network.iter().map(|node| status(node, "VmRSS:") as f64 / 1024.0).collect();
    rss.sort_by(f64::total_cmp);
    let threads = network.iter().map(|node| status(node, "Threads:")).max().unwrap_or(0);
    drop(network);

    let idle = idle(&agent, &options);
    last.sort_by(f64::total_cmp);
    let quantile = |q: f64| last[((last.len() - 1) as f64 * q).round() as usize];
    let report = Report {
        nodes: options.nodes,
        ready_ms,
        last_node_p50_ms: quantile(0.5),
        last_node_p99_ms: quantile(0.99),
        last_node_max_ms: quantile(1.0),
        transmissions_per_message: transmissions,
        cpu_per_message_ms,
        burst_messages: options.burst,
        burst_accepted_ms,
        burst_everywhere_ms,
        rss_per_node_mib_median: rss[rss.len() / 2],
        rss_per_node_mib_max: rss[rss.len() - 1],
        threads_per_node: threads,
        idle_seconds: options.idle,
        idle_cpu_percent_of_one_core: idle,
    };
    print(&report, options.json);
}

fn print(report: &Report, json: bool) {
    let value = serde_json::to_value(report).expect("a record of numbers");
    if json {
        println!("{value}");
        return;
    }
    for (name, number) in value.as_object().expect("a record") {
        let shown = number.as_f64().unwrap_or(0.0);
        println!("{:<34}{:>10}", name.replace('_', " "), (shown * 100.0).round() / 100.0);
    }
}

fn start(options: &Options, interval: &str) -> Vec<Node> {
    let graph = random_regular(options.nodes, 3, &mut SmallRng::seed_from_u64(options.seed)).expect("a cubic graph");
    let ports = free_ports(options.nodes);
    let node = |i: usize| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command
            .args(["--port", &ports[i].to_string(), "--interval", interval, "--log-level", "off"])
            .args(["--dissemination", &options.dissemination]);
        for peer in graph.neighbours(i) {
            command.args(["--peer", &ports[*peer].to_string()]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the node starts");
        Node { child, port: ports[i] }
    };
    (0..options.nodes).map(node).collect()
}

fn free_ports(count: usize) -> Vec<u16> {
    let listen = |_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let held: Vec<_> = (0..count).map(listen).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

fn get<T: serde::de::DeserializeOwned>(agent: &ureq::Agent, port: u16, path: &str) -> Option<T> {
    let mut answer = agent.get(format!("http://127.0.0.1:{port}{path}")).call().ok()?;
    let text = answer.body_mut().with_config().limit(1 << 28).read_to_string().ok()?;
    serde_json::from_str(&text).ok()
}

/// Waits until all nodes hold the same, with so many messages.
fn await_agreement(agent: &ureq::Agent, network: &[Node], messages: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let digests: Vec<DigestReport> =
            network.iter().filter_map(|node| get(agent, node.port, "/state?digest")).collect();
        let all = digests.len() == network.len();
        let agreed = |digest: &DigestReport| {
            digest.hash == digests[0].hash && digest.live == network.len() && digest.messages == messages
        };
        if all && digests.iter().all(agreed) {
            return;
        }
        assert!(Instant::now() < deadline, "the network does not agree within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn submit(agent: &ureq::Agent, node: &Node, text: &str) -> String {
    let body = serde_json::json!({ "message": text }).to_string();
    let mut answer = agent
        .post(format!("http://127.0.0.1:{}/messages", node.port))
        .content_type("application/json")
        .send(body)
        .expect("the message is taken");
    let text = answer.body_mut().read_to_string().expect("an answer");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    value["uuid"].as_str().expect("a uuid").to_owned()
}

/// Sends messages one at a time, after `before` others; milliseconds until the last node had each.
fn singles(agent: &ureq::Agent, network: &[Node], before: usize, count: usize) -> Vec<f64> {
    let sent: Vec<(String, SystemTime)> = (0..count)
        .map(|i| {
            let at = SystemTime::now();
            let uuid =
                submit(agent, &network[i % network.len()], &format!("message {i} of sixty bytes or so, as texts are"));
            // The next message must not meet this one under way.
            std::thread::sleep(Duration::from_millis(30));
            (uuid, at)
        })
        .collect();
    await_agreement(agent, network, before + count);
    let of_node =
        |node: &Node| get::<Vec<MessageReport>>(agent, node.port, "/messages?limit=100000").expect("messages");
    let held: Vec<Vec<MessageReport>> = network.iter().map(of_node).collect();
    let last = |(uuid, at): &(String, SystemTime)| {
        let arrivals = held.iter().map(|messages| {
            let message = messages.iter().find(|message| message.uuid.to_string() == *uuid).expect("held by all");
            let arrived: jiff::Timestamp = message.received_at.parse().expect("a time");
            SystemTime::from(arrived).duration_since(*at).unwrap_or_default().as_secs_f64() * 1_000.0 + 1.0
        });
        arrivals.fold(0.0, f64::max)
    };
    sent.iter().map(last).collect()
}

/// Sends messages as fast as they are taken: milliseconds until all were taken, and until all nodes had all.
fn burst(agent: &ureq::Agent, network: &[Node], before: usize, count: usize) -> (u128, u128) {
    let began = Instant::now();
    for i in 0..count {
        submit(agent, &network[0], &format!("burst {i}"));
    }
    let accepted = began.elapsed().as_millis();
    await_agreement(agent, network, before + count);
    (accepted, began.elapsed().as_millis())
}

/// Percent of one core that a network uses which only draws its books.
fn idle(agent: &ureq::Agent, options: &Options) -> f64 {
    let network = start(options, "10s");
    let known =
        |node: &Node| get::<DigestReport>(agent, node.port, "/state?digest").is_some_and(|d| d.live == options.nodes);
    while !network.iter().all(known) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = cpu(&network);
    std::thread::sleep(Duration::from_secs(options.idle));
    (cpu(&network) - before) / options.idle as f64 * 100.0
}

fn received(agent: &ureq::Agent, network: &[Node]) -> u64 {
    let of_node = |node: &Node| {
        get::<DigestReport>(agent, node.port, "/state?digest").expect("a digest").counters.messages_received
    };
    network.iter().map(of_node).sum()
}

/// Seconds of processor time of all nodes.
fn cpu(network: &[Node]) -> f64 {
    let ticks = network.iter().map(|node| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.child.id())).expect("a process");
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<u64> =
            rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        fields.iter().sum::<u64>()
    });
    ticks.sum::<u64>() as f64 / 100.0
}

fn status(node: &Node, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.child.id())).expect("a process");
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
