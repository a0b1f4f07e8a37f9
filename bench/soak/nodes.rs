//! The network's processes: started on fixed ports with a directory each, killed, started again, and asked.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gossip_network::wire::{DigestReport, MessageReport, StateReport};
use redb::{ReadableDatabase, ReadableTableMetadata, TableHandle};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One node, which may be dead at present.
pub struct Node {
    pub port: u16,
    pub directory: PathBuf,
    /// Which of its lives this is, from 1 on.
    pub life: u32,
    child: Option<Child>,
    arguments: Vec<String>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Node {
    pub fn start(port: u16, seeds: &[u16], log: usize, directory: PathBuf) -> Node {
        let mut arguments = vec!["--port".to_owned(), port.to_string(), "--allow-fault-injection".to_owned()];
        for seed in seeds {
            arguments.extend(["--seed".to_owned(), seed.to_string()]);
        }
        arguments.extend(["--interval", "10s", "--log-level", "error", "--max-messages"].map(str::to_owned));
        arguments.extend([log.to_string(), "--data-dir".to_owned(), directory.display().to_string()]);
        let mut node = Node { port, directory, life: 0, child: None, arguments };
        node.restart();
        node
    }

    pub fn restart(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.spawn().expect("the node starts"));
        self.life += 1;
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn is_up(&self) -> bool {
        self.child.is_some()
    }

    /// Whether it ended although nobody killed it.
    pub fn has_died(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

/// Asks nodes over HTTP; what is not answered is `None`.
pub struct Asker {
    agent: ureq::Agent,
}

impl Asker {
    pub fn new() -> Asker {
        let limit = Some(Duration::from_secs(5));
        Asker { agent: ureq::Agent::config_builder().timeout_global(limit).user_agent("gossip").build().into() }
    }

    fn get<T: DeserializeOwned>(&self, node: &Node, path: &str) -> Option<T> {
        let mut answer = self.agent.get(format!("http://127.0.0.1:{}{path}", node.port)).call().ok()?;
        let text = answer.body_mut().with_config().limit(1 << 28).read_to_string().ok()?;
        serde_json::from_str(&text).ok()
    }

    pub fn digest(&self, node: &Node) -> Option<DigestReport> {
        self.get(node, "/state?digest")
    }

    pub fn states(&self, node: &Node) -> Option<std::collections::BTreeMap<String, StateReport>> {
        self.get(node, "/state")
    }

    /// What arrived at a node since a time (RFC 3339), or all.
    pub fn messages(&self, node: &Node, since: Option<&str>) -> Option<Vec<MessageReport>> {
        let since = since.map_or_else(String::new, |since| format!("&since={since}"));
        self.get(node, &format!("/messages?limit=100000{since}"))
    }

    /// Submits a text; its uuid if it was acknowledged.
    pub fn submit(&self, node: &Node, text: &str) -> Option<uuid::Uuid> {
        let body = json!({ "message": text }).to_string();
        let url = format!("http://127.0.0.1:{}/messages", node.port);
        let mut answer = self.agent.post(url).content_type("application/json").send(body).ok()?;
        let value: Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
        value["uuid"].as_str()?.parse().ok()
    }

    /// Whether the node took the order to hear nothing of these.
    pub fn cut(&self, node: &Node, others: &[u16]) -> bool {
        let body = json!({ "cut": others }).to_string();
        let url = format!("http://127.0.0.1:{}/faults", node.port);
        self.agent.put(url).content_type("application/json").send(body).is_ok()
    }
}

/// Ports that nobody listens on at present.
pub fn free_ports(count: usize) -> Vec<u16> {
    let listen = |_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let held: Vec<_> = (0..count).map(listen).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// Bytes of all files in a directory.
pub fn size_of(directory: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(directory) else { return 0 };
    files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// Messages in the database of a node that does not run.
pub fn messages_on_disk(directory: &Path) -> Result<u64, redb::Error> {
    let database = redb::Database::open(directory.join("node.redb"))?;
    let read = database.begin_read()?;
    match read.list_tables()?.find(|table| table.name() == "messages") {
        Some(messages) => Ok(read.open_untyped_table(messages)?.len()?),
        None => Ok(0),
    }
}
