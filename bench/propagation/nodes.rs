//! Networks of our own nodes: release builds of `gossip_server` with the links of a random regular graph.
//!
//! Books are off (`--interval 0`), so that each message is one that was submitted; heartbeats and repair are as shipped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use gossip_network::topology::random_regular;
use gossip_network::wire::DigestReport;
use rand::rngs::SmallRng;

use super::streams::Streams;
use super::systems::{Arrival, System};

/// The longest an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A network of nodes.
pub struct Nodes {
    nodes: Vec<Node>,
    processes: Vec<u32>,
    streams: Option<Streams>,
}

struct Node {
    child: Child,
    address: SocketAddr,
    submitting: Option<Submitting>,
}

/// A connection over which messages are submitted.
struct Submitting {
    stream: TcpStream,
    unanswered: bool,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nodes {
    pub fn start(nodes: usize, degree: usize, random: &mut SmallRng) -> anyhow::Result<Nodes> {
        let links: Vec<Vec<usize>> = if nodes == 1 {
            vec![Vec::new()]
        } else if degree >= nodes - 1 {
            (0..nodes).map(|i| (0..nodes).filter(|other| *other != i).collect()).collect()
        } else {
            let graph = random_regular(nodes, degree, random)?;
            (0..nodes).map(|i| graph.neighbours(i).to_vec()).collect()
        };
        let ports = free_ports(nodes)?;
        let start = |i: usize| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
            command.args(["--port", &ports[i].to_string(), "--interval", "0", "--log-level", "off"]);
            command.args(["--max-peers", &degree.to_string()]);
            for peer in &links[i] {
                command.args(["--peer", &ports[*peer].to_string()]);
            }
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
            Ok(Node { child, address: SocketAddr::from(([127, 0, 0, 1], ports[i])), submitting: None })
        };
        let nodes: Vec<Node> = (0..nodes).map(start).collect::<std::io::Result<_>>()?;
        let processes = nodes.iter().map(|node| node.child.id()).collect();
        Ok(Nodes { nodes, processes, streams: None })
    }

    fn digests(&mut self) -> anyhow::Result<Vec<DigestReport>> {
        self.nodes.iter_mut().map(Node::digest).collect()
    }
}

fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    Ok(held.iter().map(|listener| listener.local_addr().map(|address| address.port())).collect::<Result<_, _>>()?)
}

impl Node {
    fn digest(&mut self) -> anyhow::Result<DigestReport> {
        let submitting = self.connection()?;
        submitting.finish()?;
        submitting.stream.write_all(b"GET /state?digest HTTP/1.1\r\nhost: bench\r\n\r\n")?;
        Ok(serde_json::from_slice(&answer(&mut submitting.stream)?)?)
    }

    /// The connection to it: one for all that is asked.
    fn connection(&mut self) -> anyhow::Result<&mut Submitting> {
        if self.submitting.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            self.submitting = Some(Submitting { stream, unanswered: false });
        }
        self.submitting.as_mut().context("a connection")
    }

    fn submit(&mut self, id: u64, bytes: usize) -> anyhow::Result<()> {
        let submitting = self.connection()?;
        submitting.finish()?;
        let body = format!("{{\"message\":\"{:.<bytes$}\"}}", format!("{id} "));
        let request = format!(
            "POST /messages HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        submitting.stream.write_all(request.as_bytes())?;
        submitting.unanswered = true;
        Ok(())
    }
}

impl Submitting {
    /// Reads the answer to what was submitted before, if that is still to be done.
    fn finish(&mut self) -> anyhow::Result<()> {
        if std::mem::take(&mut self.unanswered) {
            answer(&mut self.stream)?;
        }
        Ok(())
    }
}

/// Reads one answer with a stated length: its body.
fn answer(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let (mut read, mut piece) = (Vec::new(), [0; 16_384]);
    loop {
        let count = stream.read(&mut piece)?;
        ensure!(count > 0, "a node ended a connection");
        read.extend_from_slice(&piece[..count]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        ensure!(head.starts_with("http/1.1 2"), "a node answered {head}");
        let length = head.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.context("an answer without a length")?.trim().parse()?;
        if read.len() >= end + 4 + length {
            return Ok(read.split_off(end + 4));
        }
    }
}

impl System for Nodes {
    fn processes(&self) -> &[u32] {
        &self.processes
    }

    fn members(&mut self, of: usize) -> anyhow::Result<Vec<usize>> {
        // A node that does not answer yet knows no number that could be right.
        let known = |node: &mut Node| node.digest().map_or(usize::MAX, |digest| digest.live.saturating_sub(1));
        Ok(self.nodes.iter_mut().take(of).map(known).collect())
    }

    fn observe(&mut self, on: bool) -> anyhow::Result<()> {
        let addresses: Vec<SocketAddr> = self.nodes.iter().map(|node| node.address).collect();
        self.streams = if on { Some(Streams::open(&addresses)?) } else { None };
        Ok(())
    }

    fn publish(&mut self, from: usize, id: u64, bytes: usize) -> anyhow::Result<()> {
        self.nodes[from].submit(id, bytes)
    }

    fn arrivals(&mut self) -> anyhow::Result<Vec<Arrival>> {
        self.streams.as_mut().map_or(Ok(Vec::new()), Streams::drain)
    }

    fn transmissions(&mut self) -> anyhow::Result<Option<u64>> {
        Ok(Some(self.digests()?.iter().map(|digest| digest.counters.messages_received).sum()))
    }
}
