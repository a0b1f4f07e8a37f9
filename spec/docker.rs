//! A network of containers: a real Docker engine, the image of `deploy/Dockerfile.copy`, and the command line as a person
//! types it.
//!
//! Where no engine runs, the test starts one of its own and stops it again; where none can be started, it says so loudly and
//! proves nothing.

// A person's terminal.
#[allow(dead_code, reason = "it is shared with the tests of the command line, which use all of it")]
#[path = "cli/terminal.rs"]
mod terminal;

// A Docker engine and its image.
#[path = "docker/engine.rs"]
mod engine;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::engine::Engine;
use crate::terminal::{Terminal, eventually, is_free};

/// A network's name and so its containers', so that no two tests meet on one engine.
fn unused_name() -> String {
    format!("test-{}", std::process::id())
}

#[test]
fn sixteen_containers_are_a_network_like_any_other() {
    let engine = match Engine::find_or_start() {
        Ok(engine) => engine,
        Err(reason) => {
            // Written past the harness, which would swallow it.
            let line =
                format!("\n!!! SKIPPED: no container engine, so networks of containers are NOT TESTED: {reason}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
            return;
        }
    };
    let image = engine.build_image();
    let mut terminal = Terminal::new();
    let name = unused_name();
    if !engine.host.is_empty() {
        terminal.variables.push(("DOCKER_HOST", engine.host.clone()));
    }
    let network = Network { terminal: &terminal, engine: &engine, project: format!("gossip-{name}"), name };

    network.starts(&image);
    network.carries_a_message();
    network.loses_a_node_that_is_removed_and_has_it_again();
    network.outlives_a_cut();
    network.grows_and_notices_what_others_do();
    network.stops();
    secrets_reach_the_containers(&engine, &image);
}

/// Certificates and tokens of the user's own files, which nobody else may read.
fn secrets_reach_the_containers(engine: &Engine, image: &str) {
    let mut terminal = Terminal::new();
    let name = format!("{}-s", unused_name());
    if !engine.host.is_empty() {
        terminal.variables.push(("DOCKER_HOST", engine.host.clone()));
    }
    std::fs::write(terminal.file("token"), "open-sesame\n").expect("written");
    std::fs::set_permissions(terminal.file("token"), std::fs::Permissions::from_mode(0o600)).expect("set");
    let network = Network { terminal: &terminal, engine, project: format!("gossip-{name}"), name };
    let flags = format!("circular -n 3 --docker --image {image} --name {} --tls tls --token-file token", network.name);
    terminal.start(&format!("{flags} --timeout 1min --heartbeat 500ms")).ok();
    network.run("send-message 1 Apple").ok();
    network.run("add-node").ok();
    assert!(network.run("wait --timeout 1min").ok().out.starts_with("all 4 nodes agree"));
    assert_eq!(network.holders("Apple", &[2, 3, 4]), [2, 3, 4]);
    // Their own health check speaks HTTPS as well.
    let format = "{{json .Config.Healthcheck.Test}}";
    let test = engine.docker(&["container", "inspect", "--format", format, &network.container(4)]);
    let test: Vec<String> = serde_json::from_str(&test).expect("a list");
    let words: Vec<&str> = test[1..].iter().map(String::as_str).collect();
    engine.docker(&[&["exec", &network.container(4)], &words[..]].concat());
    let plain = format!("http://127.0.0.1:{}/livez", terminal.base_port + 1);
    assert!(ureq::get(&plain).call().is_err(), "a node with certificates speaks plain HTTP");
    network.run("send-message 1 Pear --token-file /dev/null").fails(1, "/dev/null");
    network.run("stop-network").ok();
}

struct Network<'a> {
    terminal: &'a Terminal,
    engine: &'a Engine,
    name: String,
    project: String,
}

impl Network<'_> {
    fn run(&self, line: &str) -> terminal::Outcome {
        self.terminal.run(&format!("{line} --name {}", self.name))
    }

    fn container(&self, node: u16) -> String {
        format!("{}-{node}", self.project)
    }

    fn starts(&self, image: &str) {
        let name = &self.name;
        let missing = self.terminal.start(&format!("--docker --image gossip_server:none --name {name}"));
        missing.fails(1, "bin/image");
        let flags = format!("--docker --image {image} --name {name} --timeout 2min -o json --heartbeat 500ms");
        let started = self.terminal.start(&flags).ok().json();
        let nodes = started["nodes"].as_array().expect("nodes");
        assert_eq!(nodes.len(), 16);
        for (node, number) in nodes.iter().zip(1_u16..) {
            let port = self.terminal.base_port + number;
            assert_eq!(node["id"], format!("{}:{port}", self.container(number)), "{node}");
            assert_eq!(node["address"], format!("127.0.0.1:{port}"), "{node}");
            assert_eq!(node["peers"].as_array().map(Vec::len), Some(3), "{node}");
        }
        // Nobody, from an image that holds nothing else, and healthy by its own word.
        let user = self.engine.docker(&[
            "inspect",
            "-f",
            "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}",
            &self.container(1),
        ]);
        assert_eq!(user.trim(), "65532:65532 true");
        let port = (self.terminal.base_port + 1).to_string();
        self.engine.docker(&["exec", &self.container(1), "/gossip_server", "--health", "--port", &port]);
        // The same network once more is told apart from strangers.
        self.terminal.start(&format!("--docker --image {image} --name {name}")).fails(1, "runs already with 16 nodes");
    }
}

impl Network<'_> {
    fn carries_a_message(&self) {
        self.run("send-message 1 Apple").ok();
        assert!(self.run("wait").ok().out.starts_with("all 16 nodes agree"));
        let listed = self.run("get-messages 16 --all-paths").ok();
        let lines = listed.lines();
        assert!(lines[0].starts_with("- Apple (Node 1 -> ") && lines[0].ends_with(" -> Node 16)"), "{listed:?}");
        assert!(lines[1..].iter().all(|line| line.starts_with("  ↳ 1 ➜ ") && line.ends_with(" ➜ 16")), "{listed:?}");
        // A node is meant by its number, by its id, and by its address here.
        let by_number = self.run("list-peers 2 -o json").ok().json();
        for node in [self.id(2), format!(":{}", self.terminal.base_port + 2)] {
            assert_eq!(self.run(&format!("list-peers {node} -o json")).ok().json(), by_number);
        }
    }

    fn loses_a_node_that_is_removed_and_has_it_again(&self) {
        assert_eq!(self.run("remove-node 9").ok().out, "node 9 has left\n");
        assert_eq!(self.engine.state_of(&self.container(9)), "exited 0");
        assert_eq!(self.status_of(9)["status"], "removed");
        self.run("list-peers 9").fails(3, "node 9 (127.0.0.1:");
        assert_eq!(self.run("remove-node 10 --crash").ok().out, "node 10 was killed\n");
        assert_eq!(self.engine.state_of(&self.container(10)), "exited 137");
        self.run("remove-node 10").fails(1, "does not run");
        assert!(self.run("wait --timeout 1min").ok().out.starts_with("all 14 nodes agree"));
        self.run("restart-node 9").ok();
        self.run("restart-node 10").ok();
        assert!(self.run("wait --timeout 1min").ok().out.starts_with("all 16 nodes agree"));
        assert_eq!(self.holders("Apple", &[9, 10]), [9, 10]);
    }

    fn outlives_a_cut(&self) {
        let others: Vec<u16> = (1..=16).filter(|node| *node != 5).collect();
        self.engine.docker(&["network", "disconnect", &self.project, &self.container(5)]);
        self.run("send-message 1 Pear").ok();
        eventually("all others have it", || (self.holders("Pear", &others) == others).then_some(()));
        eventually("the others hold it for down", || {
            let states = self.run("state 1 -o json").ok().json();
            (states[self.id(5)]["status"] == "down").then_some(())
        });
        assert_eq!(self.status_of(5)["status"], "silent");
        self.engine.docker(&["network", "connect", &self.project, &self.container(5)]);
        assert!(self.run("wait --timeout 1min").ok().out.starts_with("all 16 nodes agree"));
        assert_eq!(self.holders("Pear", &[5]), [5]);
    }

    fn grows_and_notices_what_others_do(&self) {
        assert!(self.run("add-node").ok().out.starts_with("node 17 (127.0.0.1:"));
        assert!(self.run("wait --timeout 1min").ok().out.starts_with("all 17 nodes agree"));
        // Somebody stops and starts containers without this program.
        self.engine.docker(&["stop", "-t", "5", &self.container(3)]);
        assert_eq!(self.status_of(3)["status"], "down");
        self.engine.docker(&["start", &self.container(3)]);
        assert!(self.run("wait --timeout 1min").ok().out.starts_with("all 17 nodes agree"));
        assert_eq!(self.status_of(3)["status"], "up");
    }

    fn stops(&self) {
        let stopped = self.run("stop-network -o json").ok().json();
        assert_eq!((&stopped["stopped"], &stopped["killed"]), (&17.into(), &0.into()));
        assert!((1..=17).all(|number| is_free(self.terminal.base_port + number)));
        let label = format!("label=com.docker.compose.project={}", self.project);
        assert_eq!(self.engine.docker(&["ps", "--all", "--quiet", "--filter", &label]), "");
        assert_eq!(self.engine.docker(&["network", "ls", "--quiet", "--filter", &label]), "");
        let log = std::fs::read_to_string(self.terminal.home().join(&self.name).join("node-3.log")).expect("a log");
        assert!(log.contains("listens on http://0.0.0.0:"), "{log}");
    }

    fn id(&self, node: u16) -> String {
        format!("{}:{}", self.container(node), self.terminal.base_port + node)
    }

    /// Which of these nodes hold this text, as their own lists say.
    fn holders(&self, text: &str, nodes: &[u16]) -> Vec<u16> {
        let holds = |node: &u16| {
            let listed = self.run(&format!("get-messages {node} -o json"));
            listed.code == 0
                && listed.json().as_array().expect("a list").iter().any(|m| m["payload"]["message"] == text)
        };
        nodes.iter().copied().filter(holds).collect()
    }

    fn status_of(&self, node: u16) -> Value {
        let rows = self.run("status -o json --timeout 1s").ok().json();
        rows.as_array().expect("rows").iter().find(|row| row["node"] == node).expect("the node").clone()
    }
}

#[test]
fn a_compose_file_is_written_out() {
    let terminal = Terminal::new();
    let text = terminal.run("compose circular -n 3 --base-port 9000 --image mine:1 -- --heartbeat 200ms").ok().out;
    for part in [
        "# Network default: circular, 3 nodes.",
        "\n  node-3:\n",
        "\"127.0.0.1:9003:9003\"",
        "\"--advertise\", \"gossip-default-2:9002\"",
        "\"--peer\", \"gossip-default-1:9001\"",
        "\"--heartbeat\", \"200ms\"",
        "image: \"mine:1\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    terminal.run("compose star").fails(2, "shapes are random");
    terminal.run("compose --base-port 65530").fails(2, "1 to 5");
    assert!(!terminal.home().exists(), "something was started");
    // Compose itself reads it, where there is one.
    std::fs::write(terminal.file("docker-compose.yml"), &text).expect("written");
    let compose = terminal.command(std::path::Path::new("docker-compose")).args(["config", "--quiet"]).output();
    if let Ok(read) = compose {
        assert!(read.status.success(), "{read:?}");
    }
}
