//! Drives one node over real sockets; see `protocol::Output` for the contract.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::alarm::Alarm;
use super::arrivals::Arrivals;
use super::clock::Clock;
use super::complaints::Complaints;
use super::disk::Disk;
use super::faults::{Injection, sender};
use super::live::Live;
use super::passage::Passage;
use crate::http::{CallError, Client, Verb};
use crate::protocol::{Call, Event, Failure, Input, Node, NodeId, Output, Request, Response, Time, View};
use crate::wire::{Answer, CallKind, Door, Faults, FaultsReport, HttpCall, Method, decode_reply, encode_call};

/// How long a leaving node waits for its last words to be heard.
const LAST_WORDS: Duration = Duration::from_millis(1_500);

/// How long a leaving node waits until all that it kept is on disk.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// The node on this thread.
#[derive(Clone)]
pub struct Handle {
    inner: Rc<Inner>,
}

struct Inner {
    node: RefCell<Node>,
    client: Client,
    clock: Clock,
    door: Door,
    /// Where faults act; absent unless they are allowed.
    passage: Option<Passage>,
    /// Where records go; absent without a data directory.
    disk: Option<Disk>,
    arrivals: Arrivals,
    complaints: Complaints,
    alarm: Alarm,
    /// What the alarm is set to.
    sleeping_until: Cell<Option<Time>>,
    /// Calls that were begun.
    sent: Cell<u64>,
    /// Told when a call ended, for the leaving node.
    ended: Notify,
    /// What happened, for those who watch.
    live: Live,
}

impl Handle {
    /// Takes a node over and starts its timer on this thread's local tasks. Faults can be injected if `injection` is given;
    /// with a `disk` what the node must remember is written before it is let out.
    ///
    /// # Errors
    /// When the system has no timer left.
    pub fn start(
        node: Node,
        client: Client,
        clock: Clock,
        door: Door,
        injection: Option<Injection>,
        disk: Option<Disk>,
    ) -> std::io::Result<Handle> {
        let live = Live::new(node.view().boot());
        let inner = Inner {
            node: RefCell::new(node),
            client,
            clock,
            door,
            passage: injection.map(Passage::new),
            disk,
            arrivals: Arrivals::default(),
            complaints: Complaints::default(),
            alarm: Alarm::new()?,
            sleeping_until: Cell::new(None),
            sent: Cell::new(0),
            ended: Notify::new(),
            live,
        };
        let handle = Handle { inner: Rc::new(inner) };
        handle.report(Input::Wake);
        actix_rt::spawn(handle.clone().keep_time());
        actix_rt::spawn(handle.clone().let_out());
        Ok(handle)
    }

    /// What this node's door lets in.
    pub fn door(&self) -> Door {
        self.inner.door
    }

    /// The node's clock.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// What happened, for those who watch.
    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// The client with which this node calls others.
    pub(super) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Puts a request to the node; the number of the write that the response has to wait for.
    fn ask(&self, request: Request) -> (Response, u64) {
        let mut out = Vec::new();
        let now = self.inner.clock.now();
        let response = self.inner.node.borrow_mut().request(now, request, &mut out);
        self.carry_out(out);
        (response, self.inner.disk.as_ref().map_or(0, Disk::barrier))
    }

    /// Puts a user's request to the node. What it changes is on disk when this returns, if there is one.
    ///
    /// # Errors
    /// When the disk takes nothing at present, with the reason. Nothing was promised then; what was under way when the
    /// trouble began may still be delivered.
    pub async fn request(&self, request: Request) -> Result<Response, Arc<str>> {
        let Some(disk) = &self.inner.disk else { return Ok(self.ask(request).0) };
        if let Some(trouble) = disk.trouble() {
            return Err(trouble);
        }
        match self.ask(request) {
            // It came another way, and may not be on disk yet.
            (response @ Response::Submitted { created: false, .. }, _) => disk.settled().await.map(|()| response),
            (response @ Response::Refused(_), _) => Ok(response),
            (response, barrier) => disk.saved(barrier).await.map(|()| response),
        }
    }

    /// Puts an operator's request to the node that changes nothing on disk: it is done even where the disk takes nothing.
    pub fn instruct(&self, request: Request) -> Response {
        self.ask(request).0
    }

    async fn released(&self, barrier: u64) {
        if let Some(disk) = &self.inner.disk {
            disk.released(barrier).await;
        }
    }

    /// What was shown of the node, once all of it is on disk: a version that somebody saw is never used again either.
    pub async fn written<R>(&self, shown: R) -> R {
        let barrier = self.inner.disk.as_ref().map_or(0, Disk::barrier);
        self.released(barrier).await;
        shown
    }

    /// Why the disk takes nothing at present; `None` where all is well, or there is none.
    pub fn disk_trouble(&self) -> Option<Arc<str>> {
        self.inner.disk.as_ref().and_then(Disk::trouble)
    }

    /// Waits for so long at most until a message is here, and on disk if there is one. Whether it is.
    pub async fn holds(&self, uuid: Uuid, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        let is_here = || self.view(|view, _| view.log().get(&uuid).is_some());
        if !is_here() {
            let Some(waiting) = self.inner.arrivals.wait(uuid) else { return false };
            if tokio::time::timeout_at(deadline, waiting.over()).await.is_err() || !is_here() {
                return false;
            }
        }
        match &self.inner.disk {
            None => true,
            Some(disk) => tokio::time::timeout_at(deadline, disk.settled()).await.is_ok_and(|settled| settled.is_ok()),
        }
    }

    /// Puts a request to the node that may come from another node. `None` if an injected fault lost it; its sender has
    /// given up by then.
    pub async fn receive(&self, request: Request) -> Option<Response> {
        match sender(&request).filter(|_| self.inner.passage.is_some()) {
            Some((from, kind)) => {
                let from = from.clone();
                let (response, barrier) = self.receive_from(&from, kind, || self.ask(request)).await?;
                self.released(barrier).await;
                Some(response)
            }
            None => {
                let sent = self.inner.sent.get();
                let (response, barrier) = self.ask(request);
                self.released(barrier).await;
                if self.inner.sent.get() != sent {
                    // What is passed on goes first: others wait for it, and the sender for nothing.
                    let_others_go_first().await;
                }
                Some(response)
            }
        }
    }

    /// Does what a call of `kind` from another node asks for, unless an injected fault loses it.
    pub async fn receive_from<R>(&self, from: &NodeId, kind: CallKind, act: impl FnOnce() -> R) -> Option<R> {
        match &self.inner.passage {
            Some(passage) => passage.receive(from, Duration::from_millis(kind.time_limit_ms()), act).await,
            None => Some(act()),
        }
    }

    /// What goes wrong between this node and others; `None` if nothing ever may.
    pub fn faults(&self) -> Option<FaultsReport> {
        self.inner.passage.as_ref().map(Passage::report)
    }

    /// Replaces all faults, if they are allowed.
    pub fn set_faults(&self, faults: Faults) {
        if let Some(passage) = &self.inner.passage {
            log::warn!("injected faults are now: {faults:?}");
            passage.set(faults);
        }
    }

    /// Looks at the node.
    pub fn view<R>(&self, look: impl FnOnce(View<'_>, Time) -> R) -> R {
        look(self.inner.node.borrow().view(), self.inner.clock.now())
    }

    /// Says goodbye to the peers and waits, within bounds, until they have heard it.
    pub async fn leave(&self) {
        self.report(Input::Stop);
        let quiet = async {
            while !self.inner.node.borrow().is_quiet() {
                self.inner.ended.notified().await;
            }
        };
        if tokio::time::timeout(LAST_WORDS, quiet).await.is_err() {
            log::warn!("leaving although not every peer has answered the last words");
        }
        self.inner.live.end();
        if let Some(disk) = &self.inner.disk
            && tokio::time::timeout(LAST_WRITE, disk.settled()).await.is_ok_and(|settled| settled.is_ok())
        {
            log::debug!("all that this node keeps is on disk");
        }
    }

    fn report(&self, input: Input) {
        let mut out = Vec::new();
        let now = self.inner.clock.now();
        self.inner.node.borrow_mut().handle(now, input, &mut out);
        self.carry_out(out);
    }

    fn carry_out(&self, outputs: Vec<Output>) {
        for output in outputs {
            match (output, &self.inner.disk) {
                // There is no disk: what is kept in memory is as safe as it will be, so nothing waits for it.
                (Output::Persist { seq, .. }, None) => self.report(Input::Persisted(seq)),
                (Output::Persist { seq, mut records }, Some(disk)) => {
                    disk.persist(std::mem::take(&mut records));
                    // What stays behind in the queue is the report.
                    if let Some(written) = disk.pass(Output::Persist { seq, records }) {
                        self.act(written);
                    }
                }
                (Output::Keep(_), None) => {}
                (Output::Keep(records), Some(disk)) => disk.keep(records),
                (output, None) => self.act(output),
                (output, Some(disk)) => {
                    if let Some(output) = disk.pass(output) {
                        self.act(output);
                    }
                }
            }
        }
        let deadline = self.inner.node.borrow().due();
        // A later one matters as well: to wake for nothing costs the whole machine more than to set the timer anew.
        if deadline != self.inner.sleeping_until.replace(deadline) {
            self.inner.alarm.set(deadline.map(|time| self.inner.clock.instant(time)));
        }
    }

    /// Does what an output asks for, now that nothing is before it.
    fn act(&self, output: Output) {
        match output {
            Output::Send { ticket, to, call, patience_ms } => {
                self.inner.sent.set(self.inner.sent.get() + 1);
                // On its own: the runtime copies what it is given several times until it runs, and when it ends.
                actix_rt::spawn(Box::pin(self.clone().send(ticket, to, call, patience_ms)));
            }
            Output::Persist { seq, .. } => self.report(Input::Persisted(seq)),
            Output::Keep(_) => {}
            Output::Emit(event) => {
                if let Event::MessageArrived { uuid } = &event {
                    self.inner.arrivals.came(uuid);
                }
                log_event(&event);
                self.note(&event);
            }
        }
    }

    /// Lets out what waits for the disk, whenever that has come further.
    async fn let_out(self) {
        let Some(disk) = &self.inner.disk else { return };
        let mut progress = disk.watch();
        while let Some(outputs) = disk.more(&mut progress).await {
            outputs.into_iter().for_each(|output| self.act(output));
        }
    }

    /// Calls another node outside the protocol's own calls; injected faults act on it as on those.
    pub(super) async fn call(&self, to: &NodeId, http: HttpCall, limit: Duration) -> Result<(u16, Vec<u8>), CallError> {
        match &self.inner.passage {
            None => self.exchange(to, http, limit).await,
            Some(passage) => passage.send(to, limit, async |left| self.exchange(to, http, left).await).await,
        }
    }

    async fn send(self, ticket: u64, to: NodeId, call: Call, patience_ms: u64) {
        let kind = CallKind::of(&call);
        let mut http = encode_call(&call);
        let limit = Duration::from_millis(kind.time_limit_ms() + patience_ms);
        let answered = match &self.inner.passage {
            None => self.exchange(&to, http, limit).await,
            Some(passage) => {
                if kind == CallKind::Peers {
                    // The one call that does not say whose it is: the other side's faults must know.
                    http.path = format!("{}?from={}", http.path, self.inner.node.borrow().view().id());
                }
                Box::pin(passage.send(&to, limit, async |left| self.exchange(&to, http, left).await)).await
            }
        };
        let alone = self.inner.node.borrow().view().peers().next().is_none();
        self.inner.complaints.hear(&to, kind, &answered, alone);
        let result = match answered {
            Ok((status, body)) => decode_reply(kind, &Answer { status, body }, self.inner.door),
            Err(CallError::Refused) => Err(Failure::Refused),
            Err(CallError::TimedOut | CallError::Broken(_)) => Err(Failure::Unknown),
        };
        self.report(match result {
            Ok(reply) => {
                self.inner.complaints.read(&to, &reply);
                Input::Delivered { ticket, reply }
            }
            Err(failure) => {
                log::debug!("{kind:?} to {to}: {failure:?}");
                Input::Undelivered { ticket, failure }
            }
        });
        self.inner.ended.notify_one();
    }

    async fn exchange(&self, to: &NodeId, http: HttpCall, limit: Duration) -> Result<(u16, Vec<u8>), CallError> {
        let verb = match http.method {
            Method::Get => Verb::Get,
            Method::Post => Verb::Post,
            Method::Delete => Verb::Delete,
        };
        let address = to.address();
        let exchange = pin!(self.inner.client.exchange(verb, &address, &http.path, http.body, limit));
        self.inner.alarm.limited(limit, exchange).await.unwrap_or(Err(CallError::TimedOut))
    }

    /// Wakes the node whenever it is due.
    async fn keep_time(self) {
        loop {
            self.inner.alarm.due().await;
            self.inner.sleeping_until.set(None);
            self.report(Input::Wake);
        }
    }
}

/// Stands aside once for all tasks that can go on.
async fn let_others_go_first() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn log_event(event: &Event) {
    match event {
        Event::StateChanged { origin, version, .. } => log::debug!("{origin} is at version {version}"),
        Event::MessageArrived { uuid } => log::debug!("message {uuid}"),
        Event::PathAdded { uuid, path } => log::debug!("message {uuid} has another way over {} nodes", path.len()),
        Event::MessagesRead { uuids } => log::debug!("{} messages were read", uuids.len()),
        Event::NodeJoined { id } => log::info!("{id} is known now"),
        Event::StatusChanged { id, status } => log::info!("{id} is {}", status.name()),
        Event::LinkMade { id } => log::info!("linked with {id}"),
        Event::LinkLost { id, why } => log::info!("no longer linked with {id}: {why}"),
        Event::ForeignPeer { id, registered: true } => log::info!("{id} of the other dialect registered"),
        Event::ForeignPeer { id, registered: false } => log::info!("{id} of the other dialect was dropped"),
        Event::IdClaimedTwice { boot } => {
            let which = boot.map_or_else(String::new, |boot| format!(" (its boot is {boot})"));
            log::error!("ANOTHER PROCESS USES THIS NODE'S ID{which}: stop one of the two");
        }
        Event::Forged { origin, why, count } => {
            log::warn!("refused a message in the name of {origin}: {why}; {count} forged ones so far");
        }
        Event::Refused { what, limit, count } => {
            log::warn!("refused a message: {what}, the limit is {limit}; {count} refused for limits so far");
        }
    }
}
