//! The tables of the database: reading all at the start, and writing changes in one commit each.
//!
//! A commit is atomic and on disk when it returns: redb writes changed pages beside the old ones, with checksums, and
//! switches to them by one sync. Pages that are no longer needed are used again, so the file stays about as large as what
//! it holds ever was.

use std::path::Path;

use redb::{Builder, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::error::StoreError;
use super::shape::{Key, Shape, key, log_key, read_pin};
use crate::protocol::{DiskImage, LogKey};

/// Single values by their names.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// The log: time of arrival, then the message.
const MESSAGES: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("messages");
/// Further paths of messages: time of arrival, then the path.
const ARRIVALS: TableDefinition<'_, (Key, u16), &[u8]> = TableDefinition::new("arrivals");
/// Messages that were read.
const READ: TableDefinition<'_, Key, ()> = TableDefinition::new("read");
/// Other nodes.
const KNOWN: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("known");
/// Forgotten nodes.
const BURIED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("buried");

/// The keys by which origins are known.
const PINS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("pins");

/// Pages that are kept in memory: a node writes much and reads only at its start.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

/// Files below this size are never made smaller.
const COMPACT_FROM_BYTES: u64 = 8 * 1024 * 1024;

/// A file so many times as large as what it holds is made smaller at the start.
const COMPACT_RATIO: u64 = 4;

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    inner: redb::Database,
    length: u64,
}

fn builder() -> Builder {
    let mut builder = redb::Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

impl Database {
    /// Opens the database of a directory with this identity. It is made under another name first, so that one under its
    /// own name was complete once.
    pub(super) fn open(path: &Path, identity: &[u8]) -> Result<Database, StoreError> {
        if !path.exists() {
            let unfinished = path.with_extension("redb.new");
            match std::fs::remove_file(&unfinished) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            drop(Database::prepare(builder().create(&unfinished)?, identity)?);
            std::fs::rename(&unfinished, path)?;
            super::directory::sync_folder(path.parent().unwrap_or(path))?;
        }
        let length = std::fs::metadata(path)?.len();
        if length == 0 {
            return Err(StoreError::Damaged("the file is empty".to_owned()));
        }
        super::directory::owner_only(path)?;
        Database::recognise(builder().open(path)?, length, identity)
    }

    /// What a database says of whose it is.
    pub(super) fn identity_in(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        if std::fs::metadata(path)?.len() == 0 {
            return Ok(None);
        }
        Database { inner: builder().open(path)?, length: 0 }.meta("identity")
    }

    /// A database in any storage, made if it is empty.
    #[cfg(test)]
    pub(super) fn in_storage(storage: impl redb::StorageBackend, identity: &[u8]) -> Result<Database, StoreError> {
        Database::prepare(builder().create_with_backend(storage)?, identity)
    }

    /// Makes all tables, so that reading never meets a missing one.
    fn prepare(inner: redb::Database, identity: &[u8]) -> Result<Database, StoreError> {
        let write = inner.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            if meta.get("identity")?.is_none() {
                meta.insert("identity", identity)?;
                meta.insert("format", super::FORMAT.to_le_bytes().as_slice())?;
            }
            write.open_table(MESSAGES)?;
            write.open_table(ARRIVALS)?;
            write.open_table(READ)?;
            write.open_table(KNOWN)?;
            write.open_table(BURIED)?;
            write.open_table(PINS)?;
        }
        write.commit()?;
        Ok(Database { inner, length: 0 })
    }

    fn recognise(inner: redb::Database, length: u64, identity: &[u8]) -> Result<Database, StoreError> {
        let database = Database { inner, length };
        match database.meta("format")?.and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?))) {
            Some(super::FORMAT) => {}
            Some(newer) if newer > super::FORMAT => return Err(StoreError::Newer(newer)),
            other => return Err(StoreError::Damaged(format!("its format is {other:?}"))),
        }
        match database.meta("identity")? {
            Some(found) if found == identity => Ok(database),
            Some(found) => Err(StoreError::OtherDirectory(String::from_utf8_lossy(&found).into_owned())),
            None => Err(StoreError::Damaged("it has no identity".to_owned())),
        }
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = self.inner.begin_read()?;
        let found = read.open_table(META)?.get(name)?.map(|value| value.value().to_vec());
        Ok(found)
    }

    /// Everything that was kept, with every page's checksum checked.
    pub(super) fn load_checked(&mut self, shape: Shape) -> Result<DiskImage, StoreError> {
        let before = self.load(shape);
        if self.inner.check_integrity()? {
            return before;
        }
        // Something was put right. Where that was only the database's own account of its free pages, as after a file was made
        // smaller, everything still reads as before; otherwise an earlier commit took the place of a damaged one.
        match (before, self.load(shape)?) {
            (Ok(before), after) if before == after => Ok(after),
            _ => Err(StoreError::Damaged("a checksum is wrong".to_owned())),
        }
    }

    /// Everything that was kept.
    pub(super) fn load(&self, shape: Shape) -> Result<DiskImage, StoreError> {
        let short = || StoreError::Damaged("a number is too short".to_owned());
        let mut image = DiskImage::default();
        if let Some(bytes) = self.meta("version")? {
            image.version = u64::from_le_bytes(bytes.try_into().map_err(|_| short())?);
        }
        if let Some(bytes) = self.meta("floor")? {
            let (stamp, uuid) = bytes.split_first_chunk().ok_or_else(short)?;
            let uuid = u128::from_le_bytes(uuid.try_into().map_err(|_| short())?);
            image.floor = log_key((u64::from_le_bytes(*stamp), uuid));
        }
        if let Some(bytes) = self.meta("own")? {
            image.own = Some(shape.read_own(&bytes)?);
        }
        let read = self.inner.begin_read()?;
        for entry in read.open_table(MESSAGES)?.iter()? {
            let (key, value) = entry?;
            image.messages.insert(log_key(key.value()), shape.read_log(value.value())?);
        }
        for entry in read.open_table(ARRIVALS)?.iter()? {
            let (key, value) = entry?;
            let (key, place) = key.value();
            image.arrivals.insert((log_key(key), place), shape.read_arrival(value.value())?);
        }
        for entry in read.open_table(READ)?.iter()? {
            image.read.insert(log_key(entry?.0.value()));
        }
        for entry in read.open_table(KNOWN)?.iter()? {
            let (id, value) = entry?;
            let known = shape.read_known(id.value(), value.value())?;
            image.known.insert(known.id.clone(), Some(known));
        }
        for entry in read.open_table(BURIED)?.iter()? {
            let (id, value) = entry?;
            let buried = shape.read_buried(id.value(), value.value())?;
            image.buried.insert(buried.id.clone(), Some(buried));
        }
        for entry in read.open_table(PINS)?.iter()? {
            let (id, value) = entry?;
            let (id, key) = read_pin(id.value(), value.value())?;
            image.pins.insert(id, Some(key));
        }
        Ok(image)
    }

    /// Writes changes in one commit: they are on disk, all of them, when it returns, or none is.
    pub(super) fn commit(&mut self, changes: &DiskImage, shape: Shape) -> Result<(), StoreError> {
        let mut write = self.inner.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        write_meta(&write, changes, shape)?;
        write_log(&write, changes, shape)?;
        write_nodes(&write, changes, shape)?;
        write.commit()?;
        Ok(())
    }

    /// Makes a file smaller that holds much less than it once did.
    pub(super) fn compact_if_worth_it(&mut self) {
        if self.length < COMPACT_FROM_BYTES {
            return;
        }
        let held = || -> Result<u64, StoreError> {
            let write = self.inner.begin_write()?;
            let stats = write.stats()?;
            write.abort()?;
            Ok(stats.stored_bytes() + stats.metadata_bytes())
        };
        match held() {
            Ok(held) if self.length / COMPACT_RATIO > held => {
                if let Err(error) = self.inner.compact() {
                    log::warn!("the database could not be made smaller: {error}");
                }
            }
            Ok(_) => {}
            Err(error) => log::warn!("the database does not tell its size: {error}"),
        }
    }
}

fn write_meta(write: &WriteTransaction, changes: &DiskImage, shape: Shape) -> Result<(), StoreError> {
    let mut meta = write.open_table(META)?;
    let held = meta.get("version")?.and_then(|held| held.value().try_into().map(u64::from_le_bytes).ok());
    if changes.version > held.unwrap_or(0) {
        meta.insert("version", changes.version.to_le_bytes().as_slice())?;
    }
    if changes.floor > LogKey::default() {
        let (stamp, uuid) = key(changes.floor);
        let bytes = [stamp.to_le_bytes().as_slice(), uuid.to_le_bytes().as_slice()].concat();
        meta.insert("floor", bytes.as_slice())?;
    }
    if let Some(own) = &changes.own {
        meta.insert("own", shape.write_own(own)?.as_slice())?;
    }
    Ok(())
}

fn write_log(write: &WriteTransaction, changes: &DiskImage, shape: Shape) -> Result<(), StoreError> {
    let mut messages = write.open_table(MESSAGES)?;
    let mut arrivals = write.open_table(ARRIVALS)?;
    let mut read = write.open_table(READ)?;
    if changes.floor > LogKey::default() {
        let floor = key(changes.floor);
        messages.retain_in(..=floor, |_, _| false)?;
        arrivals.retain_in(..=(floor, u16::MAX), |_, _| false)?;
        read.retain_in(..=floor, |_, _| false)?;
    }
    for (at, record) in &changes.messages {
        messages.insert(key(*at), shape.write_log(record).as_slice())?;
    }
    for ((at, place), arrival) in &changes.arrivals {
        arrivals.insert((key(*at), *place), shape.write_arrival(arrival)?.as_slice())?;
    }
    for at in &changes.read {
        read.insert(key(*at), ())?;
    }
    for at in changes.replaced.iter().map(|at| key(*at)) {
        messages.remove(at)?;
        arrivals.retain_in((at, 0)..=(at, u16::MAX), |_, _| false)?;
        read.remove(at)?;
    }
    Ok(())
}

fn write_nodes(write: &WriteTransaction, changes: &DiskImage, shape: Shape) -> Result<(), StoreError> {
    if !changes.known.is_empty() {
        let mut known = write.open_table(KNOWN)?;
        for (id, record) in &changes.known {
            match record {
                Some(record) => known.insert(&*id.to_string(), shape.write_known(record)?.as_slice())?,
                None => known.remove(&*id.to_string())?,
            };
        }
    }
    if !changes.buried.is_empty() {
        let mut buried = write.open_table(BURIED)?;
        for (id, record) in &changes.buried {
            match record {
                Some(record) => buried.insert(&*id.to_string(), shape.write_buried(record)?.as_slice())?,
                None => buried.remove(&*id.to_string())?,
            };
        }
    }
    if !changes.pins.is_empty() {
        let mut pins = write.open_table(PINS)?;
        for (id, key) in &changes.pins {
            match key {
                Some(key) => pins.insert(&*id.to_string(), key.as_bytes().as_slice())?,
                None => pins.remove(&*id.to_string())?,
            };
        }
    }
    Ok(())
}
