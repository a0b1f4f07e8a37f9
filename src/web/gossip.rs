//! `POST /gossip/` and `POST /sync/`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer, body, faults};
use crate::protocol::Response;
use crate::wire::{Method, decode_request, encode_response};

/// Messages: one, an array, an envelope, or the other dialect.
pub(super) async fn gossip(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    carry(request, "/gossip", payload, context).await
}

/// A comparison.
pub(super) async fn sync(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    carry(request, "/sync", payload, context).await
}

/// Reads a body, puts it to the node and answers what the node says.
pub(super) async fn carry(request: HttpRequest, path: &str, payload: Payload, context: Data<Context>) -> HttpResponse {
    // An answer before the end of the body would break the stream of HTTP/2.
    let body = body::read(payload, &context.bounds).await;
    let body = match context.admits_node(&request).and(body) {
        Ok(body) => body,
        Err(problem) => return answer::problem(&request, &problem),
    };
    match decode_request(Method::Post, path, &body, context.node.door()) {
        Ok(asked) => {
            let Some(response) = context.node.receive(asked).await else { return faults::lost(&request) };
            let encoded = encode_response(&response);
            // The other dialect's answer is what its nodes expect to the letter.
            if response == Response::Done { plain(encoded.body) } else { answer::encoded(&request, encoded) }
        }
        Err(problem) => {
            log::debug!("refused {path}: {problem}");
            answer::problem(&request, &problem)
        }
    }
}

/// JSON as it is, for nodes of the other dialect.
pub(super) fn plain(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}
