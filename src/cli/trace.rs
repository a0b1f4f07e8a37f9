//! `gossip trace`: the tree by which a message spread.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use super::context::Context;
use super::failure::Failure;
use super::get_message::check_uuid;
use super::names::Names;
use super::node_arg::NodeArg;
use super::output::{Form, print, print_json, print_line};
use super::picture::PictureFile;
use crate::client::{SpreadNode, SpreadReport};
use crate::plot::{Scene, TreeNode, draw_tree};
use crate::protocol::NodeId;

/// Shows the whole tree by which a message spread: who had it of whom, and when.
///
/// A node is asked, which asks all others. Times are those of the nodes' own clocks, since the origin had it; where clocks
/// differ, no node is shown to have it before the one that gave it.
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
            file.write(|| tree.dot(&spread, target.names), || tree.scene(&spread, target.names))?;
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
    /// Milliseconds since the origin had it.
    after: BTreeMap<&'a NodeId, i128>,
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
        let mut tree = Tree { root: &spread.origin, children, after: BTreeMap::new() };
        tree.date(spread);
        tree
    }

    /// Nodes stamp by their own clocks, in milliseconds, so that one may say that it had it before its giver: then it had it
    /// when its giver had it, as far as anybody can tell.
    fn date(&mut self, spread: &'a SpreadReport) {
        let arrival = |node: &SpreadNode| node.received_at.as_ref()?.parse::<Timestamp>().ok();
        let own = spread.nodes.iter().find(|node| node.id == spread.origin && node.held);
        let first = own.or_else(|| spread.nodes.iter().filter(|node| node.held).min_by_key(|node| &node.received_at));
        let Some(began) = first.and_then(arrival) else { return };
        let mut stack = vec![(self.root, 0)];
        while let Some((id, earliest)) = stack.pop() {
            self.after.insert(id, earliest);
            for node in self.below(id) {
                let after = arrival(node).map_or(0, |arrived| arrived.duration_since(began).as_millis());
                stack.push((&node.id, after.max(earliest)));
            }
        }
    }

    /// Those that had it of a node, the earliest first.
    fn below(&self, id: &NodeId) -> &[&'a SpreadNode] {
        self.children.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The nodes in the order of reading, each with the place of its giver and whether it is its giver's last.
    ///
    /// A stack instead of recursion: a path may be as long as the ttl allows.
    fn in_order(&self) -> Vec<(&'a NodeId, Option<usize>, bool)> {
        let mut order = Vec::new();
        let mut stack = vec![(self.root, None, true)];
        while let Some((id, giver, is_last)) = stack.pop() {
            let below = self.below(id);
            let last = below.len();
            let place = Some(order.len());
            stack.extend(below.iter().enumerate().rev().map(|(i, node)| (&node.id, place, i + 1 == last)));
            order.push((id, giver, is_last));
        }
        order
    }

    /// How far it came, and how fast.
    fn summary(&self, spread: &SpreadReport) -> String {
        let held = || spread.nodes.iter().filter(|node| node.held);
        let hops =
            held().filter_map(|node| Some(node.path.as_ref()?.len().saturating_sub(1))).max().unwrap_or_default();
        let last = self.after.values().max().copied().unwrap_or_default();
        let hops = if hops == 1 { "1 hop".to_owned() } else { format!("{hops} hops") };
        format!("{} of {} live nodes hold it, at most {hops}, the last after {last} ms", spread.held, spread.live)
    }

    fn text(&self, spread: &SpreadReport, names: Names) -> String {
        let mut out = format!("{}: {}\n{}\n", spread.uuid, self.summary(spread), names.short(self.root));
        let mut indents: Vec<String> = Vec::new();
        for (id, giver, is_last) in self.in_order() {
            let Some(giver) = giver else {
                indents.push(String::new());
                continue;
            };
            let indent = indents[giver].clone();
            let time = self.after.get(id).map(|after| format!("  +{after} ms")).unwrap_or_default();
            let branch = if is_last { "└─ " } else { "├─ " };
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(out, "{indent}{branch}{}{time}", names.short(id));
            indents.push(format!("{indent}{}", if is_last { "   " } else { "│  " }));
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
                let time = self.after.get(&node.id).map(|after| format!(" [label=\"{after} ms\"]")).unwrap_or_default();
                let _ = writeln!(out, "  {} -> {}{time};", quoted(giver), quoted(&node.id));
            }
        }
        out.push_str("}\n");
        out
    }

    /// As a picture: the origin at the left, and below each node when it had it.
    fn scene(&self, spread: &SpreadReport, names: Names) -> Scene {
        let order = self.in_order();
        let node = |&(id, giver, _): &(&NodeId, Option<usize>, bool)| {
            let after = self.after.get(id).map(|after| format!("{after} ms")).unwrap_or_default();
            let name = names.long(id);
            let (note, title) = match giver {
                None => ("origin".to_owned(), format!("{name}: the origin")),
                Some(giver) => {
                    (format!("+{after}"), format!("{name}: from {} after {after}", names.long(order[giver].0)))
                }
            };
            TreeNode { label: names.short(id), parent: giver, note, title }
        };
        let nodes: Vec<TreeNode> = order.iter().map(node).collect();
        let title = format!("{} from {}", &spread.uuid.to_string()[..8], names.long(self.root));
        draw_tree(&nodes, &title, &self.summary(spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread() -> SpreadReport {
        let node = |id: u16, path: &[u16], moment: &str| {
            serde_json::json!({"id": id, "status": "alive", "reached": true, "held": true,
                "received_at": format!("2026-11-20T08:30:{moment}Z"), "path": path, "paths": []})
        };
        let nodes = [
            node(7001, &[7001], "10.000"),
            node(7002, &[7001, 7002], "10.007"),
            // Its clock is behind that of its giver.
            node(7003, &[7001, 7002, 7003], "10.004"),
            node(7004, &[7001, 7002, 7003, 7004], "10.009"),
        ];
        let report = serde_json::json!({"uuid": "7d440c1e-9dc0-41d1-b245-5ffdce74fad2", "origin": 7001, "nodes": nodes,
            "held": 4, "live": 4});
        serde_json::from_value(report).expect("a report")
    }

    #[test]
    fn where_clocks_differ_nobody_has_it_before_its_giver() {
        let spread = spread();
        let tree = Tree::of(&spread);
        let lines = ["1", "└─ 2  +7 ms", "   └─ 3  +7 ms", "      └─ 4  +9 ms"];
        let text = tree.text(&spread, Names::of(None));
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), lines);
        let picture = tree.scene(&spread, Names::of(None)).to_svg();
        assert!(picture.contains("<title>Node 3: from Node 2 after 7 ms</title>"), "{picture}");
    }
}
