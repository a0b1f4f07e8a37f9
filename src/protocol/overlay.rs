//! The overlay: which links this node holds, and how many it wants.
//!
//! Links are symmetric, at most `max_peers` per node; a place that is offered counts as taken. Every envelope and reply
//! says whether its sender holds the link; one `false` ends it at the other side. The handshakes that make, split and
//! replace links stand in `joining.rs`, the search for them in `seeking.rs`, what is done when most fail at once in
//! `scouting.rs`, and the first contact in `bootstrap.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bootstrap::{Given, SeedNode};
use super::calls::{Call, LinkAnswer, LinkCall, LinkReply, LinkWish};
use super::config::Config;
use super::door::{Event, Output, Response};
use super::exchanging::{Exchange, Move, Reason};
use super::joining::{Join, Promise, Split};
use super::link::Link;
use super::links::Links;
use super::node::{Node, Purpose};
use super::places::Places;
use super::scouting::Scouting;
use super::seeking::SEEK_PAUSE;
use super::shortening::Shortening;
use super::words::{Boot, NodeId, Time, first_of};

/// This node's links and everything under way about them.
#[derive(Clone, Debug)]
pub struct Overlay {
    pub(super) links: Links,
    /// Direct requests under way, each holding a place.
    pub(super) offers: BTreeSet<NodeId>,
    pub(super) join: Option<Join>,
    pub(super) given: Vec<Given>,
    pub(super) seeds: Vec<SeedNode>,
    /// Nodes that others named in this node's searches: they are asked when it is alone and its seeds are gone.
    pub(super) named: VecDeque<NodeId>,
    pub(super) splits: BTreeMap<NodeId, Split>,
    pub(super) promises: BTreeMap<NodeId, Promise>,
    /// The exchange that this node asked for.
    pub(super) exchange: Option<Exchange>,
    pub(super) shortening: Shortening,
    /// The move that a peer asked this node for.
    pub(super) moving: Option<Move>,
    /// Where free places were last seen.
    pub(super) places: Places,
    pub(super) seek_at: Time,
    pub(super) scouting: Option<Scouting>,
    /// When a scouting last ended without enough links.
    pub(super) scouted_at: Option<Time>,
    pub(super) pause: u64,
}

impl Overlay {
    pub(super) fn new(now: Time, config: &Config, id: &NodeId) -> Overlay {
        let given: Vec<Given> =
            config.given_peers.iter().filter(|peer| *peer != id).map(|peer| Given::new(peer.clone(), now)).collect();
        let seeds = config.seeds.iter().chain(&config.given_peers).filter(|seed| *seed != id);
        let distinct: BTreeSet<&NodeId> = seeds.collect();
        Overlay {
            links: Links::default(),
            offers: BTreeSet::new(),
            join: None,
            given,
            seeds: distinct.into_iter().map(|seed| SeedNode::new(seed.clone(), now)).collect(),
            named: VecDeque::new(),
            splits: BTreeMap::new(),
            promises: BTreeMap::new(),
            exchange: None,
            shortening: Shortening::default(),
            moving: None,
            places: Places::default(),
            seek_at: now,
            scouting: None,
            scouted_at: None,
            pause: SEEK_PAUSE.0,
        }
    }

    /// Given neighbours that are still expected, and so keep a place each.
    fn expected(&self) -> usize {
        self.given.iter().filter(|given| given.is_expected() && !self.holds_place(&given.id)).count()
    }

    pub(super) fn holds_place(&self, id: &NodeId) -> bool {
        self.links.contains_key(id) || self.offers.contains(id)
    }

    /// Whether a split, a promise or an exchange about the link to `id` is under way.
    pub(super) fn is_engaged(&self, id: &NodeId) -> bool {
        self.splits.values().any(|split| split.with == *id)
            || self.promises.values().any(|promise| promise.instead_of.as_ref() == Some(id))
            || self.exchange.as_ref().is_some_and(|exchange| exchange.partner == *id)
            || self.moving.as_ref().is_some_and(|moving| moving.asked_by == *id)
    }

    /// Whether this node gives a link up by an exchange, or gets one by it, at present.
    pub(super) fn is_exchanging(&self) -> bool {
        self.exchange.is_some() || self.moving.is_some()
    }

    /// Places that are kept free for links that are agreed upon.
    fn reserved(&self) -> usize {
        let promised = self.promises.values().filter(|promise| promise.instead_of.is_none()).count();
        let moving = self.moving.as_ref();
        let moving = moving.is_some_and(|moving| moving.keep && !self.promises.contains_key(&moving.to));
        let lacking = self.exchange.as_ref().is_some_and(|exchange| exchange.reason == Reason::Lacking);
        promised + usize::from(moving) + usize::from(lacking)
    }

    /// Places that are neither taken, offered nor kept for given neighbours.
    fn free(&self, max_peers: usize) -> usize {
        let join = self.join.as_ref().map_or(0, |join| join.places);
        max_peers.saturating_sub(self.links.len() + self.offers.len() + join + self.expected() + self.reserved())
    }
}

impl Node {
    pub(super) fn free_places(&self) -> usize {
        self.overlay.free(self.config.max_peers)
    }

    /// Links that this node should look for: none while its given neighbours stand, and no more than there are others.
    pub(super) fn wanted_links(&self) -> usize {
        // Asked at every event, and a full node need not count the others.
        if self.overlay.links.len() + self.overlay.offers.len() >= self.config.max_peers {
            return 0;
        }
        if self.overlay.given.iter().any(Given::is_expected) && !self.overlay.given.iter().any(Given::has_failed) {
            return 0;
        }
        if !self.overlay.given.is_empty() && !self.overlay.given.iter().any(Given::has_failed) {
            return 0;
        }
        let others = self.table.iter().filter(|(id, entry)| entry.status.is_live() && !self.is_self(id));
        let others = others.filter(|(id, _)| !self.foreign.ids().any(|foreign| foreign == *id));
        // More than there are places need not be counted.
        let others = others.take(self.config.max_peers).count();
        let target = self.config.max_peers.min(others.max(usize::from(self.overlay.links.is_empty())));
        target.saturating_sub(self.overlay.links.len() + self.overlay.offers.len()).min(self.free_places())
    }

    /// `POST /peers/`.
    pub(super) fn answer_link(&mut self, now: Time, call: LinkCall, out: &mut Vec<Output>) -> Response {
        if let Err(refusal) = self.meet(now, &call.header, out) {
            return Response::Refused(refusal);
        }
        let (from, boot) = (call.header.from.clone(), call.header.boot);
        self.note_found(&from);
        let answer = if self.stopping {
            LinkAnswer::Busy
        } else {
            match call.wish {
                LinkWish::Join { walk, split } => self.answer_join(now, &from, boot, walk, split, out),
                LinkWish::Link => self.answer_offer(now, &from, boot, out),
                LinkWish::InsteadOf(peer) => self.promise(now, &from, boot, peer),
                LinkWish::Confirm(peer) => match self.partner_is_ready(&from, &peer, out) {
                    Some(answer) => answer,
                    None => self.split(now, &from, boot, &peer, out),
                },
                LinkWish::Probe => LinkAnswer::Busy,
                LinkWish::Refute { version } => {
                    self.hear_suspicion(now, version, out);
                    LinkAnswer::Busy
                }
                LinkWish::Bridge => self.answer_bridge(now, &from, boot, out),
                LinkWish::Exchange { torn } => self.name_link(now, &from, boot, torn, out),
                LinkWish::Move { to, instead_of, keep } => self.agree_to_move(now, &from, to, instead_of, keep, out),
            }
        };
        let known_version = self.table.highest_version(&from).max(self.forgotten.version_of(&from));
        Response::Link(LinkReply { header: self.header(&from), answer, known_version })
    }

    /// Makes a link; the side that asked speaks first.
    pub(super) fn add_link(&mut self, now: Time, id: &NodeId, boot: Boot, asked: bool, out: &mut Vec<Output>) {
        self.overlay.promises.remove(id);
        self.overlay.splits.remove(id);
        self.overlay.offers.remove(id);
        // The next request tells the other side that there is no link here.
        if self.overlay.links.len() >= self.config.max_peers {
            debug_assert!(false, "a place was given twice");
            return;
        }
        let first = if asked { now } else { now.after(self.config.heartbeat_ms / 2) };
        let taken = |slot: &u8| self.overlay.links.values().any(|link| link.slot == *slot);
        let slot = (0..64).find(|slot| !taken(slot)).unwrap_or(63);
        self.overlay.links.insert(id.clone(), Link::new(now, boot, slot, first));
        self.overlay.pause = SEEK_PAUSE.0;
        self.overlay.seek_at = now;
        self.given_was_linked(id);
        out.push(Output::Emit(Event::LinkMade { id: id.clone() }));
        self.flush(now, id, out);
    }

    /// Whether this node may end its link to `id` for another one's sake.
    pub(super) fn may_give_up(&self, id: &NodeId) -> bool {
        !self.overlay.is_engaged(id) && !self.overlay.given.iter().any(|given| given.id == *id && !given.has_failed())
    }

    /// Ends a link of this node's own accord, and says so.
    pub(super) fn let_go(&mut self, now: Time, id: &NodeId, why: &'static str, out: &mut Vec<Output>) {
        if self.overlay.links.contains_key(id) {
            self.drop_link(now, id, why, out);
            self.call(id, Call::Unlink { from: self.id.clone() }, Purpose::Unlink, out);
        }
    }

    /// The other side ended a link: by `DELETE /peers/{id}`, by a request or by an answer. Unless that was agreed upon with
    /// a node that takes its place, short cycles are looked for as after a death; the overlay is not thought to be torn.
    pub(super) fn closed_by_peer(&mut self, now: Time, id: &NodeId, why: &'static str, out: &mut Vec<Output>) {
        let places = self.overlay.links.len();
        if self.overlay.links.contains_key(id) {
            self.drop_link(now, id, why, out);
            if self.overlay.links.len() < places {
                self.look_around_soon(now);
            }
        }
    }

    /// Forgets a link; a promise that waited for its place is kept now.
    pub(super) fn drop_link(&mut self, now: Time, id: &NodeId, why: &'static str, out: &mut Vec<Output>) {
        let Some(link) = self.overlay.links.remove(id) else { return };
        out.push(Output::Emit(Event::LinkLost { id: id.clone(), why }));
        self.given_was_lost(id);
        self.overlay.splits.retain(|_, split| split.with != *id);
        self.overlay.pause = SEEK_PAUSE.0;
        self.overlay.seek_at = now;
        self.regrow(now, link.slot, out);
        let awaits = |promise: &Promise| promise.instead_of.as_ref() == Some(id) && promise.until > now;
        let promised = self.overlay.promises.iter().find(|(_, promise)| awaits(promise));
        if let Some((joiner, promise)) = promised.map(|(joiner, promise)| (joiner.clone(), promise.clone())) {
            self.overlay.promises.remove(&joiner);
            if !self.overlay.links.contains_key(&joiner) {
                self.add_link(now, &joiner, promise.boot, promise.first, out);
            }
        }
    }

    /// Drops what has run out, and looks for links where they are wanted.
    pub(super) fn tend_overlay(&mut self, now: Time, out: &mut Vec<Output>) {
        self.overlay.splits.retain(|_, split| split.until > now);
        self.overlay.promises.retain(|_, promise| promise.until > now);
        self.overlay.exchange.take_if(|exchange| exchange.until <= now);
        self.overlay.moving.take_if(|moving| moving.until <= now);
        self.tend_given(now, out);
        self.tend_seeds(now, out);
        self.tend_scouting(now, out);
        self.tend_shortening(now, out);
        if self.overlay.seek_at <= now && self.overlay.join.is_none() && self.overlay.scouting.is_none() {
            self.seek(now, out);
        }
    }

    pub(super) fn overlay_deadline(&self) -> Option<Time> {
        let split = self.overlay.splits.values().map(|split| split.until).min();
        let promise = self.overlay.promises.values().map(|promise| promise.until).min();
        let exchange = self.overlay.exchange.as_ref().map(|exchange| exchange.until);
        let moving = self.overlay.moving.as_ref().map(|moving| moving.until);
        let scout = self.overlay.scouting.as_ref().map(Scouting::deadline);
        let seeks =
            self.overlay.join.is_none() && scout.is_none() && !self.overlay.links.is_empty() && self.wanted_links() > 0;
        let seek = seeks.then_some(self.overlay.seek_at);
        let look = self.overlay.shortening.deadline();
        let (given, seeds) = (self.given_deadline(), self.seeds_deadline());
        first_of(&[split, promise, exchange, moving, seek, scout, look, given, seeds])
    }
}
