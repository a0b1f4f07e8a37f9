//! The flags of what one node takes at most, each with its reason.
//!
//! What a node must be ready for from others (messages in a request, ids in a path, claims, bytes of an answer) is the same
//! for all nodes and stands in `protocol/limits.rs`; what stands here is one node's own affair, and two nodes of one network
//! may differ in it.

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;

use super::settings::parse_duration;
use crate::protocol::limits::{DEFAULT_MAX_PAYLOAD, MAX_BODY};
use crate::protocol::{Config, ConfigError};
use crate::web;

/// Requests a second that one address may make where nothing is said: more than a busy peer sends, less than a processor
/// can answer.
const DEFAULT_RATE: u32 = 10_000;

/// What one node takes at most.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct Bounds {
    /// Submitted messages remembered, 1 to 10,000,000; above it the oldest are evicted.
    #[arg(long, env = "GOSSIP_MAX_MESSAGES", value_name = "N", default_value_t = Config::default().max_messages)]
    pub max_messages: usize,

    /// Bytes of remembered messages' payloads and paths, from 1048576 on; above it the oldest are evicted.
    #[arg(long, env = "GOSSIP_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value_t = Config::default().max_message_bytes)]
    pub max_message_bytes: usize,

    /// Books remembered beside the newest of each node, 0 to 10,000,000.
    #[arg(long, env = "GOSSIP_MAX_BOOKS", value_name = "N", default_value_t = Config::default().max_books)]
    pub max_books: usize,

    /// Paths remembered of one message, 1 to 1024.
    #[arg(long, env = "GOSSIP_MAX_PATHS", value_name = "N", default_value_t = Config::default().max_paths)]
    pub max_paths: usize,

    /// Nodes known at a time, 2 to 1,000,000; what comes from further ones is refused.
    #[arg(long, env = "GOSSIP_MAX_NODES", value_name = "N", default_value_t = Config::default().max_nodes)]
    pub max_nodes: usize,

    /// Bytes of all nodes' states with their paths, from 1048576 on, and as many of the history of books; states that would go
    /// beyond are refused.
    #[arg(long, env = "GOSSIP_MAX_STATE_BYTES", value_name = "BYTES", default_value_t = Config::default().max_state_bytes)]
    pub max_state_bytes: usize,

    /// Bytes of one payload, 64 to 1048576. Nodes that take less refuse what others' users may submit.
    #[arg(long, env = "GOSSIP_MAX_PAYLOAD", value_name = "BYTES", default_value_t = DEFAULT_MAX_PAYLOAD)]
    pub max_payload: usize,

    /// Messages that this node puts into one envelope, 1 to 256. It takes up to 1024 in one request.
    #[arg(long, env = "GOSSIP_MAX_BATCH", value_name = "N", default_value_t = Config::default().max_batch)]
    pub max_batch: usize,

    /// Ids in the path of a message that this node passes on, 65 to 256; above it the oldest behind the origin are left out.
    #[arg(long, env = "GOSSIP_MAX_PATH", value_name = "N", default_value_t = Config::default().max_path)]
    pub max_path: usize,

    /// Nodes that a search for a place asks one after another, 4 to 64; then it begins anew later.
    #[arg(long, env = "GOSSIP_MAX_PEERS_ASKED", value_name = "N", default_value_t = Config::default().max_walk,
        value_parser = clap::value_parser!(u8).range(4..=64))]
    pub max_peers_asked: u8,

    /// Seeds at a time, 1 to 1024: given ones, those added later, and those named by a seed of the other dialect.
    #[arg(long, env = "GOSSIP_MAX_SEEDS", value_name = "N", default_value_t = Config::default().max_seeds)]
    pub max_seeds: usize,

    /// Streams of events at a time (GET /events), 1 to 100,000; further ones are answered 503.
    #[arg(long, env = "GOSSIP_MAX_EVENT_STREAMS", value_name = "N", default_value_t = 1_000)]
    pub max_event_streams: usize,

    /// Bytes of one request's body, from 2097152 (a full envelope of the largest payloads) to 67108864.
    #[arg(long, env = "GOSSIP_MAX_BODY", value_name = "BYTES", default_value_t = MAX_BODY)]
    pub max_body: usize,

    /// Connections open at a time, 16 to 1,000,000; further ones take the place of the one that has been idle for longest.
    /// Lowered where the process may not open as many files.
    #[arg(long, env = "GOSSIP_MAX_CONNECTIONS", value_name = "N", default_value_t = 16 * 1024)]
    pub max_connections: usize,

    /// Requests a second that one address may make; beyond it 429 with Retry-After. 0 sets no limit [default: 10000, and
    /// none when listening on a loopback address, where all come from one].
    #[arg(long, env = "GOSSIP_MAX_REQUEST_RATE", value_name = "N")]
    pub max_request_rate: Option<u32>,

    /// Time for a request's line and headers to arrive, 100ms to 5min; then the connection is closed.
    #[arg(long, env = "GOSSIP_HEADER_TIME", value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub header_time: Duration,

    /// Time for a request's body to arrive, 100ms to 5min; then it is refused with 408.
    #[arg(long, env = "GOSSIP_BODY_TIME", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub body_time: Duration,
}

/// How connections are taken.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionBounds {
    /// Open at a time.
    pub max_connections: usize,
    /// Time for the line and the headers of a request.
    pub header_time: Duration,
}

impl Bounds {
    /// Writes the protocol's part into a node's settings; [`Config::validate`] checks it there.
    pub fn write_to(&self, config: &mut Config) {
        config.max_messages = self.max_messages;
        config.max_message_bytes = self.max_message_bytes;
        config.max_books = self.max_books;
        config.max_paths = self.max_paths;
        config.max_nodes = self.max_nodes;
        config.max_state_bytes = self.max_state_bytes;
        config.max_payload = self.max_payload;
        config.max_batch = self.max_batch;
        config.max_path = self.max_path;
        config.max_walk = self.max_peers_asked;
        config.max_seeds = self.max_seeds;
    }

    /// What the HTTP face takes of one request, and how many of them, for a node that listens on `bind`.
    ///
    /// # Errors
    /// The first number out of its range.
    pub fn of_requests(&self, bind: IpAddr) -> Result<web::Bounds, ConfigError> {
        within("max-body", self.max_body as u64, MAX_BODY as u64, 64 * 1024 * 1024)?;
        check_time("body-time", self.body_time)?;
        within("max-event-streams", self.max_event_streams as u64, 1, 100_000)?;
        let usual = if bind.is_loopback() { 0 } else { DEFAULT_RATE };
        Ok(web::Bounds {
            max_payload: self.max_payload,
            max_body: self.max_body,
            body_time: self.body_time,
            event_streams: self.max_event_streams,
            requests_per_second: self.max_request_rate.unwrap_or(usual),
        })
    }

    /// What the listener takes.
    ///
    /// # Errors
    /// The first number out of its range.
    pub fn of_connections(&self) -> Result<ConnectionBounds, ConfigError> {
        within("max-connections", self.max_connections as u64, 16, 1_000_000)?;
        check_time("header-time", self.header_time)?;
        Ok(ConnectionBounds { max_connections: self.max_connections, header_time: self.header_time })
    }
}

fn within(field: &'static str, given: u64, low: u64, high: u64) -> Result<(), ConfigError> {
    if (low..=high).contains(&given) {
        return Ok(());
    }
    Err(ConfigError { field, given: given.to_string(), allowed: format!("{low} to {high}") })
}

fn check_time(field: &'static str, given: Duration) -> Result<(), ConfigError> {
    if (Duration::from_millis(100)..=Duration::from_secs(300)).contains(&given) {
        return Ok(());
    }
    let given = humantime::format_duration(given).to_string();
    Err(ConfigError { field, given, allowed: "100ms to 5min".to_owned() })
}

/// Files that a process needs beside its connections from others: its own calls, its database, its standard streams.
const OWN_FILES: u64 = 64;

/// Raises the number of files that this process may open as far as it may, and answers how many connections fit.
pub fn connections_that_fit(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + OWN_FILES;
    let allowed = limit.maximum.unwrap_or(u64::MAX).min(needed);
    if limit.current.is_some_and(|current| current < allowed)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), ..limit })
    {
        log::debug!("this process may open no more files than {:?}: {error}", limit.current);
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let fit = usize::try_from(files.saturating_sub(OWN_FILES)).unwrap_or(usize::MAX).max(16).min(wanted);
    if fit < wanted {
        log::warn!(
            "at most {fit} connections at a time, not {wanted}: this process may open no more than {files} files"
        );
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_exceed_what_was_wanted_or_may_be_opened() {
        assert_eq!(connections_that_fit(16), 16);
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        let fit = connections_that_fit(usize::MAX >> 8);
        assert!(files.is_none_or(|files| fit as u64 <= files), "{fit} of {files:?}");
    }
}
