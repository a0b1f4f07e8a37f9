//! `gossip remove-node`: takes a node out of its network.

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line};
use crate::lab::{Ending, remove_node};

/// Takes a node out of its network; the others find new peers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip remove-node 7
  gossip remove-node 7 --crash

restart-node brings it back.")]
pub struct Args {
    /// The node's number, or its host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// Kills it (kill -9) instead of letting it tell its peers that it leaves.
    #[arg(long)]
    crash: bool,
}

#[derive(Serialize)]
struct Answer {
    node: u16,
    removed: bool,
    killed: bool,
}

/// Removes the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let number = context.number(&context.network()?, &args.node)?;
    let how = if args.crash { Ending::Kill } else { Ending::Graceful };
    let forced = remove_node(&context.registry, &context.name, number, how).await?;
    if context.form == Form::Json {
        return print_json(&Answer { node: number, removed: true, killed: forced || args.crash });
    }
    print_line(&match (args.crash, forced) {
        (true, _) => format!("node {number} was killed"),
        (false, false) => format!("node {number} has left"),
        (false, true) => format!("node {number} did not leave by itself and was killed"),
    })
}
