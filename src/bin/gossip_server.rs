//! One node. All of it is in the library; see `gossip_network::server`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use gossip_network::server::{Arguments, check_health, end_process_on_panic, run};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
