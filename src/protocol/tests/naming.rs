//! One uuid given to several nodes before they hear of each other: everyone ends with one message under it, the same one.

use super::*;

const NAME: Uuid = Uuid::from_u128(4711);

fn named(text: &str) -> Request {
    Request::Submit(Submission { payload: payload(text), ttl: None, relays: 0, uuid: Some(NAME) })
}

/// Two nodes that were each given a message of this name, `first` after so many others, and were linked then.
fn two_of_one_name(first: &str, second: &str, others: u64) -> Few {
    let mut few = Few::new(vec![quiet(), quiet()]);
    for other in 0..others {
        few.bench(1).ask(Request::Messages(vec![message(Kind::Message, u128::from(other), other + 1, 60, &[9])]));
    }
    few.bench(1).ask(named(first));
    few.bench(2).ask(named(second));
    few.run(10);
    few.link_first_two();
    few
}

fn held(bench: &Bench) -> (Message, usize) {
    let record = bench.node.view().log().get(&NAME).expect("held").clone();
    (Message { path: path(&[]), ttl: 0, ..record.message.clone() }, record.path_count())
}

fn delivered(bench: &mut Bench) -> usize {
    bench.events().iter().filter(|event| **event == Event::MessageArrived { uuid: NAME }).count()
}

#[test]
fn two_messages_of_one_name_become_one() {
    for (first, second) in [("said twice", "said twice"), ("said here", "said there")] {
        // In the last case both were made at the same Lamport count, and only their origins tell them apart.
        for others in [5, 1, 0] {
            let mut few = two_of_one_name(first, second, others);
            let before: Vec<_> = (1..=2).map(|n| few.bench(n).node.view().log().get(&NAME).unwrap().key()).collect();
            few.run(5 * HEARTBEAT_MS);
            assert_eq!(held(few.bench(1)).0, held(few.bench(2)).0);
            assert_eq!(held(few.bench(1)).0.stamp, before[0].stamp.max(before[1].stamp));
            assert_eq!(few.bench(1).node.digest(), few.bench(2).node.digest());
            let compared = |few: &mut Few| few.bench(1).node.view().counters().comparisons;
            let before = compared(&mut few);
            few.run(10 * HEARTBEAT_MS);
            assert_eq!(compared(&mut few), before, "they agree, and compare on");
        }
    }
}

#[test]
fn the_greater_one_takes_the_place_is_passed_on_and_not_delivered_again() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.link(3);
    let lesser = message(Kind::Message, 0, 5, 60, &[8]).altered(|content| content.uuid = NAME);
    let greater = message(Kind::Message, 0, 7, 60, &[9, 2]).altered(|content| {
        content.payload = lesser.payload.clone();
        content.uuid = NAME;
    });
    bench.ask(Request::Messages(vec![lesser.clone()]));
    bench.ask(Request::MarkRead(vec![NAME]));
    let _ = bench.pushed();
    assert_eq!(bench.hear(2, vec![greater.clone()]).judgements[0].outcome, Outcome::New);
    let pushed: Vec<(NodeId, NodeId)> = bench
        .pushed()
        .into_iter()
        .flat_map(|(to, messages)| messages.into_iter().map(move |message| (to.clone(), message.origin.clone())))
        .collect();
    assert_eq!(pushed, [(id(3), id(9))], "what waited of the other one is not sent with a way that is not its own");
    let record = bench.node.view().log().get(&NAME).unwrap().clone();
    assert_eq!((record.message.origin.clone(), record.read, record.path_count()), (id(9), true, 1));
    assert_eq!((bench.node.view().log().len(), bench.node.view().log().iter().count()), (1, 1));
    // The lesser one never comes back, nor does it reach anybody.
    assert_eq!(bench.hear(3, vec![lesser]).judgements[0].outcome, Outcome::Duplicate);
    assert_eq!(bench.node.view().log().get(&NAME).unwrap().message.origin, id(9));
    assert_eq!(delivered(&mut bench), 0);
    assert!(bench.pushed().is_empty());
    // Whoever gives no stamp means whatever is known under the name.
    let bare = greater.altered(|content| content.stamp = 0);
    assert_eq!(bench.hear(3, vec![bare]).judgements[0].outcome, Outcome::Duplicate);
    assert_eq!(held(&bench).0.stamp, 7);
}

#[test]
fn an_unlimited_one_goes_before_a_limited_one() {
    let mut bench = Bench::new(quiet());
    let limited = message(Kind::Message, 0, 9, 5, &[8]).altered(|content| content.uuid = NAME);
    let unlimited = message(Kind::Message, 0, 7, 64, &[9]).altered(|content| content.uuid = NAME);
    bench.ask(Request::Messages(vec![limited.clone(), unlimited]));
    assert_eq!(held(&bench).0.stamp, 7);
    bench.ask(Request::Messages(vec![limited]));
    assert_eq!(held(&bench).0.stamp, 7);
    assert_eq!(bench.node.digest().count, 2, "its own state, and the message");
}

#[test]
fn a_program_that_says_no_exact_sum_is_compared_by_uuids() {
    let mut few = two_of_one_name("here", "there", 3);
    few.run(5 * HEARTBEAT_MS);
    let bench = few.bench(1);
    let exact = bench.node.digest();
    let older = Digest { exact: None, ..exact };
    assert!(exact.exact.is_some() && exact.agrees(&older) && older.agrees(&exact));
    assert!(!exact.agrees(&Digest { exact: exact.exact.map(|sum| sum ^ 1), ..exact }));
}
