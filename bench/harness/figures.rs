//! Figures: the values of several rounds, printed with their median and spread, and kept as JSON and SVG in `target/bench/`.

use std::path::PathBuf;

use gossip_network::plot::{Chart, draw_charts};
use serde_json::{Value, json};

/// One measured quantity.
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// What it should be, in words; empty for what is only shown.
    pub target: &'static str,
    /// One value a round.
    pub rounds: Vec<f64>,
}

impl Figure {
    /// A figure with the values of its rounds.
    pub fn new(name: impl Into<String>, unit: &'static str, target: &'static str, rounds: Vec<f64>) -> Figure {
        Figure { name: name.into(), unit, target, rounds }
    }

    /// The middle value.
    pub fn median(&self) -> f64 {
        median(&self.rounds)
    }

    fn range(&self) -> (f64, f64) {
        self.rounds.iter().fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(*value), high.max(*value)))
    }
}

/// The middle of some values; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of them lies.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// Prints a table, and writes `target/bench/NAME.json` and `NAME.svg`.
pub fn publish(bench: &str, figures: &[Figure], charts: &[Chart]) -> std::io::Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{:<52} {:>12} {:>25}  {:<10} target", bench, "median", "range", "unit");
    for figure in figures {
        let (low, high) = figure.range();
        let range = format!("{} - {}", shown(low), shown(high));
        println!(
            "{:<52} {:>12} {range:>25}  {:<10} {}",
            figure.name,
            shown(figure.median()),
            figure.unit,
            figure.target
        );
    }
    println!("load of the machine at the end: {}", load.trim());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../bench");
    std::fs::create_dir_all(&folder)?;
    let record: Vec<Value> = figures.iter().map(record).collect();
    let record = json!({ "bench": bench, "load": load.trim(), "figures": record });
    std::fs::write(folder.join(format!("{bench}.json")), format!("{record:#}\n"))?;
    std::fs::write(folder.join(format!("{bench}.svg")), draw_charts(bench, charts).to_svg())
}

fn record(figure: &Figure) -> Value {
    let (low, high) = figure.range();
    json!({
        "name": figure.name, "unit": figure.unit, "target": figure.target,
        "median": figure.median(), "low": low, "high": high, "rounds": figure.rounds,
    })
}

fn shown(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}
