//! `POST /sync/` in JSON: comparisons and their answers.

use serde::{Deserialize, Serialize};

use super::Door;
use super::envelope::{ClaimShape, KeyShape, write};
use super::ids::{fingerprints_from_base64, fingerprints_to_base64, from_base64, to_base64};
use super::message::{MessageIn, MessageOut, parse_object};
use super::problem::Problem;
use super::sender::HeaderShape;
use crate::protocol::limits::{MAX_FINGERPRINTS, MAX_SYMBOLS};
use crate::protocol::{SYMBOL_BYTES, SetForm, SyncCall, SyncReply};

#[derive(Serialize, Deserialize)]
struct SyncShape<'a> {
    #[serde(flatten, borrow)]
    header: HeaderShape<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    floor: Option<KeyShape>,
    count: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exact: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    symbols: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprints: Option<String>,
}

/// A comparison as JSON.
pub(super) fn write_sync(call: &SyncCall) -> Vec<u8> {
    let (symbols, fingerprints) = match &call.set {
        SetForm::Symbols(bytes) => (Some(to_base64(bytes)), None),
        SetForm::Fingerprints(list) => (None, Some(fingerprints_to_base64(list))),
    };
    let (header, floor) = (HeaderShape::new(&call.header), KeyShape::new(call.floor));
    write(&SyncShape { header, floor, count: call.count, exact: call.exact, symbols, fingerprints })
}

/// Reads a comparison.
pub(super) fn read_sync(body: &[u8], door: Door) -> Result<SyncCall, Problem> {
    let shape: SyncShape<'_> = parse_object(body)?;
    let set = match (shape.symbols, shape.fingerprints) {
        (Some(symbols), None) => {
            let bytes = from_base64(&symbols, "symbols", MAX_SYMBOLS * SYMBOL_BYTES)?;
            if bytes.is_empty() || bytes.len() % SYMBOL_BYTES != 0 {
                return Err(Problem::field("symbols", format!("not a whole number of {SYMBOL_BYTES} bytes each")));
            }
            SetForm::Symbols(bytes)
        }
        (None, Some(list)) => SetForm::Fingerprints(fingerprints_from_base64(&list, "fingerprints", MAX_FINGERPRINTS)?),
        _ => return Err(Problem::field("symbols", "either this or `fingerprints` must be given")),
    };
    let (header, floor) = (shape.header.check(door)?, KeyShape::key(shape.floor));
    Ok(SyncCall { header, floor, count: shape.count, exact: shape.exact, set })
}

#[derive(Serialize)]
struct SyncReplyOut<'a> {
    #[serde(flatten)]
    header: HeaderShape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<KeyShape>,
    count: u64,
    compared: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbols: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<ClaimShape<'a>>,
    more: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    want: String,
}

#[derive(Deserialize)]
struct SyncReplyIn<'a> {
    protocol: u32,
    #[serde(borrow)]
    cluster: std::borrow::Cow<'a, str>,
    from: std::borrow::Cow<'a, crate::protocol::NodeId>,
    boot: u64,
    linked: bool,
    #[serde(default)]
    brief: bool,
    #[serde(default)]
    floor: Option<KeyShape>,
    count: u64,
    compared: bool,
    #[serde(default)]
    symbols: u64,
    #[serde(default, borrow)]
    messages: Vec<MessageIn<'a>>,
    #[serde(default)]
    claims: Vec<ClaimShape<'a>>,
    #[serde(default)]
    more: u64,
    #[serde(default)]
    want: String,
}

/// The answer to a comparison as JSON.
pub(super) fn write_sync_reply(reply: &SyncReply) -> Vec<u8> {
    write(&SyncReplyOut {
        header: HeaderShape::new(&reply.header),
        floor: KeyShape::new(reply.floor),
        count: reply.count,
        compared: reply.compared,
        symbols: Some(reply.symbols).filter(|symbols| *symbols > 0),
        messages: reply.messages.iter().map(MessageOut::new).collect(),
        claims: ClaimShape::all(&reply.claims),
        more: reply.more,
        want: fingerprints_to_base64(&reply.want),
    })
}

/// Reads the answer to a comparison.
pub(super) fn read_sync_reply(body: &[u8], door: Door) -> Result<SyncReply, Problem> {
    let shape: SyncReplyIn<'_> = parse_object(body)?;
    let header = HeaderShape {
        protocol: shape.protocol,
        cluster: shape.cluster,
        from: shape.from,
        boot: shape.boot,
        linked: shape.linked,
        brief: shape.brief,
    };
    Ok(SyncReply {
        header: header.check(door)?,
        floor: KeyShape::key(shape.floor),
        count: shape.count,
        compared: shape.compared,
        symbols: shape.symbols,
        messages: check_all_of_reply(shape.messages, door)?,
        claims: ClaimShape::check_all(shape.claims, door, MAX_FINGERPRINTS)?,
        more: shape.more,
        want: fingerprints_from_base64(&shape.want, "want", MAX_FINGERPRINTS)?,
    })
}

/// A page of a repair is bounded by its bytes, so it may hold more messages than an envelope.
fn check_all_of_reply(messages: Vec<MessageIn<'_>>, door: Door) -> Result<Vec<crate::protocol::Message>, Problem> {
    let checked = messages.into_iter().enumerate();
    checked
        .map(|(i, message)| message.check(door.form, None).map_err(|p| p.within(&format!("messages[{i}]"))))
        .collect()
}
