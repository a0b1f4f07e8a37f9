//! The fate of each HTTP exchange: on its way, answered by a node, and on its way back.
//!
//! A call ends in exactly one report: its answer, a refused connection, or the end of its time.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::engine::{Engine, Happening, Turn};
use super::settings::{Drawn, KillMode};
use crate::protocol::{Call, Failure, IdForm, Input, Node, NodeId, Reply, Request, Response};
use crate::wire::{
    Answer, CallKind, Door, HttpCall, Method, Problem, decode_reply, decode_request, encode_call, encode_peers,
    encode_response,
};

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
    pub(super) caller: u32,
    pub(super) to: u32,
    ticket: u64,
    kind: CallKind,
    /// When the caller gives up.
    over_at: u64,
    /// Messages that the cargo carries.
    messages: u64,
    cargo: Cargo,
}

impl Exchange {
    /// Whether its time ran out.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.cargo, Cargo::Reply(Err(Failure::Unknown)))
    }

    /// The same, of which the caller hears nothing.
    fn unanswered(&self) -> Exchange {
        Exchange { cargo: Cargo::Reply(Err(Failure::Unknown)), messages: 0, ..*self }
    }

    /// Reads what the node will read to which this comes next.
    pub(super) fn touch(&self, node: &Node) -> u64 {
        match &self.cargo {
            Cargo::Call(Call::Gossip(envelope)) => node.touch_for(&envelope.messages, &envelope.recent),
            Cargo::Reply(Ok(Reply::Gossip(reply))) => node.touch_for(&reply.newer, &reply.recent),
            _ => 0,
        }
    }

    /// How many things there are to do about it: to read it, and to take each message.
    pub(super) fn things(&self) -> u64 {
        1 + self.messages
    }
}

impl Engine<'_> {
    /// Sends a call on its way.
    pub(super) fn send(&mut self, caller: u32, ticket: u64, to: &NodeId, call: Call, patience_ms: u64) {
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
        let exchange = Box::new(Exchange {
            caller,
            to,
            ticket,
            kind,
            over_at: now + kind.time_limit_ms() + patience_ms,
            messages: weight,
            cargo,
        });
        if self.is_lost() || self.cuts(caller, to) {
            self.times_out(exchange);
        } else {
            let way = self.way(caller, to);
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

    /// The time of one way between two nodes.
    fn way(&mut self, one: u32, other: u32) -> u64 {
        let (low, high) = self.latency_ms;
        match self.settings.latency_drawn {
            _ if low == high => low,
            Drawn::Message => self.random.random_range(low..=high),
            Drawn::Link => {
                let pair = u64::from(one.min(other)) << 32 | u64::from(one.max(other));
                SmallRng::seed_from_u64(self.settings.seed ^ pair.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                    .random_range(low..=high)
            }
        }
    }

    /// The caller hears that the time is over.
    fn times_out(&mut self, mut exchange: Box<Exchange>) {
        let due = exchange.over_at;
        *exchange = exchange.unanswered();
        self.queue.push(due, Happening::Report(exchange));
    }

    /// A request arrives.
    pub(super) fn arrives(&mut self, mut exchange: Box<Exchange>) {
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
            let way = self.way(to, exchange.caller);
            self.queue.push(now + way, Happening::Report(exchange));
            return;
        }
        if self.machine.is_limited() {
            self.times_out(Box::new(exchange.unanswered()));
        }
        self.take_turn(Turn::Answer(exchange));
    }

    /// Whether somebody waits for what came of a call. Where everybody is in time, somebody does.
    pub(super) fn is_awaited(&self, exchange: &Exchange) -> bool {
        let caller = || self.hosts[exchange.caller as usize].node.as_deref();
        !self.machine.is_limited() || caller().is_some_and(|node| node.awaits(exchange.ticket))
    }

    /// A node answers.
    pub(super) fn answers(&mut self, mut exchange: Box<Exchange>) {
        let (now, to) = (self.queue.now(), exchange.to);
        // It may have died while this waited.
        if self.hosts[to as usize].node.is_none() {
            return;
        }
        self.measures.handled += 1;
        self.hash.add(now, 20, u64::from(exchange.caller) << 32 | u64::from(to), exchange.ticket);
        let asked = std::mem::replace(&mut exchange.cargo, Cargo::Reply(Err(Failure::Unknown)));
        (exchange.cargo, exchange.messages) = self.answer(to, asked);
        let back = now + self.way(to, exchange.caller);
        if self.is_lost() || back > exchange.over_at {
            return self.times_out(exchange);
        }
        self.queue.push(back, Happening::Report(exchange));
    }

    /// The answer, and how many messages are in it.
    fn answer(&mut self, to: u32, asked: Cargo) -> (Cargo, u64) {
        match asked {
            Cargo::Call(call) => {
                let reply = self.answer_call(to, call);
                let messages = if let Ok(Reply::Sync(reply)) = &reply { reply.messages.len() } else { 0 };
                (Cargo::Reply(reply), messages as u64)
            }
            Cargo::Http(http) => {
                let (answer, messages) = self.answer_http(to, &http);
                self.measures.bytes += answer.body.len() as u64;
                self.measures.control_bytes += answer.body.len() as u64;
                self.hash.bytes(&answer.body);
                (Cargo::Answer(answer), messages as u64)
            }
            // An exchange that arrives carries a question.
            Cargo::Reply(_) | Cargo::Answer(_) => (Cargo::Reply(Err(Failure::Unknown)), 0),
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
            Some(Response::NothingToAdd) => Ok(Reply::NothingToAdd),
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

    fn answer_http(&mut self, to: u32, http: &HttpCall) -> (Answer, usize) {
        if http.method == Method::Get && http.path == "/peers/" {
            return (Answer { status: 200, body: encode_peers(self.peers_of(to).iter()) }, 0);
        }
        match decode_request(http.method, &http.path, &http.body, self.door()) {
            Ok(request) => {
                let response = self.drive(to, |node, now, out| node.request(now, request, out));
                let mut messages = 0;
                if let Some(Response::Sync(reply)) = &response {
                    self.measures.transmitted(&reply.messages);
                    messages = reply.messages.len();
                }
                let answer = response.map(|response| encode_response(&response));
                (answer.unwrap_or(Answer { status: 503, body: Vec::new() }), messages)
            }
            Err(problem) => {
                let text = format!("node {} could not read a request: {problem:?}", to + 1);
                self.measures.broken.get_or_insert(text);
                (Answer { status: problem.status, body: problem.to_json() }, 0)
            }
        }
    }

    fn door(&self) -> Door {
        Door { form: if self.local { IdForm::Local } else { IdForm::Addressed } }
    }

    /// A report comes back to the caller.
    pub(super) fn comes_back(&mut self, exchange: Box<Exchange>) {
        if !exchange.is_over() && self.cuts(exchange.to, exchange.caller) {
            return self.times_out(exchange);
        }
        let Exchange { caller, to, ticket, kind, cargo, .. } = *exchange;
        let reply = match cargo {
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
