//! The live stream: nothing is lost, nothing comes twice, nobody is waited for. And what a node collects from others.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{DEADLINE, Server, agree, eventually, network};

/// Somebody who watches a node.
pub struct Watcher {
    lines: BufReader<Box<dyn Read>>,
}

/// One event in either form.
#[derive(Debug)]
pub struct Seen {
    pub id: String,
    pub event: String,
    pub data: Value,
}

impl Watcher {
    fn open(server: &Server, query: &str, accept: &str, last_id: Option<&str>) -> Watcher {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_recv_body(Some(2 * DEADLINE)).user_agent("test").build().into();
        let url = format!("http://127.0.0.1:{}/events{query}", server.port);
        let mut request = agent.get(url).header("accept", accept);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = request.call().expect("a stream");
        assert_eq!(response.headers()["content-type"], accept);
        Watcher { lines: BufReader::new(Box::new(response.into_body().into_reader())) }
    }

    pub fn lines(server: &Server, query: &str, last_id: Option<&str>) -> Watcher {
        Watcher::open(server, query, "application/x-ndjson", last_id)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("the stream goes on");
        (read > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// The next event of the NDJSON form.
    pub fn next(&mut self) -> Option<Seen> {
        loop {
            let data: Value = serde_json::from_str(&self.line()?).expect("one JSON object on each line");
            let text = |name: &str| data[name].as_str().expect("a text").to_owned();
            let seen = Seen { id: text("id"), event: text("event"), data };
            if seen.event != "keep-alive" {
                return Some(seen);
            }
        }
    }

    /// The next event that is like this.
    fn find(&mut self, what: &str, mut is: impl FnMut(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.next().unwrap_or_else(|| panic!("the stream ended before {what}"));
            if is(&seen) {
                return seen;
            }
        }
    }

    /// The next event of the server-sent form.
    fn next_sent(&mut self) -> Seen {
        let mut seen = Seen { id: String::new(), event: String::new(), data: Value::Null };
        loop {
            let line = self.line().expect("the stream goes on");
            match line.split_once(": ") {
                Some(("id", id)) => seen.id = id.to_owned(),
                Some(("event", event)) => seen.event = event.to_owned(),
                Some(("data", data)) => seen.data = serde_json::from_str(data).expect("JSON"),
                _ if line.is_empty() && !seen.event.is_empty() => return seen,
                _ => {}
            }
        }
    }
}

/// The number in an event's id.
fn number(id: &str) -> u64 {
    id.split_once('-').expect("boot-number").1.parse().expect("a number")
}

#[test]
fn a_watcher_sees_what_is_held_and_then_what_happens() {
    let servers = network(3, &["--interval", "0"]);
    servers[0].submit("before");
    agree(&servers);
    let mut sent = Watcher::open(&servers[2], "", "text/event-stream", None);
    let snapshot = sent.next_sent();
    assert_eq!(snapshot.event, "snapshot");
    assert_eq!(snapshot.data["id"], servers[2].port);
    assert_eq!(snapshot.data["state"].as_object().unwrap().len(), 3);
    assert_eq!(snapshot.data["messages"][0]["payload"]["message"], "before");
    let peers: Vec<u16> = serde_json::from_value(snapshot.data["peers"].clone()).unwrap();
    assert_eq!(peers, servers[2].peers());

    let mut lines = Watcher::lines(&servers[2], "?kind=message,state", None);
    assert_eq!(lines.next().unwrap().event, "snapshot");
    let uuid = servers[0].submit("after");
    // A payload keeps its line ends, and an event still stands on one line.
    let set = servers[1].call("PUT", "/state", Some(b"{\n \"role\":\n \"db\"}"));
    assert_eq!(set.status, 200, "{}", set.body);
    for _ in 0..2 {
        let seen = lines.next().unwrap();
        if seen.event == "message" {
            assert_eq!(seen.data["uuid"], uuid.as_str());
            let path: Vec<u16> = serde_json::from_value(seen.data["paths"][0]["path"].clone()).unwrap();
            assert_eq!((path.first(), path.last()), (Some(&servers[0].port), Some(&servers[2].port)));
        } else {
            assert_eq!((seen.event.as_str(), &seen.data["node"]), ("state", &json!(servers[1].port)));
            assert_eq!(seen.data["payload"], json!({"role": "db"}));
            assert_eq!(seen.data["hops"], seen.data["path"].as_array().unwrap().len() - 1);
        }
    }
    let read = servers[2].post("/messages/read", &json!({ "uuids": [uuid] }).to_string());
    assert_eq!(read.status, 200);
    loop {
        let seen = sent.next_sent();
        if seen.event == "read" {
            assert_eq!(seen.data, json!({ "uuids": [uuid] }));
            break;
        }
    }
    assert_eq!(servers[0].get("/events?kind=nonsense").problem().field.as_deref(), Some("kind"));
}

#[test]
fn who_comes_back_misses_nothing_and_hears_nothing_twice() {
    let server = Server::start(&["--interval", "0"]);
    let mut first = Watcher::lines(&server, "", None);
    let begun = first.next().unwrap();
    assert_eq!(begun.event, "snapshot");
    server.submit("one");
    let one = first.find("the message", |seen| seen.event == "message");
    assert_eq!(number(&one.id), number(&begun.id) + 1);
    drop(first);
    let uuids: Vec<String> = (0..50).map(|n| server.submit(&format!("missed {n}"))).collect();
    let mut second = Watcher::lines(&server, "", Some(&one.id));
    for (n, uuid) in uuids.iter().enumerate() {
        let seen = second.next().unwrap();
        assert_eq!((seen.event.as_str(), &seen.data["uuid"]), ("message", &json!(uuid)));
        assert_eq!(number(&seen.id), number(&one.id) + 1 + n as u64);
    }
    // The same by a parameter, for those who cannot set headers; filters do not change what an id means.
    let query = format!("?last_event_id={}&kind=message", one.id);
    assert_eq!(Watcher::lines(&server, &query, None).next().unwrap().data["uuid"], uuids[0].as_str());

    for gone in ["1-5", "nonsense", &format!("{}0000", one.id)] {
        let mut reset = Watcher::lines(&server, "", Some(gone));
        let told = reset.next().unwrap();
        assert_eq!(told.event, "reset");
        assert!(!told.data["reason"].as_str().unwrap().is_empty());
        assert_eq!(reset.next().unwrap().event, "snapshot");
    }
}

#[test]
fn deaths_and_links_are_told() {
    let mut servers = network(4, &["--interval", "0", "--heartbeat", "200ms"]);
    let mut watcher = Watcher::lines(&servers[0], "?kind=status,link", None);
    assert_eq!(watcher.next().unwrap().event, "snapshot");
    let newcomer = Server::join(&servers[1], &["--interval", "0", "--heartbeat", "200ms"]);
    let joined = watcher.find("the newcomer", |seen| seen.data["joined"] == true);
    assert_eq!((&joined.data["node"], &joined.data["status"]), (&json!(newcomer.port), &json!("alive")));
    let dead = servers.pop().unwrap().crash();
    let mut statuses = Vec::new();
    watcher.find("that it is down", |seen| {
        if seen.event == "status" && seen.data["node"] == dead {
            statuses.push(seen.data["status"].as_str().unwrap().to_owned());
        }
        statuses.last().is_some_and(|status| status == "down")
    });
    assert_eq!(statuses, ["suspect", "down"]);
}

#[test]
fn whoever_is_told_nothing_gets_signs_of_life_while_much_else_happens() {
    let server = Server::start(&["--interval", "100ms"]);
    let mut filtered = Watcher::lines(&server, "?kind=forgotten", None);
    let begun = filtered.next().expect("a snapshot");
    let mut all = Watcher::lines(&server, "?kind=state", None);
    all.next().expect("a snapshot");
    for _ in 0..5 {
        all.next().expect("a book");
    }
    // The stream's reader gives up after twice the deadline.
    let line = filtered.line().expect("the stream goes on");
    let sign: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(sign["event"], "keep-alive", "{sign}");
    let at = number(sign["id"].as_str().expect("an id"));
    assert!(at > number(&begun.id) + 5, "what it was not told has not moved it on: {at}");
}

#[test]
fn whoever_is_cut_off_right_after_a_reset_gets_the_snapshot_all_the_same() {
    let server = Server::start(&["--interval", "0"]);
    let mut first = Watcher::lines(&server, "", Some("1-1"));
    let reset = first.next().expect("a reset");
    assert_eq!(reset.event, "reset");
    drop(first);
    let mut again = Watcher::lines(&server, "", Some(&reset.id));
    let events = [again.next(), again.next()].map(|seen| seen.expect("an event").event);
    assert_eq!(events, ["reset", "snapshot"]);
}

#[test]
fn a_leaving_node_ends_its_streams() {
    let mut server = Server::start(&["--interval", "0"]);
    let mut watcher = Watcher::lines(&server, "", None);
    watcher.next();
    server.signal(rustix::process::Signal::TERM);
    assert!(server.exit_within(Duration::from_secs(10)).is_some_and(|status| status.success()));
    let mut rest = String::new();
    // Whether the last bytes came whole is for the network to decide.
    let _ = watcher.lines.read_to_string(&mut rest);
}

#[test]
fn who_does_not_read_is_dropped_and_holds_up_nobody() {
    let server = Server::start(&["--interval", "0"]);
    let mut slow = Watcher::lines(&server, "?kind=message", None);
    let begun = slow.next().unwrap();
    let mut quick = Watcher::lines(&server, "?kind=message", None);
    quick.next();
    let text = "x".repeat(60_000);
    let count = 450;
    for _ in 0..count {
        server.submit(&text);
        quick.find("a message", |seen| seen.event == "message");
    }
    // Everything in between would be more than is kept for anybody.
    let mut got = 0;
    while slow.next().is_some() {
        got += 1;
    }
    assert!(got < count, "{got}");
    let mut again = Watcher::lines(&server, "?kind=message", Some(&begun.id));
    assert_eq!(again.next().unwrap().event, "reset");
}

#[test]
fn the_overlay_is_collected_from_all_nodes() {
    let mut servers = network(6, &["--interval", "0", "--heartbeat", "200ms"]);
    servers.sort_by_key(|server| server.port);
    // Links come and go until every place is taken: what is collected is right once they rest.
    let overlay = eventually("what each node says of its links is collected", || {
        let peers: Vec<Vec<u16>> = servers.iter().map(Server::peers).collect();
        let overlay = servers[0].get("/overlay").json();
        let told = overlay["nodes"].as_array()?.iter().map(|node| &node["peers"]);
        let same = told.zip(&peers).all(|(told, peers)| *told == json!(peers));
        let links = overlay["links"].as_array()?.len();
        (same && 2 * links == peers.iter().map(Vec::len).sum::<usize>()).then_some(overlay)
    });
    let nodes = overlay["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 6);
    for (node, server) in nodes.iter().zip(&servers) {
        assert_eq!((&node["id"], &node["reached"]), (&json!(server.port), &json!(true)));
    }
    let dead = servers.pop().unwrap().crash();
    eventually("the dead node is not reached", || {
        let overlay = servers[0].get("/overlay").json();
        let node = overlay["nodes"].as_array()?.iter().find(|node| node["id"] == dead)?.clone();
        (node["reached"] == false && node["peers"].is_null()).then_some(())
    });
}

#[test]
fn the_spread_of_a_message_is_collected_from_all_nodes() {
    let servers = network(5, &["--interval", "0"]);
    let uuid = servers[0].submit("apple");
    agree(&servers);
    for server in &servers {
        let spread = eventually("all hold it", || {
            let spread = server.get(&format!("/messages/{uuid}/spread")).json();
            (spread["held"] == 5).then_some(spread)
        });
        assert_eq!(
            (&spread["uuid"], &spread["origin"], &spread["live"]),
            (&json!(uuid), &json!(servers[0].port), &json!(5))
        );
        for node in spread["nodes"].as_array().unwrap() {
            let path = node["path"].as_array().unwrap();
            assert_eq!((&path[0], path.last()), (&json!(servers[0].port), Some(&node["id"])));
            assert!(node["received_at"].as_str().unwrap().ends_with('Z'));
        }
    }
    // The first digits do where the message is held; a uuid that nobody holds is not found.
    assert_eq!(servers[1].get(&format!("/messages/{}/spread", &uuid[..8])).status, 200);
    assert_eq!(servers[1].get("/messages/00000000-0000-4000-8000-000000000000/spread").status, 404);
    assert_eq!(servers[1].get("/messages/xyz/spread").status, 400);
}
