//! Merging states and claims: whatever the order, the outcome is one, and nothing falls.

use proptest::prelude::*;

use super::super::table::{Bounds, Merge};
use super::super::tree::Copies;
use super::*;

/// News of one of three nodes: a state, or a claim.
#[derive(Clone, Debug)]
enum News {
    State(Message),
    Claim(Claim),
}

fn news() -> impl Strategy<Value = News> {
    let state = (1u16..4, 1u64..6, 0u128..3)
        .prop_map(|(node, version, uuid)| News::State(message(Kind::State, uuid, version, 9, &[node])));
    let claim = (1u16..4, 0u64..7, 0usize..4).prop_map(|(node, version, status)| {
        News::Claim(Claim { id: id(node), version, status: Status::ALL[status].0, age_ms: 0, uuid: None })
    });
    prop_oneof![state, claim]
}

/// Some news, and the same in another order with a part of it twice.
fn in_two_orders() -> impl Strategy<Value = (Vec<News>, Vec<News>)> {
    prop::collection::vec(news(), 0..12).prop_flat_map(|news| {
        let mut twice = news.clone();
        twice.extend_from_slice(&news[..news.len() / 2]);
        (Just(news), Just(twice).prop_shuffle())
    })
}

fn take(table: &mut Table, news: &News) -> bool {
    match news {
        News::State(message) => table.merge(Time(0), message, Copies::default()) == Merge::Taken,
        News::Claim(claim) => table.claim(Time(0), claim),
    }
}

type Summary = Vec<(NodeId, Option<(Version, Uuid)>, Status, Version)>;

fn summary(table: &Table) -> Summary {
    let of = |entry: &Entry| entry.state.as_ref().map(|state| (state.message.version, state.message.uuid));
    table.iter().map(|(id, entry)| (id.clone(), of(entry), entry.status, entry.claim_version)).collect()
}

fn table_of(nodes: usize) -> Table {
    Table::new(Bounds { nodes, bytes: usize::MAX }, 1)
}

fn merged(news: &[News]) -> Table {
    let mut table = table_of(100);
    for one in news {
        take(&mut table, one);
    }
    table
}

proptest! {
    #[test]
    fn every_order_gives_one_table((news, shuffled) in in_two_orders()) {
        let (one, other) = (merged(&news), merged(&shuffled));
        prop_assert_eq!(summary(&one), summary(&other));
        prop_assert_eq!(one.hash(), other.hash());
    }

    #[test]
    fn nothing_is_replaced_by_something_lower(news in prop::collection::vec(news(), 0..30)) {
        let mut table = table_of(100);
        for one in &news {
            let before = summary(&table);
            take(&mut table, one);
            for (id, state, _, claim) in before {
                let after = table.get(&id).map(|e| (e.state.as_ref().map(|s| (s.message.version, s.message.uuid)), e.claim_version));
                prop_assert!(after >= Some((state, claim)) && after.map(|a| a.0) >= Some(state));
            }
            prop_assert!(!take(&mut table, one), "the same news twice is no news");
        }
        let sum = table.fingerprints().fold(0u64, |sum, (fingerprint, _)| sum.wrapping_add(fingerprint));
        prop_assert_eq!(table.hash(), (sum, table.fingerprints().count() as u64));
    }
}

#[test]
fn of_equal_versions_the_greater_uuid_wins() {
    let mut table = table_of(2);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 5, 3, 9, &[2]), Copies::default()), Merge::Taken);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 4, 3, 9, &[2]), Copies::default()), Merge::Older);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 5, 3, 9, &[2]), Copies::default()), Merge::Same);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 6, 3, 9, &[2]), Copies::default()), Merge::Taken);
}

#[test]
fn claims_do_not_lead_beyond_what_their_node_can_contradict() {
    let down = |version| Claim { id: id(1), version, status: Status::Down, age_ms: 0, uuid: None };
    let half = limits::MAX_LEAP / 2;
    let mut table = table_of(8);
    table.merge(Time(0), &message(Kind::State, 1, 5, 9, &[1]), Copies::default());
    assert!(!table.claim(Time(0), &down(5 + half + 1)));
    assert!(table.claim(Time(0), &down(5 + half)));
    assert!(!table.claim(Time(0), &down(5 + half + 1)), "two steps lead no further than one");

    // Of a node that has said nothing so far anything may be claimed, until it says something.
    let mut table = table_of(8);
    assert!(table.claim(Time(0), &down(limits::MAX_VERSION)));
    assert_eq!(table.merge(Time(0), &message(Kind::State, 1, 5, 9, &[1]), Copies::default()), Merge::Taken);
    let entry = table.get(&id(1)).unwrap();
    assert_eq!((entry.status, entry.claim_version), (Status::Alive, 5));
    let mut table = table_of(8);
    assert!(table.claim(Time(0), &down(6)));
    table.merge(Time(0), &message(Kind::State, 1, 5, 9, &[1]), Copies::default());
    assert_eq!(table.get(&id(1)).unwrap().status, Status::Down, "what may be true stands");
}

#[test]
fn states_take_no_more_bytes_together_than_they_may_and_what_is_held_stays() {
    let state = |origin, version: u64, length| {
        let text = "x".repeat(length);
        message(Kind::State, version.into(), version, 9, &[origin]).altered(|content| content.payload = payload(&text))
    };
    let (small, large) = (state(1, 1, 10).weight(), state(1, 1, 1_000).weight());
    let mut table = Table::new(Bounds { nodes: 100, bytes: small + large }, 1);
    let mut merge = |message: &Message| table.merge(Time(0), message, Copies::default());
    assert_eq!(merge(&state(1, 1, 1_000)), Merge::Taken);
    assert_eq!(merge(&state(2, 1, 10)), Merge::Taken);
    assert_eq!(merge(&state(3, 1, 10)), Merge::Heavy, "a further node");
    assert_eq!(merge(&state(2, 2, 11)), Merge::Heavy, "a larger state of a known one");
    assert_eq!(merge(&state(2, 2, 10)), Merge::Taken, "one of the same size");
    assert_eq!(merge(&state(1, 2, 10)), Merge::Taken, "a smaller one makes room");
    assert_eq!(merge(&state(3, 1, 10)), Merge::Taken);
    assert_eq!(table.bytes(), 3 * small);
    // For what the node itself says there is always room, and it takes none of the others'.
    assert_eq!(table.merge_own(Time(0), &state(4, 1, 5_000), Copies::default()), Merge::Taken);
    assert_eq!(table.bytes(), 3 * small);
    table.remove(&id(1));
    assert_eq!(table.bytes(), 2 * small);
    assert_eq!(table.merge(Time(0), &state(5, 1, 10), Copies::default()), Merge::Taken);
}

#[test]
fn a_state_is_not_refused_for_the_way_it_took() {
    let near = message(Kind::State, 1, 1, 9, &[1]);
    let far = message(Kind::State, 2, 2, 9, &[1, 2, 3, 4, 5]);
    let mut table = Table::new(Bounds { nodes: 100, bytes: near.weight() }, 1);
    assert_eq!(table.merge(Time(0), &near, Copies::default()), Merge::Taken);
    assert_eq!(table.merge(Time(0), &far, Copies::default()), Merge::Taken);
    assert_eq!((table.get(&id(1)).unwrap().version(), table.bytes()), (2, near.weight()));
}

#[test]
fn a_table_takes_no_leap_and_no_more_nodes_than_it_may() {
    let mut table = table_of(2);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 1, 1, 9, &[2]), Copies::default()), Merge::Taken);
    let leap = 1 + limits::MAX_LEAP;
    assert_eq!(table.merge(Time(0), &message(Kind::State, 1, leap + 1, 9, &[2]), Copies::default()), Merge::Leap);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 1, leap, 9, &[2]), Copies::default()), Merge::Taken);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 1, 1, 9, &[3]), Copies::default()), Merge::Taken);
    assert_eq!(table.merge(Time(0), &message(Kind::State, 1, 1, 9, &[4]), Copies::default()), Merge::Full);
    assert!(!table.claim(Time(0), &Claim { id: id(5), version: 1, status: Status::Down, age_ms: 0, uuid: None }));
}
