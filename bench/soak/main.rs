//! A long run of a real network under constant harm: `cargo bench --bench soak` (an hour), `-- --duration 3min` (a short one).
//!
//! 16 nodes with disks take messages and change their books. Every 20 s one is killed with kill -9 and started again,
//! every 2 min the network is torn in two. Nothing that was acknowledged may be missing anywhere at the end, nothing may be
//! delivered twice, no version may fall; memory, open files, threads and disk must be flat over the second half; and at the
//! end no disk may hold more messages than a log. The nodes' logs are kept short, so that they are full long before that.
//! Exit code 1 when any of this was broken.
//!
//! The curves are written as JSON and SVG. Some nodes are never killed: what a leak would cost shows in them.

mod gauges;
mod ledger;
mod nodes;
mod story;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long, how many, and what is done to them.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// How long the network is harmed.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Nodes, 4 to 64.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(4..=64))]
    nodes: u16,
    /// Nodes that are never killed.
    #[arg(long, default_value_t = 4)]
    spared: usize,
    /// Messages submitted each second.
    #[arg(long, default_value_t = 10)]
    rate: u32,
    /// Messages that each node's log remembers. Messages must not be evicted before a restarted node had them.
    #[arg(long, default_value_t = 600)]
    log: usize,
    /// Time between two kills.
    #[arg(long, default_value = "20s", value_parser = humantime::parse_duration)]
    kill_every: Duration,
    /// Time between two partitions.
    #[arg(long, default_value = "2min", value_parser = humantime::parse_duration)]
    partition_every: Duration,
    /// How long a partition lasts.
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    partition_for: Duration,
    /// Decides whom it hits.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where soak.json and soak.svg go.
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
    /// Only draws the curves of a run that is over, from its soak.json.
    #[arg(long, value_name = "FILE")]
    draw_again: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(file) = &options.draw_again {
        let drawn = story::draw_again(file, &options.out);
        return drawn.map_or_else(|error| fail(file, &error), |()| ExitCode::SUCCESS);
    }
    let report = story::tell(&options);
    let written = report.write(&options.out);
    report.print();
    if let Err(error) = written {
        return fail(&options.out, &error);
    }
    println!("curves: {}", options.out.join("soak.svg").display());
    if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(path: &Path, error: &std::io::Error) -> ExitCode {
    eprintln!("{}: {error}", path.display());
    ExitCode::FAILURE
}
