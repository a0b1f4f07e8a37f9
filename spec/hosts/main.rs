//! Nodes on hosts of their own: network namespaces with own addresses and own names, joined by a switch.
//!
//! What one machine cannot show on its loopback: names instead of addresses, IPv6, a cable that is pulled, a name with
//! several addresses, and a name that moves to another address. Needs the right to make network namespaces; where that is
//! missing the tests say so loudly and do nothing.

mod lan;

use std::time::{Duration, Instant};

use gossip_network::wire::{DigestReport, MessageReport, StateReport};

use lan::{Host, Lan};

/// How long anything may take that must happen at all: a torn connection may need several time-outs to be noticed.
const DEADLINE: Duration = Duration::from_secs(60);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn digest(host: &Host) -> Option<DigestReport> {
    serde_json::from_str(&host.get("/state?digest")?).ok()
}

fn has(host: &Host, uuid: &str) -> bool {
    let messages = host.get("/messages").and_then(|text| serde_json::from_str::<Vec<MessageReport>>(&text).ok());
    messages.is_some_and(|messages| messages.iter().any(|message| message.uuid.to_string() == uuid))
}

fn status(host: &Host, of: &str) -> String {
    let state = host.get(&format!("/state/{of}")).and_then(|text| serde_json::from_str::<StateReport>(&text).ok());
    state.map_or("unknown", |state| state.status.name()).to_owned()
}

/// Waits until all hold the same and know that all live.
fn agree(hosts: &[Host]) {
    eventually("all agree", || {
        let digests: Vec<DigestReport> = hosts.iter().filter_map(digest).collect();
        let same = |d: &DigestReport| d.hash == digests[0].hash && d.live == hosts.len() && d.version > 0;
        digests.len() == hosts.len() && digests.iter().all(same)
    });
}

fn everywhere(hosts: &[Host], uuid: &str) {
    eventually("the message is everywhere", || hosts.iter().all(|host| has(host, uuid)));
}

const IDS: [&str; 3] = ["a.test:7000", "b.test:7000", "c.test:7000"];

/// Three hosts whose nodes know each other by name only.
fn named_hosts() -> Option<Lan> {
    let lan = Lan::of(3)?;
    lan.set_names(&[("a.test", &["10.99.0.1"]), ("b.test", &["10.99.0.2"]), ("c.test", &["10.99.0.3"])]);
    Some(lan)
}

fn start_named(lan: &mut Lan, seed: &str) {
    for (i, id) in IDS.iter().enumerate() {
        lan.hosts[i].start(&["--bind", "0.0.0.0", "--advertise", id, "--seed", seed, "--interval", "0"]);
    }
}

#[test]
fn a_host_that_is_cut_off_and_brought_back_misses_nothing() {
    let Some(mut lan) = named_hosts() else { return };
    start_named(&mut lan, IDS[0]);
    agree(&lan.hosts);
    let early = lan.hosts[2].submit("from the third");
    everywhere(&lan.hosts, &early);
    lan.unplug(2);
    let (here, there) = (lan.hosts[0].submit("while it was away"), lan.hosts[2].submit("while I was away"));
    eventually("the two call the third down", || lan.hosts[..2].iter().all(|host| status(host, IDS[2]) == "down"));
    eventually("the second has what the first said", || has(&lan.hosts[1], &here));
    assert!(!has(&lan.hosts[2], &here) && !has(&lan.hosts[0], &there));
    lan.plug_in(2);
    everywhere(&lan.hosts, &here);
    everywhere(&lan.hosts, &there);
    agree(&lan.hosts);
}

#[test]
fn addresses_of_ipv6_are_ids_like_any_other() {
    let Some(mut lan) = Lan::of(3) else { return };
    for i in 0..3 {
        let own = format!("[fd99::{}]:7000", i + 1);
        let bind = format!("fd99::{}", i + 1);
        let mut arguments = vec!["--bind", &bind, "--seed", "[fd99::1]:7000", "--interval", "0"];
        // One listens on everything and says how it is reached.
        if i == 1 {
            arguments.splice(..2, ["--bind", "::", "--advertise", &own]);
        }
        lan.hosts[i].start(&arguments);
    }
    agree(&lan.hosts);
    let uuid = lan.hosts[1].submit("over the newer protocol");
    everywhere(&lan.hosts, &uuid);
    let digest = digest(&lan.hosts[2]).expect("it answers");
    assert_eq!(digest.id.to_string(), "[fd99::3]:7000");
}

#[test]
fn of_a_name_with_several_addresses_the_one_that_answers_is_used() {
    let Some(mut lan) = Lan::of(3) else { return };
    // The switch itself refuses connections; nobody has the last address.
    lan.set_names(&[
        ("a.test", &["10.99.0.254", "10.99.0.77", "10.99.0.1"]),
        ("b.test", &["10.99.0.2", "10.99.0.77"]),
        ("c.test", &["10.99.0.77", "10.99.0.3"]),
    ]);
    start_named(&mut lan, IDS[0]);
    agree(&lan.hosts);
    let uuid = lan.hosts[2].submit("whichever way");
    everywhere(&lan.hosts, &uuid);
}

#[test]
fn a_name_that_moves_to_another_address_is_followed() {
    let Some(mut lan) = named_hosts() else { return };
    start_named(&mut lan, IDS[0]);
    agree(&lan.hosts);
    // The node runs on, at another address.
    lan.move_host(2, "10.99.0.3/24", "10.99.0.13/24");
    lan.set_names(&[("a.test", &["10.99.0.1"]), ("b.test", &["10.99.0.2"]), ("c.test", &["10.99.0.13"])]);
    let uuid = lan.hosts[0].submit("to wherever you are now");
    everywhere(&lan.hosts, &uuid);
    let back = lan.hosts[2].submit("here");
    everywhere(&lan.hosts, &back);
    agree(&lan.hosts);
}
