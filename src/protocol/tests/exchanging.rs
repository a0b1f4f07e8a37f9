//! Exchanges of link ends: what each of the four does, and what is left when one of them fails.

use super::super::link::Link;
use super::*;

/// A node of degree 2 with peers 2 and 3.
fn full() -> Bench {
    let mut bench = Bench::new(Config { max_peers: 2, ..quiet() });
    bench.link(2);
    bench.link(3);
    bench.calls();
    bench
}

fn asks(bench: &mut Bench) -> Vec<(u64, NodeId, LinkWish)> {
    let calls = bench.calls().into_iter();
    calls
        .filter_map(|(ticket, to, call)| match call {
            Call::Link(call) => Some((ticket, to, call.wish)),
            _ => None,
        })
        .collect()
}

fn answer(bench: &mut Bench, ticket: u64, from: u16, answer: LinkAnswer) {
    let reply = LinkReply { header: header(from, false), answer, known_version: 0 };
    bench.tell(Input::Delivered { ticket, reply: Reply::Link(reply) });
}

fn move_to(to: u16, instead_of: u16, keep: bool) -> LinkWish {
    LinkWish::Move { to: id(to), instead_of: id(instead_of), keep }
}

#[test]
fn a_full_node_names_a_link_and_gives_it_up_when_that_is_confirmed() {
    let mut bench = full();
    let LinkAnswer::Split { with } = bench.wish(9, LinkWish::Exchange { torn: false }) else { panic!("no link named") };
    assert_eq!(bench.peers(), [id(2), id(3)], "until it is confirmed nothing has changed");
    assert_eq!(bench.wish(9, LinkWish::Confirm(with.clone())), LinkAnswer::Linked);
    assert!(bench.peers().contains(&id(9)) && !bench.peers().contains(&with) && bench.peers().len() == 2);
    bench.pass(4_000);
    assert_eq!(bench.wish(8, LinkWish::Confirm(id(9))), LinkAnswer::Busy, "nothing was agreed with that one");
}

#[test]
fn a_free_place_is_given_in_a_torn_network_only() {
    let mut bench = Bench::new(Config { max_peers: 3, ..quiet() });
    bench.link(2);
    bench.link(3);
    assert_eq!(bench.wish(9, LinkWish::Exchange { torn: false }), LinkAnswer::Busy);
    assert_eq!(bench.wish(9, LinkWish::Exchange { torn: true }), LinkAnswer::Linked);
    assert_eq!(bench.peers(), [id(2), id(3), id(9)]);
}

#[test]
fn a_partner_moves_once_it_is_let_go() {
    let mut bench = full();
    assert_eq!(bench.wish(9, move_to(8, 7, false)), LinkAnswer::Busy, "only a peer may ask for it");
    assert_eq!(bench.wish(2, move_to(3, 7, false)), LinkAnswer::Busy, "a peer already");
    assert_eq!(bench.wish(2, move_to(8, 7, false)), LinkAnswer::Promised);
    assert_eq!(bench.wish(3, move_to(6, 5, false)), LinkAnswer::Busy, "one at a time");
    assert_eq!(bench.wish(6, LinkWish::InsteadOf(id(3))), LinkAnswer::Busy, "and no other link is given up meanwhile");
    let wishes = asks(&mut bench);
    assert_eq!(
        wishes.iter().map(|(_, to, wish)| (to, wish)).collect::<Vec<_>>(),
        [(&id(8), &LinkWish::InsteadOf(id(7)))]
    );
    answer(&mut bench, wishes[0].0, 8, LinkAnswer::Promised);
    let wishes = asks(&mut bench);
    assert_eq!(
        wishes.iter().map(|(_, to, wish)| (to, wish)).collect::<Vec<_>>(),
        [(&id(2), &LinkWish::Confirm(id(8)))]
    );
    answer(&mut bench, wishes[0].0, 2, LinkAnswer::Promised);
    assert_eq!(bench.peers(), [id(2), id(3)]);
    bench.ask(Request::Unlink(id(2)));
    assert_eq!(bench.peers(), [id(3), id(8)]);
}

#[test]
fn a_move_that_comes_to_nothing_leaves_the_link() {
    for refused in [false, true] {
        let mut bench = full();
        assert_eq!(bench.wish(2, move_to(8, 7, false)), LinkAnswer::Promised);
        let (ticket, ..) = asks(&mut bench).remove(0);
        if refused {
            bench.tell(Input::Undelivered { ticket, failure: Failure::Refused });
        } else {
            answer(&mut bench, ticket, 8, LinkAnswer::Busy);
        }
        bench.ask(Request::Unlink(id(2)));
        assert_eq!(bench.peers(), [id(3)], "refused: {refused}");
    }
}

#[test]
fn a_partner_with_a_free_place_links_besides_and_keeps_the_place_for_it() {
    let mut bench = Bench::new(Config { max_peers: 3, ..quiet() });
    bench.link(2);
    bench.link(3);
    bench.calls();
    assert_eq!(bench.wish(2, move_to(8, 7, true)), LinkAnswer::Promised);
    let (ticket, ..) = asks(&mut bench).remove(0);
    answer(&mut bench, ticket, 8, LinkAnswer::Promised);
    assert_eq!(bench.wish(9, LinkWish::Link), LinkAnswer::Busy, "the place is promised");
    assert!(bench.hear(8, Vec::new()).sender.is_linked());
    assert_eq!(bench.peers(), [id(2), id(3), id(8)]);
    assert_eq!(full().wish(2, move_to(8, 7, true)), LinkAnswer::Busy, "a full node has none to keep");
}

/// Links two nodes at both ends, without a handshake.
fn join(few: &mut Few, one: u16, other: u16) {
    for (from, to) in [(one, other), (other, one)] {
        let boot = few.bench(to).node.view().boot();
        let bench = few.bench(from);
        let (now, slot) = (bench.now, bench.node.overlay.links.len() as u8);
        bench.node.overlay.links.insert(id(to), Link::new(now, boot, slot, now));
    }
}

/// Two rings of these nodes that know each other, with all places taken.
fn two_rings(each: u16) -> Few {
    let mut few = Few::new(vec![Config { max_peers: 2, ..quiet() }; usize::from(2 * each)]);
    let link = |few: &mut Few, nodes: std::ops::RangeInclusive<u16>| {
        let (first, last) = (*nodes.start(), *nodes.end());
        (first..last).for_each(|number| join(few, number, number + 1));
        join(few, last, first);
    };
    link(&mut few, 1..=2 * each);
    few.run(8_000);
    for (one, other) in [(each, each + 1), (2 * each, 1)] {
        few.bench(one).node.overlay.links.remove(&id(other));
        few.bench(other).node.overlay.links.remove(&id(one));
    }
    join(&mut few, 1, each);
    join(&mut few, each + 1, 2 * each);
    few
}

#[test]
fn two_full_rings_that_find_each_other_become_one_and_no_link_is_missing_for_it() {
    let mut few = two_rings(5);
    let news = few.bench(1).node.view().version() + 1;
    few.bench(1).ask(Request::SetState(payload("news")));
    let arrived = |few: &mut Few| (1..=10).all(|number| few.bench(number).version_of(1) >= news);
    let mut fewest = 2;
    for _ in 0..300 {
        few.run(100);
        fewest = fewest.min(few.0.values().map(|bench| bench.peers().len()).min().unwrap());
        if arrived(&mut few) {
            assert_eq!(fewest, 2, "nobody ever lacked a link");
            return;
        }
    }
    panic!("the rings did not meet within 30 heartbeats");
}
