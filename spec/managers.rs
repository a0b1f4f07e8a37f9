//! What managers of services and containers are told: `--health`, and systemd's notifications (sd_notify(3)).

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{DEADLINE, Server, free_ports};

fn health(port: u16, flag: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
    command.args([flag, "--port", &port.to_string()]).output().expect("it runs")
}

#[test]
fn health_is_an_exit_code() {
    let alone = Server::start(&[]);
    // It asks for a seed that is not there, so it serves, but has met nobody.
    let seeking = Server::start(&["--seed", &free_ports(1)[0].to_string()]);
    for (port, flag, code, said) in [
        (alone.port, "--health", 0, ""),
        (alone.port, "--health=live", 0, ""),
        (seeking.port, "--health=live", 0, ""),
        (seeking.port, "--health", 1, "not ready"),
        (free_ports(1)[0], "--health", 1, "refused"),
        (0, "--health", 1, "--port 0"),
        (alone.port, "--health=well", 2, "ready, live"),
    ] {
        let output = health(port, flag);
        assert_eq!(output.status.code(), Some(code), "{flag} of {port}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{flag} of {port}: {output:?}");
    }
}

/// A service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Manager {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        Manager { socket, folder }
    }

    /// Waits at most `limit` for a notification that has this line, and passes over others.
    fn hears(&self, line: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut buffer = [0; 4096];
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left)).expect("a limit");
            let Ok(length) = self.socket.recv(&mut buffer) else { return false };
            let text = String::from_utf8_lossy(&buffer[..length]);
            if text.lines().any(|told| told == line) {
                return true;
            }
        }
        false
    }

    /// Whether nothing comes for so long, what is on its way aside.
    fn hears_nothing_for(&self, time: Duration) -> bool {
        let end = Instant::now() + DEADLINE;
        self.socket.set_read_timeout(Some(time)).expect("a limit");
        while Instant::now() < end {
            if self.socket.recv(&mut [0; 4096]).is_err() {
                return true;
            }
        }
        false
    }
}

#[test]
fn systemd_is_told_that_a_node_serves_lives_hangs_and_leaves() {
    let manager = Manager::new();
    let socket = manager.folder.path().join("notify").display().to_string();
    let watchdog = Duration::from_millis(400);
    let microseconds = watchdog.as_micros().to_string();
    let environment = [("NOTIFY_SOCKET", socket.as_str()), ("WATCHDOG_USEC", &microseconds)];
    let mut server = Server::start_by(|first| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gossip_server"));
        command.args(first).envs(environment);
        command
    });
    assert!(manager.hears("READY=1", DEADLINE), "it never says that it serves");
    for _ in 0..3 {
        assert!(manager.hears("WATCHDOG=1", DEADLINE), "it does not say that it lives");
    }
    server.signal(Signal::STOP);
    // What systemd would restart it for.
    assert!(manager.hears_nothing_for(watchdog), "a node that hangs says that it lives");
    server.signal(Signal::CONT);
    assert!(manager.hears("WATCHDOG=1", DEADLINE), "it does not go on");
    server.signal(Signal::TERM);
    assert!(manager.hears("STOPPING=1", DEADLINE), "it does not say that it leaves");
    assert!(server.exit_within(DEADLINE).is_some_and(|status| status.success()));
}

fn shipped(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_kustomization_names_this_version_and_every_manifest() {
    let kustomization = shipped("kubernetes/kustomization.yaml");
    assert!(kustomization.contains(&format!("newTag: {}\n", env!("CARGO_PKG_VERSION"))), "{kustomization}");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes");
    let names = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.file_name());
    let mut manifests: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    manifests.retain(|name| name != "kustomization.yaml");
    let mut named: Vec<&str> = kustomization.lines().filter_map(|line| line.strip_prefix("  - ")).collect();
    named.retain(|name| name.ends_with(".yaml"));
    manifests.sort_unstable();
    named.sort_unstable();
    assert_eq!(manifests, named);
}

#[test]
fn the_two_dockerfiles_end_alike() {
    let image = |text: &str| text.split_once("\nFROM scratch\n").expect("an image from scratch").1.to_owned();
    let inside = image(&shipped("Dockerfile")).replace("COPY --from=build /gossip_server", "COPY gossip_server");
    assert_eq!(inside, image(&shipped("Dockerfile.copy")));
}
