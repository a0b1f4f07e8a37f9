//! Why a call brought no result, told apart by what the caller can do about it.

use crate::http::CallError;
use crate::wire::Problem;

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered: the node is down, hangs, or the address is wrong.
    #[error("does not answer ({0})")]
    Silent(#[from] CallError),
    /// The node answered that it will not, and why.
    #[error("{0}")]
    Refused(#[from] Problem),
    /// Something answered, but not as a node of ours does.
    #[error("answers, but not as a gossip node does: {0}")]
    Foreign(String),
}

impl ClientError {
    /// Whether nobody answered at all.
    pub fn is_silent(&self) -> bool {
        matches!(self, ClientError::Silent(_))
    }
}
