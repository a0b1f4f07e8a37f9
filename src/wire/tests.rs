//! The wire is pinned: what is written today is in `spec/golden/`, and reads back as the same value.
//!
//! After a change that is meant, `UPDATE_GOLDEN=1 cargo test --lib golden` writes the files anew; the difference is then
//! part of the change, and older nodes must still read it.

use std::path::Path;

use super::*;
use crate::protocol::{
    Announced, Announcement, Call, Claim, Content, Digest, Envelope, FreePlace, GossipReply, Graft, Header, IdForm,
    Judgement, Kind, LinkAnswer, LinkCall, LinkReply, LinkWish, LogKey, Message, NodeId, Outcome, Payload, Reply,
    Request, Response, Sender, SetForm, Status, SyncCall, SyncReply,
};

const LOCAL: Door = Door { form: IdForm::Local };

fn golden(name: &str, json: &[u8]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/golden").join(format!("{name}.json"));
    let written = format!("{}\n", std::str::from_utf8(json).unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    let pinned = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(written, pinned, "{name} is written in another way than {}", file.display());
}

fn port(number: u16) -> NodeId {
    NodeId::Port(number)
}

fn header(linked: bool) -> Header {
    Header { cluster: "default".into(), from: port(7009), boot: 4_503_599_627_370_497, linked, brief: false }
}

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x7d44_4840_9dc0_41d1_b245_0000_0000_0000 + n)
}

fn payload(json: &str) -> Payload {
    Payload::new(serde_json::value::RawValue::from_string(json.to_owned()).unwrap())
}

fn messages() -> Vec<Message> {
    let state = Message::new(
        63,
        [port(7004), port(7009)].into(),
        Content {
            uuid: uuid(1),
            origin: port(7004),
            version: 12,
            kind: Kind::State,
            payload: payload(r#"{"book": "Lucky Jim by Kingsley Amis"}"#),
            relays: 0,
            stamp: 0,
            seal: None,
        },
    );
    let submitted = state.clone().altered(|content| {
        content.uuid = uuid(2);
        content.version = 13;
        content.kind = Kind::Message;
        content.payload = payload(r#"{"message":"äpfel"}"#);
        content.relays = 2;
        content.stamp = 41;
    });
    vec![state, submitted]
}

fn digest() -> Digest {
    Digest {
        hash: 0x0123_4567_89ab_cdef,
        count: 17,
        floor: LogKey { stamp: 3, uuid: uuid(3) },
        exact: Some(0xfedc_ba98_7654_3210),
    }
}

fn claims() -> Vec<Claim> {
    vec![Claim { id: port(7001), version: 4, status: Status::Suspect, age_ms: 250, uuid: None }]
}

fn announcement() -> Announcement {
    Announcement { message: Announced::Uuid(uuid(4)), path: [port(7004), port(7002)].into() }
}

fn stamped() -> Announcement {
    Announcement { message: Announced::Stamp(41), path: [port(7004), port(7002), port(7009)].into() }
}

fn words(sender: Sender) -> Envelope {
    let (claims, prune, recent) = (Vec::new(), Vec::new(), Vec::new());
    let messages = messages().split_off(1);
    Envelope { sender, messages, digest: Some(digest()), claims, free_place: None, graft: None, prune, recent }
}

fn calls() -> Vec<(&'static str, Call)> {
    let link = |wish| Call::Link(LinkCall { header: header(false), wish });
    let sync = |set| Call::Sync(SyncCall { header: header(true), floor: digest().floor, count: 3, exact: true, set });
    vec![
        (
            "envelope",
            Call::Gossip(Envelope {
                sender: header(true).into(),
                messages: messages(),
                digest: Some(digest()),
                claims: claims(),
                free_place: Some(FreePlace { id: port(7003), age_ms: 12 }),
                graft: Some(Graft::Origins(vec![port(7001)])),
                prune: vec![port(7002)],
                recent: vec![announcement()],
            }),
        ),
        ("envelope_that_understands_brief", Call::Gossip(words(Header { brief: true, ..header(true) }.into()))),
        ("envelope_brief", Call::Gossip(Envelope { recent: vec![stamped()], ..words(Sender::Link(port(7009))) })),
        ("sync_fingerprints", sync(SetForm::Fingerprints(vec![1, u64::MAX]))),
        ("sync_symbols", sync(SetForm::Symbols((0..28).collect()))),
        ("link_join", link(LinkWish::Join { walk: Some(8), split: true })),
        ("link_join_first", link(LinkWish::Join { walk: None, split: false })),
        ("link_link", link(LinkWish::Link)),
        ("link_replace", link(LinkWish::InsteadOf(port(7002)))),
        ("link_confirm", link(LinkWish::Confirm(port(7002)))),
        ("link_refute", link(LinkWish::Refute { version: 7 })),
        ("link_exchange", link(LinkWish::Exchange { torn: true })),
        ("link_move", link(LinkWish::Move { to: port(7002), instead_of: port(7003), keep: true })),
    ]
}

#[test]
fn golden_calls_are_written_as_pinned_and_read_back() {
    for (name, call) in calls() {
        let http = encode_call(&call);
        golden(name, &http.body);
        let read = decode_request(http.method, &http.path, &http.body, LOCAL).unwrap();
        let same = match (&call, &read) {
            (Call::Gossip(sent), Request::Gossip(read)) => sent == read,
            (Call::Sync(sent), Request::Sync(read)) => sent == read,
            (Call::Link(sent), Request::Link(read)) => sent == read,
            _ => false,
        };
        assert!(same, "{name}: {call:?} became {read:?}");
    }
}

#[test]
fn golden_replies_are_written_as_pinned_and_read_back() {
    let gossip = GossipReply {
        sender: header(true).into(),
        judgements: Outcome::ALL
            .map(|(outcome, _)| Judgement { outcome, keep: outcome == Outcome::Duplicate })
            .to_vec(),
        newer: messages()[..1].to_vec(),
        digest: Some(digest()),
        claims: claims(),
        free_place: None,
        prune: vec![port(7002)],
        recent: vec![announcement()],
    };
    let judgements =
        [Outcome::New, Outcome::Stale, Outcome::Duplicate].map(|outcome| Judgement { outcome, keep: false });
    let (recent, mut newer) = (vec![announcement(), stamped()], messages());
    newer.iter_mut().for_each(|message| message.path = [port(7004), port(7009)].into());
    let brief = GossipReply { judgements: judgements.to_vec(), newer, recent, ..GossipReply::nothing(port(7009)) };
    let sync = SyncReply {
        header: header(true),
        floor: LogKey::default(),
        count: 9,
        compared: true,
        symbols: 0,
        messages: messages(),
        claims: claims(),
        more: 2,
        want: vec![7, 8],
    };
    let too_few = SyncReply {
        compared: false,
        symbols: 137,
        messages: Vec::new(),
        claims: Vec::new(),
        more: 0,
        want: Vec::new(),
        ..sync.clone()
    };
    let link = |answer| Response::Link(LinkReply { header: header(true), answer, known_version: 5 });
    for (name, kind, response) in [
        ("gossip_reply", CallKind::Gossip, Response::Gossip(gossip)),
        ("gossip_reply_brief", CallKind::Gossip, Response::Gossip(brief)),
        ("sync_reply", CallKind::Sync, Response::Sync(sync)),
        ("sync_reply_too_few", CallKind::Sync, Response::Sync(too_few)),
        ("link_reply_linked", CallKind::Link, link(LinkAnswer::Linked)),
        ("link_reply_busy", CallKind::Link, link(LinkAnswer::Busy)),
        ("link_reply_walk", CallKind::Link, link(LinkAnswer::Walk { next: port(7006), walk: 3 })),
        ("link_reply_split", CallKind::Link, link(LinkAnswer::Split { with: port(7006) })),
        ("link_reply_promised", CallKind::Link, link(LinkAnswer::Promised)),
    ] {
        let answer = encode_response(&response);
        golden(name, &answer.body);
        let same = match (decode_reply(kind, &answer, LOCAL).unwrap(), &response) {
            (Reply::Gossip(read), Response::Gossip(sent)) => read == *sent,
            (Reply::Sync(read), Response::Sync(sent)) => read == *sent,
            (Reply::Link(read), Response::Link(sent)) => read == *sent,
            _ => false,
        };
        assert!(same, "{name}");
    }
}

#[test]
fn golden_dialect_has_exactly_its_members() {
    let mut sent = messages();
    sent[0].ttl = 0;
    sent[1] = sent[1].clone().altered(|content| content.payload = payload(r#"{"book": 7}"#));
    let http = encode_call(&Call::ForeignGossip { own: port(7009), messages: sent });
    golden("dialect_push", &http.body);
    assert_eq!(http.path, "/gossip");
    let read = decode_request(Method::Post, "/gossip", &http.body, LOCAL).unwrap();
    let Request::ForeignGossip { from, messages } = read else { panic!("{read:?}") };
    assert_eq!((from, messages.len(), messages[0].origin.clone()), (port(7009), 1, port(7004)));
    assert_eq!(messages[0].payload.as_str(), r#"{"book":"Lucky Jim by Kingsley Amis"}"#);
    let empty = decode_request(Method::Post, "/gossip", br#"{"client_id":"5001","messages":null}"#, LOCAL).unwrap();
    assert_eq!(empty, Request::ForeignGossip { from: port(5001), messages: Vec::new() });
    let peers = encode_response(&Response::Peers(vec![port(5001), port(7004)]));
    assert_eq!(peers.body, br#"["5001","7004"]"#);
}

#[test]
fn the_protocol_of_one_version_before_and_after_is_spoken() {
    let call = encode_call(&calls()[7].1);
    let body = String::from_utf8(call.body).unwrap();
    for (version, accepted) in [(0, false), (1, true), (2, true), (3, false)] {
        let body = body.replace("\"protocol\":1", &format!("\"protocol\":{version},\"from_the_future\":[{{}}]"));
        let read = decode_request(Method::Post, "/peers/", body.as_bytes(), LOCAL);
        assert_eq!(read.is_ok(), accepted, "protocol {version}: {read:?}");
        if let Err(problem) = read {
            assert_eq!((problem.status, problem.field.as_deref()), (409, Some("protocol")));
        }
    }
}

#[test]
fn a_link_stands_in_the_place_of_a_header_and_means_nothing_in_a_message() {
    let read = |body: &str| decode_request(Method::Post, "/gossip/", body.as_bytes(), LOCAL);
    let Ok(Request::Gossip(brief)) = read(r#"{"messages":[],"link":7009}"#) else { panic!("no envelope") };
    assert_eq!(brief.sender, Sender::Link(port(7009)));
    let header = r#""protocol":1,"cluster":"default","from":7009,"boot":1,"linked":true"#;
    for beside in [header, r#""linked":true"#, r#""cluster":"other""#] {
        for body in [format!(r#"{{{beside},"link":7009}}"#), format!(r#"{{"link":7009,{beside}}}"#)] {
            let problem = read(&body).unwrap_err();
            assert_eq!((problem.status, problem.field.as_deref()), (400, Some("link")), "{body}");
        }
    }
    assert_eq!(read(r#"{"link":"http://host/"}"#).unwrap_err().status, 400);
    let message = r#""uuid":"7d444840-9dc0-41d1-b245-000000000001","origin":7004,"version":1,"ttl":1,"payload":1"#;
    for body in [format!(r#"{{"link":7009,{message}}}"#), format!(r#"{{{message},"link":[]}}"#)] {
        assert!(matches!(read(&body), Ok(Request::Messages(messages)) if messages.len() == 1), "{body}");
    }
}

#[test]
fn brief_messages_leave_out_what_the_stamp_and_the_ends_of_the_path_say() {
    let id = r#""uuid":"7d444840-9dc0-41d1-b245-000000000001","origin":7004,"version":1,"ttl":1,"payload":1"#;
    let read = |sender: &str, rest: &str| {
        let body = format!(r#"{{{sender},"messages":[{{{id}{rest}}}]}}"#);
        let read = decode_request(Method::Post, "/gossip/", body.as_bytes(), LOCAL)?;
        let Request::Gossip(envelope) = read else { panic!("no envelope") };
        let message = &envelope.messages[0];
        Ok((message.kind, message.stamp, message.path.to_vec()))
    };
    let [link, full] = [r#""link":7009"#, r#""protocol":1,"cluster":"default","from":7009,"boot":1,"linked":true"#];
    for (rest, expected) in [
        ("", (Kind::State, 0, vec![port(7004)])),
        (r#","stamp":5,"via":[]"#, (Kind::Message, 5, vec![port(7004), port(7009)])),
        (r#","via":[7001,7002]"#, (Kind::State, 0, vec![port(7004), port(7001), port(7002), port(7009)])),
        (r#","stamp":5,"kind":"state","path":[7004,7001]"#, (Kind::State, 0, vec![port(7004), port(7001)])),
    ] {
        assert_eq!(read(link, rest), Ok(expected), "{rest}");
    }
    for rest in [r#","stamp":5"#, r#","via":[7001]"#, r#","via":"email""#] {
        assert_eq!(read(full, rest), Ok((Kind::State, 0, vec![port(7004)])), "{rest} means nothing but in brief words");
    }
    let long = format!(r#","via":{:?}"#, vec![7_001; 255]);
    for (sender, rest, status, field) in [
        (link, r#","via":[],"path":[7004]"#, 400, "messages[0].via"),
        (link, r#","via":"email""#, 400, "messages[0].via"),
        (link, r#","via":["host:1"]"#, 409, "messages[0].via[0]"),
        (link, &long, 400, "messages[0].via"),
    ] {
        let problem: Problem = read(sender, rest).unwrap_err();
        assert_eq!((problem.status, problem.field.as_deref()), (status, Some(field)), "{rest}");
    }

    // Whatever its path, a message comes out as it went in.
    for way in [&[7004][..], &[7004, 7009], &[7004, 7001, 7009], &[7004, 7001], &[7004, 7009, 7001], &[7004, 7004]] {
        for (kind, stamp) in [(Kind::State, 0), (Kind::Message, 0), (Kind::Message, 5)] {
            let mut message = messages()[0].clone().altered(|content| (content.kind, content.stamp) = (kind, stamp));
            message.path = way.iter().copied().map(port).collect();
            let sent = Envelope { messages: vec![message], ..words(Sender::Link(port(7009))) };
            let http = encode_call(&Call::Gossip(sent.clone()));
            assert_eq!(
                decode_request(http.method, &http.path, &http.body, LOCAL),
                Ok(Request::Gossip(sent)),
                "{way:?}"
            );
        }
    }
}

#[test]
fn announcements_are_bounded_and_named() {
    let read = |recent: &str| {
        let body = format!(r#"{{"link":7009,"recent":{recent}}}"#);
        decode_request(Method::Post, "/gossip/", body.as_bytes(), LOCAL)
    };
    let Ok(Request::Gossip(envelope)) = read("[[7,[]],[8,[7001]]]") else { panic!("no envelope") };
    let paths: Vec<_> = envelope.recent.iter().map(|announcement| announcement.path.to_vec()).collect();
    assert_eq!(paths, [vec![port(7009)], vec![port(7001), port(7009)]]);
    let long = format!("[[7,[]],[8,{:?}]]", vec![7_001; 256]);
    for (recent, field) in [(&long[..], "recent[1].1"), (r#"[[7,["host:1"]]]"#, "recent[0].1")] {
        assert_eq!(read(recent).unwrap_err().field.as_deref(), Some(field), "{recent}");
    }
    for recent in
        ["[[7]]", "[7]", r#"[["7",[]]]"#, "[[-1,[]]]", "[[7,[],[]]]", &format!("[{}[7,[]]]", "[7,[]],".repeat(64))]
    {
        let problem = read(recent).unwrap_err();
        assert!(problem.status == 400 && !problem.detail.contains("variant"), "{recent}: {problem}");
    }
}

#[test]
fn an_answer_judges_no_more_messages_than_a_body_may_carry() {
    let read = |outcomes: usize, kept: usize, forged: usize| {
        let (outcomes, [keep, forged]) = (vec!["limited"; outcomes], [kept, forged].map(|count| vec![0; count]));
        let body = format!(r#"{{"link":7009,"outcomes":{outcomes:?},"keep":{keep:?},"forged":{forged:?}}}"#);
        decode_reply(CallKind::Gossip, &Answer { status: 200, body: body.into() }, LOCAL)
    };
    let Ok(Reply::Gossip(reply)) = read(1_024, 1_024, 1_024) else { panic!("an answer") };
    assert_eq!((reply.judgements[0].outcome, reply.judgements[1].outcome), (Outcome::Forged, Outcome::Limited));
    for (outcomes, kept, forged) in [(1_025, 0, 0), (1, 1_025, 0), (1, 0, 1_025)] {
        assert_eq!(read(outcomes, kept, forged), Err(crate::protocol::Failure::Unknown));
    }
}

#[test]
fn answers_that_say_no_are_told_from_those_that_break() {
    use crate::protocol::Failure;
    let failure = |status, body: &[u8]| {
        decode_reply(CallKind::Gossip, &Answer { status, body: body.to_vec() }, LOCAL).unwrap_err()
    };
    let nothing = Answer { status: 204, body: Vec::new() };
    assert_eq!(encode_response(&Response::NothingToAdd), nothing);
    assert_eq!(decode_reply(CallKind::Gossip, &nothing, LOCAL), Ok(Reply::NothingToAdd));
    assert_eq!(decode_reply(CallKind::Sync, &nothing, LOCAL), Err(Failure::Unknown));
    assert_eq!(failure(400, b""), Failure::Rejected { status: 400 });
    assert_eq!(failure(409, b""), Failure::Rejected { status: 409 });
    for (status, body) in [(500, &b""[..]), (429, b""), (503, b""), (200, b"<html>"), (200, b"{}"), (302, b"")] {
        let expected = if status == 302 { Failure::Rejected { status } } else { Failure::Unknown };
        assert_eq!(failure(status, body), expected);
    }
}

#[test]
fn payloads_that_would_break_a_later_reader_are_refused() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for bad in [&deep(33)[..], "\"\\ud800\"", "1e999", "nul", "{\"a\":1,}", "\"\u{1}\"", "[1] 2", ""] {
        assert!(check_payload(bad).is_err(), "{bad:?}");
    }
    for good in [&deep(32)[..], "{\"a\":[1,2.5e3,null,true,\"\\ud83d\\ude42\"]}", "\"ä\"", " 7 "] {
        assert_eq!(check_payload(good), Ok(()), "{good:?}");
    }
}

#[test]
fn a_submission_is_refused_that_no_other_node_would_take() {
    let submission = |depth: usize| format!("{{\"message\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let taken = parse_submission(submission(31).as_bytes(), 1_024).unwrap();
    assert_eq!(check_payload(taken.payload.as_str()), Ok(()));
    let problem = parse_submission(submission(32).as_bytes(), 1_024).unwrap_err();
    assert_eq!((problem.status, problem.field.as_deref()), (400, Some("message")));
}

#[test]
fn a_refusal_is_short_however_long_the_name_that_it_is_about() {
    let body = format!("{{\"{}\":1}}", "ä\\n".repeat(100_000));
    let problem = parse_faults(body.as_bytes(), LOCAL, &port(7001)).unwrap_err();
    assert_eq!(problem.status, 400);
    assert!(problem.to_json().len() < 4_096, "{} bytes", problem.to_json().len());
    assert!(problem.detail.contains("unknown"), "{}", problem.detail);
}

#[test]
fn ids_are_addresses_and_nothing_else() {
    for (text, id) in [
        ("7004", "7004"),
        ("127.0.0.1:7004", "7004"),
        ("localhost:7004", "7004"),
        ("DB1.Example.:7004", "db1.example:7004"),
        ("[::1]:80", "[::1]:80"),
        ("[2001:DB8:0::1]:80", "[2001:db8::1]:80"),
        ("10.0.0.7:80", "10.0.0.7:80"),
    ] {
        assert_eq!(NodeId::parse(text).unwrap().to_string(), id);
    }
    let long = format!("{}:80", "a".repeat(300));
    for bad in [
        "",
        "0",
        "70000",
        "-1",
        "+5",
        "05",
        "a",
        "a:0",
        "http://a:1",
        "user@a:1",
        "a:1/x",
        "a b:1",
        "[::1]",
        "::1:80",
        "a..b:1",
        "a:1?x",
        "ä:1",
        &long,
    ] {
        assert!(NodeId::parse(bad).is_err(), "{bad:?}");
    }
}

proptest::proptest! {
    /// Whatever bytes come, the door answers and does not fall.
    #[test]
    fn no_body_crashes_the_door(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300), cut in 0usize..2_000) {
        for (name, call) in calls() {
            let http = encode_call(&call);
            let mut mutilated = http.body.clone();
            mutilated.truncate(cut);
            mutilated.extend_from_slice(&body);
            for path in ["/gossip/", "/sync/", "/peers/"] {
                let read = decode_request(Method::Post, path, &mutilated, LOCAL);
                proptest::prop_assert!(read.is_ok() || read.is_err_and(|p| (400..500).contains(&p.status)), "{}", name);
            }
        }
    }
}
