//! What happened at this node, kept for a while for those who watch it (`GET /events`).
//!
//! Events are kept once for all who watch, in a ring that is bounded in number and bytes; each watcher has only a place in
//! it. Nobody is waited for: whoever falls behind the ring is told [`Taken::TooSlow`], and can come back with the id of
//! the last event that it got. While nobody has watched for a while, nothing is rendered or kept.
//!
//! Every event has a number, one above the one before. Numbers say nothing across processes, so an id names the boot as
//! well. The text of the stream (SSE, NDJSON) is made in `web/events.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use super::driver::Handle;
use super::histogram::Hops;
use super::report::{counters_report, full_path, message_report, state_report};
use crate::protocol::{Boot, Event, NodeId, Status, Time, View};
use crate::wire::{
    ArrivalReport, EventKind, ForgottenEvent, LinkEvent, PathEvent, ReadEvent, SnapshotEvent, StateEvent, StatusEvent,
};

/// Events that are kept: minutes of a busy network.
const MAX_EVENTS: usize = 10_000;

/// Bytes of events that are kept: payloads may be large.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How long events are kept on for somebody who may come back.
const KEPT_WITHOUT_WATCHERS: Duration = Duration::from_secs(600);

/// Bytes handed to a watcher at once.
const MAX_TAKEN: usize = 256 * 1024;

/// Messages in a snapshot.
const SNAPSHOT_MESSAGES: usize = 100;

/// One event as it is told.
#[derive(Clone, Debug)]
pub struct Happened {
    /// What it is about.
    pub kind: EventKind,
    /// Its number.
    pub number: u64,
    /// A JSON object on one line.
    pub data: Rc<str>,
}

/// How a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// With everything that is held.
    Snapshot,
    /// With everything that is held, since what was asked for is no longer kept.
    Reset(String),
    /// Where the watcher stopped.
    Resumed,
}

/// What a watcher gets.
#[derive(Clone, Debug)]
pub enum Taken {
    /// The next events.
    Events(Vec<Happened>),
    /// It was so slow that events were lost to it.
    TooSlow,
    /// The node is leaving; there will be no more.
    Ended,
}

/// The kept events.
#[derive(Debug, Default)]
struct Ring {
    /// Numbered without gaps up to `last`.
    kept: VecDeque<Happened>,
    bytes: usize,
    /// The number of the newest event.
    last: u64,
    /// Something happened that was not kept.
    missed: bool,
}

impl Ring {
    fn add(&mut self, kind: EventKind, data: Rc<str>) {
        self.last += 1;
        self.bytes += data.len();
        self.kept.push_back(Happened { kind, number: self.last, data });
        while self.kept.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.data.len();
        }
    }

    /// Keeps nothing; what went before can no longer be resumed from.
    fn skip(&mut self) {
        if !self.missed {
            self.kept = VecDeque::new();
            self.bytes = 0;
            self.missed = true;
        }
    }

    /// Begins to keep again.
    fn wake(&mut self) {
        if std::mem::replace(&mut self.missed, false) {
            self.last += 1;
        }
    }

    /// Whether everything after the event of this number is kept.
    fn reaches(&self, number: u64) -> bool {
        number <= self.last && self.last - number <= self.kept.len() as u64
    }

    /// The events after the one of this number, as many as are handed over at once.
    fn after(&self, number: u64) -> Vec<Happened> {
        let behind = usize::try_from(self.last - number).unwrap_or(usize::MAX);
        let first = self.kept.len().saturating_sub(behind);
        let mut bytes = 0;
        let fits = |event: &&Happened| {
            let room = bytes < MAX_TAKEN;
            bytes += event.data.len();
            room
        };
        self.kept.range(first..).take_while(fits).cloned().collect()
    }
}

/// The live stream of one node.
#[derive(Debug)]
pub struct Live {
    boot: Boot,
    ring: RefCell<Ring>,
    newest: watch::Sender<u64>,
    changes: watch::Sender<u64>,
    ended: Cell<bool>,
    streams: Cell<usize>,
    /// Since when nobody watches; `None` before anybody did.
    unwatched_since: Cell<Option<Instant>>,
    dropped: Cell<u64>,
    hops: Cell<Hops>,
}

impl Live {
    pub(super) fn new(boot: Boot) -> Live {
        Live {
            boot,
            ring: RefCell::default(),
            newest: watch::Sender::new(0),
            changes: watch::Sender::new(0),
            ended: Cell::new(false),
            streams: Cell::new(0),
            unwatched_since: Cell::new(None),
            dropped: Cell::new(0),
            hops: Cell::default(),
        }
    }

    /// How many watch at present.
    pub fn streams(&self) -> usize {
        self.streams.get()
    }

    /// How many watchers were too slow since the process began.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Hops of the first copies of messages.
    pub fn hops(&self) -> Hops {
        self.hops.get()
    }

    /// The name of an event: the process's life and the event's number.
    pub fn id_of(&self, number: u64) -> String {
        format!("{}-{number}", self.boot)
    }

    /// Names what is known of all nodes now; it changes whenever a state or a status does. Nothing else follows from it.
    pub fn index(&self) -> String {
        self.id_of(*self.changes.borrow())
    }

    /// Waits until the index is another than `known`, at most for `limit`.
    pub async fn changed(&self, known: &str, limit: Duration) {
        let mut changes = self.changes.subscribe();
        let other = async {
            while self.index() == known && !self.ended.get() {
                // The sender lives as long as this.
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Whether it changed or time is up, the caller shows what there is.
        let _ = tokio::time::timeout(limit, other).await;
    }

    /// Whether the node is leaving, so that no more will happen.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// No more will happen: streams and waits end.
    pub(super) fn end(&self) {
        self.ended.set(true);
        self.newest.send_modify(|_| {});
        self.changes.send_modify(|_| {});
    }

    fn is_watched(&self) -> bool {
        let recently = |since: Instant| since.elapsed() < KEPT_WITHOUT_WATCHERS;
        self.streams.get() > 0 || self.unwatched_since.get().is_some_and(recently)
    }
}

impl Handle {
    /// Notes what happened.
    pub(super) fn note(&self, event: &Event) {
        let live = self.live();
        if matches!(event, Event::StateChanged { .. } | Event::StatusChanged { .. } | Event::IdClaimedTwice { .. }) {
            live.changes.send_modify(|changes| *changes += 1);
        }
        if let Event::MessageArrived { uuid } = event
            && let Some(hops) =
                self.view(|view, _| view.log().get(uuid).map(|record| hops_of(view, &record.message.path)))
        {
            let mut counts = live.hops.get();
            counts.add(hops);
            live.hops.set(counts);
        }
        if !live.is_watched() {
            return live.ring.borrow_mut().skip();
        }
        if let Some((kind, data)) = self.render(event) {
            let mut ring = live.ring.borrow_mut();
            ring.wake();
            ring.add(kind, data);
            let last = ring.last;
            drop(ring);
            live.newest.send_modify(|newest| *newest = last);
        }
    }

    /// Begins a stream behind the event named `last_id`, or with a snapshot. `None` if `most` are watching.
    pub fn watch(&self, last_id: Option<&str>, most: usize) -> Option<(Beginning, Stream)> {
        let live = self.live();
        if live.streams.get() >= most {
            return None;
        }
        let mut ring = live.ring.borrow_mut();
        ring.wake();
        let found = last_id.map(|id| find(live.boot, &ring, id));
        let (beginning, cursor) = match found {
            None => (Beginning::Snapshot, ring.last),
            Some(Ok(number)) => (Beginning::Resumed, number),
            Some(Err(reason)) => (Beginning::Reset(reason), ring.last),
        };
        drop(ring);
        live.streams.set(live.streams.get() + 1);
        Some((beginning, Stream { node: self.clone(), cursor, newest: live.newest.subscribe() }))
    }

    /// All that a stream begins with, as JSON on one line. With `id`, the node is also named by that member;
    /// `requests_refused` is counted by who serves them.
    pub fn snapshot(&self, id: bool, requests_refused: u64) -> Rc<str> {
        let clock = self.clock();
        let snapshot = self.view(|view, now| {
            let report = |(node, entry)| Some((NodeId::clone(node), state_report(view, now, node, entry, clock)?));
            let mut last: Vec<_> = view.log().iter().rev().take(SNAPSHOT_MESSAGES).collect();
            last.reverse();
            SnapshotEvent {
                id: id.then(|| view.id().clone()),
                node: view.id().clone(),
                cluster: view.cluster().to_owned(),
                boot: view.boot(),
                max_peers: view.max_peers(),
                peers: view.peers().cloned().collect(),
                state: view.table().iter().filter_map(report).collect(),
                messages: last.into_iter().map(|record| message_report(view.id(), record, clock)).collect(),
                counters: counters_report(view, requests_refused),
            }
        });
        one_line(&snapshot)
    }

    fn render(&self, event: &Event) -> Option<(EventKind, Rc<str>)> {
        self.view(|view, now| match event {
            Event::StateChanged { origin, uuid, version } => {
                let state = self.state_event(view, origin, *version, *uuid)?;
                Some((EventKind::State, one_line(&state)))
            }
            Event::MessageArrived { uuid } => {
                let report = message_report(view.id(), view.log().get(uuid)?, self.clock());
                Some((EventKind::Message, one_line(&report)))
            }
            Event::PathAdded { uuid, path } => {
                let (path, received_at) = (full_path(view.id(), path), self.clock().rfc3339(now));
                let arrival = ArrivalReport { path, received_at };
                Some((EventKind::Path, one_line(&PathEvent { uuid: *uuid, arrival })))
            }
            Event::MessagesRead { uuids } => Some((EventKind::Read, one_line(&ReadEvent { uuids: uuids.clone() }))),
            Event::StatusChanged { id, status: Status::Forgotten } => {
                Some((EventKind::Forgotten, one_line(&ForgottenEvent { node: id.clone() })))
            }
            Event::NodeJoined { id } => Some(self.status_event(view, now, id, None)),
            Event::StatusChanged { id, status } => Some(self.status_event(view, now, id, Some(*status))),
            Event::LinkMade { id } => {
                let link = LinkEvent { node: id.clone(), linked: true, why: String::new() };
                Some((EventKind::Link, one_line(&link)))
            }
            Event::LinkLost { id, why } => {
                let link = LinkEvent { node: id.clone(), linked: false, why: (*why).to_owned() };
                Some((EventKind::Link, one_line(&link)))
            }
            // These are for the log.
            Event::ForeignPeer { .. } | Event::IdClaimedTwice { .. } | Event::Refused { .. } | Event::Forged { .. } => {
                None
            }
        })
    }

    /// `None` if the state was replaced in the same moment, and is not even in the history: the newer one's event follows.
    fn state_event(&self, view: View<'_>, node: &NodeId, version: u64, uuid: uuid::Uuid) -> Option<StateEvent> {
        let entry = view.table().get(node)?;
        let held = entry.state.as_ref().filter(|state| state.message.uuid == uuid);
        let (payload, path, updated_at) = match (held, view.books().get(&uuid)) {
            (Some(state), _) => (&state.message.payload, &state.message.path, state.updated_at),
            (None, Some(record)) => (&record.message.payload, &record.message.path, record.received_at),
            (None, None) => return None,
        };
        let path = full_path(view.id(), path);
        Some(StateEvent {
            node: node.clone(),
            version,
            uuid,
            payload: payload.raw().to_owned(),
            status: entry.shown_status(),
            since: self.clock().rfc3339(entry.since),
            hops: path.len() - 1,
            updated_at: self.clock().rfc3339(updated_at),
            path,
        })
    }

    /// A change of status, or a node's first appearance.
    fn status_event(&self, view: View<'_>, now: Time, id: &NodeId, status: Option<Status>) -> (EventKind, Rc<str>) {
        let entry = view.table().get(id);
        let joined = status.is_none();
        let status = status.or(entry.map(|entry| entry.shown_status())).unwrap_or(Status::Alive);
        let since = entry.filter(|entry| entry.shown_status() == status).map_or(now, |entry| entry.since);
        let event = StatusEvent {
            node: id.clone(),
            status,
            since: self.clock().rfc3339(since),
            known_version: entry.map_or(0, |entry| entry.version()),
            joined,
        };
        (EventKind::Status, one_line(&event))
    }
}

fn hops_of(view: View<'_>, path: &[NodeId]) -> u64 {
    (full_path(view.id(), path).len() - 1) as u64
}

/// The number of an event that everything after is kept of, or why there is none.
fn find(boot: Boot, ring: &Ring, id: &str) -> Result<u64, String> {
    let parsed = id.split_once('-').and_then(|(boot, number)| Some((boot.parse().ok()?, number.parse().ok()?)));
    let shown: String = id.chars().filter(|c| !c.is_control()).take(60).collect();
    let Some((its_boot, number)): Option<(Boot, u64)> = parsed else {
        return Err(format!("{shown:?} is no id of an event"));
    };
    if its_boot != boot {
        return Err(format!("{shown} belongs to another life of this node's process"));
    }
    if number > ring.last {
        return Err(format!("{shown} has not happened yet"));
    }
    if !ring.reaches(number) {
        return Err(format!("what came after {shown} is no longer kept"));
    }
    Ok(number)
}

/// JSON on one line. Payloads are kept as they came, line ends between their members included.
fn one_line<T: Serialize>(record: &T) -> Rc<str> {
    // None of our records can fail to become JSON; the empty object stands in for the impossible.
    let text = serde_json::to_string(record).unwrap_or_else(|_| "{}".to_owned());
    // Within a JSON string no line end stands as it is (RFC 8259, section 7).
    if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ").into() } else { text.into() }
}

/// One watcher's place in the stream.
pub struct Stream {
    node: Handle,
    cursor: u64,
    newest: watch::Receiver<u64>,
}

impl Stream {
    /// The id of the last event that was taken, or of the moment at which the stream began.
    pub fn id(&self) -> String {
        self.node.live().id_of(self.cursor)
    }

    /// Waits for the next events.
    pub async fn next(&mut self) -> Taken {
        loop {
            let live = self.node.live();
            // Marks the newest as seen before looking, so that nothing slips through between.
            self.newest.borrow_and_update();
            {
                let ring = live.ring.borrow();
                if !ring.reaches(self.cursor) {
                    live.dropped.set(live.dropped.get() + 1);
                    return Taken::TooSlow;
                }
                let events = ring.after(self.cursor);
                if let Some(last) = events.last() {
                    self.cursor = last.number;
                    return Taken::Events(events);
                }
            }
            if live.ended.get() || self.newest.changed().await.is_err() {
                return Taken::Ended;
            }
        }
    }

    /// Counts this watcher among those that were too slow.
    pub fn note_too_slow(&self) {
        let live = self.node.live();
        live.dropped.set(live.dropped.get() + 1);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let live = self.node.live();
        live.streams.set(live.streams.get() - 1);
        live.unwatched_since.set(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: usize, size: usize) -> Ring {
        let mut ring = Ring::default();
        for _ in 0..count {
            ring.add(EventKind::State, "x".repeat(size).into());
        }
        ring
    }

    #[test]
    fn the_ring_is_bounded_in_events_and_bytes() {
        let ring = filled(MAX_EVENTS + 5, 1);
        assert_eq!((ring.kept.len(), ring.last), (MAX_EVENTS, MAX_EVENTS as u64 + 5));
        let ring = filled(400, 64 * 1024);
        assert!(ring.bytes <= MAX_BYTES && ring.kept.len() == MAX_BYTES / (64 * 1024));
    }

    #[test]
    fn one_resumes_exactly_where_one_stopped_or_not_at_all() {
        let ring = filled(MAX_EVENTS + 5, 1);
        assert_eq!(find(7, &ring, "7-5"), Ok(5));
        assert_eq!(ring.after(MAX_EVENTS as u64 + 3).iter().map(|e| e.number).collect::<Vec<_>>(), [10_004, 10_005]);
        assert!(ring.after(MAX_EVENTS as u64 + 5).is_empty());
        for (id, why) in [("7-4", "no longer"), ("8-5", "another life"), ("7-10006", "not happened"), ("x", "no id")] {
            assert!(find(7, &ring, id).is_err_and(|reason| reason.contains(why)), "{id}");
        }
    }

    #[test]
    fn what_was_not_kept_cannot_be_resumed_over() {
        let mut ring = filled(3, 1);
        ring.skip();
        ring.wake();
        assert!(find(7, &ring, "7-3").is_err());
        ring.add(EventKind::State, "x".into());
        assert!(find(7, &ring, "7-3").is_err());
        assert_eq!(find(7, &ring, "7-4"), Ok(4));
        assert_eq!(ring.after(4).len(), 1);
    }

    #[test]
    fn events_stand_on_one_line() {
        let raw: Box<serde_json::value::RawValue> = serde_json::from_str("{\"a\":\r\n \"b\\n\"}").unwrap();
        assert_eq!(&*one_line(&raw), "{\"a\":   \"b\\n\"}");
    }
}
