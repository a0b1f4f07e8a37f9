//! Changing a running network: taking a node out, adding one, starting one again.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::launch::{await_answer, node_args};
use super::registry::NetworkLock;
use super::{
    Ending, LabError, Launcher, NetworkName, NetworkRecord, NodeRecord, ProcessMark, Registry, ports, program,
};
use crate::client::Caller;
use crate::protocol::NodeId;

/// Seeds of a node that joins: with a few, one that has just ended does no harm.
const SEEDS: usize = 3;

/// How many numbers are tried for a new node whose port somebody else uses.
const NUMBERS_TRIED: u64 = 100;

/// A node that was started.
#[derive(Clone, Debug)]
pub struct AddedNode {
    /// The node.
    pub node: NodeRecord,
    /// Where its log is, in words.
    pub log: String,
}

/// Takes a node out of its network. Gracefully it tells its peers; killed, it does not.
///
/// Returns whether it had to be killed although it was asked gracefully.
///
/// # Errors
/// When there is no such node, or it does not run.
pub async fn remove_node(registry: &Registry, name: &NetworkName, number: u16, how: Ending) -> Result<bool, LabError> {
    let lock = registry.lock(name)?;
    let mut network = registry.load_running(name)?;
    let node = network.node(number)?;
    if !node.process.is_running() {
        return Err(LabError::NodeNotRunning { name: name.clone(), number });
    }
    let killed = network.launcher.end(&[node], how).await?;
    network.node_mut(number)?.removed = true;
    registry.save(&lock, &network)?;
    Ok(killed > 0)
}

/// Starts a node with the next free number, which joins by way of a few of those that live.
///
/// # Errors
/// When no node lives, no port is free, or the new node does not answer within `limit`; then it is stopped again.
pub async fn add_node<R: Rng + ?Sized>(
    registry: &Registry,
    caller: &Caller,
    name: &NetworkName,
    random: &mut R,
    limit: Duration,
) -> Result<AddedNode, LabError> {
    let lock = registry.lock(name)?;
    let mut network = registry.load_running(name)?;
    let (number, port) = next_free(&network)?;
    let place = network.launcher.place_args(number, port);
    let certificate = network.launcher.certificate_name(number, port);
    network.access.provide(std::iter::once(certificate.clone()))?;
    let data = network.durable.then(|| registry.data_folder(name, number));
    let places = network.newcomer_places;
    let (flags, access) = (&network.node_flags, &network.access);
    let args = node_args(place, &certificate, &network.cluster, places, data.as_deref(), flags, access);
    let seeds = seeds(&network, number, random);
    if seeds.is_empty() {
        return Err(LabError::NotRunning { name: name.clone() });
    }
    let advertised = Some(network.launcher.node_id(number, port)).filter(|id| *id != NodeId::Port(port));
    let process = ProcessMark::none();
    network.nodes.push(NodeRecord { number, port, advertised, process, args, seeds: Vec::new(), removed: false });
    network.nodes.sort_by_key(|node| node.number);
    let node = start(registry, &lock, &mut network, number, seeds).await?;
    if let Err(error) = await_answer(registry, caller, &network, &node, limit).await {
        network.launcher.end(&[&node], Ending::Graceful).await?;
        network.nodes.retain(|other| other.number != number);
        registry.save(&lock, &network)?;
        return Err(error);
    }
    Ok(AddedNode { node, log: registry.where_logs(&network, &number.to_string()) })
}

/// Starts a node again with the arguments it had, and with some of the others as seeds. One that runs is stopped first.
///
/// # Errors
/// When there is no such node, its port is taken, or it does not answer within `limit`.
pub async fn restart_node<R: Rng + ?Sized>(
    registry: &Registry,
    caller: &Caller,
    name: &NetworkName,
    number: u16,
    random: &mut R,
    limit: Duration,
) -> Result<AddedNode, LabError> {
    let lock = registry.lock(name)?;
    let mut network = registry.load_running(name)?;
    let node = network.node(number)?;
    if node.process.is_running() {
        network.launcher.end(&[node], Ending::Graceful).await?;
    }
    ports::check_free(number, node.port)?;
    let seeds = seeds(&network, number, random);
    let node = start(registry, &lock, &mut network, number, seeds).await?;
    await_answer(registry, caller, &network, &node, limit).await?;
    Ok(AddedNode { node, log: registry.where_logs(&network, &number.to_string()) })
}

/// Starts a node of the record and writes it down. The seeds are for this start only and are not kept among the arguments.
async fn start(
    registry: &Registry,
    lock: &NetworkLock,
    network: &mut NetworkRecord,
    number: u16,
    seeds: Vec<NodeId>,
) -> Result<NodeRecord, LabError> {
    let log = registry.log_file(&network.name, number);
    match network.launcher.clone() {
        Launcher::Processes { program } => {
            let node = network.node_mut(number)?;
            let seed_args = seeds.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]);
            let typed: Vec<String> = node.args.iter().cloned().chain(seed_args).collect();
            (node.process, node.removed) = (program::start(&program, &typed, &log)?, false);
        }
        Launcher::Containers { containers } => {
            let node = network.node_mut(number)?;
            (node.seeds, node.removed) = (seeds, false);
            containers.start(registry, network, &[number]).await?;
        }
    }
    registry.save(lock, network)?;
    network.node(number).cloned()
}

/// A number that no node of this network ever had, so that a number always means one node.
fn next_free(network: &NetworkRecord) -> Result<(u16, u16), LabError> {
    let first = u64::from(network.last_number()) + 1;
    let mut taken = None;
    for number in first..first + NUMBERS_TRIED {
        let port = network.port_of(number)?;
        let number = port - network.base_port;
        match ports::check_free(number, port) {
            Ok(()) => return Ok((number, port)),
            Err(error) => taken = taken.or(Some(error)),
        }
    }
    Err(taken.unwrap_or(LabError::BeyondPorts { number: first, base_port: network.base_port }))
}

/// A few live nodes other than `number`, by chance.
fn seeds<R: Rng + ?Sized>(network: &NetworkRecord, number: u16, random: &mut R) -> Vec<NodeId> {
    let others: Vec<NodeId> =
        network.live_nodes().into_iter().filter(|node| node.number != number).map(NodeRecord::id).collect();
    others.sample(random, SEEDS).cloned().collect()
}
