//! `gossip pause`: a node that hangs.

use super::context::Context;
use super::failure::Failure;
use super::injection::change_one;
use super::node_arg::NodeArg;

/// Lets a node neither hear nor speak to others, until resume or heal.
///
/// It still answers commands. What is sent to it waits, and is lost when its sender gives up (after 1 s for a message).
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

/// Pauses the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    change_one(context, &args.node, |faults| faults.paused = true, |node| format!("{node} is paused")).await
}
