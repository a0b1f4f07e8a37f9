//! Acceptance tests of one node and of networks of nodes: real processes, real sockets, real kill -9.
//!
//! Each module tells one part of what the README promises. Tests poll with a deadline and never sleep a fixed time; what
//! they start is killed when they end.

mod harness;
mod lines;

/// Who may take part: tokens, certificates, signatures.
mod access;

/// A network comes into being from one seed.
mod bootstrap;
/// Nodes that speak the other dialect.
mod dialect;
/// What a node with a data directory keeps, whatever happens.
mod durability;
/// The examples that speak plain HTTP.
mod examples;
/// Nodes that die, come back, hang or leave.
mod failures;
/// Injected faults, mass crashes, and what each link counts.
mod faults;
/// Heads of answers.
mod heads;
/// More of everything than anybody should send.
mod heavy;
/// Input that nobody should send.
mod hostile;
/// The page of documentation that is made of the description for programs.
mod http_reference;
/// Managers of services and containers.
mod managers;
/// Messages: every node gets each one, and shows the ways it took.
mod messages;
/// What Prometheus reads.
mod metrics;
/// The description for programs, against the running node.
mod openapi;
/// The page of documentation that is made of the flags.
mod reference;
/// States as a service would use them.
mod services;
/// The live stream, and what is collected from other nodes.
mod streams;
/// Rules about the source itself.
mod tidy;
/// Programs of different age in one network.
mod versions;
