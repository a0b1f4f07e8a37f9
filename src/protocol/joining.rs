//! Joining: the handshakes that give a node its places, from both sides.
//!
//! A search walks from node to node and ends at a free place or at a link that may be split: the newcomer J obtains the
//! promise of B, confirms to A, and only then A lets B go. Until then nothing has changed, and a promise that nobody keeps
//! runs out. A direct offer asks one node for one place. What is searched for and when stands in `seeking.rs`.

use rand::RngExt;

use super::calls::{Call, Header, LinkAnswer, LinkCall, LinkReply, LinkWish};
use super::door::Output;
use super::node::{Node, Purpose};
use super::words::{Boot, NodeId, Time};

/// How long a node keeps a link ready to be split for a joiner.
const SPLIT_MS: u64 = 2_000;

/// How long a promised place waits for its present holder to let go; longer than a split, so that it outlives it.
const PROMISE_MS: u64 = 5_000;

/// A search for a place under way.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// Where the search began.
    first: NodeId,
    /// Whom the present step asks.
    pub(super) asked: NodeId,
    /// Places kept for it: two when a link may be split.
    pub(super) places: usize,
    steps: u8,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Walking,
    /// Waiting for the promise of the other end; the first end is kept here.
    Promise {
        first: NodeId,
    },
    /// Waiting for the first end to split; the boot is that of the other end.
    Confirming {
        other: NodeId,
        boot: Boot,
    },
}

/// A link of this node that a joiner may split.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub(super) with: NodeId,
    pub(super) until: Time,
    /// Whether the joiner is in another part of a torn network.
    pub(super) torn: bool,
}

/// A place promised to a joiner.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    /// Whose place it is; `None` for a place that is kept free.
    pub(super) instead_of: Option<NodeId>,
    pub(super) until: Time,
    pub(super) boot: Boot,
    /// Whether this node speaks first when the link is made.
    pub(super) first: bool,
}

impl Node {
    pub(super) fn answer_join(
        &mut self,
        now: Time,
        from: &NodeId,
        boot: Boot,
        walk: Option<u8>,
        split: bool,
        out: &mut Vec<Output>,
    ) -> LinkAnswer {
        let walk = walk.unwrap_or_else(|| self.walk_length()).min(self.config.max_walk);
        // A link that fails leads nowhere, and nobody at its other end would promise its place.
        let next: Vec<NodeId> = self.sound_peers(now).filter(|id| *id != from).cloned().collect();
        if walk > 0 && !next.is_empty() {
            let next = next[self.random.random_range(0..next.len())].clone();
            return LinkAnswer::Walk { next, walk: walk - 1 };
        }
        if self.overlay.links.contains_key(from) {
            return LinkAnswer::Busy;
        }
        if self.free_places() > 0 || self.make_room(now, out) {
            self.add_link(now, from, boot, false, out);
            return LinkAnswer::Linked;
        }
        let ends: Vec<NodeId> = next.into_iter().filter(|id| !self.overlay.is_engaged(id)).collect();
        if !split || ends.is_empty() || self.overlay.splits.contains_key(from) {
            return LinkAnswer::Busy;
        }
        let with = ends[self.random.random_range(0..ends.len())].clone();
        self.overlay.splits.insert(from.clone(), Split { with: with.clone(), until: now.after(SPLIT_MS), torn: false });
        LinkAnswer::Split { with }
    }

    pub(super) fn answer_offer(&mut self, now: Time, from: &NodeId, boot: Boot, out: &mut Vec<Output>) -> LinkAnswer {
        if self.overlay.links.contains_key(from) {
            return LinkAnswer::Linked;
        }
        // Two offers that cross, or a given neighbour: the place is kept already.
        let kept = self.overlay.offers.remove(from)
            || self.overlay.given.iter().any(|given| given.id == *from && given.is_expected());
        if !kept && self.free_places() == 0 && !self.make_room(now, out) {
            return LinkAnswer::Busy;
        }
        self.add_link(now, from, boot, false, out);
        LinkAnswer::Linked
    }

    pub(super) fn promise(&mut self, now: Time, from: &NodeId, boot: Boot, instead_of: NodeId) -> LinkAnswer {
        let held = self.overlay.links.contains_key(&instead_of);
        let free = !self.overlay.is_engaged(&instead_of) && !self.overlay.is_exchanging();
        if !held || !free || self.overlay.holds_place(from) {
            return LinkAnswer::Busy;
        }
        let promise = Promise { instead_of: Some(instead_of), until: now.after(PROMISE_MS), boot, first: false };
        self.overlay.promises.insert(from.clone(), promise);
        LinkAnswer::Promised
    }

    pub(super) fn split(
        &mut self,
        now: Time,
        from: &NodeId,
        boot: Boot,
        peer: &NodeId,
        out: &mut Vec<Output>,
    ) -> LinkAnswer {
        let agreed = self.overlay.splits.remove(from).filter(|split| split.with == *peer && split.until > now);
        let Some(torn) = agreed.map(|split| split.torn) else { return LinkAnswer::Busy };
        if self.overlay.links.contains_key(from) || !self.overlay.links.contains_key(peer) {
            return LinkAnswer::Busy;
        }
        self.let_go(now, peer, "its place is for another node", out);
        self.add_link(now, from, boot, false, out);
        if torn {
            self.was_bridged(now, out);
        }
        LinkAnswer::Linked
    }

    /// Somebody says that it holds a link of which this node knows nothing: right when an answer is still on its way.
    pub(super) fn accept_claimed_link(&mut self, now: Time, header: &Header, out: &mut Vec<Output>) {
        let from = &header.from;
        let promised = self.overlay.promises.remove(from);
        if let Some(promise) = promised.filter(|promise| promise.until > now) {
            if let Some(held) = promise.instead_of {
                self.let_go(now, &held, "its place is for another node", out);
            }
            if !self.overlay.links.contains_key(from) {
                self.add_link(now, from, header.boot, false, out);
            }
        } else if self.exchange_claimed(now, from, header.boot, out) {
            // It is linked now, unless its place was given away.
        } else if self.overlay.offers.remove(from) {
            self.add_link(now, from, header.boot, false, out);
        } else if self.overlay.join.as_ref().is_some_and(|join| join.asked == *from) {
            let stage = self.overlay.join.take().map(|join| join.stage);
            self.add_link(now, from, header.boot, false, out);
            // The first end has split: the place at the other one is free now, too.
            if let Some(Stage::Confirming { other, boot }) = stage {
                self.linked_by_answer(now, &other, boot, out);
            }
        } else if self.probes.is_bridging(from) {
            self.link_bridge(now, from, header.boot, false, out);
        }
    }

    /// A direct request was answered.
    pub(super) fn offer_answered(&mut self, now: Time, to: &NodeId, reply: LinkReply, out: &mut Vec<Output>) {
        let placed = self.overlay.offers.remove(to);
        if self.meet(now, &reply.header, out).is_err() {
            self.offer_failed(now, to);
            return;
        }
        self.heard_of_self(now, reply.known_version);
        let peer = &reply.header.from;
        if reply.answer == LinkAnswer::Linked {
            if self.overlay.links.contains_key(peer) {
                return;
            }
            if placed {
                self.add_link(now, peer, reply.header.boot, true, out);
            } else {
                self.call(peer, Call::Unlink { from: self.id.clone() }, Purpose::Unlink, out);
            }
            return;
        }
        self.given_was_busy(now, to);
        if !self.overlay.given.iter().any(|given| given.id == *to) {
            self.judge_reach(now, to, reply.known_version, out);
        }
        if !self.split_near_found(now, to, out) {
            self.search_failed(now);
        }
    }

    pub(super) fn offer_failed(&mut self, now: Time, to: &NodeId) {
        self.overlay.offers.remove(to);
        self.search_failed(now);
    }

    /// Begins a search for a place at `first`.
    pub(super) fn begin_join(&mut self, first: &NodeId, walk: Option<u8>, out: &mut Vec<Output>) {
        let places = self.free_places().min(2);
        if places == 0 || self.overlay.join.is_some() {
            return;
        }
        self.overlay.join =
            Some(Join { first: first.clone(), asked: first.clone(), places, steps: 0, stage: Stage::Walking });
        let wish = LinkWish::Join { walk, split: places == 2 };
        self.ask_link(first, wish, Purpose::Join, out);
    }

    pub(super) fn ask_link(&mut self, to: &NodeId, wish: LinkWish, purpose: Purpose, out: &mut Vec<Output>) {
        let call = LinkCall { header: self.header(to), wish };
        self.call(to, Call::Link(call), purpose, out);
    }

    /// A step of the search was answered.
    pub(super) fn join_answered(&mut self, now: Time, reply: LinkReply, out: &mut Vec<Output>) {
        let met = self.meet(now, &reply.header, out).is_ok();
        if met {
            self.heard_of_self(now, reply.known_version);
        }
        let Some(mut join) = self.overlay.join.take() else { return };
        if !met {
            self.search_failed(now);
            return;
        }
        let (peer, boot) = (reply.header.from.clone(), reply.header.boot);
        if let LinkAnswer::Walk { next: named, .. } | LinkAnswer::Split { with: named } = &reply.answer {
            self.note_named(named);
        }
        let split = join.places == 2;
        let wish = match (join.stage, reply.answer) {
            (Stage::Walking, LinkAnswer::Linked) => {
                self.seed_was_met(&join.first);
                self.linked_by_answer(now, &peer, boot, out);
                return;
            }
            (Stage::Walking, LinkAnswer::Walk { next, walk })
                if join.steps < self.config.max_walk && !self.is_self(&next) =>
            {
                join.steps += 1;
                join.stage = Stage::Walking;
                join.asked = next;
                LinkWish::Join { walk: Some(walk), split }
            }
            (Stage::Walking, LinkAnswer::Split { with })
                if split && !self.is_self(&with) && !self.overlay.holds_place(&with) =>
            {
                join.stage = Stage::Promise { first: peer.clone() };
                join.asked = with;
                LinkWish::InsteadOf(peer)
            }
            (Stage::Promise { first }, LinkAnswer::Promised) => {
                join.stage = Stage::Confirming { other: peer.clone(), boot };
                join.asked = first;
                LinkWish::Confirm(peer)
            }
            (Stage::Confirming { other, boot: other_boot }, LinkAnswer::Linked) => {
                self.seed_was_met(&join.first);
                self.linked_by_answer(now, &peer, boot, out);
                self.linked_by_answer(now, &other, other_boot, out);
                return;
            }
            _ => {
                self.search_failed(now);
                return;
            }
        };
        let asked = join.asked.clone();
        self.overlay.join = Some(join);
        self.ask_link(&asked, wish, Purpose::Join, out);
    }

    fn linked_by_answer(&mut self, now: Time, peer: &NodeId, boot: Boot, out: &mut Vec<Output>) {
        if !self.overlay.links.contains_key(peer) {
            self.add_link(now, peer, boot, true, out);
        }
    }
}
