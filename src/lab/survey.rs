//! Asking all nodes of a network at once.

use std::time::Duration;

use super::NodeRecord;
use crate::client::{Caller, ClientError, DigestReport, gather};

/// Nodes that are asked at a time: enough to hide their latency, few enough to spare file descriptors.
pub const AT_ONCE: usize = 64;

/// Time for an answer to `GET /livez`, which needs milliseconds.
const LIVE_TIME: Duration = Duration::from_secs(5);

/// What a node said of itself.
#[derive(Clone, Debug)]
pub struct NodeAnswer {
    /// The node's number.
    pub number: u16,
    /// Its port.
    pub port: u16,
    /// Its digest, or why there is none.
    pub digest: Result<DigestReport, ClientError>,
}

/// Asks these nodes for their digests, each of which may take up to `limit`; the answers come in the nodes' order.
pub async fn ask_digests(caller: &Caller, nodes: &[&NodeRecord], limit: Duration) -> Vec<NodeAnswer> {
    gather(nodes, AT_ONCE, |node| {
        let (number, port) = (node.number, node.port);
        let client = caller.node(node.address(), limit);
        async move { NodeAnswer { number, port, digest: client.digest().await } }
    })
    .await
}

/// Asks these nodes whether they serve.
pub(super) async fn ask_live(caller: &Caller, nodes: &[&NodeRecord]) -> Vec<bool> {
    gather(nodes, AT_ONCE, |node| {
        let client = caller.node(node.address(), LIVE_TIME);
        async move { client.live().await.is_ok() }
    })
    .await
}
