//! A Docker engine: the one that runs, or one of the test's own, and the image that is tested.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long an engine may take to start or to stop.
const ENGINE_TIME: Duration = Duration::from_secs(60);

/// A Docker engine. One that this test started is stopped when it is dropped.
pub struct Engine {
    /// What `DOCKER_HOST` must say; empty for the engine that is used anyway.
    pub host: String,
    own: Option<(Child, tempfile::TempDir)>,
    image: String,
}

impl Engine {
    /// The engine that runs, or a new one.
    ///
    /// # Errors
    /// Why there is none and none can be started.
    pub fn find_or_start() -> Result<Engine, String> {
        let image = format!("gossip_server:test-{}", std::process::id());
        let asked = Command::new("docker").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let runs = asked.map_err(|error| format!("docker: {error}"))?.success();
        if runs {
            return Ok(Engine { host: String::new(), own: None, image });
        }
        let folder = tempfile::Builder::new().prefix("gossip-engine-").tempdir().map_err(|error| error.to_string())?;
        let within = |name: &str| folder.path().join(name).display().to_string();
        let host = format!("unix://{}", within("docker.sock"));
        let log = File::create(within("log")).map_err(|error| error.to_string())?;
        let child = Command::new("dockerd")
            .args(["--data-root", &within("data"), "--exec-root", &within("exec"), "--pidfile", &within("pid")])
            // Its own networks are enough, and the usual bridge may be another engine's.
            .args(["--host", &host, "--bridge", "none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("dockerd: {error}"))?;
        let mut engine = Engine { host, own: Some((child, folder)), image };
        engine.await_start()?;
        Ok(engine)
    }

    fn await_start(&mut self) -> Result<(), String> {
        let end = Instant::now() + ENGINE_TIME;
        loop {
            let answers = self.command("docker").arg("version").output().is_ok_and(|output| output.status.success());
            if answers {
                return Ok(());
            }
            let Some((child, folder)) = &mut self.own else { return Ok(()) };
            let ended = child.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || Instant::now() > end {
                let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(3).collect();
                return Err(format!("dockerd does not start: {}", last.join(" | ")));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// A command that talks to this engine.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        if !self.host.is_empty() {
            command.env("DOCKER_HOST", &self.host);
        }
        command
    }

    /// What docker answers; it must succeed.
    #[track_caller]
    pub fn docker(&self, words: &[&str]) -> String {
        let output = self.command("docker").args(words).output().expect("docker runs");
        assert!(output.status.success(), "docker {words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Whether a container runs, and its exit code.
    pub fn state_of(&self, container: &str) -> String {
        let format = "{{.State.Status}} {{.State.ExitCode}}";
        self.docker(&["container", "inspect", "--format", format, container]).trim().to_owned()
    }

    /// Builds the image of a static server with the Dockerfile that is shipped.
    pub fn build_image(&self) -> String {
        let server = static_server();
        let built = self.command("bin/image").arg(&self.image).env("GOSSIP_STATIC_SERVER", server).output();
        let built = built.expect("bin/image runs");
        assert!(built.status.success(), "{built:?}");
        self.image.clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some((mut child, folder)) = self.own.take() else {
            // Somebody else's engine keeps nothing of this test.
            let _ = self.command("docker").args(["image", "rm", "--force", &self.image]).output();
            return;
        };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        let end = Instant::now() + ENGINE_TIME;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
        drop(folder);
    }
}

/// A server that needs nothing of the image it runs in: `GOSSIP_STATIC_SERVER`, or the one under test linked again.
///
/// Only the last step is done again, statically, with the crates that were compiled for the tests: a second build for
/// another target would take longer than all of this test.
fn static_server() -> PathBuf {
    if let Some(server) = std::env::var_os("GOSSIP_STATIC_SERVER") {
        return server.into();
    }
    let mut command = Command::new(env!("CARGO"));
    // What cargo tells a test of its package would look like another environment to build scripts, and all they feed would
    // be compiled again.
    for (name, _) in std::env::vars_os() {
        let told =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if told {
            command.env_remove(name);
        }
    }
    let linked = command
        .args(["rustc", "--quiet", "--example", "static_node", "--", "-C", "target-feature=+crt-static"])
        .args(["-C", "strip=symbols"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(linked.status.success(), "{linked:?}");
    Path::new(env!("CARGO_BIN_EXE_gossip_server")).with_file_name("examples").join("static_node")
}
