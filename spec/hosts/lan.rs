//! A switch with hosts: network namespaces that `ip` makes, gone when the test ends.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

/// One host: a namespace, and the node that runs there.
pub struct Host {
    namespace: String,
    node: Option<Child>,
}

/// Hosts on one switch. Host `i` has 10.99.0.(i+1) and fd99::(i+1), the switch 10.99.0.254.
pub struct Lan {
    switch: String,
    pub hosts: Vec<Host>,
}

/// Runs `ip`; what went wrong in words.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new("ip").args(arguments).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if ran.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&ran.stderr).trim()))
}

fn must(arguments: &[&str]) {
    ip(arguments).unwrap_or_else(|error| panic!("{error}"));
}

fn names_of(namespace: &str) -> PathBuf {
    PathBuf::from("/etc/netns").join(namespace)
}

impl Lan {
    /// A switch with so many hosts, or nothing where namespaces cannot be made.
    pub fn of(hosts: usize) -> Option<Lan> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("gossip{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        if let Err(error) = ip(&["netns", "add", &name]) {
            eprintln!("\n*** SKIPPED, NOT PASSED: no network namespaces can be made here: {error} ***\n");
            return None;
        }
        let mut lan = Lan { switch: name, hosts: Vec::new() };
        let switch = lan.switch.clone();
        must(&["-n", &switch, "link", "add", "br0", "type", "bridge"]);
        must(&["-n", &switch, "address", "add", "10.99.0.254/24", "dev", "br0"]);
        must(&["-n", &switch, "link", "set", "br0", "up"]);
        for i in 0..hosts {
            lan.add_host(i);
        }
        Some(lan)
    }

    fn add_host(&mut self, i: usize) {
        let (switch, namespace, port) = (&self.switch, format!("{}-{i}", self.switch), format!("port{i}"));
        must(&["netns", "add", &namespace]);
        self.hosts.push(Host { namespace: namespace.clone(), node: None });
        must(&["-n", switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace]);
        must(&["-n", switch, "link", "set", &port, "master", "br0", "up"]);
        let (v4, v6) = (format!("10.99.0.{}/24", i + 1), format!("fd99::{}/64", i + 1));
        must(&["-n", &namespace, "address", "add", &v4, "dev", "eth0"]);
        must(&["-n", &namespace, "address", "add", &v6, "dev", "eth0", "nodad"]);
        must(&["-n", &namespace, "link", "set", "lo", "up"]);
        must(&["-n", &namespace, "link", "set", "eth0", "up"]);
        std::fs::create_dir_all(names_of(&namespace)).expect("a directory for its names");
        std::fs::write(names_of(&namespace).join("hosts"), "").expect("a file of names");
    }

    /// What the names mean on all hosts from now on. The files are rewritten in place, as running nodes look at them.
    pub fn set_names(&self, names: &[(&str, &[&str])]) {
        let lines = names.iter().flat_map(|(name, all)| all.iter().map(move |address| format!("{address} {name}\n")));
        let text: String = lines.collect();
        for host in &self.hosts {
            std::fs::write(names_of(&host.namespace).join("hosts"), &text).expect("the names are written");
        }
    }

    /// Pulls the cable.
    pub fn unplug(&self, host: usize) {
        must(&["-n", &self.switch, "link", "set", &format!("port{host}"), "down"]);
    }

    /// Plugs it in again.
    pub fn plug_in(&self, host: usize) {
        must(&["-n", &self.switch, "link", "set", &format!("port{host}"), "up"]);
    }

    /// Gives a host another address instead of the one it had.
    pub fn move_host(&self, host: usize, from: &str, to: &str) {
        let namespace = &self.hosts[host].namespace;
        // In this order: with the first address of a network go all its others.
        must(&["-n", namespace, "address", "del", from, "dev", "eth0"]);
        must(&["-n", namespace, "address", "add", to, "dev", "eth0"]);
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let hosts = std::mem::take(&mut self.hosts);
        let namespaces = hosts.iter().map(|host| host.namespace.clone()).chain([self.switch.clone()]);
        let namespaces: Vec<String> = namespaces.collect();
        drop(hosts);
        for namespace in namespaces {
            if let Err(error) = ip(&["netns", "delete", &namespace]) {
                eprintln!("{error}");
            }
            // The switch has no names.
            let _ = std::fs::remove_dir_all(names_of(&namespace));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            // It may have ended by itself.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

impl Host {
    /// Starts a node on port 7000 here and waits until it serves.
    pub fn start(&mut self, arguments: &[&str]) {
        let node = Command::new("ip")
            .args(["netns", "exec", &self.namespace, env!("CARGO_BIN_EXE_gossip_server"), "--port", "7000"])
            .args(["--log-level", "off"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the node starts");
        self.node = Some(node);
        let end = Instant::now() + Duration::from_secs(10);
        while self.get("/livez").is_none() {
            assert!(Instant::now() < end, "the node on {} does not serve", self.namespace);
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Does something on this host.
    fn here<R: Send>(&self, act: impl FnOnce() -> R + Send) -> R {
        let namespace = File::open(format!("/run/netns/{}", self.namespace)).expect("the namespace");
        // Only the thread that moves is on the host.
        std::thread::scope(|scope| {
            let on_host = scope.spawn(move || {
                move_into_link_name_space(rustix::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))
                    .expect("the thread moves");
                act()
            });
            on_host.join().expect("it is done")
        })
    }

    /// Asks the node at whichever address it listens.
    fn exchange(&self, path: &str, body: Option<String>) -> Option<String> {
        let number = self.namespace.rsplit('-').next().and_then(|i| i.parse::<u32>().ok()).expect("a number") + 1;
        self.here(move || {
            let limit = Some(Duration::from_secs(3));
            let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(limit).build().into();
            ["127.0.0.1".to_owned(), format!("[fd99::{number}]")].iter().find_map(|address| {
                let url = format!("http://{address}:7000{path}");
                let answer = match &body {
                    None => agent.get(url).call(),
                    Some(body) => agent.post(url).content_type("application/json").send(body),
                };
                answer.ok()?.body_mut().read_to_string().ok()
            })
        })
    }

    /// The body of the answer, if there is a good one.
    pub fn get(&self, path: &str) -> Option<String> {
        self.exchange(path, None)
    }

    /// Submits a text and returns its uuid.
    pub fn submit(&self, text: &str) -> String {
        let answer = self.exchange("/messages", Some(serde_json::json!({ "message": text }).to_string()));
        let value: Value = serde_json::from_str(&answer.expect("an answer")).expect("JSON");
        value["uuid"].as_str().expect("a uuid").to_owned()
    }
}
