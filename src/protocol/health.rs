//! Local health: whoever is itself late blames nobody for being so.
//!
//! A node on a machine that is short of processor time reads answers late that came in time, and so did whoever it asked:
//! it would take the living for dead, each of which refutes that everywhere, which takes more processor time still. So a
//! node that is woken late waits for longer before it suspects anybody or calls a suspect down, or takes the network for torn as
//! its news was not heard of, by as much as it was late and some more (Dadgar, Phillips and Currey: Lifeguard, DSN-W 2018: a
//! node's local health stretches the times of its probes and suspicions). And it waits for answers as much longer as it was late:
//! to send again what is only slow keeps all the longer busy who is slow.
//!
//! The numbers were tried on a simulated machine of two processors, on which 64 nodes join 880 (docs/performance.md): under
//! the heaviest load the living were called down ten times as often and more with half the patience, or half the most; another
//! half-life changed little.

use super::node::Node;
use super::words::Time;

/// The most that lateness counts, in heartbeats: a death is noticed at last however slow the machine is, and whoever slept for
/// an hour is soon as watchful as before.
const MOST_HEARTBEATS: u64 = 4;

/// Heartbeats after which lateness counts half.
const HALF_LIFE_HEARTBEATS: u64 = 4;

/// The most by which a call's time limit grows, in milliseconds, however long a heartbeat is: a connection that died while this
/// node slept is to be noticed soon.
const MOST_CALL_MS: u64 = 4_000;

/// How late this node was of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    /// The worst, and when that was.
    late_ms: u64,
    at: Time,
    /// What that counts for now.
    counts_ms: u64,
}

impl Health {
    /// It is `now`, and something was `due` before.
    fn note(&mut self, now: Time, due: Option<Time>, heartbeat: u64) {
        let halvings = now.since(self.at) / (HALF_LIFE_HEARTBEATS * heartbeat).max(1);
        self.counts_ms = self.late_ms.checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(0);
        let late = due.map_or(0, |due| now.since(due)).min(MOST_HEARTBEATS * heartbeat);
        if late > self.counts_ms {
            *self = Health { late_ms: late, at: now, counts_ms: late };
        }
    }
}

impl Node {
    /// Something happens: what is due by then is done late.
    pub(super) fn note_lateness(&mut self, now: Time) {
        if self.config.patience > 0 {
            self.health.note(now, self.due(), self.config.heartbeat_ms);
        }
    }

    /// By how many milliseconds this node was late lately.
    pub(super) fn lateness(&self) -> u64 {
        self.health.counts_ms
    }

    /// For how many milliseconds more than usual the answer to a call is waited for.
    pub(super) fn call_patience(&self) -> u64 {
        self.lateness().min(MOST_CALL_MS)
    }

    /// For how many milliseconds more than usual others may be silent.
    pub(super) fn patience(&self) -> u64 {
        self.config.patience * self.lateness()
    }
}
