//! Who may take part: tokens, certificates and signatures, with real processes, and intruders who lack them.

mod encryption;
mod joining;
mod signing;
mod tls;
mod tokens;
mod upgrade;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gossip_network::http::{CallError, Client, Tls, TlsFiles, Tokens, Verb};
use rustix::process::Signal;

use crate::harness::{Answer, Server, eventually};
use crate::lines::Lines;

/// Calls nodes as a program of ours does, with whatever it has to show.
struct Visitor {
    tls: Option<TlsFiles>,
    token: Option<PathBuf>,
}

impl Visitor {
    fn plain() -> Visitor {
        Visitor { tls: None, token: None }
    }

    fn with_token(self, file: &Path) -> Visitor {
        Visitor { token: Some(file.to_owned()), ..self }
    }

    fn call(&self, verb: Verb, port: u16, path: &str, body: &str) -> Result<Answer, CallError> {
        self.call_at(verb, &format!("127.0.0.1:{port}"), path, body)
    }

    fn call_at(&self, verb: Verb, address: &str, path: &str, body: &str) -> Result<Answer, CallError> {
        actix_rt::System::new().block_on(async {
            let tls = self.tls.clone().map(|files| Tls::load(files).expect("certificates"));
            let client = Client::over(tls.map(|tls| tls.client_config().expect("a configuration")));
            let tokens = self.token.as_ref().map(|file| Tokens::read(file).expect("tokens"));
            client.set_token(tokens.map(|tokens| tokens.to_send()).as_ref());
            let limit = Duration::from_secs(5);
            let called = client.call(verb, address, path, body.as_bytes().to_vec(), limit).await;
            called.map(|(status, body)| Answer { status, body: String::from_utf8(body).expect("text") })
        })
    }

    fn get(&self, port: u16, path: &str) -> Answer {
        self.call(Verb::Get, port, path, "").unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    fn post(&self, port: u16, path: &str, body: &str) -> Answer {
        self.call(Verb::Post, port, path, body).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    fn peers(&self, port: u16) -> Vec<u16> {
        serde_json::from_str(&self.get(port, "/peers/").body).expect("ids")
    }

    /// A member of what the node holds in short.
    fn digest(&self, port: u16, pointer: &str) -> serde_json::Value {
        let digest = self.get(port, "/state?digest").json();
        digest.pointer(pointer).cloned().unwrap_or_default()
    }

    /// Waits until these nodes hold the same, and know that just they live.
    fn agree(&self, servers: &[Server]) {
        eventually("all agree", || {
            let digests: Vec<_> = servers.iter().map(|server| self.get(server.port, "/state?digest").json()).collect();
            let same = digests.windows(2).all(|pair| pair[0]["hash"] == pair[1]["hash"]);
            (same && digests.iter().all(|digest| digest["live"] == servers.len())).then_some(())
        });
    }
}

fn hang_up(servers: &[Server]) {
    servers.iter().for_each(|server| server.signal(Signal::HUP));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// What a node that was started with these flags says on stderr before it serves.
fn warnings(flags: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
    command.args(["--port", "0"]).args(flags).env("GOSSIP_LOG_LEVEL", "off");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let line = Lines::of(child.stdout.take().expect("piped")).next().unwrap_or_default();
    let port = line.trim().trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
    // What is said at the start has been said once it serves.
    eventually("it serves", || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
    eventually("it answers or wants TLS", || {
        Visitor::plain()
            .call(Verb::Get, port, "/livez", "")
            .map_or_else(|error| (error != CallError::Refused).then_some(()), |_| Some(()))
    });
    child.kill().expect("killed");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn an_open_door_is_announced_with_both_flags() {
    let open = warnings(&["--bind", "0.0.0.0", "--advertise", "db1.example:7000"]);
    assert!(open.contains("warning") && open.contains("--tls-cert") && open.contains("--token-file"), "{open}");
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    tokens::write(&token, &["a-token"]);
    let half = warnings(&["--bind", "0.0.0.0", "--advertise", "db1.example:7000", "--token-file", text(&token)]);
    assert!(half.contains("without TLS") && half.contains("--tls-cert"), "{half}");
    assert_eq!(warnings(&[]), "", "a node on loopback needs no warning");
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let exposed = warnings(&["--token-file", text(&token)]);
    assert!(exposed.contains("mode 644") && exposed.contains("chmod 600"), "{exposed}");
}
