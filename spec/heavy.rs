//! More of everything than anybody should send: connections, bodies, requests, nodes, and peers that answer nonsense.
//! The node stays within its bounds and goes on serving everyone else.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Server, agree, eventually, network, try_call};

/// Mebibytes that the process holds in memory.
fn resident_mib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("a number") / 1024
}

/// What is answered on a connection until the other side closes it.
fn answer_on(mut connection: TcpStream) -> String {
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    match connection.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.port)).expect("a connection")
}

#[test]
fn a_slow_sender_is_not_waited_for() {
    let server = Server::start(&["--interval", "0", "--header-time", "300ms", "--body-time", "300ms"]);
    let mut headers = connect(&server);
    headers.write_all(b"POST /gossip/ HTTP/1.1\r\nhost: x\r\n").unwrap();
    let mut body = connect(&server);
    body.write_all(b"POST /gossip/ HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[").unwrap();
    assert_eq!(server.get("/livez").status, 200);
    let answer = answer_on(body);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("did not arrive within 300ms"), "{answer}");
    let answer = answer_on(headers);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    let counted = server.get("/metrics").body;
    assert!(counted.contains("\ngossip_requests_refused_total{status=\"408\"} 1\n"), "{counted}");
}

#[test]
fn a_connection_stays_while_it_is_idle_but_not_with_half_a_request() {
    let server = Server::start(&["--interval", "0", "--header-time", "300ms"]);
    let answered = |connection: &mut TcpStream| {
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        connection.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut start = [0; 12];
        connection.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        let mut rest = [0; 1024];
        while !connection.read(&mut rest).unwrap().checked_sub(4).is_some_and(|_| rest.contains(&b'}')) {}
    };
    let (mut idle, mut half) = (connect(&server), connect(&server));
    answered(&mut idle);
    answered(&mut half);
    half.write_all(b"GET /livez HTTP/1.1\r\nhost").unwrap();
    let began = Instant::now();
    assert_eq!(answer_on(half), "");
    assert!(began.elapsed() >= Duration::from_millis(250), "closed after {:?}", began.elapsed());
    // The other has been idle for longer than a head may take.
    answered(&mut idle);
}

#[test]
fn idle_connections_give_up_their_places_to_those_that_ask() {
    let server = Server::start(&["--interval", "0", "--max-connections", "16"]);
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..100 {
        let mut connection = connect(&server);
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        connection.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut start = [0; 12];
        connection.read_exact(&mut start).expect("whoever asks is answered");
        assert_eq!(&start, b"HTTP/1.1 200");
        open.push(connection);
    }
    // The oldest of them are closed.
    let mut rest = String::new();
    open[0].read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with('}'), "{rest}");
}

#[test]
fn whoever_has_said_all_and_closes_its_side_is_answered() {
    let server = Server::start(&["--interval", "0"]);
    for request in ["GET /livez HTTP/1.1\r\nhost: x\r\n\r\n", "GET /livez HTTP/1.0\r\n\r\n"] {
        let mut connection = connect(&server);
        connection.write_all(request.as_bytes()).unwrap();
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = answer_on(connection);
        assert!(answer.contains(" 200 OK\r\n"), "{answer:?}");
    }
}

#[test]
fn a_huge_body_is_never_held() {
    let server = Server::start(&["--interval", "0"]);
    let before = resident_mib(&server);
    let mut connection = connect(&server);
    connection.write_all(b"POST /gossip/ HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n").unwrap();
    let piece = vec![b' '; 1 << 20];
    let (mut sent, mut most) = (0, before);
    // The node throws away what comes for a moment, so that the sender can read its answer, and closes.
    while sent < 953 && connection.write_all(&piece).is_ok() {
        sent += 1;
        most = most.max(if sent % 50 == 0 { resident_mib(&server) } else { 0 });
    }
    assert!(most < before + 16, "the node grew from {before} to {most} MiB");
    let answer = answer_on(connection);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn ten_thousand_silent_connections_keep_nobody_out() {
    // Both ends of each connection belong to processes of this user.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may rise to the hard one");
    let most = usize::try_from(limit.maximum.unwrap_or(1 << 20)).unwrap_or(1 << 20);
    let wanted = 10_000.min(most.saturating_sub(500));
    let servers = network(3, &["--interval", "0"]);
    let held: Vec<TcpStream> = (0..wanted).map(|_| connect(&servers[0])).collect();
    let uuid = servers[1].submit("through the crowd");
    eventually("the crowded node has it", || {
        (servers[0].get(&format!("/messages/{uuid}")).status == 200).then_some(())
    });
    agree(&servers);
    println!("{wanted} connections open, {} MiB resident", resident_mib(&servers[0]));
    drop(held);
    agree(&servers);
}

#[test]
fn whoever_asks_too_often_is_told_when_to_come_back() {
    let server = Server::start(&["--interval", "0", "--max-request-rate", "5"]);
    let mut connection = connect(&server);
    for _ in 0..30 {
        connection.write_all(b"GET /peers/ HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }
    connection.write_all(b"GET /peers/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let answers = answer_on(connection).to_lowercase();
    let count = |what: &str| answers.matches(what).count();
    assert!(count("http/1.1 200") >= 1, "{answers}");
    assert!(count("http/1.1 429") >= 15, "{answers}");
    assert_eq!(count("http/1.1 429"), count("retry-after: 1\r\n"), "{answers}");
    let refused = eventually("the limit lets one through again", || {
        let answer = server.get("/state?digest");
        (answer.status == 200).then(|| answer.json()["counters"]["requests_refused"].as_u64().expect("a count"))
    });
    assert!(refused >= 15, "{refused}");
    assert_eq!(server.get("/livez").status, 200);
}

/// The answer to one request on a connection that stays open.
fn answer_of(connection: &mut TcpStream) -> String {
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return text;
            }
        }
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => panic!("no whole answer: {text}"),
            Ok(length) => answer.extend_from_slice(&piece[..length]),
        }
    }
}

/// Whoever refuses before it has read leaves a sender that first writes everything without an answer.
#[test]
fn whatever_is_refused_can_be_read_by_those_who_write_first_and_their_connection_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "a-token\n").expect("a token");
    let token = format!("--token-file={}", token.display());
    let body = vec![b' '; 3 << 20];
    let head = |path: &str| format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    for (flags, path, status) in [
        (&["--interval=0", "--max-request-rate=1"][..], "/messages", "429"),
        (&["--interval=0", &token], "/messages", "401"),
        (&["--interval=0"], "/nothing/here", "404"),
        (&["--interval=0"], "/state", "405"),
    ] {
        let server = Server::start(flags);
        let mut connection = connect(&server);
        let mut refused = 0;
        // The first few come within the burst that the rate allows, and are too large.
        for _ in 0..100 {
            connection.write_all(head(path).as_bytes()).unwrap();
            connection.write_all(&body).unwrap();
            let answer = answer_of(&mut connection);
            assert!(
                answer.starts_with(&format!("http/1.1 {status}")) || answer.starts_with("http/1.1 413"),
                "{answer}"
            );
            refused += usize::from(answer.starts_with(&format!("http/1.1 {status}")));
            if refused == 3 {
                break;
            }
        }
        assert_eq!(refused, 3, "{path}");
        connection.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert!(answer_of(&mut connection).starts_with("http/1.1 200"), "{path}: the connection is still good");
    }
}

#[test]
fn a_flood_of_made_up_nodes_stays_within_the_table() {
    let server = Server::start(&["--interval", "0", "--max-nodes", "100"]);
    let one = |i: u32| {
        let (uuid, origin) = (format!("00000000-0000-4000-8000-{i:012}"), 10_000 + i);
        format!(r#"{{"uuid":"{uuid}","origin":{origin},"version":1,"ttl":0,"payload":{{"book":"made up"}}}}"#)
    };
    for batch in 0..10 {
        let messages: Vec<String> = (0..200).map(|i| one(batch * 200 + i)).collect();
        assert_eq!(server.post("/gossip/", &format!("[{}]", messages.join(","))).status, 200);
    }
    let digest = server.digest();
    assert!(digest.nodes <= 100, "{} nodes", digest.nodes);
    assert!(digest.counters.limited >= 1_900, "{} refused", digest.counters.limited);
    server.submit("still serving");
}

/// Accepts connections and answers each request with the same bytes, until dropped.
struct Gibberish {
    port: u16,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gibberish {
    fn answer(bytes: &'static [u8]) -> Gibberish {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (asked, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (asked.clone(), over.clone());
        let serve = move || {
            for connection in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut connection) = connection else { continue };
                let mut request = [0; 64 * 1024];
                // What cannot be read or written is an asker that is gone.
                if connection.read(&mut request).is_ok_and(|length| length > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = connection.write_all(bytes);
                }
            }
        };
        Gibberish { port, asked, over, thread: Some(std::thread::spawn(serve)) }
    }
}

impl Drop for Gibberish {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener once more; it may have ended by itself.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the listener ends");
        }
    }
}

#[test]
fn peers_that_answer_nonsense_are_left_and_spoil_nothing() {
    let answers: [&'static [u8]; 5] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n[1,2\xff",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 35\r\n\r\n{\"protocol\":1,\"outcomes\":[\"new\",7]} ",
    ];
    for bytes in answers {
        let nonsense = Gibberish::answer(bytes);
        let port = nonsense.port.to_string();
        let servers = network(3, &["--interval", "0", "--max-peers", "4", "--seed", &port]);
        eventually("the other was asked", || (nonsense.asked.load(Ordering::SeqCst) > 0).then_some(()));
        servers[0].submit("nonsense stops nothing");
        agree(&servers);
        eventually("nobody holds a link to it", || {
            servers.iter().all(|server| !server.peers().contains(&nonsense.port)).then_some(())
        });
        assert!(servers.iter().all(|server| try_call("GET", server.port, "/livez", None).is_ok()));
    }
}
