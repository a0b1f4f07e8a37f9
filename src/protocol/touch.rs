//! Looking ahead: reading what an event to come will read, to no other end than that the processor has it at hand by then.
//!
//! A simulation lets thousands of nodes act in turn, and each comes cold into the caches: its event waits for memory some
//! dozens of times, one after the other. Reads for several nodes do not wait for each other (group prefetching: Chen,
//! Ailamaki, Gibbons and Mowry, ICDE 2004). A node of a real network never needs this.

use super::link::Link;
use super::log::Record;
use super::node::Node;
use super::words::{Announcement, Message, NodeId};

impl Node {
    /// Reads what nearly every event reads of the node itself; the number says nothing but depends on all of it.
    pub(crate) fn touch(&self) -> u64 {
        let Node { overlay, table, log, counters, .. } = self;
        let times = [self.own.deadline(), self.probes.deadline(), self.forgetting_deadline(), self.due()];
        let searches =
            [overlay.join.is_some(), overlay.scouting.is_some(), overlay.exchange.is_some(), overlay.moving.is_some()];
        let sizes = [
            overlay.splits.len(),
            overlay.promises.len(),
            overlay.given.len(),
            overlay.seeds.len(),
            overlay.offers.len(),
        ];
        let parts =
            [table.len(), table.dead(), self.suspects.len(), log.bytes(), overlay.links.len(), self.calls_under_way()];
        let counts =
            [log.changes(), self.lamport, counters.new, counters.messages_sent, self.lateness(), overlay.seek_at.0];
        let mut sum =
            overlay.shortening.deadline().map_or(0, |due| due.0) ^ self.config.heartbeat_ms ^ self.config.batch_ms;
        times.iter().flatten().for_each(|time| sum ^= time.0);
        searches.iter().for_each(|under_way| sum ^= u64::from(*under_way));
        sizes.iter().chain(&parts).for_each(|size| sum ^= *size as u64);
        counts.iter().for_each(|count| sum ^= count);
        sum
    }

    /// Reads what nearly every event about this peer reads behind that.
    pub(crate) fn touch_link(&self, peer: &NodeId) -> u64 {
        let links = &self.overlay.links;
        let due = links.deadline().map_or(0, |due| due.0);
        due ^ links.get(peer).map_or(0, Link::touch) ^ self.touch_calls()
    }

    /// Reads what taking these messages and announcements will read.
    pub(crate) fn touch_for(&self, messages: &[Message], announced: &[Announcement]) -> u64 {
        let mut sum = if messages.is_empty() { 0 } else { self.log.touch_end() };
        for message in messages {
            sum ^= u64::from(self.log.place(&message.uuid).is_some());
            let tree = self.table.tree(&message.origin).unwrap_or_default();
            // Over most links it is only announced.
            for link in self.overlay.links.values() {
                sum ^= if tree.is_lazy(link.slot) { link.touch_held_back() } else { link.touch() };
            }
        }
        for announcement in announced {
            let record = self.announced_place(announcement).and_then(|place| self.log.at(place));
            sum ^= record.map_or(0, Record::touch);
        }
        sum
    }
}
