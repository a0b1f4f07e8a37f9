//! How ids are shown: as node numbers where they belong to the network that the command is about.
//!
//! Node N listens on base port + N. The id of a process is that port, the id of a container `NAME-N:port`, and both are
//! reached at that port of this machine.

use crate::lab::{DEFAULT_BASE_PORT, Launcher, NetworkRecord};
use crate::protocol::NodeId;

/// Without a network of record, so many ports above the base are taken for numbered nodes.
const ASSUMED_NODES: u16 = 999;

/// The numbers of a network's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    base_port: u16,
    last: u16,
    /// Its nodes are containers.
    containers: bool,
}

impl Names {
    /// The numbers of this network, or those of nodes that were started by hand on the usual ports.
    pub fn of(network: Option<&NetworkRecord>) -> Names {
        match network {
            Some(network) => {
                let containers = matches!(network.launcher, Launcher::Containers { .. });
                Names { base_port: network.base_port, last: network.last_number(), containers }
            }
            None => Names { base_port: DEFAULT_BASE_PORT, last: ASSUMED_NODES, containers: false },
        }
    }

    /// The node's number, if it has one.
    pub fn number(self, id: &NodeId) -> Option<u16> {
        match id {
            NodeId::Port(port) => port.checked_sub(self.base_port).filter(|number| (1..=self.last).contains(number)),
            NodeId::Host(address) => {
                let (host, port) = address.rsplit_once(':').filter(|_| self.containers)?;
                let number = host.rsplit_once('-')?.1.parse().ok()?;
                let port: u16 = port.parse().ok()?;
                Some(number).filter(|_| self.number(&NodeId::Port(port)) == Some(number))
            }
        }
    }

    /// Where a node is called from here.
    pub fn address(self, id: &NodeId) -> String {
        match self.number(id) {
            Some(number) => NodeId::Port(self.base_port + number).address(),
            None => id.address(),
        }
    }

    /// `3`, or the address of a node without a number.
    pub fn short(self, id: &NodeId) -> String {
        self.number(id).map_or_else(|| id.address(), |number| number.to_string())
    }

    /// `Node 3`, or `Node db1.example:7000`.
    pub fn long(self, id: &NodeId) -> String {
        format!("Node {}", self.short(id))
    }

    /// `1, 3, 8`, in people's order.
    pub fn list(self, ids: &[NodeId]) -> String {
        let mut ids: Vec<&NodeId> = ids.iter().collect();
        ids.sort_by_key(|id| self.rank(id));
        ids.into_iter().map(|id| self.short(id)).collect::<Vec<_>>().join(", ")
    }

    /// `node 3 (127.0.0.1:7003)`, or the address of a node without a number.
    pub fn full(self, id: &NodeId) -> String {
        match self.number(id) {
            Some(number) => format!("node {number} ({})", self.address(id)),
            None => id.address(),
        }
    }

    /// Orders ids as people count: numbered nodes first.
    pub fn rank(self, id: &NodeId) -> (u16, NodeId) {
        (self.number(id).unwrap_or(u16::MAX), id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_its_number_and_is_reached_at_its_port_here() {
        let names = Names { base_port: 7000, last: 16, containers: true };
        let host = |address: &str| NodeId::Host(address.into());
        let ninth = host("gossip-default-9:7009");
        assert_eq!((names.number(&ninth), names.address(&ninth)), (Some(9), "127.0.0.1:7009".to_owned()));
        assert_eq!(names.full(&ninth), "node 9 (127.0.0.1:7009)");
        for stranger in ["gossip-default-9:7008", "gossip-default-17:7017", "db9:7009", "gossip-default-9:80"] {
            assert_eq!(names.number(&host(stranger)), None, "{stranger}");
            assert_eq!(names.address(&host(stranger)), stranger);
        }
        let processes = Names { containers: false, ..names };
        assert_eq!(processes.number(&ninth), None);
        assert_eq!(processes.address(&NodeId::Port(7009)), "127.0.0.1:7009");
    }
}
