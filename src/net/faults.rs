//! Which exchanges between nodes go wrong: the rules of fault injection as a value.
//!
//! [`Injection`] decides; it neither waits nor sends, which is for `passage.rs`. An exchange is judged by the node at its
//! other end alone, so requests of people and of the command line, which name no node, never come here.

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::protocol::{NodeId, Request, Seed};
use crate::wire::{CallKind, FaultCounts, Faults, FaultsReport};

/// What becomes of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It takes place, late by so many milliseconds.
    Passes {
        /// Milliseconds.
        delay_ms: u64,
        /// Whether its answer is lost although it was processed.
        answer_lost: bool,
    },
    /// Nobody processes it and nobody answers.
    Lost,
    /// It waits until other faults are set, or its sender gives up.
    Waits,
}

/// The faults that this node acts out.
#[derive(Debug)]
pub struct Injection {
    faults: Faults,
    cut: BTreeSet<NodeId>,
    counts: FaultCounts,
    random: SmallRng,
}

impl Injection {
    /// No faults yet; `seed` decides which exchanges are lost.
    pub fn new(seed: Seed) -> Injection {
        Injection {
            faults: Faults::default(),
            cut: BTreeSet::new(),
            counts: FaultCounts::default(),
            random: SmallRng::from_seed(seed),
        }
    }

    /// From now on these and no others.
    pub(super) fn set(&mut self, faults: Faults) {
        self.cut = faults.cut.iter().cloned().collect();
        self.faults = faults;
    }

    /// What goes wrong, and what went wrong so far.
    pub(super) fn report(&self) -> FaultsReport {
        FaultsReport { faults: self.faults.clone(), acted: self.counts }
    }

    /// Decides an exchange with `other` that begins now.
    pub(super) fn fate(&mut self, other: &NodeId) -> Fate {
        if self.cut.contains(other) {
            self.counts.cut += 1;
            return Fate::Lost;
        }
        if self.faults.paused {
            return Fate::Waits;
        }
        let delay_ms = self.faults.delay_ms;
        // One draw of two hundred decides both halves: at 20 %, 0 to 19 lose the request and 100 to 119 the answer.
        let share = u32::from(self.faults.lose_percent);
        let draw = if share > 0 { self.random.random_range(0..200) } else { 200 };
        if draw < share {
            self.counts.requests_lost += 1;
            return Fate::Lost;
        }
        self.counts.delayed += u64::from(delay_ms > 0);
        let answer_lost = (100..100 + share).contains(&draw);
        self.counts.answers_lost += u64::from(answer_lost);
        Fate::Passes { delay_ms, answer_lost }
    }

    /// Notes that an exchange waited.
    pub(super) fn held(&mut self) {
        self.counts.held += 1;
    }

    /// Decides an exchange with `other` that is under way: its answer is cut off or held by what was set meanwhile.
    pub(super) fn fate_of_answer(&mut self, other: &NodeId) -> Fate {
        if self.cut.contains(other) {
            self.counts.cut += 1;
            return Fate::Lost;
        }
        if self.faults.paused { Fate::Waits } else { Fate::Passes { delay_ms: 0, answer_lost: false } }
    }
}

/// Which node sent a request, and as which kind of call; `None` if no node did.
pub(super) fn sender(request: &Request) -> Option<(&NodeId, CallKind)> {
    match request {
        Request::Gossip(envelope) => Some((envelope.sender.id(), CallKind::Gossip)),
        Request::Sync(call) => Some((&call.header.from, CallKind::Sync)),
        Request::Link(call) => Some((&call.header.from, CallKind::Link)),
        Request::Unlink(from) => Some((from, CallKind::Unlink)),
        Request::ForeignRegister(from) => Some((from, CallKind::ForeignPeers)),
        Request::ForeignGossip { from, .. } => Some((from, CallKind::ForeignGossip)),
        Request::Messages(_)
        | Request::SetState(_)
        | Request::ClearState
        | Request::Forget { .. }
        | Request::Submit(_)
        | Request::MarkRead(_)
        | Request::AddSeeds(_)
        | Request::RemoveSeeds(_)
        | Request::AllowKeys(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: NodeId = NodeId::Port(7002);
    const UNTOUCHED: Fate = Fate::Passes { delay_ms: 0, answer_lost: false };

    fn injection(faults: Faults) -> Injection {
        let mut injection = Injection::new([7; 32]);
        injection.set(faults);
        injection
    }

    #[test]
    fn without_faults_everything_passes() {
        let mut none = injection(Faults::default());
        assert!((0..100).all(|_| none.fate(&OTHER) == UNTOUCHED));
        assert_eq!(none.report(), FaultsReport::default());
    }

    #[test]
    fn a_cut_concerns_the_named_nodes_alone() {
        let mut cut = injection(Faults { cut: vec![OTHER], ..Faults::default() });
        assert_eq!((cut.fate(&OTHER), cut.fate(&NodeId::Port(7003))), (Fate::Lost, UNTOUCHED));
        assert_eq!((cut.fate_of_answer(&OTHER), cut.fate_of_answer(&NodeId::Port(7003))), (Fate::Lost, UNTOUCHED));
        assert_eq!(cut.report().acted.cut, 2);
        cut.set(Faults::default());
        assert_eq!(cut.fate(&OTHER), UNTOUCHED);
    }

    #[test]
    fn half_of_the_lost_exchanges_are_processed() {
        let mut lossy = injection(Faults { lose_percent: 20, delay_ms: 5, ..Faults::default() });
        let fates: Vec<Fate> = (0..10_000).map(|_| lossy.fate(&OTHER)).collect();
        let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
        assert!((900..1_100).contains(&count(Fate::Lost)), "{}", count(Fate::Lost));
        let answers_lost = count(Fate::Passes { delay_ms: 5, answer_lost: true });
        assert!((900..1_100).contains(&answers_lost), "{answers_lost}");
        let acted = lossy.report().acted;
        assert_eq!((acted.requests_lost, acted.answers_lost), (count(Fate::Lost) as u64, answers_lost as u64));
        assert_eq!(acted.delayed, 10_000 - acted.requests_lost);
    }

    #[test]
    fn everything_can_be_lost() {
        let mut lossy = injection(Faults { lose_percent: 100, ..Faults::default() });
        assert!((0..1_000).all(|_| lossy.fate(&OTHER) != UNTOUCHED));
    }

    #[test]
    fn a_pause_holds_what_is_not_cut() {
        let mut paused = injection(Faults { paused: true, cut: vec![OTHER], delay_ms: 9, ..Faults::default() });
        assert_eq!((paused.fate(&OTHER), paused.fate(&NodeId::Port(7003))), (Fate::Lost, Fate::Waits));
        assert_eq!(paused.fate_of_answer(&NodeId::Port(7003)), Fate::Waits);
    }
}
