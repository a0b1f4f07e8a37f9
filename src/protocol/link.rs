//! One link to a peer: what waits for it, what is under way, when it was last heard.
//!
//! A link never waits for another one: each has its own queue, its own requests under way and its own times. Content is
//! looked up when an envelope is filled, so that a slow peer gets the newest state of an origin and not every one.

use std::collections::{BTreeSet, VecDeque};

use uuid::Uuid;

use super::doubt::Doubt;
use super::limits::{MAX_ANNOUNCED, MAX_BATCH, MAX_IN_FLIGHT};
use super::pace::Pace;
use super::queue::{ItemKey, Queue, Waiting};
use super::words::{Boot, Digest, Graft, NodeId, Path, Time, first_of};

/// Milliseconds after which a further request may follow one that is still under way: long enough that a loopback link
/// gathers a batch instead, short enough that a distant one is kept busy.
const PIPELINE_AFTER_MS: u64 = 5;

/// Part of a heartbeat after which a digest that is not answered goes again.
const AGAIN_AFTER_PERCENT: u64 = 25;

/// The same for a digest after other news: an answer that is only slow is to cause none.
const AFTER_NEWS_PERCENT: u64 = 50;

/// How often, at most, while the first is under way.
const DIGESTS_AGAIN: usize = 3;

/// Envelopes with states that may go over a link at once: a few changes wait for nobody.
const STATES_BURST: u64 = 8;

/// What an envelope carried beside messages, to be said again if it is lost.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Whose status was told.
    pub claims: Vec<NodeId>,
    /// Which origins were asked for again.
    pub graft: Option<Graft>,
    /// Which origins were asked for no more.
    pub prune: Vec<NodeId>,
}

/// What one link carried since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerCounters {
    /// Messages put into envelopes.
    pub sent: u64,
    /// Messages received, but for comparisons.
    pub received: u64,
    /// Received and already held.
    pub duplicate: u64,
    /// Taken from a comparison's answer.
    pub repaired: u64,
    /// Calls that were not answered.
    pub failures: u64,
}

/// What an envelope carried, and when it went.
#[derive(Clone, Debug)]
pub struct Carried {
    /// What was taken from the queue.
    pub items: Vec<(ItemKey, Waiting)>,
    /// What else it said.
    pub wishes: Wishes,
    /// What the sender held, if it said so.
    pub digest: Option<Digest>,
    /// The life of the other process at that time.
    pub boot: Boot,
    /// Whether it named no more than the link.
    pub brief: bool,
    /// When it went.
    pub sent_at: Time,
}

/// A message that was not pushed over a link.
#[derive(Clone, Debug)]
pub struct HeldBack {
    /// Names it.
    pub uuid: Uuid,
    /// Names it as well, if this node holds no other of this stamp and origin.
    pub stamp: Option<u64>,
    /// How it would have been sent.
    pub ttl: u8,
    /// The path with which it would have been sent.
    pub path: Path,
}

/// One link.
#[derive(Clone, Debug)]
pub struct Link {
    /// The other process's life.
    pub boot: Boot,
    /// Until when envelopes name no more than the link: for so long is it enough that the other side once said in full that it is
    /// this process, holds the link and understands them.
    pub brief_until: Option<Time>,
    /// What it carried.
    pub counts: PeerCounters,
    /// When an answer or a request last came.
    pub heard_at: Time,
    /// How long its answers take.
    pub(super) pace: Pace,
    /// When the next digest is due.
    pub heartbeat_at: Time,
    /// When the other side's digest last came.
    pub digest_seen: Option<Time>,
    /// When that last was a reason to send one at once.
    pub hurried_at: Option<Time>,
    /// When a digest goes beside what is not answered so far.
    pub again_at: Option<Time>,
    /// How many went so since anything was heard.
    again: usize,
    /// No request goes before this time, after a failure.
    pub retry_at: Time,
    /// Failures in a row.
    pub failures: u32,
    /// Whether the last of them was a refused connection.
    pub refused: bool,
    /// Whose status the other side shall be told.
    pub claims: BTreeSet<NodeId>,
    /// When the other side was last told that it is not held alive itself.
    doubt_told_at: Option<Time>,
    /// When to compare, if digests differed.
    pub sync_at: Option<Time>,
    /// A difference of digests that is not explained so far.
    pub doubt: Option<Doubt>,
    /// Comparisons in a row of a difference that did not last.
    pub hasty: u32,
    /// Whether a comparison is under way.
    pub syncing: bool,
    /// Comparisons in a row without a digest between them.
    pub sync_rounds: u32,
    /// Symbols that the next comparison shall carry.
    pub symbols: usize,
    /// Number of the link's place at this node, below 64: names it in the trees.
    pub slot: u8,
    /// Origins that are wanted over this link again.
    pub grafts: BTreeSet<NodeId>,
    /// Whether all origins are.
    pub graft_all: bool,
    /// When the other side last wanted an origin again.
    pub asked_at: Option<Time>,
    /// Origins that are not needed over this link.
    pub prunes: BTreeSet<NodeId>,
    /// Messages that were not pushed over this link since the last digest, the newest of them.
    pub held_back: VecDeque<HeldBack>,
    /// The other side's last digest.
    pub theirs: Option<Digest>,
    /// Messages go one by one until the queue is empty, since the other side refused a batch.
    pub singly: bool,
    queue: Queue,
    in_flight: usize,
    last_sent: Time,
    /// End of the window in which an envelope went already.
    window_ends: Time,
    /// When as many envelopes with states would have gone as one per window allows.
    states_due: Time,
    /// Patient states alone cause no envelope before this time.
    states_at: Time,
    /// Whether something waits that is not patient.
    urgent: bool,
}

impl Link {
    /// A link to a process of life `boot` in place `slot`, with a digest due at `heartbeat_at`.
    pub fn new(now: Time, boot: Boot, slot: u8, heartbeat_at: Time) -> Link {
        Link {
            boot,
            brief_until: None,
            counts: PeerCounters::default(),
            heard_at: now,
            pace: Pace::default(),
            heartbeat_at,
            digest_seen: None,
            hurried_at: None,
            again_at: None,
            again: 0,
            retry_at: Time(0),
            failures: 0,
            refused: false,
            claims: BTreeSet::new(),
            doubt_told_at: None,
            sync_at: None,
            doubt: None,
            hasty: 0,
            syncing: false,
            sync_rounds: 0,
            symbols: 0,
            slot,
            grafts: BTreeSet::new(),
            graft_all: false,
            asked_at: None,
            prunes: BTreeSet::new(),
            held_back: VecDeque::new(),
            theirs: None,
            singly: false,
            queue: Queue::default(),
            in_flight: 0,
            last_sent: Time(0),
            window_ends: Time(0),
            states_due: Time(0),
            states_at: Time(0),
            urgent: false,
        }
    }

    /// The other side, `id`, is not held alive, and is told so at once, but then only once a `pause`: it may be one that does
    /// not refute, or cannot, and each answer to being told is another reason to tell it.
    pub fn tell_doubt(&mut self, now: Time, id: &NodeId, pause: u64) {
        if self.doubt_told_at.is_none_or(|told| now.since(told) >= pause) {
            self.doubt_told_at = Some(now);
            self.claims.insert(id.clone());
        }
    }

    /// Puts an item at the end of the queue; a state that already waits keeps its place.
    pub fn push(&mut self, key: ItemKey, item: Waiting) {
        self.urgent |= !item.patient;
        self.queue.push(key, item);
    }

    /// Puts items back to the front, in their order, after a failed request; a newer one that waits stays as it is.
    pub fn put_back(&mut self, items: Vec<(ItemKey, Waiting)>) {
        self.urgent |= !items.is_empty();
        for (key, item) in items.into_iter().rev() {
            self.queue.put_back(key, item);
        }
    }

    /// Remembers a message that is not pushed over this link, to announce it.
    pub fn hold_back(&mut self, message: HeldBack) {
        self.held_back.push_back(message);
        if self.held_back.len() > MAX_ANNOUNCED {
            self.held_back.pop_front();
        }
    }

    /// Says again what a lost envelope said.
    pub fn wish_again(&mut self, wishes: Wishes) {
        self.claims.extend(wishes.claims);
        match wishes.graft {
            Some(Graft::Origins(origins)) => self.grafts.extend(origins),
            Some(Graft::All) => self.graft_all = true,
            None => {}
        }
        self.prunes.extend(wishes.prune);
    }

    /// Takes an item back that the other side turned out to hold.
    pub fn take_back(&mut self, key: &ItemKey) {
        self.queue.take(key);
    }

    /// The next item.
    pub fn pop(&mut self) -> Option<(ItemKey, Waiting)> {
        let next = self.queue.pop()?;
        self.urgent &= !self.queue.is_empty();
        Some(next)
    }

    /// How many items wait.
    pub fn queue_length(&self) -> usize {
        self.queue.len()
    }

    /// From when on there is anything to say but a digest.
    pub fn news_at(&self) -> Option<Time> {
        if self.urgent && !self.queue.is_empty() || !self.claims.is_empty() || self.asks_again() {
            return Some(Time(0));
        }
        let full = self.queue.len() >= MAX_BATCH;
        (!self.queue.is_empty()).then_some(if full { Time(0) } else { self.states_at })
    }

    /// States went. After [`STATES_BURST`] such envelopes there is one per window, and what comes meanwhile gathers (the
    /// generic cell rate algorithm, ITU-T I.371).
    pub fn gather_states(&mut self, now: Time, window_ms: u64) {
        // What went for other reasons than states counts as well, and is not to make them wait for longer than a window.
        let latest = now.after((STATES_BURST + 1) * window_ms);
        self.states_due = self.states_due.max(now).after(window_ms).min(latest);
        self.states_at = Time(self.states_due.0.saturating_sub(STATES_BURST * window_ms));
    }

    /// Whether the other side is to push something again.
    pub fn asks_again(&self) -> bool {
        self.graft_all || !self.grafts.is_empty()
    }

    /// The earliest time at which a request may go; `None` while as many are under way as may be.
    pub fn free_at(&self) -> Option<Time> {
        let earliest = self.retry_at.max(self.window_ends);
        match self.in_flight {
            0 => Some(earliest),
            n if n >= MAX_IN_FLIGHT || self.failures > 0 || self.singly => None,
            _ => Some(self.last_sent.after(PIPELINE_AFTER_MS).max(earliest)),
        }
    }

    /// When this link next has something to do.
    pub fn deadline(&self) -> Option<Time> {
        let digest = self.again_at.map_or(self.heartbeat_at, |again| again.min(self.heartbeat_at));
        let next = self.news_at().map_or(digest, |news| news.min(digest));
        let send = self.free_at().map(|free| next.max(free));
        let sync = self.sync_at.filter(|_| !self.syncing);
        let recheck = self.doubt.and_then(|doubt| doubt.recheck_at);
        first_of(&[send, sync, recheck])
    }

    /// Notes that a request went; the next one waits for the next window of `batch_ms`. Windows begin at multiples of
    /// their length, so that all links of a node send at the same times and what one brings leaves by the others together.
    pub fn sent(&mut self, now: Time, batch_ms: u64) {
        self.in_flight += 1;
        self.last_sent = now;
        self.window_ends = now.0.checked_div(batch_ms).map_or(Time(0), |window| Time((window + 1) * batch_ms));
    }

    /// Notes what went. While it is not answered a digest goes after a part of a heartbeat, a few times: what is lost on
    /// the way is to cost no suspicion, and waiting for the time limit of each would take seconds.
    pub fn await_answer(&mut self, now: Time, digest: bool, heartbeat_ms: u64) {
        let again = self.again < DIGESTS_AGAIN && self.failures == 0;
        if digest {
            self.again += 1;
            self.again_at = again.then(|| now.after(heartbeat_ms * AGAIN_AFTER_PERCENT / 100));
        } else if again && self.again_at.is_none() {
            self.again_at = Some(now.after(heartbeat_ms * AFTER_NEWS_PERCENT / 100));
        }
    }

    /// Notes that the other side's digest came; true if it came soon after the one before, as that one's answer was lost.
    /// At most once in half a heartbeat, so that two nodes never answer each other's haste with haste.
    pub fn saw_digest(&mut self, now: Time, heartbeat_ms: u64) -> bool {
        let soon = |last: Option<Time>| last.is_some_and(|last| now.since(last) < heartbeat_ms / 2);
        let repeated = soon(self.digest_seen) && !soon(self.hurried_at);
        self.digest_seen = Some(now);
        if repeated {
            self.hurried_at = Some(now);
        }
        repeated
    }

    /// Whether a digest is due.
    pub fn owes_digest(&self, now: Time) -> bool {
        self.heartbeat_at <= now || self.again_at.is_some_and(|again| again <= now)
    }

    /// Lets the next request go at once, whatever it would wait for.
    pub fn hurry(&mut self) {
        self.retry_at = Time(0);
        self.window_ends = Time(0);
        self.urgent = true;
    }

    /// Notes that a request ended.
    pub fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Whether its requests fail and it was silent for one and a half heartbeats, or refuses connections: it carries
    /// nothing at present. That is no claim about the peer.
    pub fn is_failing(&self, now: Time, heartbeat_ms: u64) -> bool {
        self.failures > 0 && (self.refused || now.since(self.heard_at) > heartbeat_ms * 3 / 2)
    }

    /// Reads some of what nearly every event reads; see `touch.rs`.
    pub(super) fn touch(&self) -> u64 {
        let Link { boot, counts, heard_at, heartbeat_at, asked_at, last_sent, prunes, claims, grafts, queue, .. } =
            self;
        let sizes = prunes.len() + claims.len() + grafts.len() + queue.len() + self.in_flight;
        let times = heard_at.0 ^ heartbeat_at.0 ^ last_sent.0 ^ asked_at.map_or(0, |at| at.0);
        boot ^ counts.received ^ counts.failures ^ times ^ sizes as u64
    }

    /// The same of what is to be announced.
    pub(super) fn touch_held_back(&self) -> u64 {
        self.held_back.back().map_or(0, |message| u64::from(message.ttl))
    }

    /// Notes that the other side lives.
    pub fn heard(&mut self, now: Time) {
        self.heard_at = now;
        self.failures = 0;
        self.refused = false;
        self.again_at = None;
        self.again = 0;
        self.retry_at = Time(0);
    }
}
