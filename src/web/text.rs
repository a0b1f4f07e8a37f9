//! Tables in plain text, for `curl` and for the page at `/`.
//!
//! What comes from other nodes is shown with control characters escaped, so that no payload can steer a terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use super::peers::peer_reports;
use crate::net::full_path;
use crate::protocol::{Entry, NodeId, Record, Time, View};

/// Longest payload that a table shows.
const MAX_SHOWN: usize = 100;

fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head.to_vec());
    table
}

fn finish(table: &Table) -> String {
    table.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

/// Escapes what could move a cursor or turn the direction of writing, and cuts what is too long for a table.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == MAX_SHOWN {
            out.push('…');
            break;
        }
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// What a payload says: the book or the message, else the JSON text.
fn payload_text(json: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Known {
        book: Option<String>,
        message: Option<String>,
    }
    match serde_json::from_str::<Known>(json) {
        Ok(Known { book: Some(text), message: None } | Known { book: None, message: Some(text) }) => safe(&text),
        _ => safe(json),
    }
}

fn age(now: Time, then: Time) -> String {
    let seconds = now.since(then) / 1000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// The newest state of everyone who is meant.
pub(super) fn table(view: View<'_>, now: Time, is_meant: impl Fn(&Entry) -> bool) -> String {
    let mut table = new_table(&["node", "version", "status", "age", "hops", "state"]);
    for (id, entry) in view.table().iter().filter(|(_, entry)| is_meant(entry)) {
        let Some(state) = &entry.state else { continue };
        let hops = if id == view.id() { 0 } else { state.message.path.len() };
        table.add_row([
            id.to_string(),
            state.message.version.to_string(),
            entry.shown_status().name().to_owned(),
            age(now, state.updated_at),
            hops.to_string(),
            payload_text(state.message.payload.as_str()),
        ]);
    }
    finish(&table)
}

/// This node's peers, and what the link to each carried.
pub(super) fn peers(view: View<'_>, now: Time) -> String {
    let counted = ["sent", "received", "duplicate", "repaired", "failures"];
    let mut table = new_table(&[&["peer", "address", "status", "since"], &counted[..]].concat());
    for (id, report) in peer_reports(view) {
        let entry = view.table().get(&id);
        let status = entry.map_or("unknown", |entry| entry.shown_status().name());
        let since = entry.map_or_else(String::new, |entry| age(now, entry.since));
        let counts = [report.sent, report.received, report.duplicate, report.repaired, report.failures];
        let words = [id.to_string(), id.address(), status.to_owned(), since];
        table.add_row(words.into_iter().chain(counts.map(|count| count.to_string())));
    }
    finish(&table)
}

/// Messages with the path of their first arrival.
pub(super) fn messages(own: &NodeId, records: &[&Record]) -> String {
    let mut table = new_table(&["uuid", "", "path", "copies", "message"]);
    for record in records {
        let first = full_path(own, &record.message.path);
        let path: Vec<String> = first.iter().map(NodeId::to_string).collect();
        table.add_row([
            record.message.uuid.to_string(),
            if record.read { String::new() } else { "new".to_owned() },
            path.join(" -> "),
            record.path_count().to_string(),
            payload_text(record.message.payload.as_str()),
        ]);
    }
    finish(&table)
}
