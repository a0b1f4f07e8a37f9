//! `gossip measure`: how fast and how cheaply a running network spreads messages.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, print_line};
use crate::client::{MessageReport, NodeClient, SubmissionShape, gather};
use crate::lab::{AT_ONCE, NodeRecord, ask_digests};

/// A message that is not everywhere by then is reported as missing.
const USUAL_TIME: Duration = Duration::from_secs(30);

/// The pause between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Measures a running network: sends messages one by one, and sees when the last node has each.
///
/// Times are those that the nodes note, in whole milliseconds: from the submission to the arrival at the last node.
/// The messages, `measured 0` and so on, stay in the nodes' logs like any others. Transmissions count everything that was
/// sent from node to node meanwhile, books included, for each time that a node got something new; 1 is the least possible.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip measure
  gossip measure -n 200 -o json")]
pub struct Args {
    /// Messages to send, 1 to 10000.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    messages: u32,
}

#[derive(Serialize)]
struct Answer {
    nodes: usize,
    messages: u32,
    /// Milliseconds from the submission until the last node had it.
    last_node_ms: Spread,
    /// Hops to the farthest node.
    hops: Spread,
    /// Messages and states sent for each time that a node got a new one.
    transmissions: f64,
}

#[derive(Serialize)]
struct Spread {
    median: f64,
    p99: f64,
    max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * values.len() as f64).ceil() as usize;
            values.get(place.clamp(1, values.len().max(1)) - 1).copied().unwrap_or_default()
        };
        Spread { median: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

/// Sends, waits and counts.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let network = context.network()?;
    let live = network.live_nodes();
    if live.len() < 2 {
        return Err(Failure::No("there must be at least two live nodes".to_owned()));
    }
    let limit = context.limit(USUAL_TIME);
    let before = totals(context, &live).await?;
    let (mut times, mut hops) = (Vec::new(), Vec::new());
    for n in 0..args.messages {
        let from = live[n as usize % live.len()];
        let (time, far) = one(context, &live, from, n, limit).await?;
        times.push(time);
        hops.push(far);
    }
    let after = totals(context, &live).await?;
    let (sent, new) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    let transmissions = sent as f64 / new.max(1) as f64;
    let (last_node_ms, hops) = (Spread::of(times), Spread::of(hops));
    let answer = Answer { nodes: live.len(), messages: args.messages, last_node_ms, hops, transmissions };
    match context.form {
        Form::Json => print_json(&answer),
        Form::Table => print_line(&in_words(&answer)),
    }
}

fn in_words(answer: &Answer) -> String {
    let Answer { nodes, messages, last_node_ms: time, hops, transmissions } = answer;
    format!(
        "{messages} messages to {nodes} nodes\n\
         time to the last node   median {} ms, 99 % {} ms, longest {} ms\n\
         hops to the farthest    median {}, longest {}\n\
         transmissions           {transmissions:.2} for each arrival of something new (1 is the least possible)",
        time.median, time.p99, time.max, hops.median, hops.max
    )
}

/// What all nodes sent so far, and how much of what came was new to them.
async fn totals(context: &Context, live: &[&NodeRecord]) -> Result<(u64, u64), Failure> {
    let (mut sent, mut new) = (0, 0);
    for answer in ask_digests(&context.caller, live, context.limit(USUAL_TIME)).await {
        let digest = answer.digest.map_err(|error| Failure::Unreachable(format!("node {} {error}", answer.number)))?;
        sent += digest.counters.messages_sent;
        new += digest.counters.new;
    }
    Ok((sent, new))
}

/// Sends one message and waits until all have it: milliseconds to the last node, and the most hops.
async fn one(
    context: &Context,
    live: &[&NodeRecord],
    from: &NodeRecord,
    n: u32,
    limit: Duration,
) -> Result<(f64, f64), Failure> {
    let message = to_raw_value(&format!("measured {n}")).map_err(|error| Failure::No(error.to_string()))?;
    let submission = SubmissionShape { message, ttl: None, relays: None, uuid: None };
    let sender = context.caller.node(from.address(), limit);
    let submitted = sender.submit(&submission).await;
    let uuid = submitted.map_err(|error| Failure::No(format!("node {}: {error}", from.number)))?.uuid;
    let until = Instant::now() + limit;
    let mut reports: Vec<Option<MessageReport>> = vec![None; live.len()];
    loop {
        let missing: Vec<usize> = (0..live.len()).filter(|place| reports[*place].is_none()).collect();
        let asked = gather(missing.iter().copied(), AT_ONCE, |place| {
            let node: NodeClient = context.caller.node(live[place].address(), limit);
            async move { (place, node.message(&uuid.to_string()).await) }
        });
        for (place, answer) in asked.await {
            reports[place] = answer.ok();
        }
        if reports.iter().all(Option::is_some) {
            break;
        }
        if Instant::now() > until {
            let lacking = live.iter().zip(&reports).filter(|(_, report)| report.is_none());
            let lacking: Vec<String> = lacking.map(|(node, _)| node.number.to_string()).collect();
            return Err(Failure::No(format!("message {uuid} has not come to {}", lacking.join(", "))));
        }
        tokio::time::sleep(PAUSE).await;
    }
    let arrivals: Vec<Timestamp> =
        reports.iter().flatten().filter_map(|report| report.received_at.parse().ok()).collect();
    let (first, last) = (arrivals.iter().min().copied(), arrivals.iter().max().copied());
    let time = first.zip(last).map_or(0, |(first, last)| last.duration_since(first).as_millis());
    let far = reports.iter().flatten().filter_map(|report| Some(report.paths.first()?.path.len() - 1)).max();
    mark_read(&reports, context, live, uuid).await;
    Ok((time as f64, far.unwrap_or_default() as f64))
}

/// The messages are no news to anybody: they are marked as read, so that they do not stand in anybody's way.
async fn mark_read(reports: &[Option<MessageReport>], context: &Context, live: &[&NodeRecord], uuid: Uuid) {
    let holders: Vec<&NodeRecord> =
        live.iter().zip(reports).filter(|(_, report)| report.is_some()).map(|(node, _)| *node).collect();
    // Whether it worked matters to nobody.
    let _ = gather(holders, AT_ONCE, |node| {
        let client = context.caller.node(node.address(), USUAL_TIME);
        async move { client.mark_read(vec![uuid]).await.is_ok() }
    })
    .await;
}
