//! Whether the guarantee was kept: one overlay, every message everywhere, everyone's newest state everywhere.

use uuid::Uuid;

use super::engine::Engine;
use crate::protocol::Version;

/// Simulated time between two looks at whether all is well.
const STEP_MS: u64 = 1_000;

impl Engine<'_> {
    /// Lets time pass from `from` on until the guarantee is kept, at most until `end`; `kept`, or why it is not.
    pub(super) fn judge_until(&mut self, from: u64, end: u64) -> String {
        // Where requests are lost for ever somebody always says something new, which is not at once everywhere: what was
        // newest at `from` must be.
        let newest = self.newest();
        // What was sent last shall not count as late: it is given the time of a few ways first.
        let mut at = (from + STEP_MS.max(20 * self.latency_ms.1)).min(end);
        loop {
            self.pass(at, end);
            let broken = self.measures.broken.clone();
            if broken.is_some() || self.deaths_are_known(at, end) {
                match broken.map_or_else(|| self.judge(&newest), Err) {
                    Ok(()) => return "kept".to_owned(),
                    Err(reason) if at >= end || self.measures.broken.is_some() => return reason,
                    Err(_) => {}
                }
            }
            at = (at + STEP_MS).min(end);
        }
    }

    /// Not part of the guarantee, but worth waiting for: everyone living knows who died.
    fn deaths_are_known(&self, at: u64, end: u64) -> bool {
        at >= end || self.measures.deaths.is_empty() || !self.settings.state || {
            let live = self.live().count() as u64;
            self.measures.detection(live).2 == 0
        }
    }

    fn judge(&self, newest: &[Option<(Version, Uuid)>]) -> Result<(), String> {
        self.messages_are_everywhere()?;
        self.overlay_is_one()?;
        if self.settings.state { self.states_are_everywhere(newest) } else { Ok(()) }
    }

    fn overlay_is_one(&self) -> Result<(), String> {
        let parts = self.overlay().components();
        match parts.len() {
            0 | 1 => Ok(()),
            count => {
                let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
                let largest = sizes.iter().max().copied().unwrap_or(0);
                Err(format!("the overlay of the live nodes is torn into {count} parts, the largest of {largest} nodes"))
            }
        }
    }

    fn messages_are_everywhere(&self) -> Result<(), String> {
        for (place, sent) in self.measures.sent.iter().enumerate() {
            let lacks = self.live().find(|(number, _)| !sent.is_held_by(*number));
            if let Some((number, _)) = lacks
                && self.live().any(|(number, _)| sent.is_held_by(number))
            {
                let held = self.live().filter(|(number, _)| sent.is_held_by(*number)).count();
                return Err(format!(
                    "node {} lacks message {} of node {}, which {held} of {} live nodes have",
                    number + 1,
                    place + 1,
                    sent.sender + 1,
                    self.live().count()
                ));
            }
        }
        Ok(())
    }

    /// What each node said last; nothing where it does not live.
    fn newest(&self) -> Vec<Option<(Version, Uuid)>> {
        let of = |host: &super::engine::Host| {
            let view = host.node.as_ref().filter(|_| host.lives())?.view();
            view.table().get(view.id())?.state.as_ref().map(|state| (state.message.version, state.message.uuid))
        };
        self.hosts.iter().map(of).collect()
    }

    fn states_are_everywhere(&self, newest: &[Option<(Version, Uuid)>]) -> Result<(), String> {
        let spoken = newest.iter().flatten().count();
        for (number, node) in self.live() {
            let mut right = 0;
            for (id, entry) in node.view().table().iter() {
                let held = entry.state.as_ref().map(|state| (state.message.version, state.message.uuid));
                let own = newest.get(Engine::number(id) as usize).copied().flatten();
                if own.is_some() && held < own {
                    return Err(format!("node {} does not hold the newest state of {id}", number + 1));
                }
                right += usize::from(own.is_some());
            }
            if right != spoken {
                return Err(format!("node {} knows {right} of {spoken} live nodes", number + 1));
            }
        }
        Ok(())
    }

    /// Pairs of a message and a node that lives, in which the node has the message, and all of them. Messages that died
    /// with their senders, before anyone else had them, are left out.
    pub(super) fn delivered_pairs(&self) -> (u64, u64) {
        let live: Vec<usize> = self.live().map(|(number, _)| number).collect();
        let mut pairs = (0, 0);
        for sent in &self.measures.sent {
            let held = live.iter().filter(|number| sent.is_held_by(**number)).count() as u64;
            if held > 0 {
                pairs = (pairs.0 + held, pairs.1 + live.len() as u64);
            }
        }
        pairs
    }
}
