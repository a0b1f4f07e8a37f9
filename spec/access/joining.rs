//! Seeds of a running node: `POST /seeds`, and a file that is read again.

use super::{hang_up, text};
use crate::harness::{Server, agree, eventually, free_ports};

const QUIET: [&str; 4] = ["--interval", "0", "--heartbeat", "100ms"];

#[test]
fn two_networks_become_one_at_a_word() {
    let mut left = crate::harness::network(4, &QUIET);
    let right = crate::harness::network(4, &QUIET);
    let seed = right[1].port;
    let answer = left[2].post("/seeds", &format!("{{\"seed\":{seed}}}"));
    assert_eq!((answer.status, answer.json()["seeds"].as_array().unwrap().contains(&seed.into())), (200, true));
    left.extend(right);
    agree(&left);
    let answer = left[2].call("DELETE", &format!("/seeds/{seed}"), None);
    assert!(!answer.json()["seeds"].as_array().unwrap().contains(&seed.into()), "{}", answer.body);
    agree(&left);
}

#[test]
fn a_wrong_seed_is_refused_by_name() {
    let server = Server::start(&QUIET);
    let own = format!("{{\"seed\":{}}}", server.port);
    for (body, status) in [
        ("{}", 400),
        ("{\"seed\":0}", 400),
        ("{\"seed\":\"user:secret@db1.example:7000\"}", 400),
        ("{\"seed\":\"http://db1.example:7000/x\"}", 400),
        ("{\"seed\":\"db1.example:7000/x\"}", 400),
        ("{\"seed\":\"db1.example:7000#x\"}", 400),
        ("{\"seed\":\"db1.example:7000\"}", 409),
        (own.as_str(), 409),
    ] {
        let answer = server.post("/seeds", body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(!answer.problem().detail.is_empty());
        assert_eq!(answer.problem().field.as_deref(), Some("seed"), "{}", answer.body);
    }
    for port in 1..=64 {
        assert_eq!(server.post("/seeds", &format!("{{\"seed\":{port}}}")).status, 200);
    }
    // Waiting makes no room, so that it is no matter of too many requests.
    let full = server.post("/seeds", "{\"seed\":65}");
    assert_eq!((full.status, full.problem().field.as_deref(), full.problem().limit), (409, Some("seed"), Some(64)));
    assert_eq!(server.post("/seeds", "{\"seed\":64}").status, 200, "one that is known takes no further place");
}

#[test]
fn a_file_of_seeds_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (file, nobody) = (folder.path().join("seeds"), free_ports(1)[0]);
    std::fs::write(&file, format!("# nobody yet\n{nobody}\n")).unwrap();
    let server = Server::start(&[&QUIET[..], &["--seeds-file", text(&file)]].concat());
    assert_eq!(server.get("/seeds").json()["seeds"], serde_json::json!([nobody]));
    let other = Server::start(&QUIET);
    std::fs::write(&file, format!("{}\n", other.port)).unwrap();
    let servers = [server, other];
    hang_up(&servers[..1]);
    agree(&servers);
    assert_eq!(servers[0].get("/seeds").json()["seeds"], serde_json::json!([servers[1].port]));
    std::fs::write(&file, "no seed\n").unwrap();
    hang_up(&servers[..1]);
    eventually("it goes on", || (servers[0].get("/livez").status == 200).then_some(()));
    assert_eq!(servers[0].get("/seeds").json()["seeds"], serde_json::json!([servers[1].port]));
}

#[test]
fn a_file_of_too_many_seeds_changes_none_and_a_shorter_one_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("seeds"), folder.path().join("log"));
    let write = |ports: std::ops::Range<u16>| {
        let lines: Vec<String> = ports.map(|port| port.to_string()).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
    };
    write(1..3);
    let server = [Server::start_by(|_| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command.args(["--port", "0", "--log-level", "error", "--interval", "0", "--seeds-file", text(&file)]);
        command.stderr(std::fs::File::create(&log).unwrap());
        command
    })];
    let seeds = || server[0].get("/seeds").json()["seeds"].as_array().map_or(0, Vec::len);
    assert_eq!(seeds(), 2);
    write(1..71);
    hang_up(&server);
    eventually("it is refused", || std::fs::read_to_string(&log).unwrap().contains("stay as they were").then_some(()));
    assert_eq!(seeds(), 2);
    write(11..71);
    hang_up(&server);
    eventually("the shorter one counts", || (seeds() == 60).then_some(()));
}

/// A peer's answer must not send this node elsewhere: an id is an address and nothing else, and no redirect is followed.
#[test]
fn a_redirect_is_not_followed() {
    use std::io::{Read, Write};
    let (trap, lure) =
        (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let (trapped, lured) = (trap.local_addr().unwrap().port(), lure.local_addr().unwrap().port());
    trap.set_nonblocking(true).unwrap();
    let server = Server::start(&[&QUIET[..], &["--seed", &lured.to_string()]].concat());
    // It asks the seed more than once; each time it is sent elsewhere.
    for _ in 0..3 {
        let (mut stream, _) = lure.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{trapped}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    }
    eventually("it counted the failures", || (server.digest().counters.failures >= 2).then_some(()));
    assert!(trap.accept().is_err(), "it followed");
}
