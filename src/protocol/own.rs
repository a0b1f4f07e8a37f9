//! This node's own state: the books it draws, the payload its user sets, and its version.
//!
//! Only the owner raises its version. What is heard of an earlier life of this node is continued above: at most once per
//! heartbeat, then ever more rarely, so that two processes with one id do not drive each other up without end.

use rand::RngExt;
use uuid::Uuid;

use super::config::Config;
use super::disk::{DiskRecord, LogRecord, OwnRecord};
use super::door::{Event, Output, Refusal, Response, Submission};
use super::limits::{MAX_LEAP, MAX_VERSION};
use super::node::Node;
use super::words::{Boot, Content, Kind, LogKey, Message, NodeId, Payload, Time, Version, first_of};

/// How long a node with seeds or given peers waits to hear of an earlier life before it first speaks.
const FIRST_WORD_MS: u64 = 1_000;

/// The longest pause between two continuations above heard versions, in heartbeats.
const MAX_RAISE_PAUSE: u64 = 64;

/// Continuations above heard versions in a row that an earlier life cannot explain: it is over, and says nothing new.
const CONTENDED: u32 = 3;

/// How long two processes are held to use one id after the last sign of it, in heartbeats.
const CONFLICT_HEARTBEATS: u64 = 64;

/// The present state is to be said again on others' account.
#[derive(Clone, Copy, Debug)]
struct Urge {
    at: Time,
    /// The version that others should hear something newer than.
    above: Version,
    refutes: bool,
}

/// What this node says, and when it next does.
#[derive(Clone, Debug)]
pub struct Own {
    /// The highest version that this life used.
    version: Version,
    /// The highest version heard of an earlier life.
    heard: Version,
    /// The payload that a user set, instead of books.
    set: Option<Payload>,
    /// What an earlier life said last: said again at first.
    again: Option<Payload>,
    /// When the next book is drawn, or the first word spoken.
    draw_at: Option<Time>,
    /// When to continue above what was heard.
    raise_at: Option<Time>,
    raised_at: Option<Time>,
    raises: u32,
    spoken: bool,
    /// When the state was last said again on others' account, and what is still to be.
    urged_at: Option<Time>,
    urge: Option<Urge>,
    /// When another process last showed that it uses this node's id.
    conflict: Option<Time>,
}

impl Own {
    pub(super) fn new(now: Time, config: &Config) -> Own {
        let alone = config.seeds.is_empty() && config.given_peers.is_empty();
        Own {
            version: 0,
            heard: 0,
            set: None,
            again: None,
            draw_at: Some(if alone { now } else { now.after(FIRST_WORD_MS) }),
            raise_at: None,
            raised_at: None,
            raises: 0,
            spoken: false,
            urged_at: None,
            urge: None,
            conflict: None,
        }
    }

    /// As if this node had already said `version`, and says the next thing at `draw_at`.
    pub(super) fn has_said(&mut self, version: Version, draw_at: Option<Time>) {
        self.version = version;
        self.spoken = version > 0;
        self.draw_at = draw_at;
    }

    /// Goes on where an earlier life ended: at `version`, with its last payload and whether a user set it.
    pub(super) fn restore(&mut self, now: Time, version: Version, last: Option<(Payload, bool)>) {
        self.version = version;
        if let Some((payload, set)) = last {
            self.set = set.then(|| payload.clone());
            self.again = Some(payload);
            // It knows its versions itself, and need not hear of them first.
            self.draw_at = Some(now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        first_of(&[self.draw_at, self.raise_at, self.urge.map(|urge| urge.at)])
    }
}

impl Node {
    fn next_version(&mut self) -> Version {
        self.own.version = (self.own.version.max(self.own.heard) + 1).min(MAX_VERSION);
        self.own.version
    }

    pub(super) fn new_uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random.random()).into_uuid()
    }

    pub(super) fn tend_own(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.own.raise_at.is_some_and(|due| due <= now) {
            self.own.raise_at = None;
            self.own.raised_at = Some(now);
            self.own.raises += 1;
            self.say_again(now, out);
            if self.own.raises >= CONTENDED {
                self.note_conflict(now, None, out);
            }
        }
        if let Some(urge) = self.own.urge.take_if(|urge| urge.at <= now)
            && self.own_version() <= urge.above
        {
            self.say_again_now(now, urge.refutes, out);
        }
        if self.own.draw_at.is_some_and(|due| due <= now) {
            self.draw_book(now, out);
        }
    }

    /// Another process uses this node's id: reported when it begins, and again after a pause.
    pub(super) fn note_conflict(&mut self, now: Time, boot: Option<Boot>, out: &mut Vec<Output>) {
        let known = self.has_conflict(now);
        self.own.conflict = Some(now);
        if !known {
            out.push(Output::Emit(Event::IdClaimedTwice { boot }));
        }
    }

    /// Whether another process uses this node's id, as far as it shows.
    pub(super) fn has_conflict(&self, now: Time) -> bool {
        let window = CONFLICT_HEARTBEATS * self.config.heartbeat_ms;
        self.own.conflict.is_some_and(|last| now.since(last) < window)
    }

    /// Somebody answered with what it knows of this node: no reason to wait longer before the first word.
    pub(super) fn heard_of_self(&mut self, now: Time, version: Version) {
        if version > self.own.version {
            self.continue_above(now, version);
        }
        if !self.own.spoken && self.own.draw_at.is_some_and(|due| due > now) {
            self.own.draw_at = Some(now);
        }
    }

    /// An earlier life, or another process, said something at or above this node's version.
    pub(super) fn continue_above(&mut self, now: Time, version: Version) {
        // The others refuse what is too far above the state that they hold, and may be some versions behind: so this node
        // climbs by half of that at a time, counted from what it said. Whoever holds more tells it again.
        let step = self.own.version.saturating_add(MAX_LEAP / 2);
        self.own.heard = self.own.heard.max(version.min(step));
        if self.own.raise_at.is_some() || !self.own.spoken {
            return;
        }
        let heartbeat = self.config.heartbeat_ms;
        self.own.raise_at = Some(match self.own.raised_at {
            None => now,
            Some(last) => {
                if now.since(last) > 2 * MAX_RAISE_PAUSE * heartbeat {
                    self.own.raises = 0;
                }
                let pause = heartbeat << self.own.raises.min(6);
                last.after(pause).max(now)
            }
        });
    }

    /// A word of an earlier life came back under its signature: whatever its version is, it is this node's own.
    pub(super) fn recall(&mut self, version: Version) {
        self.own.version = self.own.version.max(version);
    }

    fn draw_book(&mut self, now: Time, out: &mut Vec<Output>) {
        self.own.draw_at = (self.config.interval_ms > 0 && self.own.set.is_none()).then(|| {
            let interval = self.config.interval_ms;
            now.after(self.random.random_range(interval * 8 / 10..=interval * 12 / 10).max(1))
        });
        let again = self.own.again.take();
        let payload = match (self.own.set.clone().or(again), self.config.books.len()) {
            (Some(payload), _) => payload,
            (None, 0) => Payload::of_book(None),
            (None, 1) => Payload::of_book(Some(&self.config.books[0])),
            (None, count) => {
                let current = self
                    .table
                    .get(&self.id)
                    .and_then(|entry| entry.state.as_ref())
                    .map(|state| state.message.payload.clone());
                let first = self.random.random_range(0..count);
                let drawn = Payload::of_book(Some(&self.config.books[first]));
                // The same book again would look as if nothing had happened.
                if Some(&drawn) == current.as_ref() {
                    Payload::of_book(Some(&self.config.books[(first + 1) % count]))
                } else {
                    drawn
                }
            }
        };
        self.say(now, payload, out);
    }

    /// The message with this node's signature, if it signs.
    fn signed(&self, message: Message) -> Message {
        let seal = self.config.signer.as_ref().map(|key| key.seal(&self.config.cluster, &message));
        if seal.is_none() { message } else { message.altered(|content| content.seal = seal) }
    }

    /// Makes `payload` this node's newest state.
    fn say(&mut self, now: Time, payload: Payload, out: &mut Vec<Output>) -> Version {
        let (uuid, version) = (self.new_uuid(), self.next_version());
        let message = self.signed(Message::new(
            self.config.ttl,
            [self.id.clone()].into(),
            Content {
                uuid,
                origin: self.id.clone(),
                version,
                kind: Kind::State,
                payload,
                relays: 0,
                stamp: 0,
                seal: None,
            },
        ));
        self.own.spoken = true;
        self.note_said(now, version);
        let own = OwnRecord { message: message.clone(), set: self.own.set.is_some() };
        self.persist(vec![DiskRecord::Version(version), DiskRecord::Own(own)], out);
        self.accept_state(now, message, None, out);
        version
    }

    /// Says the present payload again under the next version, if this life has spoken.
    pub(super) fn say_again(&mut self, now: Time, out: &mut Vec<Output>) {
        let state = self.table.get(&self.id).and_then(|entry| entry.state.as_ref());
        if let Some(payload) = state.map(|state| state.message.payload.clone()) {
            self.say(now, payload, out);
        }
    }

    /// Says the present payload again as what others do or claim asks for it: at most twice per heartbeat, whatever they
    /// send, and later if need be, unless something newer is said meanwhile.
    pub(super) fn say_again_for_others(&mut self, now: Time, refutes: bool, out: &mut Vec<Output>) {
        let pause = self.config.heartbeat_ms / 2;
        match self.own.urged_at.map(|last| last.after(pause)).filter(|next| *next > now) {
            Some(at) => {
                let refutes = refutes || self.own.urge.is_some_and(|urge| urge.refutes);
                self.own.urge = Some(Urge { at, above: self.own_version(), refutes });
            }
            None => self.say_again_now(now, refutes, out),
        }
    }

    fn say_again_now(&mut self, now: Time, refutes: bool, out: &mut Vec<Output>) {
        self.own.urged_at = Some(now);
        self.refuting = refutes;
        self.say_again(now, out);
        self.refuting = false;
    }

    /// The newest version that others can know of this node.
    pub(super) fn own_version(&self) -> Version {
        self.table.get(&self.id).map_or(0, |entry| entry.version())
    }

    pub(super) fn set_payload(&mut self, now: Time, payload: Payload, out: &mut Vec<Output>) -> Version {
        self.own.set = Some(payload.clone());
        self.own.draw_at = None;
        self.say(now, payload, out)
    }

    pub(super) fn clear_payload(&mut self, now: Time, out: &mut Vec<Output>) -> Version {
        if self.own.set.take().is_some() {
            self.draw_book(now, out);
        }
        self.own.version
    }

    /// The version under which this node says that it leaves.
    pub(super) fn last_version(&mut self) -> Version {
        self.next_version()
    }

    pub(super) fn submit(&mut self, now: Time, submission: Submission, out: &mut Vec<Output>) -> Response {
        if let Some(uuid) = submission.uuid
            && let Some(record) = self.log.get(&uuid)
        {
            return Response::Submitted { uuid, version: record.message.version, created: false };
        }
        let uuid = submission.uuid.unwrap_or_else(|| self.new_uuid());
        let stamp = self.lamport + 1;
        if (LogKey { stamp, uuid }) <= self.log.floor() {
            return Response::Refused(Refusal::Expired);
        }
        let version = self.next_version();
        let message = self.signed(Message::new(
            submission.ttl.unwrap_or(self.config.ttl),
            [self.id.clone()].into(),
            Content {
                uuid,
                origin: self.id.clone(),
                version,
                kind: Kind::Message,
                payload: submission.payload,
                relays: submission.relays,
                stamp,
                seal: None,
            },
        ));
        self.note_said(now, version);
        self.table.heard(&message.origin, version);
        let record = LogRecord { message: message.clone(), at: now };
        self.persist(vec![DiskRecord::Version(version), DiskRecord::Message(record)], out);
        self.publish(now, message, out);
        Response::Submitted { uuid, version, created: true }
    }

    pub(super) fn mark_read(&mut self, uuids: Vec<Uuid>, out: &mut Vec<Output>) -> Response {
        let (mut marked, mut kept) = (Vec::new(), Vec::new());
        for uuid in uuids {
            if let Some(record) = self.log.get_mut(&uuid).filter(|record| !record.read) {
                record.read = true;
                kept.push(record.key());
                marked.push(uuid);
            }
            // The history of books is not kept over a restart, so neither are its marks.
            if let Some(book) = self.books.get_mut(&uuid).filter(|book| !book.read) {
                book.read = true;
                marked.push(uuid);
            }
        }
        if !kept.is_empty() {
            self.persist(vec![DiskRecord::Read(kept)], out);
        }
        let count = marked.len() as u64;
        if count > 0 {
            out.push(Output::Emit(Event::MessagesRead { uuids: marked }));
        }
        Response::Marked(count)
    }

    /// Whether `id` is this node.
    pub(super) fn is_self(&self, id: &NodeId) -> bool {
        *id == self.id
    }
}
