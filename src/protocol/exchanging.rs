//! Exchanges of link ends: the links A-C and B-D become A-B and C-D.
//!
//! No node's degree changes, and until the last step nothing else does. A asks B for the name of a link that could be
//! exchanged, and B names D. A asks its peer C to move: C obtains D's promise of B's place, as a newcomer does, and tells A.
//! Then A confirms to B: B lets D go and links with A, A lets C go, and the two that were let go keep their promises to
//! each other. Whoever fails, promises run out and links stay. As A or C a node takes part in one exchange at a time, and
//! gives no other link up meanwhile: what holds two nodes together is not to go from both sides at once.
//!
//! It serves three ends. Two parts of a torn network become one without opening a gap in either. A link that closes a
//! short cycle becomes two long ones (`shortening.rs`). And where two peers lack a link each, which they can not make with
//! each other once more, both get one: then A-C stays, and only B-D is given up.

use rand::RngExt;

use super::calls::{Call, Failure, LinkAnswer, LinkReply, LinkWish};
use super::door::Output;
use super::joining::{Promise, Split};
use super::node::{Node, Purpose};
use super::words::{Boot, NodeId, Time};

/// How long an exchange may take, and a link is kept ready for it.
const EXCHANGE_MS: u64 = 3_000;

/// Why link ends are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The other end is in another part of a torn network.
    Torn,
    /// The link that is given up closes a short cycle.
    Short,
    /// This node and its partner lack a link each; the one between them stays.
    Lacking,
}

/// An exchange that this node (A) asked for.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// B, with whom it would link.
    with: NodeId,
    /// C, its peer that would link with D.
    pub(super) partner: NodeId,
    pub(super) reason: Reason,
    stage: Stage,
    pub(super) until: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// B is to name a link.
    Naming,
    /// C is to obtain D's promise.
    Moving { other: NodeId },
    /// B is to let D go.
    Confirming,
}

/// A move that a peer asked this node (C) for.
#[derive(Clone, Debug)]
pub(super) struct Move {
    /// A, who asked.
    pub(super) asked_by: NodeId,
    /// D, with whom this node would link.
    pub(super) to: NodeId,
    /// Whether the link to A stays.
    pub(super) keep: bool,
    pub(super) until: Time,
}

impl Node {
    /// Asks `with` for an exchange by which `partner` moves; nothing happens while another one is under way.
    pub(super) fn begin_exchange(
        &mut self,
        now: Time,
        with: &NodeId,
        partner: NodeId,
        reason: Reason,
        out: &mut Vec<Output>,
    ) {
        if self.overlay.is_exchanging() {
            return;
        }
        let until = now.after(EXCHANGE_MS);
        let exchange = Exchange { with: with.clone(), partner, reason, stage: Stage::Naming, until };
        self.overlay.exchange = Some(exchange);
        self.ask_link(with, LinkWish::Exchange { torn: reason == Reason::Torn }, Purpose::Exchange, out);
    }

    /// A link that this node may give up, at random.
    pub(super) fn any_partner(&mut self, now: Time) -> Option<NodeId> {
        let ids: Vec<NodeId> = self.sound_peers(now).filter(|id| self.may_give_up(id)).cloned().collect();
        (!ids.is_empty()).then(|| ids[self.random.random_range(0..ids.len())].clone())
    }

    /// B's side: names a link of its own that could be exchanged, or in a torn network gives a free place instead.
    pub(super) fn name_link(
        &mut self,
        now: Time,
        from: &NodeId,
        boot: Boot,
        torn: bool,
        out: &mut Vec<Output>,
    ) -> LinkAnswer {
        let linked = self.overlay.links.contains_key(from) || self.overlay.splits.contains_key(from);
        if linked || self.overlay.is_exchanging() {
            return LinkAnswer::Busy;
        }
        if self.free_places() > 0 {
            if !torn {
                return LinkAnswer::Busy;
            }
            self.add_link(now, from, boot, false, out);
            self.was_bridged(now, out);
            return LinkAnswer::Linked;
        }
        if torn && !self.may_bridge(now) {
            return LinkAnswer::Busy;
        }
        let Some(with) = self.any_partner(now) else { return LinkAnswer::Busy };
        let until = now.after(EXCHANGE_MS);
        self.overlay.splits.insert(from.clone(), Split { with: with.clone(), until, torn });
        LinkAnswer::Split { with }
    }

    /// C's side: agrees to link with `to`, who is to give it the place of `instead_of`.
    pub(super) fn agree_to_move(
        &mut self,
        now: Time,
        from: &NodeId,
        to: NodeId,
        instead_of: NodeId,
        keep: bool,
        out: &mut Vec<Output>,
    ) -> LinkAnswer {
        let possible = if keep { self.free_places() > 0 } else { self.may_give_up(from) };
        let linked = self.overlay.links.contains_key(from);
        let apart = !self.is_self(&to) && !self.overlay.holds_place(&to);
        if !linked || !possible || !apart || self.overlay.is_exchanging() {
            return LinkAnswer::Busy;
        }
        let until = now.after(EXCHANGE_MS);
        self.overlay.moving = Some(Move { asked_by: from.clone(), to: to.clone(), keep, until });
        self.ask_link(&to, LinkWish::InsteadOf(instead_of), Purpose::Move, out);
        LinkAnswer::Promised
    }

    /// C's side: D promised its place, or A knows of it.
    pub(super) fn move_answered(&mut self, now: Time, to: &NodeId, reply: &LinkReply, out: &mut Vec<Output>) {
        let met = self.meet(now, &reply.header, out).is_ok();
        let Some(moving) = self.overlay.moving.take() else { return };
        let promised = met && reply.answer == LinkAnswer::Promised;
        if *to != moving.to {
            if !promised {
                self.overlay.promises.remove(&moving.to);
            }
            return;
        }
        if !promised || self.overlay.holds_place(to) {
            return;
        }
        let instead_of = (!moving.keep).then(|| moving.asked_by.clone());
        if instead_of.as_ref().is_some_and(|id| !self.overlay.links.contains_key(id)) {
            return;
        }
        let promise =
            Promise { instead_of, until: moving.until.after(EXCHANGE_MS), boot: reply.header.boot, first: true };
        self.overlay.promises.insert(to.clone(), promise);
        self.ask_link(&moving.asked_by.clone(), LinkWish::Confirm(to.clone()), Purpose::Move, out);
        self.overlay.moving = Some(moving);
    }

    /// C's side: a step was not answered. What was promised stays until it runs out, as the step may have been taken.
    pub(super) fn move_failed(&mut self, to: &NodeId, failure: Failure) {
        if let Some(moving) = self.overlay.moving.take()
            && *to != moving.to
            && failure != Failure::Unknown
        {
            self.overlay.promises.remove(&moving.to);
        }
    }

    /// A's side: C says that it holds the promise of D. `None` if this is about no exchange.
    pub(super) fn partner_is_ready(
        &mut self,
        from: &NodeId,
        other: &NodeId,
        out: &mut Vec<Output>,
    ) -> Option<LinkAnswer> {
        let exchange = self.overlay.exchange.as_mut().filter(|exchange| exchange.partner == *from)?;
        if exchange.stage != (Stage::Moving { other: other.clone() }) {
            return None;
        }
        exchange.stage = Stage::Confirming;
        let with = exchange.with.clone();
        self.ask_link(&with, LinkWish::Confirm(other.clone()), Purpose::Exchange, out);
        Some(LinkAnswer::Promised)
    }

    /// A's side: B or C answered.
    pub(super) fn exchange_answered(&mut self, now: Time, to: &NodeId, reply: LinkReply, out: &mut Vec<Output>) {
        let met = self.meet(now, &reply.header, out).is_ok();
        let Some(mut exchange) = self.overlay.exchange.take().filter(|_| met) else {
            if met && reply.answer == LinkAnswer::Linked && !self.overlay.links.contains_key(to) {
                self.call(to, Call::Unlink { from: self.id.clone() }, Purpose::Unlink, out);
            }
            return;
        };
        match (&exchange.stage, reply.answer) {
            (Stage::Naming | Stage::Confirming, LinkAnswer::Linked) if *to == exchange.with => {
                self.end_exchange(now, exchange, reply.header.boot, true, out);
                return;
            }
            (Stage::Naming, LinkAnswer::Split { with: other })
                if other != exchange.partner && !self.is_self(&other) && *to == exchange.with =>
            {
                let keep = exchange.reason == Reason::Lacking;
                let wish = LinkWish::Move { to: other.clone(), instead_of: exchange.with.clone(), keep };
                self.ask_link(&exchange.partner, wish, Purpose::Exchange, out);
                exchange.stage = Stage::Moving { other };
            }
            // C's consent may come behind the news that it is ready.
            (Stage::Moving { .. } | Stage::Confirming, LinkAnswer::Promised) if *to == exchange.partner => {}
            _ => {
                self.exchange_came_to_nothing(&exchange);
                return;
            }
        }
        self.overlay.exchange = Some(exchange);
    }

    /// A's side: B or C did not answer. Only B's answer to the last step may be on its way in another form.
    pub(super) fn exchange_failed(&mut self, failure: Failure) {
        let over = |exchange: &mut Exchange| failure != Failure::Unknown || exchange.stage != Stage::Confirming;
        if let Some(exchange) = self.overlay.exchange.take_if(over) {
            self.exchange_came_to_nothing(&exchange);
        }
    }

    /// Others may have been at it at the same time; a torn network is no better for waiting.
    fn exchange_came_to_nothing(&mut self, exchange: &Exchange) {
        if exchange.reason == Reason::Torn {
            self.may_bridge_again();
        }
    }

    /// A's side: B says that it holds the link, whatever became of its answer. False if this is about no exchange.
    pub(super) fn exchange_claimed(&mut self, now: Time, from: &NodeId, boot: Boot, out: &mut Vec<Output>) -> bool {
        let claimed = |exchange: &mut Exchange| exchange.with == *from && exchange.stage == Stage::Confirming;
        let Some(exchange) = self.overlay.exchange.take_if(claimed) else { return false };
        self.end_exchange(now, exchange, boot, false, out);
        true
    }

    fn end_exchange(&mut self, now: Time, exchange: Exchange, boot: Boot, asked: bool, out: &mut Vec<Output>) {
        if self.overlay.links.contains_key(&exchange.with) {
            return;
        }
        // Where C moves to D it lets this node go, even if there is room for both here.
        let moves = exchange.stage == Stage::Confirming;
        if exchange.reason != Reason::Lacking && (moves || self.free_places() == 0) {
            self.let_go(now, &exchange.partner, "exchanged for a link elsewhere", out);
        }
        if self.free_places() == 0 {
            self.call(&exchange.with, Call::Unlink { from: self.id.clone() }, Purpose::Unlink, out);
            return;
        }
        self.add_link(now, &exchange.with, boot, asked, out);
        match exchange.reason {
            Reason::Torn => self.was_bridged(now, out),
            // The rest of the short cycle may have gone at the same time.
            Reason::Short => self.look_for_tears(now, out),
            Reason::Lacking => {}
        }
    }
}
