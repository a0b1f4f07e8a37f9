//! Many deaths at once, and tears in a network in which nobody says anything.

use super::super::link::Link;
use super::*;

/// Links two nodes at both ends, without a handshake.
fn join(few: &mut Few, one: u16, other: u16) {
    for (from, to) in [(one, other), (other, one)] {
        let boot = few.bench(to).node.view().boot();
        let bench = few.bench(from);
        let now = bench.now;
        let slot = bench.node.overlay.links.len() as u8;
        bench.node.overlay.links.insert(id(to), Link::new(now, boot, slot, now));
    }
}

fn cut(few: &mut Few, one: u16, other: u16) {
    few.bench(one).node.overlay.links.remove(&id(other));
    few.bench(other).node.overlay.links.remove(&id(one));
}

/// A ring of these nodes, in which everyone has heard of everyone.
fn ring(nodes: u16, max_peers: usize) -> Few {
    let config = Config { max_peers, ..quiet() };
    let mut few = Few::new(vec![config; usize::from(nodes)]);
    (1..=nodes).for_each(|number| join(&mut few, number, number % nodes + 1));
    few.run(8_000);
    for number in 1..=nodes {
        assert_eq!(few.bench(number).node.view().table().len(), usize::from(nodes), "{number} knows everyone");
    }
    few
}

/// The numbers of those that the first node reaches over links that both ends hold.
fn reached(few: &mut Few, first: u16) -> usize {
    let mut reached = vec![id(first)];
    let mut at = 0;
    while at < reached.len() {
        let from = reached[at].clone();
        let peers = few.0[&from].peers();
        let mutual =
            peers.into_iter().filter(|peer| few.0.get(peer).is_some_and(|bench| bench.peers().contains(&from)));
        let new: Vec<NodeId> = mutual.filter(|peer| !reached.contains(peer)).collect();
        reached.extend(new);
        at += 1;
    }
    reached.len()
}

/// Lets time pass until all are in one part, at most `limit_ms`.
fn is_one_within(few: &mut Few, limit_ms: u64) -> bool {
    let (first, count) = (few.0.values().next().map(|bench| bench.number()), few.0.len());
    let Some(first) = first else { return true };
    for _ in 0..limit_ms / 500 {
        if reached(few, first) == count {
            return true;
        }
        few.run(500);
    }
    false
}

#[test]
fn those_who_outlive_most_of_the_others_find_each_other_within_five_heartbeats() {
    let mut few = ring(24, 3);
    (1..=24).filter(|number| number % 4 != 0).for_each(|number| drop(few.0.remove(&id(number))));
    assert!(is_one_within(&mut few, 5 * HEARTBEAT_MS));
    let most = few.0.values().map(|bench| bench.peers().len()).max();
    assert!(most <= Some(3), "{most:?}");
}

#[test]
fn many_silent_peers_are_replaced_by_whoever_answers_and_nobody_is_called_down_for_it() {
    let mut few = ring(12, 4);
    let bench = few.bench(1);
    bench.calls();
    // Its calls are answered by nobody; whoever it probes is asked by a burst that grows.
    let mut probes = Vec::new();
    for _ in 0..40 {
        bench.pass(100);
        for (ticket, to, call) in bench.calls() {
            if matches!(&call, Call::Link(call) if call.wish == LinkWish::Probe) {
                probes.push(to);
            }
            bench.tell(Input::Undelivered { ticket, failure: Failure::Unknown });
        }
    }
    let distinct: std::collections::BTreeSet<&NodeId> = probes.iter().collect();
    assert!(distinct.len() >= 7, "everyone but its peers is asked: {probes:?}");
    assert!(probes.len() < 24, "and asked about once: {probes:?}");
}

#[test]
fn one_silent_peer_begins_no_scouting() {
    let mut few = ring(12, 3);
    let lost = few.bench(1).peers()[0].clone();
    few.0.remove(&lost);
    for _ in 0..100 {
        few.run(100);
        let scouting = few.0.iter().filter(|(_, bench)| bench.node.overlay.scouting.is_some());
        assert_eq!(scouting.count(), 0);
    }
}

#[test]
fn a_tear_shows_although_nobody_says_anything_new() {
    let mut few = ring(8, 2);
    // Time enough that everyone knows every version, and two rings are made of one: nobody lacks a link.
    cut(&mut few, 4, 5);
    cut(&mut few, 8, 1);
    join(&mut few, 4, 1);
    join(&mut few, 8, 5);
    assert_eq!(reached(&mut few, 1), 4);
    assert!(is_one_within(&mut few, 300 * HEARTBEAT_MS));
}
