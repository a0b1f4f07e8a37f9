//! The queue of what happens next: one slot per millisecond, so that putting in and taking out cost the same at any size.
//!
//! Happenings of one millisecond come out in the order in which they were put in, which is what makes a run repeatable.

use std::collections::{BTreeMap, VecDeque};

/// Milliseconds that the wheel reaches ahead; what is later waits in a map. Above the longest usual time-out.
const REACH: u64 = 8_192;

/// A queue ordered by time, then by order of entry.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    slots: Vec<VecDeque<T>>,
    later: BTreeMap<u64, Vec<T>>,
    now: u64,
}

impl<T> Wheel<T> {
    /// An empty queue at time 0.
    pub(super) fn new() -> Wheel<T> {
        Wheel { slots: (0..REACH).map(|_| VecDeque::new()).collect(), later: BTreeMap::new(), now: 0 }
    }

    /// The time of what came out last.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Puts something in, to happen at `at` or now, whichever is later.
    pub(super) fn push(&mut self, at: u64, happening: T) {
        let at = at.max(self.now);
        if at - self.now < REACH {
            self.slots[(at % REACH) as usize].push_back(happening);
        } else {
            self.later.entry(at).or_default().push(happening);
        }
    }

    /// What is still to happen at this time, as far as is known.
    pub(super) fn coming(&self) -> impl Iterator<Item = &T> {
        self.slots[(self.now % REACH) as usize].iter()
    }

    /// The next that happens before `end`; when there is none, the time is `end`.
    pub(super) fn pop_before(&mut self, end: u64) -> Option<T> {
        while self.now < end {
            if let Some(happening) = self.slots[(self.now % REACH) as usize].pop_front() {
                return Some(happening);
            }
            self.now += 1;
            // What has come within reach moves into the wheel, before anything that is put in from now on.
            let reached = self.now + REACH - 1;
            while let Some(first) = self.later.first_entry().filter(|first| *first.key() <= reached) {
                let slot = (*first.key() % REACH) as usize;
                self.slots[slot].extend(first.remove());
            }
        }
        None
    }
}
