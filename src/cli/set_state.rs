//! `gossip set-state`: what a node says of itself.

use std::io::Read;
use std::path::PathBuf;

use serde_json::value::RawValue;

use super::context::Context;
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line};
use crate::wire::check_payload;

/// More than any node takes; what is read of a file or stdin must end somewhere.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

/// Sets the state of a node: any JSON, which soon every node knows. It draws no more books.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip set-state 1 '{\"role\": \"db\", \"load\": 0.4}'
  gossip set-state 1 --merge '{\"load\": 0.7, \"note\": null}'   changes some members, removes others
  gossip set-state 1 --file state.json
  gossip set-state 1 --unset                                  back to books")]
pub struct Args {
    /// The node: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// The state as JSON.
    #[arg(value_name = "JSON", required_unless_present_any = ["file", "unset"], conflicts_with_all = ["file", "unset"])]
    state: Option<String>,

    /// Reads the state from a file; - is stdin.
    #[arg(short, long, value_name = "FILE", conflicts_with = "unset")]
    file: Option<PathBuf>,

    /// Merges into the present state instead of replacing it; a member that is null goes (RFC 7396).
    #[arg(short, long, conflicts_with = "unset")]
    merge: bool,

    /// Returns to drawing books.
    #[arg(long)]
    unset: bool,
}

/// Sets the state.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let answered = if args.unset {
        target.client.clear_state().await
    } else {
        let text = match (args.state, args.file) {
            (Some(text), _) => text,
            (None, Some(file)) => read(&file)?,
            (None, None) => return Err(Failure::Usage("a state is needed: JSON, --file or --unset".to_owned())),
        };
        let state: Box<RawValue> = serde_json::from_str(&text).map_err(|error| {
            // The same words as the node's.
            let said = check_payload(&text).err().unwrap_or_else(|| error.to_string());
            Failure::Usage(format!("the state is no JSON: {said}"))
        })?;
        if args.merge { target.client.merge_state(&state).await } else { target.client.set_state_raw(&state).await }
    };
    let version = answered.map_err(|error| target.explain(error))?;
    match context.form {
        Form::Table => print_line(&format!("{} is at version {}", target.full(), version.version)),
        Form::Json => print_json(&version),
    }
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_INPUT).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::No(format!("cannot read {}: {error}", path.display())))?;
    Ok(text)
}
