//! Programs of different age in one network: the one under test beside one that was built from an earlier commit.
//!
//! `bin/test` builds the earlier one and names it in `GOSSIP_EARLIER_SERVER`; without it there is nothing to compare with.

use crate::harness::{Server, agree, eventually};

#[test]
fn an_earlier_program_and_this_one_form_one_network() {
    let Some(earlier) = std::env::var_os("GOSSIP_EARLIER_SERVER") else {
        eprintln!("\n*** SKIPPED, NOT PASSED: GOSSIP_EARLIER_SERVER names no earlier gossip_server ***\n");
        return;
    };
    let mut servers = vec![Server::start_program(&earlier, 0, &["--interval", "0"])];
    let seed = servers[0].port.to_string();
    for i in 1..8 {
        let arguments = ["--interval", "0", "--seed", &seed];
        servers.push(match i % 2 {
            0 => Server::start_program(&earlier, 0, &arguments),
            _ => Server::start(&arguments),
        });
    }
    agree(&servers);
    let uuids: Vec<String> = servers.iter().map(|server| server.submit("of my age")).collect();
    for uuid in &uuids {
        eventually("every message is everywhere", || {
            servers.iter().all(|server| server.get(&format!("/messages/{uuid}")).status == 200).then_some(())
        });
    }
    // One of each age dies; a program of the other age comes back in its place.
    let (old, new) = (servers.remove(2), servers.remove(2));
    let (old, new) = (old.crash(), new.crash());
    eventually("the others know", || {
        let down = |port| servers.iter().all(|s| s.state(port).is_some_and(|state| state.status.name() == "down"));
        (down(old) && down(new)).then_some(())
    });
    servers.push(Server::start_on(old, &["--interval", "0", "--seed", &seed]));
    servers.push(Server::start_program(&earlier, new, &["--interval", "0", "--seed", &seed]));
    agree(&servers);
    assert!(servers.iter().all(|server| server.messages().len() == uuids.len()));
}
