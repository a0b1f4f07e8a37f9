//! Release builds of `gossip_server` on free ports, ended with the value that holds them, and what the system says of them.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gossip_network::topology::random_regular;
use gossip_network::wire::DigestReport;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::connection::{Connection, request};

/// Ticks of the processor's clock in a second, as Linux counts them in `/proc` (USER_HZ).
const TICKS: f64 = 100.0;

/// A process that is ended when this is dropped.
pub struct Node {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// Runs a program that will listen on `port`, and waits until it does.
    pub fn run(mut command: Command, port: u16) -> Node {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let node = Node { child: child.unwrap_or_else(|error| panic!("{command:?}: {error}")), port };
        until("a process listens", Duration::from_secs(20), || Connection::open(port).is_ok());
        node
    }

    /// A node with these flags, without books unless they say so.
    pub fn start(port: u16, flags: &[&str]) -> Node {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command.args(["--port", &port.to_string(), "--log-level", "off", "--interval", "0"]).args(flags);
        Node::run(command, port)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it holds.
    pub fn digest(&self) -> DigestReport {
        let answer = Connection::open(self.port).and_then(|mut c| c.ask(&request("GET", "/state?digest", b"")));
        let answer = answer.expect("the node answers");
        serde_json::from_slice(&answer.body).expect("a digest")
    }
}

/// A network in a random graph of degree 3, each of whose nodes knows all the others.
pub fn network(count: usize, flags: &[&str]) -> Vec<Node> {
    let graph = random_regular(count, 3, &mut SmallRng::seed_from_u64(1)).expect("a cubic graph");
    let ports = free_ports(count);
    let nodes: Vec<Node> = (0..count)
        .map(|i| {
            let peers: Vec<String> = graph.neighbours(i).iter().map(|peer| ports[*peer].to_string()).collect();
            let peers = peers.iter().flat_map(|peer| ["--peer", peer]);
            Node::start(ports[i], &peers.chain(flags.iter().copied()).collect::<Vec<_>>())
        })
        .collect();
    until("the nodes know each other", Duration::from_secs(60), || {
        nodes.iter().all(|node| node.digest().live == count)
    });
    nodes
}

/// Ports that were free a moment ago.
pub fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// Looks every few milliseconds until something is so.
pub fn until(what: &str, limit: Duration, so: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !so() {
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Seconds of processor time of processes so far.
pub fn cpu(pids: impl IntoIterator<Item = u32>) -> f64 {
    let ticks = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
        let rest = stat.rsplit(')').next().unwrap_or_default();
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>()
    };
    pids.into_iter().map(ticks).sum::<u64>() as f64 / TICKS
}

/// A number of `/proc/PID/FILE`, such as `VmRSS:` of `status` or `Pss:` of `smaps_rollup`; sizes are in KiB.
pub fn reading(pid: u32, file: &str, field: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a process");
    let line = text.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// Bytes and packets that went over the loopback so far, of all that runs here.
pub fn loopback() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/net/dev").expect("Linux");
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:")).unwrap_or_default();
    let mut fields = line.split_whitespace().filter_map(|field| field.parse().ok());
    (fields.next().unwrap_or(0.0), fields.next().unwrap_or(0.0))
}
