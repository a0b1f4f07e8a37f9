//! Reading a request's body within limits.

use actix_web::web::{BytesMut, Payload};

use super::Bounds;
use crate::wire::Problem;

/// A body above the limit is read and thrown away up to this size, so that the sender can read the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;

/// The whole body, if it comes in time and is no larger than it may be.
pub(super) async fn read(payload: Payload, bounds: &Bounds) -> Result<BytesMut, Problem> {
    match tokio::time::timeout(bounds.body_time, gather(payload, bounds.max_body)).await {
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

async fn gather(payload: Payload, max_body: usize) -> Result<BytesMut, Problem> {
    let mut stream = payload.into_inner();
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

fn poll_chunk(
    stream: &mut actix_web::dev::Payload,
    context: &mut std::task::Context<'_>,
) -> std::task::Poll<Option<Result<actix_web::web::Bytes, actix_web::error::PayloadError>>> {
    use futures_core::Stream;
    std::pin::Pin::new(stream).poll_next(context)
}
