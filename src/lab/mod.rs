//! Real networks on this machine: starting, finding, watching, changing and stopping `gossip_server` processes, each by
//! itself or in a container (`launcher`, `containers`, `compose`).
//!
//! A network has a name, a base port, and nodes numbered from 1: node N listens on base port + N. What is known of it
//! stands in `network.json` below the registry's directory ([`Registry`]), so that every later command finds the very
//! processes that an earlier one started; a process is known by its id *and* its start, and nothing else is ever
//! signalled. The nodes themselves know nothing of this folder: they are told their port and their peers like any other.
//!
//! Reading order: `name`, `record`, `registry`, `process`, then `shape` and `launch`, `stop`, `change`, and at last
//! `agreement`, which says when a network is of one mind. Processes are looked up in `/proc`, so this needs Linux.

mod access;
mod agreement;
mod certificates;
mod change;
mod compose;
mod containers;
mod difference;
mod error;
mod forgetting;
mod launch;
mod launcher;
mod name;
mod ports;
mod process;
mod program;
mod record;
mod registry;
mod shape;
mod stop;
mod survey;

#[cfg(test)]
mod tests;

pub use access::NetworkAccess;
pub use agreement::{Agreement, wait_for_agreement};
pub use certificates::{CertificateName, MadeCertificate, make_certificates, renew_certificates};
pub use change::{AddedNode, add_node, remove_node, restart_node};
pub use containers::{Containers, DEFAULT_IMAGE};
pub use difference::Difference;
pub use error::{LabError, typed_command};
pub use forgetting::forget_node;
pub use launch::{LaunchPlan, OldData, compose, launch};
pub use launcher::Launcher;
pub use name::NetworkName;
pub use ports::{DEFAULT_BASE_PORT, MAX_NUMBER};
pub use process::{Ending, ProcessMark, allow_many_connections};
pub use record::{NetworkRecord, NodeRecord};
pub use registry::Registry;
pub use shape::{Drawing, MAX_NODES, Shape};
pub use stop::{Stopped, stop_network};
pub use survey::{AT_ONCE, NodeAnswer, ask_digests};

/// What a long step tells whoever shows its progress: `done` of `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Per mille of a search for a graph.
    Drawn {
        /// 0 to 1000.
        per_mille: u64,
    },
    /// Processes started.
    Started {
        /// So many.
        done: usize,
        /// Of so many.
        all: usize,
    },
    /// Nodes that answer.
    Answering {
        /// So many.
        done: usize,
        /// Of so many.
        all: usize,
    },
    /// Nodes that agree with the others.
    Agreeing {
        /// So many.
        done: usize,
        /// Of so many.
        all: usize,
    },
}
