//! Real node processes on free ports, killed when a test ends, and what tests ask them.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gossip_network::wire::{DigestReport, MessageReport, Problem, StateReport};
use serde_json::Value;

use crate::lines::Lines;

/// How long a test waits for what must happen at all.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// One running `gossip_server`.
pub struct Server {
    child: Child,
    pub port: u16,
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn problem(&self) -> Problem {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no problem ({error}): {}", self.body))
    }
}

impl Server {
    /// Starts a node on a free port and waits until it serves.
    pub fn start(arguments: &[&str]) -> Server {
        Server::start_on(0, arguments)
    }

    /// The same on a given port.
    pub fn start_on(port: u16, arguments: &[&str]) -> Server {
        Server::start_program(OsStr::new(env!("CARGO_BIN_EXE_gossip_server")), port, arguments)
    }

    /// The same with another program, which may be of another age.
    pub fn start_program(program: &OsStr, port: u16, arguments: &[&str]) -> Server {
        let server = Server::spawn_program(program, port, arguments);
        server.await_service();
        server
    }

    /// The same by another program that becomes the node; it is told the node's first arguments.
    pub fn start_by(command: impl FnOnce(&[&str]) -> Command) -> Server {
        let server = Server::spawn(&mut command(&["--port", "0", "--log-level", "off"]));
        server.await_service();
        server
    }

    /// A node that listens, and may not serve yet.
    pub fn spawn_on(port: u16, arguments: &[&str]) -> Server {
        Server::spawn_program(OsStr::new(env!("CARGO_BIN_EXE_gossip_server")), port, arguments)
    }

    /// The same of another program.
    pub fn spawn_program(program: &OsStr, port: u16, arguments: &[&str]) -> Server {
        let port = port.to_string();
        Server::spawn(Command::new(program).args(["--port", &port, "--log-level", "off"]).args(arguments))
    }

    fn await_service(&self) {
        let port = self.port;
        eventually("the node serves", || (try_call("GET", port, "/livez", None).ok()?.status == 200).then_some(()));
    }

    fn spawn(command: &mut Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the node starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let line = Lines::of(stdout).next().unwrap_or_default();
        let port = line.trim().trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        Server { child, port }
    }

    /// A node that asks `seed` first.
    pub fn join(seed: &Server, arguments: &[&str]) -> Server {
        let seed = seed.port.to_string();
        Server::start(&[&["--seed", &seed], arguments].concat())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, Some(body.as_bytes()))
    }

    pub fn call(&self, method: &str, path: &str, body: Option<&[u8]>) -> Answer {
        try_call(method, self.port, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Asks as our own programs do, and so gets every byte of a payload as it is.
    fn ask(&self, path: &str) -> Answer {
        exchange("GET", self.port, path, None, "gossip").unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    pub fn peers(&self) -> Vec<u16> {
        serde_json::from_str(&self.ask("/peers/").body).expect("ids")
    }

    pub fn digest(&self) -> DigestReport {
        serde_json::from_str(&self.ask("/state?digest").body).expect("a digest")
    }

    pub fn state(&self, id: u16) -> Option<StateReport> {
        let answer = self.ask(&format!("/state/{id}"));
        (answer.status == 200).then(|| serde_json::from_str(&answer.body).expect("a state"))
    }

    pub fn messages(&self) -> Vec<MessageReport> {
        serde_json::from_str(&self.ask("/messages?limit=100000").body).expect("messages")
    }

    /// Submits a text and returns its uuid.
    pub fn submit(&self, text: &str) -> String {
        let answer = self.post("/messages", &serde_json::json!({ "message": text }).to_string());
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["uuid"].as_str().expect("a uuid").to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("the signal is sent");
    }

    /// kill -9, and gone.
    pub fn crash(mut self) -> u16 {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
        self.port
    }

    /// The exit status, if it comes within `limit`.
    pub fn exit_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return Some(status);
            }
            if Instant::now() > end {
                return None;
            }
            pause();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP exchange, as any program might have it.
pub fn try_call(method: &str, port: u16, path: &str, body: Option<&[u8]>) -> Result<Answer, ureq::Error> {
    exchange(method, port, path, body, "test")
}

fn exchange(method: &str, port: u16, path: &str, body: Option<&[u8]>, agent_name: &str) -> Result<Answer, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .http_status_as_error(false)
        .user_agent(agent_name)
        .build()
        .into();
    let request = ureq::http::Request::builder().method(method).uri(format!("http://127.0.0.1:{port}{path}"));
    let mut response = match body {
        Some(body) => agent.run(request.header("content-type", "application/json").body(body)?)?,
        None => agent.run(request.body(())?)?,
    };
    Ok(Answer {
        status: response.status().as_u16(),
        body: response.body_mut().with_config().limit(1 << 28).read_to_string()?,
    })
}

/// Polls until `look` finds something, or the deadline passes.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_within(DEADLINE, what, look)
}

/// The same with another deadline.
pub fn eventually_within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        pause();
    }
}

/// Ports that nobody listens on at present.
pub fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// The pause between two polls.
pub fn pause() {
    std::thread::park_timeout(Duration::from_millis(20));
}

/// Waits until all nodes hold the same, know that exactly these live, and each has spoken.
pub fn agree(servers: &[Server]) {
    agree_among(&servers.iter().collect::<Vec<_>>());
}

/// The same of a part of the nodes.
pub fn agree_among(servers: &[&Server]) {
    let mut last = String::new();
    let end = Instant::now() + DEADLINE;
    loop {
        let digests: Vec<DigestReport> = servers.iter().map(|server| server.digest()).collect();
        let same =
            digests.windows(2).all(|pair| pair[0].hash == pair[1].hash && pair[0].live_hash == pair[1].live_hash);
        if same && digests.iter().all(|digest| digest.version > 0 && digest.live == servers.len()) {
            return;
        }
        if Instant::now() > end {
            for digest in &digests {
                last += &format!(
                    "\n{} v{} live {} peers {:?} hash {:x}",
                    digest.id, digest.version, digest.live, digest.peers, digest.hash
                );
            }
            panic!("{} nodes do not agree within {DEADLINE:?}:{last}", servers.len());
        }
        pause();
    }
}

/// A network grown from one seed; the first node is the seed.
pub fn network(size: usize, arguments: &[&str]) -> Vec<Server> {
    let mut servers = vec![Server::start(arguments)];
    for _ in 1..size {
        servers.push(Server::join(&servers[0], arguments));
    }
    agree(&servers);
    servers
}
