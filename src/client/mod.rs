//! A typed HTTP client of one node: a method per endpoint, and errors that say who is to blame.
//!
//! [`Caller`] holds the connections and hands out a [`NodeClient`] per address. A call ends in one of three ways: the
//! answer, a refusal with the node's own words, or [`ClientError::Silent`] when nobody answered. Nothing is retried
//! and nothing is printed; both are for the command line, and what a network of nodes is belongs to `lab`.
//!
//! The records that nodes answer with come from `wire` and are named here again, so that those above need only this
//! folder.

mod error;
mod gather;
mod node;
mod query;

#[cfg(test)]
mod tests;

pub use error::ClientError;
pub use gather::gather;
pub use node::{Acks, Caller, NodeClient};
pub use query::{KindFilter, MessageQuery, ReadFilter};

pub use crate::http::{CallError, Client, Secret, Tls, TlsFiles, Tokens, exposed_mode};
pub use crate::wire::{
    ArrivalReport, DigestReport, Faults, FaultsReport, MarkedReport, MessageReport, PeerReport, Problem, ReadyReport,
    SeedsReport, StateReport, SubmissionShape, SubmittedReport, VersionReport,
};
