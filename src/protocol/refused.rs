//! What was refused for a limit: it counts as held, so that repair does not offer it for ever.
//!
//! A refused message counts by its fingerprint. A refused state takes, in digests and comparisons, the place of whatever
//! older one is held of its origin, and follows what is believed of that node; its payload is not kept.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use super::fingerprint::{self, Fingerprint};
use super::limits::MAX_REFUSED;
use super::words::{Claim, LogKey, Message, NodeId, Status, Version};

/// A state that was refused, and what is believed of its origin.
#[derive(Clone, Debug)]
struct RefusedState {
    version: Version,
    uuid: Uuid,
    status: Status,
    claim: Version,
}

/// Everything refused, as far as it is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    /// Each with its exact fingerprint.
    messages: VecDeque<(LogKey, Fingerprint)>,
    states: BTreeMap<NodeId, RefusedState>,
}

impl Refusals {
    /// Remembers a message.
    pub(super) fn add_message(&mut self, message: &Message) {
        let key = LogKey { stamp: message.stamp, uuid: message.uuid };
        if !self.messages.iter().any(|(held, _)| *held == key) {
            self.messages.push_back((key, fingerprint::of_exact_message(message)));
            if self.messages.len() > MAX_REFUSED {
                self.messages.pop_front();
            }
        }
    }

    /// Remembers a state, unless a newer one was refused or there are too many.
    pub(super) fn add_state(&mut self, message: &Message) {
        let (version, uuid) = (message.version, message.uuid);
        let fresh = RefusedState { version, uuid, status: Status::Alive, claim: version };
        let room = self.states.len() < MAX_REFUSED;
        match self.states.get_mut(&message.origin) {
            Some(held) if (held.version, held.uuid) >= (version, uuid) => {}
            // What was claimed of this version or a later one still holds.
            Some(held) if held.claim >= version => (held.version, held.uuid) = (version, uuid),
            Some(held) => *held = fresh,
            None if room => {
                self.states.insert(message.origin.clone(), fresh);
            }
            None => {}
        }
    }

    /// A state of `origin` was taken after all: older refused ones do not matter any more.
    pub(super) fn taken(&mut self, origin: &NodeId, version: Version, uuid: Uuid) {
        if self.states.get(origin).is_some_and(|held| (held.version, held.uuid) <= (version, uuid)) {
            self.states.remove(origin);
        }
    }

    /// Something is claimed of a node.
    pub(super) fn claimed(&mut self, claim: &Claim) {
        if let Some(held) = self.states.get_mut(&claim.id)
            && (claim.version, claim.status) > (held.claim, held.status)
        {
            held.claim = claim.version;
            held.status = claim.status;
        }
    }

    /// Whether a refused state stands for `origin`.
    pub(super) fn stands_for(&self, origin: &NodeId) -> bool {
        self.states.contains_key(origin)
    }

    /// The origins for which refused states stand.
    pub(super) fn origins(&self) -> impl Iterator<Item = &NodeId> {
        self.states.keys()
    }

    /// Fingerprints of the refused states, and of the refused messages above `floor`.
    pub(super) fn fingerprints_above(&self, floor: LogKey, exact: bool) -> impl Iterator<Item = Fingerprint> {
        let messages = self.messages.iter().filter(move |(key, _)| *key > floor);
        let messages = messages.map(move |(key, exactly)| if exact { *exactly } else { fingerprint::of_message(*key) });
        let state = |(id, held): (&NodeId, &RefusedState)| {
            fingerprint::of_state(id, held.version, held.uuid, held.status, held.claim)
        };
        messages.chain(self.states.iter().map(state))
    }

    /// Sum of the exact fingerprints of the refused messages above `floor`.
    pub(super) fn exact_above(&self, floor: LogKey) -> u64 {
        let messages = self.messages.iter().filter(|(key, _)| *key > floor);
        messages.fold(0, |sum, (_, exactly)| sum.wrapping_add(*exactly))
    }
}
