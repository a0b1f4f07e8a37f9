//! `gossip wait`: until all live nodes agree.

use std::time::Duration;

use serde::Serialize;

use super::bar::Bar;
use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, print_line};
use crate::lab::{Agreement, Difference, wait_for_agreement};

/// Nodes that can agree do so within seconds.
const USUAL_TIME: Duration = Duration::from_secs(30);

/// So many differences are told one by one.
const TOLD: usize = 10;

/// Waits until all live nodes agree.
///
/// That is: every one lists the same living nodes, holds every message, and of each node at least the state that it had
/// when the waiting began.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip wait
  gossip wait --timeout 2min && echo everyone knows

When time is up (30s unless said) it says who differs in what; exit code 1.")]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    agree: bool,
    nodes: usize,
    seconds: f64,
}

/// Waits.
pub async fn run(_: Args, context: &Context) -> Result<(), Failure> {
    let network = context.network()?;
    let limit = context.limit(USUAL_TIME);
    let bar = Bar::new();
    let outcome = wait_for_agreement(&context.caller, &network, limit, &mut |progress| bar.show(progress)).await;
    drop(bar);
    let agreement = outcome.map_err(|differences| disagreement(&differences, limit))?;
    match context.form {
        Form::Table => print_line(&did_agree(agreement)),
        Form::Json => {
            print_json(&Answer { agree: true, nodes: agreement.nodes, seconds: agreement.elapsed.as_secs_f64() })
        }
    }
}

/// That all agree, in words.
pub fn did_agree(agreement: Agreement) -> String {
    format!("all {} nodes agree after {:.1} s", agreement.nodes, agreement.elapsed.as_secs_f64())
}

/// That they do not, and who differs in what.
pub fn disagreement(differences: &[Difference], limit: Duration) -> Failure {
    let mut text = format!("the nodes do not agree after {}", humantime::format_duration(limit));
    for difference in differences.iter().take(TOLD) {
        text.push_str(&format!("\n  {difference}"));
    }
    if let Some(more) = differences.len().checked_sub(TOLD).filter(|more| *more > 0) {
        text.push_str(&format!("\n  and {more} more"));
    }
    Failure::No(text)
}
