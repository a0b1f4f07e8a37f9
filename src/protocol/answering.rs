//! What an envelope is answered: what became of its messages, and whatever else the sender is to know.
//!
//! Who names no more than the link is known by it, and is told nothing where there is nothing to tell. What becomes of each
//! message is decided in `dissemination.rs`, what the answers mean to who asked in `sending.rs`.

use super::calls::{Envelope, GossipReply, Header, Judgement, Outcome, Sender};
use super::door::{Output, Refusal, Response};
use super::limits::MAX_BATCH_BYTES;
use super::node::Node;
use super::trees::Again;
use super::words::{Kind, Message, NodeId, Time};

impl Node {
    /// `POST /gossip/` with an envelope.
    pub(super) fn answer_envelope(&mut self, now: Time, envelope: Envelope, out: &mut Vec<Output>) -> Response {
        let brief = matches!(envelope.sender, Sender::Link(_));
        let from = match envelope.sender {
            Sender::Header(header) => {
                if let Err(refusal) = self.meet(now, &header, out) {
                    return Response::Refused(refusal);
                }
                self.heard_from(now, &header, out);
                header.from
            }
            Sender::Link(from) if self.overlay.links.contains_key(&from) => {
                self.link_works(now, &from);
                from
            }
            Sender::Link(from) => return Response::Refused(Refusal::NoLink(from)),
        };
        let (judgements, newer) = self.judge_all(now, envelope.messages, Some(&from), out);
        for claim in envelope.claims {
            self.believe(now, claim, Some(&from), out);
        }
        if let Some(place) = envelope.free_place {
            self.hear_of_place(now, place);
        }
        self.push_held_back(now, &from, envelope.graft.as_ref(), out);
        self.hear_wishes(now, &from, envelope.graft, &envelope.prune);
        self.hear_announcements(now, &from, envelope.recent, out);
        let digest = envelope.digest.as_ref().map(|theirs| {
            self.heartbeat_seen(now, &from);
            self.compare_digest(now, &from, *theirs);
            self.digest()
        });
        let claims = self.claims_for(now, &from);
        let free_place = digest.is_some().then(|| self.advertise_place(now, &from)).flatten();
        let recent = if digest.is_some() { self.take_announcements(&from, brief) } else { Vec::new() };
        let prune = self.take_prunes(&from);
        let brief = brief && !self.stopping && self.overlay.links.contains_key(&from);
        let sender = if brief { Sender::Link(self.id.clone()) } else { self.header(&from).into() };
        let mut reply = GossipReply { sender, judgements, newer, digest, claims, free_place, prune, recent };
        if brief {
            reply.shorten(envelope.digest.as_ref());
        }
        if reply.says_nothing() { Response::NothingToAdd } else { Response::Gossip(reply) }
    }

    /// `POST /gossip/` with bare messages: nobody in particular sent them.
    pub(super) fn answer_messages(&mut self, now: Time, messages: Vec<Message>, out: &mut Vec<Output>) -> Response {
        let (judgements, newer) = self.judge_all(now, messages, None, out);
        let header = Header {
            cluster: self.config.cluster.clone(),
            from: self.id.clone(),
            boot: self.boot,
            linked: false,
            brief: true,
        };
        Response::Gossip(GossipReply {
            judgements,
            newer,
            sender: header.into(),
            ..GossipReply::nothing(self.id.clone())
        })
    }

    fn judge_all(
        &mut self,
        now: Time,
        messages: Vec<Message>,
        from: Option<&NodeId>,
        out: &mut Vec<Output>,
    ) -> (Vec<Judgement>, Vec<Message>) {
        let mut judgements = Vec::with_capacity(messages.len());
        let (mut newer, mut bytes) = (Vec::new(), 0);
        for message in messages {
            let (origin, kind, uuid, hops) = (message.origin.clone(), message.kind, message.uuid, message.path.len());
            let outcome = self.judge(now, message, from, out);
            self.counters.messages_received += 1;
            if let Some(link) = from.and_then(|from| self.overlay.links.get_mut(from)) {
                link.counts.received += 1;
                link.counts.duplicate += u64::from(outcome == Outcome::Duplicate);
            }
            let again = Again { origin: &origin, kind, uuid: &uuid, hops, at: now };
            let keep = outcome == Outcome::Duplicate && self.must_go_on(&again, from);
            if outcome == Outcome::Stale
                && kind == Kind::State
                && bytes < MAX_BATCH_BYTES
                && let Some(held) = self.state_to_repair(&origin)
            {
                bytes += held.weight();
                newer.push(held);
            }
            judgements.push(Judgement { outcome, keep });
        }
        (judgements, newer)
    }
}
