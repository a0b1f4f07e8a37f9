//! The guarantee, tried in the simulated world: random histories by the hundred, and the named ones that people ask about.
//!
//! A failure of a random history prints the command that replays it.

/// Those who speak for others.
#[path = "simulation/forging.rs"]
mod forging;

use std::panic::catch_unwind;
use std::process::Command;

use gossip_network::protocol::{Config, NodeId, Payload, Status, Submission};
use gossip_network::sim::{Faults, Options, World, run_schedule};
use uuid::Uuid;

/// Seeds of the campaign.
const SEEDS: u64 = 500;

const HEARTBEAT_MS: u64 = 1_000;

#[test]
fn the_guarantee_holds_in_every_random_history() {
    let mut counts = gossip_network::sim::FaultCounts::default();
    let mut failures = Vec::new();
    for seed in 1..=SEEDS {
        match catch_unwind(|| run_schedule(seed, Options::default())) {
            Ok(report) => {
                counts.add(&report.counts);
                if report.verdict.is_err() {
                    failures.push(report.to_string());
                }
            }
            Err(_) => failures
                .push(format!("seed {seed} panicked\nreplay: cargo run --example replay_schedule -- {seed} --trace")),
        }
    }
    assert!(failures.is_empty(), "{} of {SEEDS} histories:\n\n{}", failures.len(), failures.join("\n\n"));
    for (fault, count) in counts.named() {
        assert!(count > 0, "no history had this fault: {fault}");
    }
}

#[test]
fn one_seed_is_one_history_in_every_process() {
    const NAME: &str = "one_seed_is_one_history_in_every_process";
    const CHILD: &str = "GOSSIP_SIMULATION_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let hashes = (1..=5).map(|seed| format!("{:016x}", run_schedule(seed, Options::default()).trace_hash));
        println!("hashes {}", hashes.collect::<Vec<_>>().join("-"));
        return;
    }
    let hashes = || {
        let program = std::env::current_exe().expect("a running test knows its program");
        let output = Command::new(program).args(["--exact", NAME, "--nocapture"]).env(CHILD, "1").output();
        let text = String::from_utf8(output.expect("the test program starts").stdout).expect("it prints text");
        text.lines().find_map(|line| Some(line.split_once("hashes ")?.1.to_owned())).expect("it prints the hashes")
    };
    let first = hashes();
    assert_eq!(first, hashes());
    let mut different: Vec<&str> = first.split('-').collect();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 5, "different seeds are different histories: {first}");
}

fn id(number: u16) -> NodeId {
    NodeId::Port(7_000 + number)
}

fn ids(numbers: impl IntoIterator<Item = u16>) -> Vec<NodeId> {
    numbers.into_iter().map(id).collect()
}

/// Settings of a node of degree `max_peers` with one seed. It says one book and then only what its user sets.
fn seeded(max_peers: usize, seed: u16) -> Config {
    Config { max_peers, seeds: vec![id(seed)], interval_ms: 0, heartbeat_ms: HEARTBEAT_MS, ..Config::default() }
}

/// A network of `nodes` nodes with one seed, the first, that stands and agrees.
fn standing(seed: u64, nodes: u16, max_peers: usize, faults: Faults) -> World {
    let mut world = World::new(seed, Faults::NONE, None);
    for number in 1..=nodes {
        world.start(&id(number), seeded(max_peers, 1)).unwrap();
        world.run_for(200).unwrap();
    }
    agree_within(&mut world, 10);
    world.set_faults(faults);
    world
}

fn agree_within(world: &mut World, heartbeats: u64) -> u64 {
    let agreed = world.run_until(heartbeats * HEARTBEAT_MS, 20, |world| world.agreement().is_ok()).unwrap();
    world.inspect().unwrap();
    agreed.unwrap_or_else(|| panic!("no agreement within {heartbeats} heartbeats: {:?}", world.agreement()))
}

fn submit(world: &mut World, to: u16, text: &str) -> Uuid {
    let submission = Submission { payload: Payload::of_book(Some(text)), ttl: None, relays: 0, uuid: None };
    world.submit(&id(to), submission).unwrap().expect("a running node takes a message")
}

fn holders(world: &World, uuid: Uuid) -> usize {
    world.live_ids().filter(|id| world.node(id).is_some_and(|view| view.log().get(&uuid).is_some())).count()
}

fn status_at(world: &World, at: u16, of: u16) -> Option<Status> {
    world.node(&id(at))?.table().get(&id(of)).map(|entry| entry.status)
}

#[test]
fn five_nodes_each_seeded_by_the_one_before() {
    let mut world = World::new(1, Faults::NONE, None);
    for number in 1..=5 {
        // The first is seeded by the last, which does not run yet.
        world.start(&id(number), seeded(3, if number == 1 { 5 } else { number - 1 })).unwrap();
    }
    agree_within(&mut world, 15);
    assert_eq!(world.components().len(), 1);
}

#[test]
fn sixteen_nodes_join_one_seed_at_once() {
    for seed in 1..=10 {
        let mut world = World::new(seed, Faults::NONE, None);
        for number in 1..=16 {
            world.start(&id(number), seeded(3, 1)).unwrap();
        }
        let took = agree_within(&mut world, 15);
        assert!(took < 15_000, "seed {seed}: {took} ms");
    }
}

#[test]
fn two_halves_that_held_each_other_for_dead_meet_again() {
    for seed in 1..=10 {
        let mut world = standing(seed, 12, 3, Faults::NONE);
        world.partition(&[ids(1..=6), ids(7..=12)]);
        world.run_for(5_000).unwrap();
        let (left, right) = (submit(&mut world, 1, "from the left"), submit(&mut world, 12, "from the right"));
        world.set_book(&id(2), "Left").unwrap();
        world.set_book(&id(11), "Right").unwrap();
        world.run_for(15_000).unwrap();
        assert_eq!(status_at(&world, 1, 12), Some(Status::Down), "seed {seed}");
        assert_eq!((holders(&world, left), holders(&world, right)), (6, 6), "seed {seed}");
        world.heal();
        agree_within(&mut world, 30);
        assert_eq!((holders(&world, left), holders(&world, right)), (12, 12), "seed {seed}");
    }
}

#[test]
fn a_short_partition_costs_no_node_its_life() {
    for seed in 1..=10 {
        let mut world = standing(seed, 12, 3, Faults::NONE);
        world.partition(&[ids(1..=6), ids(7..=12)]);
        let message = submit(&mut world, 3, "into the gap");
        world.run_for(1_500).unwrap();
        world.heal();
        agree_within(&mut world, 5);
        assert_eq!(holders(&world, message), 12, "seed {seed}");
    }
}

#[test]
fn lost_responses_deliver_nothing_twice_and_lose_nothing() {
    for seed in 1..=10 {
        let faults = Faults { lost_response_permille: 300, ..Faults::NONE };
        let mut world = standing(seed, 8, 3, faults);
        let messages: Vec<Uuid> = (0..20).map(|n| submit(&mut world, 1 + n % 8, &format!("message {n}"))).collect();
        world.run_for(5_000).unwrap();
        world.set_faults(Faults::NONE);
        agree_within(&mut world, 15);
        // That nothing was delivered twice is checked at each step.
        assert!(messages.iter().all(|uuid| holders(&world, *uuid) == 8), "seed {seed}");
        assert!(world.counts().lost_responses > 10, "seed {seed}");
    }
}

#[test]
fn three_of_sixteen_crash_while_messages_are_sent() {
    for seed in 1..=10 {
        let mut world = standing(seed, 16, 3, Faults::NONE);
        let mut messages = Vec::new();
        for round in 0..30 {
            messages.push(submit(&mut world, 1 + round % 10, &format!("message {round}")));
            world.run_for(50).unwrap();
            if let 10 | 15 | 20 = round {
                world.crash(&id(11 + round / 5));
            }
        }
        agree_within(&mut world, 20);
        assert!(messages.iter().all(|uuid| holders(&world, *uuid) == 13), "seed {seed}");
        for dead in [13, 14, 15] {
            assert_eq!(status_at(&world, 1, dead), Some(Status::Down), "seed {seed}");
        }
    }
}

/// Heartbeats from the death of the last `dead` nodes until the others' overlay is one, for good.
fn heals_within(seed: u64, nodes: u16, dead: u16, max_peers: usize, heartbeats: u64) -> bool {
    let mut world = standing(seed, nodes, max_peers, Faults::NONE);
    // Deaths come at any time between two heartbeats.
    world.run_for(seed % HEARTBEAT_MS).unwrap();
    (nodes - dead + 1..=nodes).for_each(|number| world.crash(&id(number)));
    world.run_for(heartbeats * HEARTBEAT_MS).unwrap();
    (0..10).all(|_| {
        world.run_for(HEARTBEAT_MS / 2).unwrap();
        world.components().len() == 1
    })
}

#[test]
fn those_who_outlive_half_of_the_network_are_one_within_five_heartbeats() {
    for seed in 1..=200 {
        assert!(heals_within(seed, 16, 8, 3, 5), "seed {seed}");
    }
}

#[test]
fn pieces_of_a_ring_become_one_again_though_rings_have_no_place_to_spare() {
    for seed in 1..=100 {
        assert!(heals_within(seed, 20, 10, 2, 20), "seed {seed}");
    }
}

#[test]
fn places_that_deaths_left_are_filled_and_no_short_cycles_stay() {
    let (mut short, mut taken) = (0, 0);
    for seed in 1..=20 {
        let mut world = standing(seed, 40, 3, Faults::NONE);
        for number in 31..=40 {
            world.crash(&id(number));
            world.run_for(3 * HEARTBEAT_MS).unwrap();
        }
        world.run_for(60 * HEARTBEAT_MS).unwrap();
        let peers = |of: &NodeId| world.node(of).map_or(Vec::new(), |view| view.peers().cloned().collect());
        for number in 1..=30 {
            let links: Vec<NodeId> = peers(&id(number));
            taken += links.len();
            short += links.iter().flat_map(peers).filter(|theirs| links.contains(theirs)).count();
        }
    }
    // Each triangle is counted at its three corners, in both directions. A random cubic graph has 4/3 on average.
    assert!(short <= 20 * 6 * 4 / 3, "{} triangles in 20 overlays", short / 6);
    assert!(taken >= 20 * 90 - 2 * 4, "of 1,800 ends of links {} are missing", 1_800 - taken);
}

#[test]
fn a_node_and_all_its_peers_crash_together_and_are_missed() {
    let mut world = standing(1, 16, 3, Faults::NONE);
    let victim = id(9);
    let peers: Vec<NodeId> = world.node(&victim).unwrap().peers().cloned().collect();
    world.crash(&victim);
    peers.iter().for_each(|peer| world.crash(peer));
    agree_within(&mut world, 30);
    assert_eq!(status_at(&world, 1, 9).or(status_at(&world, 2, 9)), Some(Status::Down));
}

#[test]
fn a_node_restarted_empty_regains_its_version_and_all_messages() {
    let mut late = 0;
    for seed in 1..=40 {
        let mut world = standing(seed, 8, 3, Faults::NONE);
        for round in 0..20 {
            world.set_book(&id(5), &format!("book {round}")).unwrap();
        }
        let messages: Vec<Uuid> = (0..50).map(|n| submit(&mut world, 1 + n % 8, &format!("message {n}"))).collect();
        agree_within(&mut world, 5);
        let before = world.node(&id(5)).unwrap().version();
        world.crash(&id(5));
        world.run_for(300).unwrap();
        world.restart(&id(5)).unwrap();
        // It asks its seed, hears its version and speaks above it: believed everywhere, as a rule within a second of its
        // start, and within two where nobody answered before it first spoke.
        let believed = |world: &World, number: u16| {
            let version =
                world.node(&id(number)).and_then(|view| view.table().get(&id(5)).map(|entry| entry.version()));
            version > Some(before)
        };
        let everywhere = |world: &World| (1..=8).all(|number| believed(world, number));
        let took = world.run_until(2 * HEARTBEAT_MS, 20, everywhere).unwrap();
        assert!(took.is_some(), "seed {seed}: not believed above {before}");
        late += usize::from(took > Some(1_000));
        agree_within(&mut world, 10);
        assert!(messages.iter().all(|uuid| holders(&world, *uuid) == 8), "seed {seed}");
    }
    assert!(late <= 4, "{late} of 40 took longer than a second");
}

#[test]
fn two_newcomers_split_the_same_link() {
    for seed in 1..=30 {
        // Two full nodes with one link between them and one each to a third: every split of a joiner meets the other's.
        let mut world = standing(seed, 3, 2, Faults { delay_ms: (1, 40), ..Faults::NONE });
        world.start(&id(4), seeded(2, 1)).unwrap();
        world.start(&id(5), seeded(2, 1)).unwrap();
        agree_within(&mut world, 20);
        for number in 1..=5 {
            let degree = world.node(&id(number)).unwrap().peers().count();
            assert!((1..=2).contains(&degree), "seed {seed}: {number} has {degree} links");
        }
    }
}

#[test]
fn a_newcomer_that_crashes_in_the_middle_of_a_split_leaves_no_trace() {
    for crash_after_ms in 0..60 {
        let mut world = standing(crash_after_ms, 5, 2, Faults::NONE);
        world.start(&id(6), seeded(2, 1)).unwrap();
        world.run_for(crash_after_ms).unwrap();
        world.crash(&id(6));
        agree_within(&mut world, 20);
        assert_eq!(world.components().len(), 1, "crashed after {crash_after_ms} ms");
    }
}

#[test]
fn a_node_that_leaves_is_believed_at_once_and_never_suspected() {
    let mut world = standing(1, 8, 3, Faults::NONE);
    world.stop(&id(4)).unwrap();
    world.run_for(200).unwrap();
    assert!(world.node(&id(4)).is_none(), "it is gone once its peers know");
    for number in [1, 2, 3, 5, 6, 7, 8] {
        assert_eq!(status_at(&world, number, 4), Some(Status::Left));
    }
}

/// A submitter hears no answer, as its node is cut off or dies, and submits the same at another one.
#[test]
fn a_retry_at_another_node_is_no_second_message() {
    for seed in 1..=20 {
        let mut world = standing(seed, 10, 3, Faults::NONE);
        let uuid = Uuid::from_u128(u128::from(seed));
        // Every other time a program gives the name to something else: then one of the two stays, everywhere the same one.
        let give = |world: &mut World, to: u16, text: &str| {
            let text = if seed % 2 == 0 { "the same" } else { text };
            let payload = Payload::of_book(Some(text));
            let submission = Submission { payload, ttl: None, relays: 0, uuid: Some(uuid) };
            world.submit(&id(to), submission).unwrap().expect("it takes the message");
        };
        world.partition(&[ids(1..=5), ids(6..=10)]);
        give(&mut world, 2, "at first");
        // The counts by which messages are ordered go on on one side only, in every third history.
        if seed % 3 == 0 {
            submit(&mut world, 9, "another");
        }
        world.run_for(2 * HEARTBEAT_MS).unwrap();
        give(&mut world, 9, "once more");
        world.run_for(2 * HEARTBEAT_MS).unwrap();
        world.heal();
        agree_within(&mut world, 30);
        let comparisons = world.comparisons();
        world.run_for(20 * HEARTBEAT_MS).unwrap();
        assert_eq!(holders(&world, uuid), 10);
        assert!(world.comparisons() - comparisons < 20, "seed {seed}: they agree, and compare on");
    }
}
