//! Local health: whoever is itself late blames nobody for being so.
//!
//! A node on a machine that is short of processor time reads answers late that came in time, and so did whoever it asked:
//! it would take the living for dead, each of which refutes that everywhere, which takes more processor time still. So a
//! node that is woken late waits for longer before it suspects anybody or calls a suspect down, by as much as it was late and
//! some more (Dadgar, Phillips and Currey: Lifeguard, DSN-W 2018: a node's local health stretches the times of its
//! probes and suspicions).

use super::node::Node;
use super::words::Time;

/// How much longer than it was late itself a node waits for others.
const PATIENCE: u64 = 4;

/// The most that lateness counts, in heartbeats: a death is noticed at last however slow the machine is, and whoever slept for
/// an hour is soon as watchful as before.
const MOST_HEARTBEATS: u64 = 4;

/// Heartbeats after which lateness counts half.
const HALF_LIFE_HEARTBEATS: u64 = 4;

/// How late this node was of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    late_ms: u64,
    at: Time,
}

impl Health {
    /// What was due at `due` is done at `now`.
    fn note(&mut self, now: Time, due: Time, heartbeat: u64) {
        let late = now.since(due).min(MOST_HEARTBEATS * heartbeat);
        if late > self.late_ms(now, heartbeat) {
            *self = Health { late_ms: late, at: now };
        }
    }

    fn late_ms(self, now: Time, heartbeat: u64) -> u64 {
        let halvings = now.since(self.at) / (HALF_LIFE_HEARTBEATS * heartbeat).max(1);
        self.late_ms.checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(0)
    }
}

impl Node {
    /// Something happens: what is due by then is done late.
    pub(super) fn note_lateness(&mut self, now: Time) {
        if let Some(due) = self.due().filter(|due| *due < now) {
            self.health.note(now, due, self.config.heartbeat_ms);
        }
    }

    /// By how many milliseconds this node was late lately.
    pub(super) fn lateness(&self, now: Time) -> u64 {
        self.health.late_ms(now, self.config.heartbeat_ms)
    }

    /// For how many milliseconds more than usual others may be silent.
    pub(super) fn patience(&self, now: Time) -> u64 {
        PATIENCE * self.lateness(now)
    }
}
