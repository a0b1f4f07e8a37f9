//! Envelopes: filling them from a link's queue, and what their answers mean.
//!
//! Content is looked up when an envelope is filled, so that a slow peer gets the newest state of an origin and not every
//! one. What a lost envelope carried is sent again; what the other side refused is sent one by one, and dropped for that
//! link alone. What goes into the queues is decided in `dissemination.rs`, over which links in `trees.rs`.

use super::Failure;
use super::calls::{Call, Envelope, GossipReply, Header, Judgement, Outcome, Sender};
use super::door::Output;
use super::limits::{MAX_BATCH_BYTES, MAX_CLAIMS, UNLIMITED_REACH};
use super::link::{Carried, Link, Wishes};
use super::node::{Node, Purpose};
use super::queue::{ItemKey, Waiting};
use super::table::Entry;
use super::words::{Kind, Message, NodeId, Time};

/// So many known nodes make states wait for each other by a millisecond more.
const STATES_PER_MS: u64 = 2;

/// The longest such wait, in parts of a heartbeat.
const STATE_WINDOW_PARTS: u64 = 2;

/// How much earlier than it is due a digest goes along with other news, in parts of a heartbeat.
const EARLY_PARTS: u64 = 2;

/// For so many heartbeats envelopes name no more than their link; then both sides say again who they are.
const BRIEF_HEARTBEATS: u64 = 60;

impl Node {
    /// Sends over a link what waits for it, and a digest if one is due.
    pub(super) fn flush(&mut self, now: Time, to: &NodeId, out: &mut Vec<Output>) {
        loop {
            let Some(link) = self.overlay.links.get(to) else { return };
            let news = link.news_at().is_some_and(|news| news <= now);
            // News take along a digest that would soon be due: a link with traffic needs no exchange of its own for it.
            let soon = link.heartbeat_at <= now.after(self.config.heartbeat_ms / EARLY_PARTS);
            let due = (link.owes_digest(now) || (news && soon)) && !self.stopping;
            if link.free_at().is_none_or(|free| free > now) || !(due || news) {
                return;
            }
            let (items, messages) = self.fill(to);
            // A leaving node keeps its link until the queue is empty; its last envelope says that it left.
            let rest = self.overlay.links.get(to).map_or(0, |link| link.queue_length());
            let claims = if self.stopping && rest > 0 { Vec::new() } else { self.claims_for(now, to) };
            let grafts = self.overlay.links.get(to).is_some_and(Link::asks_again);
            if items.is_empty() && claims.is_empty() && !grafts && !due {
                return;
            }
            let (boot, until) = self.overlay.links.get(to).map_or((0, None), |link| (link.boot, link.brief_until));
            let brief = !self.stopping && until.is_some_and(|until| until > now);
            let sender = if brief {
                Sender::Link(self.id.clone())
            } else {
                Header { linked: !self.stopping || rest > 0, ..self.header(to) }.into()
            };
            self.counters.messages_sent += messages.len() as u64;
            self.counters.envelopes_sent += 1;
            let free_place = due.then(|| self.advertise_place(now, to)).flatten();
            let (graft, prune) = (self.take_grafts(to), self.take_prunes(to));
            let recent = if due { self.take_announcements(to, brief) } else { Vec::new() };
            let digest = due.then(|| self.digest());
            let envelope = Envelope { sender, messages, digest, claims, free_place, graft, prune, recent };
            let next_heartbeat = now.after(self.heartbeat_pause(to));
            // The last words of a leaving node wait for no window.
            let batch_ms = if self.stopping { 0 } else { self.config.batch_ms };
            let states = envelope.messages.iter().any(|message| message.kind == Kind::State);
            let window_ms = self.state_window_ms();
            if let Some(link) = self.overlay.links.get_mut(to) {
                link.sent(now, batch_ms);
                if states && !self.stopping {
                    link.gather_states(now, window_ms);
                }
                link.counts.sent += envelope.messages.len() as u64;
                if due {
                    link.heartbeat_at = next_heartbeat;
                }
                link.await_answer(now, due, self.config.heartbeat_ms);
            }
            let claims = envelope.claims.iter().map(|claim| claim.id.clone()).collect();
            let wishes = Wishes { claims, graft: envelope.graft.clone(), prune: envelope.prune.clone() };
            let carried = Carried { items, wishes, digest: envelope.digest, boot, brief, sent_at: now };
            self.call(to, Call::Gossip(envelope), Purpose::Gossip(carried), out);
        }
    }

    /// How long states wait for others when many come over a link. In a network of n nodes that all change, n of them come
    /// over each link in the time between two of one node: what each of those costs must not grow with n.
    fn state_window_ms(&self) -> u64 {
        (self.table.len() as u64 / STATES_PER_MS).min(self.config.heartbeat_ms / STATE_WINDOW_PARTS)
    }

    /// Takes from a link's queue as much as one envelope carries.
    fn fill(&mut self, to: &NodeId) -> (Vec<(ItemKey, Waiting)>, Vec<Message>) {
        let Some(link) = self.overlay.links.get_mut(to) else { return (Vec::new(), Vec::new()) };
        let most = link.queue_length().min(if link.singly { 1 } else { self.config.max_batch });
        link.singly &= link.queue_length() > most;
        let (mut items, mut messages) = (Vec::with_capacity(most), Vec::with_capacity(most));
        let (mut rest, mut bytes) = (Vec::new(), 0);
        for _ in 0..most {
            let Some((key, item)) = self.overlay.links.get_mut(to).and_then(Link::pop) else { break };
            let Some(message) = self.message_for(&key, &item) else { continue };
            if message.path.contains(to) && !item.repair {
                continue;
            }
            if bytes > 0 && bytes + message.weight() > MAX_BATCH_BYTES {
                rest.push((key, item));
                continue;
            }
            bytes += message.weight();
            items.push((key, item));
            messages.push(message);
        }
        if !rest.is_empty()
            && let Some(link) = self.overlay.links.get_mut(to)
        {
            link.put_back(rest);
        }
        (items, messages)
    }

    /// The message that a waiting item stands for, if it is still held.
    fn message_for(&self, key: &ItemKey, item: &Waiting) -> Option<Message> {
        match key {
            ItemKey::State(origin) if item.repair => self.state_to_repair(origin),
            ItemKey::State(origin) => {
                let mut message = self.table.message_of(origin)?;
                if !self.is_self(origin) {
                    message.path = self.path_through(&message.path);
                    message.ttl = message.ttl.saturating_sub(1);
                }
                Some(message)
            }
            ItemKey::Message(uuid, _) if item.repair => self.message_to_repair(uuid),
            ItemKey::Message(uuid, _) => {
                let mut message = self.log.get(uuid)?.message.clone();
                message.ttl = item.ttl;
                message.path = item.path.clone()?;
                // Another message of this uuid may have taken the place of the one whose way this is.
                (message.path.first() == Some(&message.origin)).then_some(message)
            }
        }
    }

    /// A state as repair hands it on: by the way it came, with a fresh ttl.
    pub(super) fn state_to_repair(&self, origin: &NodeId) -> Option<Message> {
        let mut message =
            self.table.message_of(origin).filter(|_| !self.table.get(origin).is_some_and(Entry::is_faded))?;
        if !self.is_self(origin) {
            message.path = self.path_through(&message.path);
        }
        message.ttl = self.config.ttl.max(message.ttl);
        Some(message)
    }

    /// A submitted message as repair hands it on.
    pub(super) fn message_to_repair(&self, uuid: &uuid::Uuid) -> Option<Message> {
        let record = self.log.get(uuid).filter(|record| record.is_unlimited())?;
        let mut message = record.message.clone();
        if !(self.is_self(&message.origin) && message.path.len() == 1) {
            message.path = self.path_through(&message.path);
        }
        // It stays unlimited whatever this node's own setting is.
        message.ttl = self.config.ttl.max(UNLIMITED_REACH as u8);
        Some(message)
    }

    /// An envelope was answered.
    pub(super) fn gossip_answered(
        &mut self,
        now: Time,
        to: &NodeId,
        carried: Carried,
        mut reply: GossipReply,
        out: &mut Vec<Output>,
    ) {
        let brief = reply.sender.link().is_some();
        if brief && (reply.sender.id() != to || !self.may_be_brief(to, &carried)) {
            // Another program answers there, or another life of this one.
            return self.gossip_failed(now, to, carried, Failure::Unknown, out);
        }
        if let Some(link) = self.overlay.links.get_mut(to) {
            link.ended();
            link.pace.answered(carried.sent_at, now);
        }
        let met = match &reply.sender {
            Sender::Header(header) => self.meet(now, header, out).is_ok(),
            Sender::Link(_) => true,
        };
        if !met || reply.judgements.len() > carried.items.len() {
            return;
        }
        if let Sender::Header(header) = &reply.sender {
            self.hear_who_answers(now, to, &carried, header, out);
        } else {
            reply.digest = reply.digest.or(carried.digest);
            self.link_works(now, to);
        }
        self.hear_answer(now, to, &carried, reply, out);
    }

    /// Who answers says all about it.
    fn hear_who_answers(&mut self, now: Time, to: &NodeId, carried: &Carried, header: &Header, out: &mut Vec<Output>) {
        if self.overlay.links.get(to).is_none_or(|link| link.boot != header.boot) {
            return;
        }
        if !header.linked {
            return self.closed_by_peer(now, to, "the other side holds no link", out);
        }
        self.link_works(now, to);
        let until = now.after(BRIEF_HEARTBEATS * self.config.heartbeat_ms);
        if let Some(link) = self.overlay.links.get_mut(to)
            && header.brief
            && !carried.brief
        {
            link.brief_until = Some(until);
        }
    }

    /// Whether the answer to an envelope may leave out who answers: it named no more than the link, which still stands.
    fn may_be_brief(&self, to: &NodeId, carried: &Carried) -> bool {
        carried.brief && self.overlay.links.get(to).is_some_and(|link| link.boot == carried.boot)
    }

    /// What an answer says.
    fn hear_answer(&mut self, now: Time, to: &NodeId, carried: &Carried, reply: GossipReply, out: &mut Vec<Output>) {
        // What the other side wanted again since the question went it may have refused before, in this very answer.
        let overtaken =
            self.overlay.links.get(to).and_then(|link| link.asked_at).is_some_and(|at| at >= carried.sent_at);
        // A brief answer that names no outcome means that every message was new.
        let unsaid = reply.sender.link().is_some() && reply.judgements.is_empty();
        let unsaid = std::iter::repeat_n(Judgement::NEW, if unsaid { carried.items.len() } else { 0 });
        let judged = carried.items.iter().zip(reply.judgements.iter().copied().chain(unsaid));
        judged.for_each(|((key, item), judgement)| self.learn_from_outcome(to, key, item, judgement, overtaken));
        if let Some(graft) = &carried.wishes.graft {
            self.was_asked_again(to, graft);
        }
        if !overtaken {
            self.hear_wishes(now, to, None, &reply.prune);
        }
        self.ask_again_where_refused(to, &carried.wishes.prune);
        self.hear_announcements(now, to, reply.recent, out);
        for message in reply.newer {
            self.judge(now, message, Some(to), out);
        }
        for claim in reply.claims {
            self.believe(now, claim, Some(to), out);
        }
        if let Some(place) = reply.free_place {
            self.hear_of_place(now, place);
        }
        if let Some(theirs) = reply.digest {
            self.compare_digest(now, to, theirs);
        }
        self.flush(now, to, out);
    }

    /// Stops pushing an origin over a link on whose other side a pushed message was not needed.
    fn learn_from_outcome(
        &mut self,
        to: &NodeId,
        key: &ItemKey,
        item: &Waiting,
        judgement: Judgement,
        overtaken: bool,
    ) {
        if !self.config.trees {
            return;
        }
        if matches!(judgement.outcome, Outcome::New | Outcome::Duplicate) {
            self.needs_no_push_from(key, item.path.as_ref(), to);
        }
        if judgement.outcome != Outcome::Duplicate || judgement.keep || overtaken {
            return;
        }
        let origin = match key {
            ItemKey::State(origin) => Some(origin.clone()),
            ItemKey::Message(uuid, _) => self.log.get(uuid).map(|record| record.message.origin.clone()),
        };
        if let Some(origin) = origin {
            self.shrink(&origin, to);
        }
    }

    /// An envelope was not answered: what it carried is sent again, but for what the other side refused.
    pub(super) fn gossip_failed(
        &mut self,
        now: Time,
        to: &NodeId,
        carried: Carried,
        failure: Failure,
        out: &mut Vec<Output>,
    ) {
        let Some(link) = self.overlay.links.get_mut(to) else { return };
        link.ended();
        link.brief_until = None;
        let Carried { items, wishes, digest, boot: _, brief, sent_at } = carried;
        link.wish_again(wishes);
        match failure {
            // It does not know this node by its id alone, or never has understood that: it is told all.
            Failure::Rejected { .. } if brief => {
                if digest.is_some() {
                    link.heartbeat_at = now;
                }
                link.put_back(items);
            }
            Failure::Rejected { .. } if items.len() > 1 => {
                link.singly = true;
                link.put_back(items);
            }
            // The one message is what it does not take: drop it for this link only.
            Failure::Rejected { .. } if items.len() == 1 => {}
            _ => {
                link.put_back(items);
                self.link_fails(now, to, sent_at, failure, out);
            }
        }
    }

    /// Everything that is owed over links at `now`.
    pub(super) fn tend_links(&mut self, now: Time, out: &mut Vec<Output>) {
        for id in self.overlay.links.due(now) {
            self.recheck_if_due(now, &id);
            self.flush(now, &id, out);
            self.sync_if_due(now, &id, out);
        }
    }

    /// The claims that wait for a link, as of now.
    pub(super) fn claims_for(&mut self, now: Time, to: &NodeId) -> Vec<super::Claim> {
        let Some(link) = self.overlay.links.get_mut(to).filter(|link| !link.claims.is_empty()) else {
            return Vec::new();
        };
        let mut ids = Vec::new();
        while ids.len() < MAX_CLAIMS
            && let Some(id) = link.claims.pop_first()
        {
            ids.push(id);
        }
        ids.iter().filter_map(|id| self.claim_about(now, id)).collect()
    }
}
