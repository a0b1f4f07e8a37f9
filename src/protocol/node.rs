//! The node as a value: its parts, its door and its next deadline.
//!
//! No sockets, no clock, no threads, no logging: requests, inputs and times go in, responses and outputs come out (see
//! `door.rs`). The rules stand in one file each: `own.rs` (this node's state), `dissemination.rs` (messages),
//! `overlay.rs` (links), `liveness.rs` (who lives), `repair.rs` (comparisons) and `foreign.rs` (the other dialect).

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::calls::{Call, GossipReply, Header, Reply};
use super::config::Config;
use super::door::{Event, Input, Output, Refusal, Request, Response};
use super::doubt::Past;
use super::fingerprint::mix;
use super::foreign::Foreign;
use super::forgetting::Forgotten;
use super::health::Health;
use super::keeping::Keeping;
use super::limits::MAX_VERSION;
use super::link::Carried;
use super::log::Log;
use super::origins::Origins;
use super::overlay::Overlay;
use super::own::Own;
use super::probe::Probes;
use super::refused::Refusals;
use super::table::Table;
use super::trial::Trial;
use super::words::{Boot, NodeId, Status, Time, first_of};

/// What a call was for, kept until it is answered.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// An envelope over a link, with what it carried.
    Gossip(Carried),
    /// A comparison over a link.
    Sync,
    /// A direct request for a link.
    Offer,
    /// A step of the join under way.
    Join,
    /// Asking whether a node lives and knows this one.
    Probe,
    /// The same of one that did not answer the last time.
    Trial,
    /// Asking whether a node lives, in search of one.
    Scout,
    /// A link to another part of a torn network.
    Bridge,
    /// Asking a peer for its peers.
    Look,
    /// Telling a suspect of it.
    Refute,
    /// A step of the exchange that this node asked for.
    Exchange,
    /// A step of the move that a peer asked this node for.
    Move,
    /// Telling that a link is closed.
    Unlink,
    /// Asking a seed for its peers.
    Seed,
    /// The same of a node of the other dialect.
    ForeignSeed,
    /// States for a node of the other dialect.
    ForeignPush { origins: Vec<NodeId> },
}

/// Counts since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages put into envelopes.
    pub messages_sent: u64,
    /// Messages received in any way, but for comparisons.
    pub messages_received: u64,
    /// Received and taken, by pushing or by comparisons.
    pub new: u64,
    /// Received and already held.
    pub duplicate: u64,
    /// Received and older than what is held.
    pub stale: u64,
    /// Received and below the floor of the log.
    pub expired: u64,
    /// Refused for a limit.
    pub limited: u64,
    /// Refused as they were not their origin's word.
    pub forged: u64,
    /// Taken from a comparison's answer.
    pub repaired: u64,
    /// Envelopes sent, heartbeats included.
    pub envelopes_sent: u64,
    /// Comparisons asked for.
    pub comparisons: u64,
    /// Calls of any kind that were not answered.
    pub failures: u64,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) config: Config,
    pub(super) id: NodeId,
    pub(super) boot: Boot,
    pub(super) random: SmallRng,
    pub(super) own: Own,
    pub(super) table: Table,
    pub(super) log: Log,
    pub(super) books: Log,
    pub(super) lamport: u64,
    pub(super) overlay: Overlay,
    pub(super) probes: Probes,
    pub(super) health: Health,
    pub(super) trial: Option<Trial>,
    pub(super) forgotten: Forgotten,
    pub(super) suspects: BTreeSet<(Time, NodeId)>,
    /// Whether what this node says just now refutes that it is dead.
    pub(super) refuting: bool,
    pub(super) foreign: Foreign,
    pub(super) refused: Refusals,
    pub(super) origins: Origins,
    pub(super) keeping: Keeping,
    pub(super) compared_once: bool,
    pub(super) past: Past,
    pub(super) counters: Counters,
    pub(super) stopping: bool,
    /// Calls under way, a handful, each with its ticket.
    pending: Vec<(u64, NodeId, Purpose)>,
    next_ticket: u64,
    next_seq: u64,
    /// The deadline as of the end of the last event.
    due: Option<Time>,
}

/// The number of bytes that seed a node's generator.
pub type Seed = [u8; 32];

impl Node {
    /// A node at the beginning of its life at time `now`. `seed` decides every random choice it will ever make; its boot
    /// number and the uuids of its messages are drawn from it, so two lives must not share one.
    pub fn new(config: Config, id: NodeId, seed: Seed, now: Time) -> Node {
        let mut random = SmallRng::from_seed(seed);
        let boot = random.random_range(1..=MAX_VERSION);
        let own = Own::new(now, &config);
        let overlay = Overlay::new(now, &config, &id);
        let secret = random.random();
        let mut table = Table::new(config.table_bounds(), mix(secret, 1));
        if config.durable {
            table.note_changes();
        }
        let log = Log::new(config.max_messages, config.max_message_bytes, config.max_paths, secret);
        let books = Log::new(config.max_books, config.max_state_bytes, config.max_paths, random.random());
        let origins = Origins::new(config.allowed_keys.clone());
        Node {
            config,
            id,
            boot,
            random,
            own,
            table,
            log,
            books,
            lamport: 0,
            overlay,
            probes: Probes::new(now),
            health: Health::default(),
            trial: None,
            forgotten: Forgotten::new(now),
            suspects: BTreeSet::new(),
            refuting: false,
            foreign: Foreign::default(),
            refused: Refusals::default(),
            origins,
            keeping: Keeping::default(),
            compared_once: false,
            past: Past::default(),
            counters: Counters::default(),
            stopping: false,
            pending: Vec::new(),
            next_ticket: 0,
            next_seq: 0,
            due: Some(now),
        }
    }

    /// Answers a request from another node or a user.
    pub fn request(&mut self, now: Time, request: Request, out: &mut Vec<Output>) -> Response {
        self.note_lateness(now);
        let response = match request {
            Request::Gossip(envelope) => self.answer_envelope(now, envelope, out),
            Request::Messages(messages) => self.answer_messages(now, messages, out),
            Request::Sync(call) => self.answer_sync(now, call, out),
            Request::Link(call) => self.answer_link(now, call, out),
            Request::Unlink(from) => {
                self.closed_by_peer(now, &from, "the other side closed it", out);
                Response::Done
            }
            Request::ForeignRegister(id) => self.answer_foreign_register(now, id, out),
            Request::ForeignGossip { from, messages } => self.answer_foreign_gossip(now, from, messages, out),
            _ if self.stopping => Response::Refused(Refusal::Leaving),
            Request::SetState(payload) => Response::Version(self.set_payload(now, payload, out)),
            Request::ClearState => Response::Version(self.clear_payload(now, out)),
            Request::Submit(submission) => self.submit(now, submission, out),
            Request::MarkRead(uuids) => self.mark_read(uuids, out),
            Request::Forget { id, uuid } => self.forget(now, &id, uuid, out),
            Request::AddSeeds(ids) => self.add_seeds(now, ids),
            Request::RemoveSeeds(ids) => self.remove_seeds(&ids),
            Request::AllowKeys(keys) => {
                self.allow_keys(keys);
                Response::Done
            }
        };
        self.tend(now, out);
        self.hand_out_kept(out);
        response
    }

    /// Takes a report on earlier outputs, or on time.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut Vec<Output>) {
        self.note_lateness(now);
        match input {
            Input::Wake | Input::Persisted(_) => {}
            Input::Delivered { ticket, reply } => {
                if let Some((to, purpose)) = self.ended(ticket) {
                    self.delivered(now, to, purpose, reply, out);
                }
            }
            Input::Undelivered { ticket, failure } => {
                if let Some((to, purpose)) = self.ended(ticket) {
                    self.counters.failures += 1;
                    if let Some(link) = self.overlay.links.get_mut(&to) {
                        link.counts.failures += 1;
                    }
                    self.undelivered(now, to, purpose, failure, out);
                }
            }
            Input::Stop => self.leave(now, out),
        }
        self.tend(now, out);
        self.hand_out_kept(out);
    }

    /// How many calls for such a purpose are under way.
    pub(super) fn calls_for(&self, is_meant: impl Fn(&Purpose) -> bool) -> usize {
        self.pending.iter().filter(|(.., purpose)| is_meant(purpose)).count()
    }

    /// Takes out what a call was for.
    fn ended(&mut self, ticket: u64) -> Option<(NodeId, Purpose)> {
        let place = self.pending.iter().position(|(pending, ..)| *pending == ticket)?;
        let (_, to, purpose) = self.pending.swap_remove(place);
        Some((to, purpose))
    }

    fn delivered(&mut self, now: Time, to: NodeId, purpose: Purpose, reply: Reply, out: &mut Vec<Output>) {
        match (purpose, reply) {
            (Purpose::Gossip(carried), Reply::NothingToAdd) => {
                self.gossip_answered(now, &to, carried, GossipReply::nothing(to.clone()), out);
            }
            (Purpose::Gossip(carried), Reply::Gossip(reply)) => self.gossip_answered(now, &to, carried, reply, out),
            (Purpose::Sync, Reply::Sync(reply)) => self.sync_answered(now, &to, reply, out),
            (Purpose::Offer, Reply::Link(reply)) => self.offer_answered(now, &to, reply, out),
            (Purpose::Join, Reply::Link(reply)) => self.join_answered(now, reply, out),
            (Purpose::Probe, Reply::Link(reply)) => self.probe_answered(now, &to, &reply, out),
            (Purpose::Trial, Reply::Link(reply)) => self.trial_answered(now, &to, &reply, out),
            (Purpose::Scout, Reply::Link(reply)) => self.scout_answered(now, &to, &reply, out),
            (Purpose::Bridge, Reply::Link(reply)) => self.bridge_answered(now, &to, &reply, out),
            (Purpose::Exchange, Reply::Link(reply)) => self.exchange_answered(now, &to, reply, out),
            (Purpose::Move, Reply::Link(reply)) => self.move_answered(now, &to, &reply, out),
            (Purpose::Look, Reply::Peers(peers)) => self.look_answered(now, &to, Some(peers), out),
            (Purpose::Seed, Reply::Peers(peers)) => self.seed_answered(now, to, &peers, out),
            (Purpose::ForeignSeed, Reply::Peers(peers)) => self.foreign_seed_answered(now, to, peers, out),
            (Purpose::ForeignPush { .. }, Reply::Done) => self.foreign_push_answered(&to),
            (Purpose::Refute, Reply::Link(reply)) => drop(self.meet(now, &reply.header, out)),
            (Purpose::Unlink, _) => {}
            // An answer of another kind than the question is no answer.
            (purpose, _) => self.undelivered(now, to, purpose, super::calls::Failure::Unknown, out),
        }
    }

    fn undelivered(
        &mut self,
        now: Time,
        to: NodeId,
        purpose: Purpose,
        failure: super::calls::Failure,
        out: &mut Vec<Output>,
    ) {
        match purpose {
            Purpose::Gossip(carried) => self.gossip_failed(now, &to, carried, failure, out),
            Purpose::Sync => self.sync_failed(now, &to, failure, out),
            Purpose::Offer | Purpose::Join => self.wish_unanswered(now, &to, failure, out),
            Purpose::Bridge => self.bridge_failed(&to),
            Purpose::Look => self.look_answered(now, &to, None, out),
            Purpose::Exchange => self.exchange_failed(failure),
            Purpose::Move => self.move_failed(&to, failure),
            Purpose::Scout => self.scout_failed(now, &to, failure, out),
            Purpose::Probe => self.probe_failed(now, &to, failure),
            Purpose::Trial => self.trial_failed(now, &to, failure, out),
            Purpose::Seed => self.seed_failed(now, to, failure, out),
            Purpose::ForeignSeed => self.foreign_seed_failed(now, &to),
            Purpose::ForeignPush { origins } => self.foreign_push_failed(now, &to, origins, out),
            Purpose::Unlink | Purpose::Refute => {}
        }
    }

    /// Does all that is due at `now`.
    fn tend(&mut self, now: Time, out: &mut Vec<Output>) {
        self.overlay.links.settle();
        if self.compared_once {
            for id in self.table.confirm_all() {
                out.push(Output::Emit(Event::StatusChanged { id, status: Status::Alive }));
            }
        }
        // Most events leave nothing to do before a later time; only a search for better links acts on what comes meanwhile.
        self.due = self.deadline();
        let calm = !self.stopping && self.overlay.links.are_sound() && self.overlay.scouting.is_none();
        if calm && self.due.is_none_or(|due| due > now) {
            self.note_past(now);
            return;
        }
        if !self.stopping {
            self.gather_if_due(now);
            self.tend_own(now, out);
            self.tend_suspects(now, out);
            self.tend_forgetting(now, out);
            self.tend_overlay(now, out);
            self.tend_probes(now, out);
            self.tend_trial(now, out);
            self.tend_foreign(now, out);
        }
        self.tend_links(now, out);
        self.note_past(now);
        self.overlay.links.settle();
        self.due = self.deadline();
    }

    /// The time at which [`Input::Wake`] is next needed.
    pub fn deadline(&self) -> Option<Time> {
        if self.stopping {
            return None;
        }
        let links = self.overlay.links.deadline();
        let suspect = self.suspects.first().map(|(due, _)| *due);
        let (probe, trial) = (self.probes.deadline(), self.trial.as_ref().and_then(Trial::deadline));
        let (forgetting, overlay) = (self.forgetting_deadline(), self.overlay_deadline());
        first_of(&[self.own.deadline(), suspect, forgetting, overlay, probe, trial, self.foreign.deadline(), links])
    }

    /// What [`Node::deadline`] was at the end of the last request or input, at no cost.
    pub fn due(&self) -> Option<Time> {
        self.due
    }

    /// A read-only view for displays.
    pub fn view(&self) -> super::view::View<'_> {
        super::view::View::new(self)
    }

    /// Whether everything that was under way when the node began to leave has ended.
    pub fn is_quiet(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn calls_under_way(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn touch_calls(&self) -> u64 {
        self.pending.iter().fold(0, |sum, (ticket, ..)| sum ^ ticket)
    }

    /// Whether the call of this ticket is still under way.
    pub fn awaits(&self, ticket: u64) -> bool {
        self.pending.iter().any(|(pending, ..)| *pending == ticket)
    }

    pub(super) fn header(&self, to: &NodeId) -> Header {
        Header {
            cluster: self.config.cluster.clone(),
            from: self.id.clone(),
            boot: self.boot,
            linked: !self.stopping && self.overlay.links.contains_key(to),
            brief: true,
        }
    }

    pub(super) fn call(&mut self, to: &NodeId, call: Call, purpose: Purpose, out: &mut Vec<Output>) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.pending.push((ticket, to.clone(), purpose));
        out.push(Output::Send { ticket, to: to.clone(), call, patience_ms: self.call_patience() });
    }

    pub(super) fn persist(&mut self, records: Vec<super::disk::DiskRecord>, out: &mut Vec<Output>) {
        self.next_seq += 1;
        out.push(Output::Persist { seq: self.next_seq, records });
    }

    /// Checks who speaks, and forgets a link to an earlier life of the same id.
    pub(super) fn meet(&mut self, now: Time, header: &Header, out: &mut Vec<Output>) -> Result<(), Refusal> {
        if header.cluster != self.config.cluster {
            let (ours, theirs) = (self.config.cluster.clone(), header.cluster.clone());
            return Err(Refusal::OtherCluster { ours, theirs });
        }
        if header.from == self.id {
            if header.boot != self.boot {
                self.note_conflict(now, Some(header.boot), out);
            }
            return Err(Refusal::OwnId(self.id.clone()));
        }
        match self.overlay.links.get_mut(&header.from) {
            // It was met when the link was made.
            Some(link) if link.boot == header.boot => {
                link.brief_until = link.brief_until.filter(|_| header.brief && header.linked);
                return Ok(());
            }
            Some(_) => self.lose_peer(now, &header.from, "the other side was restarted", out),
            None => {}
        }
        self.foreign.note_native(&header.from);
        Ok(())
    }

    /// A time between 90 and 110 % of `milliseconds`, so that nodes do not act in step.
    pub(super) fn jittered(&mut self, milliseconds: u64) -> u64 {
        self.random.random_range(milliseconds * 9 / 10..=milliseconds + milliseconds / 10)
    }
}
