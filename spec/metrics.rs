//! What Prometheus reads: metrics that its own tool accepts, and one that says whether the network has settled.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Server, eventually, network};

fn metric(server: &Server, name: &str) -> f64 {
    let page = server.get("/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().expect("a number")
}

/// Runs Prometheus' tool.
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of the package prometheus, is installed");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    let done = child.wait_with_output().expect("it ends");
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(done.status.success(), "{arguments:?}: {said}");
}

#[test]
fn the_metrics_pass_the_check_of_prometheus() {
    let servers = network(3, &["--interval", "0"]);
    servers[0].submit("apple");
    eventually("the message is counted", || (metric(&servers[2], "gossip_log_messages") == 1.0).then_some(()));
    for server in &servers {
        let page = server.get("/metrics").body;
        promtool(&["check", "metrics"], &page);
        // Series do not grow with the network, nor with what anybody sends.
        assert!(page.lines().filter(|line| !line.starts_with('#')).count() < 60, "{page}");
    }
    assert_eq!(metric(&servers[2], "gossip_message_hops_count"), 1.0);
    assert_eq!(metric(&servers[0], "gossip_message_hops_sum"), 0.0);
    assert!(metric(&servers[0], "process_resident_memory_bytes") > 1e6);
}

#[test]
fn one_metric_says_whether_the_network_has_settled() {
    let faults = ["--interval", "0", "--heartbeat", "200ms", "--allow-fault-injection"];
    let servers = network(3, &faults);
    let all = |wanted: f64| {
        eventually("all say so", || {
            servers.iter().all(|server| metric(server, "gossip_converged") == wanted).then_some(())
        });
    };
    all(1.0);
    // Whatever is submitted during a pause is not known everywhere.
    servers[1].call("PUT", "/faults", Some(br#"{"lose_percent": 90}"#));
    let mut count = 0;
    eventually("a node differs", || {
        servers[0].submit(&format!("message {count}"));
        count += 1;
        servers.iter().any(|server| metric(server, "gossip_converged") == 0.0).then_some(())
    });
    servers[1].call("DELETE", "/faults", None);
    all(1.0);
    let held = servers.iter().map(|server| metric(server, "gossip_log_messages"));
    assert!(held.into_iter().all(|held| held == f64::from(count)));
}

#[test]
fn the_rules_and_the_configuration_that_come_along_are_valid() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let path = |name: &str| deploy.join(name).to_str().expect("a path").to_owned();
    promtool(&["check", "rules", &path("prometheus/alerts.yml")], "");
    promtool(&["check", "config", &path("prometheus/prometheus.yml")], "");
    // The one for guarded nodes stands in the documentation, and names files that are there for whoever follows it.
    let page = std::fs::read_to_string(deploy.parent().expect("a folder").join("docs/operations.md")).expect("a page");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().to_str().expect("a path");
    std::fs::write(folder.path().join("gossip-token"), "open-sesame").expect("written");
    std::fs::write(folder.path().join("gossip-ca.pem"), "").expect("written");
    let config = folder.path().join("prometheus.yml");
    // It is indented as a part of a list.
    let example = example.replace("\n  ", "\n").replace("/etc/prometheus", here);
    std::fs::write(&config, example.trim_start()).expect("written");
    promtool(&["check", "config", "--syntax-only", config.to_str().expect("a path")], "");
    assert!(example.contains(here), "{example}");
    // Every metric that the rules and the dashboard name is one that a node has.
    let page = Server::start(&["--interval", "0"]).get("/metrics").body;
    let mut named = 0;
    for file in ["prometheus/alerts.yml", "grafana/gossip.json"] {
        let text = std::fs::read_to_string(path(file)).expect("a file");
        for (at, _) in text.match_indices("gossip_") {
            let name: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let series: Vec<&str> = page.lines().filter(|line| line.starts_with(&name)).collect();
            let has =
                |end: &str| series.iter().any(|line| line.strip_prefix(&name).is_some_and(|l| l.starts_with(end)));
            assert!(has(" ") || has("{"), "{file}: {name}");
            // What stands in braces behind it are labels that it has, with values that it has.
            let rest = text[at + name.len()..].replace('\\', "");
            let labels = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
            for label in labels.split(',').filter(|label| !label.is_empty() && !label.starts_with("job=")) {
                assert!(series.iter().any(|line| line.contains(label)), "{file}: {name} has no {label}");
            }
            named += 1;
        }
    }
    assert!(named > 20);
}

#[test]
fn the_dashboard_can_be_drawn() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/gossip.json");
    let board: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON");
    let mut rules = "groups: [{name: dashboard, rules: [".to_owned();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in board["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is another's");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a place"));
        assert!(x + w <= 24, "{title} is beyond the 24 columns");
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{title} covers another panel");
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().expect("targets") {
            let query = target["expr"].as_str().expect("a query").replace("$job", "gossip");
            let query = serde_json::Value::from(query.replace("$__rate_interval", "1m"));
            rules += &format!("{{record: \"a:b\", expr: {query}, labels: {{n: \"{}\"}}}}, ", rules.len());
        }
    }
    // A query that is none would be refused as a rule, too.
    let mut file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a file");
    write!(file, "{rules}]}}]").expect("written");
    promtool(&["check", "rules", file.path().to_str().expect("a path")], "");
    assert!(ids.len() > 5);
}
