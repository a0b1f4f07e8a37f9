//! `gossip join`: a running node is told of one more seed.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::context::{Context, Target};
use super::failure::Failure;
use super::node_arg::NodeArg;
use super::output::{Form, print_json, print_line, say};
use crate::client::ClientError;
use crate::protocol::{NodeId, Status};

/// A seed that is there is known to the node within moments.
const USUAL_TIME: Duration = Duration::from_secs(3);

/// How often the node is asked whether it knows the seed by now.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Names a running node a seed to ask for a place, so that it finds another part of its network, or a network at all.
///
/// It goes on asking until it has found a peer that way. The seed is not kept when the node is started again. A seed that is
/// not seen alive within 3 s (or --timeout) is no failure: it is said, and the node goes on asking.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip join 3 17
  gossip join 127.0.0.1:7003 db1.example:7000 --token-file token")]
pub struct Args {
    /// The node to tell: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// The node that it should ask: its number, or host:port.
    #[arg(value_name = "SEED")]
    seed: NodeArg,
}

#[derive(Serialize)]
struct Answer {
    seeds: Vec<NodeId>,
    /// Whether the node knows the seed as alive.
    alive: bool,
}

/// Tells the node.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let (target, seed) = (context.target(&args.node)?, context.target(&args.seed)?.id);
    let report = target.client.join(&seed).await.map_err(|error| target.explain(error))?;
    let limit = context.limit(USUAL_TIME);
    let alive = is_seen(&target, &seed, limit).await?;
    if context.form == Form::Json {
        return print_json(&Answer { seeds: report.seeds, alive });
    }
    let (node, seed) = (target.full(), target.names.full(&seed));
    if alive {
        return print_line(&format!("{node} asks {seed} for a place, and knows it as alive"));
    }
    print_line(&format!("{node} asks {seed} for a place"))?;
    say(&format!("not seen alive within {}: {node} goes on asking", humantime::format_duration(limit)));
    Ok(())
}

/// Waits until the node knows the seed as alive; false when time is up.
async fn is_seen(target: &Target, seed: &NodeId, limit: Duration) -> Result<bool, Failure> {
    let end = Instant::now() + limit;
    loop {
        match target.client.state_of(seed).await {
            Ok(state) if state.status == Status::Alive => return Ok(true),
            Ok(_) | Err(ClientError::Refused(_)) => {}
            Err(error) => return Err(target.explain(error)),
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
