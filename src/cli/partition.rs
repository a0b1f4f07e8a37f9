//! `gossip partition`: tears a network into parts that do not hear each other.

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::injection::{faults_of, set_faults};
use super::node_group::NodeGroup;
use super::output::{Form, print_json, print_line, say};
use crate::client::Faults;
use crate::lab::{NetworkRecord, NodeRecord};
use crate::protocol::NodeId;

/// Tears a network into parts that do not hear each other, until heal.
///
/// This command and all others still reach every node. A new partition replaces the one before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip start-network --allow-fault-injection
  gossip partition 1-8 9-16
  gossip partition 1,3,5-8 2 4,9-16 -o json
  gossip heal")]
pub struct Args {
    /// The nodes of one part, such as 1-8 or 1,3,5-8; two parts or more.
    #[arg(value_name = "NODES", num_args = 2.., required = true)]
    groups: Vec<NodeGroup>,
}

#[derive(Serialize)]
struct Answer {
    groups: Vec<Vec<u16>>,
    /// Running nodes that are in no group and hear everyone.
    ungrouped: Vec<u16>,
}

/// Tears the network.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let groups = args.groups;
    for (i, group) in groups.iter().enumerate() {
        if let Some(twice) = group.numbers.iter().find(|number| groups[..i].iter().any(|g| g.numbers.contains(number)))
        {
            return Err(Failure::Usage(format!("node {twice} is in two groups")));
        }
    }
    let network = context.network()?;
    for number in groups.iter().flat_map(|group| &group.numbers) {
        network.node(*number)?;
    }
    let live = network.live_nodes();
    // Asked first of all of them, so that nothing is torn where one does not allow it.
    let before = faults_of(context, &network, &live).await?;
    let cut = live.iter().map(|node| cut_off(&network, &groups, node));
    let faults = before.into_iter().zip(cut).map(|(report, cut)| Faults { cut, ..report.faults });
    set_faults(context, &network, &live, faults.collect()).await?;
    let ungrouped: Vec<u16> =
        live.iter().map(|node| node.number).filter(|number| group_of(&groups, *number).is_none()).collect();
    if !ungrouped.is_empty() {
        let numbers = NodeGroup { numbers: ungrouped.iter().copied().collect() };
        say(&format!("nodes in no part hear everyone, and pass on what they hear: {numbers}"));
    }
    if context.form == Form::Json {
        let groups = groups.iter().map(|group| group.numbers.iter().copied().collect()).collect();
        return print_json(&Answer { groups, ungrouped });
    }
    let parts: Vec<String> = groups.iter().map(NodeGroup::to_string).collect();
    print_line(&format!("torn into {} parts: {}", parts.len(), parts.join(" | ")))
}

fn group_of(groups: &[NodeGroup], number: u16) -> Option<usize> {
    groups.iter().position(|group| group.numbers.contains(&number))
}

/// The nodes of all other groups.
fn cut_off(network: &NetworkRecord, groups: &[NodeGroup], node: &NodeRecord) -> Vec<NodeId> {
    let Some(own) = group_of(groups, node.number) else { return Vec::new() };
    let apart = |other: &&NodeRecord| group_of(groups, other.number).is_some_and(|group| group != own);
    network.nodes.iter().filter(apart).map(NodeRecord::id).collect()
}
