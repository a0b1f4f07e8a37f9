//! Start-up, running and stopping of one node's process, and what managers of services and containers are told.
//!
//! [`Settings`] is what the command line and the environment say, checked; [`run`] binds, serves and leaves. The listener is
//! bound first, so that port 0 works and a taken port is one clear line.

mod access;
mod books;
mod bounds;
mod connections;
mod health;
mod key_files;
mod panics;
mod program;
mod reload;
mod run;
mod seeds;
mod service_manager;
mod settings;

pub use access::{AccessArguments, AccessError, AccessSettings};
pub use bounds::{Bounds, ConnectionBounds};
pub use health::{Question, check_health};
pub use key_files::KeyFileError;
pub use panics::end_process_on_panic;
pub use program::main;
pub use run::run;
pub use settings::{Arguments, Dissemination, Settings, SettingsError};
