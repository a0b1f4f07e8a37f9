//! Messages in JSON, as they travel and as users submit them.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::ids::{check_form, from_base64, to_base64};
use super::payload::check_payload;
use super::problem::Problem;
use super::refused_json::refusal;
use crate::protocol::limits::{MAX_BATCH, MAX_PATH, MAX_RELAYS, MAX_VERSION};
use crate::protocol::{
    Content, IdForm, KEY_BYTES, Kind, Message, NodeId, Payload, PublicKey, SIGNATURE_BYTES, Seal, Submission,
    is_version,
};

/// Messages that one request may carry: several times what our nodes send.
pub const MAX_MESSAGES: usize = 4 * MAX_BATCH;

#[derive(Deserialize)]
pub(super) struct MessageIn<'a> {
    uuid: Uuid,
    origin: NodeId,
    version: u64,
    ttl: u8,
    #[serde(default)]
    kind: Option<KindShape>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default)]
    path: Vec<NodeId>,
    /// Of any type where it means nothing.
    #[serde(default, borrow)]
    via: Option<&'a RawValue>,
    #[serde(default)]
    relays: Option<u8>,
    #[serde(default)]
    stamp: Option<u64>,
    #[serde(default, borrow)]
    key: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    signature: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindShape {
    State,
    Message,
}

impl From<Kind> for KindShape {
    fn from(kind: Kind) -> KindShape {
        match kind {
            Kind::State => KindShape::State,
            Kind::Message => KindShape::Message,
        }
    }
}

#[derive(Serialize)]
pub(super) struct MessageOut<'a> {
    uuid: Uuid,
    origin: &'a NodeId,
    version: u64,
    ttl: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<KindShape>,
    payload: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a [NodeId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a [NodeId]>,
    #[serde(skip_serializing_if = "is_zero")]
    relays: u64,
    #[serde(skip_serializing_if = "is_zero")]
    stamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> MessageOut<'a> {
    pub(super) fn new(message: &'a Message) -> MessageOut<'a> {
        MessageOut {
            uuid: message.uuid,
            origin: &message.origin,
            version: message.version,
            ttl: message.ttl,
            kind: Some(message.kind.into()),
            payload: message.payload.raw(),
            path: Some(&message.path),
            via: None,
            relays: message.relays.into(),
            stamp: message.stamp,
            key: message.seal.as_ref().map(|seal| to_base64(seal.key.bytes())),
            signature: message.seal.as_ref().map(|seal| to_base64(&seal.signature)),
        }
    }
}

/// A message in brief words of this sender: without what the stamp, the origin and the sender say already.
pub(super) fn brief<'a>(message: &'a Message, sender: &NodeId) -> MessageOut<'a> {
    let whole = MessageOut::new(message);
    // A stamp is what tells a message from a state.
    let kind = whole.kind.filter(|_| (message.kind == Kind::Message) != (message.stamp > 0));
    let (path, via) = match &*message.path {
        [only] if *only == message.origin => (None, None),
        [first, via @ .., last] if *first == message.origin && last == sender => (None, Some(via)),
        _ => (whole.path, None),
    };
    MessageOut { kind, path, via, ..whole }
}

impl MessageIn<'_> {
    /// Checks what JSON types cannot say. `link` is who sends it in brief words.
    pub(super) fn check(mut self, form: IdForm, link: Option<&NodeId>) -> Result<Message, Problem> {
        if !is_version(self.version) {
            return Err(out_of_range("version", self.version, 1, MAX_VERSION));
        }
        if self.stamp.is_some_and(|stamp| !is_version(stamp)) {
            return Err(out_of_range("stamp", self.stamp.unwrap_or(0), 1, MAX_VERSION));
        }
        check_relays(self.relays)?;
        check_form(form, &self.origin, || "origin".to_owned())?;
        if let (Some(via), Some(link)) = (self.via, link) {
            if !self.path.is_empty() {
                return Err(Problem::field("via", "stands in the place of path, not beside it"));
            }
            self.path = path_via(&self.origin, via, link, form)?;
        }
        for (i, id) in self.path.iter().enumerate() {
            check_form(form, id, || format!("path[{i}]"))?;
        }
        if self.path.len() > MAX_PATH {
            let detail = format!("{} ids are more than {MAX_PATH}", self.path.len());
            return Err(Problem::field("path", detail).with_limit(MAX_PATH as u64));
        }
        let path = match self.path.first() {
            None => [self.origin.clone()].into(),
            Some(first) if *first == self.origin => self.path.into(),
            Some(first) => {
                let detail = format!("begins with {first}, not with the origin {}", self.origin);
                return Err(Problem::field("path[0]", detail));
            }
        };
        check_payload(self.payload.get()).map_err(|error| Problem::field("payload", error))?;
        let kind = match self.kind {
            Some(KindShape::Message) => Kind::Message,
            None if link.is_some() && self.stamp.is_some() => Kind::Message,
            Some(KindShape::State) | None => Kind::State,
        };
        let submitted = kind == Kind::Message;
        let seal = check_seal(self.key.as_deref(), self.signature.as_deref())?;
        if seal.is_some() && submitted && self.stamp.is_none() {
            // Whoever gave it one would break the signature, which covers it.
            return Err(Problem::field("stamp", "a signed message must carry one"));
        }
        Ok(Message::new(
            self.ttl,
            path,
            Content {
                uuid: self.uuid,
                origin: self.origin,
                version: self.version,
                kind,
                payload: Payload::new(self.payload.to_owned()),
                relays: self.relays.filter(|_| submitted).unwrap_or(0),
                stamp: self.stamp.filter(|_| submitted).unwrap_or(0),
                seal,
            },
        ))
    }
}

/// The path from the origin by these ids to the sender.
fn path_via(origin: &NodeId, via: &RawValue, link: &NodeId, form: IdForm) -> Result<Vec<NodeId>, Problem> {
    let via: Vec<NodeId> = parse(via.get().as_bytes()).map_err(|_| Problem::field("via", "is not a list of ids"))?;
    if via.len() + 2 > MAX_PATH {
        let detail = format!("{} ids are more than {}", via.len(), MAX_PATH - 2);
        return Err(Problem::field("via", detail).with_limit(MAX_PATH as u64 - 2));
    }
    for (i, id) in via.iter().enumerate() {
        check_form(form, id, || format!("via[{i}]"))?;
    }
    Ok([origin.clone()].into_iter().chain(via).chain([link.clone()]).collect())
}

/// Reads the origin's key and signature; whether they fit is for the node to find out.
fn check_seal(key: Option<&str>, signature: Option<&str>) -> Result<Option<Arc<Seal>>, Problem> {
    fn bytes<const N: usize>(text: Option<&str>, field: &str) -> Result<[u8; N], Problem> {
        let text = text.ok_or_else(|| Problem::field(field, "missing: a key and a signature go together"))?;
        // Writers of other languages pad.
        let bytes = from_base64(text.trim_end_matches('='), field, N)?;
        bytes.try_into().map_err(|_| Problem::field(field, format!("not {N} bytes in base64")))
    }
    if key.is_none() && signature.is_none() {
        return Ok(None);
    }
    let (key, signature) = (bytes::<KEY_BYTES>(key, "key")?, bytes::<SIGNATURE_BYTES>(signature, "signature")?);
    Ok(Some(Arc::new(Seal { key: PublicKey::new(key), signature })))
}

/// One message as JSON, for whoever keeps it.
pub fn message_to_json(message: &Message) -> Vec<u8> {
    // No message of ours can fail to become JSON; what reads it refuses an empty text.
    serde_json::to_vec(&MessageOut::new(message)).unwrap_or_default()
}

/// Reads what [`message_to_json`] wrote.
///
/// # Errors
/// A [`Problem`] that names the field.
pub fn message_from_json(json: &[u8], form: IdForm) -> Result<Message, Problem> {
    parse_object::<MessageIn<'_>>(json)?.check(form, None)
}

/// Checks a list of messages; a bad one refuses the whole. `link` is who sends them in brief words.
pub(super) fn check_all(
    messages: Vec<MessageIn<'_>>,
    form: IdForm,
    field: &str,
    link: Option<&NodeId>,
) -> Result<Vec<Message>, Problem> {
    if messages.len() > MAX_MESSAGES {
        let name = if field.is_empty() { "body" } else { field };
        let detail = format!("{} messages are more than {MAX_MESSAGES}", messages.len());
        return Err(Problem { status: 413, title: "Content Too Large".into(), ..Problem::field(name, detail) }
            .with_limit(MAX_MESSAGES as u64));
    }
    let checked = messages.into_iter().enumerate();
    checked.map(|(i, message)| message.check(form, link).map_err(|p| p.within(&format!("{field}[{i}]")))).collect()
}

fn out_of_range(field: &str, value: u64, low: u64, high: u64) -> Problem {
    Problem::field(field, format!("{value} is not between {low} and {high}")).with_limit(high)
}

fn check_relays(relays: Option<u8>) -> Result<(), Problem> {
    match relays {
        Some(relays) if !(1..=MAX_RELAYS).contains(&relays) => {
            Err(out_of_range("relays", relays.into(), 1, MAX_RELAYS.into()))
        }
        _ => Ok(()),
    }
}

/// The body of `POST /messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmissionShape {
    /// Any JSON value, a text as a rule.
    pub message: Box<RawValue>,
    /// Hops that it may travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// How many of the copies that arrive are each passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relays: Option<u8>,
    /// The submitter's own name for it, so that a retry is no second message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
}

/// Reads the body of `POST /messages`.
///
/// # Errors
/// A [`Problem`] that names the field and the limit.
pub fn parse_submission(body: &[u8], max_payload: usize) -> Result<Submission, Problem> {
    #[derive(Serialize)]
    struct MessagePayload<'a> {
        message: &'a RawValue,
    }
    let shape: SubmissionShape = parse_object(body)?;
    check_relays(shape.relays)?;
    let payload = serde_json::value::to_raw_value(&MessagePayload { message: &shape.message })
        .map_err(|error| Problem::field("message", error))?;
    // The whole of it, as other nodes will: its own braces are one level of the depth.
    check_payload(payload.get()).map_err(|error| Problem::field("message", error))?;
    if payload.get().len() > max_payload {
        return Err(too_long("message", payload.get().len(), max_payload));
    }
    Ok(Submission {
        payload: Payload::new(payload),
        ttl: shape.ttl,
        relays: shape.relays.unwrap_or(0),
        uuid: shape.uuid,
    })
}

/// Reads the body of `PUT /state`: any JSON value.
///
/// # Errors
/// A [`Problem`] that names the limit.
pub fn parse_own_payload(body: &[u8], max_payload: usize) -> Result<Payload, Problem> {
    let raw: Box<RawValue> = parse(body)?;
    check_payload(raw.get()).map_err(|error| Problem::new(400, error))?;
    if raw.get().len() > max_payload {
        return Err(too_long("payload", raw.get().len(), max_payload));
    }
    Ok(Payload::new(raw))
}

fn too_long(field: &str, length: usize, limit: usize) -> Problem {
    let detail = format!("{length} bytes as JSON are more than {limit}");
    Problem { status: 413, title: "Content Too Large".into(), ..Problem::field(field, detail) }.with_limit(limit as u64)
}

/// The body of `POST /messages/read`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadMarks {
    /// Messages that were read.
    pub uuids: Vec<Uuid>,
}

/// Reads the body of `POST /messages/read`: `{"uuids": […]}` or the bare array.
///
/// # Errors
/// A [`Problem`] that names the field.
pub fn parse_read_marks(body: &[u8]) -> Result<Vec<Uuid>, Problem> {
    if body.trim_ascii_start().starts_with(b"[") {
        return parse(body);
    }
    parse::<ReadMarks>(body).map(|marks| marks.uuids)
}

/// The body of `POST /seeds`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeedShape {
    /// A node to ask for a place.
    pub seed: NodeId,
}

/// Reads the body of `POST /seeds`: `{"seed": 7001}`.
///
/// # Errors
/// A [`Problem`] that names the field; 409 for an id of the other form.
pub fn parse_seed(body: &[u8], form: IdForm) -> Result<NodeId, Problem> {
    let shape: SeedShape = parse_object(body)?;
    check_form(form, &shape.seed, || "seed".to_owned())?;
    Ok(shape.seed)
}

/// Parses a JSON object; an error names the field by its path.
///
/// The reader of a record would also take an array of its members, in an order that nobody should rely on.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::new(400, "the body: a list is not an object"));
    }
    parse(body)
}

/// Parses JSON; an error names the field by its path.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    // Checked as a whole, a text need not be checked again string by string.
    if let Some(read) = std::str::from_utf8(body).ok().and_then(|text| serde_json::from_str(text).ok()) {
        return Ok(read);
    }
    // Only a refused body is read again, slowly, to say where it is wrong.
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let result = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| refusal(&error.path().to_string(), error.inner()))?;
    // The value reads well, so what follows it does not.
    match deserializer.end() {
        Ok(()) => Ok(result),
        Err(error) => Err(refusal("", &error)),
    }
}
