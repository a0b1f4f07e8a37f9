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
mod direct;
mod discovery;
mod etag;
mod events;
mod everyone;
mod faults;
mod filter;
mod gossip;
mod head;
mod health;
mod messages;
mod metrics;
mod openapi;
mod overlay;
mod page;
mod peers;
mod polling;
mod query;
mod rate;
mod refusals;
mod seeds;
mod state;
mod text;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};

pub use self::access::{Access, Certified, guard};
pub use self::answer::Plain;
pub use self::direct::{Caller, DirectCall};
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
    /// The newest answer about all nodes.
    everyone: Rc<everyone::Everyone>,
    /// Whose turn it is to look for those who wait with a filter.
    looks: Rc<polling::Looks>,
    /// What is taken of one request.
    bounds: Bounds,
    /// How many requests are taken of one address.
    limiter: Rc<rate::Limiter>,
    /// How many were refused.
    refusals: Rc<refusals::Refusals>,
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
    /// Streams of events at a time.
    pub event_streams: usize,
    /// Requests that one address may make a second; 0 sets no limit.
    pub requests_per_second: u32,
}

impl Context {
    /// The context of a node with these bounds.
    pub fn new(node: Handle, bounds: Bounds, access: Rc<Access>, tls: Option<Arc<Tls>>) -> Context {
        let survey = Survey::new(node.clone());
        let limiter = Rc::new(rate::Limiter::new(bounds.requests_per_second));
        let (everyone, looks, refusals) = Default::default();
        Context { survey, node, everyone, looks, bounds, limiter, refusals, access, tls }
    }

    /// Counts a request that was refused before it came to a route.
    pub fn note_refusal(&self, status: u16) {
        self.refusals.note(status);
    }
}

pub use body::{conclude, discard};
pub use head::answer_head;
pub use rate::limit;

/// All routes, with and without the trailing slash. Those whose path is a plain text come first, nodes' own before all.
pub fn routes(config: &mut ServiceConfig) {
    at(config, "/gossip", "POST", |at| at.route(web::post().to(gossip::gossip)));
    at(config, "/sync", "POST", |at| at.route(web::post().to(gossip::sync)));
    at(config, "/peers", "GET, POST", |at| at.route(web::get().to(peers::list)).route(web::post().to(peers::link)));
    at(config, "/state", "GET, PUT, PATCH, DELETE", |at| {
        let reading = at.route(web::get().to(state::all));
        let setting = reading.route(web::put().to(state::set)).route(web::patch().to(state::patch));
        setting.route(web::delete().to(state::clear))
    });
    at(config, "/messages", "GET, POST", |at| {
        at.route(web::get().to(messages::list)).route(web::post().to(messages::submit))
    });
    at(config, "/messages/read", "POST", |at| at.route(web::post().to(messages::mark_read)));
    at(config, "/sd/prometheus", "GET", |at| at.route(web::get().to(discovery::prometheus)));
    at(config, "/overlay", "GET", |at| at.route(web::get().to(overlay::overlay)));
    at(config, "/events", "GET", |at| at.route(web::get().to(events::events)));
    at(config, "/faults", "GET, PUT, DELETE", |at| {
        let reading = at.route(web::get().to(faults::show));
        reading.route(web::put().to(faults::set)).route(web::delete().to(faults::clear))
    });
    at(config, "/metrics", "GET", |at| at.route(web::get().to(metrics::metrics)));
    at(config, "/openapi.json", "GET", |at| at.route(web::get().to(openapi::openapi)));
    at(config, "/seeds", "GET, POST", |at| at.route(web::get().to(seeds::list)).route(web::post().to(seeds::add)));
    at(config, "/livez", "GET", |at| at.route(web::get().to(health::live)));
    at(config, "/readyz", "GET", |at| at.route(web::get().to(health::ready)));
    at(config, "", "GET", |at| at.route(web::get().to(page::page)));
    at(config, "/peers/{id}", "GET, DELETE", |at| {
        at.route(web::get().to(peers::one)).route(web::delete().to(peers::one))
    });
    at(config, "/state/{id}", "GET, DELETE", |at| {
        at.route(web::get().to(state::one)).route(web::delete().to(state::forget))
    });
    at(config, "/messages/{uuid}", "GET", |at| at.route(web::get().to(messages::one)));
    at(config, "/messages/{uuid}/held", "GET", |at| at.route(web::get().to(acks::held)));
    at(config, "/messages/{uuid}/spread", "GET", |at| at.route(web::get().to(overlay::spread)));
    at(config, "/seeds/{id}", "DELETE", |at| at.route(web::delete().to(seeds::remove)));
    at(config, "/page/{file}", "GET", |at| at.route(web::get().to(page::assets::file)));
    config.default_service(web::to(nothing_here));
}

/// One path with its methods. Each form of it is a resource of its own: a list of forms would be a set of regular expressions,
/// which every request would have to be held against, and a single plain text is only compared.
fn at(config: &mut ServiceConfig, path: &str, allowed: &'static str, routes: impl Fn(Resource) -> Resource) {
    let forms = [format!("{path}/"), path.to_owned()];
    for form in forms.into_iter().filter(|form| !form.is_empty()) {
        let resource = routes(web::resource(form));
        // Whatever can be got can be asked for its head (`head.rs`).
        let allowed = if head::registers(path) { allowed.to_owned() } else { allowed.replace("GET", "GET, HEAD") };
        config.service(resource.default_service(web::to(move |request| wrong_method(request, allowed.clone()))));
    }
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let path: String = request.path().chars().take(100).collect();
    answer::problem(&request, &Problem::new(404, format!("there is nothing at {path}")))
}

async fn wrong_method(request: HttpRequest, allowed: String) -> HttpResponse {
    let detail = format!("{} is not possible here; possible are {allowed}", request.method());
    let mut response = answer::problem(&request, &Problem::new(405, detail));
    if let Ok(value) = actix_web::http::header::HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(actix_web::http::header::ALLOW, value);
    }
    response
}
