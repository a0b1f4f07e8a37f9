//! Input that nobody should send: refused with a reason, and the node goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Server, agree, network};

const UUID: &str = "7d444840-9dc0-41d1-b245-5ffdce74fad2";

fn message(changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("uuid", format!("{UUID:?}")),
        ("origin", "7004".to_owned()),
        ("version", "1".to_owned()),
        ("ttl", "3".to_owned()),
        ("payload", "{\"book\":\"x\"}".to_owned()),
    ];
    for (name, value) in changes {
        members.retain(|(known, _)| known != name);
        if !value.is_empty() {
            members.push((name, (*value).to_owned()));
        }
    }
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn bad_messages_are_refused_by_field_and_nothing_is_applied() {
    let server = Server::start(&["--interval", "0"]);
    let deep = "[".repeat(100) + &"]".repeat(100);
    let long_path = format!("[7004{}]", ",7005".repeat(300));
    for (changes, field) in [
        (&[("uuid", "")][..], "uuid"),
        (&[("uuid", "\"no\"")], "uuid"),
        (&[("origin", "0")], "origin"),
        (&[("origin", "\"user:pw@host:1\"")], "origin"),
        (&[("origin", "\"http://host:1/x\"")], "origin"),
        (&[("version", "0")], "version"),
        (&[("version", "9007199254740992")], "version"),
        (&[("version", "1.5")], "version"),
        (&[("version", "\"1\"")], "version"),
        (&[("ttl", "256")], "ttl"),
        (&[("ttl", "-1")], "ttl"),
        (&[("kind", "\"other\"")], "kind"),
        (&[("relays", "17")], "relays"),
        (&[("stamp", "9007199254740993")], "stamp"),
        (&[("path", "[7005]")], "path"),
        (&[("path", &long_path)], "path"),
        (&[("payload", "")], "payload"),
        (&[("payload", &deep)], "payload"),
        (&[("payload", "\"\\ud800\"")], "payload"),
    ] {
        for (body, prefix) in
            [(message(changes), String::new()), (format!("[{},{}]", message(&[]), message(changes)), "[1]".to_owned())]
        {
            let answer = server.post("/gossip/", &body);
            assert_eq!(answer.status, 400, "{body}: {}", answer.body);
            let problem = answer.problem();
            // A reader cannot name the member that is missing by its path, but does in words.
            let named = problem.field.as_deref().unwrap_or("").starts_with(&prefix) && problem.detail.contains(field);
            assert!(named, "{body}: {problem:?}");
        }
    }
    assert!(server.state(7004).is_none(), "a refused batch was applied in part");
    assert_eq!(server.post("/gossip/", &message(&[])).status, 200);
    assert!(server.state(7004).is_some());
}

#[test]
fn every_endpoint_refuses_nonsense_and_the_network_goes_on() {
    let servers = network(3, &["--interval", "0"]);
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "{",
        "nonsense",
        "null",
        "[1]",
        "{\"a\":1}",
        "\"\\ud800\"",
        &deep,
        "{\"protocol\":1}",
        "{\"client_id\":7}",
        "\u{0}",
    ];
    for endpoint in ["/gossip/", "/gossip", "/sync/", "/peers/", "/messages", "/messages/read"] {
        for body in bodies {
            let answer = servers[0].post(endpoint, body);
            assert!((400..500).contains(&answer.status), "{endpoint} {body:.20}: {} {}", answer.status, answer.body);
            assert!(!answer.problem().detail.is_empty());
        }
    }
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/state/no%20id", 400),
        ("GET", "/state/1", 404),
        ("DELETE", "/peers/host:1", 409),
        ("DELETE", "/peers/x", 400),
        ("PUT", "/peers/", 405),
        ("POST", "/state", 405),
        ("GET", "/messages?limit=0", 400),
        ("GET", "/messages?limit=100001", 400),
        ("GET", "/messages?status=some", 400),
        ("GET", "/messages?since=yesterday", 400),
        ("GET", "/messages?unknown=1", 400),
        ("GET", "/peers/70000", 400),
    ] {
        let answer = servers[0].call(method, path, None);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.problem().status, status);
    }
    let uuid = servers[0].submit("still here");
    agree(&servers);
    assert_eq!(servers[2].get(&format!("/messages/{uuid}")).status, 200);
}

#[test]
fn oversized_bodies_get_an_answer() {
    let server = Server::start(&["--interval", "0"]);
    let three_megabytes = vec![b' '; 3 << 20];
    for endpoint in ["/gossip/", "/sync/", "/peers/", "/messages", "/messages/read"] {
        let answer = server.call("POST", endpoint, Some(&three_megabytes));
        assert_eq!(answer.status, 413, "{endpoint}: {}", answer.body);
        assert_eq!(answer.problem().limit, Some(2 << 20));
    }
    let many: Vec<String> = (0..2_000).map(|_| message(&[])).collect();
    let answer = server.post("/gossip/", &format!("[{}]", many.join(",")));
    assert_eq!((answer.status, answer.problem().limit), (413, Some(1_024)));
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn half_a_request_harms_nobody() {
    let server = Server::start(&["--interval", "0"]);
    let mut half = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    half.write_all(b"POST /gossip/ HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[").unwrap();
    let mut noise = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    noise.write_all(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    noise.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn a_forged_leap_of_a_version_is_refused() {
    let servers = network(2, &["--interval", "0"]);
    let port = servers[1].port.to_string();
    let answer = servers[0].post("/gossip/", &message(&[("origin", &port), ("version", "9007199254740991")]));
    assert_eq!(answer.json()["outcomes"][0], "limited");
    assert!(servers[0].digest().counters.limited == 1);
    agree(&servers);
}

#[test]
fn a_message_about_oneself_is_answered_by_a_newer_version() {
    let servers = network(3, &["--interval", "0"]);
    let version = servers[1].digest().version;
    let port = servers[1].port.to_string();
    let forged =
        message(&[("origin", &port), ("version", &(version + 5).to_string()), ("payload", "{\"book\":\"forged\"}")]);
    servers[0].post("/gossip/", &forged);
    crate::harness::eventually("the owner continues above", || {
        servers[0].state(servers[1].port).filter(|s| s.version > version + 5 && !s.payload.get().contains("forged"))
    });
    agree(&servers);
    // An echo of its own message changes nothing.
    let own = servers[1].state(servers[1].port).unwrap();
    let uuid = servers[1].get("/messages?kind=state").json().as_array().unwrap().last().unwrap()["uuid"].to_string();
    let echo = message(&[
        ("origin", &port),
        ("version", &own.version.to_string()),
        ("payload", own.payload.get()),
        ("uuid", &uuid),
    ]);
    let answer = servers[1].post("/gossip/", &echo);
    assert_eq!(answer.json()["outcomes"][0], "duplicate", "{}", answer.body);
    assert_eq!(servers[1].digest().version, own.version);
}
