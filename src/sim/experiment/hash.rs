//! A running hash over everything that happens, cheap enough for millions of events per second.
//!
//! Two runs of one seed must have one hash, in whatever process. It guards against accident, not against malice.

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TraceHash(u64);

impl TraceHash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    }

    /// Takes in one event.
    pub(super) fn add(&mut self, now: u64, what: u64, who: u64, detail: u64) {
        self.word(now << 8 | what);
        self.word(who);
        self.word(detail);
    }

    /// Takes in the bytes of a request or an answer.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.word(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        self.word(chunks.remainder().iter().fold(1, |word, byte| word << 8 | u64::from(*byte)));
    }

    /// The hash as text.
    pub(super) fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}
