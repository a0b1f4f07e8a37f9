//! Nodes of the other dialect: they register, push, and are pushed to; they never link and know no repair.
//!
//! A foreign peer gets the newest state of every origin, coalesced: one that is slow gets the newest and not every one.
//! Its bounds are its own, apart from `max_peers`. The JSON it speaks is in `wire/dialect.rs`.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::Call;
use super::door::{Event, Output, Refusal, Response};
use super::limits::{MAX_BATCH, MAX_FOREIGN, MAX_FOREIGN_FAILURES};
use super::node::{Node, Purpose};
use super::words::{IdForm, Message, NodeId, Path, Time};

/// Milliseconds before a failed push is tried again; doubles with each failure in a row.
const RETRY_MS: u64 = 250;

/// Ids remembered as nodes of our own kind.
const MAX_NATIVES: usize = 1024;

/// One node of the other dialect.
#[derive(Clone, Debug, Default)]
struct ForeignPeer {
    /// Whose states it is still to get.
    owed: BTreeSet<NodeId>,
    pushing: bool,
    failures: u32,
    retry_at: Time,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Foreign {
    peers: BTreeMap<NodeId, ForeignPeer>,
    natives: BTreeSet<NodeId>,
}

impl Foreign {
    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &NodeId> {
        self.peers.keys()
    }

    /// A node that spoke our own protocol is no foreign one.
    pub(super) fn note_native(&mut self, id: &NodeId) {
        self.peers.remove(id);
        if self.natives.len() < MAX_NATIVES {
            self.natives.insert(id.clone());
        }
    }

    pub(super) fn queue_state(&mut self, origin: &NodeId, from: Option<&NodeId>) {
        for (id, peer) in &mut self.peers {
            if Some(id) != from && id != origin {
                peer.owed.insert(origin.clone());
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.peers.values().filter(|peer| !peer.pushing && !peer.owed.is_empty()).map(|peer| peer.retry_at).min()
    }
}

/// The path of what a foreign node told: its origin, and the teller.
pub(super) fn path_from(origin: &NodeId, teller: &NodeId) -> Path {
    if origin == teller { [origin.clone()].into() } else { [origin.clone(), teller.clone()].into() }
}

impl Node {
    /// `GET /peers/{id}`: registers a foreign node and names the others.
    pub(super) fn answer_foreign_register(&mut self, now: Time, id: NodeId, out: &mut Vec<Output>) -> Response {
        if !self.config.dialect {
            return Response::Refused(Refusal::OneDialect);
        }
        if self.foreign.peers.contains_key(&id) {
            // It asks anew, perhaps after a restart: it gets everything again.
            self.owe_everything(&id);
        }
        if let Err(refusal) = self.register_foreign(now, &id, out) {
            return Response::Refused(refusal);
        }
        let others = self.overlay.links.keys().chain(self.foreign.peers.keys()).cloned();
        let mut ids: BTreeSet<NodeId> = others.collect();
        if !self.is_self(&id) {
            ids.insert(id);
        }
        Response::Peers(ids.into_iter().collect())
    }

    /// Registers a foreign node, unless it is this node or one of our own kind.
    pub(super) fn register_foreign(&mut self, now: Time, id: &NodeId, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let known = self.foreign.peers.contains_key(id) || self.foreign.natives.contains(id);
        if known || self.is_self(id) || self.id.form() != IdForm::Local {
            return Ok(());
        }
        if self.foreign.peers.len() >= MAX_FOREIGN {
            return Err(Refusal::TooMany(MAX_FOREIGN));
        }
        self.foreign.peers.insert(id.clone(), ForeignPeer { retry_at: now, ..ForeignPeer::default() });
        self.owe_everything(id);
        out.push(Output::Emit(Event::ForeignPeer { id: id.clone(), registered: true }));
        Ok(())
    }

    /// The newest state of every origin, the foreign node's own included: so a restarted one regains its version.
    fn owe_everything(&mut self, id: &NodeId) {
        let origins = self.table.iter().filter(|(_, entry)| entry.state.is_some()).map(|(id, _)| id.clone());
        if let Some(peer) = self.foreign.peers.get_mut(id) {
            peer.owed.extend(origins);
        }
    }

    /// Pushes what is owed.
    pub(super) fn tend_foreign(&mut self, now: Time, out: &mut Vec<Output>) {
        let due = |peer: &ForeignPeer| !peer.pushing && !peer.owed.is_empty() && peer.retry_at <= now;
        let ids: Vec<NodeId> =
            self.foreign.peers.iter().filter(|(_, peer)| due(peer)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            let Some(peer) = self.foreign.peers.get_mut(&id) else { continue };
            let mut origins = Vec::new();
            while origins.len() < MAX_BATCH
                && let Some(origin) = peer.owed.pop_first()
            {
                origins.push(origin);
            }
            peer.pushing = true;
            let messages: Vec<Message> = origins.iter().filter_map(|origin| self.table.message_of(origin)).collect();
            self.counters.messages_sent += messages.len() as u64;
            let call = Call::ForeignGossip { own: self.id.clone(), messages };
            self.call(&id, call, Purpose::ForeignPush { origins }, out);
        }
    }

    pub(super) fn foreign_push_answered(&mut self, to: &NodeId) {
        if let Some(peer) = self.foreign.peers.get_mut(to) {
            peer.pushing = false;
            peer.failures = 0;
        }
    }

    pub(super) fn foreign_push_failed(&mut self, now: Time, to: &NodeId, origins: Vec<NodeId>, out: &mut Vec<Output>) {
        let Some(peer) = self.foreign.peers.get_mut(to) else { return };
        peer.pushing = false;
        peer.failures += 1;
        peer.owed.extend(origins);
        peer.retry_at = now.after(RETRY_MS << peer.failures.min(8));
        if peer.failures >= MAX_FOREIGN_FAILURES {
            self.foreign.peers.remove(to);
            out.push(Output::Emit(Event::ForeignPeer { id: to.clone(), registered: false }));
        }
    }
}
