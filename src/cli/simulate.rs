//! `gossip simulate`: experiments with thousands of real nodes in simulated time.

mod compare;
mod flags;
mod picture;
mod reconcile;
mod scenario;
mod show;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use self::flags::{Flags, Share};
use self::reconcile::Counts;
use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, say};
use crate::sim::{ExperimentReport, Settings, Watcher, run_experiment};

/// How often the progress is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// Runs the real node thousands of times in simulated time, and reports how well it does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The same seed gives the same trace hash, in any two processes.

Examples:
  gossip simulate
  gossip simulate --nodes 10000 --broadcasts 50 --senders random --loss 5% --kill 80%
  gossip simulate --nodes 2000 --kill 50%,80%,90%,95% --broadcasts 5 --plot reliability.svg
  gossip simulate --scenario scenarios/plumtree.toml -o json > a.json
  gossip simulate --compare a.json b.json
  gossip simulate --reconcile 10000 --differ 0,1,100,1000")]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    /// A TOML file of these settings and of things that happen; what is typed goes before.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Draws delivery over time and hops; over the killed share where several are given.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Writes each event as one line.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Shows two reports, made with `-o json`, side by side.
    #[arg(long, num_args = 2, value_names = ["A.json", "B.json"], exclusive = true)]
    compare: Option<Vec<PathBuf>>,
    /// Instead of a network, two nodes of so many entries that differ in some: what it costs them to find out in which.
    #[arg(long, value_name = "ENTRIES")]
    reconcile: Option<usize>,
    /// How many entries only one of the two holds; several with commas are several runs [default: 0,1,100,1000].
    #[arg(long, value_name = "NUMBERS", requires = "reconcile")]
    differ: Option<Counts>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    One(&'a ExperimentReport),
    Many(&'a [ExperimentReport]),
}

/// Runs the experiment.
pub fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if let Some([left, right]) = args.compare.as_deref() {
        return compare::run(left, right, context.form);
    }
    if let Some(entries) = args.reconcile {
        let differ = args.differ.unwrap_or_else(|| Counts(vec![0, 1, 100, 1_000]));
        return reconcile::run(entries, &differ, args.flags.seed.unwrap_or(1), context.form);
    }
    let scenario = args.scenario.as_deref().map(scenario::read).transpose()?;
    let (scenario_flags, acts) = scenario.unwrap_or_default();
    let flags = args.flags.or(scenario_flags);
    let kills = flags.kill.as_ref().map_or_else(|| vec![Share(0)], |shares| shares.0.clone());
    let file = args.scenario.as_ref().map(|file| file.display().to_string());
    let mut trace = args.trace.map(Trace::create).transpose()?;
    let mut reports = Vec::new();
    for kill in kills {
        let settings = Settings { acts: acts.clone(), ..flags.settings(kill) };
        let mut report = experiment(&settings, trace.as_mut())?;
        report.replay = flags::replay(&settings, file.as_deref().filter(|_| !acts.is_empty()));
        reports.push(report);
    }
    if let Some(trace) = trace {
        trace.finish()?;
    }
    match (context.form, reports.as_slice()) {
        (Form::Json, [report]) => print_json(&Answer::One(report))?,
        (Form::Json, reports) => print_json(&Answer::Many(reports))?,
        (Form::Table, reports) => show::print_reports(reports)?,
    }
    if let Some(file) = args.plot {
        picture::draw(&file, &reports)?;
    }
    match reports.iter().find(|report| !report.is_kept()) {
        None => Ok(()),
        Some(report) => Err(Failure::No(format!(
            "the guarantee was broken: {}\nto see it again (--trace FILE shows each event):\n  {}",
            report.guarantee, report.replay
        ))),
    }
}

fn experiment(settings: &Settings, trace: Option<&mut Trace>) -> Result<ExperimentReport, Failure> {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("simulating [{bar:32}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    let began = Instant::now();
    let mut drawn: Option<Instant> = None;
    let mut progress = |done: u64, all: u64| {
        if drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            drawn = Some(Instant::now());
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(format!("{} of at most {} simulated seconds", done / 1_000, all / 1_000));
        }
    };
    let seconds = || began.elapsed().as_secs_f64();
    let mut line = trace.map(|trace| |line: &str| trace.line(line));
    let watcher = Watcher {
        progress: Some(&mut progress),
        trace: line.as_mut().map(|line| line as &mut dyn FnMut(&str)),
        seconds: Some(&seconds),
    };
    let report = run_experiment(settings, watcher);
    bar.finish_and_clear();
    report.map_err(|error| Failure::Usage(error.to_string()))
}

/// The file that a trace is written to.
struct Trace {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Trace {
    fn create(path: PathBuf) -> Result<Trace, Failure> {
        let file =
            File::create(&path).map_err(|error| Failure::No(format!("cannot write {}: {error}", path.display())))?;
        Ok(Trace { path, file: BufWriter::new(file), failed: None })
    }

    fn line(&mut self, line: &str) {
        if self.failed.is_none() {
            self.failed = writeln!(self.file, "{line}").err();
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        let ended = self.failed.take().map_or_else(|| self.file.flush(), Err);
        ended.map_err(|error| Failure::No(format!("cannot write {}: {error}", self.path.display())))?;
        say(&format!("trace written to {}", self.path.display()));
        Ok(())
    }
}
