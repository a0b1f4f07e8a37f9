//! `gossip restart-node`: a node again, as it was started before.

use rand::rngs::SmallRng;

use super::add_node::{USUAL_TIME, show};
use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use crate::lab::restart_node;

/// Starts a node again under its number.
///
/// Whether it was removed, crashed, or still runs (then it leaves first). It has all earlier messages again after a
/// moment. Returns when it answers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip restart-node 7
  gossip restart-node 7 && gossip wait")]
pub struct Args {
    /// The node's number, or its host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,
}

/// Restarts the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let number = context.number(&context.network()?, &args.node)?;
    let mut random: SmallRng = rand::make_rng();
    let limit = context.limit(USUAL_TIME);
    let added = restart_node(&context.registry, &context.caller, &context.name, number, &mut random, limit).await?;
    show(context, &added)
}
