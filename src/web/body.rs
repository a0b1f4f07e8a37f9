//! Reading a request's body within limits, and what nobody read of it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Waker, Poll};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{self, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use futures_core::Stream;

use super::{Bounds, Context};
use crate::wire::Problem;

/// A body above the limit is read and thrown away up to this size, so that the sender can read the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;

/// The whole body, if it comes in time and is no larger than it may be.
pub(super) async fn read(payload: Payload, bounds: &Bounds) -> Result<BytesMut, Problem> {
    read_stream(payload.into_inner(), bounds).await
}

/// The same of a body that has not come by way of the router.
pub(super) async fn read_stream(stream: impl Pieces, bounds: &Bounds) -> Result<BytesMut, Problem> {
    match tokio::time::timeout(bounds.body_time, gather(stream, bounds.max_body)).await {
        Ok(read) => read,
        Err(_) => Err(Problem {
            title: "Request Timeout".into(),
            ..Problem::new(
                408,
                format!("the body did not arrive within {}", humantime::format_duration(bounds.body_time)),
            )
        }),
    }
}

/// A body as it comes in.
pub trait Pieces: Stream<Item = Result<Bytes, PayloadError>> + Unpin {}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Pieces for S {}

async fn gather(mut stream: impl Pieces, max_body: usize) -> Result<BytesMut, Problem> {
    let (mut body, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = std::future::poll_fn(|context| poll_chunk(&mut stream, context)).await {
        let chunk = chunk.map_err(|error| Problem::new(400, format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= max_body {
            body.extend_from_slice(&chunk);
        } else {
            body = BytesMut::new();
        }
        if length > MAX_DISCARDED.max(max_body) {
            break;
        }
    }
    if length > max_body {
        let detail = format!("the body has {length} bytes or more, which are more than {max_body}");
        return Err(Problem::new(413, detail).with_limit(max_body as u64));
    }
    Ok(body)
}

type Chunk = Option<Result<Bytes, PayloadError>>;

fn poll_chunk(stream: &mut impl Pieces, context: &mut Waker<'_>) -> Poll<Chunk> {
    Pin::new(stream).poll_next(context)
}

/// A body that is looked at once more when the answer is there.
struct Shared(Rc<RefCell<dev::Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Waker<'_>) -> Poll<Chunk> {
        poll_chunk(&mut *self.0.borrow_mut(), context)
    }
}

/// Counts what was refused, and reads and throws away what is left of a body that was refused unread, for its rate, its token
/// or its path, up to 8 MiB. Who writes all of a body before it reads would otherwise find the connection reset
/// (RFC 9112, section 9.6), and not the answer.
///
/// # Errors
/// Those of what is behind it.
pub async fn conclude<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let context = request.app_data::<Data<Context>>().cloned();
    let answer = discard_unread(request, next).await;
    if let Some(context) = context {
        let status =
            answer.as_ref().map_or_else(|error| error.as_response_error().status_code(), ServiceResponse::status);
        context.refusals.note(status.as_u16());
    }
    answer
}

async fn discard_unread<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
    if !has_body {
        return next.call(request).await;
    }
    let time = request.app_data::<Data<Context>>().map(|context| context.bounds.body_time).unwrap_or_default();
    let body = Rc::new(RefCell::new(request.take_payload()));
    request.set_payload(dev::Payload::Stream { payload: Box::pin(Shared(body.clone())) });
    let answer = next.call(request).await?;
    // Whoever was waited for once is not waited for again.
    if answer.status() == StatusCode::REQUEST_TIMEOUT {
        return Ok(answer);
    }
    discard(Shared(body), time).await;
    Ok(answer)
}

/// Reads and throws away up to 8 MiB of a body, for so long at most: whoever is slower has had its chance to read the answer.
pub async fn discard(mut body: impl Pieces, time: Duration) {
    let read = async {
        let mut length = 0;
        while let Some(Ok(chunk)) = std::future::poll_fn(|context| poll_chunk(&mut body, context)).await {
            length += chunk.len();
            if length > MAX_DISCARDED {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(time, read).await;
}
