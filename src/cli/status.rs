//! `gossip status`: all nodes of a network at a glance.

use std::time::Duration;

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::names::Names;
use super::output::{Form, print_json, print_table, say};
use crate::lab::{NodeRecord, ask_digests};
use crate::protocol::NodeId;

/// A node answers this within milliseconds.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Shows all nodes of a network: up or down, peers, version, messages.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip status
  gossip status --name two -o json

STATUS is up, down (its process ended), removed (with remove-node), or silent (it runs, but does not answer).")]
pub struct Args {}

#[derive(Serialize)]
struct NodeRow {
    node: u16,
    id: NodeId,
    address: String,
    pid: Option<u32>,
    status: &'static str,
    #[serde(flatten)]
    told: Option<Told>,
}

/// What a node told of itself.
#[derive(Serialize)]
struct Told {
    peers: Vec<NodeId>,
    version: u64,
    nodes: usize,
    live: usize,
    messages: usize,
}

/// Shows the nodes.
pub async fn run(_: Args, context: &Context) -> Result<(), Failure> {
    let network = context.network()?;
    let live = network.live_nodes();
    let answers = ask_digests(&context.caller, &live, context.limit(ANSWER_TIME)).await;
    let mut answers = answers.into_iter();
    let mut row = |node: &NodeRecord| {
        let runs = live.iter().any(|live| live.number == node.number);
        let digest = if runs { answers.next().and_then(|answer| answer.digest.ok()) } else { None };
        let status = match &digest {
            Some(_) => "up",
            None if runs => "silent",
            None if node.removed => "removed",
            None => "down",
        };
        let told = digest.map(|digest| Told {
            peers: digest.peers,
            version: digest.version,
            nodes: digest.nodes,
            live: digest.live,
            messages: digest.messages,
        });
        let (id, address) = (node.id(), node.address());
        NodeRow { node: node.number, id, address, pid: runs.then_some(node.process.pid), status, told }
    };
    let rows: Vec<NodeRow> = network.nodes.iter().map(&mut row).collect();
    if context.form == Form::Json {
        return print_json(&rows);
    }
    let names = Names::of(Some(&network));
    say(&format!("network {}: {}, {} of {} nodes up", network.name, network.shape, up(&rows), rows.len()));
    let header = ["node", "address", "pid", "status", "peers", "version", "messages"];
    print_table(&header, rows.into_iter().map(|row| cells(row, names)).collect())
}

fn up(rows: &[NodeRow]) -> usize {
    rows.iter().filter(|row| row.status == "up").count()
}

fn cells(row: NodeRow, names: Names) -> Vec<String> {
    let none = || "-".to_owned();
    let pid = row.pid.map_or_else(none, |pid| pid.to_string());
    let (peers, version, messages) = match row.told {
        Some(told) => (names.list(&told.peers), told.version.to_string(), told.messages.to_string()),
        None => (none(), none(), none()),
    };
    vec![row.node.to_string(), row.address, pid, row.status.to_owned(), peers, version, messages]
}
