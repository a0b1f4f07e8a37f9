//! Acknowledgements of a submitted message by further nodes: `?acks=` of `POST /messages`, and what nodes say to each other
//! about holding a message.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::Problem;
use crate::protocol::NodeId;

/// The answer to `GET /messages/{uuid}/held`: this node holds it, on disk if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldReport {
    /// The message.
    pub uuid: Uuid,
    /// The node that answers.
    pub id: NodeId,
}

/// The answer to a submission that fewer nodes held in time than were asked for: a problem (RFC 9457, section 3.2) with
/// what came of it. The message is taken all the same and goes on spreading.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcksProblem {
    /// Status 504 and the reason.
    #[serde(flatten)]
    pub problem: Problem,
    /// The message; a retry under this uuid is no second message.
    pub uuid: Uuid,
    /// The node's version of it.
    pub version: u64,
    /// How many nodes held it, the submitting one included.
    pub acks: usize,
}

impl AcksProblem {
    /// Only `acks` nodes of `wanted` held the message in time.
    pub fn new(uuid: Uuid, version: u64, acks: usize, wanted: usize, wait: &str) -> AcksProblem {
        let detail = format!("{acks} of {wanted} nodes held message {uuid} within {wait}; it goes on spreading");
        AcksProblem { problem: Problem::new(504, detail), uuid, version, acks }
    }
}
