//! What was promised and what was seen: acknowledged messages, who has had them, and versions that must not fall.

use std::collections::{BTreeMap, HashMap, HashSet};

use gossip_network::wire::{MessageReport, StateReport};
use uuid::Uuid;

/// What one node has shown.
#[derive(Default)]
struct Seen {
    /// Each message with the life that first showed it and its time of arrival there.
    messages: HashMap<Uuid, (u32, String)>,
    /// Greatest version shown of each origin.
    versions: BTreeMap<String, u64>,
    /// The arrival of the newest message seen, to ask from there on.
    newest: Option<String>,
    /// The life that was asked last.
    life: u32,
}

/// The books of a run.
pub struct Ledger {
    acknowledged: HashSet<Uuid>,
    seen: Vec<Seen>,
    /// What was broken, in words; at most a few of each kind are kept.
    pub broken: Vec<String>,
}

/// Complaints kept.
const MAX_COMPLAINTS: usize = 50;

impl Ledger {
    pub fn new(nodes: usize) -> Ledger {
        Ledger { acknowledged: HashSet::new(), seen: (0..nodes).map(|_| Seen::default()).collect(), broken: Vec::new() }
    }

    pub fn acknowledge(&mut self, uuid: Uuid) {
        if !self.acknowledged.insert(uuid) {
            self.complain(format!("message {uuid} was acknowledged twice"));
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// From when on a node is to be asked in this life; all of its log after a restart.
    pub fn since(&self, node: usize, life: u32) -> Option<&str> {
        let seen = &self.seen[node];
        seen.newest.as_deref().filter(|_| seen.life == life)
    }

    /// Enters what a node holds.
    pub fn enter_messages(&mut self, node: usize, life: u32, messages: &[MessageReport]) {
        let mut complaints = Vec::new();
        let seen = &mut self.seen[node];
        if seen.life != life {
            (seen.life, seen.newest) = (life, None);
        }
        let mut listed = HashSet::new();
        for message in messages {
            let arrived = &message.received_at;
            if !listed.insert(message.uuid) {
                complaints.push(format!("node {node} lists message {} twice", message.uuid));
            }
            let first = seen.messages.entry(message.uuid).or_insert_with(|| (life, arrived.clone()));
            if first.0 == life && first.1 != *arrived {
                complaints.push(format!("message {} was delivered twice at node {node}", message.uuid));
            }
            if seen.newest.as_ref().is_none_or(|newest| newest < arrived) {
                seen.newest = Some(arrived.clone());
            }
        }
        complaints.into_iter().for_each(|complaint| self.complain(complaint));
    }

    /// Enters whose versions a node knows.
    pub fn enter_states(&mut self, node: usize, states: &BTreeMap<String, StateReport>) {
        let mut complaints = Vec::new();
        for (origin, state) in states {
            let held = self.seen[node].versions.entry(origin.clone()).or_default();
            if state.version < *held {
                complaints.push(format!("node {node} fell from version {held} of {origin} to {}", state.version));
            }
            *held = state.version.max(*held);
        }
        complaints.into_iter().for_each(|complaint| self.complain(complaint));
    }

    /// Pairs of an acknowledged message and a node that has not shown it yet.
    pub fn missing(&self) -> usize {
        let of_node = |seen: &Seen| self.acknowledged.iter().filter(|uuid| !seen.messages.contains_key(*uuid)).count();
        self.seen.iter().map(of_node).sum()
    }

    pub fn complain(&mut self, complaint: String) {
        if self.broken.len() < MAX_COMPLAINTS {
            self.broken.push(complaint);
        }
    }
}
