//! Answers that do not end: read piece by piece, as they come.

use std::pin::Pin;
use std::time::Duration;

use awc::error::PayloadError;
use awc::http::header::ACCEPT;
use futures_core::Stream;

use super::{CallError, Client, Verb, explain};

/// The client counts the time of a whole answer; of one that does not end it is this.
const NO_LIMIT: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 64 * 1024;

/// The body of an answer as it comes.
pub struct Body {
    pieces: Pin<Box<dyn Stream<Item = Result<Vec<u8>, PayloadError>>>>,
}

impl Client {
    /// Asks `address` (`host:port`) for lines of JSON and returns as soon as the answer begins, at most after `limit`. An
    /// answer other than 200 is read to its end: its status and text.
    ///
    /// # Errors
    /// Whether nobody was there, or nobody knows.
    pub async fn open(
        &self,
        address: &str,
        path: &str,
        last_event_id: Option<&str>,
        limit: Duration,
    ) -> Result<Result<Body, (u16, Vec<u8>)>, CallError> {
        let mut request = self.request(Verb::Get, address, path).timeout(NO_LIMIT);
        request = request.insert_header((ACCEPT, "application/x-ndjson"));
        if let Some(id) = last_event_id {
            request = request.insert_header(("last-event-id", id));
        }
        let sent = tokio::time::timeout(limit, request.send()).await.map_err(|_| CallError::TimedOut)?;
        let mut answer = sent.map_err(|error| explain(&error))?;
        if answer.status().as_u16() == 200 {
            return Ok(Ok(Body { pieces: Box::pin(Pieces(answer)) }));
        }
        let status = answer.status().as_u16();
        let read = tokio::time::timeout(limit, answer.body().limit(MAX_REFUSAL)).await;
        let text = read.map_err(|_| CallError::TimedOut)?.map_err(|error| CallError::Broken(error.to_string()))?;
        Ok(Err((status, text.to_vec())))
    }
}

impl Body {
    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// When nothing comes for `limit`, or the connection breaks.
    pub async fn next(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, CallError> {
        let piece = std::future::poll_fn(|context| self.pieces.as_mut().poll_next(context));
        match tokio::time::timeout(limit, piece).await {
            Err(_) => Err(CallError::TimedOut),
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(Some(Err(error))) => Err(CallError::Broken(error.to_string())),
        }
    }
}

/// The pieces as plain bytes.
struct Pieces<S>(S);

impl<S, B> Stream for Pieces<S>
where
    S: Stream<Item = Result<B, PayloadError>> + Unpin,
    B: AsRef<[u8]>,
{
    type Item = Result<Vec<u8>, PayloadError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let piece = Pin::new(&mut self.0).poll_next(context);
        piece.map(|piece| piece.map(|piece| piece.map(|bytes| bytes.as_ref().to_vec())))
    }
}
