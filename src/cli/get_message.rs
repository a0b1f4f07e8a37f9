//! `gossip get-message`: one message by its uuid.

use jiff::tz::TimeZone;

use super::clock::TimeForm;
use super::context::Context;
use super::failure::Failure;
use super::listing::{Listing, PathChoice};
use super::node_arg::NodeArg;
use super::output::{Form, print, print_json};

/// Fewer digits would name too many messages.
const LEAST_DIGITS: usize = 4;

/// Shows one message with all paths by which it came to a node.
///
/// It counts as read at that node afterwards.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip get-message 5 7d444840-9dc0-41d1-b245-5ffdce74fad2
  gossip get-message 5 7d44")]
pub struct Args {
    /// The node to ask: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// The message's uuid, or its first digits, at least 4.
    #[arg(value_name = "UUID", value_parser = check_uuid)]
    uuid: String,
}

/// Checks a uuid or its first digits.
pub fn check_uuid(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    if !plain || !(LEAST_DIGITS..=32).contains(&digits) {
        return Err(format!("a uuid has 32 hexadecimal digits, of which the first {LEAST_DIGITS} may do"));
    }
    Ok(text.to_owned())
}

/// Shows the message.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let message = target.client.message(&args.uuid).await.map_err(|error| target.explain(error))?;
    match context.form {
        Form::Json => print_json(&message)?,
        Form::Table => {
            let (names, zone) = (target.names, TimeZone::system());
            let listing = Listing { names, paths: PathChoice::All, time: TimeForm::Date, zone };
            print(&listing.show(&message))?;
        }
    }
    if !message.read {
        target.client.mark_read(vec![message.uuid]).await.map_err(|error| target.explain(error))?;
    }
    Ok(())
}
