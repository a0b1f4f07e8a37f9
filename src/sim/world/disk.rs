//! The simulated disk, and what a process says that waits for it.
//!
//! A write takes a while until it is synced; what the node says after it waits. A crash loses every write since the last
//! sync, and of the one under way some suffix: what a power cut does, where a mere kill would leave the writes to the
//! system. A process that leaves of its own accord has everything written.

use std::collections::VecDeque;
use std::rc::Rc;

use rand::RngExt;
use rand::rngs::SmallRng;
use uuid::Uuid;

use super::super::network::Exchange;
use crate::protocol::{Call, DiskImage, DiskRecord, Event, NodeId, Version};
use crate::wire::Answer;

/// The longest that a write takes which something waits for, in milliseconds.
const AWAITED_MS: u64 = 25;

/// The longest that other writes wait.
const LAZY_MS: u64 = 1_000;

/// The disk of one place for processes; it outlives them.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// What is synced.
    image: DiskImage,
    /// Written and not yet synced, by the number of the write.
    under_way: VecDeque<(u64, DiskRecord)>,
    written: u64,
    synced: u64,
    /// The highest version that was let out.
    pub(super) used: Version,
    /// Messages that were acknowledged to their submitters.
    pub(super) acknowledged: Vec<(Uuid, u64)>,
}

impl Disk {
    /// Writes; the number of the write, and how long it takes.
    pub(super) fn write(&mut self, random: &mut SmallRng, records: Vec<DiskRecord>, awaited: bool) -> (u64, u64) {
        self.written += 1;
        let number = self.written;
        self.under_way.extend(records.into_iter().map(|record| (number, record)));
        (number, random.random_range(0..=if awaited { AWAITED_MS } else { LAZY_MS }))
    }

    /// All writes up to this one are on disk.
    pub(super) fn sync(&mut self, number: u64) {
        self.synced = self.synced.max(number);
        while self.under_way.front().is_some_and(|(of, _)| *of <= number) {
            if let Some((_, record)) = self.under_way.pop_front() {
                self.image.apply(record);
            }
        }
    }

    /// Everything is on disk.
    pub(super) fn sync_all(&mut self) {
        self.sync(self.written);
    }

    /// The power is cut; how many records were lost.
    pub(super) fn crash(&mut self, random: &mut SmallRng) -> u64 {
        let kept = random.random_range(0..=self.under_way.len());
        let lost = self.under_way.split_off(kept);
        while let Some((_, record)) = self.under_way.pop_front() {
            self.image.apply(record);
        }
        // Nothing of what was lost is under way any more.
        self.synced = self.written;
        lost.len() as u64
    }

    /// What is on disk.
    pub(super) fn image(&self) -> &DiskImage {
        &self.image
    }
}

/// Something that a process says, or is told, behind a write.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "each is moved once or twice; a box would cost more")]
pub(super) enum Item {
    /// A call to another node.
    Call { ticket: u64, to: NodeId, call: Call, patience_ms: u64 },
    /// An event.
    Event(Event),
    /// A write is on disk: the node is told, and this version of its own is let out.
    Written(u64, Option<Version>),
    /// An answer to another node.
    Answer(Rc<Exchange>, Answer),
    /// A submitter is told that its message is taken.
    Acknowledge(Uuid, u64),
}

/// What waits, in its order, each behind a write.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    items: VecDeque<(u64, Item)>,
    barrier: u64,
}

impl Outbox {
    /// From now on everything waits for this write.
    pub(super) fn wait_for(&mut self, write: u64) {
        self.barrier = write;
    }

    pub(super) fn push(&mut self, item: Item) {
        self.items.push_back((self.barrier, item));
    }

    /// The first item, if it waits for nothing that is not yet on `disk`.
    pub(super) fn pop(&mut self, disk: Option<&Disk>) -> Option<Item> {
        let synced = disk.map_or(u64::MAX, |disk| disk.synced);
        if self.items.front().is_none_or(|(barrier, _)| *barrier > synced) {
            return None;
        }
        self.items.pop_front().map(|(_, item)| item)
    }
}
