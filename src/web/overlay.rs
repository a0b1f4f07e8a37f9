//! `GET /overlay` and `GET /messages/{uuid}/spread`: what this node collects from others for those who look.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer, messages};
use crate::wire::Problem;

/// All known nodes and the links between them.
pub(super) async fn overlay(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let report = context.survey.overlay().await;
    answer::json(&request, 200, &*report)
}

/// When and by which ways each node got a message. The message need not be held here if its whole uuid is given.
pub(super) async fn spread(request: HttpRequest, name: Path<String>, context: Data<Context>) -> HttpResponse {
    let held = context.node.view(|view, _| messages::find(view, &name).map(|record| record.message.uuid));
    let uuid = match (held, name.parse()) {
        (Ok(uuid), _) | (Err(_), Ok(uuid)) => uuid,
        (Err(problem), Err(_)) => return answer::problem(&request, &problem),
    };
    match context.survey.spread(uuid).await {
        Ok(report) => answer::json(&request, 200, &*report),
        Err(_) => answer::problem(&request, &Problem::new(404, format!("no node that answers holds message {uuid}"))),
    }
}
