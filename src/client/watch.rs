//! Watching a node: its live stream, event by event.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::node::{NodeClient, read};
use super::{CallError, ClientError};
use crate::http::Body;
use crate::wire::EventKind;

/// A node that is there says so more often than this.
const SILENCE: Duration = Duration::from_secs(45);

/// Longest event that is read: a snapshot of a large network fits.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// The live stream of a node.
pub struct Watch {
    body: Body,
    /// What came and was not yet handed out; `read` of it are done with.
    buffer: Vec<u8>,
    read: usize,
    /// So far no line ends in it.
    searched: usize,
}

/// One event of a live stream.
#[derive(Clone, Debug)]
pub struct LiveEvent {
    /// Names the event; with it one can go on later.
    pub id: String,
    /// What it is about.
    pub kind: EventKind,
    /// The whole event as JSON on one line, `id` and `event` included.
    pub json: String,
}

impl LiveEvent {
    fn parse(line: &[u8]) -> Result<Option<LiveEvent>, ClientError> {
        #[derive(Deserialize)]
        struct Head {
            id: String,
            event: String,
        }
        let foreign = |error: &dyn std::fmt::Display| ClientError::Foreign(error.to_string());
        let json = std::str::from_utf8(line).map_err(|error| foreign(&error))?;
        let head: Head = serde_json::from_str(json).map_err(|error| foreign(&error))?;
        // A kind that is not known here is of a later program: nothing that can be waited for.
        let kind = EventKind::parse(&head.event).unwrap_or(EventKind::KeepAlive);
        Ok(Some(LiveEvent { id: head.id, kind, json: json.to_owned() }))
    }

    /// The event's record: [`crate::wire::StateEvent`] for a state, [`crate::wire::MessageReport`] for a message, and so on.
    ///
    /// # Errors
    /// When the event is of another kind.
    pub fn record<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.json).map_err(|error| ClientError::Foreign(error.to_string()))
    }
}

impl NodeClient {
    /// `GET /events`: what happens at the node, from now on or behind the event named `last_id`. `kinds` are names of
    /// events with commas between; empty for all.
    ///
    /// # Errors
    /// As with every call; a stream that broke is asked for again with the id of its last event.
    pub async fn watch(&self, kinds: &str, last_id: Option<&str>) -> Result<Watch, ClientError> {
        let path = if kinds.is_empty() { "/events".to_owned() } else { format!("/events?kind={kinds}") };
        match self.http.open(&self.address, &path, last_id, self.limit).await? {
            Ok(body) => Ok(Watch { body, buffer: Vec::new(), read: 0, searched: 0 }),
            Err((status, text)) => Err(match read::<serde::de::IgnoredAny>(status, &text) {
                Err(error) => error,
                Ok(_) => ClientError::Foreign(format!("HTTP status {status}")),
            }),
        }
    }
}

impl Watch {
    /// The next event, signs of life included; `None` when the node ended the stream.
    ///
    /// # Errors
    /// When nothing comes for 45 s (a node gives a sign of life every 15 s), the connection broke, or what came is no event.
    pub async fn next(&mut self) -> Result<Option<LiveEvent>, ClientError> {
        loop {
            if let Some(line) = self.line() {
                return LiveEvent::parse(&line);
            }
            if self.buffer.len() - self.read > MAX_LINE {
                return Err(ClientError::Foreign(format!("an event of more than {MAX_LINE} bytes")));
            }
            match self.body.next(SILENCE).await {
                Ok(Some(piece)) => {
                    self.buffer.drain(..self.read);
                    self.searched -= self.read;
                    self.read = 0;
                    self.buffer.extend_from_slice(&piece);
                }
                Ok(None) => return Ok(None),
                Err(error) => return Err(ClientError::Silent(CallError::Broken(error.to_string()))),
            }
        }
    }

    /// A whole line, if there is one.
    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer[self.read..end].to_vec();
        self.read = end + 1;
        self.searched = self.read;
        Some(line)
    }
}
