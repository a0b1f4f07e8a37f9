//! Calls: what nodes ask each other, and what they reply.
//!
//! Values only; what they mean stands in one file per rule, and their JSON shapes in `wire`. Each call is one HTTP exchange,
//! and ends in a [`Reply`] or a [`Failure`].

use std::sync::Arc;

use super::words::{Announcement, Boot, Claim, Digest, FreePlace, Graft, LogKey, Message, NodeId, Version};

/// Who speaks: stands in every request and reply between nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name of the sender's network.
    pub cluster: Arc<str>,
    /// The sender.
    pub from: NodeId,
    /// The life of the sender's process.
    pub boot: Boot,
    /// Whether the sender holds a link to the receiver.
    pub linked: bool,
    /// Whether the sender understands brief words: [`Sender::Link`] in envelopes and in their answers, what both then leave out,
    /// [`Announced::Stamp`](super::words::Announced) and [`Reply::NothingToAdd`].
    pub brief: bool,
}

/// Who sends an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// It says all.
    Header(Header),
    /// The other end of a link that both sides hold: the rest is as it said before over this link.
    Link(NodeId),
}

impl Sender {
    /// Its id.
    pub fn id(&self) -> &NodeId {
        match self {
            Sender::Header(header) => &header.from,
            Sender::Link(id) => id,
        }
    }

    /// Its id, if that is all it says.
    pub fn link(&self) -> Option<&NodeId> {
        match self {
            Sender::Header(_) => None,
            Sender::Link(id) => Some(id),
        }
    }

    /// Whether it says that it holds a link to the receiver.
    pub fn is_linked(&self) -> bool {
        match self {
            Sender::Header(header) => header.linked,
            Sender::Link(_) => true,
        }
    }
}

impl From<Header> for Sender {
    fn from(header: Header) -> Sender {
        Sender::Header(header)
    }
}

/// `POST /gossip/` between nodes: messages, news of digests and claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who speaks.
    pub sender: Sender,
    /// Messages, in the order in which the sender would have them judged.
    pub messages: Vec<Message>,
    /// What the sender holds; in a heartbeat, and whenever one is due.
    pub digest: Option<Digest>,
    /// What the sender believes of others.
    pub claims: Vec<Claim>,
    /// Where the sender last saw a free place.
    pub free_place: Option<FreePlace>,
    /// Origins that the sender wants over this link again.
    pub graft: Option<Graft>,
    /// Origins that the sender no longer needs over this link.
    pub prune: Vec<NodeId>,
    /// What the sender did not push over this link since its last digest.
    pub recent: Vec<Announcement>,
}

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken.
    New,
    /// Already held.
    Duplicate,
    /// A newer state of its origin is held.
    Stale,
    /// At or below the floor of the log.
    Expired,
    /// Refused for a limit.
    Limited,
    /// Refused as it is not its origin's word; see `origins.rs`. On the wire it is `limited` and listed in `forged`, so that
    /// those who know nothing of signatures understand it, too.
    Forged,
}

impl Outcome {
    /// Every outcome that has a name of its own on the wire.
    pub const ALL: [(Outcome, &'static str); 5] = [
        (Outcome::New, "new"),
        (Outcome::Duplicate, "duplicate"),
        (Outcome::Stale, "stale"),
        (Outcome::Expired, "expired"),
        (Outcome::Limited, "limited"),
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Forged => Outcome::Limited.name(),
            _ => Outcome::ALL[self as usize].1,
        }
    }
}

/// One message's outcome, and whether the sender must go on pushing its origin over this link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What became of the message.
    pub outcome: Outcome,
    /// Only a duplicate without it may make the sender stop.
    pub keep: bool,
}

impl Judgement {
    /// What is not worth a word.
    pub const NEW: Judgement = Judgement { outcome: Outcome::New, keep: false };
}

/// The answer to an [`Envelope`]. To who named no more than the link it may be brief: no more than the link names the
/// answering node either, and what is left out is as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GossipReply {
    /// Who answers.
    pub sender: Sender,
    /// One per message, in order; in a brief answer none if all were new.
    pub judgements: Vec<Judgement>,
    /// The held states for those that were stale, as far as they fit.
    pub newer: Vec<Message>,
    /// What the answering node holds, after this request, if a digest came; in a brief answer only if it is another one.
    pub digest: Option<Digest>,
    /// What it believes of others.
    pub claims: Vec<Claim>,
    /// Where it last saw a free place.
    pub free_place: Option<FreePlace>,
    /// Origins that it no longer needs over this link. What it wants again it asks for in an envelope, as nobody would
    /// notice the loss of an answer.
    pub prune: Vec<NodeId>,
    /// What it did not push over this link since its last digest.
    pub recent: Vec<Announcement>,
}

impl GossipReply {
    /// A brief answer that says nothing.
    pub fn nothing(from: NodeId) -> GossipReply {
        GossipReply {
            sender: Sender::Link(from),
            judgements: Vec::new(),
            newer: Vec::new(),
            digest: None,
            claims: Vec::new(),
            free_place: None,
            prune: Vec::new(),
            recent: Vec::new(),
        }
    }

    /// Whether it is a brief answer that says nothing.
    pub fn says_nothing(&self) -> bool {
        let Self { sender, judgements, newer, digest, claims, free_place, prune, recent } = self;
        matches!(sender, Sender::Link(_))
            && judgements.is_empty()
            && newer.is_empty()
            && digest.is_none()
            && claims.is_empty()
            && free_place.is_none()
            && prune.is_empty()
            && recent.is_empty()
    }

    /// Makes it brief. `asked` is the digest that came.
    pub fn shorten(&mut self, asked: Option<&Digest>) {
        self.sender = Sender::Link(self.sender.id().clone());
        if self.judgements.iter().all(|judgement| *judgement == Judgement::NEW) {
            self.judgements.clear();
        }
        if self.digest.as_ref() == asked {
            self.digest = None;
        }
    }
}

/// The caller's set in a comparison, in whichever form is shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetForm {
    /// Coded symbols (see `sketch.rs`), as bytes.
    Symbols(Vec<u8>),
    /// Every fingerprint.
    Fingerprints(Vec<u64>),
}

/// `POST /sync/`: compares what two nodes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncCall {
    /// Who asks.
    pub header: Header,
    /// Only messages above this key are in the set: the greater of both floors, as far as the caller knows.
    pub floor: LogKey,
    /// How many items the caller's set has.
    pub count: u64,
    /// Whether the fingerprints of messages are exact ones, which tell apart several messages of one uuid.
    pub exact: bool,
    /// The set.
    pub set: SetForm,
}

/// The answer to a [`SyncCall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReply {
    /// Who answers.
    pub header: Header,
    /// The answering node's floor.
    pub floor: LogKey,
    /// How many items the answering node's set has above the greater of both floors.
    pub count: u64,
    /// False when the symbols were too few or the floors did not match: ask again with more.
    pub compared: bool,
    /// How many symbols should suffice, where they were too few; 0 where nothing can be said.
    pub symbols: u64,
    /// What the caller lacks, oldest first, as far as it fits.
    pub messages: Vec<Message>,
    /// What the caller does not know of others' life.
    pub claims: Vec<Claim>,
    /// How many more messages the caller lacks.
    pub more: u64,
    /// What the answering node lacks.
    pub want: Vec<u64>,
}

/// What a link request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkWish {
    /// Find me a place: walk on, or where the walk ends use a free place or split a link.
    Join {
        /// Steps still to go; `None` lets the first node asked choose.
        walk: Option<u8>,
        /// Whether the asker has room for both ends of a split link.
        split: bool,
    },
    /// Link with me if you have a free place.
    Link,
    /// Promise me the place of your peer.
    InsteadOf(NodeId),
    /// The other end promised: split now.
    Confirm(NodeId),
    /// No link: only whether you live, and what you know of me.
    Probe,
    /// No link: you are held for suspect at this version, so say something newer if you live.
    Refute {
        /// The version that is believed.
        version: Version,
    },
    /// Link with me even at the cost of another link, as we are in two parts of a torn network.
    Bridge,
    /// Name a link of yours whose ends could be exchanged with those of one of mine.
    Exchange {
        /// Whether we are in two parts of a torn network: then link with me if you have a free place.
        torn: bool,
    },
    /// Obtain the promise of that node's place, for an exchange that I asked for.
    Move {
        /// With whom you would link.
        to: NodeId,
        /// Whose place it would give you.
        instead_of: NodeId,
        /// Whether our link stays, as you have a free place.
        keep: bool,
    },
}

/// `POST /peers/`: the handshake of links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkCall {
    /// Who asks.
    pub header: Header,
    /// For what.
    pub wish: LinkWish,
}

/// What a link request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkAnswer {
    /// The link stands at this side.
    Linked,
    /// No.
    Busy,
    /// Ask that node instead, with so many steps to go.
    Walk {
        /// Whom to ask.
        next: NodeId,
        /// Steps to go from there.
        walk: u8,
    },
    /// The link to this peer can be split: get that peer's promise, then confirm.
    Split {
        /// The peer at the other end.
        with: NodeId,
    },
    /// The place is yours as soon as its present holder lets go.
    Promised,
}

/// The answer to a [`LinkCall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReply {
    /// Who answers.
    pub header: Header,
    /// What.
    pub answer: LinkAnswer,
    /// The newest version held of the asker, 0 for none: a restarted node continues above it.
    pub known_version: Version,
}

/// What one node asks of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `POST /gossip/`.
    Gossip(Envelope),
    /// `POST /sync/`.
    Sync(SyncCall),
    /// `POST /peers/`.
    Link(LinkCall),
    /// `DELETE /peers/{id}`: the sender closes its link.
    Unlink {
        /// The sender.
        from: NodeId,
    },
    /// `GET /peers/`: bootstrap.
    Peers,
    /// `GET /peers/{own id}`: bootstrap from a node of the other dialect.
    ForeignPeers {
        /// The sender.
        own: NodeId,
    },
    /// `POST /gossip` in the other dialect.
    ForeignGossip {
        /// The sender.
        own: NodeId,
        /// States with a book.
        messages: Vec<Message>,
    },
}

/// What came back for a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// For [`Call::Gossip`].
    Gossip(GossipReply),
    /// For a [`Call::Gossip`] that names no more than the link: a brief answer that says nothing.
    NothingToAdd,
    /// For [`Call::Sync`].
    Sync(SyncReply),
    /// For [`Call::Link`].
    Link(LinkReply),
    /// For [`Call::Unlink`] and [`Call::ForeignGossip`].
    Done,
    /// For [`Call::Peers`] and [`Call::ForeignPeers`].
    Peers(Vec<NodeId>),
}

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens there: nothing was processed.
    Refused,
    /// Time ran out or the connection broke: it may have been processed.
    Unknown,
    /// The other side answered no; nothing of it was applied.
    Rejected {
        /// HTTP status.
        status: u16,
    },
}
