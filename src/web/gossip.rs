//! `POST /gossip/` and `POST /sync/`.

use actix_web::web::{BytesMut, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::Plain;
use super::{Context, answer, body, faults};
use crate::protocol::Response;
use crate::wire::{Answer, Method, Problem, decode_request, encode_response};

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
    // Read first in any case: who writes all before it reads would find the connection reset, and no answer.
    let body = body::read(payload, &context.bounds).await;
    let ours = answer::is_ours(&request);
    put(&context, path, context.admits_node(&request).and(body), ours).await.into()
}

/// A call of another node that has not come by way of the router. `ours` says that one of our own programs sent it.
pub(super) async fn carry_directly(context: &Context, path: &str, body: impl body::Pieces, ours: bool) -> Plain {
    put(context, path, body::read_stream(body, &context.bounds).await, ours).await
}

async fn put(context: &Context, path: &str, body: Result<BytesMut, Problem>, ours: bool) -> Plain {
    let refuse = |problem: &Problem| Plain { status: problem.status, text: laid_out(problem.to_json(), ours) };
    let asked = body.and_then(|body| decode_request(Method::Post, path, &body, context.node.door()));
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => {
            log::debug!("refused {path}: {problem}");
            return refuse(&problem);
        }
    };
    let Some(response) = context.node.receive(asked).await else { return refuse(&faults::loss()) };
    let Answer { status, body } = encode_response(&response);
    // The other dialect's answer is what its nodes expect to the letter.
    Plain { status, text: laid_out(body, ours || response == Response::Done) }
}

fn laid_out(text: Vec<u8>, as_it_is: bool) -> Vec<u8> {
    if as_it_is || text.is_empty() { text } else { answer::pretty(&text) }
}
