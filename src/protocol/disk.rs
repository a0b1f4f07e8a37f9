//! What of a node survives a restart: single records as the node says them, and the image that they add up to.
//!
//! The node says a [`DiskRecord`] for each change that is worth keeping. A [`DiskImage`] is the sum of records: everything
//! that a disk holds, or the part that is still to be written, in which a later record of one thing replaces the earlier
//! one. So what waits for a slow or full disk is bounded by what the node itself holds. The database (`store`) and the
//! simulated disk (`sim`) are two keepers of the same image; [`super::Node::restore`] takes it back.
//!
//! Nothing here reads or writes. Times are those of the node's clock; whoever keeps them over a restart converts them.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::log::Arrival;
use super::signature::PublicKey;
use super::words::{LogKey, Message, NodeId, Status, Time, Version};

/// Replaced messages that are still to be taken from a disk: somebody who replaces one again and again while the disk takes
/// nothing must not fill the memory.
const MAX_REPLACED: usize = 10_000;

/// This node's own newest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRecord {
    /// The state as it was said.
    pub message: Message,
    /// Whether a user set it; a book otherwise.
    pub set: bool,
}

/// A message of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The first copy as it came.
    pub message: Message,
    /// When it came.
    pub at: Time,
}

/// What is known of another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRecord {
    /// The node.
    pub id: NodeId,
    /// Its newest state and when that came; absent while only a claim about it is known.
    pub state: Option<(Message, Time)>,
    /// What is believed of its life.
    pub status: Status,
    /// Since when.
    pub since: Time,
    /// The version to which the belief refers.
    pub claim_version: Version,
}

/// What is left of a forgotten node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuriedRecord {
    /// The node.
    pub id: NodeId,
    /// Nothing up to this version is taken again.
    pub version: Version,
    /// If an operator named it, only this message is refused.
    pub only: Option<Uuid>,
    /// Until when.
    pub until: Time,
}

/// One change that survives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskRecord {
    /// This node used this version; later ones are greater.
    Version(Version),
    /// This node's own newest state.
    Own(OwnRecord),
    /// A message entered the log.
    Message(LogRecord),
    /// A further path of a message: the one of this place in the order of arrival, 1 for the second.
    Arrival(LogKey, u16, Arrival),
    /// A user has read these.
    Read(Vec<LogKey>),
    /// Another message of the same uuid took the place of this one.
    Replaced(LogKey),
    /// Everything at or below was evicted from the log.
    Floor(LogKey),
    /// What is known of another node changed.
    Known(KnownRecord),
    /// Another node is no longer known.
    Gone(NodeId),
    /// A node was forgotten.
    Buried(BuriedRecord),
    /// A forgotten node is no longer remembered as such.
    Unburied(NodeId),
    /// The key by which an origin is known from now on; `None` if by none any more.
    Pin(NodeId, Option<PublicKey>),
}

/// The sum of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskImage {
    /// The highest version that the node used.
    pub version: Version,
    /// Its own newest state.
    pub own: Option<OwnRecord>,
    /// Messages at or below were evicted.
    pub floor: LogKey,
    /// The log, above the floor.
    pub messages: BTreeMap<LogKey, LogRecord>,
    /// Messages in whose place another one of their uuid came.
    pub replaced: BTreeSet<LogKey>,
    /// Further paths of its messages, by their place in the order of arrival.
    pub arrivals: BTreeMap<(LogKey, u16), Arrival>,
    /// Messages that a user has read.
    pub read: BTreeSet<LogKey>,
    /// Other nodes; `None` for one that is no longer known.
    pub known: BTreeMap<NodeId, Option<KnownRecord>>,
    /// Forgotten nodes; `None` for one that is no longer remembered.
    pub buried: BTreeMap<NodeId, Option<BuriedRecord>>,
    /// The keys by which origins are known; `None` for one whose key was forgotten.
    pub pins: BTreeMap<NodeId, Option<PublicKey>>,
}

impl DiskImage {
    /// Adds a record to what is there.
    pub fn apply(&mut self, record: DiskRecord) {
        match record {
            DiskRecord::Version(version) => self.version = self.version.max(version),
            DiskRecord::Own(own) => self.own = Some(own),
            DiskRecord::Message(record) => {
                let key = LogKey { stamp: record.message.stamp, uuid: record.message.uuid };
                if key > self.floor {
                    self.replaced.remove(&key);
                    self.messages.insert(key, record);
                }
            }
            DiskRecord::Arrival(key, place, arrival) => {
                if key > self.floor {
                    self.arrivals.insert((key, place), arrival);
                }
            }
            DiskRecord::Read(keys) => self.read.extend(keys.into_iter().filter(|key| *key > self.floor)),
            DiskRecord::Replaced(key) => {
                self.messages.remove(&key);
                self.replace([key].into());
            }
            DiskRecord::Floor(floor) => self.raise_floor(floor),
            DiskRecord::Known(known) => {
                self.known.insert(known.id.clone(), Some(known));
            }
            DiskRecord::Gone(id) => {
                self.known.insert(id, None);
            }
            DiskRecord::Buried(buried) => {
                self.buried.insert(buried.id.clone(), Some(buried));
            }
            DiskRecord::Unburied(id) => {
                self.buried.insert(id, None);
            }
            DiskRecord::Pin(id, key) => {
                self.pins.insert(id, key);
            }
        }
    }

    /// Adds everything that was recorded after what is there.
    pub fn absorb(&mut self, later: DiskImage) {
        self.version = self.version.max(later.version);
        self.own = later.own.or(self.own.take());
        self.messages.retain(|key, _| !later.replaced.contains(key));
        self.replaced.retain(|key| !later.messages.contains_key(key));
        self.messages.extend(later.messages);
        self.replace(later.replaced);
        self.arrivals.extend(later.arrivals);
        self.read.extend(later.read);
        self.known.extend(later.known);
        self.buried.extend(later.buried);
        self.pins.extend(later.pins);
        self.raise_floor(later.floor);
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        *self == DiskImage::default()
    }

    /// One that is left out stays on disk until the floor passes it; a restart finds two of one uuid, and tells which counts.
    fn replace(&mut self, keys: BTreeSet<LogKey>) {
        self.replaced.extend(keys.into_iter().filter(|key| *key > self.floor));
        while self.replaced.len() > MAX_REPLACED {
            self.replaced.pop_first();
        }
    }

    fn raise_floor(&mut self, floor: LogKey) {
        if floor <= self.floor {
            return;
        }
        self.floor = floor;
        while self.messages.first_key_value().is_some_and(|(key, _)| *key <= floor) {
            self.messages.pop_first();
        }
        while self.arrivals.first_key_value().is_some_and(|((key, _), _)| *key <= floor) {
            self.arrivals.pop_first();
        }
        while self.replaced.first().is_some_and(|key| *key <= floor) {
            self.replaced.pop_first();
        }
        while self.read.first().is_some_and(|key| *key <= floor) {
            self.read.pop_first();
        }
    }
}
