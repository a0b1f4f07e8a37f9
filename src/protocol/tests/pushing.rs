//! Pushing: ttl, path and reach, duplicates, limits, and what becomes of a refused batch.

use super::*;

fn linked(peers: impl IntoIterator<Item = u16>) -> Bench {
    let mut bench = Bench::new(Config { max_peers: 8, ..quiet() });
    for peer in peers {
        bench.link(peer);
    }
    bench.pushed();
    bench
}

/// To whom, with which ttl and path.
fn ways(pushed: &BTreeMap<NodeId, Vec<Message>>) -> Vec<(NodeId, u8, Path)> {
    let one = |(to, messages): (&NodeId, &Vec<Message>)| {
        messages.iter().map(|m| (to.clone(), m.ttl, m.path.clone())).collect::<Vec<_>>()
    };
    pushed.iter().flat_map(one).collect()
}

fn submit(bench: &mut Bench, ttl: Option<u8>, relays: u8) -> Uuid {
    let submission = Submission { payload: payload("apple"), ttl, relays, uuid: None };
    match bench.ask(Request::Submit(submission)) {
        Response::Submitted { uuid, created: true, .. } => uuid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_origin_sends_its_ttl_unchanged_and_itself_as_the_path() {
    let mut bench = linked([2, 3]);
    submit(&mut bench, Some(7), 0);
    assert_eq!(ways(&bench.pushed()), [(id(2), 7, path(&[1])), (id(3), 7, path(&[1]))]);
    bench.ask(Request::SetState(payload("book")));
    assert_eq!(ways(&bench.pushed()), [(id(2), 64, path(&[1])), (id(3), 64, path(&[1]))]);
}

#[test]
fn a_forwarder_takes_one_from_the_ttl_and_appends_itself() {
    for kind in [Kind::State, Kind::Message] {
        let mut bench = linked([2, 3, 4, 5]);
        bench.hear(2, vec![message(kind, 9, 1, 7, &[6, 4, 2])]);
        // Neither to the sender nor to 4, which is on the path.
        assert_eq!(ways(&bench.pushed()), [(id(3), 6, path(&[6, 4, 2, 1])), (id(5), 6, path(&[6, 4, 2, 1]))]);
    }
}

#[test]
fn ttl_0_is_taken_and_not_passed_on() {
    for kind in [Kind::State, Kind::Message] {
        let mut bench = linked([2, 3]);
        assert_eq!(bench.hear(2, vec![message(kind, 9, 1, 0, &[6, 2])]).judgements[0].outcome, Outcome::New);
        assert_eq!(ways(&bench.pushed()), []);
    }
    let mut bench = linked([2]);
    let uuid = submit(&mut bench, Some(0), 0);
    // The origin's own ttl counts the hops after the first.
    assert_eq!(ways(&bench.pushed()), [(id(2), 0, path(&[1]))]);
    assert!(bench.node.view().log().get(&uuid).is_some_and(|record| !record.is_unlimited()));
}

#[test]
fn a_limited_message_is_passed_on_again_when_a_copy_may_travel_further() {
    let mut bench = linked([2, 3]);
    bench.hear(2, vec![message(Kind::Message, 9, 1, 3, &[6, 7, 8, 2])]);
    assert_eq!(ways(&bench.pushed()), [(id(3), 2, path(&[6, 7, 8, 2, 1]))]);
    assert_eq!(
        bench.hear(2, vec![message(Kind::Message, 9, 1, 3, &[6, 5, 2])]).judgements[0].outcome,
        Outcome::Duplicate
    );
    assert_eq!(ways(&bench.pushed()), [], "no further than the copy before");
    bench.hear(2, vec![message(Kind::Message, 9, 1, 5, &[6, 2])]);
    assert_eq!(ways(&bench.pushed()), [(id(3), 4, path(&[6, 2, 1]))]);
}

#[test]
fn an_unlimited_message_is_passed_on_once() {
    let mut bench = linked([2, 3]);
    bench.hear(2, vec![message(Kind::Message, 9, 1, 62, &[6, 7, 2])]);
    assert_eq!(ways(&bench.pushed()).len(), 1);
    bench.hear(2, vec![message(Kind::Message, 9, 1, 63, &[6, 2])]);
    assert_eq!(ways(&bench.pushed()), []);
}

#[test]
fn the_first_so_many_copies_are_each_relayed() {
    let mut bench = linked([2, 3, 4]);
    let copy = |way: &[u16]| message(Kind::Message, 9, 1, 63, way).altered(|content| content.relays = 2);
    bench.hear(2, vec![copy(&[6, 2])]);
    assert_eq!(ways(&bench.pushed()), [(id(3), 62, path(&[6, 2, 1])), (id(4), 62, path(&[6, 2, 1]))]);
    bench.hear(3, vec![copy(&[6, 3])]);
    assert_eq!(ways(&bench.pushed()), [(id(2), 62, path(&[6, 3, 1])), (id(4), 62, path(&[6, 3, 1]))]);
    bench.hear(4, vec![copy(&[6, 4])]);
    assert_eq!(ways(&bench.pushed()), [], "two copies were asked for");
    let record = bench.node.view().record(&Uuid::from_u128(9)).unwrap();
    assert_eq!(record.path_count(), 3, "the path of each copy is kept");
    let arrivals = bench.events().into_iter().filter(|event| matches!(event, Event::MessageArrived { .. })).count();
    assert_eq!(arrivals, 0, "pushing took the events; a copy more is no delivery");
}

#[test]
fn a_message_is_delivered_once_however_often_it_comes() {
    let mut bench = linked([2, 3]);
    for way in [&[6, 2][..], &[6, 3, 2], &[6, 2], &[6, 4, 2]] {
        bench.hear(2, vec![message(Kind::Message, 9, 1, 63, way)]);
    }
    let arrived = |event: &Event| matches!(event, Event::MessageArrived { .. });
    assert_eq!(bench.events().into_iter().filter(arrived).count(), 1);
    let record = bench.node.view().record(&Uuid::from_u128(9)).unwrap();
    let paths: Vec<&Path> = record.arrivals().map(|(path, _)| path).collect();
    assert_eq!(paths, [&path(&[6, 2]), &path(&[6, 3, 2]), &path(&[6, 4, 2])]);
}

#[test]
fn a_stale_state_is_answered_with_the_newer_one() {
    let mut bench = linked([2, 3]);
    bench.hear(2, vec![message(Kind::State, 9, 5, 10, &[6, 2])]);
    let reply = bench.hear(3, vec![message(Kind::State, 8, 4, 60, &[6, 3])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Stale);
    let newer = &reply.newer[0];
    assert_eq!((newer.version, newer.uuid, &newer.path), (5, Uuid::from_u128(9), &path(&[6, 2, 1])));
    assert_eq!(newer.ttl, 64, "repair hands on with a fresh ttl");
    assert_eq!(bench.version_of(6), 5);
}

#[test]
fn a_slow_peer_gets_the_newest_state_of_an_origin_only() {
    let mut bench = linked([2]);
    for version in 1..=5 {
        bench.ask(Request::SetState(payload(&format!("book {version}"))));
    }
    let versions: Vec<Version> = bench.pushed()[&id(2)].iter().map(|message| message.version).collect();
    let newest = bench.version_of(1);
    assert_eq!(versions, [newest - 4, newest], "the first was under way when the others came");
}

#[test]
fn an_unanswered_envelope_is_sent_again() {
    let mut bench = linked([2]);
    let uuid = submit(&mut bench, None, 0);
    let (ticket, ..) = bench.calls().remove(0);
    bench.tell(Input::Undelivered { ticket, failure: Failure::Unknown });
    bench.pass(HEARTBEAT_MS);
    assert!(bench.pushed()[&id(2)].iter().any(|message| message.uuid == uuid));
}

#[test]
fn of_a_refused_batch_only_the_refused_message_is_dropped() {
    let mut bench = linked([2]);
    let bad = submit(&mut bench, None, 0);
    let first = bench.calls().remove(0).0;
    let others = [submit(&mut bench, None, 0), submit(&mut bench, None, 0)];
    bench.tell(Input::Undelivered { ticket: first, failure: Failure::Unknown });
    bench.pass(HEARTBEAT_MS / 2);
    let (mut taken, mut batches) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        for (ticket, to, call) in bench.calls() {
            let Call::Gossip(envelope) = call else { continue };
            batches.push(envelope.messages.len());
            if envelope.messages.iter().any(|message| message.uuid == bad) {
                bench.tell(Input::Undelivered { ticket, failure: Failure::Rejected { status: 422 } });
            } else {
                taken.extend(envelope.messages.iter().map(|message| message.uuid));
                bench.tell(Input::Delivered { ticket, reply: accepting(&to, envelope.messages.len()) });
            }
        }
        bench.pass(20);
    }
    assert_eq!(taken, others);
    assert_eq!(&batches[..2], [3, 1], "refused whole, then one by one: {batches:?}");
    assert_eq!(bench.peers(), [id(2)], "the link stays");
}

#[test]
fn another_cluster_is_refused_and_changes_nothing() {
    let mut bench = linked([2]);
    let header = Header { cluster: "other".into(), ..header(3, true) };
    let messages = vec![message(Kind::State, 9, 1, 9, &[3])];
    let envelope = Envelope {
        sender: header.into(),
        messages,
        digest: None,
        claims: Vec::new(),
        free_place: None,
        graft: None,
        prune: Vec::new(),
        recent: Vec::new(),
    };
    let response = bench.ask(Request::Gossip(envelope));
    assert!(matches!(response, Response::Refused(Refusal::OtherCluster { .. })), "{response:?}");
    assert_eq!(bench.version_of(3), 0);
}

#[test]
fn a_leap_is_refused_and_counted() {
    let mut bench = linked([2]);
    bench.hear(2, vec![message(Kind::State, 9, 1, 9, &[3, 2])]);
    let reply = bench.hear(2, vec![message(Kind::State, 8, 2 + limits::MAX_LEAP, 9, &[3, 2])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Limited);
    let reply = bench.hear(2, vec![message(Kind::Message, 7, 2 + limits::MAX_LEAP, 9, &[3, 2])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Limited);
    assert_eq!((bench.version_of(3), bench.node.view().counters().limited), (1, 2));
}

#[test]
fn what_was_evicted_is_expired_and_never_delivered_again() {
    let mut bench = Bench::new(Config { max_messages: 3, ..quiet() });
    bench.link(2);
    for number in 1..=5 {
        bench.hear(2, vec![message(Kind::Message, number, number as u64, 63, &[6, 2])]);
    }
    assert_eq!([1, 2, 3, 4, 5].map(|uuid| bench.holds(uuid)), [false, false, true, true, true]);
    bench.events();
    let reply = bench.hear(2, vec![message(Kind::Message, 2, 2, 63, &[6, 2])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Expired);
    assert!(!bench.events().iter().any(|event| matches!(event, Event::MessageArrived { .. })));
}

#[test]
fn a_known_uuid_is_no_new_message() {
    let mut bench = linked([2]);
    let submission = Submission { payload: payload("apple"), ttl: None, relays: 0, uuid: Some(Uuid::from_u128(77)) };
    let first = bench.ask(Request::Submit(submission.clone()));
    let again = bench.ask(Request::Submit(submission));
    let (Response::Submitted { version, created: true, .. }, Response::Submitted { version: same, created: false, .. }) =
        (&first, &again)
    else {
        panic!("{first:?}, {again:?}")
    };
    assert_eq!(version, same);
}

#[test]
fn a_link_carries_one_envelope_per_window() {
    let mut bench = Bench::new(Config { batch_ms: 400, heartbeat_ms: 60_000, suspicion_ms: 60_000, ..quiet() });
    bench.link(2);
    bench.pass(400);
    bench.pushed();
    bench.pass(400);
    submit(&mut bench, None, 0);
    assert_eq!(bench.pushed().len(), 1, "the first of a window waits for nothing");
    submit(&mut bench, None, 0);
    submit(&mut bench, None, 0);
    bench.pass(399);
    assert!(bench.pushed().is_empty());
    bench.pass(1);
    assert_eq!(bench.pushed()[&id(2)].len(), 2);
    submit(&mut bench, None, 0);
    bench.tell(Input::Stop);
    assert_eq!(bench.pushed()[&id(2)].len(), 1, "the last words wait for no window");
}

#[test]
fn many_states_gather_while_a_few_and_every_message_go_at_once() {
    let mut bench = Bench::new(Config { max_peers: 2, ..quiet() });
    bench.link(2);
    bench.link(3);
    // A network of 400 nodes: as many milliseconds of its heartbeat as make a window of 200.
    let state = |uuid: u128, origin: u16| message(Kind::State, uuid, 1, 64, &[origin, 2]);
    bench.hear(2, (0..400).map(|other| state(1_000 + other, 100 + other as u16)).collect());
    bench.pushed();
    bench.pass(60_000);
    bench.pushed();
    let mut sent_at_once = 0;
    for other in 0..40 {
        bench.hear(2, vec![state(2_000 + other, 600 + other as u16)]);
        sent_at_once += bench.pushed().remove(&id(3)).unwrap_or_default().len();
    }
    assert!((5..=10).contains(&sent_at_once), "a few: {sent_at_once}");
    bench.hear(2, vec![message(Kind::Message, 7, 1, 64, &[6, 2])]);
    let with_message = bench.pushed().remove(&id(3)).unwrap_or_default();
    assert_eq!(with_message.len(), 41 - sent_at_once, "a message waits for nothing, and takes along what waits");
    bench.hear(2, vec![state(3_000, 700), state(3_001, 701)]);
    assert_eq!(bench.pushed().remove(&id(3)), None);
    bench.pass(HEARTBEAT_MS / 2);
    assert_eq!(
        bench.pushed().remove(&id(3)).unwrap_or_default().len(),
        2,
        "nothing waits for longer than half a heartbeat"
    );
}

#[test]
fn a_digest_that_would_soon_be_due_goes_along_with_news() {
    let mut bench = linked([2]);
    let digests = |bench: &mut Bench| -> Vec<(usize, bool)> {
        let mut sent = Vec::new();
        for (ticket, to, call) in bench.calls() {
            let Call::Gossip(envelope) = call else { continue };
            sent.push((envelope.messages.len(), envelope.digest.is_some()));
            bench.tell(Input::Delivered { ticket, reply: accepting(&to, envelope.messages.len()) });
        }
        sent
    };
    while digests(&mut bench) != [(0, true)] {
        bench.pass(10);
    }
    submit(&mut bench, None, 0);
    assert_eq!(digests(&mut bench), [(1, false)], "one went just now");
    bench.pass(HEARTBEAT_MS * 4 / 5);
    submit(&mut bench, None, 0);
    assert_eq!(digests(&mut bench), [(1, true)]);
    bench.pass(HEARTBEAT_MS * 4 / 5);
    assert_eq!(digests(&mut bench), [], "so none goes by itself");
}
