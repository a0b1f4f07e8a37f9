//! The network as the page shows it: the graph, the table of nodes, the table of books.

use crate::browser::{Browser, PATIENCE, STILL};
use crate::harness::{Server, eventually, eventually_within, network};

/// Where a node stands in the window.
fn place(browser: &Browser, id: u16) -> (i64, i64) {
    let script = format!(
        "const box = document.getElementById('graph').getBoundingClientRect();
         const [x, y] = gossip.graph.placeOf('{id}');
         return [Math.round(box.left + x), Math.round(box.top + y)]"
    );
    let found = browser.run(&script);
    (found[0].as_i64().expect("x"), found[1].as_i64().expect("y"))
}

/// Points at what stands in the graph, once it stands; again, if the network linked anew meanwhile, which moves nodes away
/// from under the mouse.
fn while_still<T>(browser: &Browser, point: impl Fn() -> T) -> T {
    let links = "return JSON.stringify(gossip.store.links)";
    eventually_within(PATIENCE, "the links stay for a moment", || {
        browser.wait("the layout settles", STILL);
        let before = browser.run(links);
        let found = point();
        (browser.run(links) == before).then_some(found)
    })
}

/// Clicks a node, and says where it stood. No card is open then, as it may lie above the node.
fn click(browser: &Browser, id: u16) -> (i64, i64) {
    browser.run("gossip.store.chooseNode(null)");
    browser.wait("no card", "return document.getElementById('node-card').hidden");
    let at = place(browser, id);
    browser.drag(at, at);
    at
}

fn links(servers: &[Server]) -> usize {
    servers.iter().map(|server| server.peers().len()).sum::<usize>() / 2
}

#[test]
fn a_network_of_16_is_drawn_and_can_be_moved() {
    let servers = network(16, &["--interval", "0"]);
    let me = servers[0].port;
    let browser = Browser::start();
    browser.open_live(me, 16);
    browser.says("#title", &me.to_string());
    browser.says("#counts", "16 alive");
    eventually("all links are drawn", || {
        (browser.run("return gossip.store.links.length").as_u64() == u64::try_from(links(&servers)).ok()).then_some(())
    });
    browser.wait("the layout settles", STILL);
    let colours = browser.run(
        "const canvas = document.getElementById('graph');
         const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
         const seen = new Set();
         for (let i = 0; i < pixels.length; i += 4) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
         return seen.size",
    );
    assert!(colours.as_u64() > Some(20), "the canvas is empty: {colours}");
    browser.screenshot("graph-16-light");

    // Nobody stands on another, and all are in sight.
    let near = while_still(&browser, || {
        browser.run(
            "const box = document.getElementById('graph').getBoundingClientRect();
             const all = [...gossip.store.nodes.keys()].map((key) => gossip.graph.placeOf(key));
             const out = all.filter(([x, y]) => x < 10 || y < 10 || x > box.width - 10 || y > box.height - 10).length;
             let least = Infinity;
             all.forEach(([x, y], i) => all.slice(i + 1).forEach(([u, v]) => (least = Math.min(least, Math.hypot(x - u, y - v)))));
             return [out, least]",
        )
    });
    assert!(near[0] == 0 && near[1].as_f64() > Some(30.0), "{near}");

    // A click shows the node's card, beside the node and not above it.
    for extreme in ["Math.min", "Math.max"] {
        let script = format!(
            "const x = (key) => gossip.graph.placeOf(key)[0];
             const keys = [...gossip.store.nodes.keys()];
             return keys.find((key) => x(key) === {extreme}(...keys.map(x)))"
        );
        let (outermost, (x, y)) = while_still(&browser, || {
            let outermost: u16 = browser.run(&script).as_str().expect("a node").parse().expect("its id is a port");
            (outermost, click(&browser, outermost))
        });
        browser.says("#node-card", &format!("Node {outermost}"));
        let beside = format!(
            "const card = document.getElementById('node-card').getBoundingClientRect();
             return {x} < card.left || card.right < {x}"
        );
        assert_eq!(browser.run(&beside), true, "the card lies on the side of {outermost} at {x}, {y}");
        browser.click("#node-card h3 button");
    }
    // It tells of the links; dragging moves the node, and it stays there.
    let other = servers[9].port;
    while_still(&browser, || click(&browser, other));
    browser.says("#node-card", &format!("Node {other}"));
    eventually("the card tells of its links", || {
        let card = browser.text("#node-card");
        servers[9].peers().iter().all(|peer| card.contains(&peer.to_string())).then_some(())
    });
    browser.click("#node-card h3 button");
    let ((x, y), moved) = while_still(&browser, || {
        let (x, y) = place(&browser, other);
        browser.drag((x, y), (x + 60, y + 40));
        browser.wait("the layout settles", STILL);
        ((x, y), place(&browser, other))
    });
    assert!((moved.0 - x - 60).abs() < 4 && (moved.1 - y - 40).abs() < 4, "{moved:?} is not where {x}, {y} was put");
    browser.click("#fit");
    browser.wait("the layout settles", STILL);

    // The wheel's buttons zoom; empty ground moves the view.
    let width = || {
        let (a, b) = (place(&browser, servers[2].port), place(&browser, servers[3].port));
        ((a.0 - b.0).pow(2) + (a.1 - b.1).pow(2)).isqrt()
    };
    let before = width();
    browser.click("#zoom-in");
    browser.click("#zoom-in");
    eventually("it is larger", || (width() > before * 3 / 2).then_some(()));
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn the_graph_can_be_used_with_keys_and_read_as_a_table() {
    let servers = network(8, &["--interval", "0"]);
    let me = servers[0].port;
    let browser = Browser::start();
    browser.open_live(me, 8);
    // Home goes to the own node, arrows from node to node; each is said aloud.
    browser.keys("#graph", "\u{e011}");
    browser.says("#node-card", &format!("Node {me}"));
    let said = "return document.getElementById('announce').textContent";
    assert!(browser.wait("it is said", said).as_str().unwrap().contains("this node"));
    let walked = "return gossip.store.chosenNode !== null && gossip.store.chosenNode !== gossip.store.me";
    for arrow in ["\u{e012}", "\u{e013}", "\u{e014}", "\u{e015}"] {
        browser.keys("#graph", arrow);
        if browser.run(walked) == true {
            break;
        }
    }
    assert_eq!(browser.run(walked), true, "no arrow leads anywhere");
    let chosen = browser.run("return gossip.store.chosenNode");
    assert!(browser.wait("it is said", said).as_str().unwrap().contains(chosen.as_str().unwrap()));
    browser.keys("#graph", "\u{e00c}");
    browser.wait("nothing is chosen", "return document.getElementById('node-card').hidden");

    browser.click("#as-table");
    for server in &servers {
        let peers = server.peers();
        let row = format!(
            "return [...document.querySelectorAll('#node-rows tr.item')].map((row) => row.innerText)
                .find((text) => text.startsWith('{}') && {peers:?}.every((peer) => text.includes(String(peer))))",
            server.port
        );
        browser.wait("a row with its links", &row);
    }
    browser.screenshot("nodes-as-table");
    browser.click("#as-graph");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn the_table_of_books_lives() {
    let mut servers = network(5, &["--interval", "400ms"]);
    let browser = Browser::start();
    browser.open_live(servers[0].port, 5);
    browser.wait("five rows", "return document.querySelectorAll('#book-rows tr.item').length === 5");
    browser.wait("a change flashes", "return document.querySelectorAll('#book-rows tr.changed').length");
    browser.wait("lights travel with books", "return gossip.graph.lights > 0");
    for server in &servers {
        let title = eventually("the page shows its newest book", || {
            let state = servers[0].state(server.port)?;
            let book =
                serde_json::from_str::<serde_json::Value>(state.payload.get()).ok()?["book"].as_str()?.to_owned();
            browser.text("#book-rows").contains(&book).then_some(book)
        });
        assert!(!title.is_empty());
    }

    // What is no book is shown in short.
    let set = servers[3].call("PUT", "/state", Some(br#"{"role": "db", "load": 0.25, "deep": null}"#));
    assert_eq!(set.status, 200);
    browser.says("#book-rows .pairs", "role");
    browser.run("document.getElementById('books-panel').scrollIntoView()");
    browser.screenshot("books");

    // Sorted by version, downwards first; the order stands in the head for screen readers.
    browser.click("#book-head [data-column=version]");
    let sorted =
        "const all = [...document.querySelectorAll('#book-rows tr.item')].map((row) => Number(row.cells[2].innerText));
        return document.querySelector('#book-head [aria-sort=descending]') !== null && all.length === 5
            && all.every((version, i) => i === 0 || all[i - 1] >= version)";
    browser.wait("sorted by version", sorted);
    browser.keys("#book-search", &format!("{} alive", servers[2].port));
    browser.wait("one row is found", "return document.querySelectorAll('#book-rows tr.item').length === 1");
    browser.says("#book-count", "1 of 5");
    browser.keys("#book-search", " nothing has this");
    browser.says("#book-empty", "matches");
    browser.run("const field = document.getElementById('book-search'); field.value = ''; field.dispatchEvent(new Event('input'))");

    // A node that dies is seen to die.
    let dead = servers.pop().map(Server::crash).expect("a node");
    let row = format!(
        "return [...document.querySelectorAll('#book-rows tr.item')].map((row) => row.innerText)
            .find((text) => text.startsWith('{dead}') && /suspect|down/.test(text))"
    );
    browser.wait("the dead node's status", &row);
    browser.says("#counts", "4 alive");
    browser.screenshot("a-dead-node");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}
