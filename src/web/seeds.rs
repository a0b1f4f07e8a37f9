//! `/seeds`: the nodes that this one asks for a place; an operator may name further ones while it runs.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer, body};
use crate::protocol::{NodeId, Request};
use crate::wire::{Problem, SeedsReport, encode_response, parse_seed};

/// All seeds.
pub(super) async fn list(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let seeds = context.node.view(|view, _| view.seeds().cloned().collect());
    answer::json(&request, 200, &SeedsReport { seeds })
}

/// One more.
pub(super) async fn add(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    let parsed =
        body::read(payload, &context.bounds).await.and_then(|body| parse_seed(&body, context.node.door().form));
    match parsed {
        Ok(seed) => {
            let response = context.node.instruct(Request::AddSeeds(vec![seed]));
            answer::encoded(&request, encode_response(&response))
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}

/// One less; the links that came of it stay.
pub(super) async fn remove(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    match NodeId::parse(&id) {
        Ok(id) => {
            let response = context.node.instruct(Request::RemoveSeeds(vec![id]));
            answer::encoded(&request, encode_response(&response))
        }
        Err(error) => answer::problem(&request, &Problem::field("id", error)),
    }
}
