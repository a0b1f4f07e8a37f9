//! What must hold once the faults are over: all live nodes agree, and keep still.
//!
//! Connected overlay, symmetric links, the newest state of every live node everywhere, one set of the living, every
//! unlimited message above the greatest floor everywhere, and equal digests where the floors are equal.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::world::World;
use crate::protocol::{LogKey, NodeId, Record, Version, View};

impl World {
    /// Whether all live nodes agree.
    ///
    /// # Errors
    /// The first thing on which they do not, in words.
    pub fn agreement(&self) -> Result<(), String> {
        let live: Vec<View<'_>> = self.live_ids().filter_map(|id| self.node(id)).collect();
        links_are_symmetric(&live)?;
        overlay_is_connected(&live)?;
        states_agree(&live)?;
        the_living_agree(&live)?;
        messages_agree(&live)?;
        digests_agree(&live)
    }

    /// The parts into which links tear the live nodes; one if the overlay is connected.
    pub fn components(&self) -> Vec<BTreeSet<NodeId>> {
        let live: Vec<View<'_>> = self.live_ids().filter_map(|id| self.node(id)).collect();
        components(&live)
    }

    /// Comparisons that the live nodes asked for so far.
    pub fn comparisons(&self) -> u64 {
        self.live_ids().filter_map(|id| self.node(id)).map(|view| view.counters().comparisons).sum()
    }
}

fn links_are_symmetric(live: &[View<'_>]) -> Result<(), String> {
    let links: BTreeSet<(&NodeId, &NodeId)> =
        live.iter().flat_map(|view| view.peers().map(|peer| (view.id(), peer))).collect();
    match links.iter().find(|(from, to)| !links.contains(&(*to, *from))) {
        Some((from, to)) => Err(format!("{from} holds a link to {to}, which holds none")),
        None => Ok(()),
    }
}

fn components(live: &[View<'_>]) -> Vec<BTreeSet<NodeId>> {
    let peers: BTreeMap<&NodeId, Vec<&NodeId>> = live.iter().map(|view| (view.id(), view.peers().collect())).collect();
    let mut left: BTreeSet<&NodeId> = peers.keys().copied().collect();
    let mut found = Vec::new();
    while let Some(first) = left.pop_first() {
        let (mut part, mut open) = (BTreeSet::from([first.clone()]), vec![first]);
        while let Some(id) = open.pop() {
            for peer in peers.get(id).into_iter().flatten() {
                if left.remove(peer) {
                    part.insert((*peer).clone());
                    open.push(peer);
                }
            }
        }
        found.push(part);
    }
    found
}

fn overlay_is_connected(live: &[View<'_>]) -> Result<(), String> {
    let parts = components(live);
    if parts.len() > 1 {
        return Err(format!("the overlay is torn into {parts:?}"));
    }
    Ok(())
}

fn newest(view: View<'_>, id: &NodeId) -> Option<(Version, Uuid)> {
    let state = view.table().get(id)?.state.as_ref()?;
    Some((state.message.version, state.message.uuid))
}

fn states_agree(live: &[View<'_>]) -> Result<(), String> {
    for owner in live {
        let own = newest(*owner, owner.id());
        if own.is_none() {
            return Err(format!("{} has not spoken", owner.id()));
        }
        for view in live {
            let held = newest(*view, owner.id());
            if held != own {
                return Err(format!("{} holds {held:?} of {}, whose newest is {own:?}", view.id(), owner.id()));
            }
        }
    }
    Ok(())
}

fn the_living_agree(live: &[View<'_>]) -> Result<(), String> {
    let truly: BTreeSet<&NodeId> = live.iter().map(|view| view.id()).collect();
    for view in live {
        let held = view.table().iter().filter(|(_, entry)| entry.status.is_live()).map(|(id, _)| id);
        let held: BTreeSet<&NodeId> = held.collect();
        if held != truly {
            let (dead, missed): (Vec<_>, Vec<_>) =
                (held.difference(&truly).collect(), truly.difference(&held).collect());
            return Err(format!("{} holds {dead:?} for alive and {missed:?} for dead", view.id()));
        }
    }
    Ok(())
}

/// An unlimited message as a node holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    key: LogKey,
    origin: NodeId,
    version: Version,
    payload: String,
}

/// The unlimited messages that a node holds above `floor`.
fn above(view: View<'_>, floor: LogKey) -> BTreeSet<Held> {
    let unlimited = view.log().iter().filter(|record| record.is_unlimited() && record.key() > floor);
    let held = |record: &Record| Held {
        key: record.key(),
        origin: record.message.origin.clone(),
        version: record.message.version,
        payload: record.message.payload.as_str().to_owned(),
    };
    unlimited.map(held).collect()
}

/// What one log evicted its node no longer hands on, so all agree above the greatest floor only, and the two ends of a
/// link above the greater of theirs.
fn messages_agree(live: &[View<'_>]) -> Result<(), String> {
    let floor = live.iter().map(|view| view.log().floor()).max().unwrap_or_default();
    let all: BTreeSet<Held> = live.iter().flat_map(|view| above(*view, floor)).collect();
    for view in live {
        if let Some(lacking) = all.difference(&above(*view, floor)).next() {
            return Err(format!("{} lacks message {lacking:?}", view.id()));
        }
        for peer in live.iter().filter(|peer| view.peers().any(|id| id == peer.id())) {
            let floor = view.log().floor().max(peer.log().floor());
            if let Some(lacking) = above(*peer, floor).difference(&above(*view, floor)).next() {
                return Err(format!("{} lacks message {lacking:?} of its peer {}", view.id(), peer.id()));
            }
        }
    }
    Ok(())
}

fn digests_agree(live: &[View<'_>]) -> Result<(), String> {
    let floor = live.iter().map(|view| view.log().floor()).max().unwrap_or_default();
    let mut digests = live.iter().map(|view| (view.id(), view.digest())).filter(|(_, digest)| digest.floor == floor);
    let Some((first, expected)) = digests.next() else { return Ok(()) };
    match digests.find(|(_, digest)| !digest.agrees(&expected)) {
        Some((id, digest)) => Err(format!("{first} has digest {expected:?}, {id} has {digest:?}")),
        None => Ok(()),
    }
}
