//! The same node in a simulated world: many nodes, a faulty network, simulated milliseconds, one seed.
//!
//! The world drives the real [`crate::protocol::Node`] through the real codec of [`crate::wire`]; only sockets, clock and
//! processes are played. Everything that happens is decided by one seed, so a failure is replayed by its number. It does
//! no I/O and reads no clock. Read `faults.rs` (what may go wrong), `world.rs` (the loop), `check.rs` (what must hold
//! after each step), `agreement.rs` (what must hold once the faults are over) and `schedule.rs` (random histories).
//! `experiment.rs` is the same for large networks: it measures instead of checking each step. `reconcile.rs` measures what
//! it costs two nodes to find out in what they differ.
//!
//! ```
//! use gossip_network::sim::{Options, run_schedule};
//!
//! let report = run_schedule(7, Options::default());
//! assert!(report.verdict.is_ok(), "{report}");
//! assert_eq!(report.trace_hash, run_schedule(7, Options::default()).trace_hash);
//! ```

mod agreement;
mod check;
mod experiment;
mod faults;
mod network;
mod reconcile;
mod schedule;
mod trace;
mod world;

pub use check::Broken;
pub use experiment::{
    Act, Degree, Drawn, Histogram, KillMode, Report as ExperimentReport, Senders, Settings, SettingsError, Spread,
    Start, Watcher, run_experiment,
};
pub use faults::{FaultCounts, Faults};
pub use reconcile::{MAX_ENTRIES, Reconciliation, reconcile};
pub use schedule::{Options, Report, run_schedule};
pub use trace::Observer;
pub use world::World;
