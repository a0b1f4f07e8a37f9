//! A node's own state: who raises its version, and when.

use super::*;

fn own(bench: &Bench) -> (Version, Uuid) {
    let state = bench.node.view().table().get(&id(1)).and_then(|entry| entry.state.clone()).unwrap();
    (state.message.version, state.message.uuid)
}

#[test]
fn an_echo_never_raises_the_version() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    let before = own(&bench);
    for _ in 0..5 {
        let mut echo = bench.node.table.message_of(&id(1)).unwrap();
        echo.path = path(&[1, 3, 2]);
        assert_eq!(bench.hear(2, vec![echo]).judgements[0].outcome, Outcome::Duplicate);
        bench.pass(HEARTBEAT_MS);
    }
    assert_eq!(own(&bench), before);
}

#[test]
fn an_earlier_life_is_continued_above() {
    for (version, uuid) in [(41, 9), (1, u128::MAX), (1, 1)] {
        let mut bench = Bench::new(quiet());
        bench.link(2);
        assert_eq!(own(&bench).0, 1);
        bench.hear(2, vec![message(Kind::State, uuid, version, 9, &[1, 2])]);
        assert_eq!(own(&bench).0, version + 1, "heard {version} {uuid}");
    }
}

#[test]
fn two_processes_with_one_id_do_not_drive_each_other_up() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    let began = bench.now;
    for second in 0..60 {
        // The other process continues above whatever this one says, ten times a second.
        for _ in 0..10 {
            let higher = own(&bench).0 + 1;
            bench.hear(2, vec![message(Kind::State, second, higher, 9, &[1, 2])]);
            bench.pass(100);
        }
    }
    assert!(bench.now.since(began) >= 60 * HEARTBEAT_MS);
    assert!(own(&bench).0 < 20, "after a minute at version {}", own(&bench).0);
}

#[test]
fn a_forged_leap_of_the_own_version_is_followed_by_one_step_that_others_take() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.hear(2, vec![message(Kind::State, 9, limits::MAX_VERSION, 9, &[1, 2])]);
    bench.pass(10 * HEARTBEAT_MS);
    assert_eq!(own(&bench).0, 2 + limits::MAX_LEAP / 2);
}

#[test]
fn a_node_climbs_above_a_forged_state_that_all_others_hold() {
    let mut few = Few::new(vec![quiet(), quiet()]);
    few.link_first_two();
    few.run(100);
    let forged = few.bench(1).version_of(2) + limits::MAX_LEAP;
    few.bench(1).link(9);
    let reply = few.bench(1).hear(9, vec![message(Kind::State, 9, forged, 9, &[2, 9])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::New);
    few.run(20 * HEARTBEAT_MS);
    assert_eq!(few.bench(2).node.view().version(), forged + 1);
    assert_eq!(few.bench(1).version_of(2), forged + 1);
}

#[test]
fn a_node_with_seeds_waits_for_its_version_before_it_speaks() {
    let mut bench = Bench::new(Config { seeds: vec![id(2)], ..quiet() });
    assert_eq!(bench.node.view().version(), 0);
    let (ticket, to, call) = bench.calls().remove(0);
    assert_eq!((to, call), (id(2), Call::Peers));
    bench.tell(Input::Delivered { ticket, reply: Reply::Peers(Vec::new()) });
    let (ticket, ..) = bench.calls().remove(0);
    let reply = LinkReply { header: header(2, true), answer: LinkAnswer::Linked, known_version: 30 };
    bench.tell(Input::Delivered { ticket, reply: Reply::Link(reply) });
    assert_eq!(bench.node.view().version(), 31, "continued above what the seed knew");
    let mut alone = Bench::new(Config { seeds: vec![id(2)], ..quiet() });
    alone.pass(1_000);
    assert_eq!(alone.node.view().version(), 1, "it does not wait for ever");
}

#[test]
fn states_and_messages_share_one_rising_version() {
    let mut bench = Bench::new(quiet());
    let mut versions = vec![own(&bench).0];
    for round in 0..4 {
        let submission = Submission { payload: payload("apple"), ttl: None, relays: 0, uuid: None };
        let response = if round % 2 == 0 {
            bench.ask(Request::Submit(submission))
        } else {
            bench.ask(Request::SetState(payload("book")))
        };
        match response {
            Response::Submitted { version, .. } | Response::Version(version) => versions.push(version),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(versions, [1, 2, 3, 4, 5]);
}

#[test]
fn what_a_node_says_is_on_disk_before_it_is_sent() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.pushed();
    bench.ask(Request::SetState(payload("book")));
    let place = |wanted: fn(&Output) -> bool| bench.out.iter().position(wanted);
    let persisted = place(|output| matches!(output, Output::Persist { .. })).unwrap();
    assert!(persisted < place(|output| matches!(output, Output::Send { .. })).unwrap());
}
