//! What the benchmark `propagation` and an agent of a peer system say to each other over the agent's standard streams.
//!
//! The agent first prints `ready ADDRESS PID`: what others are told to dial, and the process to be measured. It is told, each
//! in a line of its own:
//!
//! - `dial ADDRESS...`: link up with these.
//! - `members`: answered with `members N`, how many others it is linked with or knows to live, as the system has it.
//! - `publish ID BYTES`: publish the payload of that number, that long.
//! - `observe on` and `observe off`: only for a system whose deliveries cost traffic to see.
//! - `take`: answered with a line `got ID NS` for each payload that came since it was last asked, in nanoseconds of
//!   CLOCK_MONOTONIC, which the processes of one machine share, and with `taken`.
//!
//! An arrival is stamped and kept, and told only when asked for: watching costs an agent one reading of the clock. The agent
//! ends when its input does.

use std::collections::HashSet;
use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Mutex;

use anyhow::{Context, bail};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;

/// What an agent is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Link up with these.
    Dial(Vec<String>),
    /// Say how many others there are, with [`tell_members`].
    Members,
    /// Publish the payload of that number and length.
    Publish { id: u64, bytes: usize },
    /// Watch, or do not.
    Observe(bool),
}

/// What arrived, and when.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Arrivals>);

#[derive(Debug, Default)]
struct Arrivals {
    known: HashSet<u64>,
    untold: Vec<(u64, u64)>,
}

impl Ledger {
    /// Notes a payload, now. Whether it is the first of its number.
    pub fn note(&self, payload: &[u8]) -> bool {
        let Some(id) = number(payload) else { return false };
        let now = now();
        let mut arrivals = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let first = arrivals.known.insert(id);
        if first {
            arrivals.untold.push((id, now));
        }
        first
    }

    fn tell(&self) {
        let mut arrivals = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut lines = String::new();
        for (id, at) in arrivals.untold.drain(..) {
            lines.push_str(&format!("got {id} {at}\n"));
        }
        say(&(lines + "taken"));
    }
}

/// Nanoseconds of CLOCK_MONOTONIC.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The payload of a number: text that begins with it, as some systems carry only text.
#[must_use]
pub fn payload(id: u64, bytes: usize) -> String {
    format!("{:.<bytes$}", format!("{id} "))
}

/// The number of a payload.
#[must_use]
pub fn number(payload: &[u8]) -> Option<u64> {
    let end = payload.iter().position(|byte| *byte == b' ')?;
    std::str::from_utf8(&payload[..end]).ok()?.parse().ok()
}

/// Says that the agent can be dialled under this address; the process to be measured is this one.
pub fn tell_ready(address: impl std::fmt::Display) {
    tell_ready_for(address, std::process::id());
}

/// Says that the agent can be dialled under this address, and which process is to be measured.
pub fn tell_ready_for(address: impl std::fmt::Display, process: u32) {
    say(&format!("ready {address} {process}"));
}

/// Says how many others there are.
pub fn tell_members(count: usize) {
    say(&format!("members {count}"));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the input ends as well, and with it the agent.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// What the agent is asked to do, one after another.
pub struct Commands(Lines<BufReader<pipe::Receiver>>);

impl Commands {
    /// Begins to read the standard input, which must be a pipe.
    ///
    /// # Errors
    /// It is none.
    pub fn new() -> anyhow::Result<Commands> {
        let input = std::io::stdin().as_fd().try_clone_to_owned()?;
        let input = pipe::Receiver::from_owned_fd(input).context("the standard input must be a pipe")?;
        Ok(Commands(BufReader::new(input).lines()))
    }

    /// The next one, when it comes; none at the end. Questions for what the ledger holds are answered here. Nothing is lost
    /// when the wait is given up.
    ///
    /// # Errors
    /// A line that is none of the commands.
    pub async fn next(&mut self, ledger: &Ledger) -> anyhow::Result<Option<Command>> {
        loop {
            let Some(line) = self.0.next_line().await? else { return Ok(None) };
            let words: Vec<&str> = line.split_whitespace().collect();
            return Ok(Some(match words[..] {
                ["take"] => {
                    ledger.tell();
                    continue;
                }
                ["dial", ref addresses @ ..] => Command::Dial(addresses.iter().map(ToString::to_string).collect()),
                ["members"] => Command::Members,
                ["publish", id, bytes] => Command::Publish { id: id.parse()?, bytes: bytes.parse()? },
                ["observe", choice] => Command::Observe(choice == "on"),
                _ => bail!("not a command: {line:?}"),
            }));
        }
    }
}

/// The argument of this place as a number.
///
/// # Errors
/// There is none, or it is none.
pub fn argument(place: usize, name: &str) -> anyhow::Result<u64> {
    let text = std::env::args().nth(place).with_context(|| format!("argument {place} is missing: {name}"))?;
    text.parse().with_context(|| format!("{name} must be a whole number, not {text:?}"))
}

/// The addresses of a command to dial.
///
/// # Errors
/// One of them is none.
pub fn sockets(addresses: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    addresses.iter().map(|text| text.parse().with_context(|| format!("not an address: {text:?}"))).collect()
}
