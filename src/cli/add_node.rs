//! `gossip add-node`: one node more.

use std::time::Duration;

use rand::rngs::SmallRng;
use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, print_line, say};
use crate::lab::{AddedNode, add_node};

/// A node serves within a second of its start.
pub const USUAL_TIME: Duration = Duration::from_secs(10);

/// Adds a node with the next free number.
///
/// It joins by way of a few of those that live. Returns when it answers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip add-node
  gossip add-node && gossip wait")]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    node: u16,
    address: String,
    pid: u32,
}

/// Adds a node.
pub async fn run(_: Args, context: &Context) -> Result<(), Failure> {
    let mut random: SmallRng = rand::make_rng();
    let limit = context.limit(USUAL_TIME);
    let added = add_node(&context.registry, &context.caller, &context.name, &mut random, limit).await?;
    show(context, &added)
}

/// Says which node serves now.
pub fn show(context: &Context, added: &AddedNode) -> Result<(), Failure> {
    let node = &added.node;
    let (address, pid) = (node.address(), node.process.pid);
    if context.form == Form::Json {
        return print_json(&Answer { node: node.number, address, pid });
    }
    print_line(&format!("node {} ({address}) runs with pid {pid}", node.number))?;
    say(&format!("log: {}", added.log));
    Ok(())
}
