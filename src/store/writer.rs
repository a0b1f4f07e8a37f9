//! The store's own thread: what the node hands over is gathered while a commit is under way, and goes into the next one.
//!
//! Under load many submissions so share one commit, and the disk is never asked for more than it can do. What waits is a
//! [`DiskImage`] of changes: a later one of the same thing replaces the earlier one, so it stays within the node's own
//! bounds however long the disk takes.
//!
//! When a commit fails, as on a full disk, nothing is forgotten: the changes are tried again every second, and the node is
//! told of the trouble. Meanwhile the versions that it uses are written to a few bytes beside the database that are
//! overwritten in place, which needs no room, so that it goes on speaking and still never uses a version twice.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::database::Database;
use super::directory::Directory;
use super::error::StoreError;
use super::shape::Shape;
use crate::protocol::{DiskImage, DiskRecord, Version};

/// What nothing waits for is written after so long at the latest.
const LAZY: Duration = Duration::from_secs(1);

/// Pause between two tries while the disk takes nothing.
const RETRY: Duration = Duration::from_secs(1);

/// How far writing has come. Numbers are those that [`Store::write`] gave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All up to here is in the database.
    pub saved: u64,
    /// What waits for all up to here may be let out: its versions at least are on disk.
    pub released: u64,
    /// Why the database takes nothing at present, in words for people.
    pub trouble: Option<Arc<str>>,
}

/// Whether somebody waits for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At once.
    Awaited,
    /// When there is time.
    Lazy,
}

/// How a database that failed is opened again.
pub(super) type Reopen = Box<dyn FnMut() -> Result<Database, StoreError> + Send>;

/// Where versions go while the database takes nothing.
pub(super) trait SpareVersion: Send + 'static {
    /// Puts a version on disk.
    fn put(&mut self, version: Version) -> std::io::Result<()>;
}

impl SpareVersion for Directory {
    fn put(&mut self, version: Version) -> std::io::Result<()> {
        self.write_version(version)
    }
}

/// Takes records; writes them on its own thread until it is dropped, which writes the last of them.
pub struct Store {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    changes: DiskImage,
    /// How many writes were handed over.
    count: u64,
    /// Somebody waits for what is queued.
    awaited: bool,
    /// When the first of what is queued came.
    since: Option<Instant>,
    closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A thread that panicked has ended the process; the queue is only moved in and out.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Starts the thread. `spare` is dropped with it, and with it the lock of the directory.
    pub(super) fn start(
        database: Database,
        reopen: Reopen,
        spare: impl SpareVersion,
        shape: Shape,
        report: Box<dyn Fn(Progress) + Send>,
    ) -> std::io::Result<Store> {
        let shared = Arc::new(Shared::default());
        let mut writer = Writer {
            shared: shared.clone(),
            database: Some(database),
            reopen,
            spare,
            spare_version: 0,
            shape,
            report,
            progress: Progress::default(),
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run())?;
        Ok(Store { shared, thread: Some(thread) })
    }

    /// Hands over records. The number returned shows up in [`Progress`] once they are written.
    pub fn write(&self, records: Vec<DiskRecord>, urgency: Urgency) -> u64 {
        let mut queue = self.shared.lock();
        for record in records {
            queue.changes.apply(record);
        }
        queue.count += 1;
        let first = queue.since.is_none();
        queue.since.get_or_insert_with(Instant::now);
        let count = queue.count;
        if urgency == Urgency::Awaited {
            queue.awaited = true;
        }
        drop(queue);
        if urgency == Urgency::Awaited || first {
            self.shared.wake.notify_one();
        }
        count
    }

    /// Has everything written now that was handed over so far; the number that tells when it is.
    pub fn hurry(&self) -> u64 {
        let mut queue = self.shared.lock();
        queue.awaited |= queue.since.is_some();
        let count = queue.count;
        drop(queue);
        self.shared.wake.notify_one();
        count
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of it has ended the process.
            let _ = thread.join();
        }
    }
}

struct Writer<S> {
    shared: Arc<Shared>,
    /// Closed after a failure.
    database: Option<Database>,
    reopen: Reopen,
    spare: S,
    spare_version: Version,
    shape: Shape,
    report: Box<dyn Fn(Progress) + Send>,
    progress: Progress,
}

impl<S: SpareVersion> Writer<S> {
    fn run(&mut self) {
        let shared = self.shared.clone();
        let mut tried_at = None;
        loop {
            let mut queue = shared.lock();
            loop {
                let left = self.time_left(&queue, tried_at);
                let must_let_out = self.progress.trouble.is_some() && queue.awaited;
                if queue.closing || must_let_out || left == Some(Duration::ZERO) {
                    break;
                }
                queue = match left {
                    None => shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                    Some(left) => shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
                };
            }
            let (closing, count) = (queue.closing, queue.count);
            let changes = std::mem::take(&mut queue.changes);
            (queue.awaited, queue.since) = (false, None);
            drop(queue);
            let due = tried_at.is_none_or(|at: Instant| at.elapsed() >= RETRY);
            if self.progress.trouble.is_none() || due || closing {
                tried_at = if self.try_to_write(changes, count) { None } else { Some(Instant::now()) };
            } else {
                self.put_back(changes);
                self.release(count);
            }
            if closing {
                return;
            }
        }
    }

    /// How long to wait with what is queued; `None` while there is nothing to do.
    fn time_left(&self, queue: &Queue, tried_at: Option<Instant>) -> Option<Duration> {
        if let Some(tried_at) = tried_at {
            return Some(RETRY.saturating_sub(tried_at.elapsed()));
        }
        let since = queue.since?;
        Some(if queue.awaited { Duration::ZERO } else { LAZY.saturating_sub(since.elapsed()) })
    }

    /// Writes changes; whether that worked. If not they wait on.
    fn try_to_write(&mut self, changes: DiskImage, count: u64) -> bool {
        match self.commit(&changes) {
            Ok(()) => {
                if self.progress.trouble.is_some() {
                    log::warn!("the data directory takes writes again");
                }
                self.progress = Progress { saved: count, released: count, trouble: None };
                (self.report)(self.progress.clone());
                true
            }
            Err(error) => {
                // After a failed write the database refuses everything; opened again it is as of the last commit.
                self.database = None;
                let trouble = if error.is_full() {
                    format!("the disk of the data directory is full: {error}")
                } else {
                    format!("the data directory cannot be written: {error}")
                };
                if self.progress.trouble.as_deref() != Some(trouble.as_str()) {
                    log::error!("{trouble}; what is to be kept is tried again every second");
                }
                self.progress.trouble = Some(trouble.into());
                self.put_back(changes);
                self.release(count);
                false
            }
        }
    }

    fn commit(&mut self, changes: &DiskImage) -> Result<(), StoreError> {
        let database = match &mut self.database {
            Some(database) => database,
            closed => closed.insert((self.reopen)()?),
        };
        if changes.is_empty() { Ok(()) } else { database.commit(changes, self.shape) }
    }

    /// Changes that could not be written go below those that came meanwhile.
    fn put_back(&mut self, changes: DiskImage) {
        let mut queue = self.shared.lock();
        let later = std::mem::replace(&mut queue.changes, changes);
        queue.changes.absorb(later);
    }

    /// Lets out what waits, if the version that the node has reached can be put beside the database.
    fn release(&mut self, count: u64) {
        let version = self.shared.lock().changes.version;
        if version > self.spare_version {
            match self.spare.put(version) {
                Ok(()) => self.spare_version = version,
                Err(error) => {
                    log::error!("not even a version can be put on disk, so this node says nothing new: {error}");
                    (self.report)(self.progress.clone());
                    return;
                }
            }
        }
        self.progress.released = count;
        (self.report)(self.progress.clone());
    }
}
