//! The door of the node: what goes in, what comes out.
//!
//! A [`Request`] gets its [`Response`] from the same call, which is what an HTTP handler needs; an [`Input`] reports what
//! became of earlier outputs or that time has passed; an [`Output`] asks the driver for something. Every
//! [`Output::Send`] is answered by exactly one [`Input::Delivered`] or [`Input::Undelivered`] with its ticket. After an
//! [`Output::Persist`] the driver holds back all later outputs and the response until it has told
//! [`Input::Persisted`] with the same number.
//!
//! JSON shapes of these values are in `wire`; the drivers are in `net` (sockets) and `sim` (a simulated world).

use std::sync::Arc;

use uuid::Uuid;

use super::calls::{Call, Envelope, Failure, GossipReply, LinkCall, LinkReply, Reply, SyncCall, SyncReply};
use super::disk::DiskRecord;
use super::signature::AllowedKeys;
use super::words::{Boot, Message, NodeId, Path, Payload, Status, Version};

/// A message that a user submits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// JSON, `{"message": …}`.
    pub payload: Payload,
    /// Hops it may travel; the node's own setting when absent.
    pub ttl: Option<u8>,
    /// Copies that are each passed on.
    pub relays: u8,
    /// The submitter's own uuid, so that a retry is no second message.
    pub uuid: Option<Uuid>,
}

/// What a request may ask of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Another node's envelope.
    Gossip(Envelope),
    /// Messages without an envelope, from anyone.
    Messages(Vec<Message>),
    /// Another node's comparison.
    Sync(SyncCall),
    /// Another node's link request.
    Link(LinkCall),
    /// Another node closes its link.
    Unlink(NodeId),
    /// A node of the other dialect registers.
    ForeignRegister(NodeId),
    /// A node of the other dialect pushes.
    ForeignGossip {
        /// Who pushes.
        from: NodeId,
        /// States; their path is `[origin]`, to which the sender is added here.
        messages: Vec<Message>,
    },
    /// A user sets this node's payload.
    SetState(Payload),
    /// A user returns this node to drawing books.
    ClearState,
    /// A user submits a message.
    Submit(Submission),
    /// A user has read these.
    MarkRead(Vec<Uuid>),
    /// An operator wants a dead node, or one message of any node, forgotten everywhere.
    Forget {
        /// Which node.
        id: NodeId,
        /// The one message, which may have been forged.
        uuid: Option<Uuid>,
    },
    /// An operator names further nodes to ask for a place.
    AddSeeds(Vec<NodeId>),
    /// An operator no longer names these.
    RemoveSeeds(Vec<NodeId>),
    /// An operator says whose word counts.
    AllowKeys(Option<AllowedKeys>),
}

/// What a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// For [`Request::Gossip`] and [`Request::Messages`].
    Gossip(GossipReply),
    /// For [`Request::Gossip`], see [`Reply::NothingToAdd`].
    NothingToAdd,
    /// For [`Request::Sync`].
    Sync(SyncReply),
    /// For [`Request::Link`].
    Link(LinkReply),
    /// For [`Request::Unlink`], [`Request::ForeignGossip`], [`Request::Forget`] and [`Request::AllowKeys`].
    Done,
    /// For [`Request::ForeignRegister`].
    Peers(Vec<NodeId>),
    /// For [`Request::AddSeeds`] and [`Request::RemoveSeeds`]: all seeds.
    Seeds(Vec<NodeId>),
    /// For [`Request::SetState`] and [`Request::ClearState`]: this node's new version.
    Version(Version),
    /// For [`Request::Submit`].
    Submitted {
        /// The message's name.
        uuid: Uuid,
        /// This node's version.
        version: Version,
        /// False when the uuid was already known.
        created: bool,
    },
    /// For [`Request::MarkRead`]: how many were unread until now.
    Marked(u64),
    /// Nothing was done.
    Refused(Refusal),
}

/// Why the node did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another network.
    #[error("cluster \"{theirs}\" does not talk to cluster \"{ours}\"")]
    OtherCluster {
        /// This node's.
        ours: Arc<str>,
        /// The sender's.
        theirs: Arc<str>,
    },
    /// The sender claims this node's own id.
    #[error("id {0} is this node's own")]
    OwnId(NodeId),
    /// Who says no more than its id has no link here.
    #[error("this node holds no link with {0}: say who you are")]
    NoLink(NodeId),
    /// The message is below what the log remembers.
    #[error("the message is older than all that this node remembers")]
    Expired,
    /// As many foreign peers as may be.
    #[error("as many nodes of that kind are registered as may be ({0})")]
    TooMany(usize),
    /// Nothing is known of that node, or not that message of it.
    #[error("node {0} is not known here, or not by that message")]
    NotKnown(NodeId),
    /// A living node would only say its state again.
    #[error("node {0} lives; only one that is down or has left can be forgotten")]
    StillLives(NodeId),
    /// As many seeds as may be.
    #[error("this node has as many seeds as may be ({0})")]
    TooManySeeds(usize),
    /// The other dialect knows no tokens, certificates or signatures.
    #[error("nodes of the other dialect cannot take part here: this node asks for tokens, certificates or signatures")]
    OneDialect,
    /// The node is leaving.
    #[error("this node is leaving")]
    Leaving,
}

/// What is reported to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "each is moved once or twice; a box would cost more")]
pub enum Input {
    /// A deadline may have passed.
    Wake,
    /// A call was answered.
    Delivered {
        /// Of which output.
        ticket: u64,
        /// What came back.
        reply: Reply,
    },
    /// A call was not answered.
    Undelivered {
        /// Of which output.
        ticket: u64,
        /// Why.
        failure: Failure,
    },
    /// Records are on disk.
    Persisted(u64),
    /// The node shall leave.
    Stop,
}

/// What the node asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "each is moved once or twice; a box would cost more")]
pub enum Output {
    /// Call another node.
    Send {
        /// Names the call.
        ticket: u64,
        /// Whom.
        to: NodeId,
        /// With what.
        call: Call,
        /// For how many milliseconds more than such a call usually has its answer is waited for.
        patience_ms: u64,
    },
    /// Write records before anything later is let out.
    Persist {
        /// Names the write; rises by one.
        seq: u64,
        /// What to write.
        records: Vec<DiskRecord>,
    },
    /// Write records when there is time: nothing waits for them, and peers could bring them again. Only a node with a
    /// disk asks for it.
    Keep(Vec<DiskRecord>),
    /// Something happened that others may want to know.
    Emit(Event),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A state was taken.
    StateChanged {
        /// Whose.
        origin: NodeId,
        /// Its version.
        version: Version,
        /// Its message.
        uuid: Uuid,
    },
    /// A submitted message was delivered: once per message.
    MessageArrived {
        /// Which.
        uuid: Uuid,
    },
    /// A further way by which a held submitted message came, or would have come.
    PathAdded {
        /// Which message.
        uuid: Uuid,
        /// The ids that the copy passed through, origin first, without this node.
        path: Path,
    },
    /// A user has read these, which were unread until now.
    MessagesRead {
        /// Which.
        uuids: Vec<Uuid>,
    },
    /// The first state of a node was taken; its [`Event::StateChanged`] follows.
    NodeJoined {
        /// Which.
        id: NodeId,
    },
    /// Another status is believed of a node.
    StatusChanged {
        /// Of whom.
        id: NodeId,
        /// What.
        status: Status,
    },
    /// A link stands.
    LinkMade {
        /// To whom.
        id: NodeId,
    },
    /// A link is gone.
    LinkLost {
        /// To whom.
        id: NodeId,
        /// Why, in a few words.
        why: &'static str,
    },
    /// A node of the other dialect registered or was dropped.
    ForeignPeer {
        /// Which.
        id: NodeId,
        /// Whether it is there now.
        registered: bool,
    },
    /// Another process uses this node's id.
    IdClaimedTwice {
        /// The life of the other process, if it is known.
        boot: Option<Boot>,
    },
    /// Messages were refused that are not their origin's word; told of the first, the second, the fourth and so on.
    Forged {
        /// In whose name the last one was.
        origin: NodeId,
        /// What is wrong with it, in a few words.
        why: &'static str,
        /// How many so far.
        count: u64,
    },
    /// Something was refused for a limit.
    Refused {
        /// What, in a few words.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// How many were so far; it is told of at powers of two.
        count: u64,
    },
}
