//! How fast a message spreads over N real processes and what that costs, beside other systems in the same run:
//! `bench/run propagation`.
//!
//! Each system is started as one process per node on this machine, must know its network, and is warmed up with one message
//! of each node. Then, in this order: it idles; it takes messages one at a time, whose traffic and processor time are counted
//! while nobody watches; the same again, watched; and messages at a steady rate, watched. At last, in the first round, one process is killed with kill -9. The systems take turns, several
//! rounds of them (one for those that are slow by design), and each figure is the median of the rounds with the least and the greatest beside it.
//!
//! What it takes that nobody watches: our nodes tell their arrivals over `GET /events`, which is traffic of its own. The
//! arrival is the kernel's stamp of the event at our socket, so that the reader can sleep while the message spreads; but the
//! node's writing of the event and the event's way are in the figure. Agents of the other systems stamp what arrives by
//! themselves and tell it when asked, which costs them next to nothing (Serf's tells it as our nodes do).
//!
//! The kernel's counters of the loopback know no process. So the whole benchmark runs in a network namespace of its own where
//! it may make one, and says so where it may not. What a submission itself moves over the loopback is measured at a single
//! node that has nobody to tell, and taken off.
//!
//! Look next at `phases` for what is measured, `systems` for what is started, `report` for what comes of it.

mod agents;
mod gauges;
mod isolation;
mod nodes;
mod phases;
mod report;
mod streams;
mod systems;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use report::Report;
use systems::Contender;

/// What to measure.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Sizes of the network.
    #[arg(long, value_delimiter = ',', default_value = "16,32,64", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    nodes: Vec<u16>,
    /// Links of each node, for gossip_server.
    #[arg(long, value_delimiter = ',', default_value = "3,5", value_parser = clap::value_parser!(u16).range(2..=50))]
    degrees: Vec<u16>,
    /// Which systems take part.
    #[arg(long, value_delimiter = ',', default_values_t = systems::NAMES.map(str::to_owned), value_parser = systems::NAMES)]
    systems: Vec<String>,
    /// Messages one at a time, in each round. Systems that take a second or so for one get a third of them.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(3..))]
    messages: u32,
    /// Bytes of a message.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(16..=1_000))]
    bytes: u32,
    /// Messages a second in the phase of a steady rate; 0 leaves it out.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=1_000))]
    rate: u32,
    /// Seconds of the steady rate.
    #[arg(long, default_value_t = 3)]
    rate_seconds: u32,
    /// Seconds of idling, over all rounds.
    #[arg(long, default_value_t = 20)]
    idle: u32,
    /// Rounds. Systems that leave some messages to their next round of gossip are measured in the first alone.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// One short round of 16 nodes.
    #[arg(long)]
    quick: bool,
    /// Seed of the graphs and of who dials whom.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What is printed: table or json. Both are written to files as well, with a chart.
    #[arg(short, long, default_value = "table", value_parser = ["table", "json"])]
    output: String,
    /// Where propagation.json, propagation.txt and propagation.svg go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Where the agents of the other systems were built.
    #[arg(long, default_value = "target/peers/release")]
    peers: PathBuf,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        (options.nodes, options.messages, options.rounds) = (vec![16], 10, 1);
        (options.idle, options.rate_seconds) = (3, 1);
    }
    let own_network = match isolation::enter() {
        Ok(own) => own,
        Err(error) => {
            eprintln!("no network namespace of its own ({error}): other traffic on the loopback is counted as well");
            false
        }
    };
    match measure(&options, own_network) {
        Ok(report) => report.write(&options),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options, own_network: bool) -> anyhow::Result<Report> {
    gauges::raise_file_limit()?;
    let contenders: Vec<Contender> = systems::choose(options)?;
    let mut report = Report::new(options, own_network);
    for nodes in options.nodes.iter().map(|nodes| usize::from(*nodes)) {
        for round in 0..options.rounds {
            for contender in contenders.iter().filter(|contender| round == 0 || !contender.is_slow()) {
                eprintln!("{nodes} nodes, round {} of {}: {}", round + 1, options.rounds, contender.name());
                match phases::run(options, contender, nodes, round) {
                    Ok(round) => report.add(contender, nodes, round),
                    // The others' figures stand without it; the report names it.
                    Err(error) => report.note(format!("{} with {nodes} nodes: {error:#}", contender.name())),
                }
            }
        }
    }
    Ok(report)
}
