//! How a command ends when it does not end well: what is said, and with which code.

use std::io;
use std::process::ExitCode;

use crate::lab::LabError;

/// Why a command does not end well.
#[derive(Debug)]
pub enum Failure {
    /// The answer is no, or it failed.
    No(String),
    /// What was typed cannot be meant.
    Usage(String),
    /// A node does not answer.
    Unreachable(String),
    /// Nobody reads the output any more: there is nobody to tell.
    ClosedPipe,
}

impl Failure {
    const NO: u8 = 1;
    /// Also what the parser of the arguments ends with.
    pub const USAGE: u8 = 2;
    const UNREACHABLE: u8 = 3;

    /// Says it on stderr and returns the code to end with.
    pub fn report(&self) -> ExitCode {
        let (code, text) = match self {
            Failure::No(text) => (Failure::NO, text.as_str()),
            Failure::Usage(text) => (Failure::USAGE, text.as_str()),
            Failure::Unreachable(text) => (Failure::UNREACHABLE, text.as_str()),
            Failure::ClosedPipe => return ExitCode::from(Failure::NO),
        };
        super::output::say(&format!("error: {text}"));
        if code == Failure::USAGE {
            super::output::say("\nFor more information, try '--help'.");
        }
        ExitCode::from(code)
    }

    /// A failure to write the answer.
    pub fn of_output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::No(format!("cannot write the answer: {error}")),
        }
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Failure {
        let text = error.to_string();
        match error {
            LabError::Shape(_) | LabError::BeyondPorts { .. } => Failure::Usage(text),
            LabError::NotRunning { .. }
            | LabError::AlreadyRuns { .. }
            | LabError::DataKept { .. }
            | LabError::NoSuchNode { .. }
            | LabError::NodeNotRunning { .. }
            | LabError::NodeStillRuns { .. }
            | LabError::StillKnown { .. }
            | LabError::PortTaken { .. }
            | LabError::NoServer(_)
            | LabError::Certificates(_)
            | LabError::Engine { .. }
            | LabError::NoImage(_)
            | LabError::EngineElsewhere
            | LabError::StrangeContainers { .. }
            | LabError::DidNotStart { .. }
            | LabError::Interrupted
            | LabError::Unstoppable { .. }
            | LabError::System { .. } => Failure::No(text),
        }
    }
}
