//! Who waits for a message that is not here yet.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;
use uuid::Uuid;

/// Messages that somebody waits for at a time: a few for each of many submitters.
const MAX_AWAITED: usize = 16 * 1024;

/// Wakes those who wait for a message when it comes.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    awaited: RefCell<BTreeMap<Uuid, Rc<Notify>>>,
}

/// One who waits. Registered from its making on, so that nothing is missed between looking and waiting.
pub(super) struct Wait<'a> {
    arrivals: &'a Arrivals,
    uuid: Uuid,
    notify: Rc<Notify>,
}

impl Arrivals {
    /// Begins to wait; `None` when too many do.
    pub(super) fn wait(&self, uuid: Uuid) -> Option<Wait<'_>> {
        let mut awaited = self.awaited.borrow_mut();
        if awaited.len() >= MAX_AWAITED && !awaited.contains_key(&uuid) {
            return None;
        }
        let notify = awaited.entry(uuid).or_default().clone();
        Some(Wait { arrivals: self, uuid, notify })
    }

    /// A message came.
    pub(super) fn came(&self, uuid: &Uuid) {
        if let Some(notify) = self.awaited.borrow_mut().remove(uuid) {
            notify.notify_waiters();
        }
    }
}

impl Wait<'_> {
    /// Waits. Must be polled before the message can come: first look whether it is there, then wait, on one thread.
    pub(super) async fn over(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut awaited = self.arrivals.awaited.borrow_mut();
        // The map's and this one's: nobody else waits.
        let last =
            awaited.get(&self.uuid).is_some_and(|held| Rc::ptr_eq(held, &self.notify) && Rc::strong_count(held) <= 2);
        if last {
            awaited.remove(&self.uuid);
        }
    }
}
