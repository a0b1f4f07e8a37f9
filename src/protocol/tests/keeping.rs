//! What a node with a disk has written, and what a later life takes back of it.

use super::*;

/// A node with a disk, and what its disk holds: every record that it said so far.
struct Kept {
    bench: Bench,
    image: DiskImage,
}

impl Kept {
    fn new(config: Config) -> Kept {
        let mut kept = Kept { bench: Bench::new(durable(config)), image: DiskImage::default() };
        kept.sync();
        kept
    }

    fn sync(&mut self) {
        for output in self.bench.out.drain(..) {
            if let Output::Persist { records, .. } | Output::Keep(records) = output {
                records.into_iter().for_each(|record| self.image.apply(record));
            }
        }
    }

    fn ask(&mut self, request: Request) -> Response {
        let response = self.bench.ask(request);
        self.sync();
        response
    }

    /// The node's next life, from its disk, with these settings.
    fn restart(&self, config: Config) -> Bench {
        let now = self.bench.now.after(5_000);
        let mut node = Node::new(durable(config), id(1), [77; 32], now);
        node.restore(now, self.image.clone());
        let mut bench = Bench { node, now, out: Vec::new() };
        bench.tell(Input::Wake);
        bench
    }
}

fn durable(config: Config) -> Config {
    Config { durable: true, ..config }
}

fn held(bench: &Bench) -> Vec<(Uuid, usize, bool)> {
    bench.node.view().log().iter().map(|r| (r.message.uuid, r.path_count(), r.read)).collect()
}

#[test]
fn a_later_life_has_the_log_its_paths_its_marks_and_the_table() {
    let mut kept = Kept::new(quiet());
    let submission = Submission { payload: payload("mine"), ttl: None, relays: 0, uuid: None };
    let Response::Submitted { uuid, .. } = kept.ask(Request::Submit(submission)) else { panic!("taken") };
    let theirs = message(Kind::Message, 8, 4, 60, &[5, 6]);
    let further = Message { path: path(&[5, 3]), ..theirs.clone() };
    let state = message(Kind::State, 9, 12, 60, &[5]);
    kept.ask(Request::Messages(vec![theirs.clone(), further, state]));
    kept.ask(Request::MarkRead(vec![theirs.uuid]));
    let again = kept.restart(quiet());
    assert_eq!(held(&again), held(&kept.bench));
    assert!(held(&again).contains(&(theirs.uuid, 2, true)));
    assert!(again.node.view().record(&uuid).is_some());
    let entry = again.node.view().table().get(&id(5)).expect("known");
    assert_eq!(entry.version(), 12);
    assert_eq!(again.node.view().log().floor(), kept.bench.node.view().log().floor());
}

#[test]
fn a_later_life_speaks_at_once_and_above_every_version_that_was_used() {
    let mut kept = Kept::new(Config { seeds: vec![id(9)], ..quiet() });
    kept.ask(Request::SetState(payload("set by a user")));
    let submission = Submission { payload: payload("mine"), ttl: None, relays: 0, uuid: None };
    let Response::Submitted { version, .. } = kept.ask(Request::Submit(submission)) else { panic!("taken") };
    let again = kept.restart(Config { seeds: vec![id(9)], ..quiet() });
    assert_eq!(again.node.view().version(), version + 1);
    let state = again.node.view().table().get(&id(1)).and_then(|entry| entry.state.clone()).expect("its own");
    assert_eq!(state.message.payload, payload("set by a user"));
}

#[test]
fn the_version_of_a_goodbye_is_on_disk_before_it_is_said() {
    let mut kept = Kept::new(quiet());
    let before = kept.image.version;
    kept.bench.tell(Input::Stop);
    kept.sync();
    assert!(kept.image.version > before);
}

#[test]
fn the_bounds_of_the_log_hold_on_disk() {
    let small = Config { max_messages: 5, ..quiet() };
    let mut kept = Kept::new(small.clone());
    for version in 1..=40 {
        kept.ask(Request::Messages(vec![message(Kind::Message, version.into(), version, 60, &[5])]));
        assert!(kept.image.messages.len() <= 5);
    }
    assert_eq!(kept.image.floor, kept.bench.node.view().log().floor());
    let mut again = kept.restart(small);
    assert_eq!(held(&again), held(&kept.bench));
    // What was evicted in the earlier life is not taken again in this one.
    again.ask(Request::Messages(vec![message(Kind::Message, 1, 1, 60, &[5])]));
    assert_eq!(held(&again), held(&kept.bench));
    // A log that was made smaller since evicts, and the disk is told.
    let mut smaller = kept.restart(Config { max_messages: 2, ..quiet() });
    let mut image = kept.image.clone();
    smaller.tell(Input::Wake);
    for output in smaller.out.drain(..) {
        if let Output::Persist { records, .. } | Output::Keep(records) = output {
            records.into_iter().for_each(|record| image.apply(record));
        }
    }
    assert_eq!((held(&smaller).len(), image.messages.len()), (2, 2));
}

#[test]
fn a_forgotten_node_stays_forgotten_over_a_restart() {
    let mut kept = Kept::new(Config { forget_ms: 60_000, ..quiet() });
    let state = message(Kind::State, 9, 12, 60, &[5]);
    kept.ask(Request::Messages(vec![state.clone()]));
    kept.ask(Request::Forget { id: id(5), uuid: Some(state.uuid) });
    assert!(kept.bench.node.view().table().get(&id(5)).is_none());
    let mut again = kept.restart(Config { forget_ms: 60_000, ..quiet() });
    assert!(again.node.view().table().get(&id(5)).is_none());
    again.ask(Request::Messages(vec![state]));
    assert!(again.node.view().table().get(&id(5)).is_none());
}

#[test]
fn a_node_without_a_disk_says_nothing_of_what_is_worth_keeping() {
    let mut bench = Bench::new(quiet());
    bench.ask(Request::Messages(vec![message(Kind::Message, 8, 4, 60, &[5]), message(Kind::State, 9, 12, 60, &[5])]));
    assert!(!bench.out.iter().any(|output| matches!(output, Output::Keep(_))));
}

/// What a crash leaves on disk right after an answer: all that was written before it, and nothing that was to be written later.
fn written(out: &[Output]) -> DiskImage {
    let mut image = DiskImage::default();
    for output in out {
        if let Output::Persist { records, .. } = output {
            records.iter().for_each(|record| image.apply(record.clone()));
        }
    }
    image
}

#[test]
fn a_key_is_on_disk_before_anything_follows_from_its_first_message() {
    let key = OriginKey::from_seed([5; 32]);
    let sealed = |message: Message| {
        let seal = Some(key.seal("default", &message));
        message.altered(|content| content.seal = seal)
    };
    for kind in [Kind::State, Kind::Message] {
        let mut bench = Bench::new(durable(quiet()));
        bench.link(2);
        bench.out.clear();
        let first = sealed(message(kind, 3, 4, 60, &[9]));
        bench.ask(Request::Messages(vec![first.clone()]));
        assert!(matches!(bench.out.first(), Some(Output::Persist { .. })), "{:?}", bench.out.first());
        assert!(bench.out.iter().any(|output| matches!(output, Output::Send { .. })), "it is passed on");
        // The process dies at once: only what was waited for is there.
        let mut node = Node::new(durable(quiet()), id(1), [78; 32], bench.now);
        node.restore(bench.now, written(&bench.out));
        let mut again = Bench { node, now: bench.now, out: Vec::new() };
        let other = OriginKey::from_seed([6; 32]);
        let forged = message(kind, 4, 9, 60, &[9]);
        let seal = other.seal("default", &forged);
        let forged = forged.altered(|content| content.seal = Some(seal));
        again.ask(Request::Messages(vec![forged, first]));
        assert_eq!(again.node.view().counters().forged, 1);
        assert_eq!(again.node.view().counters().new, 1);
    }
}

#[test]
fn a_key_that_is_known_is_not_written_again() {
    let key = OriginKey::from_seed([5; 32]);
    let sealed = |message: Message| {
        let seal = Some(key.seal("default", &message));
        message.altered(|content| content.seal = seal)
    };
    let mut bench = Bench::new(durable(quiet()));
    bench.ask(Request::Messages(vec![sealed(message(Kind::State, 3, 4, 60, &[9]))]));
    bench.out.clear();
    bench.ask(Request::Messages(vec![sealed(message(Kind::State, 4, 5, 60, &[9]))]));
    assert!(!bench.out.iter().any(|output| matches!(output, Output::Persist { .. })));
}

#[test]
fn a_message_in_whose_place_another_came_is_gone_from_the_disk() {
    let mut kept = Kept::new(quiet());
    let uuid = Uuid::from_u128(1);
    let submission = Submission { payload: payload("mine"), ttl: None, relays: 0, uuid: Some(uuid) };
    kept.ask(Request::Submit(submission));
    kept.ask(Request::MarkRead(vec![uuid]));
    let earlier = kept.image.clone();
    kept.ask(Request::Messages(vec![message(Kind::Message, 1, 30, 64, &[5])]));
    assert_eq!(kept.image.messages.keys().map(|key| key.stamp).collect::<Vec<_>>(), [30]);
    assert_eq!(held(&kept.restart(quiet())), [(uuid, 1, true)]);
    // A crash before the last of it was written leaves both: the next life knows which counts, and clears up.
    let mut both = kept.image.clone();
    both.replaced.clear();
    both.messages.extend(earlier.messages);
    kept.image = both;
    let mut again = kept.restart(quiet());
    assert_eq!(held(&again), [(uuid, 1, true)]);
    again.ask(Request::MarkRead(Vec::new()));
    for output in again.out.drain(..) {
        if let Output::Persist { records, .. } | Output::Keep(records) = output {
            records.into_iter().for_each(|record| kept.image.apply(record));
        }
    }
    assert_eq!(kept.image.messages.keys().map(|key| key.stamp).collect::<Vec<_>>(), [30]);
}

#[test]
fn whom_a_restarted_node_remembers_is_unverified_until_it_has_compared() {
    let known = KnownRecord {
        id: id(5),
        state: Some((message(Kind::State, 5, 3, 9, &[5]), Time(1))),
        status: Status::Alive,
        since: Time(1),
        claim_version: 3,
    };
    let image = DiskImage { known: [(id(5), Some(known))].into(), ..DiskImage::default() };
    let mut bench = Bench::new(Config { durable: true, ..quiet() });
    bench.node.restore(bench.now, image);
    let shown = |bench: &Bench| bench.node.view().table().get(&id(5)).map(Entry::shown_status);
    assert_eq!(shown(&bench), Some(Status::Unverified));
    bench.pass(HEARTBEAT_MS);
    assert_eq!(shown(&bench), Some(Status::Unverified), "time alone confirms nothing");
    bench.link(2);
    let digest = Some(bench.node.view().digest());
    let (messages, claims, prune, recent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (sender, free_place, graft) = (header(2, true).into(), None, None);
    bench.ask(Request::Gossip(Envelope { sender, messages, digest, claims, free_place, graft, prune, recent }));
    assert_eq!(shown(&bench), Some(Status::Alive), "a peer holds the same");
    assert!(bench.events().contains(&Event::StatusChanged { id: id(5), status: Status::Alive }));
}
