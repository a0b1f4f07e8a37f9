//! `/peers/`: who this node's peers are, and the handshake of links.

use actix_web::http::Method as HttpMethod;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::state::FormatQuery;
use super::{Context, answer, gossip, text};
use crate::protocol::Response;
use crate::wire::{Method, decode_request, encode_peers, encode_response};

/// The ids of this node's peers.
pub(super) async fn list(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    match answer::query::<FormatQuery>(&request) {
        Ok(query) if query.is_text() => answer::text(context.node.view(text::peers)),
        Ok(_) => {
            let ids = context.node.view(|view, _| encode_peers(view.peers()));
            answer::json_text(&request, 200, ids)
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}

/// A link request.
pub(super) async fn link(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    gossip::carry(request, "/peers", payload, context).await
}

/// A peer closes its link, or a node of the other dialect registers.
pub(super) async fn one(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    let method = if *request.method() == HttpMethod::DELETE { Method::Delete } else { Method::Get };
    match decode_request(method, &format!("/peers/{id}"), &[], context.node.door()) {
        Ok(asked) => {
            let response = context.node.request(asked);
            let encoded = encode_response(&response);
            match response {
                Response::Peers(_) => gossip::plain(encoded.body),
                _ => answer::encoded(&request, encoded),
            }
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}
