//! The other dialect, all of it: the JSON of other implementations of the same exercise.
//!
//! Ids are strings, only books travel, and a body has exactly the members below: one more makes those nodes fail. They
//! answer `{"status": "OK"}` and expect it. What the node does with such peers is in `protocol/foreign.rs`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::envelope::write;
use super::message::{parse, parse_object};
use super::problem::Problem;
use crate::protocol::limits::{MAX_BATCH, MAX_VERSION};
use crate::protocol::{Content, Kind, Message, NodeId, Payload, is_version};

/// Messages that one push may carry: such nodes send their whole cache again and again.
const MAX_DIALECT_MESSAGES: usize = 32 * MAX_BATCH;

/// What a push is answered.
pub(super) const OK: &[u8] = b"{\"status\":\"OK\"}";

#[derive(Deserialize)]
struct PushIn {
    client_id: String,
    #[serde(default)]
    messages: Option<Vec<MessageIn>>,
}

#[derive(Deserialize)]
struct MessageIn {
    uuid: Uuid,
    client_id: String,
    payload: BookIn,
}

#[derive(Deserialize)]
struct BookIn {
    version: u64,
    book: String,
}

#[derive(Serialize)]
struct PushOut {
    client_id: String,
    messages: Vec<MessageOut>,
}

#[derive(Serialize)]
struct MessageOut {
    uuid: Uuid,
    client_id: String,
    payload: BookOut,
    ttl: u8,
}

#[derive(Serialize)]
struct BookOut {
    version: u64,
    book: String,
}

/// Whether a body is of this dialect: an object with `client_id` and no `protocol`, `uuid` or `origin` of its own.
pub(super) fn is_dialect(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Members {
        client_id: Option<serde::de::IgnoredAny>,
        protocol: Option<serde::de::IgnoredAny>,
        origin: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Members>(body)
        .is_ok_and(|members| members.client_id.is_some() && members.protocol.is_none() && members.origin.is_none())
}

/// Reads an id of this dialect: a port as a string.
pub(super) fn read_id(text: &str, field: &str) -> Result<NodeId, Problem> {
    match NodeId::parse(text) {
        Ok(id @ NodeId::Port(_)) => Ok(id),
        _ => {
            let shown: String = text.chars().take(40).collect();
            Err(Problem::field(field, format!("{shown:?} is no port (1 to 65535)")))
        }
    }
}

/// Reads a push. A message's ttl counts only among nodes of this dialect; the node gives its own.
pub(super) fn read_push(body: &[u8]) -> Result<(NodeId, Vec<Message>), Problem> {
    let push: PushIn = parse_object(body)?;
    let from = read_id(&push.client_id, "client_id")?;
    let messages = push.messages.unwrap_or_default();
    if messages.len() > MAX_DIALECT_MESSAGES {
        let detail = format!("{} messages are more than {MAX_DIALECT_MESSAGES}", messages.len());
        return Err(
            Problem { status: 413, ..Problem::field("messages", detail) }.with_limit(MAX_DIALECT_MESSAGES as u64)
        );
    }
    let read = |(i, message): (usize, MessageIn)| {
        let origin = read_id(&message.client_id, &format!("messages[{i}].client_id"))?;
        let version = message.payload.version;
        if !is_version(version) {
            let detail = format!("{version} is not between 1 and {MAX_VERSION}");
            return Err(Problem::field(format!("messages[{i}].payload.version"), detail).with_limit(MAX_VERSION));
        }
        Ok(Message::new(
            0,
            [origin.clone()].into(),
            Content {
                uuid: message.uuid,
                origin,
                version,
                kind: Kind::State,
                payload: Payload::of_book(Some(&message.payload.book)),
                relays: 0,
                stamp: 0,
                seal: None,
            },
        ))
    };
    let messages = messages.into_iter().enumerate().map(read).collect::<Result<_, Problem>>()?;
    Ok((from, messages))
}

/// Writes a push: states with a book only, and a ttl of at least 1.
pub(super) fn write_push(own: &NodeId, messages: &[Message]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Book {
        book: String,
    }
    let shape = |message: &Message| {
        let book = serde_json::from_str::<Book>(message.payload.as_str()).ok()?;
        Some(MessageOut {
            uuid: message.uuid,
            client_id: message.origin.to_string(),
            payload: BookOut { version: message.version, book: book.book },
            ttl: message.ttl.max(1),
        })
    };
    write(&PushOut { client_id: own.to_string(), messages: messages.iter().filter_map(shape).collect() })
}

/// Whether a push was answered as this dialect answers.
pub(super) fn is_ok(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Status {
        status: String,
    }
    serde_json::from_slice::<Status>(body).is_ok_and(|answer| answer.status == "OK")
}

/// Writes the ids of peers as strings.
pub(super) fn write_peers(peers: &[NodeId]) -> Vec<u8> {
    write(&peers.iter().map(NodeId::to_string).collect::<Vec<_>>())
}

/// Reads the ids of peers; what is no port is left out, as it could not be contacted.
pub(super) fn read_peers(body: &[u8]) -> Result<Vec<NodeId>, Problem> {
    let peers: Vec<String> = parse(body)?;
    Ok(peers.iter().take(MAX_BATCH).filter_map(|id| read_id(id, "").ok()).collect())
}
