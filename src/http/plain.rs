//! Exchanges over plain HTTP/1.1: one request, one answer, over connections that are kept open between them.
//!
//! Nodes call each other a few times a second for all their life, so an exchange is kept small: a bare connection of hyper's
//! that is driven by whoever uses it, a head without what nobody reads, and no timer but the caller's. Nothing is retried. What is read is bounded: the head
//! by [`MAX_HEAD`], the body by the caller. Certificates and streams are the other client's affair (`mod.rs`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::unconstrained;

use super::{CallError, Verb};

/// Most bytes of a head; our nodes send some 200.
const MAX_HEAD: usize = 64 * 1024;

/// How long a connection is kept that nobody uses: less than a node keeps its end open.
const IDLE_TIME: Duration = Duration::from_secs(75);

/// How often those that have been idle for longer are looked for, while there are calls.
const SWEEP_TIME: Duration = Duration::from_secs(10);

/// The connections of one thread.
#[derive(Default)]
pub(super) struct Connections {
    idle: RefCell<BTreeMap<String, Vec<Idle>>>,
    swept: Cell<Option<Instant>>,
}

/// An open connection. Nothing drives it while it is idle: that the other side closed it is seen when it is taken up again.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// What moves the bytes of a connection; gone when that has ended, so that whoever still waits is told.
type Driver = Option<Pin<Box<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>>>;

/// Moves what can be moved.
fn drive(driver: &mut Driver, context: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|running| running.as_mut().poll(context).is_ready()) {
        *driver = None;
    }
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// What a call says.
pub(super) struct Question<'a> {
    pub(super) verb: Verb,
    pub(super) path: &'a str,
    /// The value of the header that shows what this process may do.
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) body: Vec<u8>,
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
        let request = make_request(address, question)?;
        self.sweep();
        let mut connection = match self.take(address).await {
            Some(connection) => connection,
            // Seldom: it is not to make every call as large.
            None => Box::pin(connect(address)).await?,
        };
        let Connection { sender, driver } = &mut connection;
        let answer = driven(driver, pin!(sender.send_request(request))).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let body = driven(driver, pin!(Limited::new(answer.into_body(), max_body).collect())).await;
        let body = body.map_err(broken)?.to_bytes();
        self.put(address, connection);
        Ok((status, body.into()))
    }

    /// An idle connection that still stands.
    async fn take(&self, address: &str) -> Option<Connection> {
        loop {
            let Idle { mut connection, since } = self.idle.borrow_mut().get_mut(address)?.pop()?;
            if since.elapsed() < IDLE_TIME && connection.still_stands().await {
                return Some(connection);
            }
        }
    }

    /// Lets go, once in a while, what has been idle for too long or was closed by the other side.
    fn sweep(&self) {
        let now = Instant::now();
        if self.swept.get().is_none_or(|swept| now.duration_since(swept) >= SWEEP_TIME) {
            self.swept.set(Some(now));
            self.idle.borrow_mut().retain(|_, held| {
                held.retain_mut(|idle| now.duration_since(idle.since) < IDLE_TIME && idle.connection.is_open());
                !held.is_empty()
            });
        }
    }

    fn put(&self, address: &str, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let idle_now = Idle { connection, since: Instant::now() };
        match idle.get_mut(address) {
            Some(held) => held.push(idle_now),
            None => drop(idle.insert(address.to_owned(), vec![idle_now])),
        }
    }
}

impl Connection {
    /// Whether the other side has not closed it, as far as is known by now: whoever died must not keep a file open here.
    fn is_open(&mut self) -> bool {
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some()
    }

    /// Whether the other side has not closed it meanwhile, and it takes a request.
    async fn still_stands(&mut self) -> bool {
        self.is_open() && driven(&mut self.driver, pin!(self.sender.ready())).await.is_ok()
    }
}

/// Awaits what comes over a connection while driving it: one task less for each call, which would be woken twice.
///
/// Only driving it brings what is awaited, and is always followed by a look whether it came. So that is nobody's reason to be
/// woken: each call would be gone through once more for nothing. Nor is it ever put off for the sake of other tasks, as it would then
/// have to be woken; the socket is.
async fn driven<T>(driver: &mut Driver, awaited: Pin<&mut impl Future<Output = T>>) -> T {
    let mut awaited = pin!(unconstrained(awaited));
    poll_fn(|context| {
        let mut unwoken = Context::from_waker(Waker::noop());
        if let Poll::Ready(come) = awaited.as_mut().poll(&mut unwoken) {
            return Poll::Ready(come);
        }
        drive(driver, context);
        // What has ended drives nothing any more.
        awaited.as_mut().poll(if driver.is_some() { &mut unwoken } else { context })
    })
    .await
}

async fn connect(address: &str) -> Result<Connection, CallError> {
    let stream = tokio::time::timeout(super::CONNECT_TIME, reach(address)).await.unwrap_or(Err(CallError::TimedOut))?;
    stream.set_nodelay(true).map_err(broken)?;
    let (sender, driver) =
        http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    Ok(Connection { sender, driver: Some(Box::pin(driver)) })
}

async fn reach(address: &str) -> Result<TcpStream, CallError> {
    // A name that leads nowhere is like a port where nobody listens: nothing was processed.
    let mut last = CallError::Refused;
    for socket in lookup_host(address).await.map_err(|_| CallError::Refused)? {
        match TcpStream::connect(socket).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => last = CallError::Refused,
            Err(error) => last = broken(error),
        }
    }
    Err(last)
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CallError {
    CallError::Broken(error.into().to_string())
}

/// No `User-Agent` and no `Content-Type`: whoever names no agent is one of us, and all that nodes say is JSON (PROTOCOL.md).
fn make_request(address: &str, question: Question<'_>) -> Result<Request<Full<Bytes>>, CallError> {
    let method = match question.verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    };
    let mut request = Request::builder().method(method).uri(question.path).header(HOST, address);
    if let Some(authorization) = question.authorization {
        let mut shown = HeaderValue::from_bytes(authorization).map_err(broken)?;
        shown.set_sensitive(true);
        request = request.header(AUTHORIZATION, shown);
    }
    request.body(Full::new(question.body.into())).map_err(broken)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn within<T>(work: impl Future<Output = T>) -> T {
        actix_rt::System::new().block_on(work)
    }

    /// What one call gets of a server that says `answer` and closes.
    fn ask(answer: &'static [u8], max_body: usize) -> Result<(u16, Vec<u8>), CallError> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{\"a\":1}") {
                let mut piece = [0; 1024];
                let length = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..length]);
            }
            // In two pieces, to be put together again.
            let (first, second) = answer.split_at(answer.len() / 2);
            stream.write_all(first).unwrap();
            stream.flush().unwrap();
            stream.write_all(second).unwrap();
            String::from_utf8(request).unwrap()
        });
        let body = b"{\"a\":1}".to_vec();
        let question = Question { verb: Verb::Post, path: "/gossip/", authorization: Some(b"Bearer x"), body };
        let answered = within(Connections::default().exchange(&address, question, max_body));
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /gossip/ HTTP/1.1\r\n"), "{request}");
        for field in [&*format!("host: {address}"), "authorization: Bearer x", "content-length: 7"] {
            assert!(request.contains(&format!("\r\n{field}\r\n")), "{request}");
        }
        answered
    }

    #[test]
    fn answers_are_read_whichever_way_their_length_is_said() {
        let body = b"{\"ok\":true}".to_vec();
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}"[..],
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"ok\"\r\n6\r\n:true}\r\n0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nServer: Flask\r\n\r\n{\"ok\":true}",
        ] {
            assert_eq!(ask(answer, 11), Ok((200, body.clone())), "{}", String::from_utf8_lossy(answer));
        }
        assert_eq!(ask(b"HTTP/1.1 204 No Content\r\n\r\n", 0), Ok((204, Vec::new())));
        assert_eq!(ask(b"HTTP/1.1 204 \r\n\r\n", 0), Ok((204, Vec::new())));
    }

    #[test]
    fn what_is_too_long_broken_or_no_http_is_an_error() {
        for (answer, max_body) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}"[..], 10),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n", 10),
            (b"HTTP/1.0 200 OK\r\n\r\n{\"ok\":true}", 10),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok\":true}", 100),
            (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n1", 100),
            (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", 100),
            (b"HTTP/1.1 200", 100),
        ] {
            let said = String::from_utf8_lossy(answer);
            assert!(matches!(ask(answer, max_body), Err(CallError::Broken(_))), "{said}");
        }
    }

    #[test]
    fn one_connection_serves_one_call_after_another() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..3 {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut piece = [0; 1024];
                    let length = stream.read(&mut piece).unwrap();
                    request.extend_from_slice(&piece[..length]);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").unwrap();
            }
        });
        let connections = Connections::default();
        within(async {
            for _ in 0..3 {
                let question = Question { verb: Verb::Get, path: "/peers/", authorization: None, body: Vec::new() };
                assert_eq!(connections.exchange(&address, question, 10).await, Ok((200, b"[]".to_vec())));
            }
        });
        server.join().unwrap();
    }

    #[test]
    fn a_call_that_is_given_up_leaves_no_connection_behind() {
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let server = std::thread::spawn(move || {
                // A node that runs on this machine may knock at any port, with a POST.
                let asks = |stream: &std::net::TcpStream| {
                    let mut start = [0; 4];
                    stream.peek(&mut start).is_ok_and(|length| &start[..length] == b"GET ")
                };
                let mut stream = listener.incoming().map(Result::unwrap).find(asks).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                stream.write_all(answer).unwrap();
                // It ends as the other side closes it; one that is left open ends with an error.
                std::io::copy(&mut stream, &mut std::io::sink())
            });
            let connections = Connections::default();
            within(async {
                let question = Question { verb: Verb::Get, path: "/peers/", authorization: None, body: Vec::new() };
                let call = connections.exchange(&address, question, 100);
                assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
                while !server.is_finished() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
            assert!(server.join().unwrap().is_ok(), "the connection stayed open");
        }
    }

    #[test]
    fn what_would_break_the_request_apart_is_never_sent() {
        let question = |path| Question { verb: Verb::Get, path, authorization: None, body: Vec::new() };
        assert!(make_request("localhost:1", question("/a b")).is_err());
        assert!(make_request("localhost:1", question("/a\r\nx: y")).is_err());
        assert!(make_request("local\r\nhost:1", question("/a")).is_err());
        assert!(make_request("localhost:1", question("/a?b=c")).is_ok());
    }
}
