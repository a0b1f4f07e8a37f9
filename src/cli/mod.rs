//! The command line `gossip`: one file per command, all with the same skeleton.
//!
//! A command's file holds its arguments (`Args`, whose help ends with examples) and `run`, which asks nodes (`client`) or
//! changes networks (`lab`) and prints the answer. Answers go to stdout, as a table or as JSON; talk and progress go to
//! stderr. A `Failure` says with which code the program ends. What several commands share stands
//! beside them: `node_arg` and `node_group` (which nodes are meant), `injection` (faults),
//! `access` (tokens and certificates), `names` (how ids are shown), `listing` (messages as text), `output`
//! (the one place that prints), `picture` (files of graphs).

mod bar;
mod clock;
mod context;
mod failure;
mod injection;
mod listing;
mod names;
mod node_arg;
mod node_group;
mod output;
mod picture;
mod plain_text;
mod shape_word;

mod access;
mod add_node;
mod certificates;
mod completions;
mod compose;
mod get_message;
mod get_messages;
mod heal;
mod join;
mod list_peers;
mod lose;
mod measure;
mod partition;
mod pause;
mod plot;
mod remove_node;
mod restart_node;
mod resume;
mod send_message;
mod set_state;
mod simulate;
mod slow;
mod start_network;
mod state;
mod status;
mod stop_network;
mod top;
mod trace;
mod wait;
mod watch;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::context::{Common, Context};
use self::failure::Failure;
use crate::arguments::in_our_words;

/// Ends the help of every command.
const EXIT_CODES: &str = "Exit codes: 0 ok, 1 the answer is no or it failed, 2 wrong usage, 3 a node does not answer.";

/// Starts gossip networks on this machine, sends and reads messages, and shows what every node knows.
#[derive(Debug, Parser)]
#[command(
    name = "gossip",
    version,
    after_help = "NODE is the number of a node in the network (see --name), or host:port of any node.\n\n\
        Examples:\n  \
        gossip start-network\n  \
        gossip send-message 1 Apple\n  \
        gossip get-messages 10 --all-paths\n  \
        gossip stop-network"
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    StartNetwork(start_network::Args),
    StopNetwork(stop_network::Args),
    Status(status::Args),
    SendMessage(send_message::Args),
    GetMessages(get_messages::Args),
    GetMessage(get_message::Args),
    ListPeers(list_peers::Args),
    State(state::Args),
    SetState(set_state::Args),
    Watch(watch::Args),
    Top(top::Args),
    Trace(trace::Args),
    Measure(measure::Args),
    RemoveNode(remove_node::Args),
    AddNode(add_node::Args),
    Compose(compose::Args),
    RestartNode(restart_node::Args),
    Join(join::Args),
    Certificates(certificates::Args),
    Partition(partition::Args),
    Slow(slow::Args),
    Lose(lose::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Heal(heal::Args),
    Plot(plot::Args),
    Simulate(Box<simulate::Args>),
    Wait(wait::Args),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// Runs one command line, the program's name first, and returns the code to end with. `server` is what `gossip_server`
/// understands, for its man page and completions.
pub fn run(typed: impl IntoIterator<Item = OsString>, server: clap::Command) -> ExitCode {
    let arguments = match parse(typed) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads any more is no failure.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Failure::USAGE } else { 0 });
        }
    };
    crate::lab::allow_many_connections();
    let outcome = actix_rt::System::new().block_on(async {
        let context = Context::new(arguments.common)?;
        arguments.command.run(&context, server).await
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The one definition of what can be typed: help, man pages and completions come from it.
fn command() -> clap::Command {
    let with_codes = |command: clap::Command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        command.after_help(format!("{}\n\n{EXIT_CODES}", help.trim_end()))
    };
    with_codes(Arguments::command()).mut_subcommands(with_codes)
}

fn parse(typed: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let matches = command().try_get_matches_from(start_network::with_node_flags(typed));
    Arguments::from_arg_matches(&matches.map_err(in_our_words)?)
}

impl Command {
    async fn run(self, context: &Context, server: clap::Command) -> Result<(), Failure> {
        match self {
            Command::StartNetwork(args) => start_network::run(args, context).await,
            Command::StopNetwork(args) => stop_network::run(args, context).await,
            Command::Status(args) => status::run(args, context).await,
            Command::SendMessage(args) => send_message::run(args, context).await,
            Command::GetMessages(args) => get_messages::run(args, context).await,
            Command::GetMessage(args) => get_message::run(args, context).await,
            Command::ListPeers(args) => list_peers::run(args, context).await,
            Command::State(args) => state::run(args, context).await,
            Command::SetState(args) => set_state::run(args, context).await,
            Command::Watch(args) => watch::run(args, context).await,
            Command::Top(args) => top::run(args, context).await,
            Command::Trace(args) => trace::run(args, context).await,
            Command::Measure(args) => measure::run(args, context).await,
            Command::RemoveNode(args) => remove_node::run(args, context).await,
            Command::AddNode(args) => add_node::run(args, context).await,
            Command::Compose(args) => compose::run(args, context),
            Command::RestartNode(args) => restart_node::run(args, context).await,
            Command::Join(args) => join::run(args, context).await,
            Command::Certificates(args) => certificates::run(&args, context),
            Command::Partition(args) => partition::run(args, context).await,
            Command::Slow(args) => slow::run(args, context).await,
            Command::Lose(args) => lose::run(args, context).await,
            Command::Pause(args) => pause::run(args, context).await,
            Command::Resume(args) => resume::run(args, context).await,
            Command::Heal(args) => heal::run(args, context).await,
            Command::Plot(args) => plot::run(args, context).await,
            Command::Simulate(args) => simulate::run(*args, context),
            Command::Wait(args) => wait::run(args, context).await,
            Command::Completions(args) => completions::completions(&args, server),
            Command::Man(args) => completions::man(&args, server),
        }
    }
}
