//! Who holds a message: asked of the live nodes on demand, for a submitter who wants to know.
//!
//! Gossip tells a node what it lacks and never who else has what, so a submitter's question is put to the nodes
//! themselves: `GET /messages/{uuid}/held`, which each answers as soon as it holds the message, on disk if it has one. A
//! few nodes are asked at a time; one that does not answer is asked again behind the others until time is up. Nobody is
//! asked about a message whose submitter did not ask.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::driver::Handle;
use crate::protocol::NodeId;
use crate::wire::{HeldReport, HttpCall, Method};

/// Nodes that are asked at a time for one submitter.
const ASKED_AT_ONCE: usize = 16;

/// How long a node that is asked may wait for the message to come.
pub const LONGEST_HOLD: Duration = Duration::from_secs(1);

/// How long its answer may take beyond that.
const MARGIN: Duration = Duration::from_millis(500);

/// Pause before a node is asked that did not answer, or when nobody is left to ask.
const PAUSE: Duration = Duration::from_millis(50);

/// How many nodes are to hold a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many, the submitting one included.
    Count(usize),
    /// All that are held for alive.
    All,
}

/// What a survey found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holders {
    /// So many nodes hold it, the submitting one included.
    pub reached: usize,
    /// So many were to.
    pub wanted: usize,
}

#[derive(Default)]
struct Round {
    holders: BTreeSet<NodeId>,
    asked: BTreeSet<NodeId>,
    again: VecDeque<NodeId>,
}

struct Survey {
    node: Handle,
    uuid: Uuid,
    round: RefCell<Round>,
    changed: Notify,
}

/// Ends its tasks with itself.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Handle {
    /// How many nodes are held for alive, this one included.
    pub fn live_nodes(&self) -> usize {
        self.view(|view, _| {
            let others = view.table().iter().filter(|(id, entry)| *id != view.id() && entry.status.is_live());
            others.count() + 1
        })
    }

    /// Waits until `wanted` nodes hold a message that this one holds, for so long at most.
    pub async fn await_holders(&self, uuid: Uuid, wanted: Wanted, wait: Duration) -> Holders {
        let deadline = Instant::now() + wait;
        let survey = Rc::new(Survey { node: self.clone(), uuid, round: RefCell::default(), changed: Notify::new() });
        let mut tasks = Tasks(Vec::new());
        loop {
            let found = survey.found(wanted);
            if found.reached >= found.wanted {
                return found;
            }
            while tasks.0.len() < ASKED_AT_ONCE.min(found.wanted) {
                tasks.0.push(actix_rt::spawn(survey.clone().ask_around()));
            }
            if timeout_at(deadline, survey.changed.notified()).await.is_err() {
                return survey.found(wanted);
            }
        }
    }
}

impl Survey {
    fn found(&self, wanted: Wanted) -> Holders {
        let round = self.round.borrow();
        let reached = round.holders.len() + 1;
        let wanted = match wanted {
            Wanted::Count(count) => count,
            // Who died meanwhile is no longer waited for; who held it before counts on.
            Wanted::All => self.node.view(|view, _| {
                let live = view.table().iter().filter(|(id, entry)| *id != view.id() && entry.status.is_live());
                live.filter(|(id, _)| !round.holders.contains(*id)).count() + reached
            }),
        };
        Holders { reached, wanted }
    }

    /// A node that is to be asked, those first that were not asked yet.
    fn next(&self) -> Option<NodeId> {
        let mut round = self.round.borrow_mut();
        let fresh = self.node.view(|view, _| {
            let live = view.table().iter().filter(|(id, entry)| *id != view.id() && entry.status.is_live());
            live.map(|(id, _)| id).find(|id| !round.asked.contains(*id)).cloned()
        });
        if let Some(id) = &fresh {
            round.asked.insert(id.clone());
        }
        fresh.or_else(|| round.again.pop_front())
    }

    async fn ask_around(self: Rc<Self>) {
        loop {
            let Some(id) = self.next() else {
                sleep(PAUSE).await;
                // Somebody may have died meanwhile.
                self.changed.notify_one();
                continue;
            };
            if self.ask(&id).await {
                self.round.borrow_mut().holders.insert(id);
                self.changed.notify_one();
            } else {
                sleep(PAUSE).await;
                self.round.borrow_mut().again.push_back(id);
            }
        }
    }

    async fn ask(&self, id: &NodeId) -> bool {
        let own = self.node.view(|view, _| view.id().clone());
        let path = format!("/messages/{}/held?wait={}ms&from={own}", self.uuid, LONGEST_HOLD.as_millis());
        let http = HttpCall { method: Method::Get, path, body: Vec::new() };
        let Ok((200, body)) = self.node.call(id, http, LONGEST_HOLD + MARGIN).await else { return false };
        // Another process may listen there.
        let Ok(report) = serde_json::from_slice::<HeldReport>(&body) else { return false };
        report.uuid == self.uuid && report.id == *id
    }
}
