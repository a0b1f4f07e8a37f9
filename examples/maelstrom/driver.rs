//! The driver: puts lines to the node, carries out what it asks for, and keeps its timers.
//!
//! A call that is not answered in its time is reported to the node as failed, and the node's own rules send again what it
//! carried. Values are kept beside the node in the order in which they came, so that reads stay cheap and lose nothing
//! when the node's log evicts.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use gossip_network::net::fresh_seed;
use gossip_network::protocol::{Call, Request};
use gossip_network::protocol::{Config, Event, Failure, IdForm, Input, Node, NodeId, Output, Response, Time};
use gossip_network::wire::{
    Answer, CallKind, Door, Method, decode_reply, decode_request, encode_call, encode_peers, encode_response,
    parse_submission,
};
use serde_json::value::RawValue;

use crate::Options;
use crate::lines::{Body, Line, MALFORMED, NOT_SUPPORTED, Said, content_of, say};

/// Node k of the list is port k+1 to the protocol; no port is ever opened.
const DOOR: Door = Door { form: IdForm::Local };

/// How long `topology_ok` waits for the links at most, below the time that Maelstrom's clients wait for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// This process, before and after it was told who it is.
pub struct Driver {
    options: Options,
    /// Lines of others that came before `init`.
    early: Vec<String>,
    host: Option<Host>,
}

/// The node and all that belongs to it.
struct Host {
    name: String,
    names: Vec<String>,
    node: Node,
    clock: Clock,
    max_payload: usize,
    neighbours: usize,
    calls: BTreeMap<u64, Pending>,
    next_msg_id: u64,
    values: Vec<Box<RawValue>>,
    known: HashSet<String>,
    /// Clients that wait for `topology_ok`.
    topologies: Vec<(String, Option<u64>)>,
    patience_ends: Instant,
}

/// A call that is not yet answered.
struct Pending {
    ticket: u64,
    kind: CallKind,
    ends: Instant,
}

/// The node's time, begun so that its windows are those of the wall clock, moved by the lag.
struct Clock {
    began: Instant,
    offset_ms: u64,
}

impl Clock {
    fn start(window: Duration, lag: Duration) -> Clock {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let offset_ms = wall.saturating_sub(lag).as_millis() % window.as_millis().max(1);
        Clock { began: Instant::now(), offset_ms: offset_ms as u64 }
    }

    fn now(&self) -> Time {
        Time(self.began.elapsed().as_millis() as u64 + self.offset_ms)
    }

    fn instant(&self, time: Time) -> Instant {
        self.began + Duration::from_millis(time.0.saturating_sub(self.offset_ms))
    }
}

impl Driver {
    /// A process that waits for `init`.
    pub fn new(options: Options) -> Driver {
        Driver { options, early: Vec::new(), host: None }
    }

    /// Time until [`Driver::wake`] is needed.
    pub fn pause(&self) -> Option<Duration> {
        Some(self.host.as_ref()?.deadline()?.saturating_duration_since(Instant::now()))
    }

    /// Does what is due.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn wake(&mut self) -> anyhow::Result<()> {
        self.host.as_mut().map_or(Ok(()), Host::wake)
    }

    /// Takes a line; one that cannot be read is reported on stderr and otherwise ignored.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn hear(&mut self, text: &str) -> anyhow::Result<()> {
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else {
            eprintln!("maelstrom: not a message: {text}");
            return Ok(());
        };
        let body = match serde_json::from_str::<Body<'_>>(line.body.get()) {
            Ok(body) => body,
            Err(error) => {
                eprintln!("maelstrom: cannot be read ({error}): {text}");
                let asked = asked_in(line.body.get());
                return self.host.as_ref().map_or(Ok(()), |host| host.refuse(&line.src, asked, MALFORMED, error));
            }
        };
        match (&mut self.host, body.kind.as_str()) {
            (None, "init") => self.begin(&line.src, &body),
            // Others may have been told earlier who they are.
            (None, _) => {
                self.early.push(text.to_owned());
                Ok(())
            }
            (Some(host), _) => host.hear(&line.src, &body),
        }
    }

    fn begin(&mut self, client: &str, body: &Body<'_>) -> anyhow::Result<()> {
        let (Some(name), Some(names)) = (&body.node_id, &body.node_ids) else {
            let said = Said::Error { code: MALFORMED, text: "init without node_id and node_ids".to_owned() };
            return say("", client, &said, None, body.msg_id);
        };
        let mut host = Host::new(&self.options, name, names)?;
        say(name, client, &Said::InitOk, None, body.msg_id)?;
        host.wake()?;
        self.host = Some(host);
        for line in std::mem::take(&mut self.early) {
            self.hear(&line)?;
        }
        Ok(())
    }
}

/// The `msg_id` of a body that is otherwise not as it should be.
fn asked_in(body: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(body).ok()?.get("msg_id")?.as_u64()
}

impl Host {
    fn new(options: &Options, name: &str, names: &[String]) -> anyhow::Result<Host> {
        let index = names.iter().position(|other| other == name).context("node_id is not among node_ids")?;
        let (shape, count) = (options.shape, names.len());
        let neighbours = shape.neighbours(index, count);
        let heartbeat_ms = options.heartbeat.as_millis() as u64;
        let config = Config {
            max_peers: shape.places(neighbours.len()),
            // One side of each link asks for it: fewer messages than two whose requests cross.
            given_peers: neighbours.iter().filter(|other| **other < index).map(|other| id_of(*other)).collect(),
            interval_ms: 0,
            heartbeat_ms,
            // A partition is to be outlasted, not mended: the shape is worth more than the minutes after it.
            suspicion_ms: 4 * heartbeat_ms,
            batch_ms: options.batch.as_millis() as u64,
            ..Config::default()
        };
        config.validate()?;
        let lag = if shape.is_hub(index) { options.hub_lag } else { Duration::ZERO };
        let clock = Clock::start(options.batch, lag);
        let max_payload = config.max_payload;
        let node = Node::new(config, id_of(index), fresh_seed()?, clock.now());
        Ok(Host {
            name: name.to_owned(),
            names: names.to_vec(),
            node,
            clock,
            max_payload,
            neighbours: neighbours.len(),
            calls: BTreeMap::new(),
            next_msg_id: 0,
            values: Vec::new(),
            known: HashSet::new(),
            topologies: Vec::new(),
            patience_ends: Instant::now() + PATIENCE,
        })
    }

    fn deadline(&self) -> Option<Instant> {
        let node = self.node.deadline().map(|due| self.clock.instant(due));
        let calls = self.calls.values().map(|call| call.ends).min();
        let patience = (!self.topologies.is_empty()).then_some(self.patience_ends);
        [node, calls, patience].into_iter().flatten().min()
    }

    fn wake(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some((msg_id, _)) = self.calls.iter().find(|(_, call)| call.ends <= now) {
            let msg_id = *msg_id;
            self.answered(msg_id, Err(Failure::Unknown))?;
        }
        self.report(Input::Wake)?;
        self.say_topology_ok()
    }

    fn hear(&mut self, src: &str, body: &Body<'_>) -> anyhow::Result<()> {
        let asked = body.msg_id;
        match body.kind.as_str() {
            "init" => self.refuse(src, asked, MALFORMED, "there was an init already"),
            "topology" => {
                self.topologies.push((src.to_owned(), asked));
                self.say_topology_ok()
            }
            "broadcast" => self.broadcast(src, asked, body.message),
            "read" => say(&self.name, src, &Said::ReadOk { messages: &self.values }, None, asked),
            "gossip_call" => self.answer(src, body),
            "gossip_reply" => match (body.in_reply_to, body.status) {
                (Some(msg_id), Some(status)) => {
                    let answer = Answer { status, body: body.content() };
                    self.answered(msg_id, Ok(answer))?;
                    self.say_topology_ok()
                }
                _ => Ok(()),
            },
            // An error answers a call of this node that the other one could not take; the time-out deals with it.
            "error" => Ok(()),
            other => self.refuse(src, asked, NOT_SUPPORTED, format!("there is no {other:?} here")),
        }
    }

    /// Nobody is told of an error who did not ask anything.
    fn refuse(&self, to: &str, asked: Option<u64>, code: u32, text: impl ToString) -> anyhow::Result<()> {
        if asked.is_none() {
            return Ok(());
        }
        say(&self.name, to, &Said::Error { code, text: text.to_string() }, None, asked)
    }

    /// The workload begins when all have answered, so they answer when they are ready for it.
    fn say_topology_ok(&mut self) -> anyhow::Result<()> {
        let ready = self.node.view().peers().count() >= self.neighbours;
        if ready || self.patience_ends <= Instant::now() {
            for (client, asked) in std::mem::take(&mut self.topologies) {
                say(&self.name, &client, &Said::TopologyOk, None, asked)?;
            }
        }
        Ok(())
    }

    fn broadcast(&mut self, client: &str, asked: Option<u64>, value: Option<&RawValue>) -> anyhow::Result<()> {
        let Some(value) = value else {
            return self.refuse(client, asked, MALFORMED, "broadcast without a message");
        };
        // A client that got no answer asks again: the value is no second one.
        if !self.known.contains(value.get()) {
            let submission = match parse_submission(format!("{{\"message\":{value}}}").as_bytes(), self.max_payload) {
                Ok(submission) => submission,
                Err(problem) => return self.refuse(client, asked, MALFORMED, format!("{problem:?}")),
            };
            self.request(Request::Submit(submission))?;
        }
        say(&self.name, client, &Said::BroadcastOk, None, asked)
    }

    /// Another node calls: what an HTTP server in front of the node would answer.
    fn answer(&mut self, src: &str, body: &Body<'_>) -> anyhow::Result<()> {
        let method = match body.method.as_deref() {
            Some("GET") => Method::Get,
            Some("POST") => Method::Post,
            Some("DELETE") => Method::Delete,
            _ => return self.refuse(src, body.msg_id, MALFORMED, "gossip_call without a method"),
        };
        let path = body.path.as_deref().unwrap_or_default();
        let answer = if method == Method::Get && path == "/peers/" {
            Answer { status: 200, body: encode_peers(self.node.view().peers()) }
        } else {
            match decode_request(method, path, &body.content(), DOOR) {
                Ok(request) => encode_response(&self.request(request)?),
                Err(problem) => Answer { status: problem.status, body: problem.to_json() },
            }
        };
        let said = Said::GossipReply { status: answer.status, content: content_of(answer.body)? };
        say(&self.name, src, &said, None, body.msg_id)?;
        self.say_topology_ok()
    }

    fn answered(&mut self, msg_id: u64, result: Result<Answer, Failure>) -> anyhow::Result<()> {
        // It may come after its time.
        let Some(Pending { ticket, kind, .. }) = self.calls.remove(&msg_id) else { return Ok(()) };
        self.report(match result.and_then(|answer| decode_reply(kind, &answer, DOOR)) {
            Ok(reply) => Input::Delivered { ticket, reply },
            Err(failure) => Input::Undelivered { ticket, failure },
        })
    }

    fn request(&mut self, request: Request) -> anyhow::Result<Response> {
        let mut out = Vec::new();
        let response = self.node.request(self.clock.now(), request, &mut out);
        self.carry_out(out)?;
        Ok(response)
    }

    fn report(&mut self, input: Input) -> anyhow::Result<()> {
        let mut out = Vec::new();
        self.node.handle(self.clock.now(), input, &mut out);
        self.carry_out(out)
    }

    fn carry_out(&mut self, outputs: Vec<Output>) -> anyhow::Result<()> {
        let mut outputs = VecDeque::from(outputs);
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Send { ticket, to, call, patience_ms } => self.send(ticket, &to, &call, patience_ms)?,
                // There is no disk, so nothing waits for it.
                Output::Persist { seq, .. } => {
                    let mut more = Vec::new();
                    self.node.handle(self.clock.now(), Input::Persisted(seq), &mut more);
                    outputs.extend(more);
                }
                Output::Keep(_) => {}
                Output::Emit(Event::MessageArrived { uuid }) => self.keep(&uuid),
                Output::Emit(event) => eprintln!("{}: {event:?}", self.name),
            }
        }
        Ok(())
    }

    fn keep(&mut self, uuid: &uuid::Uuid) {
        #[derive(serde::Deserialize)]
        struct Submitted {
            message: Box<RawValue>,
        }
        let Some(record) = self.node.view().log().get(uuid) else { return };
        let Ok(submitted) = serde_json::from_str::<Submitted>(record.message.payload.as_str()) else { return };
        if self.known.insert(submitted.message.get().to_owned()) {
            self.values.push(submitted.message);
        }
    }

    fn send(&mut self, ticket: u64, to: &NodeId, call: &Call, patience_ms: u64) -> anyhow::Result<()> {
        let kind = CallKind::of(call);
        let http = encode_call(call);
        let method = match http.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        self.next_msg_id += 1;
        let ends = Instant::now() + Duration::from_millis(kind.time_limit_ms() + patience_ms);
        self.calls.insert(self.next_msg_id, Pending { ticket, kind, ends });
        // An id that is no node of this test is never answered, which its time-out tells.
        let Some(name) = index_of(to).and_then(|index| self.names.get(index)) else { return Ok(()) };
        let said = Said::GossipCall { method, path: &http.path, content: content_of(http.body)? };
        say(&self.name, name, &said, Some(self.next_msg_id), None)
    }
}

fn id_of(index: usize) -> NodeId {
    NodeId::Port(u16::try_from(index + 1).unwrap_or(u16::MAX))
}

fn index_of(id: &NodeId) -> Option<usize> {
    match id {
        NodeId::Port(port) => usize::from(*port).checked_sub(1),
        NodeId::Host(_) => None,
    }
}
