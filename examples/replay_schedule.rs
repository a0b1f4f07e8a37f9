//! Replays one simulated history: `cargo run --example replay_schedule -- SEED [--trace]`.
//!
//! Prints the trace hash and the verdict; with `--trace` one line per event before them. Ends with 1 if the guarantee
//! was broken, with 2 if it was called wrongly.

use std::process::ExitCode;

use gossip_network::sim::{Options, run_schedule};

fn main() -> ExitCode {
    let (flags, seeds): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let seed = match &seeds[..] {
        [seed] => seed.parse::<u64>().ok(),
        _ => None,
    };
    let (Some(seed), true) = (seed, flags.iter().all(|flag| flag == "--trace")) else {
        eprintln!("usage: replay_schedule SEED [--trace]");
        return ExitCode::from(2);
    };
    let mut options = Options::default();
    if !flags.is_empty() {
        options.observer = Some(|line| println!("{line}"));
    }
    let report = run_schedule(seed, options);
    println!("{report}");
    if report.verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
