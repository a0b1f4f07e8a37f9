//! Probes: whether nodes that are no peers still live, and whether news still travels between here and there.
//!
//! A dead node's peers may be dead as well, so every node also asks one node of its table every second heartbeat, and while
//! all are alive every sixth (SWIM, section 4.3, with random choice). The answer names the newest version that is held
//! there of the asker; one that should long have arrived means that the overlay is torn, and so does an answer from a node
//! that is held for dead. Then the two build a bridge: with a free place where there is one, else by an exchange of link
//! ends (`exchanging.rs`), which opens no gap in either part. So halves of a healed partition meet without anyone's help,
//! and no degree grows.
//!
//! The loss of a peer is what tears an overlay, so whoever lost one says its state again, and when that should have
//! arrived everywhere asks a few nodes in quick succession.

use std::collections::VecDeque;

use rand::RngExt;

use super::calls::{Call, Failure, LinkAnswer, LinkReply, LinkWish};
use super::door::Output;
use super::exchanging::Reason;
use super::node::{Node, Purpose};
use super::words::{Boot, NodeId, Time, Version};

/// Heartbeats between two probes of one node.
const PROBE_HEARTBEATS: u64 = 2;

/// The same while everybody known is held for alive: then the links' own exchanges notice a death first, and whoever hears
/// of one probes at the usual pace.
const CALM_HEARTBEATS: u64 = 6;

/// Heartbeats in which a state reaches everyone: what is older and unknown elsewhere does not get there.
const NEWS_HEARTBEATS: u64 = 3;

/// The same after the loss of a peer, when a tear is likely and a bridge too many does little harm.
const NEWS_OF_LOSS_HEARTBEATS: u64 = 2;

/// Quick probes after the loss of a peer, two in each heartbeat.
const QUICK_PROBES: u32 = 6;

/// Heartbeats from one such loss to the next that counts: the quick probes of the first serve for those between.
const LOSS_HEARTBEATS: u64 = 6;

/// Heartbeats between two bridges of one node, so that a meeting of two large parts tears neither apart.
const BRIDGE_HEARTBEATS: u64 = 4;

/// How many of the full nodes that find the network torn build a bridge, on average.
const BUILDERS: usize = 4;

/// Probes of the dead and of lost seeds within two heartbeats, of all nodes together, on average.
const DEAD_PROBES: usize = 3;

/// A node that said nothing for so many heartbeats knows of nothing that should have arrived elsewhere.
const QUIET_HEARTBEATS: u64 = 20;

/// Heartbeats, on average, between two states that some node says again for the sake of news, however large the network is.
const PULSE_HEARTBEATS: u64 = 60;

/// Entries that are passed over in search of one to probe.
const MAX_PASSED_OVER: usize = 64;

/// Probes under way, and what is remembered to judge their answers.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    next_at: Time,
    under_way: bool,
    /// Own versions and when they were said, about one per heartbeat.
    said: VecDeque<(Version, Time)>,
    /// The own version that was last said for the sake of news.
    pulse: Option<Version>,
    bridged_at: Option<Time>,
    /// Answers in a row that showed the overlay torn.
    apart: u32,
    /// When a peer was lost, and how many quick probes are still to be sent for it.
    lost: Option<(Time, u32)>,
    /// Where the round through the table is.
    last: Option<NodeId>,
    /// Who is asked for a bridge.
    bridging: Option<NodeId>,
}

impl Probes {
    pub(super) fn new(now: Time) -> Probes {
        Probes {
            next_at: now,
            under_way: false,
            said: VecDeque::new(),
            pulse: None,
            bridged_at: None,
            apart: 0,
            lost: None,
            last: None,
            bridging: None,
        }
    }

    /// The first probe goes at this time.
    pub(super) fn begin_at(&mut self, at: Time) {
        self.next_at = at;
    }

    /// Whether `id` is asked for a bridge and has not yet answered.
    pub(super) fn is_bridging(&self, id: &NodeId) -> bool {
        self.bridging.as_ref() == Some(id)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        (!self.under_way).then_some(self.next_at)
    }
}

impl Node {
    /// Remembers when this node said a version.
    pub(super) fn note_said(&mut self, now: Time, version: Version) {
        let window = self.news_window(now);
        let said = &mut self.probes.said;
        // Only the newest one that everyone should know is of use, so the older ones go.
        while said.get(1).is_some_and(|(_, at)| now.since(*at) >= window) {
            said.pop_front();
        }
        if said.back().is_none_or(|(_, at)| now.since(*at) >= self.config.heartbeat_ms) {
            said.push_back((version, now));
        }
    }

    /// Time after which everyone should know what was said: later where this node is late itself, as others will be, too.
    fn news_window(&self, now: Time) -> u64 {
        let news = if self.has_lost_a_peer(now) { NEWS_OF_LOSS_HEARTBEATS } else { NEWS_HEARTBEATS };
        news * self.config.heartbeat_ms + self.patience()
    }

    /// Whether a peer was lost not long ago.
    fn has_lost_a_peer(&self, now: Time) -> bool {
        let window = LOSS_HEARTBEATS * self.config.heartbeat_ms;
        self.probes.lost.is_some_and(|(at, _)| now.since(at) < window)
    }

    /// The newest version of this node that everyone should know by now, 0 for none.
    fn long_said(&self, now: Time) -> Version {
        let window = self.news_window(now);
        let old = self.probes.said.iter().rev().find(|(_, at)| now.since(*at) >= window);
        old.map_or(0, |(version, _)| *version)
    }

    /// Probes somebody, if it is time.
    pub(super) fn tend_probes(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.probes.under_way || self.probes.next_at > now {
            return;
        }
        let pause = self.probe_pause(now);
        self.probes.next_at = now.after(pause);
        // A node without links searches for its first one anyway.
        if self.overlay.links.is_empty() {
            return;
        }
        self.pulse(now, out);
        if let Some(id) = self.somebody_to_probe() {
            self.probes.under_way = true;
            self.ask_link(&id, LinkWish::Probe, Purpose::Probe, out);
        }
    }

    /// A peer died, left or was restarted: the overlay may be torn where it was.
    pub(super) fn note_loss(&mut self, now: Time, out: &mut Vec<Output>) {
        self.look_around_soon(now);
        if !self.stopping && !self.has_lost_a_peer(now) {
            self.look_for_tears(now, out);
        }
    }

    /// Says something new, and when it should have arrived everywhere asks a few nodes whether it did.
    pub(super) fn look_for_tears(&mut self, now: Time, out: &mut Vec<Output>) {
        let heartbeat = self.config.heartbeat_ms;
        self.probes.lost = Some((now, QUICK_PROBES));
        self.probes.said.retain(|(_, at)| now.since(*at) >= heartbeat);
        self.say_again_for_others(now, false, out);
        self.probes.next_at = now.after(self.jittered(NEWS_OF_LOSS_HEARTBEATS * heartbeat + heartbeat / 4));
    }

    /// Time to the next probe.
    fn probe_pause(&mut self, now: Time) -> u64 {
        let heartbeat = self.config.heartbeat_ms;
        if let Some((at, left)) = &mut self.probes.lost
            && *left > 0
            && now.since(*at) >= NEWS_OF_LOSS_HEARTBEATS * heartbeat
        {
            *left -= 1;
            return self.jittered(heartbeat / 2);
        }
        let pause = self.probe_heartbeats() * heartbeat;
        self.jittered(pause)
    }

    fn probe_heartbeats(&self) -> u64 {
        if self.table.is_calm() { CALM_HEARTBEATS } else { PROBE_HEARTBEATS }
    }

    /// Somebody is held for less than alive: the next probe goes at the usual pace.
    pub(super) fn end_calm(&mut self, now: Time) {
        let soon = now.after(self.jittered(PROBE_HEARTBEATS * self.config.heartbeat_ms));
        self.probes.next_at = self.probes.next_at.min(soon);
    }

    /// A tear shows by news only, so that in a quiet network somebody, drawn by lot, says its state again now and then:
    /// whoever did so and later probes a node of another part finds that it did not get there.
    fn pulse(&mut self, now: Time, out: &mut Vec<Output>) {
        let quiet = QUIET_HEARTBEATS * self.config.heartbeat_ms;
        if self.probes.said.back().is_none_or(|(_, at)| now.since(*at) < quiet) {
            return;
        }
        let lots = self.living() as u64 * PULSE_HEARTBEATS / self.probe_heartbeats();
        if self.random.random_range(0..lots) == 0 {
            self.say_again(now, out);
            self.probes.pulse = self.probes.said.back().map(|(version, _)| *version);
        }
    }

    /// A live node in turn; now and then a dead one or a seed, so rarely that all nodes together ask at a constant rate.
    fn somebody_to_probe(&mut self) -> Option<NodeId> {
        let in_haste = self.probes.lost.is_some_and(|(_, left)| left > 0);
        let next = self.next_in_turn();
        // In a small network at most every other probe goes to the dead.
        let all = self.living().max(2 * DEAD_PROBES);
        if next.is_none() || (!in_haste && self.random.random_range(0..all) < DEAD_PROBES) {
            let dead = self.table.iter().filter(|(_, entry)| !entry.status.is_live()).map(|(id, _)| id);
            let unknown = self.overlay.seeds.iter().map(|seed| &seed.id).filter(|id| self.table.get(id).is_none());
            let lost: Vec<NodeId> = dead.chain(unknown).filter(|id| !self.is_self(id)).cloned().collect();
            if !lost.is_empty() {
                return Some(lost[self.random.random_range(0..lost.len())].clone());
            }
        }
        next
    }

    /// The next live stranger in the order of ids. Every node goes round from a place of its own, so each entry is probed
    /// once per round and the probes of all nodes spread over all entries.
    fn next_in_turn(&mut self) -> Option<NodeId> {
        let mut at = match self.probes.last.take() {
            Some(last) => last,
            None => {
                let skipped = self.random.random_range(0..self.table.len().max(1));
                self.table.iter().nth(skipped)?.0.clone()
            }
        };
        let mut found = None;
        for _ in 0..MAX_PASSED_OVER {
            let (id, entry) = self.table.next_after(&at)?;
            at = id.clone();
            let apart = !self.is_self(id) && !self.overlay.holds_place(id);
            if entry.status.is_live() && apart && !self.foreign.ids().any(|foreign| foreign == id) {
                found = Some(at.clone());
                break;
            }
        }
        self.probes.last = Some(at);
        found
    }

    /// A probe was answered.
    pub(super) fn probe_answered(&mut self, now: Time, to: &NodeId, reply: &LinkReply, out: &mut Vec<Output>) {
        self.probes.under_way = false;
        if self.meet(now, &reply.header, out).is_ok() {
            self.judge_reach(now, to, reply.known_version, out);
        }
    }

    /// Somebody who is no peer told what it knows of this node: whether news travels between the two.
    pub(super) fn judge_reach(&mut self, now: Time, to: &NodeId, known: Version, out: &mut Vec<Output>) {
        let long_said = self.long_said(now);
        // Only the few that said something for the sake of news can know.
        let knows_alone = self.probes.pulse.is_some_and(|pulse| pulse == long_said);
        let held_for_dead = self.table.get(to).is_none_or(|entry| !entry.status.is_live());
        let apart = held_for_dead || known < long_said;
        self.probes.apart = if apart { self.probes.apart.saturating_add(1) } else { 0 };
        // The dead are asked so rarely that whoever finds one alive must use the moment.
        if apart
            && self.may_bridge(now)
            && !self.overlay.holds_place(to)
            && (held_for_dead || knows_alone || self.is_chosen(now))
        {
            self.probes.bridged_at = Some(now);
            if self.free_places() > 0 {
                self.probes.bridging = Some(to.clone());
                self.ask_link(to, LinkWish::Bridge, Purpose::Bridge, out);
            } else if let Some(partner) = self.any_partner(now) {
                self.begin_exchange(now, to, partner, Reason::Torn, out);
            }
        }
    }

    /// A probe was not answered: who was asked is tried again.
    pub(super) fn probe_failed(&mut self, now: Time, to: &NodeId, failure: Failure) {
        self.probes.under_way = false;
        self.note_silence(now, to, failure);
    }

    pub(super) fn may_bridge(&self, now: Time) -> bool {
        let pause = BRIDGE_HEARTBEATS * self.config.heartbeat_ms;
        self.probes.bridged_at.is_none_or(|last| now.since(last) >= pause)
    }

    /// A bridge came to nothing, so that the next one need not wait.
    pub(super) fn may_bridge_again(&mut self) {
        self.probes.bridged_at = None;
    }

    /// All members of a part find out at about the same time, and one bridge serves them all: of those that would have to
    /// give up a link, a few at a time are enough. Of a small part only few find out, so whoever finds it torn again is
    /// twice as likely to act; and those that lost a peer find out before the rest.
    fn is_chosen(&mut self, now: Time) -> bool {
        // A node with a free place costs nobody a link, so full ones leave it to that as a rule.
        let builders = if self.known_place(now, &self.id).is_some() { 1 } else { BUILDERS };
        let living = self.living();
        let least = if self.has_lost_a_peer(now) { living / 4 } else { 0 };
        let chances = (builders << self.probes.apart.saturating_sub(1).min(16)).max(least);
        self.free_places() > 0 || self.random.random_range(0..living) < chances
    }

    /// Nodes that are held for alive, this one included.
    pub(super) fn living(&self) -> usize {
        (self.table.len() - self.table.dead()).max(1)
    }

    /// Somebody from another part of a torn network asks for a link.
    pub(super) fn answer_bridge(&mut self, now: Time, from: &NodeId, boot: Boot, out: &mut Vec<Output>) -> LinkAnswer {
        let answer = self.answer_offer(now, from, boot, out);
        if answer != LinkAnswer::Linked
            && let Some(next) = self.known_place(now, from)
        {
            self.overlay.places.forget(&next);
            return LinkAnswer::Walk { next, walk: 0 };
        }
        if answer != LinkAnswer::Linked && self.may_bridge(now) && self.link_bridge(now, from, boot, false, out) {
            return LinkAnswer::Linked;
        }
        answer
    }

    /// The other end of a bridge answered.
    pub(super) fn bridge_answered(&mut self, now: Time, to: &NodeId, reply: &LinkReply, out: &mut Vec<Output>) {
        self.probes.bridging.take_if(|asked| asked == to);
        if self.meet(now, &reply.header, out).is_err() {
            return;
        }
        if let LinkAnswer::Walk { next, .. } = &reply.answer
            && !self.is_self(next)
            && !self.overlay.holds_place(next)
        {
            self.probes.bridging = Some(next.clone());
            self.ask_link(next, LinkWish::Bridge, Purpose::Bridge, out);
            return;
        }
        if reply.answer != LinkAnswer::Linked {
            return;
        }
        let peer = &reply.header.from;
        if !self.overlay.links.contains_key(peer) && !self.link_bridge(now, peer, reply.header.boot, true, out) {
            self.call(peer, Call::Unlink { from: self.id.clone() }, Purpose::Unlink, out);
        }
    }

    pub(super) fn bridge_failed(&mut self, to: &NodeId) {
        self.probes.bridging.take_if(|asked| asked == to);
    }

    /// Makes this end of a bridge, at the cost of another link if need be; false if that cannot be.
    pub(super) fn link_bridge(
        &mut self,
        now: Time,
        peer: &NodeId,
        boot: Boot,
        asked: bool,
        out: &mut Vec<Output>,
    ) -> bool {
        self.probes.bridging.take_if(|asked| asked == peer);
        if self.free_places() == 0 && !self.give_up_a_link(now, out) {
            return false;
        }
        self.add_link(now, peer, boot, asked, out);
        self.was_bridged(now, out);
        true
    }

    /// A link to another part stands. There may be more parts, or a link that was given up for it tore something off.
    pub(super) fn was_bridged(&mut self, now: Time, out: &mut Vec<Output>) {
        self.probes.bridged_at = Some(now);
        self.look_for_tears(now, out);
    }

    /// Lets go a link at random that is neither given nor part of a split; false if there is none.
    fn give_up_a_link(&mut self, now: Time, out: &mut Vec<Output>) -> bool {
        let Some(id) = self.any_partner(now) else { return false };
        self.let_go(now, &id, "its place is for another part of the network", out);
        true
    }
}
