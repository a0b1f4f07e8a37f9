//! Runs many random histories: `cargo run --release --example campaign -- 20000 [--from SEED]`, or `bin/campaign 20000`.
//!
//! Shows a progress bar, then how often each fault really occurred, how long agreement took, and every history in which
//! the guarantee was broken, with the command that replays it. Ends with 1 if there was one, with 2 if called wrongly.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use gossip_network::sim::{FaultCounts, Options, run_schedule};
use indicatif::{ProgressBar, ProgressStyle};

/// Runs many random histories of faults, and reports those in which the guarantee was broken.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    histories: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
}

#[derive(Default)]
struct Sum {
    counts: FaultCounts,
    agreed_after_ms: Vec<u64>,
    broken: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let bar = ProgressBar::new(arguments.histories);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} histories, {eta} left") {
        bar.set_style(style);
    }
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    // A panic of one history is reported with its seed, and the others go on.
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= arguments.histories {
                        return;
                    }
                    run(arguments.from + place, &sum);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut sum = sum.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    sum.agreed_after_ms.sort_unstable();
    report(&sum, arguments.histories, began)
}

fn run(seed: u64, sum: &Mutex<Sum>) {
    let outcome = catch_unwind(|| run_schedule(seed, Options::default()));
    let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match outcome {
        Ok(report) => {
            sum.counts.add(&report.counts);
            sum.agreed_after_ms.extend(report.agreed_after_ms);
            if report.verdict.is_err() {
                sum.broken.push((seed, report.to_string()));
            }
        }
        Err(_) => {
            let text = format!("seed {seed} panicked\nreplay: cargo run --example replay_schedule -- {seed} --trace");
            sum.broken.push((seed, text));
        }
    }
}

fn report(sum: &Sum, histories: u64, began: Instant) -> ExitCode {
    for (_, text) in &sum.broken {
        println!("{text}\n");
    }
    let quantile = |q: f64| {
        let last = sum.agreed_after_ms.len().saturating_sub(1);
        sum.agreed_after_ms.get((last as f64 * q).round() as usize).copied().unwrap_or(0)
    };
    println!("faults: {}", sum.counts);
    println!("agreed after (ms): median {}, p99 {}, max {}", quantile(0.5), quantile(0.99), quantile(1.0));
    println!(
        "{} of {histories} histories kept the guarantee, in {} s",
        histories - sum.broken.len() as u64,
        began.elapsed().as_secs()
    );
    if sum.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
