//! What stands between the page and its node: a stream that is cut and comes back, and a token.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::browser::Browser;
use crate::harness::{Server, eventually, network};
use crate::stand_in::{Reply, StandIn};

#[test]
fn a_cut_stream_is_told_and_resumed_without_loss() {
    let servers = network(3, &["--interval", "0"]);
    let (away, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let gate = {
        let (away, asked) = (away.clone(), asked.clone());
        StandIn::start(servers[0].port, move |request| {
            if request.target.starts_with("/events") {
                asked.lock().unwrap().push(request.header("last-event-id").map(str::to_owned));
            }
            if away.load(Ordering::SeqCst) { Reply::Refuse(503) } else { Reply::Forward }
        })
    };
    let browser = Browser::start();
    browser.open_live(gate.port, 3);
    servers[1].submit("before");
    browser.says("#message-scroll", "before");
    let lines = |number: usize| format!("return document.querySelectorAll('#figure-peers .line').length === {number}");
    browser.wait("a chart has begun", &lines(1));

    away.store(true, Ordering::SeqCst);
    gate.cut();
    browser.says("#link-text", "Stream cut");
    browser.screenshot("stream-cut");
    servers[1].submit("meanwhile");
    eventually("the node has it", || (servers[0].messages().len() == 2).then_some(()));
    away.store(false, Ordering::SeqCst);
    browser.says("#link-text", "Live");
    browser.says("#message-scroll", "meanwhile");
    servers[1].submit("after");
    browser.says("#message-scroll", "after");
    let texts = browser
        .run("return [...document.querySelectorAll('#message-scroll .message .text')].map((line) => line.innerText)");
    assert_eq!(texts, serde_json::json!(["after", "meanwhile", "before"]), "each once");
    browser.wait("the chart has a gap", &lines(2));
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0], None);
    assert!(asked.len() > 1 && asked[1..].iter().all(Option::is_some), "resumed with {asked:?}");
}

#[test]
fn what_fails_is_told_in_words_for_people() {
    let server = Server::start(&["--interval", "0"]);
    let gate = StandIn::start(server.port, |_| Reply::Forward);
    let browser = Browser::start();
    browser.open_live(gate.port, 1);
    drop(gate);
    browser.says("#link-text", "Stream cut");
    browser.keys("#send-text", "to nobody\u{e007}");
    browser.says("#send-note", "Not sent: the node cannot be reached");
    assert_eq!(browser.run("return document.getElementById('send-text').value"), "to nobody");
}

#[test]
fn a_node_that_begins_anew_is_shown_anew() {
    let mut servers = network(3, &["--interval", "0"]);
    let browser = Browser::start();
    let node = servers.remove(0);
    browser.open_live(node.port, 3);
    node.submit("of its first life");
    browser.says("#message-scroll", "of its first life");
    eventually("another holds it", || (servers[0].messages().len() == 1).then_some(()));
    let port = node.crash();
    browser.says("#link-text", "Stream cut");
    let seed = servers[0].port.to_string();
    let _again = Server::start_on(port, &["--interval", "0", "--seed", &seed]);
    // Whoever does not want to wait says so.
    browser.says("#link-text", "Live");
    browser.says("#message-scroll", "of its first life");
    browser.wait("all nodes are there", "return gossip.store.nodes.size === 3");
    servers[0].submit("of its second life");
    browser.says("#message-scroll", "of its second life");
}

#[test]
fn whoever_may_only_read_is_asked_when_sending() {
    let server = Server::start(&["--interval", "0"]);
    let gate = StandIn::start(server.port, |request| {
        let known = request.header("authorization") == Some("Bearer sesame");
        if request.reads() || known { Reply::Forward } else { Reply::Refuse(401) }
    });
    let browser = Browser::start();
    server.submit("to be opened");
    browser.open_live(gate.port, 1);
    browser.click("#message-scroll .message");
    browser.says("#chosen", "to be opened");
    let asked = "return document.getElementById('token').open";
    assert_eq!(browser.run(asked), false);
    browser.keys("#send-text", "refused at first\u{e007}");
    browser.wait("the token is asked for", asked);
    browser.click("#token-later");
    browser.says("#send-note", "Not sent");
    assert_eq!(browser.run("return document.getElementById('send-text').value"), "refused at first");
    browser.click("#send button");
    browser.wait("it is asked for again", asked);
    browser.keys("#token-text", "sesame\u{e007}");
    eventually("it was sent", || (server.messages().len() == 2).then_some(()));
}

#[test]
fn a_token_is_asked_for_and_kept_with_the_tab() {
    let server = Server::start(&["--interval", "0"]);
    let gate = StandIn::start(server.port, |request| {
        let open = request.target == "/" || request.target.starts_with("/page/");
        let known = request.header("authorization") == Some("Bearer sesame");
        if open || known { Reply::Forward } else { Reply::Refuse(401) }
    });
    let browser = Browser::start();
    browser.open(gate.port);
    browser.wait("the token is asked for", "return document.getElementById('token').open");
    browser.screenshot("token");
    browser.keys("#token-text", "wrong\u{e007}");
    browser.says("#token-note", "does not take");
    browser.keys("#token-text", "sesame\u{e007}");
    browser.says("#link-text", "Live");
    assert_eq!(browser.run("return document.getElementById('token').open"), false);
    browser.keys("#send-text", "with a token\u{e007}");
    eventually("it was sent", || (server.messages().len() == 1).then_some(()));
    browser.reload();
    browser.says("#link-text", "Live");
    browser.says("#message-scroll", "with a token");
    assert_eq!(browser.run("return document.getElementById('token').open"), false);
    assert_eq!(
        browser.run("return sessionStorage.length === 1 && !Object.values(localStorage).includes('sesame')"),
        true
    );
}
