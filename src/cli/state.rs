//! `gossip state`: what a node knows of everyone.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::clock::age;
use super::context::Context;
use super::failure::Failure;
use super::listing::Book;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_table};
use super::plain_text::{compact, escape};

/// Shows what a node knows of every node: its book, version, status and age.
///
/// A state that is no book is shown as JSON. AGE is how long ago that version arrived at the node that is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip state 3
  gossip state 3 -o json")]
pub struct Args {
    /// The node to ask: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,
}

/// Shows the table.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let names = target.names;
    let states = target.client.states().await.map_err(|error| target.explain(error))?;
    if context.form == Form::Json {
        return print_json(&states);
    }
    let now = Timestamp::now();
    let mut states: Vec<_> = states.into_iter().collect();
    states.sort_by_key(|(id, _)| names.rank(id));
    let cells = |(id, state): (crate::protocol::NodeId, crate::client::StateReport)| {
        let (status, age) = (state.status.name().to_owned(), age(&state.updated_at, now));
        vec![names.short(&id), state.version.to_string(), status, age, told(&state.payload)]
    };
    print_table(&["node", "version", "status", "age", "book"], states.into_iter().map(cells).collect())
}

/// What a node says of itself, on one line: its book, or its state as JSON.
pub fn told(payload: &RawValue) -> String {
    match serde_json::from_str::<Book>(payload.get()) {
        Ok(Book { book }) => escape(&book),
        Err(_) => escape(&compact(payload)),
    }
}
