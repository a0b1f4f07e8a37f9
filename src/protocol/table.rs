//! The table of known nodes: the newest state of each, and what is believed of its life.
//!
//! The merge rule: of two states of one origin the higher version wins, and of equal versions the greater uuid, whatever
//! the order of arrival. So merging is idempotent, commutative and associative, and nothing is ever replaced by something
//! lower. Claims follow the same pattern: higher version first, then the graver status (SWIM, section 4.2).
//!
//! The table never sends anything and holds no time-outs; `node.rs` and `liveness.rs` drive it.

mod courses;
mod entry;

use std::collections::BTreeSet;

pub use entry::{Entry, Merge, State};

use self::courses::{Course, Courses};
use super::disk::KnownRecord;
use super::fingerprint::Fingerprint;
use super::limits::MAX_LEAP;
use super::shared::SharedMap;
use super::tree::{Copies, Tree};
use super::words::{Claim, Message, NodeId, Status, Time, Version};

/// How much a table takes in. For this node's own state there is room in any case, and its bytes do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most nodes.
    pub nodes: usize,
    /// Most bytes of all their states, with their paths.
    pub bytes: usize,
}

/// Everything known of all nodes, this one included.
#[derive(Clone, Debug)]
pub struct Table {
    entries: SharedMap<Entry>,
    courses: Courses,
    bounds: Bounds,
    /// Bytes of all states, and of this node's own among them.
    bytes: usize,
    own_bytes: usize,
    hash: u64,
    states: u64,
    revision: u64,
    dead: usize,
    /// Nodes of which something changed since it was last asked for, if anybody asks.
    changed: Option<BTreeSet<NodeId>>,
    /// Number of nodes that are not held for alive.
    doubted: usize,
    /// Whether some entries may be remembered ones that are not confirmed.
    remembers: bool,
}

impl Table {
    /// An empty table. `secret` is nobody else's to know.
    pub fn new(bounds: Bounds, secret: u64) -> Table {
        Table {
            entries: SharedMap::new(),
            courses: Courses::new(secret),
            bounds,
            bytes: 0,
            own_bytes: 0,
            hash: 0,
            states: 0,
            revision: 0,
            dead: 0,
            changed: None,
            doubted: 0,
            remembers: false,
        }
    }

    /// Makes what is known so far a part that clones of this table share.
    pub(super) fn share(&mut self) {
        self.entries.share();
    }

    /// From now on takes note of what changes.
    pub(super) fn note_changes(&mut self) {
        self.changed = Some(BTreeSet::new());
    }

    /// The nodes of which something changed since the last call.
    pub(super) fn take_changed(&mut self) -> BTreeSet<NodeId> {
        self.changed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What a disk is to keep of `id`.
    pub(super) fn record_of(&self, id: &NodeId) -> Option<KnownRecord> {
        let entry = self.get(id)?;
        let state = self.message_of(id).zip(entry.state.as_ref().map(|state| state.updated_at));
        let (status, since, claim_version) = (entry.status, entry.since, entry.claim_version);
        Some(KnownRecord { id: id.clone(), state, status, since, claim_version })
    }

    /// Takes back what a disk kept.
    pub(super) fn restore(&mut self, now: Time, known: KnownRecord) {
        if self.entries.len() >= self.bounds.nodes {
            return;
        }
        if let Some((message, at)) = &known.state {
            self.merge((*at).min(now), message, Copies::default());
        }
        self.change(now, &known.id, |entry| {
            entry.status = known.status;
            entry.since = known.since.min(now);
            entry.claim_version = entry.claim_version.max(known.claim_version);
            entry.remembered = true;
        });
        self.remembers = true;
        self.heard(&known.id, known.claim_version);
    }

    /// What is remembered of others was compared with a peer, and so is what the network believes: returns whose shown
    /// status changes by that.
    pub(super) fn confirm_all(&mut self) -> Vec<NodeId> {
        if !std::mem::take(&mut self.remembers) {
            return Vec::new();
        }
        let remembered = self.entries.iter().filter(|(_, entry)| entry.remembered);
        let remembered: Vec<NodeId> = remembered.map(|(id, _)| id.clone()).collect();
        let alive = |id: &NodeId| self.entries.get(id).is_some_and(|entry| entry.status == Status::Alive);
        let shown: Vec<NodeId> = remembered.iter().filter(|id| alive(id)).cloned().collect();
        for id in remembered {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.remembered = false;
                self.revision += 1;
            }
        }
        shown
    }

    /// What is known of `id`.
    pub fn get(&self, id: &NodeId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// All entries in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeId, &Entry)> {
        self.entries.iter()
    }

    /// Number of nodes that are down or have left.
    pub fn dead(&self) -> usize {
        self.dead
    }

    /// Whether everybody known is held for alive.
    pub(super) fn is_calm(&self) -> bool {
        self.doubted == 0
    }

    /// Whether `id` is known and not held for alive.
    pub(super) fn is_doubted(&self, id: &NodeId) -> bool {
        self.doubted > 0 && self.get(id).is_some_and(|entry| entry.status != Status::Alive)
    }

    /// The first node behind `id` in the order of ids, beginning anew behind the last.
    pub fn next_after(&self, id: &NodeId) -> Option<(&NodeId, &Entry)> {
        self.entries.behind(id).next().or_else(|| self.entries.iter().next())
    }

    /// Number of known nodes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no node is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sum of the fingerprints of all states, and their number.
    pub fn hash(&self) -> (u64, u64) {
        (self.hash, self.states)
    }

    /// Rises with every change of a state, a status or its beginning; to know whether what was made of them still holds.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Each state's fingerprint.
    pub fn fingerprints(&self) -> impl Iterator<Item = (Fingerprint, &NodeId)> {
        self.entries.iter().filter_map(|(id, entry)| Some((entry.fingerprint(id)?, id)))
    }

    /// The fingerprint of `id`'s state, if there is one.
    pub fn fingerprint_of(&self, id: &NodeId) -> Option<Fingerprint> {
        self.get(id)?.fingerprint(id)
    }

    /// Bytes of all states of others, with their paths.
    pub fn bytes(&self) -> usize {
        self.bytes - self.own_bytes
    }

    /// Merges an offered state. Where its path is what makes it too heavy, it is held without: a state that grows no larger
    /// must not be refused for the way that it took.
    pub fn merge(&mut self, now: Time, message: &Message, copies: Copies) -> Merge {
        let held = self.entries.get(&message.origin);
        let room = held.is_some() || self.entries.len() < self.bounds.nodes;
        let before = held.map_or(0, Entry::weight);
        let fits = |message: &Message| {
            message.weight() <= before || self.bytes() - before + message.weight() <= self.bounds.bytes
        };
        match self.judge(message) {
            Merge::Taken if !room => Merge::Full,
            Merge::Taken if fits(message) => self.take(now, message, copies),
            Merge::Taken => {
                let bare = Message { path: [message.origin.clone()].into(), ..message.clone() };
                if fits(&bare) { self.take(now, &bare, copies) } else { Merge::Heavy }
            }
            refused => refused,
        }
    }

    /// Merges a state of the node that holds this table, for which there is always room.
    pub(super) fn merge_own(&mut self, now: Time, message: &Message, copies: Copies) -> Merge {
        match self.judge(message) {
            Merge::Taken => {
                self.own_bytes = message.weight();
                self.take(now, message, copies)
            }
            refused => refused,
        }
    }

    /// Holds a state against the one that is held.
    fn judge(&self, message: &Message) -> Merge {
        let Some(held) = self.entries.get(&message.origin).and_then(|entry| entry.state.as_ref()) else {
            return Merge::Taken;
        };
        let held = &held.message;
        match (message.version, message.uuid).cmp(&(held.version, held.uuid)) {
            std::cmp::Ordering::Less => Merge::Older,
            std::cmp::Ordering::Equal => Merge::Same,
            std::cmp::Ordering::Greater if message.version > held.version + MAX_LEAP => Merge::Leap,
            std::cmp::Ordering::Greater => Merge::Taken,
        }
    }

    fn take(&mut self, now: Time, message: &Message, copies: Copies) -> Merge {
        self.change(now, &message.origin, |entry| {
            // What was claimed before anything was heard of the node itself is held against what it says.
            if entry.claim_version > message.version + MAX_LEAP / 2 {
                entry.claim_version = 0;
            }
            entry.state = Some(State { message: message.clone(), updated_at: now, copies });
            if message.version > entry.claim_version && entry.status != Status::Alive {
                entry.status = Status::Alive;
                entry.since = now;
                entry.faded = false;
            }
            entry.claim_version = entry.claim_version.max(message.version);
            entry.remembered = false;
        });
        Merge::Taken
    }

    /// Merges a claim; true when it changed what is believed.
    ///
    /// Versions too far above what the node itself said are not believed, however many steps lead there: it could not
    /// contradict them soon. Nor are claims beyond the table's size.
    pub fn claim(&mut self, now: Time, claim: &Claim) -> bool {
        let held = self.entries.get(&claim.id);
        let (version, status) = held.map_or((0, Status::Alive), |e| (e.claim_version.max(e.version()), e.status));
        let newer = (claim.version, claim.status) > (version, status);
        let room = held.is_some() || self.entries.len() < self.bounds.nodes;
        let said = held.filter(|entry| entry.state.is_some()).map(Entry::version);
        let leap = said.is_some_and(|said| claim.version > said + MAX_LEAP / 2);
        if !newer || !room || leap {
            // Who has known it for longer knows better.
            if (claim.version, claim.status) == (version, status) {
                self.age(now, claim);
            }
            return false;
        }
        let changed = status != claim.status || held.is_none();
        self.change(now, &claim.id, |entry| {
            entry.claim_version = claim.version;
            entry.status = claim.status;
            entry.remembered = false;
            if changed {
                entry.since = Time(now.0.saturating_sub(claim.age_ms));
            }
        });
        true
    }

    fn age(&mut self, now: Time, claim: &Claim) {
        if let Some(entry) = self.entries.get_mut(&claim.id).filter(|entry| !entry.status.is_live()) {
            entry.since = entry.since.min(Time(now.0.saturating_sub(claim.age_ms)));
            self.revision += 1;
        }
    }

    /// Takes a node out of the digest: it is no longer spoken of.
    pub(super) fn fade(&mut self, id: &NodeId) {
        if let Some(since) = self.entries.get(id).map(|entry| entry.since) {
            self.change(since, id, |entry| entry.faded = true);
        }
    }

    /// Forgets a node.
    pub(super) fn remove(&mut self, id: &NodeId) {
        let Some(entry) = self.entries.remove(id) else { return };
        self.note_changed(id);
        self.courses.remove(id);
        self.bytes -= entry.weight();
        self.dead -= usize::from(!entry.status.is_live());
        self.doubted -= usize::from(entry.status != Status::Alive);
        if let Some(fingerprint) = entry.fingerprint(id) {
            self.states -= 1;
            self.hash = self.hash.wrapping_sub(fingerprint);
        }
    }

    /// A message of `id` had this version.
    pub(super) fn heard(&mut self, id: &NodeId, version: Version) {
        if let Some(course) = self.course_mut(id) {
            course.heard = course.heard.max(version);
        }
    }

    /// The highest version known of `id`, of a state, a message or a claim; 0 for none.
    pub fn highest_version(&self, id: &NodeId) -> Version {
        let heard = self.courses.get(id).map_or(0, |course| course.heard);
        self.entries.get(id).map_or(0, |entry| heard.max(entry.claim_version).max(entry.version()))
    }

    /// The tree of an origin.
    pub(super) fn tree(&self, id: &NodeId) -> Option<Tree> {
        match self.courses.get(id) {
            Some(course) => Some(course.tree),
            None => self.entries.get(id).map(|_| Tree::default()),
        }
    }

    /// The tree of an origin, to be changed.
    pub(super) fn tree_mut(&mut self, id: &NodeId) -> Option<&mut Tree> {
        self.course_mut(id).map(|course| &mut course.tree)
    }

    fn course_mut(&mut self, id: &NodeId) -> Option<&mut Course> {
        self.courses.of(id, || self.entries.get(id).is_some())
    }

    /// All trees that have grown, to be changed, in no order.
    pub(super) fn trees_mut(&mut self) -> impl Iterator<Item = (&NodeId, &mut Tree)> {
        self.courses.trees_mut()
    }

    /// A state, to be changed in what no fingerprint depends on.
    pub(super) fn state_mut(&mut self, id: &NodeId) -> Option<&mut State> {
        self.entries.get_mut(id)?.state.as_mut()
    }

    /// The claim that this table makes of `id`, as of now.
    pub fn claim_of(&self, now: Time, id: &NodeId) -> Option<Claim> {
        let entry = self.entries.get(id)?;
        Some(Claim {
            id: id.clone(),
            version: entry.claim_version.max(entry.version()),
            status: entry.status,
            age_ms: now.since(entry.since),
            uuid: None,
        })
    }

    /// The state of `id` as a message, with its first copy's ttl and path.
    pub fn message_of(&self, id: &NodeId) -> Option<Message> {
        Some(self.entries.get(id)?.state.as_ref()?.message.clone())
    }

    fn note_changed(&mut self, id: &NodeId) {
        self.revision += 1;
        if let Some(changed) = &mut self.changed {
            changed.insert(id.clone());
        }
    }

    fn change(&mut self, now: Time, id: &NodeId, change: impl FnOnce(&mut Entry)) {
        self.note_changed(id);
        let entry = self.entries.get_or_insert_with(id, || Entry::new(now));
        let doubt = |entry: &Entry| (!entry.status.is_live(), entry.status != Status::Alive);
        let (before, (was_dead, was_doubted)) = (entry.fingerprint(id), doubt(entry));
        let weight = entry.weight();
        change(entry);
        self.bytes = self.bytes + entry.weight() - weight;
        let (after, (is_dead, is_doubted)) = (entry.fingerprint(id), doubt(entry));
        self.doubted = self.doubted + usize::from(is_doubted) - usize::from(was_doubted);
        self.dead = self.dead + usize::from(is_dead) - usize::from(was_dead);
        self.states = self.states + u64::from(after.is_some()) - u64::from(before.is_some());
        self.hash = self.hash.wrapping_sub(before.unwrap_or(0)).wrapping_add(after.unwrap_or(0));
    }
}
