//! Trees: which links a message of an origin travels over, so that it reaches n nodes in n-1 transmissions.
//!
//! After Plumtree (Leitão, Pereira and Rodrigues, SRDS 2007), but a tree per origin, since one that all senders share makes
//! paths up to twice as long; and **the receiver decides**. Per origin it keeps one parent link, the first that brought
//! something of it. A duplicate makes its sender stop only if the parent has handed that message over as well: so
//! whatever overtakes, gets lost or is sent twice, one link that works always remains. A link that brings messages before
//! the parent does, by a shorter path, or not long after it by a much shorter one, becomes the parent, and only then the
//! old one is told to stop; path lengths fall with every such change, so two nodes cannot take each other for parents. The
//! loss of a parent grafts all other links at once.
//!
//! What is not pushed over a link is announced with the next digest, so that further paths enter the log. A much shorter
//! one becomes the way of the next messages (Plumtree, section 3.8): its link is asked for the origin, and the old parent
//! told to stop when that was answered. All this only where answers take now longer and now shorter (`pace.rs`): over links
//! that keep their distances the first copy shows the fastest way, and however long that is, it stays the fastest. A link that took over and then let repair do its work is not believed again. The
//! digest itself shows within a heartbeat when a tree is broken, and what repair then brings grafts the link that it came
//! over.
//!
//! A peer whose message came by a path through this node pushes nothing back, and so is never answered that it need not. It
//! is told once, with what goes over the link anyway: else it begins to push as soon as another path is faster.

use std::collections::VecDeque;

use super::door::Output;
use super::limits::MAX_GRAFTS;
use super::link::HeldBack;
use super::log::Place;
use super::node::Node;
use super::queue::{ItemKey, Waiting};
use super::tree::{Copies, Tree, bit};
use super::words::{Announced, Announcement, Graft, Kind, NodeId, Path, Time};

/// A link by which a message takes so many hops fewer than by the parent becomes the parent although it was slower this once.
const MUCH_SHORTER: usize = 2;

/// What a further copy tells of a tree.
pub(super) struct Again<'a> {
    pub(super) origin: &'a NodeId,
    pub(super) kind: Kind,
    pub(super) uuid: &'a uuid::Uuid,
    pub(super) hops: usize,
    pub(super) at: Time,
}

impl Node {
    pub(super) fn slot_of(&self, id: Option<&NodeId>) -> Option<u8> {
        self.overlay.links.slot_of(id?)
    }

    fn peer_in(&self, slot: u8) -> Option<NodeId> {
        self.overlay.links.id_of_slot(slot).cloned()
    }

    /// Judges a duplicate that came over a link: whether its sender must go on pushing this origin.
    pub(super) fn must_go_on(&mut self, again: &Again<'_>, from: Option<&NodeId>) -> bool {
        let Some(slot) = self.slot_of(from).filter(|_| self.config.trees) else { return true };
        let (first_hops, first_at);
        let copies = match again.kind {
            Kind::State => {
                let Some(state) = self.table.state_mut(again.origin) else { return true };
                (first_hops, first_at) = (state.message.path.len(), state.updated_at);
                &mut state.copies
            }
            Kind::Message => {
                let Some(record) = self.log.get_mut(again.uuid) else { return true };
                if record.is_flooded() {
                    return true;
                }
                (first_hops, first_at) = (record.message.path.len(), record.received_at);
                &mut record.copies
            }
        };
        // A retry of what this very link handed over says nothing of others.
        let retry = copies.handed & bit(slot) != 0;
        copies.handed |= bit(slot);
        let Copies { first, handed } = *copies;
        let link = from.and_then(|from| self.overlay.links.get(from));
        let unsent = link.is_some_and(|link| link.prunes.contains(again.origin));
        let by_chance = link.is_some_and(|link| again.at.since(first_at) <= link.pace.chance_ms());
        let Some(tree) = self.table.tree_mut(again.origin).filter(|_| !retry) else { return true };
        if tree.parent == Some(slot) {
            tree.missed = 0;
        }
        match tree.parent {
            None => {
                tree.parent = first.or(Some(slot));
                true
            }
            Some(parent) if parent == slot => match first {
                Some(better) if better != slot && first_hops < again.hops => {
                    tree.parent = Some(better);
                    self.ask_again(again.origin, better);
                    false
                }
                Some(other) if other != slot => {
                    self.stop_other(again.origin, other);
                    true
                }
                _ => true,
            },
            // The parent was faster, but by no more than chance can do, and by a way so much longer that the next message may well
            // come sooner by this one. A link that was told to stop meanwhile pushes nothing any more.
            Some(parent)
                if first == Some(parent)
                    && by_chance
                    && (tree.told & bit(slot) == 0 || unsent)
                    && again.hops + MUCH_SHORTER <= first_hops =>
            {
                tree.parent = Some(slot);
                tree.missed = 0;
                self.stop_other(again.origin, parent);
                true
            }
            // Only a parent that handed over this message has shown that it works, and one that repair made a parent pushes
            // again only after it was asked to.
            Some(parent) => handed & bit(parent) == 0 || self.is_to_be_asked(again.origin, parent),
        }
    }

    /// Whether an origin is wanted over a link again, and the link does not know that yet.
    fn is_to_be_asked(&self, origin: &NodeId, slot: u8) -> bool {
        let link = self.overlay.links.values().find(|link| link.slot == slot);
        link.is_some_and(|link| link.graft_all || link.grafts.contains(origin))
    }

    /// Asks for an origin over a link that may have been told to stop by an answer still under way.
    fn ask_again(&mut self, origin: &NodeId, slot: u8) {
        if let Some(link) = self.peer_in(slot).and_then(|peer| self.overlay.links.get_mut(&peer)) {
            link.prunes.remove(origin);
            link.grafts.insert(origin.clone());
        }
    }

    /// A link now knows that these origins were not needed over it. One of them that has become its own since, and was asked
    /// for again before it knew, may have been told so in the wrong order.
    pub(super) fn ask_again_where_refused(&mut self, peer: &NodeId, refused: &[NodeId]) {
        let Some(slot) = self.slot_of(Some(peer)) else { return };
        for origin in refused {
            if self.table.tree(origin).is_some_and(|tree| tree.is_parent(slot)) {
                self.ask_again(origin, slot);
            }
        }
    }

    /// Tells a link that was faster by a longer path, this once, that its messages of an origin are not needed.
    fn stop_other(&mut self, origin: &NodeId, slot: u8) {
        if let Some(link) = self.peer_in(slot).and_then(|peer| self.overlay.links.get_mut(&peer)) {
            link.prunes.insert(origin.clone());
        }
    }

    /// Something of an origin had to be repaired: its tree is broken here, so the link that had it is grafted.
    pub(super) fn graft_after_repair(&mut self, origin: &NodeId, from: &NodeId) {
        let Some(slot) = self.slot_of(Some(from)).filter(|_| self.config.trees) else { return };
        if let Some(tree) = self.table.tree_mut(origin) {
            if let Some(parent) = tree.parent.replace(slot).filter(|parent| *parent != slot) {
                tree.failed |= bit(parent);
            }
            if let Some(link) = self.overlay.links.get_mut(from) {
                link.grafts.insert(origin.clone());
            }
        }
    }

    /// A peer wants an origin's messages again, or no more.
    pub(super) fn hear_wishes(&mut self, now: Time, from: &NodeId, graft: Option<Graft>, prune: &[NodeId]) {
        if graft.is_none() && prune.is_empty() {
            return;
        }
        let Some(link) = self.overlay.links.get_mut(from) else { return };
        let slot = link.slot;
        if graft.is_some() {
            link.asked_at = Some(now);
        }
        for origin in prune {
            if let Some(tree) = self.table.tree_mut(origin) {
                tree.set_lazy(slot);
            }
        }
        match graft {
            None => {}
            Some(Graft::All) => self.table.trees_mut().for_each(|(_, tree)| tree.set_eager(slot)),
            Some(Graft::Origins(origins)) => origins.iter().for_each(|origin| self.grow_again(origin, from)),
        }
    }

    /// A peer wants origins again. What was held back of them since the last digest went on here before the wish came, and
    /// perhaps not yet by the peer's parent before the peer told that one to stop: it goes now (the payload that answers a
    /// GRAFT in Plumtree, section 3.6).
    pub(super) fn push_held_back(&mut self, now: Time, to: &NodeId, wish: Option<&Graft>, out: &mut Vec<Output>) {
        let Some(wish) = wish else { return };
        let Some(held_back) = self.overlay.links.get_mut(to).map(|link| std::mem::take(&mut link.held_back)) else {
            return;
        };
        let is_wanted = |held: &HeldBack| match (wish, held.path.first()) {
            (Graft::Origins(origins), Some(origin)) => origins.contains(origin),
            (Graft::All, _) | (_, None) => true,
        };
        let (waiting, others): (VecDeque<HeldBack>, VecDeque<HeldBack>) = held_back.into_iter().partition(is_wanted);
        let Some(link) = self.overlay.links.get_mut(to) else { return };
        link.held_back = others;
        for HeldBack { uuid, ttl, path, .. } in waiting {
            link.push(ItemKey::Message(uuid, 0), Waiting { ttl, path: Some(path), repair: false, patient: false });
        }
        self.flush(now, to, out);
    }

    /// Pushes an origin's messages over a link again.
    pub(super) fn grow_again(&mut self, origin: &NodeId, to: &NodeId) {
        if let Some(slot) = self.slot_of(Some(to))
            && let Some(tree) = self.table.tree_mut(origin)
        {
            tree.set_eager(slot);
        }
    }

    /// A peer said that a pushed message was a duplicate and need not have come.
    pub(super) fn shrink(&mut self, origin: &NodeId, to: &NodeId) {
        if let Some(slot) = self.slot_of(Some(to))
            && let Some(tree) = self.table.tree_mut(origin)
        {
            tree.set_lazy(slot);
        }
    }

    /// A peer answered a message that was pushed to it with this path, so it has it. It never pushed this one itself, as the
    /// path led through here, and would begin to as soon as another path does: it is told that the parent suffices.
    pub(super) fn needs_no_push_from(&mut self, key: &ItemKey, path: Option<&Path>, to: &NodeId) {
        let Some(slot) = self.slot_of(Some(to)) else { return };
        // As a rule it was told long ago, and the log need not be asked.
        let told = |origin: &NodeId| self.table.tree(origin).is_some_and(|tree| tree.told & bit(slot) != 0);
        let origin = match key {
            ItemKey::State(origin) => Some(origin),
            ItemKey::Message(..) => path.and_then(|path| path.first()),
        };
        if origin.is_some_and(told) {
            return;
        }
        let held = match key {
            ItemKey::State(origin) => {
                let state = self.table.get(origin).and_then(|entry| entry.state.as_ref());
                state.map(|state| (origin, state.copies.handed))
            }
            ItemKey::Message(uuid, _) => {
                let record = self.log.get(uuid).filter(|record| !record.is_flooded());
                record.map(|record| (&record.message.origin, record.copies.handed))
            }
        };
        let Some((origin, handed)) = held else { return };
        let Some(tree) = self.table.tree(origin).filter(|tree| (handed | tree.told) & bit(slot) == 0) else { return };
        let fed = |parent: u8| parent != slot && handed & bit(parent) != 0;
        // A parent that repair made one pushes only after it was asked to.
        if tree.parent.is_some_and(|parent| fed(parent) && !self.is_to_be_asked(origin, parent)) {
            let origin = origin.clone();
            if let Some(tree) = self.table.tree_mut(&origin) {
                tree.told |= bit(slot);
            }
            self.stop_other(&origin, slot);
        }
    }

    /// A link is gone: whatever it was the parent of is asked for over all others, with a digest that shows what was missed.
    pub(super) fn regrow(&mut self, now: Time, slot: u8, out: &mut Vec<Output>) {
        let lost = |(id, tree): (&NodeId, &mut super::tree::Tree)| tree.lose(slot).then(|| id.clone());
        let orphans: Vec<NodeId> = self.table.trees_mut().filter_map(lost).collect();
        if orphans.is_empty() || self.stopping || !self.config.trees {
            return;
        }
        let peers: Vec<NodeId> = self.overlay.links.keys().cloned().collect();
        for peer in peers {
            if let Some(link) = self.overlay.links.get_mut(&peer) {
                for origin in &orphans {
                    link.prunes.remove(origin);
                    link.grafts.insert(origin.clone());
                }
                link.heartbeat_at = now;
            }
            self.flush(now, &peer, out);
        }
    }

    /// The origins that are wanted over a link again.
    pub(super) fn take_grafts(&mut self, to: &NodeId) -> Option<Graft> {
        let known = self.table.len();
        let link = self.overlay.links.get_mut(to).filter(|link| link.asks_again())?;
        let slot = link.slot;
        let grafts = std::mem::take(&mut link.grafts);
        let all = std::mem::take(&mut link.graft_all) || grafts.len() > MAX_GRAFTS || grafts.len() + 1 >= known.max(8);
        if all {
            self.table.trees_mut().for_each(|(_, tree)| tree.told &= !bit(slot));
        }
        for origin in &grafts {
            self.table.tree_mut(origin).into_iter().for_each(|tree| tree.told &= !bit(slot));
        }
        Some(if all { Graft::All } else { Graft::Origins(grafts.into_iter().collect()) })
    }

    /// The origins that are not wanted over a link.
    pub(super) fn take_prunes(&mut self, to: &NodeId) -> Vec<NodeId> {
        let Some(link) = self.overlay.links.get_mut(to).filter(|link| !link.prunes.is_empty()) else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        while taken.len() < MAX_GRAFTS
            && let Some(origin) = link.prunes.pop_first()
        {
            // It may have become the parent since, or the parent may be lost.
            let Some(tree) = self.table.tree_mut(&origin) else { continue };
            if tree.parent.is_none_or(|parent| parent == link.slot) {
                tree.told &= !bit(link.slot);
            } else {
                taken.push(origin);
            }
        }
        taken
    }

    /// What was not pushed over a link since its last digest, as briefly as it may be named.
    pub(super) fn take_announcements(&mut self, to: &NodeId, brief: bool) -> Vec<Announcement> {
        let announce = |HeldBack { uuid, stamp, path, .. }| {
            let message = stamp.filter(|_| brief).map_or(Announced::Uuid(uuid), Announced::Stamp);
            Announcement { message, path }
        };
        let link = self.overlay.links.get_mut(to);
        link.map_or_else(Vec::new, |link| link.held_back.drain(..).map(announce).collect())
    }

    /// A peer announces what it did not push: another way by which a message might have come.
    pub(super) fn hear_announcements(
        &mut self,
        now: Time,
        from: &NodeId,
        announced: Vec<Announcement>,
        out: &mut Vec<Output>,
    ) {
        // When it would have come is not known: over a link that does not waver it was announced because it was late.
        let link = self.overlay.links.get(from).filter(|link| self.config.trees && link.pace.wavers());
        let slot = link.map(|link| link.slot);
        for announcement in announced {
            let place = self.announced_place(&announcement);
            let path = announcement.path;
            // What is not held tells nothing yet: a difference of the digests brings it.
            let Some(place) = place else { continue };
            self.hear_way(now, place, &path, out);
            if let Some(slot) = slot {
                self.take_shorter_way(place, &path, slot);
            }
        }
    }

    /// Where the message stands that is announced, if it is held and no other may be meant.
    pub(super) fn announced_place(&self, Announcement { message, path }: &Announcement) -> Option<Place> {
        match message {
            Announced::Uuid(uuid) => self.log.place(uuid),
            Announced::Stamp(stamp) => self.log.stamped(*stamp, path.first()?),
        }
    }

    /// Makes the link that announced a message its origin's parent if its way is much shorter.
    fn take_shorter_way(&mut self, place: Place, path: &Path, slot: u8) {
        let Some(record) = self.log.at(place).filter(|record| !record.is_flooded()) else { return };
        let origin = &record.message.origin;
        let shorter = path.first() == Some(origin) && path.len() + MUCH_SHORTER <= record.message.path.len();
        let Some(tree) = self.table.tree_mut(origin).filter(|_| shorter) else { return };
        // Only the way of the parent is known to be the longer one.
        let parent_brought_it = tree.parent.is_some() && tree.parent == record.copies.first;
        if parent_brought_it && tree.outgoing.is_none() && tree.failed & bit(slot) == 0 {
            tree.outgoing = tree.parent.replace(slot);
            tree.missed = 0;
            let origin = origin.clone();
            self.ask_again(&origin, slot);
        }
    }

    /// A link was asked for origins again, and knows it.
    pub(super) fn was_asked_again(&mut self, by: &NodeId, graft: &Graft) {
        let Some(slot) = self.slot_of(Some(by)) else { return };
        let outgoing = |tree: &mut Tree| if tree.parent == Some(slot) { tree.outgoing.take() } else { None };
        let stopped: Vec<(NodeId, u8)> = match graft {
            Graft::All => {
                let trees = self.table.trees_mut();
                trees.filter_map(|(origin, tree)| Some((origin.clone(), outgoing(tree)?))).collect()
            }
            Graft::Origins(origins) => {
                let of = |origin: &NodeId| Some((origin.clone(), outgoing(self.table.tree_mut(origin)?)?));
                origins.iter().filter_map(of).collect()
            }
        };
        for (origin, old) in stopped {
            self.stop_other(&origin, old);
        }
    }
}
