//! Brief envelopes and answers: over a link, what both sides know is said once.

use super::*;
use crate::protocol::link::HeldBack;
use crate::protocol::tree::bit;

/// 7001 with one peer, 7002, which said in an answer that it understands brief words.
fn acquainted() -> Bench {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.ask(Request::SetState(payload("first")));
    let (ticket, envelope) = next(&mut bench);
    bench.tell(Input::Delivered { ticket, reply: understanding(&envelope) });
    bench.calls();
    bench
}

/// An answer in full of one that takes everything and understands brief words.
fn understanding(envelope: &Envelope) -> Reply {
    let Reply::Gossip(reply) = accepting(&id(2), envelope.messages.len()) else { panic!("no reply") };
    let sender = Header { brief: true, ..header(2, true) }.into();
    Reply::Gossip(GossipReply { sender, ..reply })
}

fn envelope(sender: Sender, messages: Vec<Message>) -> Envelope {
    let (claims, prune, recent) = (Vec::new(), Vec::new(), Vec::new());
    Envelope { sender, messages, digest: None, claims, free_place: None, graft: None, prune, recent }
}

fn full(messages: Vec<Message>) -> Envelope {
    envelope(Header { brief: true, ..header(2, true) }.into(), messages)
}

fn brief(messages: Vec<Message>) -> Envelope {
    envelope(Sender::Link(id(2)), messages)
}

fn news(uuid: u128) -> Vec<Message> {
    vec![message(Kind::Message, uuid, 1, 9, &[9, 2])]
}

/// The next envelope, without its answer.
fn next(bench: &mut Bench) -> (u64, Envelope) {
    for _ in 0..300 {
        let calls = bench.calls();
        if let Some((ticket, Call::Gossip(envelope))) = calls.into_iter().map(|(ticket, _, call)| (ticket, call)).next()
        {
            return (ticket, envelope);
        }
        bench.pass(10);
    }
    panic!("nothing is sent");
}

#[test]
fn what_is_new_and_no_more_is_answered_with_nothing() {
    let mut bench = acquainted();
    assert_eq!(bench.ask(Request::Gossip(brief(news(50)))), Response::NothingToAdd);
    assert!(bench.holds(50));
    let digest = Some(bench.node.digest());
    assert_eq!(bench.ask(Request::Gossip(Envelope { digest, ..brief(Vec::new()) })), Response::NothingToAdd);
    // Who says all is told all: it is to learn whom it speaks with.
    assert!(matches!(bench.ask(Request::Gossip(full(news(51)))), Response::Gossip(_)));
    // A duplicate is something to tell, and so is a difference.
    let Response::Gossip(reply) = bench.ask(Request::Gossip(brief(news(50)))) else { panic!("a duplicate") };
    assert_eq!((reply.judgements[0].outcome, &reply.sender), (Outcome::Duplicate, &Sender::Link(id(1))));
    let digest = Some(Digest { hash: 7, ..bench.node.digest() });
    let Response::Gossip(reply) = bench.ask(Request::Gossip(Envelope { digest, ..brief(Vec::new()) })) else {
        panic!("a difference")
    };
    assert_eq!(reply.digest, Some(bench.node.digest()));
}

#[test]
fn who_does_not_say_in_an_answer_that_it_understands_is_told_all() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.ask(Request::Gossip(full(Vec::new())));
    bench.pushed();
    for _ in 0..3 {
        let (ticket, envelope) = next(&mut bench);
        assert!(matches!(envelope.sender, Sender::Header(Header { brief: true, linked: true, .. })));
        bench.tell(Input::Delivered { ticket, reply: accepting(&id(2), envelope.messages.len()) });
    }
    let (ticket, envelope) = next(&mut bench);
    bench.tell(Input::Delivered { ticket, reply: understanding(&envelope) });
    assert_eq!(next(&mut bench).1.sender, Sender::Link(id(1)));
    // It says once that it does not: it runs an older program now.
    bench.ask(Request::Gossip(envelope_of_older()));
    assert!(matches!(next(&mut bench).1.sender, Sender::Header(_)));
}

fn envelope_of_older() -> Envelope {
    envelope(header(2, true).into(), Vec::new())
}

#[test]
fn nothing_is_no_answer_to_who_says_all_nor_after_a_restart() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.ask(Request::SetState(payload("book")));
    for failures in 1..=3 {
        let (ticket, envelope) = next(&mut bench);
        assert!(matches!(envelope.sender, Sender::Header(_)));
        bench.tell(Input::Delivered { ticket, reply: Reply::NothingToAdd });
        assert_eq!(bench.node.overlay.links.get(&id(2)).map(|link| link.failures), Some(failures));
    }

    let mut bench = acquainted();
    bench.ask(Request::SetState(payload("book")));
    let (ticket, envelope) = next(&mut bench);
    assert_eq!(envelope.sender, Sender::Link(id(1)));
    let reborn = Header { boot: 999, ..header(2, false) };
    bench.ask(Request::Link(LinkCall { header: reborn, wish: LinkWish::Link }));
    bench.tell(Input::Delivered { ticket, reply: Reply::NothingToAdd });
    let link = bench.node.overlay.links.get(&id(2)).map(|link| (link.boot, link.brief_until, link.theirs));
    assert_eq!(link, Some((999, None, None)));
    let (_, again) = next(&mut bench);
    assert!(matches!(again.sender, Sender::Header(_)) && !again.messages.is_empty());
}

#[test]
fn who_speaks_is_said_again_after_a_minute() {
    let mut bench = acquainted();
    let (mut brief, mut said) = (0, 0);
    let end = bench.now.after(130_000);
    while bench.now < end {
        let (ticket, envelope) = next(&mut bench);
        let nothing = matches!(envelope.sender, Sender::Link(_));
        if nothing {
            brief += 1
        } else {
            said += 1
        }
        let reply = if nothing { Reply::NothingToAdd } else { understanding(&envelope) };
        bench.tell(Input::Delivered { ticket, reply });
    }
    assert!(said == 2 && brief > 90, "{said} in full, {brief} brief");
}

#[test]
fn an_answer_of_nothing_says_that_all_was_new_and_the_digest_is_the_same() {
    let mut bench = acquainted();
    bench.ask(Request::SetState(payload("book")));
    let (ticket, envelope) = next(&mut bench);
    assert_eq!((envelope.sender, envelope.messages.len()), (Sender::Link(id(1)), 1));
    bench.tell(Input::Delivered { ticket, reply: Reply::NothingToAdd });
    let sent = loop {
        let (ticket, envelope) = next(&mut bench);
        assert_eq!(envelope.messages, [], "it was taken");
        bench.tell(Input::Delivered { ticket, reply: Reply::NothingToAdd });
        if let Some(digest) = envelope.digest {
            break digest;
        }
    };
    assert_eq!(bench.node.overlay.links.get(&id(2)).and_then(|link| link.theirs), Some(sent));
}

#[test]
fn brief_words_of_a_stranger_change_nothing() {
    let mut bench = acquainted();
    let stranger = Envelope { sender: Sender::Link(id(3)), ..brief(news(50)) };
    assert_eq!(bench.ask(Request::Gossip(stranger)), Response::Refused(Refusal::NoLink(id(3))));
    let own = Envelope { sender: Sender::Link(id(1)), ..brief(news(50)) };
    assert_eq!(bench.ask(Request::Gossip(own)), Response::Refused(Refusal::NoLink(id(1))));
    assert!(!bench.holds(50));
}

#[test]
fn who_refuses_brief_words_is_told_all_of_it_again() {
    let mut bench = acquainted();
    bench.ask(Request::SetState(payload("book")));
    let (ticket, envelope) = next(&mut bench);
    bench.tell(Input::Undelivered { ticket, failure: Failure::Rejected { status: 412 } });
    let (_, again) = next(&mut bench);
    assert!(matches!(again.sender, Sender::Header(Header { linked: true, .. })));
    assert_eq!((again.messages.len(), &again.messages), (1, &envelope.messages));

    let mut bench = acquainted();
    let (ticket, digest) = loop {
        let (ticket, envelope) = next(&mut bench);
        match envelope.digest {
            Some(digest) => break (ticket, digest),
            None => bench.tell(Input::Delivered { ticket, reply: Reply::NothingToAdd }),
        }
    };
    let before = bench.now;
    bench.tell(Input::Undelivered { ticket, failure: Failure::Rejected { status: 400 } });
    let (_, again) = next(&mut bench);
    assert!(matches!(again.sender, Sender::Header(_)) && again.digest == Some(digest) && bench.now == before);
}

#[test]
fn a_leaving_node_says_that_it_holds_the_link_no_more() {
    let mut bench = acquainted();
    bench.tell(Input::Stop);
    let (_, last) = next(&mut bench);
    assert!(!last.sender.is_linked() && !last.claims.is_empty());
}

/// The paths by which a message came or could have come.
fn paths(bench: &Bench, uuid: u128) -> Vec<Path> {
    let record = bench.node.view().record(&Uuid::from_u128(uuid)).expect("held");
    record.arrivals().map(|(path, _)| path.clone()).collect()
}

#[test]
fn a_brief_answer_says_what_is_not_as_expected() {
    let mut bench = acquainted();
    bench.link(3);
    // Three messages that 7002 does not push, as far as this node knows: two of them share a stamp.
    for (uuid, version) in [(60, 5), (61, 6), (62, 6)] {
        bench.hear(3, vec![message(Kind::Message, uuid, version, 64, &[9, 3])]);
    }
    let hold_back = |bench: &mut Bench, uuid: u128| {
        let uuid = Uuid::from_u128(uuid);
        let stamp = bench.node.log.naming_stamp(&uuid);
        let link = bench.node.overlay.links.get_mut(&id(2)).expect("a link");
        link.hold_back(HeldBack { uuid, stamp, ttl: 63, path: path(&[9, 3, 1]) });
    };
    (60..=62).for_each(|uuid| hold_back(&mut bench, uuid));
    let again = |uuid, version| message(Kind::Message, uuid, version, 64, &[9, 2]);
    let messages = vec![again(50, 1), again(60, 5)];
    let digest = Some(bench.node.digest());
    let Response::Gossip(reply) = bench.ask(Request::Gossip(Envelope { digest, ..brief(messages) })) else {
        panic!("an answer")
    };
    assert_eq!(reply.sender, Sender::Link(id(1)));
    assert_eq!(reply.judgements.iter().map(|j| j.outcome).collect::<Vec<_>>(), [Outcome::New, Outcome::Duplicate]);
    assert_eq!(reply.digest, Some(bench.node.digest()), "it holds one more than it was told of");
    let named: Vec<Announced> = reply.recent.iter().map(|announcement| announcement.message).collect();
    let by_uuid = |uuid| Announced::Uuid(Uuid::from_u128(uuid));
    assert_eq!(named, [Announced::Stamp(5), by_uuid(61), by_uuid(62)], "two of one stamp cannot be told apart by it");
    assert_eq!(reply.recent[0].path, path(&[9, 3, 1]));

    // With nothing else to tell, that is all there is in it.
    hold_back(&mut bench, 60);
    let digest = Some(bench.node.digest());
    let answer = bench.ask(Request::Gossip(Envelope { digest, ..brief(Vec::new()) }));
    let recent = vec![Announcement { message: Announced::Stamp(5), path: path(&[9, 3, 1]) }];
    assert_eq!(answer, Response::Gossip(GossipReply { recent, ..GossipReply::nothing(id(1)) }));
}

#[test]
fn what_a_brief_answer_leaves_out_is_as_expected() {
    let mut bench = acquainted();
    bench.ask(Request::Gossip(full(news(50))));
    bench.ask(Request::SetState(payload("book")));
    let (ticket, envelope) = next(&mut bench);
    assert_eq!((&envelope.sender, envelope.messages.len()), (&Sender::Link(id(1)), 1));
    let named = |message| Announcement { message, path: path(&[9, 8, 2]) };
    let recent = vec![named(Announced::Stamp(1)), named(Announced::Stamp(7))];
    let digest = Some(Digest { hash: 7, ..bench.node.digest() });
    let reply = GossipReply { recent, digest, ..GossipReply::nothing(id(2)) };
    bench.tell(Input::Delivered { ticket, reply: Reply::Gossip(reply) });
    assert_eq!(paths(&bench, 50), [path(&[9, 2]), path(&[9, 8, 2])]);
    assert_eq!(bench.node.overlay.links.get(&id(2)).and_then(|link| link.theirs), digest);

    // Two messages of that stamp and origin: neither is meant.
    bench.ask(Request::Gossip(brief(vec![message(Kind::Message, 51, 1, 9, &[9, 2])])));
    let recent = vec![Announcement { message: Announced::Stamp(1), path: path(&[9, 7, 2]) }];
    bench.ask(Request::Gossip(Envelope { recent, ..brief(Vec::new()) }));
    assert_eq!((paths(&bench, 50).len(), paths(&bench, 51).len()), (2, 1));
}

#[test]
fn that_all_was_new_need_not_be_said() {
    let mut bench = acquainted();
    bench.link(3);
    // What came from 7003 is pushed to 7002. That it was taken shows that 7002 has it, and it is told once that 7003 suffices.
    bench.hear(3, vec![message(Kind::State, 70, 5, 64, &[9, 3])]);
    let (ticket, ..) = *bench.calls().iter().find(|(_, to, _)| *to == id(2)).expect("pushed");
    let slot = bench.node.slot_of(Some(&id(2))).expect("a link");
    let told = |bench: &Bench| bench.node.table.tree(&id(9)).is_some_and(|tree| tree.told & bit(slot) != 0);
    assert!(!told(&bench));
    bench.tell(Input::Delivered { ticket, reply: Reply::Gossip(GossipReply::nothing(id(2))) });
    assert!(told(&bench));
}

#[test]
fn who_leaves_answers_brief_words_in_full() {
    let mut bench = acquainted();
    bench.tell(Input::Stop);
    let Response::Gossip(reply) = bench.ask(Request::Gossip(brief(news(50)))) else { panic!("nothing to add") };
    assert!(matches!(reply.sender, Sender::Header(Header { linked: false, .. })) && reply.judgements.len() == 1);
}

#[test]
fn a_brief_answer_by_another_is_none() {
    for (answering, brief) in [(3, true), (2, false)] {
        let mut bench = if brief { acquainted() } else { Bench::new(quiet()) };
        if !brief {
            bench.link(2);
        }
        bench.ask(Request::SetState(payload("book")));
        let (ticket, envelope) = next(&mut bench);
        assert_eq!(matches!(envelope.sender, Sender::Link(_)), brief);
        bench.tell(Input::Delivered { ticket, reply: Reply::Gossip(GossipReply::nothing(id(answering))) });
        let (_, again) = next(&mut bench);
        assert!(matches!(again.sender, Sender::Header(_)) && again.messages == envelope.messages);
        assert_eq!(bench.node.overlay.links.get(&id(2)).map(|link| link.failures), Some(1));
    }
}
