//! One line of the table: what is known of one node, and what may become of a state that is offered for it.

use super::super::fingerprint::{self, Fingerprint};
use super::super::tree::Copies;
use super::super::words::{Message, NodeId, Status, Time, Version};

/// The newest state known of one node.
#[derive(Clone, Debug)]
pub struct State {
    /// The first copy of the message that brought it.
    pub message: Message,
    /// When it arrived here.
    pub updated_at: Time,
    /// Over which links copies came.
    pub copies: Copies,
}

/// One known node.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its newest state; absent while only a claim about it is known.
    pub state: Option<State>,
    /// What is believed of it.
    pub status: Status,
    /// Since when.
    pub since: Time,
    /// The version to which the belief refers.
    pub claim_version: Version,
    /// Dead for so long that it is no longer spoken of.
    pub(super) faded: bool,
    /// Remembered from an earlier life of this node, and not confirmed since.
    pub(super) remembered: bool,
}

impl Entry {
    pub(super) fn new(now: Time) -> Entry {
        Entry { state: None, status: Status::Alive, since: now, claim_version: 0, faded: false, remembered: false }
    }

    /// The state's version, 0 without one.
    pub fn version(&self) -> Version {
        self.state.as_ref().map_or(0, |state| state.message.version)
    }

    /// What to show of its status: one that this life never saw confirmed is not called alive.
    pub fn shown_status(&self) -> Status {
        if self.remembered && self.status == Status::Alive { Status::Unverified } else { self.status }
    }

    /// Bytes of its state.
    pub(super) fn weight(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.message.weight())
    }

    /// Whether it has been dead for so long that it is no longer spoken of.
    pub fn is_faded(&self) -> bool {
        self.faded
    }

    pub(super) fn fingerprint(&self, id: &NodeId) -> Option<Fingerprint> {
        let state = self.state.as_ref().filter(|_| !self.faded)?;
        Some(fingerprint::of_state(id, state.message.version, state.message.uuid, self.status, self.claim_version))
    }
}

/// What became of an offered state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// It is newer and was taken.
    Taken,
    /// It is the one that is held.
    Same,
    /// A newer one is held.
    Older,
    /// Refused: a leap of more than [`MAX_LEAP`](super::super::limits::MAX_LEAP) above the held version.
    Leap,
    /// Refused: as many nodes are known as may be.
    Full,
    /// Refused: the states would take more bytes together than they may.
    Heavy,
}
