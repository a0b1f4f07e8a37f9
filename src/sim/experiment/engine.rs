//! The loop: real nodes and one queue.
//!
//! A lean sibling of the world of the fault schedules (`world.rs`): nothing is checked at each step but what costs nothing,
//! ids are looked up by number, and the codec can be left out. The fate of each HTTP exchange is in `exchange.rs`; who waits for
//! a processor, in `machine.rs`.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::Watcher;
use super::exchange::Exchange;
use super::hash::TraceHash;
use super::machine::Machine;
use super::measure::Measures;
use super::settings::Settings;
use super::wheel::Wheel;
use crate::protocol::{Event, Input, Node, NodeId, Output, Time};

/// Ports that a local network's ids can be.
const MOST_PORTS: usize = 65_535;

/// What comes next.
#[derive(Debug)]
pub(super) enum Happening {
    /// A node is due.
    Due(u32),
    /// A request reaches the node that it is for.
    Request(Box<Exchange>),
    /// What came of a call reaches the caller.
    Report(Box<Exchange>),
    /// A node has had its time of a processor.
    Done(Vec<Turn>),
}

/// What a node does.
#[derive(Debug)]
pub(super) enum Turn {
    /// What is due.
    Wake(u32),
    /// It answers a request.
    Answer(Box<Exchange>),
    /// It reads what came of its call.
    Read(Box<Exchange>),
}

/// So many happenings of one time are looked at together before they happen.
const GROUP: usize = 32;

/// So few nodes stay in the caches anyway.
const FEW: usize = 200;

/// The node that is due waits for a processor.
const WAITS: u64 = 0;

/// One process.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub(super) node: Option<Box<Node>>,
    wake_at: u64,
    pub(super) leaving: bool,
    pub(super) killed: bool,
}

impl Host {
    pub(super) fn of(node: Node) -> Host {
        Host { node: Some(Box::new(node)), wake_at: u64::MAX, leaving: false, killed: false }
    }

    pub(super) fn lives(&self) -> bool {
        self.node.is_some() && !self.leaving
    }
}

/// The loop's state.
pub(super) struct Engine<'a> {
    pub(super) settings: &'a Settings,
    pub(super) hosts: Vec<Host>,
    pub(super) random: SmallRng,
    pub(super) measures: Measures,
    pub(super) hash: TraceHash,
    pub(super) watcher: Watcher<'a>,
    pub(super) latency_ms: (u64, u64),
    pub(super) loss_permille: u32,
    /// Nodes that are cut off from the others.
    pub(super) apart: Vec<bool>,
    pub(super) queue: Wheel<Happening>,
    pub(super) local: bool,
    pub(super) machine: Machine<Turn>,
    /// The ids of the nodes so far, which all nodes share.
    ids: Vec<NodeId>,
    out: Vec<Output>,
    /// How many of those to come were looked at.
    looked_at: usize,
}

impl<'a> Engine<'a> {
    pub(super) fn new(settings: &'a Settings, watcher: Watcher<'a>) -> Engine<'a> {
        let most = settings.nodes + settings.churn + settings.acts.len();
        let local = most <= MOST_PORTS;
        Engine {
            settings,
            hosts: Vec::new(),
            random: SmallRng::seed_from_u64(settings.seed),
            measures: Measures::default(),
            hash: TraceHash::default(),
            watcher,
            latency_ms: settings.latency_ms,
            loss_permille: settings.loss_permille,
            apart: Vec::new(),
            queue: Wheel::new(),
            local,
            machine: Machine::new(settings.work_us, settings.processors),
            ids: (0..most).map(|number| make_id(number, local)).collect(),
            out: Vec::new(),
            looked_at: 0,
        }
    }

    /// The id of the node of this number.
    pub(super) fn id(&self, number: usize) -> NodeId {
        self.ids.get(number).cloned().unwrap_or_else(|| make_id(number, self.local))
    }

    /// The number of the node of this id.
    pub(super) fn number(id: &NodeId) -> u32 {
        match id {
            NodeId::Port(port) => u32::from(*port) - 1,
            NodeId::Host(name) => name
                .bytes()
                .skip(1)
                .take_while(u8::is_ascii_digit)
                .fold(0u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'))),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.queue.now()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = (usize, &Node)> {
        let live = self.hosts.iter().enumerate().filter(|(_, host)| host.lives());
        live.filter_map(|(number, host)| Some((number, host.node.as_deref()?)))
    }

    /// Lets time pass until `end`.
    pub(super) fn run_until(&mut self, end: u64) {
        loop {
            if self.looked_at == 0 {
                self.look_ahead();
            }
            let Some(happening) = self.queue.pop_before(end) else { break };
            self.looked_at = self.looked_at.saturating_sub(1);
            match happening {
                Happening::Due(number) => {
                    if self.is_due(number) {
                        self.take_turn(Turn::Wake(number));
                    }
                }
                Happening::Request(exchange) => self.arrives(exchange),
                Happening::Report(exchange) => {
                    if self.is_awaited(&exchange) {
                        self.take_turn(Turn::Read(exchange));
                    }
                }
                Happening::Done(turns) => self.have_turns(turns),
            }
        }
    }

    /// Has the processor fetch what the next happenings need, for all of them at once.
    fn look_ahead(&mut self) {
        if self.hosts.len() <= FEW {
            return;
        }
        let coming = || {
            self.queue.coming().take(GROUP).filter_map(|happening| match happening {
                Happening::Due(number) => Some((*number, None)),
                Happening::Request(exchange) => Some((exchange.to, Some((exchange.caller, exchange)))),
                Happening::Report(exchange) => Some((exchange.caller, Some((exchange.to, exchange)))),
                Happening::Done(_) => None,
            })
        };
        let node = |number: u32| self.hosts.get(number as usize).and_then(|host| host.node.as_deref());
        let nodes = || coming().filter_map(|(number, exchange)| Some((node(number)?, exchange)));
        let mut sum = 0;
        nodes().for_each(|(node, _)| sum ^= node.touch());
        for (node, exchange) in nodes() {
            let peer = exchange.and_then(|(peer, _)| self.ids.get(peer as usize));
            sum ^= peer.map_or(0, |peer| node.touch_link(peer));
        }
        nodes().for_each(|(node, exchange)| sum ^= exchange.map_or(0, |(_, exchange)| exchange.touch(node)));
        std::hint::black_box(sum);
        self.looked_at = self.queue.coming().take(GROUP).count();
    }

    /// Somebody has something to do: at once, or when the machine comes to it.
    pub(super) fn take_turn(&mut self, turn: Turn) {
        if !self.machine.is_limited() {
            return self.have_turn(turn);
        }
        let (node, things) = match &turn {
            Turn::Wake(number) => {
                self.hosts[*number as usize].wake_at = WAITS;
                (*number, 1)
            }
            Turn::Answer(exchange) => (exchange.to, exchange.things()),
            Turn::Read(exchange) => (exchange.caller, exchange.things()),
        };
        self.machine.add(self.queue.now(), node, turn, things);
        self.serve();
    }

    /// Processors that are free serve whoever waits.
    fn serve(&mut self) {
        while let Some((done, turns)) = self.machine.serve(self.queue.now()) {
            self.queue.push(done, Happening::Done(turns));
        }
    }

    fn have_turns(&mut self, mut turns: Vec<Turn>) {
        // An answer that is there counts, though its time is over.
        turns.sort_by_key(|turn| matches!(turn, Turn::Read(exchange) if exchange.is_over()));
        turns.into_iter().for_each(|turn| self.have_turn(turn));
        self.serve();
    }

    fn have_turn(&mut self, turn: Turn) {
        match turn {
            Turn::Wake(number) => self.wake(number),
            Turn::Answer(exchange) => self.answers(exchange),
            Turn::Read(exchange) => self.comes_back(exchange),
        }
    }

    /// Kills a process.
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(node) = self.hosts[number].node.take() {
            self.note(format_args!("{} is killed", number + 1));
            self.retire(&node);
            self.hosts[number].killed = true;
            let now = self.now();
            self.measures.died(now, number as u32);
        }
    }

    fn retire(&mut self, node: &Node) {
        let counters = node.view().counters();
        self.measures.comparisons += counters.comparisons;
        self.measures.repaired += counters.repaired;
    }

    /// Tells a watcher what happens.
    pub(super) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        if let Some(trace) = self.watcher.trace.as_mut() {
            trace(&format!("{:>8} {what}", self.queue.now()));
        }
    }

    /// Whether this wake-up is the one that is planned, and something is still due: that may have moved on since.
    fn is_due(&mut self, number: u32) -> bool {
        let now = self.now();
        let host = &mut self.hosts[number as usize];
        if host.wake_at != now {
            return false;
        }
        host.wake_at = u64::MAX;
        let moved = host.node.as_ref().is_some_and(|node| node.due().is_some_and(|due| due.0 > now));
        if moved {
            self.plan_wake(number);
        }
        !moved
    }

    fn wake(&mut self, number: u32) {
        self.hosts[number as usize].wake_at = u64::MAX;
        self.drive(number, |node, now, out| node.handle(now, Input::Wake, out));
    }

    /// Lets a node act, and carries out what it asks for.
    pub(super) fn drive<R>(
        &mut self,
        number: u32,
        act: impl FnOnce(&mut Node, Time, &mut Vec<Output>) -> R,
    ) -> Option<R> {
        let now = self.queue.now();
        let mut out = std::mem::take(&mut self.out);
        let node = self.hosts[number as usize].node.as_deref_mut()?;
        let result = act(node, Time(now), &mut out);
        let mut done = 0;
        // A write is done at once; what follows from it comes behind what is already asked for.
        while done < out.len() {
            if let Output::Persist { seq, .. } = &out[done] {
                let seq = *seq;
                if let Some(node) = self.hosts[number as usize].node.as_deref_mut() {
                    node.handle(Time(now), Input::Persisted(seq), &mut out);
                }
            }
            done += 1;
        }
        for output in out.drain(..) {
            match output {
                Output::Send { ticket, to, call, patience_ms } => self.send(number, ticket, &to, call, patience_ms),
                Output::Emit(event) => self.happened(number, &event),
                Output::Persist { .. } | Output::Keep(_) => {}
            }
        }
        self.out = out;
        self.plan_wake(number);
        Some(result)
    }

    fn plan_wake(&mut self, number: u32) {
        let now = self.queue.now();
        let host = &mut self.hosts[number as usize];
        let Some(node) = &host.node else { return };
        if host.leaving && node.is_quiet() {
            if let Some(node) = host.node.take() {
                self.retire(&node);
            }
            return;
        }
        if let Some(due) = node.due().map(|due| due.0.max(now)).filter(|due| *due < host.wake_at) {
            host.wake_at = due;
            self.queue.push(due, Happening::Due(number));
        }
    }

    fn happened(&mut self, number: u32, event: &Event) {
        let now = self.queue.now();
        let Some(node) = self.hosts[number as usize].node.as_deref() else { return };
        match event {
            Event::MessageArrived { uuid } => {
                let record = node.view().log().get(uuid);
                let hops = record.map_or(0, |record| record.message.path.len() as u64);
                self.hash.add(now, 1, u64::from(number), uuid.as_u128() as u64 ^ hops << 48);
                self.measures.delivered(now, number, uuid, hops);
            }
            Event::StatusChanged { id, status } => {
                let of = Engine::number(id);
                let lives = self.hosts.get(of as usize).is_some_and(Host::lives);
                self.hash.add(now, 2, u64::from(number), u64::from(of) << 8 | *status as u64);
                self.measures.status_changed(now, of, lives, *status);
            }
            Event::LinkMade { .. } => {
                let links = node.view().peers().count();
                if links > self.settings.max_peers {
                    let text = format!("node {} holds {links} links", number + 1);
                    self.measures.broken.get_or_insert(text);
                }
            }
            Event::StateChanged { .. }
            | Event::PathAdded { .. }
            | Event::MessagesRead { .. }
            | Event::NodeJoined { .. }
            | Event::LinkLost { .. }
            | Event::ForeignPeer { .. }
            | Event::IdClaimedTwice { .. }
            | Event::Forged { .. }
            | Event::Refused { .. } => {}
        }
        if self.watcher.trace.is_some() {
            self.note(format_args!("{} {event:?}", number + 1));
        }
    }
}

fn make_id(number: usize, local: bool) -> NodeId {
    match u16::try_from(number + 1) {
        Ok(port) if local => NodeId::Port(port),
        _ => NodeId::Host(format!("n{number}:1").into()),
    }
}
