//! A read-only view of a node, for displays, tests and the simulator's checks.

use super::door::Refusal;
use super::link::PeerCounters;
use super::log::{Log, Record};
use super::node::{Counters, Node};
use super::signature::PublicKey;
use super::table::Table;
use super::words::{Boot, Digest, NodeId, Time, Version};

/// Borrows a node; see [`Node::view`].
#[derive(Clone, Copy)]
pub struct View<'a> {
    node: &'a Node,
}

impl<'a> View<'a> {
    pub(super) fn new(node: &'a Node) -> View<'a> {
        View { node }
    }

    /// The node's id.
    pub fn id(&self) -> &'a NodeId {
        &self.node.id
    }

    /// The life of its process.
    pub fn boot(&self) -> Boot {
        self.node.boot
    }

    /// The name of its network.
    pub fn cluster(&self) -> &'a str {
        &self.node.config.cluster
    }

    /// Its own newest state's version, 0 before it first spoke.
    pub fn version(&self) -> Version {
        self.node.table.get(&self.node.id).map_or(0, |entry| entry.version())
    }

    /// The ids of its peers, in order.
    pub fn peers(&self) -> impl Iterator<Item = &'a NodeId> + use<'a> {
        self.node.overlay.links.keys()
    }

    /// The ids of the registered nodes of the other dialect.
    pub fn foreign_peers(&self) -> impl Iterator<Item = &'a NodeId> + use<'a> {
        self.node.foreign.ids()
    }

    /// Most links it may hold.
    pub fn max_peers(&self) -> usize {
        self.node.config.max_peers
    }

    /// Everything known of all nodes.
    pub fn table(&self) -> &'a Table {
        &self.node.table
    }

    /// The remembered messages of users.
    pub fn log(&self) -> &'a Log {
        &self.node.log
    }

    /// The remembered books.
    pub fn books(&self) -> &'a Log {
        &self.node.books
    }

    /// A record of either kind.
    pub fn record(&self, uuid: &uuid::Uuid) -> Option<&'a Record> {
        self.node.log.get(uuid).or_else(|| self.node.books.get(uuid))
    }

    /// How many items wait for each peer.
    pub fn queues(&self) -> impl Iterator<Item = (&'a NodeId, usize)> + use<'a> {
        self.node.overlay.links.iter().map(|(id, link)| (id, link.queue_length()))
    }

    /// What each link carried, and how many items wait for it.
    pub fn links(&self) -> impl Iterator<Item = (&'a NodeId, PeerCounters, usize)> + use<'a> {
        self.node.overlay.links.iter().map(|(id, link)| (id, link.counts, link.queue_length()))
    }

    /// What it holds, in short.
    pub fn digest(&self) -> Digest {
        self.node.digest()
    }

    /// Sum over the ids of the nodes that are held for living: equal where the same ones are.
    pub fn live_hash(&self) -> u64 {
        let live = self.table().iter().filter(|(_, entry)| entry.status.is_live() && entry.state.is_some());
        live.map(|(id, _)| super::fingerprint::of_id(id)).fold(0, u64::wrapping_add)
    }

    /// Whether another live process seems to use this node's id.
    pub fn has_conflict(&self, now: Time) -> bool {
        self.node.has_conflict(now)
    }

    /// How many peers' last digests differed from this node's when they came, or have not come yet.
    pub fn differing_peers(&self) -> usize {
        let differs = |link: &&super::link::Link| link.theirs.is_none() || link.doubt.is_some();
        self.node.overlay.links.values().filter(differs).count()
    }

    /// The keys by which origins are known, where they were learnt and not given.
    pub fn pins(&self) -> impl Iterator<Item = (&'a NodeId, &'a PublicKey)> + use<'a> {
        self.node.pins()
    }

    /// The key with which it signs.
    pub fn key(&self) -> Option<PublicKey> {
        self.node.config.signer.as_ref().map(super::OriginKey::public)
    }

    /// The nodes that it asks for a place.
    pub fn seeds(&self) -> impl Iterator<Item = &'a NodeId> + use<'a> {
        self.node.overlay.seeds.iter().map(|seed| &seed.id)
    }

    /// Counts since the process began.
    pub fn counters(&self) -> Counters {
        self.node.counters
    }

    /// Whether it has nobody to compare with, or has compared once with a peer.
    ///
    /// # Errors
    /// The reason why it is not ready yet, in words.
    pub fn ready(&self) -> Result<(), String> {
        let config = &self.node.config;
        if self.node.stopping {
            return Err(Refusal::Leaving.to_string());
        }
        let alone = config.seeds.is_empty() && config.given_peers.is_empty();
        if alone || self.node.compared_once || self.foreign_peers().next().is_some() {
            return Ok(());
        }
        Err(match self.node.overlay.links.len() {
            0 => "no peer yet: none of the given seeds or peers took this node in".to_owned(),
            n => format!("not yet compared with any of {n} peers"),
        })
    }
}
