//! Repair: what two nodes do not both hold is exchanged, and only that.

use super::*;

/// Two nodes, of which the first already holds what `teach` gave it, linked.
fn two(configs: [Config; 2], teach: impl FnOnce(&mut Bench)) -> Few {
    let mut few = Few::new(configs.into());
    teach(few.bench(1));
    few.bench(1).out.clear();
    few.link_first_two();
    few
}

/// A message of node 9 as somebody without a link hands it in.
fn hand_in(bench: &mut Bench, message: Message) {
    bench.ask(Request::Messages(vec![message]));
}

fn comparisons(few: &mut Few) -> u64 {
    few.0.values().map(|bench| bench.node.view().counters().comparisons).sum()
}

#[test]
fn a_new_peer_gets_everything_within_a_heartbeat() {
    let mut few = two([quiet(), quiet()], |bench| {
        for number in 1..=300 {
            hand_in(bench, message(Kind::Message, u128::from(number), number, 63, &[9, 8]));
        }
        for node in 100..200 {
            hand_in(bench, message(Kind::State, 1, 4, 0, &[node]));
        }
    });
    few.run(HEARTBEAT_MS);
    assert!((1..=300).all(|uuid| few.bench(2).holds(uuid)));
    assert!((100..200).all(|node| few.bench(2).version_of(node) == 4));
    assert_eq!(few.bench(1).node.digest(), few.bench(2).node.digest());
    let before = comparisons(&mut few);
    few.run(10 * HEARTBEAT_MS);
    assert_eq!(comparisons(&mut few), before, "equal digests end it");
}

#[test]
fn a_limited_message_is_not_repaired() {
    let mut few = two([quiet(), quiet()], |bench| {
        hand_in(bench, message(Kind::Message, 1, 1, 61, &[9, 7, 8]));
        hand_in(bench, message(Kind::Message, 2, 2, 62, &[9, 7, 8]));
    });
    few.run(5 * HEARTBEAT_MS);
    assert!(!few.bench(2).holds(1), "reach 63");
    assert!(few.bench(2).holds(2), "reach 64");
    assert_eq!(few.bench(1).node.digest(), few.bench(2).node.digest());
}

#[test]
fn what_was_refused_for_a_limit_counts_as_held() {
    let small = Config { max_payload: 64, max_nodes: 3, ..quiet() };
    let large = "long ".repeat(100);
    let mut few = two([quiet(), small], |bench| {
        hand_in(bench, message(Kind::Message, 1, 1, 63, &[9, 8]).altered(|content| content.payload = payload(&large)));
        hand_in(bench, message(Kind::State, 2, 1, 63, &[8]).altered(|content| content.payload = payload(&large)));
        for node in 20..25 {
            hand_in(bench, message(Kind::State, 3, 1, 63, &[node]));
        }
    });
    few.run(5 * HEARTBEAT_MS);
    assert!(!few.bench(2).holds(1));
    assert_eq!(few.bench(2).node.view().table().len(), 3);
    let before = comparisons(&mut few);
    few.run(20 * HEARTBEAT_MS);
    assert_eq!(comparisons(&mut few), before, "what is refused is not offered for ever");
}

#[test]
fn states_beyond_their_bytes_are_refused_once_and_the_own_one_is_not() {
    let small = Config { max_state_bytes: 4_000, ..quiet() };
    let mut few = two([quiet(), small], |bench| {
        for node in 20..70 {
            hand_in(bench, message(Kind::State, 3, 1, 63, &[node]));
        }
    });
    few.run(5 * HEARTBEAT_MS);
    let bench = few.bench(2);
    assert!((3_000..=4_000).contains(&bench.node.view().table().bytes()), "{}", bench.node.view().table().bytes());
    let text = "long ".repeat(2_000);
    assert!(matches!(bench.ask(Request::SetState(payload(&text))), Response::Version(_)));
    few.run(5 * HEARTBEAT_MS);
    assert!(few.bench(1).version_of(2) > 0 && few.bench(1).version_of(2) == few.bench(2).version_of(2));
    let before = comparisons(&mut few);
    few.run(20 * HEARTBEAT_MS);
    assert_eq!(comparisons(&mut few), before, "what is refused is not offered for ever");
}

#[test]
fn no_path_grows_longer_than_it_may_and_keeps_its_origin() {
    let short = Config { max_path: 65, ..quiet() };
    let long: Vec<u16> = (100..200).collect();
    let mut few = two([short, quiet()], |bench| hand_in(bench, message(Kind::Message, 1, 1, 200, &long)));
    few.run(2 * HEARTBEAT_MS);
    let record = few.bench(2).node.view().log().get(&uuid::Uuid::from_u128(1)).cloned().expect("it came");
    let path = &record.message.path;
    assert_eq!((path.len(), &path[0], &path[64]), (65, &id(100), &id(1)));
}

#[test]
fn what_a_full_log_evicted_is_not_repaired_back() {
    let small = Config { max_messages: 5, ..quiet() };
    let mut few = two([quiet(), small], |bench| {
        for number in 1..=20 {
            hand_in(bench, message(Kind::Message, u128::from(number), number, 63, &[9, 8]));
        }
    });
    few.run(5 * HEARTBEAT_MS);
    assert_eq!(few.bench(2).node.view().log().len(), 5);
    assert!((16..=20).all(|uuid| few.bench(2).holds(uuid)) && (1..=20).all(|uuid| few.bench(1).holds(uuid)));
    let before = comparisons(&mut few);
    few.run(20 * HEARTBEAT_MS);
    assert_eq!(comparisons(&mut few), before, "different floors are no difference");
}

#[test]
fn what_is_definite_of_the_dead_is_repaired_too() {
    for holder in [1, 2] {
        let mut few = two([quiet(), quiet()], |bench| hand_in(bench, message(Kind::State, 1, 4, 63, &[9])));
        few.run(2 * HEARTBEAT_MS);
        // A claim whose envelope was lost: only the digests tell.
        let bench = few.bench(holder);
        bench
            .node
            .table
            .claim(bench.now, &Claim { id: id(9), version: 5, status: Status::Left, age_ms: 0, uuid: None });
        few.run(5 * HEARTBEAT_MS);
        assert_eq!(few.bench(3 - holder).status_of(9), Some(Status::Left), "held by {holder}");
    }
}

#[test]
fn a_large_difference_takes_few_comparisons() {
    let mut few = two([quiet(), quiet()], |bench| {
        for number in 1..=5_000 {
            hand_in(bench, message(Kind::Message, u128::from(number), number, 63, &[9, 8]));
        }
    });
    few.run(3 * HEARTBEAT_MS);
    assert!((1..=5_000).all(|uuid| few.bench(2).holds(uuid)));
    assert!(comparisons(&mut few) <= 10, "{} comparisons", comparisons(&mut few));
}
