//! Two reports side by side.

use std::path::Path;

use super::show;
use crate::cli::failure::Failure;
use crate::cli::output::{Form, print_json};
use crate::sim::ExperimentReport;

/// Compares two files.
pub fn run(left: &Path, right: &Path, form: Form) -> Result<(), Failure> {
    let reports = (read(left)?, read(right)?);
    match form {
        Form::Json => print_json(&reports),
        Form::Table => {
            let titles: Vec<String> = [left, right]
                .iter()
                .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
                .collect();
            show::print_columns(&titles, &[show::lines(&reports.0), show::lines(&reports.1)])
        }
    }
}

fn read(path: &Path) -> Result<ExperimentReport, Failure> {
    let no = |what: String| Failure::No(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| no(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| no(format!("is no report of one run: {error}")))
}
