//! A network comes into being from one seed, in whatever order its nodes start.

use std::net::TcpListener;

use crate::harness::{Server, agree, agree_among, eventually, network, try_call};

#[test]
fn a_chain_of_five_knows_every_book() {
    let mut chain = vec![Server::start(&["--interval", "1s"])];
    for i in 1..5 {
        let next = Server::join(&chain[i - 1], &["--interval", "1s"]);
        chain.push(next);
    }
    eventually("everyone holds a second book of everyone", || {
        chain
            .iter()
            .all(|node| chain.iter().all(|other| node.state(other.port).is_some_and(|s| s.version >= 2)))
            .then_some(())
    });
    let book = chain[4].state(chain[0].port).unwrap().payload;
    assert!(serde_json::from_str::<serde_json::Value>(book.get()).unwrap()["book"].as_str().unwrap().contains(" by "));
}

#[test]
fn sixteen_nodes_join_one_seed_and_stay_within_three_peers() {
    let servers = network(16, &["--interval", "0"]);
    for server in &servers {
        let peers = server.peers();
        assert!((1..=3).contains(&peers.len()), "{} has {peers:?}", server.port);
        eventually("links are known at both ends", || {
            server
                .peers()
                .iter()
                .all(|peer| {
                    servers
                        .iter()
                        .find(|other| other.port == *peer)
                        .is_some_and(|other| other.peers().contains(&server.port))
                })
                .then_some(())
        });
        assert_eq!(server.get("/readyz").status, 200);
    }
}

#[test]
fn a_seed_that_starts_later_is_found() {
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let seed = port.to_string();
    let early: Vec<Server> = (0..2).map(|_| Server::start(&["--seed", &seed, "--interval", "0"])).collect();
    let answer = early[0].get("/readyz");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.json()["reason"].as_str().unwrap().contains("no peer yet"));
    eventually("it draws a book although its seed is down", || early[0].state(early[0].port));
    let late = Server::start_on(port, &["--interval", "0"]);
    agree_among(&[&early[0], &early[1], &late]);
}

#[test]
fn a_seed_that_answers_nonsense_stops_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let seed = silent.local_addr().unwrap().port().to_string();
    let node = Server::start(&["--seed", &seed]);
    eventually("it draws a book", || node.state(node.port));
}

#[test]
fn given_peers_are_linked_and_kept() {
    let first = Server::start(&["--interval", "0"]);
    let peer = first.port.to_string();
    let second = Server::start(&["--interval", "0", "--peer", &peer]);
    agree_among(&[&first, &second]);
    assert_eq!(second.peers(), [first.port]);
}

#[test]
fn clusters_of_different_names_never_merge() {
    let red = Server::start(&["--cluster", "red", "--interval", "0"]);
    let blue = Server::join(&red, &["--cluster", "blue", "--interval", "0"]);
    eventually("it speaks alone", || blue.state(blue.port));
    let body =
        format!(r#"{{"protocol":1,"cluster":"blue","from":{},"boot":7,"linked":false,"want":"join"}}"#, blue.port);
    let answer = red.post("/peers/", &body);
    assert_eq!(answer.status, 409);
    let problem = answer.problem();
    assert!(problem.detail.contains("red") && problem.detail.contains("blue"), "{}", problem.detail);
    assert!(red.state(blue.port).is_none() && blue.state(red.port).is_none());
    assert!(red.peers().is_empty());
}

#[test]
fn a_network_of_addresses_refuses_local_ids() {
    let first = Server::start(&["--advertise", "127.0.0.2:1", "--interval", "0"]);
    let message = r#"{"uuid":"7d444840-9dc0-41d1-b245-5ffdce74fad2","origin":7004,"version":1,"ttl":1,"payload":{}}"#;
    let answer = first.post("/gossip/", message);
    assert_eq!(answer.status, 409);
    let detail = answer.problem().detail;
    assert!(detail.contains("local") && detail.contains("addressed"), "{detail}");
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let first = Server::start(&[]);
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_gossip_server"))
        .args(["--port", &first.port.to_string()])
        .output()
        .unwrap();
    let complaint = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(&first.port.to_string()) && complaint.contains("in use"), "{complaint}");
}

#[test]
fn a_name_that_leads_nowhere_stops_nobody() {
    let node = Server::start(&["--advertise", "localhost.example:1", "--seed", "no-such-host.invalid:7000"]);
    eventually("it draws a book", || {
        let answer = try_call("GET", node.port, "/state", None).ok()?;
        answer.body.contains("book").then_some(())
    });
    agree(&[node]);
}
