//! A person's terminal: types commands, sees what is printed and the exit code, and leaves nothing running.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for what must happen at all.
const DEADLINE: Duration = Duration::from_secs(20);

/// Ports of one test; below those that the system gives to clients.
const BLOCK: u16 = 64;
const FIRST_PORT: u16 = 10_000;
const BLOCKS: u16 = 340;

static NEXT_BLOCK: AtomicU16 = AtomicU16::new(0);

/// A folder to work in, a registry, and ports for networks.
pub struct Terminal {
    folder: tempfile::TempDir,
    pub base_port: u16,
    /// What is in its environment beside the usual.
    pub variables: Vec<(&'static str, String)>,
}

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Terminal {
    pub fn new() -> Terminal {
        Terminal { folder: tempfile::tempdir().expect("a folder"), base_port: free_block(), variables: Vec::new() }
    }

    /// A terminal with a running network of this shape.
    pub fn with_network(shape: &str) -> Terminal {
        let terminal = Terminal::new();
        terminal.start(shape).ok();
        terminal
    }

    /// Starts a network on this terminal's ports.
    pub fn start(&self, line: &str) -> Outcome {
        self.run(&format!("start-network --base-port {} {line}", self.base_port))
    }

    /// Types a command without quotes.
    pub fn run(&self, line: &str) -> Outcome {
        self.run_words(&line.split_whitespace().collect::<Vec<_>>(), b"")
    }

    /// Types a command, and its input.
    pub fn run_words(&self, words: &[&str], input: &[u8]) -> Outcome {
        self.run_program(Path::new(env!("CARGO_BIN_EXE_gossip")), words, input)
    }

    /// Runs any program in this terminal.
    pub fn run_program(&self, program: &Path, words: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.command(program);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A program that does not read its input closes it; that is no failure of the test.
        let _ = child.stdin.take().expect("piped").write_all(input);
        let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Outcome { code: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
    }

    /// A program in this terminal's surroundings.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path());
        command.env("GOSSIP_HOME", self.home()).env("GOSSIP_BIN_DIR", programs()).env("TZ", "UTC");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Where networks are written down.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The process of a node.
    pub fn pid(&self, node: u16) -> i32 {
        let status = self.run("status -o json").ok().json();
        let row = status.as_array().expect("rows").iter().find(|row| row["node"] == node);
        let pid = row.and_then(|row| row["pid"].as_i64()).unwrap_or_else(|| panic!("no pid of {node} in {status}"));
        i32::try_from(pid).expect("a pid")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.home()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_gossip")));
            // Most are stopped already.
            let _ = command.arg("stop-network").arg("--name").arg(name).output();
        }
    }
}

impl Outcome {
    /// It went well.
    #[track_caller]
    pub fn ok(self) -> Outcome {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It ended with this code and said this.
    #[track_caller]
    pub fn fails(self, code: i32, said: &str) -> Outcome {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(said), "{said:?} is not in {self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self
    }

    /// What was printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What was printed, line by line.
    pub fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }
}

/// Where the programs are.
fn programs() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_gossip_server"));
    server.parent().expect("a folder").to_owned()
}

/// Polls until `look` finds something, or the deadline passes.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A base port above which nobody listens. Other test processes start their search elsewhere.
fn free_block() -> u16 {
    let elsewhere = (std::process::id() % u32::from(BLOCKS)) as u16;
    for _ in 0..BLOCKS {
        let block = (NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) + elsewhere) % BLOCKS;
        let base = FIRST_PORT + block * BLOCK;
        if (base..base + BLOCK).all(is_free) {
            return base;
        }
    }
    panic!("no {BLOCK} free ports in a row");
}

/// Whether a network could use this port.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
