//! `POST /peers/` in JSON: link requests and their answers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Door;
use super::envelope::write;
use super::ids::check_form;
use super::message::parse_object;
use super::problem::Problem;
use super::sender::HeaderShape;
use crate::protocol::limits::MAX_VERSION;
use crate::protocol::{LinkAnswer, LinkCall, LinkReply, LinkWish, NodeId};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WishName {
    Join,
    Link,
    Replace,
    Confirm,
    Probe,
    Refute,
    Bridge,
    Exchange,
    Move,
}

#[derive(Serialize, Deserialize)]
struct LinkCallShape<'a> {
    #[serde(flatten, borrow)]
    header: HeaderShape<'a>,
    want: WishName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<u8>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    split: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instead_of: Option<Cow<'a, NodeId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    with: Option<Cow<'a, NodeId>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    torn: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    keep: bool,
}

/// A link request as JSON.
pub(super) fn write_link(call: &LinkCall) -> Vec<u8> {
    let header = HeaderShape::new(&call.header);
    let mut shape = LinkCallShape {
        header,
        want: WishName::Link,
        walk: None,
        split: false,
        instead_of: None,
        with: None,
        torn: false,
        version: None,
        keep: false,
    };
    match &call.wish {
        LinkWish::Link => {}
        LinkWish::Join { walk, split } => {
            shape.want = WishName::Join;
            shape.walk = *walk;
            shape.split = *split;
        }
        LinkWish::InsteadOf(id) => {
            shape.want = WishName::Replace;
            shape.instead_of = Some(Cow::Borrowed(id));
        }
        LinkWish::Probe => shape.want = WishName::Probe,
        LinkWish::Refute { version } => {
            shape.want = WishName::Refute;
            shape.version = Some(*version);
        }
        LinkWish::Bridge => shape.want = WishName::Bridge,
        LinkWish::Exchange { torn } => {
            shape.want = WishName::Exchange;
            shape.torn = *torn;
        }
        LinkWish::Move { to, instead_of, keep } => {
            shape.want = WishName::Move;
            shape.with = Some(Cow::Borrowed(to));
            shape.instead_of = Some(Cow::Borrowed(instead_of));
            shape.keep = *keep;
        }
        LinkWish::Confirm(id) => {
            shape.want = WishName::Confirm;
            shape.with = Some(Cow::Borrowed(id));
        }
    }
    write(&shape)
}

/// Reads a link request.
pub(super) fn read_link(body: &[u8], door: Door) -> Result<LinkCall, Problem> {
    let shape: LinkCallShape<'_> = parse_object(body)?;
    let named = |id, field| named(id, field, door);
    let wish = match shape.want {
        WishName::Join => LinkWish::Join { walk: shape.walk, split: shape.split },
        WishName::Link => LinkWish::Link,
        WishName::Replace => LinkWish::InsteadOf(named(shape.instead_of, "instead_of")?),
        WishName::Confirm => LinkWish::Confirm(named(shape.with, "with")?),
        WishName::Probe => LinkWish::Probe,
        WishName::Refute => {
            let version = shape.version.ok_or_else(|| Problem::field("version", "missing"))?;
            if version > MAX_VERSION {
                return Err(Problem::field("version", "above 2^53-1").with_limit(MAX_VERSION));
            }
            LinkWish::Refute { version }
        }
        WishName::Bridge => LinkWish::Bridge,
        WishName::Exchange => LinkWish::Exchange { torn: shape.torn },
        WishName::Move => LinkWish::Move {
            to: named(shape.with, "with")?,
            instead_of: named(shape.instead_of, "instead_of")?,
            keep: shape.keep,
        },
    };
    Ok(LinkCall { header: shape.header.check(door)?, wish })
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AnswerName {
    Linked,
    Busy,
    Walk,
    Split,
    Promised,
}

#[derive(Serialize, Deserialize)]
struct LinkReplyShape<'a> {
    #[serde(flatten, borrow)]
    header: HeaderShape<'a>,
    answer: AnswerName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Cow<'a, NodeId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    with: Option<Cow<'a, NodeId>>,
    known_version: u64,
}

/// The answer to a link request as JSON.
pub(super) fn write_link_reply(reply: &LinkReply) -> Vec<u8> {
    let (header, known_version) = (HeaderShape::new(&reply.header), reply.known_version);
    let mut shape =
        LinkReplyShape { header, answer: AnswerName::Busy, next: None, walk: None, with: None, known_version };
    match &reply.answer {
        LinkAnswer::Busy => {}
        LinkAnswer::Linked => shape.answer = AnswerName::Linked,
        LinkAnswer::Promised => shape.answer = AnswerName::Promised,
        LinkAnswer::Walk { next, walk } => {
            shape.answer = AnswerName::Walk;
            shape.next = Some(Cow::Borrowed(next));
            shape.walk = Some(*walk);
        }
        LinkAnswer::Split { with } => {
            shape.answer = AnswerName::Split;
            shape.with = Some(Cow::Borrowed(with));
        }
    }
    write(&shape)
}

/// Reads the answer to a link request.
pub(super) fn read_link_reply(body: &[u8], door: Door) -> Result<LinkReply, Problem> {
    let shape: LinkReplyShape<'_> = parse_object(body)?;
    let named = |id, field| named(id, field, door);
    let answer = match shape.answer {
        AnswerName::Linked => LinkAnswer::Linked,
        AnswerName::Busy => LinkAnswer::Busy,
        AnswerName::Promised => LinkAnswer::Promised,
        AnswerName::Walk => LinkAnswer::Walk { next: named(shape.next, "next")?, walk: shape.walk.unwrap_or(0) },
        AnswerName::Split => LinkAnswer::Split { with: named(shape.with, "with")? },
    };
    let known_version = shape.known_version.min(MAX_VERSION);
    Ok(LinkReply { header: shape.header.check(door)?, answer, known_version })
}

/// A node that must be named.
fn named(id: Option<Cow<'_, NodeId>>, field: &str, door: Door) -> Result<NodeId, Problem> {
    let id = id.ok_or_else(|| Problem::field(field, "missing"))?;
    check_form(door.form, &id, || field.to_owned())?;
    Ok(id.into_owned())
}
