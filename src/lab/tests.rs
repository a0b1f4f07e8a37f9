//! Names, shapes, records and differences, without any node.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::difference::compare;
use super::{
    Containers, Difference, Drawing, LabError, Launcher, NetworkName, NetworkRecord, NodeAnswer, NodeRecord,
    ProcessMark, Registry, Shape,
};
use crate::client::{CallError, ClientError, DigestReport};
use crate::protocol::NodeId;

fn shape(words: &str) -> Result<Shape, String> {
    Shape::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn draw(words: &str, nodes: Option<usize>) -> Result<Drawing, LabError> {
    shape(words).unwrap().draw(nodes, &mut SmallRng::seed_from_u64(1), &mut |_| ())
}

#[test]
fn names_are_safe_as_folders() {
    for right in ["default", "a", "A-1_b", &"x".repeat(40)] {
        assert!(right.parse::<NetworkName>().is_ok(), "{right}");
    }
    for wrong in ["", "..", "a/b", "a b", "é", &"x".repeat(41)] {
        assert!(wrong.parse::<NetworkName>().is_err(), "{wrong}");
    }
}

#[test]
fn shapes_read_as_they_are_shown() {
    for words in ["random 3", "random 4", "circular", "powerlaw", "turan 2", "turan 5", "optimal", "graph a.dot"] {
        assert_eq!(shape(words).unwrap().to_string(), words);
    }
    assert_eq!(shape("").unwrap(), Shape::Usual);
    assert_eq!(shape("turan").unwrap(), Shape::Turan { parts: 2 });
    for wrong in ["ring", "random three", "random -1", "random 3 4", "circular 3", "optimal 3", "graph", "graph a b"] {
        assert!(shape(wrong).is_err(), "{wrong} was taken");
    }
}

#[test]
fn drawings_number_their_nodes_from_one() {
    for (words, nodes) in [("random 3", 16), ("circular", 5), ("powerlaw", 30), ("turan 3", 9), ("optimal", 16)] {
        let drawing = draw(words, Some(nodes)).unwrap();
        assert_eq!(drawing.numbers, (1..=u16::try_from(nodes).unwrap()).collect::<Vec<_>>(), "{words}");
        assert!(drawing.graph.is_connected(), "{words}");
        let mut links = BTreeSet::new();
        for (number, neighbours) in drawing.neighbourhoods() {
            links.extend(neighbours.into_iter().map(|other| (number.min(other), number.max(other))));
        }
        assert_eq!(links.len(), drawing.graph.edge_count(), "{words}");
    }
    assert_eq!(draw("random 3", None).unwrap().numbers.len(), 16);
}

#[test]
fn without_a_shape_every_number_of_nodes_has_one_with_at_most_three_peers_each() {
    for nodes in [2, 3, 4, 5, 6, 7, 15, 16, 101, 1000] {
        let drawing = draw("", Some(nodes)).unwrap();
        assert!(drawing.graph.is_connected(), "{nodes}");
        let degrees: Vec<usize> = (0..nodes).map(|node| drawing.graph.degree(node)).collect();
        let wanted = 3.min(nodes - 1);
        let fewer = degrees.iter().filter(|degree| **degree != wanted).count();
        assert!(degrees.iter().all(|degree| (1..=3).contains(degree)), "{nodes}: {degrees:?}");
        assert_eq!(fewer, usize::from(nodes > 4 && nodes % 2 == 1), "{nodes}: {degrees:?}");
    }
    assert!(matches!(draw("", Some(1)).unwrap_err(), LabError::Shape(text) if text.contains("at least 2")));
}

#[test]
fn impossible_shapes_say_what_would_be_possible() {
    for (words, nodes, told) in [
        ("random 3", 5, "try 6 nodes"),
        ("random 16", 16, "degree 15"),
        ("turan 99", 16, "2 to 16"),
        ("optimal", 9, "8 or 10"),
        ("circular", 1, "at least 2"),
        ("random 3", 1001, "1000"),
        ("turan 2", 200, "at most 64"),
    ] {
        let error = draw(words, Some(nodes)).unwrap_err();
        assert!(matches!(&error, LabError::Shape(text) if text.contains(told)), "{words} {nodes}: {error}");
    }
}

#[test]
fn a_graph_of_a_file_keeps_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gaps.dot");
    std::fs::write(&file, "graph { 2 -- 5 -- 9; }").unwrap();
    let words = format!("graph {}", file.display());
    let drawing = draw(&words, None).unwrap();
    assert_eq!(drawing.neighbourhoods().collect::<Vec<_>>(), [(2, vec![5]), (5, vec![2, 9]), (9, vec![5])]);
    assert!(draw(&words, Some(4)).unwrap_err().to_string().contains("it has 3 nodes"));
    std::fs::write(&file, "1 70000").unwrap();
    assert!(draw(&words, None).unwrap_err().to_string().contains("node 70000"));
}

fn record(name: &NetworkName) -> NetworkRecord {
    let node = |number: u16| NodeRecord {
        number,
        port: 7000 + number,
        advertised: None,
        process: ProcessMark::of(std::process::id()),
        args: vec!["--port".to_owned()],
        seeds: Vec::new(),
        removed: false,
    };
    NetworkRecord {
        name: name.clone(),
        base_port: 7000,
        cluster: name.cluster().to_owned(),
        shape: "circular".to_owned(),
        newcomer_places: 2,
        access: super::NetworkAccess::default(),
        node_flags: Vec::new(),
        durable: false,
        launcher: Launcher::Processes { program: "gossip_server".into() },
        nodes: (1..=3).map(node).collect(),
    }
}

#[test]
fn a_network_is_written_down_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, name) = (Registry::at(folder.path()), "two".parse::<NetworkName>().unwrap());
    assert!(registry.load(&name).unwrap().is_none());
    let lock = registry.lock(&name).unwrap();
    let mut network = record(&name);
    registry.save(&lock, &network).unwrap();
    assert_eq!(registry.load_running(&name).unwrap(), network);
    network.node_mut(2).unwrap().removed = true;
    assert_eq!(network.live_nodes().len(), 2);
    assert!(matches!(network.node(4), Err(LabError::NoSuchNode { last: 3, .. })));
    assert!(matches!(network.port_of(60_000), Err(LabError::BeyondPorts { .. })));
    registry.forget(&lock, &name).unwrap();
    registry.forget(&lock, &name).unwrap();
    assert!(matches!(registry.load_running(&name), Err(LabError::NotRunning { .. })));
}

fn digest(number: u16, change: impl FnOnce(&mut DigestReport)) -> NodeAnswer {
    let mut digest = DigestReport {
        id: NodeId::Port(7000 + number),
        cluster: "default".to_owned(),
        boot: 1,
        version: 1,
        key: None,
        peers: Vec::new(),
        max_peers: 3,
        nodes: 4,
        live: 4,
        live_hash: 10,
        messages: 2,
        messages_hash: 20,
        hash: 30,
        counters: Default::default(),
    };
    change(&mut digest);
    NodeAnswer { number, port: 7000 + number, digest: Ok(digest) }
}

#[test]
fn digests_tell_who_differs_in_what() {
    let same = || vec![digest(1, |_| ()), digest(2, |_| ()), digest(3, |_| ())];
    let with = |other: NodeAnswer| {
        let mut answers = same();
        answers.push(other);
        compare(&answers, 4)
    };
    assert_eq!(with(digest(4, |_| ())), []);
    assert_eq!(with(digest(4, |d| d.version = 0)), [Difference::NotSpoken { number: 4 }]);
    assert_eq!(with(digest(4, |d| d.live = 3)), [Difference::Living { number: 4, lists: 3, live: 4 }]);
    assert_eq!(with(digest(4, |d| d.live_hash = 11)), [Difference::OtherLiving { number: 4 }]);
    let fewer = digest(4, |d| (d.messages, d.messages_hash) = (1, 21));
    assert_eq!(with(fewer), [Difference::Messages { number: 4, holds: 1, most: 2 }]);
    let silent = NodeAnswer { number: 4, port: 7004, digest: Err(ClientError::Silent(CallError::Refused)) };
    let differences = with(silent);
    assert_eq!(differences, [Difference::Silent { number: 4, port: 7004 }]);
    assert_eq!(differences[0].to_string(), "node 4 (127.0.0.1:7004) does not answer");
}

#[test]
fn the_record_leads_from_a_containers_id_to_its_address() {
    let name = "Some_one".parse::<NetworkName>().unwrap();
    let mut network = record(&name);
    network.launcher = Launcher::Containers { containers: Containers::of(&name, "image:1") };
    for node in &mut network.nodes {
        node.advertised = Some(network.launcher.node_id(node.number, node.port));
    }
    let text = serde_json::to_string(&network).unwrap();
    assert!(text.contains("\"advertised\":\"gossip-some-one-2:7002\""), "{text}");
    let read: NetworkRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(read, network);
    let id = NodeId::Host("gossip-some-one-2:7002".into());
    let second = read.node(2).unwrap();
    assert_eq!((second.id(), second.address()), (id.clone(), "127.0.0.1:7002".to_owned()));
    for other in [id, NodeId::Port(7002)] {
        assert_eq!(read.find(&other).map(|node| node.number), Some(2));
    }
    assert_eq!(read.find(&NodeId::Port(7009)), None);
}
