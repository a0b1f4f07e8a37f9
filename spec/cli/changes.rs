//! Networks that change: nodes leave, crash, join and come back; waiting tells when all agree again; pictures show it.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::terminal::{Terminal, eventually};

#[test]
fn nodes_leave_crash_join_and_come_back() {
    let terminal = Terminal::with_network("random 3 -n 8 --heartbeat 200ms");
    terminal.run("send-message 1 Apple").ok();
    terminal.run("wait").ok();
    assert_eq!(terminal.run("remove-node 7").ok().out, "node 7 has left\n");
    assert_eq!(terminal.run("remove-node 8 --crash").ok().out, "node 8 was killed\n");
    terminal.run("remove-node 7").fails(1, "does not run");
    terminal.run("remove-node 99").fails(1, "no node 99");
    terminal.run("list-peers 8").fails(3, "node 8 (127.0.0.1:");
    assert!(terminal.run("wait").ok().out.starts_with("all 6 nodes agree"));
    let statuses = || {
        let rows = terminal.run("status -o json").ok().json();
        let status = |row: &serde_json::Value| row["status"].as_str().unwrap().to_owned();
        rows.as_array().unwrap().iter().map(status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(), ["up", "up", "up", "up", "up", "up", "removed", "removed"]);

    let known = |id: u16| terminal.run("state 1").ok().out.lines().any(|line| line.starts_with(&format!("{id} ")));
    assert!(known(7) && known(8));
    assert_eq!(terminal.run("remove-node 7 --forget").ok().out, "node 7 is gone and forgotten\n");
    assert!(!known(7) && known(8), "only the one that was named is forgotten");

    assert!(terminal.run("add-node").ok().out.starts_with("node 9 (127.0.0.1:"));
    terminal.run("restart-node 8").ok();
    terminal.run(&format!("restart-node :{}", terminal.base_port + 2)).ok();
    assert!(terminal.run("wait").ok().out.starts_with("all 8 nodes agree"));
    for node in [2, 8, 9] {
        let listed = terminal.run(&format!("get-messages {node}")).ok();
        assert!(listed.out.starts_with("- Apple (Node 1 -> "), "{listed:?}");
        assert!(listed.out.ends_with(&format!("Node {node})\n")), "{listed:?}");
        assert_eq!(
            terminal.run(&format!("list-peers {node} -o json")).ok().json().as_array().map(Vec::is_empty),
            Some(false)
        );
    }

    let crashed = Pid::from_raw(terminal.pid(1)).unwrap();
    kill_process(crashed, Signal::KILL).unwrap();
    eventually("node 1 is down", || (statuses()[0] == "down").then_some(()));
    terminal.run("restart-node 1").ok();
    assert!(terminal.run("wait").ok().out.starts_with("all 8 nodes agree"));
    assert_eq!(terminal.run("stop-network").ok().out, "stopped 8 nodes of network default\n");
}

#[test]
fn waiting_ends_in_time_and_names_who_differs() {
    let terminal = Terminal::with_network("circular -n 3");
    assert_eq!(terminal.run("wait -o json").ok().json()["agree"], true);
    let frozen = Pid::from_raw(terminal.pid(3)).unwrap();
    kill_process(frozen, Signal::STOP).unwrap();
    let began = Instant::now();
    terminal.run("wait --timeout 700ms").fails(1, "node 3 (127.0.0.1:");
    terminal.run("list-peers 3 --timeout 300ms").fails(3, "does not answer within 300ms");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    kill_process(frozen, Signal::CONT).unwrap();
    terminal.run("wait").ok();
}

#[test]
fn a_frozen_node_is_killed_when_its_network_stops() {
    let terminal = Terminal::with_network("circular -n 2");
    kill_process(Pid::from_raw(terminal.pid(2)).unwrap(), Signal::STOP).unwrap();
    let stopped = terminal.run("stop-network").ok();
    assert!(stopped.out.contains("stopped 2 nodes") && stopped.out.contains("1 did not end"), "{stopped:?}");
}

#[test]
fn a_network_is_drawn_and_drawn_again_from_its_own_file() {
    let terminal = Terminal::new();
    terminal.start("-P random 3 -n 6 --interval 0").ok();
    let drawn = |name: &str| std::fs::read(terminal.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(drawn("default.svg").starts_with(b"<svg") || drawn("default.svg").starts_with(b"<?xml"));
    assert_eq!(terminal.run("plot now.png").ok().out, "now.png\n");
    assert!(drawn("now.png").starts_with(b"\x89PNG"));
    let answer = terminal.run("plot now.dot -o json").ok().json();
    assert_eq!((&answer["nodes"], &answer["links"]), (&6.into(), &9.into()));
    terminal.run("plot now.gif").fails(2, ".svg, .png or .dot");
    terminal.run("plot missing/now.svg").fails(1, "cannot write");
    terminal.run("stop-network").ok();

    terminal.start("graph now.dot --plot again.dot --interval 0").ok();
    assert_eq!(drawn("again.dot"), drawn("now.dot"));
    terminal.run("plot at-last.dot").ok();
    assert_eq!(drawn("at-last.dot"), drawn("now.dot"));
}
