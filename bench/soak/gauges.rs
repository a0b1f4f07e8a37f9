//! Memory, open files, threads and disk over time: sampled, judged for flatness, written as JSON and drawn.

use std::path::Path;

use gossip_network::plot::{Chart, Mark, draw_charts};
use serde::{Deserialize, Serialize};

use crate::nodes::{Node, size_of};

/// Means per node at one moment.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    pub seconds: f64,
    pub memory_mib: f64,
    pub open_files: f64,
    pub threads: f64,
    pub disk_mib: f64,
}

/// How a gauge is read of a sample, and how much it may grow over the second half.
struct Gauge {
    name: &'static str,
    unit: &'static str,
    value: fn(&Sample) -> f64,
    /// Share of its mean, and absolute growth that is no growth.
    allowed: (f64, f64),
}

const GAUGES: [Gauge; 4] = [
    Gauge { name: "memory", unit: "MiB per node", value: |s| s.memory_mib, allowed: (0.1, 1.0) },
    // Kills and partitions shift who is linked to whom, by some five connections to a node: a leak of one with each kill
    // comes to more within an hour, and one with each exchange within minutes.
    Gauge { name: "open files", unit: "per node", value: |s| s.open_files, allowed: (0.2, 8.0) },
    Gauge { name: "threads", unit: "per node", value: |s| s.threads, allowed: (0.0, 0.5) },
    // A small file is doubled for a commit of what had gathered behind a partition, and made smaller a minute later: that is
    // no growth, and what the file holds is counted at the end.
    Gauge { name: "disk", unit: "MiB per node", value: |s| s.disk_mib, allowed: (1.0, 2.0) },
];

/// Reads the gauges of these nodes, of those that are up.
pub fn sample<'a>(seconds: f64, nodes: impl Iterator<Item = &'a Node>) -> Option<Sample> {
    let mut sum = Sample { seconds, ..Sample::default() };
    let mut count = 0.0;
    for node in nodes {
        let Some(pid) = node.pid() else { continue };
        // A process that ends at this moment is not counted.
        let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0)
        };
        sum.memory_mib += field("VmRSS:") / 1024.0;
        sum.threads += field("Threads:");
        sum.open_files += files.count() as f64;
        sum.disk_mib += size_of(&node.directory) as f64 / (1024.0 * 1024.0);
        count += 1.0;
    }
    let mean = |total: f64| total / count;
    (count > 0.0).then(|| Sample {
        seconds,
        memory_mib: mean(sum.memory_mib),
        open_files: mean(sum.open_files),
        threads: mean(sum.threads),
        disk_mib: mean(sum.disk_mib),
    })
}

/// How far a straight line through the second half rises over it.
fn rise(samples: &[Sample], value: fn(&Sample) -> f64) -> (f64, f64) {
    let half = &samples[samples.len() / 2..];
    let count = half.len().max(1) as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| half.iter().map(of).sum::<f64>() / count;
    let (middle, level) = (mean(&|s| s.seconds), mean(&value));
    let spread: f64 = half.iter().map(|s| (s.seconds - middle).powi(2)).sum();
    let slope = half.iter().map(|s| (s.seconds - middle) * (value(s) - level)).sum::<f64>() / spread.max(1e-9);
    let length = half.last().zip(half.first()).map_or(0.0, |(last, first)| last.seconds - first.seconds);
    (slope * length, level)
}

/// One gauge over the second half of the run.
#[derive(Debug, Serialize)]
pub struct Level {
    pub gauge: &'static str,
    pub unit: &'static str,
    /// Its mean.
    pub mean: f64,
    /// By how much it rose, by a straight line through it.
    pub rise: f64,
    /// By how much it might have.
    pub allowed: f64,
}

/// Judges the second half.
pub fn levels(samples: &[Sample]) -> Vec<Level> {
    let judge = |gauge: &Gauge| {
        let (rise, mean) = rise(samples, gauge.value);
        Level {
            gauge: gauge.name,
            unit: gauge.unit,
            mean,
            rise,
            allowed: (gauge.allowed.0 * mean).max(gauge.allowed.1),
        }
    };
    GAUGES.iter().map(judge).collect()
}

/// Draws the curves.
pub fn draw(samples: &[Sample], to: &Path) -> std::io::Result<()> {
    let chart = |gauge: &Gauge| Chart {
        title: gauge.name.to_owned(),
        across: "minutes".to_owned(),
        up: gauge.unit.to_owned(),
        points: samples.iter().map(|s| (s.seconds / 60.0, (gauge.value)(s))).collect(),
        mark: Mark::Steps,
    };
    let charts: Vec<Chart> = GAUGES.iter().map(chart).collect();
    std::fs::write(to, draw_charts("Nodes that were never killed", &charts).to_svg())
}
