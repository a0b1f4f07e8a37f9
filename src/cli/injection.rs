//! What the commands that make faults share: changing the faults of one node or of many, and what a refusal means.

use serde::Serialize;

use super::context::{Context, Target};
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line};
use crate::client::{ClientError, Faults, FaultsReport, gather};
use crate::lab::{AT_ONCE, NetworkRecord, NodeRecord, typed_command};
use crate::protocol::NodeId;

/// One node whose faults were changed, and what they are now.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<u16>,
    id: NodeId,
    faults: Faults,
}

/// Changes the faults of one node, leaves those that `change` does not touch, and says `done` of the node.
pub async fn change_one(
    context: &Context,
    node: &NodeArg,
    change: impl FnOnce(&mut Faults),
    done: impl FnOnce(&str) -> String,
) -> Result<(), Failure> {
    let target = context.target(node)?;
    let report = target.client.faults().await.map_err(|error| explain(&target, error))?;
    let mut faults = report.faults;
    change(&mut faults);
    let faults = target.client.set_faults(&faults).await.map_err(|error| explain(&target, error))?.faults;
    if context.form == Form::Json {
        return print_json(&Answer { node: target.names.number(&target.id), id: target.id, faults });
    }
    print_line(&done(&target.full()))
}

/// The faults of these nodes, in their order.
pub async fn faults_of(
    context: &Context,
    network: &NetworkRecord,
    nodes: &[&NodeRecord],
) -> Result<Vec<FaultsReport>, Failure> {
    let asked = targets(context, network, nodes)?;
    let answers = gather(&asked, AT_ONCE, |target| {
        let client = target.client.clone();
        async move { client.faults().await }
    });
    judge(&asked, answers.await)
}

/// Sets the faults of each of these nodes.
pub async fn set_faults(
    context: &Context,
    network: &NetworkRecord,
    nodes: &[&NodeRecord],
    faults: Vec<Faults>,
) -> Result<Vec<FaultsReport>, Failure> {
    let asked = targets(context, network, nodes)?;
    let answers = gather(asked.iter().zip(faults), AT_ONCE, |(target, faults)| {
        let client = target.client.clone();
        async move { if faults.is_none() { client.clear_faults().await } else { client.set_faults(&faults).await } }
    });
    judge(&asked, answers.await)
}

fn targets(context: &Context, network: &NetworkRecord, nodes: &[&NodeRecord]) -> Result<Vec<Target>, Failure> {
    nodes.iter().map(|node| context.target(&NodeArg::Number(network.node(node.number)?.number))).collect()
}

/// All answers, or what the first failure means.
fn judge(asked: &[Target], answers: Vec<Result<FaultsReport, ClientError>>) -> Result<Vec<FaultsReport>, Failure> {
    let judged = asked.iter().zip(answers).map(|(target, answer)| answer.map_err(|error| explain(target, error)));
    judged.collect()
}

fn explain(target: &Target, error: ClientError) -> Failure {
    match error {
        ClientError::Refused(problem) if problem.status == 404 => Failure::No(format!(
            "{} does not allow faults; start the network with: {} start-network --allow-fault-injection",
            target.full(),
            typed_command()
        )),
        error => target.explain(error),
    }
}
