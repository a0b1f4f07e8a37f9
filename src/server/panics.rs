//! A node with a dead part must not look alive: the first panic anywhere ends the process.
//!
//! The runtime would catch the panic of a task and go on without it: a node whose timer died would still answer `/livez`.

use crate::store::OPENER;

/// The exit code of a process that panicked, as Rust programs have it by default.
const EXIT_CODE: i32 = 101;

/// Makes the first panic of any thread or task end this process with exit code 101, after it was reported. The thread that
/// reads a database is left out: a panic there means a damaged file, which is told and survived.
pub fn end_process_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some(OPENER) {
            return;
        }
        report(panic);
        std::process::exit(EXIT_CODE);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Set in the process that is meant to die.
    const VICTIM: &str = "GOSSIP_TEST_PANICKING_TASK";

    #[test]
    fn a_task_that_dies_ends_the_process() {
        let this_test = "server::panics::tests::a_task_that_dies_ends_the_process";
        if std::env::var_os(VICTIM).is_some() {
            end_process_on_panic();
            // Without the hook the runtime catches this, and the process ends well.
            let task = async { actix_rt::spawn(async { panic!("a task dies") }).await };
            assert!(actix_rt::System::new().block_on(task).is_err());
            return;
        }
        let victim = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(["--exact", this_test, "--nocapture"])
            .env(VICTIM, "1")
            .output()
            .expect("this program starts again");
        assert_eq!(victim.status.code(), Some(EXIT_CODE), "{victim:?}");
        let said = String::from_utf8_lossy(&victim.stderr);
        assert!(said.contains("a task dies"), "the panic is reported before the end: {said}");
    }
}
