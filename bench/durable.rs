//! A node with a data directory under load, measured: `cargo bench --bench durable`.
//!
//! Starts a release build of `gossip_server` with a directory on the disk that holds this one's temporary files (`--dir`
//! says another), submits messages from 64 clients at once, each waiting for its answer, and prints how many were
//! acknowledged per second and how long each took. Then it kills the node with kill -9, starts it again, and counts what
//! it still has. `--ephemeral` measures the same without a disk.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use gossip_network::wire::DigestReport;
use serde::Serialize;

/// What to measure.
#[derive(Parser)]
struct Options {
    /// Clients at a time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds of load.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Keep everything in memory.
    #[arg(long)]
    ephemeral: bool,
    /// Where the node's directory is made.
    #[arg(long)]
    dir: Option<std::path::PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Serialize)]
struct Report {
    clients: usize,
    acknowledged: usize,
    acknowledged_per_second: f64,
    answer_p50_ms: f64,
    answer_p99_ms: f64,
    answer_max_ms: f64,
    processor_ms_per_message: f64,
    database_mib: f64,
    messages_after_kill_9: usize,
    start_again_ms: u128,
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
    let folder = match &options.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
    .expect("a folder");
    let data = folder.path().join("data");
    let data = (!options.ephemeral).then(|| data.to_str().expect("a plain path").to_owned());
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let node = start(port, data.as_deref());
    let (before, began) = (cpu(&node), Instant::now());
    let mut times = load(&options, port);
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu(&node) - before);
    drop(node);
    let again = Instant::now();
    let node = start(port, data.as_deref());
    let start_again_ms = again.elapsed().as_millis();
    let messages = digest(port).expect("a digest").messages;
    drop(node);
    let database = data.and_then(|data| std::fs::metadata(format!("{data}/node.redb")).ok());
    times.sort_by(f64::total_cmp);
    let quantile = |q: f64| times[((times.len() - 1) as f64 * q).round() as usize];
    let report = Report {
        clients: options.clients,
        acknowledged: times.len(),
        acknowledged_per_second: times.len() as f64 / took,
        answer_p50_ms: quantile(0.5),
        answer_p99_ms: quantile(0.99),
        answer_max_ms: quantile(1.0),
        processor_ms_per_message: cpu * 1_000.0 / times.len() as f64,
        database_mib: database.map_or(0.0, |found| found.len() as f64 / 1_048_576.0),
        messages_after_kill_9: messages,
        start_again_ms,
    };
    if !options.ephemeral {
        assert!(messages >= times.len().min(100_000), "{messages} of {} messages are left", times.len());
    }
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

fn start(port: u16, data: Option<&str>) -> Node {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
    command.args(["--port", &port.to_string(), "--interval", "0", "--log-level", "off"]);
    if let Some(data) = data {
        command.args(["--data-dir", data]);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the node starts");
    let node = Node { child, port };
    let deadline = Instant::now() + Duration::from_secs(30);
    while digest(node.port).is_none() {
        assert!(Instant::now() < deadline, "the node does not answer");
        std::thread::sleep(Duration::from_millis(2));
    }
    node
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().user_agent("gossip").build().into()
}

fn digest(port: u16) -> Option<DigestReport> {
    let mut answer = agent().get(format!("http://127.0.0.1:{port}/state?digest")).call().ok()?;
    serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
}

/// Milliseconds that each acknowledged message took.
fn load(options: &Options, port: u16) -> Vec<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let client = |number: usize| {
        let over = over.clone();
        std::thread::spawn(move || {
            let (agent, mut times) = (agent(), Vec::new());
            while !over.load(Ordering::Relaxed) {
                let text = format!("message {} of client {number}, of sixty bytes or so", times.len());
                let body = serde_json::json!({ "message": text }).to_string();
                let began = Instant::now();
                let request = agent.post(format!("http://127.0.0.1:{port}/messages"));
                let mut answer = request.content_type("application/json").send(body).expect("it is taken");
                assert_eq!(answer.status().as_u16(), 201);
                answer.body_mut().read_to_string().expect("an answer");
                times.push(began.elapsed().as_secs_f64() * 1_000.0);
            }
            times
        })
    };
    let clients: Vec<_> = (0..options.clients).map(client).collect();
    std::thread::sleep(Duration::from_secs(options.seconds));
    over.store(true, Ordering::Relaxed);
    clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
}

/// Seconds of processor time.
fn cpu(node: &Node) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.child.id())).expect("a process");
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u64> = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    fields.iter().sum::<u64>() as f64 / 100.0
}
