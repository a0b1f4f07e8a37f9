//! Scouting: what a node does when most of its links fail at once.
//!
//! Then most of the nodes that it knows may be dead as well, and asking one after the other would take minutes. So it
//! probes several candidates at a time, more with each quarter of a heartbeat, and offers links to those that answer, and
//! to those by whom it is itself probed. A link whose requests fail gives its place to a node that answers; nobody is
//! called suspect or down for that. Each candidate is asked once per scouting, so that the traffic of one scouting is
//! bounded by the table. Without such a failure nothing here happens. The last missing link is left to `seeking.rs`.

use std::collections::{BTreeSet, VecDeque};

use rand::seq::IteratorRandom;

use super::bootstrap::Given;
use super::calls::{Failure, LinkReply, LinkWish};
use super::door::Output;
use super::node::{Node, Purpose};
use super::words::{NodeId, Status, Time};

/// Failing links from which on a scouting begins, if they are at least half of all.
const FAILING_LINKS: usize = 2;

/// Missing links from which on it goes on: who lacks two can split a link between others, and so always finds a place.
const MISSING_LINKS: usize = 2;

/// Probes under way at a time, at the beginning and at most.
const PROBES: (usize, usize) = (4, 32);

/// Quarters of a heartbeat between two bursts of probes.
const BURST_QUARTERS: u64 = 1;

/// Candidates that are drawn from the table at a time.
const CANDIDATES: usize = 256;

/// Living nodes that are remembered to be offered links.
const MAX_FOUND: usize = 16;

/// Heartbeats after a scouting that asked everyone before the next one.
const REST_HEARTBEATS: u64 = 10;

/// Steps of a search that begins at a node found at random.
const SHORT_WALK: u8 = 1;

/// A scouting under way.
#[derive(Clone, Debug)]
pub(super) struct Scouting {
    next_at: Time,
    /// Probes that may be under way at a time.
    window: usize,
    under_way: BTreeSet<NodeId>,
    candidates: Vec<NodeId>,
    asked: BTreeSet<NodeId>,
    /// Who was found alive, and is not yet offered a link.
    found: VecDeque<NodeId>,
}

impl Scouting {
    fn new(now: Time) -> Scouting {
        Scouting {
            next_at: now,
            window: PROBES.0,
            under_way: BTreeSet::new(),
            candidates: Vec::new(),
            asked: BTreeSet::new(),
            found: VecDeque::new(),
        }
    }

    /// When the next burst is due.
    pub(super) fn deadline(&self) -> Time {
        self.next_at
    }
}

impl Node {
    /// Peers whose links work as far as is known.
    pub(super) fn sound_peers(&self, now: Time) -> impl Iterator<Item = &NodeId> {
        let heartbeat = self.config.heartbeat_ms;
        self.overlay.links.iter().filter(move |(_, link)| !link.is_failing(now, heartbeat)).map(|(id, _)| id)
    }

    /// Whether so many links fail that waiting for each of them would leave this node cut off.
    fn has_lost_many(&self, now: Time) -> bool {
        let links = self.overlay.links.len();
        let failing = links - self.sound_peers(now).count();
        failing >= FAILING_LINKS && 2 * failing >= links && !self.stands_by_given()
    }

    /// Given neighbours are kept as they are until one fails.
    pub(super) fn stands_by_given(&self) -> bool {
        !self.overlay.given.is_empty() && !self.overlay.given.iter().any(Given::has_failed)
    }

    /// Links that this node lacks, failing ones not counted.
    fn missing_links(&self, now: Time) -> usize {
        let others = self.table.iter().filter(|(id, entry)| entry.status.is_live() && !self.is_self(id));
        let target = self.config.max_peers.min(others.take(self.config.max_peers).count());
        target.saturating_sub(self.sound_peers(now).count())
    }

    /// Begins, goes on with or ends a scouting.
    pub(super) fn tend_scouting(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.overlay.scouting.is_none() {
            let rest = REST_HEARTBEATS * self.config.heartbeat_ms;
            let rests = self.overlay.scouted_at.is_some_and(|last| now.since(last) < rest);
            if rests || !self.has_lost_many(now) {
                return;
            }
            self.overlay.scouting = Some(Scouting::new(now));
        }
        if self.missing_links(now) < MISSING_LINKS {
            self.end_scouting(now);
            return;
        }
        self.offer_to_found(now, out);
        self.send_scouts(now, out);
    }

    /// The rest is left to the ordinary search.
    fn end_scouting(&mut self, now: Time) {
        self.overlay.scouting = None;
        self.overlay.seek_at = now;
    }

    fn offer_to_found(&mut self, now: Time, out: &mut Vec<Output>) {
        while self.unasked_links(now) > 0
            && let Some(id) = self.overlay.scouting.as_mut().and_then(|scouting| scouting.found.pop_front())
        {
            if self.overlay.holds_place(&id) || !(self.free_places() > 0 || self.make_room(now, out)) {
                continue;
            }
            self.overlay.offers.insert(id.clone());
            self.ask_link(&id, LinkWish::Link, Purpose::Offer, out);
        }
    }

    /// Missing links for which nobody is asked yet.
    fn unasked_links(&self, now: Time) -> usize {
        let joining = self.overlay.join.as_ref().map_or(0, |join| join.places);
        self.missing_links(now).saturating_sub(self.overlay.offers.len() + joining)
    }

    fn send_scouts(&mut self, now: Time, out: &mut Vec<Output>) {
        let unasked = self.unasked_links(now);
        let pause = self.jittered(BURST_QUARTERS * self.config.heartbeat_ms / 4);
        let Some(scouting) = self.overlay.scouting.as_mut().filter(|scouting| scouting.next_at <= now) else { return };
        scouting.next_at = now.after(pause);
        if scouting.found.len() >= unasked {
            return;
        }
        let room = scouting.window.saturating_sub(scouting.under_way.len());
        scouting.window = (2 * scouting.window).min(PROBES.1);
        if scouting.candidates.is_empty() {
            let drawn = self.draw_candidates();
            if let Some(scouting) = self.overlay.scouting.as_mut() {
                scouting.candidates = drawn;
            }
        }
        let Some(scouting) = self.overlay.scouting.as_mut() else { return };
        let chosen = scouting.candidates.split_off(scouting.candidates.len().saturating_sub(room));
        if chosen.is_empty() && scouting.under_way.is_empty() && self.overlay.offers.is_empty() {
            // Everyone was asked.
            self.overlay.scouted_at = Some(now);
            self.end_scouting(now);
            return;
        }
        scouting.asked.extend(chosen.iter().cloned());
        scouting.under_way.extend(chosen.iter().cloned());
        for id in chosen {
            self.ask_link(&id, LinkWish::Probe, Purpose::Scout, out);
        }
    }

    /// Nodes at random that are held for alive and were not yet asked.
    fn draw_candidates(&mut self) -> Vec<NodeId> {
        let Some(scouting) = self.overlay.scouting.as_ref() else { return Vec::new() };
        let (own, foreign, overlay) = (&self.id, &self.foreign, &self.overlay);
        let alive = self.table.iter().filter(|(_, entry)| entry.status == Status::Alive).map(|(id, _)| id);
        let apart = alive.filter(|id| {
            *id != own
                && !overlay.holds_place(id)
                && !scouting.asked.contains(id)
                && !foreign.ids().any(|foreign| foreign == *id)
        });
        apart.sample(&mut self.random, CANDIDATES).into_iter().cloned().collect()
    }

    /// Somebody is alive: whoever answered, or asked this node for anything.
    pub(super) fn note_found(&mut self, id: &NodeId) {
        if self.overlay.holds_place(id) {
            return;
        }
        if let Some(scouting) = self.overlay.scouting.as_mut()
            && scouting.found.len() < MAX_FOUND
            && !scouting.found.contains(id)
        {
            scouting.found.push_back(id.clone());
        }
    }

    pub(super) fn scout_answered(&mut self, now: Time, to: &NodeId, reply: &LinkReply, out: &mut Vec<Output>) {
        self.scout_ended(to);
        if self.meet(now, &reply.header, out).is_ok() {
            self.note_found(to);
        }
    }

    pub(super) fn scout_failed(&mut self, now: Time, to: &NodeId, failure: Failure, out: &mut Vec<Output>) {
        self.scout_ended(to);
        if failure == Failure::Refused && !self.overlay.links.contains_key(to) {
            self.suspect(now, to, out);
        }
    }

    fn scout_ended(&mut self, to: &NodeId) {
        if let Some(scouting) = self.overlay.scouting.as_mut() {
            scouting.under_way.remove(to);
        }
    }

    /// A node that was found alive has no free place: a link near it is to be split. False if there is no scouting.
    pub(super) fn split_near_found(&mut self, now: Time, id: &NodeId, out: &mut Vec<Output>) -> bool {
        if self.overlay.scouting.is_none() {
            return false;
        }
        if self.overlay.join.is_none() && self.unasked_links(now) >= MISSING_LINKS {
            while self.free_places() < 2 && self.make_room(now, out) {}
            self.begin_join(id, Some(SHORT_WALK), out);
        }
        true
    }

    /// Ends the failing link that was silent for longest, so that its place is free for a node that lives; false if there
    /// is none that may go. Without a scouting only the links of suspects may.
    pub(super) fn make_room(&mut self, now: Time, out: &mut Vec<Output>) -> bool {
        let heartbeat = self.config.heartbeat_ms;
        let failing = self.overlay.links.iter().filter(|(id, link)| {
            let doubted = || self.table.get(id).is_some_and(|entry| entry.status != Status::Alive);
            link.is_failing(now, heartbeat) && self.may_give_up(id) && (self.overlay.scouting.is_some() || doubted())
        });
        let Some(id) = failing.min_by_key(|(_, link)| link.heard_at).map(|(id, _)| id.clone()) else { return false };
        self.let_go(now, &id, "its place is for a node that answers", out);
        self.note_loss(now, out);
        true
    }
}
