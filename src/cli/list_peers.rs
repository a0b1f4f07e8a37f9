//! `gossip list-peers`: whom a node gossips with.

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_table, say};
use crate::protocol::NodeId;

/// Lists the peers of a node with their addresses.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip list-peers 3
  gossip list-peers 127.0.0.1:7003 -o json")]
pub struct Args {
    /// The node to ask: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,
}

#[derive(Serialize)]
struct PeerRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<u16>,
    id: NodeId,
    address: String,
}

/// Lists the peers.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let names = target.names;
    let mut peers = target.client.peers().await.map_err(|error| target.explain(error))?;
    peers.sort_by_key(|id| names.rank(id));
    let rows = peers.into_iter().map(|id| PeerRow { node: names.number(&id), address: names.address(&id), id });
    if context.form == Form::Json {
        return print_json(&rows.collect::<Vec<_>>());
    }
    let cells = |row: PeerRow| vec![row.node.map_or_else(|| "-".to_owned(), |node| node.to_string()), row.address];
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    if rows.is_empty() {
        say(&format!("{} has no peers", target.full()));
        return Ok(());
    }
    print_table(&["node", "address"], rows)
}
