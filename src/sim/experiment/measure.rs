//! What is counted while an experiment runs.

use super::report::{Histogram, Spread};
use crate::protocol::{Kind, Message, Status};
use uuid::Uuid;

/// Marks the uuids of the broadcasts; the rest of a uuid is the message's number.
const MARK: u128 = 0x676f_7373_6970_4000_8000_0000_0000_0000;

/// One broadcast message.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) sender: u32,
    pub(super) at: u64,
    /// Whether its sender had sent nothing before.
    pub(super) first: bool,
    pub(super) transmissions: u64,
    pub(super) deliveries: u64,
    pub(super) last_at: u64,
    pub(super) last_hop: u64,
    /// Who has it, by number.
    held: Vec<u64>,
}

impl Sent {
    /// Whether a node has it.
    pub(super) fn is_held_by(&self, node: usize) -> bool {
        self.held.get(node / 64).is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// False if the node had it already.
    fn hold(&mut self, node: usize) -> bool {
        if self.held.len() <= node / 64 {
            self.held.resize(node / 64 + 1, 0);
        }
        let new = !self.is_held_by(node);
        self.held[node / 64] |= 1 << (node % 64);
        new
    }
}

/// How a death was noticed.
#[derive(Debug)]
pub(super) struct Death {
    pub(super) at: u64,
    first: Option<u64>,
    last: u64,
    noticed: u64,
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Measures {
    pub(super) sent: Vec<Sent>,
    pub(super) spoke: std::collections::BTreeSet<u32>,
    pub(super) deaths: std::collections::BTreeMap<u32, Death>,
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) control_bytes: u64,
    pub(super) handled: u64,
    pub(super) false_suspicions: u64,
    pub(super) false_downs: u64,
    pub(super) delivery_times: Histogram,
    pub(super) delivery_hops: Histogram,
    /// Counts of nodes that are gone.
    pub(super) comparisons: u64,
    pub(super) repaired: u64,
    /// The first promise that was broken.
    pub(super) broken: Option<String>,
}

impl Measures {
    /// Names the next message.
    pub(super) fn begin(&mut self, now: u64, sender: u32) -> Uuid {
        let number = self.sent.len() as u128;
        let first = self.spoke.insert(sender);
        self.sent.push(Sent {
            sender,
            at: now,
            first,
            transmissions: 0,
            deliveries: 0,
            last_at: now,
            last_hop: 0,
            held: Vec::new(),
        });
        Uuid::from_u128(MARK | number)
    }

    fn sent_mut(&mut self, uuid: &Uuid) -> Option<&mut Sent> {
        let number = (uuid.as_u128() & 0xffff_ffff) as usize;
        self.sent.get_mut(number)
    }

    /// A node took a message that came over so many hops.
    pub(super) fn delivered(&mut self, now: u64, node: u32, uuid: &Uuid, hops: u64) {
        let Some(sent) = self.sent_mut(uuid) else { return };
        if !sent.hold(node as usize) {
            let text = format!("message {uuid} was delivered twice to node {}", node + 1);
            self.broken.get_or_insert(text);
            return;
        }
        if node == sent.sender {
            return;
        }
        sent.deliveries += 1;
        sent.last_at = sent.last_at.max(now);
        sent.last_hop = sent.last_hop.max(hops);
        let took = now - sent.at;
        self.delivery_times.add(took);
        self.delivery_hops.add(hops);
    }

    /// Messages go over the network.
    pub(super) fn transmitted(&mut self, messages: &[Message]) {
        for message in messages.iter().filter(|message| message.kind == Kind::Message) {
            if let Some(sent) = self.sent_mut(&message.uuid) {
                sent.transmissions += 1;
            }
        }
    }

    /// A node died.
    pub(super) fn died(&mut self, now: u64, node: u32) {
        self.deaths.insert(node, Death { at: now, first: None, last: now, noticed: 0 });
    }

    /// A node holds another for something else than before.
    pub(super) fn status_changed(&mut self, now: u64, of: u32, lives: bool, status: Status) {
        match (self.deaths.get_mut(&of), status) {
            (Some(death), Status::Down) => {
                death.first.get_or_insert(now);
                death.last = now;
                death.noticed += 1;
            }
            (None, Status::Suspect) if lives => self.false_suspicions += 1,
            (None, Status::Down) if lives => self.false_downs += 1,
            _ => {}
        }
    }

    /// Times until deaths were noticed by the first and by the last, and how many were not noticed by all `live` nodes.
    pub(super) fn detection(&self, live: u64) -> (Option<Spread>, Option<Spread>, u64) {
        let (mut first, mut last, mut undetected) = (Histogram::default(), Histogram::default(), 0);
        for death in self.deaths.values() {
            if let Some(at) = death.first {
                first.add(at - death.at);
            }
            if death.noticed >= live {
                last.add(death.last - death.at);
            } else {
                undetected += 1;
            }
        }
        (first.spread(), last.spread(), undetected)
    }

    /// Transmissions per recipient, less one.
    pub(super) fn redundancy(&self, with_first: bool) -> Option<f64> {
        let counted = self.sent.iter().filter(|sent| with_first || !sent.first);
        let (transmissions, deliveries) =
            counted.fold((0, 0), |(all, new), sent| (all + sent.transmissions, new + sent.deliveries));
        (deliveries > 0).then(|| transmissions as f64 / deliveries as f64 - 1.0)
    }

    /// Spread of hops and of times of each message's last delivery.
    pub(super) fn last_deliveries(&self) -> (Option<Spread>, Option<Spread>) {
        let (mut hops, mut times) = (Histogram::default(), Histogram::default());
        for sent in self.sent.iter().filter(|sent| sent.deliveries > 0) {
            hops.add(sent.last_hop);
            times.add(sent.last_at - sent.at);
        }
        (hops.spread(), times.spread())
    }
}
