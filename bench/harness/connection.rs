//! One HTTP/1.1 connection that is kept open, with as little work as possible around the socket, so that the load it makes
//! costs the measured nodes no processor time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Time until the first byte of the answer.
    pub first_byte: Duration,
}

/// A connection to a port of this machine.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request as it goes over the wire; our own agent gets compact JSON.
pub fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: gossip\r\n").into_bytes();
    if !body.is_empty() {
        text.extend_from_slice(
            format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()).as_bytes(),
        );
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body);
    text
}

impl Connection {
    /// Connects.
    pub fn open(port: u16) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection { stream, buffer: vec![0; 256 * 1024] })
    }

    /// Sends a request (see [`request`]) and reads the whole answer, which must say its length.
    pub fn ask(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        let asked = Instant::now();
        self.stream.write_all(request)?;
        let (mut head, mut first_byte) = (Vec::new(), None);
        let end = loop {
            let count = self.read(&mut head)?;
            first_byte.get_or_insert_with(|| asked.elapsed());
            if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(count > 0, "the connection ended within the head of an answer");
        };
        let mut body = head.split_off(end);
        let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let length = text.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        body.reserve(length.saturating_sub(body.len()));
        while body.len() < length {
            assert!(self.read(&mut body)? > 0, "the connection ended within an answer");
        }
        Ok(Answer { status, body, first_byte: first_byte.unwrap_or_default() })
    }

    fn read(&mut self, into: &mut Vec<u8>) -> std::io::Result<usize> {
        let count = self.stream.read(&mut self.buffer)?;
        into.extend_from_slice(&self.buffer[..count]);
        Ok(count)
    }
}
