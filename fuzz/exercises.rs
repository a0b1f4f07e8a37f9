//! What the fuzz targets and the replay of their corpus do with bytes that anybody may send.
//!
//! Each exercise must end without a panic, and what it accepts must mean the same after it was written and read again.

use gossip_network::protocol::{
    Call, Config, Failure, IdForm, Input, Node, NodeId, Output, Reply, Request, Response, Time,
};
use gossip_network::wire::{
    Answer, CallKind, Door, Method, Problem, check_payload, decode_reply, decode_request, encode_call, encode_response,
    merge_patch, parse_faults, parse_own_payload, parse_read_marks, parse_seed, parse_submission,
};

/// Largest payload that the exercises take: small, so that the limit is met.
const MAX_PAYLOAD: usize = 1_024;

/// An exercise.
pub type Exercise = fn(&[u8]);

/// Every exercise with the name of its target and of its folder under `corpus/`.
pub const ALL: [(&str, Exercise); 4] = [("request", request), ("answer", answer), ("user", user), ("node", node)];

fn door(form: IdForm) -> Door {
    Door { form }
}

fn forms(data: &[u8]) -> Option<(u8, IdForm, &[u8])> {
    let (first, rest) = data.split_first()?;
    let form = if first & 1 == 0 { IdForm::Local } else { IdForm::Addressed };
    Some((first >> 1, form, rest))
}

fn judge(problem: &Problem) {
    assert!((400..500).contains(&problem.status), "{problem:?}");
    assert!(!problem.detail.is_empty() && problem.detail.len() < 4_096, "{problem:?}");
    assert!(serde_json::from_slice::<serde_json::Value>(&problem.to_json()).is_ok());
}

/// What nodes send one another: the first byte chooses form and endpoint (digits and letters do), the rest is the body or,
/// for paths with an id, the id.
pub fn request(data: &[u8]) {
    let Some((which, form, rest)) = forms(data) else { return };
    let id = String::from_utf8_lossy(rest);
    let asked = match which % 5 {
        0 => decode_request(Method::Post, "/gossip/", rest, door(form)),
        1 => decode_request(Method::Post, "/sync/", rest, door(form)),
        2 => decode_request(Method::Post, "/peers/", rest, door(form)),
        3 => decode_request(Method::Delete, &format!("/peers/{id}"), &[], door(form)),
        _ => decode_request(Method::Get, &format!("/peers/{id}"), &[], door(form)),
    };
    let call = match asked {
        Err(problem) => return judge(&problem),
        Ok(Request::Gossip(envelope)) => Call::Gossip(envelope),
        Ok(Request::Sync(call)) => Call::Sync(call),
        Ok(Request::Link(call)) => Call::Link(call),
        Ok(Request::Unlink(id) | Request::ForeignRegister(id)) => return address(&id),
        Ok(_) => return,
    };
    let written = encode_call(&call);
    let again = decode_request(written.method, &written.path, &written.body, door(form)).expect("our own words");
    let same = match (call, again) {
        (Call::Gossip(before), Request::Gossip(after)) => before == after,
        (Call::Sync(before), Request::Sync(after)) => before == after,
        (Call::Link(before), Request::Link(after)) => before == after,
        _ => false,
    };
    assert!(same, "another meaning after writing: {}", String::from_utf8_lossy(&written.body));
}

/// An id that was let in is an address and nothing more: a host and a port.
fn address(id: &NodeId) {
    let address = id.address();
    assert!(!address.contains(['/', '@', '?', '#', '\\', ' ']), "{address}");
    assert!(address.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()), "{address}");
    assert_eq!(NodeId::parse(&id.to_string()).as_ref(), Ok(id));
}

const KINDS: [CallKind; 8] = [
    CallKind::Gossip,
    CallKind::Sync,
    CallKind::Link,
    CallKind::Probe,
    CallKind::Unlink,
    CallKind::Peers,
    CallKind::ForeignPeers,
    CallKind::ForeignGossip,
];

/// What a peer answers: the first byte chooses form and kind.
pub fn answer(data: &[u8]) {
    let Some((which, form, rest)) = forms(data) else { return };
    let kind = KINDS[usize::from(which) % KINDS.len()];
    let heard = Answer { status: 200, body: rest.to_vec() };
    let Ok(reply) = decode_reply(kind, &heard, door(form)) else { return };
    let response = match reply.clone() {
        Reply::Gossip(reply) => Response::Gossip(reply),
        Reply::Sync(reply) => Response::Sync(reply),
        Reply::Link(reply) => Response::Link(reply),
        Reply::Done | Reply::NothingToAdd => return,
        Reply::Peers(peers) => return peers.iter().for_each(address),
    };
    let again = decode_reply(kind, &encode_response(&response), door(form)).expect("our own words");
    assert_eq!(again, reply);
}

/// What users submit: the first byte chooses what.
pub fn user(data: &[u8]) {
    let Some((which, form, rest)) = forms(data) else { return };
    let own = NodeId::Port(5_000);
    let problem = match which % 5 {
        0 => parse_submission(rest, MAX_PAYLOAD).map(|submission| {
            assert!(submission.payload.as_str().len() <= MAX_PAYLOAD);
            assert!(check_payload(submission.payload.as_str()).is_ok());
        }),
        1 => parse_own_payload(rest, MAX_PAYLOAD).map(|payload| {
            assert!(payload.as_str().len() <= MAX_PAYLOAD);
            assert!(check_payload(payload.as_str()).is_ok());
        }),
        2 => parse_read_marks(rest).map(|_| ()),
        3 => parse_faults(rest, door(form), &own).map(|_| ()),
        _ if which / 5 % 3 == 1 => parse_seed(rest, form).map(|seed| {
            address(&seed);
            assert_eq!(seed.form(), form);
        }),
        _ if which / 5 % 3 == 2 => patch(rest),
        _ => {
            let text = String::from_utf8_lossy(rest);
            if let Ok(id) = NodeId::parse(&text) {
                address(&id);
            }
            Ok(())
        }
    };
    if let Err(problem) = problem {
        judge(&problem);
    }
}

/// A state on the first line and a patch of it behind: what comes of the two is a state or a problem, and patching it once more
/// changes nothing (RFC 7396, section 2).
fn patch(data: &[u8]) -> Result<(), Problem> {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let held = parse_own_payload(&data[..end], MAX_PAYLOAD)?;
    let patch = parse_own_payload(data.get(end + 1..).unwrap_or_default(), MAX_PAYLOAD)?;
    let once = merge_patch(held.as_str(), patch.as_str())?;
    parse_own_payload(once.as_bytes(), MAX_PAYLOAD)?;
    assert_eq!(merge_patch(&once, patch.as_str()).as_ref(), Ok(&once));
    Ok(())
}

/// A node of small bounds, put through anything: each line is one step. `W500` lets half a second pass; `G`, `S` and `L` are
/// followed by the body of a request to `/gossip/`, `/sync/` and `/peers/`; `D` closes a peer's link; `A` answers the oldest
/// open call with a body, `N` with 204, `J` with 412, `F` fails it; `M`, `P` and `R` are a user's message, state and read marks, `C` takes the state back; `E` adds a seed and `U` removes one, `T`
/// forgets a node or, with a uuid behind a blank, one message of it; `X` stops the node.
pub fn node(data: &[u8]) {
    let config = Config {
        max_nodes: 8,
        max_state_bytes: 2_048,
        max_seeds: 3,
        max_messages: 8,
        max_books: 4,
        max_paths: 2,
        books: std::sync::Arc::new(["A Book".to_owned()]),
        seeds: vec![NodeId::Port(7_001)],
        ..Config::default()
    };
    let mut exercise = NodeExercise {
        node: Node::new(config.clone(), NodeId::Port(7_000), [7; 32], Time(0)),
        now: Time(0),
        open: Vec::new(),
        version: 0,
        stopped: false,
        config,
    };
    exercise.handle(Input::Wake);
    for line in data.split(|byte| *byte == b'\n').take(200) {
        let Some((step, rest)) = line.split_first() else { continue };
        exercise.step(*step, rest);
        exercise.check();
    }
}

struct NodeExercise {
    node: Node,
    now: Time,
    /// Calls that nobody answered so far, and until when somebody may.
    open: Vec<(u64, CallKind, Time)>,
    version: u64,
    stopped: bool,
    config: Config,
}

impl NodeExercise {
    fn step(&mut self, step: u8, rest: &[u8]) {
        let local = door(IdForm::Local);
        match step {
            b'W' => {
                let text = std::str::from_utf8(rest).unwrap_or_default();
                let milliseconds: u64 = text.trim().parse().unwrap_or(100);
                self.pass(milliseconds.min(10_000));
            }
            b'G' => self.ask(decode_request(Method::Post, "/gossip/", rest, local)),
            b'S' => self.ask(decode_request(Method::Post, "/sync/", rest, local)),
            b'L' => self.ask(decode_request(Method::Post, "/peers/", rest, local)),
            b'D' => {
                let path = format!("/peers/{}", String::from_utf8_lossy(rest));
                self.ask(decode_request(Method::Delete, &path, &[], local));
            }
            b'M' => self.ask(parse_submission(rest, MAX_PAYLOAD).map(Request::Submit)),
            b'P' => self.ask(parse_own_payload(rest, MAX_PAYLOAD).map(Request::SetState)),
            b'R' => self.ask(parse_read_marks(rest).map(Request::MarkRead)),
            b'C' => self.ask(Ok(Request::ClearState)),
            b'E' => self.ask(parse_seed(rest, IdForm::Local).map(|seed| Request::AddSeeds(vec![seed]))),
            b'U' | b'T' => {
                let text = String::from_utf8_lossy(rest);
                let (id, uuid) = text.split_once(' ').unwrap_or((&text, ""));
                let Ok(id) = NodeId::parse(id) else { return };
                let forgotten = Request::Forget { id: id.clone(), uuid: uuid.parse().ok() };
                self.ask(Ok(if step == b'U' { Request::RemoveSeeds(vec![id]) } else { forgotten }));
            }
            b'A' | b'F' | b'N' | b'J' if !self.open.is_empty() => {
                let (ticket, kind, _) = self.open.remove(0);
                let answered = |status| decode_reply(kind, &Answer { status, body: rest.to_vec() }, local);
                let reply = match step {
                    b'A' => answered(200),
                    b'N' => answered(204),
                    b'J' => answered(412),
                    _ => Err(Failure::Refused),
                };
                self.handle(match reply {
                    Ok(reply) => Input::Delivered { ticket, reply },
                    Err(failure) => Input::Undelivered { ticket, failure },
                });
            }
            b'X' => {
                self.stopped = true;
                self.handle(Input::Stop);
            }
            _ => {}
        }
    }

    /// Lets time pass, waking the node whenever it wants to be woken. Calls end with their time, as they do at any driver.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.now.after(milliseconds);
        for _ in 0..10_000 {
            let late = self.open.iter().map(|(.., until)| *until).min().filter(|until| *until <= end);
            let next = self.node.deadline().into_iter().chain(late).min().filter(|next| *next <= end);
            let Some(next) = next else {
                self.now = end;
                return;
            };
            self.now = next.max(self.now);
            match self.open.iter().position(|(.., until)| *until <= self.now) {
                Some(place) => {
                    let (ticket, ..) = self.open.remove(place);
                    self.handle(Input::Undelivered { ticket, failure: Failure::Unknown });
                }
                None => self.handle(Input::Wake),
            }
        }
        panic!("the node wants to be woken for ever at {:?}", self.now);
    }

    fn ask(&mut self, request: Result<Request, Problem>) {
        let Ok(request) = request else { return };
        let mut out = Vec::new();
        let response = self.node.request(self.now, request, &mut out);
        let answer = encode_response(&response);
        // A node that is leaving says so to its users; to nothing else does it answer as if it were at fault.
        let leaving = self.stopped && answer.status == 503;
        assert!(answer.status < 500 || leaving, "{response:?}");
        self.take(out);
    }

    fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        self.node.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { ticket, to, call, .. } => {
                    address(&to);
                    assert!(!encode_call(&call).path.is_empty());
                    let kind = CallKind::of(&call);
                    self.open.push((ticket, kind, self.now.after(kind.time_limit_ms())));
                }
                Output::Persist { seq, .. } => self.handle(Input::Persisted(seq)),
                Output::Keep(_) | Output::Emit(_) => {}
            }
        }
    }

    fn check(&mut self) {
        let view = self.node.view();
        assert!(view.peers().count() <= self.config.max_peers);
        // Its own state has a place of its own.
        assert!(view.table().len() <= self.config.max_nodes + 1);
        assert!(view.table().bytes() <= self.config.max_state_bytes);
        assert!(view.seeds().count() <= self.config.max_seeds);
        assert!(view.log().len() <= self.config.max_messages);
        assert!(view.books().len() <= self.config.max_books);
        assert!(view.version() >= self.version, "its own version fell");
        self.version = view.version();
        assert!(self.open.len() < 1_000, "{} calls are open", self.open.len());
    }
}
