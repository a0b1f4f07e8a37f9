//! What happened: one line per event for a reader, and a running hash over all of it.
//!
//! Two runs of one seed must have one hash, in whatever process: that is how determinism is tested. The hash is FNV-1a
//! over the lines and over the bytes of every request and response; it guards against accident, not against malice.

use std::fmt::{self, Write};

use crate::protocol::Time;

/// Who is told each line as it happens.
pub type Observer = fn(&str);

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The trace of one run.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    hash: u64,
    events: u64,
    observer: Option<Observer>,
    line: String,
}

impl Trace {
    /// A trace that tells its lines to `observer`, if there is one.
    pub(super) fn new(observer: Option<Observer>) -> Trace {
        Trace { hash: OFFSET, events: 0, observer, line: String::new() }
    }

    /// Notes one event.
    pub(super) fn event(&mut self, now: Time, what: fmt::Arguments<'_>) {
        self.events += 1;
        self.line.clear();
        // Writing to a text cannot fail.
        let _ = write!(self.line, "{:>8} {what}", now.0);
        self.hash = fnv(self.hash, self.line.as_bytes());
        if let Some(observer) = self.observer {
            observer(&self.line);
        }
    }

    /// Takes the bytes of a request or response into the hash.
    pub(super) fn body(&mut self, body: &[u8]) {
        self.hash = fnv(self.hash, body);
    }

    /// The hash of everything so far.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// How many events there were.
    pub(super) fn events(&self) -> u64 {
        self.events
    }
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}
