//! `gossip watch`: what happens at a node, as it happens.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::context::{Context, Target};
use super::failure::Failure;
use super::listing::{Book, text_of};
use super::names::Names;
use super::node_arg::NodeArg;
use super::output::{Form, print_line, say};
use super::plain_text::escape;
use super::state::told;
use crate::client::{
    ClientError, EventKind, ForgottenEvent, LinkEvent, LiveEvent, MessageReport, PathEvent, ReadEvent, ResetEvent,
    SnapshotEvent, StateEvent, StatusEvent,
};
use crate::protocol::{NodeId, Status};

/// The first pause before a stream that broke is asked for again, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Shows what happens at a node, as it happens: states, messages, deaths, links.
///
/// A stream that breaks is taken up again where it broke. With -o json each event is one line of JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip watch 3
  gossip watch 3 --kind message,status
  gossip watch 3 -o json | jq .payload
  gossip watch 3 --kind state --exec './reload-proxy'   the event arrives on stdin, as JSON")]
pub struct Args {
    /// The node to watch: its number, or host:port.
    #[arg(value_name = "NODE")]
    node: NodeArg,

    /// Only events of these kinds, with commas between.
    #[arg(short, long, value_name = "KIND,…", value_delimiter = ',', value_parser = kinds())]
    kind: Vec<String>,

    /// Runs this command of the shell for each event, which it gets on stdin as JSON, its kind as $GOSSIP_EVENT; one at a time.
    #[arg(short, long, value_name = "COMMAND")]
    exec: Option<String>,

    /// Ends after so many events; the snapshot at the beginning is not counted.
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
}

fn kinds() -> PossibleValuesParser {
    let choices = EventKind::ALL.iter().filter(|(kind, _)| kind.is_choice());
    PossibleValuesParser::new(choices.map(|(_, name)| *name))
}

/// Watches until the reader of the output or the person ends it.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let target = context.target(&args.node)?;
    let kinds = args.kind.join(",");
    let mut told = Told { context, names: target.names, exec: args.exec, left: args.count };
    let (mut last_id, mut pause): (Option<String>, Duration) = (None, PAUSE.0);
    let mut connected = false;
    loop {
        let cut = match target.client.watch(&kinds, last_id.as_deref()).await {
            Ok(mut stream) => {
                if connected {
                    say(&format!("{} answers again", target.full()));
                }
                (connected, pause) = (true, PAUSE.0);
                loop {
                    match stream.next().await {
                        Ok(Some(event)) => {
                            if told.tell(&event)? {
                                return Ok(());
                            }
                            last_id = Some(event.id);
                        }
                        Ok(None) => break "the node ended the stream".to_owned(),
                        Err(error) => break error.to_string(),
                    }
                }
            }
            Err(error) if !connected || matches!(error, ClientError::Refused(_)) => return Err(target.explain(error)),
            Err(error) => error.to_string(),
        };
        wait(&target, &cut, pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

async fn wait(target: &Target, cut: &str, pause: Duration) {
    say(&format!("{}: {}; trying again", target.full(), escape(cut)));
    tokio::time::sleep(pause).await;
}

/// What is done with each event.
struct Told<'a> {
    context: &'a Context,
    names: Names,
    exec: Option<String>,
    left: Option<u64>,
}

impl Told<'_> {
    /// True when it was the last one.
    fn tell(&mut self, event: &LiveEvent) -> Result<bool, Failure> {
        if event.kind == EventKind::KeepAlive {
            return Ok(false);
        }
        if brings_nodes(event) {
            self.names = self.context.names();
        }
        match self.context.form {
            Form::Json => print_line(&event.json)?,
            Form::Table => {
                let line = in_words(event, self.names).unwrap_or_else(|error| escape(&error.to_string()));
                print_line(&format!(
                    "{}  {line}",
                    Zoned::now().with_time_zone(TimeZone::system()).strftime("%H:%M:%S%.3f")
                ))?;
            }
        }
        if !event.kind.is_choice() {
            return Ok(false);
        }
        if let Some(command) = &self.exec {
            execute(command, event);
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(self.left == Some(0))
    }
}

/// Whether the network may have nodes by now that it did not have before, so that their numbers are to be looked up.
pub fn brings_nodes(event: &LiveEvent) -> bool {
    match event.kind {
        EventKind::Snapshot => true,
        EventKind::Status => event.record::<StatusEvent>().is_ok_and(|status| status.joined),
        _ => false,
    }
}

/// Runs a command with an event on its stdin, and waits for it: what comes meanwhile waits at the node.
fn execute(command: &str, event: &LiveEvent) {
    let child =
        Command::new("sh").args(["-c", command]).env("GOSSIP_EVENT", event.kind.name()).stdin(Stdio::piped()).spawn();
    let ended = child.and_then(|mut child| {
        if let Some(mut input) = child.stdin.take() {
            // A command that does not read its input closes it; that is no failure.
            let _ = input.write_all(event.json.as_bytes()).and_then(|()| input.write_all(b"\n"));
        }
        child.wait()
    });
    match ended {
        Ok(status) if status.success() => {}
        Ok(status) => say(&format!("the command ended with {status}")),
        Err(error) => say(&format!("the command cannot be run: {error}")),
    }
}

/// An event on one line, for people.
pub fn in_words(event: &LiveEvent, names: Names) -> Result<String, ClientError> {
    Ok(match event.kind {
        EventKind::Snapshot => {
            let snapshot: SnapshotEvent = event.record()?;
            let (peers, nodes) = (names.list(&snapshot.peers), snapshot.state.len());
            format!("{} knows {nodes} nodes; its peers are {peers}", names.long(&snapshot.node))
        }
        EventKind::Reset => {
            let reset: ResetEvent = event.record()?;
            format!("something was missed: {}", escape(&reset.reason))
        }
        EventKind::State => {
            let state: StateEvent = event.record()?;
            let says = if is_book(&state) { "likes" } else { "says" };
            format!(
                "{} {says} {} (version {}{})",
                names.long(&state.node),
                told(&state.payload),
                state.version,
                over(&state.path, names)
            )
        }
        EventKind::Message => {
            let message: MessageReport = event.record()?;
            let path = message.paths.first().map(|arrival| over(&arrival.path, names)).unwrap_or_default();
            format!("{} sent {} ({}{path})", names.long(&message.origin), text_of(&message), message.uuid)
        }
        EventKind::Path => {
            let path: PathEvent = event.record()?;
            format!("another way of {}{}", path.uuid, over(&path.arrival.path, names))
        }
        EventKind::Status => {
            let status: StatusEvent = event.record()?;
            let joined = if status.joined { "has joined and " } else { "" };
            let verb = if status.status == Status::Left { "has" } else { "is" };
            format!("{} {joined}{verb} {}", names.long(&status.node), status.status.name())
        }
        EventKind::Forgotten => {
            let forgotten: ForgottenEvent = event.record()?;
            format!("{} is forgotten", names.long(&forgotten.node))
        }
        EventKind::Link => {
            let link: LinkEvent = event.record()?;
            let node = names.long(&link.node);
            if link.linked {
                format!("linked with {node}")
            } else {
                format!("no longer linked with {node}: {}", escape(&link.why))
            }
        }
        EventKind::Read => {
            let read: ReadEvent = event.record()?;
            match read.uuids.len() {
                1 => "1 message was read".to_owned(),
                count => format!("{count} messages were read"),
            }
        }
        EventKind::KeepAlive => format!("still there at {}", Timestamp::now()),
    })
}

fn is_book(state: &StateEvent) -> bool {
    serde_json::from_str::<Book>(state.payload.get()).is_ok()
}

/// A way of more than one station: ` over 1 ➜ 4 ➜ 3`.
fn over(path: &[NodeId], names: Names) -> String {
    if path.len() < 2 {
        return String::new();
    }
    let stations: Vec<String> = path.iter().map(|id| names.short(id)).collect();
    format!(" over {}", stations.join(" ➜ "))
}
