//! A map of nodes whose common part many tables share.
//!
//! A simulated network of 10,000 nodes that all know each other holds 100 million entries, nearly all of them alike. So a
//! table may begin with entries that it shares with others, read-only, and keeps for itself only those that it changed.
//! A node of a real network shares nothing; its map is an ordinary one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::words::NodeId;

/// A map with a shared, read-only part below the entries of its own.
#[derive(Clone, Debug)]
pub struct SharedMap<V> {
    base: Arc<BTreeMap<NodeId, V>>,
    /// What differs from the base; `None` where the base's entry is removed.
    own: BTreeMap<NodeId, Option<V>>,
    len: usize,
}

impl<V: Clone> SharedMap<V> {
    /// An empty map that shares nothing.
    pub fn new() -> SharedMap<V> {
        SharedMap { base: Arc::new(BTreeMap::new()), own: BTreeMap::new(), len: 0 }
    }

    /// Makes all entries the shared part: clones are cheap from now on.
    pub fn share(&mut self) {
        let mut base = std::mem::take(Arc::make_mut(&mut self.base));
        for (id, value) in std::mem::take(&mut self.own) {
            match value {
                Some(value) => base.insert(id, value),
                None => base.remove(&id),
            };
        }
        self.base = Arc::new(base);
    }

    /// The entry of `id`.
    pub fn get(&self, id: &NodeId) -> Option<&V> {
        match self.own.get(id) {
            Some(own) => own.as_ref(),
            None => self.base.get(id),
        }
    }

    /// The entry of `id`, to be changed; from then on it is this map's own.
    pub fn get_mut(&mut self, id: &NodeId) -> Option<&mut V> {
        if !self.own.contains_key(id) {
            let copy = self.base.get(id)?.clone();
            self.own.insert(id.clone(), Some(copy));
        }
        self.own.get_mut(id)?.as_mut()
    }

    /// The entry of `id`, to be changed, made first if there is none.
    pub fn get_or_insert_with(&mut self, id: &NodeId, make: impl FnOnce() -> V) -> &mut V {
        let held = self.own.get(id).map_or_else(|| self.base.contains_key(id), Option::is_some);
        self.len += usize::from(!held);
        let base = &self.base;
        let own = self.own.entry(id.clone()).or_insert_with(|| base.get(id).cloned());
        own.get_or_insert_with(make)
    }

    /// Removes the entry of `id`.
    pub fn remove(&mut self, id: &NodeId) -> Option<V> {
        let removed = match self.own.remove(id) {
            Some(own) => own,
            None => self.base.get(id).cloned(),
        };
        if self.base.contains_key(id) {
            self.own.insert(id.clone(), None);
        }
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeId, &V)> {
        self.range((Bound::Unbounded, Bound::Unbounded))
    }

    /// All entries behind that of `id`, in the order of their ids.
    pub fn behind(&self, id: &NodeId) -> impl Iterator<Item = (&NodeId, &V)> {
        self.range((Bound::Excluded(id), Bound::Unbounded))
    }

    fn range(&self, range: (Bound<&NodeId>, Bound<&NodeId>)) -> impl Iterator<Item = (&NodeId, &V)> {
        let mut base = self.base.range::<NodeId, _>(range).peekable();
        let mut own = self.own.range::<NodeId, _>(range).peekable();
        std::iter::from_fn(move || {
            loop {
                let from_base = match (base.peek(), own.peek()) {
                    (Some((below, _)), Some((above, _))) => below < above,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (None, None) => return None,
                };
                if from_base {
                    return base.next();
                }
                let (id, value) = own.next()?;
                base.next_if(|(below, _)| *below == id);
                if let Some(value) = value {
                    return Some((id, value));
                }
            }
        })
    }
}
