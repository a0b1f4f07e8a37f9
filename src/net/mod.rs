//! The node's loop: one node, driven by real requests, real answers and real time.
//!
//! [`Handle`] is the only way to the node: web handlers call it on the same thread, so that a request costs no hop between
//! threads and the node needs no lock. Calls to other nodes are local tasks; the node never waits for one. The clock and
//! the seed of the generator, which the protocol must not touch, come from here. `disk.rs` holds back what
//! must not be said before it is written. `faults.rs` decides and `passage.rs` acts
//! out what shall go wrong between nodes, in a process that allows it.
//! `live.rs` keeps what happened for the live stream, `survey.rs` asks other nodes on behalf of people, `report.rs` shows
//! what a node holds.

mod alarm;
mod arrivals;
mod clock;
mod complaints;
mod disk;
mod driver;
mod entropy;
mod faults;
mod histogram;
mod holders;
mod live;
mod passage;
mod report;
mod survey;

pub use clock::Clock;
pub use disk::{Disk, progress_channel};
pub use driver::Handle;
pub use entropy::fresh_seed;
pub use faults::Injection;
pub use histogram::Hops;
pub use holders::{Holders, LONGEST_HOLD, Wanted};
pub use live::{Beginning, Live, Stream, Taken};
pub use report::{counters_report, digest_report, full_path, lent_state_report, message_report, state_report};
pub use survey::{NotFound, Survey};
