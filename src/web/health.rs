//! `GET /livez` and `GET /readyz`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer};
use crate::net::Clock;
use crate::wire::ReadyReport;

/// The process serves.
pub(super) async fn live(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let id = context.node.view(|view, _| view.id().clone());
    answer::json(&request, 200, &ReadyReport { status: "ok".to_owned(), reason: None, certificate_until: None, id })
}

/// The node has compared what it holds with a peer, if it was given any, and its disk takes writes, if it has one.
pub(super) async fn ready(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let until = context.tls.as_ref().and_then(|tls| tls.valid_until());
    let certificate_until = until.map(Clock::rfc3339_of);
    let (id, ready) = context.node.view(|view, _| (view.id().clone(), view.ready()));
    let ready = match context.node.disk_trouble() {
        Some(trouble) => Err(trouble.to_string()),
        None => ready,
    };
    match ready {
        Ok(()) => {
            answer::json(&request, 200, &ReadyReport { status: "ok".to_owned(), reason: None, certificate_until, id })
        }
        Err(reason) => {
            let report = ReadyReport { status: "not ready".to_owned(), reason: Some(reason), certificate_until, id };
            let mut response = answer::json(&request, 503, &report);
            let kind = actix_web::http::header::HeaderValue::from_static("application/json");
            response.headers_mut().insert(actix_web::http::header::CONTENT_TYPE, kind);
            response
        }
    }
}
