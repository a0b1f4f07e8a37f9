//! Tokens: nothing changes without one, and they are rotated without a gap.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use gossip_network::http::Verb;

use super::{Visitor, hang_up, text};
use crate::harness::{Server, eventually, try_call};

/// Writes a file of tokens for its owner only.
pub(super) fn write(file: &Path, tokens: &[&str]) {
    let open = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(file);
    std::io::Write::write_all(&mut open.unwrap(), tokens.join("\n").as_bytes()).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn without_a_token_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (token, wrong) = (folder.path().join("token"), folder.path().join("wrong"));
    write(&token, &["open-sesame"]);
    write(&wrong, &["hunter2"]);
    let server = Server::start(&["--interval", "0", "--token-file", text(&token), "--allow-fault-injection"]);
    let version = server.digest().version;
    let changes = [
        ("PUT", "/state"),
        ("DELETE", "/state"),
        ("DELETE", "/state/7001"),
        ("POST", "/messages"),
        ("POST", "/messages/read"),
        ("POST", "/gossip/"),
        ("POST", "/gossip"),
        ("POST", "/sync/"),
        ("POST", "/peers/"),
        ("DELETE", "/peers/7001"),
        ("POST", "/seeds"),
        ("DELETE", "/seeds/7001"),
        ("PUT", "/faults"),
        ("DELETE", "/faults"),
        ("PATCH", "/state"),
        ("POST", "/nothing"),
        ("PUT", "/livez"),
    ];
    for (method, path) in changes {
        let answer = server.call(method, path, Some(b"{\"message\":\"x\"}"));
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        let problem = answer.problem();
        assert!(problem.status == 401 && problem.detail.contains("Bearer"), "{problem:?}");
    }
    assert_eq!(server.digest().version, version);
    assert!(server.messages().is_empty());
    for path in ["/livez", "/readyz", "/state", "/messages", "/peers/", "/"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    // It changes something although it reads like reading, and there is no other dialect where tokens are asked for.
    assert_eq!(server.get("/peers/7001").status, 403);
    let refused = Visitor::plain().with_token(&wrong).post(server.port, "/messages", "{\"message\":\"x\"}");
    assert_eq!(refused.status, 401);
    assert!(!refused.body.contains("hunter2") && !refused.body.contains("sesame"), "{}", refused.body);
    let taken = Visitor::plain().with_token(&token).post(server.port, "/messages", "{\"message\":\"x\"}");
    assert_eq!(taken.status, 201, "{}", taken.body);
}

#[test]
fn a_refusal_says_how_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    write(&token, &["open-sesame"]);
    let server = Server::start(&["--token-file", text(&token)]);
    let ask = |authorization: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("http://127.0.0.1:{}/messages", server.port);
        let request =
            agent.post(&url).header("authorization", authorization).header("content-type", "application/json");
        let answer = request.send("{\"message\":\"x\"}").unwrap();
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), challenge)
    };
    assert_eq!(ask("bearer open-sesame"), (201, None), "the name of a scheme is not case-sensitive");
    for wrong in [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer open-sesame2",
        "Bearer open-sesam",
        "Basic open-sesame",
        "open-sesame",
    ] {
        let (status, challenge) = ask(wrong);
        assert!(status == 401 && challenge.unwrap().starts_with("Bearer realm="), "{wrong}");
    }
}

#[test]
fn reading_can_need_a_token_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (token, reading) = (folder.path().join("token"), folder.path().join("reading"));
    write(&token, &["open-sesame"]);
    write(&reading, &["look-only"]);
    let flags = ["--interval", "0", "--token-file", text(&token), "--read-token-file", text(&reading)];
    let port = Server::start(&flags);
    let visitor = |file: &Path| Visitor::plain().with_token(file);
    for path in ["/state", "/messages", "/peers/", "/seeds", "/", "/nothing"] {
        assert_eq!(port.get(path).status, 401, "{path}");
        assert_ne!(visitor(&reading).get(port.port, path).status, 401, "{path}");
        assert_ne!(visitor(&token).get(port.port, path).status, 401, "{path}");
    }
    assert_eq!((port.get("/livez").status, port.get("/readyz").status), (200, 200));
    assert_eq!(visitor(&reading).post(port.port, "/messages", "{\"message\":\"x\"}").status, 403);
    assert_eq!(visitor(&token).post(port.port, "/messages", "{\"message\":\"x\"}").status, 201);
}

/// Old and new tokens overlap, so at each moment every node takes what every other one sends, and users lose nothing.
#[test]
fn tokens_are_rotated_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (file, old, new) = (folder.path().join("token"), folder.path().join("old"), folder.path().join("new"));
    write(&file, &["first-token"]);
    write(&old, &["first-token"]);
    write(&new, &["second-token"]);
    // Messages pass between the nodes at each step; their heartbeats are slow enough for a busy machine.
    let flags = ["--interval", "0", "--heartbeat", "400ms", "--token-file", text(&file)];
    let mut servers = vec![Server::start(&flags)];
    for _ in 1..3 {
        servers.push(Server::join(&servers[0], &flags));
    }
    crate::harness::agree(&servers);
    eventually("all are linked", || servers.iter().all(|server| server.peers().len() == 2).then_some(()));
    let failures =
        |servers: &[Server]| servers.iter().map(|server| server.digest().counters.failures).collect::<Vec<_>>();
    let (links, before) = (servers.iter().map(Server::peers).collect::<Vec<_>>(), failures(&servers));
    let submit = |server: &Server, file: &Path| {
        Visitor::plain().with_token(file).post(server.port, "/messages", "{\"message\":\"x\"}").status
    };
    let taken_by_all = |servers: &[Server], file: &Path| {
        eventually("all take it", || servers.iter().all(|server| submit(server, file) == 201).then_some(()));
    };
    // A step is over when all nodes have read the file: each has a token that no file had before.
    for (tokens, still_taken) in [
        (&["first-token", "second-token", "step-1"][..], &old),
        (&["second-token", "first-token", "step-2"], &old),
        (&["second-token", "step-3"], &new),
    ] {
        write(&file, tokens);
        hang_up(&servers);
        let step = folder.path().join("step");
        write(&step, &tokens[tokens.len() - 1..]);
        taken_by_all(&servers, &step);
        assert!(servers.iter().all(|server| submit(server, still_taken) == 201), "a gap at {tokens:?}");
    }
    eventually("the old one is refused", || servers.iter().all(|server| submit(server, &old) == 401).then_some(()));
    crate::harness::agree(&servers);
    assert_eq!(servers.iter().map(Server::peers).collect::<Vec<_>>(), links);
    assert_eq!(failures(&servers), before, "nodes refused each other meanwhile");
    // A slip of the pen neither opens nor shuts the door.
    std::fs::write(&file, "\n# nothing\n").unwrap();
    hang_up(&servers);
    assert!(servers.iter().all(|server| submit(server, &new) == 201 && submit(server, &old) == 401));
}

#[test]
fn a_node_without_the_token_cannot_take_part() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    write(&token, &["open-sesame"]);
    let flags = ["--interval", "0", "--heartbeat", "100ms", "--token-file", text(&token)];
    let inside = Server::start(&flags);
    let member = Server::join(&inside, &flags);
    let intruder = Server::join(&inside, &["--interval", "0", "--heartbeat", "100ms"]);
    crate::harness::agree_among(&[&inside, &member]);
    eventually("it tried", || (intruder.digest().counters.failures > 3).then_some(()));
    assert_eq!(inside.peers(), [member.port]);
    assert!(inside.state(intruder.port).is_none() && intruder.peers().is_empty());
}

#[test]
fn no_list_of_processes_and_no_log_shows_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    write(&token, &["open-sesame"]);
    let shown = super::warnings(&["--token-file", text(&token), "--log-level", "trace", "--seed", "1"]);
    assert!(shown.len() > 20 && !shown.contains("sesame"), "{shown}");
    let server = Server::start(&["--token-file", text(&token)]);
    let typed = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&typed).contains("sesame"));
    assert!(try_call("GET", server.port, "/", None).unwrap().status == 200);
    let refused = Visitor::plain().call(Verb::Put, server.port, "/state", "1").unwrap();
    assert!(!refused.body.contains("sesame"));
}
