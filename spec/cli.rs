//! Acceptance tests of the command line: the real programs `gossip` and `gossip_server`, as a person types them.
//!
//! Every test has a registry of its own and a block of free ports, and stops its networks when it ends, however it ends.

// Starting and finding networks, and what is refused.
#[path = "cli/networks.rs"]
mod networks;

// Sending and reading.
#[path = "cli/messages.rs"]
mod messages;

// Removing, adding and restarting nodes; waiting; pictures.
#[path = "cli/changes.rs"]
mod changes;

// Directories of nodes: what a network keeps, and when it goes.
#[path = "cli/directories.rs"]
mod directories;

// Partitions, delays, losses and pauses on command.
#[path = "cli/faults.rs"]
mod faults;

// Watching, measuring, tracing; states of one's own; manuals and completions; the full-screen view.
#[path = "cli/streams.rs"]
mod streams;

// Certificates, tokens, and seeds of a running node.
#[path = "cli/access.rs"]
mod access;

mod lines;

// A person's terminal.
#[path = "cli/terminal.rs"]
mod terminal;
