//! `gossip simulate --reconcile`: what it costs two nodes to find out in what they differ.

use std::str::FromStr;

use crate::cli::failure::Failure;
use crate::cli::output::{Form, print_json, print_table, say};
use crate::sim::{Reconciliation, reconcile};

/// Numbers with commas between them: `0,1,100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub Vec<usize>);

impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Counts, String> {
        let parsed = text.split(',').map(|part| part.trim().parse::<usize>()).collect::<Result<_, _>>();
        parsed.map(Counts).map_err(|_| "write it as 100, or as 0,1,100".to_owned())
    }
}

/// Compares two nodes of so many entries, once for each number of entries that differ.
pub fn run(entries: usize, differ: &Counts, seed: u64, form: Form) -> Result<(), Failure> {
    let found: Vec<Reconciliation> = differ
        .0
        .iter()
        .map(|differing| reconcile(entries, *differing, seed).map_err(Failure::Usage))
        .collect::<Result<_, _>>()?;
    match form {
        Form::Json => print_json(&found)?,
        Form::Table => {
            print_table(
                &["entries", "differing", "round trips", "bytes", "messages", "their bytes", "agreed"],
                found.iter().map(row).collect(),
            )?;
            say("bytes: bodies of digests and comparisons both ways, without messages and without HTTP headers");
        }
    }
    match found.iter().find(|found| !found.agreed) {
        None => Ok(()),
        Some(found) => Err(Failure::No(format!("the two nodes still differ ({} entries of each)", found.differing))),
    }
}

fn row(found: &Reconciliation) -> Vec<String> {
    vec![
        found.entries.to_string(),
        found.differing.to_string(),
        found.round_trips.to_string(),
        found.bytes.to_string(),
        found.messages.to_string(),
        found.message_bytes.to_string(),
        if found.agreed { "yes" } else { "no" }.to_owned(),
    ]
}
