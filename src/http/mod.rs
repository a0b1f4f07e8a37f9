//! The one user of the HTTP client: connections, tokens and TLS, time limits, bounded answers.
//!
//! Nodes and the command line both call through [`Client`]. It follows no redirect (a peer's answer must not send this
//! process elsewhere), reads no more than a bounded answer, and tells a refused connection from one that broke. It never
//! retries: what is not answered is the caller's to decide. Whole answers over plain HTTP, which nodes get all the time, are
//! `plain.rs`; TLS and streams are awc's. `token.rs` and `tls.rs` hold what both sides of a connection know of each other's
//! rights.

mod plain;
mod stream;
mod tls;
mod token;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use awc::http::{Method, StatusCode};

use self::plain::{Connections, Question};
pub use self::stream::Body;
pub use self::tls::{SOON, Tls, TlsError, TlsFiles};
pub use self::token::{Secret, TokenError, Tokens, exposed_mode};

/// How our own programs introduce themselves: they get compact JSON.
pub const AGENT: &str = "gossip";

/// Largest answer that is read: a page of a repair and the list of wanted fingerprints fit.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Time for a connection, and for the handshake of TLS over it.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// A method with or without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes or changes.
    Post,
    /// Sets.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there, or the name leads nowhere: nothing was processed.
    #[error("connection refused")]
    Refused,
    /// Time ran out; it may have been processed.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke or carried no HTTP; it may have been processed.
    #[error("{0}")]
    Broken(String),
}

/// An HTTP client for one thread.
#[derive(Clone)]
pub struct Client {
    inner: awc::Client,
    /// The connections of plain calls; all clones share them.
    plain: Rc<Connections>,
    scheme: &'static str,
    /// The header that shows what this process may do; all clones share it.
    authorization: Rc<RefCell<Option<HeaderValue>>>,
    max_answer: usize,
}

impl Client {
    /// A client that keeps connections open between calls and speaks plain HTTP.
    pub fn new() -> Client {
        Client::over(None)
    }

    /// The same over TLS with these settings (see [`Tls::client_config`]), or plain without.
    pub fn over(tls: Option<rustls::ClientConfig>) -> Client {
        let mut connector = awc::Connector::new()
            .limit(0)
            .timeout(CONNECT_TIME)
            .handshake_timeout(CONNECT_TIME)
            .conn_keep_alive(Duration::from_secs(75))
            .conn_lifetime(Duration::from_secs(24 * 3600));
        let scheme = if tls.is_some() { "https" } else { "http" };
        if let Some(tls) = tls {
            connector = connector.rustls_0_23(Arc::new(tls));
        }
        let inner = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .no_default_headers()
            .add_default_header((USER_AGENT, AGENT))
            .finish();
        Client { inner, plain: Rc::default(), scheme, authorization: Rc::default(), max_answer: MAX_ANSWER }
    }

    /// The same client, over the same connections, for answers of at most `bytes`.
    pub fn with_answers_of(&self, bytes: usize) -> Client {
        Client { max_answer: bytes, ..self.clone() }
    }

    /// From now on, this client and its clones show this token.
    pub fn set_token(&self, token: Option<&Secret>) {
        let header = token.and_then(|token| HeaderValue::try_from(token.as_header()).ok());
        *self.authorization.borrow_mut() = header.map(|mut header| {
            header.set_sensitive(true);
            header
        });
    }

    /// Calls `address` (`host:port`) and reads the whole answer, all within `limit`.
    ///
    /// # Errors
    /// Whether nothing was processed, or nobody knows.
    pub async fn call(
        &self,
        verb: Verb,
        address: &str,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), CallError> {
        let exchange = self.exchange(verb, address, path, body, limit);
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(CallError::TimedOut))
    }

    /// The same for a caller who gives it up itself after `limit`.
    ///
    /// # Errors
    /// Whether nothing was processed, or nobody knows.
    pub async fn exchange(
        &self,
        verb: Verb,
        address: &str,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), CallError> {
        if self.scheme == "http" {
            let authorization = self.authorization.borrow().clone();
            let authorization = authorization.as_ref().map(HeaderValue::as_bytes);
            let question = Question { verb, path, authorization, body };
            return self.plain.exchange(address, question, self.max_answer).await;
        }
        // Boxed, as it is not to determine how much memory a plain exchange takes.
        let encrypted = Box::pin(async {
            let request = self.request(verb, address, path).timeout(limit).insert_header((ACCEPT, "application/json"));
            let sent = if body.is_empty() {
                request.send().await
            } else {
                request.insert_header((CONTENT_TYPE, "application/json")).send_body(body).await
            };
            let mut answer = sent.map_err(|error| explain(&error))?;
            let status: StatusCode = answer.status();
            let body = answer.body().limit(self.max_answer).await;
            let body = body.map_err(|error| CallError::Broken(error.to_string()))?;
            Ok((status.as_u16(), body.to_vec()))
        });
        encrypted.await
    }

    fn request(&self, verb: Verb, address: &str, path: &str) -> awc::ClientRequest {
        let method = match verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Patch => Method::PATCH,
            Verb::Delete => Method::DELETE,
        };
        let scheme = self.scheme;
        let mut request = match tls::stand_in(address).filter(|_| scheme == "https") {
            Some((host, socket)) => {
                let request = self.inner.request(method, format!("https://{host}{path}"));
                request.address(socket).insert_header((HOST, address))
            }
            None => self.inner.request(method, format!("{scheme}://{address}{path}")),
        };
        if let Some(token) = &*self.authorization.borrow() {
            request = request.insert_header((AUTHORIZATION, token.clone()));
        }
        request
    }
}

impl Default for Client {
    fn default() -> Self {
        Client::new()
    }
}

fn explain(error: &SendRequestError) -> CallError {
    match error {
        SendRequestError::Timeout | SendRequestError::Connect(ConnectError::Timeout) => CallError::TimedOut,
        SendRequestError::Connect(ConnectError::Io(io)) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            CallError::Refused
        }
        SendRequestError::Connect(ConnectError::Io(io)) => {
            CallError::Broken(tls::explain_handshake(io).unwrap_or_else(|| error.to_string()))
        }
        SendRequestError::Connect(ConnectError::Resolver(_) | ConnectError::NoRecords) => CallError::Refused,
        other => CallError::Broken(other.to_string()),
    }
}
