//! Exchanges over plain HTTP/1.1 (RFC 9112): one request, one answer, over connections that are kept open between them.
//!
//! Nodes call each other a few times a second for all their life, so an exchange is kept small: one write, a head without
//! what nobody reads, no timer but the caller's, no task. Nothing is retried. What is read is bounded: the head by
//! [`MAX_HEAD`], the body by the caller. Certificates and streams are the other client's affair (`mod.rs`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};

use super::{AGENT, CallError, Verb};

/// Most bytes of a head; our nodes send some 200.
const MAX_HEAD: usize = 64 * 1024;

/// Most header fields of an answer.
const MAX_FIELDS: usize = 64;

/// How long a connection is kept that nobody uses: less than a node keeps its end open.
const IDLE_TIME: Duration = Duration::from_secs(75);

/// How often those that have been idle for longer are looked for, while there are calls.
const SWEEP_TIME: Duration = Duration::from_secs(10);

/// Room for what is read at once; a longer answer makes more for itself.
const ROOM: usize = 4 * 1024;

/// The connections of one thread.
#[derive(Default)]
pub(super) struct Connections {
    idle: RefCell<BTreeMap<String, Vec<Idle>>>,
    swept: Cell<Option<Instant>>,
}

struct Idle {
    stream: TcpStream,
    since: Instant,
}

/// What a call says.
pub(super) struct Question<'a> {
    pub(super) verb: Verb,
    pub(super) path: &'a str,
    /// The value of the header that shows what this process may do.
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) body: &'a [u8],
}

impl Connections {
    /// Calls `address` and reads the whole answer, whose body may have `max_body` bytes. The caller limits the time.
    ///
    /// # Errors
    /// Whether nothing was processed, or nobody knows.
    pub(super) async fn exchange(
        &self,
        address: &str,
        question: Question<'_>,
        max_body: usize,
    ) -> Result<(u16, Vec<u8>), CallError> {
        let request = write_request(address, &question)?;
        let mut stream = match self.take(address) {
            Some(stream) => stream,
            None => connect(address).await?,
        };
        stream.write_all(&request).await.map_err(broken)?;
        let mut answer = Answer { stream: &mut stream, bytes: Vec::with_capacity(ROOM) };
        let head = answer.head().await?;
        let body = answer.body(&head, max_body).await?;
        // What came behind the answer belongs to nothing.
        if head.keeps_open && answer.bytes.is_empty() {
            self.put(address, stream);
        }
        Ok((head.status, body))
    }

    /// An idle connection that still stands.
    fn take(&self, address: &str) -> Option<TcpStream> {
        let mut idle = self.idle.borrow_mut();
        let held = idle.get_mut(address)?;
        while let Some(Idle { stream, since }) = held.pop() {
            let quiet = stream.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            if quiet && since.elapsed() < IDLE_TIME {
                return Some(stream);
            }
        }
        None
    }

    fn put(&self, address: &str, stream: TcpStream) {
        let now = Instant::now();
        let mut idle = self.idle.borrow_mut();
        if self.swept.get().is_none_or(|swept| now.duration_since(swept) >= SWEEP_TIME) {
            self.swept.set(Some(now));
            idle.retain(|_, held| {
                held.retain(|idle| now.duration_since(idle.since) < IDLE_TIME);
                !held.is_empty()
            });
        }
        let idle_now = Idle { stream, since: now };
        match idle.get_mut(address) {
            Some(held) => held.push(idle_now),
            None => drop(idle.insert(address.to_owned(), vec![idle_now])),
        }
    }
}

async fn connect(address: &str) -> Result<TcpStream, CallError> {
    let connecting = async {
        // A name that leads nowhere is like a port where nobody listens: nothing was processed.
        let found = lookup_host(address).await.map_err(|_| CallError::Refused)?;
        let mut last = CallError::Refused;
        for socket in found {
            match TcpStream::connect(socket).await {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(broken)?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => last = CallError::Refused,
                Err(error) => last = broken(error),
            }
        }
        Err(last)
    };
    tokio::time::timeout(super::CONNECT_TIME, connecting).await.unwrap_or(Err(CallError::TimedOut))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where a function of the error is wanted")]
fn broken(error: std::io::Error) -> CallError {
    CallError::Broken(error.to_string())
}

fn write_request(address: &str, question: &Question<'_>) -> Result<Vec<u8>, CallError> {
    let plain = |text: &str| text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if !plain(address) || !plain(question.path) {
        return Err(CallError::Broken("the address or the path is none of HTTP".to_owned()));
    }
    let body = question.body;
    let mut request = Vec::with_capacity(256 + body.len());
    let parts = [question.verb.name(), " ", question.path, " HTTP/1.1\r\nhost: ", address, "\r\nuser-agent: ", AGENT];
    parts.iter().for_each(|part| request.extend_from_slice(part.as_bytes()));
    if let Some(authorization) = question.authorization {
        request.extend_from_slice(b"\r\nauthorization: ");
        request.extend_from_slice(authorization);
    }
    if !body.is_empty() {
        let length = body.len();
        request.extend_from_slice(format!("\r\ncontent-type: application/json\r\ncontent-length: {length}").as_bytes());
    } else if question.verb != Verb::Get {
        request.extend_from_slice(b"\r\ncontent-length: 0");
    }
    request.extend_from_slice(b"\r\n\r\n");
    request.extend_from_slice(body);
    Ok(request)
}

/// How the length of a body is known (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
    UntilTheEnd,
}

/// What matters of an answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: Length,
    keeps_open: bool,
}

/// The head at the beginning of `bytes` and its own length; `None` while it is not complete.
fn read_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, CallError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let end = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) if bytes.len() <= MAX_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(CallError::Broken("the head of the answer has no end".to_owned())),
        Err(error) => return Err(CallError::Broken(format!("no answer of HTTP: {error}"))),
    };
    let status = parsed.code.unwrap_or(0);
    let mut head = Head { status, length: Length::UntilTheEnd, keeps_open: parsed.version == Some(1) };
    for field in parsed.headers.iter() {
        let value = String::from_utf8_lossy(field.value);
        let has = |token: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token));
        if field.name.eq_ignore_ascii_case("connection") {
            head.keeps_open = !has("close") && (head.keeps_open || has("keep-alive"));
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            // Nothing else was offered (section 7.4).
            if !value.trim().eq_ignore_ascii_case("chunked") {
                return Err(CallError::Broken("the answer is coded in a way that was not asked for".to_owned()));
            }
            head.length = Length::Chunked;
        } else if field.name.eq_ignore_ascii_case("content-length") && head.length != Length::Chunked {
            let length = value.trim().parse();
            let length = length.map_err(|_| CallError::Broken("the answer's length is no number".to_owned()))?;
            head.length = match head.length {
                Length::Known(other) if other != length => {
                    return Err(CallError::Broken("the answer has two lengths".to_owned()));
                }
                _ => Length::Known(length),
            };
        }
    }
    if matches!(status, 100..=199 | 204 | 304) {
        head.length = Length::Known(0);
    }
    head.keeps_open &= head.length != Length::UntilTheEnd;
    Ok(Some((head, end)))
}

/// An answer as it comes.
struct Answer<'a> {
    stream: &'a mut TcpStream,
    /// What was read and not yet used.
    bytes: Vec<u8>,
}

impl Answer<'_> {
    /// Reads on. False at the end of the connection.
    async fn more(&mut self) -> Result<bool, CallError> {
        if self.bytes.capacity() == self.bytes.len() {
            self.bytes.reserve(self.bytes.len().max(ROOM));
        }
        Ok(self.stream.read_buf(&mut self.bytes).await.map_err(broken)? > 0)
    }

    /// The same where the answer is not at its end.
    async fn must_go_on(&mut self) -> Result<(), CallError> {
        if self.more().await? { Ok(()) } else { Err(CallError::Broken("the answer broke off".to_owned())) }
    }

    async fn head(&mut self) -> Result<Head, CallError> {
        loop {
            match if self.bytes.is_empty() { None } else { read_head(&self.bytes)? } {
                // What goes before the answer proper (RFC 9110, section 15.2).
                Some((Head { status: 100..=199, .. }, end)) => drop(self.bytes.drain(..end)),
                Some((head, end)) => {
                    self.bytes.drain(..end);
                    return Ok(head);
                }
                None => self.must_go_on().await?,
            }
        }
    }

    async fn body(&mut self, head: &Head, max_body: usize) -> Result<Vec<u8>, CallError> {
        let too_long = || CallError::Broken(format!("the answer has more than {max_body} bytes"));
        match head.length {
            Length::Known(length) if length > max_body => Err(too_long()),
            Length::Known(length) => {
                while self.bytes.len() < length {
                    self.bytes.reserve(length - self.bytes.len());
                    self.must_go_on().await?;
                }
                let rest = self.bytes.split_off(length);
                Ok(std::mem::replace(&mut self.bytes, rest))
            }
            Length::UntilTheEnd => {
                while self.bytes.len() <= max_body && self.more().await? {}
                if self.bytes.len() > max_body { Err(too_long()) } else { Ok(std::mem::take(&mut self.bytes)) }
            }
            Length::Chunked => {
                let mut body = Vec::new();
                while let Some(chunk) = self.chunk(max_body - body.len()).await?.filter(|chunk| !chunk.is_empty()) {
                    body.extend_from_slice(&chunk);
                }
                self.trailers().await?;
                Ok(body)
            }
        }
    }

    /// The next chunk of at most so many bytes (RFC 9112, section 7.1); an empty one is the last.
    async fn chunk(&mut self, most: usize) -> Result<Option<Vec<u8>>, CallError> {
        let malformed = || CallError::Broken("a chunk of the answer is malformed".to_owned());
        let (start, size) = loop {
            match httparse::parse_chunk_size(&self.bytes).map_err(|_| malformed())? {
                httparse::Status::Complete((start, size)) => break (start, size),
                httparse::Status::Partial if self.bytes.len() > MAX_HEAD => return Err(malformed()),
                httparse::Status::Partial => self.must_go_on().await?,
            }
        };
        let size = usize::try_from(size).ok().filter(|size| *size <= most);
        let size = size.ok_or_else(|| CallError::Broken("the answer has too many bytes".to_owned()))?;
        if size == 0 {
            self.bytes.drain(..start);
            return Ok(None);
        }
        while self.bytes.len() < start + size + 2 {
            self.must_go_on().await?;
        }
        let chunk = self.bytes[start..start + size].to_vec();
        if self.bytes[start + size..start + size + 2] != *b"\r\n" {
            return Err(malformed());
        }
        self.bytes.drain(..start + size + 2);
        Ok(Some(chunk))
    }

    /// Reads past what follows the last chunk.
    async fn trailers(&mut self) -> Result<(), CallError> {
        loop {
            if self.bytes.starts_with(b"\r\n") {
                self.bytes.drain(..2);
                return Ok(());
            }
            match self.bytes.windows(2).position(|end| end == b"\r\n") {
                Some(end) => drop(self.bytes.drain(..end + 2)),
                None if self.bytes.len() > MAX_HEAD => {
                    return Err(CallError::Broken("the answer has no end".to_owned()));
                }
                None => self.must_go_on().await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// What one call gets of a server that says `answer` and closes.
    fn ask(answer: &'static [u8], max_body: usize) -> Result<(u16, Vec<u8>), CallError> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            // In two pieces, to be put together again.
            let (first, second) = answer.split_at(answer.len() / 2);
            stream.write_all(first).unwrap();
            stream.flush().unwrap();
            stream.write_all(second).unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connections = Connections::default();
        let question =
            Question { verb: Verb::Post, path: "/gossip/", authorization: Some(b"Bearer x"), body: b"{\"a\":1}" };
        let answered = runtime.block_on(connections.exchange(&address, question, max_body));
        let request = server.join().unwrap();
        assert!(request.starts_with(&format!("POST /gossip/ HTTP/1.1\r\nhost: {address}\r\nuser-agent: gossip\r\n")));
        assert!(
            request.contains("authorization: Bearer x\r\n") && request.ends_with("content-length: 7\r\n\r\n{\"a\":1}")
        );
        answered
    }

    #[test]
    fn answers_are_read_whichever_way_their_length_is_said() {
        let body = b"{\"ok\":true}".to_vec();
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}"[..],
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"ok\"\r\n6\r\n:true}\r\n0\r\nz: 1\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nServer: Flask\r\n\r\n{\"ok\":true}",
        ] {
            assert_eq!(ask(answer, 11), Ok((200, body.clone())), "{}", String::from_utf8_lossy(answer));
        }
        assert_eq!(ask(b"HTTP/1.1 204 No Content\r\n\r\n", 0), Ok((204, Vec::new())));
    }

    #[test]
    fn what_is_too_long_broken_or_no_http_is_an_error() {
        for (answer, max_body) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}"[..], 10),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n", 10),
            (b"HTTP/1.0 200 OK\r\n\r\n{\"ok\":true}", 10),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok\":true}", 100),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12", 100),
            (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n1", 100),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ncontent-length: 1\r\n\r\n1", 100),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n1", 100),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n12\r\n0\r\n\r\n", 100),
            (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", 100),
            (b"HTTP/1.1 200", 100),
        ] {
            let said = String::from_utf8_lossy(answer);
            assert!(matches!(ask(answer, max_body), Err(CallError::Broken(_))), "{said}");
        }
    }

    #[test]
    fn what_would_break_the_request_apart_is_never_sent() {
        let question = |path| Question { verb: Verb::Get, path, authorization: None, body: b"" };
        assert!(write_request("localhost:1", &question("/a b")).is_err());
        assert!(write_request("localhost:1", &question("/a\r\nx: y")).is_err());
        assert!(write_request("local host:1", &question("/a")).is_err());
        assert_eq!(
            write_request("localhost:1", &question("/a?b=c")).unwrap(),
            b"GET /a?b=c HTTP/1.1\r\nhost: localhost:1\r\nuser-agent: gossip\r\n\r\n"
        );
    }
}
