//! Scenarios: settings and a story, in TOML.
//!
//! The keys are the flags of the command. Each `[[event]]` has `at` (from the end of the warm-up) and one thing that
//! happens: `broadcasts`, `kill`, `partition`, `heal`, `joins`, `leaves`, `loss` or `latency`.

use std::path::Path;

use serde::Deserialize;

use super::flags::{Flags, Latency, Share, Span};
use crate::cli::failure::Failure;
use crate::sim::Act;

/// One event of a story.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Event {
    at: Span,
    broadcasts: Option<usize>,
    kill: Option<Share>,
    partition: Option<Share>,
    #[serde(default)]
    heal: bool,
    joins: Option<usize>,
    leaves: Option<usize>,
    loss: Option<Share>,
    latency: Option<Latency>,
}

/// Reads a scenario.
pub fn read(path: &Path) -> Result<(Flags, Vec<(u64, Act)>), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::No(format!("cannot read {}: {error}", path.display())))?;
    parse(&text).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn parse(text: &str) -> Result<(Flags, Vec<(u64, Act)>), String> {
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let events = table.remove("event").unwrap_or_else(|| toml::Value::Array(Vec::new()));
    // What the scenario is about, for its reader.
    table.remove("about");
    let events: Vec<Event> = events.try_into().map_err(|error: toml::de::Error| format!("event: {error}"))?;
    let flags: Flags = table.try_into().map_err(|error: toml::de::Error| error.to_string())?;
    let mut acts = Vec::new();
    for event in events {
        let at = event.at.0;
        let mut times = |count: Option<usize>, act: Act| {
            acts.extend(std::iter::repeat_n((at, act), count.unwrap_or(0)));
        };
        times(event.kill.map(|_| 1), Act::Kill(event.kill.map_or(0, |share| share.0)));
        times(event.partition.map(|_| 1), Act::Partition(event.partition.map_or(0, |share| share.0)));
        times(Some(usize::from(event.heal)), Act::Heal);
        times(event.joins, Act::Join);
        times(event.leaves, Act::Leave);
        times(event.loss.map(|_| 1), Act::Lose(event.loss.map_or(0, |share| share.0)));
        let Latency(low, high) = event.latency.unwrap_or(Latency(0, 0));
        times(event.latency.map(|_| 1), Act::Latency(low, high));
        times(event.broadcasts, Act::Broadcast);
    }
    Ok((flags, acts))
}
