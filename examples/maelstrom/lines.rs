//! The lines: Maelstrom's messages, and the two types that carry calls between nodes.
//!
//! A `gossip_call` holds a method, a path and the JSON that HTTP would carry as its body; a `gossip_reply` holds a status
//! and a body. Nothing here knows what they mean.

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A request of a type that this program does not know.
pub const NOT_SUPPORTED: u32 = 10;

/// A request that lacks something, or has it in another form.
pub const MALFORMED: u32 = 12;

/// A line that came.
#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    pub src: String,
    #[serde(borrow)]
    pub body: &'a RawValue,
}

/// What every body has; the members of its type are read by those who need them.
#[derive(Debug, Deserialize)]
pub struct Body<'a> {
    #[serde(rename = "type")]
    pub kind: String,
    pub msg_id: Option<u64>,
    pub in_reply_to: Option<u64>,
    pub node_id: Option<String>,
    pub node_ids: Option<Vec<String>>,
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
    pub method: Option<String>,
    pub path: Option<String>,
    pub status: Option<u16>,
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
}

impl Body<'_> {
    /// What a call or a reply carries, as the bytes that HTTP would carry.
    pub fn content(&self) -> Vec<u8> {
        self.content.map(|content| content.get().as_bytes().to_vec()).unwrap_or_default()
    }
}

/// What this program says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said<'a> {
    InitOk,
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: &'a [Box<RawValue>] },
    Error { code: u32, text: String },
    GossipCall { method: &'a str, path: &'a str, content: Option<Box<RawValue>> },
    GossipReply { status: u16, content: Option<Box<RawValue>> },
}

/// The body of an answer or of a request over HTTP, to stand in a line; `None` for an empty one.
///
/// # Errors
/// When it is no JSON, which the codec never writes.
pub fn content_of(bytes: Vec<u8>) -> anyhow::Result<Option<Box<RawValue>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(RawValue::from_string(String::from_utf8(bytes)?)?))
}

/// Writes one line, in one piece.
///
/// # Errors
/// When stdout is closed.
pub fn say(
    src: &str,
    dest: &str,
    said: &Said<'_>,
    msg_id: Option<u64>,
    in_reply_to: Option<u64>,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Out<'a> {
        src: &'a str,
        dest: &'a str,
        body: OutBody<'a>,
    }
    #[derive(Serialize)]
    struct OutBody<'a> {
        #[serde(flatten)]
        said: &'a Said<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        msg_id: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<u64>,
    }
    let mut line = serde_json::to_vec(&Out { src, dest, body: OutBody { said, msg_id, in_reply_to } })?;
    line.push(b'\n');
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&line)?;
    Ok(stdout.flush()?)
}
