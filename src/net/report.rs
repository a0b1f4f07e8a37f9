//! What a node shows of itself, as the records of `wire`: read from a view, changing nothing.

use serde_json::value::RawValue;

use super::clock::Clock;
use crate::protocol::{Entry, Kind, LogKey, NodeId, Path, Record, Time, View};
use crate::wire::{ArrivalReport, CountersReport, DigestReport, MessageReport, StateReport};

/// One known node; `None` before it first spoke.
pub fn state_report(view: View<'_>, now: Time, id: &NodeId, entry: &Entry, clock: Clock) -> Option<StateReport> {
    let StateReport { version, payload, status, since, updated_at, hops, conflict } =
        lent_state_report(view, now, id, entry, clock)?;
    Some(StateReport { version, payload: payload.to_owned(), status, since, updated_at, hops, conflict })
}

/// The same with a payload that stays where it is.
pub fn lent_state_report<'a>(
    view: View<'_>,
    now: Time,
    id: &NodeId,
    entry: &'a Entry,
    clock: Clock,
) -> Option<StateReport<&'a RawValue>> {
    let state = entry.state.as_ref()?;
    Some(StateReport {
        version: state.message.version,
        payload: state.message.payload.raw(),
        status: entry.shown_status(),
        since: clock.rfc3339(entry.since),
        updated_at: clock.rfc3339(state.updated_at),
        hops: if id == view.id() { 0 } else { state.message.path.len() },
        conflict: id == view.id() && view.has_conflict(now),
    })
}

/// What the node holds, in short. `requests_refused` is counted by who serves them.
pub fn digest_report(view: View<'_>, requests_refused: u64) -> DigestReport {
    let live = || view.table().iter().filter(|(_, entry)| entry.status.is_live() && entry.state.is_some());
    DigestReport {
        id: view.id().clone(),
        cluster: view.cluster().to_owned(),
        boot: view.boot(),
        version: view.version(),
        key: view.key().map(|key| key.to_string()),
        peers: view.peers().cloned().collect(),
        max_peers: view.max_peers(),
        nodes: view.table().len(),
        live: live().count(),
        live_hash: view.live_hash(),
        messages: view.log().len(),
        messages_hash: view.log().sums_above(LogKey::default()).hash,
        hash: view.digest().hash,
        counters: counters_report(view, requests_refused),
    }
}

/// Counts since the process began. `requests_refused` is counted by who serves them.
pub fn counters_report(view: View<'_>, requests_refused: u64) -> CountersReport {
    let counters = view.counters();
    CountersReport {
        messages_sent: counters.messages_sent,
        messages_received: counters.messages_received,
        new: counters.new,
        duplicate: counters.duplicate,
        stale: counters.stale,
        expired: counters.expired,
        limited: counters.limited,
        forged: counters.forged,
        repaired: counters.repaired,
        envelopes_sent: counters.envelopes_sent,
        comparisons: counters.comparisons,
        failures: counters.failures,
        requests_refused,
    }
}

/// One remembered message.
pub fn message_report(own: &NodeId, record: &Record, clock: Clock) -> MessageReport {
    let message = &record.message;
    let arrival =
        |(path, at): (&Path, Time)| ArrivalReport { path: full_path(own, path), received_at: clock.rfc3339(at) };
    MessageReport {
        uuid: message.uuid,
        origin: message.origin.clone(),
        version: message.version,
        kind: match message.kind {
            Kind::State => "state".to_owned(),
            Kind::Message => "message".to_owned(),
        },
        payload: message.payload.raw().to_owned(),
        // The history of books counts arrivals in its place.
        stamp: if message.kind == Kind::Message { message.stamp } else { 0 },
        received_at: clock.rfc3339(record.received_at),
        read: record.read,
        paths: record.arrivals().map(arrival).collect(),
    }
}

/// The way of a copy up to and including this node.
pub fn full_path(own: &NodeId, path: &[NodeId]) -> Vec<NodeId> {
    let made_here = path.len() == 1 && path.first() == Some(own);
    path.iter().chain((!made_here).then_some(own)).cloned().collect()
}
