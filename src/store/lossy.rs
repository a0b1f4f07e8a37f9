//! Storages for tests: one that loses what was not synced when its power is cut, and one that is full.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use redb::StorageBackend;

/// What is done to a file.
#[derive(Clone, Debug)]
enum Act {
    Write(u64, Vec<u8>),
    SetLength(u64),
}

#[derive(Debug, Default)]
struct Inside {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What a power cut leaves in any case.
    synced: Vec<u8>,
    /// What was done since the last sync.
    since: Vec<Act>,
    /// Syncs so far.
    syncs: u64,
    /// The sync at which the power fails: it and all later ones are refused.
    fails_at: Option<u64>,
    /// No file may be longer.
    limit: Option<u64>,
}

/// A storage in memory that several openings of one database share, one after the other.
#[derive(Clone, Default)]
pub(super) struct Lossy {
    inside: Arc<Mutex<Inside>>,
}

impl fmt::Debug for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lossy")
    }
}

fn act(bytes: &mut Vec<u8>, act: &Act, cut: usize) {
    match act {
        Act::SetLength(length) => bytes.resize(*length as usize, 0),
        Act::Write(offset, data) => {
            let (from, data) = (*offset as usize, &data[..cut.min(data.len())]);
            if bytes.len() < from + data.len() {
                bytes.resize(from + data.len(), 0);
            }
            bytes[from..from + data.len()].copy_from_slice(data);
        }
    }
}

impl Lossy {
    /// Lets the power fail at the sync after so many more.
    pub(super) fn fail_after(&self, syncs: u64) {
        let mut inside = self.inside.lock().unwrap();
        inside.fails_at = Some(inside.syncs + syncs);
    }

    /// Bounds the file's length, or bounds it no more.
    pub(super) fn limit(&self, limit: Option<u64>) {
        self.inside.lock().unwrap().limit = limit;
    }

    pub(super) fn length(&self) -> u64 {
        self.inside.lock().unwrap().seen.len() as u64
    }

    /// What a power cut leaves: everything up to the last sync, and of what came since either nothing, or a beginning of
    /// it with the last write torn, or any part of it in any order.
    pub(super) fn cut(&self, random: &mut SmallRng) -> Lossy {
        let inside = self.inside.lock().unwrap();
        let mut left = inside.synced.clone();
        let mut since = inside.since.clone();
        let kept = match random.random_range(0..3) {
            0 => 0,
            1 => random.random_range(0..=since.len()),
            _ => {
                since.shuffle(random);
                random.random_range(0..=since.len())
            }
        };
        for (place, done) in since[..kept].iter().enumerate() {
            let torn = place + 1 == kept && random.random_bool(0.5);
            act(&mut left, done, if torn { random.random_range(0..4096) } else { usize::MAX });
        }
        let inside = Inside { seen: left.clone(), synced: left, ..Inside::default() };
        Lossy { inside: Arc::new(Mutex::new(inside)) }
    }

    /// Changes one bit.
    pub(super) fn flip(&self, seed: u64) {
        let mut inside = self.inside.lock().unwrap();
        let place = SmallRng::seed_from_u64(seed).random_range(0..inside.seen.len());
        inside.seen[place] ^= 1;
    }

    fn full(inside: &Inside, end: u64) -> io::Result<()> {
        match inside.limit {
            Some(limit) if end > limit => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Lossy {
    fn len(&self) -> io::Result<u64> {
        Ok(self.length())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inside = self.inside.lock().unwrap();
        let from = offset as usize;
        let found = inside.seen.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut inside = self.inside.lock().unwrap();
        Lossy::full(&inside, length)?;
        let done = Act::SetLength(length);
        act(&mut inside.seen, &done, usize::MAX);
        inside.since.push(done);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inside = self.inside.lock().unwrap();
        if inside.fails_at.is_some_and(|at| inside.syncs >= at) {
            return Err(io::Error::other("the power is cut"));
        }
        inside.syncs += 1;
        inside.synced = inside.seen.clone();
        inside.since.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inside = self.inside.lock().unwrap();
        Lossy::full(&inside, offset + data.len() as u64)?;
        let done = Act::Write(offset, data.to_vec());
        act(&mut inside.seen, &done, usize::MAX);
        inside.since.push(done);
        Ok(())
    }
}
