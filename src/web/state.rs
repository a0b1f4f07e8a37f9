//! `/state`: everyone's newest state, and this node's own.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::{Context, answer, body, text};
use crate::net::Clock;
use crate::protocol::{Entry, LogKey, NodeId, Request, Time, View};
use crate::wire::{CountersReport, DigestReport, Problem, StateReport, parse_own_payload};

/// `?format=` is taken, though one state has only one form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormatQuery {
    #[serde(rename = "format")]
    _format: Option<Format>,
}

/// `?format=text`.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Json,
    Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateQuery {
    digest: Option<String>,
    versions: Option<String>,
    format: Option<Format>,
}

/// All known nodes, or a digest of what this node holds.
pub(super) async fn all(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let shown = show_all(request, context.clone());
    context.node.written(shown).await
}

fn show_all(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let query: StateQuery = match answer::query(&request) {
        Ok(query) => query,
        Err(problem) => return answer::problem(&request, &problem),
    };
    let clock = context.node.clock();
    if query.digest.is_some() {
        let report = context.node.view(|view, _| digest(&context, view));
        return answer::json(&request, 200, &report);
    }
    if query.versions.is_some() {
        let versions: BTreeMap<NodeId, u64> =
            context.node.view(|view, _| view.table().iter().map(|(id, entry)| (id.clone(), entry.version())).collect());
        return answer::json(&request, 200, &versions);
    }
    if query.format == Some(Format::Text) {
        return answer::text(context.node.view(text::table));
    }
    let reports: BTreeMap<NodeId, StateReport> = context.node.view(|view, now| {
        let states = view.table().iter();
        states.filter_map(|(id, entry)| Some((id.clone(), report(view, now, id, entry, clock)?))).collect()
    });
    answer::json(&request, 200, &reports)
}

/// One known node.
pub(super) async fn one(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    let shown = show_one(request, id, context.clone());
    context.node.written(shown).await
}

fn show_one(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    if let Err(problem) = answer::query::<FormatQuery>(&request) {
        return answer::problem(&request, &problem);
    }
    let id = match NodeId::parse(&id) {
        Ok(id) => id,
        Err(error) => return answer::problem(&request, &Problem::field("id", error)),
    };
    let clock = context.node.clock();
    let found = context.node.view(|view, now| report(view, now, &id, view.table().get(&id)?, clock));
    match found {
        Some(found) => answer::json(&request, 200, &found),
        None => answer::problem(&request, &Problem::new(404, format!("node {id} is not known here"))),
    }
}

/// Sets this node's own payload; it draws no more books.
pub(super) async fn set(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    let parsed = body::read(payload, &context.bounds)
        .await
        .and_then(|body| parse_own_payload(&body, context.bounds.max_payload));
    match parsed {
        Ok(payload) => {
            let outcome = context.node.request(Request::SetState(payload)).await;
            answer::outcome(&request, outcome)
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}

/// Returns to drawing books.
pub(super) async fn clear(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let outcome = context.node.request(Request::ClearState).await;
    answer::outcome(&request, outcome)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgetQuery {
    uuid: Option<uuid::Uuid>,
}

/// Has a dead node, or one message of any node, forgotten everywhere.
pub(super) async fn forget(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    let asked = answer::query::<ForgetQuery>(&request).and_then(|query| {
        let id = NodeId::parse(&id).map_err(|error| Problem::field("id", error))?;
        Ok(Request::Forget { id, uuid: query.uuid })
    });
    match asked {
        Ok(asked) => {
            let outcome = context.node.request(asked).await;
            answer::outcome(&request, outcome)
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}

fn report(view: View<'_>, now: Time, id: &NodeId, entry: &Entry, clock: Clock) -> Option<StateReport> {
    let state = entry.state.as_ref()?;
    Some(StateReport {
        version: state.version,
        payload: state.payload.raw().to_owned(),
        status: entry.status,
        since: clock.rfc3339(entry.since),
        updated_at: clock.rfc3339(state.updated_at),
        hops: if id == view.id() { 0 } else { state.path.len() },
        conflict: id == view.id() && view.has_conflict(now),
    })
}

fn digest(context: &Context, view: View<'_>) -> DigestReport {
    let live = || view.table().iter().filter(|(_, entry)| entry.status.is_live() && entry.state.is_some());
    let counters = view.counters();
    DigestReport {
        id: view.id().clone(),
        cluster: view.cluster().to_owned(),
        boot: view.boot(),
        version: view.version(),
        key: view.key().map(|key| key.to_string()),
        peers: view.peers().cloned().collect(),
        max_peers: view.max_peers(),
        nodes: view.table().len(),
        live: live().count(),
        live_hash: view.live_hash(),
        messages: view.log().len(),
        messages_hash: view.log().hash_above(LogKey::default()).0,
        hash: view.digest().hash,
        counters: CountersReport {
            messages_sent: counters.messages_sent,
            messages_received: counters.messages_received,
            new: counters.new,
            duplicate: counters.duplicate,
            stale: counters.stale,
            expired: counters.expired,
            limited: counters.limited,
            forged: counters.forged,
            repaired: counters.repaired,
            envelopes_sent: counters.envelopes_sent,
            comparisons: counters.comparisons,
            failures: counters.failures,
            requests_refused: context.limiter.refused(),
        },
    }
}
