//! When a network is of one mind.
//!
//! All live nodes agree when every one lists the same living nodes, holds every message, and of each origin holds at least
//! the version that its owner had when the waiting began (a later one too: books go on while one waits). Digests answer
//! that for almost nothing: only when their sums over everything differ are the nodes' versions fetched, and never again
//! from a node that has once shown enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::difference::compare;
use super::{AT_ONCE, Difference, NetworkRecord, NodeAnswer, NodeRecord, Progress, ask_digests};
use crate::client::{Caller, DigestReport, gather};
use crate::protocol::NodeId;

/// The first pause between two rounds of questions, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Time for one answer, unless less of it is left.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Less time would make a busy node look silent.
const LEAST_ANSWER_TIME: Duration = Duration::from_millis(200);

/// Strangers among the living that are looked for at a time.
const STRANGERS_ASKED: usize = 256;

/// All agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How many nodes.
    pub nodes: usize,
    /// After how long.
    pub elapsed: Duration,
}

/// Waits until all live nodes agree, at most `limit`.
///
/// # Errors
/// When time is up: who differs, and in what.
pub async fn wait_for_agreement(
    caller: &Caller,
    network: &NetworkRecord,
    limit: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<Agreement, Vec<Difference>> {
    let began = Instant::now();
    let (wanted, shown) = (BTreeMap::new(), BTreeSet::new());
    let mut judge = Judge { caller, network, answer_time: ANSWER_TIME, wanted, shown };
    let mut pause = FIRST_PAUSE;
    loop {
        let round = Instant::now();
        let live = network.live_nodes();
        judge.answer_time = limit.saturating_sub(began.elapsed()).clamp(LEAST_ANSWER_TIME, ANSWER_TIME);
        let differences = judge.round(&live).await;
        let differing: BTreeSet<u16> = differences.iter().map(Difference::number).collect();
        progress(Progress::Agreeing { done: live.len().saturating_sub(differing.len()), all: live.len() });
        let elapsed = began.elapsed();
        if differences.is_empty() && !live.is_empty() {
            return Ok(Agreement { nodes: live.len(), elapsed });
        }
        let Some(left) = limit.checked_sub(elapsed).filter(|left| !left.is_zero()) else { return Err(differences) };
        // A large network pauses as long as it takes to ask: the questions must not be what keeps it from agreeing.
        tokio::time::sleep(pause.max(round.elapsed()).min(left)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Remembers between rounds what must be seen, and who has shown it.
struct Judge<'a> {
    caller: &'a Caller,
    network: &'a NetworkRecord,
    /// How long one answer may take.
    answer_time: Duration,
    /// The version that each live node had when it was first asked and had spoken.
    wanted: BTreeMap<NodeId, u64>,
    /// Lives of nodes that were seen to hold all of that.
    shown: BTreeSet<(NodeId, u64)>,
}

impl Judge<'_> {
    async fn round(&mut self, live: &[&NodeRecord]) -> Vec<Difference> {
        let answers = ask_digests(self.caller, live, self.answer_time).await;
        let digests: Vec<&DigestReport> = answers.iter().filter_map(|answer| answer.digest.as_ref().ok()).collect();
        for digest in digests.iter().filter(|digest| digest.version > 0) {
            self.wanted.entry(digest.id.clone()).or_insert(digest.version);
        }
        let mut expected = live.len();
        if digests.iter().all(|digest| digest.live > live.len()) {
            expected += self.living_strangers(&answers).await;
        }
        let differences = compare(&answers, expected);
        if !differences.is_empty() {
            return differences;
        }
        let one_hash = digests.windows(2).all(|pair| pair[0].hash == pair[1].hash);
        if one_hash { Vec::new() } else { self.older_states(live, &answers).await }
    }

    /// How many nodes live that are not of this network's making, such as one that was started by hand and joined.
    async fn living_strangers(&self, answers: &[NodeAnswer]) -> usize {
        let Some(first) = answers.first() else { return 0 };
        let client = self.caller.node(NodeId::Port(first.port).address(), self.answer_time);
        let Ok(states) = client.states().await else { return 0 };
        let own: BTreeSet<NodeId> = self.network.nodes.iter().map(NodeRecord::id).collect();
        let living = states.into_iter().filter(|(_, state)| state.status.is_live()).map(|(id, _)| id);
        let strangers = living.filter(|id| !own.contains(id)).take(STRANGERS_ASKED);
        let answers = gather(strangers, AT_ONCE, |id| {
            let client = self.caller.node(id.address(), self.answer_time);
            // A node of the other dialect has no such page, but answering at all is living.
            async move { !matches!(client.live().await, Err(error) if error.is_silent()) }
        });
        answers.await.into_iter().filter(|lives| *lives).count()
    }

    async fn older_states(&mut self, live: &[&NodeRecord], answers: &[NodeAnswer]) -> Vec<Difference> {
        let life = |answer: &NodeAnswer| answer.digest.as_ref().ok().map(|digest| (digest.id.clone(), digest.boot));
        let open: Vec<(&NodeRecord, (NodeId, u64))> = live
            .iter()
            .zip(answers)
            .filter_map(|(node, answer)| Some((*node, life(answer)?)))
            .filter(|(_, life)| !self.shown.contains(life))
            .collect();
        let versions = gather(&open, AT_ONCE, |(node, _)| {
            let client = self.caller.node(node.address(), self.answer_time);
            async move { client.versions().await }
        })
        .await;
        let mut differences = Vec::new();
        for ((node, life), versions) in open.into_iter().zip(versions) {
            let (number, port) = (node.number, node.port);
            match versions {
                Err(_) => differences.push(Difference::Silent { number, port }),
                Ok(held) => match first_older(number, &self.wanted, &held, live) {
                    Some(difference) => differences.push(difference),
                    None => drop(self.shown.insert(life)),
                },
            }
        }
        differences
    }
}

/// The first origin of which a node holds less than was wanted. An origin that has ended meanwhile is no longer wanted.
fn first_older(
    number: u16,
    wanted: &BTreeMap<NodeId, u64>,
    held: &BTreeMap<NodeId, u64>,
    live: &[&NodeRecord],
) -> Option<Difference> {
    live.iter().find_map(|origin| {
        let id = origin.id();
        let wanted = *wanted.get(&id)?;
        let holds = held.get(&id).copied().unwrap_or(0);
        (holds < wanted).then_some(Difference::Older { number, origin: origin.port, holds, wanted })
    })
}
