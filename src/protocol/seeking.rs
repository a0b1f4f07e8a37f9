//! Seeking: when and where a node that lacks links looks for them.
//!
//! Free places that it heard of (`places.rs`) are used first; else a search begins at a peer, or at anyone in the table, so that
//! parts of a torn network meet. Searches that find nothing back off. The handshakes stand in `joining.rs`; what is done
//! when most links fail at once stands in `scouting.rs`.

use rand::RngExt;

use super::bootstrap::Given;
use super::calls::{Failure, LinkWish};
use super::door::Output;
use super::exchanging::Reason;
use super::limits::MAX_WALK;
use super::node::{Node, Purpose};
use super::words::{NodeId, Time};

/// First and longest pause between two searches for a place, in quarters of a heartbeat.
pub(super) const SEEK_PAUSE: (u64, u64) = (1, 32);

impl Node {
    /// Steps of a walk that ends nearly at random: twice the distance across a random graph of all known nodes, and some.
    pub(super) fn walk_length(&self) -> u8 {
        let size = self.table.len().max(1) as u64;
        let log = u64::BITS - (size - 1).leading_zeros();
        u8::try_from(2 * log + 4).unwrap_or(MAX_WALK).min(self.config.max_walk)
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
    pub(super) fn overlay_is_searched(&self) -> bool {
        !self.overlay.given.iter().any(Given::is_expected)
    }

    /// The next search begins soon: many may have died at once, and only an answer of "busy" is a reason to wait longer.
    pub(super) fn search_unanswered(&mut self, now: Time) {
        let pause = self.jittered(self.config.heartbeat_ms / 4);
        self.overlay.seek_at = now.after(pause);
    }

    pub(super) fn search_failed(&mut self, now: Time) {
        let pause = self.overlay.pause * self.config.heartbeat_ms / 4;
        self.overlay.seek_at = now.after(self.jittered(pause));
        self.overlay.pause = (self.overlay.pause * 2).min(SEEK_PAUSE.1);
    }

    pub(super) fn seek(&mut self, now: Time, out: &mut Vec<Output>) {
        let wanted = self.wanted_links();
        if wanted == 0 || self.overlay.links.is_empty() {
            return;
        }
        if wanted == 1
            && let Some(place) = self.place_to_try(now)
        {
            self.overlay.offers.insert(place.clone());
            self.ask_link(&place, LinkWish::Link, Purpose::Offer, out);
            return;
        }
        if wanted == 1
            && let Some(partner) = self.peer_in_need(now)
            && let Some(with) = self.any_stranger()
        {
            // One of the two asks for both; the other one goes on searching for a place of its own.
            if self.id < partner {
                self.search_failed(now);
                self.begin_exchange(now, &with, partner, Reason::Lacking, out);
                return;
            }
        }
        // Half of the searches go to anyone this node knows, so that parts of a torn network meet: the neighbours lead
        // only to its own part.
        let anyone = self.random.random_bool(0.5);
        let candidates = if anyone { self.strangers() } else { self.sound_peers(now).cloned().collect() };
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

    fn any_stranger(&mut self) -> Option<NodeId> {
        let strangers = self.strangers();
        (!strangers.is_empty()).then(|| strangers[self.random.random_range(0..strangers.len())].clone())
    }

    /// Live nodes of our own kind that this one could link with.
    pub(super) fn strangers(&self) -> Vec<NodeId> {
        let live = self.table.iter().filter(|(_, entry)| entry.status.is_live()).map(|(id, _)| id);
        let apart = live.filter(|id| !self.is_self(id) && !self.overlay.holds_place(id));
        apart.filter(|id| !self.foreign.ids().any(|foreign| foreign == *id)).cloned().collect()
    }
}
