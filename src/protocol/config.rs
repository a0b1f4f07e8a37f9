//! What a node is told at its start, with the reason and the range of each number.
//!
//! All durations are milliseconds. [`Config::validate`] is called once at the door; inside, every value holds.

use std::sync::Arc;

use super::limits::{
    DEFAULT_MAX_PAYLOAD, DEFAULT_MAX_SEEDS, MAX_BATCH, MAX_PATH, MAX_WALK, MIN_PATH, MOST_PATIENCE, UNLIMITED_REACH,
};
use super::signature::{AllowedKeys, OriginKey};
use super::table::Bounds;
use super::words::NodeId;

/// A node's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Networks of different names never merge.
    pub cluster: Arc<str>,
    /// Most links at a time, 2 to 64: with fewer than two no message could pass through.
    pub max_peers: usize,
    /// Nodes that are asked first; names or ports, asked again for ever while the node is alone.
    pub seeds: Vec<NodeId>,
    /// Given neighbours: kept as they are until one fails.
    pub given_peers: Vec<NodeId>,
    /// The favourite books; empty for none.
    pub books: Arc<[String]>,
    /// Mean time between two books, ±20 %; 0 keeps the first.
    pub interval_ms: u64,
    /// Hops that a new message may travel, 0 to 255.
    pub ttl: u8,
    /// Whether messages travel over trees, or flood over every link.
    pub trees: bool,
    /// Each link exchanges digests once in this time, 50 to 60,000; shorter finds losses and deaths sooner and costs more.
    pub heartbeat_ms: u64,
    /// A suspect that has not refuted for this long is down: several heartbeats, so that a slow or paused node is not called so.
    pub suspicion_ms: u64,
    /// Local health: how much longer than it was late itself a node waits for others before it blames them, 0 to 100; with 0 it
    /// does not look at itself.
    pub patience: u64,
    /// Over each link goes at most one envelope in each window of so many milliseconds, 0 to 10,000; what comes up
    /// meanwhile travels together in the next window's. 0, the default, sends at once: fewer requests cost time.
    pub batch_ms: u64,
    /// A node that has been down, or has left, for so long is forgotten; 100 ms to 366 days.
    pub forget_ms: u64,
    /// Whether there is a disk: a node without one does not say what is worth keeping.
    pub durable: bool,
    /// Most remembered messages of users.
    pub max_messages: usize,
    /// Most bytes of their payloads and paths.
    pub max_message_bytes: usize,
    /// Most remembered books, apart from the messages so that books never push them out; 0 keeps no history.
    pub max_books: usize,
    /// Most paths kept for one message.
    pub max_paths: usize,
    /// Most known nodes; what comes from further ones is refused. For this one there is a place in any case.
    pub max_nodes: usize,
    /// Most bytes of all known nodes' states with their paths, apart from this node's own; what would go beyond is refused, so
    /// that many nodes with large states, or made-up ones, cannot fill the memory.
    pub max_state_bytes: usize,
    /// Largest payload in bytes.
    pub max_payload: usize,
    /// Most messages that this node puts into one envelope, 1 to 256.
    pub max_batch: usize,
    /// Most ids in the path of a copy that this node passes on, 65 to 256; beyond it the oldest behind the origin are left out.
    pub max_path: usize,
    /// Nodes that a search for a place asks one after another, 4 to 64.
    pub max_walk: u8,
    /// Most seeds at a time, 1 to 1024.
    pub max_seeds: usize,
    /// Signs what this node says; without it, it says it unsigned.
    pub signer: Option<OriginKey>,
    /// The only origins that are believed, with their keys; without it the first key seen of an origin counts.
    pub allowed_keys: Option<AllowedKeys>,
    /// Whether nodes of the other dialect may take part, which knows neither signatures nor tokens.
    pub dialect: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            cluster: "default".into(),
            max_peers: 3,
            seeds: Vec::new(),
            given_peers: Vec::new(),
            books: Arc::new([]),
            interval_ms: 10_000,
            ttl: UNLIMITED_REACH as u8,
            trees: true,
            heartbeat_ms: 1_000,
            suspicion_ms: 2_000,
            patience: 4,
            batch_ms: 0,
            forget_ms: 24 * 3_600_000,
            durable: false,
            max_messages: 100_000,
            max_message_bytes: 64 * 1024 * 1024,
            max_books: 2_000,
            max_paths: 64,
            max_nodes: 65_536,
            max_state_bytes: 256 * 1024 * 1024,
            max_payload: DEFAULT_MAX_PAYLOAD,
            max_batch: MAX_BATCH,
            max_path: MAX_PATH,
            max_walk: MAX_WALK,
            max_seeds: DEFAULT_MAX_SEEDS,
            signer: None,
            allowed_keys: None,
            dialect: true,
        }
    }
}

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {given}, allowed is {allowed}")]
pub struct ConfigError {
    /// The setting's name.
    pub field: &'static str,
    /// What was given.
    pub given: String,
    /// What would be valid.
    pub allowed: String,
}

impl Config {
    /// How much the table of known nodes takes.
    pub fn table_bounds(&self) -> Bounds {
        Bounds { nodes: self.max_nodes, bytes: self.max_state_bytes }
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// The first setting that is out of range, with the range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let within = |field, given: u64, low: u64, high: u64| {
            if (low..=high).contains(&given) {
                return Ok(());
            }
            Err(ConfigError { field, given: given.to_string(), allowed: format!("{low} to {high}") })
        };
        let time = |field, given: u64, low: u64, high: u64, allowed: &str| {
            let refused = |error| ConfigError { given: format!("{given} ms"), allowed: allowed.to_owned(), ..error };
            within(field, given, low, high).map_err(refused)
        };
        let name = &*self.cluster;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(ConfigError {
                field: "cluster",
                given: format!("{name:?}"),
                allowed: "1 to 64 letters, digits, '-', '_' and '.'".to_owned(),
            });
        }
        within("patience", self.patience, 0, MOST_PATIENCE)?;
        within("max-peers", self.max_peers as u64, 2, 64)?;
        within("peer (number of given peers)", self.given_peers.len() as u64, 0, self.max_peers as u64)?;
        time("interval", self.interval_ms, 0, 86_400_000, "0 to 24 h")?;
        time("heartbeat", self.heartbeat_ms, 50, 60_000, "50 to 60000 ms")?;
        time("suspicion", self.suspicion_ms, self.heartbeat_ms, 3_600_000, "a heartbeat to 1 h")?;
        time("batch", self.batch_ms, 0, 10_000, "0 to 10000 ms")?;
        time("forget-after", self.forget_ms, 100, 366 * 86_400_000, "100 ms to 366 days")?;
        within("max-messages", self.max_messages as u64, 1, 10_000_000)?;
        within("max-message-bytes", self.max_message_bytes as u64, 1024 * 1024, 1 << 40)?;
        within("max-books", self.max_books as u64, 0, 10_000_000)?;
        within("max-paths", self.max_paths as u64, 1, 1024)?;
        within("max-nodes", self.max_nodes as u64, 2, 1_000_000)?;
        within("max-state-bytes", self.max_state_bytes as u64, 1024 * 1024, 1 << 40)?;
        within("max-payload", self.max_payload as u64, 64, 1024 * 1024)?;
        within("max-batch", self.max_batch as u64, 1, MAX_BATCH as u64)?;
        within("max-path", self.max_path as u64, MIN_PATH as u64, MAX_PATH as u64)?;
        within("max-peers-asked", self.max_walk.into(), 4, MAX_WALK.into())?;
        within("max-seeds", self.max_seeds as u64, 1, 1024)?;
        within("seed (number of given seeds)", self.seeds.len() as u64, 0, self.max_seeds as u64)
    }
}
