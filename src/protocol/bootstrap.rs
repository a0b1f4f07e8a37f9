//! The first contact: seeds, given neighbours, and nodes remembered from better times.
//!
//! A seed that is down, slow or wrong never stops the node: it is asked again with back-off, for ever, and names are
//! resolved anew each time. A node without links also asks nodes that it once knew.

use rand::RngExt;

use super::calls::{Call, Failure, LinkWish};
use super::door::{Output, Refusal, Response};
use super::node::{Node, Purpose};
use super::words::{IdForm, NodeId, Time};

/// First and longest pause between two tries of a seed.
const SEED_PAUSE_MS: (u64, u64) = (250, 10_000);

/// Pause between two registrations at a seed of the other dialect, which might have been restarted.
const FOREIGN_SEED_PAUSE_MS: u64 = 30_000;

/// First and longest pause between two offers to a given neighbour.
const GIVEN_PAUSE_MS: (u64, u64) = (40, 1_000);

/// Remembered nodes that a node without links asks at a time.
const REMEMBERED_AT_ONCE: usize = 4;

/// Nodes named by others that are kept in case that all seeds have gone.
const MAX_NAMED: usize = 16;

/// A given neighbour that cannot be linked for this long has failed.
const GIVEN_PATIENCE_MS: u64 = 10_000;

/// So much longer for each known node if nothing is known of the neighbour: a network of many is still being started.
const GIVEN_PATIENCE_OF_A_NODE_MS: u64 = 100;

/// The longest such time: strangers that are made up are not to make a node wait for ever.
const MORE_GIVEN_PATIENCE_MS: u64 = 100_000;

/// A given neighbour that answered "busy" so often has failed: it has other peers by now.
const GIVEN_REFUSALS: u32 = 3;

/// A node that is asked when this one is alone.
#[derive(Clone, Debug)]
pub struct SeedNode {
    pub(super) id: NodeId,
    next_at: Time,
    pause: u64,
    asking: bool,
    /// It speaks the other dialect.
    foreign: bool,
    /// A search that began there led to a link: it belongs to the same network as this node.
    met: bool,
}

impl SeedNode {
    pub(super) fn new(id: NodeId, now: Time) -> SeedNode {
        SeedNode { id, next_at: now, pause: SEED_PAUSE_MS.0, asking: false, foreign: false, met: false }
    }
}

/// A neighbour that was given at the start.
#[derive(Clone, Debug)]
pub struct Given {
    pub(super) id: NodeId,
    began: Time,
    next_at: Time,
    pause: u64,
    refusals: u32,
    stage: GivenStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GivenStage {
    /// Not yet linked.
    Expected,
    /// Linked.
    Linked,
    /// Could not be linked, or the link was lost.
    Failed,
}

impl Given {
    pub(super) fn new(id: NodeId, now: Time) -> Given {
        Given { id, began: now, next_at: now, pause: GIVEN_PAUSE_MS.0, refusals: 0, stage: GivenStage::Expected }
    }

    pub(super) fn is_expected(&self) -> bool {
        self.stage == GivenStage::Expected
    }

    pub(super) fn has_failed(&self) -> bool {
        self.stage == GivenStage::Failed
    }
}

impl Node {
    fn given_mut(&mut self, id: &NodeId) -> Option<&mut Given> {
        self.overlay.given.iter_mut().find(|given| given.id == *id)
    }

    pub(super) fn given_was_linked(&mut self, id: &NodeId) {
        if let Some(given) = self.given_mut(id) {
            given.stage = GivenStage::Linked;
        }
    }

    pub(super) fn given_was_lost(&mut self, id: &NodeId) {
        if let Some(given) = self.given_mut(id) {
            given.stage = GivenStage::Failed;
        }
    }

    pub(super) fn given_was_busy(&mut self, now: Time, id: &NodeId) {
        if let Some(given) = self.given_mut(id).filter(|given| given.is_expected()) {
            given.refusals += 1;
            given.next_at = now.after(given.pause);
            if given.refusals >= GIVEN_REFUSALS {
                given.stage = GivenStage::Failed;
            }
        }
    }

    /// Offers links to the given neighbours that are still expected.
    pub(super) fn tend_given(&mut self, now: Time, out: &mut Vec<Output>) {
        let mut asked = Vec::new();
        let (overlay, table) = (&mut self.overlay, &self.table);
        for given in overlay.given.iter_mut().filter(|given| given.is_expected() && given.next_at <= now) {
            let starting = if table.get(&given.id).is_some() { 0 } else { table.len() as u64 };
            let more = (starting * GIVEN_PATIENCE_OF_A_NODE_MS).min(MORE_GIVEN_PATIENCE_MS);
            if now.since(given.began) >= GIVEN_PATIENCE_MS + more {
                given.stage = GivenStage::Failed;
                continue;
            }
            given.next_at = now.after(given.pause);
            given.pause = (given.pause * 3 / 2).min(GIVEN_PAUSE_MS.1);
            if !overlay.links.contains_key(&given.id) && overlay.offers.insert(given.id.clone()) {
                asked.push(given.id.clone());
            }
        }
        for id in asked {
            self.ask_link(&id, LinkWish::Link, Purpose::Offer, out);
        }
    }

    pub(super) fn given_deadline(&self) -> Option<Time> {
        self.overlay.given.iter().filter(|given| given.is_expected()).map(|given| given.next_at).min()
    }

    fn is_alone(&self) -> bool {
        self.overlay.links.is_empty() && self.overlay.join.is_none()
    }

    /// While given neighbours are expected, their offers come first.
    fn asks_seeds(&self) -> bool {
        self.is_alone() && !self.overlay.given.iter().any(Given::is_expected)
    }

    /// A seed is asked while this node is alone, and until it is known to be of the same network, as a peer is: it may have
    /// been down when this node found others.
    fn asks_seed(&self, seed: &SeedNode) -> bool {
        let lives = |id| self.table.get(id).is_some_and(|entry| entry.state.is_some() && entry.status.is_live());
        let linked = self.overlay.links.contains_key(&seed.id);
        let unmet = !seed.met && !linked && !lives(&seed.id) && self.overlay.join.is_none();
        seed.foreign || self.asks_seeds() || (unmet && !self.overlay.given.iter().any(Given::is_expected))
    }

    /// Asks the seeds whose time has come.
    pub(super) fn tend_seeds(&mut self, now: Time, out: &mut Vec<Output>) {
        let asks = self.asks_seeds();
        let mut asked = Vec::new();
        for seed in &self.overlay.seeds {
            if !seed.asking && seed.next_at <= now && self.asks_seed(seed) {
                asked.push((seed.id.clone(), seed.foreign));
            }
        }
        for (id, foreign) in asked {
            if let Some(seed) = self.seed_mut(&id) {
                seed.asking = true;
            }
            if foreign {
                self.ask_foreign_seed(&id, out);
            } else {
                self.call(&id, Call::Peers, Purpose::Seed, out);
            }
        }
        if asks && self.overlay.seek_at <= now && self.overlay.scouting.is_none() {
            self.ask_remembered(now, out);
        }
    }

    /// Asks one of the nodes that are known from before, if there is one.
    fn ask_remembered(&mut self, now: Time, out: &mut Vec<Output>) {
        let foreign: Vec<&NodeId> = self.foreign.ids().collect();
        let known = self.table.iter().map(|(id, _)| id).chain(&self.overlay.named);
        let known: Vec<NodeId> = known.filter(|id| !self.is_self(id) && !foreign.contains(id)).cloned().collect();
        self.search_unanswered(now);
        // Many may have died together with the peers: a few are asked at once, and the first that answers is enough.
        for _ in 0..REMEMBERED_AT_ONCE.min(known.len()) {
            let id = known[self.random.random_range(0..known.len())].clone();
            if !self.overlay.seeds.iter().any(|seed| seed.id == id) {
                self.call(&id, Call::Peers, Purpose::Seed, out);
            }
        }
    }

    /// Somebody named a node: it may still be there when the seeds are gone and this node knows nobody else.
    pub(super) fn note_named(&mut self, id: &NodeId) {
        let named = &mut self.overlay.named;
        if *id != self.id && !named.contains(id) {
            named.push_back(id.clone());
            if named.len() > MAX_NAMED {
                named.pop_front();
            }
        }
    }

    pub(super) fn seeds_deadline(&self) -> Option<Time> {
        let asks = self.asks_seeds();
        let seeds = self.overlay.seeds.iter().filter(|seed| !seed.asking && self.asks_seed(seed));
        let remembered =
            (asks && (self.table.len() > 1 || !self.overlay.named.is_empty()) && self.overlay.scouting.is_none())
                .then_some(self.overlay.seek_at);
        seeds.map(|seed| seed.next_at).chain(remembered).min()
    }

    fn seed_mut(&mut self, id: &NodeId) -> Option<&mut SeedNode> {
        self.overlay.seeds.iter_mut().find(|seed| seed.id == *id)
    }

    /// A seed answered with its peers: the search for a place begins there.
    pub(super) fn seed_answered(&mut self, now: Time, to: NodeId, peers: &[NodeId], out: &mut Vec<Output>) {
        peers.iter().take(MAX_NAMED).for_each(|id| self.note_named(id));
        let alone = self.is_alone();
        if let Some(seed) = self.seed_mut(&to) {
            seed.asking = false;
            seed.pause = if alone { SEED_PAUSE_MS.0 } else { SEED_PAUSE_MS.1 };
            seed.next_at = now.after(2 * seed.pause);
        }
        self.begin_join(&to, None, out);
    }

    /// An operator names further nodes to ask. One that is known already is asked anew, as if it had just been given.
    pub(super) fn add_seeds(&mut self, now: Time, ids: Vec<NodeId>) -> Response {
        if let Some(own) = ids.iter().find(|id| self.is_self(id)) {
            return Response::Refused(Refusal::OwnId(own.clone()));
        }
        let new = ids.iter().filter(|id| !self.overlay.seeds.iter().any(|seed| seed.id == **id)).count();
        if self.overlay.seeds.len() + new > self.config.max_seeds {
            return Response::Refused(Refusal::TooManySeeds(self.config.max_seeds));
        }
        for id in ids {
            match self.seed_mut(&id) {
                Some(seed) if seed.asking => {}
                Some(seed) => *seed = SeedNode::new(id, now),
                None => self.overlay.seeds.push(SeedNode::new(id, now)),
            }
        }
        self.seeds()
    }

    /// An operator no longer names these; links that came of them stay.
    pub(super) fn remove_seeds(&mut self, ids: &[NodeId]) -> Response {
        self.overlay.seeds.retain(|seed| !ids.contains(&seed.id));
        self.seeds()
    }

    fn seeds(&self) -> Response {
        Response::Seeds(self.overlay.seeds.iter().map(|seed| seed.id.clone()).collect())
    }

    /// A search that began at `first` ended with a link.
    pub(super) fn seed_was_met(&mut self, first: &NodeId) {
        if let Some(seed) = self.seed_mut(first) {
            seed.met = true;
        }
    }

    /// A seed did not answer, or not like one of us.
    pub(super) fn seed_failed(&mut self, now: Time, to: NodeId, failure: Failure, out: &mut Vec<Output>) {
        let may_be_foreign = self.config.dialect && self.id.form() == IdForm::Local;
        if matches!(failure, Failure::Rejected { status: 404 }) && may_be_foreign {
            self.ask_foreign_seed(&to, out);
            return;
        }
        self.postpone_seed(now, &to);
        // A node without links probes nobody, and learns here who has gone.
        self.note_silence(now, &to, failure);
    }

    fn postpone_seed(&mut self, now: Time, id: &NodeId) {
        let jitter = self.jittered(1_000);
        if let Some(seed) = self.seed_mut(id) {
            seed.asking = false;
            seed.next_at = now.after(seed.pause * jitter / 1_000);
            seed.pause = (seed.pause * 2).min(SEED_PAUSE_MS.1);
        }
    }

    fn ask_foreign_seed(&mut self, id: &NodeId, out: &mut Vec<Output>) {
        self.call(id, Call::ForeignPeers { own: self.id.clone() }, Purpose::ForeignSeed, out);
    }

    /// A seed of the other dialect took this node in and named others, of whatever kind.
    pub(super) fn foreign_seed_answered(&mut self, now: Time, to: NodeId, others: Vec<NodeId>, out: &mut Vec<Output>) {
        if let Some(seed) = self.seed_mut(&to) {
            seed.asking = false;
            seed.foreign = true;
            seed.pause = SEED_PAUSE_MS.0;
            seed.next_at = now.after(FOREIGN_SEED_PAUSE_MS);
        }
        // A full list of foreign peers is reported where nodes ask to register; here the seed was this node's own choice.
        let _ = self.register_foreign(now, &to, out);
        // It says nothing of an earlier life in its answer; what it pushes next does.
        for id in others {
            let known = self.is_self(&id) || self.overlay.seeds.iter().any(|seed| seed.id == id);
            if !known && self.overlay.seeds.len() < self.config.max_seeds {
                self.overlay.seeds.push(SeedNode::new(id, now));
            }
        }
    }

    pub(super) fn foreign_seed_failed(&mut self, now: Time, to: &NodeId) {
        self.postpone_seed(now, to);
    }
}
