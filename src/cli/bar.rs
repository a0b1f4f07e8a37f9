//! A progress bar on stderr; none when stderr is no terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::lab::Progress;

/// A progress bar, gone when dropped.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar that shows nothing yet.
    pub fn new() -> Bar {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg:10} [{bar:32}] {pos}/{len}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar { bar }
    }

    /// Shows how far a step is.
    pub fn show(&self, progress: Progress) {
        let (step, done, all) = match progress {
            Progress::Drawn { per_mille } => ("searching", per_mille, 1000),
            Progress::Started { done, all } => ("starting", done as u64, all as u64),
            Progress::Answering { done, all } => ("answering", done as u64, all as u64),
            Progress::Agreeing { done, all } => ("agreeing", done as u64, all as u64),
        };
        if self.bar.message() != step {
            // The last step's numbers must not be seen under the new one's name.
            self.bar.set_position(0);
            self.bar.set_length(all);
            self.bar.set_message(step);
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
