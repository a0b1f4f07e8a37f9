//! The log and the queue of a link: bounds, order, floor.

use proptest::prelude::*;

use super::super::link::Link;
use super::super::queue::{ItemKey, Waiting};
use super::super::tree::Copies;
use super::*;

fn stamped(stamp: u64, uuid: u128) -> Message {
    message(Kind::Message, uuid, 1, 64, &[2]).altered(|content| content.stamp = stamp)
}

proptest! {
    #[test]
    fn a_log_keeps_its_bounds_and_takes_nothing_back(keys in prop::collection::vec((1u64..20, 1u128..200), 1..60)) {
        let mut log = Log::new(5, usize::MAX, 4, 1);
        let mut gone = Vec::new();
        for (stamp, uuid) in keys {
            if log.get(&Uuid::from_u128(uuid)).is_some() {
                continue;
            }
            let (floor, held): (LogKey, Vec<LogKey>) = (log.floor(), log.iter().map(Record::key).collect());
            let key = LogKey { stamp, uuid: Uuid::from_u128(uuid) };
            let stored = log.insert(Time(0), stamped(stamp, uuid), Copies::default()) == Insert::Stored;
            prop_assert_eq!(stored, log.get(&key.uuid).is_some());
            prop_assert!(log.len() <= 5 && log.floor() >= floor);
            prop_assert!(log.iter().all(|record| record.key() > log.floor()), "what was evicted is gone");
            prop_assert!(!stored || !gone.contains(&key), "what was evicted never comes back");
            for stamp in 1..20 {
                let held: Vec<&Record> = log.iter().filter(|record| record.message.stamp == stamp).collect();
                let named = log.stamped(stamp, &id(2)).and_then(|place| log.at(place)).map(Record::key);
                let only = if let [only] = held[..] { Some(only.key()) } else { None };
                prop_assert_eq!(named, only, "a stamp names the only one that carries it");
            }
            gone.extend(held.into_iter().filter(|key| log.get(&key.uuid).is_none()));
            let sum = |exact| log.fingerprints_above(LogKey::default(), exact).fold(0u64, |sum, (f, _)| sum.wrapping_add(f));
            let sums = log.sums_above(LogKey::default());
            prop_assert_eq!((sums.hash, sums.exact, sums.count), (sum(false), sum(true), log.len() as u64));
        }
    }
}

#[test]
fn a_log_keeps_its_bytes() {
    let mut log = Log::new(1_000, 2_000, 64, 1);
    for uuid in 1..50 {
        log.insert(Time(0), stamped(uuid as u64, uuid), Copies::default());
        for station in 3..9 {
            let Some(place) = log.place(&Uuid::from_u128(uuid)) else { break };
            log.add_arrival(Time(0), place, &path(&[2, station, station + 10]), &id(1));
        }
        let paths = |record: &Record| {
            record.arrivals().skip(1).flat_map(|(path, _)| path.iter()).map(NodeId::weight).sum::<usize>()
        };
        let bytes: usize = log.iter().map(|record| record.message.weight() + paths(record)).sum();
        assert!(bytes <= 2_000, "{bytes}");
    }
    assert!(!log.is_empty());
}

#[test]
fn each_different_path_is_kept_up_to_the_bound() {
    let mut log = Log::new(10, usize::MAX, 3, 1);
    log.insert(Time(0), stamped(1, 1), Copies::default());
    let place = log.place(&Uuid::from_u128(1)).unwrap();
    let mut add = |way: &[u16]| log.add_arrival(Time(0), place, &path(way), &id(1));
    assert!(!add(&[2]), "the first copy's path is known");
    assert!(!add(&[2, 1, 3]), "a copy that passed through here before tells nothing new");
    assert!(add(&[2, 3]) && add(&[2, 4]));
    assert!(!add(&[2, 5]), "three are as many as may be");
}

fn item() -> Waiting {
    Waiting { ttl: 1, path: None, repair: false, patient: false }
}

fn key(number: u128) -> ItemKey {
    ItemKey::Message(Uuid::from_u128(number), 0)
}

#[test]
fn a_queue_keeps_its_order_through_failures() {
    let mut link = Link::new(Time(0), 1, 0, Time(0));
    for number in 1..=4 {
        link.push(key(number), item());
    }
    let taken: Vec<_> = std::iter::from_fn(|| link.pop()).take(3).collect();
    link.push(key(2), item());
    link.put_back(taken);
    let order: Vec<ItemKey> = std::iter::from_fn(|| link.pop()).map(|(key, _)| key).collect();
    // Number 2 was queued anew meanwhile and keeps that place.
    assert_eq!(order, [1, 3, 4, 2].map(key));
}

#[test]
fn states_wait_for_one_window_at_most_and_a_full_batch_for_none() {
    let mut link = Link::new(Time(0), 1, 0, Time(0));
    (0..1_000).for_each(|_| link.gather_states(Time(5_000), 500));
    assert_eq!(link.news_at(), None);
    link.push(key(1), Waiting { patient: true, ..item() });
    assert_eq!(link.news_at(), Some(Time(5_500)));
    for number in 2..=limits::MAX_BATCH as u128 {
        link.push(key(number), Waiting { patient: true, ..item() });
    }
    assert_eq!(link.news_at(), Some(Time(0)));
}

#[test]
fn a_queue_drops_the_oldest_beyond_its_bound() {
    let mut link = Link::new(Time(0), 1, 0, Time(0));
    for number in 0..limits::MAX_QUEUE as u128 + 10 {
        link.push(key(number), item());
    }
    assert_eq!(link.queue_length(), limits::MAX_QUEUE);
    assert_eq!(link.pop().map(|(key, _)| key), Some(key(10)));
    link.take_back(&key(11));
    assert_eq!(link.pop().map(|(key, _)| key), Some(key(12)));
}

#[test]
fn a_stamp_names_a_message_only_if_no_other_may_be_meant() {
    let mut log = Log::new(70, usize::MAX, 4, 1);
    let add = |log: &mut Log, uuid: u128, stamp: u64, origin: u16| {
        let message = message(Kind::Message, uuid, 1, 9, &[origin]).altered(|content| content.stamp = stamp);
        log.insert(Time(1), message, Copies::default());
    };
    let named = |log: &Log, stamp: u64, origin: u16| {
        log.stamped(stamp, &id(origin)).and_then(|place| log.at(place)).map(|record| record.message.uuid.as_u128())
    };
    (1..=64).for_each(|n| add(&mut log, u128::from(n), 5, n));
    add(&mut log, 100, 6, 1);
    add(&mut log, 101, 6, 1);
    add(&mut log, 102, 6, 2);
    assert_eq!((named(&log, 5, 1), named(&log, 5, 64), named(&log, 5, 65)), (Some(1), Some(64), None));
    assert_eq!((named(&log, 6, 1), named(&log, 6, 2), named(&log, 7, 1)), (None, Some(102), None));
    let stamp = |log: &Log, uuid: u128| log.naming_stamp(&Uuid::from_u128(uuid));
    assert_eq!((stamp(&log, 1), stamp(&log, 100), stamp(&log, 102)), (Some(5), None, Some(6)));
    // Evictions take all of stamp 5, and at last one of the two that shared a name.
    (0..67).for_each(|n| add(&mut log, 200 + n, 7, 3));
    assert_eq!((named(&log, 5, 1), named(&log, 6, 1), named(&log, 6, 2)), (None, None, Some(102)));
    add(&mut log, 300, 8, 3);
    assert_eq!((named(&log, 6, 1), stamp(&log, 101)), (Some(101), Some(6)));
    assert_eq!((named(&log, 7, 3), named(&log, 8, 3)), (None, Some(300)), "67 of one name");
}
