//! Nodes in containers: started with Docker Compose, ended and looked at with `docker`.
//!
//! A node's id is its container's name and port there, and only the containers' own network knows it; on this machine the
//! same port of 127.0.0.1 leads to it. The record of the network holds both (`advertised` and `port` of each node).
//! What this folder makes: one Compose project per network, whose file lies beside the record. Nothing else of the
//! engine is ever touched: a project of the same name that is not written down here is left alone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::compose::{compose_file, container_name, service_name};
use super::{Ending, LabError, NetworkName, NetworkRecord, NodeRecord, ProcessMark, Registry};
use crate::client::gather;
use crate::protocol::NodeId;

/// The image that `bin/image` builds.
pub const DEFAULT_IMAGE: &str = concat!("gossip_server:", env!("CARGO_PKG_VERSION"));

/// The environment variable that says where the engine is.
const ENGINE_VARIABLE: &str = "DOCKER_HOST";

/// Seconds that a container may take to leave: a node needs two at most.
const GRACE: &str = "5";

/// What a process ends with that was killed (128 + SIGKILL).
const KILLED: i32 = 137;

/// Logs that are read at a time.
const LOGS_AT_ONCE: usize = 8;

/// How the engine answers what a container does: its name, whether it runs, its process on this machine, its exit code.
const STATE_FORMAT: &str = "{{.Name}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}";

/// How the containers of a network are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containers {
    /// The Compose project, which begins the containers' names.
    pub project: String,
    /// What they are made of.
    pub image: String,
    /// Where the engine is, if that was said when the network was started (`DOCKER_HOST`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// What the engine says of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContainerState {
    runs: bool,
    pid: u32,
    exit_code: i32,
}

impl Containers {
    /// Containers for a network of this name.
    pub fn of(name: &NetworkName, image: &str) -> Containers {
        // Host names know neither capitals nor underscores.
        let project = format!("gossip-{}", name.as_str().to_ascii_lowercase().replace('_', "-"));
        let engine = std::env::var(ENGINE_VARIABLE).ok().filter(|engine| !engine.is_empty());
        Containers { project, image: image.to_owned(), engine }
    }

    /// Under which id a node is reached by the others.
    pub(super) fn node_id(&self, number: u16, port: u16) -> NodeId {
        NodeId::Host(format!("{}:{port}", container_name(&self.project, number)).into())
    }

    /// Checks that the engine answers, has the image, and no containers of another network of this name.
    ///
    /// # Errors
    /// When it is otherwise.
    pub(super) async fn check(&self, network: &NetworkName) -> Result<(), LabError> {
        self.docker(&["version", "--format", "{{.Server.Version}}"]).await?;
        self.compose_program().await?;
        if !self.output("docker", &["image", "inspect", &self.image]).await?.status.success() {
            return Err(LabError::NoImage(self.image.clone()));
        }
        let label = format!("label=com.docker.compose.project={}", self.project);
        let left = self.docker(&["ps", "--all", "--quiet", "--filter", &label]).await?;
        match left.split_whitespace().count() {
            0 => Ok(()),
            count => Err(LabError::StrangeContainers { name: network.clone(), project: self.project.clone(), count }),
        }
    }

    /// Starts these nodes of the network, whose record says with which arguments, and marks their processes.
    ///
    /// # Errors
    /// When Compose fails, or the engine is not on this machine.
    pub(super) async fn start(
        &self,
        registry: &Registry,
        network: &mut NetworkRecord,
        numbers: &[u16],
    ) -> Result<(), LabError> {
        self.write_file(registry, network)?;
        let services: Vec<String> = numbers.iter().map(|number| service_name(*number)).collect();
        let mut words = vec!["up", "--detach", "--no-build", "--no-deps"];
        words.extend(services.iter().map(String::as_str));
        self.compose(registry, network, &words).await?;
        network.nodes = self.looked_up(&network.nodes, &self.states(&network.nodes).await?);
        Ok(())
    }

    /// Whether the engine holds a node for running whose process is not on this machine.
    pub(super) async fn is_elsewhere(&self, nodes: &[NodeRecord]) -> Result<bool, LabError> {
        let states = self.states(nodes).await?;
        let running = |node: &&NodeRecord| states.get(&node.number).is_some_and(|state| state.runs);
        Ok(nodes.iter().filter(running).any(|node| !node.process.is_running()))
    }

    /// These nodes with the marks that their containers' processes have now. Where the engine does not answer, nothing
    /// changes.
    pub(super) fn look_up(&self, nodes: &[NodeRecord]) -> Vec<NodeRecord> {
        let words = self.inspect_words(nodes);
        let asked =
            std::process::Command::new("docker").args(words).envs(self.environment()).stdin(Stdio::null()).output();
        match asked {
            Ok(output) if answers(&output) => self.looked_up(nodes, &self.parse_states(nodes, &output.stdout)),
            _ => nodes.to_vec(),
        }
    }

    fn looked_up(&self, nodes: &[NodeRecord], states: &BTreeMap<u16, ContainerState>) -> Vec<NodeRecord> {
        let mark = |node: &NodeRecord| {
            let running = states.get(&node.number).filter(|state| state.runs);
            let process = running.map_or_else(ProcessMark::none, |state| ProcessMark::of(state.pid));
            NodeRecord { process, ..node.clone() }
        };
        nodes.iter().map(mark).collect()
    }

    /// Ends these containers; how many had to be killed although they were asked to leave.
    ///
    /// # Errors
    /// With the numbers of those that still run.
    pub(super) async fn end(&self, nodes: &[&NodeRecord], how: Ending) -> Result<usize, LabError> {
        let nodes: Vec<NodeRecord> = nodes.iter().map(|node| (*node).clone()).collect();
        let before = self.states(&nodes).await?;
        let runs = |states: &BTreeMap<u16, ContainerState>, number: u16| states.get(&number).is_some_and(|s| s.runs);
        let running: Vec<u16> = nodes.iter().map(|node| node.number).filter(|number| runs(&before, *number)).collect();
        if running.is_empty() {
            return Ok(0);
        }
        let names: Vec<String> = running.iter().map(|number| container_name(&self.project, *number)).collect();
        let verb: &[&str] = if how == Ending::Kill { &["kill"] } else { &["stop", "-t", GRACE] };
        let words: Vec<&str> = verb.iter().copied().chain(names.iter().map(String::as_str)).collect();
        let ended = self.docker(&words).await;
        let after = self.states(&nodes).await?;
        let numbers: Vec<u16> = running.iter().copied().filter(|number| runs(&after, *number)).collect();
        if !numbers.is_empty() {
            // The engine's own words say more than the numbers, if it had any.
            return Err(ended.err().unwrap_or(LabError::Unstoppable { numbers }));
        }
        let killed = |number: &&u16| after.get(number).is_some_and(|state| state.exit_code == KILLED);
        Ok(if how == Ending::Kill { 0 } else { running.iter().filter(killed).count() })
    }

    /// Writes the containers' logs into the files in which processes log.
    pub(super) async fn keep_logs(&self, registry: &Registry, network: &NetworkRecord) {
        let kept = gather(&network.nodes, LOGS_AT_ONCE, |node| {
            let name = container_name(&self.project, node.number);
            let file = registry.log_file(&network.name, node.number);
            let mut command = self.command("docker", &["logs", &name]);
            async move {
                let file = File::create(&file)?;
                command.stdout(file.try_clone()?).stderr(file).status().await.map(|_| ())
            }
        });
        for error in kept.await.into_iter().filter_map(Result::err) {
            // A log that is not kept must not keep a network from being stopped.
            log::warn!("a log was not kept: {error}");
        }
    }

    /// Removes the containers and their network.
    ///
    /// # Errors
    /// When the engine refuses.
    pub(super) async fn remove_all(&self, registry: &Registry, network: &NetworkRecord) -> Result<(), LabError> {
        if !self.file(registry, &network.name).exists() {
            self.write_file(registry, network)?;
        }
        self.compose(registry, network, &["down", "--remove-orphans", "-t", GRACE]).await.map(|_| ())
    }

    fn file(&self, registry: &Registry, name: &NetworkName) -> PathBuf {
        registry.folder(name).join("docker-compose.yml")
    }

    fn write_file(&self, registry: &Registry, network: &NetworkRecord) -> Result<(), LabError> {
        let file = self.file(registry, &network.name);
        let title = format!("Network {}: {}. Written by gossip, which replaces it.", network.name, network.shape);
        let text = compose_file(&title, &self.project, &self.image, &network.nodes);
        fs::write(&file, text).map_err(LabError::system(format!("write {}", file.display())))
    }

    async fn states(&self, nodes: &[NodeRecord]) -> Result<BTreeMap<u16, ContainerState>, LabError> {
        let words = self.inspect_words(nodes);
        let output = self.output("docker", &words).await?;
        if !answers(&output) {
            return Err(refused("docker inspect", &output));
        }
        Ok(self.parse_states(nodes, &output.stdout))
    }

    fn inspect_words(&self, nodes: &[NodeRecord]) -> Vec<String> {
        let names = nodes.iter().map(|node| container_name(&self.project, node.number));
        ["container", "inspect", "--format", STATE_FORMAT].map(str::to_owned).into_iter().chain(names).collect()
    }

    fn parse_states(&self, nodes: &[NodeRecord], text: &[u8]) -> BTreeMap<u16, ContainerState> {
        let text = String::from_utf8_lossy(text);
        let parse = |line: &str| {
            let mut words = line.split_whitespace();
            let name = words.next()?.trim_start_matches('/').to_owned();
            let (runs, pid) = (words.next()? == "true", words.next()?.parse().ok()?);
            Some((name, ContainerState { runs, pid, exit_code: words.next()?.parse().ok()? }))
        };
        let states: BTreeMap<String, ContainerState> = text.lines().filter_map(parse).collect();
        let state = |node: &NodeRecord| Some((node.number, *states.get(&container_name(&self.project, node.number))?));
        nodes.iter().filter_map(state).collect()
    }

    /// Runs Compose on this network's file.
    async fn compose(&self, registry: &Registry, network: &NetworkRecord, words: &[&str]) -> Result<String, LabError> {
        let file = self.file(registry, &network.name);
        let file = file.to_string_lossy();
        let (program, first) = self.compose_program().await?;
        let own = ["--project-name", &self.project, "--file", &file];
        let all: Vec<&str> = first.iter().copied().chain(own).chain(words.iter().copied()).collect();
        self.run(program, &all).await
    }

    /// How Compose is called here: as a plugin of `docker`, or by itself.
    async fn compose_program(&self) -> Result<(&'static str, &'static [&'static str]), LabError> {
        let plugin = self.output("docker", &["compose", "version"]).await?;
        if plugin.status.success() {
            return Ok(("docker", &["compose"]));
        }
        self.run("docker-compose", &["version", "--short"]).await?;
        Ok(("docker-compose", &[]))
    }

    async fn docker(&self, words: &[&str]) -> Result<String, LabError> {
        self.run("docker", words).await
    }

    async fn run(&self, program: &str, words: &[&str]) -> Result<String, LabError> {
        let output = self.output(program, words).await?;
        if !output.status.success() {
            return Err(refused(&format!("{program} {}", words.first().unwrap_or(&"")), &output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    async fn output(&self, program: &str, words: &[impl AsRef<OsStr>]) -> Result<Output, LabError> {
        self.command(program, words).output().await.map_err(LabError::system(format!("run {program}")))
    }

    /// A command that no Ctrl-C of this terminal reaches, and that ends when nobody waits for it any more.
    fn command(&self, program: &str, words: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(program);
        command.args(words).envs(self.environment()).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        command
    }

    fn environment(&self) -> Option<(&'static str, &str)> {
        self.engine.as_deref().map(|engine| (ENGINE_VARIABLE, engine))
    }
}

/// Whether the engine answered at all: a container that is not there is an answer.
fn answers(output: &Output) -> bool {
    output.status.success() || String::from_utf8_lossy(&output.stderr).to_lowercase().contains("no such container")
}

fn refused(what: &str, output: &Output) -> LabError {
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    LabError::Engine { what: what.trim_end().to_owned(), said }
}
