//! Having a node forgotten by all others.

use std::time::{Duration, Instant};

use super::survey::AT_ONCE;
use super::{LabError, NetworkName, NodeRecord, Registry};
use crate::client::{Caller, ClientError, NodeClient, StateReport, gather};
use crate::protocol::NodeId;

/// Pause between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(50);

/// Has a node that no longer runs forgotten: once one of the others holds it for gone, all are told through that one. Each is
/// then asked by itself to forget the key by which it knows it, which no node does at another's word.
/// Returns how many nodes have forgotten it.
///
/// # Errors
/// When the node still runs, or the others have not forgotten it within `limit`.
pub async fn forget_node(
    registry: &Registry,
    caller: &Caller,
    name: &NetworkName,
    number: u16,
    limit: Duration,
) -> Result<usize, LabError> {
    let network = registry.load_running(name)?;
    let node = network.node(number)?;
    if node.process.is_running() {
        return Err(LabError::NodeStillRuns { name: name.clone(), number });
    }
    let id = node.id();
    let others: Vec<NodeRecord> = network.live_nodes().into_iter().cloned().collect();
    let end = Instant::now() + limit;
    loop {
        let known = ask(caller, &others, &id, limit).await;
        if known.iter().all(Option::is_none) {
            forget_keys(caller, &others, &id, limit).await;
            return Ok(others.len());
        }
        let gone = |state: &StateReport| !state.status.is_live();
        let told = others.iter().zip(&known).find(|(_, state)| state.as_ref().is_some_and(gone));
        if let Some((other, _)) = told {
            match caller.node(other.address(), limit).forget(&id).await {
                // Another node's word may have reached it first.
                Ok(()) | Err(ClientError::Refused(_)) => {}
                Err(error) => log::debug!("{}: {error}", other.address()),
            }
        }
        if Instant::now() >= end {
            return Err(LabError::StillKnown { number, knowing: known.iter().flatten().count() });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A node that knew the other by no key answers that it does not know it, which is as well.
async fn forget_keys(caller: &Caller, nodes: &[NodeRecord], id: &NodeId, limit: Duration) {
    gather(nodes, AT_ONCE, |node| {
        let client: NodeClient = caller.node(node.address(), limit);
        let (id, address) = (id.clone(), node.address());
        async move {
            match client.forget(&id).await {
                Ok(()) | Err(ClientError::Refused(_)) => {}
                Err(error) => log::warn!("{address} may still know {id} by its key: {error}"),
            }
        }
    })
    .await;
}

/// What each of these nodes holds of `id`; a node that does not answer counts as one that has forgotten it.
async fn ask(caller: &Caller, nodes: &[NodeRecord], id: &NodeId, limit: Duration) -> Vec<Option<StateReport>> {
    gather(nodes, AT_ONCE, |node| {
        let client: NodeClient = caller.node(node.address(), limit);
        let id = id.clone();
        async move { client.state_of(&id).await.ok() }
    })
    .await
}
