//! What `network.json` holds: a network and its nodes, enough to find, stop and restart each of them.

use serde::{Deserialize, Serialize};

use super::{LabError, Launcher, NetworkAccess, NetworkName, ProcessMark, ports};
use crate::protocol::NodeId;

/// A network that was started on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// Its name.
    pub name: NetworkName,
    /// Node N listens on this port + N.
    pub base_port: u16,
    /// What its nodes call their cluster.
    pub cluster: String,
    /// The shape that it was started in, as typed: `random 3`.
    pub shape: String,
    /// Places for peers that a node added later is given.
    pub newcomer_places: usize,
    /// What the nodes ask of whoever calls them.
    #[serde(default)]
    pub access: NetworkAccess,
    /// Flags that every node gets, later ones too.
    pub node_flags: Vec<String>,
    /// Whether its nodes have directories for what survives a restart.
    #[serde(default)]
    pub durable: bool,
    /// What runs its nodes: the server program that was started, or how the containers are found.
    #[serde(flatten)]
    pub launcher: Launcher,
    /// Its nodes by ascending number, removed ones included.
    pub nodes: Vec<NodeRecord>,
}

/// A node of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Counts from 1.
    pub number: u16,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// The id under which the others reach it, where that is not its port: a container's name and port. Everything
    /// about the node itself is asked at 127.0.0.1:port all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertised: Option<NodeId>,
    /// Its process, or its last one.
    pub process: ProcessMark,
    /// The exact arguments that it was started with, but for the seeds of a later start.
    pub args: Vec<String>,
    /// The seeds of its last start, where they are kept: a container is made of what stands here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<NodeId>,
    /// Whether it was taken out with `remove-node`.
    #[serde(default)]
    pub removed: bool,
}

impl NodeRecord {
    /// Its id among the nodes.
    pub fn id(&self) -> NodeId {
        self.advertised.clone().unwrap_or(NodeId::Port(self.port))
    }

    /// Where it is called from this machine.
    pub fn address(&self) -> String {
        NodeId::Port(self.port).address()
    }

    /// Whether it is part of the network and its process runs.
    pub fn is_live(&self) -> bool {
        !self.removed && self.process.is_running()
    }
}

impl NetworkRecord {
    /// The nodes that are part of it and whose process runs.
    pub fn live_nodes(&self) -> Vec<&NodeRecord> {
        self.nodes.iter().filter(|node| node.is_live()).collect()
    }

    /// Whether any of its processes runs.
    pub fn is_running(&self) -> bool {
        self.nodes.iter().any(|node| node.process.is_running())
    }

    /// The node of this number.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, number: u16) -> Result<&NodeRecord, LabError> {
        self.nodes.iter().find(|node| node.number == number).ok_or_else(|| self.no_such(number))
    }

    /// The same to be changed.
    ///
    /// # Errors
    /// When there is none.
    pub fn node_mut(&mut self, number: u16) -> Result<&mut NodeRecord, LabError> {
        let missing = self.no_such(number);
        self.nodes.iter_mut().find(|node| node.number == number).ok_or(missing)
    }

    /// The node of this id, or at this address of this machine.
    pub fn find(&self, id: &NodeId) -> Option<&NodeRecord> {
        self.nodes.iter().find(|node| node.id() == *id || NodeId::Port(node.port) == *id)
    }

    fn no_such(&self, number: u16) -> LabError {
        LabError::NoSuchNode { name: self.name.clone(), number, last: self.last_number() }
    }

    /// The greatest number that a node has or had.
    pub fn last_number(&self) -> u16 {
        self.nodes.iter().map(|node| node.number).max().unwrap_or(0)
    }

    /// The port of a node, whether there is one of that number or not.
    ///
    /// # Errors
    /// When it would lie beyond 65535.
    pub fn port_of(&self, number: u64) -> Result<u16, LabError> {
        ports::port_of(self.base_port, number)
    }
}
