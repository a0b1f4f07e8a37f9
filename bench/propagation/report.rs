//! What was measured, as a table, as JSON and as a chart.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use gossip_network::plot::{Comparison, Series, draw_comparisons};
use serde::Serialize;

use super::Options;
use super::phases::Round;
use super::systems::Contender;

/// Figures of the table: name, heading, decimals.
const COLUMNS: [(&str, &str, usize); 18] = [
    ("last_p50_ms", "last p50 ms", 1),
    ("last_p99_ms", "p99 ms", 1),
    ("delivered", "delivered", 3),
    ("transmissions_per_message", "sends", 1),
    ("kb_per_message", "KB", 1),
    ("packets_per_message", "packets", 0),
    ("cpu_ms_per_message", "CPU ms", 1),
    ("rate_last_p50_ms", "at rate: p50 ms", 1),
    ("rate_last_p99_ms", "p99 ms", 1),
    ("rate_delivered", "delivered", 3),
    ("rss_mib", "RSS MiB", 1),
    ("threads", "threads", 0),
    ("idle_kb_per_s", "idle KB/s", 1),
    ("idle_packets_per_s", "packets/s", 0),
    ("idle_cpu_s_in_20_s", "CPU s in 20 s", 2),
    ("ready_s", "ready s", 1),
    ("death_known_s", "death known s", 1),
    ("messages", "messages", 0),
];

/// The charts: figure, title, unit.
const CHARTS: [(&str, &str, &str); 4] = [
    ("last_p50_ms", "Until the last node has a message, median", "ms"),
    ("kb_per_message", "Traffic of a message", "KB"),
    ("packets_per_message", "Packets of a message", ""),
    ("cpu_ms_per_message", "Processor time of a message, all nodes", "ms"),
];

/// Median, least and greatest over the rounds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Figure {
    median: f64,
    least: f64,
    greatest: f64,
}

impl Figure {
    fn of(mut values: Vec<f64>) -> Option<Figure> {
        values.sort_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Figure { median: f64::midpoint(low, high), least, greatest })
    }
}

/// All that is known of one system with one size of the network.
#[derive(Clone, Debug, Serialize)]
struct Line {
    system: String,
    nodes: usize,
    rounds: usize,
    figures: BTreeMap<&'static str, Figure>,
    #[serde(skip)]
    measured: Vec<Round>,
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How it was made.
    command: String,
    cores: usize,
    own_network_namespace: bool,
    bytes: u32,
    rate_per_s: u32,
    load_average_before: String,
    load_average_after: String,
    lines: Vec<Line>,
    notes: Vec<String>,
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().checked_sub(1)?) as f64 * part).round() as usize).copied()
}

impl Report {
    pub fn new(options: &Options, own_network_namespace: bool) -> Report {
        let given = std::env::args().skip(1).filter(|word| word != "--bench");
        Report {
            command: given.fold("bench/run propagation".to_owned(), |command, word| command + " " + &word),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            own_network_namespace,
            bytes: options.bytes,
            rate_per_s: options.rate,
            load_average_before: load_average(),
            load_average_after: String::new(),
            lines: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds what a round measured.
    pub fn add(&mut self, contender: &Contender, nodes: usize, mut round: Round) {
        let figures = [
            ("last_p50_ms", quantile(&round.last_ms, 0.5)),
            ("last_p99_ms", quantile(&round.last_ms, 0.99)),
            ("rate_last_p50_ms", quantile(&round.rate_last_ms, 0.5)),
            ("rate_last_p99_ms", quantile(&round.rate_last_ms, 0.99)),
            ("messages", Some(round.last_ms.len() as f64)),
        ];
        round.figures.extend(figures.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let known = |line: &&mut Line| line.system == contender.name() && line.nodes == nodes;
        match self.lines.iter_mut().find(known) {
            Some(line) => line.measured.push(round),
            None => self.lines.push(Line {
                system: contender.name().to_owned(),
                nodes,
                rounds: 0,
                figures: BTreeMap::new(),
                measured: vec![round],
            }),
        }
    }

    /// Adds what went wrong.
    pub fn note(&mut self, note: String) {
        eprintln!("{note}");
        self.notes.push(note);
    }

    /// Prints it, and writes the files. Whether everything could be measured.
    pub fn write(mut self, options: &Options) -> ExitCode {
        self.load_average_after = load_average();
        for line in &mut self.lines {
            line.rounds = line.measured.len();
            for (name, ..) in COLUMNS {
                let values = line.measured.iter().filter_map(|round| round.figures.get(name).copied()).collect();
                line.figures.extend(Figure::of(values).map(|figure| (name, figure)));
            }
        }
        let (table, json) = (self.table(), serde_json::to_string_pretty(&self).unwrap_or_default() + "\n");
        print!("{}", if options.output == "json" { &json } else { &table });
        let files = [("json", &json), ("txt", &table), ("svg", &self.chart())];
        for (end, text) in files {
            let path = options.out.join(format!("propagation.{end}"));
            if let Err(error) = std::fs::create_dir_all(&options.out).and_then(|()| std::fs::write(&path, text)) {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
            eprintln!("written: {}", path.display());
        }
        if self.notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn table(&self) -> String {
        let mut table = String::new();
        let isolated = if self.own_network_namespace { "in a network namespace of its own" } else { "NOT isolated" };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            table,
            "{}\n{} cores, {isolated}, {} bytes, load {} before, {} after; medians, least-greatest of the rounds below\n",
            self.command, self.cores, self.bytes, self.load_average_before, self.load_average_after
        );
        let headings: String = COLUMNS.iter().map(|(_, heading, _)| format!(" | {heading}")).collect();
        let _ = writeln!(table, "| system | nodes{headings} |\n|{}", "---|".repeat(COLUMNS.len() + 2));
        for line in &self.lines {
            let cell = |(name, _, decimals): &(&str, &str, usize)| match line.figures.get(name) {
                None => " | ".to_owned(),
                Some(figure) if line.rounds == 1 => format!(" | {:.decimals$}", figure.median),
                Some(Figure { median, least, greatest }) => {
                    format!(" | {median:.decimals$} ({least:.decimals$}-{greatest:.decimals$})")
                }
            };
            let cells: String = COLUMNS.iter().map(cell).collect();
            let _ = writeln!(table, "| {} | {}{cells} |", line.system, line.nodes);
        }
        for note in &self.notes {
            let _ = writeln!(table, "\nNot measured: {note}");
        }
        table
    }

    fn chart(&self) -> String {
        let mut sizes: Vec<usize> = self.lines.iter().map(|line| line.nodes).collect();
        sizes.dedup();
        let mut systems: Vec<&str> = Vec::new();
        for line in &self.lines {
            if !systems.contains(&line.system.as_str()) {
                systems.push(&line.system);
            }
        }
        let of = |system: &str, nodes: usize, figure: &str| {
            let line = self.lines.iter().find(|line| line.system == system && line.nodes == nodes)?;
            Some(line.figures.get(figure)?.median)
        };
        let comparison = |(figure, title, unit): &(&str, &str, &str)| Comparison {
            title: (*title).to_owned(),
            across: "nodes".to_owned(),
            unit: (*unit).to_owned(),
            places: sizes.iter().map(ToString::to_string).collect(),
            series: systems
                .iter()
                .map(|system| Series {
                    name: (*system).to_owned(),
                    values: sizes.iter().map(|nodes| of(system, *nodes, figure)).collect(),
                })
                .collect(),
        };
        let charts: Vec<Comparison> = CHARTS.iter().map(comparison).collect();
        draw_comparisons("One message over N processes of one machine", &charts).to_svg()
    }
}
