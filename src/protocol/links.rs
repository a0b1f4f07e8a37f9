//! The links of a node by the peers' ids: few, and asked for at every event.
//!
//! Ids, links and their deadlines each stand in a list of their own, so that finding a link, and the next time at which any
//! of them has something to do, touches little memory: in a network of thousands of simulated nodes that is what costs.

use super::link::{HeldBack, Link};
use super::words::{NodeId, Time};

/// A node's links in the order of the peers' ids; at most 64.
#[derive(Clone, Debug, Default)]
pub struct Links {
    ids: Vec<NodeId>,
    links: Vec<Link>,
    /// The number of each link's place at this node.
    slots: Vec<u8>,
    /// Each link's deadline, as far as the link was not touched since.
    due: Vec<Option<Time>>,
    /// One bit for each link that was.
    touched: u64,
    /// One bit for each link whose last call failed, as of the last look.
    failing: u64,
}

impl Links {
    fn place(&self, id: &NodeId) -> Option<usize> {
        self.ids.iter().position(|held| held == id)
    }

    /// The link to `id`.
    pub fn get(&self, id: &NodeId) -> Option<&Link> {
        self.links.get(self.place(id)?)
    }

    /// The link to `id`, to be changed.
    pub fn get_mut(&mut self, id: &NodeId) -> Option<&mut Link> {
        let place = self.place(id)?;
        self.touched |= 1 << (place & 63);
        self.links.get_mut(place)
    }

    /// The number of the place of the link to `id`.
    pub fn slot_of(&self, id: &NodeId) -> Option<u8> {
        self.slot_in(self.place(id)?)
    }

    /// The same of the link in a place of the order.
    pub fn slot_in(&self, place: usize) -> Option<u8> {
        self.slots.get(place).copied()
    }

    /// The peer whose link has this number.
    pub fn id_of_slot(&self, slot: u8) -> Option<&NodeId> {
        self.id_in(self.slots.iter().position(|held| *held == slot)?)
    }

    /// Remembers a message that is not pushed over the link in a place of the order: no reason for it to do anything earlier.
    pub fn hold_back(&mut self, place: usize, message: HeldBack) {
        if let Some(link) = self.links.get_mut(place) {
            link.hold_back(message);
        }
    }

    /// Whether there is a link to `id`.
    pub fn contains_key(&self, id: &NodeId) -> bool {
        self.place(id).is_some()
    }

    /// Puts a link in, instead of the one to the same node if there is one.
    pub fn insert(&mut self, id: NodeId, link: Link) {
        self.touched = u64::MAX;
        match self.ids.binary_search(&id) {
            Ok(place) => {
                self.slots[place] = link.slot;
                self.links[place] = link;
            }
            Err(place) => {
                self.slots.insert(place, link.slot);
                self.ids.insert(place, id);
                self.links.insert(place, link);
                self.due.insert(place, None);
            }
        }
    }

    /// Takes a link out.
    pub fn remove(&mut self, id: &NodeId) -> Option<Link> {
        let place = self.place(id)?;
        self.touched = u64::MAX;
        self.ids.remove(place);
        self.due.remove(place);
        self.slots.remove(place);
        Some(self.links.remove(place))
    }

    /// The peer in a place of the order.
    pub fn id_in(&self, place: usize) -> Option<&NodeId> {
        self.ids.get(place)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&NodeId, &Link)> + Clone {
        self.ids.iter().zip(&self.links)
    }

    /// The peers' ids, in order.
    pub fn keys(&self) -> std::slice::Iter<'_, NodeId> {
        self.ids.iter()
    }

    /// The links, in the order of the peers' ids.
    pub fn values(&self) -> std::slice::Iter<'_, Link> {
        self.links.iter()
    }

    fn due_in(&self, place: usize) -> Option<Time> {
        let known = self.due.get(place).filter(|_| self.touched >> (place & 63) & 1 == 0);
        known.map_or_else(|| self.links.get(place).and_then(Link::deadline), |due| *due)
    }

    /// When the first of them has something to do.
    pub fn deadline(&self) -> Option<Time> {
        (0..self.ids.len()).filter_map(|place| self.due_in(place)).min()
    }

    /// Notes the deadlines of the links that were touched, so that they need not be computed again.
    pub fn settle(&mut self) {
        self.failing &= !self.touched;
        for place in 0..self.ids.len() {
            if self.touched >> (place & 63) & 1 == 1 {
                self.due[place] = self.links[place].deadline();
                self.failing |= u64::from(self.links[place].failures > 0) << (place & 63);
            }
        }
        self.touched = 0;
    }

    /// Whether each link's last call was answered, as of the last [`Links::settle`].
    pub fn are_sound(&self) -> bool {
        self.failing == 0
    }

    /// The ids of those that have something to do at `now`.
    pub fn due(&self, now: Time) -> Vec<NodeId> {
        let due = (0..self.ids.len()).filter(|place| self.due_in(*place).is_some_and(|due| due <= now));
        due.map(|place| self.ids[place].clone()).collect()
    }
}
