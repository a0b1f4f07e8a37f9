//! What a node with a data directory promises: an acknowledged message survives any death, and no version falls.
//!
//! `GOSSIP_KILLS=200` makes the loop of kills longer; `GOSSIP_POWER_CUTS=20` that of all nodes at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::harness::{Server, agree, agree_among, eventually, eventually_within, free_ports, pause, try_call};
use crate::lines::Lines;

const NODES: usize = 6;

/// Nodes whose directories outlive their processes.
struct Network {
    folder: TempDir,
    ports: Vec<u16>,
    servers: Vec<Server>,
}

impl Network {
    fn start(size: usize) -> Network {
        let mut network =
            Network { folder: tempfile::tempdir().unwrap(), ports: free_ports(size), servers: Vec::new() };
        for place in 0..size {
            let server = network.node(place);
            network.servers.push(server);
        }
        agree(&network.servers);
        network
    }

    /// The process of one node; the first is everyone's seed and has none itself.
    fn node(&self, place: usize) -> Server {
        let folder = self.folder.path().join(place.to_string());
        let (folder, seed) = (folder.to_str().unwrap(), self.ports[0].to_string());
        let mut arguments = vec!["--interval", "300ms", "--data-dir", folder];
        if place > 0 {
            arguments.extend(["--seed", &seed]);
        }
        Server::start_on(self.ports[place], &arguments)
    }

    fn kill(&mut self, place: usize) {
        self.servers.remove(place).crash();
        let server = self.node(place);
        self.servers.insert(place, server);
    }

    fn kill_all(&mut self) {
        for server in self.servers.drain(..) {
            server.crash();
        }
        for place in 0..self.ports.len() {
            let server = self.node(place);
            self.servers.push(server);
        }
    }
}

/// Submitters that never rest: what each was told is taken.
struct Load {
    over: Arc<AtomicBool>,
    taken: Arc<AtomicU64>,
    submitters: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Load {
    fn begin(ports: &[u16], submitters: u64) -> Load {
        let (over, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let submitter = |number: u64| {
            let (over, taken, ports) = (over.clone(), taken.clone(), ports.to_vec());
            std::thread::spawn(move || submit_until(&over, &taken, &ports, number))
        };
        Load { submitters: (0..submitters).map(submitter).collect(), over, taken }
    }

    fn end(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        self.submitters.into_iter().flat_map(|submitter| submitter.join().unwrap()).collect()
    }
}

/// Submits under uuids of its own; one that is not answered is submitted there again.
fn submit_until(over: &AtomicBool, taken: &AtomicU64, ports: &[u16], number: u64) -> Vec<String> {
    let mut random: SmallRng = SmallRng::seed_from_u64(number);
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let uuid = uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string();
        let port = ports[random.random_range(0..ports.len())];
        let body = serde_json::json!({ "message": format!("from {number}"), "uuid": uuid }).to_string();
        for _ in 0..50 {
            match try_call("POST", port, "/messages", Some(body.as_bytes())) {
                Ok(answer) if answer.status == 201 || answer.status == 200 => {
                    acknowledged.push(uuid);
                    taken.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                _ if over.load(Ordering::Relaxed) => break,
                _ => pause(),
            }
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    acknowledged
}

/// How often a loop goes around: what the environment says, or a number for every day.
fn rounds(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Every node has every acknowledged message, each once.
fn everyone_has(servers: &[Server], mut acknowledged: Vec<String>) {
    acknowledged.sort();
    let limit = Duration::from_secs(60);
    for server in servers {
        let held = eventually_within(limit, "all messages are there", || {
            let held: Vec<String> = server.messages().iter().map(|message| message.uuid.to_string()).collect();
            let known: std::collections::BTreeSet<&String> = held.iter().collect();
            acknowledged.iter().all(|uuid| known.contains(uuid)).then(|| held.clone())
        });
        let mut once = held.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), held.len(), "a message is there twice on {}", server.port);
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_at_random_moments() {
    let mut network = Network::start(NODES);
    let load = Load::begin(&network.ports, 4);
    let mut random = SmallRng::seed_from_u64(rounds("GOSSIP_SEED_OF_KILLS", 1));
    let mut versions: BTreeMap<u16, u64> = BTreeMap::new();
    let kills = rounds("GOSSIP_KILLS", 24);
    for kill in 0..kills {
        let place = random.random_range(0..NODES);
        let before = load.taken.load(Ordering::Relaxed) + random.random_range(0..40);
        // The moment is that of one more message or another, so that it lies in the middle of the work.
        eventually("messages are taken", || (load.taken.load(Ordering::Relaxed) >= before).then_some(()));
        let port = network.ports[place];
        let last = network.servers[place].digest().version.max(versions.get(&port).copied().unwrap_or(0));
        network.kill(place);
        let version = eventually("it speaks again", || {
            Some(network.servers[place].digest().version).filter(|version| *version > 0)
        });
        assert!(version > last, "kill {kill}: node {port} was at {last} and is at {version}");
        versions.insert(port, version);
    }
    let acknowledged = load.end();
    assert!(acknowledged.len() as u64 >= kills, "{} messages", acknowledged.len());
    println!("{kills} kills, {} acknowledged messages", acknowledged.len());
    everyone_has(&network.servers, acknowledged);
    agree(&network.servers);
}

#[test]
fn what_was_acknowledged_survives_the_death_of_all_nodes_at_once() {
    let mut network = Network::start(NODES);
    let mut acknowledged = Vec::new();
    for cut in 0..rounds("GOSSIP_POWER_CUTS", 4) {
        let load = Load::begin(&network.ports, 4);
        let wanted = 50 + 13 * cut;
        eventually("messages are taken", || (load.taken.load(Ordering::Relaxed) >= wanted).then_some(()));
        let before: Vec<u64> = network.servers.iter().map(|server| server.digest().version).collect();
        network.kill_all();
        acknowledged.extend(load.end());
        for (server, before) in network.servers.iter().zip(before) {
            let version = eventually("it speaks again", || Some(server.digest().version).filter(|v| *v > 0));
            assert!(version > before, "node {} was at {before} and is at {version}", server.port);
        }
    }
    everyone_has(&network.servers, acknowledged);
    agree(&network.servers);
}

#[test]
fn a_node_alone_has_everything_again() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(1)[0];
    let arguments = ["--interval", "0", "--data-dir", folder.path().to_str().unwrap()];
    let node = Server::start_on(port, &arguments);
    let (first, second) = (node.submit("one"), node.submit("two"));
    let marks = format!(r#"{{"uuids":["{first}"]}}"#);
    assert_eq!(node.post("/messages/read", &marks).status, 200);
    assert_eq!(node.call("PUT", "/state", Some(br#"{"role":"db"}"#)).status, 200);
    let (before, messages) = (node.state(port).unwrap(), node.messages());
    node.crash();
    let node = Server::start_on(port, &arguments);
    let again = node.messages();
    assert_eq!(again.len(), 2);
    for (old, new) in messages.iter().zip(&again) {
        assert_eq!((old.uuid, old.version, &old.paths[0].path), (new.uuid, new.version, &new.paths[0].path));
        assert_eq!(old.received_at, new.received_at, "when it came is kept as well");
        assert_eq!(new.read, new.uuid.to_string() == first);
    }
    let after = eventually("it speaks", || node.state(port).filter(|state| state.version > before.version));
    assert_eq!(after.payload.get(), r#"{"role":"db"}"#);
    // A retry of what is known, after the crash: no second message.
    let retry = node.post("/messages", &format!(r#"{{"message":"two","uuid":"{second}"}}"#));
    assert_eq!(retry.status, 200, "{}", retry.body);
    assert_eq!(node.messages().len(), 2);
}

/// What a node says that does not start, with exit code 1.
fn refusal(port: u16, folder: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gossip_server"))
        .args(["--port", &port.to_string(), "--data-dir", folder.to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .expect("it runs and ends");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_directory_that_cannot_be_used_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Server::start(&["--interval", "0", "--data-dir", data.to_str().unwrap()]);
    let other = free_ports(1)[0];
    let said = refusal(other, &data);
    assert!(said.contains("another process uses it"), "{said}");
    let port = node.crash();
    let said = refusal(other, &data);
    assert!(said.contains(&port.to_string()) && said.contains(&other.to_string()), "{said}");
    std::fs::write(data.join("identity"), r#"{"format":7}"#).unwrap();
    let said = refusal(port, &data);
    assert!(said.contains("format 7"), "{said}");
    let said = refusal(port, Path::new("/proc/version/data"));
    assert!(said.contains("--data-dir") && said.contains("/proc/version"), "{said}");
}

#[test]
fn a_damaged_database_is_set_aside_and_the_node_recovers_from_its_peers() {
    let mut network = Network::start(3);
    let uuids: Vec<String> = (0..20).map(|n| network.servers[n % 3].submit(&format!("message {n}"))).collect();
    everyone_has(&network.servers, uuids.clone());
    let version = network.servers[2].digest().version;
    network.servers.remove(2).crash();
    let folder = network.folder.path().join("2");
    std::fs::write(folder.join("node.redb"), vec![7; 100_000]).unwrap();
    let node = network.node(2);
    network.servers.push(node);
    assert!(folder.join("node.redb.damaged-1").exists());
    everyone_has(&network.servers, uuids);
    agree(&network.servers);
    assert!(network.servers[2].digest().version > version);
}

#[test]
fn a_node_with_a_damaged_database_says_whether_anybody_is_there_to_fill_it() {
    let folder = tempfile::tempdir().unwrap();
    let (port, path) = (free_ports(1)[0], folder.path().to_str().unwrap());
    Server::start_on(port, &["--data-dir", path]).crash();
    for (more, said) in [(&[][..], "it was given no seed or peer"), (&["--seed", "1"], "what its seeds and peers hold")]
    {
        std::fs::write(folder.path().join("node.redb"), vec![7; 100_000]).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command.args(["--port", &port.to_string(), "--data-dir", path]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let line = Lines::of(child.stdout.take().unwrap()).next().unwrap_or_default();
        child.kill().unwrap();
        let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(line.contains("listens") && log.contains("is damaged") && log.contains(said), "{line}{log}");
    }
}

/// A disk of two megabytes that only the node's process sees, by a mount namespace of its own.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None` where the system allows no such thing.
    fn try_new() -> Option<SmallDisk> {
        let disk = SmallDisk { folder: tempfile::tempdir().unwrap() };
        disk.wrap("true", &[]).status().is_ok_and(|status| status.success()).then_some(disk)
    }

    /// A program on that disk.
    fn wrap(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        let script = r#"mount -t tmpfs -o size=6m none "$0" && exec "$@""#;
        command.args(["-rm", "sh", "-c", script]).arg(self.folder.path()).arg(program).args(arguments);
        command.stderr(Stdio::null());
        command
    }
}

#[test]
fn a_node_whose_disk_is_full_serves_refuses_and_recovers() {
    let Some(disk) = SmallDisk::try_new() else {
        println!("left out: this system gives no mount namespace");
        return;
    };
    let peer = Server::start(&["--interval", "0"]);
    let (seed, data) = (peer.port.to_string(), disk.folder.path().join("data"));
    let arguments = ["--interval", "0", "--seed", &seed, "--data-dir", data.to_str().unwrap()];
    let node = Server::start_by(|own| disk.wrap(env!("CARGO_BIN_EXE_gossip_server"), &[own, &arguments[..]].concat()));
    agree_among(&[&peer, &node]);
    let kept = node.submit("kept");
    // The file lies on the node's disk, which is reached through its process.
    let filler = format!("/proc/{}/root{}", node.pid(), disk.folder.path().join("filler").display());
    let fill = || {
        use std::io::Write;
        let mut file = std::fs::File::options().append(true).create(true).open(&filler).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    };
    fill();
    let text = "x".repeat(30_000);
    let refused = eventually("a submission is refused", || {
        let answer = node.post("/messages", &serde_json::json!({ "message": text }).to_string());
        fill();
        (answer.status != 201).then_some(answer)
    });
    assert_eq!(refused.status, 507, "{}", refused.body);
    assert!(refused.problem().detail.contains("full"), "{}", refused.body);
    let ready = node.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("full"), "{}", ready.body);
    // It goes on: it takes others' messages, and its peers hear of what it says.
    let through = peer.submit("while the disk is full");
    eventually("it takes messages of others", || {
        node.messages().iter().any(|message| message.uuid.to_string() == through).then_some(())
    });
    std::fs::remove_file(&filler).unwrap();
    eventually("it is ready again", || (node.get("/readyz").status == 200).then_some(()));
    let after = node.submit("after");
    agree_among(&[&peer, &node]);
    let held: Vec<String> = node.messages().iter().map(|message| message.uuid.to_string()).collect();
    assert!([kept, through, after].iter().all(|uuid| held.contains(uuid)));
}

#[test]
fn a_submitter_is_told_when_enough_nodes_hold_its_message() {
    let servers = crate::harness::network(5, &["--interval", "0", "--allow-fault-injection"]);
    let submit = |query: &str| servers[0].post(&format!("/messages?{query}"), r#"{"message":"to all"}"#);
    let answer = submit("acks=all&wait=10s");
    assert_eq!((answer.status, answer.json()["acks"].as_u64()), (201, Some(5)), "{}", answer.body);
    let uuid = answer.json()["uuid"].as_str().unwrap().to_owned();
    for server in &servers {
        assert_eq!(server.get(&format!("/messages/{uuid}")).status, 200);
    }
    assert!(submit("acks=3").json()["acks"].as_u64().unwrap() >= 3);
    for (query, field) in [
        ("acks=0", "acks"),
        ("acks=6", "acks"),
        ("acks=many", "acks"),
        ("acks=2&wait=2h", "wait"),
        ("acks=2&wait=soon", "wait"),
        ("wait=1s", "wait"),
    ] {
        let answer = submit(query);
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert_eq!(answer.problem().field.as_deref(), Some(field), "{query}: {}", answer.body);
    }
    // Cut off from everyone, it holds its message alone.
    let others: Vec<u16> = servers[1..].iter().map(|server| server.port).collect();
    let cut = serde_json::json!({ "cut": others }).to_string();
    assert_eq!(servers[0].call("PUT", "/faults", Some(cut.as_bytes())).status, 200);
    let answer = submit("acks=2&wait=300ms");
    assert_eq!((answer.status, answer.json()["acks"].as_u64()), (504, Some(1)), "{}", answer.body);
    let uuid = answer.json()["uuid"].as_str().unwrap().to_owned();
    assert_eq!(servers[0].call("DELETE", "/faults", None).status, 200);
    // The same again, under its uuid: no second message, and now it gets through.
    let body = format!(r#"{{"message":"to all","uuid":"{uuid}"}}"#);
    let answer = eventually("enough hold it", || {
        Some(servers[0].post("/messages?acks=2&wait=5s", &body)).filter(|answer| answer.status == 200)
    });
    assert!(answer.json()["acks"].as_u64().unwrap() >= 2);
}
