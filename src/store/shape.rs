//! How records look in the database: messages in the JSON of the wire, so that what a message gains there is kept as well,
//! and times in milliseconds since 1970, as the node's own clock begins anew with each process.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::error::StoreError;
use crate::protocol::{
    Arrival, BuriedRecord, IdForm, KnownRecord, LogKey, LogRecord, Message, NodeId, OwnRecord, PublicKey, Status, Time,
};
use crate::wire::{message_from_json, message_to_json};

/// What encoding and decoding depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The form of this network's ids.
    pub(super) form: IdForm,
    /// What to add to the node's clock for milliseconds since 1970.
    pub(super) epoch_ms: i64,
}

/// A key of the log in the database's order: stamp, then uuid.
pub(super) type Key = (u64, u128);

/// Bytes of the time before a message or path.
const TIME_BYTES: usize = 8;

#[derive(Serialize, Deserialize)]
struct OwnShape {
    set: bool,
    message: Box<RawValue>,
}

#[derive(Serialize, Deserialize)]
struct KnownShape {
    status: Status,
    since: i64,
    claim_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Box<RawValue>>,
    #[serde(default)]
    updated_at: i64,
}

#[derive(Serialize, Deserialize)]
struct BuriedShape {
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only: Option<Uuid>,
    until: i64,
}

pub(super) fn key(key: LogKey) -> Key {
    (key.stamp, key.uuid.as_u128())
}

pub(super) fn log_key((stamp, uuid): Key) -> LogKey {
    LogKey { stamp, uuid: Uuid::from_u128(uuid) }
}

pub(super) fn read_pin(id: &str, key: &[u8]) -> Result<(NodeId, PublicKey), StoreError> {
    let id = NodeId::parse(id).map_err(|error| damaged("a key", error))?;
    let key = key.try_into().map_err(|error| damaged("a key", error))?;
    Ok((id, PublicKey::new(key)))
}

fn damaged(what: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("{what}: {error}"))
}

fn raw(message: &Message) -> Result<Box<RawValue>, StoreError> {
    let text = String::from_utf8(message_to_json(message)).map_err(|error| damaged("a message", error))?;
    RawValue::from_string(text).map_err(|error| damaged("a message", error))
}

fn json<T: Serialize>(what: &str, shape: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(shape).map_err(|error| damaged(what, error))
}

impl Shape {
    fn wall(self, time: Time) -> i64 {
        i64::try_from(time.0).unwrap_or(i64::MAX).saturating_add(self.epoch_ms)
    }

    fn time(self, wall: i64) -> Time {
        Time(u64::try_from(wall.saturating_sub(self.epoch_ms)).unwrap_or(0))
    }

    fn message(self, what: &str, json: &[u8]) -> Result<Message, StoreError> {
        message_from_json(json, self.form).map_err(|error| damaged(what, error))
    }

    fn timed(self, at: Time, rest: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TIME_BYTES + rest.len());
        bytes.extend_from_slice(&self.wall(at).to_le_bytes());
        bytes.extend_from_slice(rest);
        bytes
    }

    fn untimed<'a>(self, what: &str, bytes: &'a [u8]) -> Result<(Time, &'a [u8]), StoreError> {
        let (time, rest) = bytes.split_first_chunk().ok_or_else(|| damaged(what, "too short"))?;
        Ok((self.time(i64::from_le_bytes(*time)), rest))
    }

    pub(super) fn write_log(self, record: &LogRecord) -> Vec<u8> {
        self.timed(record.at, &message_to_json(&record.message))
    }

    pub(super) fn read_log(self, bytes: &[u8]) -> Result<LogRecord, StoreError> {
        let (at, rest) = self.untimed("a message", bytes)?;
        Ok(LogRecord { message: self.message("a message", rest)?, at })
    }

    pub(super) fn write_arrival(self, arrival: &Arrival) -> Result<Vec<u8>, StoreError> {
        Ok(self.timed(arrival.at, &json("a path", &&*arrival.path)?))
    }

    pub(super) fn read_arrival(self, bytes: &[u8]) -> Result<Arrival, StoreError> {
        let (at, rest) = self.untimed("a path", bytes)?;
        let path: Vec<NodeId> = serde_json::from_slice(rest).map_err(|error| damaged("a path", error))?;
        Ok(Arrival { path: path.into(), at })
    }

    pub(super) fn write_own(self, own: &OwnRecord) -> Result<Vec<u8>, StoreError> {
        json("the own state", &OwnShape { set: own.set, message: raw(&own.message)? })
    }

    pub(super) fn read_own(self, bytes: &[u8]) -> Result<OwnRecord, StoreError> {
        let shape: OwnShape = serde_json::from_slice(bytes).map_err(|error| damaged("the own state", error))?;
        Ok(OwnRecord { message: self.message("the own state", shape.message.get().as_bytes())?, set: shape.set })
    }

    pub(super) fn write_known(self, known: &KnownRecord) -> Result<Vec<u8>, StoreError> {
        let (state, updated_at) = match &known.state {
            Some((message, at)) => (Some(raw(message)?), self.wall(*at)),
            None => (None, 0),
        };
        let (status, since, claim_version) = (known.status, self.wall(known.since), known.claim_version);
        json("a known node", &KnownShape { status, since, claim_version, state, updated_at })
    }

    pub(super) fn read_known(self, id: &str, bytes: &[u8]) -> Result<KnownRecord, StoreError> {
        let shape: KnownShape = serde_json::from_slice(bytes).map_err(|error| damaged("a known node", error))?;
        let state = match shape.state {
            Some(state) => Some((self.message("a known node", state.get().as_bytes())?, self.time(shape.updated_at))),
            None => None,
        };
        Ok(KnownRecord {
            id: NodeId::parse(id).map_err(|error| damaged("a known node", error))?,
            state,
            status: shape.status,
            since: self.time(shape.since),
            claim_version: shape.claim_version,
        })
    }

    pub(super) fn write_buried(self, buried: &BuriedRecord) -> Result<Vec<u8>, StoreError> {
        let until = self.wall(buried.until);
        json("a forgotten node", &BuriedShape { version: buried.version, only: buried.only, until })
    }

    pub(super) fn read_buried(self, id: &str, bytes: &[u8]) -> Result<BuriedRecord, StoreError> {
        let shape: BuriedShape = serde_json::from_slice(bytes).map_err(|error| damaged("a forgotten node", error))?;
        let id = NodeId::parse(id).map_err(|error| damaged("a forgotten node", error))?;
        Ok(BuriedRecord { id, version: shape.version, only: shape.only, until: self.time(shape.until) })
    }
}
