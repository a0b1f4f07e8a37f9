//! Reports as text: one column per run.

use crate::cli::failure::Failure;
use crate::cli::output::print_table;
use crate::sim::{Degree, ExperimentReport, Spread};

/// Prints reports side by side.
pub fn print_reports(reports: &[ExperimentReport]) -> Result<(), Failure> {
    let many = reports.len() > 1;
    let titles: Vec<String> = reports
        .iter()
        .map(|report| if many { format!("kill {}%", report.killed_share * 100.0) } else { "value".to_owned() })
        .collect();
    let columns: Vec<Vec<(&str, String)>> = reports.iter().map(lines).collect();
    print_columns(&titles, &columns)
}

/// Prints columns of named values, the names first.
pub fn print_columns(titles: &[String], columns: &[Vec<(&str, String)>]) -> Result<(), Failure> {
    let header: Vec<&str> = ["measure"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let rows = columns.first().map_or(0, Vec::len);
    let row = |place: usize| {
        let name = columns[0][place].0.to_owned();
        [name].into_iter().chain(columns.iter().map(|column| column[place].1.clone())).collect()
    };
    print_table(&header, (0..rows).map(row).collect())
}

/// The lines of one report.
pub fn lines(report: &ExperimentReport) -> Vec<(&'static str, String)> {
    vec![
        ("nodes (alive at the end)", format!("{} ({})", report.nodes, report.live_nodes)),
        ("max peers", report.max_peers.to_string()),
        ("seed", report.seed.to_string()),
        ("messages", report.messages.to_string()),
        ("delivery ratio", format!("{:.6}", report.delivery_ratio)),
        ("redundancy", ratio(report.redundancy)),
        ("redundancy, first messages too", ratio(report.redundancy_all)),
        ("last delivery hop (median/p99/max)", spread(report.last_delivery_hop)),
        ("last delivery ms (median/p99/max)", spread(report.last_delivery_ms)),
        ("requests", report.requests.to_string()),
        ("bytes", count(report.bytes)),
        ("control bytes", count(report.control_bytes)),
        ("repair rounds", report.repair_rounds.to_string()),
        ("repaired", report.repaired.to_string()),
        ("death known to first, ms", spread(report.first_detection_ms)),
        ("death known to all, ms", spread(report.detection_ms)),
        ("deaths not known to all", report.undetected.to_string()),
        ("false suspicions", report.false_suspicions.to_string()),
        ("false deaths", report.false_downs.to_string()),
        ("waited for a processor, ms (median/p99/max)", spread(report.waited_ms)),
        (
            "processors busy",
            report.busy_share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0)),
        ),
        ("links before (least/mean/most)", degree(report.degree_before)),
        ("links after (least/mean/most)", degree(report.degree_after)),
        ("mean distance before", ratio(report.mean_distance_before)),
        ("mean distance after", ratio(report.mean_distance_after)),
        ("the same, of a random graph's", ratio(report.mean_distance_ratio)),
        ("simulated seconds", format!("{:.1}", report.simulated_ms as f64 / 1_000.0)),
        ("handled messages", report.handled_messages.to_string()),
        ("handled per second", report.handled_messages_per_second.to_string()),
        ("trace hash", report.trace_hash.clone()),
        ("guarantee", report.guarantee.clone()),
    ]
}

fn ratio(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.4}"))
}

fn count(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".to_owned(), |spread| format!("{} / {} / {}", spread.median, spread.p99, spread.max))
}

fn degree(degree: Degree) -> String {
    format!("{} / {:.3} / {}", degree.least, degree.mean, degree.most)
}
