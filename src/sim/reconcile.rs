//! What it costs two nodes to find out in what they differ, and to put it right.
//!
//! Two real nodes hold so many entries each, half of them states and half messages; so many entries are held by one of them
//! alone. They are linked, and everything they say to each other passes through the real codec and is weighed, until their
//! digests are equal. It does no I/O and reads no clock.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::{
    Call, Config, Content, IdForm, Input, Kind, Known, Message, Node, NodeId, Output, Payload, Request, Response, Time,
};
use crate::wire::{CallKind, Door, decode_reply, decode_request, encode_call, encode_response};

/// Most entries that a node of this experiment holds: one less than a table's usual bound, in all.
pub const MAX_ENTRIES: usize = 60_000;

/// Simulated time that one exchange takes, in milliseconds.
const ROUND_TRIP_MS: u64 = 20;

/// When two nodes that still differ are given up.
const GIVEN_UP_MS: u64 = 60_000;

/// Ids of the two nodes; the entries are of nodes behind them.
const IDS: [u16; 2] = [1, 2];

/// What it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Entries that each node holds at the beginning, the last one more where the difference is odd.
    pub entries: usize,
    /// Entries that only one of the two holds.
    pub differing: usize,
    /// What decided the entries' names.
    pub seed: u64,
    /// Exchanges of digests and comparisons until both knew the difference.
    pub round_trips: u64,
    /// Bytes of their bodies both ways, without the messages that they brought.
    pub bytes: u64,
    /// Bytes of the bodies that brought messages both ways, as far as they did.
    pub message_bytes: u64,
    /// Messages and states that were brought.
    pub messages: u64,
    /// Whether both held the same at the end.
    pub agreed: bool,
}

struct Pair {
    nodes: [Node; 2],
    now: Time,
    calls: Vec<(usize, u64, Call)>,
    found: Reconciliation,
}

/// Lets two nodes of `entries` entries each, that differ in `differing`, find out and agree.
///
/// # Errors
/// Numbers that cannot be, in words: up to [`MAX_ENTRIES`] entries, and no more that differ than there are.
pub fn reconcile(entries: usize, differing: usize, seed: u64) -> Result<Reconciliation, String> {
    if !(2..=MAX_ENTRIES).contains(&entries) {
        return Err(format!("reconcile is {entries}, allowed is 2 to {MAX_ENTRIES} entries"));
    }
    if differing > entries {
        return Err(format!("differ is {differing}, allowed is up to the number of entries ({entries})"));
    }
    let mut pair = Pair::new(entries, differing, seed);
    pair.run();
    Ok(pair.found)
}

impl Pair {
    fn new(entries: usize, differing: usize, seed: u64) -> Pair {
        let now = Time(1_000_000);
        let config =
            Config { cluster: "simulation".into(), max_peers: 2, interval_ms: 0, max_books: 0, ..Config::default() };
        let mut random = [0; 32];
        random[..8].copy_from_slice(&seed.to_le_bytes());
        let mut nodes = IDS.map(|id| {
            random[31] = id as u8;
            Node::new(config.clone(), NodeId::Port(id), random, now)
        });
        let boots = nodes.each_ref().map(|node| node.view().boot());
        let alone = [differing.div_ceil(2), differing / 2];
        let common = entries - alone[0];
        for (side, node) in nodes.iter_mut().enumerate() {
            let begin = common + side * alone[0];
            let held = || (0..common).chain(begin..begin + alone[side]).map(|number| entry(seed, number));
            let messages: Vec<Message> = held().filter(|entry| entry.kind == Kind::Message).collect();
            let mut out = Vec::new();
            node.request(now, Request::Messages(messages), &mut out);
            let states: Vec<Message> = held().filter(|entry| entry.kind == Kind::State).collect();
            let known = Known::new(now, config.table_bounds(), states.iter());
            let other = 1 - side;
            node.stand_among(now, &known, [(NodeId::Port(IDS[other]), boots[other])].into_iter());
        }
        // What was handed in is long past when they meet.
        let found = Reconciliation { entries, differing, seed, ..Reconciliation::default() };
        Pair { nodes, now: now.after(10 * config.heartbeat_ms), calls: Vec::new(), found }
    }

    fn agree(&self) -> bool {
        self.nodes[0].view().digest() == self.nodes[1].view().digest()
    }

    fn run(&mut self) {
        let end = self.now.after(GIVEN_UP_MS);
        // The first side begins; its digest, and the answer's, are the first round trip.
        self.wake(0);
        while self.now < end {
            let calls = std::mem::take(&mut self.calls);
            if calls.is_empty() {
                if self.agree() && self.found.round_trips > 0 {
                    break;
                }
                let due = self.nodes.iter().filter_map(Node::deadline).min().unwrap_or(end);
                self.now = due.max(self.now.after(1));
                (0..2).for_each(|side| self.wake(side));
                continue;
            }
            for (side, ticket, call) in calls {
                self.exchange(side, ticket, call);
            }
            self.now = self.now.after(ROUND_TRIP_MS);
        }
        self.found.agreed = self.agree();
    }

    fn wake(&mut self, side: usize) {
        self.drive(side, |node, now, out| node.handle(now, Input::Wake, out));
    }

    fn drive<R>(&mut self, side: usize, act: impl FnOnce(&mut Node, Time, &mut Vec<Output>) -> R) -> R {
        let mut out = Vec::new();
        let result = act(&mut self.nodes[side], self.now, &mut out);
        let mut done = 0;
        while done < out.len() {
            if let Output::Persist { seq, .. } = out[done] {
                self.nodes[side].handle(self.now, Input::Persisted(seq), &mut out);
            }
            done += 1;
        }
        for output in out {
            // Probes go to nodes that are only names here; they stay without an answer.
            if let Output::Send { ticket, call, .. } = output
                && matches!(call, Call::Gossip(_) | Call::Sync(_))
            {
                self.calls.push((side, ticket, call));
            }
        }
        result
    }

    /// One exchange through the codec, weighed.
    fn exchange(&mut self, side: usize, ticket: u64, call: Call) {
        let (door, kind) = (Door { form: IdForm::Local }, CallKind::of(&call));
        let http = encode_call(&call);
        let mut carried = 0;
        if let Call::Gossip(envelope) = &call {
            carried += envelope.messages.len();
        }
        let own = http.body.len() as u64 - self.weigh(&call, &http.body);
        let Ok(request) = decode_request(http.method, &http.path, &http.body, door) else { return };
        let response = self.drive(1 - side, |node, now, out| node.request(now, request, out));
        let answer = encode_response(&response);
        let bare = bare_answer(&response);
        self.found.message_bytes += answer.body.len() as u64 - bare;
        carried += brought(&response);
        self.found.messages += carried as u64;
        // An envelope that only carries what was wanted is part of the cost of the messages.
        if kind == CallKind::Sync || has_digest(&call) {
            self.found.round_trips += 1;
            self.found.bytes += own + bare;
        } else {
            self.found.message_bytes += own + bare;
        }
        if let Ok(reply) = decode_reply(kind, &answer, door) {
            self.drive(side, |node, now, out| node.handle(now, Input::Delivered { ticket, reply }, out));
        }
    }

    /// Counts the bytes that a call takes for messages, and returns them.
    fn weigh(&mut self, call: &Call, body: &[u8]) -> u64 {
        let Call::Gossip(envelope) = call else { return 0 };
        if envelope.messages.is_empty() {
            return 0;
        }
        let bare = Call::Gossip(crate::protocol::Envelope { messages: Vec::new(), ..envelope.clone() });
        let messages = (body.len() - encode_call(&bare).body.len()) as u64;
        self.found.message_bytes += messages;
        messages
    }
}

fn has_digest(call: &Call) -> bool {
    matches!(call, Call::Gossip(envelope) if envelope.digest.is_some())
}

fn brought(response: &Response) -> usize {
    match response {
        Response::Sync(reply) => reply.messages.len(),
        _ => 0,
    }
}

/// Bytes of an answer without its messages.
fn bare_answer(response: &Response) -> u64 {
    let bare = match response {
        Response::Sync(reply) => Response::Sync(crate::protocol::SyncReply { messages: Vec::new(), ..reply.clone() }),
        other => other.clone(),
    };
    encode_response(&bare).body.len() as u64
}

/// Entry `number`: every other one is a state, each of a node of its own, the rest are messages.
fn entry(seed: u64, number: usize) -> Message {
    let origin = NodeId::Port(u16::try_from(number + 10).unwrap_or(u16::MAX));
    let state = number.is_multiple_of(2);
    let mixed = (seed ^ (number as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let text = serde_json::json!({ "message": format!("entry {number:08} of two nodes that may differ in it") });
    Message::new(
        64,
        [origin.clone()].into(),
        Content {
            uuid: Uuid::from_u64_pair(mixed, number as u64),
            origin,
            version: 1,
            kind: if state { Kind::State } else { Kind::Message },
            payload: Payload::new(serde_json::value::to_raw_value(&text).unwrap_or_default()),
            relays: 0,
            stamp: if state { 0 } else { number as u64 + 1 },
            seal: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::reconcile;

    #[test]
    fn two_nodes_that_agree_exchange_one_digest() {
        let found = reconcile(400, 0, 1).unwrap();
        assert!(found.agreed && found.bytes <= 700, "{found:?}");
        assert_eq!((found.round_trips, found.messages), (1, 0));
    }

    #[test]
    fn the_cost_follows_the_difference() {
        for seed in 1..=5 {
            for differing in [1, 10, 100, 400] {
                let found = reconcile(1_000, differing, seed).unwrap();
                assert!(found.agreed && found.messages == differing as u64, "{found:?}");
                assert!(found.bytes <= 2_000 + 64 * differing as u64 && found.round_trips <= 4, "{found:?}");
            }
        }
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        assert!(reconcile(10, 11, 1).unwrap_err().contains("10"));
        assert!(reconcile(1, 0, 1).unwrap_err().contains("2 to"));
    }
}
