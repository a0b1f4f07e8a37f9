//! The one user of the HTTP client: connections, time limits, bounded answers.
//!
//! Nodes and the command line both call through [`Client`]. It follows no redirect (a peer's answer must not send this
//! process elsewhere), reads no more than a bounded answer, and tells a refused connection from one that broke. It never
//! retries: what is not answered is the caller's to decide.

mod stream;

use std::time::Duration;

use awc::error::{ConnectError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};

pub use stream::Body;

/// How our own programs introduce themselves: they get compact JSON.
pub const AGENT: &str = "gossip";

/// Largest answer that is read: a page of a repair and the list of wanted fingerprints fit.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

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
    max_answer: usize,
}

impl Client {
    /// A client that keeps connections open between calls.
    pub fn new() -> Client {
        let connector = awc::Connector::new()
            .limit(0)
            .timeout(Duration::from_secs(2))
            .conn_keep_alive(Duration::from_secs(75))
            .conn_lifetime(Duration::from_secs(24 * 3600));
        let inner = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .no_default_headers()
            .add_default_header((USER_AGENT, AGENT))
            .finish();
        Client { inner, max_answer: MAX_ANSWER }
    }

    /// The same client, over the same connections, for answers of at most `bytes`.
    pub fn with_answers_of(&self, bytes: usize) -> Client {
        Client { inner: self.inner.clone(), max_answer: bytes }
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
        let url = format!("http://{address}{path}");
        let request = match verb {
            Verb::Get => self.inner.get(url),
            Verb::Post => self.inner.post(url),
            Verb::Put => self.inner.put(url),
            Verb::Patch => self.inner.patch(url),
            Verb::Delete => self.inner.delete(url),
        };
        let request = request.timeout(limit).insert_header((ACCEPT, "application/json"));
        let exchange = async {
            let sent = if body.is_empty() {
                request.send().await
            } else {
                request.insert_header((CONTENT_TYPE, "application/json")).send_body(body).await
            };
            let mut answer = sent.map_err(|error| explain(&error))?;
            let status: StatusCode = answer.status();
            let body =
                answer.body().limit(self.max_answer).await.map_err(|error| CallError::Broken(error.to_string()))?;
            Ok((status.as_u16(), body.to_vec()))
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(CallError::TimedOut))
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
        SendRequestError::Connect(ConnectError::Resolver(_) | ConnectError::NoRecords) => CallError::Refused,
        other => CallError::Broken(other.to_string()),
    }
}
