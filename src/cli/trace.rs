//! `gossip trace`: the tree by which a message spread.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use jiff::Timestamp;

use super::context::Context;
use super::failure::Failure;
use super::get_message::check_uuid;
use super::names::Names;
use super::node_arg::NodeArg;
use super::output::{Form, print, print_json, print_line};
use super::picture::PictureFile;
use crate::client::{SpreadNode, SpreadReport};
use crate::protocol::NodeId;
use crate::topology::Graph;

/// Shows the whole tree by which a message spread: who had it of whom, and when.
///
/// A node is asked, which asks all others. Times are those of the nodes' own clocks, since the origin had it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip trace 7d44
  gossip trace 7d44 tree.svg
  gossip trace 7d44 tree.dot                     for Graphviz, with times
  gossip trace 7d440c1e-9dc0-41d1-b245-5ffdce74fad2 --node db1.example:7000")]
pub struct Args {
    /// The message's uuid, or its first digits, at least 4.
    #[arg(value_name = "UUID", value_parser = check_uuid)]
    uuid: String,

    /// Draws into a file that ends in .svg, .png or .dot.
    #[arg(value_name = "FILE")]
    file: Option<PictureFile>,

    /// The node to ask [default: the first live one of the network].
    #[arg(long, value_name = "NODE")]
    node: Option<NodeArg>,
}

/// Shows the tree.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let node = match args.node {
        Some(node) => node,
        None => {
            let network = context.network()?;
            let first = network.live_nodes().first().map(|node| node.number);
            NodeArg::Number(first.ok_or_else(|| Failure::No("no node of the network runs".to_owned()))?)
        }
    };
    let target = context.target(&node)?;
    let spread = target.client.spread(&args.uuid).await.map_err(|error| target.explain(error))?;
    let tree = Tree::of(&spread);
    match (&args.file, context.form) {
        (Some(file), _) => {
            draw(file, &spread, &tree, target.names)?;
            print_line(&file.path().display().to_string())
        }
        (None, Form::Json) => print_json(&spread),
        (None, Form::Table) => print(&tree.text(&spread, target.names)),
    }
}

/// Who had it of whom.
struct Tree<'a> {
    root: &'a NodeId,
    children: BTreeMap<&'a NodeId, Vec<&'a SpreadNode>>,
    began: Option<Timestamp>,
}

impl<'a> Tree<'a> {
    fn of(spread: &'a SpreadReport) -> Tree<'a> {
        let mut children: BTreeMap<&NodeId, Vec<&SpreadNode>> = BTreeMap::new();
        let known = |id: &NodeId| spread.nodes.iter().any(|node| node.id == *id && node.held);
        for node in spread.nodes.iter().filter(|node| node.held && node.id != spread.origin) {
            // One whose giver does not answer any more hangs below the origin.
            let giver = node.path.as_ref().and_then(|path| path.iter().rev().nth(1));
            let giver = giver.filter(|giver| known(giver) && **giver != node.id).unwrap_or(&spread.origin);
            children.entry(giver).or_default().push(node);
        }
        for given in children.values_mut() {
            given.sort_by(|a, b| (&a.received_at, &a.id).cmp(&(&b.received_at, &b.id)));
        }
        let own = spread.nodes.iter().find(|node| node.id == spread.origin && node.held);
        let first = own.or_else(|| spread.nodes.iter().filter(|node| node.held).min_by_key(|node| &node.received_at));
        let began = first.and_then(|node| node.received_at.as_ref()?.parse().ok());
        Tree { root: &spread.origin, children, began }
    }

    /// Milliseconds since the origin had it, by the nodes' own clocks.
    fn after(&self, node: &SpreadNode) -> Option<i128> {
        let arrived: Timestamp = node.received_at.as_ref()?.parse().ok()?;
        Some(arrived.duration_since(self.began?).as_millis())
    }

    fn text(&self, spread: &SpreadReport, names: Names) -> String {
        let held = || spread.nodes.iter().filter(|node| node.held);
        let hops = held().filter_map(|node| Some(node.path.as_ref()?.len() - 1)).max().unwrap_or_default();
        let last = held().filter_map(|node| self.after(node)).max().unwrap_or_default();
        let mut out = format!(
            "{}: {} of {} live nodes hold it, at most {hops} hops, the last after {last} ms\n{}\n",
            spread.uuid,
            spread.held,
            spread.live,
            names.short(self.root)
        );
        // A stack instead of recursion: a path may be as long as the ttl allows.
        let mut stack: Vec<(&SpreadNode, String, bool)> = Vec::new();
        let push = |stack: &mut Vec<(&'a SpreadNode, String, bool)>, id: &NodeId, indent: &str| {
            let below = self.children.get(id).map(Vec::as_slice).unwrap_or_default();
            for (i, child) in below.iter().enumerate().rev() {
                stack.push((child, indent.to_owned(), i + 1 == below.len()));
            }
        };
        push(&mut stack, self.root, "");
        while let Some((node, indent, is_last)) = stack.pop() {
            let time = self.after(node).map(|after| format!("  +{after} ms")).unwrap_or_default();
            let branch = if is_last { "└─ " } else { "├─ " };
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(out, "{indent}{branch}{}{time}", names.short(&node.id));
            push(&mut stack, &node.id, &format!("{indent}{}", if is_last { "   " } else { "│  " }));
        }
        let lacking: Vec<NodeId> =
            spread.nodes.iter().filter(|node| !node.held && node.reached).map(|n| n.id.clone()).collect();
        let silent: Vec<NodeId> =
            spread.nodes.iter().filter(|node| !node.reached).map(|node| node.id.clone()).collect();
        for (words, nodes) in [("without it", lacking), ("did not answer", silent)] {
            if !nodes.is_empty() {
                let _ = writeln!(out, "{words}: {}", names.list(&nodes));
            }
        }
        out
    }

    /// For Graphviz, with the times on the links.
    fn dot(&self, spread: &SpreadReport, names: Names) -> String {
        let quoted = |id: &NodeId| format!("\"{}\"", names.short(id));
        let mut out = format!("digraph \"{}\" {{\n  {} [shape=doublecircle];\n", spread.uuid, quoted(self.root));
        for (giver, given) in &self.children {
            for node in given {
                let time = self.after(node).map(|after| format!(" [label=\"{after} ms\"]")).unwrap_or_default();
                let _ = writeln!(out, "  {} -> {}{time};", quoted(giver), quoted(&node.id));
            }
        }
        out.push_str("}\n");
        out
    }
}

fn draw(file: &PictureFile, spread: &SpreadReport, tree: &Tree<'_>, names: Names) -> Result<(), Failure> {
    if file.is_dot() {
        let written = fs::write(file.path(), tree.dot(spread, names));
        return written.map_err(|error| Failure::No(format!("cannot write {}: {error}", file.path().display())));
    }
    let nodes: Vec<&SpreadNode> = spread.nodes.iter().filter(|node| node.held).collect();
    let place = |id: &NodeId| nodes.iter().position(|node| node.id == *id);
    let links = tree.children.iter().flat_map(|(giver, given)| given.iter().map(move |node| (*giver, &node.id)));
    let edges = links.filter_map(|(giver, node)| Some((place(giver)?, place(node)?)));
    let graph = Graph::from_edges(nodes.len(), edges);
    let labels: Vec<u64> =
        nodes.iter().enumerate().map(|(i, node)| names.number(&node.id).map_or(i as u64 + 1, u64::from)).collect();
    let title = format!("{} from {}", &spread.uuid.to_string()[..8], names.long(&spread.origin));
    file.draw(&title, &labels, &graph)
}
