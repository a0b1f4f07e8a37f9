//! News of free places: who was last seen to lack a link.
//!
//! A node that lacks a link says so in its digests, and those that hear of it pass the freshest news on, so that the ends
//! of an overlay's gaps find each other without asking around. A few places are remembered at a time, since the nearest is
//! often one that the asker holds already.

use rand::seq::IndexedRandom;

use super::node::Node;
use super::words::{FreePlace, NodeId, Time};

/// News of a free place older than this is not passed on, in heartbeats.
const PLACE_HEARTBEATS: u64 = 8;

/// Heartbeats for which a peer that said that it lacks a link is believed to.
const PEER_HEARTBEATS: u64 = 2;

/// Places that are remembered.
const MAX_PLACES: usize = 4;

/// A node that was heard to have a free place.
#[derive(Clone, Debug)]
struct Place {
    id: NodeId,
    /// When it had.
    seen: Time,
    /// Whether it was asked for since.
    tried: bool,
}

/// Where free places were last seen; the freshest first.
#[derive(Clone, Debug, Default)]
pub struct Places(Vec<Place>);

impl Places {
    /// Takes news of a place; false if it is none.
    fn hear(&mut self, id: NodeId, seen: Time) -> bool {
        if let Some(held) = self.0.iter().position(|held| held.id == id) {
            if self.0[held].seen >= seen {
                return false;
            }
            self.0.remove(held);
        }
        let at = self.0.partition_point(|held| held.seen >= seen);
        self.0.insert(at, Place { id, seen, tried: false });
        self.0.truncate(MAX_PLACES);
        at < MAX_PLACES
    }

    /// The place of `id` was asked for, and is given away or was gone already.
    pub(super) fn forget(&mut self, id: &NodeId) {
        self.0.iter_mut().filter(|held| held.id == *id).for_each(|held| held.tried = true);
    }

    fn seen_since(&self, since: Time) -> impl Iterator<Item = &Place> {
        self.0.iter().filter(move |held| held.seen > since && !held.tried)
    }
}

impl Node {
    /// What to tell the peer `to` about free places: this node's own, else any that is not the peer's. The freshest alone
    /// would hide all others from those near it.
    pub(super) fn advertise_place(&mut self, now: Time, to: &NodeId) -> Option<FreePlace> {
        if self.wanted_links() > 0 {
            return Some(FreePlace { id: self.id.clone(), age_ms: 0 });
        }
        let known: Vec<FreePlace> = self
            .fresh_places(now)
            .filter(|place| place.id != *to)
            .map(|place| FreePlace { id: place.id.clone(), age_ms: now.since(place.seen) })
            .collect();
        known.choose(&mut self.random).cloned()
    }

    fn fresh_places(&self, now: Time) -> impl Iterator<Item = &Place> {
        let oldest = now.0.saturating_sub(PLACE_HEARTBEATS * self.config.heartbeat_ms);
        self.overlay.places.seen_since(Time(oldest))
    }

    /// A node that had a free place not long ago, and could link with both this node and `with`.
    pub(super) fn known_place(&self, now: Time, with: &NodeId) -> Option<NodeId> {
        let usable = |id: &NodeId| id != with && !self.overlay.holds_place(id);
        self.fresh_places(now).find(|place| usable(&place.id)).map(|place| place.id.clone())
    }

    /// A peer tells of a free place: a node that lacks one link asks for it at once.
    pub(super) fn hear_of_place(&mut self, now: Time, place: FreePlace) {
        if self.is_self(&place.id) {
            return;
        }
        let usable = !self.overlay.holds_place(&place.id);
        let is_news = self.overlay.places.hear(place.id, Time(now.0.saturating_sub(place.age_ms)));
        if is_news && usable && self.wanted_links() == 1 {
            self.overlay.seek_at = self.overlay.seek_at.min(now);
        }
    }

    /// Whom a node that lacks one link asks for it; nobody is asked twice for the same news.
    pub(super) fn place_to_try(&mut self, now: Time) -> Option<NodeId> {
        let id = self.known_place(now, &self.id)?;
        self.overlay.places.forget(&id);
        Some(id)
    }

    /// A peer that lacks a link as this node does: the two can not link once more.
    pub(super) fn peer_in_need(&self, now: Time) -> Option<NodeId> {
        let oldest = now.0.saturating_sub(PEER_HEARTBEATS * self.config.heartbeat_ms);
        let mut needy = self.overlay.places.seen_since(Time(oldest)).map(|place| &place.id);
        needy.find(|id| self.overlay.links.contains_key(id)).cloned()
    }
}
