//! Repair: finding and exchanging what two nodes do not both hold.
//!
//! Every heartbeat the two ends of a link exchange digests. Equal digests end it: one small exchange, whatever the size.
//! Unequal ones lead, if not just for what is in flight (`doubt.rs`), to a comparison (`POST /sync/`): one side sends its
//! set as coded symbols (`sketch.rs`) or, when that is shorter, as a list; the other answers with what the caller lacks and
//! names what it wants. What repair brings counts as new: it is pushed on. Messages at or below either floor are in neither set.

use std::collections::BTreeMap;

use super::calls::{Call, Failure, SetForm, SyncCall, SyncReply};
use super::door::{Output, Response};
use super::limits::{MAX_FINGERPRINTS, MAX_SYMBOLS, MAX_SYNC_BYTES};
use super::node::{Node, Purpose};
use super::queue::{ItemKey, Waiting};
use super::sketch::{SYMBOL_BYTES, Sketch};
use super::words::{Digest, LogKey, Message, NodeId, Status, Time};

/// Symbols of a first comparison: enough for about twenty differences, in under a kilobyte.
const FIRST_SYMBOLS: usize = 48;

/// How much a further comparison grows where the other side does not say how many symbols should suffice.
const GROWTH: usize = 8;

/// Comparisons in a row over one link before the next heartbeat is awaited.
const MAX_ROUNDS: u32 = 24;

/// A fingerprint takes so many bytes in a list.
const FINGERPRINT_BYTES: usize = 8;

/// What a fingerprint stands for here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    State(NodeId),
    Message(LogKey),
    Refused,
}

impl Node {
    /// What this node holds.
    pub(super) fn digest(&self) -> Digest {
        self.digest_above(LogKey::default())
    }

    /// What this node holds, as far as it is above `floor` and its own floor.
    pub(super) fn digest_above(&self, floor: LogKey) -> Digest {
        let floor = floor.max(self.log.floor());
        let ((states, state_count), messages) = (self.table.hash(), self.log.sums_above(floor));
        let exact = messages.exact.wrapping_add(self.refused.exact_above(floor));
        let refused = self.refused.fingerprints_above(floor, false);
        let (refused, refused_count) = refused.fold((0u64, 0), |(sum, n), f| (sum.wrapping_add(f), n + 1));
        let replaced = self.refused.origins().filter_map(|id| self.table.fingerprint_of(id));
        let (replaced, replaced_count) = replaced.fold((0u64, 0), |(sum, n), f| (sum.wrapping_add(f), n + 1));
        Digest {
            hash: states.wrapping_add(messages.hash).wrapping_add(refused).wrapping_sub(replaced),
            count: state_count + messages.count + refused_count - replaced_count,
            floor,
            exact: (exact != 0).then_some(exact),
        }
    }

    fn held_above(&self, floor: LogKey, exact: bool) -> BTreeMap<u64, Held> {
        let states = self.table.fingerprints().filter(|(_, id)| !self.refused.stands_for(id));
        let states = states.map(|(fingerprint, id)| (fingerprint, Held::State(id.clone())));
        let messages = self.log.fingerprints_above(floor, exact);
        let messages = messages.map(|(fingerprint, key)| (fingerprint, Held::Message(key)));
        let refused = self.refused.fingerprints_above(floor, exact).map(|fingerprint| (fingerprint, Held::Refused));
        refused.chain(states).chain(messages).collect()
    }

    /// A comparison with a peer is finished: this node knows what there is to know of an earlier life of its own.
    pub(super) fn compared(&mut self, now: Time) {
        self.compared_once = true;
        self.heard_of_self(now, 0);
    }

    /// Asks for a comparison over a link, if one is due.
    pub(super) fn sync_if_due(&mut self, now: Time, to: &NodeId, out: &mut Vec<Output>) {
        let Some(link) = self.overlay.links.get_mut(to) else { return };
        if link.syncing || self.stopping || link.sync_at.is_none_or(|due| due > now) {
            return;
        }
        link.sync_at = None;
        let announced = link.theirs.unwrap_or_default();
        // What differed was on its way and has arrived.
        if link.sync_rounds == 0 && self.digest_above(announced.floor).agrees(&announced) {
            return;
        }
        let Some(link) = self.overlay.links.get_mut(to) else { return };
        link.syncing = true;
        link.sync_rounds += 1;
        let theirs = link.theirs.unwrap_or_default();
        let asked = link.symbols;
        let floor = theirs.floor.max(self.log.floor());
        let exact = theirs.exact.is_some();
        let held = self.held_above(floor, exact);
        let gap = theirs.count.abs_diff(held.len() as u64) as usize;
        let symbols = asked.max(FIRST_SYMBOLS).max(gap.saturating_mul(3) / 2).min(MAX_SYMBOLS);
        let listed = held.len() * FINGERPRINT_BYTES <= symbols * SYMBOL_BYTES;
        let set = if listed && held.len() <= MAX_FINGERPRINTS {
            SetForm::Fingerprints(held.keys().copied().collect())
        } else {
            SetForm::Symbols(Sketch::new(symbols, held.keys().copied()).to_bytes())
        };
        if let Some(link) = self.overlay.links.get_mut(to) {
            link.symbols = symbols;
        }
        self.counters.comparisons += 1;
        let call = SyncCall { header: self.header(to), floor, count: held.len() as u64, exact, set };
        self.call(to, Call::Sync(call), Purpose::Sync, out);
    }

    /// `POST /sync/`.
    pub(super) fn answer_sync(&mut self, now: Time, call: SyncCall, out: &mut Vec<Output>) -> Response {
        if let Err(refusal) = self.meet(now, &call.header, out) {
            return Response::Refused(refusal);
        }
        self.heard_from(now, &call.header, out);
        let own_floor = self.log.floor();
        let floor = call.floor.max(own_floor);
        let held = self.held_above(floor, call.exact);
        let mut reply = SyncReply {
            header: self.header(&call.header.from),
            floor: own_floor,
            count: held.len() as u64,
            compared: false,
            symbols: 0,
            messages: Vec::new(),
            claims: Vec::new(),
            more: 0,
            want: Vec::new(),
        };
        if floor == call.floor {
            match compare(&held, &call.set) {
                Compared::Found(lacking, wanted) => {
                    reply.compared = true;
                    reply.want = wanted;
                    let lacking = lacking.into_iter().filter_map(|fingerprint| held.get(&fingerprint));
                    self.fill_reply(now, &mut reply, lacking);
                    // The other side has begun what this one was about to do.
                    if let Some(link) = self.overlay.links.get_mut(&call.header.from) {
                        link.doubt = None;
                        link.sync_at = None;
                    }
                }
                Compared::TooFew(enough) => reply.symbols = enough as u64,
            }
        }
        Response::Sync(reply)
    }

    fn fill_reply<'a>(&self, now: Time, reply: &mut SyncReply, lacking: impl Iterator<Item = &'a Held>) {
        let mut lacking: Vec<&Held> = lacking.filter(|held| **held != Held::Refused).collect();
        lacking.sort();
        let mut bytes = 0;
        for held in lacking {
            if bytes >= MAX_SYNC_BYTES {
                reply.more += 1;
                continue;
            }
            if let Held::State(id) = held
                && let Some(claim) = self.claim_about(now, id)
                && claim.status > Status::Suspect
            {
                reply.claims.push(claim);
            }
            let Some(message) = self.message_to_hand_on(held) else { continue };
            bytes += message.weight();
            reply.messages.push(message);
        }
    }

    fn message_to_hand_on(&self, held: &Held) -> Option<Message> {
        match held {
            Held::State(id) => self.state_to_repair(id),
            Held::Message(key) => self.message_to_repair(&key.uuid),
            Held::Refused => None,
        }
    }

    /// A comparison was answered.
    pub(super) fn sync_answered(&mut self, now: Time, to: &NodeId, reply: SyncReply, out: &mut Vec<Output>) {
        let met = self.meet(now, &reply.header, out).is_ok();
        let suggested = usize::try_from(reply.symbols).unwrap_or(MAX_SYMBOLS);
        let symbols = {
            let Some(link) = self.overlay.links.get_mut(to) else { return };
            link.syncing = false;
            if !met || !reply.header.linked {
                return;
            }
            let again = !reply.compared || reply.more > 0;
            if again && link.sync_rounds < MAX_ROUNDS {
                link.sync_at = Some(now);
            }
            let theirs = link.theirs.get_or_insert_default();
            let floor_was_right = reply.floor <= theirs.floor.max(self.log.floor());
            theirs.floor = reply.floor;
            theirs.count = reply.count;
            match (reply.compared, floor_was_right) {
                (true, _) => 0,
                (false, false) => link.symbols,
                (false, true) if suggested == 0 => link.symbols * GROWTH,
                // Whatever is suggested, each comparison is larger than the one before.
                (false, true) => suggested.max(link.symbols * 3 / 2),
            }
        };
        if let Some(link) = self.overlay.links.get_mut(to) {
            link.symbols = symbols.min(MAX_SYMBOLS);
        }
        self.link_works(now, to);
        if reply.compared && reply.more == 0 {
            self.compared(now);
        }
        for claim in reply.claims {
            self.believe(now, claim, Some(to), out);
        }
        for message in reply.messages {
            let origin = message.origin.clone();
            if self.judge(now, message, Some(to), out) == super::Outcome::New {
                self.counters.repaired += 1;
                if let Some(link) = self.overlay.links.get_mut(to) {
                    link.counts.repaired += 1;
                }
                self.graft_after_repair(&origin, to);
            }
        }
        self.send_wanted(now, to, &reply.want, out);
    }

    /// Queues what the other side wants.
    fn send_wanted(&mut self, now: Time, to: &NodeId, want: &[u64], out: &mut Vec<Output>) {
        if want.is_empty() {
            return;
        }
        let theirs = self.overlay.links.get(to).and_then(|link| link.theirs).unwrap_or_default();
        // In the form of the comparison: a process that once said an exact sum goes on, while it holds any message.
        let held = self.held_above(theirs.floor, theirs.exact.is_some());
        let mut wanted: Vec<&Held> = want.iter().filter_map(|fingerprint| held.get(fingerprint)).collect();
        wanted.sort();
        for held in &wanted {
            let origin = match held {
                Held::State(id) => Some((*id).clone()),
                Held::Message(key) => self.log.get(&key.uuid).map(|record| record.message.origin.clone()),
                Held::Refused => None,
            };
            // The other side lacks it, so its tree is broken there: this link is one that works.
            if let Some(origin) = origin {
                self.grow_again(&origin, to);
            }
        }
        let Some(link) = self.overlay.links.get_mut(to) else { return };
        let item = || Waiting { ttl: 0, path: None, repair: true, patient: false };
        for held in wanted {
            match held {
                Held::State(id) => {
                    link.push(ItemKey::State(id.clone()), item());
                    if self.table.get(id).is_some_and(|entry| !entry.status.is_live()) {
                        link.claims.insert(id.clone());
                    }
                }
                Held::Message(key) => link.push(ItemKey::Message(key.uuid, 0), item()),
                Held::Refused => {}
            }
        }
        self.flush(now, to, out);
    }

    /// A comparison was not answered.
    pub(super) fn sync_failed(&mut self, now: Time, to: &NodeId, failure: Failure, out: &mut Vec<Output>) {
        if let Some(link) = self.overlay.links.get_mut(to) {
            link.syncing = false;
            if !matches!(failure, Failure::Rejected { .. }) {
                // A comparison may take long; what was heard lately counts for more.
                let lately = Time(now.0.saturating_sub(self.config.heartbeat_ms));
                self.link_fails(now, to, lately, failure, out);
            }
        }
    }
}

/// What a comparison found.
enum Compared {
    /// Fingerprints that only this side holds, and those that only the caller does.
    Found(Vec<u64>, Vec<u64>),
    /// The symbols are too few; so many should suffice, 0 if that is unknown.
    TooFew(usize),
}

fn compare(held: &BTreeMap<u64, Held>, set: &SetForm) -> Compared {
    match set {
        SetForm::Fingerprints(theirs) => {
            let theirs: std::collections::BTreeSet<u64> = theirs.iter().copied().collect();
            let lacking = held.keys().filter(|f| !theirs.contains(f)).copied().collect();
            let wanted = theirs.iter().filter(|f| !held.contains_key(f)).copied().collect();
            Compared::Found(lacking, wanted)
        }
        SetForm::Symbols(bytes) => {
            let Some(theirs) = Sketch::from_bytes(bytes) else { return Compared::TooFew(0) };
            let ours = Sketch::new(theirs.len(), held.keys().copied());
            match ours.clone().difference(&theirs) {
                Some(found) => Compared::Found(found.only_left, found.only_right),
                None => Compared::TooFew(ours.enough_for(&theirs)),
            }
        }
    }
}
