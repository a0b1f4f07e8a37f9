//! Faults between real nodes: partitions, mass crashes, delays, losses and pauses, and what they never touch.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Server, agree, agree_among, eventually, eventually_within, network, try_call};

/// A network whose faults can be injected; its nodes keep one book.
fn faulty_network(size: usize) -> Vec<Server> {
    network(size, &["--interval", "0", "--allow-fault-injection"])
}

/// Replaces a node's faults.
fn set(server: &Server, faults: &serde_json::Value) {
    let answer = server.call("PUT", "/faults", Some(faults.to_string().as_bytes()));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Ends all faults everywhere.
fn heal(servers: &[Server]) {
    for server in servers {
        assert_eq!(server.call("DELETE", "/faults", None).status, 200);
    }
}

/// How often a fault of this kind touched an exchange of this node.
fn acted(server: &Server, kind: &str) -> u64 {
    server.get("/faults").json()["acted"][kind].as_u64().expect("a count")
}

fn uuids(server: &Server) -> BTreeSet<String> {
    server.messages().iter().map(|message| message.uuid.to_string()).collect()
}

fn status(server: &Server, of: &Server) -> &'static str {
    server.state(of.port).map_or("unknown", |state| state.status.name())
}

/// How many of these nodes are reached from the first over links that both ends hold.
fn reached(servers: &[&Server]) -> usize {
    let peers: Vec<Vec<u16>> = servers.iter().map(|server| server.peers()).collect();
    let mut reached = BTreeSet::from([0]);
    let mut left = vec![0];
    while let Some(at) = left.pop() {
        for (next, server) in servers.iter().enumerate() {
            let linked = peers[at].contains(&server.port) && peers[next].contains(&servers[at].port);
            if linked && reached.insert(next) {
                left.push(next);
            }
        }
    }
    reached.len()
}

#[test]
fn two_halves_of_a_healed_partition_have_all_messages() {
    let servers = faulty_network(16);
    let (left, right) = servers.split_at(8);
    let mut sent = BTreeSet::from([servers[0].submit("before")]);
    agree(&servers);
    for (part, other) in [(left, right), (right, left)] {
        let cut: Vec<u16> = other.iter().map(|server| server.port).collect();
        part.iter().for_each(|server| set(server, &json!({ "cut": cut })));
    }
    for (i, server) in servers.iter().enumerate() {
        sent.insert(server.submit(&format!("early {i}")));
    }
    let torn = Instant::now();
    // A node that had no link to the other half learns of it by its few probes, each of which takes seconds to fail.
    eventually_within(Duration::from_secs(60), "each half holds the other for down", || {
        let apart = |part: &[Server], other: &[Server]| {
            part.iter().all(|server| other.iter().all(|lost| status(server, lost) == "down"))
        };
        (apart(left, right) && apart(right, left)).then_some(())
    });
    let apart = torn.elapsed();
    for (i, server) in servers.iter().enumerate() {
        sent.insert(server.submit(&format!("late {i}")));
    }
    for part in [left, right] {
        agree_among(&part.iter().collect::<Vec<_>>());
        let held: Vec<usize> = part.iter().map(|server| server.messages().len()).collect();
        assert_eq!(held, [1 + 8 + 8; 8], "each half has its own messages and no others");
        // A node without links across may have had no cause to call there.
        assert!(part.iter().map(|server| acted(server, "cut")).sum::<u64>() > 0);
    }
    heal(&servers);
    let began = Instant::now();
    eventually("all have all messages", || servers.iter().all(|server| uuids(server) == sent).then_some(()));
    println!("apart after {apart:.1?}, all messages everywhere {:.1?} after healing", began.elapsed());
    agree(&servers);
}

#[test]
fn eight_of_sixteen_die_at_once() {
    let mut servers = network(16, &["--interval", "0"]);
    let dead: Vec<Server> = servers.split_off(8);
    // All are told to die before any is waited for.
    dead.iter().for_each(|server| server.signal(rustix::process::Signal::KILL));
    let began = Instant::now();
    let mut sent: BTreeSet<String> = servers.iter().map(|server| server.submit("right after")).collect();
    let living: Vec<&Server> = servers.iter().collect();
    eventually("the living ones are connected", || (reached(&living) == living.len()).then_some(()));
    let connected = began.elapsed();
    sent.extend(servers.iter().map(|server| server.submit("later")));
    eventually("they miss nothing", || servers.iter().all(|server| uuids(server) == sent).then_some(()));
    println!("connected after {connected:.1?}, nothing missing after {:.1?}", began.elapsed());
    agree(&servers);
    assert!(connected < Duration::from_secs(10), "connected after {connected:.1?}");
}

#[test]
fn losses_and_delays_lose_no_message_and_no_command() {
    let servers = faulty_network(5);
    set(&servers[1], &json!({ "delay_ms": 300 }));
    set(&servers[3], &json!({ "lose_percent": 30 }));
    let mut sent = BTreeSet::new();
    for i in 0..40 {
        let began = Instant::now();
        sent.insert(servers[i % 5].submit(&format!("message {i}")));
        assert!(began.elapsed() < Duration::from_millis(250), "a command was delayed: {:?}", began.elapsed());
    }
    eventually("all have all messages", || servers.iter().all(|server| uuids(server) == sent).then_some(()));
    eventually("faults happened", || {
        let lost = acted(&servers[3], "requests_lost") > 0 && acted(&servers[3], "answers_lost") > 0;
        (lost && acted(&servers[1], "delayed") > 0).then_some(())
    });
    heal(&servers);
    agree(&servers);
}

#[test]
fn a_paused_node_hears_nobody_but_people_until_it_goes_on() {
    let servers = faulty_network(4);
    set(&servers[2], &json!({ "paused": true }));
    let elsewhere = servers[0].submit("to the others");
    let here = servers[2].submit("to the paused one");
    eventually("the others have theirs", || {
        let others = servers.iter().filter(|server| server.port != servers[2].port);
        others.map(uuids).all(|held| held == BTreeSet::from([elsewhere.clone()])).then_some(())
    });
    eventually("calls were held", || (acted(&servers[2], "held") > 0).then_some(()));
    assert_eq!(uuids(&servers[2]), BTreeSet::from([here.clone()]));
    set(&servers[2], &json!({ "paused": false }));
    let both = BTreeSet::from([elsewhere, here]);
    eventually("all have both", || servers.iter().all(|server| uuids(server) == both).then_some(()));
    agree(&servers);
}

#[test]
fn faults_tell_nodes_from_people() {
    let server = Server::start(&["--interval", "0", "--allow-fault-injection"]);
    set(&server, &json!({ "cut": [4321], "paused": false }));
    let message = r#"{"uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2", "origin": 4321, "version": 1, "ttl": 3, "kind": "message", "stamp": 1, "payload": {"message": "hi"}}"#;
    // A bare message is what a person may send, whoever is named as its origin.
    assert_eq!(server.post("/gossip/", message).status, 200);
    assert_eq!(server.messages().len(), 1);
    let call = r#"{"protocol":1,"cluster":"default","from":4321,"boot":77,"linked":false,"want":"link"}"#;
    assert_eq!(server.post("/peers/", call).status, 503);
    assert!(server.peers().is_empty());
    assert_eq!(server.get("/peers/?from=4321").status, 503);
    assert_eq!(server.get("/peers/?from=4322").status, 200);
    assert_eq!(server.post("/peers/", &call.replace("4321", "4322")).json()["answer"], "linked");
    for (body, field) in [
        (r#"{"lose_percent": 101}"#, "lose_percent"),
        (r#"{"delay": 5}"#, "delay"),
        (r#"{"cut": [4321, 0]}"#, "cut[1]"),
    ] {
        let answer = server.call("PUT", "/faults", Some(body.as_bytes()));
        assert_eq!((answer.status, answer.problem().field.as_deref()), (400, Some(field)), "{body}");
    }
    assert_eq!(server.get("/faults").json()["cut"], json!([4321]), "a refused change changes nothing");
}

#[test]
fn faults_are_refused_unless_they_are_allowed() {
    let server = Server::start(&["--interval", "0"]);
    for (method, body) in [("GET", None), ("PUT", Some(&b"{\"paused\": true}"[..])), ("DELETE", None)] {
        let answer = try_call(method, server.port, "/faults", body).unwrap();
        assert_eq!(answer.status, 404);
        assert!(answer.problem().detail.contains("--allow-fault-injection"), "{}", answer.body);
    }
}

#[test]
fn every_link_counts_what_it_carries() {
    let servers = network(3, &["--interval", "0"]);
    let sent: Vec<String> = (0..10).map(|i| servers[0].submit(&format!("message {i}"))).collect();
    eventually("all have them", || servers.iter().all(|server| server.messages().len() == sent.len()).then_some(()));
    let peers = servers[0].get("/peers/?details").json();
    let peers = peers.as_object().expect("a map");
    assert_eq!(peers.len(), servers[0].peers().len());
    let total = |name: &str| peers.values().map(|peer| peer[name].as_u64().expect("a count")).sum::<u64>();
    assert!(total("sent") >= 10, "{peers:?}");
    assert!(peers.values().all(|peer| peer["status"] == "alive" && peer["failures"] == 0), "{peers:?}");
    let received: u64 = servers[1..]
        .iter()
        .map(|server| {
            server.get("/peers/?details").json()[servers[0].port.to_string()]["received"].as_u64().unwrap_or(0)
        })
        .sum();
    assert!(received >= 10, "{received}");
    let text = servers[0].get("/peers/?format=text").body;
    assert!(["sent", "received", "duplicate", "repaired", "failures"].iter().all(|name| text.contains(name)), "{text}");
}
