//! Messages on the page: seen as they travel, chosen, replayed, filtered, sent and read.

use std::time::{Duration, Instant};

use gossip_network::wire::MessageReport;

use crate::browser::Browser;
use crate::harness::{Server, eventually, network, pause};

const SCRUBBER: &str = "document.querySelector('.replay input')";

const ROWS: &str = "[...document.querySelectorAll('#message-scroll .message')]";

fn held(server: &Server, uuid: &str) -> Option<MessageReport> {
    server.messages().into_iter().find(|message| message.uuid.to_string() == uuid)
}

/// Submits messages until one came to the first node by several ways: over a tree, one way is often all.
fn by_several_ways(servers: &[Server]) -> String {
    let found = (1..servers.len()).rev().find_map(|i| {
        let uuid = servers[i].submit("by several ways");
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            if held(&servers[0], &uuid).is_some_and(|message| message.paths.len() > 1) {
                return Some(uuid);
            }
            pause();
        }
        None
    });
    found.expect("a message that came by several ways")
}

#[test]
fn a_message_is_seen_on_its_way_and_replayed() {
    let servers = network(16, &["--interval", "0"]);
    let browser = Browser::start();
    browser.open_live(servers[0].port, 16);
    browser.run("window.seen = 0; setInterval(() => (window.seen = Math.max(window.seen, gossip.graph.lights)), 10)");
    servers[12].submit("apple");
    browser.wait("a light travels", "return window.seen > 0");
    browser.says("#message-scroll", "apple");
    browser.says("#unread", "1 unread");
    browser.wait("it is announced", "return document.getElementById('announce').textContent.includes('apple')");

    // Its ways are listed as the node holds them, and the first, the shortest and the longest are marked.
    let uuid = by_several_ways(&servers);
    browser.wait("it is the newest", &format!("return {ROWS}[0].id === 'message-{uuid}'"));
    browser.click(&format!("#message-{uuid}"));
    browser.says("#where", "16 of 16 live nodes hold it");
    browser.wait("what is fresh is shown at once, to its end", &format!("return {SCRUBBER}.value === '1000'"));
    let paths = held(&servers[0], &uuid).expect("the message").paths;
    let listed = format!("return document.querySelectorAll('.paths li').length >= {}", paths.len());
    browser.wait("all ways are listed", &listed);
    let text = browser.text(".paths");
    for arrival in &paths {
        let way: Vec<String> = arrival.path.iter().map(ToString::to_string).collect();
        assert!(text.contains(&way.join(" → ")), "{way:?} is missing in {text}");
    }
    let hops = || paths.iter().map(|arrival| arrival.path.len());
    let differ = hops().min() < hops().max();
    for mark in if differ { &["first", "shortest", "longest"][..] } else { &["first"] } {
        assert!(text.contains(mark), "{mark} is missing in {text}");
    }
    browser.says("#legend", if differ { "longest way" } else { "first arrival" });
    // Colours say who holds it now, no longer who is alive.
    browser.says("#legend", "holds it");
    assert!(!browser.text("#legend").contains("alive"));
    browser.screenshot("chosen-message-light");
    browser.media(&[("prefers-color-scheme", "dark")]);
    browser.screenshot("chosen-message-dark");

    // The replay begins with the origin alone and ends with all.
    let holders = "return document.querySelector('.replay input').getAttribute('aria-valuetext')";
    browser.run("window.held = new Set(); setInterval(() => { const all = document.querySelector('.replay input'); if (all) window.held.add(all.getAttribute('aria-valuetext')); }, 5)");
    browser.click("#replay");
    browser.wait(
        "it is under way",
        "const at = Number(document.querySelector('.replay input').value); return at > 100 && at < 900",
    );
    browser.screenshot("replay");
    browser.wait("it ends", "return document.querySelector('.replay input').value === '1000'");
    assert_eq!(browser.run(holders), "held by 16 nodes");
    let steps = browser.run("return window.held.size");
    assert!(steps.as_u64() >= Some(4), "only {steps} steps were seen");
    browser.keys(".replay input", "\u{e011}");
    browser.wait(
        "the scrubber goes back to the origin",
        "return document.querySelector('.replay input').getAttribute('aria-valuetext') === 'held by 1 node'",
    );

    // Opening it marked it as read, here and at the node.
    eventually("it is read at the node", || {
        (servers[0].get(&format!("/messages/{uuid}")).json()["read"] == true).then_some(())
    });
    browser.wait("it is read here", &format!("return gossip.store.messages.get('{uuid}').read"));
    browser.says("#figure-last .note", "longest of");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn messages_are_sent_searched_filtered_and_read() {
    let servers = network(4, &["--interval", "600ms"]);
    let browser = Browser::start();
    servers[1].submit("an older one");
    browser.open_live(servers[0].port, 4);
    browser.says("#message-scroll", "an older one");

    browser.keys("#send-text", "from the page <b>& so on</b>\u{e007}");
    eventually("it arrives elsewhere", || {
        let messages = servers[3].messages();
        messages.iter().any(|message| message.payload.get().contains("from the page <b>& so on</b>")).then_some(())
    });
    browser.says("#chosen", "from the page <b>& so on</b>");
    browser.says("#where", "4 of 4 live nodes hold it");
    assert_eq!(browser.run("return document.getElementById('send-text').value"), "");
    let refused = "x".repeat(100);
    browser.run(&format!("const field = document.getElementById('send-text'); field.removeAttribute('maxlength'); field.value = '{refused}'.repeat(700)"));
    browser.click("#send button");
    browser.says("#send-note", "65536");

    for i in 0..5 {
        servers[2].submit(&format!("number {i}"));
    }
    browser.says("#unread", "6 unread");
    browser.keys("#message-search", "number 3");
    browser.wait("one is found", &format!("return {ROWS}.length === 1 && {ROWS}[0].innerText.includes('number 3')"));
    browser.run("const field = document.getElementById('message-search'); field.value = ''; field.dispatchEvent(new Event('input'))");
    let choose = |id: &str, value: &str| {
        browser.click(&format!("#{id}"));
        browser.run(&format!("const list = document.getElementById('{id}'); list.value = '{value}'; list.dispatchEvent(new Event('input', {{bubbles: true}}))"));
    };
    choose("message-read", "unread");
    browser.wait("the unread ones, and the chosen one", &format!("return {ROWS}.length === 7"));
    choose("message-kind", "state");
    browser.wait(
        "books are listed",
        &format!("return {ROWS}.length > 1 && {ROWS}.every((row) => / by /.test(row.innerText))"),
    );
    choose("message-kind", "message");

    // With the keyboard alone: down the list, then all as read.
    browser.keys("#message-scroll", "\u{e010}");
    browser.says("#chosen", "an older one");
    browser.keys("#message-scroll", "\u{e00c}");
    browser.wait("nothing is chosen", "return document.getElementById('chosen').hidden");
    browser.click("#read-all");
    eventually("all are read at the node", || {
        (servers[0].get("/messages?status=unread").json() == serde_json::json!([])).then_some(())
    });
    browser.says("#message-empty", "No message matches");
    choose("message-read", "all");
    browser.wait("all are there", &format!("return {ROWS}.length === 7"));
    let said = browser.complaints();
    assert!(said.iter().all(|line| line.contains("413")), "{said:?}");
}
