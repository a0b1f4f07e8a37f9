//! The codec: calls and answers to HTTP and back, the same for real sockets and for the simulated world.

use super::Door;
use super::dialect;
use super::envelope::{read_envelope, read_gossip_reply, write, write_envelope, write_gossip_reply};
use super::ids::check_form;
use super::links::{read_link, read_link_reply, write_link, write_link_reply};
use super::message::{MessageIn, check_all, parse, parse_object};
use super::problem::Problem;
use super::reports::{MarkedReport, SeedsReport, SubmittedReport, VersionReport};
use super::sync::{read_sync, read_sync_reply, write_sync, write_sync_reply};
use crate::protocol::limits::MAX_BATCH;
use crate::protocol::{Call, Failure, LinkWish, NodeId, Reply, Request, Response};

/// The methods that nodes use among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
    /// Removes.
    Delete,
}

/// A request as HTTP carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The body, empty for none.
    pub body: Vec<u8>,
}

/// An answer as HTTP carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body: JSON, `application/problem+json` from status 400 on.
    pub body: Vec<u8>,
}

/// Which call an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `POST /gossip/`.
    Gossip,
    /// `POST /sync/`.
    Sync,
    /// `POST /peers/`.
    Link,
    /// `POST /peers/` that only asks whether the other node lives.
    Probe,
    /// `DELETE /peers/{id}`.
    Unlink,
    /// `GET /peers/`.
    Peers,
    /// `GET /peers/{id}`.
    ForeignPeers,
    /// `POST /gossip` in the other dialect.
    ForeignGossip,
}

impl CallKind {
    /// The kind of a call.
    pub fn of(call: &Call) -> CallKind {
        match call {
            Call::Gossip(_) => CallKind::Gossip,
            Call::Sync(_) => CallKind::Sync,
            Call::Link(call) if call.wish == LinkWish::Probe => CallKind::Probe,
            Call::Link(_) => CallKind::Link,
            Call::Unlink { .. } => CallKind::Unlink,
            Call::Peers => CallKind::Peers,
            Call::ForeignPeers { .. } => CallKind::ForeignPeers,
            Call::ForeignGossip { .. } => CallKind::ForeignGossip,
        }
    }

    /// Milliseconds after which an answer is no longer awaited: the protocol's time-outs build on these.
    pub fn time_limit_ms(self) -> u64 {
        match self {
            CallKind::Gossip | CallKind::Probe | CallKind::Unlink => 1_000,
            CallKind::Link | CallKind::Peers | CallKind::ForeignPeers | CallKind::ForeignGossip => 2_000,
            CallKind::Sync => 5_000,
        }
    }
}

/// A call as HTTP carries it.
pub fn encode_call(call: &Call) -> HttpCall {
    let (method, path, body) = match call {
        Call::Gossip(envelope) => (Method::Post, "/gossip/".to_owned(), write_envelope(envelope)),
        Call::Sync(call) => (Method::Post, "/sync/".to_owned(), write_sync(call)),
        Call::Link(call) => (Method::Post, "/peers/".to_owned(), write_link(call)),
        Call::Unlink { from } => (Method::Delete, format!("/peers/{from}"), Vec::new()),
        Call::Peers => (Method::Get, "/peers/".to_owned(), Vec::new()),
        Call::ForeignPeers { own } => (Method::Get, format!("/peers/{own}"), Vec::new()),
        Call::ForeignGossip { own, messages } => {
            (Method::Post, "/gossip".to_owned(), dialect::write_push(own, messages))
        }
    };
    HttpCall { method, path, body }
}

/// Reads a request between nodes. `GET /peers/` is not among them, as it changes nothing and needs no door.
///
/// # Errors
/// A [`Problem`] that names the field and the limit; nothing was applied.
pub fn decode_request(method: Method, path: &str, body: &[u8], door: Door) -> Result<Request, Problem> {
    let plain = path.trim_end_matches('/');
    match (method, plain) {
        (Method::Post, "/gossip") => decode_gossip(body, door),
        (Method::Post, "/sync") => read_sync(body, door).map(Request::Sync),
        (Method::Post, "/peers") => read_link(body, door).map(Request::Link),
        _ => {
            let id = plain.strip_prefix("/peers/");
            match (method, id) {
                (Method::Delete, Some(id)) => {
                    let id = NodeId::parse(id).map_err(|error| Problem::field("id", error))?;
                    check_form(door.form, &id, || "id".to_owned())?;
                    Ok(Request::Unlink(id))
                }
                (Method::Get, Some(id)) => {
                    let id = dialect::read_id(id, "id")?;
                    check_form(door.form, &id, || "id".to_owned())?;
                    Ok(Request::ForeignRegister(id))
                }
                _ => Err(Problem::new(404, format!("there is nothing at {path}"))),
            }
        }
    }
}

/// The body of `POST /gossip/`: an envelope, a message, an array of them, or the other dialect.
fn decode_gossip(body: &[u8], door: Door) -> Result<Request, Problem> {
    let start = body.trim_ascii_start();
    // Our own nodes write one of these members first; other writers take the slower way around.
    if start.starts_with(b"{\"protocol\"") {
        return read_envelope(body, door).map(Request::Gossip);
    }
    if start.starts_with(b"{\"link\"")
        && let Ok(envelope) = read_envelope(body, door)
    {
        return Ok(Request::Gossip(envelope));
    }
    if start.starts_with(b"[") {
        let messages: Vec<MessageIn<'_>> = parse(body)?;
        return check_all(messages, door.form, "", None).map(Request::Messages);
    }
    if dialect::is_dialect(body) {
        if door.form != crate::protocol::IdForm::Local {
            return Err(Problem::field("client_id", "this dialect is only for networks of local ids"));
        }
        let (from, messages) = dialect::read_push(body)?;
        return Ok(Request::ForeignGossip { from, messages });
    }
    if is_envelope(body) {
        return read_envelope(body, door).map(Request::Gossip);
    }
    let message: MessageIn<'_> = parse_object(body)?;
    Ok(Request::Messages(vec![message.check(door.form, None)?]))
}

/// Whether a body is an envelope: a message may have a member `link` that means nothing.
fn is_envelope(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Members {
        protocol: Option<serde::de::IgnoredAny>,
        link: Option<serde::de::IgnoredAny>,
        uuid: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Members>(body)
        .is_ok_and(|members| members.protocol.is_some() || (members.link.is_some() && members.uuid.is_none()))
}

/// A response as HTTP carries it.
pub fn encode_response(response: &Response) -> Answer {
    let (status, body) = match response {
        Response::Gossip(reply) => (200, write_gossip_reply(reply)),
        Response::NothingToAdd => (204, Vec::new()),
        Response::Sync(reply) => (200, write_sync_reply(reply)),
        Response::Link(reply) => (200, write_link_reply(reply)),
        Response::Done => (200, dialect::OK.to_vec()),
        Response::Peers(peers) => (200, dialect::write_peers(peers)),
        Response::Seeds(seeds) => (200, write(&SeedsReport { seeds: seeds.clone() })),
        Response::Version(version) => (200, write(&VersionReport { version: *version })),
        Response::Submitted { uuid, version, created } => {
            (if *created { 201 } else { 200 }, write(&SubmittedReport { uuid: *uuid, version: *version, acks: None }))
        }
        Response::Marked(marked) => (200, write(&MarkedReport { marked: *marked })),
        Response::Refused(refusal) => {
            let problem = Problem::from(refusal.clone());
            (problem.status, problem.to_json())
        }
    };
    Answer { status, body }
}

/// The ids of this node's peers, for `GET /peers/`.
pub fn encode_peers<'a>(peers: impl Iterator<Item = &'a NodeId>) -> Vec<u8> {
    write(&peers.collect::<Vec<_>>())
}

/// Reads an answer.
///
/// # Errors
/// A rejection when the other side said no; what cannot be read counts as unknown, as the request may have been processed.
pub fn decode_reply(kind: CallKind, answer: &Answer, door: Door) -> Result<Reply, Failure> {
    match answer.status {
        200..=299 => {}
        // Too busy, or broken: it may be better next time, and if it stays so the link fails.
        429 | 500.. => return Err(Failure::Unknown),
        status => return Err(Failure::Rejected { status }),
    }
    let body = &answer.body;
    let unreadable = |_: Problem| Failure::Unknown;
    match kind {
        CallKind::Gossip if answer.status == 204 => Ok(Reply::NothingToAdd),
        CallKind::Gossip => read_gossip_reply(body, door).map(Reply::Gossip).map_err(unreadable),
        CallKind::Sync => read_sync_reply(body, door).map(Reply::Sync).map_err(unreadable),
        CallKind::Link | CallKind::Probe => read_link_reply(body, door).map(Reply::Link).map_err(unreadable),
        CallKind::Unlink => Ok(Reply::Done),
        CallKind::Peers => {
            let peers: Vec<NodeId> = parse(body).map_err(unreadable)?;
            Ok(Reply::Peers(peers.into_iter().take(MAX_BATCH).collect()))
        }
        CallKind::ForeignPeers => dialect::read_peers(body).map(Reply::Peers).map_err(unreadable),
        CallKind::ForeignGossip if dialect::is_ok(body) => Ok(Reply::Done),
        CallKind::ForeignGossip => Err(Failure::Unknown),
    }
}
