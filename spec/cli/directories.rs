//! Directories of nodes: what a network keeps, and when it goes.

use crate::terminal::Terminal;

#[test]
fn a_network_keeps_what_it_was_sent_until_it_is_told_otherwise() {
    let terminal = Terminal::with_network("circular -n 3 --interval 0");
    let data = terminal.home().join("default/data");
    assert!(data.join("node-2/node.redb").is_file());
    terminal.run("send-message 1 Apple --acks all --wait 10s").ok();
    // All hold it by then, without a further wait.
    assert!(terminal.run("get-messages 3").ok().out.contains("Apple"));
    terminal.run("send-message 1 Pear --acks 4").fails(1, "between 1 and 3");
    terminal.run("send-message 1 Pear --acks none").fails(2, "all");
    terminal.run("send-message 1 Pear --wait 5s").fails(2, "--acks");
    terminal.run("remove-node 2 --crash").ok();
    terminal.run("restart-node 2").ok();
    assert!(terminal.run("get-messages 2 all").ok().out.contains("Apple"));
    terminal.run("add-node").ok();
    assert!(data.join("node-4/node.redb").is_file());
    terminal.run("stop-network --keep-data").ok();
    // What somebody wanted kept goes only when somebody says so.
    let refused = terminal.start("circular -n 3 --interval 0").fails(1, "start-network --keep-data");
    assert!(refused.err.contains("start-network --discard-data"), "{refused:?}");
    terminal.start("circular -n 3 --interval 0 --ephemeral").fails(1, "--discard-data");
    terminal.start("circular -n 3 --interval 0 --keep-data").ok();
    assert!(terminal.run("get-messages 1 all").ok().out.contains("Apple"));
    terminal.run("stop-network").ok();
    assert!(!data.exists());
    terminal.start("circular -n 3 --interval 0 --ephemeral").ok();
    assert_eq!(terminal.run("get-messages 1 all").ok().out, "");
    assert!(!data.exists());
    terminal.run("stop-network").ok();
}

#[test]
fn what_was_kept_is_removed_on_demand_and_what_was_left_behind_is_set_aside() {
    let terminal = Terminal::with_network("circular -n 2 --interval 0");
    let (data, aside) = (terminal.home().join("default/data"), terminal.home().join("default/data.before-1"));
    terminal.run("send-message 1 Apple --acks all").ok();
    terminal.run("stop-network --keep-data").ok();
    terminal.start("circular -n 2 --interval 0 --discard-data").ok();
    assert_eq!(terminal.run("get-messages 1 all").ok().out, "");
    assert!(!aside.exists());
    // All die, as after a power cut: nobody has said that their data may go.
    terminal.run("send-message 1 Pear --acks all").ok();
    terminal.run("remove-node 1 --crash").ok();
    terminal.run("remove-node 2 --crash").ok();
    let started = terminal.start("circular -n 2 --interval 0").ok();
    assert!(started.err.contains("data.before"), "{started:?}");
    assert!(aside.join("node-2/node.redb").is_file() && data.join("node-2/node.redb").is_file());
    assert_eq!(terminal.run("get-messages 1 all").ok().out, "");
    terminal.run("stop-network").ok();
    // It is still there for whoever wants it.
    std::fs::rename(&aside, &data).unwrap();
    terminal.start("circular -n 2 --interval 0 --keep-data").ok();
    assert!(terminal.run("get-messages 2 all").ok().out.contains("Pear"));
    terminal.run("stop-network").ok();
}
