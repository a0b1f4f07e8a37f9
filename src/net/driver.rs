//! Drives one node over real sockets; see `protocol::Output` for the contract.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::Clock;
use super::faults::{Injection, sender};
use super::live::Live;
use super::passage::Passage;
use crate::http::{CallError, Client, Verb};
use crate::protocol::{Call, Event, Failure, Input, Node, NodeId, Output, Request, Response, Time, View};
use crate::wire::{Answer, CallKind, Door, Faults, FaultsReport, HttpCall, Method, decode_reply, encode_call};

/// How long a leaving node waits for its last words to be heard.
const LAST_WORDS: Duration = Duration::from_millis(1_500);

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
    /// Wakes the timer when an earlier deadline came up.
    earlier: Notify,
    sleeping_until: Cell<Option<Time>>,
    /// Told when a call ended, for the leaving node.
    ended: Notify,
    /// What happened, for those who watch.
    live: Live,
}

impl Handle {
    /// Takes a node over and starts its timer on this thread's local tasks. Faults can be injected if `injection` is given.
    pub fn start(node: Node, client: Client, clock: Clock, door: Door, injection: Option<Injection>) -> Handle {
        let live = Live::new(node.view().boot());
        let inner = Inner {
            node: RefCell::new(node),
            client,
            clock,
            door,
            passage: injection.map(Passage::new),
            earlier: Notify::new(),
            sleeping_until: Cell::new(None),
            ended: Notify::new(),
            live,
        };
        let handle = Handle { inner: Rc::new(inner) };
        handle.report(Input::Wake);
        actix_rt::spawn(handle.clone().keep_time());
        handle
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

    /// Puts a request to the node.
    pub fn request(&self, request: Request) -> Response {
        let mut out = Vec::new();
        let now = self.inner.clock.now();
        let response = self.inner.node.borrow_mut().request(now, request, &mut out);
        self.carry_out(out);
        response
    }

    /// Puts a request to the node that may come from another node. `None` if an injected fault lost it; its sender has
    /// given up by then.
    pub async fn receive(&self, request: Request) -> Option<Response> {
        match sender(&request).filter(|_| self.inner.passage.is_some()) {
            Some((from, kind)) => {
                let from = from.clone();
                self.receive_from(&from, kind, || self.request(request)).await
            }
            None => Some(self.request(request)),
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
    }

    fn report(&self, input: Input) {
        let mut out = Vec::new();
        let now = self.inner.clock.now();
        self.inner.node.borrow_mut().handle(now, input, &mut out);
        self.carry_out(out);
    }

    fn carry_out(&self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { ticket, to, call } => {
                    actix_rt::spawn(self.clone().send(ticket, to, call));
                }
                // There is no disk: what is kept in memory is as safe as it will be, so nothing waits for it.
                Output::Persist { seq, .. } => self.report(Input::Persisted(seq)),
                Output::Emit(event) => {
                    log_event(&event);
                    self.note(&event);
                }
            }
        }
        let deadline = self.inner.node.borrow().deadline();
        if deadline.is_some_and(|next| self.inner.sleeping_until.get().is_none_or(|until| next < until)) {
            self.inner.earlier.notify_one();
        }
    }

    async fn send(self, ticket: u64, to: NodeId, call: Call) {
        let kind = CallKind::of(&call);
        let mut http = encode_call(&call);
        let limit = Duration::from_millis(kind.time_limit_ms());
        let answered = match &self.inner.passage {
            None => self.exchange(&to, http, limit).await,
            Some(passage) => {
                if kind == CallKind::Peers {
                    // The one call that does not say whose it is: the other side's faults must know.
                    http.path = format!("{}?from={}", http.path, self.inner.node.borrow().view().id());
                }
                passage.send(&to, limit, async |left| self.exchange(&to, http, left).await).await
            }
        };
        let result = match answered {
            Ok((status, body)) => decode_reply(kind, &Answer { status, body }, self.inner.door),
            Err(CallError::Refused) => Err(Failure::Refused),
            Err(CallError::TimedOut | CallError::Broken(_)) => Err(Failure::Unknown),
        };
        self.report(match result {
            Ok(reply) => Input::Delivered { ticket, reply },
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
        self.inner.client.call(verb, &to.address(), &http.path, http.body, limit).await
    }

    /// One timer for all deadlines; it sleeps while nothing is due.
    async fn keep_time(self) {
        loop {
            let deadline = self.inner.node.borrow().deadline();
            self.inner.sleeping_until.set(deadline);
            match deadline {
                None => self.inner.earlier.notified().await,
                Some(time) => {
                    let moment = tokio::time::Instant::from_std(self.inner.clock.instant(time));
                    tokio::select! {
                        () = tokio::time::sleep_until(moment) => self.report(Input::Wake),
                        () = self.inner.earlier.notified() => {}
                    }
                }
            }
        }
    }
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
        Event::Refused { what, limit } => log::warn!("refused a message: {what}, the limit is {limit}"),
    }
}
