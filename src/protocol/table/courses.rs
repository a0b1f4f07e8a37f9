//! What is kept of origins that send messages: apart from their entries, which in a simulated network are shared as long as
//! they do not change.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::super::fingerprint::mix_id;
use super::super::tree::Tree;
use super::super::words::{NodeId, Version};

/// One origin's messages.
#[derive(Clone, Debug)]
pub(super) struct Course {
    id: NodeId,
    /// By which links they travel.
    pub(super) tree: Tree,
    /// The highest version that any of them had.
    pub(super) heard: Version,
}

/// The courses of all origins that sent any. Looked into at every message, so it is a table of hashes.
#[derive(Clone, Debug)]
pub(super) struct Courses {
    /// In no order: what goes through all of it must not depend on one.
    courses: HashTable<Course>,
    /// Ids are made by strangers: unless they know this, they cannot make many that fall into one place.
    secret: u64,
}

impl Courses {
    pub(super) fn new(secret: u64) -> Courses {
        Courses { courses: HashTable::new(), secret }
    }

    pub(super) fn get(&self, id: &NodeId) -> Option<&Course> {
        self.courses.find(mix_id(self.secret, id), |course| course.id == *id)
    }

    /// The course of `id`, begun where there is none if the origin is known.
    pub(super) fn of(&mut self, id: &NodeId, is_known: impl FnOnce() -> bool) -> Option<&mut Course> {
        let secret = self.secret;
        let hash = |course: &Course| mix_id(secret, &course.id);
        match self.courses.entry(mix_id(secret, id), |course| course.id == *id, hash) {
            Entry::Occupied(held) => Some(held.into_mut()),
            Entry::Vacant(place) if is_known() => {
                Some(place.insert(Course { id: id.clone(), tree: Tree::default(), heard: 0 }).into_mut())
            }
            Entry::Vacant(_) => None,
        }
    }

    pub(super) fn remove(&mut self, id: &NodeId) {
        if let Ok(course) = self.courses.find_entry(mix_id(self.secret, id), |course| course.id == *id) {
            course.remove();
        }
    }

    /// All, in no order.
    pub(super) fn trees_mut(&mut self) -> impl Iterator<Item = (&NodeId, &mut Tree)> {
        self.courses.iter_mut().map(|course| (&course.id, &mut course.tree))
    }
}
