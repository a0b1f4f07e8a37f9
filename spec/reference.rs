//! `docs/configuration.md` is made of the flags themselves, so that it cannot say anything else.
//!
//! `WRITE_REFERENCE=1 cargo test --test node reference` writes it anew.

use std::fmt::Write;

use clap::CommandFactory;
use gossip_network::server::Arguments;

const HEAD: &str = "# Configuration\n\n\
    Every flag of `gossip_server`, with its environment variable and its default. A flag goes before its variable. This page is\n\
    made of the program's own definition: `gossip_server --help` says the same.\n";

fn reference() -> String {
    let command = Arguments::command();
    let mut text = HEAD.to_owned();
    let mut heading = None;
    for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
        let Some(long) = flag.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
        let under = flag.get_help_heading().unwrap_or("Options");
        if heading != Some(under) {
            heading = Some(under);
            write!(text, "\n## {under}\n\n| flag | variable | default | |\n|---|---|---|---|\n").unwrap();
        }
        let value = flag.get_value_names().filter(|_| flag.get_action().takes_values());
        let value = value.and_then(|names| names.first()).map_or_else(String::new, |name| format!(" {name}"));
        let variable = flag.get_env().map_or_else(String::new, |name| format!("`{}`", name.to_string_lossy()));
        let defaults: Vec<_> = flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if defaults.is_empty() || !flag.get_action().takes_values() {
            String::new()
        } else {
            format!("`{}`", defaults.join(","))
        };
        let help = flag.get_long_help().or(flag.get_help()).map(ToString::to_string).unwrap_or_default();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        writeln!(text, "| `--{long}{}` | {variable} | {default} | {help} |", value.replace('|', "\\|")).unwrap();
    }
    text
}

#[test]
fn the_reference_says_what_the_flags_are() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let now = reference();
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == now, "docs/configuration.md is not what the flags say: WRITE_REFERENCE=1 writes it");
}
