//! The machine that all nodes of an experiment share, where it is not beyond all needs: so many processors, of one of which
//! each thing that a node does takes some time: to look what is due, to read a request or an answer, to take a message.
//!
//! Nodes are served first come, first served, as processes of equal rank are; who is served does all that has come by then.
//! Many nodes on a small machine are late: what arrives waits, and so do deadlines and what came of calls.

use std::collections::{BTreeMap, VecDeque};

use super::report::{Histogram, Spread};

/// Processors, and what waits for one.
#[derive(Debug)]
pub(super) struct Machine<T> {
    /// What each thing takes, in microseconds.
    work: u64,
    /// When each processor is free, in microseconds of simulated time.
    free: Vec<u64>,
    /// Nodes that wait, and what each of them has to do.
    queue: VecDeque<u32>,
    inboxes: BTreeMap<u32, Inbox<T>>,
    /// How long what was done had waited, in milliseconds.
    waited: Histogram,
    /// How many things were done.
    things: u64,
}

/// What a node has to do.
#[derive(Debug)]
struct Inbox<T> {
    /// With the time at which it came.
    turns: Vec<(u64, T)>,
    /// How many things that are in all.
    things: u64,
}

impl<T> Machine<T> {
    pub(super) fn new(work: u64, processors: usize) -> Machine<T> {
        let free = vec![0; processors];
        let (queue, inboxes) = (VecDeque::new(), BTreeMap::new());
        Machine { work, free, queue, inboxes, waited: Histogram::default(), things: 0 }
    }

    /// Whether what nodes do takes any time.
    pub(super) fn is_limited(&self) -> bool {
        self.work > 0
    }

    /// A node has something to do, which is so many things.
    pub(super) fn add(&mut self, now: u64, node: u32, turn: T, things: u64) {
        let inbox = self.inboxes.entry(node).or_insert_with(|| {
            self.queue.push_back(node);
            Inbox { turns: Vec::new(), things: 0 }
        });
        inbox.turns.push((now, turn));
        inbox.things += things;
    }

    /// If a processor is free, it serves who has waited for longest: what is to be done, and when it will be.
    pub(super) fn serve(&mut self, now: u64) -> Option<(u64, Vec<T>)> {
        let free = self.free.iter_mut().min().filter(|free| **free / 1_000 <= now)?;
        let Inbox { turns, things } = self.inboxes.remove(&self.queue.pop_front()?)?;
        *free = (*free).max(now * 1_000) + self.work * things;
        self.things += things;
        turns.iter().for_each(|(came, _)| self.waited.add(now - came));
        Some((*free / 1_000, turns.into_iter().map(|(_, turn)| turn).collect()))
    }

    /// How long what nodes did waited for a processor, in milliseconds.
    pub(super) fn waited(&self) -> Option<Spread> {
        self.waited.spread()
    }

    /// The share of all processors' time until `now` that was used.
    pub(super) fn busy(&self, now: u64) -> Option<f64> {
        let whole = now * 1_000 * self.free.len() as u64;
        // What is begun is counted, but not all of it is done.
        let begun: u64 = self.free.iter().map(|free| free.saturating_sub(now * 1_000)).sum();
        (self.is_limited() && whole > 0).then(|| (self.things * self.work - begun) as f64 / whole as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_served_in_turn_and_do_all_that_has_come() {
        let mut machine = Machine::new(1_500, 2);
        for (node, turn) in [(1, 'a'), (2, 'b'), (3, 'c'), (1, 'd'), (4, 'e')] {
            machine.add(10, node, turn, 1);
        }
        assert_eq!(machine.serve(10), Some((13, vec!['a', 'd'])));
        assert_eq!(machine.serve(10), Some((11, vec!['b'])));
        assert_eq!(machine.serve(10), None, "both processors are busy");
        machine.add(11, 3, 'f', 3);
        assert_eq!(machine.serve(11), Some((17, vec!['c', 'f'])));
        assert_eq!(machine.serve(13), Some((14, vec!['e'])));
        assert_eq!(machine.serve(20), None, "nobody waits");
        assert_eq!(machine.waited(), Some(Spread { median: 0, p99: 3, max: 3 }));
        assert_eq!(machine.busy(20), Some(8.0 * 1.5 / 40.0));
        assert_eq!(machine.busy(16), Some(10.5 / 32.0), "one is busy for longer");
    }
}
