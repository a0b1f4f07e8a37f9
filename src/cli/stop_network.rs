//! `gossip stop-network`: ends exactly the processes of one network.

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, print_line};
use crate::lab::stop_network;

/// Stops a network.
///
/// Exactly the processes that start-network, add-node and restart-node started for it. Its logs stay; what its
/// nodes kept on disk is removed with it, unless --keep-data is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip stop-network
  gossip stop-network --name two
  gossip stop-network --keep-data && gossip start-network --keep-data

Exit code 1 also when no such network runs.")]
pub struct Args {
    /// Leaves what the nodes kept on disk for start-network --keep-data.
    #[arg(long)]
    keep_data: bool,
}

#[derive(Serialize)]
struct Answer {
    name: String,
    stopped: usize,
    killed: usize,
    ended_before: usize,
}

/// Stops the network.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let stopped = stop_network(&context.registry, &context.name, args.keep_data).await?;
    if context.form == Form::Json {
        return print_json(&Answer {
            name: context.name.to_string(),
            stopped: stopped.stopped,
            killed: stopped.killed,
            ended_before: stopped.ended_before,
        });
    }
    let nodes = if stopped.stopped == 1 { "node" } else { "nodes" };
    let mut line = format!("stopped {} {nodes} of network {}", stopped.stopped, context.name);
    if stopped.killed > 0 {
        line.push_str(&format!("; {} did not end by themselves and were killed", stopped.killed));
    }
    if stopped.ended_before > 0 {
        line.push_str(&format!("; {} had ended before", stopped.ended_before));
    }
    print_line(&line)
}
