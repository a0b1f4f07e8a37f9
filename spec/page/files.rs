//! What a browser gets at `/`, what `curl` gets, and with which headers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::Server;

/// The head and the body of an answer, byte for byte.
fn raw(port: u16, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn a_browser_gets_the_page_and_curl_the_text() {
    let server = Server::start(&["--interval", "0"]);
    let (head, body) = raw(server.port, "/", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/html; charset=utf-8"), "{head}");
    assert!(body.starts_with("<!doctype html>"), "{body}");
    for accept in ["", "Accept: */*\r\n", "Accept: text/plain\r\n"] {
        let (head, body) = raw(server.port, "/", accept);
        assert!(head.contains("content-type: text/plain") && head.contains("vary: accept"), "{head}");
        assert!(body.contains("EVERYONE'S STATE"), "{body}");
    }
}

#[test]
fn files_have_a_strict_policy_and_a_tag() {
    let server = Server::start(&["--interval", "0"]);
    for (path, kind) in
        [("/page/app.js", "text/javascript"), ("/page/base.css", "text/css"), ("/page/icon.svg", "image/svg+xml")]
    {
        let (head, body) = raw(server.port, path, "");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(head.contains("x-content-type-options: nosniff") && !body.is_empty());
        let policy =
            head.lines().find(|line| line.starts_with("content-security-policy:")).unwrap_or_else(|| panic!("{head}"));
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let (again, nothing) = raw(server.port, path, &format!("If-None-Match: {tag}\r\n"));
        assert!(again.starts_with("http/1.1 304") && nothing.is_empty(), "{again}");
        let (other, _) = raw(server.port, path, "If-None-Match: \"other\"\r\n");
        assert!(other.starts_with("http/1.1 200"), "{other}");
    }
    assert!(raw(server.port, "/page/nothing.js", "").0.starts_with("http/1.1 404"));
    assert!(raw(server.port, "/page/..%2fmod.rs", "").0.starts_with("http/1.1 404"));
}
