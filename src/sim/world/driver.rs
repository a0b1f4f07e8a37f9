//! One driver per node: carries out what the node asks for, and reports what became of it.

use std::rc::Rc;

use super::super::check::{Broken, Finding, KEPT, Ledger, Witness};
use super::super::network::Exchange;
use super::disk::Item;
use super::{Happening, World};
use crate::protocol::{Call, DiskRecord, Event, Failure, IdForm, Input, LogKey, Node, NodeId, Output, Time};
use crate::wire::{
    Answer, CallKind, Door, Method, decode_reply, decode_request, encode_call, encode_peers, encode_response,
};
use uuid::Uuid;

/// What the nodes let in: the simulated ones are all ports of 127.0.0.1.
const DOOR: Door = Door { form: IdForm::Local };

/// Wakes of one node in one millisecond after which it is held to spin.
const MOST_WAKES: u32 = 20;

impl World {
    /// Lets a running node act, carries out its outputs, and checks what it promised. `None` where no process runs.
    pub(super) fn drive<R>(
        &mut self,
        id: &NodeId,
        act: impl FnOnce(&mut Node, Time, &mut Vec<Output>) -> R,
    ) -> Result<Option<R>, Broken> {
        let result = self.act(id, act)?;
        if result.is_some() {
            self.let_out(id)?;
        }
        Ok(result)
    }

    /// Lets a running node act: what it says goes behind what waits.
    fn act<R>(
        &mut self,
        id: &NodeId,
        act: impl FnOnce(&mut Node, Time, &mut Vec<Output>) -> R,
    ) -> Result<Option<R>, Broken> {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(id) else { return Ok(None) };
        let (life, shown) = (host.life, host.clock.shows(now));
        let Some(process) = host.process.as_mut() else { return Ok(None) };
        let evicted_before = process.node.view().log().floor();
        let mut out = Vec::new();
        let result = act(&mut process.node, shown, &mut out);
        let (mut events, mut writes) = (Vec::new(), Vec::new());
        for output in out {
            match output {
                Output::Send { ticket, to, call, patience_ms } => {
                    process.outbox.push(Item::Call { ticket, to, call, patience_ms });
                }
                Output::Emit(event) => {
                    events.push(event.clone());
                    process.outbox.push(Item::Event(event));
                }
                Output::Persist { seq, records } => {
                    let used = host.disk.as_ref().map_or(0, |disk| disk.used);
                    for record in &records {
                        let noted = self.ledger.note(id, &mut process.witness, used, record);
                        noted.map_err(|finding| broken(now, id, finding))?;
                    }
                    let version = records.iter().find_map(|record| match record {
                        DiskRecord::Version(version) => Some(*version),
                        _ => None,
                    });
                    if let Some(disk) = &mut host.disk {
                        let write = disk.write(&mut self.random, records, true);
                        process.outbox.wait_for(write.0);
                        writes.push(write);
                    }
                    process.outbox.push(Item::Written(seq, version));
                }
                Output::Keep(records) => {
                    if let Some(disk) = &mut host.disk {
                        writes.push(disk.write(&mut self.random, records, false));
                    }
                }
            }
        }
        let judged = judge(&process.node, &mut process.witness, &self.ledger, &host.config, &events);
        judged.map_err(|finding| broken(now, id, finding))?;
        self.network.counts.evictions += u64::from(process.node.view().log().floor() != evicted_before);
        for (number, takes) in writes {
            self.schedule(takes, Happening::Synced { id: id.clone(), life, number });
        }
        Ok(Some(result))
    }

    /// Carries out what waits for nothing any more.
    fn let_out(&mut self, id: &NodeId) -> Result<(), Broken> {
        loop {
            let Some(host) = self.hosts.get_mut(id) else { return Ok(()) };
            let life = host.life;
            let Some(process) = host.process.as_mut() else { return Ok(()) };
            let Some(item) = process.outbox.pop(host.disk.as_ref()) else { break };
            match item {
                Item::Call { ticket, to, call, patience_ms } => self.send(id, life, ticket, to, &call, patience_ms),
                Item::Event(event) => self.trace.event(self.now, format_args!("{id} {}", Shown(&event))),
                Item::Written(seq, version) => {
                    if let (Some(disk), Some(version)) = (&mut host.disk, version) {
                        disk.used = disk.used.max(version);
                    }
                    self.act(id, |node, now, out| node.handle(now, Input::Persisted(seq), out))?;
                }
                Item::Answer(exchange, answer) => self.answer_leaves(exchange, answer),
                Item::Acknowledge(uuid, stamp) => {
                    if let Some(disk) = &mut host.disk {
                        disk.acknowledged.push((uuid, stamp));
                    }
                }
            }
        }
        let process = self.hosts.get(id).and_then(|host| host.process.as_ref());
        if process.is_some_and(|process| process.leaving && process.node.is_quiet()) {
            self.end(id);
        } else {
            self.schedule_wake(id);
        }
        Ok(())
    }

    /// A submitter is told of its message, as soon as that is on disk. One that was not `created` by this came another
    /// way, so that nothing waits for its write so far: everything is written at once.
    pub(super) fn acknowledge(&mut self, id: &NodeId, uuid: Uuid, created: bool) -> Result<(), Broken> {
        let Some(host) = self.hosts.get_mut(id) else { return Ok(()) };
        let life = host.life;
        if let Some(process) = host.process.as_mut() {
            let stamp = process.node.view().log().get(&uuid).map_or(0, |record| record.message.stamp);
            if let Some(disk) = host.disk.as_mut().filter(|_| !created) {
                let (number, takes) = disk.write(&mut self.random, Vec::new(), true);
                process.outbox.wait_for(number);
                self.schedule(takes, Happening::Synced { id: id.clone(), life, number });
            }
            if let Some(process) = self.hosts.get_mut(id).and_then(|host| host.process.as_mut()) {
                process.outbox.push(Item::Acknowledge(uuid, stamp));
            }
        }
        self.let_out(id)
    }

    pub(super) fn synced(&mut self, id: &NodeId, life: u32, number: u64) -> Result<(), Broken> {
        let Some(host) = self.hosts.get_mut(id).filter(|host| host.life == life) else { return Ok(()) };
        let Some(process) = host.process.as_mut() else { return Ok(()) };
        if let Some(held) = &mut process.held {
            held.push(Happening::Synced { id: id.clone(), life, number });
            return Ok(());
        }
        if let Some(disk) = &mut host.disk {
            disk.sync(number);
        }
        self.let_out(id)
    }

    /// Whatever a node with a disk acknowledged is in its log, or on its disk while no process runs, unless a full log
    /// evicted it since.
    fn kept(&self, id: &NodeId) -> Result<(), Broken> {
        let Some((host, disk)) = self.hosts.get(id).and_then(|host| Some((host, host.disk.as_ref()?))) else {
            return Ok(());
        };
        for (uuid, stamp) in &disk.acknowledged {
            let key = LogKey { stamp: *stamp, uuid: *uuid };
            let kept = match &host.process {
                Some(process) => {
                    let log = process.node.view().log();
                    log.get(uuid).is_some() || key <= log.floor()
                }
                // Another message of its uuid may have taken its place.
                None => {
                    let mut held = disk.image().messages.keys();
                    key <= disk.image().floor || held.any(|held| held.uuid == *uuid)
                }
            };
            if !kept {
                return Err(broken(self.now, id, (KEPT, format!("{uuid} is gone"))));
            }
        }
        Ok(())
    }

    fn end(&mut self, id: &NodeId) {
        if let Some(host) = self.hosts.get_mut(id) {
            host.process = None;
            if let Some(disk) = &mut host.disk {
                disk.sync_all();
            }
            self.trace.event(self.now, format_args!("{id} is gone"));
        }
    }

    fn schedule_wake(&mut self, id: &NodeId) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(id) else { return };
        let (life, clock) = (host.life, host.clock);
        let Some(process) = host.process.as_mut() else { return };
        let Some(due) = process.node.deadline().map(|due| clock.when(due).max(now)) else { return };
        if process.wake_at.is_none_or(|wake_at| due < wake_at) {
            process.wake_at = Some(due);
            self.schedule(due.since(now), Happening::Wake { id: id.clone(), life });
        }
    }

    pub(super) fn wake(&mut self, id: &NodeId, life: u32) -> Result<(), Broken> {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(id).filter(|host| host.life == life) else { return Ok(()) };
        let Some(process) = host.process.as_mut() else { return Ok(()) };
        if process.wake_at != Some(now) {
            return Ok(());
        }
        if let Some(held) = &mut process.held {
            held.push(Happening::Wake { id: id.clone(), life });
            return Ok(());
        }
        process.wake_at = None;
        process.wakes = if process.wakes.0 == now { (now, process.wakes.1 + 1) } else { (now, 1) };
        if process.wakes.1 > MOST_WAKES {
            let detail = format!("{} wakes at once, and its deadline is still due", process.wakes.1);
            return Err(broken(now, id, ("a node never spins", detail)));
        }
        self.drive(id, |node, now, out| node.handle(now, Input::Wake, out)).map(|_| ())
    }

    pub(super) fn resume(&mut self, id: &NodeId, life: u32) -> Result<(), Broken> {
        let Some(host) = self.hosts.get_mut(id).filter(|host| host.life == life) else { return Ok(()) };
        let Some(process) = host.process.as_mut() else { return Ok(()) };
        let held = process.held.take().unwrap_or_default();
        process.wake_at = None;
        self.trace.event(self.now, format_args!("{id} goes on"));
        for happening in held {
            if !matches!(happening, Happening::Wake { .. }) {
                self.schedule(0, happening);
            }
        }
        self.drive(id, |node, now, out| node.handle(now, Input::Wake, out)).map(|_| ())
    }

    fn send(&mut self, caller: &NodeId, life: u32, ticket: u64, to: NodeId, call: &Call, patience_ms: u64) {
        self.exchanges += 1;
        let number = self.exchanges;
        let kind = CallKind::of(call);
        let call = encode_call(call);
        let bytes = call.body.len();
        self.trace.event(self.now, format_args!("{caller} -> {to} #{number} {kind:?} ({bytes} bytes)"));
        self.trace.body(&call.body);
        let exchange = Rc::new(Exchange { number, caller: caller.clone(), life, ticket, kind, to, call });
        self.open.insert(number);
        for way in self.network.ways_of_request() {
            self.schedule(way, Happening::Request(exchange.clone()));
        }
        let limit = kind.time_limit_ms() + patience_ms;
        self.schedule(limit, Happening::Report { exchange, result: Err(Failure::Unknown) });
    }

    pub(super) fn request_arrives(&mut self, exchange: Rc<Exchange>) -> Result<(), Broken> {
        let (number, to) = (exchange.number, exchange.to.clone());
        if self.network.cuts(&exchange.caller, &to) {
            self.trace.event(self.now, format_args!("#{number} is cut off"));
            return Ok(());
        }
        let Some(process) = self.hosts.get_mut(&to).and_then(|host| host.process.as_mut()) else {
            self.network.counts.refused += 1;
            let way = self.network.delay();
            self.schedule(way, Happening::Report { exchange, result: Err(Failure::Refused) });
            return Ok(());
        };
        if let Some(held) = &mut process.held {
            held.push(Happening::Request(exchange));
            return Ok(());
        }
        self.network.arrived(&exchange);
        self.trace.event(self.now, format_args!("{to} is asked #{number}"));
        let answer = self.answer(&to, &exchange)?;
        if let Some(process) = self.hosts.get_mut(&to).and_then(|host| host.process.as_mut()) {
            process.outbox.push(Item::Answer(exchange, answer));
        }
        self.let_out(&to)
    }

    /// An answer that waits for no disk any more is on its way.
    fn answer_leaves(&mut self, exchange: Rc<Exchange>, answer: Answer) {
        self.trace.body(&answer.body);
        let Some(way) = self.network.way_of_response() else {
            self.trace.event(self.now, format_args!("the answer to #{} is lost", exchange.number));
            return;
        };
        self.schedule(way, Happening::Report { exchange, result: Ok(answer) });
    }

    /// What an HTTP server in front of the node answers.
    fn answer(&mut self, to: &NodeId, exchange: &Exchange) -> Result<Answer, Broken> {
        let call = &exchange.call;
        if call.method == Method::Get && call.path == "/peers/" {
            let peers = self.node(to).map(|view| encode_peers(view.peers())).unwrap_or_default();
            return Ok(Answer { status: 200, body: peers });
        }
        match decode_request(call.method, &call.path, &call.body, DOOR) {
            Ok(request) => {
                let response = self.drive(to, |node, now, out| node.request(now, request, out))?;
                // The process is there: it was looked up a moment ago.
                Ok(response.map_or(Answer { status: 503, body: Vec::new() }, |response| encode_response(&response)))
            }
            // Our own nodes speak so that their like understands them, whatever happens on the way.
            Err(problem) => {
                Err(broken(self.now, &exchange.caller, ("every request can be read", format!("{problem:?}"))))
            }
        }
    }

    pub(super) fn report(&mut self, exchange: Rc<Exchange>, result: Result<Answer, Failure>) -> Result<(), Broken> {
        let (number, caller) = (exchange.number, exchange.caller.clone());
        if !self.open.contains(&number) {
            return Ok(());
        }
        let timed_out = matches!(result, Err(Failure::Unknown));
        if !timed_out && self.network.cuts(&exchange.to, &caller) {
            self.trace.event(self.now, format_args!("the answer to #{number} is cut off"));
            return Ok(());
        }
        let host = self.hosts.get_mut(&caller).filter(|host| host.life == exchange.life);
        let Some(process) = host.and_then(|host| host.process.as_mut()) else {
            self.open.remove(&number);
            return Ok(());
        };
        if let Some(held) = &mut process.held {
            held.push(Happening::Report { exchange, result });
            return Ok(());
        }
        self.open.remove(&number);
        self.network.counts.timed_out += u64::from(timed_out);
        let reply = result.and_then(|answer| decode_reply(exchange.kind, &answer, DOOR));
        let ticket = exchange.ticket;
        let input = match reply {
            Ok(reply) => {
                self.trace.event(self.now, format_args!("{caller} is answered #{number}"));
                Input::Delivered { ticket, reply }
            }
            Err(failure) => {
                self.trace.event(self.now, format_args!("{caller} is not answered #{number}: {failure:?}"));
                Input::Undelivered { ticket, failure }
            }
        };
        self.drive(&caller, |node, now, out| node.handle(now, input, out)).map(|_| ())
    }

    /// Checks that are too dear for each step.
    ///
    /// # Errors
    /// The first promise that is broken.
    pub fn inspect(&self) -> Result<(), Broken> {
        for (id, host) in &self.hosts {
            self.kept(id)?;
            if let Some(process) = &host.process {
                let again = |id: &NodeId| self.hosts.get(id).is_some_and(|host| host.life > 0);
                let judged = Witness::paths(process.node.view(), &host.config, again);
                judged.map_err(|finding| broken(self.now, id, finding))?;
            }
        }
        Ok(())
    }
}

fn judge(
    node: &Node,
    witness: &mut Witness,
    ledger: &Ledger,
    config: &crate::protocol::Config,
    events: &[Event],
) -> Result<(), Finding> {
    for event in events {
        witness.event(node.view(), ledger, event)?;
    }
    witness.step(node.view(), config, ledger)
}

fn broken(at: Time, id: &NodeId, (rule, detail): Finding) -> Broken {
    Broken { at, rule, detail: format!("{id}: {detail}") }
}

/// An event as a reader of a trace would have it.
struct Shown<'a>(&'a Event);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Event::StateChanged { origin, version, uuid } => write!(f, "takes version {version} of {origin} ({uuid})"),
            Event::MessageArrived { uuid } => write!(f, "delivers {uuid}"),
            Event::PathAdded { uuid, path } => write!(f, "hears of another way of {uuid} over {} nodes", path.len()),
            Event::MessagesRead { uuids } => write!(f, "marks {} messages as read", uuids.len()),
            Event::NodeJoined { id } => write!(f, "hears of {id} for the first time"),
            Event::StatusChanged { id, status } => write!(f, "holds {id} for {}", status.name()),
            Event::LinkMade { id } => write!(f, "links with {id}"),
            Event::LinkLost { id, why } => write!(f, "loses its link with {id}: {why}"),
            Event::ForeignPeer { id, registered: true } => write!(f, "takes in {id} of the other dialect"),
            Event::ForeignPeer { id, registered: false } => write!(f, "drops {id} of the other dialect"),
            Event::IdClaimedTwice { boot } => write!(f, "hears another process under its id (boot {boot:?})"),
            Event::Forged { origin, why, .. } => write!(f, "refuses what is said in the name of {origin}: {why}"),
            Event::Refused { what, limit, .. } => write!(f, "refuses for a limit: {what}, {limit}"),
        }
    }
}
