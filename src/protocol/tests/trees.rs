//! Trees: the receiver decides, and nobody is ever cut off.

use super::*;

fn keep(bench: &mut Bench, from: u16, message: Message) -> bool {
    let reply = bench.hear(from, vec![message]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Duplicate);
    reply.judgements[0].keep
}

/// An envelope over the link to `from` that says nothing.
fn bare_envelope(from: u16) -> Envelope {
    Envelope {
        sender: header(from, true).into(),
        messages: Vec::new(),
        digest: None,
        claims: Vec::new(),
        free_place: None,
        graft: None,
        prune: Vec::new(),
        recent: Vec::new(),
    }
}

/// 7001 with peers 2, 3 and 4, knowing 6 by way of 2.
fn acquainted() -> Bench {
    let mut bench = Bench::new(Config { max_peers: 4, ..quiet() });
    for peer in [2, 3, 4] {
        bench.link(peer);
    }
    bench.hear(2, vec![message(Kind::State, 90, 1, 64, &[6, 2])]);
    bench.pushed();
    bench
}

fn by_uuid(uuid: u128) -> Announced {
    Announced::Uuid(Uuid::from_u128(uuid))
}

fn sent(uuid: u128, way: &[u16]) -> Message {
    message(Kind::Message, uuid, uuid as u64, 64, way)
}

#[test]
fn a_duplicate_stops_only_when_the_parent_handed_over_the_same_message() {
    let mut bench = acquainted();
    bench.hear(2, vec![sent(100, &[6, 2])]);
    assert!(!keep(&mut bench, 3, sent(100, &[6, 3])), "the parent brought it: this link is not needed");
    // The next message overtakes the parent.
    bench.hear(4, vec![sent(101, &[6, 9, 8, 4])]);
    assert!(keep(&mut bench, 3, sent(101, &[6, 3])), "the parent has not shown that it works");
    assert!(keep(&mut bench, 2, sent(101, &[6, 2])), "the parent itself goes on");
}

#[test]
fn a_lost_answer_and_its_retry_stop_nobody() {
    let mut bench = acquainted();
    bench.hear(3, vec![sent(100, &[6, 3])]);
    assert!(keep(&mut bench, 3, sent(100, &[6, 3])));
    bench.hear(2, vec![sent(101, &[6, 2])]);
    assert!(keep(&mut bench, 2, sent(101, &[6, 2])));
}

#[test]
fn two_messages_that_overtake_each_other_leave_a_link_that_works() {
    let mut bench = acquainted();
    bench.hear(3, vec![sent(100, &[6, 8, 3])]);
    bench.hear(4, vec![sent(101, &[6, 8, 4])]);
    let stopped = [keep(&mut bench, 4, sent(100, &[6, 8, 4])), keep(&mut bench, 3, sent(101, &[6, 8, 3]))];
    assert_eq!(stopped, [true, true], "neither may stop before the parent is heard");
}

#[test]
fn a_shorter_way_becomes_the_parent_and_only_then_the_old_one_stops() {
    let mut bench = acquainted();
    bench.hear(2, vec![sent(100, &[6, 8, 9, 2])]);
    bench.hear(3, vec![sent(101, &[6, 3])]);
    assert!(!keep(&mut bench, 2, sent(101, &[6, 8, 9, 2])), "the old parent came later, by a longer way");
    // The better one is asked, as an answer that told it to stop may still be under way.
    bench.pushed();
    bench.hear(3, vec![sent(102, &[6, 3])]);
    assert!(!keep(&mut bench, 4, sent(102, &[6, 4])), "3 is the parent now");
}

#[test]
fn a_faster_but_longer_way_is_told_to_stop() {
    let mut bench = acquainted();
    bench.hear(3, vec![sent(100, &[6, 8, 9, 3])]);
    assert!(keep(&mut bench, 2, sent(100, &[6, 2])));
    bench.pass(2 * HEARTBEAT_MS);
    let prunes = bench.calls().into_iter().filter_map(|(_, to, call)| match call {
        Call::Gossip(envelope) if to == id(3) => Some(envelope.prune),
        _ => None,
    });
    assert_eq!(prunes.flatten().collect::<Vec<_>>(), [id(6)]);
}

#[test]
fn answers_tell_to_stop_as_well() {
    let mut bench = acquainted();
    bench.hear(3, vec![sent(100, &[6, 8, 9, 3])]);
    assert!(keep(&mut bench, 2, sent(100, &[6, 2])));
    // Who answers a link's digests need never send one over it.
    assert_eq!(bench.hear(4, Vec::new()).prune, []);
    assert_eq!(bench.hear(3, Vec::new()).prune, [id(6)]);
    assert_eq!(bench.hear(3, Vec::new()).prune, [], "once");
}

#[test]
fn over_links_that_keep_their_distances_the_faster_way_stays_the_parent() {
    for late_ms in [0, 50] {
        let mut bench = acquainted_early();
        bench.hear(2, vec![sent(100, &[6, 8, 9, 2])]);
        bench.now = bench.now.after(late_ms);
        let shorter = keep(&mut bench, 3, sent(100, &[6, 3]));
        assert_eq!(shorter, late_ms == 0, "{late_ms} ms");
    }
}

#[test]
fn a_state_that_the_parent_did_not_bring_goes_over_every_link() {
    let mut bench = acquainted();
    for peer in [3, 4] {
        let prune = Envelope { prune: vec![id(6)], ..bare_envelope(peer) };
        bench.ask(Request::Gossip(prune));
    }
    let state = |version: Version, way: &[u16]| message(Kind::State, 200 + u128::from(version), version, 64, way);
    let pushed_to = |bench: &mut Bench| -> Vec<NodeId> {
        let pushed = bench.pushed().into_iter().filter(|(_, messages)| !messages.is_empty());
        pushed.map(|(to, _)| to).collect()
    };
    bench.hear(2, vec![state(2, &[6, 2])]);
    assert_eq!(pushed_to(&mut bench), [], "nobody needs it");
    // The origin was restarted beside 4: all who had it by way of 2 may be cut off from it.
    bench.hear(4, vec![state(3, &[6, 4])]);
    assert_eq!(pushed_to(&mut bench), [id(2), id(3)]);
    bench.hear(4, vec![sent(101, &[6, 4])]);
    assert_eq!(pushed_to(&mut bench), [id(2), id(3)], "and so does what follows, until they say that they need it not");
}

#[test]
fn what_was_held_back_goes_as_soon_as_it_is_wanted() {
    let mut bench = acquainted();
    bench.ask(Request::Gossip(Envelope { prune: vec![id(6)], ..bare_envelope(3) }));
    bench.hear(2, vec![sent(100, &[6, 2])]);
    assert!(!bench.pushed().contains_key(&id(3)));
    let wish = |origin: u16| Envelope { graft: Some(Graft::Origins(vec![id(origin)])), ..bare_envelope(3) };
    bench.ask(Request::Gossip(wish(9)));
    assert!(!bench.pushed().contains_key(&id(3)), "another origin");
    bench.ask(Request::Gossip(wish(6)));
    let pushed = bench.pushed();
    let ways: Vec<(Uuid, u8, Path)> = pushed[&id(3)].iter().map(|m| (m.uuid, m.ttl, m.path.clone())).collect();
    assert_eq!(ways, [(Uuid::from_u128(100), 63, path(&[6, 2, 1]))]);
    bench.ask(Request::Gossip(wish(6)));
    assert!(!bench.pushed().contains_key(&id(3)), "once");
}

#[test]
fn a_refusal_that_a_later_wish_overtook_does_not_count() {
    for overtaken in [true, false] {
        let mut bench = acquainted();
        bench.hear(2, vec![sent(100, &[6, 2])]);
        let (ticket, ..) = *bench.calls().iter().find(|(_, to, _)| *to == id(3)).expect("pushed");
        if overtaken {
            // It lost its parent just after it had answered.
            bench.now = bench.now.after(1);
            bench.ask(Request::Gossip(Envelope { graft: Some(Graft::Origins(vec![id(6)])), ..bare_envelope(3) }));
        }
        let Reply::Gossip(mut reply) = accepting(&id(3), 1) else { panic!("no reply") };
        reply.judgements[0].outcome = Outcome::Duplicate;
        reply.prune = vec![id(6)];
        bench.tell(Input::Delivered { ticket, reply: Reply::Gossip(reply) });
        bench.pushed();
        bench.hear(2, vec![sent(101, &[6, 2])]);
        assert_eq!(bench.pushed().contains_key(&id(3)), overtaken);
    }
}

/// To whom an origin was refused in envelopes of the next two heartbeats.
fn told_to_stop(bench: &mut Bench) -> Vec<NodeId> {
    bench.pass(2 * HEARTBEAT_MS);
    let mut told: Vec<NodeId> = Vec::new();
    for (ticket, to, call) in bench.calls() {
        if let Call::Gossip(envelope) = call {
            bench.tell(Input::Delivered { ticket, reply: accepting(&to, envelope.messages.len()) });
            if envelope.prune == [id(6)] {
                told.push(to);
            }
        }
    }
    told.sort();
    told
}

/// 7001 with peers 2, 3 and 4, knowing 6 by way of 2 since before the others came.
fn acquainted_early() -> Bench {
    let mut bench = Bench::new(Config { max_peers: 4, ..quiet() });
    bench.link(2);
    bench.hear(2, vec![message(Kind::State, 90, 1, 64, &[6, 2])]);
    bench.link(3);
    bench.link(4);
    bench.pushed();
    bench
}

#[test]
fn who_takes_a_message_from_here_is_told_once_that_the_parent_suffices() {
    let mut bench = acquainted_early();
    bench.hear(2, vec![sent(100, &[6, 2])]);
    assert_eq!(bench.pushed().into_keys().collect::<Vec<_>>(), [id(3), id(4)]);
    assert_eq!(told_to_stop(&mut bench), [id(3), id(4)], "else they would push what comes to them by another way");
    bench.hear(2, vec![sent(101, &[6, 2])]);
    bench.pushed();
    assert_eq!(told_to_stop(&mut bench), [], "they know");
    // The parent is lost: both are asked again, and whoever is not the new one is told again.
    bench.ask(Request::Unlink(id(2)));
    bench.pushed();
    bench.hear(3, vec![sent(102, &[6, 3])]);
    bench.pushed();
    assert_eq!(told_to_stop(&mut bench), [id(4)]);
}

#[test]
fn nobody_is_told_to_stop_while_the_parent_is_lost_or_still_to_be_asked() {
    let mut bench = acquainted_early();
    bench.hear(2, vec![sent(100, &[6, 2])]);
    bench.pushed();
    bench.ask(Request::Unlink(id(2)));
    assert_eq!(told_to_stop(&mut bench), [], "they were to be told, but now are all that is left");

    let mut bench = acquainted_early();
    bench.hear(2, vec![sent(100, &[6, 2])]);
    let pushes = bench.calls();
    let (ticket, to, _) = pushes.iter().find(|(_, to, call)| *to == id(3) && matches!(call, Call::Gossip(_))).unwrap();
    bench.node.graft_after_repair(&id(6), &id(2));
    bench.tell(Input::Delivered { ticket: *ticket, reply: accepting(to, 1) });
    assert_eq!(told_to_stop(&mut bench), [], "the parent does not know yet that it is to push");
}

#[test]
fn a_push_that_crosses_one_from_here_can_bring_a_better_parent_unless_it_was_told_to_stop() {
    let mut bench = acquainted_early();
    bench.hear(2, vec![sent(100, &[6, 8, 9, 2])]);
    bench.pushed();
    assert!(keep(&mut bench, 3, sent(100, &[6, 3])), "a much shorter way");
    assert_eq!(told_to_stop(&mut bench), [id(2), id(4)], "the new parent is not told what was meant for it before");
    assert!(!keep(&mut bench, 4, sent(100, &[6, 4])), "it may know already that it is to push nothing");
}

#[test]
fn a_parent_that_brings_nothing_any_more_is_replaced() {
    let mut bench = acquainted();
    for uuid in 100..110 {
        bench.hear(3, vec![sent(uuid, &[6, 3])]);
        let kept = keep(&mut bench, 4, sent(uuid, &[6, 4]));
        if uuid == 109 {
            assert!(!kept, "the one that brings everything has become the parent");
        }
    }
}

#[test]
fn what_a_peer_need_not_get_is_announced_and_not_pushed() {
    let mut bench = acquainted();
    bench.hear(2, vec![sent(100, &[6, 2])]);
    let answer_of = |call: &Call, outcome, keep| {
        let Call::Gossip(envelope) = call else { panic!("no envelope") };
        let Reply::Gossip(mut reply) = accepting(&id(3), envelope.messages.len()) else { panic!("no reply") };
        reply.judgements.iter_mut().for_each(|judgement| *judgement = Judgement { outcome, keep });
        Reply::Gossip(reply)
    };
    for (ticket, to, call) in bench.calls() {
        let mut reply = answer_of(&call, Outcome::Duplicate, to != id(3));
        let Reply::Gossip(inner) = &mut reply else { unreachable!() };
        inner.sender = header(if to == id(3) { 3 } else { 4 }, true).into();
        bench.tell(Input::Delivered { ticket, reply });
    }
    bench.hear(2, vec![sent(101, &[6, 2])]);
    let pushed = bench.pushed();
    assert!(!pushed.contains_key(&id(3)) && pushed.contains_key(&id(4)), "{pushed:?}");
    let digest = Digest { hash: 1, count: 1, floor: LogKey::default(), exact: None };
    let envelope = Envelope { digest: Some(digest), ..bare_envelope(3) };
    let Response::Gossip(reply) = bench.ask(Request::Gossip(envelope)) else { panic!("no answer") };
    assert_eq!(reply.recent, [Announcement { message: by_uuid(101), path: path(&[6, 2, 1]) }]);
    bench.ask(Request::Gossip(Envelope { graft: Some(Graft::Origins(vec![id(6)])), ..bare_envelope(3) }));
    bench.hear(2, vec![sent(102, &[6, 2])]);
    assert!(bench.pushed().contains_key(&id(3)), "it asked for them again");
}

#[test]
fn the_loss_of_the_parent_grafts_the_other_links_at_once() {
    let mut bench = acquainted();
    bench.ask(Request::Unlink(id(2)));
    let mut grafted: Vec<NodeId> = bench
        .calls()
        .into_iter()
        .filter_map(|(_, to, call)| match call {
            Call::Gossip(envelope) if envelope.graft.is_some() && envelope.digest.is_some() => Some(to),
            _ => None,
        })
        .collect();
    grafted.sort();
    assert_eq!(grafted, [id(3), id(4)]);
}

#[test]
fn a_much_shorter_announced_way_is_asked_for_and_then_the_old_one_told_to_stop() {
    let mut bench = acquainted();
    bench.hear(2, vec![sent(100, &[6, 8, 9, 2])]);
    bench.pushed();
    let announce = |bench: &mut Bench, from: u16, way: &[u16]| {
        let recent = vec![Announcement { message: by_uuid(100), path: path(way) }];
        let (messages, claims, prune, sender) = (Vec::new(), Vec::new(), Vec::new(), header(from, true).into());
        let (digest, free_place, graft) = (None, None, None);
        bench.ask(Request::Gossip(Envelope { sender, messages, digest, claims, free_place, graft, prune, recent }));
        let calls = bench.calls();
        let grafts = |call: &Call| matches!(call, Call::Gossip(envelope) if envelope.graft.is_some());
        calls.into_iter().filter(|(.., call)| grafts(call)).collect::<Vec<_>>()
    };
    assert!(announce(&mut bench, 4, &[6, 8, 4]).is_empty(), "one hop fewer is not worth a change");
    let asked = announce(&mut bench, 3, &[6, 3]);
    assert_eq!(asked.iter().map(|(_, to, _)| to.clone()).collect::<Vec<_>>(), [id(3)]);
    assert!(announce(&mut bench, 4, &[6, 4]).is_empty(), "one change at a time");
    let pruned = |bench: &mut Bench| -> Vec<NodeId> {
        let calls = bench.calls();
        let prunes = |call: &Call| matches!(call, Call::Gossip(envelope) if envelope.prune == [id(6)]);
        calls.into_iter().filter(|(.., call)| prunes(call)).map(|(_, to, _)| to).collect()
    };
    bench.pass(HEARTBEAT_MS / 8);
    assert!(pruned(&mut bench).is_empty(), "the new parent may not know yet that it is to push");
    bench.tell(Input::Delivered { ticket: asked[0].0, reply: accepting(&id(3), 0) });
    bench.pass(2 * HEARTBEAT_MS);
    assert_eq!(pruned(&mut bench), [id(2)]);
    bench.hear(3, vec![sent(101, &[6, 3])]);
    assert!(!keep(&mut bench, 4, sent(101, &[6, 4])), "3 is the parent now");
}

#[test]
fn who_announced_a_short_way_and_brought_nothing_is_not_believed_again() {
    let mut bench = acquainted();
    bench.hear(2, vec![sent(100, &[6, 8, 9, 2])]);
    bench.pushed();
    let announce = |bench: &mut Bench, uuid| {
        let recent = vec![Announcement { message: by_uuid(uuid), path: path(&[6, 3]) }];
        let (messages, claims, prune, sender) = (Vec::new(), Vec::new(), Vec::new(), header(3, true).into());
        let (digest, free_place, graft) = (None, None, None);
        bench.ask(Request::Gossip(Envelope { sender, messages, digest, claims, free_place, graft, prune, recent }));
        let calls = bench.calls();
        calls.iter().any(|(_, to, call)| *to == id(3) && matches!(call, Call::Gossip(e) if e.graft.is_some()))
    };
    assert!(announce(&mut bench, 100));
    // It pushes nothing, and another link has to repair.
    bench.node.graft_after_repair(&id(6), &id(2));
    bench.pushed();
    bench.hear(2, vec![sent(101, &[6, 8, 9, 2])]);
    bench.pushed();
    assert!(!announce(&mut bench, 101), "its word is worth nothing any more");
    assert!(!keep(&mut bench, 4, sent(101, &[6, 4, 8])), "2 is the parent again");
}

#[test]
fn announced_paths_enter_the_log() {
    let mut bench = acquainted();
    bench.hear(2, vec![sent(100, &[6, 2])]);
    let recent = vec![
        Announcement { message: by_uuid(100), path: path(&[6, 3]) },
        Announcement { message: by_uuid(999), path: path(&[6, 3]) },
        Announcement { message: by_uuid(100), path: path(&[9, 3]) },
    ];
    bench.ask(Request::Gossip(Envelope { recent, ..bare_envelope(3) }));
    let view = bench.node.view();
    let paths: Vec<&Path> = view.record(&Uuid::from_u128(100)).unwrap().arrivals().map(|(path, _)| path).collect();
    assert_eq!(paths, [&path(&[6, 2]), &path(&[6, 3])]);
    assert!(view.record(&Uuid::from_u128(999)).is_none(), "an announcement is no message");
}

#[test]
fn flooding_and_limited_messages_never_stop() {
    let mut bench = Bench::new(Config { trees: false, ..quiet() });
    bench.link(2);
    bench.link(3);
    bench.hear(2, vec![sent(100, &[6, 2])]);
    assert!(keep(&mut bench, 3, sent(100, &[6, 3])));
    let mut bench = acquainted();
    bench.hear(2, vec![message(Kind::Message, 7, 7, 3, &[6, 2])]);
    assert!(keep(&mut bench, 3, message(Kind::Message, 7, 7, 3, &[6, 3])));
    bench.hear(2, vec![sent(8, &[6, 2]).altered(|content| content.relays = 2)]);
    assert!(keep(&mut bench, 3, sent(8, &[6, 3]).altered(|content| content.relays = 2)));
}
