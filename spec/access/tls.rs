//! TLS: HTTPS for all, certificates among nodes, and intruders of another authority or of none.

use std::path::Path;

use gossip_network::http::{CallError, TlsFiles, Verb};
use gossip_network::lab::{CertificateName, make_certificates};
use gossip_network::protocol::{Call, Header, LinkCall, LinkWish, NodeId};
use gossip_network::wire::encode_call;

use super::{Visitor, hang_up, text};
use crate::harness::{Server, eventually, free_ports};

pub(super) fn certify(folder: &Path, ports: &[u16], days: u32, force: bool) {
    let names: Vec<CertificateName> = ports.iter().map(|port| CertificateName::of_port(*port)).collect();
    make_certificates(folder, &names, days, force).expect("certificates");
}

pub(super) fn flags(folder: &Path, port: u16) -> Vec<String> {
    let flag = |name: &str, file: String| format!("--{name}={}", text(&folder.join(file)));
    vec![
        "--interval=0".to_owned(),
        "--heartbeat=100ms".to_owned(),
        flag("tls-cert", format!("{port}.pem")),
        flag("tls-key", format!("{port}-key.pem")),
        flag("tls-ca", "ca.pem".to_owned()),
    ]
}

/// A person who trusts the authority of `folder`, and shows a certificate of `own` if there is one.
pub(super) fn person(folder: &Path, own: Option<(&Path, &str)>) -> Visitor {
    let own = own.map(|(folder, stem)| (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}-key.pem"))));
    Visitor { tls: Some(TlsFiles { ca: folder.join("ca.pem"), own }), token: None }
}

pub(super) fn start(folder: &Path, port: u16, seed: Option<u16>) -> Server {
    let mut flags = flags(folder, port);
    flags.extend(seed.map(|seed| format!("--seed={seed}")));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::spawn_on(port, &flags);
    let visitor = person(folder, None);
    eventually("the node serves", || (visitor.call(Verb::Get, port, "/livez", "").ok()?.status == 200).then_some(()));
    server
}

fn network(folder: &Path, ports: &[u16]) -> Vec<Server> {
    let servers: Vec<Server> =
        ports.iter().enumerate().map(|(i, port)| start(folder, *port, (i > 0).then_some(ports[0]))).collect();
    person(folder, None).agree(&servers);
    servers
}

#[test]
fn a_network_with_certificates_admits_no_one_without() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let ports = free_ports(6);
    let (inside, strange, bare) = (&ports[..4], ports[4], ports[5]);
    certify(&ours, inside, 365, false);
    certify(&theirs, &[strange], 365, false);
    let servers = network(&ours, inside);
    let people = person(&ours, None);

    // A node of another authority, and one without any.
    let _stranger = start(&theirs, strange, Some(inside[0]));
    let plain = Server::start_on(bare, &["--interval", "0", "--heartbeat", "100ms", "--seed", &inside[0].to_string()]);
    let strangers_view = person(&theirs, None);
    eventually("the stranger tried", || {
        let failures = strangers_view.call(Verb::Get, strange, "/state?digest", "").ok()?.json();
        (failures["counters"]["failures"].as_u64()? > 3).then_some(())
    });
    eventually("the other tried", || (plain.digest().counters.failures > 3).then_some(()));
    assert!(strangers_view.peers(strange).is_empty() && plain.peers().is_empty());

    // What such a one would send by hand.
    let intruder = NodeId::Port(strange);
    let header = Header { cluster: "default".into(), from: intruder.clone(), boot: 7, linked: true, brief: false };
    let link = encode_call(&Call::Link(LinkCall { header, wish: LinkWish::Link }));
    let body = String::from_utf8(link.body).unwrap();
    let uncertified =
        [("/peers/", body.as_str()), ("/gossip/", "[]"), ("/gossip", "[]"), ("/sync/", "{}"), ("/sync", "{}")];
    for (path, body) in uncertified {
        let answer = people.post(inside[0], path, body);
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        assert!(answer.problem().detail.contains("certificate"));
    }
    assert_eq!(people.call(Verb::Delete, inside[0], &format!("/peers/{}", inside[1]), "").unwrap().status, 403);
    assert_eq!(people.get(inside[0], &format!("/peers/{strange}")).status, 403);
    let ca_apart = |error: CallError| assert!(matches!(error, CallError::Broken(_)), "{error:?}");
    ca_apart(of_another_call(&theirs, &ours, inside[0]));
    let bare = Visitor::plain().call(Verb::Post, inside[0], "/gossip/", "[]").unwrap();
    assert_eq!((bare.status, bare.problem().detail.contains("https://")), (400, true), "{}", bare.body);
    ca_apart(person(&theirs, None).call(Verb::Get, inside[0], "/state", "").map(|_| ()).unwrap_err());

    // People come without, and a member's certificate opens what is between nodes.
    assert_eq!(people.post(inside[1], "/messages", "{\"message\":\"hello\"}").status, 201);
    let member = person(&ours, Some((&ours, "client")));
    assert_eq!(member.post(inside[0], "/gossip/", "[]").status, 200);
    people.agree(&servers);
    for port in inside {
        assert!(people.peers(*port).iter().all(|peer| inside.contains(peer)));
        assert_eq!(people.get(*port, &format!("/state/{strange}")).status, 404);
    }
}

/// A call with a certificate of another authority by one who trusts ours: the handshake ends.
fn of_another_call(theirs: &Path, ours: &Path, port: u16) -> CallError {
    // The loader refuses a certificate that the authority did not sign, so the two are trusted together.
    let both = theirs.join("both.pem");
    let joined = [std::fs::read(ours.join("ca.pem")).unwrap(), std::fs::read(theirs.join("ca.pem")).unwrap()].concat();
    std::fs::write(&both, joined).unwrap();
    let own = Some((theirs.join("client.pem"), theirs.join("client-key.pem")));
    let visitor = Visitor { tls: Some(TlsFiles { ca: both, own }), token: None };
    visitor.call(Verb::Get, port, "/state", "").map(|_| ()).unwrap_err()
}

#[test]
fn certificates_are_read_again_without_losing_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let ports = free_ports(3);
    certify(folder.path(), &ports, 20, false);
    let servers = network(folder.path(), &ports);
    let people = person(folder.path(), None);
    let until = |port: u16| people.get(port, "/readyz").json()["certificate_until"].as_str().unwrap().to_owned();
    let failures = || ports.iter().map(|port| people.digest(*port, "/counters/failures")).collect::<Vec<_>>();
    let (first, before) = (until(ports[0]), failures());
    let links: Vec<Vec<u16>> = ports.iter().map(|port| people.peers(*port)).collect();
    certify(folder.path(), &ports, 400, true);
    hang_up(&servers);
    eventually("the new one is shown", || ports.iter().all(|port| until(*port) > first).then_some(()));
    // A certificate that does not do is left alone.
    let kept = until(ports[0]);
    std::fs::write(folder.path().join(format!("{}.pem", ports[0])), "oops").unwrap();
    hang_up(&servers[..1]);
    assert_eq!(people.post(ports[0], "/messages", "{\"message\":\"still here\"}").status, 201);
    people.agree(&servers);
    assert_eq!(until(ports[0]), kept);
    assert_eq!(ports.iter().map(|port| people.peers(*port)).collect::<Vec<_>>(), links);
    assert_eq!(failures(), before, "a connection was lost");
}

#[test]
fn a_node_that_listens_on_ipv6_is_called_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let ports = free_ports(2);
    let names: Vec<CertificateName> = ports.iter().map(|port| format!("[::1]:{port}").parse().unwrap()).collect();
    make_certificates(folder.path(), &names, 30, false).unwrap();
    let file = |port: u16, end: &str| folder.path().join(format!("__1_{port}{end}"));
    let start = |port: u16, seed: Option<u16>| {
        let mut flags = vec!["--bind=::1".to_owned(), "--interval=0".to_owned()];
        flags.push(format!("--tls-cert={}", text(&file(port, ".pem"))));
        flags.push(format!("--tls-key={}", text(&file(port, "-key.pem"))));
        flags.push(format!("--tls-ca={}", text(&folder.path().join("ca.pem"))));
        flags.extend(seed.map(|seed| format!("--seed=[::1]:{seed}")));
        Server::spawn_on(port, &flags.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let _first = start(ports[0], None);
    let _second = start(ports[1], Some(ports[0]));
    let people = person(folder.path(), None);
    eventually("they are linked", || {
        let answer = people.call_at(Verb::Get, &format!("[::1]:{}", ports[0]), "/peers/", "").ok()?;
        (answer.json() == serde_json::json!([format!("[::1]:{}", ports[1])])).then_some(())
    });
}
