//! Doubt: whether two digests differ for what is on its way, or for something that was lost.
//!
//! Under load something is nearly always under way, so peers' digests often differ although nothing is missing. Three rules
//! keep that from leading to comparisons. A digest that this node had itself a moment ago, or comes to have, is explained:
//! the other side is a little behind, or ahead. What is not explained is looked at twice, the second time with fresh digests
//! after a settle time, and only the same difference both times is worth a comparison. And one that never stays the same is
//! compared all the same in the end, as a lasting loss may hide behind steady traffic. The comparison itself is in
//! `repair.rs`.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::node::Node;
use super::words::{Digest, NodeId, Time};

/// The settle time, in parts of a heartbeat.
const SETTLE_PARTS: u64 = 5;

/// How long the other side may be behind, in parts of a heartbeat.
const BEHIND_PARTS: u64 = 2;

/// Heartbeats after which a difference that changes all the time is compared; as many more with each time in a row that it
/// came to that, up to [`MOST_HASTY`] times.
const PATIENCE_HEARTBEATS: u64 = 2;

/// See [`PATIENCE_HEARTBEATS`].
const MOST_HASTY: u32 = 1;

/// Own digests that are remembered: more than change in two heartbeats of an ordinary network.
const MAX_PAST: usize = 64;

/// Heartbeats for which they are.
const PAST_HEARTBEATS: u64 = 2;

/// What this node held a short while ago, in short.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// When each was no longer true; the newest is last and still true.
    digests: VecDeque<(Time, Digest)>,
    /// What the newest was computed from.
    basis: (u64, u64),
}

impl Past {
    /// Whether something that was true after `since` was the same, whatever its floor.
    fn had(&self, since: Time, theirs: Digest) -> bool {
        let same = |held: &Digest| Digest { floor: theirs.floor, ..*held }.agrees(&theirs);
        self.digests.iter().rev().take_while(|past| past.0 > since).any(|past| same(&past.1))
    }
}

/// An unexplained difference of two digests over one link.
#[derive(Clone, Copy, Debug)]
pub struct Doubt {
    /// Since when digests have differed.
    since: Time,
    /// When they were last looked at.
    seen: Time,
    /// The difference of their hashes then.
    difference: u64,
    /// When to look again.
    pub(super) recheck_at: Option<Time>,
}

impl Node {
    /// Remembers what this node holds, if it changed.
    pub(super) fn note_past(&mut self, now: Time) {
        let basis = (self.table.hash().0, self.log.changes());
        if basis == self.past.basis && !self.past.digests.is_empty() {
            return;
        }
        self.past.basis = basis;
        let digest = self.digest();
        let oldest = now.0.saturating_sub(PAST_HEARTBEATS * self.config.heartbeat_ms);
        let digests = &mut self.past.digests;
        if let Some(newest) = digests.back_mut() {
            newest.0 = now;
        }
        while digests.len() >= MAX_PAST || digests.front().is_some_and(|past| past.0.0 < oldest) {
            digests.pop_front();
        }
        digests.push_back((Time(u64::MAX), digest));
    }

    /// Whether `theirs` is what this node held at some time after `since`.
    fn has_held(&self, since: Time, theirs: Digest) -> bool {
        theirs.floor == self.log.floor() && self.past.had(since, theirs)
    }

    /// A digest came over a link: decides whether, and who, and when to compare.
    pub(super) fn compare_digest(&mut self, now: Time, peer: &NodeId, theirs: Digest) {
        self.note_past(now);
        let ours = self.digest_above(theirs.floor);
        let heartbeat = self.config.heartbeat_ms;
        let agreed = ours.agrees(&theirs);
        if agreed {
            self.compared(now);
        }
        let behind = !agreed && self.has_held(Time(now.0.saturating_sub(heartbeat / BEHIND_PARTS)), theirs);
        let (first, first_ever) = (self.id < *peer, !self.compared_once);
        let settle = heartbeat / SETTLE_PARTS;
        let own_floor = self.log.floor();
        let Some(link) = self.overlay.links.get_mut(peer) else { return };
        let new_link = link.theirs.is_none();
        link.theirs = Some(theirs);
        // Below the greater floor the other side may hold what is evicted here, so only the side with the lower floor can
        // tell whether the two differ; it has this side's digest, too. A node that never compared asks once all the same.
        let cannot_tell = ours.floor > theirs.floor && !first_ever;
        if agreed || cannot_tell || (behind && !first_ever) {
            link.doubt = None;
            link.sync_at = None;
            link.sync_rounds = 0;
            link.symbols = 0;
            link.hasty = 0;
            return;
        }
        // The side with the lower floor can judge both digests; of equal floors the one with fewer items has the shorter set.
        let ours_to_do = match ours.floor.cmp(&theirs.floor) {
            Ordering::Greater => false,
            _ => (ours.count, first) < (theirs.count, !first) || own_floor < theirs.floor,
        };
        if link.syncing || link.sync_at.is_some() {
            return;
        }
        // Where the uuids are the same, it lies in what is held under one of them.
        let exact = theirs.exact.zip(ours.exact).map_or(0, |(theirs, ours)| theirs.wrapping_sub(ours));
        let difference = theirs.hash.wrapping_sub(ours.hash).wrapping_add(exact);
        // Of equal numbers either may be the one that is behind, and only that one sees a difference.
        let looks_again = ours_to_do || ours.count == theirs.count;
        let fresh = Doubt { since: now, seen: now, difference, recheck_at: looks_again.then(|| now.after(settle)) };
        let doubt = *link.doubt.get_or_insert(fresh);
        let patience = PATIENCE_HEARTBEATS * heartbeat * u64::from(1 + link.hasty);
        let lasting = doubt.difference == difference && now.since(doubt.seen) >= settle * 3 / 4;
        let overdue = now.since(doubt.since) >= patience;
        if (ours_to_do && (new_link || first_ever)) || (looks_again && lasting) || overdue {
            link.hasty = if lasting || new_link { 0 } else { (link.hasty + 1).min(MOST_HASTY) };
            link.doubt = None;
            link.sync_at = Some(if ours_to_do { now } else { now.after(settle) });
            link.sync_rounds = 0;
        } else if let Some(doubt) = &mut link.doubt
            && doubt.difference != difference
        {
            (doubt.difference, doubt.seen) = (difference, now);
        }
    }

    /// Looks again at a difference whose settle time is over, with fresh digests if this node did not come to hold what
    /// the other side announced.
    pub(super) fn recheck_if_due(&mut self, now: Time, peer: &NodeId) {
        let Some(link) = self.overlay.links.get(peer) else { return };
        let Some(doubt) = link.doubt.filter(|doubt| doubt.recheck_at.is_some_and(|due| due <= now)) else { return };
        let caught_up = link.theirs.is_some_and(|theirs| self.has_held(doubt.seen, theirs));
        let Some(link) = self.overlay.links.get_mut(peer) else { return };
        if caught_up {
            link.doubt = None;
        } else {
            link.doubt = Some(Doubt { recheck_at: None, ..doubt });
            link.heartbeat_at = link.heartbeat_at.min(now);
        }
    }
}
