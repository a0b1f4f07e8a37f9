//! Which message of an origin carries a stamp: so that a stamp, which is short, can name a message.
//!
//! An origin gives each of its messages a stamp of its own; strangers can make any number that carry the same. So only one
//! that is alone with its stamp is ever found, and what the others cost does not grow with their number: they are counted, and
//! their slots added up bit by bit (exclusive or), which leaves the last one's slot when the others are gone.

use hashbrown::HashTable;

use super::fingerprint::{mix, mix_id};
use super::words::NodeId;

/// All messages of one origin and stamp.
#[derive(Clone, Debug)]
struct Bearers {
    /// The keyed hash of both. Two that share all its 64 bits by chance count as one, and neither is found.
    hash: u64,
    /// The exclusive or of their slots.
    slots: u32,
    count: u32,
}

/// The slots of messages by their stamps and origins.
#[derive(Clone, Debug)]
pub(super) struct ByStamp {
    /// Nothing ever goes through it, so its order reaches no output.
    bearers: HashTable<Bearers>,
    /// Nobody who does not know it can make many that share a hash.
    secret: u64,
}

impl ByStamp {
    pub(super) fn new(secret: u64) -> ByStamp {
        ByStamp { bearers: HashTable::new(), secret }
    }

    fn hash(&self, stamp: u64, origin: &NodeId) -> u64 {
        mix_id(mix(self.secret, stamp), origin)
    }

    /// Takes note of a message.
    pub(super) fn add(&mut self, stamp: u64, origin: &NodeId, slot: u32) {
        let hash = self.hash(stamp, origin);
        let entry = self.bearers.entry(hash, |held| held.hash == hash, |held| held.hash);
        let mut held = entry.or_insert(Bearers { hash, slots: 0, count: 0 });
        let held = held.get_mut();
        held.slots ^= slot;
        held.count += 1;
    }

    /// Forgets a message that was added.
    pub(super) fn remove(&mut self, stamp: u64, origin: &NodeId, slot: u32) {
        let hash = self.hash(stamp, origin);
        let Ok(mut entry) = self.bearers.find_entry(hash, |held| held.hash == hash) else { return };
        let held = entry.get_mut();
        held.slots ^= slot;
        held.count -= 1;
        if held.count == 0 {
            entry.remove();
        }
    }

    /// The slot of the only message of this stamp and origin.
    pub(super) fn only(&self, stamp: u64, origin: &NodeId) -> Option<u32> {
        let hash = self.hash(stamp, origin);
        let held = self.bearers.find(hash, |held| held.hash == hash)?;
        (held.count == 1).then_some(held.slots)
    }
}
