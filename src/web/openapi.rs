//! `GET /openapi.json`: what this node answers, for programs (OpenAPI 3.1).
//!
//! The description is kept by hand in `openapi.json`; `spec/openapi.rs` holds it against a running node.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};

use super::answer;

/// The description.
pub(super) async fn openapi(request: HttpRequest) -> HttpResponse {
    let mut response = answer::json_text(&request, 200, include_bytes!("openapi.json").to_vec());
    let value = actix_web::http::header::HeaderValue::from_static("max-age=3600");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}
