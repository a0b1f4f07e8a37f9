//! A typed HTTP client of one node: a method per endpoint, and errors that say who is to blame.
//!
//! [`Caller`] holds the connections and hands out a [`NodeClient`] per address. A call ends in one of three ways: the
//! answer, a refusal with the node's own words, or [`ClientError::Silent`] when nobody answered. Nothing is retried
//! and nothing is printed; both are for the command line, and what a network of nodes is belongs to `lab`.
//!
//! ```no_run
//! # async fn example() -> Result<(), gossip_network::client::ClientError> {
//! use std::time::Duration;
//!
//! use gossip_network::client::{Caller, EventKind, StateEvent};
//! use serde_json::json;
//!
//! let node = Caller::new().node("127.0.0.1:7001", Duration::from_secs(5));
//! node.set_state(&json!({"role": "db", "address": "10.0.0.5:5432"})).await?;
//! for (id, state) in node.states().await? {
//!     println!("{id} is {} and says {}", state.status.name(), state.payload);
//! }
//! // From now on, whatever changes; with the id of the last event one can go on later without loss.
//! let mut stream = node.watch("state", None).await?;
//! while let Some(event) = stream.next().await? {
//!     if event.kind == EventKind::State {
//!         let state: StateEvent = event.record()?;
//!         println!("{} says {}", state.node, state.payload);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It lives in one thread, in a system of actix (`actix_rt::System::new().block_on(…)`); `examples/client.rs` is a whole
//! program. Programs in other languages need nothing but HTTP: `examples/http/`.
//!
//! The records that nodes answer with come from `wire` and are named here again, so that those above need only this
//! folder.

mod error;
mod gather;
mod node;
mod query;
mod watch;

#[cfg(test)]
mod tests;

pub use error::ClientError;
pub use gather::gather;
pub use node::{Acks, Caller, NodeClient};
pub use query::{KindFilter, MessageQuery, ReadFilter};
pub use watch::{LiveEvent, Watch};

pub use crate::http::{CallError, Client, Secret, Tls, TlsFiles, Tokens, exposed_mode};
pub use crate::wire::{
    ArrivalReport, DigestReport, EventKind, Faults, FaultsReport, ForgottenEvent, LinkEvent, MarkedReport,
    MessageReport, OverlayReport, PathEvent, PeerReport, Problem, ReadEvent, ReadyReport, ResetEvent, SeedsReport,
    SnapshotEvent, SpreadNode, SpreadReport, StateEvent, StateReport, StatusEvent, SubmissionShape, SubmittedReport,
    VersionReport,
};
