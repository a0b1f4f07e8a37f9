//! Shortening: keeping the overlay's paths near those of a random graph.
//!
//! Where a node dies or leaves, those that lost it link among themselves, and over many losses the overlay fills with short
//! cycles, whose links lead nowhere new. So a node that lost a peer looks around a few times, with growing pauses: it
//! asks its peers for theirs, and a link that closes a triangle or a square is exchanged for one to a node at random that
//! is neither a peer nor a peer's peer (`exchanging.rs`). Since the rest of the cycle stays, nobody is cut off by it.

use std::collections::BTreeMap;

use rand::RngExt;

use super::calls::Call;
use super::door::Output;
use super::exchanging::Reason;
use super::node::{Node, Purpose};
use super::words::{NodeId, Time};

/// Looks after each loss.
const LOOKS: u32 = 4;

/// Heartbeats from a loss to the first look, so that lost links are replaced before; twice as many to each next one.
const FIRST_PAUSE_HEARTBEATS: u64 = 2;

/// Heartbeats for which answers of peers are awaited.
const PATIENCE_HEARTBEATS: u64 = 1;

/// Peers of a peer that are considered: nobody has more.
const MAX_PEERS_OF_A_PEER: usize = 64;

/// What a node knows of the links around it, while it looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortening {
    /// When to look next.
    look_at: Option<Time>,
    looks_left: u32,
    look: Option<Look>,
}

/// One look.
#[derive(Clone, Debug)]
struct Look {
    awaited: usize,
    until: Time,
    /// The peers of each peer that answered.
    peers: BTreeMap<NodeId, Vec<NodeId>>,
}

impl Look {
    /// Peers whose links close a cycle of three, or where there is none of four.
    fn in_short_cycles(&self, own: &NodeId) -> Vec<NodeId> {
        let others = |id: &NodeId| self.peers.iter().filter(move |(other, _)| *other != id).collect::<Vec<_>>();
        let closes_triangle = |id: &NodeId, peers: &[NodeId]| {
            others(id).iter().any(|(other, theirs)| peers.contains(other) || theirs.contains(id))
        };
        let closes_square = |id: &NodeId, peers: &[NodeId]| {
            others(id).iter().any(|(_, theirs)| peers.iter().any(|peer| peer != own && theirs.contains(peer)))
        };
        let of = |closes: &dyn Fn(&NodeId, &[NodeId]) -> bool| -> Vec<NodeId> {
            self.peers.iter().filter(|(id, peers)| closes(id, peers)).map(|(id, _)| id.clone()).collect()
        };
        let triangles = of(&closes_triangle);
        if triangles.is_empty() { of(&closes_square) } else { triangles }
    }

    fn reaches(&self, id: &NodeId) -> bool {
        self.peers.iter().any(|(peer, peers)| peer == id || peers.contains(id))
    }
}

impl Shortening {
    pub(super) fn deadline(&self) -> Option<Time> {
        self.look.as_ref().map(|look| look.until).or(self.look_at)
    }
}

impl Node {
    /// A peer was lost: its place will be taken by a node near by.
    pub(super) fn look_around_soon(&mut self, now: Time) {
        let pause = self.jittered(FIRST_PAUSE_HEARTBEATS * self.config.heartbeat_ms);
        let shortening = &mut self.overlay.shortening;
        shortening.looks_left = LOOKS;
        let look_at = now.after(pause);
        shortening.look_at = Some(shortening.look_at.map_or(look_at, |earlier| earlier.min(look_at)));
    }

    pub(super) fn tend_shortening(&mut self, now: Time, out: &mut Vec<Output>) {
        if let Some(look) = &self.overlay.shortening.look {
            if look.until <= now {
                self.judge_links(now, out);
            }
            return;
        }
        if self.overlay.shortening.look_at.is_none_or(|due| due > now) {
            return;
        }
        let shortening = &mut self.overlay.shortening;
        shortening.looks_left = shortening.looks_left.saturating_sub(1);
        let looks = LOOKS - shortening.looks_left;
        let pause = self.jittered((self.config.heartbeat_ms * FIRST_PAUSE_HEARTBEATS) << looks.min(LOOKS));
        let again = self.overlay.shortening.looks_left > 0;
        self.overlay.shortening.look_at = again.then(|| now.after(pause));
        let busy = self.overlay.exchange.is_some() || self.overlay.join.is_some() || self.overlay.scouting.is_some();
        if busy || self.stands_by_given() || self.overlay.links.len() < 2 {
            return;
        }
        let peers: Vec<NodeId> = self.sound_peers(now).cloned().collect();
        let until = now.after(PATIENCE_HEARTBEATS * self.config.heartbeat_ms);
        self.overlay.shortening.look = Some(Look { awaited: peers.len(), until, peers: BTreeMap::new() });
        for peer in peers {
            self.call(&peer, Call::Peers, Purpose::Look, out);
        }
    }

    /// A peer told its peers, or `None` if it did not.
    pub(super) fn look_answered(
        &mut self,
        now: Time,
        from: &NodeId,
        peers: Option<Vec<NodeId>>,
        out: &mut Vec<Output>,
    ) {
        let linked = self.overlay.links.contains_key(from);
        let Some(look) = &mut self.overlay.shortening.look else { return };
        look.awaited = look.awaited.saturating_sub(1);
        if let Some(mut peers) = peers.filter(|_| linked) {
            peers.truncate(MAX_PEERS_OF_A_PEER);
            look.peers.insert(from.clone(), peers);
        }
        if look.awaited == 0 {
            self.judge_links(now, out);
        }
    }

    /// Everyone answered, or time is up: exchanges a link that leads nowhere new, if there is one and somewhere to go.
    fn judge_links(&mut self, now: Time, out: &mut Vec<Output>) {
        let Some(look) = self.overlay.shortening.look.take() else { return };
        let mut idle = look.in_short_cycles(&self.id);
        idle.retain(|id| self.may_give_up(id));
        if idle.is_empty() {
            return;
        }
        let far: Vec<NodeId> = self.strangers().into_iter().filter(|id| !look.reaches(id)).collect();
        if far.is_empty() {
            return;
        }
        let partner = idle.swap_remove(self.random.random_range(0..idle.len()));
        let with = far[self.random.random_range(0..far.len())].clone();
        self.begin_exchange(now, &with, partner, Reason::Short, out);
    }
}
