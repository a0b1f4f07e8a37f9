//! `gossip top`: a live view that fills the terminal.
//!
//! This file takes events and keys in and keeps what they lead to ([`Scene`]); `top/draw.rs` turns that into a picture.
//! Nothing of it is polled but the counters of the one node, once per second.

mod draw;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::crossterm::event::{self, Event as Key, KeyCode, KeyEventKind, KeyModifiers};

use super::context::{Context, Target};
use super::failure::Failure;
use super::names::Names;
use super::node_arg::NodeArg;
use super::state::told;
use super::watch::{brings_nodes, in_words};
use crate::client::{
    DigestReport, EventKind, ForgottenEvent, LinkEvent, LiveEvent, MessageReport, SnapshotEvent, StateEvent,
    StateReport, StatusEvent, Watch,
};
use crate::protocol::{NodeId, Status};

/// How often keys are looked for and the picture is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How often the node's counters are asked for.
const COUNT: Duration = Duration::from_secs(1);

/// Lines of the log, and messages, that can be looked back at.
const KEPT: usize = 500;

/// Shows a network live in the whole terminal, as one node sees it: all nodes and their books, messages, what happens.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip top
  gossip top 3
  gossip top db1.example:7000

Keys: q ends it; up, down, page up, page down scroll the nodes; s sorts by node, by age or by status; space holds the
picture still.")]
pub struct Args {
    /// The node to watch: its number, or host:port.
    #[arg(value_name = "NODE", default_value = "1")]
    node: NodeArg,
}

/// What is known of one node.
#[derive(Clone, Debug)]
struct Row {
    version: u64,
    status: Status,
    updated_at: String,
    hops: usize,
    says: String,
    changed: Option<Instant>,
}

/// By what the nodes are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Node,
    Age,
    Status,
}

/// All that is shown.
struct Scene {
    title: String,
    names: Names,
    rows: BTreeMap<NodeId, Row>,
    peers: BTreeSet<NodeId>,
    max_peers: usize,
    messages: VecDeque<MessageReport>,
    log: VecDeque<String>,
    digest: Option<DigestReport>,
    /// Messages received per second, and how many of them were new.
    rates: (f64, f64),
    cut: Option<String>,
    order: Order,
    scroll: usize,
    held: bool,
}

/// Shows it until the person ends it.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("gossip top needs a terminal; gossip watch does not".to_owned()));
    }
    let target = context.target(&args.node)?;
    // Whether it is there at all is said before the screen is taken.
    let stream = target.client.watch("", None).await.map_err(|error| target.explain(error))?;
    let mut terminal =
        ratatui::try_init().map_err(|error| Failure::No(format!("the terminal cannot be used: {error}")))?;
    let shown = show(&mut terminal, context, &target, stream).await;
    ratatui::restore();
    shown
}

async fn show(
    terminal: &mut ratatui::DefaultTerminal,
    context: &Context,
    target: &Target,
    stream: Watch,
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::No(format!("the terminal cannot be used: {error}"));
    let mut scene = Scene::new(target);
    let (mut stream, mut last_id, mut retry_at) = (Some(stream), None::<String>, Instant::now());
    let (mut drawn, mut counted) = (None::<Instant>, None::<Instant>);
    loop {
        let frame = tokio::time::sleep(FRAME);
        match &mut stream {
            Some(open) => tokio::select! {
                () = frame => {}
                event = open.next() => match event {
                    Ok(Some(event)) => {
                        last_id = Some(event.id.clone());
                        if brings_nodes(&event) {
                            scene.names = context.names();
                        }
                        scene.take(&event);
                    }
                    Ok(None) => (stream, scene.cut) = (None, Some("the node has ended the stream".to_owned())),
                    Err(error) => (stream, scene.cut) = (None, Some(error.to_string())),
                },
            },
            None => {
                frame.await;
                if retry_at.elapsed() > COUNT {
                    retry_at = Instant::now();
                    if let Ok(again) = target.client.watch("", last_id.as_deref()).await {
                        (stream, scene.cut) = (Some(again), None);
                    }
                }
            }
        }
        while event::poll(Duration::ZERO).map_err(broken)? {
            if scene.key(&event::read().map_err(broken)?) {
                return Ok(());
            }
        }
        if stream.is_some() && counted.is_none_or(|at| at.elapsed() > COUNT) {
            let since = counted.replace(Instant::now()).map(|at| at.elapsed());
            if let Ok(digest) = target.client.digest().await {
                scene.count(digest, since);
            }
        }
        if drawn.is_none_or(|at| at.elapsed() >= FRAME) {
            drawn = Some(Instant::now());
            if !scene.held {
                terminal.draw(|frame| draw::draw(frame, &scene, Timestamp::now())).map_err(broken)?;
            }
        }
    }
}

impl Scene {
    fn new(target: &Target) -> Scene {
        Scene {
            title: target.full(),
            names: target.names,
            rows: BTreeMap::new(),
            peers: BTreeSet::new(),
            max_peers: 0,
            messages: VecDeque::new(),
            log: VecDeque::new(),
            digest: None,
            rates: (0.0, 0.0),
            cut: None,
            order: Order::default(),
            scroll: 0,
            held: false,
        }
    }

    /// True when it is to end.
    fn key(&mut self, key: &Key) -> bool {
        let Key::Key(key) = key else { return false };
        if key.kind != KeyEventKind::Press {
            return false;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char(' ') => self.held = !self.held,
            KeyCode::Char('s') => {
                self.order = match self.order {
                    Order::Node => Order::Age,
                    Order::Age => Order::Status,
                    Order::Status => Order::Node,
                }
            }
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down => self.scroll += 1,
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::PageDown => self.scroll += 10,
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        self.scroll = self.scroll.min(self.rows.len().saturating_sub(1));
        false
    }

    fn count(&mut self, digest: DigestReport, since: Option<Duration>) {
        if let (Some(before), Some(since)) = (&self.digest, since) {
            let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / since.as_secs_f64().max(0.001);
            let (now, before) = (&digest.counters, &before.counters);
            self.rates = (per_second(now.messages_received, before.messages_received), per_second(now.new, before.new));
        }
        self.digest = Some(digest);
    }

    /// Takes an event in. One that cannot be read is only written into the log.
    fn take(&mut self, event: &LiveEvent) {
        if event.kind == EventKind::KeepAlive {
            return;
        }
        let line = in_words(event, self.names).unwrap_or_else(|error| super::plain_text::escape(&error.to_string()));
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        keep(&mut self.log, format!("{time}  {line}"));
        match event.kind {
            EventKind::Snapshot => {
                if let Ok(snapshot) = event.record::<SnapshotEvent>() {
                    self.rows = snapshot.state.into_iter().map(|(id, state)| (id, Row::of(&state))).collect();
                    (self.peers, self.max_peers) = (snapshot.peers.into_iter().collect(), snapshot.max_peers);
                    self.messages = snapshot.messages.into();
                }
            }
            EventKind::State => {
                if let Ok(state) = event.record::<StateEvent>() {
                    let row = Row {
                        version: state.version,
                        status: state.status,
                        updated_at: state.updated_at,
                        hops: state.hops,
                        says: told(&state.payload),
                        changed: Some(Instant::now()),
                    };
                    self.rows.insert(state.node, row);
                }
            }
            EventKind::Message => {
                if let Ok(message) = event.record() {
                    keep(&mut self.messages, message);
                }
            }
            EventKind::Status => {
                if let Ok(status) = event.record::<StatusEvent>()
                    && let Some(row) = self.rows.get_mut(&status.node)
                {
                    (row.status, row.changed) = (status.status, Some(Instant::now()));
                }
            }
            EventKind::Forgotten => {
                if let Ok(forgotten) = event.record::<ForgottenEvent>() {
                    self.rows.remove(&forgotten.node);
                }
            }
            EventKind::Link => {
                if let Ok(link) = event.record::<LinkEvent>() {
                    if link.linked {
                        self.peers.insert(link.node)
                    } else {
                        self.peers.remove(&link.node)
                    };
                }
            }
            EventKind::Reset | EventKind::Path | EventKind::Read | EventKind::KeepAlive => {}
        }
    }

    /// The nodes in the chosen order.
    fn sorted(&self) -> Vec<(&NodeId, &Row)> {
        let mut rows: Vec<(&NodeId, &Row)> = self.rows.iter().collect();
        rows.sort_by_key(|(id, _)| self.names.rank(id));
        match self.order {
            Order::Node => {}
            Order::Age => rows.sort_by(|(_, a), (_, b)| b.updated_at.cmp(&a.updated_at)),
            Order::Status => rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.status)),
        }
        rows
    }
}

impl Row {
    fn of(state: &StateReport) -> Row {
        Row {
            version: state.version,
            status: state.status,
            updated_at: state.updated_at.clone(),
            hops: state.hops,
            says: told(&state.payload),
            changed: None,
        }
    }
}

fn keep<T>(kept: &mut VecDeque<T>, new: T) {
    kept.push_back(new);
    if kept.len() > KEPT {
        kept.pop_front();
    }
}
