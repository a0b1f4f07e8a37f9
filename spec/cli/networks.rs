//! Starting and finding networks, and what is refused.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::terminal::{Terminal, is_free};

#[test]
fn sixteen_nodes_start_in_each_shape_and_stop() {
    for shape in ["", "circular", "powerlaw", "turan 4", "optimal", "graph tree.txt"] {
        let terminal = Terminal::new();
        let tree: String = (2..=16).map(|node| format!("{} {node}\n", node / 2)).collect();
        std::fs::write(terminal.file("tree.txt"), tree).unwrap();
        let began = Instant::now();
        let started = terminal.start(&format!("{shape} -o json")).ok().json();
        assert!(began.elapsed() < Duration::from_secs(20), "{shape}: {:?}", began.elapsed());
        let nodes = started["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 16, "{shape}");
        for (node, number) in nodes.iter().zip(1_u16..) {
            assert_eq!(node["id"], terminal.base_port + number);
            assert!(node["version"].as_u64() >= Some(1), "{shape}: {node}");
            assert!(node["book"].as_str().unwrap().contains(" by "), "{shape}: {node}");
            let peers = node["peers"].as_array().unwrap().len();
            let wanted = match shape {
                "" | "optimal" => 3..=3,
                "circular" => 2..=2,
                "turan 4" => 12..=12,
                _ => 1..=15,
            };
            assert!(wanted.contains(&peers), "{shape}: {node}");
        }
        let stopped = terminal.run("stop-network -o json").ok().json();
        assert_eq!((&stopped["stopped"], &stopped["killed"]), (&16.into(), &0.into()), "{shape}");
        assert!((1..=16).all(|number| is_free(terminal.base_port + number)), "{shape}");
    }
}

#[test]
fn a_newcomer_is_shown_the_table_the_logs_and_what_to_type() {
    let terminal = Terminal::new();
    let started = terminal.start("circular -n 3 --interval 0").ok();
    assert!(started.lines()[0].starts_with("NODE  ADDRESS"), "{started:?}");
    assert_eq!(started.lines().len(), 4, "{started:?}");
    for said in ["node-*.log", "all 3 nodes agree", "gossip send-message 1 ", "gossip stop-network"] {
        assert!(started.err.contains(said), "{said}: {started:?}");
    }
    assert!(!started.err.contains('\u{1b}'), "a bar was drawn where there is no terminal: {started:?}");
    assert!(terminal.home().join("default/node-3.log").is_file());
    assert_eq!(terminal.run("stop-network").ok().out, "stopped 3 nodes of network default\n");
    terminal.run("stop-network").fails(1, "no network named default runs");
    assert!(terminal.home().join("default/node-3.log").is_file());
}

#[test]
fn small_and_odd_networks_start_without_a_shape() {
    for (nodes, peers) in [(2, 1), (3, 2), (5, 3)] {
        let terminal = Terminal::new();
        let started = terminal.start(&format!("-n {nodes} --interval 0 -o json")).ok().json();
        let most =
            started["nodes"].as_array().unwrap().iter().map(|node| node["peers"].as_array().unwrap().len()).max();
        assert_eq!(most, Some(peers), "{started}");
        let composed = terminal.run(&format!("compose -n {nodes}")).ok().out;
        assert_eq!(composed.matches("container_name").count(), nodes, "{composed}");
        terminal.run("stop-network").ok();
    }
}

#[test]
fn a_number_beyond_the_network_is_told_at_once() {
    let terminal = Terminal::with_network("-n 3 --interval 0");
    let said = "network default has no node 99; its nodes are numbered 1 to 3";
    for line in ["state 99", "watch 99", "send-message 99 Apple", "join 1 99"] {
        terminal.run(line).fails(3, said);
    }
    terminal.run("remove-node 99").fails(1, said);
    // Any address is still asked.
    terminal.run(&format!("state 127.0.0.1:{}", terminal.base_port + 40)).fails(3, "does not answer");
}

#[test]
fn networks_live_side_by_side() {
    let terminal = Terminal::new();
    terminal.start("circular -n 2 --name one").ok();
    let other_base = terminal.base_port + 20;
    terminal.run(&format!("start-network --name two --base-port {other_base} circular -n 2")).ok();
    terminal.run("send-message --name one 1 Apple").ok();
    terminal.run("send-message --name two 1 Pear").ok();
    terminal.run("wait --name one").ok();
    terminal.run("wait --name two").ok();
    let got = |name: &str| terminal.run(&format!("get-messages --name {name} 2")).ok().out;
    assert_eq!(got("one"), "- Apple (Node 1 -> Node 2)\n");
    assert_eq!(got("two"), "- Pear (Node 1 -> Node 2)\n");
    terminal.run(&format!("start-network --name one --base-port {other_base}")).fails(1, "runs already with 2 nodes");
    terminal.run(&format!("start-network --name three --base-port {other_base} circular -n 2")).fails(1, "of node 1");
    terminal.run("stop-network --name one").ok();
    terminal.run("send-message --name one 1 Plum").fails(1, "no network named one runs");
    assert_eq!(terminal.run("status --name two -o json").ok().json().as_array().unwrap().len(), 2);
    terminal.run("status --name one").fails(1, "no network named one runs");
    terminal.run("stop-network --name two").ok();
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let terminal = Terminal::new();
    let holder = TcpListener::bind(("127.0.0.1", terminal.base_port + 2)).unwrap();
    terminal.start("circular -n 3").fails(1, &format!("port {} of node 2", terminal.base_port + 2));
    drop(holder);
    let failed = terminal.start("circular -n 3 --allow-nonsense").fails(1, "node 1 did not start");
    assert!(failed.err.contains("--allow-nonsense"), "the log is not shown: {failed:?}");
    terminal.start("circular -n 3 -- --nonsense").fails(1, "--nonsense");
    assert!((1..=3).all(|number| is_free(terminal.base_port + number)));
    terminal.run("status").fails(1, "no network named default runs");
    terminal.start("circular -n 3").ok();
}

#[test]
fn wrong_usage_is_told_before_anything_starts() {
    let terminal = Terminal::new();
    std::fs::write(terminal.file("parts.txt"), "1 2\n3 4\n").unwrap();
    for (line, said) in [
        ("random 3 -n 5", "try 6 nodes"),
        ("random 16", "degree 15"),
        ("random three", "DEGREE"),
        ("star", "shapes are random, circular"),
        ("optimal -n 9", "8 or 10"),
        ("circular -n 1", "at least 2"),
        ("turan 17", "2 to 16"),
        ("graph", "FILE"),
        ("graph parts.txt", "not connected"),
        ("-n 1001", "1000"),
        ("--plot picture.gif", ".svg, .png or .dot"),
        ("--interval soon", "10s"),
        ("--books missing.txt", "missing.txt"),
        ("--name a/b", "letters, digits"),
    ] {
        terminal.start(line).fails(2, said);
    }
    terminal.run("start-network --base-port 65530").fails(2, "1 to 5");
    terminal.start("graph missing.txt").fails(1, "cannot read missing.txt");
    terminal.run("").fails(2, "Usage");
    terminal.run("nonsense").fails(2, "nonsense");
    assert!(terminal.run("start-network --help").ok().out.contains("Exit codes: 0 ok"));
}

#[test]
fn every_command_says_that_no_network_runs() {
    let terminal = Terminal::new();
    for line in ["status", "wait", "plot", "add-node", "remove-node 1", "restart-node 1", "stop-network"] {
        terminal.run(line).fails(1, "no network named default runs");
    }
}

#[test]
fn a_process_that_took_over_a_pid_is_left_alone() {
    let terminal = Terminal::with_network("circular -n 3");
    let own = terminal.pid(2);
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let record = terminal.home().join("default/network.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let forged = text.replace(&format!("\"pid\": {own},"), &format!("\"pid\": {},", stranger.id()));
    assert_ne!(text, forged);
    std::fs::write(&record, forged).unwrap();
    let stopped = terminal.run("stop-network").ok();
    let survived = stranger.try_wait().unwrap().is_none();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    let node = rustix::process::Pid::from_raw(own).unwrap();
    rustix::process::kill_process(node, rustix::process::Signal::TERM).unwrap();
    assert!(survived, "a stranger was ended");
    assert_eq!(stopped.out, "stopped 2 nodes of network default; 1 had ended before\n");
}
