//! A network namespace of its own, so that the loopback's counters count this benchmark alone.
//!
//! It is also a process namespace: whatever was started ends when the benchmark is killed.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Set in the run that is inside.
const INSIDE: &str = "GOSSIP_BENCH_INSIDE";

/// How to get inside.
const UNSHARE: [&str; 6] = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/// Starts this program again inside, in place of this process. Returns inside, or with the reason why that cannot be.
pub fn enter() -> anyhow::Result<bool> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(true);
    }
    let up = ["ip", "link", "set", "lo", "up"];
    let tried = Command::new("unshare")
        .args(UNSHARE)
        .args(up)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("unshare does not start")?;
    if !tried.status.success() {
        bail!("{}", String::from_utf8_lossy(&tried.stderr).trim());
    }
    let error = Command::new("unshare")
        .args(UNSHARE)
        .args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error.into())
}
