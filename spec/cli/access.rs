//! Networks that not everyone may use: one command starts them, and later commands need no further word.

use std::os::unix::fs::PermissionsExt;

use crate::terminal::{Terminal, eventually};

fn token(terminal: &Terminal, name: &str, token: &str) {
    std::fs::write(terminal.file(name), token).unwrap();
    std::fs::set_permissions(terminal.file(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_network_with_certificates_and_tokens_starts_with_one_command() {
    let terminal = Terminal::new();
    token(&terminal, "token", "open-sesame\n");
    token(&terminal, "wrong", "hunter2\n");
    terminal.start("random 3 -n 6 --heartbeat 200ms --tls tls --token-file token").ok();
    terminal.run("send-message 1 Apple").ok();
    terminal.run("wait").ok();
    assert!(terminal.run("get-messages 6").ok().out.starts_with("- Apple (Node 1 -> "));
    terminal.run("add-node").ok();
    terminal.run("restart-node 2").ok();
    assert!(terminal.run("wait").ok().out.starts_with("all 7 nodes agree"));
    let plain = format!("http://127.0.0.1:{}/state", terminal.base_port + 1);
    assert!(ureq::get(&plain).call().is_err(), "a node of a network with certificates speaks plain HTTP");
    let refused = terminal.run("send-message 1 Pear --token-file wrong").fails(1, "not one of this node's");
    assert!(!refused.err.contains("hunter2"), "{refused:?}");
    terminal.run("send-message 1 Pear --token-file missing").fails(1, "cannot be read");
    assert!(refused.err.contains("--token-file FILE or GOSSIP_TOKEN_FILE"), "{refused:?}");

    // What the network was started with is for its own nodes; whoever else is asked needs a word of the user's.
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = stranger.accept().unwrap();
        let mut heard = [0; 4096];
        let length = std::io::Read::read(&mut stream, &mut heard).unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    });
    terminal.run(&format!("send-message {address} Secret")).fails(3, "does not answer");
    let heard = heard.join().unwrap();
    assert!(heard.starts_with("POST /messages") && !heard.to_lowercase().contains("authorization"), "{heard}");

    // Certificates are for a network of one's own by hand, too, and nothing is overwritten by accident.
    let node = terminal.base_port + 1;
    terminal.run(&format!("certificates tls {node}")).fails(1, "--force");
    let made = terminal.run(&format!("certificates tls {node} db1.example:7000 --days 30 --force -o json")).ok().json();
    assert_eq!(made.as_array().unwrap().len(), 2, "{made}");
    terminal.run("certificates tls http://x/").fails(2, "http://x/");
    terminal.run("certificates tls foo").fails(2, "host:port");
    let all = terminal.run("certificates tls --force -o json").ok().json();
    assert!(
        all.as_array().unwrap().iter().any(|made| made["name"] == "client") && all.as_array().unwrap().len() > 7,
        "{all}"
    );
    terminal.run("certificates elsewhere --force").fails(1, "nothing to renew");
    let pid = rustix::process::Pid::from_raw(terminal.pid(1)).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    eventually("it goes on", || (terminal.run("state 1").code == 0).then_some(()));
    terminal.run("wait").ok();
    terminal.run("stop-network").ok();
}

#[test]
fn a_running_node_is_told_of_a_seed() {
    let terminal = Terminal::with_network("circular -n 4 --heartbeat 200ms");
    terminal.run("join 1 1").fails(1, "own");
    terminal.run("join 1 db1.example:7000").fails(1, "addressed");
    let told = terminal.run("join 1 3").ok().out;
    assert!(told.contains("node 1 (127.0.0.1:") && told.contains("node 3") && told.contains("as alive"), "{told}");
    // Nobody listens there: what was seen is said, and that the node goes on asking.
    let nobody = terminal.base_port + 40;
    let silent = terminal.run(&format!("join 1 127.0.0.1:{nobody} --timeout 300ms")).ok();
    assert!(silent.err.contains("not seen alive within 300ms") && silent.err.contains("goes on asking"), "{silent:?}");
    let silent = terminal.run(&format!("join 1 127.0.0.1:{nobody} --timeout 300ms -o json")).ok().json();
    assert_eq!(silent["alive"], false);
    assert!(terminal.run("join 1 4 -o json").ok().json()["seeds"].as_array().unwrap().len() >= 2);
    terminal.run("wait").ok();
}
