//! Starting a network: all of its processes, or none.

use std::path::Path;
use std::time::{Duration, Instant};

use super::registry::NetworkLock;
use super::stop::end;
use super::{
    Drawing, Ending, LabError, NetworkAccess, NetworkName, NetworkRecord, NodeRecord, Progress, Registry, ports,
    program, survey,
};
use crate::client::Caller;

/// A node with fewer places could pass nothing on.
const LEAST_PLACES: usize = 2;

/// After so many started processes the record is written, so that a command that is killed loses sight of few.
const SAVE_EVERY: usize = 8;

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
    /// Who is linked to whom.
    pub drawing: Drawing,
    /// What the nodes ask of whoever calls them.
    pub access: NetworkAccess,
    /// Flags for every node.
    pub node_flags: Vec<String>,
    /// Whether every node gets a directory for what survives a restart.
    pub durable: bool,
    /// Whether nodes go on with what an earlier network of this name left in theirs.
    pub keep_data: bool,
    /// How long the nodes may take until they answer.
    pub limit: Duration,
}

/// Starts a process per node and returns when all of them answer.
///
/// # Errors
/// When a port is taken, a network of that name runs, a node does not start, or Ctrl-C is pressed; then no process of
/// this network is left.
pub async fn launch(
    registry: &Registry,
    caller: &Caller,
    plan: &LaunchPlan,
    progress: &mut dyn FnMut(Progress),
) -> Result<NetworkRecord, LabError> {
    let program = program::find_server()?;
    let planned = plan_nodes(registry, plan)?;
    let lock = registry.lock(&plan.name)?;
    if let Some(running) = registry.load(&plan.name)?.filter(NetworkRecord::is_running) {
        let live = running.live_nodes().len();
        return Err(LabError::AlreadyRuns { name: plan.name.clone(), live });
    }
    for node in &planned {
        ports::check_free(node.number, node.port)?;
    }
    plan.access.provide(planned.iter().map(|node| node.port))?;
    registry.clear_logs(&lock, &plan.name);
    if !plan.keep_data {
        registry.clear_data(&lock, &plan.name)?;
    }
    let mut network = NetworkRecord {
        name: plan.name.clone(),
        base_port: plan.base_port,
        cluster: plan.name.cluster().to_owned(),
        shape: plan.shape.clone(),
        newcomer_places: plan.newcomer_places,
        access: plan.access.clone(),
        node_flags: plan.node_flags.clone(),
        durable: plan.durable,
        program,
        nodes: Vec::new(),
    };
    let started = async {
        start_all(registry, &lock, &mut network, &planned, progress).await?;
        await_answers(registry, caller, &network, plan.limit, progress).await
    };
    let outcome = tokio::select! {
        outcome = started => outcome,
        _ = tokio::signal::ctrl_c() => Err(LabError::Interrupted),
    };
    match outcome {
        Ok(()) => Ok(network),
        Err(error) => {
            // What could not be stopped stays written down, so that stop-network can try again.
            if end(&network.nodes.iter().collect::<Vec<_>>(), Ending::Graceful).await.is_ok() {
                registry.forget(&lock, &plan.name)?;
                if !plan.keep_data {
                    registry.clear_data(&lock, &plan.name)?;
                }
            } else {
                registry.save(&lock, &network)?;
            }
            Err(error)
        }
    }
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
        let mut args = node_args(port, cluster, places, data.as_deref(), &plan.node_flags, &plan.access);
        for neighbour in neighbours {
            let peer = ports::port_of(plan.base_port, u64::from(neighbour))?;
            args.extend(["--peer".to_owned(), peer.to_string()]);
        }
        Ok(PlannedNode { number, port, args })
    };
    plan.drawing.neighbourhoods().map(plan_node).collect()
}

/// The arguments that every node of a network is started with, whenever it is.
pub(super) fn node_args(
    port: u16,
    cluster: &str,
    places: usize,
    data: Option<&Path>,
    node_flags: &[String],
    access: &NetworkAccess,
) -> Vec<String> {
    let own = ["--port", &port.to_string(), "--cluster", cluster, "--max-peers", &places.to_string()];
    let data = data.map(|folder| format!("--data-dir={}", folder.display()));
    let own = own.into_iter().map(str::to_owned).chain(data);
    own.chain(access.node_flags(port)).chain(node_flags.iter().cloned()).collect()
}

async fn start_all(
    registry: &Registry,
    lock: &NetworkLock,
    network: &mut NetworkRecord,
    planned: &[PlannedNode],
    progress: &mut dyn FnMut(Progress),
) -> Result<(), LabError> {
    for (done, node) in planned.iter().enumerate() {
        let log = registry.log_file(&network.name, node.number);
        let process = program::start(&network.program, &node.args, &log)?;
        let (number, port, args) = (node.number, node.port, node.args.clone());
        network.nodes.push(NodeRecord { number, port, process, args, removed: false });
        if done % SAVE_EVERY == 0 {
            registry.save(lock, network)?;
            // Lets a pressed Ctrl-C be noticed.
            tokio::task::yield_now().await;
        }
        progress(Progress::Started { done: done + 1, all: planned.len() });
    }
    registry.save(lock, network)
}

async fn await_answers(
    registry: &Registry,
    caller: &Caller,
    network: &NetworkRecord,
    limit: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), LabError> {
    let deadline = Instant::now() + limit;
    let mut waiting: Vec<&NodeRecord> = network.nodes.iter().collect();
    loop {
        let answers = survey::ask_live(caller, &waiting).await;
        waiting = waiting.into_iter().zip(answers).filter(|(_, answers)| !answers).map(|(node, _)| node).collect();
        progress(Progress::Answering { done: network.nodes.len() - waiting.len(), all: network.nodes.len() });
        if let Some(ended) = network.nodes.iter().find(|node| !node.process.is_running()) {
            return Err(did_not_start(registry, &network.name, ended.number, "its process ended".to_owned()));
        }
        let Some(first) = waiting.first() else { return Ok(()) };
        if Instant::now() >= deadline {
            let reason = format!("no answer within {}", humantime::format_duration(limit));
            return Err(did_not_start(registry, &network.name, first.number, reason));
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
    name: &NetworkName,
    node: &NodeRecord,
    limit: Duration,
) -> Result<(), LabError> {
    let deadline = Instant::now() + limit;
    loop {
        if survey::ask_live(caller, &[node]).await.contains(&true) {
            return Ok(());
        }
        if !node.process.is_running() {
            return Err(did_not_start(registry, name, node.number, "its process ended".to_owned()));
        }
        if Instant::now() >= deadline {
            let reason = format!("no answer within {}", humantime::format_duration(limit));
            return Err(did_not_start(registry, name, node.number, reason));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn did_not_start(registry: &Registry, name: &NetworkName, number: u16, reason: String) -> LabError {
    let log = registry.log_file(name, number);
    let tail = program::tail(&log);
    LabError::DidNotStart { number, reason, log, tail }
}
