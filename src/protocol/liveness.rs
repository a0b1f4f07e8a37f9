//! Who lives: heartbeats over links, suspicion, claims and their refutation.
//!
//! After SWIM (Das, Gupta and Motivala, DSN 2002): a peer that fails to answer becomes suspect, a suspect that does not
//! refute for the suspicion time becomes down, and a living node refutes by its next version. A claim uses no version of
//! the accuser. Claims ride on envelopes; what is definite (down, left) is part of the digest, so repair spreads it too.

use rand::RngExt;

use super::calls::{Failure, Header};
use super::disk::DiskRecord;
use super::door::{Event, Output};
use super::link::Link;
use super::node::Node;
use super::words::{Claim, NodeId, Status, Time, Version};

/// Heartbeats without any answer after which a silent peer is suspected.
const SILENT_HEARTBEATS: u64 = 2;

/// Failures in a row for which it is: the network may lose some.
const SILENT_FAILURES: u32 = 2;

/// Failures in a row that make a peer that refuses connections suspect: one may be a restart's gap.
const REFUSALS: u32 = 2;

/// Heartbeats without any answer after which a link is given up, whatever is believed of the peer.
const DEAD_LINK_HEARTBEATS: u64 = 5;

/// Percent of a heartbeat until the next digest over a link, at least and at most. As they are gathered, with three links a node
/// this makes one exchange per link and heartbeat, probes included; and half as much again is less than [`SILENT_HEARTBEATS`].
const PAUSE_PERCENT: (u64, u64) = (113, 132);

/// How much earlier than it is due a heartbeat goes along with another exchange, in percent of one.
const GATHERED_PERCENT: u64 = 20;

impl Node {
    /// A request came over a link, or from somebody who believes that there is one.
    pub(super) fn heard_from(&mut self, now: Time, header: &Header, out: &mut Vec<Output>) {
        if !self.overlay.links.contains_key(&header.from) {
            if header.linked {
                self.accept_claimed_link(now, header, out);
            }
            return;
        }
        if header.linked {
            self.link_works(now, &header.from);
        } else {
            self.closed_by_peer(now, &header.from, "the other side closed it", out);
        }
    }

    /// A link carried something in either direction.
    pub(super) fn link_works(&mut self, now: Time, id: &NodeId) {
        let Some(link) = self.overlay.links.get_mut(id) else { return };
        link.heard(now);
        // A peer that is held suspect or down and answers is told so, so that it can refute.
        if self.table.is_doubted(id)
            && let Some(link) = self.overlay.links.get_mut(id)
        {
            link.tell_doubt(now, id, self.config.heartbeat_ms);
        }
    }

    /// A request over a link failed that went at `sent_at`.
    pub(super) fn link_fails(
        &mut self,
        now: Time,
        id: &NodeId,
        sent_at: Time,
        failure: Failure,
        out: &mut Vec<Output>,
    ) {
        let heartbeat = self.config.heartbeat_ms;
        let (patience, pause) = (self.patience(), self.lateness() + self.jittered(heartbeat / 4));
        let Some(link) = self.overlay.links.get_mut(id) else { return };
        // It was lost, but the peer was heard since: that says nothing against the peer.
        if failure != Failure::Refused && link.heard_at > sent_at {
            return;
        }
        link.failures += 1;
        link.refused = failure == Failure::Refused;
        link.retry_at = now.after(pause);
        link.again_at = None;
        let silent = now.since(link.heard_at);
        let refused = failure == Failure::Refused && link.failures >= REFUSALS;
        let gone = (failure == Failure::Refused && link.failures > 2 * REFUSALS)
            || silent > DEAD_LINK_HEARTBEATS * heartbeat + patience;
        let silenced = link.failures >= SILENT_FAILURES && silent > SILENT_HEARTBEATS * heartbeat + patience;
        if refused || silenced {
            self.suspect(now, id, out);
        }
        if gone {
            self.lose_peer(now, id, "it does not answer", out);
        }
    }

    /// A peer is gone, and the overlay with one node less may be torn.
    pub(super) fn lose_peer(&mut self, now: Time, id: &NodeId, why: &'static str, out: &mut Vec<Output>) {
        if self.overlay.links.contains_key(id) {
            self.drop_link(now, id, why, out);
            self.note_loss(now, out);
        }
    }

    pub(super) fn suspect(&mut self, now: Time, id: &NodeId, out: &mut Vec<Output>) {
        let Some(held) = self.table.claim_of(now, id) else { return };
        if held.status == Status::Alive {
            let claim = Claim { status: Status::Suspect, age_ms: 0, ..held };
            self.believe(now, claim, None, out);
        }
    }

    /// Merges a claim, acts on it and hands it on.
    pub(super) fn believe(&mut self, now: Time, claim: Claim, from: Option<&NodeId>, out: &mut Vec<Output>) {
        if self.is_self(&claim.id) {
            self.refute(now, &claim, out);
            return;
        }
        if claim.status == Status::Forgotten {
            self.hear_forgotten(now, &claim, from, out);
            return;
        }
        if self.is_settled(&claim, from) {
            return;
        }
        self.refused.claimed(&claim);
        let calm = self.table.is_calm();
        let before = self.table.get(&claim.id).map(|entry| entry.status);
        if !self.table.claim(now, &claim) {
            return;
        }
        if calm && !self.table.is_calm() {
            self.end_calm(now);
        }
        if before != Some(claim.status) {
            out.push(Output::Emit(Event::StatusChanged { id: claim.id.clone(), status: claim.status }));
        }
        if claim.status == Status::Suspect {
            self.suspects.insert((now.after(self.config.suspicion_ms), claim.id.clone()));
            // Of a made-up node nothing else is known, and nobody calls it on a claim's word.
            if from.is_some() && before == Some(Status::Alive) {
                self.try_suspect(&claim, out);
            }
        }
        if claim.status == Status::Left {
            self.lose_peer(now, &claim.id, "the other side left", out);
        }
        let told: Vec<NodeId> = self.overlay.links.keys().filter(|id| Some(*id) != from).cloned().collect();
        for id in told {
            if let Some(link) = self.overlay.links.get_mut(&id) {
                link.claims.insert(claim.id.clone());
            }
            self.flush(now, &id, out);
        }
    }

    /// Somebody holds this node for dead: its next version says otherwise.
    fn refute(&mut self, now: Time, claim: &Claim, out: &mut Vec<Output>) {
        let own = self.own_version();
        if self.stopping || claim.status == Status::Alive || claim.version < own || own == 0 {
            return;
        }
        if claim.version == own {
            self.say_again_for_others(now, true, out);
        } else {
            self.continue_above(now, claim.version);
        }
    }

    /// This node is held for suspect at `version`.
    pub(super) fn hear_suspicion(&mut self, now: Time, version: Version, out: &mut Vec<Output>) {
        let claim = Claim { id: self.id.clone(), version, status: Status::Suspect, age_ms: 0, uuid: None };
        self.refute(now, &claim, out);
    }

    /// Suspects whose time is over are down.
    pub(super) fn tend_suspects(&mut self, now: Time, out: &mut Vec<Output>) {
        let time = self.config.suspicion_ms + self.patience();
        while self.suspects.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, id)) = self.suspects.pop_first()
        {
            let Some(held) = self.table.claim_of(now, &id) else { continue };
            // A refuted and renewed suspicion has its own, later time.
            if held.status != Status::Suspect || held.age_ms < self.config.suspicion_ms {
                continue;
            }
            if held.age_ms < time {
                // Until then this node may be in time again.
                self.suspects.insert((now.after((time - held.age_ms).min(self.config.heartbeat_ms)), id));
                continue;
            }
            self.believe(now, Claim { status: Status::Down, age_ms: 0, ..held }, None, out);
            self.lose_peer(now, &id, "it is down", out);
        }
    }

    /// A digest came: the other side has begun this heartbeat's exchange.
    pub(super) fn heartbeat_seen(&mut self, now: Time, id: &NodeId) {
        let next = now.after(self.heartbeat_pause(id));
        let heartbeat = self.config.heartbeat_ms;
        if let Some(link) = self.overlay.links.get_mut(id) {
            // The answers do not arrive, but what this node sends of its own accord may.
            link.heartbeat_at = if link.saw_digest(now, heartbeat) { now } else { next };
        }
        self.gather_heartbeats(now);
    }

    /// Time to the next digest over a link. The side with the greater id waits half as long again, so that one serves both.
    pub(super) fn heartbeat_pause(&mut self, id: &NodeId) -> u64 {
        let (least, most) = PAUSE_PERCENT;
        let heartbeat = self.config.heartbeat_ms;
        let pause = self.random.random_range(heartbeat * least / 100..=heartbeat * most / 100);
        if self.begins_with(id) { pause } else { pause * 3 / 2 }
    }

    /// Whether it is this side that begins the exchanges of a link, as a rule.
    fn begins_with(&self, id: &NodeId) -> bool {
        self.id < *id
    }

    /// Where a heartbeat or a probe is due, heartbeats that soon would be go as well.
    pub(super) fn gather_if_due(&mut self, now: Time) {
        let due = |at: Time| at <= now;
        let goes = |link: &Link| due(link.heartbeat_at) && link.free_at().is_some_and(due);
        if self.probes.deadline().is_some_and(due) || self.overlay.links.values().any(goes) {
            self.gather_heartbeats(now);
        }
    }

    /// The heartbeats that this node would soon begin it begins now, as it is awake: to wake a process that has left the
    /// processor's caches costs more than what it then does. Probes keep their times: if all nodes probed at once, all of those
    /// that find the network torn would do so before any of them has mended it.
    fn gather_heartbeats(&mut self, now: Time) {
        let soon = now.after(self.config.heartbeat_ms * GATHERED_PERCENT / 100);
        for place in 0..self.overlay.links.len() {
            let Some(id) = self.overlay.links.id_in(place).filter(|id| self.begins_with(id)).cloned() else { continue };
            let due = self.overlay.links.get(&id).map(|link| link.heartbeat_at);
            if due.is_some_and(|due| due > now && due <= soon)
                && let Some(link) = self.overlay.links.get_mut(&id)
            {
                link.heartbeat_at = now;
            }
        }
    }

    /// Tells everyone that this node leaves, and closes its links.
    pub(super) fn leave(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.stopping {
            return;
        }
        let version = self.last_version();
        self.persist(vec![DiskRecord::Version(version)], out);
        let claim = Claim { id: self.id.clone(), version, status: Status::Left, age_ms: 0, uuid: None };
        self.table.claim(now, &claim);
        self.stopping = true;
        let peers: Vec<NodeId> = self.overlay.links.keys().cloned().collect();
        for id in peers {
            if let Some(link) = self.overlay.links.get_mut(&id) {
                link.claims.insert(self.id.clone());
                link.hurry();
            }
            self.flush(now, &id, out);
        }
    }
}
