//! The page at `/` in a real browser: headless Chromium clicks through it, at a real network of 16 processes.
//!
//! Needs Debian's chromium and chromium-driver, which `bin/test` installs. Screenshots are kept in `target/screenshots`.

#[allow(dead_code, reason = "shared with the tests of nodes, which use all of it")]
#[path = "harness.rs"]
mod harness;
mod lines;

// The browser, driven as a person would.
#[path = "page/browser.rs"]
mod browser;

// A server between browser and node.
#[path = "page/stand_in.rs"]
mod stand_in;

// Networks of 100 and 1,000 nodes that nobody runs.
#[path = "page/crowd.rs"]
mod crowd;

// Files, headers, and what other clients get.
#[path = "page/files.rs"]
mod files;

// The graph and the table of books, live.
#[path = "page/network.rs"]
mod network;

// Sending, reading, paths and replays.
#[path = "page/messages.rs"]
mod messages;

// A stream that is cut, a token that is asked for.
#[path = "page/connection.rs"]
mod connection;

// A node behind TLS whose state needs a token to be read, and another to be changed.
#[path = "page/guarded.rs"]
mod guarded;

// Sizes, colours, motion, names for screen readers.
#[path = "page/looks.rs"]
mod looks;
