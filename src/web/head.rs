//! `HEAD`: what `GET` would answer, without its body (RFC 9110, section 9.3.2).
//!
//! Before a route is looked for the one is made the other, so that no handler needs to know. The length that the body would
//! have is said; a body that would go on, as that of `/events`, ends at once with all that would have fed it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;

/// Answers `HEAD` as `GET`, and lets all else through.
///
/// # Errors
/// Those of what is behind it.
pub async fn answer_head<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Unsent>>, actix_web::Error> {
    if *request.method() != Method::HEAD || registers(request.path()) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    request.head_mut().method = Method::GET;
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, body| EitherBody::right(Unsent(body.size()))))
}

/// Whether a `GET` of this path changes something, as the other dialect has it: there is no asking for its head only.
pub(super) fn registers(path: &str) -> bool {
    path.strip_prefix("/peers/").is_some_and(|id| !id.is_empty())
}

/// A body of which only the size is told.
#[derive(Clone, Copy, Debug)]
pub struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
