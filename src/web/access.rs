//! Who may do what: tokens for people and nodes, certificates for nodes.
//!
//! [`guard`] stands before every route. With tokens, whatever changes something (any method but GET, HEAD and OPTIONS) needs
//! one of them, and with read tokens reading needs one of either. `/livez` and `/readyz` stay open, since what asks them
//! has no secrets as a rule, and they tell nothing of what the node holds. With TLS the endpoints between nodes also need a
//! client certificate of the node's own authority ([`Context::admits_node`]); one of another authority has not even got a
//! connection. Refusals never repeat what was offered.

use std::cell::RefCell;
use std::net::SocketAddr;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::{Context, answer, page};
use crate::http::Tokens;
use crate::wire::Problem;

/// Paths that anyone may ask.
const OPEN: &[&str] = &["/livez", "/livez/", "/readyz", "/readyz/"];

/// What this node asks of those who call it. It can change while the node runs.
#[derive(Debug, Default)]
pub struct Access {
    tokens: RefCell<Option<Tokens>>,
    read_tokens: RefCell<Option<Tokens>>,
    /// Whether nodes must show a certificate.
    certificates: bool,
}

/// The mark of a request whose client showed a certificate, which was checked in the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Certified;

/// What a request lacks (RFC 6750, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// No token.
    Nothing,
    /// A token that is none of ours.
    Invalid,
    /// A token that allows reading only.
    Scope,
}

impl Access {
    /// Everything is open, but for nodes without a certificate if these are asked for.
    pub fn new(certificates: bool) -> Access {
        Access { certificates, ..Access::default() }
    }

    /// From now on these tokens count and no others; `None` opens what they guarded.
    pub fn set_tokens(&self, tokens: Option<Tokens>, read_tokens: Option<Tokens>) {
        *self.tokens.borrow_mut() = tokens;
        *self.read_tokens.borrow_mut() = read_tokens;
    }

    fn judge(&self, method: &Method, path: &str, offered: Option<&[u8]>) -> Result<(), Lack> {
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let (tokens, read_tokens) = (self.tokens.borrow(), self.read_tokens.borrow());
        let guarded = if reads { read_tokens.is_some() && !OPEN.contains(&path) } else { tokens.is_some() };
        if !guarded {
            return Ok(());
        }
        let offered = offered.ok_or(Lack::Nothing)?;
        let accepts = |tokens: &Option<Tokens>| tokens.as_ref().is_some_and(|tokens| tokens.accept(offered));
        match (accepts(&tokens), accepts(&read_tokens)) {
            (true, _) => Ok(()),
            (false, true) if reads => Ok(()),
            (false, true) => Err(Lack::Scope),
            (false, false) => Err(Lack::Invalid),
        }
    }
}

impl Context {
    /// Whether whoever shows this value of `Authorization`, and a certificate or none, may use what only nodes use.
    pub(super) fn admits_caller(&self, certified: bool, authorization: Option<&[u8]>) -> bool {
        // The path matters for reading only.
        (certified || !self.access.certificates)
            && self.access.judge(&Method::POST, "", authorization.and_then(bearer)).is_ok()
    }

    /// Whether a request may use what only nodes use.
    ///
    /// # Errors
    /// With TLS, when its client showed no certificate.
    pub(super) fn admits_node(&self, request: &HttpRequest) -> Result<(), Problem> {
        if !self.access.certificates || request.extensions().get::<Certified>().is_some() {
            return Ok(());
        }
        let detail = "only nodes may do this: it needs a client certificate of this network's authority";
        Err(Problem::new(403, detail))
    }
}

/// Lets through what may pass, and answers the rest.
///
/// # Errors
/// Those of the routes behind it.
pub async fn guard<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let judged = match request.app_data::<Data<Context>>() {
        Some(_) if page::is_bare_page(request.method(), request.path(), request.headers()) => Ok(()),
        Some(context) => {
            let offered = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
            context.access.judge(request.method(), request.path(), offered.and_then(bearer))
        }
        None => Ok(()),
    };
    match judged {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Err(lack) => {
            log::debug!(
                "refused {} of {:?}: {lack:?}",
                request.method(),
                request.peer_addr().map(|a: SocketAddr| a.ip())
            );
            let response = refusal(request.request(), lack);
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

/// The token in the value of `Authorization`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    // The name of a scheme is not case-sensitive (RFC 9110, section 11.1).
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn refusal(request: &HttpRequest, lack: Lack) -> HttpResponse {
    let (status, detail, challenge) = match lack {
        Lack::Nothing => {
            (401, "a token is needed: send the header Authorization: Bearer TOKEN", r#"Bearer realm="gossip""#)
        }
        Lack::Invalid => {
            (401, "the token is not one of this node's", r#"Bearer realm="gossip", error="invalid_token""#)
        }
        Lack::Scope => (403, "the token allows reading only", r#"Bearer realm="gossip", error="insufficient_scope""#),
    };
    let mut response = answer::problem(request, &Problem::new(status, detail));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}
