//! One uuid, one message, although several nodes may be given it before they hear of each other.
//!
//! A submitter who got no answer tries again, perhaps at another node, which knows nothing of the first attempt yet. All
//! nodes keep the one message of greatest rank (stamp, origin, version) in the place of the other. The greatest, since it is
//! above every floor that the other is above, so that no log is too short for it. Only an unlimited one goes before one of
//! limited reach, which is nobody's to repair: else those who hold that would be offered the other for ever. Repair
//! notices by the exact sum of a digest; who was first, nobody can tell. What a uuid is good for once its message was
//! evicted, `log.rs` says.

use std::cmp::Ordering;

use super::calls::Outcome;
use super::disk::{DiskRecord, LogRecord};
use super::door::{Event, Output};
use super::limits::{MAX_LEAP, UNLIMITED_REACH};
use super::log::{Insert, Record};
use super::node::Node;
use super::tree::Copies;
use super::words::{LogKey, Message, NodeId, Time};

impl Node {
    /// A message came under a uuid that the log holds: a further copy of the same one, or another one.
    pub(super) fn hear_name_again(
        &mut self,
        now: Time,
        message: Message,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) -> Outcome {
        let key = LogKey { stamp: message.stamp, uuid: message.uuid };
        let held = self.log.get(&message.uuid).map(|record| {
            let unlimited = (message.reach() >= UNLIMITED_REACH).cmp(&record.is_unlimited());
            let rank = message.rank().cmp(&record.message.rank());
            if rank == Ordering::Equal { rank } else { unlimited.then(rank) }
        });
        match held {
            // Who gives no stamp means whatever is known by this uuid.
            _ if message.stamp == 0 => self.hear_again(now, &message, from, out),
            Some(Ordering::Greater) if key <= self.log.floor() => Outcome::Expired,
            Some(Ordering::Greater) => self.take_instead(now, message, from, out),
            // The other side finds out by the next comparison.
            Some(Ordering::Less) => Outcome::Duplicate,
            Some(Ordering::Equal) | None => self.hear_again(now, &message, from, out),
        }
    }

    /// Puts a message in the place of another one of its uuid. That one was delivered, so this one is not; it is passed on.
    fn take_instead(&mut self, now: Time, message: Message, from: Option<&NodeId>, out: &mut Vec<Output>) -> Outcome {
        let (uuid, ttl, path) = (message.uuid, message.ttl, message.path.clone());
        let replaced = self.log.get(&uuid).map(Record::key);
        let Some(replaced) = replaced.filter(|_| message.stamp <= self.lamport + MAX_LEAP) else {
            return Outcome::Duplicate;
        };
        self.lamport = self.lamport.max(message.stamp);
        if self.is_self(&message.origin) {
            self.heard_of_self(now, message.version);
        }
        let (origin, version, slot) = (message.origin.clone(), message.version, self.slot_of(from));
        let stored = self.log.replace(now, message, Copies::begin(slot)) == Insert::Stored;
        if let Some(record) = self.log.get(&uuid) {
            let (message, key, read) = (record.message.clone(), record.key(), record.read);
            self.keep(|| DiskRecord::Message(LogRecord { message, at: now }));
            if read {
                self.keep(|| DiskRecord::Read(vec![key]));
            }
            if key != replaced {
                self.keep(|| DiskRecord::Replaced(replaced));
            }
        }
        if !stored {
            return Outcome::Expired;
        }
        out.push(Output::Emit(Event::PathAdded { uuid, path: path.clone() }));
        self.table.heard(&origin, version);
        self.grew(&origin, slot);
        if ttl > 0 {
            self.relay(now, uuid, 0, ttl, &path, from, out);
        }
        Outcome::New
    }
}
