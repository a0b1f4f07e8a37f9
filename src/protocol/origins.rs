//! Whose word counts: the key of each origin, and what is refused for lack of it.
//!
//! Without a list of allowed keys the first key seen of an origin is pinned to it, and from then on nothing counts as its word
//! that this key did not sign. With a list, only the listed origins are believed, each under its key. Every node checks, whether
//! it signs or not; an origin that was never seen to sign is believed as before. A peer that hands on a forgery is not blamed:
//! it may not have been able to tell. What is refused here is never counted as held, or a forged state would take the place of
//! the genuine one in comparisons.
//!
//! A pin outlives the node's entry in the table: forgetting a dead node must not open its place to whoever comes first. Only the
//! operator's own `forget`, at this node, takes it away.

use std::collections::BTreeMap;

use super::calls::Outcome;
use super::disk::DiskRecord;
use super::door::{Event, Output};
use super::node::Node;
use super::signature::{AllowedKeys, PublicKey, Seal};
use super::words::{Kind, Message, NodeId};

/// The keys that origins are known by.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    pins: BTreeMap<NodeId, PublicKey>,
    allowed: Option<AllowedKeys>,
}

impl Origins {
    pub(super) fn new(allowed: Option<AllowedKeys>) -> Origins {
        Origins { pins: BTreeMap::new(), allowed }
    }

    /// The key under which `origin` must speak: `Ok(None)` if any will do.
    fn expected(&self, origin: &NodeId) -> Result<Option<&PublicKey>, &'static str> {
        match &self.allowed {
            Some(allowed) => allowed.get(origin).map(Some).ok_or("its origin is not among the allowed keys"),
            None => Ok(self.pins.get(origin)),
        }
    }
}

impl Node {
    /// From now on these keys count, or with `None` the first that is seen of each origin.
    pub(super) fn allow_keys(&mut self, allowed: Option<AllowedKeys>) {
        self.origins.allowed = allowed;
    }

    /// Takes over the pins of an earlier life, before anything is heard. Those beyond the table's size are left out.
    pub(super) fn restore_pins(&mut self, pins: impl IntoIterator<Item = (NodeId, PublicKey)>) {
        self.origins.pins.extend(pins.into_iter().take(self.config.max_nodes));
    }

    /// The pinned keys.
    pub(super) fn pins(&self) -> impl Iterator<Item = (&NodeId, &PublicKey)> {
        self.origins.pins.iter()
    }

    /// Forgets the key of an origin, at this operator's word; false if none was known.
    pub(super) fn unpin(&mut self, id: &NodeId, out: &mut Vec<Output>) -> bool {
        let known = self.origins.pins.remove(id).is_some();
        if known && self.config.durable {
            self.persist(vec![DiskRecord::Pin(id.clone(), None)], out);
        }
        known
    }

    /// Whether a message is its origin's own word, as far as its key tells.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub(super) fn check_origin(&self, message: &Message) -> Result<(), &'static str> {
        if self.origins.allowed.is_none() && self.origins.pins.is_empty() && message.seal.is_none() {
            // Nobody signs here: nothing to look up. This node's own key matters only where its own word comes back.
            return if self.is_self(&message.origin) { self.check_own(message) } else { Ok(()) };
        }
        if self.holds(message) {
            return Ok(());
        }
        if self.is_self(&message.origin) {
            return self.check_own(message);
        }
        let expected = self.origins.expected(&message.origin)?;
        match (&message.seal, expected) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err("it is not signed, and its origin signs"),
            (Some(seal), Some(expected)) if seal.key != *expected => Err("another key than its origin's signed it"),
            (Some(seal), _) => self.check_seal(seal, message),
        }
    }

    /// What is said under this node's own id must be of an earlier life that had its key.
    fn check_own(&self, message: &Message) -> Result<(), &'static str> {
        let Some(own) = &self.config.signer else { return Ok(()) };
        match &message.seal {
            Some(seal) if seal.key == own.public() => self.check_seal(seal, message),
            _ => Err("it is said in this node's name without its key"),
        }
    }

    fn check_seal(&self, seal: &Seal, message: &Message) -> Result<(), &'static str> {
        if seal.fits(&self.config.cluster, message) { Ok(()) } else { Err("its signature does not fit") }
    }

    /// Whether just this was checked before: most copies need no arithmetic.
    fn holds(&self, message: &Message) -> bool {
        match message.kind {
            Kind::State => {
                let held = self.table.get(&message.origin).and_then(|entry| entry.state.as_ref());
                held.is_some_and(|held| {
                    (held.message.version, held.message.uuid) == (message.version, message.uuid)
                        && held.message.seal == message.seal
                        && held.message.payload == message.payload
                })
            }
            Kind::Message => self.log.get(&message.uuid).is_some_and(|record| {
                let held = &record.message;
                held.origin == message.origin
                    && (held.version, held.stamp) == (message.version, message.stamp)
                    && held.seal == message.seal
                    && held.payload == message.payload
            }),
        }
    }

    /// Whether the next message that is taken of an origin decides by which key it is known.
    pub(super) fn would_pin(&self, origin: &NodeId) -> bool {
        !(self.origins.allowed.is_some() || self.is_self(origin) || self.origins.pins.contains_key(origin))
    }

    /// A message was taken: the first key that is seen of an origin stays its key.
    pub(super) fn pin(&mut self, origin: &NodeId, key: PublicKey, out: &mut Vec<Output>) {
        if self.origins.pins.len() >= self.config.max_nodes {
            let unknown = self.origins.pins.keys().find(|id| self.table.get(id).is_none()).cloned();
            let Some(unknown) = unknown else { return };
            self.unpin(&unknown, out);
        }
        self.origins.pins.insert(origin.clone(), key);
        if self.config.durable {
            self.persist(vec![DiskRecord::Pin(origin.clone(), Some(key))], out);
        }
    }

    /// Counts a message that is not its origin's word. It is told of ever more rarely: whoever forges must not fill a log.
    pub(super) fn refuse_forged(&mut self, message: &Message, why: &'static str, out: &mut Vec<Output>) -> Outcome {
        if (self.counters.forged + 1).is_power_of_two() {
            let (origin, count) = (message.origin.clone(), self.counters.forged + 1);
            out.push(Output::Emit(Event::Forged { origin, why, count }));
        }
        Outcome::Forged
    }
}
