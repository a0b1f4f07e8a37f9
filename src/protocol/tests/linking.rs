//! Links: places, walks, splits with promise and confirmation, bridges, and what becomes of each when somebody fails.

use proptest::prelude::*;

use super::*;

fn of_degree(max_peers: usize) -> Bench {
    Bench::new(Config { max_peers, ..quiet() })
}

fn full() -> Bench {
    let mut bench = of_degree(2);
    bench.link(2);
    bench.link(3);
    bench
}

fn drops(bench: &mut Bench) -> Vec<NodeId> {
    let calls = bench.calls().into_iter();
    calls.filter_map(|(_, to, call)| matches!(call, Call::Unlink { .. }).then_some(to)).collect()
}

#[test]
fn a_free_place_is_given_and_a_full_node_is_busy() {
    let mut bench = full();
    assert_eq!(bench.wish(4, LinkWish::Link), LinkAnswer::Busy);
    assert_eq!(bench.wish(2, LinkWish::Link), LinkAnswer::Linked, "a link that stands is asked for again");
    assert_eq!(bench.peers(), [id(2), id(3)]);
}

#[test]
fn a_join_walks_and_ends_at_a_free_place_or_with_a_split() {
    let mut bench = full();
    let LinkAnswer::Walk { next, walk } = bench.wish(4, LinkWish::Join { walk: Some(5), split: true }) else {
        panic!("no walk")
    };
    assert!([id(2), id(3)].contains(&next) && walk == 4);
    assert_eq!(bench.wish(4, LinkWish::Join { walk: Some(0), split: false }), LinkAnswer::Busy);
    let answer = bench.wish(4, LinkWish::Join { walk: Some(0), split: true });
    assert!(matches!(answer, LinkAnswer::Split { .. }), "{answer:?}");
    assert_eq!(bench.peers(), [id(2), id(3)], "until it is confirmed nothing has changed");
    let mut free = of_degree(2);
    free.link(2);
    assert_eq!(free.wish(4, LinkWish::Join { walk: Some(0), split: true }), LinkAnswer::Linked);
}

#[test]
fn a_confirmed_split_gives_the_place_to_the_newcomer() {
    let mut bench = full();
    let LinkAnswer::Split { with } = bench.wish(4, LinkWish::Join { walk: Some(0), split: true }) else {
        panic!("no split")
    };
    assert_eq!(bench.wish(5, LinkWish::Confirm(with.clone())), LinkAnswer::Busy, "agreed with somebody else");
    assert_eq!(bench.wish(4, LinkWish::Confirm(with.clone())), LinkAnswer::Linked);
    assert!(bench.peers().contains(&id(4)) && !bench.peers().contains(&with) && bench.peers().len() == 2);
    assert_eq!(drops(&mut bench), [with]);
}

#[test]
fn one_link_is_split_for_one_newcomer_at_a_time() {
    let mut bench = full();
    let mut ends = Vec::new();
    for joiner in [4, 5, 6] {
        if let LinkAnswer::Split { with } = bench.wish(joiner, LinkWish::Join { walk: Some(0), split: true }) {
            ends.push(with);
        }
    }
    ends.sort();
    assert_eq!(ends, [id(2), id(3)], "two links, so two newcomers");
    assert_eq!(bench.wish(7, LinkWish::InsteadOf(id(2))), LinkAnswer::Busy, "and none is promised besides");
}

#[test]
fn a_split_and_a_promise_run_out() {
    let mut bench = full();
    let LinkAnswer::Split { with } = bench.wish(4, LinkWish::Join { walk: Some(0), split: true }) else {
        panic!("no split")
    };
    bench.pass(2_100);
    assert_eq!(bench.wish(4, LinkWish::Confirm(with)), LinkAnswer::Busy);
    let mut other = full();
    assert_eq!(other.wish(4, LinkWish::InsteadOf(id(2))), LinkAnswer::Promised);
    for peer in [2, 3] {
        // The peers go on speaking, so that the links stand.
        other.pass(2_600);
        other.hear(peer, Vec::new());
        other.hear(5 - peer, Vec::new());
    }
    other.ask(Request::Unlink(id(2)));
    assert_eq!(other.peers(), [id(3)], "the promise is forgotten, the place is free");
}

#[test]
fn a_promise_is_kept_when_the_place_gets_free_or_the_newcomer_speaks() {
    let mut bench = full();
    assert_eq!(bench.wish(4, LinkWish::InsteadOf(id(9))), LinkAnswer::Busy, "no such link");
    assert_eq!(bench.wish(4, LinkWish::InsteadOf(id(2))), LinkAnswer::Promised);
    bench.ask(Request::Unlink(id(2)));
    assert_eq!(bench.peers(), [id(3), id(4)]);
    let mut other = full();
    assert_eq!(other.wish(4, LinkWish::InsteadOf(id(2))), LinkAnswer::Promised);
    assert!(other.hear(4, Vec::new()).sender.is_linked(), "the newcomer came first");
    assert_eq!(other.peers(), [id(3), id(4)]);
    assert_eq!(drops(&mut other), [id(2)]);
}

#[test]
fn a_newcomer_gets_both_ends_of_a_split_whatever_comes_first() {
    for early in [false, true] {
        let mut bench = Bench::new(Config { max_peers: 2, seeds: vec![id(2)], ..quiet() });
        let answer = |bench: &mut Bench, from: u16, answer: LinkAnswer| {
            let (ticket, to, _) = bench.calls().into_iter().find(|(_, _, call)| matches!(call, Call::Link(_))).unwrap();
            assert_eq!(to, id(from));
            let reply = LinkReply { header: header(from, false), answer, known_version: 0 };
            bench.tell(Input::Delivered { ticket, reply: Reply::Link(reply) });
        };
        let (ticket, ..) = bench.calls().remove(0);
        bench.tell(Input::Delivered { ticket, reply: Reply::Peers(vec![id(3)]) });
        answer(&mut bench, 2, LinkAnswer::Walk { next: id(3), walk: 0 });
        answer(&mut bench, 3, LinkAnswer::Split { with: id(4) });
        answer(&mut bench, 4, LinkAnswer::Promised);
        assert_eq!(bench.peers(), [], "nothing stands before the confirmation");
        if early {
            // The first end has split and pushes before its answer arrives.
            assert!(bench.hear(3, Vec::new()).sender.is_linked());
        } else {
            answer(&mut bench, 3, LinkAnswer::Linked);
        }
        assert_eq!(bench.peers(), [id(3), id(4)], "early: {early}");
    }
}

#[test]
fn a_link_ends_when_the_other_side_denies_it_or_is_another_process() {
    let mut bench = full();
    bench.ask(Request::Gossip(Envelope {
        sender: header(2, false).into(),
        messages: Vec::new(),
        digest: None,
        claims: Vec::new(),
        free_place: None,
        graft: None,
        prune: Vec::new(),
        recent: Vec::new(),
    }));
    assert_eq!(bench.peers(), [id(3)]);
    let reborn = Header { boot: 999, ..header(3, false) };
    bench.ask(Request::Link(LinkCall { header: reborn, wish: LinkWish::Probe }));
    assert_eq!(bench.peers(), []);
}

#[test]
fn after_a_peer_closed_its_link_short_cycles_are_looked_for_unless_another_node_took_its_place() {
    let looks = |bench: &mut Bench| {
        bench.calls();
        for _ in 0..8 {
            bench.pass(HEARTBEAT_MS / 2);
            for peer in [3, 4, 5] {
                if bench.peers().contains(&id(peer)) {
                    bench.hear(peer, Vec::new());
                }
            }
        }
        bench.calls().iter().any(|(_, _, call)| matches!(call, Call::Peers))
    };
    let of = |agreed: bool| {
        let mut bench = Bench::new(Config { max_peers: 3, ..quiet() });
        [2, 3, 4].into_iter().for_each(|peer| bench.link(peer));
        if agreed {
            assert_eq!(bench.wish(5, LinkWish::InsteadOf(id(2))), LinkAnswer::Promised);
        }
        bench.ask(Request::Unlink(id(2)));
        bench
    };
    assert!(looks(&mut of(false)), "those that it left will link among themselves");
    assert!(!looks(&mut of(true)), "a link was split for a newcomer");
}

#[test]
fn a_link_that_nobody_agreed_to_is_denied() {
    let mut bench = full();
    assert!(!bench.hear(9, Vec::new()).sender.is_linked());
    assert_eq!(bench.peers(), [id(2), id(3)]);
}

#[test]
fn a_probe_changes_nothing_and_a_bridge_costs_one_link() {
    let mut bench = full();
    assert_eq!(bench.wish(9, LinkWish::Probe), LinkAnswer::Busy);
    assert_eq!(bench.peers(), [id(2), id(3)]);
    assert_eq!(bench.wish(9, LinkWish::Bridge), LinkAnswer::Linked);
    assert!(bench.peers().contains(&id(9)) && bench.peers().len() == 2);
    assert_eq!(bench.wish(8, LinkWish::Bridge), LinkAnswer::Busy, "one bridge in a few heartbeats");
}

#[test]
fn given_neighbours_are_not_given_up() {
    let mut bench = Bench::new(Config { max_peers: 2, given_peers: vec![id(2), id(3)], ..quiet() });
    bench.link(2);
    bench.link(3);
    assert_eq!(bench.wish(9, LinkWish::Bridge), LinkAnswer::Busy);
    assert_eq!(bench.peers(), [id(2), id(3)]);
}

#[test]
fn a_given_neighbour_of_whom_nothing_is_known_is_waited_for_while_a_large_network_starts() {
    // 7003 does not run. Its place is kept until it has failed, and then given to whoever asks.
    let place_is_kept = |known: u16, heard_of: bool, seconds: u64| {
        let mut bench = Bench::new(Config { max_peers: 2, given_peers: vec![id(2), id(3)], ..quiet() });
        bench.link(2);
        let others = (100..100 + known).chain(heard_of.then_some(3));
        bench.hear(2, others.map(|other| message(Kind::State, u128::from(other), 1, 64, &[other, 2])).collect());
        for _ in 0..seconds {
            bench.pass(1_000);
            bench.hear(2, Vec::new());
            for (ticket, to, call) in bench.calls() {
                let reply = accepting(&to, 0);
                let answers = to == id(2) && matches!(call, Call::Gossip(_));
                let failure = if to == id(3) { Failure::Refused } else { Failure::Unknown };
                bench.tell(if answers {
                    Input::Delivered { ticket, reply }
                } else {
                    Input::Undelivered { ticket, failure }
                });
            }
        }
        bench.wish(9, LinkWish::Link) == LinkAnswer::Busy
    };
    assert!(place_is_kept(0, false, 5) && !place_is_kept(0, false, 13));
    assert!(place_is_kept(200, false, 25) && !place_is_kept(200, false, 35));
    assert!(!place_is_kept(200, true, 13), "it was there before");
    assert!(!place_is_kept(2_000, false, 115), "a table full of made-up nodes does not keep it for ever");
}

#[test]
fn a_newcomer_may_split_the_link_of_given_neighbours() {
    let mut bench = Bench::new(Config { max_peers: 2, given_peers: vec![id(2), id(3)], ..quiet() });
    bench.link(2);
    bench.link(3);
    assert_eq!(bench.wish(9, LinkWish::InsteadOf(id(2))), LinkAnswer::Promised);
    bench.ask(Request::Unlink(id(2)));
    assert_eq!(bench.peers(), [id(3), id(9)]);
}

#[test]
fn a_linked_neighbour_whose_state_has_not_come_is_not_searched_from() {
    let mut bench = Bench::new(Config { max_peers: 4, given_peers: vec![id(2)], ..quiet() });
    bench.link(2);
    bench.pass(HEARTBEAT_MS);
    assert!(!bench.calls().iter().any(|(_, _, call)| matches!(call, Call::Peers)));
}

fn wish() -> impl Strategy<Value = (u16, LinkWish, u64)> {
    let wish = prop_oneof![
        Just(LinkWish::Link),
        Just(LinkWish::Bridge),
        Just(LinkWish::Probe),
        (0u8..3, any::<bool>()).prop_map(|(walk, split)| LinkWish::Join { walk: Some(walk), split }),
        (2u16..9).prop_map(|peer| LinkWish::InsteadOf(id(peer))),
        (2u16..9).prop_map(|peer| LinkWish::Confirm(id(peer))),
        any::<bool>().prop_map(|torn| LinkWish::Exchange { torn }),
        (2u16..9, 2u16..9, any::<bool>()).prop_map(|(to, of, keep)| LinkWish::Move {
            to: id(to),
            instead_of: id(of),
            keep
        }),
    ];
    (2u16..9, wish, prop_oneof![Just(0u64), Just(500), Just(3_000)])
}

proptest! {
    #[test]
    fn no_sequence_of_wishes_makes_more_links_than_may_be(
        steps in prop::collection::vec((wish(), 0u8..4), 1..40),
        degree in 2usize..5,
    ) {
        let mut bench = of_degree(degree);
        for ((from, wish, pause), then) in steps {
            bench.wish(from, wish);
            bench.pass(pause);
            match then {
                0 => drop(bench.hear(from, Vec::new())),
                1 => drop(bench.ask(Request::Unlink(id(from)))),
                _ => {}
            }
            prop_assert!(bench.peers().len() <= degree);
        }
    }
}
