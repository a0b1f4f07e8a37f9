//! `gossip lose`: a node with a bad connection.

use super::context::Context;
use super::failure::Failure;
use super::injection::change_one;
use super::node_arg::NodeArg;

/// Loses a share of a node's exchanges with others, until heal.
///
/// Half of the lost ones are lost before the other side has processed them, half after it, with their answer. Commands
/// lose nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip lose 3 20%
  gossip lose 3 0
  gossip heal

The network must be started with --allow-fault-injection.")]
pub struct Args {
    /// The node: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// The share, 0 to 100 %; 0 ends it.
    #[arg(value_name = "PERCENT", value_parser = parse_percent)]
    percent: u8,
}

fn parse_percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|percent| *percent <= 100);
    number.ok_or_else(|| "a whole number from 0 to 100, such as 20%".to_owned())
}

/// Makes the node lose exchanges.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let percent = args.percent;
    let done = |node: &str| match percent {
        0 => format!("{node} loses nothing"),
        _ => format!("{node} loses {percent}% of its exchanges"),
    };
    change_one(context, &args.node, |faults| faults.lose_percent = percent, done).await
}
