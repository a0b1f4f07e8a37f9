//! Reading a request's body within limits.

use std::time::Duration;

use actix_web::web::{BytesMut, Payload};

use crate::protocol::limits::MAX_BODY;
use crate::wire::Problem;

/// A body above the limit is read and thrown away up to this size, so that the sender can read the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;

/// A sender that takes longer for its body is not waited for.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The whole body.
pub(super) async fn read(payload: Payload) -> Result<BytesMut, Problem> {
    match tokio::time::timeout(TIME_LIMIT, gather(payload)).await {
        Ok(read) => read,
        Err(_) => Err(Problem {
            title: "Request Timeout".into(),
            ..Problem::new(408, format!("the body did not arrive within {} s", TIME_LIMIT.as_secs()))
        }),
    }
}

async fn gather(payload: Payload) -> Result<BytesMut, Problem> {
    let mut stream = payload.into_inner();
    let (mut body, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = std::future::poll_fn(|context| poll_chunk(&mut stream, context)).await {
        let chunk = chunk.map_err(|error| Problem::new(400, format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= MAX_BODY {
            body.extend_from_slice(&chunk);
        } else {
            body = BytesMut::new();
        }
        if length > MAX_DISCARDED {
            break;
        }
    }
    if length > MAX_BODY {
        let detail = format!("the body has {length} bytes or more, which are more than {MAX_BODY}");
        return Err(Problem::new(413, detail).with_limit(MAX_BODY as u64));
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
