//! What waits for the disk: outputs and responses behind a write, in their order.
//!
//! The node's thread never waits. It hands records to the store, holds back what the node says after them, and lets it out
//! when the store reports, on its own thread, that they are on disk. Without a disk nothing is ever held.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use crate::protocol::{DiskRecord, Output};
use crate::store::{Progress, Store, Urgency};

/// A store, and where it reports.
#[derive(Debug)]
pub struct Disk {
    store: Store,
    progress: watch::Receiver<Progress>,
    /// The number of the last write that something waits for.
    barrier: Cell<u64>,
    held: RefCell<VecDeque<(u64, Output)>>,
}

/// The way by which a store reports to a [`Disk`].
pub fn progress_channel() -> (impl Fn(Progress) + Send + 'static, watch::Receiver<Progress>) {
    let (sender, receiver) = watch::channel(Progress::default());
    // Nobody listens any more when the process ends.
    let report = move |progress| {
        let _ = sender.send_replace(progress);
    };
    (report, receiver)
}

impl Disk {
    /// A store that reports by the other end of `progress`.
    pub fn new(store: Store, progress: watch::Receiver<Progress>) -> Disk {
        Disk { store, progress, barrier: Cell::new(0), held: RefCell::default() }
    }

    /// Writes what must be on disk before anything later is let out.
    pub(super) fn persist(&self, records: Vec<DiskRecord>) {
        self.barrier.set(self.store.write(records, Urgency::Awaited));
    }

    /// Writes when there is time.
    pub(super) fn keep(&self, records: Vec<DiskRecord>) {
        self.store.write(records, Urgency::Lazy);
    }

    /// The number of the last write that something waits for.
    pub(super) fn barrier(&self) -> u64 {
        self.barrier.get()
    }

    /// Gives an output back if nothing is before it, and holds it otherwise.
    pub(super) fn pass(&self, output: Output) -> Option<Output> {
        let mut held = self.held.borrow_mut();
        if held.is_empty() && self.progress.borrow().released >= self.barrier.get() {
            return Some(output);
        }
        held.push_back((self.barrier.get(), output));
        None
    }

    /// Waits until the store has come further; the outputs that may go out now. `None` once there is no store any more.
    pub(super) async fn more(&self, progress: &mut watch::Receiver<Progress>) -> Option<Vec<Output>> {
        progress.changed().await.ok()?;
        let released = progress.borrow_and_update().released;
        let mut held = self.held.borrow_mut();
        let ready = held.iter().take_while(|(barrier, _)| *barrier <= released).count();
        Some(held.drain(..ready).map(|(_, output)| output).collect())
    }

    /// A receiver of its own for whoever waits.
    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until what stands behind the write `barrier` may be let out.
    pub(super) async fn released(&self, barrier: u64) {
        if self.progress.borrow().released < barrier {
            // The store ends with the process only.
            let _ = self.watch().wait_for(|progress| progress.released >= barrier).await;
        }
    }

    /// Waits until the write `barrier` is in the database.
    ///
    /// # Errors
    /// When the database takes nothing at present, with the reason.
    pub(super) async fn saved(&self, barrier: u64) -> Result<(), Arc<str>> {
        let mut progress = self.watch();
        let over = |progress: &Progress| progress.saved >= barrier || progress.trouble.is_some();
        match progress.wait_for(over).await {
            Ok(progress) if progress.saved >= barrier => Ok(()),
            Ok(progress) => Err(progress.trouble.clone().unwrap_or_else(|| "the disk is busy".into())),
            Err(_) => Err("the data directory is closed".into()),
        }
    }

    /// Has everything written that was handed over so far, and waits for it.
    ///
    /// # Errors
    /// When the database takes nothing at present, with the reason.
    pub(super) async fn settled(&self) -> Result<(), Arc<str>> {
        let barrier = self.store.hurry();
        self.saved(barrier).await
    }

    /// Why the database takes nothing at present.
    pub(super) fn trouble(&self) -> Option<Arc<str>> {
        self.progress.borrow().trouble.clone()
    }
}
