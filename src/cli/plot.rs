//! `gossip plot`: the graph of a network as it is now.

use std::time::Duration;

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, print_line, say};
use super::picture::PictureFile;
use crate::client::gather;
use crate::lab::{AT_ONCE, NodeRecord};
use crate::protocol::NodeId;
use crate::topology::Graph;

/// A node answers this within milliseconds.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Draws who is whose peer now, as the live nodes themselves say.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip plot                    draws NAME.svg
  gossip plot network.png
  gossip plot network.dot        can be given to start-network graph")]
pub struct Args {
    /// A file that ends in .svg, .png or .dot [default: NAME.svg].
    #[arg(value_name = "FILE")]
    file: Option<PictureFile>,
}

#[derive(Serialize)]
struct Answer {
    file: String,
    nodes: usize,
    links: usize,
}

/// Draws the graph.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let file = args.file.unwrap_or_else(|| PictureFile::named_after(context.name.as_str()));
    let network = context.network()?;
    let live = network.live_nodes();
    let limit = context.limit(ANSWER_TIME);
    let peers = gather(&live, AT_ONCE, |node| {
        let client = context.caller.node(node.address(), limit);
        async move { client.peers().await }
    })
    .await;
    let mut edges = Vec::new();
    for (place, answer) in peers.into_iter().enumerate() {
        match answer {
            Ok(peers) => edges.extend(peers.iter().filter_map(|id| Some((place, place_of(&live, id)?)))),
            Err(error) => say(&format!("node {} ({}) {error}", live[place].number, live[place].address())),
        }
    }
    let labels: Vec<u64> = live.iter().map(|node| u64::from(node.number)).collect();
    let graph = Graph::from_edges(live.len(), edges);
    file.draw(&format!("{} ({})", network.name, network.shape), &labels, &graph)?;
    let path = file.path().display().to_string();
    match context.form {
        Form::Table => print_line(&path),
        Form::Json => print_json(&Answer { file: path, nodes: graph.node_count(), links: graph.edge_count() }),
    }
}

fn place_of(nodes: &[&NodeRecord], id: &NodeId) -> Option<usize> {
    nodes.iter().position(|node| node.id() == *id)
}
