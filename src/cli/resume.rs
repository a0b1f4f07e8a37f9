//! `gossip resume`: ends a pause.

use super::context::Context;
use super::failure::Failure;
use super::injection::change_one;
use super::node_arg::NodeArg;

/// Ends the pause of a node; its other faults stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip pause 4
  gossip resume 4

The network must be started with --allow-fault-injection.")]
pub struct Args {
    /// The node: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,
}

/// Resumes the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    change_one(context, &args.node, |faults| faults.paused = false, |node| format!("{node} goes on")).await
}
