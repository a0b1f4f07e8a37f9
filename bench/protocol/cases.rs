//! What is measured: nodes as values, prepared once and cloned for each run.

use gossip_network::protocol::{
    Call, Config, Content, Digest, Envelope, Failure, GossipReply, Header, IdForm, Input, Judgement, Kind, LinkCall,
    LinkWish, Message, Node, NodeId, Outcome, Output, Payload, Reply, Request, Response, Time,
};
use gossip_network::wire::{
    Answer, CallKind, Door, HttpCall, Method, decode_reply, decode_request, encode_call, encode_response,
};
use serde_json::value::RawValue;
use uuid::Uuid;

/// One run of a case.
pub type Run = Box<dyn FnMut()>;

/// One case.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// Operations in one run.
    pub operations: u64,
    /// Prepares what each run begins with.
    pub prepare: fn() -> Box<dyn Fn() -> Run>,
}

/// Messages in one run.
const MESSAGES: u64 = 1_000;

/// Entries of the large tables.
const ENTRIES: u16 = 10_000;

/// What the second of two nodes lacks of them.
const MISSING: u16 = 100;

/// All cases.
pub const CASES: &[Case] = &[
    Case { name: "new message", operations: MESSAGES, prepare: || messages(false) },
    Case { name: "duplicate", operations: MESSAGES, prepare: || messages(true) },
    Case { name: "new message through the codec", operations: MESSAGES, prepare: through_the_codec },
    Case { name: "digest exchange, 10000 entries", operations: MESSAGES, prepare: digests },
    Case { name: "reconciliation, 100 of 10000 entries", operations: 1, prepare: reconciliation },
];

const NOW: Time = Time(1_000_000);
const DOOR: Door = Door { form: IdForm::Local };

fn id(number: u16) -> NodeId {
    NodeId::Port(7_000 + number)
}

fn header(from: u16) -> Header {
    Header { cluster: "default".into(), from: id(from), boot: u64::from(from), linked: true, brief: true }
}

/// A node of that number with these links.
fn node(number: u16, links: &[u16]) -> Node {
    node_beside(number, links, &[])
}

/// The same, which is also to link with `given`.
fn node_beside(number: u16, links: &[u16], given: &[u16]) -> Node {
    let given_peers = given.iter().map(|number| id(*number)).collect();
    let config = Config { interval_ms: 0, given_peers, ..Config::default() };
    let mut node = Node::new(config, id(number), [number as u8; 32], NOW);
    let mut out = Vec::new();
    node.handle(NOW, Input::Wake, &mut out);
    for link in links {
        let call = LinkCall { header: Header { linked: false, ..header(*link) }, wish: LinkWish::Link };
        node.request(NOW, Request::Link(call), &mut out);
    }
    settle(&mut node, out);
    node
}

fn message(kind: Kind, number: u64, origin: u16) -> Message {
    let text = r#"{"message":"a text of some sixty bytes, as people write them to each other"}"#;
    Message::new(
        63,
        [id(origin), id(2)].into(),
        Content {
            uuid: Uuid::from_u128(0x4000_8000_0000_0000_0000 + u128::from(number)),
            origin: id(origin),
            version: number,
            kind,
            payload: Payload::new(RawValue::from_string(text.to_owned()).expect("JSON")),
            relays: 0,
            stamp: if kind == Kind::Message { number } else { 0 },
            seal: None,
        },
    )
}

fn envelope(from: u16, messages: Vec<Message>, digest: Option<Digest>) -> Envelope {
    let header = header(from);
    Envelope {
        sender: header.into(),
        messages,
        digest,
        claims: vec![],
        free_place: None,
        graft: None,
        prune: vec![],
        recent: vec![],
    }
}

/// The answer of a peer that takes all of it.
fn accepting(from: &NodeId, envelope: &Envelope) -> GossipReply {
    let NodeId::Port(port) = from else { unreachable!("all are ports") };
    let judgements = vec![Judgement { outcome: Outcome::New, keep: false }; envelope.messages.len()];
    let sender = header(port - 7_000).into();
    GossipReply { sender, judgements, digest: envelope.digest, ..GossipReply::nothing(from.clone()) }
}

/// Answers every envelope, and what follows from that; nobody is there for other calls.
fn settle(node: &mut Node, mut out: Vec<Output>) {
    while let Some(output) = out.pop() {
        let input = match output {
            Output::Send { ticket, to, call: Call::Gossip(envelope), .. } => {
                Input::Delivered { ticket, reply: Reply::Gossip(accepting(&to, &envelope)) }
            }
            Output::Send { ticket, .. } => Input::Undelivered { ticket, failure: Failure::Refused },
            _ => continue,
        };
        node.handle(NOW, input, &mut out);
    }
}

/// Messages of one origin come from one of three peers and go on to the others.
fn messages(again: bool) -> Box<dyn Fn() -> Run> {
    let mut linked = node(1, &[2, 3, 4]);
    let all =
        || (1..=MESSAGES).map(|number| Request::Gossip(envelope(2, vec![message(Kind::Message, number, 9)], None)));
    if again {
        all().for_each(|request| drop(tell(&mut linked, request)));
    }
    let requests: Vec<Request> = all().collect();
    Box::new(move || {
        let (mut node, mut requests) = (linked.clone(), requests.clone().into_iter());
        Box::new(move || {
            for request in requests.by_ref() {
                tell(&mut node, request);
            }
        })
    })
}

fn tell(node: &mut Node, request: Request) -> Response {
    let mut out = Vec::new();
    let response = node.request(NOW, request, &mut out);
    settle(node, out);
    response
}

/// The same from the bytes that come to the bytes that go.
fn through_the_codec() -> Box<dyn Fn() -> Run> {
    let linked = node(1, &[2, 3, 4]);
    let body = |number| encode_call(&Call::Gossip(envelope(2, vec![message(Kind::Message, number, 9)], None))).body;
    let bodies: Vec<Vec<u8>> = (1..=MESSAGES).map(body).collect();
    Box::new(move || {
        let (mut node, bodies) = (linked.clone(), bodies.clone());
        Box::new(move || {
            for body in &bodies {
                let request = decode_request(Method::Post, "/gossip/", body, DOOR).expect("an envelope");
                let mut out = Vec::new();
                let response = node.request(NOW, request, &mut out);
                assert_eq!(encode_response(&response).status, 200);
                while let Some(output) = out.pop() {
                    let Output::Send { ticket, to, call, .. } = output else { continue };
                    let HttpCall { body, .. } = encode_call(&call);
                    assert!(!body.is_empty());
                    let Call::Gossip(envelope) = &call else { continue };
                    let answer = encode_response(&Response::Gossip(accepting(&to, envelope)));
                    let answer = Answer { status: 200, body: answer.body };
                    let reply = decode_reply(CallKind::Gossip, &answer, DOOR).expect("a reply");
                    node.handle(NOW, Input::Delivered { ticket, reply }, &mut out);
                }
            }
        })
    })
}

/// Tells a node of states of others, from the one of this number on.
fn fill(node: &mut Node, first: u16) {
    let states = (first..ENTRIES).map(|i| message(Kind::State, 1, 1_000 + i)).collect();
    tell(node, Request::Messages(states));
}

/// A peer's digest of much is heard and answered.
fn digests() -> Box<dyn Fn() -> Run> {
    let mut linked = node(1, &[2]);
    fill(&mut linked, 0);
    let digest = linked.view().digest();
    Box::new(move || {
        let mut node = linked.clone();
        Box::new(move || {
            for _ in 0..MESSAGES {
                tell(&mut node, Request::Gossip(envelope(2, vec![], Some(digest))));
            }
        })
    })
}

/// Two nodes of which one lacks a part compare, until both hold the same.
fn reconciliation() -> Box<dyn Fn() -> Run> {
    let (mut full, mut lacking) = (node_beside(1, &[], &[2]), node(2, &[]));
    fill(&mut full, 0);
    fill(&mut lacking, MISSING);
    Box::new(move || {
        let mut nodes = [full.clone(), lacking.clone()];
        Box::new(move || {
            let mut now = NOW;
            while nodes[1].view().digest().hash != nodes[0].view().digest().hash {
                now = now.after(10);
                assert!(now.since(NOW) < 60_000, "the nodes do not agree within a minute of their time");
                for from in [0, 1] {
                    let mut out = Vec::new();
                    nodes[from].handle(now, Input::Wake, &mut out);
                    deliver(&mut nodes, from, now, out);
                }
            }
        })
    })
}

/// Carries what one of two nodes asks for to the other, and back.
fn deliver(nodes: &mut [Node; 2], from: usize, now: Time, mut out: Vec<Output>) {
    while let Some(output) = out.pop() {
        let Output::Send { ticket, to, call, .. } = output else { continue };
        let request = match call {
            Call::Gossip(envelope) => Some(Request::Gossip(envelope)),
            Call::Sync(call) => Some(Request::Sync(call)),
            Call::Link(call) => Some(Request::Link(call)),
            _ => None,
        };
        let mut theirs = Vec::new();
        let other = 1 - from;
        let response = request
            .filter(|_| to == *nodes[other].view().id())
            .map(|asked| nodes[other].request(now, asked, &mut theirs));
        deliver(nodes, other, now, theirs);
        let input = match response {
            Some(Response::NothingToAdd) => Input::Delivered { ticket, reply: Reply::NothingToAdd },
            Some(Response::Gossip(reply)) => Input::Delivered { ticket, reply: Reply::Gossip(reply) },
            Some(Response::Sync(reply)) => Input::Delivered { ticket, reply: Reply::Sync(reply) },
            Some(Response::Link(reply)) => Input::Delivered { ticket, reply: Reply::Link(reply) },
            _ => Input::Undelivered { ticket, failure: Failure::Refused },
        };
        nodes[from].handle(now, input, &mut out);
    }
}
