//! A node in the middle of its life: linked, and knowing what everyone knows.
//!
//! Growing a network of 10,000 nodes one by one takes longer than most questions about it. The simulator begins with one
//! that stands: each node is given its links and a table that it shares with all others. Nothing here is used by a real
//! node, which gets its links by handshakes and its table from its peers.

use rand::RngExt;

use super::link::Link;
use super::node::Node;
use super::table::{Bounds, Table};
use super::tree::Copies;
use super::words::{Boot, Message, NodeId, Time};

/// What every node of a network knows, held once.
#[derive(Clone, Debug)]
pub struct Known {
    table: Table,
}

impl Known {
    /// Knows these states, heard at time `now`, in a table of these bounds.
    pub fn new<'a>(now: Time, bounds: Bounds, states: impl Iterator<Item = &'a Message>) -> Known {
        let mut table = Table::new(bounds, 0);
        for state in states {
            table.merge(now, state, Copies::default());
        }
        table.share();
        Known { table }
    }
}

impl Node {
    /// Puts a node that was just made into the middle of a standing network: it knows what all know and is linked to
    /// these peers of these lives. Its own newest version is the known one, 0 if it never spoke. `peers` are at most as
    /// many as it may have; further ones are left out.
    pub fn stand_among(&mut self, now: Time, known: &Known, peers: impl Iterator<Item = (NodeId, Boot)>) {
        self.table = known.table.clone();
        let version = self.table.get(&self.id).map_or(0, |entry| entry.version());
        let interval = self.config.interval_ms;
        let draws = version > 0 && interval > 0;
        let draw_at = draws.then(|| now.after(self.random.random_range(0..=interval)));
        self.own.has_said(version, draw_at);
        if version > 0 {
            self.note_said(now, version);
        }
        self.compared_once = true;
        let heartbeat = self.config.heartbeat_ms;
        // Nodes do not act in step: the first heartbeats and probes are spread over the time between two.
        self.probes.begin_at(now.after(self.random.random_range(0..=2 * heartbeat)));
        for (slot, (peer, boot)) in (0u8..).zip(peers.take(self.config.max_peers)) {
            let first = now.after(self.random.random_range(0..=heartbeat));
            self.overlay.links.insert(peer, Link::new(now, boot, slot, first));
        }
    }
}
