//! A decentralised state service: every node owns one piece of state, and soon every node knows the newest of each.
//!
//! One library, two thin binaries. Start with [`protocol`], which is the whole behaviour of a node without any I/O.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod protocol;

pub mod wire;

pub mod store;

pub mod net;
pub mod web;

pub mod server;

pub mod client;
pub mod http;
pub mod sim;

pub mod plot;
pub mod topology;

pub mod lab;

mod arguments;
pub mod cli;
