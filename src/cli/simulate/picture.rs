//! Pictures of reports: delivery over time and hops, or reliability over the killed share.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::plot::{Chart, Mark};
use crate::sim::{ExperimentReport, Histogram};

/// Draws reports into an SVG file.
pub fn draw(path: &Path, reports: &[ExperimentReport]) -> Result<(), Failure> {
    if path.extension().is_none_or(|ending| ending != "svg") {
        return Err(Failure::Usage("the file of --plot must end in .svg".to_owned()));
    }
    let charts = match reports {
        [report] => vec![over_time(report), over_hops(report)],
        reports => vec![over_killed(reports)],
    };
    let title = reports.first().map(|report| {
        let (nodes, peers) = (report.nodes, report.max_peers);
        format!("{nodes} nodes, {peers} links each, {} messages, seed {}", report.messages, report.seed)
    });
    let scene = crate::plot::draw_charts(&title.unwrap_or_default(), &charts);
    std::fs::write(path, scene.to_svg())
        .map_err(|error| Failure::No(format!("cannot write {}: {error}", path.display())))
}

fn over_time(report: &ExperimentReport) -> Chart {
    let total = report.delivery_times.total().max(1) as f64;
    let mut below = 0;
    let mut points = Vec::new();
    for (milliseconds, count) in counted(&report.delivery_times) {
        below += count;
        points.push((milliseconds as f64, below as f64 / total * 100.0));
    }
    Chart {
        title: "deliveries over time".to_owned(),
        across: "ms since sending".to_owned(),
        up: "% delivered".to_owned(),
        points,
        mark: Mark::Steps,
    }
}

fn over_hops(report: &ExperimentReport) -> Chart {
    let total = report.delivery_hops.total().max(1) as f64;
    let share = |(hops, count): (u64, u64)| (hops as f64, count as f64 / total * 100.0);
    Chart {
        title: "hops".to_owned(),
        across: "hops".to_owned(),
        up: "% of deliveries".to_owned(),
        points: counted(&report.delivery_hops).map(share).collect(),
        mark: Mark::Bars,
    }
}

fn over_killed(reports: &[ExperimentReport]) -> Chart {
    let point = |report: &ExperimentReport| (report.killed_share * 100.0, report.delivery_ratio * 100.0);
    Chart {
        title: "reliability over killed share".to_owned(),
        across: "% of nodes killed at once".to_owned(),
        up: "% of the living reached".to_owned(),
        points: reports.iter().map(point).collect(),
        mark: Mark::Line,
    }
}

fn counted(histogram: &Histogram) -> impl Iterator<Item = (u64, u64)> + '_ {
    (0u64..).zip(histogram.counts.iter().copied()).filter(|(_, count)| *count > 0)
}
