//! Telling who encrypts from who does not, so that the latter reads why nothing else is answered.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use actix_web::error::PayloadError;
use futures_core::Stream;
use hyper::body::Bytes;
use tokio::net::TcpStream;

use crate::wire::Problem;

/// How each record of a handshake begins (RFC 8446, section 5.1); no method of HTTP does.
const HANDSHAKE: u8 = 22;

/// Most bytes and time for what is sent without encryption.
const MOST_DISCARDED: usize = 2 * 1024 * 1024;
const TIME_TO_DISCARD: Duration = Duration::from_secs(1);

/// Whether the first byte is that of a handshake. One that closes without any counts as if it were.
pub(super) async fn begins(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok(read == 0 || first[0] == HANDSHAKE)
}

/// Reads what such a one sends, within bounds, as it would find its connection reset otherwise and not the answer (RFC 9112,
/// section 9.6).
pub(super) async fn discard(mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin) {
    let mut left = MOST_DISCARDED;
    let read = async {
        while let Some(Ok(piece)) = poll_fn(|context| Pin::new(&mut body).poll_next(context)).await {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whoever is slower than that has had its chance to read.
    let _ = tokio::time::timeout(TIME_TO_DISCARD, read).await;
}

/// What those are told that do not encrypt.
pub(super) fn missing() -> Problem {
    Problem::new(400, "this node speaks HTTPS only: ask with https:// and its network's authority")
}
