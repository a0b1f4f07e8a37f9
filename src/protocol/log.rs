//! The bounded log of submitted messages, with every path by which each came.
//!
//! Kept in (stamp, uuid) order, so that all nodes evict the same messages first. The greatest evicted key is the floor: at
//! or below it a message is never taken again, which is what keeps an evicted message from being delivered twice once
//! nothing else remembers it. The same structure, without floor, holds the history of books.
//!
//! The log never decides what is passed on; `dissemination.rs` does.

use std::collections::BTreeMap;
use std::ops::Bound;

use hashbrown::HashTable;

use uuid::Uuid;

use super::bearers::ByStamp;
use super::fingerprint::{self, Fingerprint, mix_uuid};
use super::limits::UNLIMITED_REACH;
use super::tree::Copies;
use super::words::{LogKey, Message, NodeId, Path, Time};

/// One copy's arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The ids that it passed through, origin first, without this node.
    pub path: Path,
    /// When it came.
    pub at: Time,
}

/// One remembered message.
#[derive(Clone, Debug)]
pub struct Record {
    /// The first copy as it came.
    pub message: Message,
    /// When the first copy came.
    pub received_at: Time,
    /// Further copies by other paths, in order of arrival.
    further: Vec<Arrival>,
    /// Whether its user has read it.
    pub read: bool,
    /// Over which links copies came.
    pub copies: Copies,
    /// Copies that were passed on, counted for `relays`.
    pub relayed: u8,
    /// The greatest ttl with which a copy came.
    pub best_ttl: u8,
}

impl Record {
    /// Every different path with the time of its copy, in order of arrival; the first is the first copy's.
    pub fn arrivals(&self) -> impl Iterator<Item = (&Path, Time)> {
        let further = self.further.iter().map(|arrival| (&arrival.path, arrival.at));
        [(&self.message.path, self.received_at)].into_iter().chain(further)
    }

    /// How many different paths are known.
    pub fn path_count(&self) -> usize {
        1 + self.further.len()
    }

    /// Whether a path is known. They differ in their ends rather than in their beginnings.
    fn has_path(&self, path: &Path) -> bool {
        let is_it = |known: &Path| known.len() == path.len() && known.iter().rev().eq(path.iter().rev());
        is_it(&self.message.path) || self.further.iter().any(|arrival| is_it(&arrival.path))
    }

    /// Whether repair hands it on where pushing ended.
    pub fn is_unlimited(&self) -> bool {
        self.message.reach() >= UNLIMITED_REACH
    }

    /// Whether it travels over every link and not over a tree: its reach is limited, or several copies were asked for.
    pub fn is_flooded(&self) -> bool {
        self.message.relays > 0 || !self.is_unlimited()
    }

    /// Its place in the log.
    pub fn key(&self) -> LogKey {
        LogKey { stamp: self.message.stamp, uuid: self.message.uuid }
    }

    fn weight(&self) -> usize {
        self.message.weight()
    }

    /// Reads some of what a further path reads; see `touch.rs`.
    pub(super) fn touch(&self) -> u64 {
        self.received_at.0 ^ self.message.path.len() as u64 ^ self.further.last().map_or(0, |arrival| arrival.at.0)
    }
}

/// Where a record stands in its log, for as long as it is held: found once, it need not be looked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

/// What became of an offered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// It is new and was stored.
    Stored,
    /// It is at or below the floor.
    Expired,
}

/// A log with its bounds.
#[derive(Clone, Debug)]
pub struct Log {
    /// The records in no order, each in a slot of its own as long as it is held.
    slots: Vec<Option<Record>>,
    /// Slots that are free.
    free: Vec<u32>,
    order: BTreeMap<LogKey, u32>,
    /// The slot of each uuid. Nothing ever goes through it, so its order reaches no output.
    names: HashTable<u32>,
    by_stamp: ByStamp,
    /// Uuids are made by strangers: unless they know this, they cannot make many that fall into one place of `names`.
    secret: u64,
    max_records: usize,
    max_bytes: usize,
    max_paths: usize,
    bytes: usize,
    floor: LogKey,
    sums: Sums,
    changes: u64,
}

/// Sums of the fingerprints of unlimited messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Over their uuids.
    pub hash: u64,
    /// Over all that tells apart several messages of one uuid.
    pub exact: u64,
    /// How many they are.
    pub count: u64,
}

impl Sums {
    fn of(message: &Message, key: LogKey) -> Sums {
        Sums { hash: fingerprint::of_message(key), exact: fingerprint::of_exact_message(message), count: 1 }
    }

    fn add(&mut self, other: Sums) {
        self.hash = self.hash.wrapping_add(other.hash);
        self.exact = self.exact.wrapping_add(other.exact);
        self.count += other.count;
    }

    fn take(&mut self, other: Sums) {
        self.hash = self.hash.wrapping_sub(other.hash);
        self.exact = self.exact.wrapping_sub(other.exact);
        self.count -= other.count;
    }
}

impl Log {
    /// An empty log of at most `max_records` messages and `max_bytes` bytes, each message with at most `max_paths` paths.
    /// `secret` is nobody else's to know.
    pub fn new(max_records: usize, max_bytes: usize, max_paths: usize, secret: u64) -> Log {
        Log {
            slots: Vec::new(),
            free: Vec::new(),
            order: BTreeMap::new(),
            names: HashTable::new(),
            by_stamp: ByStamp::new(secret),
            secret,
            max_records,
            max_bytes,
            max_paths,
            bytes: 0,
            floor: LogKey::default(),
            sums: Sums::default(),
            changes: 0,
        }
    }

    fn in_slot(&self, slot: u32) -> Option<&Record> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn slot_of(&self, uuid: &Uuid) -> Option<u32> {
        let is_it = |slot: &u32| self.in_slot(*slot).is_some_and(|record| record.message.uuid == *uuid);
        self.names.find(mix_uuid(self.secret, *uuid), is_it).copied()
    }

    /// The record of `uuid`.
    pub fn get(&self, uuid: &Uuid) -> Option<&Record> {
        self.in_slot(self.slot_of(uuid)?)
    }

    /// The record of `uuid`, to be changed in what no bound and no fingerprint depends on.
    pub fn get_mut(&mut self, uuid: &Uuid) -> Option<&mut Record> {
        self.at_mut(self.place(uuid)?)
    }

    /// The place of `uuid`.
    pub fn place(&self, uuid: &Uuid) -> Option<Place> {
        self.slot_of(uuid).map(Place)
    }

    /// The place of the only record of this stamp and origin; none where there are several.
    pub fn stamped(&self, stamp: u64, origin: &NodeId) -> Option<Place> {
        self.by_stamp.only(stamp, origin).map(Place)
    }

    /// The record in a place.
    pub fn at(&self, place: Place) -> Option<&Record> {
        self.in_slot(place.0)
    }

    fn at_mut(&mut self, place: Place) -> Option<&mut Record> {
        self.slots.get_mut(place.0 as usize)?.as_mut()
    }

    /// The stamp of `uuid`, if it names this message as well as the uuid does.
    pub fn naming_stamp(&self, uuid: &Uuid) -> Option<u64> {
        let Message { content, .. } = &self.get(uuid)?.message;
        self.stamped(content.stamp, &content.origin).map(|_| content.stamp)
    }

    /// All records, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.order.values().filter_map(|slot| self.in_slot(*slot))
    }

    /// Records whose uuids lie between the two, both included, in no given order: a look at every record, unless the two
    /// are the same.
    pub fn with_uuid_between(&self, low: Uuid, high: Uuid) -> impl Iterator<Item = &Record> {
        let one = (low == high).then(|| self.get(&low)).flatten();
        let many = if low == high { &[] } else { self.slots.as_slice() };
        one.into_iter().chain(many.iter().flatten().filter(move |record| (low..=high).contains(&record.message.uuid)))
    }

    /// Reads some of what a new message reads; see `touch.rs`.
    pub(super) fn touch_end(&self) -> u64 {
        let last = self.order.last_key_value().map_or(0, |(key, _)| key.stamp);
        last ^ self.slots.last().and_then(Option::as_ref).map_or(0, |record| record.received_at.0)
    }

    /// Number of remembered messages.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes that the remembered messages take, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes back the floor of an earlier life; the log must be empty.
    pub(super) fn restore_floor(&mut self, floor: LogKey) {
        self.floor = self.floor.max(floor);
    }

    /// Everything at or below was evicted.
    pub fn floor(&self) -> LogKey {
        self.floor
    }

    /// Rises with every change of what is held; to know whether a computed sum still holds.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Sums over the unlimited messages above `floor`.
    pub fn sums_above(&self, floor: LogKey) -> Sums {
        if floor <= self.floor {
            return self.sums;
        }
        let mut sums = Sums::default();
        self.unlimited_above(floor).for_each(|record| sums.add(Sums::of(&record.message, record.key())));
        sums
    }

    fn unlimited_above(&self, floor: LogKey) -> impl Iterator<Item = &Record> {
        let above = self.order.range((Bound::Excluded(floor), Bound::Unbounded));
        above.filter_map(|(_, slot)| self.in_slot(*slot)).filter(|record| record.is_unlimited())
    }

    /// Fingerprints of the unlimited messages above `floor`: `exact` ones tell apart several messages of one uuid.
    pub fn fingerprints_above(&self, floor: LogKey, exact: bool) -> impl Iterator<Item = (Fingerprint, LogKey)> {
        self.unlimited_above(floor).map(move |record| {
            let sums = Sums::of(&record.message, record.key());
            (if exact { sums.exact } else { sums.hash }, record.key())
        })
    }

    /// Stores a message that is not yet held, and evicts the oldest beyond the bounds.
    pub fn insert(&mut self, now: Time, message: Message, copies: Copies) -> Insert {
        let key = LogKey { stamp: message.stamp, uuid: message.uuid };
        if key <= self.floor {
            return Insert::Expired;
        }
        let (best_ttl, further) = (message.ttl, Vec::new());
        let record = Record { message, received_at: now, further, read: false, copies, relayed: 1, best_ttl };
        self.bytes += record.weight();
        self.account(&record, true);
        self.put(key, record);
        self.evict_beyond_bounds();
        if key <= self.floor { Insert::Expired } else { Insert::Stored }
    }

    /// Puts a message in the place of another one of its uuid, which must not be above it; the mark of its reader stays.
    pub fn replace(&mut self, now: Time, message: Message, copies: Copies) -> Insert {
        let uuid = message.uuid;
        let replaced = self.slot_of(&uuid).and_then(|slot| self.take(slot));
        let stored = self.insert(now, message, copies);
        if let Some(record) = self.get_mut(&uuid) {
            record.read = replaced.is_some_and(|replaced| replaced.read);
        }
        stored
    }

    /// Takes a record out and out of all sums.
    fn take(&mut self, slot: u32) -> Option<Record> {
        let record = self.slots.get_mut(slot as usize)?.take()?;
        self.order.remove(&record.key());
        if let Ok(name) = self.names.find_entry(mix_uuid(self.secret, record.message.uuid), |held| *held == slot) {
            name.remove();
        }
        self.by_stamp.remove(record.message.stamp, &record.message.origin, slot);
        self.free.push(slot);
        let paths = record.further.iter().flat_map(|arrival| arrival.path.iter());
        self.bytes -= record.weight() + paths.map(NodeId::weight).sum::<usize>();
        self.account(&record, false);
        Some(record)
    }

    fn put(&mut self, key: LogKey, record: Record) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // The bound on records keeps their number far below the greatest slot.
            (self.slots.len() - 1) as u32
        });
        self.by_stamp.add(key.stamp, &record.message.origin, slot);
        self.slots[slot as usize] = Some(record);
        let (slots, secret) = (&self.slots, self.secret);
        // A slot without a record has no name.
        let uuid = |slot: u32| slots[slot as usize].as_ref().map_or(Uuid::nil(), |record| record.message.uuid);
        self.names.insert_unique(mix_uuid(secret, key.uuid), slot, |slot| mix_uuid(secret, uuid(*slot)));
        self.order.insert(key, slot);
    }

    /// Adds the path of a further copy; true if it was not yet known and there was room.
    pub fn add_arrival(&mut self, now: Time, place: Place, path: &Path, this: &NodeId) -> bool {
        let max_paths = self.max_paths;
        let Some(record) = self.at_mut(place) else { return false };
        // Under the same uuid somebody may tell of another origin: that is no way of this message.
        let begins_elsewhere = path.first() != Some(&record.message.origin);
        if record.path_count() >= max_paths || begins_elsewhere || path.contains(this) || record.has_path(path) {
            return false;
        }
        record.further.push(Arrival { path: path.clone(), at: now });
        let added = path.iter().map(NodeId::weight).sum::<usize>();
        self.bytes += added;
        self.evict_beyond_bounds();
        true
    }

    fn evict_beyond_bounds(&mut self) {
        while self.order.len() > self.max_records || self.bytes > self.max_bytes {
            let Some((key, slot)) = self.order.first_key_value().map(|(key, slot)| (*key, *slot)) else { return };
            self.floor = self.floor.max(key);
            self.take(slot);
        }
    }

    fn account(&mut self, record: &Record, added: bool) {
        self.changes += 1;
        if !record.is_unlimited() {
            return;
        }
        let sums = Sums::of(&record.message, record.key());
        if added {
            self.sums.add(sums);
        } else {
            self.sums.take(sums);
        }
    }
}
