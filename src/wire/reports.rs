//! What people and tools read of a node: the JSON of `GET /state`, `GET /messages` and their like.
//!
//! One set of records for the server that writes them and the client that reads them. Times are RFC 3339 text in UTC.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::ids;
use crate::protocol::{NodeId, Status};

/// One node in `GET /state`; whoever only writes it can lend the payload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateReport<P = Box<RawValue>> {
    /// Its newest known version.
    pub version: u64,
    /// What it says.
    pub payload: P,
    /// What is believed of its life.
    pub status: Status,
    /// Since when.
    pub since: String,
    /// When this version arrived here.
    pub updated_at: String,
    /// By how many hops; 0 for the node's own.
    pub hops: usize,
    /// True in a node's own entry when another live process seems to use its id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conflict: bool,
}

/// One message in `GET /messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageReport {
    /// Names the message.
    pub uuid: Uuid,
    /// Who made it.
    pub origin: NodeId,
    /// Its origin's version then.
    pub version: u64,
    /// `message` or `state`.
    pub kind: String,
    /// What it says; of a submitted message `{"message": …}`.
    pub payload: Box<RawValue>,
    /// Its Lamport count; 0 for a state.
    pub stamp: u64,
    /// When the first copy arrived here.
    pub received_at: String,
    /// Whether it was marked as read here.
    pub read: bool,
    /// Every path by which a copy came, the first arrival first.
    pub paths: Vec<ArrivalReport>,
}

/// One copy's arrival.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArrivalReport {
    /// The ids that it passed through, from the origin to this node, both included.
    pub path: Vec<NodeId>,
    /// When it arrived.
    pub received_at: String,
}

/// `GET /state?digest`: what a node holds, in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DigestReport {
    /// The node.
    pub id: NodeId,
    /// The name of its network.
    pub cluster: String,
    /// The life of its process.
    pub boot: u64,
    /// Its own newest version; 0 before it first spoke.
    pub version: u64,
    /// The public key with which it signs, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its peers.
    pub peers: Vec<NodeId>,
    /// Most peers that it may have.
    pub max_peers: usize,
    /// How many nodes it knows.
    pub nodes: usize,
    /// How many of them live, as far as it knows.
    pub live: usize,
    /// Sum over the ids of those that live: equal where the same nodes are held for living.
    #[serde(with = "ids::hash")]
    pub live_hash: u64,
    /// How many messages of users it remembers.
    pub messages: usize,
    /// Sum over those that repair hands on: equal where the same messages are held.
    #[serde(with = "ids::hash")]
    pub messages_hash: u64,
    /// Sum over everything: equal where the same states, messages and beliefs are held.
    #[serde(with = "ids::hash")]
    pub hash: u64,
    /// Counts since the process began.
    pub counters: CountersReport,
}

/// Counts since the process began.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CountersReport {
    /// Messages sent to peers, comparisons apart.
    pub messages_sent: u64,
    /// Messages received from peers, comparisons apart.
    pub messages_received: u64,
    /// Received and new.
    pub new: u64,
    /// Received and already held.
    pub duplicate: u64,
    /// Received and older than what is held.
    pub stale: u64,
    /// Received and below the floor of the log.
    pub expired: u64,
    /// Refused for a limit.
    pub limited: u64,
    /// Refused as they were not their origin's word.
    pub forged: u64,
    /// Brought by comparisons.
    pub repaired: u64,
    /// Envelopes sent, heartbeats included.
    pub envelopes_sent: u64,
    /// Comparisons asked for.
    pub comparisons: u64,
    /// Calls that were not answered.
    pub failures: u64,
    /// Requests refused because their address made too many.
    pub requests_refused: u64,
}

/// One peer in `GET /peers/?details`: what the link to it carried since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerReport {
    /// What is believed of its life; absent before it first spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Messages sent to it, comparisons apart.
    pub sent: u64,
    /// Messages received from it, comparisons apart.
    pub received: u64,
    /// Received from it and already held.
    pub duplicate: u64,
    /// Brought by comparisons with it.
    pub repaired: u64,
    /// Calls to it that were not answered.
    pub failures: u64,
    /// Messages that wait for it.
    pub waiting: usize,
}

/// The answer to `POST /messages`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SubmittedReport {
    /// Names the message.
    pub uuid: Uuid,
    /// The node's version of it.
    pub version: u64,
    /// How many nodes hold it, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acks: Option<usize>,
}

/// The answer to `PUT /state` and `DELETE /state`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct VersionReport {
    /// The node's newest version.
    pub version: u64,
}

/// The answer to `POST /messages/read`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MarkedReport {
    /// How many were unread until then.
    pub marked: u64,
}

/// The answer to `GET /seeds`, `POST /seeds` and `DELETE /seeds/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeedsReport {
    /// The nodes that are asked for a place.
    pub seeds: Vec<NodeId>,
}

/// The answer to `GET /livez` and `GET /readyz`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadyReport {
    /// `ok`, or `not ready`.
    pub status: String,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when its certificate is valid, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_until: Option<String>,
    /// The node.
    pub id: NodeId,
}
