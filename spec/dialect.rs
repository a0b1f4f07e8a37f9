//! Nodes that speak the other dialect, played by a small stand-in.
//!
//! The stand-in behaves as those nodes do: ids are strings, a member too many makes it fail, it re-sends its whole cache
//! again and again, lets a ttl of 3 run out, and drops peers that refuse or answer anything but `{"status":"OK"}`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Server, eventually, try_call};

/// A message of the dialect, as it was received.
#[derive(Clone, Debug, PartialEq)]
struct Book {
    uuid: String,
    version: u64,
    book: String,
}

#[derive(Default)]
struct Inner {
    port: u16,
    peers: BTreeSet<String>,
    cache: BTreeMap<String, Book>,
    seen: BTreeSet<String>,
    complaints: Vec<String>,
    connections: Vec<TcpStream>,
    /// It is to be gone: nobody is served any more.
    gone: bool,
}

/// One node of the other dialect.
struct StandIn {
    inner: Arc<Mutex<Inner>>,
    stopped: Arc<AtomicBool>,
    port: u16,
}

impl StandIn {
    fn start(port: u16) -> StandIn {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Mutex::new(Inner { port, ..Inner::default() }));
        let stopped = Arc::new(AtomicBool::new(false));
        let node = StandIn { inner: inner.clone(), stopped: stopped.clone(), port };
        let (serving, ended) = (inner.clone(), stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let serving = serving.clone();
                std::thread::spawn(move || serve(stream, &serving));
            }
        });
        std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                resend(&inner);
                std::thread::park_timeout(Duration::from_millis(300));
            }
        });
        node
    }

    /// Registers at a seed and takes over the peers that it names.
    fn join(&self, seed: u16) {
        let own = self.port.to_string();
        let answer = try_call("GET", seed, &format!("/peers/{own}"), None).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let named: Vec<String> = serde_json::from_str(&answer.body).expect("an array of strings");
        assert!(named.contains(&own) && !named.contains(&seed.to_string()), "{named:?}");
        let mut inner = self.inner.lock().unwrap();
        inner.peers.insert(seed.to_string());
        inner.peers.extend(named.into_iter().filter(|id| *id != own));
    }

    fn draw(&self, version: u64, book: &str) {
        let mut inner = self.inner.lock().unwrap();
        let own = inner.port.to_string();
        let uuid = format!("00000000-0000-4000-8000-{:012}", u64::from(self.port) * 1_000 + version);
        inner.seen.insert(uuid.clone());
        inner.cache.insert(own, Book { uuid, version, book: book.to_owned() });
    }

    fn book_of(&self, id: u16) -> Option<Book> {
        self.inner.lock().unwrap().cache.get(&id.to_string()).cloned()
    }

    fn complaints(&self) -> Vec<String> {
        self.inner.lock().unwrap().complaints.clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let mut inner = self.inner.lock().unwrap();
        inner.gone = true;
        for connection in inner.connections.drain(..) {
            // The other side may have closed it.
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
        drop(inner);
        // Wakes the accepting thread; when that is gone already, nothing needs to be woken.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(stream: TcpStream, node: &Mutex<Inner>) {
    {
        // One that was accepted just before the end is not served after it.
        let mut inner = node.lock().unwrap();
        if inner.gone {
            return;
        }
        inner.connections.push(stream.try_clone().unwrap());
    }
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (method, path) = (words[0].to_owned(), words[1].to_owned());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (status, answer) = answer(node, &method, &path, &body);
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(node: &Mutex<Inner>, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let mut inner = node.lock().unwrap();
    match (method, path.strip_prefix("/peers/")) {
        ("GET", Some(id)) if id.parse::<u16>().is_ok() => {
            inner.peers.insert(id.to_owned());
            (200, json!(inner.peers).to_string())
        }
        ("POST", None) if path == "/gossip" => match take(&mut inner, body) {
            Ok(()) => (200, json!({"status": "OK"}).to_string()),
            Err(complaint) => {
                inner.complaints.push(complaint.clone());
                (500, complaint)
            }
        },
        _ => (404, "not found".to_owned()),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

fn take(inner: &mut Inner, body: &[u8]) -> Result<(), String> {
    let push: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if keys(&push) != ["client_id", "messages"] || !push["client_id"].is_string() {
        return Err(format!("members of a push: {push}"));
    }
    for message in push["messages"].as_array().ok_or("no messages")? {
        if keys(message) != ["client_id", "payload", "ttl", "uuid"] || keys(&message["payload"]) != ["book", "version"]
        {
            return Err(format!("members of a message: {message}"));
        }
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("no text in {message}"));
        if message["ttl"].as_u64().is_none_or(|ttl| ttl < 1) {
            return Err(format!("ttl of {message}"));
        }
        let (uuid, origin) = (text(&message["uuid"])?, text(&message["client_id"])?);
        let version = message["payload"]["version"].as_u64().ok_or("no version")?;
        if inner.seen.insert(uuid.clone()) && inner.cache.get(&origin).is_none_or(|held| held.version < version) {
            inner.cache.insert(origin, Book { uuid, version, book: text(&message["payload"]["book"])? });
        }
    }
    Ok(())
}

/// Sends the whole cache to every peer; drops those that do not answer as they should.
fn resend(node: &Mutex<Inner>) {
    let (own, peers, body) = {
        let inner = node.lock().unwrap();
        let own = inner.port.to_string();
        let messages: Vec<Value> = inner
            .cache
            .iter()
            .map(|(origin, b)| json!({"uuid": b.uuid, "client_id": origin, "ttl": 3, "payload": {"version": b.version, "book": b.book}}))
            .collect();
        let messages = if messages.is_empty() { Value::Null } else { json!(messages) };
        (own.clone(), inner.peers.clone(), json!({"client_id": own, "messages": messages}).to_string())
    };
    for peer in peers.iter().filter(|peer| **peer != own) {
        let port: u16 = peer.parse().unwrap();
        let answered = try_call("POST", port, "/gossip", Some(body.as_bytes()));
        let fine = answered
            .is_ok_and(|answer| serde_json::from_str::<Value>(&answer.body).ok() == Some(json!({"status": "OK"})));
        if !fine {
            let mut inner = node.lock().unwrap();
            inner.peers.remove(peer);
        }
    }
}

fn knows(server: &Server, id: u16, version: u64) -> Option<()> {
    server.state(id).filter(|state| state.version >= version).map(|_| ())
}

#[test]
fn a_stand_in_joins_our_network() {
    let servers = crate::harness::network(4, &["--interval", "0"]);
    let stand_in = StandIn::start(0);
    stand_in.draw(1, "Foreign Book by Nobody");
    stand_in.join(servers[0].port);
    eventually("we all know its book", || servers.iter().try_for_each(|s| knows(s, stand_in.port, 1)));
    eventually("it knows all ours, uuids included", || {
        servers.iter().all(|s| stand_in.book_of(s.port).is_some_and(|book| book.version == 1)).then_some(())
    });
    stand_in.draw(2, "A Second One by Nobody");
    eventually("and the next", || servers.iter().try_for_each(|s| knows(s, stand_in.port, 2)));
    let held = servers[2].state(stand_in.port).unwrap();
    assert_eq!(held.payload.get(), r#"{"book":"A Second One by Nobody"}"#);
    assert!(servers.iter().all(|s| !s.peers().contains(&stand_in.port)), "it never links");
    // Its echoes of our own messages are no reason to raise a version.
    assert!(servers.iter().all(|s| s.digest().version == 1));
    assert_eq!(stand_in.complaints(), Vec::<String>::new());
}

#[test]
fn our_nodes_take_a_stand_in_for_a_seed() {
    let stand_in = StandIn::start(0);
    stand_in.draw(1, "First of All by Nobody");
    let seed = stand_in.port.to_string();
    let servers: Vec<Server> = (0..3).map(|_| Server::start(&["--seed", &seed, "--interval", "0"])).collect();
    for server in &servers {
        eventually("we know its book", || knows(server, stand_in.port, 1));
    }
    eventually("it knows ours", || servers.iter().all(|s| stand_in.book_of(s.port).is_some()).then_some(()));
    eventually("ours know each other", || {
        servers.iter().all(|s| servers.iter().all(|other| knows(s, other.port, 1).is_some())).then_some(())
    });
    assert_eq!(stand_in.complaints(), Vec::<String>::new());
}

#[test]
fn a_chain_of_both_kinds_knows_all_books() {
    let first = Server::start(&["--interval", "0"]);
    let stand_ins: Vec<StandIn> = (0..2).map(|_| StandIn::start(0)).collect();
    stand_ins[0].draw(1, "One by Nobody");
    stand_ins[0].join(first.port);
    let second = Server::start(&["--seed", &stand_ins[0].port.to_string(), "--interval", "0"]);
    stand_ins[1].draw(1, "Two by Nobody");
    stand_ins[1].join(second.port);
    let third = Server::start(&["--seed", &stand_ins[1].port.to_string(), "--interval", "0"]);
    let fourth = Server::join(&third, &["--interval", "0"]);
    let ours = [first, second, third, fourth];
    let all: Vec<u16> = ours.iter().map(|s| s.port).chain(stand_ins.iter().map(|s| s.port)).collect();
    for id in all {
        for server in &ours {
            eventually("ours know everyone", || knows(server, id, 1));
        }
        for stand_in in &stand_ins {
            eventually("theirs know everyone", || stand_in.book_of(id));
        }
    }
}

#[test]
fn a_restarted_stand_in_regains_its_version() {
    let servers = crate::harness::network(3, &["--interval", "0"]);
    let port = {
        let stand_in = StandIn::start(0);
        stand_in.draw(7, "Seven by Nobody");
        stand_in.join(servers[0].port);
        eventually("we know it", || servers.iter().try_for_each(|s| knows(s, stand_in.port, 7)));
        stand_in.port
    };
    let again = eventually("its port is free again", || {
        TcpListener::bind(("127.0.0.1", port)).ok().map(drop).map(|()| StandIn::start(port))
    });
    again.join(servers[1].port);
    let book = eventually("it is told its own book", || again.book_of(port));
    assert_eq!((book.version, book.uuid), (7, format!("00000000-0000-4000-8000-{:012}", u64::from(port) * 1_000 + 7)));
}

#[test]
fn a_stand_in_that_is_gone_is_dropped_and_does_not_count() {
    let server = Server::start(&["--interval", "100ms"]);
    let stand_in = StandIn::start(0);
    stand_in.join(server.port);
    let port = stand_in.port.to_string();
    let names = || server.get(&format!("/peers/{}", server.port)).body;
    assert!(names().contains(&port), "{}", names());
    drop(stand_in);
    let began = Instant::now();
    eventually("it is dropped", || (!names().contains(&port)).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(20));
    let others = [Server::join(&server, &["--interval", "0"]), Server::join(&server, &["--interval", "0"])];
    eventually("both places that are left are taken", || (server.peers().len() == 2).then_some(()));
    eventually("they know the server", || others.iter().try_for_each(|other| knows(other, server.port, 1)));
}
