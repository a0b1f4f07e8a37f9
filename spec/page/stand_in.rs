//! A server between the browser and a node: it asks for a token, cuts the stream, or answers in a whole network's stead.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the browser asked for.
pub struct Asked {
    pub target: String,
    head: Vec<String>,
    body: Vec<u8>,
}

impl Asked {
    /// Whether it changes nothing.
    pub fn reads(&self) -> bool {
        self.head.first().is_some_and(|line| line.starts_with("GET "))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// What it gets.
pub enum Reply {
    /// What the node answers.
    Forward,
    /// A refusal.
    Refuse(u16),
    /// JSON.
    Json(String),
    /// A stream that says this, and then stays open.
    Stream(String),
}

struct Shared {
    node: u16,
    decide: Box<dyn Fn(&Asked) -> Reply + Send + Sync>,
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

pub struct StandIn {
    pub port: u16,
    shared: Arc<Shared>,
    accepting: Option<std::thread::JoinHandle<()>>,
}

impl StandIn {
    /// Stands in for the node that listens at `node`.
    pub fn start(node: u16, decide: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            node,
            decide: Box::new(decide),
            open: Mutex::new(Vec::new()),
            ended: AtomicBool::new(false),
        });
        let accepting = {
            let shared = shared.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if shared.ended.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = shared.clone();
                    // A browser that goes away is no failure of the test.
                    std::thread::spawn(move || drop(serve(stream, &shared)));
                }
            })
        };
        StandIn { port, shared, accepting: Some(accepting) }
    }

    /// Cuts every connection that is open, as a cable does.
    pub fn cut(&self) {
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.cut();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    shared.open.lock().unwrap_or_else(PoisonError::into_inner).push(stream.try_clone()?);
    let asked = read(&mut stream)?;
    match (shared.decide)(&asked) {
        Reply::Forward => forward(&mut stream, shared.node, &asked)?,
        Reply::Refuse(status) => {
            let head = format!("HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes())?;
        }
        Reply::Json(body) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
        }
        Reply::Stream(body) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            write!(stream, "{head}{body}")?;
            // Until the browser, or `cut`, closes it.
            let _ = stream.read(&mut [0; 1]);
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn read(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let target = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let mut asked = Asked { target, head, body: Vec::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body)?;
    Ok(asked)
}

/// Passes the request on, one to a connection, and the answer back as it comes.
fn forward(stream: &mut TcpStream, node: u16, asked: &Asked) -> std::io::Result<()> {
    let mut node = TcpStream::connect(("127.0.0.1", node))?;
    let kept = asked.head.iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    node.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    node.write_all(&asked.body)?;
    let mut piece = [0; 16 * 1024];
    loop {
        let length = node.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&piece[..length])?;
    }
}
