//! `gossip completions` and `gossip man`: what shells and `man` read, from the same definition as the help.

use std::path::PathBuf;

use clap_complete::Shell;

use super::failure::Failure;
use super::output::{print, print_line};

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip completions bash > ~/.local/share/bash-completion/completions/gossip
  gossip completions zsh > ~/.zfunc/_gossip
  gossip completions fish > ~/.config/fish/completions/gossip.fish")]
pub struct CompletionsArgs {
    /// Which shell.
    #[arg(value_name = "SHELL", value_enum)]
    shell: Known,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

/// Writes man pages, one for the program and one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip man ~/.local/share/man/man1
  gossip man . && man ./gossip-send-message.1")]
pub struct ManArgs {
    /// The folder to write into; it is made if there is none.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Prints completions.
pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let shell = match args.shell {
        Known::Bash => Shell::Bash,
        Known::Zsh => Shell::Zsh,
        Known::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "gossip", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Writes man pages.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::No(format!("cannot write to {}: {error}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(super::command(), &args.folder).map_err(failed)?;
    print_line(&args.folder.display().to_string())
}
