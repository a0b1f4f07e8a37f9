//! `gossip send-message`: gives a node a message to spread.

use std::io::Read;
use std::time::Duration;

use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line};
use crate::arguments::parse_duration;
use crate::client::{Acks, SubmissionShape};

/// More than any node takes unless it was told to; what is read of stdin must end somewhere.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

/// Sends a message into the network at one node, and prints the message's uuid.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip send-message 1 Apple
  gossip send-message 3 \"Ninety-nine percent of who you are is invisible\" --relays 2
  gossip send-message 1 Apple --acks all --wait 10s
  gossip send-message 2 -- \"- a text that begins with a dash\"
  git log -1 | gossip send-message 127.0.0.1:7005 -")]
pub struct Args {
    /// The node to send it into: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// The text, exactly as it should arrive; - reads it from stdin.
    #[arg(value_name = "MESSAGE")]
    message: String,

    /// Each node passes on the first K copies that arrive, so that more paths are seen; 1 to 16.
    #[arg(short, long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=16))]
    relays: Option<u8>,

    /// Hops that it may travel, 0 to 255 [default: the node's; 64 or more reaches everyone].
    #[arg(long, value_name = "N")]
    ttl: Option<u8>,

    /// Returns when K nodes hold it, NODE included, or all that live; exit code 1 if they do not in time.
    #[arg(long, value_name = "K|all", value_parser = parse_acks)]
    acks: Option<Acks>,

    /// How long to wait for them, up to 60s [default: 5s].
    #[arg(long, value_name = "DURATION", requires = "acks", value_parser = parse_duration)]
    wait: Option<Duration>,

    /// Your own name for the message, a uuid: sent again under it, it is no second message.
    #[arg(long, value_name = "UUID")]
    uuid: Option<Uuid>,
}

/// Sends the message.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let text = if args.message == "-" { read_stdin()? } else { args.message };
    let message = to_raw_value(&text).map_err(|error| Failure::No(error.to_string()))?;
    let submission = SubmissionShape { message, ttl: args.ttl, relays: args.relays, uuid: args.uuid };
    let submitted = match args.acks {
        None => target.client.submit(&submission).await,
        Some(acks) => target.client.submit_and_wait(&submission, acks, args.wait).await,
    };
    let submitted = submitted.map_err(|error| target.explain(error))?;
    match context.form {
        Form::Table => print_line(&submitted.uuid.to_string()),
        Form::Json => print_json(&submitted),
    }
}

fn parse_acks(text: &str) -> Result<Acks, String> {
    match text.parse::<usize>() {
        _ if text == "all" => Ok(Acks::All),
        Ok(count) if count > 0 => Ok(Acks::Count(count)),
        _ => Err("it is a number of nodes from 1 on, or all".to_owned()),
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text);
    read.map_err(|error| Failure::No(format!("cannot read the message from stdin: {error}")))?;
    Ok(text)
}
