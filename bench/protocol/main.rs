//! The protocol alone, without sockets: `cargo bench --bench protocol`.
//!
//! Criterion measures times, as usual with `-- --save-baseline NAME` and `-- --baseline NAME`. On a busy machine times say
//! little of small changes; `cargo bench --bench protocol -- --instructions` counts the instructions of each case under
//! valgrind's callgrind instead (Debian: apt-get install valgrind). Seeds are fixed, so the same program counts the same to
//! within a few in a million, and a change of 2 % shows. Counts are kept in `target/bench/protocol.json` and compared with those that
//! were there before.

mod cases;
mod instructions;

use criterion::{BatchSize, Criterion, Throughput};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("--instructions") => instructions::count_all(),
        Some("--once") => {
            instructions::run_once(&arguments.next().unwrap_or_default());
            Ok(())
        }
        _ => {
            time_all();
            Ok(())
        }
    }
}

fn time_all() {
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases::CASES {
        let mut group = criterion.benchmark_group("protocol");
        group.throughput(Throughput::Elements(case.operations));
        let prepare = (case.prepare)();
        group.bench_function(case.name, |bencher| {
            let run = |mut run: cases::Run| {
                run();
                // What it leaves is dropped outside the measured time.
                run
            };
            bencher.iter_batched(&prepare, run, BatchSize::LargeInput);
        });
        group.finish();
    }
    criterion.final_summary();
}
