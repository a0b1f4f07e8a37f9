//! Instruction counts: this program runs each case once under callgrind, which counts inside [`measured`] only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cases::{CASES, Case, Run};

/// The function inside which callgrind counts.
#[inline(never)]
fn measured(run: &mut Run) {
    run();
}

/// Runs one case.
pub fn run_once(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
    let mut run = (case.prepare)()();
    measured(&mut run);
    // The process ends; taking everything apart would only take time.
    std::mem::forget(run);
}

/// Counts all cases, compares them with the counts of the last time, and keeps them.
pub fn count_all() -> std::io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../bench");
    std::fs::create_dir_all(&folder)?;
    let kept = folder.join("protocol.json");
    let before: BTreeMap<String, f64> =
        std::fs::read(&kept).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let mut counts = BTreeMap::new();
    println!("{:<46} {:>22} {:>10}", "protocol", "instructions each", "change");
    for case in CASES {
        let count = count(case, &folder)?;
        let change =
            before.get(case.name).map_or(String::new(), |before| format!("{:+.2} %", 100.0 * (count / before - 1.0)));
        println!("{:<46} {count:>22.0} {change:>10}", case.name);
        counts.insert(case.name, count);
    }
    std::fs::write(&kept, format!("{:#}\n", serde_json::json!(counts)))
}

fn count(case: &Case, folder: &Path) -> std::io::Result<f64> {
    let out = folder.join(format!("callgrind.{}", case.name.replace([' ', ','], "_")));
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*instructions::measured*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["--once", case.name])
        .output()?;
    let said = String::from_utf8_lossy(&done.stderr);
    let text = std::fs::read_to_string(&out)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    let total: f64 = total.and_then(|total| total.trim().parse().ok()).unwrap_or(0.0);
    assert!(done.status.success() && total > 0.0, "valgrind counted nothing: {said}");
    Ok(total / case.operations as f64)
}
