//! `/state`: everyone's newest state, and this node's own.
//!
//! Answers carry entity tags (`etag.rs`) and, in `X-Gossip-Index`, a name for what is known now, with which one can wait
//! for a change (`polling.rs`). What the parameters choose stands in `filter.rs`.

use std::collections::BTreeMap;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::everyone::write_states;
use super::filter::Filter;
use super::polling::{self, Wait};
use super::query::{Parameters, shown};
use super::{Context, answer, body, etag, text};
use crate::net::{digest_report, state_report};
use crate::protocol::{NodeId, Request, Response};
use crate::wire::{Problem, StateReport, merge_patch, parse_own_payload};

/// The header that names what is known.
const INDEX: &str = "x-gossip-index";

/// The parameters of `GET /state` that are no filters.
const PARAMETERS: [&str; 5] = ["digest", "versions", "format", "wait", "index"];

/// Media types of a merge patch; plain JSON is taken as one.
const PATCH_TYPES: [&str; 2] = ["application/merge-patch+json", "application/json"];

/// `?format=text`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Text,
}

impl Format {
    /// Each with its name.
    pub(super) const ALL: [(&'static str, Format); 2] = [("json", Format::Json), ("text", Format::Text)];
}

/// What `GET /state` is asked for.
struct Wanted {
    digest: bool,
    versions: bool,
    text: bool,
    wait: Option<Wait>,
    filter: Filter,
}

impl Wanted {
    fn parse(request: &HttpRequest) -> Result<Wanted, Problem> {
        let (parameters, filter) = Filter::split(request, &PARAMETERS)?;
        let text = match parameters.get("format").map(String::as_str) {
            None | Some("json") => false,
            Some("text") => true,
            Some(other) => return Err(Problem::field("format", format!("{:?} is none of json, text", shown(other)))),
        };
        let wait = Wait::parse(&parameters)?;
        let has = |name| parameters.contains_key(name);
        Ok(Wanted { digest: has("digest"), versions: has("versions"), text, wait, filter })
    }
}

/// All known nodes or some of them, or a digest of what this node holds; at once, or when something has changed.
pub(super) async fn all(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let wanted = match Wanted::parse(&request) {
        Ok(wanted) => wanted,
        Err(problem) => return answer::problem(&request, &problem),
    };
    // What is told in short is told of all.
    let everyone = Filter::default();
    let filter = if wanted.digest { &everyone } else { &wanted.filter };
    if let Some(wait) = &wanted.wait {
        wait.changed(&context, filter).await;
    }
    let mut response = show(&request, &context, &wanted);
    if let Ok(index) = HeaderValue::from_str(&polling::index(&context, filter, &response)) {
        response.headers_mut().insert(actix_web::http::header::HeaderName::from_static(INDEX), index);
    }
    context.node.written(response).await
}

fn show(request: &HttpRequest, context: &Context, wanted: &Wanted) -> HttpResponse {
    let clock = context.node.clock();
    if wanted.digest {
        let refused = context.limiter.refused();
        return answer::json(request, 200, &context.node.view(|view, _| digest_report(view, refused)));
    }
    let meant = |entry: &&crate::protocol::Entry| wanted.filter.takes(entry);
    if wanted.versions {
        let versions: BTreeMap<NodeId, u64> = context.node.view(|view, _| {
            let meant = view.table().iter().filter(|(_, entry)| meant(entry));
            meant.map(|(id, entry)| (id.clone(), entry.version())).collect()
        });
        return answer::json(request, 200, &versions);
    }
    if wanted.text {
        return answer::text(context.node.view(|view, now| text::table(view, now, |entry| wanted.filter.takes(entry))));
    }
    if wanted.filter.takes_all() {
        let text = context.everyone.text(&context.node);
        return etag::unless_known(request, text.tag(), || answer::json_bytes(text.json(!answer::is_ours(request))));
    }
    let text = context.node.view(|view, now| write_states(view, now, clock, |entry| wanted.filter.takes(entry)));
    etag::json_text(request, text)
}

/// One known node.
pub(super) async fn one(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    let shown = show_one(request, id, context.clone());
    context.node.written(shown).await
}

fn show_one(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    // A form may be asked for, though one state has only one.
    if let Err(problem) = Parameters::of(&request, &["format"]).and_then(|parameters| parameters.format()) {
        return answer::problem(&request, &problem);
    }
    let id = match NodeId::parse(&id) {
        Ok(id) => id,
        Err(error) => return answer::problem(&request, &Problem::field("id", error)),
    };
    match report_of(&context, &id) {
        Some(found) => etag::json(&request, &found),
        None => answer::problem(&request, &Problem::new(404, format!("node {id} is not known here"))),
    }
}

fn report_of(context: &Context, id: &NodeId) -> Option<StateReport> {
    let clock = context.node.clock();
    context.node.view(|view, now| state_report(view, now, id, view.table().get(id)?, clock))
}

/// Sets this node's own payload; it draws no more books.
pub(super) async fn set(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    let parsed = body::read(payload, &context.bounds).await.and_then(|body| {
        let payload = parse_own_payload(&body, context.bounds.max_payload)?;
        check_own(&request, &context)?;
        Ok(payload)
    });
    match parsed {
        Ok(payload) => change(&request, &context, Request::SetState(payload)).await,
        Err(problem) => answer::problem(&request, &problem),
    }
}

/// Merges a patch into this node's own payload (RFC 7396); it draws no more books.
pub(super) async fn patch(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    if let Err(problem) = check_patch_type(&request) {
        let mut response = answer::problem(&request, &problem);
        let name = actix_web::http::header::HeaderName::from_static("accept-patch");
        response.headers_mut().insert(name, HeaderValue::from_static(PATCH_TYPES[0]));
        return response;
    }
    let body = body::read(payload, &context.bounds).await;
    let merged = body.and_then(|body| {
        let patch = parse_own_payload(&body, context.bounds.max_payload)?;
        check_own(&request, &context)?;
        let held = context.node.view(|view, _| {
            let state = view.table().get(view.id()).and_then(|entry| entry.state.as_ref());
            state.map(|state| state.message.payload.clone())
        });
        let merged = merge_patch(held.as_ref().map_or("{}", |held| held.as_str()), patch.as_str())?;
        // The patch is well formed; what it would lead to may not be acceptable.
        parse_own_payload(merged.as_bytes(), context.bounds.max_payload).map_err(|problem| Problem {
            status: 422,
            title: "Unprocessable Content".into(),
            detail: format!("with the patch applied: {}", problem.detail),
            ..problem
        })
    });
    match merged {
        Ok(payload) => change(&request, &context, Request::SetState(payload)).await,
        Err(problem) => answer::problem(&request, &problem),
    }
}

fn check_patch_type(request: &HttpRequest) -> Result<(), Problem> {
    let Some(given) = request.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if PATCH_TYPES.contains(&essence.as_str()) {
        return Ok(());
    }
    let shown: String = essence.chars().take(60).collect();
    let detail = format!("{shown:?} is no merge patch: say Content-Type: {}", PATCH_TYPES[0]);
    Err(Problem::new(415, detail))
}

/// Returns to drawing books.
pub(super) async fn clear(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    match check_own(&request, &context) {
        Ok(()) => change(&request, &context, Request::ClearState).await,
        Err(problem) => answer::problem(&request, &problem),
    }
}

/// Whether this node's state is the one that the request names, by the tag of its own entry or of everyone's.
fn check_own(request: &HttpRequest, context: &Context) -> Result<(), Problem> {
    etag::check_match(request, || {
        let own = context.node.view(|view, _| view.id().clone());
        let everyone = context.everyone.text(&context.node).tag().to_owned();
        report_of(context, &own).map(|report| etag::tag_of(&report)).into_iter().chain([everyone]).collect()
    })
}

/// Changes this node's own state; the answer has the tag of the new one.
async fn change(request: &HttpRequest, context: &Context, change: Request) -> HttpResponse {
    let outcome = context.node.request(change).await;
    let changed = matches!(outcome, Ok(Response::Version(_)));
    let mut answer = answer::outcome(request, outcome);
    let own = context.node.view(|view, _| view.id().clone());
    if let Some(report) = report_of(context, &own).filter(|_| changed) {
        etag::put(&mut answer, &etag::tag_of(&report));
    }
    answer
}

/// Has a dead node, or one message of any node, forgotten everywhere.
pub(super) async fn forget(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    let asked = Parameters::of(&request, &["uuid"]).and_then(|parameters| {
        let id = NodeId::parse(&id).map_err(|error| Problem::field("id", error))?;
        Ok(Request::Forget { id, uuid: parameters.uuid("uuid")? })
    });
    match asked {
        Ok(asked) => {
            let outcome = context.node.request(asked).await;
            answer::outcome(&request, outcome)
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}
