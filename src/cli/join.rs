//! `gossip join`: a running node is told of one more seed.

use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line};

/// Names a running node a seed to ask for a place, so that it finds another part of its network, or a network at all.
///
/// It goes on asking until it has found a peer that way. The seed is not kept when the node is started again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip join 3 17
  gossip join 127.0.0.1:7003 db1.example:7000 --token-file token")]
pub struct Args {
    /// The node to tell: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// The node that it should ask: its number, or host:port.
    #[arg(value_name = "SEED")]
    seed: NodeArg,
}

/// Tells the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let (target, seed) = (context.target(&args.node)?, context.target(&args.seed)?.id);
    let report = target.client.join(&seed).await.map_err(|error| target.explain(error))?;
    match context.form {
        Form::Table => print_line(&format!("{} asks {} for a place", target.full(), target.names.full(&seed))),
        Form::Json => print_json(&report),
    }
}
