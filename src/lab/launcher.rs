//! What runs the nodes of a network: processes of this machine, or containers of a Docker engine on it.
//!
//! Everything else in this folder is the same for both. A container is a process of this machine as well, so that both
//! are recognised by their [`ProcessMark`](super::ProcessMark); but only the engine starts and ends it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::certificates::CertificateName;
use super::compose::container_name;
use super::containers::Containers;
use super::{Ending, LabError, NetworkRecord, NodeRecord, Registry, program, stop};
use crate::protocol::NodeId;

/// What runs the nodes of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Launcher {
    /// A Docker engine.
    Containers {
        /// How its containers are found.
        containers: Containers,
    },
    /// This machine.
    Processes {
        /// The server program that is started.
        program: PathBuf,
    },
}

impl Launcher {
    /// Processes of the server program that lies beside this one.
    ///
    /// # Errors
    /// When there is none.
    pub fn processes() -> Result<Launcher, LabError> {
        Ok(Launcher::Processes { program: program::find_server()? })
    }

    /// The id under which others reach a node that would listen on this port.
    pub fn node_id(&self, number: u16, port: u16) -> NodeId {
        match self {
            Launcher::Processes { .. } => NodeId::Port(port),
            Launcher::Containers { containers } => containers.node_id(number, port),
        }
    }

    /// Whom a node's certificate is for.
    pub(super) fn certificate_name(&self, number: u16, port: u16) -> CertificateName {
        match self {
            Launcher::Processes { .. } => CertificateName::of_port(port),
            Launcher::Containers { containers } => {
                CertificateName::of_container(container_name(&containers.project, number))
            }
        }
    }

    /// Where a node listens and what it calls itself, as arguments.
    pub(super) fn place_args(&self, number: u16, port: u16) -> Vec<String> {
        let mut args = vec!["--port".to_owned(), port.to_string()];
        if let Launcher::Containers { .. } = self {
            let id = self.node_id(number, port).to_string();
            args.extend(["--bind", "0.0.0.0", "--advertise", &id].map(str::to_owned));
        }
        args
    }

    /// Ends these nodes, in any case by force after a while; how many needed force.
    ///
    /// # Errors
    /// With the numbers of those that nothing ended.
    pub(super) async fn end(&self, nodes: &[&NodeRecord], how: Ending) -> Result<usize, LabError> {
        match self {
            Launcher::Processes { .. } => stop::end(nodes, how).await,
            Launcher::Containers { containers } => containers.end(nodes, how).await,
        }
    }

    /// Writes what these nodes have logged into their log files, where the nodes do not do so themselves.
    pub(super) async fn keep_logs(&self, registry: &Registry, network: &NetworkRecord) {
        if let Launcher::Containers { containers } = self {
            containers.keep_logs(registry, network).await;
        }
    }

    /// Removes what is left of a network whose nodes have ended.
    ///
    /// # Errors
    /// When the engine refuses.
    pub(super) async fn clean_up(&self, registry: &Registry, network: &NetworkRecord) -> Result<(), LabError> {
        match self {
            Launcher::Processes { .. } => Ok(()),
            Launcher::Containers { containers } => containers.remove_all(registry, network).await,
        }
    }
}
