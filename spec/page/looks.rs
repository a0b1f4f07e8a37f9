//! The page in every size, colour and mood: 16, 100 and 1,000 nodes, light, dark, narrow, without motion, read aloud.

use crate::browser::{Browser, PATIENCE};
use crate::crowd::crowd;
use crate::harness::{Server, eventually_within};

#[test]
fn large_networks_are_legible() {
    let node = Server::start(&["--interval", "0"]);
    let browser = Browser::start();
    for size in [100, 1_000] {
        let crowd = crowd(node.port, size);
        browser.media(&[("prefers-color-scheme", "light")]);
        browser.open_live(crowd.port, size);
        browser.screenshot(&format!("graph-{size}-light"));
        let out = browser.run(
            "const box = document.getElementById('graph').getBoundingClientRect();
             return [...gossip.store.nodes.keys()].map((key) => gossip.graph.placeOf(key))
                .filter(([x, y]) => x < 0 || y < 0 || x > box.width || y > box.height).length",
        );
        assert_eq!(out, 0, "nodes out of sight");
        let least = browser.run(
            "const all = [...gossip.store.nodes.keys()].map((key) => gossip.graph.placeOf(key));
             const gaps = all.map(([x, y], i) => Math.min(...all.map(([u, v], j) => (i === j ? Infinity : Math.hypot(x - u, y - v)))));
             return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 10)]",
        );
        assert!(least.as_f64() > Some(5.0), "nodes lie on one another: {least}");
        // Only the rows in sight stand in the document, and scrolling brings the others.
        assert!(browser.run("return document.querySelectorAll('#book-rows tr.item').length").as_u64() < Some(80));
        browser.run("const box = document.getElementById('book-scroll'); box.scrollTop = box.scrollHeight");
        browser.says("#book-rows", &format!("{}", 7_000 + size));
        browser.run("window.scrollTo(0, 0)");
        browser.media(&[("prefers-color-scheme", "dark")]);
        browser.click("#message-scroll .message");
        browser.says("#where", "hold it");
        browser.screenshot(&format!("graph-{size}-dark-chosen"));
        browser.run("gossip.store.chooseMessage(null)");
        assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    }
}

#[test]
fn a_narrow_screen_shows_everything_without_scrolling_aside() {
    let node = Server::start(&["--interval", "0"]);
    let crowd = crowd(node.port, 16);
    let browser = Browser::start();
    for (width, height) in [(360, 740), (768, 1024)] {
        browser.size(width, height);
        browser.open_live(crowd.port, 16);
        let wide = browser.run("return document.documentElement.scrollWidth");
        assert_eq!(wide.as_u64(), Some(width.into()), "the page is wider than its window");
        for part in ["figures", "graph-panel", "messages-panel", "books-panel"] {
            browser.run(&format!("document.getElementById('{part}').scrollIntoView()"));
            browser.screenshot(&format!("narrow-{width}-{part}"));
        }
    }
}

#[test]
fn on_a_telephone_what_is_chosen_stands_under_the_graph_that_shows_it() {
    let node = Server::start(&["--interval", "0"]);
    let crowd = crowd(node.port, 100);
    let browser = Browser::start();
    browser.size(390, 844);
    browser.open_live(crowd.port, 100);
    let seen = "const stage = document.getElementById('stage').getBoundingClientRect();
        return stage.top >= 0 && stage.bottom <= window.innerHeight";
    let below = |part: &str| {
        format!(
            "const stage = document.getElementById('stage').getBoundingClientRect();
             const part = document.getElementById('{part}').getBoundingClientRect();
             return part.height > 0 && part.top >= stage.bottom && part.top < window.innerHeight"
        )
    };
    browser.run("document.getElementById('messages-panel').scrollIntoView()");
    assert_eq!(browser.run(seen), false, "the graph is away while one reads the list");
    browser.click("#message-scroll .message");
    browser.wait("the graph comes into sight", seen);
    browser.wait("the message stands below it", &below("chosen"));
    browser.says("#where", "hold it");
    browser.run("document.querySelector('.paths').scrollIntoView()");
    browser.click("#replay");
    browser.wait("its journey is seen", seen);
    browser.screenshot("narrow-390-chosen");
    browser.run("gossip.store.chooseMessage(null)");

    browser.keys("#graph", "\u{e011}");
    browser.says("#node-card", "Node 7001");
    browser.wait("the card covers nothing", &below("node-card"));
    let covered = browser.run(
        "const box = document.getElementById('graph').getBoundingClientRect();
         const top = (x, y) => document.elementFromPoint(box.left + x, box.top + y)?.id === 'graph';
         return [...gossip.store.nodes.keys()].filter((key) => !top(...gossip.graph.placeOf(key)))",
    );
    assert_eq!(covered, serde_json::json!([]), "something lies on nodes");
}

#[test]
fn colours_follow_the_system_until_chosen() {
    let node = Server::start(&["--interval", "0"]);
    let crowd = crowd(node.port, 16);
    let browser = Browser::start();
    browser.open_live(crowd.port, 16);
    let dark = || {
        let colour = browser.run("return getComputedStyle(document.body).backgroundColor").to_string();
        colour.contains("rgb(13, 16, 21)")
    };
    let wait_for = |wanted: bool, what: &str| eventually_within(PATIENCE, what, || (dark() == wanted).then_some(()));
    wait_for(false, "light as the system");
    browser.media(&[("prefers-color-scheme", "dark")]);
    wait_for(true, "dark as the system");
    browser.screenshot("graph-16-dark");
    browser.click("#theme");
    wait_for(false, "light as chosen");
    browser.reload();
    wait_for(false, "light as kept");
    browser.click("#theme");
    browser.media(&[("prefers-color-scheme", "light")]);
    wait_for(true, "dark as chosen");
}

#[test]
fn without_motion_nothing_moves() {
    let node = Server::start(&["--interval", "0"]);
    let crowd = crowd(node.port, 16);
    let browser = Browser::start();
    browser.media(&[("prefers-reduced-motion", "reduce")]);
    browser.open_live(crowd.port, 16);
    browser.click("#message-scroll .message");
    browser.says("#where", "hold it");
    browser.click("#replay");
    // The picture jumps from hop to hop: what is drawn is always a whole number of hops.
    let whole =
        "const { line, at } = gossip.graph.journey; return at === 0 || line.hops.some((hop) => hop.ends === at)";
    for _ in 0..5 {
        assert_eq!(browser.run(whole), true);
    }
    let animated = browser.run("return document.getAnimations().length");
    assert_eq!(animated, 0);
}

#[test]
fn everything_has_a_name_and_can_be_reached_with_the_keyboard() {
    let node = Server::start(&["--interval", "0"]);
    let crowd = crowd(node.port, 16);
    let browser = Browser::start();
    browser.open_live(crowd.port, 16);
    browser.click("#message-scroll .message");
    browser.says("#where", "hold it");
    let tree = browser.accessible();
    let acting = ["button", "textbox", "searchbox", "combobox", "checkbox", "slider", "link", "listbox", "application"];
    let mut seen = std::collections::BTreeSet::new();
    for (role, name) in tree.iter().filter(|(role, _)| acting.contains(&role.as_str())) {
        assert!(!name.trim().is_empty(), "a {role} has no name");
        seen.insert(role.as_str());
    }
    for role in ["button", "searchbox", "combobox", "checkbox", "slider", "listbox"] {
        assert!(seen.contains(role), "no {role} among {seen:?}");
    }
    let graph = tree.iter().find(|(_, name)| name.starts_with("Graph of 16 nodes")).expect("the graph says what it is");
    assert!(graph.1.contains("this node is 7001"), "{graph:?}");
    for region in ["Network", "Messages", "Books"] {
        assert!(tree.iter().any(|(role, name)| role == "region" && name == region), "no region {region}");
    }
    // Tab reaches every part, and what has the focus shows it.
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)");
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..60 {
        browser.press("\u{e004}");
        let script = "const at = document.activeElement;
            return at === document.body ? null : [at.id, getComputedStyle(at).outlineStyle]";
        let id = browser.run(script);
        // Behind the last part the browser begins again at the top.
        if id.is_null() {
            continue;
        }
        assert_ne!(id[1], "none", "the focus is not seen at {id}");
        reached.insert(id[0].as_str().unwrap_or_default().to_owned());
    }
    for part in [
        "theme",
        "graph",
        "as-table",
        "zoom-in",
        "send-text",
        "message-search",
        "message-scroll",
        "replay",
        "book-search",
    ] {
        assert!(reached.contains(part), "Tab does not reach {part}: {reached:?}");
    }
}
