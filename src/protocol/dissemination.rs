//! Messages: judging what arrives, and passing on what is new.
//!
//! What is new goes at once to every peer except the one it came from and those on its path, ttl reduced by one and this
//! node's id appended. A message never loops: a state is judged by its version, a submitted message by its uuid and, once
//! that is forgotten, by the floor of the log. What a link loses here, `repair.rs` brings.

use super::calls::Outcome;
use super::disk::{DiskRecord, LogRecord};
use super::door::{Event, Output, Refusal, Response};
use super::foreign;
use super::limits::{MAX_LEAP, UNLIMITED_REACH};
use super::link::HeldBack;
use super::log::{Arrival, Insert, Place};
use super::node::Node;
use super::queue::{ItemKey, Waiting};
use super::table::Merge;
use super::tree::{Copies, Tree};
use super::words::{Kind, Message, NodeId, Path, Status, Time};

impl Node {
    /// Judges one message and passes it on if it is new.
    pub(super) fn judge(
        &mut self,
        now: Time,
        message: Message,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) -> Outcome {
        let sealed = message.seal.as_ref().map(|seal| (message.origin.clone(), seal.key));
        let outcome = if message.payload.weight() > self.config.max_payload {
            self.refuse(&message, from, "payload", self.config.max_payload as u64, out)
        } else if let Err(why) = self.check_origin(&message) {
            self.refuse_forged(&message, why, out)
        } else if let Some((origin, key)) = sealed.filter(|(origin, _)| self.would_pin(origin)) {
            // Its key is on disk before anything that follows from this message is let out: after a crash somebody else
            // could come first otherwise.
            let mut following = Vec::new();
            let outcome = self.take(now, message, from, &mut following);
            if outcome == Outcome::New {
                self.pin(&origin, key, out);
            }
            out.append(&mut following);
            outcome
        } else {
            self.take(now, message, from, out)
        };
        let count = match outcome {
            Outcome::New => &mut self.counters.new,
            Outcome::Duplicate => &mut self.counters.duplicate,
            Outcome::Stale => &mut self.counters.stale,
            Outcome::Expired => &mut self.counters.expired,
            Outcome::Limited => &mut self.counters.limited,
            Outcome::Forged => &mut self.counters.forged,
        };
        *count += 1;
        outcome
    }

    fn take(&mut self, now: Time, message: Message, from: Option<&NodeId>, out: &mut Vec<Output>) -> Outcome {
        match message.kind {
            Kind::State => self.take_state(now, message, from, out),
            Kind::Message => self.take_message(now, message, from, out),
        }
    }

    /// Merges a state that came from elsewhere into the table.
    fn take_state(&mut self, now: Time, message: Message, from: Option<&NodeId>, out: &mut Vec<Output>) -> Outcome {
        if self.is_self(&message.origin) {
            return self.hear_own_state(now, &message, from);
        }
        if self.forgotten.refuses(&message) {
            self.tell_forgotten(&message.origin, from);
            return Outcome::Stale;
        }
        self.accept_state(now, message, from, out)
    }

    /// The same for a state that may be this node's own.
    pub(super) fn accept_state(
        &mut self,
        now: Time,
        message: Message,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) -> Outcome {
        let before = self.table.get(&message.origin).map(|entry| (entry.status, entry.state.is_some()));
        let slot = self.slot_of(from);
        let copies = Copies::begin(slot);
        let merge = if self.is_self(&message.origin) {
            self.table.merge_own(now, &message, copies)
        } else {
            self.table.merge(now, &message, copies)
        };
        match merge {
            Merge::Taken => {}
            Merge::Same => {
                self.forget_waiting(from, &ItemKey::State(message.origin.clone()), !self.config.trees);
                if let Some(place) = self.books.place(&message.uuid) {
                    self.books.add_arrival(now, place, &message.path, &self.id);
                }
                return Outcome::Duplicate;
            }
            Merge::Older => return Outcome::Stale,
            // Whoever holds the version below refuses it as well, so nobody is to count it as held.
            Merge::Leap => return self.refuse(&message, None, "leap of a version", MAX_LEAP, out),
            Merge::Full => return self.refuse(&message, from, "known nodes", self.config.max_nodes as u64, out),
            Merge::Heavy => {
                return self.refuse(&message, from, "bytes of all states", self.config.max_state_bytes as u64, out);
            }
        }
        let (origin, version, uuid) = (message.origin.clone(), message.version, message.uuid);
        self.tell_of_life(&origin, before, out);
        self.refused.taken(&origin, version, uuid);
        self.remember_book(now, &message);
        out.push(Output::Emit(Event::StateChanged { origin: origin.clone(), version, uuid }));
        self.grew(&origin, slot);
        if message.ttl > 0 || self.is_self(&origin) {
            // A refutation is in a hurry, and the loss of one request on a tree may cost a heartbeat.
            let refutes = before.is_some_and(|(status, _)| status != Status::Alive) || self.refuting;
            let item = Waiting { ttl: 0, path: None, repair: false, patient: !refutes };
            let tree = self.tree_for(&origin, refutes);
            self.pass_on(now, &ItemKey::State(origin), &item, from, &message.path, tree, out);
        }
        self.foreign.queue_state(&message.origin, from);
        Outcome::New
    }

    /// A state was taken: its owner is new here, or another status is believed of it than `before`.
    fn tell_of_life(&self, origin: &NodeId, before: Option<(Status, bool)>, out: &mut Vec<Output>) {
        let Some(status) = self.table.get(origin).map(|entry| entry.status) else { return };
        match before {
            None | Some((_, false)) => out.push(Output::Emit(Event::NodeJoined { id: origin.clone() })),
            Some((known, true)) if known != status => {
                out.push(Output::Emit(Event::StatusChanged { id: origin.clone(), status }));
            }
            Some((_, true)) => {}
        }
    }

    /// Somebody tells this node of its own state: an echo, or an earlier life.
    fn hear_own_state(&mut self, now: Time, message: &Message, from: Option<&NodeId>) -> Outcome {
        let held = self.table.get(&self.id).and_then(|entry| entry.state.as_ref()).map(|state| &state.message);
        let held = held.map(|message| (message.version, message.uuid));
        match held {
            Some(held) if held == (message.version, message.uuid) => {
                self.forget_waiting(from, &ItemKey::State(self.id.clone()), true);
                Outcome::Duplicate
            }
            Some((version, _)) if message.version < version => Outcome::Stale,
            _ => {
                if self.config.signer.is_some() {
                    self.recall(message.version);
                }
                self.heard_of_self(now, message.version);
                self.continue_above(now, message.version);
                Outcome::Stale
            }
        }
    }

    fn remember_book(&mut self, now: Time, message: &Message) {
        if self.config.max_books == 0 {
            return;
        }
        // The history is in order of arrival; no other node needs to agree on it.
        let place = self.books.changes() + 1;
        self.books.insert(now, message.clone().altered(|content| content.stamp = place), Copies::default());
    }

    /// Puts a message that came from elsewhere into the log.
    fn take_message(
        &mut self,
        now: Time,
        mut message: Message,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) -> Outcome {
        if self.log.get(&message.uuid).is_some() {
            return self.hear_name_again(now, message, from, out);
        }
        if message.stamp > self.lamport + MAX_LEAP {
            return self.refuse(&message, from, "leap of a stamp", MAX_LEAP, out);
        }
        if message.stamp == 0 {
            let stamp = self.lamport + 1;
            message = message.altered(|content| content.stamp = stamp);
        }
        let (uuid, ttl, path) = (message.uuid, message.ttl, message.path.clone());
        if self.is_self(&message.origin) {
            // A message of an earlier life: continue above its version, as with a state.
            self.heard_of_self(now, message.version);
        }
        let (origin, version, slot) = (message.origin.clone(), message.version, self.slot_of(from));
        let kept = self.config.durable.then(|| message.clone());
        if !self.remember_message(now, message, slot, out) {
            return Outcome::Expired;
        }
        if let Some(message) = kept {
            self.keep(|| DiskRecord::Message(LogRecord { message, at: now }));
        }
        self.table.heard(&origin, version);
        self.grew(&origin, slot);
        if ttl > 0 {
            self.relay(now, uuid, 0, ttl, &path, from, out);
        }
        Outcome::New
    }

    /// Puts a message that this node just made into the log, and sends it out.
    pub(super) fn publish(&mut self, now: Time, message: Message, out: &mut Vec<Output>) {
        let (uuid, ttl, path) = (message.uuid, message.ttl, message.path.clone());
        if self.remember_message(now, message, None, out) {
            let item = Waiting { ttl, path: Some(path.clone()), repair: false, patient: false };
            let tree = self.tree_of_message(&uuid);
            self.pass_on(now, &ItemKey::Message(uuid, 0), &item, None, &path, tree, out);
        }
    }

    /// False when the message is at or below the floor.
    fn remember_message(&mut self, now: Time, message: Message, slot: Option<u8>, out: &mut Vec<Output>) -> bool {
        self.lamport = self.lamport.max(message.stamp);
        let uuid = message.uuid;
        let stored = self.log.insert(now, message, Copies::begin(slot)) == Insert::Stored;
        if stored {
            out.push(Output::Emit(Event::MessageArrived { uuid }));
        }
        stored
    }

    /// A further copy of a message that is held: its path is kept, and it is passed on where its kind asks for that.
    pub(super) fn hear_again(
        &mut self,
        now: Time,
        message: &Message,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) -> Outcome {
        let uuid = message.uuid;
        if let Some(place) = self.log.place(&uuid) {
            self.hear_way(now, place, &message.path, out);
        }
        let Some(record) = self.log.get_mut(&uuid) else { return Outcome::Duplicate };
        let (relays, unlimited) = (record.message.relays, record.is_unlimited());
        let further = message.ttl > record.best_ttl;
        record.best_ttl = record.best_ttl.max(message.ttl);
        let copy = record.relayed;
        let wanted = relays > copy || (!unlimited && further);
        if relays > copy {
            record.relayed += 1;
        }
        if relays == 0 {
            self.forget_waiting(from, &ItemKey::Message(uuid, 0), !unlimited || !self.config.trees);
        }
        if wanted && message.ttl > 0 && !message.path.contains(&self.id) {
            let copy = if relays > copy { copy } else { 0 };
            self.relay(now, uuid, copy, message.ttl, &message.path, from, out);
        }
        Outcome::Duplicate
    }

    /// Takes note of a further way by which a message came, or would have come.
    pub(super) fn hear_way(&mut self, now: Time, place: Place, path: &Path, out: &mut Vec<Output>) {
        let Some(uuid) = self.log.at(place).map(|record| record.message.uuid) else { return };
        if !self.log.add_arrival(now, place, path, &self.id) {
            return;
        }
        if self.config.durable
            && let Some(record) = self.log.at(place)
        {
            let (key, place) = (record.key(), u16::try_from(record.path_count() - 1).unwrap_or(u16::MAX));
            let arrival = Arrival { path: path.clone(), at: now };
            self.keep(|| DiskRecord::Arrival(key, place, arrival));
        }
        out.push(Output::Emit(Event::PathAdded { uuid, path: path.clone() }));
    }

    #[expect(clippy::too_many_arguments, reason = "one copy's way is many words")]
    pub(super) fn relay(
        &mut self,
        now: Time,
        uuid: uuid::Uuid,
        copy: u8,
        ttl: u8,
        path: &Path,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) {
        if self.overlay.links.is_empty() {
            return;
        }
        let onward = Some(self.path_through(path));
        let item = Waiting { ttl: ttl - 1, path: onward, repair: false, patient: false };
        let tree = self.tree_of_message(&uuid);
        self.pass_on(now, &ItemKey::Message(uuid, copy), &item, from, path, tree, out);
    }

    /// `path` with this node appended; beyond the longest allowed path the oldest stations behind the origin are left out.
    pub(super) fn path_through(&self, path: &Path) -> Path {
        let skipped = (path.len() + 1).saturating_sub(self.config.max_path);
        let (origin, others) = path.split_at(path.len().min(1));
        // Slices, whose length is known, become a path in one piece.
        origin
            .iter()
            .chain(&others[skipped.min(others.len())..])
            .chain(std::slice::from_ref(&self.id))
            .cloned()
            .collect()
    }

    #[expect(clippy::too_many_arguments, reason = "one copy's way is many words")]
    fn pass_on(
        &mut self,
        now: Time,
        key: &ItemKey,
        item: &Waiting,
        from: Option<&NodeId>,
        path: &Path,
        tree: Option<Tree>,
        out: &mut Vec<Output>,
    ) {
        // Where the parent did not bring a state, the tree's root may be elsewhere than it was, as after a restart of the origin
        // with other peers, whose first word is a state: links that were told to stop may lead to nodes that it reaches by none
        // else. They push again until told anew.
        let state = matches!(key, ItemKey::State(_));
        let astray = state && self.slot_of(from).zip(tree).is_some_and(|(slot, tree)| !tree.is_parent(slot));
        let tree = tree.filter(|_| !astray);
        if astray && let Some(tree) = path.first().and_then(|origin| self.table.tree_mut(origin)) {
            tree.wake();
        }
        let mut stamp = None;
        // Sending neither makes a link nor ends one.
        for place in 0..self.overlay.links.len() {
            let Some(id) = self.overlay.links.id_in(place).filter(|id| Some(*id) != from && !path.contains(id)) else {
                continue;
            };
            let is_lazy = |tree: Tree| self.overlay.links.slot_in(place).is_some_and(|slot| tree.is_lazy(slot));
            if tree.is_some_and(is_lazy) {
                if let (ItemKey::Message(uuid, _), Some(path)) = (key, item.path.clone()) {
                    let stamp = *stamp.get_or_insert_with(|| self.log.naming_stamp(uuid));
                    self.overlay.links.hold_back(place, HeldBack { uuid: *uuid, stamp, ttl: item.ttl, path });
                }
                continue;
            }
            let id = id.clone();
            let Some(link) = self.overlay.links.get_mut(&id) else { continue };
            link.push(key.clone(), item.clone());
            self.flush(now, &id, out);
        }
    }

    /// The tree that an origin's messages travel over; `None` floods them.
    fn tree_for(&self, origin: &NodeId, flooded: bool) -> Option<Tree> {
        if flooded || !self.config.trees { None } else { self.table.tree(origin) }
    }

    fn tree_of_message(&self, uuid: &uuid::Uuid) -> Option<Tree> {
        let record = self.log.get(uuid)?;
        self.tree_for(&record.message.origin, record.is_flooded())
    }

    /// Something new of an origin came over a link.
    pub(super) fn grew(&mut self, origin: &NodeId, slot: Option<u8>) {
        if let Some(slot) = slot
            && let Some(tree) = self.table.tree_mut(origin)
        {
            tree.brought_by(slot);
        }
    }

    /// The other side turned out to hold what waits for it. Over a tree it is sent all the same, once: only the answer
    /// tells whether this link is to be used for that origin.
    fn forget_waiting(&mut self, from: Option<&NodeId>, key: &ItemKey, flooded: bool) {
        if !flooded {
            return;
        }
        if let Some(link) = from.and_then(|from| self.overlay.links.get_mut(from)) {
            link.take_back(key);
        }
    }

    /// Refuses for a limit. What a peer holds and this node refused counts as held, so that repair does not offer it for
    /// ever.
    fn refuse(
        &mut self,
        message: &Message,
        from: Option<&NodeId>,
        what: &'static str,
        limit: u64,
        out: &mut Vec<Output>,
    ) -> Outcome {
        match message.kind {
            Kind::State if from.is_some() => self.refused.add_state(message),
            Kind::Message if from.is_some() && message.reach() >= UNLIMITED_REACH => {
                self.refused.add_message(message);
            }
            // Nobody repairs a limited message, nor what no peer holds.
            Kind::State | Kind::Message => {}
        }
        // It is told of ever more rarely: whoever sends too much must not fill a log as well.
        let count = self.counters.limited + 1;
        if count.is_power_of_two() {
            out.push(Output::Emit(Event::Refused { what, limit, count }));
        }
        Outcome::Limited
    }

    /// Registers what a foreign node pushes; see `foreign.rs`.
    pub(super) fn answer_foreign_gossip(
        &mut self,
        now: Time,
        from: NodeId,
        messages: Vec<Message>,
        out: &mut Vec<Output>,
    ) -> Response {
        if !self.config.dialect {
            return Response::Refused(Refusal::OneDialect);
        }
        let _ = self.register_foreign(now, &from, out);
        for mut message in messages {
            message.path = foreign::path_from(&message.origin, &from);
            message.ttl = self.config.ttl;
            self.counters.messages_received += 1;
            self.judge(now, message, Some(&from), out);
        }
        Response::Done
    }
}
