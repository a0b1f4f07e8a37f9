//! What must hold after each step, whatever goes wrong: the safety half of the guarantee.
//!
//! The [`Ledger`] knows everything that owners ever made; a [`Witness`] stands beside one process and remembers what it
//! held and delivered. Neither trusts the node: both see only its outputs and its view. The other half, that all agree in
//! the end, is in `agreement.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use uuid::Uuid;

use crate::protocol::limits::MAX_QUEUE;
use crate::protocol::{Config, DiskRecord, Event, Message, NodeId, Payload, Time, Version, View};

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// When it was seen.
    pub at: Time,
    /// Which promise.
    pub rule: &'static str,
    /// What was seen instead.
    pub detail: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ms: \"{}\" is broken: {}", self.at.0, self.rule, self.detail)
    }
}

impl std::error::Error for Broken {}

/// A rule and what was seen instead; the world adds the time and the node.
pub(super) type Finding = (&'static str, String);

const ONE_PAYLOAD: &str = "an origin's version and uuid name one payload, and a uuid that no user chose one message";
const OWNER_RAISES: &str = "only the owner raises its version";
const NEVER_AGAIN: &str = "a node with a disk never uses a version again";
pub(super) const KEPT: &str = "what a node with a disk acknowledged is never lost";
const NOTHING_LOWER: &str = "no live process replaces what it holds by something lower";
const ONCE: &str = "no message is delivered twice";
const ONE_WAY: &str = "a path starts at its origin and never comes back to one life of a process";
const LINKS: &str = "never more than max_peers links";
const BOUNDS: &str = "every bound holds";

/// Everything that owners ever made.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    made: BTreeMap<Uuid, Vec<(NodeId, Version, Payload)>>,
    /// Those that a user chose: several nodes may be given one of them before they hear of each other.
    chosen: BTreeSet<Uuid>,
}

impl Ledger {
    /// A user submits a message under a uuid.
    pub(super) fn choose(&mut self, uuid: Uuid) {
        self.chosen.insert(uuid);
    }

    /// Takes note of what `owner` makes; its versions rise within one life, and with a disk above all that earlier lives
    /// let out, the highest of which was `used`.
    pub(super) fn note(
        &mut self,
        owner: &NodeId,
        witness: &mut Witness,
        used: Version,
        record: &DiskRecord,
    ) -> Result<(), Finding> {
        let message = match record {
            DiskRecord::Own(own) => &own.message,
            DiskRecord::Message(record) => &record.message,
            _ => return Ok(()),
        };
        if message.origin != *owner {
            return Err((OWNER_RAISES, format!("{owner} made version {} of {}", message.version, message.origin)));
        }
        if message.version <= used {
            let detail = format!("{owner} made version {}, and had let out {used} in an earlier life", message.version);
            return Err((NEVER_AGAIN, detail));
        }
        if message.version <= witness.made {
            let detail = format!("{owner} made version {} after {}", message.version, witness.made);
            return Err((OWNER_RAISES, detail));
        }
        witness.made = message.version;
        let made = self.made.entry(message.uuid).or_default();
        if !made.is_empty() && !self.chosen.contains(&message.uuid) {
            return Err((ONE_PAYLOAD, format!("{} was {made:?} already", message.uuid)));
        }
        made.push((owner.clone(), message.version, message.payload.clone()));
        Ok(())
    }

    fn check(&self, message: &Message) -> Result<(), Finding> {
        let Some(made) = self.made.get(&message.uuid) else {
            let detail = format!("{} version {} ({}) was never made", message.origin, message.version, message.uuid);
            return Err((OWNER_RAISES, detail));
        };
        let same = |(origin, version, payload): &(NodeId, Version, Payload)| {
            (origin, version, payload) == (&message.origin, &message.version, &message.payload)
        };
        if made.iter().any(same) {
            return Ok(());
        }
        Err((ONE_PAYLOAD, format!("{} is {message:?} here and was made as {made:?}", message.uuid)))
    }
}

/// What one life of a process held and delivered.
#[derive(Debug, Default)]
pub(super) struct Witness {
    made: Version,
    held: BTreeMap<NodeId, (Version, Uuid)>,
    table: (u64, u64),
    delivered: BTreeSet<Uuid>,
}

impl Witness {
    /// Judges an event that the process emitted.
    pub(super) fn event(&mut self, view: View<'_>, ledger: &Ledger, event: &Event) -> Result<(), Finding> {
        let Event::MessageArrived { uuid } = event else { return Ok(()) };
        if !self.delivered.insert(*uuid) {
            return Err((ONCE, format!("{uuid} was delivered again")));
        }
        // It may have been evicted again within the same step.
        view.log().get(uuid).map_or(Ok(()), |record| ledger.check(&record.message))
    }

    /// Judges the process after a step.
    pub(super) fn step(&mut self, view: View<'_>, config: &Config, ledger: &Ledger) -> Result<(), Finding> {
        self.table_only_rises(view, ledger)?;
        let links = view.peers().count();
        if links > config.max_peers {
            return Err((LINKS, format!("{links} links, {} allowed", config.max_peers)));
        }
        let bound = |what: &str, held: usize, most: usize| {
            if held <= most { Ok(()) } else { Err((BOUNDS, format!("{held} {what}, {most} allowed"))) }
        };
        bound("messages in the log", view.log().len(), config.max_messages)?;
        bound("books in the history", view.books().len(), config.max_books)?;
        // A node's own state is not held against the bounds.
        bound("known nodes", view.table().len(), config.max_nodes + 1)?;
        bound("bytes of states", view.table().bytes(), config.max_state_bytes)?;
        for (_, waiting) in view.queues() {
            bound("items in a queue", waiting, MAX_QUEUE)?;
        }
        Ok(())
    }

    fn table_only_rises(&mut self, view: View<'_>, ledger: &Ledger) -> Result<(), Finding> {
        // Every change of a state changes the sum; most steps change nothing.
        if self.table == view.table().hash() {
            return Ok(());
        }
        self.table = view.table().hash();
        for (id, entry) in view.table().iter() {
            let Some(state) = &entry.state else { continue };
            let now = (state.message.version, state.message.uuid);
            let before = self.held.get(id).copied();
            if before == Some(now) {
                continue;
            }
            if before.is_some_and(|before| before > now) {
                return Err((NOTHING_LOWER, format!("{before:?} of {id} became {now:?}")));
            }
            self.held.insert(id.clone(), now);
            if let Some(message) = view.table().message_of(id) {
                ledger.check(&message)?;
            }
        }
        match self.held.keys().find(|id| view.table().get(id).is_none_or(|entry| entry.state.is_none())) {
            Some(lost) => Err((NOTHING_LOWER, format!("the state of {lost} is gone"))),
            None => Ok(()),
        }
    }

    /// Every path of a message starts at its origin, and names a node twice only if that was started again between: a
    /// copy may come back to a later life. `again` tells who was.
    pub(super) fn paths(view: View<'_>, config: &Config, again: impl Fn(&NodeId) -> bool) -> Result<(), Finding> {
        for record in view.log().iter() {
            let paths = record.path_count();
            if paths > config.max_paths {
                return Err((BOUNDS, format!("{paths} paths of one message, {} allowed", config.max_paths)));
            }
            for (path, _) in record.arrivals() {
                let own = record.message.origin == *view.id();
                let mut seen: BTreeSet<&NodeId> = if own { BTreeSet::new() } else { [view.id()].into() };
                let looped = path.iter().any(|id| !seen.insert(id) && !again(id));
                if looped || path.first() != Some(&record.message.origin) {
                    return Err((ONE_WAY, format!("{:?} has {:?}", view.id(), path)));
                }
            }
        }
        Ok(())
    }
}
