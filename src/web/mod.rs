//! The node's HTTP face: routes, bodies within limits, answers for nodes and for people.
//!
//! One file per group of endpoints. Handlers run on the node's own thread and, but for
//! the surveys (`overlay.rs`), never wait for another node. JSON is compact
//! for our own programs and pretty for everyone else; `?format=text` gives a table. Errors are problems (RFC 9457).
//! `access.rs` stands before all of them.

mod access;
mod acks;
mod answer;
mod body;
mod discovery;
mod etag;
mod events;
mod faults;
mod filter;
mod gossip;
mod health;
mod messages;
mod metrics;
mod openapi;
mod overlay;
mod page;
mod peers;
mod rate;
mod seeds;
mod state;
mod text;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

pub use self::access::{Access, guard, note_client};
use crate::http::Tls;
use crate::net::{Handle, Survey};
use crate::wire::Problem;

/// What every handler reaches.
#[derive(Clone)]
pub struct Context {
    /// The node.
    pub node: Handle,
    /// What is asked of other nodes for those who look.
    pub survey: Survey,
    /// What is taken of one request.
    bounds: Bounds,
    /// How many requests are taken of one address.
    limiter: Rc<rate::Limiter>,
    /// What callers need.
    access: Rc<Access>,
    /// This node's certificates, if it has any.
    tls: Option<Arc<Tls>>,
}

/// What the HTTP face takes of one request, and how many of them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Largest payload in bytes.
    pub max_payload: usize,
    /// Largest body in bytes.
    pub max_body: usize,
    /// Time for a body to arrive.
    pub body_time: Duration,
    /// Requests that one address may make a second; 0 sets no limit.
    pub requests_per_second: u32,
}

impl Context {
    /// The context of a node with these bounds.
    pub fn new(node: Handle, bounds: Bounds, access: Rc<Access>, tls: Option<Arc<Tls>>) -> Context {
        let survey = Survey::new(node.clone());
        let limiter = Rc::new(rate::Limiter::new(bounds.requests_per_second));
        Context { survey, node, bounds, limiter, access, tls }
    }
}

pub use body::discard_unread;
pub use rate::limit;

/// All routes, with and without the trailing slash.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(["/gossip/", "/gossip"])
                .route(web::post().to(gossip::gossip))
                .default_service(web::to(|r| wrong_method(r, "POST"))),
        )
        .service(
            web::resource(["/sync/", "/sync"])
                .route(web::post().to(gossip::sync))
                .default_service(web::to(|r| wrong_method(r, "POST"))),
        )
        .service(
            web::resource(["/peers/", "/peers"])
                .route(web::get().to(peers::list))
                .route(web::post().to(peers::link))
                .default_service(web::to(|r| wrong_method(r, "GET, POST"))),
        )
        .service(
            web::resource(["/peers/{id}", "/peers/{id}/"])
                .route(web::get().to(peers::one))
                .route(web::delete().to(peers::one))
                .default_service(web::to(|r| wrong_method(r, "GET, DELETE"))),
        )
        .service(
            web::resource(["/state", "/state/"])
                .route(web::get().to(state::all))
                .route(web::put().to(state::set))
                .route(web::patch().to(state::patch))
                .route(web::delete().to(state::clear))
                .default_service(web::to(|r| wrong_method(r, "GET, PUT, PATCH, DELETE"))),
        )
        .service(
            web::resource(["/state/{id}", "/state/{id}/"])
                .route(web::get().to(state::one))
                .route(web::delete().to(state::forget))
                .default_service(web::to(|r| wrong_method(r, "GET, DELETE"))),
        )
        .service(
            web::resource(["/messages", "/messages/"])
                .route(web::get().to(messages::list))
                .route(web::post().to(messages::submit))
                .default_service(web::to(|r| wrong_method(r, "GET, POST"))),
        )
        .service(
            web::resource(["/messages/read", "/messages/read/"])
                .route(web::post().to(messages::mark_read))
                .default_service(web::to(|r| wrong_method(r, "POST"))),
        )
        .service(
            web::resource("/messages/{uuid}/held")
                .route(web::get().to(acks::held))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/messages/{uuid}", "/messages/{uuid}/"])
                .route(web::get().to(messages::one))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/messages/{uuid}/spread", "/messages/{uuid}/spread/"])
                .route(web::get().to(overlay::spread))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/sd/prometheus", "/sd/prometheus/"])
                .route(web::get().to(discovery::prometheus))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/overlay", "/overlay/"])
                .route(web::get().to(overlay::overlay))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/events", "/events/"])
                .route(web::get().to(events::events))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/faults", "/faults/"])
                .route(web::get().to(faults::show))
                .route(web::put().to(faults::set))
                .route(web::delete().to(faults::clear))
                .default_service(web::to(|r| wrong_method(r, "GET, PUT, DELETE"))),
        )
        .service(
            web::resource(["/metrics", "/metrics/"])
                .route(web::get().to(metrics::metrics))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/openapi.json", "/openapi.json/"])
                .route(web::get().to(openapi::openapi))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/seeds", "/seeds/"])
                .route(web::get().to(seeds::list))
                .route(web::post().to(seeds::add))
                .default_service(web::to(|r| wrong_method(r, "GET, POST"))),
        )
        .service(
            web::resource(["/seeds/{id}", "/seeds/{id}/"])
                .route(web::delete().to(seeds::remove))
                .default_service(web::to(|r| wrong_method(r, "DELETE"))),
        )
        .service(
            web::resource(["/livez", "/livez/"])
                .route(web::get().to(health::live))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource(["/readyz", "/readyz/"])
                .route(web::get().to(health::ready))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource("/").route(web::get().to(page::page)).default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .service(
            web::resource("/page/{file}")
                .route(web::get().to(page::assets::file))
                .default_service(web::to(|r| wrong_method(r, "GET"))),
        )
        .default_service(web::to(nothing_here));
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let path: String = request.path().chars().take(100).collect();
    answer::problem(&request, &Problem::new(404, format!("there is nothing at {path}")))
}

async fn wrong_method(request: HttpRequest, allowed: &'static str) -> HttpResponse {
    let detail = format!("{} is not possible here; possible are {allowed}", request.method());
    let mut response = answer::problem(&request, &Problem::new(405, detail));
    let value = actix_web::http::header::HeaderValue::from_static(allowed);
    response.headers_mut().insert(actix_web::http::header::ALLOW, value);
    response
}
