//! Connections over TLS: within the same bounds as bare ones, and told apart from them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gossip_network::http::{Tls, TlsFiles, Verb};

use super::tls::{certify, flags, person, start};
use super::{Visitor, warnings};
use crate::harness::{Server, eventually, free_ports};

/// A node with certificates and one more flag, which serves.
fn start_with(folder: &Path, port: u16, flag: &str) -> Server {
    let mut flags = flags(folder, port);
    flags.push(flag.to_owned());
    let server = Server::spawn_on(port, &flags.iter().map(String::as_str).collect::<Vec<_>>());
    let people = person(folder, None);
    eventually("it serves", || (people.call(Verb::Get, port, "/livez", "").ok()?.status == 200).then_some(()));
    server
}

#[test]
fn who_encrypts_and_who_does_not_are_told_of_each_other() {
    let (folder, ports) = (tempfile::tempdir().unwrap(), free_ports(1));
    certify(folder.path(), &ports, 30, false);
    let encrypted = start(folder.path(), ports[0], None);
    let log = folder.path().join("log");
    let bare = Server::start_by(|_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command.args(["--port", "0", "--log-level", "warn", "--seed", &ports[0].to_string()]);
        command.stderr(File::create(&log).unwrap());
        command
    });
    eventually("the bare one says why it has no peers", || {
        std::fs::read_to_string(&log).unwrap().contains("speaks HTTPS only").then_some(())
    });
    let large = "x".repeat(1 << 20);
    let refused =
        Visitor::plain().call(Verb::Post, encrypted.port, "/messages", &large).expect("it is answered, not cut off");
    assert_eq!(refused.status, 400);
    let people = person(folder.path(), None);
    let error = people.call(Verb::Get, bare.port, "/state", "").map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    let counted = people.get(encrypted.port, "/metrics").body;
    let refused = counted.lines().find(|line| line.starts_with("gossip_requests_refused_total{status=\"400\"} "));
    assert!(refused.is_some(), "{counted}");
}

/// Whoever writes all of a body before it reads would find the connection reset if the answer came first.
#[test]
fn what_is_refused_over_tls_can_be_read() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_ports(1)[0]);
    certify(folder.path(), &[port], 30, false);
    let _server = start_with(folder.path(), port, "--max-request-rate=3");
    let people = person(folder.path(), None);
    let large = " ".repeat(1 << 20);
    let mut answered = BTreeSet::new();
    // However slow this machine is, some of so many come too fast.
    for path in ["/nothing", "/state", "/messages"].into_iter().cycle().take(300) {
        answered.insert(people.post(port, path, &large).status);
        if answered.len() == 4 {
            break;
        }
    }
    assert_eq!(answered, BTreeSet::from([400, 404, 405, 429]));
}

/// A connection over TLS that has got one answer and stays open.
fn answered_once(folder: &Path, port: u16) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let tls = Tls::load(TlsFiles { ca: folder.join("ca.pem"), own: None }).unwrap();
    let name = "127.0.0.1".to_owned().try_into().unwrap();
    let client = rustls::ClientConnection::new(Arc::new(tls.client_config().unwrap()), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut stream = rustls::StreamOwned::new(client, socket);
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("whoever asks is answered");
    assert_eq!(&start, b"HTTP/1.1 200");
    stream
}

#[test]
fn idle_connections_give_up_their_places_over_tls_as_well() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_ports(1)[0]);
    certify(folder.path(), &[port], 30, false);
    let server = start_with(folder.path(), port, "--max-connections=16");
    let mut open: Vec<_> = (0..60).map(|_| answered_once(folder.path(), port)).collect();
    // The oldest of them are closed, without a word of TLS.
    let mut rest = Vec::new();
    let closed = open[0].read_to_end(&mut rest);
    assert!(closed.is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    assert!(status.contains("\nThreads:\t1\n"), "one thread serves all: {status}");
}

#[test]
fn a_certificate_for_another_host_is_warned_of_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), &[7001], 30, false);
    let flags = flags(folder.path(), 7001);
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    assert!(!warnings(&flags).contains("does not name"), "a port is of 127.0.0.1");
    flags.push("--advertise=db1.example:7001");
    let shown = warnings(&flags);
    assert!(shown.contains("--tls-cert does not name db1.example:7001"), "{shown}");
}

#[test]
fn half_a_handshake_is_not_waited_for() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_ports(1)[0]);
    certify(folder.path(), &[port], 30, false);
    let _server = start_with(folder.path(), port, "--header-time=300ms");
    for said in [&b""[..], b"\x16\x03\x01", b"GET /livez"] {
        let mut half = TcpStream::connect(("127.0.0.1", port)).unwrap();
        half.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        half.write_all(said).unwrap();
        let mut rest = Vec::new();
        half.read_to_end(&mut rest).expect("it is closed");
        assert!(rest.is_empty(), "{rest:?}");
    }
}
