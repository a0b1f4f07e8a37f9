//! The loop: real nodes, one queue, and the fate of each HTTP exchange.
//!
//! A lean sibling of the world of the fault schedules (`world.rs`): nothing is checked at each step but what costs nothing,
//! ids are looked up by number, and the codec can be left out. A call ends in exactly one report: its answer, a refused
//! connection, or the end of its time.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::Watcher;
use super::hash::TraceHash;
use super::measure::Measures;
use super::settings::{KillMode, Settings};
use super::wheel::Wheel;
use crate::protocol::{Call, Event, Failure, IdForm, Input, Node, NodeId, Output, Reply, Request, Response, Time};
use crate::wire::{
    Answer, CallKind, Door, HttpCall, Method, Problem, decode_reply, decode_request, encode_call, encode_peers,
    encode_response,
};

/// Ports that a local network's ids can be.
const MOST_PORTS: usize = 65_535;

/// What an exchange carries at present.
#[derive(Debug)]
enum Cargo {
    Call(Call),
    Http(HttpCall),
    Reply(Result<Reply, Failure>),
    Answer(Answer),
}

/// One HTTP exchange under way.
#[derive(Debug)]
pub(super) struct Exchange {
    caller: u32,
    to: u32,
    ticket: u64,
    kind: CallKind,
    sent_at: u64,
    cargo: Cargo,
}

#[derive(Debug)]
enum Happening {
    Wake(u32),
    Request(Box<Exchange>),
    Report(Box<Exchange>),
}

/// One process.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub(super) node: Option<Box<Node>>,
    wake_at: u64,
    pub(super) leaving: bool,
    killed: bool,
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
    queue: Wheel<Happening>,
    local: bool,
    out: Vec<Output>,
    sends: Vec<(u64, NodeId, Call)>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(settings: &'a Settings, watcher: Watcher<'a>) -> Engine<'a> {
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
            local: settings.nodes + settings.churn + settings.acts.len() <= MOST_PORTS,
            out: Vec::new(),
            sends: Vec::new(),
        }
    }

    /// The id of the node of this number.
    pub(super) fn id(&self, number: usize) -> NodeId {
        match u16::try_from(number + 1) {
            Ok(port) if self.local => NodeId::Port(port),
            _ => NodeId::Host(format!("n{number}:1").into()),
        }
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
        while let Some(happening) = self.queue.pop_before(end) {
            match happening {
                Happening::Wake(number) => self.wake(number),
                Happening::Request(exchange) => self.arrives(exchange),
                Happening::Report(exchange) => self.comes_back(exchange),
            }
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

    fn wake(&mut self, number: u32) {
        let now = self.now();
        let host = &mut self.hosts[number as usize];
        if host.wake_at == now {
            host.wake_at = u64::MAX;
            self.drive(number, |node, now, out| node.handle(now, Input::Wake, out));
        }
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
        let mut sends = std::mem::take(&mut self.sends);
        for output in out.drain(..) {
            match output {
                Output::Send { ticket, to, call } => sends.push((ticket, to, call)),
                Output::Emit(event) => self.happened(number, &event),
                Output::Persist { .. } | Output::Keep(_) => {}
            }
        }
        for (ticket, to, call) in sends.drain(..) {
            self.send(number, ticket, &to, call);
        }
        (self.out, self.sends) = (out, sends);
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
        if let Some(due) = node.deadline().map(|due| due.0.max(now)).filter(|due| *due < host.wake_at) {
            host.wake_at = due;
            self.queue.push(due, Happening::Wake(number));
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

    fn send(&mut self, caller: u32, ticket: u64, to: &NodeId, call: Call) {
        let (now, to, kind) = (self.queue.now(), Engine::number(to), CallKind::of(&call));
        self.measures.requests += 1;
        let mut weight = 0;
        if let Call::Gossip(envelope) = &call {
            weight = envelope.messages.len() as u64;
            self.measures.transmitted(&envelope.messages);
        }
        self.hash.add(now, 3 + (kind as u64), u64::from(caller) << 32 | u64::from(to), ticket << 16 | weight);
        if self.watcher.trace.is_some() {
            self.note(format_args!("{} -> {} #{ticket} {kind:?}, {weight} messages", caller + 1, to + 1));
        }
        let cargo = if self.settings.codec { Cargo::Http(self.encode(call)) } else { Cargo::Call(call) };
        let exchange = Box::new(Exchange { caller, to, ticket, kind, sent_at: now, cargo });
        if self.is_lost() || self.cuts(caller, to) {
            self.times_out(exchange);
        } else {
            let way = self.way();
            self.queue.push(now + way, Happening::Request(exchange));
        }
    }

    /// A call as JSON, counted.
    fn encode(&mut self, call: Call) -> HttpCall {
        let http = encode_call(&call);
        self.measures.bytes += http.body.len() as u64;
        self.measures.control_bytes += match call {
            // What the envelope would take without its messages.
            Call::Gossip(mut envelope) if !envelope.messages.is_empty() => {
                envelope.messages.retain(|message| message.kind != crate::protocol::Kind::Message);
                encode_call(&Call::Gossip(envelope)).body.len() as u64
            }
            _ => http.body.len() as u64,
        };
        self.hash.bytes(&http.body);
        http
    }

    fn is_lost(&mut self) -> bool {
        self.loss_permille > 0 && self.random.random_range(0..1_000) < self.loss_permille
    }

    fn cuts(&self, from: u32, to: u32) -> bool {
        let apart = |number: u32| self.apart.get(number as usize).copied().unwrap_or(false);
        !self.apart.is_empty() && apart(from) != apart(to)
    }

    fn way(&mut self) -> u64 {
        let (low, high) = self.latency_ms;
        if low == high { low } else { self.random.random_range(low..=high) }
    }

    fn times_out(&mut self, mut exchange: Box<Exchange>) {
        exchange.cargo = Cargo::Reply(Err(Failure::Unknown));
        let due = exchange.sent_at + exchange.kind.time_limit_ms();
        self.queue.push(due, Happening::Report(exchange));
    }

    fn arrives(&mut self, mut exchange: Box<Exchange>) {
        let (now, to) = (self.queue.now(), exchange.to);
        if self.cuts(exchange.caller, to) {
            return self.times_out(exchange);
        }
        let host = self.hosts.get(to as usize);
        if host.is_none_or(|host| host.node.is_none()) {
            let silent = host.is_some_and(|host| host.killed) && self.settings.kill_mode == KillMode::Silent;
            if silent {
                return self.times_out(exchange);
            }
            exchange.cargo = Cargo::Reply(Err(Failure::Refused));
            let way = self.way();
            self.queue.push(now + way, Happening::Report(exchange));
            return;
        }
        self.measures.handled += 1;
        self.hash.add(now, 20, u64::from(exchange.caller) << 32 | u64::from(to), exchange.ticket);
        let asked = std::mem::replace(&mut exchange.cargo, Cargo::Reply(Err(Failure::Unknown)));
        exchange.cargo = self.answer(to, asked);
        let back = now + self.way();
        if self.is_lost() || back > exchange.sent_at + exchange.kind.time_limit_ms() {
            return self.times_out(exchange);
        }
        self.queue.push(back, Happening::Report(exchange));
    }

    fn answer(&mut self, to: u32, asked: Cargo) -> Cargo {
        match asked {
            Cargo::Call(call) => Cargo::Reply(self.answer_call(to, call)),
            Cargo::Http(http) => {
                let answer = self.answer_http(to, &http);
                self.measures.bytes += answer.body.len() as u64;
                self.measures.control_bytes += answer.body.len() as u64;
                self.hash.bytes(&answer.body);
                Cargo::Answer(answer)
            }
            // An exchange that arrives carries a question.
            Cargo::Reply(_) | Cargo::Answer(_) => Cargo::Reply(Err(Failure::Unknown)),
        }
    }

    fn peers_of(&self, number: u32) -> Vec<NodeId> {
        let node = self.hosts[number as usize].node.as_deref();
        node.map(|node| node.view().peers().cloned().collect()).unwrap_or_default()
    }

    fn answer_call(&mut self, to: u32, call: Call) -> Result<Reply, Failure> {
        let request = match call {
            Call::Gossip(envelope) => Request::Gossip(envelope),
            Call::Sync(call) => Request::Sync(call),
            Call::Link(call) => Request::Link(call),
            Call::Unlink { from } => Request::Unlink(from),
            Call::Peers => return Ok(Reply::Peers(self.peers_of(to))),
            Call::ForeignPeers { .. } | Call::ForeignGossip { .. } => return Err(Failure::Rejected { status: 404 }),
        };
        match self.drive(to, |node, now, out| node.request(now, request, out)) {
            Some(Response::Gossip(reply)) => Ok(Reply::Gossip(reply)),
            Some(Response::Sync(reply)) => {
                self.measures.transmitted(&reply.messages);
                Ok(Reply::Sync(reply))
            }
            Some(Response::Link(reply)) => Ok(Reply::Link(reply)),
            Some(Response::Refused(refusal)) => Err(Failure::Rejected { status: Problem::from(refusal).status }),
            Some(Response::Peers(peers)) => Ok(Reply::Peers(peers)),
            Some(
                Response::Done
                | Response::Version(_)
                | Response::Submitted { .. }
                | Response::Marked(_)
                | Response::Seeds(_),
            ) => Ok(Reply::Done),
            None => Err(Failure::Unknown),
        }
    }

    fn answer_http(&mut self, to: u32, http: &HttpCall) -> Answer {
        if http.method == Method::Get && http.path == "/peers/" {
            return Answer { status: 200, body: encode_peers(self.peers_of(to).iter()) };
        }
        match decode_request(http.method, &http.path, &http.body, self.door()) {
            Ok(request) => {
                let response = self.drive(to, |node, now, out| node.request(now, request, out));
                if let Some(Response::Sync(reply)) = &response {
                    self.measures.transmitted(&reply.messages);
                }
                response.map_or(Answer { status: 503, body: Vec::new() }, |response| encode_response(&response))
            }
            Err(problem) => {
                let text = format!("node {} could not read a request: {problem:?}", to + 1);
                self.measures.broken.get_or_insert(text);
                Answer { status: problem.status, body: problem.to_json() }
            }
        }
    }

    fn door(&self) -> Door {
        Door { form: if self.local { IdForm::Local } else { IdForm::Addressed } }
    }

    fn comes_back(&mut self, exchange: Box<Exchange>) {
        let Exchange { caller, to, ticket, kind, sent_at, cargo } = *exchange;
        let cut = self.cuts(to, caller);
        let reply = match cargo {
            Cargo::Answer(_) | Cargo::Reply(Ok(_) | Err(Failure::Refused)) if cut => {
                let cargo = Cargo::Call(Call::Peers);
                return self.times_out(Box::new(Exchange { caller, to, ticket, kind, sent_at, cargo }));
            }
            Cargo::Reply(reply) => reply,
            Cargo::Answer(answer) => decode_reply(kind, &answer, self.door()),
            Cargo::Call(_) | Cargo::Http(_) => Err(Failure::Unknown),
        };
        let now = self.queue.now();
        let failed = u64::from(reply.is_err());
        self.hash.add(now, 21 + failed, u64::from(caller) << 32 | u64::from(to), ticket);
        let input = match reply {
            Ok(reply) => {
                self.measures.handled += 1;
                Input::Delivered { ticket, reply }
            }
            Err(failure) => Input::Undelivered { ticket, failure },
        };
        self.drive(caller, |node, now, out| node.handle(now, input, out));
    }
}
