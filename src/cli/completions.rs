//! `gossip completions` and `gossip man`: what shells and `man` read, from the same definitions as the help.

use std::path::{Path, PathBuf};

use clap_complete::Shell;
use clap_mangen::Man;

use super::failure::Failure;
use super::output::{print, print_line};

/// Prints completions of this program, or of gossip_server, for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip completions bash > ~/.local/share/bash-completion/completions/gossip
  gossip completions bash gossip_server > ~/.local/share/bash-completion/completions/gossip_server
  gossip completions zsh > ~/.zfunc/_gossip
  gossip completions fish > ~/.config/fish/completions/gossip.fish")]
pub struct CompletionsArgs {
    /// Which shell.
    #[arg(value_name = "SHELL", value_enum)]
    shell: Known,

    /// Of which program.
    #[arg(value_name = "PROGRAM", value_enum, default_value_t)]
    program: Program,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Program {
    #[default]
    #[value(name = "gossip")]
    CommandLine,
    #[value(name = "gossip_server")]
    Server,
}

/// Writes man pages: one for each program, and one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip man ~/.local/share/man/man1
  gossip man . && man ./gossip-send-message.1 && man ./gossip_server.1")]
pub struct ManArgs {
    /// The folder to write into; it is made if there is none.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Prints completions; `server` is what gossip_server understands.
pub fn completions(args: &CompletionsArgs, server: clap::Command) -> Result<(), Failure> {
    let shell = match args.shell {
        Known::Bash => Shell::Bash,
        Known::Zsh => Shell::Zsh,
        Known::Fish => Shell::Fish,
    };
    let (mut command, name) = match args.program {
        Program::CommandLine => (super::command(), "gossip"),
        Program::Server => (server, "gossip_server"),
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Writes man pages; `server` is what gossip_server understands.
pub fn man(args: &ManArgs, server: clap::Command) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::No(format!("cannot write to {}: {error}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    for mut command in [super::command().disable_help_subcommand(true), server] {
        command.build();
        write_pages(command, &args.folder).map_err(failed)?;
    }
    print_line(&args.folder.display().to_string())
}

/// The page of a command, and those of its own commands.
fn write_pages(command: clap::Command, folder: &Path) -> std::io::Result<()> {
    for inner in command.get_subcommands().cloned() {
        write_pages(inner, folder)?;
    }
    let page = Man::new(command);
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(folder.join(page.get_filename()), with_usual_sections(&String::from_utf8_lossy(&text)))
}

/// What follows the flags, under the titles that readers of man pages look for.
fn with_usual_sections(page: &str) -> String {
    let Some((flags, rest)) = page.split_once(".SH EXTRA\n") else { return page.to_owned() };
    let rest = format!("\n{rest}").replace("\nExamples:\n", "\n.SH EXAMPLES\n");
    let rest = rest.replace("\nExit codes: ", "\n.SH \"EXIT STATUS\"\n");
    let title = if rest.starts_with("\n.SH ") { "" } else { ".SH NOTES" };
    format!("{flags}{title}{}", if title.is_empty() { rest.trim_start() } else { &rest })
}
