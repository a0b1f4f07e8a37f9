//! `/faults`: what goes wrong between this node and others, if the node was started with fault injection.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer, body};
use crate::wire::{Faults, Problem, parse_faults};

/// What goes wrong, and what went wrong so far.
pub(super) async fn show(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    match context.node.faults() {
        Some(report) => answer::json(&request, 200, &report),
        None => not_allowed(&request),
    }
}

/// Replaces all faults.
pub(super) async fn set(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    if context.node.faults().is_none() {
        return not_allowed(&request);
    }
    let own = context.node.view(|view, _| view.id().clone());
    let parsed =
        body::read(payload, &context.bounds).await.and_then(|body| parse_faults(&body, context.node.door(), &own));
    match parsed {
        Ok(faults) => {
            context.node.set_faults(faults);
            show(request, context).await
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}

/// Nothing goes wrong any more.
pub(super) async fn clear(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    context.node.set_faults(Faults::default());
    show(request, context).await
}

fn not_allowed(request: &HttpRequest) -> HttpResponse {
    let detail = "there are no faults here: this node was not started with --allow-fault-injection";
    answer::problem(request, &Problem::new(404, detail))
}

/// What is answered when an injected fault lost a request; its sender has given up before it is said.
pub(super) fn lost(request: &HttpRequest) -> HttpResponse {
    answer::problem(request, &loss())
}

/// The same as a problem.
pub(super) fn loss() -> Problem {
    Problem::new(503, "lost by an injected fault")
}
