//! Looking ahead: reading what an event to come will read, to no other end than that the processor has it at hand by then.
//!
//! A simulation lets thousands of nodes act in turn, and each comes cold into the caches: its event waits for memory some
//! dozens of times, one after the other. Reads for several nodes do not wait for each other (group prefetching: Chen,
//! Ailamaki, Gibbons and Mowry, ICDE 2004). A node of a real network never needs this.

use super::link::Link;
use super::log::Record;
use super::node::Node;
use super::trial::Trial;
use super::words::{Announcement, Message, NodeId};

impl Node {
    /// Reads what nearly every event about this peer reads; the number says nothing but depends on all of it.
    pub fn touch(&self, peer: Option<&NodeId>) -> u64 {
        let mut sum = self.deadline().map_or(0, |due| due.0);
        sum ^= self.lamport ^ self.counters.new ^ self.log.changes() ^ self.table.len() as u64;
        sum ^= self.trial.as_ref().and_then(Trial::deadline).map_or(0, |due| due.0);
        sum ^= peer.and_then(|peer| self.overlay.links.get(peer)).map_or(0, Link::touch);
        sum ^ self.touch_calls()
    }

    /// Reads what taking these messages and announcements will read.
    pub fn touch_for(&self, messages: &[Message], announced: &[Announcement]) -> u64 {
        let mut sum = 0;
        for message in messages {
            sum ^= u64::from(self.log.place(&message.uuid).is_some());
            sum ^= self.table.tree(&message.origin).map_or(0, |tree| tree.lazy);
        }
        for announcement in announced {
            let record = self.announced_place(announcement).and_then(|place| self.log.at(place));
            sum ^= record.map_or(0, Record::touch);
        }
        sum
    }
}
