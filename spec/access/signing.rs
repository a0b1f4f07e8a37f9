//! Signed origins: nobody speaks for another, and honest nodes that were deceived are not blamed.

use gossip_network::protocol::{Content, Kind, Message, NodeId, OriginKey, Payload};
use gossip_network::wire::{Method, encode_call};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::text;
use crate::harness::{Server, agree, agree_among, eventually, free_ports};

/// A message as anyone can make one; `key` signs it.
fn message(origin: u16, version: u64, text: &str, key: Option<&OriginKey>) -> Message {
    let origin = NodeId::Port(origin);
    let message = Message::new(
        64,
        [origin.clone()].into(),
        Content {
            uuid: Uuid::from_u128(u128::from(version) << 64 | text.bytes().map(u128::from).sum::<u128>()),
            version,
            kind: Kind::State,
            payload: Payload::new(RawValue::from_string(format!("{{\"book\":\"{text}\"}}")).unwrap()),
            origin,
            relays: 0,
            stamp: 0,
            seal: None,
        },
    );
    let seal = key.map(|key| key.seal("default", &message));
    message.altered(|content| content.seal = seal)
}

/// The body of `POST /gossip/` with these bare messages, as our own codec writes each.
fn body(messages: Vec<Message>) -> String {
    use gossip_network::protocol::{Call, Envelope, Header};
    let header = Header { cluster: "default".into(), from: NodeId::Port(1), boot: 1, linked: false, brief: true };
    let envelope = Envelope {
        sender: header.into(),
        messages,
        digest: None,
        claims: Vec::new(),
        free_place: None,
        graft: None,
        prune: Vec::new(),
        recent: Vec::new(),
    };
    let call = encode_call(&Call::Gossip(envelope));
    assert_eq!(call.method, Method::Post);
    // Not through a generic value: a payload's bytes are signed as they are.
    #[derive(serde::Deserialize)]
    struct Messages<'a> {
        #[serde(borrow)]
        messages: &'a RawValue,
    }
    let shape: Messages<'_> = serde_json::from_slice(&call.body).unwrap();
    shape.messages.get().to_owned()
}

fn outcome(server: &Server, message: Message) -> String {
    let answer = server.post("/gossip/", &body(vec![message]));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json();
    if json["forged"] == serde_json::json!([0]) {
        "forged".to_owned()
    } else {
        json["outcomes"][0].as_str().unwrap().to_owned()
    }
}

fn signing(folder: &std::path::Path, name: &str) -> Vec<String> {
    let key = folder.join(name);
    vec!["--interval=0".into(), "--heartbeat=100ms".into(), "--sign".into(), format!("--key-file={}", text(&key))]
}

fn start(port: u16, flags: &[String], more: &[String]) -> Server {
    let flags: Vec<&str> = flags.iter().chain(more).map(String::as_str).collect();
    Server::start_on(port, &flags)
}

#[test]
fn what_an_origin_did_not_sign_is_refused_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(0, &signing(folder.path(), "1"), &[]);
    let seed = [format!("--seed={}", first.port)];
    let servers = [first, start(0, &signing(folder.path(), "2"), &seed), start(0, &signing(folder.path(), "3"), &seed)];
    agree(&servers);
    // The test itself is an origin, and its neighbour.
    let (own, forger, origin) = (OriginKey::from_seed([1; 32]), OriginKey::from_seed([2; 32]), free_ports(1)[0]);
    assert_eq!(outcome(&servers[0], message(origin, 1, "mine", Some(&own))), "new");
    assert_eq!(outcome(&servers[0], message(origin, 2, "still mine", Some(&own))), "new");
    for server in &servers {
        eventually("it arrives", || server.state(origin).filter(|state| state.version == 2));
    }
    for (i, server) in servers.iter().enumerate() {
        let genuine = message(origin, 3, "not yet", Some(&own));
        let altered =
            genuine.clone().altered(|content| content.payload = message(origin, 3, "altered", None).payload.clone());
        let older = message(origin, 2, "still mine", Some(&own)).altered(|content| content.version = 9);
        let elsewhere = genuine.clone().altered(|content| content.origin = NodeId::Port(servers[(i + 1) % 3].port));
        let elsewhere = Message { path: [elsewhere.origin.clone()].into(), ..elsewhere };
        assert_eq!(outcome(server, altered), "forged");
        assert_eq!(outcome(server, older), "forged");
        assert_eq!(outcome(server, elsewhere), "forged");
        assert_eq!(outcome(server, message(origin, 3, "unsigned", None)), "forged");
        assert_eq!(outcome(server, message(origin, 3, "of another", Some(&forger))), "forged");
        assert_eq!(outcome(server, message(server.port, 3, "you said", Some(&forger))), "forged");
        assert_eq!(outcome(server, message(origin, 1, "mine", Some(&own))), "stale", "an older word, replayed");
        let counters = server.digest().counters;
        // Peers may tell it old news at any time.
        assert!(counters.forged == 6 && counters.stale >= 1, "{counters:?}");
        assert_eq!(server.state(origin).unwrap().version, 2);
    }
    assert_eq!(outcome(&servers[2], message(origin, 3, "at last", Some(&own))), "new");
    for server in &servers {
        eventually("it arrives", || server.state(origin).filter(|state| state.version == 3));
        assert!(!server.peers().is_empty());
    }
    let half = servers[0].post(
        "/gossip/",
        &format!(
            "{{\"uuid\":\"7d444840-9dc0-41d1-b245-5ffdce74fad2\",\"origin\":{origin},\
        \"version\":4,\"ttl\":1,\"payload\":1,\"key\":\"AAAA\"}}"
        ),
    );
    assert_eq!((half.status, half.problem().field.as_deref()), (400, Some("key")));
}

/// One honest node knows no better, as it never heard of the origin before: it takes the forgery and hands it on.
#[test]
fn a_forgery_through_an_honest_peer_is_refused_and_the_peer_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let (ports, absent) = (free_ports(3), OriginKey::from_seed([1; 32]));
    let deceived = start(ports[0], &signing(folder.path(), "1"), &[]);
    let key = |server: &Server| server.get("/state?digest").json()["key"].as_str().unwrap().to_owned();
    let careful = start(ports[1], &signing(folder.path(), "2"), &[]);
    let list = folder.path().join("allowed");
    let lines =
        format!("{} {}\n{} {}\n{} {}\n", ports[0], key(&deceived), ports[1], key(&careful), ports[2], absent.public());
    careful.crash();
    std::fs::write(&list, lines).unwrap();
    let more = [format!("--allowed-keys={}", text(&list)), format!("--seed={}", ports[0])];
    let careful = start(ports[1], &signing(folder.path(), "2"), &more);
    agree_among(&[&deceived, &careful]);

    let forged = message(ports[2], 5, "I am another", Some(&OriginKey::from_seed([9; 32])));
    assert_eq!(outcome(&deceived, forged), "new", "it was not deceived, so the test shows nothing");
    eventually("it is refused", || (careful.digest().counters.forged > 0).then_some(()));
    let refused = careful.digest().counters.forged;
    eventually("heartbeats pass", || (careful.digest().counters.envelopes_sent > 20).then_some(()));
    assert!(careful.state(ports[2]).is_none());
    assert_eq!((careful.peers(), deceived.peers()), (vec![ports[0]], vec![ports[1]]), "an honest peer was blamed");
    assert!(careful.digest().counters.forged >= refused);
    // Both go on exchanging what is true.
    let uuid = deceived.submit("true");
    eventually("it arrives", || (careful.get(&format!("/messages/{uuid}")).status == 200).then_some(()));
    // The true one is believed where its key is known.
    assert_eq!(outcome(&careful, message(ports[2], 1, "truly", Some(&absent))), "new");
    // Whoever is not on the list is not believed at all.
    assert_eq!(outcome(&careful, message(1, 1, "nobody", Some(&OriginKey::from_seed([3; 32])))), "forged");
}

#[test]
fn a_node_is_known_by_its_key_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(0, &signing(folder.path(), "1"), &[]);
    let seed = [format!("--seed={}", first.port)];
    let second = start(0, &signing(folder.path(), "2"), &seed);
    agree_among(&[&first, &second]);
    let port = second.crash();
    let second = start(port, &signing(folder.path(), "2"), &seed);
    agree_among(&[&first, &second]);
    assert!(first.state(port).unwrap().version > 1);
    let version = first.state(port).unwrap().version;
    second.crash();
    let pretender = start(port, &signing(folder.path(), "another"), &seed);
    eventually("it is refused", || (first.digest().counters.forged > 0).then_some(()));
    assert_eq!(first.state(port).unwrap().version, version);
    drop(pretender);
}

/// The word that a node is forgotten travels, and anybody may say it; the key by which it is known goes at the operator's own
/// word only, at each node.
#[test]
fn a_forgotten_nodes_key_is_forgotten_where_the_operator_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(0, &signing(folder.path(), "1"), &[]);
    let seed = [format!("--seed={}", first.port)];
    let servers = [first, start(0, &signing(folder.path(), "2"), &seed)];
    agree(&servers);
    let (own, other, origin) = (OriginKey::from_seed([1; 32]), OriginKey::from_seed([2; 32]), free_ports(1)[0]);
    let state = message(origin, 1, "mine", Some(&own));
    assert_eq!(outcome(&servers[0], state.clone()), "new");
    eventually("it arrives", || servers[1].state(origin));
    let forget = |server: &Server, query: &str| server.call("DELETE", &format!("/state/{origin}{query}"), None).status;
    assert_eq!(forget(&servers[0], &format!("?uuid={}", state.uuid)), 200);
    eventually("all have forgotten it", || servers.iter().all(|server| server.state(origin).is_none()).then_some(()));
    let replaced = message(origin, 2, "a new machine", Some(&other));
    assert_eq!(outcome(&servers[1], replaced.clone()), "forged", "another node's word took the key away");
    assert_eq!(forget(&servers[1], ""), 200);
    assert_eq!(forget(&servers[1], ""), 404, "neither entry nor key is left");
    assert_eq!(outcome(&servers[1], replaced), "new");
    eventually("it arrives where the key was forgotten first", || servers[0].state(origin));
}

#[test]
fn a_list_that_knows_this_node_by_another_key_is_warned_of_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("allowed");
    let other = OriginKey::from_seed([9; 32]).public();
    for (line, said) in
        [("db2.example:7000", "has no key for"), ("db1.example:7000", "nodes with that list take nothing")]
    {
        std::fs::write(&list, format!("{line} {other}\n")).unwrap();
        let mut flags = signing(folder.path(), "1");
        flags.push(format!("--allowed-keys={}", text(&list)));
        flags.push("--advertise=db1.example:7000".to_owned());
        let shown = super::warnings(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(shown.contains(said) && shown.contains("db1.example:7000"), "{shown}");
    }
}
