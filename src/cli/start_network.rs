//! `gossip start-network`: real processes in a chosen graph, ready when all agree.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::SmallRng;
use serde::Serialize;

use super::bar::Bar;
use super::context::Context;
use super::failure::Failure;
use super::names::Names;
use super::output::{Form, print_json, print_table, say};
use super::picture::PictureFile;
use super::shape_word::ShapeWord;
use super::state::told;
use super::wait::{did_agree, disagreement};
use crate::arguments::parse_duration;
use crate::client::Caller;
use crate::lab::{
    Containers, DEFAULT_BASE_PORT, DEFAULT_IMAGE, Drawing, LaunchPlan, Launcher, NetworkAccess, NetworkRecord, OldData,
    Progress, Shape, ask_digests, launch, typed_command, wait_for_agreement,
};
use crate::protocol::NodeId;

/// Nodes that start agree within a few seconds.
const USUAL_TIME: Duration = Duration::from_secs(30);

/// A thousand of them on a small machine need longer: so much more for each.
const USUAL_TIME_OF_A_NODE: Duration = Duration::from_millis(100);

/// A node answers what the table needs within milliseconds.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Flags of the node that begin like this are handed on without this program knowing them.
const HANDED_ON: &str = "--allow-";

/// Starts a network of real nodes on this machine, as processes or in containers, and returns when all of them agree.
///
/// SHAPE is one of: random [DEGREE], circular, powerlaw, turan [PARTS], optimal, graph FILE. FILE is a .dot as --plot
/// writes it, or a list of links, one a line: "1 2".
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip start-network                            16 nodes with 3 random peers each
  gossip start-network random 4 -n 50
  gossip start-network optimal -n 20 -P ring.svg
  gossip start-network graph ring.dot --interval 2s
  gossip start-network --name two --base-port 9000
  gossip start-network --tls tls --token-file token
  gossip start-network --docker

Flags of the node that are not listed here go behind a --, or into --node-flag:
  gossip start-network circular -- --log-level debug")]
pub struct Args {
    /// The graph of who is whose peer [default: random, with 3 peers each as far as N allows].
    #[arg(value_name = "SHAPE", num_args = 0..=3, value_parser = ShapeWord, hide_possible_values = true)]
    shape: Vec<String>,

    /// How many nodes, 2 to 1000 [default: 16, or as many as FILE has].
    #[arg(short, long, value_name = "N")]
    num_nodes: Option<usize>,

    /// Draws the graph into a .svg, .png or .dot [default FILE: NAME.svg].
    #[arg(short = 'P', long, value_name = "FILE", num_args = 0..=1)]
    plot: Option<Option<String>>,

    /// Node N listens on this port + N.
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_BASE_PORT)]
    base_port: u16,

    /// Time between two books of a node, such as 10s; 0 keeps one book.
    #[arg(long, value_name = "DURATION", value_parser = check_duration)]
    interval: Option<String>,

    /// Hops that a new message may travel, 0 to 255.
    #[arg(long, value_name = "N")]
    ttl: Option<u8>,

    /// File of favourite books, one a line.
    #[arg(long, value_name = "FILE")]
    books: Option<PathBuf>,

    /// Time between two exchanges of digests over a link.
    #[arg(long, value_name = "DURATION", value_parser = check_duration)]
    heartbeat: Option<String>,

    /// Keeps everything in memory: without it every node has a directory, and what it acknowledged survives its death.
    #[arg(long, conflicts_with = "keep_data")]
    ephemeral: bool,

    /// Goes on with what the nodes of an earlier network of this name kept (see stop-network --keep-data).
    #[arg(long)]
    keep_data: bool,

    /// Removes what stop-network --keep-data left of an earlier network of this name, instead of refusing to start.
    #[arg(long, conflicts_with = "keep_data")]
    discard_data: bool,

    /// How much the nodes log: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<log::LevelFilter>,

    /// Starts all nodes with TLS, with certificates from this folder; what is missing there is made (see `certificates`).
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,

    /// Starts each node in a container of its own, with Docker Compose, all in memory; see also: gossip compose --help.
    #[arg(long, conflicts_with = "keep_data")]
    docker: bool,

    /// The image of the containers; bin/image builds the default one.
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE, requires = "docker")]
    image: String,

    /// A flag of gossip_server for every node, such as --node-flag=--ttl=9; can be given several times.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    node_flag: Vec<String>,

    /// Flags of gossip_server for every node.
    #[arg(last = true, value_name = "NODE_FLAGS")]
    more_node_flags: Vec<String>,
}

fn check_duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned())
}

/// The arguments with flags that only nodes know (`--allow-…`) marked as such.
pub fn with_node_flags(typed: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut starting = false;
    let mut own = true;
    let mark = |word: OsString| {
        starting |= word == "start-network";
        own &= word != "--";
        let handed_on = starting && own && word.to_str().is_some_and(|word| word.starts_with(HANDED_ON));
        if !handed_on {
            return word;
        }
        let mut marked = OsString::from("--node-flag=");
        marked.push(word);
        marked
    };
    typed.into_iter().map(mark).collect()
}

/// What the arguments mean.
struct Wish {
    shape: Shape,
    plot: Option<PictureFile>,
    access: NetworkAccess,
    node_flags: Vec<String>,
}

impl Args {
    fn check(&self, context: &Context) -> Result<Wish, Failure> {
        let mut words = self.shape.clone();
        let plot = match &self.plot {
            None => None,
            Some(None) => Some(PictureFile::named_after(context.name.as_str())),
            // In `-P random 3` the word after the flag is the shape, not a file.
            Some(Some(word)) if Shape::NAMES.contains(&word.as_str()) => {
                words.insert(0, word.clone());
                Some(PictureFile::named_after(context.name.as_str()))
            }
            Some(Some(file)) => {
                Some(file.parse().map_err(|reason| Failure::Usage(format!("--plot {file:?}: {reason}")))?)
            }
        };
        let shape = Shape::parse(&words).map_err(Failure::Usage)?;
        Ok(Wish { shape, plot, access: self.access(context)?, node_flags: self.node_flags()? })
    }

    /// What the nodes are to ask of whoever calls them. Nodes run in a folder of their own, so their files need full names.
    fn access(&self, context: &Context) -> Result<NetworkAccess, Failure> {
        let full = |flag: &str, file: &PathBuf| {
            std::path::absolute(file).map_err(|error| Failure::Usage(format!("--{flag} {}: {error}", file.display())))
        };
        let token_file = context.access.token_file.as_ref().map(|file| full("token-file", file)).transpose()?;
        let certificates = self.tls.as_ref().map(|folder| full("tls", folder)).transpose()?;
        Ok(NetworkAccess { token_file, certificates })
    }

    fn launcher(&self, context: &Context) -> Result<Launcher, Failure> {
        if !self.docker {
            return Ok(Launcher::processes()?);
        }
        Ok(Launcher::Containers { containers: Containers::of(&context.name, &self.image) })
    }

    fn old_data(&self) -> OldData {
        match (self.keep_data, self.discard_data) {
            (true, _) => OldData::GoOn,
            (false, true) => OldData::Discard,
            (false, false) => OldData::Refuse,
        }
    }

    fn node_flags(&self) -> Result<Vec<String>, Failure> {
        let mut flags = Vec::new();
        let mut add = |flag: &str, value: Option<String>| flags.extend(value.map(|value| format!("--{flag}={value}")));
        add("interval", self.interval.clone());
        add("ttl", self.ttl.map(|ttl| ttl.to_string()));
        add("heartbeat", self.heartbeat.clone());
        add("log-level", self.log_level.map(|level| level.to_string().to_lowercase()));
        if let Some(books) = &self.books {
            // Nodes run in a folder of their own, and later ones are started from anywhere.
            let found = books.canonicalize();
            let path = found.map_err(|error| Failure::Usage(format!("--books {}: {error}", books.display())))?;
            add("books", Some(path.display().to_string()));
        }
        flags.extend(self.node_flag.iter().chain(&self.more_node_flags).cloned());
        Ok(flags)
    }
}

/// Starts the network.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let wish = args.check(context)?;
    let bar = Bar::new();
    let mut progress = |progress: Progress| bar.show(progress);
    let mut random: SmallRng = rand::make_rng();
    let drawing = wish.shape.draw(args.num_nodes, &mut random, &mut progress)?;
    let limit = context.limit(USUAL_TIME + USUAL_TIME_OF_A_NODE * drawing.numbers.len() as u32);
    // The authority and this program's own certificate come first; those of the nodes follow with the nodes.
    wish.access.provide(std::iter::empty())?;
    let caller = context.access.caller_within(&wish.access)?;
    let plan = LaunchPlan {
        name: context.name.clone(),
        base_port: args.base_port,
        shape: wish.shape.to_string(),
        newcomer_places: wish.shape.newcomer_places(),
        launcher: args.launcher(context)?,
        drawing,
        access: wish.access,
        node_flags: wish.node_flags,
        // What a container writes would be another user's, and go with it.
        durable: !args.ephemeral && !args.docker,
        old_data: args.old_data(),
        limit,
    };
    let network = launch(&context.registry, &caller, &plan, &mut progress).await?;
    let agreed = tokio::select! {
        agreed = wait_for_agreement(&caller, &network, limit, &mut progress) => agreed,
        // The nodes run and are written down: whoever does not want to wait for them keeps them.
        _ = tokio::signal::ctrl_c() => return Err(Failure::No(format!("interrupted; network {} runs", context.name))),
    };
    drop(bar);
    if let Some(file) = &wish.plot {
        draw(file, &plan.shape, &plan.drawing)?;
    }
    show(context, &caller, &network).await?;
    say(&format!("\nlogs: {}", context.registry.where_logs(&network, "*")));
    match agreed {
        Ok(agreement) => say(&did_agree(agreement)),
        Err(differences) => return Err(disagreement(&differences, limit)),
    }
    say(&what_next(context, &network));
    Ok(())
}

fn draw(file: &PictureFile, shape: &str, drawing: &Drawing) -> Result<(), Failure> {
    file.draw(shape, &drawing.labels(), &drawing.graph)?;
    say(&format!("drawn: {}", file.path().display()));
    Ok(())
}

/// One node of a network that was just started.
#[derive(Serialize)]
struct NodeRow {
    node: u16,
    id: NodeId,
    address: String,
    pid: u32,
    peers: Vec<NodeId>,
    version: u64,
    book: Option<String>,
}

/// A network that was just started.
#[derive(Serialize)]
struct NetworkAnswer {
    name: String,
    base_port: u16,
    cluster: String,
    shape: String,
    started_at: String,
    logs: PathBuf,
    nodes: Vec<NodeRow>,
}

async fn show(context: &Context, caller: &Caller, network: &NetworkRecord) -> Result<(), Failure> {
    let rows = rows(caller, network).await;
    if context.form == Form::Json {
        return print_json(&NetworkAnswer {
            name: network.name.to_string(),
            base_port: network.base_port,
            cluster: network.cluster.clone(),
            shape: network.shape.clone(),
            started_at: Timestamp::now().to_string(),
            logs: context.registry.folder(&network.name),
            nodes: rows,
        });
    }
    let names = Names::of(Some(network));
    let cells = |row: NodeRow| {
        let book = row.book.unwrap_or_else(|| "-".to_owned());
        let peers = names.list(&row.peers);
        vec![row.node.to_string(), row.address, row.pid.to_string(), peers, row.version.to_string(), book]
    };
    print_table(&["node", "address", "pid", "peers", "version", "book"], rows.into_iter().map(cells).collect())
}

async fn rows(caller: &Caller, network: &NetworkRecord) -> Vec<NodeRow> {
    let nodes: Vec<_> = network.nodes.iter().collect();
    let answers = ask_digests(caller, &nodes, ANSWER_TIME).await;
    // All agree, so any of them knows everyone's book.
    let states = match nodes.first() {
        Some(first) => caller.node(first.address(), ANSWER_TIME).states().await.unwrap_or_default(),
        None => Default::default(),
    };
    let row = |(node, answer): (&&crate::lab::NodeRecord, crate::lab::NodeAnswer)| {
        let digest = answer.digest.ok();
        NodeRow {
            node: node.number,
            id: node.id(),
            address: node.address(),
            pid: node.process.pid,
            version: digest.as_ref().map_or(0, |digest| digest.version),
            peers: digest.map(|digest| digest.peers).unwrap_or_default(),
            book: states.get(&node.id()).map(|state| told(&state.payload)),
        }
    };
    nodes.iter().zip(answers).map(row).collect()
}

fn what_next(context: &Context, network: &NetworkRecord) -> String {
    let name = if context.name.is_default() { String::new() } else { format!(" --name {}", context.name) };
    let first = network.nodes.first().map_or(1, |node| node.number);
    let last = network.last_number();
    let gossip = typed_command();
    format!(
        "\nnext:\n  {gossip} send-message{name} {first} Apple\n  {gossip} get-messages{name} {last} --all-paths\n  \
         {gossip} status{name}\n  {gossip} stop-network{name}"
    )
}
