//! `GET /metrics`: what this node counts, in the text format of Prometheus (version 0.0.4).
//!
//! Base units only, and no label whose values others choose: the number of series is the same in every node. Whether the
//! network has settled is one of them, `gossip_converged`; its minimum over all nodes answers for the network.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::Context;
use crate::protocol::{Status, View};

/// Clock ticks in a second of processor time, as `/proc` shows it: `USER_HZ` on all of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// All metrics.
pub(super) async fn metrics(context: Data<Context>) -> HttpResponse {
    let mut page = Page(String::with_capacity(8 * 1024));
    context.node.view(|view, _| {
        of_node(&mut page, view);
        of_messages(&mut page, view);
    });
    of_streams(&mut page, &context);
    of_process(&mut page);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(page.0)
}

/// The text as it grows.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if i == 0 { "{" } else { "," });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.sample(name, &[], value as f64);
    }
}

fn of_node(page: &mut Page, view: View<'_>) {
    let info = [("version", env!("CARGO_PKG_VERSION")), ("cluster", view.cluster()), ("node", &view.id().to_string())];
    page.head("gossip_node_info", "gauge", "The node and its program; always 1.");
    page.sample("gossip_node_info", &info, 1.0);
    let (ready, peers, differing) = (view.ready().is_ok(), view.peers().count(), view.differing_peers());
    let converged = ready && differing == 0;
    page.gauge(
        "gossip_converged",
        "1 when the last digest of every peer equalled this node's: both held the same states, messages and beliefs.",
        f64::from(u8::from(converged)),
    );
    page.gauge("gossip_ready", "1 when GET /readyz answers 200.", f64::from(u8::from(ready)));
    page.gauge("gossip_peers", "Links that stand.", peers as f64);
    page.gauge("gossip_peers_limit", "Links that may stand (--max-peers).", view.max_peers() as f64);
    page.gauge("gossip_peers_differing", "Peers whose last digest differed from this node's.", differing as f64);
    page.head("gossip_nodes", "gauge", "Known nodes, this one included, by what is believed of them.");
    for (status, name) in Status::ALL.iter().filter(|(status, _)| *status != Status::Forgotten) {
        let count = view.table().iter().filter(|(_, entry)| entry.shown_status() == *status).count();
        page.sample("gossip_nodes", &[("status", name)], count as f64);
    }
    page.counter(
        "gossip_own_version_total",
        "Versions of this node's own that were used up, in all its lives.",
        view.version(),
    );
}

fn of_messages(page: &mut Page, view: View<'_>) {
    let counters = view.counters();
    page.gauge("gossip_log_messages", "Messages of users that are remembered.", view.log().len() as f64);
    page.gauge(
        "gossip_log_bytes",
        "Memory that the remembered messages of users take, roughly.",
        view.log().bytes() as f64,
    );
    let waiting: usize = view.queues().map(|(_, waiting)| waiting).sum();
    page.gauge("gossip_waiting_messages", "Messages that wait to be sent, over all links.", waiting as f64);
    page.counter("gossip_messages_sent_total", "Messages sent to peers, comparisons apart.", counters.messages_sent);
    page.counter(
        "gossip_messages_received_total",
        "Messages received from peers, comparisons apart.",
        counters.messages_received,
    );
    page.head("gossip_messages_judged_total", "counter", "Messages received in any way, by what became of them.");
    let outcomes = [
        ("new", counters.new),
        ("duplicate", counters.duplicate),
        ("stale", counters.stale),
        ("expired", counters.expired),
        ("limited", counters.limited),
        ("forged", counters.forged),
    ];
    for (outcome, count) in outcomes {
        page.sample("gossip_messages_judged_total", &[("outcome", outcome)], count as f64);
    }
    page.counter("gossip_messages_repaired_total", "Messages brought by comparisons.", counters.repaired);
    page.counter(
        "gossip_envelopes_sent_total",
        "Envelopes sent to peers, heartbeats included.",
        counters.envelopes_sent,
    );
    page.counter("gossip_comparisons_total", "Comparisons asked for.", counters.comparisons);
    page.counter("gossip_calls_failed_total", "Calls to other nodes that were not answered.", counters.failures);
}

fn of_streams(page: &mut Page, context: &Context) {
    let live = context.node.live();
    let name = "gossip_message_hops";
    page.head(name, "histogram", "Hops of the first copy of each message of a user; 0 for those submitted here.");
    let hops = live.hops();
    for (bound, count) in hops.cumulative() {
        page.sample(&format!("{name}_bucket"), &[("le", &bound.to_string())], count as f64);
    }
    page.sample(&format!("{name}_bucket"), &[("le", "+Inf")], hops.count() as f64);
    page.sample(&format!("{name}_sum"), &[], hops.sum() as f64);
    page.sample(&format!("{name}_count"), &[], hops.count() as f64);
    page.head("gossip_requests_refused_total", "counter", "Requests answered with 4xx or 5xx, by status.");
    for (status, count) in context.refusals.counts() {
        page.sample("gossip_requests_refused_total", &[("status", &status.to_string())], count as f64);
    }
    page.gauge("gossip_event_streams", "Watchers of GET /events.", live.streams() as f64);
    page.counter(
        "gossip_event_streams_dropped_total",
        "Watchers that were dropped as they were too slow.",
        live.dropped(),
    );
}

/// What the system says of this process; nothing where it has no `/proc`.
fn of_process(page: &mut Page) {
    if let Some(resident) = status_bytes("VmRSS:") {
        page.gauge("process_resident_memory_bytes", "Resident memory.", resident);
    }
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program stands in brackets and may hold blanks (proc(5)); fields are counted behind it.
    let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11);
    let mut ticks = || fields.next().and_then(|ticks| ticks.parse::<f64>().ok());
    if let (Some(user), Some(system)) = (ticks(), ticks()) {
        page.head("process_cpu_seconds_total", "counter", "Processor time, of the program and of the system for it.");
        page.sample("process_cpu_seconds_total", &[], (user + system) / TICKS_PER_SECOND);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open files and connections.", files.count() as f64);
    }
}

fn status_bytes(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
