//! `/peers/`: who this node's peers are, and the handshake of links.

use std::collections::BTreeMap;

use actix_web::http::Method as HttpMethod;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::Plain;
use super::query::Parameters;
use super::state::Format;
use super::{Context, answer, faults, gossip, text};
use crate::protocol::{NodeId, PeerCounters, Response, View};
use crate::wire::{CallKind, Method, PeerReport, decode_request, encode_peers, encode_response};

/// The ids of this node's peers, or what each link carried.
pub(super) async fn list(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    // `from` is the node that asks, if one does: faults may lie between it and this node.
    let asked = Parameters::of(&request, &["format", "details", "from"])
        .and_then(|asked| Ok((asked.format()?, asked.has("details"), asked.id("from")?)));
    let (format, details, from) = match asked {
        Ok(asked) => asked,
        Err(problem) => return answer::problem(&request, &problem),
    };
    if format == Some(Format::Text) {
        return answer::text(context.node.view(text::peers));
    }
    if details {
        let reports: BTreeMap<NodeId, PeerReport> = context.node.view(|view, _| peer_reports(view).collect());
        return answer::json(&request, 200, &reports);
    }
    let ids = || context.node.view(|view, _| encode_peers(view.peers()));
    let ids = match from {
        None => Some(ids()),
        Some(from) => context.node.receive_from(&from, CallKind::Peers, ids).await,
    };
    match ids {
        Some(ids) => answer::json_text(&request, 200, ids),
        None => faults::lost(&request),
    }
}

/// What the links carried, each since it was made.
pub(super) fn peer_reports<'a>(view: View<'a>) -> impl Iterator<Item = (NodeId, PeerReport)> + use<'a> {
    view.links().map(move |(id, counts, waiting)| {
        let status = view.table().get(id).map(|entry| entry.shown_status());
        let PeerCounters { sent, received, duplicate, repaired, failures } = counts;
        (id.clone(), PeerReport { status, sent, received, duplicate, repaired, failures, waiting })
    })
}

/// A link request.
pub(super) async fn link(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    gossip::carry(request, "/peers", payload, context).await
}

/// A peer closes its link, or a node of the other dialect registers.
pub(super) async fn one(request: HttpRequest, id: Path<String>, context: Data<Context>) -> HttpResponse {
    if let Err(problem) = context.admits_node(&request) {
        return answer::problem(&request, &problem);
    }
    let method = if *request.method() == HttpMethod::DELETE { Method::Delete } else { Method::Get };
    match decode_request(method, &format!("/peers/{id}"), &[], context.node.door()) {
        Ok(asked) => {
            let Some(response) = context.node.receive(asked).await else { return faults::lost(&request) };
            let encoded = encode_response(&response);
            match response {
                // For nodes of the other dialect, as it is.
                Response::Peers(_) => Plain { status: 200, text: encoded.body }.into(),
                _ => answer::encoded(&request, encoded),
            }
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}
