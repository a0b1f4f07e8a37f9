//! Brief envelopes and answers: over a link, what both sides know is said once.

use super::*;

/// 7001 with one peer, 7002, which says that it understands brief words.
fn acquainted() -> Bench {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.ask(Request::Gossip(full(Vec::new())));
    bench.pushed();
    bench
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
    // The same of an envelope that says all.
    assert_eq!(bench.ask(Request::Gossip(full(news(51)))), Response::NothingToAdd);
    // A duplicate is something to tell, and so is a difference.
    let Response::Gossip(reply) = bench.ask(Request::Gossip(brief(news(50)))) else { panic!("a duplicate") };
    assert_eq!((reply.judgements[0].outcome, reply.header.linked), (Outcome::Duplicate, true));
    let digest = Some(Digest { hash: 7, ..bench.node.digest() });
    let Response::Gossip(reply) = bench.ask(Request::Gossip(Envelope { digest, ..brief(Vec::new()) })) else {
        panic!("a difference")
    };
    assert_eq!(reply.digest, Some(bench.node.digest()));
}

#[test]
fn who_does_not_say_that_it_understands_is_told_all() {
    let mut bench = Bench::new(quiet());
    bench.link(2);
    bench.hear(2, news(50));
    bench.pushed();
    bench.ask(Request::SetState(payload("book")));
    let (ticket, envelope) = next(&mut bench);
    assert!(matches!(envelope.sender, Sender::Header(Header { brief: true, linked: true, .. })));
    // It may say it in an answer, also by answering nothing.
    bench.tell(Input::Delivered { ticket, reply: Reply::NothingToAdd });
    assert_eq!(next(&mut bench).1.sender, Sender::Link(id(1)));
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
