//! The program is changed node by node, with directories, certificates and signatures, and back at one node.
//!
//! `bin/test` builds the earlier program and names it in `GOSSIP_EARLIER_SERVER`.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use gossip_network::http::Verb;
use rustix::process::Signal;

use super::text;
use super::tls::{certify, flags, person};
use crate::harness::{Server, eventually, free_ports};

/// A node in its directory, which serves.
fn start(program: &OsStr, folder: &Path, port: u16, seed: u16) -> Server {
    let mut flags = flags(folder, port);
    flags.push(format!("--data-dir={}", text(&folder.join(format!("node-{port}")))));
    flags.push("--sign".to_owned());
    flags.extend((port != seed).then(|| format!("--seed={seed}")));
    let server = Server::spawn_program(program, port, &flags.iter().map(String::as_str).collect::<Vec<_>>());
    let people = person(folder, None);
    eventually("it serves", || (people.call(Verb::Get, port, "/livez", "").ok()?.status == 200).then_some(()));
    server
}

#[test]
fn a_network_changes_its_program_node_by_node_and_loses_nothing() {
    let Some(earlier) = std::env::var_os("GOSSIP_EARLIER_SERVER") else {
        eprintln!("\n*** SKIPPED, NOT PASSED: GOSSIP_EARLIER_SERVER names no earlier gossip_server ***\n");
        return;
    };
    let newer = OsStr::new(env!("CARGO_BIN_EXE_gossip_server"));
    let folder = tempfile::tempdir().unwrap();
    let ports = free_ports(4);
    certify(folder.path(), &ports, 30, false);
    let people = person(folder.path(), None);
    let mut servers: Vec<Server> = ports.iter().map(|port| start(&earlier, folder.path(), *port, ports[0])).collect();
    people.agree(&servers);
    let submit = |port: u16| {
        let answer = people.post(port, "/messages", "{\"message\":\"kept\"}");
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    for at in 0..ports.len() {
        submit(ports[at]);
        let before = people.get(ports[at], &format!("/state/{}", ports[at])).json()["version"].as_u64().unwrap();
        servers[at].signal(Signal::TERM);
        assert!(servers[at].exit_within(Duration::from_secs(20)).is_some_and(|status| status.success()));
        servers[at] = start(newer, folder.path(), ports[at], ports[0]);
        people.agree(&servers);
        let after = people.get(ports[at], &format!("/state/{}", ports[at])).json()["version"].as_u64().unwrap();
        assert!(after > before, "its version fell from {before} to {after}");
    }
    // And one goes back.
    servers[2].signal(Signal::TERM);
    assert!(servers[2].exit_within(Duration::from_secs(20)).is_some());
    servers[2] = start(&earlier, folder.path(), ports[2], ports[0]);
    people.agree(&servers);
    submit(ports[2]);
    eventually("every node holds every message", || {
        let count = |port: &u16| people.get(*port, "/messages?limit=1000").json().as_array().map_or(0, Vec::len);
        ports.iter().all(|port| count(port) == ports.len() + 1).then_some(())
    });
    for port in &ports {
        assert_eq!(people.digest(*port, "/counters/forged").as_u64().unwrap_or(0), 0, "all are known by their keys");
    }
}
