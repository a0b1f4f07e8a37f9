//! `gossip remove-node`: takes a node out of its network.

use std::time::Duration;

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line};
use crate::lab::{Ending, LabError, forget_node, remove_node};

/// A node that was killed is held for down within a few seconds, and only then can be forgotten.
const FORGET_TIME: Duration = Duration::from_secs(30);

/// Takes a node out of its network; the others find new peers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip remove-node 7
  gossip remove-node 7 --crash
  gossip remove-node 7 --forget

restart-node brings it back.")]
pub struct Args {
    /// The node's number, or its host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// Kills it (kill -9) instead of letting it tell its peers that it leaves.
    #[arg(long)]
    crash: bool,

    /// Has it forgotten by all others at once, instead of after a day, with the key by which they know it (--sign); a
    /// node that is gone already as well.
    #[arg(long)]
    forget: bool,
}

#[derive(Serialize)]
struct Answer {
    node: u16,
    removed: bool,
    killed: bool,
    forgotten: bool,
}

/// Removes the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let number = context.number(&context.network()?, &args.node)?;
    let how = if args.crash { Ending::Kill } else { Ending::Graceful };
    let removed = remove_node(&context.registry, &context.name, number, how).await;
    let forced = match removed {
        Err(LabError::NodeNotRunning { .. }) if args.forget => false,
        removed => removed?,
    };
    if args.forget {
        let limit = context.limit(FORGET_TIME);
        forget_node(&context.registry, &context.caller, &context.name, number, limit).await?;
    }
    if context.form == Form::Json {
        let killed = forced || args.crash;
        return print_json(&Answer { node: number, removed: true, killed, forgotten: args.forget });
    }
    print_line(&match (args.crash, forced) {
        _ if args.forget => format!("node {number} is gone and forgotten"),
        (true, _) => format!("node {number} was killed"),
        (false, false) => format!("node {number} has left"),
        (false, true) => format!("node {number} did not leave by itself and was killed"),
    })
}
