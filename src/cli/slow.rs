//! `gossip slow`: a node that is far away.

use std::time::Duration;

use super::context::Context;
use super::failure::Failure;
use super::injection::change_one;
use super::node_arg::NodeArg;
use crate::arguments::parse_duration;

/// The longest delay that a node takes.
const LONGEST: Duration = Duration::from_secs(60);

/// Delays all that a node sends to others and hears from them, until heal.
///
/// The delay comes before a request is sent and before one that arrived is processed. A request that is late by more
/// than its sender waits (1 s for a message) is lost. Commands are not delayed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip slow 5 200ms
  gossip slow 5 0
  gossip heal

The network must be started with --allow-fault-injection.")]
pub struct Args {
    /// The node: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// By how much, up to 60s; 0 ends it.
    #[arg(value_name = "DELAY", value_parser = parse_delay)]
    delay: Duration,
}

fn parse_delay(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let delay = parse_duration(text)?;
    if delay > LONGEST { Err("it must be 60s at most".to_owned()) } else { Ok(delay) }
}

/// Slows the node down.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let delay_ms = u64::try_from(args.delay.as_millis()).unwrap_or(u64::MAX);
    let done = |node: &str| match delay_ms {
        0 => format!("{node} is as fast as before"),
        _ => format!("{node} is late by {delay_ms} ms"),
    };
    change_one(context, &args.node, |faults| faults.delay_ms = delay_ms, done).await
}
