//! Random histories: everything that may happen to a small network, drawn from one seed.
//!
//! A history has three parts: a time of faults, in which nodes join, crash, return, leave, stand still and are separated
//! while books change and messages are submitted; then the faults end, and all must agree within a bounded number of
//! heartbeats; then, with nothing new, comparisons must cease.
//!
//! One thing is left to an operator: of the seeds one must run in the end, since a node that knows nobody finds nobody else.

use std::fmt;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::check::Broken;
use super::faults::{FaultCounts, Faults};
use super::trace::Observer;
use super::world::World;
use crate::protocol::{Config, NodeId, OriginKey, Payload, Submission, Time};

/// Heartbeats within which all agree once the faults are over.
const AGREEMENT_HEARTBEATS: u64 = 30;

/// Heartbeats from one news of each node to its next while agreement is awaited.
const NEWS_HEARTBEATS: u64 = 10;

/// Heartbeats of rest without a comparison that must come soon after all agree.
const REST_HEARTBEATS: u64 = 10;

/// How often such a time may begin anew.
const RESTS: usize = 7;

/// Long enough that each side holds the other for dead and closes its ranks.
const LONGEST_PARTITION_MS: u64 = 12_000;

/// A process that stands still for longer loses its links.
const LONGEST_PAUSE_MS: u64 = 6_000;

const HEARTBEAT_MS: u64 = 1_000;

/// What a schedule may do; the seed draws from it.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Least and greatest number of nodes.
    pub nodes: (usize, usize),
    /// Least and greatest degree.
    pub max_peers: (usize, usize),
    /// How long the faults last, in simulated milliseconds.
    pub faults_ms: u64,
    /// The faults of the network in that time; drawn from the seed unless given.
    pub faults: Option<Faults>,
    /// Who is told each line of the trace.
    pub observer: Option<Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Options { nodes: (3, 20), max_peers: (2, 5), faults_ms: 25_000, faults: None, observer: None }
    }
}

/// What became of a schedule.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed, by which it is replayed.
    pub seed: u64,
    /// Nodes that ever were.
    pub nodes: usize,
    /// Most links of each.
    pub max_peers: usize,
    /// Messages that users submitted.
    pub submitted: u64,
    /// Books that users set.
    pub books: u64,
    /// Events in the trace.
    pub events: u64,
    /// How often each fault occurred.
    pub counts: FaultCounts,
    /// Milliseconds from the end of the faults until all agreed.
    pub agreed_after_ms: Option<u64>,
    /// A hash over everything that happened.
    pub trace_hash: u64,
    /// Whether the guarantee held.
    pub verdict: Result<(), Broken>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {} nodes of degree {}", self.seed, self.nodes, self.max_peers)?;
        writeln!(f, "users:  {} messages, {} books", self.submitted, self.books)?;
        writeln!(f, "faults: {}", self.counts)?;
        writeln!(f, "trace:  {:016x} over {} events", self.trace_hash, self.events)?;
        match (&self.verdict, self.agreed_after_ms) {
            (Ok(()), Some(ms)) => write!(f, "the guarantee held; all agreed {ms} ms after the faults"),
            (Ok(()), None) => f.write_str("the guarantee held"),
            (Err(broken), _) => {
                write!(f, "BROKEN {broken}\nreplay: cargo run --example replay_schedule -- {} --trace", self.seed)
            }
        }
    }
}

/// Runs the history that `seed` draws.
pub fn run_schedule(seed: u64, options: Options) -> Report {
    let mut schedule = Schedule::new(seed, options);
    let verdict = schedule.run();
    let world = &schedule.world;
    Report {
        seed,
        nodes: world.ids().count(),
        max_peers: schedule.max_peers,
        submitted: schedule.submitted,
        books: schedule.books,
        events: world.events(),
        counts: world.counts(),
        agreed_after_ms: schedule.agreed_after_ms,
        trace_hash: world.trace_hash(),
        verdict,
    }
}

struct Schedule {
    options: Options,
    world: World,
    random: SmallRng,
    /// Nodes that have not yet joined.
    absent: Vec<NodeId>,
    max_peers: usize,
    /// Whether all nodes sign what they say, in every fourth history.
    sign: bool,
    seeds: Vec<NodeId>,
    partition_ends: Option<Time>,
    submitted: u64,
    /// Whether users retry, in every third history: no log is so small then that a uuid could be forgotten meanwhile.
    retry: bool,
    /// What a user submitted last under a uuid of its own.
    unanswered: Option<Submission>,
    books: u64,
    agreed_after_ms: Option<u64>,
}

impl Schedule {
    fn new(seed: u64, options: Options) -> Schedule {
        let mut random = SmallRng::seed_from_u64(seed ^ 0x7363_6865_6475_6c65);
        let nodes = random.random_range(options.nodes.0..=options.nodes.1) as u16;
        let max_peers = random.random_range(options.max_peers.0..=options.max_peers.1);
        let faults = options.faults.unwrap_or_else(|| Faults::drawn(&mut random));
        let absent = (1..=nodes).rev().map(|n| NodeId::Port(7_000 + n)).collect();
        Schedule {
            world: World::new(seed, faults, options.observer),
            options,
            random,
            absent,
            max_peers,
            sign: seed.is_multiple_of(4),
            seeds: vec![NodeId::Port(7_001), NodeId::Port(7_002)],
            partition_ends: None,
            submitted: 0,
            retry: seed.is_multiple_of(3),
            unanswered: None,
            books: 0,
            agreed_after_ms: None,
        }
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.join()?;
        while self.world.now().0 < self.options.faults_ms {
            let pause = self.random.random_range(10..=600);
            self.world.run_for(pause)?;
            self.end_partition(false);
            self.act()?;
        }
        self.world.inspect()?;
        self.end_partition(true);
        self.world.set_faults(Faults::NONE);
        self.agree()?;
        self.rest()?;
        self.world.inspect()
    }

    /// Draws one act. Joins come early, so that most of a history happens to a whole network.
    fn act(&mut self) -> Result<(), Broken> {
        let early = self.world.now().0 < self.options.faults_ms / 2;
        if !self.absent.is_empty() && (!early || self.random.random_bool(0.5)) {
            return self.join();
        }
        match self.random.random_range(0..100) {
            0..35 => self.submit(),
            35..60 => self.set_book(),
            60..68 => {
                self.crash();
                Ok(())
            }
            68..82 => self.restart(),
            82..85 => self.leave(),
            85..90 => {
                self.pause();
                Ok(())
            }
            90..94 => {
                self.partition();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn any_live(&mut self) -> Option<NodeId> {
        let live: Vec<&NodeId> = self.world.live_ids().collect();
        live.choose(&mut self.random).map(|id| (*id).clone())
    }

    /// A live node that may go: never the last one.
    fn any_to_end(&mut self) -> Option<NodeId> {
        let id = self.any_live()?;
        (self.world.live_ids().count() > 1).then_some(id)
    }

    fn join(&mut self) -> Result<(), Broken> {
        let Some(id) = self.absent.pop() else { return Ok(()) };
        let small = self.random.random_bool(0.3) && !self.retry;
        let config = Config {
            max_peers: self.max_peers,
            seeds: self.seeds.clone(),
            books: ["Emma", "Ulysses", "Lucky Jim", "Middlemarch"].map(str::to_owned).into(),
            interval_ms: self.random.random_range(2_000..=10_000),
            heartbeat_ms: HEARTBEAT_MS,
            // Some logs are so small that they evict.
            max_messages: if small { self.random.random_range(3..=12) } else { 1_000 },
            max_books: self.random.random_range(0..=20),
            max_paths: self.random.random_range(1..=64),
            trees: !self.random.random_bool(0.15),
            signer: self.sign.then(|| key_of(&id)),
            durable: self.random.random_bool(0.5),
            ..Config::default()
        };
        // Clocks begin anywhere, and some are wrong by up to a tenth.
        let permille = if self.random.random_bool(0.2) { self.random.random_range(900..=1_100) } else { 1_000 };
        self.world.set_clock(&id, self.random.random_range(0..=1 << 40), permille);
        self.world.start(&id, config)
    }

    fn submit(&mut self) -> Result<(), Broken> {
        let Some(id) = self.any_live() else { return Ok(()) };
        // A user who did not hear of an answer submits the same once more, perhaps elsewhere and much later.
        if self.retry
            && self.random.random_bool(0.3)
            && let Some(again) = self.unanswered.clone()
        {
            return self.world.submit(&id, again).map(|_| ());
        }
        self.submitted += 1;
        let ttl = *[None, None, None, Some(255), Some(64), Some(63), Some(6), Some(2), Some(1), Some(0)]
            .choose(&mut self.random)
            .unwrap_or(&None);
        let relays = if self.random.random_bool(0.2) { self.random.random_range(1..=4) } else { 0 };
        let payload = Payload::of_book(Some(&format!("message {}", self.submitted)));
        let uuid = (self.retry && self.random.random_bool(0.5)).then(|| Uuid::from_u128(self.random.random()));
        let submission = Submission { payload, ttl, relays, uuid };
        if uuid.is_some() {
            self.unanswered = Some(submission.clone());
        }
        self.world.submit(&id, submission).map(|_| ())
    }

    fn set_book(&mut self) -> Result<(), Broken> {
        let Some(id) = self.any_live() else { return Ok(()) };
        self.books += 1;
        self.world.set_book(&id, &format!("book {}", self.books))
    }

    fn crash(&mut self) {
        if let Some(id) = self.any_to_end() {
            self.world.crash(&id);
        }
    }

    fn leave(&mut self) -> Result<(), Broken> {
        match self.any_to_end() {
            Some(id) => self.world.stop(&id),
            None => Ok(()),
        }
    }

    fn restart(&mut self) -> Result<(), Broken> {
        let gone: Vec<&NodeId> = self.world.ids().filter(|id| self.world.node(id).is_none()).collect();
        let Some(id) = gone.choose(&mut self.random).map(|id| (*id).clone()) else { return Ok(()) };
        self.world.restart(&id)
    }

    fn pause(&mut self) {
        if let Some(id) = self.any_to_end() {
            let longest = LONGEST_PAUSE_MS;
            let milliseconds = self.random.random_range(100..=longest);
            self.world.pause(&id, milliseconds);
        }
    }

    fn partition(&mut self) {
        if self.partition_ends.is_some() {
            return;
        }
        let mut groups = [Vec::new(), Vec::new()];
        for id in self.world.ids() {
            groups[usize::from(self.random.random_bool(0.5))].push(id.clone());
        }
        if self.random.random_bool(0.3) {
            self.world.partition_one_way(&groups);
        } else {
            self.world.partition(&groups);
        }
        let lasts = self.random.random_range(200..=LONGEST_PARTITION_MS);
        self.partition_ends = Some(self.world.now().after(lasts));
    }

    fn end_partition(&mut self, at_once: bool) {
        if self.partition_ends.is_some_and(|end| at_once || end <= self.world.now()) {
            self.partition_ends = None;
            self.world.heal();
        }
    }

    /// The faults are over, the users go on: all must agree. A tear shows only by news that does not arrive, so there is
    /// some every few heartbeats.
    fn agree(&mut self) -> Result<(), Broken> {
        // A paused process comes back first: it is live, and cannot agree before it moves. One that leaves goes.
        self.world.run_for(LONGEST_PAUSE_MS)?;
        for seed in self.seeds.clone() {
            self.world.restart(&seed)?;
        }
        let began = self.world.now();
        for round in 1..=AGREEMENT_HEARTBEATS / NEWS_HEARTBEATS {
            let live: Vec<NodeId> = self.world.live_ids().cloned().collect();
            for id in live {
                self.world.set_book(&id, &format!("book {round} of {id} after the faults"))?;
            }
            let limit = NEWS_HEARTBEATS * HEARTBEAT_MS;
            if self.world.run_until(limit, 100, |world| world.agreement().is_ok())?.is_some() {
                self.agreed_after_ms = Some(self.world.now().since(began));
                break;
            }
        }
        self.still_agree("all live nodes agree within a bounded time")
    }

    fn still_agree(&self, rule: &'static str) -> Result<(), Broken> {
        self.world.agreement().map_err(|detail| Broken { at: self.world.now(), rule, detail })
    }

    /// Nothing new happens: the nodes go on agreeing, and cease to compare. For 30 heartbeats after the last loss of a peer
    /// links may be exchanged, and one that is made may join two nodes whose messages a full log between them kept apart:
    /// the quiet time may begin later.
    fn rest(&mut self) -> Result<(), Broken> {
        let mut more = 0;
        for _ in 0..RESTS {
            let before = self.world.comparisons();
            self.world.run_for(REST_HEARTBEATS * HEARTBEAT_MS)?;
            more = self.world.comparisons() - before;
            if more == 0 {
                // An exchange of link ends may be under way just then: its ends hear of it one after the other.
                self.world.run_until(2 * HEARTBEAT_MS, 10, |world| world.agreement().is_ok())?;
                return self.still_agree("nodes that agreed go on agreeing");
            }
        }
        let detail = format!("{more} comparisons in {REST_HEARTBEATS} heartbeats in which nothing was new");
        Err(Broken { at: self.world.now(), rule: "comparisons cease when all agree", detail })
    }
}

/// A node's key: the same one in all its lives, or the others would no longer believe it.
fn key_of(id: &NodeId) -> OriginKey {
    let mut seed = [0; 32];
    for (byte, letter) in seed.iter_mut().zip(id.to_string().bytes()) {
        *byte = letter;
    }
    OriginKey::from_seed(seed)
}
