//! A stand-in for Maelstrom's network: processes, lines between them, delays, cuts and counts.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a test waits for what must happen at all.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A time in which messages between some nodes and the others are lost; measured from the workload's beginning.
pub struct Cut {
    from: Duration,
    until: Duration,
    apart: Box<dyn Fn(usize) -> bool>,
}

impl Cut {
    /// Cuts the nodes for which `apart` holds from those for which it does not.
    pub fn new(from: Duration, until: Duration, apart: impl Fn(usize) -> bool + 'static) -> Cut {
        Cut { from, until, apart: Box::new(apart) }
    }

    fn parts(&self, since: Duration, a: usize, b: usize) -> bool {
        (self.from..self.until).contains(&since) && (self.apart)(a) != (self.apart)(b)
    }
}

/// A line on its way to a node. Ordered so that the heap's greatest is the one that is due first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    due: std::cmp::Reverse<(Instant, u64)>,
    from: usize,
    to: usize,
    line: String,
}

/// What a node said to a client.
pub struct Said {
    pub node: usize,
    pub at: Instant,
    pub body: Value,
}

/// Processes of the example, and the network between them.
pub struct Router {
    children: Vec<(Child, ChildStdin)>,
    lines: Receiver<(usize, String)>,
    delay: Duration,
    flying: BinaryHeap<Flying>,
    routed: u64,
    /// When the workload began, and what is cut since.
    pub cuts: (Option<Instant>, Vec<Cut>),
    /// Messages between nodes that were sent, by type.
    pub sent: BTreeMap<String, u64>,
    /// Those of them that a cut swallowed.
    pub cut_off: u64,
    /// When each value first came to each node.
    pub arrivals: HashMap<u64, HashMap<usize, Instant>>,
}

impl Router {
    /// Starts so many processes, tells each who it is, and waits until all have taken a topology.
    pub fn start(nodes: usize, delay: Duration, arguments: &[&str]) -> Router {
        let program = program();
        let (send, lines) = mpsc::channel();
        let mut children = Vec::new();
        for node in 0..nodes {
            let mut child = Command::new(&program)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the example starts");
            let (stdin, stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if send.send((node, line)).is_err() {
                        return;
                    }
                }
            });
            children.push((child, stdin));
        }
        let mut router = Router {
            children,
            lines,
            delay,
            flying: BinaryHeap::new(),
            routed: 0,
            cuts: (None, Vec::new()),
            sent: BTreeMap::new(),
            cut_off: 0,
            arrivals: HashMap::new(),
        };
        router.set_up(nodes);
        router
    }

    fn set_up(&mut self, nodes: usize) {
        let names: Vec<String> = (0..nodes).map(|node| format!("n{node}")).collect();
        for node in 0..nodes {
            let init = json!({"type": "init", "msg_id": 1, "node_id": names[node], "node_ids": names});
            assert_eq!(self.ask(node, &init.to_string())["body"]["type"], "init_ok");
        }
        // A line of nodes is proposed, which nobody follows.
        let topology: BTreeMap<&String, Vec<&String>> =
            names.iter().zip(names.iter().skip(1)).map(|(a, b)| (a, vec![b])).collect();
        let topology = json!({"type": "topology", "msg_id": 2, "topology": topology}).to_string();
        for node in 0..nodes {
            self.tell(node, &topology);
        }
        let mut taken = 0;
        let ends = Instant::now() + DEADLINE;
        while taken < nodes {
            assert!(Instant::now() < ends, "only {taken} nodes took the topology");
            taken += usize::from(self.step(ends).is_some_and(|said| said.body["type"] == "topology_ok"));
        }
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.children.len()
    }

    /// Sends a client's request; clients are near their nodes, so nothing delays it.
    pub fn tell(&mut self, node: usize, body: &str) {
        self.write(node, &format!("{{\"src\":\"c1\",\"dest\":\"n{node}\",\"body\":{body}}}"));
    }

    /// Sends a client's request and waits for the answer.
    pub fn ask(&mut self, node: usize, body: &str) -> Value {
        self.tell(node, body);
        let ends = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < ends, "n{node} does not answer {body}");
            if let Some(said) = self.step(ends) {
                return json!({"node": said.node, "body": said.body});
            }
        }
    }

    fn write(&mut self, node: usize, line: &str) {
        let stdin = &mut self.children[node].1;
        writeln!(stdin, "{line}")
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|error| panic!("n{node} is gone: {error}"));
    }

    /// Routes until a node says something to a client, or until `ends`.
    pub fn step(&mut self, ends: Instant) -> Option<Said> {
        loop {
            self.deliver();
            let next = self.flying.peek().map_or(ends, |flying| flying.due.0.0.min(ends));
            let received = self.lines.recv_timeout(next.saturating_duration_since(Instant::now()));
            if let Ok((node, line)) = received
                && let Some(said) = self.route(node, line)
            {
                return Some(said);
            }
            if Instant::now() >= ends {
                return None;
            }
        }
    }

    /// Sends a node's line on its way; gives it back if it is for a client.
    fn route(&mut self, from: usize, line: String) -> Option<Said> {
        let at = Instant::now();
        let mut value: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("n{from}: {error}: {line}"));
        assert_eq!(value["src"], format!("n{from}"), "{line}");
        let to = value["dest"].as_str().and_then(|dest| dest.strip_prefix('n')).and_then(|dest| dest.parse().ok());
        let Some(to) = to else { return Some(Said { node: from, at, body: value["body"].take() }) };
        let kind = match value["body"]["path"].as_str() {
            Some(path) => format!("{} {path}", value["body"]["method"].as_str().unwrap_or_default()),
            None => "replies".to_owned(),
        };
        *self.sent.entry(kind).or_default() += 1;
        self.routed += 1;
        self.flying.push(Flying { due: std::cmp::Reverse((at + self.delay, self.routed)), from, to, line });
        None
    }

    fn deliver(&mut self) {
        while self.flying.peek().is_some_and(|flying| flying.due.0.0 <= Instant::now())
            && let Some(Flying { from, to, line, .. }) = self.flying.pop()
        {
            let since = self.cuts.0.map_or(Duration::ZERO, |began| began.elapsed());
            if self.cuts.1.iter().any(|cut| cut.parts(since, from, to)) {
                self.cut_off += 1;
                continue;
            }
            self.write(to, &line);
            let mut values = Vec::new();
            collect(&serde_json::from_str(&line).unwrap_or_default(), &mut values);
            for value in values {
                self.arrivals.entry(value).or_default().entry(to).or_insert_with(Instant::now);
            }
        }
    }
}

/// The values in the messages that a line carries, wherever they stand.
fn collect(json: &Value, values: &mut Vec<u64>) {
    match json {
        Value::Object(members) => {
            values.extend(members.get("payload").and_then(|payload| payload["message"].as_u64()));
            members.values().for_each(|member| collect(member, values));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        for (child, _) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The example beside this test, built if it is not there or is older than its sources.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let profile = test.ancestors().nth(2).expect("tests lie in deps/ of a profile's folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", "maelstrom"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo runs").success(), "the example does not build");
    profile.join("examples").join("maelstrom")
}
