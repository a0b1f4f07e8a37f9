//! The overlay: which links this node holds, and the handshakes that make, split and replace them.
//!
//! Links are symmetric, at most `max_peers` per node; a place that is offered counts as taken. A newcomer's request walks
//! at random from node to node, since joining at the seed itself would grow a long thin graph. Where the walk ends a free
//! place is used, else a link A-B is split: the newcomer J obtains B's promise, confirms to A, and only then A lets B go.
//! Until then nothing has changed, and a promise that nobody keeps runs out. Every envelope and reply says whether its
//! sender holds the link; one `false` ends it at the other side. `bootstrap.rs` finds the first node to ask.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use super::bootstrap::{Given, SeedNode};
use super::config::Config;
use super::door::{Call, Event, Failure, Header, LinkAnswer, LinkCall, LinkReply, LinkWish, Output, Response};
use super::limits::MAX_WALK;
use super::link::Link;
use super::links::Links;
use super::node::{Node, Purpose};
use super::words::{Boot, FreePlace, NodeId, Time};

/// How long a node keeps a link ready to be split for a joiner.
const SPLIT_MS: u64 = 2_000;

/// How long a promised place waits for its present holder to let go; longer than a split, so that it outlives it.
const PROMISE_MS: u64 = 5_000;

/// News of a free place older than this is not passed on, in heartbeats.
const PLACE_HEARTBEATS: u64 = 8;

/// First and longest pause between two searches for a place, in quarters of a heartbeat.
const SEEK_PAUSE: (u64, u64) = (1, 32);

/// This node's links and everything under way about them.
#[derive(Clone, Debug)]
pub struct Overlay {
    pub(super) links: Links,
    /// Direct requests under way, each holding a place.
    pub(super) offers: BTreeSet<NodeId>,
    pub(super) join: Option<Join>,
    pub(super) given: Vec<Given>,
    pub(super) seeds: Vec<SeedNode>,
    splits: BTreeMap<NodeId, Split>,
    promises: BTreeMap<NodeId, Promise>,
    /// The freshest news of a free place, and when it was true.
    place: Option<(NodeId, Time)>,
    pub(super) seek_at: Time,
    pause: u64,
}

/// A search for a place under way.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// Where the search began.
    first: NodeId,
    /// Whom the present step asks.
    pub(super) asked: NodeId,
    /// Places kept for it: two when a link may be split.
    places: usize,
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
struct Split {
    with: NodeId,
    until: Time,
}

/// A place promised to a joiner.
#[derive(Clone, Debug)]
struct Promise {
    instead_of: NodeId,
    until: Time,
    boot: Boot,
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
            splits: BTreeMap::new(),
            promises: BTreeMap::new(),
            place: None,
            seek_at: now,
            pause: SEEK_PAUSE.0,
        }
    }

    /// Given neighbours that are still expected, and so keep a place each.
    fn expected(&self) -> usize {
        self.given.iter().filter(|given| given.is_expected() && !self.holds_place(&given.id)).count()
    }

    /// The known free place was given away.
    pub(super) fn forget_place(&mut self) {
        self.place = None;
    }

    pub(super) fn holds_place(&self, id: &NodeId) -> bool {
        self.links.contains_key(id) || self.offers.contains(id)
    }

    /// Whether a split or a promise about the link to `id` is under way.
    fn is_engaged(&self, id: &NodeId) -> bool {
        self.splits.values().any(|split| split.with == *id)
            || self.promises.values().any(|promise| promise.instead_of == *id)
    }

    /// Places that are neither taken, offered nor kept for given neighbours.
    fn free(&self, max_peers: usize) -> usize {
        let join = self.join.as_ref().map_or(0, |join| join.places);
        max_peers.saturating_sub(self.links.len() + self.offers.len() + join + self.expected())
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
        let others = others.filter(|(id, _)| !self.foreign.ids().any(|foreign| foreign == *id)).take(64).count();
        let target = self.config.max_peers.min(others.max(usize::from(self.overlay.links.is_empty())));
        target.saturating_sub(self.overlay.links.len() + self.overlay.offers.len()).min(self.free_places())
    }

    /// Steps of a walk that ends nearly at random: twice the distance across a random graph of all known nodes, and some.
    fn walk_length(&self) -> u8 {
        let size = self.table.len().max(1) as u64;
        let log = u64::BITS - (size - 1).leading_zeros();
        u8::try_from(2 * log + 4).unwrap_or(MAX_WALK).min(MAX_WALK)
    }

    /// `POST /peers/`.
    pub(super) fn answer_link(&mut self, now: Time, call: LinkCall, out: &mut Vec<Output>) -> Response {
        if let Err(refusal) = self.meet(now, &call.header, out) {
            return Response::Refused(refusal);
        }
        let (from, boot) = (call.header.from.clone(), call.header.boot);
        let answer = if self.stopping {
            LinkAnswer::Busy
        } else {
            match call.wish {
                LinkWish::Join { walk, split } => self.answer_join(now, &from, boot, walk, split, out),
                LinkWish::Link => self.answer_offer(now, &from, boot, out),
                LinkWish::InsteadOf(peer) => self.promise(now, &from, boot, peer),
                LinkWish::Confirm(peer) => self.split(now, &from, boot, &peer, out),
                LinkWish::Probe => LinkAnswer::Busy,
                LinkWish::Bridge => self.answer_bridge(now, &from, boot, out),
            }
        };
        let known_version = self.table.highest_version(&from).max(self.forgotten.version_of(&from));
        Response::Link(LinkReply { header: self.header(&from), answer, known_version })
    }

    fn answer_join(
        &mut self,
        now: Time,
        from: &NodeId,
        boot: Boot,
        walk: Option<u8>,
        split: bool,
        out: &mut Vec<Output>,
    ) -> LinkAnswer {
        let walk = walk.unwrap_or_else(|| self.walk_length()).min(MAX_WALK);
        let next: Vec<NodeId> = self.overlay.links.keys().filter(|id| *id != from).cloned().collect();
        if walk > 0 && !next.is_empty() {
            let next = next[self.random.random_range(0..next.len())].clone();
            return LinkAnswer::Walk { next, walk: walk - 1 };
        }
        if self.overlay.links.contains_key(from) {
            return LinkAnswer::Busy;
        }
        if self.free_places() > 0 {
            self.add_link(now, from, boot, false, out);
            return LinkAnswer::Linked;
        }
        let ends: Vec<NodeId> = next.into_iter().filter(|id| !self.overlay.is_engaged(id)).collect();
        if !split || ends.is_empty() || self.overlay.splits.contains_key(from) {
            return LinkAnswer::Busy;
        }
        let with = ends[self.random.random_range(0..ends.len())].clone();
        self.overlay.splits.insert(from.clone(), Split { with: with.clone(), until: now.after(SPLIT_MS) });
        LinkAnswer::Split { with }
    }

    pub(super) fn answer_offer(&mut self, now: Time, from: &NodeId, boot: Boot, out: &mut Vec<Output>) -> LinkAnswer {
        if self.overlay.links.contains_key(from) {
            return LinkAnswer::Linked;
        }
        // Two offers that cross, or a given neighbour: the place is kept already.
        let kept = self.overlay.offers.remove(from)
            || self.overlay.given.iter().any(|given| given.id == *from && given.is_expected());
        if !kept && self.free_places() == 0 {
            return LinkAnswer::Busy;
        }
        self.add_link(now, from, boot, false, out);
        LinkAnswer::Linked
    }

    fn promise(&mut self, now: Time, from: &NodeId, boot: Boot, instead_of: NodeId) -> LinkAnswer {
        let overlay = &mut self.overlay;
        if overlay.is_engaged(&instead_of)
            || overlay.links.contains_key(from)
            || !overlay.links.contains_key(&instead_of)
        {
            return LinkAnswer::Busy;
        }
        overlay.promises.insert(from.clone(), Promise { instead_of, until: now.after(PROMISE_MS), boot });
        LinkAnswer::Promised
    }

    fn split(&mut self, now: Time, from: &NodeId, boot: Boot, peer: &NodeId, out: &mut Vec<Output>) -> LinkAnswer {
        let agreed = self.overlay.splits.remove(from).is_some_and(|split| split.with == *peer && split.until > now);
        if !agreed || self.overlay.links.contains_key(from) || !self.overlay.links.contains_key(peer) {
            return LinkAnswer::Busy;
        }
        self.let_go(now, peer, "split for a newcomer", out);
        self.add_link(now, from, boot, false, out);
        LinkAnswer::Linked
    }

    /// Somebody says that it holds a link of which this node knows nothing: right when an answer is still on its way.
    pub(super) fn accept_claimed_link(&mut self, now: Time, header: &Header, out: &mut Vec<Output>) {
        let from = &header.from;
        if let Some(promise) = self.overlay.promises.remove(from) {
            self.let_go(now, &promise.instead_of, "split for a newcomer", out);
            self.add_link(now, from, header.boot, false, out);
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
        self.search_failed(now);
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
        let split = join.places == 2;
        let wish = match (join.stage, reply.answer) {
            (Stage::Walking, LinkAnswer::Linked) => {
                self.seed_was_met(&join.first);
                self.linked_by_answer(now, &peer, boot, out);
                return;
            }
            (Stage::Walking, LinkAnswer::Walk { next, walk }) if join.steps < MAX_WALK && !self.is_self(&next) => {
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

    /// A request for a link was not answered: whoever was asked may be dead, and says nothing of free places elsewhere.
    pub(super) fn wish_unanswered(&mut self, now: Time, to: &NodeId, failure: Failure, out: &mut Vec<Output>) {
        if !self.overlay.offers.remove(to) {
            self.overlay.join = None;
        }
        self.search_unanswered(now);
        if failure == Failure::Refused && !self.overlay.links.contains_key(to) && self.overlay_is_searched() {
            self.suspect(now, to, out);
        }
    }

    /// Given neighbours are expected before they run; only a search means that its goal was thought to live.
    fn overlay_is_searched(&self) -> bool {
        !self.overlay.given.iter().any(Given::is_expected)
    }

    /// The next search begins soon: many may have died at once, and only an answer of "busy" is a reason to wait longer.
    pub(super) fn search_unanswered(&mut self, now: Time) {
        let pause = self.jittered(self.config.heartbeat_ms / 4);
        self.overlay.seek_at = now.after(pause);
        self.overlay.place = None;
    }

    pub(super) fn search_failed(&mut self, now: Time) {
        let pause = self.overlay.pause * self.config.heartbeat_ms / 4;
        self.overlay.seek_at = now.after(self.jittered(pause));
        self.overlay.pause = (self.overlay.pause * 2).min(SEEK_PAUSE.1);
        self.overlay.place = None;
    }

    /// Makes a link; the side that asked speaks first.
    pub(super) fn add_link(&mut self, now: Time, id: &NodeId, boot: Boot, asked: bool, out: &mut Vec<Output>) {
        debug_assert!(self.overlay.links.len() < self.config.max_peers, "a place was given twice");
        self.overlay.promises.remove(id);
        self.overlay.splits.remove(id);
        self.overlay.offers.remove(id);
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

    /// `DELETE /peers/{id}`.
    pub(super) fn closed_by_peer(&mut self, now: Time, id: &NodeId, out: &mut Vec<Output>) {
        self.drop_link(now, id, "the other side closed it", out);
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
        let promised = self.overlay.promises.iter().find(|(_, p)| p.instead_of == *id && p.until > now);
        if let Some((joiner, boot)) = promised.map(|(joiner, promise)| (joiner.clone(), promise.boot)) {
            self.overlay.promises.remove(&joiner);
            if !self.overlay.links.contains_key(&joiner) {
                self.add_link(now, &joiner, boot, false, out);
            }
        }
    }

    /// What to tell a peer about free places: this node's own, else the freshest heard of.
    pub(super) fn advertise_place(&mut self, now: Time) -> Option<FreePlace> {
        if self.wanted_links() > 0 {
            return Some(FreePlace { id: self.id.clone(), age_ms: 0 });
        }
        let (_, seen) = self.overlay.place.as_ref()?;
        let age_ms = now.since(*seen);
        Some(FreePlace { id: self.known_place(now)?, age_ms })
    }

    /// A node that had a free place not long ago.
    pub(super) fn known_place(&self, now: Time) -> Option<NodeId> {
        let (id, seen) = self.overlay.place.as_ref()?;
        (now.since(*seen) < PLACE_HEARTBEATS * self.config.heartbeat_ms).then(|| id.clone())
    }

    /// A peer tells of a free place.
    pub(super) fn hear_of_place(&mut self, now: Time, place: FreePlace) {
        let seen = Time(now.0.saturating_sub(place.age_ms));
        // A full node passes on what its peers say of themselves; one that seeks keeps what it can use.
        let usable = self.wanted_links() == 0 || !self.overlay.holds_place(&place.id);
        let usable = usable && !self.is_self(&place.id);
        if usable && self.overlay.place.as_ref().is_none_or(|(_, held)| *held < seen) {
            self.overlay.place = Some((place.id, seen));
        }
    }

    /// Whom a node that lacks one link asks for it.
    pub(super) fn place_to_try(&mut self) -> Option<NodeId> {
        let (id, _) = self.overlay.place.take()?;
        (!self.is_self(&id) && !self.overlay.holds_place(&id)).then_some(id)
    }

    /// Drops what has run out, and looks for links where they are wanted.
    pub(super) fn tend_overlay(&mut self, now: Time, out: &mut Vec<Output>) {
        self.overlay.splits.retain(|_, split| split.until > now);
        self.overlay.promises.retain(|_, promise| promise.until > now);
        self.tend_given(now, out);
        self.tend_seeds(now, out);
        if self.overlay.seek_at <= now && self.overlay.join.is_none() {
            self.seek(now, out);
        }
    }

    fn seek(&mut self, now: Time, out: &mut Vec<Output>) {
        let wanted = self.wanted_links();
        if wanted == 0 || self.overlay.links.is_empty() {
            return;
        }
        if wanted == 1
            && let Some(place) = self.place_to_try()
        {
            self.overlay.offers.insert(place.clone());
            self.ask_link(&place, LinkWish::Link, Purpose::Offer, out);
            return;
        }
        // Half of the searches go to anyone this node knows, so that parts of a torn network meet: the neighbours lead
        // only to its own part.
        let anyone = self.random.random_bool(0.5);
        let candidates = if anyone { self.strangers() } else { self.overlay.links.keys().cloned().collect() };
        if candidates.is_empty() {
            self.search_failed(now);
            return;
        }
        let first = candidates[self.random.random_range(0..candidates.len())].clone();
        if anyone && wanted == 1 {
            self.overlay.offers.insert(first.clone());
            self.ask_link(&first, LinkWish::Link, Purpose::Offer, out);
        } else {
            let walk = self.walk_length();
            self.begin_join(&first, Some(walk), out);
        }
    }

    /// Live nodes of our own kind that this one could link with.
    pub(super) fn strangers(&self) -> Vec<NodeId> {
        let live = self.table.iter().filter(|(_, entry)| entry.status.is_live()).map(|(id, _)| id);
        let apart = live.filter(|id| !self.is_self(id) && !self.overlay.holds_place(id));
        apart.filter(|id| !self.foreign.ids().any(|foreign| foreign == *id)).cloned().collect()
    }

    pub(super) fn overlay_deadline(&self) -> Option<Time> {
        let runs_out = self.overlay.splits.values().map(|split| split.until);
        let runs_out = runs_out.chain(self.overlay.promises.values().map(|promise| promise.until)).min();
        let seeks = self.overlay.join.is_none() && !self.overlay.links.is_empty() && self.wanted_links() > 0;
        let seek = seeks.then_some(self.overlay.seek_at);
        [runs_out, seek, self.given_deadline(), self.seeds_deadline()].into_iter().flatten().min()
    }
}
