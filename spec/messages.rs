//! Messages: every node gets each one once, and shows the ways it took; state that users set.

use std::collections::BTreeSet;

use crate::harness::{Server, agree, eventually, free_ports, network};

#[test]
fn every_node_gets_a_message_and_shows_its_paths() {
    let servers = network(8, &["--interval", "0"]);
    let uuid = servers[0].submit("apple");
    agree(&servers);
    for server in &servers {
        let messages = server.messages();
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert_eq!(message.uuid.to_string(), uuid);
        assert_eq!(message.payload.get(), r#"{"message":"apple"}"#);
        let distinct: BTreeSet<String> = message.paths.iter().map(|arrival| format!("{:?}", arrival.path)).collect();
        assert_eq!(distinct.len(), message.paths.len(), "a path is listed twice");
        for arrival in &message.paths {
            let path: Vec<u16> = arrival.path.iter().map(|id| id.to_string().parse().unwrap()).collect();
            assert_eq!((path[0], path[path.len() - 1]), (servers[0].port, server.port));
            for hop in path.windows(2) {
                let from = servers.iter().find(|server| server.port == hop[0]).unwrap();
                assert!(from.peers().contains(&hop[1]), "{hop:?} is no link");
            }
        }
    }
}

#[test]
fn texts_arrive_unchanged() {
    let servers = network(3, &["--interval", "0"]);
    let long = "ä".repeat(30_000);
    let texts = ["", " leading and trailing ", "quote \" and \\ back", "line\nbreak\ttab\u{0}nul", "🙂 émoji", &long];
    for text in texts {
        servers[1].submit(text);
    }
    agree(&servers);
    for server in &servers {
        let messages = server.messages();
        let read = |i: usize| serde_json::from_str::<serde_json::Value>(messages[i].payload.get()).unwrap();
        assert_eq!(messages.len(), texts.len());
        for (i, text) in texts.iter().enumerate() {
            assert_eq!(read(i)["message"], *text);
        }
    }
    let answer = servers[0].post("/messages", &serde_json::json!({"message": "x".repeat(70_000)}).to_string());
    assert_eq!(answer.status, 413);
    assert_eq!((answer.problem().field.as_deref(), answer.problem().limit), (Some("message"), Some(65_536)));
}

#[test]
fn the_submitters_uuid_makes_a_retry_no_second_message() {
    let servers = network(2, &["--interval", "0"]);
    let body = r#"{"message": "once", "uuid": "00000000-0000-4000-8000-000000000001"}"#;
    assert_eq!(servers[0].post("/messages", body).status, 201);
    assert_eq!(servers[0].post("/messages", body).status, 200);
    agree(&servers);
    assert_eq!(servers[1].messages().len(), 1);
}

#[test]
fn reading_is_marked_only_when_said() {
    let server = Server::start(&["--interval", "0"]);
    let (first, second) = (server.submit("one"), server.submit("two"));
    let unread = || server.get("/messages?status=unread").json().as_array().unwrap().len();
    assert_eq!((unread(), unread()), (2, 2));
    let answer = server.post("/messages/read", &format!(r#"{{"uuids":["{first}"]}}"#));
    assert_eq!((answer.status, answer.json()["marked"].as_u64()), (200, Some(1)));
    let left = server.get("/messages?status=unread").json();
    assert_eq!((unread(), left[0]["uuid"].as_str()), (1, Some(second.as_str())));
    assert_eq!(server.get(&format!("/messages/{}", &first[..9])).json()["read"], true);
    assert_eq!(server.get("/messages/ffff").status, 404);
    assert_eq!(server.get("/messages/zzzz").problem().field.as_deref(), Some("uuid"));
}

#[test]
fn a_limited_message_goes_no_further_than_its_ttl() {
    // A ring without shortcuts: 0 - 1 - 2 - 3 - 4 - 5 - 0. Every node is given both neighbours.
    let ports = free_ports(6);
    let ring: Vec<Server> = (0..6)
        .map(|i| {
            let (left, right) = (ports[(i + 5) % 6].to_string(), ports[(i + 1) % 6].to_string());
            Server::start_on(ports[i], &["--interval", "0", "--max-peers", "2", "--peer", &left, "--peer", &right])
        })
        .collect();
    agree(&ring);
    let far = ring[0].submit("everywhere");
    let answer = ring[0].post("/messages", r#"{"message": "near", "ttl": 0}"#);
    let near = answer.json()["uuid"].as_str().unwrap().to_owned();
    eventually("all hold the unlimited message", || {
        ring.iter().all(|node| node.get(&format!("/messages/{far}")).status == 200).then_some(())
    });
    eventually("both neighbours hold the limited one", || {
        [1, 5].iter().all(|i| ring[*i].get(&format!("/messages/{near}")).status == 200).then_some(())
    });
    // Digests have been exchanged over every link since: repair does not bring it.
    let heartbeats = || ring.iter().map(|node| node.digest().counters.envelopes_sent).sum::<u64>();
    let before = heartbeats();
    eventually("three heartbeats pass on each of six links", || (heartbeats() >= before + 18).then_some(()));
    for i in [2, 3, 4] {
        assert_eq!(ring[i].get(&format!("/messages/{near}")).status, 404, "node {i} has the limited message");
    }
}

#[test]
fn a_set_state_stops_the_books_until_it_is_cleared() {
    let servers = network(3, &["--interval", "200ms"]);
    let answer = servers[0].call("PUT", "/state", Some(br#"{"role": "db", "load": 0.40}"#));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let version = answer.json()["version"].as_u64().unwrap();
    let seen =
        eventually("another node holds it", || servers[2].state(servers[0].port).filter(|s| s.version >= version));
    assert_eq!(seen.payload.get(), r#"{"role": "db", "load": 0.40}"#, "bytes as they came");
    let others = servers[1].state(servers[1].port).unwrap().version;
    eventually("others go on drawing", || servers[2].state(servers[1].port).filter(|s| s.version > others + 2));
    assert_eq!(servers[2].state(servers[0].port).unwrap().version, version, "no book replaced it");
    assert_eq!(servers[0].call("DELETE", "/state", None).status, 200);
    eventually("books again", || servers[2].state(servers[0].port).filter(|s| s.payload.get().contains("book")));
}

#[test]
fn people_can_read_every_endpoint() {
    let servers = network(2, &["--interval", "0"]);
    servers[0].submit("hello \u{1b}[31m red");
    agree(&servers);
    let page = servers[1].get("/").body;
    assert!(page.contains("EVERYONE'S STATE") && page.contains("hello"), "{page}");
    assert!(!page.contains('\u{1b}'), "a message steers the terminal");
    for path in ["/state?format=text", "/messages?format=text", "/peers/?format=text"] {
        assert!(servers[1].get(path).body.contains(&servers[0].port.to_string()), "{path}");
    }
    assert!(servers[1].get("/state").body.contains("\n  "), "JSON for people is pretty");
}
