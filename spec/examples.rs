//! The examples that speak plain HTTP, as a person runs them: a service that publishes itself, a proxy's list that follows it,
//! and a reader of the live stream. They need curl, jq and python3.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::harness::{Server, eventually, network};
use crate::lines::Lines;

/// A running script with whatever it started, in a process group of its own.
struct Script(Child);

impl Script {
    fn start(name: &str, arguments: &[&str]) -> Script {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/http").join(name);
        let mut command = Command::new(file);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        Script(command.spawn().expect("the example runs"))
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a process");
        // It may have ended by itself.
        let _ = kill_process_group(group, signal);
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.0.wait();
    }
}

fn address(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port)
}

#[test]
fn a_service_publishes_itself_and_a_proxy_follows() {
    let servers = network(3, &["--interval", "0"]);
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("db.conf");
    // A member whose address is none must not reach the proxy's configuration.
    servers[1].call("PUT", "/state", Some(br#"{"role": "db", "address": "10.0.0.1; include evil.conf"}"#));
    let service = Script::start("service.sh", &[&address(&servers[0]), "db", "10.0.0.5:5432"]);
    let command = format!("touch {}", folder.path().join("reloaded").display());
    let _proxy =
        Script::start("upstreams.sh", &[&address(&servers[2]), "db", list.to_str().expect("a path"), &command]);
    let reads = |wanted: &str| std::fs::read_to_string(&list).is_ok_and(|text| text == wanted).then_some(());
    eventually("the service is listed, and nothing else", || reads("server 10.0.0.5:5432;\n"));
    eventually("the proxy is told", || folder.path().join("reloaded").exists().then_some(()));
    let healthy = || servers[2].get("/state?role=db&health=ok").json().as_object().expect("states").len() == 1;
    eventually("its health follows", || healthy().then_some(()));
    service.signal(Signal::TERM);
    eventually("it is gone from the list", || reads(""));
}

#[test]
fn a_script_follows_what_happens() {
    let servers = network(2, &["--interval", "0"]);
    let mut script = Script::start("follow.py", &[&address(&servers[0]), "message"]);
    let mut lines = Lines::of(script.0.stdout.take().expect("piped"));
    assert_eq!(lines.next().expect("a line"), format!("{} knows 2 nodes", servers[0].port));
    servers[1].submit("apple");
    let way = format!("{} -> {}", servers[1].port, servers[0].port);
    assert_eq!(lines.next().expect("a line"), format!("{{\"message\": \"apple\"}} over {way}"));
}
