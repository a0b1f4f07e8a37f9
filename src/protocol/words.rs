//! The vocabulary: the values that every other part speaks of.
//!
//! Read this file first. It holds no logic beyond what keeps a value valid: an id is an address that may be contacted,
//! a version is between 1 and [`MAX_VERSION`], a payload is JSON text kept exactly as it came. Nothing here does I/O,
//! reads a clock or knows of JSON shapes; those are in `wire`. The rules that use the words start in `node.rs`.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::limits::{MAX_HOST_LENGTH, MAX_VERSION};
use super::signature::{SEAL_WEIGHT, Seal};

/// Milliseconds since the process (or the simulation) began. The protocol never reads a clock: time is an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// This time plus `milliseconds`.
    pub fn after(self, milliseconds: u64) -> Time {
        Time(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this time, 0 if `earlier` is later.
    pub fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The first of several times, if there is any.
pub(super) fn first_of(times: &[Option<Time>]) -> Option<Time> {
    times.iter().flatten().min().copied()
}

/// A node's identity, which is also the address at which it answers.
///
/// A *local* network uses ports of 127.0.0.1, an *addressed* one `host:port`. The two never mix in one network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeId {
    /// A port of 127.0.0.1, 1 to 65535.
    Port(u16),
    /// `host:port`: lowercase, IPv6 in brackets, no trailing dot.
    Host(Arc<str>),
}

/// Which of the two id forms a network uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// Ids are ports of 127.0.0.1.
    Local,
    /// Ids are `host:port`.
    Addressed,
}

impl fmt::Display for IdForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IdForm::Local => "local (ids are ports of 127.0.0.1, such as 7004)",
            IdForm::Addressed => "addressed (ids are host:port, such as \"db1.example:7004\")",
        })
    }
}

/// Why a text is no node id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Neither a port nor `host:port`.
    #[error("\"{0}\" is neither a port (1 to 65535) nor host:port")]
    Shape(String),
    /// The host holds something that no host name or address holds.
    #[error(
        "\"{0}\" has no valid host: letters, digits, '-', '_' and '.' or an IPv6 address in brackets, at most {MAX_HOST_LENGTH} characters"
    )]
    Host(String),
}

impl NodeId {
    /// Parses a port or `host:port`; `127.0.0.1:p` and `localhost:p` become the port p.
    ///
    /// # Errors
    /// When the text is anything else: a node id is an address that this node will contact, so nothing that could carry
    /// credentials, a path or another scheme passes.
    pub fn parse(text: &str) -> Result<NodeId, IdError> {
        let shown = || text.chars().take(80).collect::<String>();
        if let Some(port) = parse_port(text) {
            return Ok(NodeId::Port(port));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| IdError::Shape(shown()))?;
        let port = parse_port(port).ok_or_else(|| IdError::Shape(shown()))?;
        let host = canonical_host(host).ok_or_else(|| IdError::Host(shown()))?;
        if host == "127.0.0.1" || host == "localhost" {
            return Ok(NodeId::Port(port));
        }
        Ok(NodeId::Host(format!("{host}:{port}").into()))
    }

    /// The form of network that this id belongs to.
    pub fn form(&self) -> IdForm {
        match self {
            NodeId::Port(_) => IdForm::Local,
            NodeId::Host(_) => IdForm::Addressed,
        }
    }

    /// The `host:port` at which the node is contacted.
    pub fn address(&self) -> String {
        match self {
            NodeId::Port(port) => format!("127.0.0.1:{port}"),
            NodeId::Host(address) => address.to_string(),
        }
    }

    /// Bytes that the id takes on the wire, roughly.
    pub fn weight(&self) -> usize {
        match self {
            NodeId::Port(_) => 6,
            NodeId::Host(address) => address.len() + 3,
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeId::Port(port) => write!(f, "{port}"),
            NodeId::Host(address) => f.write_str(address),
        }
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || text.starts_with('0') {
        return None;
    }
    text.parse().ok().filter(|port| *port > 0)
}

fn canonical_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let valid = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (host.len() <= MAX_HOST_LENGTH && host.split('.').all(valid)).then_some(host)
}

/// A version of one origin: 1 to [`MAX_VERSION`]; 0 stands for "none".
pub type Version = u64;

/// The random number of one process's life, below 2^53.
pub type Boot = u64;

/// JSON text exactly as it was received: signatures and speed both need the bytes unchanged.
#[derive(Clone, Debug)]
pub struct Payload(Arc<RawValue>);

impl Payload {
    /// Wraps JSON whose strings and depth were checked; `wire` does that at the door.
    pub fn new(json: Box<RawValue>) -> Payload {
        Payload(json.into())
    }

    /// The payload of a favourite book: `{"book": title}`, or null when there is none.
    pub fn of_book(title: Option<&str>) -> Payload {
        #[derive(serde::Serialize)]
        struct Book<'a> {
            book: Option<&'a str>,
        }
        // A struct of one text cannot fail to become JSON; null stands in for the impossible.
        Payload(serde_json::value::to_raw_value(&Book { book: title }).unwrap_or_default().into())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The JSON text in the form that serialises as it is.
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// Length in bytes.
    pub fn weight(&self) -> usize {
        self.as_str().len()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Payload {}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The newest state of its origin.
    State,
    /// A message that a user submitted.
    Message,
}

/// The ids that a copy passed through, the origin first. Never empty.
pub type Path = Arc<[NodeId]>;

/// What the origin of a message said: the same in every copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Names the message.
    pub uuid: Uuid,
    /// The node that made it.
    pub origin: NodeId,
    /// The origin's version, rising by one with each message it makes.
    pub version: Version,
    /// State or submitted message.
    pub kind: Kind,
    /// JSON as its origin wrote it.
    pub payload: Payload,
    /// How many of the copies that arrive are each passed on; 0 for ordinary flooding.
    pub relays: u8,
    /// Lamport count of a submitted message; 0 for states, and until a node has given one.
    pub stamp: u64,
    /// Its origin's signature, if it signs.
    pub seal: Option<Arc<Seal>>,
}

/// One copy of a message as it travels. What all copies have in common they share, so that a copy is small, and so is a
/// simulated network in which every node holds every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Hops that this copy may still travel after this one, 0 to 255.
    pub ttl: u8,
    /// The ids that this copy passed through, origin first.
    pub path: Path,
    /// What its origin said.
    pub content: Arc<Content>,
}

impl std::ops::Deref for Message {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
}

impl Message {
    /// A copy with `ttl` hops to go that came by `path`.
    pub fn new(ttl: u8, path: Path, content: Content) -> Message {
        Message { ttl, path, content: Arc::new(content) }
    }

    /// A copy of another message: this one with something said otherwise.
    #[must_use]
    pub fn altered(mut self, alter: impl FnOnce(&mut Content)) -> Message {
        alter(Arc::make_mut(&mut self.content));
        self
    }

    /// How far this message may travel in all: `ttl + length of the path - 1`. With [`super::limits::UNLIMITED_REACH`]
    /// or more, repair hands it on where pushing ended.
    pub fn reach(&self) -> usize {
        reach(self.ttl, self.path.len())
    }

    /// Decides which of several messages that were made under one uuid is the one: the greatest. It never is below the
    /// floor of a log that holds another.
    pub fn rank(&self) -> (u64, &NodeId, Version) {
        (self.stamp, &self.origin, self.version)
    }

    /// Bytes that the message takes in an envelope, roughly.
    pub fn weight(&self) -> usize {
        let seal = if self.seal.is_some() { SEAL_WEIGHT } else { 0 };
        150 + seal + self.payload.weight() + self.path.iter().map(NodeId::weight).sum::<usize>()
    }
}

/// See [`Message::reach`].
pub fn reach(ttl: u8, path_length: usize) -> usize {
    usize::from(ttl) + path_length.saturating_sub(1)
}

/// What is believed of a node, in rising order of precedence among claims of one version (SWIM, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It answers, or nobody says otherwise.
    Alive,
    /// It failed to answer somebody and has not yet refuted that.
    Suspect,
    /// It was suspect for the whole suspicion time.
    Down,
    /// It said itself that it leaves.
    Left,
    /// An operator had it forgotten; only claims say so.
    Forgotten,
    /// Remembered from an earlier life as alive, and not yet confirmed by anyone; only displays say so.
    Unverified,
}

impl Status {
    /// Every status with its name on the wire.
    pub const ALL: [(Status, &'static str); 6] = [
        (Status::Alive, "alive"),
        (Status::Suspect, "suspect"),
        (Status::Down, "down"),
        (Status::Left, "left"),
        (Status::Forgotten, "forgotten"),
        (Status::Unverified, "unverified"),
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        Status::ALL[self as usize].1
    }

    /// Whether a node of this status counts among the living.
    pub fn is_live(self) -> bool {
        matches!(self, Status::Alive | Status::Suspect | Status::Unverified)
    }
}

/// What somebody says of a node's status. It uses no version of the accuser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The node that is spoken of.
    pub id: NodeId,
    /// The version of that node to which the claim refers; a later one of its own refutes it.
    pub version: Version,
    /// What is claimed.
    pub status: Status,
    /// For how many milliseconds it has been so.
    pub age_ms: u64,
    /// The one message that is to be forgotten, if an operator named it.
    pub uuid: Option<Uuid>,
}

/// A place in the log's order. The greatest evicted one is the log's floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogKey {
    /// Lamport count.
    pub stamp: u64,
    /// Breaks ties.
    pub uuid: Uuid,
}

/// A short summary of what a node holds: two nodes that hold the same above one floor have the same hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Sum of the fingerprints of all held items.
    pub hash: u64,
    /// How many items that are.
    pub count: u64,
    /// Submitted messages at or below it were evicted; the zero key where none was.
    pub floor: LogKey,
    /// Sum over the messages in it that differs where two nodes hold different ones under one uuid; absent where none is
    /// held, and from a program older than this rule.
    pub exact: Option<u64>,
}

impl Digest {
    /// Whether two nodes hold the same, as far as both say.
    pub fn agrees(&self, other: &Digest) -> bool {
        let exactly = self.exact.zip(other.exact).is_none_or(|(ours, theirs)| ours == theirs);
        exactly && (self.hash, self.count, self.floor) == (other.hash, other.count, other.floor)
    }
}

/// Where a free place in the overlay was last seen; rides on digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreePlace {
    /// The node that has it.
    pub id: NodeId,
    /// How old the news is, in milliseconds.
    pub age_ms: u64,
}

/// Which origins a node wants over a link again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Graft {
    /// All.
    All,
    /// These.
    Origins(Vec<NodeId>),
}

/// A message that was not pushed over a link, and the way by which it would have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The message.
    pub message: Announced,
    /// The path, origin first, up to and including the announcing node.
    pub path: Path,
}

/// Which message is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// The one of this uuid.
    Uuid(Uuid),
    /// The only one of its origin that carries this stamp: less to say, and to who holds it the same.
    Stamp(u64),
}

/// Whether `version` is one that a message may carry.
pub fn is_version(version: Version) -> bool {
    (1..=MAX_VERSION).contains(&version)
}
