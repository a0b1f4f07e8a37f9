//! Starting a network: all of its processes, or none.

use std::path::Path;
use std::time::{Duration, Instant};

use super::certificates::CertificateName;
use super::compose::compose_file;
use super::registry::NetworkLock;
use super::{
    Containers, Drawing, Ending, LabError, Launcher, NetworkAccess, NetworkName, NetworkRecord, NodeRecord,
    ProcessMark, Progress, Registry, ports, program, survey,
};
use crate::client::Caller;
use crate::protocol::NodeId;

/// A node with fewer places could pass nothing on.
const LEAST_PLACES: usize = 2;

/// After so many started processes the record is written, so that a command that is killed loses sight of few.
const SAVE_EVERY: usize = 8;

/// So many processes are started before the first of them must answer: a thousand that start at once would keep each other
/// from answering for longer than anybody waits.
const WAVE: usize = 64;

/// How often nodes that do not answer yet are asked again.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Clone, Debug)]
pub struct LaunchPlan {
    /// The network's name.
    pub name: NetworkName,
    /// Node N listens on this port + N.
    pub base_port: u16,
    /// The shape in words.
    pub shape: String,
    /// Places for peers of nodes added later.
    pub newcomer_places: usize,
    /// What runs the nodes.
    pub launcher: Launcher,
    /// Who is linked to whom.
    pub drawing: Drawing,
    /// What the nodes ask of whoever calls them.
    pub access: NetworkAccess,
    /// Flags for every node.
    pub node_flags: Vec<String>,
    /// Whether every node gets a directory for what survives a restart.
    pub durable: bool,
    /// What becomes of what an earlier network of this name left in theirs.
    pub old_data: OldData,
    /// How long nodes may take until they answer.
    pub limit: Duration,
}

/// What becomes of the data of an earlier network of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldData {
    /// What was kept on purpose is not touched: the start is refused. What was left behind is set aside.
    Refuse,
    /// The nodes go on with it.
    GoOn,
    /// It is removed.
    Discard,
}

impl OldData {
    /// Makes room for the nodes' directories.
    fn make_room(self, registry: &Registry, lock: &NetworkLock, name: &NetworkName) -> Result<(), LabError> {
        match (self, registry.kept_data(name)) {
            (OldData::GoOn, _) => Ok(()),
            (OldData::Discard, _) => registry.clear_data(lock, name),
            (OldData::Refuse, Some(folder)) => Err(LabError::DataKept { name: name.clone(), folder }),
            (OldData::Refuse, None) => registry.set_data_aside(lock, name),
        }
    }
}

/// Starts a process or container per node and returns when all of them answer.
///
/// # Errors
/// When a port is taken, a network of that name runs, a node does not start, or Ctrl-C is pressed; then nothing of
/// this network is left.
pub async fn launch(
    registry: &Registry,
    caller: &Caller,
    plan: &LaunchPlan,
    progress: &mut dyn FnMut(Progress),
) -> Result<NetworkRecord, LabError> {
    let planned = plan_nodes(registry, plan)?;
    let lock = registry.lock(&plan.name)?;
    if let Some(running) = registry.load(&plan.name)?.filter(NetworkRecord::is_running) {
        let live = running.live_nodes().len();
        return Err(LabError::AlreadyRuns { name: plan.name.clone(), live });
    }
    for node in &planned {
        ports::check_free(node.number, node.port)?;
    }
    plan.old_data.make_room(registry, &lock, &plan.name)?;
    if let Launcher::Containers { containers } = &plan.launcher {
        containers.check(&plan.name).await?;
    }
    plan.access.provide(planned.iter().map(|node| plan.launcher.certificate_name(node.number, node.port)))?;
    registry.clear_logs(&lock, &plan.name);
    let mut network = NetworkRecord {
        name: plan.name.clone(),
        base_port: plan.base_port,
        cluster: plan.name.cluster().to_owned(),
        shape: plan.shape.clone(),
        newcomer_places: plan.newcomer_places,
        access: plan.access.clone(),
        node_flags: plan.node_flags.clone(),
        durable: plan.durable,
        launcher: plan.launcher.clone(),
        nodes: Vec::new(),
    };
    let started = async {
        match plan.launcher.clone() {
            Launcher::Processes { program } => {
                let starting = Starting { registry, caller, lock: &lock, program: &program, limit: plan.limit };
                starting.start(&mut network, &planned, progress).await
            }
            Launcher::Containers { containers } => {
                start_containers(registry, &lock, &mut network, &containers, &planned, progress).await?;
                await_answers(registry, caller, &network, 0, plan.limit, progress).await
            }
        }
    };
    let outcome = tokio::select! {
        // Listened to before the first process starts.
        biased;
        _ = tokio::signal::ctrl_c() => Err(LabError::Interrupted),
        outcome = started => outcome,
    };
    match outcome {
        Ok(()) => {
            registry.use_data(&lock, &plan.name);
            Ok(network)
        }
        Err(error) => {
            // What could not be stopped stays written down, so that stop-network can try again.
            let nodes: Vec<&NodeRecord> = network.nodes.iter().collect();
            let ended = network.launcher.end(&nodes, Ending::Graceful).await.is_ok();
            if ended && network.launcher.clean_up(registry, &network).await.is_ok() {
                registry.forget(&lock, &plan.name)?;
                if plan.old_data != OldData::GoOn {
                    registry.clear_data(&lock, &plan.name)?;
                }
            } else {
                registry.save(&lock, &network)?;
            }
            Err(error)
        }
    }
}

/// The network as a Compose file, for `docker compose` instead of this program; nothing is started.
///
/// # Errors
/// When a node's port would not be a port.
pub fn compose(registry: &Registry, containers: &Containers, plan: &LaunchPlan) -> Result<String, LabError> {
    let nodes: Vec<NodeRecord> = plan_nodes(registry, plan)?.iter().map(|node| node.record(&plan.launcher)).collect();
    let title = format!("Network {}: {}, {} nodes. Written by: gossip compose", plan.name, plan.shape, nodes.len());
    Ok(compose_file(&title, &containers.project, &containers.image, &nodes))
}

struct PlannedNode {
    number: u16,
    port: u16,
    args: Vec<String>,
}

fn plan_nodes(registry: &Registry, plan: &LaunchPlan) -> Result<Vec<PlannedNode>, LabError> {
    // The greatest number is the first to be beyond the ports, so it is the one to name.
    if let Some(last) = plan.drawing.numbers.last() {
        ports::port_of(plan.base_port, u64::from(*last))?;
    }
    let plan_node = |(number, neighbours): (u16, Vec<u16>)| {
        let port = ports::port_of(plan.base_port, u64::from(number))?;
        let places = neighbours.len().max(LEAST_PLACES);
        let data = plan.durable.then(|| registry.data_folder(&plan.name, number));
        let cluster = plan.name.cluster();
        let place = plan.launcher.place_args(number, port);
        let name = plan.launcher.certificate_name(number, port);
        let mut args = node_args(place, &name, cluster, places, data.as_deref(), &plan.node_flags, &plan.access);
        for neighbour in neighbours {
            let peer = ports::port_of(plan.base_port, u64::from(neighbour))?;
            args.extend(["--peer".to_owned(), plan.launcher.node_id(neighbour, peer).to_string()]);
        }
        Ok(PlannedNode { number, port, args })
    };
    plan.drawing.neighbourhoods().map(plan_node).collect()
}

/// The arguments that every node of a network is started with, whenever it is.
pub(super) fn node_args(
    place: Vec<String>,
    name: &CertificateName,
    cluster: &str,
    places: usize,
    data: Option<&Path>,
    node_flags: &[String],
    access: &NetworkAccess,
) -> Vec<String> {
    let own = ["--cluster", cluster, "--max-peers", &places.to_string()];
    let data = data.map(|folder| format!("--data-dir={}", folder.display()));
    let own = place.into_iter().chain(own.map(str::to_owned)).chain(data);
    own.chain(access.node_flags(name)).chain(node_flags.iter().cloned()).collect()
}

impl PlannedNode {
    /// The record of this node before it is started.
    fn record(&self, launcher: &Launcher) -> NodeRecord {
        let (number, port, args) = (self.number, self.port, self.args.clone());
        let advertised = Some(launcher.node_id(number, port)).filter(|id| *id != NodeId::Port(port));
        NodeRecord { number, port, advertised, process: ProcessMark::none(), args, seeds: Vec::new(), removed: false }
    }
}

async fn start_containers(
    registry: &Registry,
    lock: &NetworkLock,
    network: &mut NetworkRecord,
    containers: &Containers,
    planned: &[PlannedNode],
    progress: &mut dyn FnMut(Progress),
) -> Result<(), LabError> {
    network.nodes = planned.iter().map(|node| node.record(&network.launcher)).collect();
    // Written down first: the containers are found by their names, whatever becomes of this command.
    registry.save(lock, network)?;
    progress(Progress::Started { done: 0, all: planned.len() });
    let numbers: Vec<u16> = planned.iter().map(|node| node.number).collect();
    containers.start(registry, network, &numbers).await?;
    if containers.is_elsewhere(&network.nodes).await? {
        return Err(LabError::EngineElsewhere);
    }
    progress(Progress::Started { done: planned.len(), all: planned.len() });
    registry.save(lock, network)
}

/// What starting processes needs.
struct Starting<'a> {
    registry: &'a Registry,
    caller: &'a Caller,
    lock: &'a NetworkLock,
    program: &'a Path,
    limit: Duration,
}

impl Starting<'_> {
    /// Starts a process per node, a wave after the other, until all of them answer.
    async fn start(
        &self,
        network: &mut NetworkRecord,
        planned: &[PlannedNode],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), LabError> {
        for wave in planned.chunks(WAVE) {
            let before = network.nodes.len();
            for node in wave {
                let log = self.registry.log_file(&network.name, node.number);
                let process = program::start(self.program, &node.args, &log)?;
                network.nodes.push(NodeRecord { process, ..node.record(&network.launcher) });
                let done = network.nodes.len();
                if (done - 1).is_multiple_of(SAVE_EVERY) {
                    self.registry.save(self.lock, network)?;
                    // Lets a pressed Ctrl-C be noticed.
                    tokio::task::yield_now().await;
                }
                progress(Progress::Started { done, all: planned.len() });
            }
            self.registry.save(self.lock, network)?;
            // The nodes of one wave are soon there; of many waves the bar shows how many have started.
            let mut silent = |_: Progress| ();
            let shown: &mut dyn FnMut(Progress) = if planned.len() > WAVE { &mut silent } else { progress };
            await_answers(self.registry, self.caller, network, before, self.limit, shown).await?;
        }
        Ok(())
    }
}

/// Waits until all nodes answer but the first `before`, which did already.
async fn await_answers(
    registry: &Registry,
    caller: &Caller,
    network: &NetworkRecord,
    before: usize,
    limit: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), LabError> {
    let deadline = Instant::now() + limit;
    let mut waiting: Vec<&NodeRecord> = network.nodes.iter().skip(before).collect();
    loop {
        let answers = survey::ask_live(caller, &waiting).await;
        waiting = waiting.into_iter().zip(answers).filter(|(_, answers)| !answers).map(|(node, _)| node).collect();
        progress(Progress::Answering { done: network.nodes.len() - waiting.len(), all: network.nodes.len() });
        if let Some(ended) = network.nodes.iter().find(|node| !node.process.is_running()) {
            return Err(did_not_start(registry, network, ended.number, "its process ended".to_owned()).await);
        }
        let Some(first) = waiting.first() else { return Ok(()) };
        if Instant::now() >= deadline {
            let reason = format!("no answer within {}", humantime::format_duration(limit));
            return Err(did_not_start(registry, network, first.number, reason).await);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Waits until one node answers that was just started.
///
/// # Errors
/// When its process ends first, or time is up.
pub(super) async fn await_answer(
    registry: &Registry,
    caller: &Caller,
    network: &NetworkRecord,
    node: &NodeRecord,
    limit: Duration,
) -> Result<(), LabError> {
    let deadline = Instant::now() + limit;
    loop {
        if survey::ask_live(caller, &[node]).await.contains(&true) {
            return Ok(());
        }
        if !node.process.is_running() {
            return Err(did_not_start(registry, network, node.number, "its process ended".to_owned()).await);
        }
        if Instant::now() >= deadline {
            let reason = format!("no answer within {}", humantime::format_duration(limit));
            return Err(did_not_start(registry, network, node.number, reason).await);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn did_not_start(registry: &Registry, network: &NetworkRecord, number: u16, reason: String) -> LabError {
    network.launcher.keep_logs(registry, network).await;
    let log = registry.log_file(&network.name, number);
    let tail = program::tail(&log);
    LabError::DidNotStart { number, reason, log, tail }
}
