//! A node for Maelstrom's `broadcast` workload, which is the same node as everywhere else with another driver.
//!
//! Maelstrom (<https://github.com/jepsen-io/maelstrom>) starts this program once per node and speaks JSON with it, one
//! message per line on stdin and stdout: `maelstrom test -w broadcast --bin target/release/examples/maelstrom
//! --node-count 25 --time-limit 20 --rate 100 --latency 100`. The driver (`driver.rs`) puts what the clients ask to a
//! [`gossip_network::protocol::Node`], and carries that node's calls to the others with the codec that HTTP uses, in two
//! message types of its own (`lines.rs`). Who is whose neighbour is decided here (`shape.rs`) and not by the proposed
//! topology; `topology_ok` is said as soon as those links stand.
//!
//! `--batch` gathers what is to be sent over a link, so that one message and its answer carry many values. The windows
//! are those of the wall clock, and a hub's close `--hub-lag` after the others', just when their messages have come: a
//! value then waits once and not twice. Where clocks disagree by more, values take up to one window longer; nothing else
//! depends on it.
//!
//! Two settings for 25 nodes, 100 ms and rate 100: `--batch 200ms` is quick; `--batch 1300ms --hub-lag 180ms --heartbeat 10s`
//! needs less than one message per operation. `spec/maelstrom.rs` measures both.

mod driver;
mod lines;
mod shape;

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use clap::Parser;

use driver::Driver;
use shape::Shape;

/// A node for Maelstrom's broadcast workload: line JSON on stdin and stdout.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Who is whose neighbour, whatever topology is proposed.
    #[arg(long, value_enum, default_value_t = Shape::Star)]
    shape: Shape,
    /// Each link carries at most one envelope per window of this length, 0s to 10s.
    #[arg(long, default_value = "200ms", value_parser = humantime::parse_duration)]
    batch: Duration,
    /// A hub's windows end so long after the others': the time that a message takes from a node to a hub, and a bit.
    #[arg(long, default_value = "120ms", value_parser = humantime::parse_duration)]
    hub_lag: Duration,
    /// Time between two comparisons over a link; a lost link is tried again in a quarter of it.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    heartbeat: Duration,
}

fn main() -> ExitCode {
    let mut driver = Driver::new(Options::parse());
    let (send, lines) = mpsc::channel();
    // The one thing that blocks has a thread of its own, so that the node's timers are kept.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.send(line).is_err() {
                return;
            }
        }
    });
    loop {
        let received = match driver.pause() {
            Some(pause) => lines.recv_timeout(pause),
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let done = match received {
            Ok(line) => driver.hear(&line),
            Err(RecvTimeoutError::Timeout) => driver.wake(),
            // Maelstrom closes stdin at the end of a test.
            Err(RecvTimeoutError::Disconnected) => return ExitCode::SUCCESS,
        };
        if let Err(error) = done {
            eprintln!("maelstrom: {error:#}");
            return ExitCode::FAILURE;
        }
    }
}
