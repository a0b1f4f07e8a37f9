//! What may go wrong in the simulated world, as one record, and the counts that prove that it did.
//!
//! An HTTP exchange fails in more ways than a datagram: its request is lost, its *response is lost after the server
//! acted*, it arrives late or twice, overtakes another, or meets no process. Crashes, pauses and partitions are acts of
//! the world (`world.rs`); they are counted here as well.

use std::fmt;

use rand::RngExt;
use rand::rngs::SmallRng;

/// The faults of the network, in force for all exchanges alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Least and greatest time that one way takes, in milliseconds; the spread is what reorders.
    pub delay_ms: (u64, u64),
    /// How many ways in a thousand take up to [`Faults::tail_ms`] instead.
    pub tail_permille: u32,
    /// The longest that one way takes. Above a call's time limit an answer comes too late.
    pub tail_ms: u64,
    /// How many requests in a thousand vanish.
    pub lost_request_permille: u32,
    /// How many responses in a thousand vanish, after the server acted.
    pub lost_response_permille: u32,
    /// How many requests in a thousand arrive twice.
    pub duplicate_permille: u32,
}

impl Faults {
    /// A network on one machine on a good day.
    pub const NONE: Faults = Faults {
        delay_ms: (1, 4),
        tail_permille: 0,
        tail_ms: 0,
        lost_request_permille: 0,
        lost_response_permille: 0,
        duplicate_permille: 0,
    };

    /// A bad network: every fault at once.
    pub const ROUGH: Faults = Faults {
        delay_ms: (1, 60),
        tail_permille: 20,
        tail_ms: 2_500,
        lost_request_permille: 40,
        lost_response_permille: 40,
        duplicate_permille: 30,
    };

    /// A network as bad as one draw says: up to a third of all requests and of all responses lost.
    pub fn drawn(random: &mut SmallRng) -> Faults {
        // Most networks are rough; a few are so bad that hardly anything gets through.
        let worst = if random.random_bool(0.2) { 300 } else { 80 };
        let slow = random.random_range(5..=150);
        Faults {
            delay_ms: (random.random_range(0..=5), slow),
            tail_permille: random.random_range(0..=40),
            tail_ms: random.random_range(slow..=4_000),
            lost_request_permille: random.random_range(0..=worst),
            lost_response_permille: random.random_range(0..=worst),
            duplicate_permille: random.random_range(0..=60),
        }
    }
}

/// How often each fault really occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Ways that took longer than the usual range.
    pub late: u64,
    /// Requests that vanished.
    pub lost_requests: u64,
    /// Responses that vanished after the server acted.
    pub lost_responses: u64,
    /// Requests that arrived twice.
    pub duplicated: u64,
    /// Requests that were overtaken by a later one of the same two nodes.
    pub reordered: u64,
    /// Requests that met no process.
    pub refused: u64,
    /// Requests and responses that a partition swallowed.
    pub cut_off: u64,
    /// Calls whose time ran out.
    pub timed_out: u64,
    /// Processes that crashed.
    pub crashes: u64,
    /// Processes started again, empty, under the id of an earlier one.
    pub restarts: u64,
    /// Processes that left of their own accord.
    pub leaves: u64,
    /// Processes that stood still for a while.
    pub pauses: u64,
    /// Partitions that began.
    pub partitions: u64,
    /// Partitions that let one direction through.
    pub one_way_partitions: u64,
    /// Processes whose clock runs fast or slow.
    pub wrong_clocks: u64,
    /// Partitions that ended.
    pub heals: u64,
    /// Messages that full logs evicted.
    pub evictions: u64,
    /// Processes with a disk that crashed.
    pub crashes_with_disk: u64,
    /// Processes with a disk that were started again.
    pub restarts_from_disk: u64,
    /// Records that were written and not yet synced when their process crashed.
    pub lost_writes: u64,
}

impl FaultCounts {
    /// Every count with its name.
    pub fn named(&self) -> [(&'static str, u64); 20] {
        [
            ("late", self.late),
            ("lost requests", self.lost_requests),
            ("lost responses", self.lost_responses),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("refused", self.refused),
            ("cut off", self.cut_off),
            ("timed out", self.timed_out),
            ("crashes", self.crashes),
            ("restarts", self.restarts),
            ("leaves", self.leaves),
            ("pauses", self.pauses),
            ("partitions", self.partitions),
            ("one-way partitions", self.one_way_partitions),
            ("wrong clocks", self.wrong_clocks),
            ("heals", self.heals),
            ("evictions", self.evictions),
            ("crashes with a disk", self.crashes_with_disk),
            ("restarts from a disk", self.restarts_from_disk),
            ("lost writes", self.lost_writes),
        ]
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &FaultCounts) {
        self.late += other.late;
        self.lost_requests += other.lost_requests;
        self.lost_responses += other.lost_responses;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.refused += other.refused;
        self.cut_off += other.cut_off;
        self.timed_out += other.timed_out;
        self.crashes += other.crashes;
        self.restarts += other.restarts;
        self.leaves += other.leaves;
        self.pauses += other.pauses;
        self.partitions += other.partitions;
        self.one_way_partitions += other.one_way_partitions;
        self.wrong_clocks += other.wrong_clocks;
        self.heals += other.heals;
        self.evictions += other.evictions;
        self.crashes_with_disk += other.crashes_with_disk;
        self.restarts_from_disk += other.restarts_from_disk;
        self.lost_writes += other.lost_writes;
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, count)) in self.named().iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {name}")?;
        }
        Ok(())
    }
}
