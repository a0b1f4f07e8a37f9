//! What waits for one link: a queue in which each key waits once.
//!
//! Nearly always it holds nothing or a handful, and then it asks for no memory: a key is found by a look at each item. Only
//! a long queue has an index.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use super::limits::MAX_QUEUE;
use super::words::{NodeId, Path};

/// Names something that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKey {
    /// The newest state of that origin.
    State(NodeId),
    /// A submitted message; the number tells apart the copies that `relays` asks for.
    Message(Uuid, u8),
}

/// How a waiting item is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The ttl to send, for a message; states are looked up when they go.
    pub ttl: u8,
    /// The path to send, this node included, for a message.
    pub path: Option<Path>,
    /// Whether repair sends it: with a fresh ttl.
    pub repair: bool,
    /// Whether it is a state that may wait a moment for others, if others are under way.
    pub patient: bool,
}

/// Places, used or not, from which on there is an index.
const MANY: usize = 16;

/// The queue of one link, of at most [`MAX_QUEUE`] items.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// In order; an item that was taken back leaves an empty place.
    places: VecDeque<Option<(ItemKey, Waiting)>>,
    /// How many places are not empty.
    waiting: usize,
    /// The number of the first place; the index holds numbers, which stay when something in front of them goes.
    first: i64,
    /// Where each key waits, if there are many places.
    index: Option<BTreeMap<ItemKey, i64>>,
}

impl Queue {
    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    fn find(&self, key: &ItemKey) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).and_then(|number| usize::try_from(number - self.first).ok()),
            None => self.places.iter().position(|place| place.as_ref().is_some_and(|(held, _)| held == key)),
        }
    }

    /// Puts an item at the end; one that waits already keeps its place. Beyond the bound the oldest is dropped.
    pub(super) fn push(&mut self, key: ItemKey, item: Waiting) {
        if let Some(place) = self.find(&key) {
            self.places[place] = Some((key, item));
            return;
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.first + self.places.len() as i64);
        }
        self.places.push_back(Some((key, item)));
        self.waiting += 1;
        while self.waiting > MAX_QUEUE {
            self.pop();
        }
        self.arrange();
    }

    /// Puts an item back to the front, unless one of its key waits, which stays as it is.
    pub(super) fn put_back(&mut self, key: ItemKey, item: Waiting) {
        if self.find(&key).is_some() {
            return;
        }
        self.first -= 1;
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.first);
        }
        self.places.push_front(Some((key, item)));
        self.waiting += 1;
        self.arrange();
    }

    /// Takes the first item.
    pub(super) fn pop(&mut self) -> Option<(ItemKey, Waiting)> {
        while let Some(place) = self.places.pop_front() {
            self.first += 1;
            let Some((key, item)) = place else { continue };
            self.removed(&key);
            return Some((key, item));
        }
        None
    }

    /// Takes out the item of a key.
    pub(super) fn take(&mut self, key: &ItemKey) {
        if let Some(place) = self.find(key) {
            self.places[place] = None;
            self.removed(key);
        }
    }

    fn removed(&mut self, key: &ItemKey) {
        self.waiting -= 1;
        if self.waiting == 0 {
            self.places.clear();
            self.index = None;
        } else if let Some(index) = &mut self.index {
            index.remove(key);
        }
    }

    /// Begins an index when there are many places, and sweeps empty ones out before they outnumber the rest.
    fn arrange(&mut self) {
        let swept = self.places.len() > 2 * MAX_QUEUE;
        if swept {
            self.places.retain(Option::is_some);
        }
        if self.places.len() > MANY && (swept || self.index.is_none()) {
            let numbered = (self.first..).zip(&self.places);
            self.index =
                Some(numbered.filter_map(|(number, place)| Some((place.as_ref()?.0.clone(), number))).collect());
        }
    }
}
