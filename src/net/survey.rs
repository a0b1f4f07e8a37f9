//! Asks other nodes on behalf of people: who is linked with whom, and how a message spread.
//!
//! Nothing of it is gossip: it is asked for only while somebody looks. Answers are kept for two seconds and shared by all
//! who ask; nodes are asked a bounded number at a time, each for a bounded time, and a node that does not answer only
//! lacks in the report. No answer of another node changes what this one holds.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::driver::Handle;
use super::report::message_report;
use crate::http::{Client, Verb};
use crate::protocol::{NodeId, Status};
use crate::wire::{MessageReport, OverlayNode, OverlayReport, SpreadNode, SpreadReport};

/// How long an answer is shared.
const FRESH: Duration = Duration::from_secs(2);

/// Nodes that are asked at a time.
const AT_ONCE: usize = 64;

/// How long one node may take.
const NODE_TIME: Duration = Duration::from_secs(2);

/// How long all may take together; who has not answered by then counts as not reached.
const SURVEY_TIME: Duration = Duration::from_secs(6);

/// Largest answer of one node: a message with its payload and all its paths fits.
const MAX_ANSWER: usize = 1024 * 1024;

/// Messages whose spread is kept at a time.
const MAX_SPREADS: usize = 16;

/// Nobody holds such a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFound;

/// Surveys of one node's network.
#[derive(Clone)]
pub struct Survey {
    inner: Rc<Inner>,
}

struct Inner {
    node: Handle,
    client: Client,
    overlay: Mutex<Option<(Instant, Rc<OverlayReport>)>>,
    spreads: RefCell<VecDeque<(Uuid, Rc<Spread>)>>,
}

/// The spread of one message, collected by one of those who ask for it.
type Spread = Mutex<Option<(Instant, Result<Rc<SpreadReport>, NotFound>)>>;

/// A node as this one sees it.
struct Known {
    id: NodeId,
    status: Option<Status>,
    live: bool,
}

impl Survey {
    /// Surveys from where this node stands.
    pub fn new(node: Handle) -> Survey {
        let client = node.client().with_answers_of(MAX_ANSWER);
        let inner = Inner { node, client, overlay: Mutex::new(None), spreads: RefCell::default() };
        Survey { inner: Rc::new(inner) }
    }

    /// All known nodes and the links between them.
    pub async fn overlay(&self) -> Rc<OverlayReport> {
        let mut kept = self.inner.overlay.lock().await;
        if let Some((_, report)) = kept.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return report.clone();
        }
        let report = Rc::new(self.collect_overlay().await);
        *kept = Some((Instant::now(), report.clone()));
        report
    }

    /// When and by which ways each node got a message.
    ///
    /// # Errors
    /// When neither this node nor any that answers holds it.
    pub async fn spread(&self, uuid: Uuid) -> Result<Rc<SpreadReport>, NotFound> {
        let place = self.place_of(uuid);
        let mut kept = place.lock().await;
        if let Some((_, report)) = kept.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return report.clone();
        }
        let report = self.collect_spread(uuid).await.map(Rc::new).ok_or(NotFound);
        *kept = Some((Instant::now(), report.clone()));
        report
    }

    fn place_of(&self, uuid: Uuid) -> Rc<Spread> {
        let mut spreads = self.inner.spreads.borrow_mut();
        if let Some((_, place)) = spreads.iter().find(|(known, _)| *known == uuid) {
            return place.clone();
        }
        let place = Rc::new(Mutex::new(None));
        spreads.push_back((uuid, place.clone()));
        if spreads.len() > MAX_SPREADS {
            spreads.pop_front();
        }
        place
    }

    async fn collect_overlay(&self) -> OverlayReport {
        let node = &self.inner.node;
        let taken_at = node.view(|_, now| node.clock().rfc3339(now));
        let known = self.known();
        let mut answers = self.ask::<Vec<NodeId>>(&known, "/peers/").await;
        let (own, peers) = node.view(|view, _| (view.id().clone(), view.peers().cloned().collect()));
        answers.insert(own, Some(peers));
        let mut links = BTreeSet::new();
        let nodes: Vec<OverlayNode> = known
            .into_iter()
            .map(|Known { id, status, .. }| {
                let peers = answers.remove(&id).flatten();
                for peer in peers.iter().flatten().filter(|peer| **peer != id) {
                    let (low, high) = if id < *peer { (&id, peer) } else { (peer, &id) };
                    links.insert((low.clone(), high.clone()));
                }
                OverlayNode { id, status, reached: peers.is_some(), peers }
            })
            .collect();
        OverlayReport { taken_at, nodes, links: links.into_iter().collect() }
    }

    async fn collect_spread(&self, uuid: Uuid) -> Option<SpreadReport> {
        let node = &self.inner.node;
        let known = self.known();
        let mut answers = self.ask::<MessageReport>(&known, &format!("/messages/{uuid}")).await;
        let (own, held) = node.view(|view, _| {
            let report = view.record(&uuid).map(|record| message_report(view.id(), record, node.clock()));
            (view.id().clone(), report)
        });
        let own_report = held.clone();
        answers.insert(own.clone(), held);
        let found = |report: &&MessageReport| report.uuid == uuid;
        let origin = own_report.as_ref().or_else(|| answers.values().flatten().find(found))?.origin.clone();
        let live = known.iter().filter(|node| node.live).count();
        let mut spread = SpreadReport { uuid, origin, nodes: Vec::with_capacity(known.len()), held: 0, live };
        for Known { id, status, .. } in known {
            let answer = answers.remove(&id);
            let (reached, report) = (answer.is_some(), answer.flatten().filter(|report| report.uuid == uuid));
            spread.held += usize::from(report.is_some());
            spread.nodes.push(SpreadNode {
                id,
                status,
                reached,
                held: report.is_some(),
                received_at: report.as_ref().map(|report| report.received_at.clone()),
                path: report.as_ref().and_then(|report| Some(report.paths.first()?.path.clone())),
                paths: report.map(|report| report.paths).unwrap_or_default(),
            });
        }
        Some(spread)
    }

    /// All known nodes, this one included.
    fn known(&self) -> Vec<Known> {
        self.inner.node.view(|view, _| {
            let entries = view.table().iter().filter(|(id, _)| *id != view.id());
            let mut known: Vec<Known> = entries
                .map(|(id, entry)| Known {
                    id: id.clone(),
                    status: Some(entry.shown_status()),
                    live: entry.status.is_live(),
                })
                .collect();
            let own = view.table().get(view.id()).map(|entry| entry.status);
            known.push(Known { id: view.id().clone(), status: own, live: true });
            known.sort_by(|a, b| a.id.cmp(&b.id));
            known
        })
    }

    /// Asks all living nodes but this one: an answer, `None` from a node that has nothing, and nothing of the silent.
    async fn ask<T: DeserializeOwned + 'static>(&self, known: &[Known], path: &str) -> BTreeMap<NodeId, Option<T>> {
        let own = self.inner.node.view(|view, _| view.id().clone());
        let mut waiting = known.iter().filter(|node| node.live && node.id != own).map(|node| node.id.clone());
        let mut running: JoinSet<(NodeId, Option<Option<T>>)> = JoinSet::new();
        let mut answers = BTreeMap::new();
        let collect = async {
            loop {
                while running.len() < AT_ONCE {
                    let Some(id) = waiting.next() else { break };
                    let (client, path) = (self.inner.client.clone(), path.to_owned());
                    running.spawn_local(async move {
                        let answer = client.call(Verb::Get, &id.address(), &path, Vec::new(), NODE_TIME).await;
                        (id, answer.ok().and_then(|(status, body)| read(status, &body)))
                    });
                }
                match running.join_next().await {
                    None => return,
                    Some(Ok((id, Some(answer)))) => {
                        answers.insert(id, answer);
                    }
                    Some(Ok((_, None)) | Err(_)) => {}
                }
            }
        };
        // Those that have not answered by then are told apart by their absence.
        let _ = tokio::time::timeout(SURVEY_TIME, collect).await;
        answers
    }
}

/// What a node said: `None` if it makes no sense, `Some(None)` if it has nothing of the kind.
fn read<T: DeserializeOwned>(status: u16, body: &[u8]) -> Option<Option<T>> {
    match status {
        200 => serde_json::from_slice(body).ok().map(Some),
        404 => Some(None),
        _ => None,
    }
}
