//! The protocol: one node as a value, without I/O, clock, threads or logging.
//!
//! Requests and inputs go in with the time, responses and outputs come out; [`Node`] is the whole of it. Everything here
//! is decided by the seed and what goes in, so that the simulator can replay it. It never does I/O and never fails: what
//! reaches it was checked at the door (`wire`). Read in this order: the words, the limits, the door, the node.

mod bearers;
mod calls;
mod config;
mod disk;
mod door;
mod fingerprint;
pub mod limits;
mod log;
mod node;
mod shared;
mod signature;
mod sketch;
mod table;
mod view;
mod words;

mod answering;
mod bootstrap;
mod dissemination;
mod doubt;
mod exchanging;
mod foreign;
mod forgetting;
mod health;
mod joining;
mod keeping;
mod link;
mod links;
mod liveness;
mod naming;
mod origins;
mod overlay;
mod own;
mod pace;
mod places;
mod probe;
mod queue;
mod refused;
mod repair;
mod restore;
mod scouting;
mod seeking;
mod sending;
mod shortening;
mod touch;
mod tree;
mod trees;
mod trial;

#[cfg(test)]
mod tests;

pub use calls::{
    Call, Envelope, Failure, GossipReply, Header, Judgement, LinkAnswer, LinkCall, LinkReply, LinkWish, Outcome, Reply,
    Sender, SetForm, SyncCall, SyncReply,
};
pub use config::{Config, ConfigError};
pub use disk::{BuriedRecord, DiskImage, DiskRecord, KnownRecord, LogRecord, OwnRecord};
pub use door::{Event, Input, Output, Refusal, Request, Response, Submission};
pub use link::PeerCounters;
pub use log::{Arrival, Insert, Log, Place, Record};
pub use node::{Counters, Node, Seed};
pub use restore::Known;
pub use signature::{AllowedKeys, KEY_BYTES, OriginKey, PublicKey, SIGNATURE_BYTES, Seal, signed_bytes};
pub use sketch::{Difference, SYMBOL_BYTES, Sketch};
pub use table::{Entry, Merge, State, Table};
pub use view::View;
pub use words::{
    Announced, Announcement, Boot, Claim, Content, Digest, FreePlace, Graft, IdError, IdForm, Kind, LogKey, Message,
    NodeId, Path, Payload, Status, Time, Version, is_version,
};
