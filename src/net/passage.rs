//! The way between this node and others, on which faults act: delays, holds and loses exchanges as `faults.rs` decides.
//!
//! It exists only in a node that was started with fault injection; the others pay one look at an empty option. What is
//! lost is never answered: the sender waits until its time is up and cannot tell it from a silent network.

use std::cell::RefCell;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::faults::{Fate, Injection};
use crate::http::CallError;
use crate::protocol::NodeId;
use crate::wire::{Faults, FaultsReport};

/// How much longer than its sender waits an arriving request is held: the answer must not come in time.
const MARGIN: Duration = Duration::from_millis(500);

/// What comes back for a call.
type Answered = Result<(u16, Vec<u8>), CallError>;

/// The way to and from other nodes.
#[derive(Debug)]
pub(super) struct Passage {
    injection: RefCell<Injection>,
    /// Told when other faults are set.
    changed: Notify,
}

impl Passage {
    pub(super) fn new(injection: Injection) -> Passage {
        Passage { injection: RefCell::new(injection), changed: Notify::new() }
    }

    /// From now on these faults and no others.
    pub(super) fn set(&self, faults: Faults) {
        self.injection.borrow_mut().set(faults);
        self.changed.notify_waiters();
    }

    pub(super) fn report(&self) -> FaultsReport {
        self.injection.borrow().report()
    }

    /// A call to `to` that this node makes: `call` is told how much of `limit` is left to it.
    pub(super) async fn send(
        &self,
        to: &NodeId,
        limit: Duration,
        call: impl AsyncFnOnce(Duration) -> Answered,
    ) -> Answered {
        let until = Instant::now() + limit;
        if let Some(answer_lost) = self.enter(to, until).await {
            let answered = call(until.saturating_duration_since(Instant::now())).await;
            if !answer_lost && self.leave(to, until).await {
                return answered;
            }
        }
        log::debug!("a call to {to} was lost by an injected fault");
        sleep_until(until).await;
        Err(CallError::TimedOut)
    }

    /// A request of `from`, who waits for `limit`; `None` once that is over, if the request or its answer was lost.
    pub(super) async fn receive<R>(&self, from: &NodeId, limit: Duration, act: impl FnOnce() -> R) -> Option<R> {
        let until = Instant::now() + limit;
        if let Some(answer_lost) = self.enter(from, until).await {
            let response = act();
            if !answer_lost && self.leave(from, until).await {
                return Some(response);
            }
        }
        log::debug!("a request of {from} was lost by an injected fault");
        sleep_until(until + MARGIN).await;
        None
    }

    /// Waits as the faults demand. `None` if the request is lost, else whether its answer will be.
    async fn enter(&self, other: &NodeId, until: Instant) -> Option<bool> {
        let mut waited = false;
        loop {
            let changed = self.changed.notified();
            let fate = self.injection.borrow_mut().fate(other);
            match fate {
                Fate::Lost => return None,
                Fate::Waits => {
                    if !std::mem::replace(&mut waited, true) {
                        self.injection.borrow_mut().held();
                    }
                    timeout_at(until, changed).await.ok()?;
                }
                Fate::Passes { delay_ms: 0, answer_lost } => return Some(answer_lost),
                Fate::Passes { delay_ms, answer_lost } => {
                    let arrival = Instant::now() + Duration::from_millis(delay_ms);
                    if arrival >= until {
                        return None;
                    }
                    sleep_until(arrival).await;
                    // What was set while it was under way concerns it, too.
                    return self.leave(other, until).await.then_some(answer_lost);
                }
            }
        }
    }

    /// Waits until an answer may pass; false if it is lost.
    async fn leave(&self, other: &NodeId, until: Instant) -> bool {
        loop {
            let changed = self.changed.notified();
            let fate = self.injection.borrow_mut().fate_of_answer(other);
            match fate {
                Fate::Passes { .. } => return true,
                Fate::Lost => return false,
                Fate::Waits => {
                    if timeout_at(until, changed).await.is_err() {
                        return false;
                    }
                }
            }
        }
    }
}
