//! The simulated network: how long a way takes, what is lost, and who cannot reach whom.
//!
//! It draws the fate of each request and response; `world.rs` schedules what follows from it.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::SmallRng;

use super::faults::{FaultCounts, Faults};
use crate::protocol::NodeId;
use crate::wire::{CallKind, HttpCall};

/// One HTTP exchange under way.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Names it; a later exchange has a greater one.
    pub(super) number: u64,
    /// Who calls.
    pub(super) caller: NodeId,
    /// Which life of the caller's process.
    pub(super) life: u32,
    /// The caller's name for it.
    pub(super) ticket: u64,
    /// Which answer belongs to it.
    pub(super) kind: CallKind,
    /// Who is called.
    pub(super) to: NodeId,
    /// What is sent.
    pub(super) call: HttpCall,
}

/// The network between all nodes.
#[derive(Debug)]
pub(super) struct Network {
    /// What goes wrong at present.
    pub(super) faults: Faults,
    /// What went wrong so far.
    pub(super) counts: FaultCounts,
    random: SmallRng,
    /// The group of each node while a partition lasts; a node in no group reaches all.
    groups: BTreeMap<NodeId, usize>,
    /// What the first groups say to the later ones gets through.
    one_way: bool,
    newest: BTreeMap<(NodeId, NodeId), u64>,
}

impl Network {
    /// A network with these faults, whose draws are decided by `random`.
    pub(super) fn new(faults: Faults, random: SmallRng) -> Network {
        Network {
            faults,
            counts: FaultCounts::default(),
            random,
            groups: BTreeMap::new(),
            one_way: false,
            newest: BTreeMap::new(),
        }
    }

    /// Separates nodes of different groups; one way only if what earlier groups send still reaches later ones.
    pub(super) fn partition(&mut self, groups: &[Vec<NodeId>], one_way: bool) {
        self.groups.clear();
        for (number, group) in groups.iter().enumerate() {
            self.groups.extend(group.iter().map(|id| (id.clone(), number)));
        }
        self.one_way = one_way;
        self.counts.partitions += 1;
        self.counts.one_way_partitions += u64::from(one_way);
    }

    /// Ends a partition, if there is one.
    pub(super) fn heal(&mut self) {
        self.counts.heals += u64::from(self.is_partitioned());
        self.groups.clear();
    }

    /// Whether a partition lasts.
    pub(super) fn is_partitioned(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether a partition swallows what goes from one to the other now.
    pub(super) fn cuts(&mut self, from: &NodeId, to: &NodeId) -> bool {
        let (from, to) = (self.groups.get(from), self.groups.get(to));
        let apart = from.is_some() && to.is_some() && from != to;
        let cut = apart && !(self.one_way && from < to);
        self.counts.cut_off += u64::from(cut);
        cut
    }

    /// How long one way takes.
    pub(super) fn delay(&mut self) -> u64 {
        let (low, high) = self.faults.delay_ms;
        if self.happens(self.faults.tail_permille) {
            self.counts.late += 1;
            return self.random.random_range(high..=self.faults.tail_ms.max(high));
        }
        self.random.random_range(low..=high)
    }

    /// How long each copy of a request takes: none when it is lost, two when it is duplicated.
    pub(super) fn ways_of_request(&mut self) -> Vec<u64> {
        if self.happens(self.faults.lost_request_permille) {
            self.counts.lost_requests += 1;
            return Vec::new();
        }
        let mut ways = vec![self.delay()];
        if self.happens(self.faults.duplicate_permille) {
            self.counts.duplicated += 1;
            ways.push(self.delay());
        }
        ways
    }

    /// How long a response takes, unless it is lost.
    pub(super) fn way_of_response(&mut self) -> Option<u64> {
        if self.happens(self.faults.lost_response_permille) {
            self.counts.lost_responses += 1;
            return None;
        }
        Some(self.delay())
    }

    /// Notes a request's arrival, to know whether a later one overtook it.
    pub(super) fn arrived(&mut self, exchange: &Exchange) {
        let newest = self.newest.entry((exchange.caller.clone(), exchange.to.clone())).or_default();
        self.counts.reordered += u64::from(exchange.number < *newest);
        *newest = exchange.number.max(*newest);
    }

    fn happens(&mut self, permille: u32) -> bool {
        permille > 0 && self.random.random_range(0..1_000) < permille
    }
}
