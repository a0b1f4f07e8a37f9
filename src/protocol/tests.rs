//! The protocol's promises, each shown on one node or a few, without network and codec.
//!
//! What only shows in a whole network is tried in the simulated world (`spec/simulation.rs`).

mod brief;
mod exchanging;
mod forgetting;
mod keeping;
mod linking;
mod living;
mod logging;
mod merging;
mod naming;
mod own_state;
mod pushing;
mod repairing;
mod scouting;
mod trees;

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;

pub(super) const HEARTBEAT_MS: u64 = 1_000;

pub(super) fn id(number: u16) -> NodeId {
    NodeId::Port(7_000 + number)
}

pub(super) fn payload(text: &str) -> Payload {
    Payload::new(RawValue::from_string(format!("{text:?}")).unwrap())
}

pub(super) fn path(numbers: &[u16]) -> Path {
    numbers.iter().map(|number| id(*number)).collect()
}

/// A message of the path's first node that comes from its last.
pub(super) fn message(kind: Kind, uuid: u128, version: Version, ttl: u8, way: &[u16]) -> Message {
    Message::new(
        ttl,
        path(way),
        Content {
            uuid: Uuid::from_u128(uuid),
            origin: id(way[0]),
            version,
            kind,
            payload: payload(&format!("{version} of {}", way[0])),
            relays: 0,
            stamp: if kind == Kind::Message { version } else { 0 },
            seal: None,
        },
    )
}

/// Settings of a quiet node: one book, and no seeds.
pub(super) fn quiet() -> Config {
    Config { interval_ms: 0, heartbeat_ms: HEARTBEAT_MS, ..Config::default() }
}

/// One node, 7001 as a rule, and everything that it asked for.
pub(super) struct Bench {
    pub(super) node: Node,
    pub(super) now: Time,
    pub(super) out: Vec<Output>,
}

impl Bench {
    pub(super) fn new(config: Config) -> Bench {
        Bench::at(1, config)
    }

    pub(super) fn at(number: u16, config: Config) -> Bench {
        let now = Time(1_000_000);
        let mut bench = Bench { node: Node::new(config, id(number), [number as u8; 32], now), now, out: Vec::new() };
        bench.tell(Input::Wake);
        bench
    }

    pub(super) fn number(&self) -> u16 {
        let NodeId::Port(port) = self.node.id else { panic!("a test's node has a port") };
        port - 7_000
    }

    pub(super) fn ask(&mut self, request: Request) -> Response {
        self.node.request(self.now, request, &mut self.out)
    }

    pub(super) fn tell(&mut self, input: Input) {
        self.node.handle(self.now, input, &mut self.out);
    }

    /// Lets time pass, waking the node whenever it asked for it.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        let end = self.now.after(milliseconds);
        while let Some(due) = self.node.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tell(Input::Wake);
        }
        self.now = end;
    }

    pub(super) fn calls(&mut self) -> Vec<(u64, NodeId, Call)> {
        let mut calls = Vec::new();
        for output in self.out.drain(..) {
            if let Output::Send { ticket, to, call, .. } = output {
                calls.push((ticket, to, call));
            }
        }
        calls
    }

    /// Events so far; calls are forgotten.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let events = self.out.drain(..);
        events.filter_map(|output| if let Output::Emit(event) = output { Some(event) } else { None }).collect()
    }

    /// A link to `number`, which asked for it.
    pub(super) fn link(&mut self, number: u16) {
        assert_eq!(self.wish(number, LinkWish::Link), LinkAnswer::Linked);
    }

    pub(super) fn wish(&mut self, from: u16, wish: LinkWish) -> LinkAnswer {
        let call = LinkCall { header: header(from, false), wish };
        let Response::Link(reply) = self.ask(Request::Link(call)) else { panic!("no answer to a link request") };
        reply.answer
    }

    /// An envelope over the link to `from`, and its answer.
    pub(super) fn hear(&mut self, from: u16, messages: Vec<Message>) -> GossipReply {
        self.hear_all(from, messages, Vec::new())
    }

    pub(super) fn hear_all(&mut self, from: u16, messages: Vec<Message>, claims: Vec<Claim>) -> GossipReply {
        let header = header(from, true);
        let envelope = Envelope {
            sender: header.into(),
            messages,
            digest: None,
            claims,
            free_place: None,
            graft: None,
            prune: Vec::new(),
            recent: Vec::new(),
        };
        let Response::Gossip(reply) = self.ask(Request::Gossip(envelope)) else { panic!("no answer to an envelope") };
        reply
    }

    /// Answers every envelope, and returns what was pushed to whom.
    pub(super) fn pushed(&mut self) -> BTreeMap<NodeId, Vec<Message>> {
        let mut pushed: BTreeMap<NodeId, Vec<Message>> = BTreeMap::new();
        loop {
            let calls = self.calls();
            if calls.is_empty() {
                return pushed;
            }
            for (ticket, to, call) in calls {
                if let Call::Gossip(envelope) = call {
                    let reply = accepting(&to, envelope.messages.len());
                    pushed.entry(to).or_default().extend(envelope.messages);
                    self.tell(Input::Delivered { ticket, reply });
                }
            }
        }
    }

    pub(super) fn holds(&self, uuid: u128) -> bool {
        self.node.view().log().get(&Uuid::from_u128(uuid)).is_some()
    }

    pub(super) fn peers(&self) -> Vec<NodeId> {
        self.node.view().peers().cloned().collect()
    }

    pub(super) fn version_of(&self, number: u16) -> Version {
        self.node.view().table().get(&id(number)).map_or(0, Entry::version)
    }

    pub(super) fn status_of(&self, number: u16) -> Option<Status> {
        self.node.view().table().get(&id(number)).map(|entry| entry.status)
    }
}

pub(super) fn header(from: u16, linked: bool) -> Header {
    Header { cluster: "default".into(), from: id(from), boot: u64::from(from), linked, brief: false }
}

/// The reply of a peer that takes everything.
pub(super) fn accepting(peer: &NodeId, messages: usize) -> Reply {
    let NodeId::Port(port) = peer else { panic!("{peer} is no port") };
    let judgements = vec![Judgement { outcome: Outcome::New, keep: false }; messages];
    let sender = header(port - 7_000, true).into();
    Reply::Gossip(GossipReply { sender, judgements, ..GossipReply::nothing(peer.clone()) })
}

/// A few nodes whose calls arrive at once.
pub(super) struct Few(pub(super) BTreeMap<NodeId, Bench>);

impl Few {
    /// Nodes 1 to n with these settings each.
    pub(super) fn new(configs: Vec<Config>) -> Few {
        let benches = configs.into_iter().zip(1..).map(|(config, number)| (id(number), Bench::at(number, config)));
        Few(benches.collect())
    }

    pub(super) fn bench(&mut self, number: u16) -> &mut Bench {
        self.0.get_mut(&id(number)).unwrap()
    }

    /// Makes both ends of a link between nodes 1 and 2.
    pub(super) fn link_first_two(&mut self) {
        let boot = self.bench(2).node.view().boot();
        let header = Header { boot, ..header(2, false) };
        self.bench(1).ask(Request::Link(LinkCall { header, wish: LinkWish::Link }));
        let boot = self.bench(1).node.view().boot();
        let bench = self.bench(2);
        bench.node.add_link(bench.now, &id(1), boot, true, &mut bench.out);
    }

    /// Lets time pass in steps of 10 ms, delivering whatever is sent.
    pub(super) fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 10 {
            self.deliver();
            self.0.values_mut().for_each(|bench| bench.pass(10));
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        loop {
            let mut calls = Vec::new();
            for (from, bench) in &mut self.0 {
                calls.extend(bench.calls().into_iter().map(|call| (from.clone(), call)));
            }
            if calls.is_empty() {
                return;
            }
            for (from, (ticket, to, call)) in calls {
                let input = match self.0.get_mut(&to).and_then(|bench| answer(bench, call)) {
                    Some(reply) => Input::Delivered { ticket, reply },
                    None => Input::Undelivered { ticket, failure: Failure::Refused },
                };
                if let Some(bench) = self.0.get_mut(&from) {
                    bench.tell(input);
                }
            }
        }
    }
}

fn answer(bench: &mut Bench, call: Call) -> Option<Reply> {
    let request = match call {
        Call::Gossip(envelope) => Request::Gossip(envelope),
        Call::Sync(call) => Request::Sync(call),
        Call::Link(call) => Request::Link(call),
        Call::Unlink { from } => Request::Unlink(from),
        Call::Peers => return Some(Reply::Peers(bench.peers())),
        Call::ForeignPeers { .. } | Call::ForeignGossip { .. } => return None,
    };
    match bench.ask(request) {
        Response::Gossip(reply) => Some(Reply::Gossip(reply)),
        Response::NothingToAdd => Some(Reply::NothingToAdd),
        Response::Sync(reply) => Some(Reply::Sync(reply)),
        Response::Link(reply) => Some(Reply::Link(reply)),
        Response::Done => Some(Reply::Done),
        _ => None,
    }
}
