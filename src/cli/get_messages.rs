//! `gossip get-messages`: a node's log, and by which paths each message came.

use jiff::tz::TimeZone;

use super::clock::TimeForm;
use super::context::Context;
use super::failure::Failure;
use super::listing::{Listing, PathChoice};
use super::node_arg::NodeArg;
use super::output::{Form, print, print_json, say};
use crate::client::{KindFilter, MessageQuery, ReadFilter};

/// So many marks fit well into one request.
const MARKED_AT_ONCE: usize = 10_000;

/// Lists the messages that a node holds, with the paths by which they came.
///
/// A line each, the oldest first, with the path of the first arrival. What was printed counts as read at that node
/// afterwards.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip get-messages 10
  gossip get-messages 10 unread --time
  gossip get-messages 10 --all-paths
  gossip get-messages 10 -ppp -tt
  gossip get-messages db1.example:7000 -o json")]
pub struct Args {
    /// The node to ask: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// Which messages.
    #[arg(value_enum, value_name = "WHICH", default_value_t)]
    which: Which,

    /// Lists a path below each message: -p the shortest, -pp the longest, -ppp both.
    #[arg(short = 'p', long = "path", action = clap::ArgAction::Count, conflicts_with = "all_paths")]
    path: u8,

    /// Lists all paths below each message.
    #[arg(short = 'A', long)]
    all_paths: bool,

    /// Shows when each message arrived: -t the time, -tt date and time, -ttt both with the zone.
    #[arg(short = 't', long = "time", action = clap::ArgAction::Count)]
    time: u8,

    /// Includes the messages about favourite books.
    #[arg(long)]
    books: bool,

    /// At most so many messages, the oldest ones, 1 to 100000.
    #[arg(long, value_name = "N", default_value_t = MessageQuery::MAX_LIMIT, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MessageQuery::MAX_LIMIT)))]
    limit: u32,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Which {
    /// Read and unread ones.
    #[default]
    All,
    /// Those not yet read at this node.
    Unread,
    /// Those already read at this node.
    Read,
}

impl Args {
    fn query(&self) -> MessageQuery {
        let status = match self.which {
            Which::All => ReadFilter::All,
            Which::Unread => ReadFilter::Unread,
            Which::Read => ReadFilter::Read,
        };
        let kind = if self.books { KindFilter::All } else { KindFilter::Message };
        MessageQuery { status, kind, limit: self.limit }
    }

    fn paths(&self) -> PathChoice {
        match self.path {
            _ if self.all_paths => PathChoice::All,
            0 => PathChoice::First,
            1 => PathChoice::Shortest,
            2 => PathChoice::Longest,
            _ => PathChoice::Both,
        }
    }
}

/// Lists the messages.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let messages = target.client.messages(args.query()).await.map_err(|error| target.explain(error))?;
    match context.form {
        Form::Json => print_json(&messages)?,
        Form::Table => {
            let (names, time) = (target.names, TimeForm::of_count(args.time));
            let listing = Listing { names, paths: args.paths(), time, zone: TimeZone::system() };
            print(&messages.iter().map(|message| listing.show(message)).collect::<String>())?;
            if messages.is_empty() {
                say(&format!("{} holds no such messages", target.full()));
            }
        }
    }
    // Only now: what could not be printed was not read.
    let unread: Vec<_> = messages.iter().filter(|message| !message.read).map(|message| message.uuid).collect();
    for marked in unread.chunks(MARKED_AT_ONCE) {
        target.client.mark_read(marked.to_vec()).await.map_err(|error| target.explain(error))?;
    }
    Ok(())
}
