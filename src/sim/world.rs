//! The world: processes, their network, and one queue of what happens next, ordered by (time, sequence number).
//!
//! Beside each node stands a driver that honours the door's contract: every call ends in exactly one report, after the
//! time limit of its kind at the latest, and what follows a write waits until it is on the simulated disk (`disk.rs`). A
//! crash loses the process and everything it held but for what a disk has synced; connections to it are refused until it
//! is started again.

mod disk;
mod driver;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use self::disk::{Disk, Outbox};
use super::check::{Broken, Ledger, Witness};
use super::faults::{FaultCounts, Faults};
use super::network::{Exchange, Network};
use super::trace::{Observer, Trace};
use crate::protocol::{
    Config, Failure, Input, Message, Node, NodeId, Payload, Request, Response, Seed, Submission, Time, View,
};
use crate::wire::Answer;

#[derive(Debug)]
enum Happening {
    /// A node's deadline may have passed.
    Wake { id: NodeId, life: u32 },
    /// A request reaches the node that it is for.
    Request(Rc<Exchange>),
    /// A response, or the lack of one, reaches the caller.
    Report { exchange: Rc<Exchange>, result: Result<Answer, Failure> },
    /// A paused process goes on.
    Resume { id: NodeId, life: u32 },
    /// A write is on disk, with all before it.
    Synced { id: NodeId, life: u32, number: u64 },
}

/// One process.
#[derive(Debug)]
struct Process {
    node: Node,
    witness: Witness,
    wake_at: Option<Time>,
    wakes: (Time, u32),
    leaving: bool,
    /// What waits for the disk.
    outbox: Outbox,
    /// What waits while the process stands still.
    held: Option<Vec<Happening>>,
}

/// What a process takes for the time: its clock began elsewhere, and may run fast or slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    offset_ms: u64,
    /// Milliseconds that it counts in a second of the world's time.
    permille: u64,
}

impl Clock {
    const RIGHT: Clock = Clock { offset_ms: 0, permille: 1_000 };

    fn shows(self, now: Time) -> Time {
        Time(self.offset_ms + now.0 * self.permille / 1_000)
    }

    /// The world's time at which it shows `time`.
    fn when(self, time: Time) -> Time {
        Time((time.0.saturating_sub(self.offset_ms) * 1_000).div_ceil(self.permille))
    }
}

/// One place for processes, one after the other.
#[derive(Debug)]
struct Host {
    config: Config,
    clock: Clock,
    life: u32,
    process: Option<Process>,
    /// Outlives the processes; absent where they have none.
    disk: Option<Disk>,
}

/// The simulated world.
#[derive(Debug)]
pub struct World {
    seed: u64,
    now: Time,
    queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    hosts: BTreeMap<NodeId, Host>,
    network: Network,
    /// How long disks take, and what they lose.
    random: SmallRng,
    open: BTreeSet<u64>,
    exchanges: u64,
    ledger: Ledger,
    trace: Trace,
    /// The clock of the node that starts next.
    pending_clock: Option<(NodeId, Clock)>,
}

impl World {
    /// An empty world. `seed` decides everything that happens in it.
    pub fn new(seed: u64, faults: Faults, observer: Option<Observer>) -> World {
        World {
            seed,
            now: Time(0),
            queue: BTreeMap::new(),
            sequence: 0,
            hosts: BTreeMap::new(),
            network: Network::new(faults, SmallRng::from_seed(derive_seed(seed, 0, 0))),
            random: SmallRng::from_seed(derive_seed(seed, 0, 1)),
            open: BTreeSet::new(),
            exchanges: 0,
            ledger: Ledger::default(),
            trace: Trace::new(observer),
            pending_clock: None,
        }
    }

    /// The simulated time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A 64-bit hash over everything that happened.
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// How many events happened.
    pub fn events(&self) -> u64 {
        self.trace.events()
    }

    /// How often each fault occurred.
    pub fn counts(&self) -> FaultCounts {
        self.network.counts
    }

    /// Changes the faults of the network.
    pub fn set_faults(&mut self, faults: Faults) {
        self.trace.event(self.now, format_args!("faults {faults:?}"));
        self.network.faults = faults;
    }

    /// The ids of all nodes that ever were, running or not.
    pub fn ids(&self) -> impl Iterator<Item = &NodeId> {
        self.hosts.keys()
    }

    /// The ids of the nodes that run, paused ones included and leaving ones not.
    pub fn live_ids(&self) -> impl Iterator<Item = &NodeId> {
        let lives = |host: &Host| host.process.as_ref().is_some_and(|process| !process.leaving);
        self.hosts.iter().filter(move |(_, host)| lives(host)).map(|(id, _)| id)
    }

    /// A running node's view.
    pub fn node(&self, id: &NodeId) -> Option<View<'_>> {
        Some(self.hosts.get(id)?.process.as_ref()?.node.view())
    }

    /// Whether a partition lasts.
    pub fn is_partitioned(&self) -> bool {
        self.network.is_partitioned()
    }

    /// Starts a process: the first of its id, or a further one, with a new seed. If it has a disk (`durable`) it goes on
    /// from what is on it; otherwise it is empty.
    ///
    /// # Errors
    /// A promise that the node broke at once.
    pub fn start(&mut self, id: &NodeId, config: Config) -> Result<(), Broken> {
        let life = self.hosts.get(id).map_or(0, |host| host.life + 1);
        self.trace.event(self.now, format_args!("{id} starts its life {life}"));
        self.network.counts.restarts += u64::from(life > 0);
        let port = if let NodeId::Port(port) = id { *port } else { 0 };
        let clock = match self.pending_clock.take() {
            Some((of, clock)) if of == *id => clock,
            _ => self.hosts.get(id).map_or(Clock::RIGHT, |host| host.clock),
        };
        let began = clock.shows(self.now);
        let mut node = Node::new(config.clone(), id.clone(), derive_seed(self.seed, port, life + 1), began);
        let mut disk = self.hosts.get_mut(id).and_then(|host| host.disk.take());
        if config.durable {
            let disk = disk.get_or_insert_default();
            node.restore(began, disk.image().clone());
            self.network.counts.restarts_from_disk += u64::from(life > 0);
        }
        let process = Process {
            node,
            witness: Witness::default(),
            wake_at: None,
            wakes: (Time(0), 0),
            leaving: false,
            outbox: Outbox::default(),
            held: None,
        };
        self.hosts.insert(id.clone(), Host { config, clock, life, process: Some(process), disk });
        self.drive(id, |node, now, out| node.handle(now, Input::Wake, out)).map(|_| ())
    }

    /// Gives a node that has not started yet a clock that counts so many milliseconds per second, from `offset_ms` on.
    pub fn set_clock(&mut self, id: &NodeId, offset_ms: u64, permille: u64) {
        let clock = Clock { offset_ms, permille: permille.max(1) };
        self.trace.event(self.now, format_args!("the clock of {id} shows {clock:?}"));
        self.network.counts.wrong_clocks += u64::from(clock.permille != Clock::RIGHT.permille);
        self.pending_clock = Some((id.clone(), clock));
    }

    /// Starts a process again with the settings of the one before. Does nothing where one runs.
    ///
    /// # Errors
    /// A promise that the node broke at once.
    pub fn restart(&mut self, id: &NodeId) -> Result<(), Broken> {
        match self.hosts.get(id) {
            Some(host) if host.process.is_none() => {
                let config = host.config.clone();
                self.start(id, config)
            }
            _ => Ok(()),
        }
    }

    /// Ends a process without a word, and cuts the power of its disk.
    pub fn crash(&mut self, id: &NodeId) {
        let Some(host) = self.hosts.get_mut(id).filter(|host| host.process.is_some()) else { return };
        host.process = None;
        self.network.counts.crashes += 1;
        let mut lost = 0;
        if let Some(disk) = &mut host.disk {
            lost = disk.crash(&mut self.random);
            self.network.counts.crashes_with_disk += 1;
            self.network.counts.lost_writes += lost;
        }
        self.trace.event(self.now, format_args!("{id} crashes, and {lost} records are lost"));
    }

    /// Asks a process to leave; it ends once all that it had to say is said.
    ///
    /// # Errors
    /// A promise that the node broke.
    pub fn stop(&mut self, id: &NodeId) -> Result<(), Broken> {
        let Some(process) = self.hosts.get_mut(id).and_then(|host| host.process.as_mut()) else { return Ok(()) };
        if process.leaving {
            return Ok(());
        }
        process.leaving = true;
        self.trace.event(self.now, format_args!("{id} leaves"));
        self.network.counts.leaves += 1;
        self.drive(id, |node, now, out| node.handle(now, Input::Stop, out)).map(|_| ())
    }

    /// Lets a process stand still for so long: what reaches it waits.
    pub fn pause(&mut self, id: &NodeId, milliseconds: u64) {
        let Some(host) = self.hosts.get_mut(id) else { return };
        let life = host.life;
        let Some(process) = host.process.as_mut().filter(|process| process.held.is_none()) else { return };
        process.held = Some(Vec::new());
        self.trace.event(self.now, format_args!("{id} stands still for {milliseconds} ms"));
        self.network.counts.pauses += 1;
        self.schedule(milliseconds, Happening::Resume { id: id.clone(), life });
    }

    /// Separates nodes of different groups; nodes in no group reach everyone.
    pub fn partition(&mut self, groups: &[Vec<NodeId>]) {
        self.trace.event(self.now, format_args!("partition {groups:?}"));
        self.network.partition(groups, false);
    }

    /// The same, but what earlier groups send still reaches later ones.
    pub fn partition_one_way(&mut self, groups: &[Vec<NodeId>]) {
        self.trace.event(self.now, format_args!("one-way partition {groups:?}"));
        self.network.partition(groups, true);
    }

    /// Ends the partition.
    pub fn heal(&mut self) {
        self.trace.event(self.now, format_args!("the partition heals"));
        self.network.heal();
    }

    /// A user submits a message; the uuid if the node took it.
    ///
    /// # Errors
    /// A promise that the node broke.
    pub fn submit(&mut self, id: &NodeId, submission: Submission) -> Result<Option<Uuid>, Broken> {
        self.trace.event(self.now, format_args!("{id} is given {}", submission.payload.as_str()));
        submission.uuid.iter().for_each(|uuid| self.ledger.choose(*uuid));
        let response = self.drive(id, |node, now, out| node.request(now, Request::Submit(submission), out))?;
        let Some(Response::Submitted { uuid, created, .. }) = response else { return Ok(None) };
        self.acknowledge(id, uuid, created)?;
        Ok(Some(uuid))
    }

    /// A user sets a node's favourite book.
    ///
    /// # Errors
    /// A promise that the node broke.
    pub fn set_book(&mut self, id: &NodeId, title: &str) -> Result<(), Broken> {
        self.trace.event(self.now, format_args!("{id} is set to {title}"));
        let payload = Payload::of_book(Some(title));
        self.drive(id, |node, now, out| node.request(now, Request::SetState(payload), out)).map(|_| ())
    }

    /// Somebody hands a node bare messages, whether they are true or not.
    ///
    /// # Errors
    /// A promise that the node broke: it believed what no owner ever said.
    pub fn hand_in(&mut self, id: &NodeId, messages: Vec<Message>) -> Result<(), Broken> {
        self.trace.event(self.now, format_args!("{id} is handed {} messages", messages.len()));
        self.drive(id, |node, now, out| node.request(now, Request::Messages(messages), out)).map(|_| ())
    }

    /// Lets so many milliseconds pass.
    ///
    /// # Errors
    /// The first promise that a node broke.
    pub fn run_for(&mut self, milliseconds: u64) -> Result<(), Broken> {
        let end = self.now.after(milliseconds);
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= end) {
            let ((at, _), happening) = first.remove_entry();
            self.now = at;
            self.happen(happening)?;
        }
        self.now = end;
        Ok(())
    }

    /// Lets time pass, `step_ms` at a time, until the condition holds; how long that took, or `None` after `limit_ms`.
    ///
    /// # Errors
    /// The first promise that a node broke.
    pub fn run_until(
        &mut self,
        limit_ms: u64,
        step_ms: u64,
        mut holds: impl FnMut(&World) -> bool,
    ) -> Result<Option<u64>, Broken> {
        let began = self.now;
        loop {
            if holds(self) {
                return Ok(Some(self.now.since(began)));
            }
            if self.now.since(began) >= limit_ms {
                return Ok(None);
            }
            self.run_for(step_ms.max(1))?;
        }
    }

    fn schedule(&mut self, after_ms: u64, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((self.now.after(after_ms), self.sequence), happening);
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Broken> {
        match happening {
            Happening::Wake { id, life } => self.wake(&id, life),
            Happening::Request(exchange) => self.request_arrives(exchange),
            Happening::Report { exchange, result } => self.report(exchange, result),
            Happening::Resume { id, life } => self.resume(&id, life),
            Happening::Synced { id, life, number } => self.synced(&id, life, number),
        }
    }
}

/// A node's seed: no two lives of one run share one, and no two runs.
fn derive_seed(run: u64, port: u16, life: u32) -> Seed {
    let mixed = run.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(port) << 32) ^ u64::from(life);
    SmallRng::seed_from_u64(mixed).random()
}
