//! What a node with a disk has written beside what waits, and taking it all back after a restart.
//!
//! Two things are written before anything later is let out ([`Output::Persist`]): a version that this node used, and what
//! its user was told is done. The rest, which peers could bring again, is written when there is time ([`Output::Keep`]):
//! messages of others, further paths, the floor of the log, known nodes and forgotten ones. A node without a disk says
//! none of the latter.

use super::disk::{BuriedRecord, DiskImage, DiskRecord, KnownRecord};
use super::door::Output;
use super::log::Record;
use super::node::Node;
use super::tree::Copies;
use super::words::{LogKey, Status, Time};

/// What is to be kept since the last output.
#[derive(Clone, Debug, Default)]
pub(super) struct Keeping {
    records: Vec<DiskRecord>,
    /// The floor of the log that is kept already.
    floor: LogKey,
}

impl Node {
    /// Notes a change that is written when there is time.
    pub(super) fn keep(&mut self, record: impl FnOnce() -> DiskRecord) {
        if self.config.durable {
            self.keeping.records.push(record());
        }
    }

    /// Hands out what changed since the last time.
    pub(super) fn hand_out_kept(&mut self, out: &mut Vec<Output>) {
        if !self.config.durable {
            return;
        }
        let floor = self.log.floor();
        if floor != self.keeping.floor {
            self.keeping.floor = floor;
            self.keeping.records.push(DiskRecord::Floor(floor));
        }
        for id in self.table.take_changed() {
            // The own state is written before it is sent.
            if self.is_self(&id) {
                continue;
            }
            self.keeping.records.push(match self.table.record_of(&id) {
                Some(known) => DiskRecord::Known(known),
                None => DiskRecord::Gone(id),
            });
        }
        if !self.keeping.records.is_empty() {
            out.push(Output::Keep(std::mem::take(&mut self.keeping.records)));
        }
    }

    /// Takes back what a disk kept of an earlier life: once, after [`Node::new`] and before anything else. The node says
    /// its last payload again at once, above all versions that it ever used.
    pub fn restore(&mut self, now: Time, image: DiskImage) {
        self.lamport = image.floor.stamp;
        self.log.restore_floor(image.floor);
        let mut arrivals = image.arrivals.into_iter().peekable();
        let mut heard = Vec::new();
        let mut records = Vec::new();
        for (key, record) in image.messages {
            self.lamport = self.lamport.max(key.stamp);
            let (uuid, origin, version) = (key.uuid, record.message.origin.clone(), record.message.version);
            match self.log.get(&uuid).map(Record::key) {
                None => self.log.insert(record.at, record.message, Copies::default()),
                // The place of the other was taken, and the disk was not told in time.
                Some(replaced) => {
                    records.push(DiskRecord::Replaced(replaced));
                    self.log.replace(record.at, record.message, Copies::default())
                }
            };
            while arrivals.next_if(|((of, _), _)| *of < key).is_some() {}
            while let Some((_, arrival)) = arrivals.next_if(|((of, _), _)| *of == key) {
                if let Some(place) = self.log.place(&uuid) {
                    self.log.add_arrival(arrival.at, place, &arrival.path, &self.id);
                }
            }
            if image.read.contains(&key)
                && let Some(record) = self.log.get_mut(&uuid)
            {
                record.read = true;
            }
            heard.push((origin, version));
        }
        for known in image.known.into_values().flatten() {
            self.restore_known(now, known);
        }
        for buried in image.buried.into_values().flatten().filter(|buried| buried.until > now) {
            self.forgotten.restore(buried);
        }
        self.restore_pins(image.pins.into_iter().filter_map(|(id, key)| Some((id, key?))));
        let own = image.own.map(|own| {
            self.table.merge_own(now, &own.message, Copies::default());
            (own.message.payload.clone(), own.set)
        });
        self.own.restore(now, image.version, own);
        for (origin, version) in heard {
            self.table.heard(&origin, version);
        }
        // Settings may have changed since, so that the log is smaller; what was evicted now is still to be kept.
        self.keeping = Keeping { records, floor: image.floor };
        self.table.take_changed();
    }

    fn restore_known(&mut self, now: Time, known: KnownRecord) {
        if known.status == Status::Suspect {
            // Its time to refute begins anew, as this node could not hear it.
            self.suspects.insert((now.after(self.config.suspicion_ms), known.id.clone()));
        }
        self.table.restore(now, known);
    }

    pub(super) fn keep_buried(&mut self, buried: impl FnOnce() -> BuriedRecord) {
        self.keep(|| DiskRecord::Buried(buried()));
    }
}
