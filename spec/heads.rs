//! `HEAD` at every path that has `GET`, over plain HTTP and over TLS, in HTTP/1.1 and HTTP/2.

use std::path::Path;
use std::process::Command;

use gossip_network::lab::{CertificateName, make_certificates};

use crate::harness::{Server, eventually, free_ports};

/// What curl prints.
fn curl(arguments: &[&str]) -> String {
    let done = Command::new("curl").args(["-s", "-m", "10"]).args(arguments).output().expect("curl is installed");
    String::from_utf8(done.stdout).expect("text")
}

/// Asks for heads and bodies of everything that can be got at `base`.
fn check_heads(base: &str, flags: &[&str]) {
    let ask = |more: &[&str]| curl(&[flags, more].concat());
    let paths = [
        "/state",
        "/state/",
        "/state?digest",
        "/state?format=text",
        "/messages",
        "/messages?limit=1",
        "/sd/prometheus",
        "/overlay",
        "/metrics",
        "/openapi.json",
        "/seeds",
        "/livez",
        "/readyz",
        "/peers",
        "/peers/?details",
        "/",
        "/page/app.js",
        "/events",
        "/events?kind=state",
    ];
    for path in paths {
        let url = format!("{base}{path}");
        let head = ask(&["-I", &url]);
        assert!(head.lines().next().is_some_and(|line| line.contains(" 200")), "{path}: {head}");
        // A stream has no length, and is not waited for.
        let lengths = head.to_lowercase().matches("content-length: ").count();
        assert_eq!(lengths, usize::from(!path.starts_with("/events")), "{path}: {head}");
    }
    for path in ["/livez", "/openapi.json", "/seeds"] {
        let url = format!("{base}{path}");
        let (head, whole) = (ask(&["-I", &url]).to_lowercase(), ask(&[&url]));
        let length = format!("content-length: {}\r\n", whole.len());
        assert!(head.contains(&length) && head.contains("content-type: application/json"), "{head}: {whole}");
    }
    // Nothing is sent behind the head: the connection can be used again.
    let url = format!("{base}/openapi.json");
    let connects =
        ask(&["-I", "-o", "/dev/null", "-w", "%{num_connects} %{size_download}\n", &url, "-o", "/dev/null", &url]);
    assert_eq!(connects, "1 0\n0 0\n");
    // Refusals are the same, too.
    for (path, status) in [
        ("/state/1", " 404"),
        ("/peers/1", " 405"),
        ("/messages/xyz", " 400"),
        ("/nowhere", " 404"),
        ("/messages/read", " 405"),
    ] {
        let head = ask(&["-I", &format!("{base}{path}")]);
        assert!(head.lines().next().is_some_and(|line| line.contains(status)), "{path}: {head}");
    }
    let tag = ask(&["-o", "/dev/null", "-w", "%header{etag}", &format!("{base}/messages")]);
    let known = ask(&["-I", "-H", &format!("If-None-Match: {tag}"), &format!("{base}/messages")]);
    assert!(known.contains(" 304"), "{known}");
    let allowed = ask(&["-i", "-X", "TRACE", &format!("{base}/state")]).to_lowercase();
    assert!(allowed.contains("allow: get, head, put, patch, delete"), "{allowed}");
}

#[test]
fn a_head_is_that_of_the_answer_to_get() {
    let server = Server::start(&["--interval", "0"]);
    check_heads(&format!("http://127.0.0.1:{}", server.port), &[]);
    // Streams that were only asked for their heads are over.
    eventually("no stream is open", || server.get("/metrics").body.contains("gossip_event_streams 0\n").then_some(()));
}

#[test]
fn a_node_is_told_no_more_than_it_reads() {
    let server = Server::start(&["--interval", "0"]);
    let (base, peer) = (format!("http://127.0.0.1:{}", server.port), free_ports(1)[0]);
    let ask =
        |path: &str, body: &str, flags: &[&str]| curl(&[&["-i", "-d", body, &format!("{base}{path}")], flags].concat());
    let wish = format!(
        r#"{{"protocol":1,"cluster":"default","from":{peer},"boot":5,"linked":false,"brief":true,"want":"link"}}"#
    );
    let linked = ask("/peers/", &wish, &["-H", "User-Agent:"]);
    let (head, body) = linked.split_once("\r\n\r\n").expect("a head");
    assert_eq!(head, format!("HTTP/1.1 200 OK\r\ncontent-length: {}", body.len()));
    assert!(body.contains(r#""answer":"linked""#), "{body}");
    let brief = format!(r#"{{"link":{peer}}}"#);
    assert_eq!(ask("/gossip/", &brief, &["-H", "User-Agent:"]), "HTTP/1.1 204 \r\n\r\n");
    let other = ask("/gossip/", &brief, &[]);
    assert!(other.starts_with("HTTP/1.1 204 No Content\r\n") && other.contains("\r\ndate: "), "{other}");
}

#[test]
fn a_head_is_the_same_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(1)[0];
    make_certificates(folder.path(), &[CertificateName::of_port(port)], 30, false).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let flag = |flag: &str, name: &str| format!("--tls-{flag}={}", file(name));
    let flags = [
        flag("cert", &format!("{port}.pem")),
        flag("key", &format!("{port}-key.pem")),
        flag("ca", "ca.pem"),
        "--interval=0".to_owned(),
    ];
    let _server = Server::spawn_on(port, &flags.iter().map(String::as_str).collect::<Vec<_>>());
    let base = format!("https://localhost:{port}");
    let authority = file("ca.pem");
    assert!(Path::new(&authority).is_file());
    eventually("it serves", || {
        curl(&["--cacert", &authority, "-I", &format!("{base}/livez")]).contains(" 200").then_some(())
    });
    // Whoever would rather speak HTTP/2 settles for the other.
    for version in ["--http1.1", "--http2"] {
        check_heads(&base, &["--cacert", &authority, version]);
    }
}
