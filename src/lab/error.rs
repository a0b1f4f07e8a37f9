//! Why something could not be done to a network, in sentences for the person at the command line.

use std::io;
use std::path::PathBuf;

use super::NetworkName;

/// What the user types to run this program: the wrapper in `bin/` says under which name it was called.
pub fn typed_command() -> String {
    std::env::var("GOSSIP_COMMAND").unwrap_or_else(|_| "gossip".to_owned())
}

/// Why something could not be done to a network.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No network of that name runs.
    #[error("no network named {name} runs; start one with: {} start-network{}", typed_command(), name_flag(.name))]
    NotRunning {
        /// Its name.
        name: NetworkName,
    },
    /// One runs already.
    #[error(
        "network {name} runs already with {live} nodes; stop it with: {} stop-network{}\n\
         or start this one beside it with another --name and --base-port", typed_command(), name_flag(.name)
    )]
    AlreadyRuns {
        /// Its name.
        name: NetworkName,
        /// How many of its processes run.
        live: usize,
    },
    /// Somebody wanted the data of an earlier network kept.
    #[error(
        "network {name} was stopped with --keep-data, and what its nodes kept is in {}\n\
         go on with it: {} start-network{} --keep-data\n\
         or remove it:  {} start-network{} --discard-data",
        .folder.display(), typed_command(), name_flag(.name), typed_command(), name_flag(.name)
    )]
    DataKept {
        /// Its name.
        name: NetworkName,
        /// Where it is.
        folder: PathBuf,
    },
    /// The network never had a node of that number.
    #[error("network {name} has no node {number}; its nodes are numbered 1 to {last}")]
    NoSuchNode {
        /// The network.
        name: NetworkName,
        /// What was asked for.
        number: u16,
        /// The greatest number in use.
        last: u16,
    },
    /// The node's process does not run.
    #[error("node {number} of network {name} does not run")]
    NodeNotRunning {
        /// The network.
        name: NetworkName,
        /// The node.
        number: u16,
    },
    /// The node's process runs, so the others would hear of it again.
    #[error("node {number} of network {name} still runs")]
    NodeStillRuns {
        /// The network.
        name: NetworkName,
        /// The node.
        number: u16,
    },
    /// Some nodes have not forgotten it in time.
    #[error("{knowing} nodes still know node {number}")]
    StillKnown {
        /// The node that is to be forgotten.
        number: u16,
        /// How many know it.
        knowing: usize,
    },
    /// Certificates cannot be made.
    #[error("{0}")]
    Certificates(String),
    /// The numbers or words given make no network.
    #[error("{0}")]
    Shape(String),
    /// A node's port would not be a port.
    #[error(
        "node {number} would listen on port {base_port} + {number}; node numbers are 1 to {}",
        u16::MAX - .base_port
    )]
    BeyondPorts {
        /// The node's number.
        number: u64,
        /// What is added to it.
        base_port: u16,
    },
    /// Somebody listens there already.
    #[error("port {port} of node {number} cannot be used: {source}; choose other ports with --base-port")]
    PortTaken {
        /// The node.
        number: u16,
        /// Its port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The server program is not where it should be.
    #[error("{} is missing; build it with: cargo build --release", .0.display())]
    NoServer(PathBuf),
    /// The container engine, or Compose, refuses or is not there.
    #[error("{what} failed: {said}")]
    Engine {
        /// What was called.
        what: String,
        /// What it said.
        said: String,
    },
    /// The engine does not have the image.
    #[error("there is no image {0}; build it with: bin/image (or name another with --image)")]
    NoImage(String),
    /// The engine's containers are no processes of this machine.
    #[error(
        "the engine runs its containers on another machine; networks are for an engine on this one, elsewhere use: \
         gossip compose"
    )]
    EngineElsewhere,
    /// The engine has containers that would have the same names.
    #[error(
        "the engine has {count} containers of a project {project} that network {name} knows nothing of; remove them, or \
         choose another --name"
    )]
    StrangeContainers {
        /// The network.
        name: NetworkName,
        /// The Compose project.
        project: String,
        /// How many.
        count: usize,
    },
    /// A node ended right after its start, or never answered.
    #[error("node {number} did not start: {reason}\nthe end of {}:\n{tail}", .log.display())]
    DidNotStart {
        /// The node.
        number: u16,
        /// What was seen of it.
        reason: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// Ctrl-C while processes were being started.
    #[error("interrupted; the nodes started so far were stopped again")]
    Interrupted,
    /// Processes that even SIGKILL did not end.
    #[error("these nodes could not be stopped: {}", numbers_text(.numbers))]
    Unstoppable {
        /// Their numbers.
        numbers: Vec<u16>,
    },
    /// A file or process operation failed.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried, beginning with a verb.
        what: String,
        /// What the system says.
        source: io::Error,
    },
}

impl LabError {
    /// Wraps an error of the system; `what` begins with a verb.
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
        let what = what.into();
        move |source| LabError::System { what, source }
    }
}

fn name_flag(name: &NetworkName) -> String {
    if name.is_default() { String::new() } else { format!(" --name {name}") }
}

fn numbers_text(numbers: &[u16]) -> String {
    numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}
