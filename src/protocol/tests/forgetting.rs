//! Forgetting: by time, by an operator's word, and that nothing brings the forgotten back.

use super::*;

const HOUR_MS: u64 = 3_600_000;

fn claim(version: Version, status: Status, age_ms: u64) -> Claim {
    Claim { id: id(6), version, status, age_ms, uuid: None }
}

/// 7001 with peers 2 and 3, knowing 6 at version 5, which forgets after an hour.
fn acquainted() -> Bench {
    let mut bench = Bench::new(Config { forget_ms: HOUR_MS, ..quiet() });
    bench.link(2);
    bench.link(3);
    bench.hear(2, vec![message(Kind::State, 9, 5, 9, &[6, 2])]);
    bench.pushed();
    bench
}

/// Lets time pass with peers that answer everything.
fn live_on(bench: &mut Bench, milliseconds: u64) {
    let end = bench.now.after(milliseconds);
    while bench.now < end {
        bench.now = bench.now.after(HEARTBEAT_MS * 20).min(end);
        bench.tell(Input::Wake);
        bench.hear(2, Vec::new());
        bench.hear(3, Vec::new());
        bench.pushed();
    }
}

fn told_to(bench: &mut Bench, peer: u16) -> Vec<Claim> {
    let calls = bench.calls().into_iter().filter(|(_, to, _)| *to == id(peer));
    calls.flat_map(|(_, _, call)| if let Call::Gossip(e) = call { e.claims } else { Vec::new() }).collect()
}

#[test]
fn the_dead_fade_and_are_forgotten_and_do_not_come_back() {
    let mut bench = acquainted();
    let before = bench.node.view().digest();
    bench.hear_all(2, Vec::new(), vec![claim(5, Status::Down, 0)]);
    live_on(&mut bench, HOUR_MS * 6 / 10);
    assert_eq!(bench.status_of(6), Some(Status::Down), "it is still known");
    assert_eq!(bench.node.view().digest().count, before.count - 1, "and no longer spoken of");
    live_on(&mut bench, HOUR_MS / 2);
    assert_eq!(bench.status_of(6), None);
    let reply = bench.hear(3, vec![message(Kind::State, 9, 5, 9, &[6, 3])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Stale);
    assert_eq!(bench.status_of(6), None, "what another node still knew does not come back");
    assert!(reply.claims.iter().any(|claim| claim.id == id(6) && claim.status == Status::Forgotten));
    bench.hear_all(2, Vec::new(), vec![claim(5, Status::Left, 0)]);
    assert_eq!(bench.status_of(6), None, "nor does a claim about it");
}

#[test]
fn the_greater_age_wins_so_that_all_forget_at_the_same_time() {
    let mut bench = acquainted();
    bench.hear_all(2, Vec::new(), vec![claim(5, Status::Down, 0)]);
    // The clock of this node has not run for long enough to have seen that age; it counts all the same.
    bench.hear_all(3, Vec::new(), vec![claim(5, Status::Down, 900_000)]);
    live_on(&mut bench, HOUR_MS - 800_000);
    assert_eq!(bench.status_of(6), None);
}

#[test]
fn what_has_faded_elsewhere_is_not_taken() {
    let mut bench = acquainted();
    let faded = Claim { id: id(7), version: 4, status: Status::Down, age_ms: HOUR_MS / 2, uuid: None };
    bench.hear_all(2, Vec::new(), vec![faded]);
    assert_eq!(bench.status_of(7), None);
}

#[test]
fn an_owner_who_returns_is_shown_its_version_and_is_taken_above_it() {
    let mut bench = acquainted();
    bench.hear_all(2, Vec::new(), vec![claim(5, Status::Left, 0)]);
    assert_eq!(bench.ask(Request::Forget { id: id(6), uuid: None }), Response::Done);
    let call = LinkCall { header: header(6, false), wish: LinkWish::Probe };
    let Response::Link(reply) = bench.ask(Request::Link(call)) else { panic!("no answer") };
    assert_eq!(reply.known_version, 5);
    let reply = bench.hear(2, vec![message(Kind::State, 10, 6, 9, &[6, 2])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::New);
    assert_eq!((bench.version_of(6), bench.status_of(6)), (6, Some(Status::Alive)));
}

#[test]
fn an_operators_word_travels_and_is_obeyed() {
    let mut bench = acquainted();
    let refused = bench.ask(Request::Forget { id: id(6), uuid: None });
    assert_eq!(refused, Response::Refused(Refusal::StillLives(id(6))));
    let unknown = bench.ask(Request::Forget { id: id(9), uuid: None });
    assert_eq!(unknown, Response::Refused(Refusal::NotKnown(id(9))));
    bench.hear_all(2, Vec::new(), vec![claim(5, Status::Left, 0)]);
    bench.pushed();
    assert_eq!(bench.ask(Request::Forget { id: id(6), uuid: None }), Response::Done);
    let told = told_to(&mut bench, 3);
    assert_eq!((told[0].status, told[0].version), (Status::Forgotten, 5));
    // Another node hears it.
    let mut other = acquainted();
    other.hear_all(2, Vec::new(), told.clone());
    assert_eq!(other.status_of(6), None);
    assert_eq!(told_to(&mut other, 3), told, "and hands it on");
    other.hear_all(3, Vec::new(), told);
    assert!(told_to(&mut other, 2).is_empty(), "once");
}

#[test]
fn a_forged_huge_version_is_cleared_by_naming_its_message() {
    let mut bench = Bench::new(Config { forget_ms: HOUR_MS, ..quiet() });
    bench.link(2);
    let huge = 1 << 50;
    bench.hear(2, vec![message(Kind::State, 66, huge, 9, &[6, 2])]);
    assert_eq!(bench.version_of(6), huge);
    let forged = Some(Uuid::from_u128(66));
    assert_eq!(bench.ask(Request::Forget { id: id(6), uuid: forged }), Response::Done);
    let reply = bench.hear(2, vec![message(Kind::State, 66, huge, 9, &[6, 2])]);
    assert_eq!(reply.judgements[0].outcome, Outcome::Stale);
    bench.hear(2, vec![message(Kind::State, 12, 3, 9, &[6, 2])]);
    assert_eq!(bench.version_of(6), 3, "the owner is believed again");
}
