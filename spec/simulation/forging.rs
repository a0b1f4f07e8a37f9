//! A member, or a stranger who reaches one, that speaks for others: it is refused by all who know the origin's key, and those
//! who handed it on are not blamed.
//!
//! The world's own checks stand behind each test: they know everything that owners ever made, and a node that holds anything
//! else in an owner's name breaks a promise.

use gossip_network::protocol::{Config, Kind, Message, NodeId, OriginKey, Payload};
use gossip_network::sim::{Faults, World};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{HEARTBEAT_MS, agree_within, id, seeded, submit};

fn key(number: u16) -> OriginKey {
    OriginKey::from_seed([u8::try_from(number).unwrap(); 32])
}

fn signing(number: u16) -> Config {
    Config { signer: Some(key(number)), ..seeded(3, 1) }
}

/// A network of nodes that all sign.
fn signing_network(seed: u64, nodes: u16, faults: Faults) -> World {
    let mut world = World::new(seed, Faults::NONE, None);
    for number in 1..=nodes {
        world.start(&id(number), signing(number)).unwrap();
        world.run_for(200).unwrap();
    }
    agree_within(&mut world, 15);
    world.set_faults(faults);
    world
}

fn state_at(world: &World, at: &NodeId, of: u16) -> Message {
    world.node(at).unwrap().table().message_of(&id(of)).expect("a known state")
}

fn forged(world: &World) -> Vec<u64> {
    world.live_ids().map(|id| world.node(id).unwrap().counters().forged).collect()
}

fn said(text: &str) -> Payload {
    Payload::new(RawValue::from_string(format!("{{\"book\":\"{text}\"}}")).unwrap())
}

/// What a forger can make of a message that it holds: each is wrong in another way.
fn forgeries(genuine: &Message, forger: &OriginKey) -> Vec<Message> {
    let next = genuine.clone().altered(|content| {
        content.version = genuine.version + 1;
        content.uuid = Uuid::from_u128(99);
    });
    let resealed = |message: Message| {
        let seal = Some(forger.seal("default", &message));
        message.altered(|content| content.seal = seal)
    };
    vec![
        genuine.clone().altered(|content| content.payload = said("altered")),
        genuine.clone().altered(|content| content.version = genuine.version + 1),
        genuine.clone().altered(|content| content.uuid = Uuid::from_u128(98)),
        genuine.clone().altered(|content| {
            content.kind = Kind::Message;
            content.stamp = 1;
        }),
        next.clone().altered(|content| {
            content.seal = None;
            content.payload = said("unsigned");
        }),
        resealed(next.clone().altered(|content| content.payload = said("another key"))),
        Message { path: [id(4)].into(), ..genuine.clone().altered(|content| content.origin = id(4)) },
    ]
}

#[test]
fn forged_and_altered_messages_are_refused_wherever_they_come_in() {
    for seed in 1..=5 {
        let mut world = signing_network(seed, 8, Faults::NONE);
        // Until the last places are filled.
        world.run_for(30 * HEARTBEAT_MS).unwrap();
        let genuine = state_at(&world, &id(5), 3);
        let forgeries = forgeries(&genuine, &key(200));
        let links: Vec<Vec<NodeId>> =
            world.live_ids().map(|id| world.node(id).unwrap().peers().cloned().collect()).collect();
        for entry in [1, 3, 6] {
            world.hand_in(&id(entry), forgeries.clone()).unwrap();
        }
        world.run_for(5 * HEARTBEAT_MS).unwrap();
        agree_within(&mut world, 5);
        let all = forgeries.len() as u64;
        assert_eq!(forged(&world), [all, 0, all, 0, 0, all, 0, 0], "seed {seed}: not refused at the door, or spread");
        let after: Vec<Vec<NodeId>> =
            world.live_ids().map(|id| world.node(id).unwrap().peers().cloned().collect()).collect();
        let kept = links.iter().zip(&after).all(|(before, after)| before.iter().all(|peer| after.contains(peer)));
        assert!(kept, "seed {seed}: a link was lost over a forgery: {links:?} became {after:?}");
        assert_eq!(state_at(&world, &id(8), 3).seal, genuine.seal, "seed {seed}");
    }
}

#[test]
fn replayed_older_words_change_nothing() {
    let mut world = signing_network(3, 6, Faults::NONE);
    let old = state_at(&world, &id(2), 5);
    world.set_book(&id(5), "Newer").unwrap();
    let uuid = submit(&mut world, 5, "once");
    agree_within(&mut world, 5);
    let message = world.node(&id(1)).unwrap().log().get(&uuid).unwrap().message.clone();
    for entry in 1..=6 {
        world.hand_in(&id(entry), vec![old.clone(), message.clone()]).unwrap();
        // With another stamp it would be a new message once the log has forgotten the old one.
        let restamped = message.clone().altered(|content| content.stamp = message.stamp + 1_000);
        world.hand_in(&id(entry), vec![restamped]).unwrap();
    }
    agree_within(&mut world, 5);
    for number in 1..=6 {
        let counters = world.node(&id(number)).unwrap().counters();
        assert!(counters.stale >= 1 && counters.duplicate >= 1 && counters.forged == 1, "{number}: {counters:?}");
    }
}

#[test]
fn a_restarted_node_with_its_key_is_believed_and_one_without_is_not() {
    let mut world = signing_network(5, 6, Faults::NONE);
    world.crash(&id(4));
    world.run_for(HEARTBEAT_MS).unwrap();
    world.restart(&id(4)).unwrap();
    agree_within(&mut world, 15);
    let before = state_at(&world, &id(1), 4);
    world.crash(&id(4));
    world.start(&id(4), Config { signer: Some(key(201)), ..seeded(3, 1) }).unwrap();
    world.run_for(5 * HEARTBEAT_MS).unwrap();
    assert_eq!(state_at(&world, &id(1), 4), before, "another key spoke for node 4");
    assert!(forged(&world).iter().sum::<u64>() > 0);
}

#[test]
fn those_who_sign_and_those_who_do_not_agree() {
    let mut world = World::new(6, Faults::NONE, None);
    for number in 1..=8 {
        let config = if number % 2 == 0 { signing(number) } else { seeded(3, 1) };
        world.start(&id(number), config).unwrap();
        world.run_for(200).unwrap();
    }
    submit(&mut world, 1, "unsigned");
    submit(&mut world, 2, "signed");
    agree_within(&mut world, 15);
    assert_eq!(forged(&world).iter().sum::<u64>(), 0);
    // Those who sign are safe at those who do not.
    let genuine = state_at(&world, &id(1), 2);
    let forgeries = forgeries(&genuine, &key(200));
    world.hand_in(&id(1), forgeries[..6].to_vec()).unwrap();
    agree_within(&mut world, 5);
    assert_eq!(world.node(&id(1)).unwrap().counters().forged, 6);
}
