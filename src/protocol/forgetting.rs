//! Forgetting: dead nodes leave the table after a time, or at an operator's word, and do not come back by repair.
//!
//! How long a node has been dead travels with claims (`age_ms`), and the greater age wins, so that all forget at about the
//! same time. Past half of that time an entry *fades*: it is in no digest, and neither sent nor accepted, so that two nodes
//! whose clocks differ never bring it back to each other. What is forgotten leaves a tombstone, for as long again: it refuses
//! what is not newer, and is shown to an owner who returns, who continues above it. An operator's word travels as a claim.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::disk::{BuriedRecord, DiskRecord};
use super::door::{Event, Output, Refusal, Response};
use super::limits::MAX_TOMBSTONES;
use super::node::Node;
use super::words::{Claim, Message, NodeId, Status, Time, Version};

/// How many times within the forget time the table is looked through.
const LOOKS: u64 = 32;

/// Bounds of the pause between two looks, in milliseconds.
const LOOK_PAUSE_MS: (u64, u64) = (50, 60_000);

/// What is left of a forgotten node.
#[derive(Clone, Debug)]
struct Tombstone {
    /// Nothing up to this version is taken again.
    version: Version,
    /// If an operator named it, only this message is refused: its version may have been forged.
    only: Option<Uuid>,
    until: Time,
}

/// All tombstones, and when to look for what is to be forgotten.
#[derive(Clone, Debug)]
pub(super) struct Forgotten {
    stones: BTreeMap<NodeId, Tombstone>,
    look_at: Time,
}

impl Forgotten {
    pub(super) fn new(now: Time) -> Forgotten {
        Forgotten { stones: BTreeMap::new(), look_at: now }
    }

    /// Whether a state is one that was forgotten.
    pub(super) fn refuses(&self, message: &Message) -> bool {
        self.stones.get(&message.origin).is_some_and(|stone| match stone.only {
            Some(uuid) => uuid == message.uuid,
            None => message.version <= stone.version,
        })
    }

    /// The version up to which `id` was forgotten, 0 for none.
    pub(super) fn version_of(&self, id: &NodeId) -> Version {
        self.stones.get(id).filter(|stone| stone.only.is_none()).map_or(0, |stone| stone.version)
    }

    /// Takes back what a disk kept.
    pub(super) fn restore(&mut self, buried: BuriedRecord) {
        let BuriedRecord { id, version, only, until } = buried;
        // There are no more than there were.
        let _ = self.add(id, Tombstone { version, only, until });
    }

    /// Buries a node; the one whose tombstone had to make room.
    fn add(&mut self, id: NodeId, stone: Tombstone) -> Option<NodeId> {
        self.stones.insert(id, stone);
        // The oldest have done most of their work.
        if self.stones.len() <= MAX_TOMBSTONES {
            return None;
        }
        let oldest = self.stones.iter().min_by_key(|(_, stone)| stone.until).map(|(id, _)| id.clone())?;
        self.stones.remove(&oldest);
        Some(oldest)
    }
}

impl Node {
    /// What this node tells others about `id`: its belief, or that it is forgotten; nothing about what fades.
    pub(super) fn claim_about(&self, now: Time, id: &NodeId) -> Option<Claim> {
        if let Some(entry) = self.table.get(id) {
            return if entry.is_faded() { None } else { self.table.claim_of(now, id) };
        }
        let stone = self.forgotten.stones.get(id)?;
        Some(Claim {
            id: id.clone(),
            version: stone.version,
            status: Status::Forgotten,
            age_ms: self.config.forget_ms.saturating_sub(stone.until.since(now)),
            uuid: stone.only,
        })
    }

    /// A claim about a node that is forgotten here: its teller is told so; true if that settles it.
    pub(super) fn is_settled(&mut self, claim: &Claim, from: Option<&NodeId>) -> bool {
        let known = self.table.get(&claim.id).is_some();
        let buried = claim.version <= self.forgotten.version_of(&claim.id);
        let fading = !claim.status.is_live() && claim.age_ms >= self.config.forget_ms / 2;
        if known || !(buried || fading) {
            return false;
        }
        if buried {
            self.tell_forgotten(&claim.id, from);
        }
        true
    }

    /// Lets a peer know that a node is forgotten, so that it does the same.
    pub(super) fn tell_forgotten(&mut self, id: &NodeId, to: Option<&NodeId>) {
        if let Some(link) = to.and_then(|to| self.overlay.links.get_mut(to)) {
            link.claims.insert(id.clone());
        }
    }

    /// A claim says that an operator had a node forgotten.
    pub(super) fn hear_forgotten(&mut self, now: Time, claim: &Claim, from: Option<&NodeId>, out: &mut Vec<Output>) {
        let held = self.table.get(&claim.id);
        let meant = match (held, claim.uuid) {
            // Whoever never knew it needs no tombstone; repair brings nothing that nobody holds.
            (None, _) => false,
            (Some(entry), Some(uuid)) => entry.state.as_ref().is_some_and(|state| state.message.uuid == uuid),
            (Some(entry), None) => claim.version >= entry.version() && !self.overlay.links.contains_key(&claim.id),
        };
        if !meant {
            return;
        }
        self.bury(now, &claim.id, claim.version, claim.uuid, out);
        let told: Vec<NodeId> = self.overlay.links.keys().filter(|id| Some(*id) != from).cloned().collect();
        for peer in told {
            self.tell_forgotten(&claim.id, Some(&peer));
            self.flush(now, &peer, out);
        }
    }

    /// An operator wants a node forgotten: its entry everywhere, and the key by which it is known at this node alone. The word
    /// that travels is anybody's, and must not open an origin's place to whoever comes first; so an operator asks every node
    /// whose pin is to go, also those that have forgotten the entry.
    pub(super) fn forget(&mut self, now: Time, id: &NodeId, uuid: Option<Uuid>, out: &mut Vec<Output>) -> Response {
        let Some(entry) = self.table.get(id) else {
            return if self.unpin(id, out) { Response::Done } else { Response::Refused(Refusal::NotKnown(id.clone())) };
        };
        let named = uuid.is_some_and(|uuid| entry.state.as_ref().is_some_and(|state| state.message.uuid == uuid));
        if uuid.is_some() && !named {
            return Response::Refused(Refusal::NotKnown(id.clone()));
        }
        if self.is_self(id) || (!named && entry.status.is_live()) {
            return Response::Refused(Refusal::StillLives(id.clone()));
        }
        let version = entry.claim_version.max(entry.version());
        let claim = Claim { id: id.clone(), version, status: Status::Forgotten, age_ms: 0, uuid };
        self.hear_forgotten(now, &claim, None, out);
        self.unpin(id, out);
        Response::Done
    }

    fn bury(&mut self, now: Time, id: &NodeId, version: Version, only: Option<Uuid>, out: &mut Vec<Output>) {
        self.table.remove(id);
        let until = now.after(self.config.forget_ms);
        self.keep_buried(|| BuriedRecord { id: id.clone(), version, only, until });
        if let Some(oldest) = self.forgotten.add(id.clone(), Tombstone { version, only, until }) {
            self.keep(|| DiskRecord::Unburied(oldest));
        }
        out.push(Output::Emit(Event::StatusChanged { id: id.clone(), status: Status::Forgotten }));
    }

    /// Lets fade and forgets what has been dead for long enough.
    pub(super) fn tend_forgetting(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.forgotten.look_at > now {
            return;
        }
        let forget_ms = self.config.forget_ms;
        self.forgotten.look_at = now.after((forget_ms / LOOKS).clamp(LOOK_PAUSE_MS.0, LOOK_PAUSE_MS.1));
        let over = |(_, stone): &(&NodeId, &Tombstone)| stone.until <= now;
        let over: Vec<NodeId> = self.forgotten.stones.iter().filter(over).map(|(id, _)| id.clone()).collect();
        for id in over {
            self.forgotten.stones.remove(&id);
            self.keep(|| DiskRecord::Unburied(id));
        }
        if self.table.dead() == 0 {
            return;
        }
        let (mut fading, mut over) = (Vec::new(), Vec::new());
        for (id, entry) in self.table.iter().filter(|(_, entry)| !entry.status.is_live()) {
            let age = now.since(entry.since);
            if age >= forget_ms {
                over.push((id.clone(), entry.claim_version.max(entry.version())));
            } else if age >= forget_ms / 2 && !entry.is_faded() {
                fading.push(id.clone());
            }
        }
        for id in fading {
            self.table.fade(&id);
        }
        for (id, version) in over {
            self.bury(now, &id, version, None, out);
        }
    }

    /// The next look, while there is anything that time changes.
    pub(super) fn forgetting_deadline(&self) -> Option<Time> {
        (self.table.dead() > 0 || !self.forgotten.stones.is_empty()).then_some(self.forgotten.look_at)
    }
}
