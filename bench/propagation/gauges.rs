//! What the kernel counts: traffic of the loopback, processor time, memory and threads of processes, and clocks.

use anyhow::Context;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Traffic of the loopback since the machine, or the namespace, began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    pub bytes: f64,
    pub packets: f64,
}

impl std::ops::Sub for Traffic {
    type Output = Traffic;
    fn sub(self, other: Traffic) -> Traffic {
        Traffic { bytes: self.bytes - other.bytes, packets: self.packets - other.packets }
    }
}

impl std::ops::Mul<f64> for Traffic {
    type Output = Traffic;
    fn mul(self, by: f64) -> Traffic {
        Traffic { bytes: self.bytes * by, packets: self.packets * by }
    }
}

/// The counters of `lo`, each packet once.
pub fn loopback() -> anyhow::Result<Traffic> {
    let table = std::fs::read_to_string("/proc/net/dev")?;
    let line = table.lines().find_map(|line| line.trim().strip_prefix("lo:")).context("/proc/net/dev has no lo")?;
    let numbers: Vec<f64> = line.split_whitespace().take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Traffic { bytes: numbers[0], packets: numbers[1] })
}

/// Processor time of all these processes, in seconds, to the nanosecond.
pub fn processor_time(processes: &[u32]) -> anyhow::Result<f64> {
    let of_one = |process: &u32| {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(*process)?))?;
        Ok(seconds(clock_gettime(clock)?))
    };
    processes.iter().map(of_one).sum()
}

/// Nanoseconds of CLOCK_MONOTONIC, and how far CLOCK_REALTIME is ahead of it.
pub fn now() -> anyhow::Result<(u64, u64)> {
    let nanoseconds = |clock| clock_gettime(clock).map(|time| nanoseconds(&time));
    let monotonic = nanoseconds(ClockId::CLOCK_MONOTONIC)?;
    let real = nanoseconds(ClockId::CLOCK_REALTIME)?;
    Ok((monotonic, real.saturating_sub(monotonic)))
}

pub fn nanoseconds(time: &TimeSpec) -> u64 {
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

fn seconds(time: TimeSpec) -> f64 {
    nanoseconds(&time) as f64 / 1e9
}

/// A number of `/proc/PID/status`.
pub fn status(process: u32, field: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("a process ended")?;
    let line = status.lines().find(|line| line.starts_with(field)).context("no such field")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
}

/// Lets this process have as many files as it may: several for each of some hundred nodes.
pub fn raise_file_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
