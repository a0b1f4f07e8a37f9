//! `/seeds`: the nodes that this one asks for a place; an operator may name further ones while it runs.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer, body};
use crate::protocol::{NodeId, Refusal, Request, Response};
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
            match response {
                // Elsewhere it is the sender that has no right to this id.
                Response::Refused(refusal @ Refusal::OwnId(_)) => {
                    let problem = Problem { field: Some("seed".to_owned()), ..Problem::from(refusal) };
                    answer::problem(&request, &problem)
                }
                response => answer::encoded(&request, encode_response(&response)),
            }
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
