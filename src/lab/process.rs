//! Processes that outlive the command that started them: recognised, signalled and waited for.
//!
//! A process id alone is a weak name, since the system gives it to somebody else once the process is gone. So a process
//! is marked by its id and by when it started (`/proc/PID/stat`, field 22, see proc(5)) in which run of the machine, and
//! whoever does not match the whole mark is a stranger and left alone. A zombie counts as ended once
//! its last thread has: it runs no code.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, kill_process, pidfd_open, pidfd_send_signal, setrlimit,
};
use serde::{Deserialize, Serialize};

/// How often a process that should end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How to end a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM: a node tells its peers that it leaves.
    Graceful,
    /// SIGKILL: it never knows.
    Kill,
}

/// A process, so that no other is ever taken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMark {
    /// Its process id.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did.
    started: u64,
    /// Names the machine's run, where the system tells.
    machine_run: String,
}

impl ProcessMark {
    /// Marks a process of ours that was just started. One that has ended already gets a mark that matches nothing.
    pub(super) fn of(pid: u32) -> ProcessMark {
        let started = stat_of(pid).map_or(0, |stat| stat.started);
        ProcessMark { pid, started, machine_run: machine_run() }
    }

    /// The mark of no process.
    pub(super) fn none() -> ProcessMark {
        ProcessMark { pid: 0, started: 0, machine_run: String::new() }
    }

    /// Whether this very process runs.
    pub fn is_running(&self) -> bool {
        stat_of(self.pid).is_some_and(|stat| stat.runs && stat.started == self.started)
            && self.machine_run == machine_run()
    }

    /// Ends this very process; whether it was there to be told.
    ///
    /// # Errors
    /// When the system refuses, for lack of rights as a rule.
    pub(super) fn end(&self, how: Ending) -> io::Result<bool> {
        let signal = match how {
            Ending::Graceful => Signal::TERM,
            Ending::Kill => Signal::KILL,
        };
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        // The handle is taken first and the mark compared after: from then on it cannot mean another process.
        let sent = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) if self.is_running() => pidfd_send_signal(handle, signal),
            Ok(_) => return Ok(false),
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) if self.is_running() => kill_process(pid, signal),
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits until none of these processes runs, at most until `deadline`; returns those that still do.
pub(super) async fn await_end(processes: &[ProcessMark], deadline: Instant) -> Vec<ProcessMark> {
    let mut left: Vec<ProcessMark> = processes.to_vec();
    loop {
        left.retain(ProcessMark::is_running);
        if left.is_empty() || Instant::now() >= deadline {
            return left;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Lets this process hold a connection to each node of a large network; many systems allow 1,024 files unless asked.
/// Processes that it starts inherit that.
pub fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, smaller networks still work.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

struct Stat {
    runs: bool,
    started: u64,
}

fn stat_of(pid: u32) -> Option<Stat> {
    let stat = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    // The first thread may have ended before the others, and with them the files that the process holds.
    let others = || fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() > 1);
    Some(Stat { runs: stat.runs || others(), ..stat })
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses and may hold anything, parentheses and blanks too.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    // The state is field 3, the start time field 22.
    let started = fields.nth(18)?.parse().ok()?;
    Some(Stat { runs: !matches!(state, "Z" | "X" | "x"), started })
}

fn machine_run() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 3 0 987654 1000 20 18446744073709551615";
        let stat = parse_stat(text).unwrap();
        assert!(stat.runs);
        assert_eq!(stat.started, 987_654);
        assert!(!parse_stat(&text.replace(") S ", ") Z ")).unwrap().runs);
        assert!(parse_stat("42 (short) S 1").is_none());
    }

    #[test]
    fn another_start_is_another_process() {
        let own = ProcessMark::of(std::process::id());
        assert!(own.is_running());
        let earlier = ProcessMark { started: own.started + 1, ..own.clone() };
        assert!(!earlier.is_running());
        assert!(!earlier.end(Ending::Kill).unwrap());
        assert!(!ProcessMark { machine_run: "another".into(), ..own }.is_running());
    }
}
