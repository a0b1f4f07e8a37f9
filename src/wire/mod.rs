//! The wire: JSON shapes, their limits, and the codec that both the sockets and the simulator use.
//!
//! Requests are parsed at the door into values that cannot be wrong (`protocol`), or refused with a [`Problem`] that names
//! the field and the limit. Nothing here does I/O or knows a node's state. `reports.rs` holds what people and tools read;
//! `dialect.rs` holds all of the other dialect.

mod acks;
mod announcements;
mod codec;
mod dialect;
mod envelope;
mod events;
mod faults;
mod ids;
mod links;
mod merge_patch;
mod message;
mod payload;
mod problem;
mod refused_json;
mod reports;
mod sender;
mod sync;

#[cfg(test)]
mod tests;

pub use acks::{AcksProblem, HeldReport};
pub use codec::{
    Answer, CallKind, HttpCall, Method, decode_reply, decode_request, encode_call, encode_peers, encode_response,
};
pub use events::{
    EventKind, ForgottenEvent, LinkEvent, OverlayNode, OverlayReport, PathEvent, ReadEvent, ResetEvent, SnapshotEvent,
    SpreadNode, SpreadReport, StateEvent, StatusEvent,
};
pub use faults::{FaultCounts, Faults, FaultsReport, parse_faults};
pub use merge_patch::merge_patch;
pub use message::{
    ReadMarks, SeedShape, SubmissionShape, message_from_json, message_to_json, parse_own_payload, parse_read_marks,
    parse_seed, parse_submission,
};
pub use payload::check_payload;
pub use problem::Problem;
pub use reports::{
    ArrivalReport, CountersReport, DigestReport, MarkedReport, MessageReport, PeerReport, ReadyReport, SeedsReport,
    StateReport, SubmittedReport, VersionReport,
};

use crate::protocol::IdForm;

/// What the door of one node lets in.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// The form of this network's ids.
    pub form: IdForm,
}

/// Version of the protocol that this program speaks; it also speaks with the one before and the one after.
pub const PROTOCOL: u32 = 1;
