//! Telling who encrypts from who does not, so that the latter reads why nothing else is answered.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::wire::Problem;

/// How each record of a handshake begins (RFC 8446, section 5.1); no method of HTTP does.
const HANDSHAKE: u8 = 22;

/// How long what is sent without encryption is read and thrown away, so that its sender can read the answer.
pub(super) const TIME_TO_DISCARD: Duration = Duration::from_secs(1);

/// Whether the first byte is that of a handshake. One that closes without any counts as if it were.
pub(super) async fn begins(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok(read == 0 || first[0] == HANDSHAKE)
}

/// What those are told that do not encrypt.
pub(super) fn missing() -> Problem {
    Problem::new(400, "this node speaks HTTPS only: ask with https:// and its network's authority")
}
