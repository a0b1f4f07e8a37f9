//! Faults on command: a network is torn, slowed, paused and healed, while every command still works.

use std::time::{Duration, Instant};

use crate::terminal::{Terminal, eventually};

/// Faults and short heartbeats, so that a partition is noticed soon.
const FLAGS: &str = "--heartbeat 200ms --interval 0 --allow-fault-injection";

fn texts(terminal: &Terminal, node: u16) -> Vec<String> {
    let listed = terminal.run(&format!("get-messages {node} -o json")).ok().json();
    let text = |message: &serde_json::Value| message["payload"]["message"].as_str().expect("a text").to_owned();
    listed.as_array().expect("messages").iter().map(text).collect()
}

#[test]
fn a_network_is_torn_and_healed() {
    let terminal = Terminal::with_network(&format!("random 3 -n 8 {FLAGS}"));
    assert_eq!(terminal.run("partition 1-4 5-8").ok().out, "torn into 2 parts: 1-4 | 5-8\n");
    terminal.run("send-message 1 Apple").ok();
    terminal.run("send-message 8 Pear").ok();
    eventually("each part has its own and holds the others for dead", || {
        let status = terminal.run("status -o json").ok().json();
        let apart = status.as_array().unwrap().iter().all(|row| row["live"] == 4 && row["messages"] == 1);
        apart.then_some(())
    });
    assert_eq!((texts(&terminal, 4), texts(&terminal, 5)), (vec!["Apple".into()], vec!["Pear".into()]));
    assert_eq!(terminal.run("heal").ok().out, "8 nodes are without faults\n");
    eventually("all have both", || (1..=8).all(|node| texts(&terminal, node).len() == 2).then_some(()));
    terminal.run("wait").ok();
    let torn = terminal.run("partition 1,3 2 4,5-7 -o json").ok();
    assert_eq!(torn.json(), serde_json::json!({"groups": [[1, 3], [2], [4, 5, 6, 7]], "ungrouped": [8]}));
    assert!(torn.err.contains("hear everyone, and pass on what they hear: 8"), "{torn:?}");
    assert_eq!(terminal.run("heal -o json").ok().json()["healed"].as_array().map(Vec::len), Some(8));
    terminal.run("partition 1-4 4-8").fails(2, "node 4 is in two groups");
    terminal.run("partition 1-4 5-9").fails(1, "no node 9");
}

#[test]
fn a_node_is_slowed_disturbed_paused_and_resumed() {
    let terminal = Terminal::with_network(&format!("circular -n 3 {FLAGS}"));
    let base = terminal.base_port;
    assert_eq!(terminal.run("slow 2 900ms").ok().out, format!("node 2 (127.0.0.1:{}) is late by 900 ms\n", base + 2));
    let both = terminal.run("lose 2 100% -o json").ok().json();
    let faults = serde_json::json!({"cut": [], "delay_ms": 900, "lose_percent": 100, "paused": false});
    assert_eq!(both, serde_json::json!({"node": 2, "id": base + 2, "faults": faults}));
    let began = Instant::now();
    for command in ["list-peers 2", "get-messages 2", "state 2", "send-message 2 Apple"] {
        terminal.run(command).ok();
    }
    assert!(began.elapsed() < Duration::from_millis(900), "commands were delayed: {:?}", began.elapsed());
    assert!(terminal.run("slow 2 0").ok().out.ends_with("is as fast as before\n"));
    assert!(terminal.run("lose 2 0").ok().out.ends_with("loses nothing\n"));
    terminal.run("wait").ok();
    assert_eq!(texts(&terminal, 1), ["Apple"]);

    let address = format!(":{}", base + 3);
    assert!(terminal.run(&format!("pause {address}")).ok().out.ends_with("is paused\n"));
    terminal.run("send-message 1 Pear").ok();
    eventually("the other has it", || (texts(&terminal, 2).len() == 2).then_some(()));
    assert_eq!(texts(&terminal, 3), ["Apple"]);
    assert!(terminal.run("resume 3").ok().out.ends_with("goes on\n"));
    eventually("it has it, too", || (texts(&terminal, 3).len() == 2).then_some(()));
    terminal.run("pause 9").fails(3, "node 9");
}

#[test]
fn a_network_that_allows_no_faults_says_how_to_start_one_that_does() {
    let terminal = Terminal::with_network("circular -n 2 --interval 0");
    for command in ["partition 1 2", "slow 1 5ms", "lose 1 5%", "pause 1", "resume 1", "heal"] {
        terminal.run(command).fails(1, "gossip start-network --allow-fault-injection");
    }
    terminal.run("stop-network").ok();
    terminal.run("heal").fails(1, "no network named default runs");
}
