//! Which systems there are, how each is started, and what is asked of all of them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::Options;
use super::agents::Agents;
use super::nodes::Nodes;

/// The names to choose from.
pub const NAMES: [&str; 7] = ["gossip_server", "iroh-gossip", "gossipsub", "chitchat", "foca", "serf", "floor"];

/// A payload came to a node for the first time.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub node: usize,
    /// Which payload.
    pub id: u64,
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub at: u64,
}

/// A running network. It ends when dropped.
pub trait System {
    /// The process of each node.
    fn processes(&self) -> &[u32];
    /// How many others each of the first so many nodes is linked with or knows to live, as the system has it.
    fn members(&mut self, of: usize) -> anyhow::Result<Vec<usize>>;
    /// Begins or ends to watch what arrives, where watching costs traffic.
    fn observe(&mut self, on: bool) -> anyhow::Result<()>;
    /// Has a node publish; does not wait.
    fn publish(&mut self, from: usize, id: u64, bytes: usize) -> anyhow::Result<()>;
    /// What arrived since this was last asked. Complete while it is watched.
    fn arrivals(&mut self) -> anyhow::Result<Vec<Arrival>>;
    /// Messages that went from node to node, where nodes count them.
    fn transmissions(&mut self) -> anyhow::Result<Option<u64>>;
}

/// Whom an agent is told to dial.
#[derive(Clone, Copy, Debug)]
pub enum Dialling {
    AllOthers,
    /// One that was started before it.
    OneEarlier,
    /// So many at random.
    Others(usize),
}

/// When a network is complete.
#[derive(Clone, Copy, Debug)]
pub enum Complete {
    /// Each node knows all others.
    All,
    /// Each has so many links, and none has changed for a while.
    Links(usize),
}

/// One system as it is to be measured.
#[derive(Clone, Debug)]
pub struct Contender {
    name: String,
    kind: Kind,
    /// How long to wait for one message to be everywhere before the next.
    pub gap: Duration,
    pub complete: Complete,
    /// Whether arrivals are told over the loopback, so that they are watched in a phase of their own.
    pub watched_apart: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Nodes { degree: usize },
    Agents { program: PathBuf, arguments: Vec<String>, counted: bool, dialling: Dialling },
}

impl Contender {
    /// What it is called in the report.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether each node learns of the death of any other.
    pub fn detects(&self) -> bool {
        matches!(self.complete, Complete::All) && self.name != "floor"
    }

    /// Whether it is measured in one round only.
    pub fn is_slow(&self) -> bool {
        self.gap > FAST
    }

    /// Whether it gets fewer messages.
    pub fn takes_seconds(&self) -> bool {
        self.gap >= Duration::from_secs(1)
    }

    /// Starts so many nodes.
    pub fn start(&self, nodes: usize, seed: u64) -> anyhow::Result<Box<dyn System>> {
        let mut random = SmallRng::seed_from_u64(seed);
        Ok(match &self.kind {
            Kind::Nodes { degree } => Box::new(Nodes::start(nodes, *degree, &mut random)?),
            Kind::Agents { program, arguments, counted, dialling } => {
                let mut arguments = arguments.clone();
                if *counted {
                    arguments.push(nodes.to_string());
                }
                Box::new(Agents::start(program, &arguments, nodes, *dialling, &mut random)?)
            }
        })
    }
}

/// Those that were asked for.
pub fn choose(options: &Options) -> anyhow::Result<Vec<Contender>> {
    let mut chosen = Vec::new();
    for name in &options.systems {
        if name == "gossip_server" {
            chosen.extend(options.degrees.iter().map(|degree| node(usize::from(*degree))));
            continue;
        }
        let program = options.peers.join(format!("peer-{name}"));
        ensure!(program.exists(), "{} is not built: bench/run propagation builds it", program.display());
        chosen.extend(peers(name, program));
    }
    Ok(chosen)
}

const FAST: Duration = Duration::from_millis(80);

fn node(degree: usize) -> Contender {
    Contender {
        name: format!("gossip_server, degree {degree}"),
        kind: Kind::Nodes { degree },
        gap: FAST,
        complete: Complete::All,
        watched_apart: true,
    }
}

/// The ways in which a peer is measured.
fn peers(name: &str, program: PathBuf) -> Vec<Contender> {
    let contender = |label: &str, arguments: &[&str], gap, complete, dialling| Contender {
        name: label.to_owned(),
        kind: Kind::Agents {
            program: program.clone(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            counted: name == "foca",
            dialling,
        },
        gap,
        complete,
        watched_apart: name == "serf",
    };
    let milliseconds = Duration::from_millis;
    match name {
        "iroh-gossip" => vec![contender(name, &[], FAST, Complete::Links(2), Dialling::OneEarlier)],
        "gossipsub" => vec![contender(name, &[], FAST, Complete::Links(4), Dialling::Others(4))],
        "chitchat" => [("100", 400), ("1000", 2_500)]
            .map(|(round, gap)| {
                let label = format!("chitchat, rounds of {round} ms");
                contender(&label, &[round], milliseconds(gap), Complete::All, Dialling::OneEarlier)
            })
            .to_vec(),
        "foca" => vec![contender(name, &[], milliseconds(600), Complete::All, Dialling::OneEarlier)],
        "serf" => vec![contender(name, &[], milliseconds(1_200), Complete::All, Dialling::OneEarlier)],
        _ => vec![contender(name, &[], FAST, Complete::All, Dialling::AllOthers)],
    }
}
