//! Every bound of the protocol, each with its reason.
//!
//! Memory, message sizes and work per request are bounded by these numbers; those that an operator may change are
//! fields of [`super::Config`] and stand here as defaults.

/// Greatest version and stamp: the largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
pub const MAX_VERSION: u64 = (1 << 53) - 1;

/// A version or stamp this far above the held one is refused: a forged huge one would leave its owner no room to continue.
pub const MAX_LEAP: u64 = 1 << 32;

/// From this reach on a submitted message is unlimited, and repair hands it on where pushing ended.
pub const UNLIMITED_REACH: usize = 64;

/// Longest host name, as in DNS (RFC 1035, section 2.3.4).
pub const MAX_HOST_LENGTH: usize = 253;

/// Longest path that a copy may carry: the greatest ttl and its origin. A node may be told to pass on shorter ones, yet none
/// shorter than [`MIN_PATH`].
pub const MAX_PATH: usize = 256;

/// The shortest bound of a path: with less, a message of unlimited reach would count as a limited one after some hops.
pub const MIN_PATH: usize = UNLIMITED_REACH + 1;

/// Most copies that `relays` may ask for.
pub const MAX_RELAYS: u8 = 16;

/// Largest payload in bytes, unless configured: a page of text, not a file.
pub const DEFAULT_MAX_PAYLOAD: usize = 64 * 1024;

/// Most messages in one envelope: keeps one request's work short beside other requests. A node may be told to send fewer.
pub const MAX_BATCH: usize = 256;

/// Bytes of messages after which an envelope or a reply is full; one message more may be within.
pub const MAX_BATCH_BYTES: usize = 256 * 1024;

/// Bytes of messages in one answer to a comparison.
pub const MAX_SYNC_BYTES: usize = 1024 * 1024;

/// Largest request body that is read into memory: a full envelope with the largest payloads fits.
pub const MAX_BODY: usize = 2 * 1024 * 1024;

/// Items that wait for one link; above that the oldest are dropped, and repair makes up for it.
pub const MAX_QUEUE: usize = 16 * 1024;

/// Claims in one envelope.
pub const MAX_CLAIMS: usize = 256;

/// Origins that one envelope asks for again, or no more; beyond it all are asked for.
pub const MAX_GRAFTS: usize = 1024;

/// Announcements in one envelope of what was not pushed over a link.
pub const MAX_ANNOUNCED: usize = 64;

/// Requests under way to one peer at a time.
pub const MAX_IN_FLIGHT: usize = 4;

/// Fingerprints remembered of messages that were refused for a limit, so that repair does not offer them for ever.
pub const MAX_REFUSED: usize = 1024;

/// Coded symbols in one comparison request; above it the whole list of fingerprints is sent instead.
pub const MAX_SYMBOLS: usize = 16 * 1024;

/// Fingerprints in one list of a comparison: every known node and every remembered message.
pub const MAX_FINGERPRINTS: usize = 128 * 1024;

/// Steps of a join's walk, whatever the asked nodes say; a node may be told to take fewer.
pub const MAX_WALK: u8 = 64;

/// Forgotten nodes that are remembered as such.
pub const MAX_TOMBSTONES: usize = 16 * 1024;

/// Foreign peers (the other dialect) at a time.
pub const MAX_FOREIGN: usize = 64;

/// Failures in a row after which a foreign peer is dropped.
pub const MAX_FOREIGN_FAILURES: u32 = 6;

/// Seeds that are kept unless configured, given ones and those heard from a foreign seed together: each is asked from time
/// to time.
pub const DEFAULT_MAX_SEEDS: usize = 64;

/// The most that a node's own lateness counts when it waits for others.
pub const MOST_PATIENCE: u64 = 100;
