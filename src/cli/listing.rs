//! Messages as text: a line each, with the paths by which they came.

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::clock::TimeForm;
use super::names::Names;
use super::plain_text::{compact, escape};
use crate::client::{ArrivalReport, MessageReport};
use crate::protocol::NodeId;

/// Which paths are listed below a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathChoice {
    /// None: the line itself has the path of the first arrival.
    First,
    /// The shortest.
    Shortest,
    /// The longest.
    Longest,
    /// The shortest and the longest.
    Both,
    /// All of them.
    All,
}

/// How messages are listed.
#[derive(Clone, Debug)]
pub struct Listing {
    /// How nodes are shown.
    pub names: Names,
    /// Which paths are listed.
    pub paths: PathChoice,
    /// How much of the times is shown.
    pub time: TimeForm,
    /// In which zone.
    pub zone: TimeZone,
}

impl Listing {
    /// The lines of one message, each ended.
    pub fn show(&self, message: &MessageReport) -> String {
        let time = self.time.show(&message.received_at, &self.zone);
        let time = time.map(|time| format!("[{time}] ")).unwrap_or_default();
        let first = message.paths.first().map_or(std::slice::from_ref(&message.origin), |arrival| &arrival.path);
        let path: Vec<String> = first.iter().map(|id| self.names.long(id)).collect();
        let mut lines = format!("- {time}{} ({})\n", self.content(message), path.join(" -> "));
        for (arrival, label) in self.chosen(message) {
            lines.push_str(&self.path_line(arrival, label));
        }
        lines
    }

    /// What the message says, on one line.
    fn content(&self, message: &MessageReport) -> String {
        let json = message.payload.get();
        if message.kind == "state" {
            return match serde_json::from_str::<Book>(json) {
                Ok(Book { book }) => format!("{} likes {}", self.names.long(&message.origin), escape(&book)),
                Err(_) => format!("{} says {}", self.names.long(&message.origin), escape(&compact(&message.payload))),
            };
        }
        text_of(message)
    }

    fn chosen<'a>(&self, message: &'a MessageReport) -> Vec<(&'a ArrivalReport, &'static str)> {
        let shortest = || message.paths.iter().min_by_key(|arrival| arrival.path.len());
        // The last of several maxima would be the latest; the earliest one is meant.
        let longest = || message.paths.iter().rev().max_by_key(|arrival| arrival.path.len());
        match self.paths {
            PathChoice::First => Vec::new(),
            PathChoice::Shortest => shortest().map(|arrival| (arrival, "")).into_iter().collect(),
            PathChoice::Longest => longest().map(|arrival| (arrival, "")).into_iter().collect(),
            PathChoice::Both => {
                let both =
                    [shortest().map(|arrival| (arrival, "shortest")), longest().map(|arrival| (arrival, "longest"))];
                both.into_iter().flatten().collect()
            }
            PathChoice::All => message.paths.iter().map(|arrival| (arrival, "")).collect(),
        }
    }

    fn path_line(&self, arrival: &ArrivalReport, label: &str) -> String {
        let hops: Vec<String> = arrival.path.iter().map(|id: &NodeId| self.names.short(id)).collect();
        let label = if label.is_empty() { String::new() } else { format!(" ({label})") };
        let time = self.time.show(&arrival.received_at, &self.zone);
        let time = time.map(|time| format!(" [{time}]")).unwrap_or_default();
        format!("  ↳ {}{label}{time}\n", hops.join(" ➜ "))
    }
}

/// What a submitted message says, on one line.
pub fn text_of(message: &MessageReport) -> String {
    match serde_json::from_str::<Text>(message.payload.get()) {
        Ok(Text { message }) => escape(&message),
        Err(_) => escape(&compact(&message.payload)),
    }
}

/// A payload that holds a favourite book.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// Its title and author.
    pub book: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    message: String,
}
