//! `gossip heal`: ends all faults of a network.

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::injection::set_faults;
use super::output::{Form, print_json, print_line};
use crate::client::Faults;

/// Ends all faults of a network: partitions, delays, losses and pauses.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip heal
  gossip heal && gossip wait")]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    healed: Vec<u16>,
}

/// Ends the faults.
pub async fn run(_: Args, context: &Context) -> Result<(), Failure> {
    let network = context.network()?;
    let live = network.live_nodes();
    set_faults(context, &network, &live, vec![Faults::default(); live.len()]).await?;
    if context.form == Form::Json {
        return print_json(&Answer { healed: live.iter().map(|node| node.number).collect() });
    }
    print_line(&format!("{} nodes are without faults", live.len()))
}
