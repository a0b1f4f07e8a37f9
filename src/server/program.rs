//! The program `gossip_server` from its arguments to its exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use super::{Arguments, check_health, end_process_on_panic, run};
use crate::arguments::in_our_words;

/// Runs one node, or asks one, as the process's arguments and environment say.
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse().map_err(in_our_words).unwrap_or_else(|error| error.exit());
    // What strangers send over a connection is no event of this node's.
    env_logger::Builder::new()
        .filter_level(arguments.log_level.min(log::LevelFilter::Warn))
        .filter_module("actix_http", log::LevelFilter::Off)
        .filter_module("gossip_network", arguments.log_level)
        .init();
    end_process_on_panic();
    if let Some(question) = arguments.health {
        return end(check_health(&arguments, question));
    }
    let settings = match arguments.check() {
        Ok(settings) => settings,
        Err(error) => {
            complain(&error);
            return ExitCode::from(2);
        }
    };
    end(run(settings))
}

fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(1)
        }
    }
}

fn complain(error: &dyn std::fmt::Display) {
    // Nothing is left to do when even stderr is closed.
    let _ = writeln!(std::io::stderr(), "gossip_server: {error}");
}
