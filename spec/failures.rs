//! Nodes that die, come back, hang or leave.

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Server, agree, agree_among, eventually, network};

#[test]
fn three_of_sixteen_die_while_a_hundred_messages_are_sent() {
    let mut servers = network(16, &["--interval", "0"]);
    let mut sent = Vec::new();
    for i in 0..100 {
        if i % 30 == 20 {
            servers.remove(3).crash();
        }
        // The senders survive: what a node without a disk had not yet told anyone when it died is gone with it.
        sent.push(servers[servers.len() - 1 - i % 8].submit(&format!("message {i}")));
    }
    agree(&servers);
    sent.sort();
    for server in &servers {
        let mut held: Vec<String> = server.messages().iter().map(|message| message.uuid.to_string()).collect();
        held.sort();
        assert_eq!(held, sent, "node {}", server.port);
    }
}

#[test]
fn a_restarted_node_is_believed_and_has_all_messages_again() {
    let mut servers = network(5, &["--interval", "300ms"]);
    let uuid = servers[4].submit("before the crash");
    eventually("some versions pass", || servers[0].state(servers[4].port).filter(|s| s.version > 5));
    agree_on_message(&servers, &uuid);
    let crashed = servers.remove(4);
    let port = crashed.crash();
    let before = servers[0].state(port).unwrap().version;
    let seed = servers[0].port.to_string();
    let back = Server::start_on(port, &["--seed", &seed, "--interval", "300ms"]);
    let began = Instant::now();
    eventually("it is believed", || servers[3].state(port).filter(|s| s.version > before));
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    eventually("it has the message again", || (back.get(&format!("/messages/{uuid}")).status == 200).then_some(()));
    assert_eq!(back.messages().len(), 1);
}

fn agree_on_message(servers: &[Server], uuid: &str) {
    eventually("all hold the message", || {
        servers.iter().all(|server| server.get(&format!("/messages/{uuid}")).status == 200).then_some(())
    });
}

#[test]
fn a_port_reused_by_a_node_of_another_cluster_changes_nothing() {
    let mut servers = network(4, &["--interval", "0"]);
    let held = servers[0].state(servers[3].port).unwrap();
    let port = servers.remove(3).crash();
    let seed = servers[0].port.to_string();
    let stranger = Server::start_on(port, &["--cluster", "other", "--seed", &seed, "--interval", "0"]);
    agree(&servers);
    let now = servers[0].state(port).unwrap();
    assert_eq!((now.version, now.payload.get()), (held.version, held.payload.get()));
    assert!(stranger.peers().is_empty());
}

#[test]
fn a_node_that_leaves_says_so_and_exits_with_zero() {
    let mut servers = network(5, &["--interval", "0"]);
    let mut leaver = servers.remove(2);
    let uuid = leaver.submit("last words");
    leaver.signal(Signal::TERM);
    let status = leaver.exit_within(Duration::from_secs(2)).expect("gone within two seconds");
    assert_eq!(status.code(), Some(0));
    eventually("everyone knows that it left", || {
        servers.iter().all(|s| s.state(leaver.port).is_some_and(|s| s.status.name() == "left")).then_some(())
    });
    agree(&servers);
    agree_on_message(&servers, &uuid);
}

#[test]
fn a_second_signal_ends_a_node_at_once() {
    // A peer that never answers keeps the goodbye waiting.
    let silent = Silent::listen();
    let mut node = Server::start(&["--interval", "0"]);
    silent.link_to(&node);
    node.signal(Signal::STOP);
    node.signal(Signal::INT);
    node.signal(Signal::TERM);
    node.signal(Signal::CONT);
    assert!(node.exit_within(Duration::from_secs(2)).is_some());
}

#[test]
fn a_peer_that_never_answers_delays_nobody() {
    let silent = Silent::listen();
    let servers = network(3, &["--interval", "0", "--max-peers", "4"]);
    for server in &servers {
        silent.link_to(server);
    }
    let began = Instant::now();
    let uuids: Vec<String> = (0..20).map(|i| servers[i % 3].submit(&format!("message {i}"))).collect();
    for uuid in &uuids {
        agree_on_message(&servers, uuid);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    eventually("the silent peer is given up", || {
        servers.iter().all(|server| !server.peers().contains(&silent.port)).then_some(())
    });
}

#[test]
fn a_node_that_pauses_for_a_moment_is_not_called_down() {
    let servers = network(6, &["--interval", "0"]);
    let paused = &servers[2];
    let version = paused.digest().version;
    paused.signal(Signal::STOP);
    let until = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < until {
        for other in servers.iter().filter(|other| other.port != paused.port) {
            assert_ne!(other.state(paused.port).unwrap().status.name(), "down");
        }
    }
    paused.signal(Signal::CONT);
    eventually("it is alive everywhere", || {
        servers.iter().all(|s| s.state(paused.port).is_some_and(|s| s.status.name() == "alive")).then_some(())
    });
    agree(&servers);
    assert!(servers[0].state(paused.port).unwrap().version >= version);
}

#[test]
fn dead_peers_are_replaced() {
    let mut servers = network(10, &["--interval", "0"]);
    for _ in 0..2 {
        servers.remove(1).crash();
    }
    agree(&servers);
    eventually("no dead peer is left, and at most one node lacks more than one link", || {
        let living: Vec<u16> = servers.iter().map(|server| server.port).collect();
        let peers: Vec<Vec<u16>> = servers.iter().map(Server::peers).collect();
        let clean = peers.iter().flatten().all(|peer| living.contains(peer));
        (clean && peers.iter().all(|peers| peers.len() >= 2)).then_some(())
    });
    let all: Vec<&Server> = servers.iter().collect();
    agree_among(&all);
}

/// Accepts connections, reads, and never answers.
struct Silent {
    port: u16,
}

impl Silent {
    fn listen() -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut stream = stream;
                    while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
                });
            }
        });
        Silent { port }
    }

    fn link_to(&self, server: &Server) {
        let body = format!(
            r#"{{"protocol":1,"cluster":"default","from":{},"boot":77,"linked":false,"want":"link"}}"#,
            self.port
        );
        let answer = server.post("/peers/", &body);
        assert_eq!(answer.json()["answer"], "linked", "{}", answer.body);
    }
}

#[test]
fn two_live_processes_under_one_id_both_say_so() {
    let hub = Server::start(&["--interval", "0"]);
    let seed = hub.port.to_string();
    let first = Server::start(&["--seed", &seed, "--interval", "300ms"]);
    agree_among(&[&hub, &first]);
    assert!(!first.state(first.port).unwrap().conflict, "one alone is no conflict");
    // The second is started elsewhere and wrongly told to go by the first one's address.
    let claimed = format!("127.0.0.1:{}", first.port);
    let second = Server::start(&["--seed", &seed, "--interval", "300ms", "--advertise", &claimed]);
    for process in [&first, &second] {
        eventually("it says so", || process.state(first.port).filter(|state| state.conflict));
    }
    assert!(hub.state(hub.port).is_some_and(|state| !state.conflict));
}
