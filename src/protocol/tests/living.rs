//! Who lives: claims and their precedence, refutation, suspicion, leaving.

use super::*;

fn claim(number: u16, version: Version, status: Status) -> Claim {
    Claim { id: id(number), version, status, age_ms: 0, uuid: None }
}

/// 7001 with peers 2 and 3, knowing 6 at version 5.
fn acquainted() -> Bench {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.link(3);
    bench.hear(2, vec![message(Kind::State, 9, 5, 9, &[6, 2])]);
    bench.pushed();
    bench
}

#[test]
fn the_higher_version_wins_and_then_the_graver_status() {
    let mut bench = acquainted();
    for (version, status, believed) in [
        (4, Status::Left, Status::Alive),
        (5, Status::Suspect, Status::Suspect),
        (5, Status::Alive, Status::Suspect),
        (5, Status::Down, Status::Down),
        (5, Status::Suspect, Status::Down),
        (6, Status::Alive, Status::Alive),
        (6, Status::Left, Status::Left),
    ] {
        bench.hear_all(2, Vec::new(), vec![claim(6, version, status)]);
        assert_eq!(bench.status_of(6), Some(believed), "{version} {status:?}");
    }
    bench.hear(2, vec![message(Kind::State, 8, 7, 9, &[6, 2])]);
    assert_eq!(bench.status_of(6), Some(Status::Alive), "its next version refutes");
}

#[test]
fn a_claim_is_handed_on_to_the_other_peers() {
    let mut bench = acquainted();
    bench.hear_all(2, Vec::new(), vec![claim(6, 5, Status::Down)]);
    let told: Vec<(NodeId, Vec<Claim>)> = bench
        .calls()
        .into_iter()
        .filter_map(|(_, to, call)| if let Call::Gossip(envelope) = call { Some((to, envelope.claims)) } else { None })
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].0, told[0].1[0].status), (&id(3), Status::Down));
}

#[test]
fn a_living_node_refutes_by_its_next_version() {
    let mut bench = acquainted();
    let own = bench.version_of(1);
    bench.hear_all(2, Vec::new(), vec![claim(1, own, Status::Suspect)]);
    assert_eq!((bench.version_of(1), bench.status_of(1)), (own + 1, Some(Status::Alive)));
    bench.hear_all(2, Vec::new(), vec![claim(1, own, Status::Down)]);
    assert_eq!(bench.version_of(1), own + 1, "what is refuted already needs no answer");
    bench.hear_all(2, Vec::new(), vec![claim(1, own + 9, Status::Left)]);
    assert_eq!(bench.version_of(1), own + 10, "nor does an earlier life's farewell stand");
}

#[test]
fn a_node_refutes_whatever_claim_the_others_believe() {
    let mut few = Few::new(vec![quiet(), quiet()]);
    few.link_first_two();
    few.run(100);
    few.bench(1).link(9);
    let said = few.bench(1).version_of(2);
    for above in [3 << 30, limits::MAX_LEAP / 2, 7] {
        few.bench(1).hear_all(9, Vec::new(), vec![claim(2, said + above, Status::Down)]);
    }
    assert_eq!(few.bench(1).status_of(2), Some(Status::Down));
    few.run(20 * HEARTBEAT_MS);
    for number in [1, 2] {
        assert_eq!(few.bench(number).status_of(2), Some(Status::Alive), "at {number}");
    }
}

#[test]
fn a_peer_that_answers_and_does_not_refute_is_told_once_a_heartbeat() {
    let mut bench = acquainted();
    bench.hear_all(3, Vec::new(), vec![claim(2, 4, Status::Down)]);
    let (mut told, mut envelopes) = (0, 0);
    for _ in 0..HEARTBEAT_MS {
        for (ticket, to, call) in bench.calls() {
            let Call::Gossip(envelope) = call else { continue };
            if to == id(2) {
                told += usize::from(envelope.claims.iter().any(|claim| claim.id == id(2)));
                envelopes += 1;
            }
            bench.tell(Input::Delivered { ticket, reply: accepting(&to, envelope.messages.len()) });
        }
        bench.pass(10);
    }
    assert!((8..=11).contains(&told) && envelopes <= 3 * told, "told {told} times in {envelopes} envelopes");
}

#[test]
fn a_suspect_is_down_after_the_suspicion_time_unless_it_refutes() {
    for refutes in [false, true] {
        let mut bench = acquainted();
        bench.hear_all(2, Vec::new(), vec![claim(6, 5, Status::Suspect)]);
        bench.pass(1_500);
        assert_eq!(bench.status_of(6), Some(Status::Suspect));
        if refutes {
            bench.hear(2, vec![message(Kind::State, 8, 6, 9, &[6, 2])]);
        }
        bench.pass(1_000);
        assert_eq!(bench.status_of(6), Some(if refutes { Status::Alive } else { Status::Down }));
    }
}

#[test]
fn a_node_that_is_late_itself_gives_a_suspect_more_time() {
    let mut bench = acquainted();
    bench.hear_all(2, Vec::new(), vec![claim(6, 5, Status::Suspect)]);
    bench.now = bench.now.after(1_500);
    bench.tell(Input::Wake);
    bench.pass(1_500);
    assert_eq!(bench.status_of(6), Some(Status::Suspect), "it was not woken for more than a second");
    bench.pass(20_000);
    assert_eq!(bench.status_of(6), Some(Status::Down), "that was long ago");
}

#[test]
fn a_node_that_is_late_itself_waits_longer_for_answers() {
    for (late, waits) in [(0, 0), (700, 700), (3_600_000, 4_000)] {
        let mut bench = Bench::new(Config { heartbeat_ms: 10_000, suspicion_ms: 20_000, ..quiet() });
        bench.link(2);
        bench.out.clear();
        bench.now = bench.node.deadline().unwrap().after(late);
        bench.tell(Input::Wake);
        let said = bench.out.iter().filter_map(|output| match output {
            Output::Send { patience_ms, .. } => Some(*patience_ms),
            _ => None,
        });
        assert_eq!(said.max(), Some(waits));
    }
}

#[test]
fn who_slept_for_an_hour_is_as_watchful_as_before_within_a_minute() {
    let mut bench = acquainted();
    bench.now = bench.now.after(3_600_000);
    bench.tell(Input::Wake);
    assert_eq!(bench.node.patience(), 16 * HEARTBEAT_MS, "at most");
    bench.pass(60_000);
    bench.hear(2, Vec::new());
    assert_eq!(bench.node.patience(), 0);
}

#[test]
fn a_node_that_is_late_itself_suspects_a_silent_peer_later() {
    let silent_for = |late: u64| {
        let mut bench = acquainted();
        bench.hear(2, vec![message(Kind::State, 10, 5, 9, &[2])]);
        bench.now = bench.now.after(late);
        bench.tell(Input::Wake);
        let began = bench.now;
        while bench.status_of(2) == Some(Status::Alive) && bench.now.since(began) < 60_000 {
            for (ticket, ..) in bench.calls() {
                bench.tell(Input::Undelivered { ticket, failure: Failure::Unknown });
            }
            bench.pass(100);
        }
        assert_eq!(bench.status_of(2), Some(Status::Suspect), "at last");
        bench.now.since(began)
    };
    let (on_time, late) = (silent_for(0), silent_for(1_500));
    assert!(late > on_time + 1_000, "after {on_time} ms on time, after {late} ms when late");
}

#[test]
fn a_peer_that_refuses_connections_is_suspected_and_its_link_ends() {
    let mut few = Few::new(vec![quiet(), quiet(), quiet()]);
    few.bench(1).out.clear();
    for (from, to) in [(2, 1), (3, 1), (3, 2)] {
        let boot = few.bench(from).node.view().boot();
        let header = Header { boot, ..header(from, false) };
        few.bench(to).ask(Request::Link(LinkCall { header, wish: LinkWish::Link }));
        let (now, boot) = (few.bench(from).now, few.bench(to).node.view().boot());
        let bench = few.bench(from);
        bench.node.add_link(now, &id(to), boot, true, &mut bench.out);
    }
    few.run(3_000);
    assert_eq!(few.bench(1).peers(), [id(2), id(3)]);
    few.0.remove(&id(3));
    few.run(6_000);
    for number in [1, 2] {
        assert_eq!(few.bench(number).status_of(3), Some(Status::Down));
        assert!(!few.bench(number).peers().contains(&id(3)));
    }
    assert_eq!((few.bench(1).status_of(2), few.bench(2).status_of(1)), (Some(Status::Alive), Some(Status::Alive)));
}

#[test]
fn a_leaving_node_says_so_and_takes_nothing_more() {
    let mut bench = acquainted();
    let own = bench.version_of(1);
    bench.tell(Input::Stop);
    let calls = bench.calls();
    let farewells = calls.iter().filter(|(_, _, call)| {
        let Call::Gossip(envelope) = call else { return false };
        !envelope.sender.is_linked() && envelope.claims == [claim(1, own + 1, Status::Left)]
    });
    assert_eq!(farewells.count(), 2, "{calls:?}");
    let response = bench.ask(Request::SetState(payload("book")));
    assert_eq!(response, Response::Refused(Refusal::Leaving));
    assert_eq!(bench.wish(9, LinkWish::Link), LinkAnswer::Busy);
    assert!(!bench.node.is_quiet());
    for (ticket, ..) in calls {
        bench.tell(Input::Undelivered { ticket, failure: Failure::Refused });
    }
    assert!(bench.node.is_quiet());
}

#[test]
fn another_process_under_the_same_id_is_reported() {
    let mut bench = acquainted();
    let header = Header { boot: 12_345, ..header(1, false) };
    let response = bench.ask(Request::Link(LinkCall { header, wish: LinkWish::Link }));
    assert_eq!(response, Response::Refused(Refusal::OwnId(id(1))));
    assert!(bench.events().contains(&Event::IdClaimedTwice { boot: Some(12_345) }));
}

#[test]
fn others_than_the_accuser_try_a_suspect_before_it_is_called_down() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.link(3);
    bench.hear(2, vec![message(Kind::State, 1, 1, 9, &[2])]);
    bench.hear(3, vec![message(Kind::State, 2, 1, 9, &[3])]);
    bench.calls();
    let claim = Claim { id: id(2), version: 1, status: Status::Suspect, age_ms: 0, uuid: None };
    bench.hear_all(3, Vec::new(), vec![claim]);
    let asked: Vec<(NodeId, LinkWish)> = bench
        .calls()
        .into_iter()
        .filter_map(|(_, to, call)| if let Call::Link(call) = call { Some((to, call.wish)) } else { None })
        .collect();
    assert_eq!(asked, [(id(2), LinkWish::Refute { version: 1 })], "a peer of the suspect tries it");
    let own = bench.node.view().version();
    assert_eq!(bench.wish(9, LinkWish::Refute { version: own }), LinkAnswer::Busy);
    assert_eq!(bench.node.view().version(), own + 1, "who is suspected says something newer");
    bench.wish(9, LinkWish::Refute { version: own });
    assert_eq!(bench.node.view().version(), own + 1, "but an old suspicion is refuted already");
}

#[test]
fn many_suspicions_cost_a_node_two_versions_per_heartbeat() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    let began = bench.node.view().version();
    for _ in 0..100 {
        let own = bench.node.view().version();
        bench.wish(9, LinkWish::Refute { version: own });
        bench.pass(HEARTBEAT_MS / 100);
    }
    let said = bench.node.view().version() - began;
    assert!((2..=3).contains(&said), "{said} versions");
    let own = bench.node.view().version();
    bench.wish(9, LinkWish::Refute { version: own });
    bench.pass(HEARTBEAT_MS / 2);
    assert!(bench.node.view().version() > own, "the last suspicion is refuted as well, in its time");
}

#[test]
fn made_up_suspects_are_not_called_and_of_many_a_few_at_a_time() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    let suspect = |node| Claim { id: id(node), version: 1, status: Status::Suspect, age_ms: 0, uuid: None };
    let tried = |bench: &mut Bench| {
        let calls = bench.calls();
        calls
            .iter()
            .filter(|(.., call)| matches!(call, Call::Link(LinkCall { wish: LinkWish::Refute { .. }, .. })))
            .count()
    };
    bench.hear_all(2, Vec::new(), (100..150).map(suspect).collect());
    assert_eq!(tried(&mut bench), 0, "nobody knows them");
    for known in 200..250 {
        bench.hear(2, vec![message(Kind::State, u128::from(known), 1, 9, &[known])]);
    }
    bench.calls();
    for _ in 0..20 {
        bench.hear_all(2, Vec::new(), (200..250).map(suspect).collect());
    }
    assert!((1..=8).contains(&tried(&mut bench)));
}

fn digests(bench: &mut Bench) -> usize {
    let is_digest = |call: &Call| matches!(call, Call::Gossip(envelope) if envelope.digest.is_some());
    bench.calls().iter().filter(|(_, to, call)| *to == id(2) && is_digest(call)).count()
}

/// A digest from `from` in which nothing differs.
fn hear_digest(bench: &mut Bench, from: u16) {
    let digest = Some(bench.node.view().digest());
    let (sender, free_place, graft) = (header(from, true).into(), None, None);
    let (messages, claims, prune, recent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let envelope = Envelope { sender, messages, digest, claims, free_place, graft, prune, recent };
    bench.ask(Request::Gossip(envelope));
}

#[test]
fn a_digest_that_is_not_answered_goes_again_three_times() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.calls();
    bench.pass(3 * HEARTBEAT_MS);
    assert_eq!(digests(&mut bench), 4, "no more than four are under way");
}

#[test]
fn who_gets_a_digest_again_sends_its_own_since_its_answer_was_lost() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.calls();
    hear_digest(&mut bench, 2);
    assert_eq!(digests(&mut bench), 0, "one exchange serves both");
    bench.pass(HEARTBEAT_MS / 4);
    hear_digest(&mut bench, 2);
    assert_eq!(digests(&mut bench), 1);
    hear_digest(&mut bench, 2);
    assert_eq!(digests(&mut bench), 0, "haste is not answered with haste");
}

/// 7005 with peers 3, 6, 7 and 8, knowing 9, whose heartbeats are due after so many milliseconds.
fn with_heartbeats_in(due: [u64; 4]) -> Bench {
    let mut bench = Bench::at(5, Config { max_peers: 4, ..quiet() });
    let peers = [3, 6, 7, 8];
    peers.iter().for_each(|peer| bench.link(*peer));
    bench.hear(6, vec![message(Kind::State, 9, 5, 9, &[9, 6])]);
    bench.pushed();
    let now = bench.now;
    for (peer, after) in peers.iter().zip(due) {
        bench.node.overlay.links.get_mut(&id(*peer)).unwrap().heartbeat_at = now.after(after);
    }
    bench.node.probes.begin_at(now.after(2 * HEARTBEAT_MS));
    bench
}

/// Who was asked for anything, in order.
fn asked(bench: &mut Bench) -> Vec<NodeId> {
    let mut asked: Vec<NodeId> = bench.calls().into_iter().map(|(_, to, _)| to).collect();
    asked.sort();
    asked
}

#[test]
fn a_node_that_wakes_begins_the_heartbeats_that_are_due_within_a_fifth_of_one() {
    let mut bench = with_heartbeats_in([20, 10, 210, 211]);
    bench.pass(10);
    assert_eq!(asked(&mut bench), [id(6), id(7)], "3 begins itself, and 8 has time");
    bench = with_heartbeats_in([20, 210, 211, 900]);
    bench.node.probes.begin_at(bench.now.after(10));
    bench.pass(10);
    assert_eq!(asked(&mut bench), [id(6), id(9)], "one goes along with a probe");
    bench = with_heartbeats_in([20, 10, 900, 900]);
    bench.node.probes.begin_at(bench.now.after(11));
    bench.pass(10);
    assert_eq!(asked(&mut bench), [id(6)], "but no probe with one");
}

#[test]
fn a_node_that_another_wakes_for_a_heartbeat_begins_its_own() {
    let mut bench = with_heartbeats_in([20, 200, 201, 900]);
    bench.hear(3, Vec::new());
    assert_eq!(asked(&mut bench), [], "news are no heartbeat");
    hear_digest(&mut bench, 3);
    assert_eq!(asked(&mut bench), [id(6)]);
}
