//! Stopping a network: exactly its processes, politely first.

use std::time::{Duration, Instant};

use super::process::{Ending, ProcessMark, await_end};
use super::{LabError, NetworkName, NodeRecord, Registry};

/// A node leaves within two seconds of SIGTERM; on a busy machine with many nodes it may take longer.
const GRACE: Duration = Duration::from_secs(5);

/// The system needs a moment to end a killed process.
const KILL_TIME: Duration = Duration::from_secs(2);

/// What stopping did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Processes that ran and run no more.
    pub stopped: usize,
    /// How many of them had to be killed.
    pub killed: usize,
    /// Nodes whose processes had ended before, removed ones not counted.
    pub ended_before: usize,
}

/// Stops every process or container of a network and forgets it; its logs stay, and with `keep_data` what its nodes kept does
/// as well.
///
/// # Errors
/// When none runs, or when one could not be stopped; then the network stays written down.
pub async fn stop_network(registry: &Registry, name: &NetworkName, keep_data: bool) -> Result<Stopped, LabError> {
    let lock = registry.lock(name)?;
    let Some(network) = registry.load(name)? else {
        return Err(LabError::NotRunning { name: name.clone() });
    };
    if keep_data {
        // Before anything ends: what is not marked as kept may be taken for left behind.
        registry.keep_data(&lock, name)?;
    }
    let running: Vec<&NodeRecord> = network.nodes.iter().filter(|node| node.process.is_running()).collect();
    if running.is_empty() {
        network.launcher.keep_logs(registry, &network).await;
        network.launcher.clean_up(registry, &network).await?;
        registry.forget(&lock, name)?;
        return Err(LabError::NotRunning { name: name.clone() });
    }
    let killed = network.launcher.end(&running, Ending::Graceful).await?;
    network.launcher.keep_logs(registry, &network).await;
    network.launcher.clean_up(registry, &network).await?;
    registry.forget(&lock, name)?;
    if !keep_data {
        registry.clear_data(&lock, name)?;
    }
    let expected = network.nodes.iter().filter(|node| !node.removed).count();
    Ok(Stopped { stopped: running.len(), killed, ended_before: expected.saturating_sub(running.len()) })
}

/// Ends the processes of these nodes, in any case by force after a while; how many needed force.
///
/// # Errors
/// With the numbers of those that nothing ended.
pub(super) async fn end(nodes: &[&NodeRecord], how: Ending) -> Result<usize, LabError> {
    let processes: Vec<ProcessMark> = nodes.iter().map(|node| node.process.clone()).collect();
    for process in &processes {
        // A refusal shows below: the process will still run.
        let _ = process.end(how);
    }
    let left = await_end(&processes, Instant::now() + GRACE).await;
    for process in &left {
        let _ = process.end(Ending::Kill);
    }
    let remaining = await_end(&left, Instant::now() + KILL_TIME).await;
    if remaining.is_empty() {
        return Ok(left.len());
    }
    let numbers = nodes.iter().filter(|node| remaining.contains(&node.process)).map(|node| node.number).collect();
    Err(LabError::Unstoppable { numbers })
}
