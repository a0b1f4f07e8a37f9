//! The live stream: the JSON of each event in `GET /events`, and what is collected on demand from other nodes.
//!
//! One set of records for the server that writes them and the client that reads them. Times are RFC 3339 text in UTC.
//! The stream itself is kept in `net/live.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::reports::{ArrivalReport, CountersReport, MessageReport, StateReport};
use crate::protocol::{NodeId, Status};

/// What an event of the live stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// Everything that a node holds, at the beginning of a stream.
    Snapshot,
    /// What was missed cannot be told any more; a snapshot follows.
    Reset,
    /// A newer state was taken.
    State,
    /// The first copy of a submitted message came.
    Message,
    /// A further way by which a submitted message came.
    Path,
    /// Another status is believed of a node.
    Status,
    /// A node was forgotten.
    Forgotten,
    /// A link was made or lost.
    Link,
    /// Messages were marked as read.
    Read,
    /// Nothing happened for a while; only in the NDJSON form.
    KeepAlive,
}

impl EventKind {
    /// Every kind with its name on the wire.
    pub const ALL: [(EventKind, &'static str); 10] = [
        (EventKind::Snapshot, "snapshot"),
        (EventKind::Reset, "reset"),
        (EventKind::State, "state"),
        (EventKind::Message, "message"),
        (EventKind::Path, "path"),
        (EventKind::Status, "status"),
        (EventKind::Forgotten, "forgotten"),
        (EventKind::Link, "link"),
        (EventKind::Read, "read"),
        (EventKind::KeepAlive, "keep-alive"),
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        EventKind::ALL[self as usize].1
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<EventKind> {
        EventKind::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// Whether one may ask for events of this kind alone: the others come unasked.
    pub fn is_choice(self) -> bool {
        !matches!(self, EventKind::Snapshot | EventKind::Reset | EventKind::KeepAlive)
    }
}

/// `snapshot`: what a node holds when a stream begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotEvent {
    /// The node; absent in the NDJSON form, where `id` is the event's.
    #[serde(default, skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub id: Option<NodeId>,
    /// The node, in both forms.
    pub node: NodeId,
    /// The name of its network.
    pub cluster: String,
    /// The life of its process.
    pub boot: u64,
    /// Most peers that it may have.
    pub max_peers: usize,
    /// Its peers.
    pub peers: Vec<NodeId>,
    /// Everyone's newest state.
    pub state: BTreeMap<NodeId, StateReport>,
    /// The last messages, oldest first.
    pub messages: Vec<MessageReport>,
    /// Counts since the process began.
    pub counters: CountersReport,
}

/// `reset`: the events that were asked for are no longer kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResetEvent {
    /// Why, in words.
    pub reason: String,
}

/// `state`: a newer state was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateEvent {
    /// Whose.
    pub node: NodeId,
    /// Its version.
    pub version: u64,
    /// The message that brought it.
    pub uuid: Uuid,
    /// What the node says.
    pub payload: Box<RawValue>,
    /// What is believed of its life.
    pub status: Status,
    /// Since when.
    pub since: String,
    /// By how many hops it came; 0 for the node's own.
    pub hops: usize,
    /// When it arrived here.
    pub updated_at: String,
    /// The ids that it passed through, from its owner to this node, both included.
    pub path: Vec<NodeId>,
}

/// `path`: a further way by which a submitted message came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PathEvent {
    /// Which message.
    pub uuid: Uuid,
    /// The way and when it was learnt.
    #[serde(flatten)]
    pub arrival: ArrivalReport,
}

/// `status`: another status is believed of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusEvent {
    /// Of whom.
    pub node: NodeId,
    /// What.
    pub status: Status,
    /// Since when.
    pub since: String,
    /// The node's newest version that is known here; 0 for none.
    pub known_version: u64,
    /// True when nothing was known of the node before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub joined: bool,
}

/// `forgotten`: nothing is remembered of a node any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForgottenEvent {
    /// Which.
    pub node: NodeId,
}

/// `link`: a link was made or lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkEvent {
    /// To whom.
    pub node: NodeId,
    /// Whether it stands now.
    pub linked: bool,
    /// Why it was lost; empty, and not written, for a link that was made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// `read`: messages were marked as read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadEvent {
    /// Which.
    pub uuids: Vec<Uuid>,
}

/// `GET /overlay`: all known nodes and the links between them, as those that answer say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OverlayReport {
    /// When it was collected.
    pub taken_at: String,
    /// All nodes that are known here, in the order of their ids.
    pub nodes: Vec<OverlayNode>,
    /// Each link once, the lower id first.
    pub links: Vec<(NodeId, NodeId)>,
}

/// One node in `GET /overlay`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OverlayNode {
    /// Which.
    pub id: NodeId,
    /// What is believed of its life here; absent before it first spoke.
    pub status: Option<Status>,
    /// Its peers, if it answered.
    pub peers: Option<Vec<NodeId>>,
    /// Whether it answered.
    pub reached: bool,
}

/// `GET /messages/{uuid}/spread`: when and by which ways each node got a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpreadReport {
    /// The message.
    pub uuid: Uuid,
    /// Who made it.
    pub origin: NodeId,
    /// All nodes that are known here, in the order of their ids.
    pub nodes: Vec<SpreadNode>,
    /// How many nodes said that they hold it.
    pub held: usize,
    /// How many nodes are held for living here.
    pub live: usize,
}

/// One node in `GET /messages/{uuid}/spread`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpreadNode {
    /// Which.
    pub id: NodeId,
    /// What is believed of its life here; absent before it first spoke.
    pub status: Option<Status>,
    /// Whether it answered.
    pub reached: bool,
    /// Whether it holds the message.
    pub held: bool,
    /// When the first copy arrived, by that node's clock.
    pub received_at: Option<String>,
    /// The way of the first copy, from the origin to that node.
    pub path: Option<Vec<NodeId>>,
    /// Every way.
    pub paths: Vec<ArrivalReport>,
}
