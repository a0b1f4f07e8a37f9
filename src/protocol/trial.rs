//! Trials: before a node is suspected or called down, others than one prober and one path have asked it.
//!
//! Who does not answer a probe is probed a few times more in quick succession, side by side, so that what the network
//! loses costs no suspicion and a death no long wait. Of those that hear of a suspicion some ask the suspect themselves
//! (SWIM, section 3.1: the indirect probe). The suspicion itself and its refutation are in `liveness.rs`.

use rand::RngExt;

use super::calls::{Failure, LinkReply, LinkWish};
use super::door::Output;
use super::node::{Node, Purpose};
use super::words::{Claim, NodeId, Status, Time};

/// Probes without any answer after which a node is suspected, the first included.
const PROBES: u32 = 5;

/// Pauses between them in a heartbeat.
const PROBES_PER_HEARTBEAT: u64 = 4;

/// Nodes that try a suspect whom others suspect, on average, beside its peers.
const TRIERS: usize = 3;

/// Suspects that one node tries at a time: claims are cheap to make up, and each trial is a call.
const MAX_SUSPECTS: usize = 8;

/// One node that did not answer a probe, and how it is tried again.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    id: NodeId,
    next_at: Time,
    sent: u32,
    failed: u32,
}

impl Trial {
    fn is_complete(&self) -> bool {
        self.sent >= PROBES
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        (!self.is_complete()).then_some(self.next_at)
    }
}

impl Node {
    /// Somebody who is no peer did not answer. One node at a time is tried; the round comes by the others again.
    pub(super) fn note_silence(&mut self, now: Time, to: &NodeId, failure: Failure) {
        if self.trial.is_none() && !matches!(failure, Failure::Rejected { .. }) && self.may_be_dead(to) {
            self.trial = Some(Trial { id: to.clone(), next_at: now, sent: 1, failed: 1 });
        }
    }

    /// Whether nobody has noticed a death of `id` so far, if it is dead, and its links are others' business.
    fn may_be_dead(&self, id: &NodeId) -> bool {
        self.table.get(id).is_some_and(|entry| entry.status == Status::Alive) && !self.overlay.holds_place(id)
    }

    /// Sends the next probe of a trial, if it is due.
    pub(super) fn tend_trial(&mut self, now: Time, out: &mut Vec<Output>) {
        let pause = self.config.heartbeat_ms / PROBES_PER_HEARTBEAT + self.lateness();
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.next_at <= now && !trial.is_complete()) else {
            return;
        };
        trial.sent += 1;
        trial.next_at = now.after(pause);
        let id = trial.id.clone();
        self.ask_link(&id, LinkWish::Probe, Purpose::Trial, out);
    }

    /// It lives, and the trial is over; what is still under way tells nothing more.
    pub(super) fn trial_answered(&mut self, now: Time, to: &NodeId, reply: &LinkReply, out: &mut Vec<Output>) {
        if self.meet(now, &reply.header, out).is_ok() && self.trial.take_if(|trial| trial.id == *to).is_some() {
            self.judge_reach(now, to, reply.known_version, out);
        }
    }

    pub(super) fn trial_failed(&mut self, now: Time, to: &NodeId, failure: Failure, out: &mut Vec<Output>) {
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.id == *to) else { return };
        trial.failed += 1;
        let silent = trial.failed >= PROBES;
        // Who refuses an answer is there all the same.
        if matches!(failure, Failure::Rejected { .. }) || !self.may_be_dead(to) {
            self.trial = None;
        } else if silent {
            self.trial = None;
            self.suspect(now, to, out);
        }
    }

    /// Another node than the accuser tries a suspect, before it is called down: its peers, and of all others that hear of
    /// the suspicion a few, drawn by lot. The request says what is believed, so that the suspect refutes it even if its
    /// own links are what failed.
    pub(super) fn try_suspect(&mut self, claim: &Claim, out: &mut Vec<Output>) {
        if self.calls_for(|purpose| matches!(purpose, Purpose::Refute)) >= MAX_SUSPECTS {
            return;
        }
        let lots = self.living();
        if self.overlay.links.contains_key(&claim.id) || self.random.random_range(0..lots) < TRIERS {
            self.ask_link(&claim.id, LinkWish::Refute { version: claim.version }, Purpose::Refute, out);
        }
    }
}
