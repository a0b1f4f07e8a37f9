//! The one place that prints: answers to stdout, as text or JSON, and talk to stderr.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

use super::failure::Failure;

/// In which form answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Prints text to stdout and returns once it is out of this program's hands.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::of_output(&error))
}

/// Prints a line to stdout.
pub fn print_line(line: &str) -> Result<(), Failure> {
    print(&format!("{line}\n"))
}

/// Prints an answer for programs.
pub fn print_json<T: Serialize + ?Sized>(answer: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(answer);
    print_line(&text.map_err(|error| Failure::No(format!("cannot write the answer as JSON: {error}")))?)
}

/// Prints rows under a header, in columns as wide as they need.
pub fn print_table(header: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    print_line(&table(header, rows))
}

fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|title| title.to_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Says something to the person at the terminal.
pub fn say(text: &str) {
    // Whoever closed stderr does not want to hear it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
