//! What the benchmarks of real processes share: nodes to start and watch, a connection, and figures to print and keep.
//!
//! Each benchmark is one target and takes from here what it needs. Nothing here judges a figure: a benchmark prints what it
//! measured with the spread of its rounds, and fails only where it could not measure.
#![allow(dead_code, reason = "each benchmark uses its own part of this")]

pub mod connection;
pub mod figures;
pub mod nodes;
