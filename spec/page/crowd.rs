//! A network of any size that nobody has to run: what the node of such a network would tell the page.

use serde_json::{Map, Value, json};

use super::stand_in::{Asked, Reply, StandIn};

const MOMENT: &str = "2026-11-20T08:30:00.000Z";

/// The node whose page is looked at.
const ME: usize = 7001;

/// Three links each, as a ring with one chord per node: every node is known by its number from 7001 on.
fn links(size: usize) -> Vec<[usize; 2]> {
    let mut found: Vec<[usize; 2]> = (0..size).map(|i| [i, (i + 1) % size]).collect();
    let mut free: Vec<usize> = (0..size).collect();
    // A fixed generator: the same picture each time.
    let mut state = 12_345_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % bound
    };
    while free.len() > 1 {
        let a = free.remove(0);
        let b = free.remove(below(free.len()));
        found.push([a, b]);
    }
    found.iter().map(|[a, b]| [ME + a.min(b), ME + a.max(b)]).collect()
}

fn status(i: usize) -> &'static str {
    match i % 97 {
        20 => "suspect",
        41 => "down",
        63 => "left",
        84 => "unverified",
        _ => "alive",
    }
}

/// A walk along the ring.
fn path(from: usize) -> Vec<usize> {
    (ME..=from).rev().collect()
}

fn snapshot(size: usize, links: &[[usize; 2]]) -> Value {
    let state: Map<String, Value> = (0..size)
        .map(|i| {
            let payload = if i % 9 == 8 {
                json!({"role": "db", "load": 0.25, "zone": "north"})
            } else {
                json!({"book": format!("The Book of {i} by Nobody")})
            };
            let report = json!({"version": i + 1, "payload": payload, "status": status(i), "since": MOMENT,
                "updated_at": MOMENT, "hops": i.min(9)});
            ((ME + i).to_string(), report)
        })
        .collect();
    let message = |i: usize, paths: Vec<Vec<usize>>| {
        let paths: Vec<Value> = paths.iter().map(|path| json!({"path": path, "received_at": MOMENT})).collect();
        json!({"uuid": format!("00000000-0000-4000-8000-{i:012}"), "origin": ME + 5, "version": i, "kind": "message",
            "payload": {"message": format!("message {i}")}, "stamp": i, "received_at": MOMENT, "read": i < 8, "paths": paths})
    };
    let mut messages: Vec<Value> = (0..9).map(|i| message(i, vec![path(ME + 5)])).collect();
    messages.push(message(9, vec![path(ME + 5), vec![ME + 5, ME + 1, ME]]));
    let peers: Vec<usize> =
        links.iter().filter(|link| link.contains(&ME)).map(|[a, b]| if *a == ME { *b } else { *a }).collect();
    json!({"id": ME, "cluster": "crowd", "boot": 1, "max_peers": 3, "peers": peers, "state": state,
        "messages": messages, "counters": {}})
}

fn overlay(size: usize, links: &[[usize; 2]]) -> Value {
    let gone = |id: usize| matches!(status(id - ME), "down" | "left");
    let nodes: Vec<Value> =
        (0..size).map(|i| json!({"id": ME + i, "status": status(i), "peers": [], "reached": !gone(ME + i)})).collect();
    let links: Vec<&[usize; 2]> = links.iter().filter(|[a, b]| !gone(*a) && !gone(*b)).collect();
    json!({"taken_at": MOMENT, "nodes": nodes, "links": links})
}

/// Serves the page of such a network, with the page's files from a real node.
pub fn crowd(node: u16, size: usize) -> StandIn {
    let links = links(size);
    let stream = format!("id: 1-1\nevent: snapshot\ndata: {}\n\n", snapshot(size, &links));
    let overlay = overlay(size, &links).to_string();
    let counters = json!({"messages_sent": 1, "messages_received": 1, "new": 1, "duplicate": 0, "repaired": 0,
        "failures": 0, "comparisons": 0});
    let digest = json!({"id": ME, "boot": 1, "peers": [ME + 1], "max_peers": 3, "counters": counters}).to_string();
    let spread: Vec<Value> = (0..size)
        .map(|i| json!({"id": ME + i, "status": status(i), "reached": true, "held": true, "received_at": MOMENT,
            "path": if i >= 5 { (ME + 5..=ME + i).collect() } else { (ME + i..=ME + 5).rev().collect::<Vec<_>>() }, "paths": []}))
        .collect();
    let spread = json!({"uuid": "", "origin": ME + 5, "nodes": spread, "held": size, "live": size}).to_string();
    StandIn::start(node, move |asked: &Asked| match asked.target.split('?').next().unwrap_or_default() {
        "/events" => Reply::Stream(stream.clone()),
        "/overlay" => Reply::Json(overlay.clone()),
        "/state" => Reply::Json(digest.clone()),
        "/messages/read" => Reply::Json(json!({"marked": 1}).to_string()),
        path if path.ends_with("/spread") => Reply::Json(spread.clone()),
        _ => Reply::Forward,
    })
}
