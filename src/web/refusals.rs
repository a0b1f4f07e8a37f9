//! How many requests were refused, by status: what a limit keeps out can be seen.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Counts since the process began.
#[derive(Debug, Default)]
pub struct Refusals(RefCell<BTreeMap<u16, u64>>);

impl Refusals {
    /// A request was answered; what refuses, or fails, is counted.
    pub(super) fn note(&self, status: u16) {
        // Statuses are a few dozen at most, whatever is asked.
        if (400..600).contains(&status) {
            *self.0.borrow_mut().entry(status).or_default() += 1;
        }
    }

    /// The counts by status.
    pub(super) fn counts(&self) -> Vec<(u16, u64)> {
        self.0.borrow().iter().map(|(status, count)| (*status, *count)).collect()
    }
}
