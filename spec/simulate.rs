//! Acceptance tests of `gossip simulate`: the real program, as a person types it.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gossip")).arg("simulate").args(arguments).output().unwrap()
}

fn report(arguments: &[&str]) -> Value {
    let output = simulate(&[arguments, &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn file(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

#[test]
fn a_report_has_every_field_in_full_words() {
    let report = report(&["--nodes", "40", "--broadcasts", "5", "--latency", "10ms-50ms"]);
    for field in [
        "nodes",
        "max_peers",
        "seed",
        "broadcasts",
        "delivery_ratio",
        "redundancy",
        "redundancy_all",
        "last_delivery_hop",
        "last_delivery_ms",
        "requests",
        "bytes",
        "control_bytes",
        "repair_rounds",
        "repaired",
        "detection_ms",
        "false_suspicions",
        "degree_before",
        "degree_after",
        "mean_distance_before",
        "mean_distance_after",
        "trace_hash",
        "handled_messages",
        "handled_messages_per_second",
        "guarantee",
        "replay",
    ] {
        assert!(report.get(field).is_some(), "{field} is missing");
    }
    assert_eq!(report["guarantee"], "kept");
    assert_eq!(report["delivery_ratio"], 1.0);
    assert!(report["last_delivery_hop"]["median"].as_u64().unwrap() >= 3);
    assert!(report["redundancy"].as_f64().unwrap() < 0.2, "{report}");
    assert!(report["redundancy_all"].as_f64().unwrap() > report["redundancy"].as_f64().unwrap());
    assert!(report["bytes"].as_u64().unwrap() > report["control_bytes"].as_u64().unwrap());
}

#[test]
fn one_seed_gives_one_trace_in_two_processes() {
    let rough = ["--nodes", "60", "--loss", "5%", "--kill", "30%", "--latency", "5ms-80ms", "--senders", "random"];
    let (first, second) = (report(&rough), report(&rough));
    assert_eq!(first["trace_hash"], second["trace_hash"]);
    let other = report(&[&rough[..], &["--seed", "2"]].concat());
    assert_ne!(first["trace_hash"], other["trace_hash"]);
}

#[test]
fn the_replay_command_does_the_same_again() {
    let first = report(&["--nodes", "30", "--loss", "10%", "--partition", "50%:4s", "--broadcasts", "6"]);
    let replay = first["replay"].as_str().unwrap().to_owned();
    let words: Vec<&str> = replay.split(' ').skip(2).collect();
    assert_eq!(first["trace_hash"], report(&words)["trace_hash"], "{replay}");
}

#[test]
fn floods_cost_what_graph_theory_says() {
    // Every link carries a message in both directions, but for the one over which a node got it.
    let flood = report(&["--nodes", "100", "--max-peers", "5", "--dissemination", "flood"]);
    let expected = (100.0 * 5.0 - 99.0) / 99.0 - 1.0;
    let redundancy = flood["redundancy"].as_f64().unwrap();
    assert!((redundancy - expected).abs() < 0.25, "{redundancy} of {expected}");
}

#[test]
fn the_living_notice_the_dead_and_are_all_reached() {
    for mode in ["silent", "refuse"] {
        let report = report(&["--nodes", "60", "--kill", "50%", "--kill-mode", mode, "--broadcasts", "3"]);
        assert_eq!(report["live_nodes"], 30);
        assert_eq!(report["delivery_ratio"], 1.0);
        assert!(report["detection_ms"]["median"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_broken_guarantee_ends_with_1_and_the_command_that_replays_it() {
    // Half of the nodes are cut off for ever: they cannot have what the others send.
    let output = simulate(&["--nodes", "20", "--partition", "50%", "--broadcasts", "2", "--settle", "3s"]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("the guarantee was broken: node "), "{said}");
    assert!(said.contains("gossip simulate --nodes 20"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("guarantee"));
}

#[test]
fn states_and_codec_can_be_left_out() {
    let report = report(&["--nodes", "300", "--state", "off", "--codec", "off", "--broadcasts", "3"]);
    assert_eq!(report["delivery_ratio"], 1.0);
    assert!(report["bytes"].is_null());
}

#[test]
fn pictures_traces_and_comparisons_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (plot, trace) = (file(&folder, "plot.svg"), file(&folder, "trace.txt"));
    let (plot, trace) = (plot.to_str().unwrap(), trace.to_str().unwrap());
    let mut files = Vec::new();
    for (name, seed) in [("a.json", "1"), ("b.json", "2")] {
        let made = simulate(&["--nodes", "20", "--seed", seed, "--plot", plot, "--trace", trace, "-o", "json"]);
        assert!(made.status.success(), "{}", said(&made));
        let path = file(&folder, name);
        std::fs::write(&path, &made.stdout).unwrap();
        files.push(path.to_str().unwrap().to_owned());
    }
    assert!(std::fs::read_to_string(plot).unwrap().contains("deliveries over time"));
    assert!(std::fs::read_to_string(trace).unwrap().lines().count() > 100);
    let compared = simulate(&["--compare", &files[0], &files[1]]);
    let table = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(compared.status.success() && table.contains("A.JSON") && table.contains("redundancy"), "{table}");

    let several = simulate(&["--nodes", "20", "--kill", "0%,50%", "--plot", plot]);
    assert!(several.status.success(), "{}", said(&several));
    assert!(std::fs::read_to_string(plot).unwrap().contains("killed share"));
}

#[test]
fn a_scenario_gives_settings_and_a_story() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "story.toml");
    let story = "about = \"a bad day\"\nnodes = 20\nbroadcasts = 0\nlatency = \"1ms-5ms\"\n\n\
        [[event]]\nat = \"0s\"\nbroadcasts = 1\n\n[[event]]\nat = \"1s\"\npartition = \"40%\"\n\n\
        [[event]]\nat = \"2s\"\nbroadcasts = 1\n\n[[event]]\nat = \"4s\"\nheal = true\nloss = \"2%\"\n";
    std::fs::write(&path, story).unwrap();
    let path = path.to_str().unwrap();
    let report = report(&["--scenario", path, "--seed", "3"]);
    assert_eq!((&report["nodes"], &report["messages"], &report["seed"]), (&20.into(), &2.into(), &3.into()));
    assert_eq!(report["delivery_ratio"], 1.0);

    std::fs::write(path, "nodos = 20\n").unwrap();
    let refused = simulate(&["--scenario", path]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("nodos"), "{}", said(&refused));
}

#[test]
fn every_ready_scenario_can_be_read() {
    let mut read = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap().flatten() {
        // What is typed goes before: a small network is enough to see that the rest can be read.
        let path = entry.path();
        let path = path.to_str().unwrap();
        let quick = ["--nodes", "20", "--churn", "2", "--broadcasts", "2", "--kill", "10%", "--warm-up", "3s"];
        let output = simulate(&[&["--scenario", path], &quick[..]].concat());
        // Whether so small a network outlives such a story is another question.
        assert_ne!(output.status.code(), Some(2), "{path}: {}", said(&output));
        assert!(String::from_utf8_lossy(&output.stdout).contains("guarantee"), "{path}");
        read += 1;
    }
    assert!(read >= 4);
}

#[test]
fn news_on_its_way_is_no_reason_to_compare() {
    let steady = ["--nodes", "150", "--senders", "turn", "--broadcasts", "150", "--codec", "off"];
    for latency in ["50ms", "10ms-50ms"] {
        let report = report(&[&steady[..], &["--latency", latency]].concat());
        assert_eq!((&report["repair_rounds"], &report["delivery_ratio"]), (&0.into(), &1.0.into()), "{latency}");
    }
}

#[test]
fn a_quiet_network_makes_one_exchange_per_link_and_heartbeat() {
    for nodes in ["16", "200"] {
        let quiet = ["--max-peers", "3", "--broadcasts", "2", "--every", "200s", "--settle", "200s", "--codec", "off"];
        let report = report(&[&quiet[..], &["--nodes", nodes]].concat());
        let number = |field: &str| report[field].as_f64().unwrap();
        let heartbeats = number("simulated_ms") / 1_000.0;
        let exchanges = number("requests") / (number("nodes") * 1.5 * heartbeats);
        // Fewer, where none went together.
        assert!((0.95..=1.0).contains(&exchanges), "{exchanges} with {nodes} nodes");
    }
}

#[test]
fn over_links_that_keep_their_latency_a_tree_is_as_fast_as_a_flood() {
    let same = ["--nodes", "200", "--broadcasts", "40", "--latency", "10ms-50ms", "--codec", "off"];
    let median = |more: &[&str]| {
        let report = report(&[&same[..], more].concat());
        assert_eq!(report["delivery_ratio"], 1.0);
        (report["last_delivery_ms"]["median"].as_f64().unwrap(), report["redundancy"].as_f64().unwrap())
    };
    let (tree, redundancy) = median(&["--latency-drawn", "link"]);
    let (flood, flooded) = median(&["--latency-drawn", "link", "--dissemination", "flood"]);
    assert!(tree <= 1.1 * flood, "{tree} ms over the tree, {flood} ms by a flood");
    assert!(redundancy <= 0.03 && flooded > 2.0, "{redundancy} and {flooded}");
    let replay = report(&[&same[..], &["--latency-drawn", "link"]].concat())["replay"].as_str().unwrap().to_owned();
    assert!(replay.contains("--latency-drawn link"), "{replay}");
}

#[test]
fn on_a_machine_that_is_too_small_the_living_are_not_held_for_dead() {
    let story = ["--scenario", concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/small-machine.toml")];
    let patient = report(&story);
    assert_eq!((&patient["guarantee"], &patient["live_nodes"]), (&"kept".into(), &340.into()));
    assert_eq!((&patient["false_suspicions"], &patient["false_downs"]), (&0.into(), &0.into()), "{patient}");
    let (busy, waited) = (&patient["busy_share"], &patient["waited_ms"]);
    assert!(busy.as_f64().unwrap() > 0.8 && waited["p99"].as_u64().unwrap() > 500, "{busy}, {waited}");
    let replay = patient["replay"].as_str().unwrap();
    assert!(replay.contains("--work 150us --processors 1") && !replay.contains("--patience"), "{replay}");

    let blind: Value =
        serde_json::from_slice(&simulate(&[&story[..], &["--patience", "0", "-o", "json"]].concat()).stdout).unwrap();
    assert!(blind["false_downs"].as_u64().unwrap() > 1_000, "{blind}");
    assert!(blind["replay"].as_str().unwrap().contains("--patience 0"));

    // Where there are processors to spare, nobody waits, and patience changes nothing.
    let spare = ["--nodes", "50", "--broadcasts", "5", "--work", "10us", "--processors", "64"];
    let (one, other) = (report(&spare), report(&[&spare[..], &["--patience", "0"]].concat()));
    assert_eq!(one["trace_hash"], other["trace_hash"]);
    assert_eq!(one["waited_ms"]["max"], 0);
    for (flag, value) in
        [("--work", "2s"), ("--work", "500ns"), ("--work", "5"), ("--processors", "0"), ("--patience", "101")]
    {
        let refused = simulate(&["--nodes", "10", flag, value]);
        assert_eq!(refused.status.code(), Some(2), "{flag}");
        assert!(said(&refused).contains(&flag[2..]), "{}", said(&refused));
    }
}

#[test]
fn two_nodes_find_out_in_what_they_differ() {
    let mut bytes = [Vec::new(), Vec::new(), Vec::new()];
    // How many symbols suffice is a matter of luck, and so is how well that is estimated: the usual cost counts.
    for seed in ["1", "2", "3", "4", "5"] {
        let found = report(&["--reconcile", "2000", "--differ", "0,1,100", "--seed", seed]);
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), 3);
        for ((run, differing), bytes) in found.iter().zip([0, 1, 100]).zip(&mut bytes) {
            assert_eq!((&run["differing"], &run["messages"]), (&differing.into(), &differing.into()), "{run}");
            assert_eq!(run["agreed"], true);
            assert!(run["round_trips"].as_u64().unwrap() <= 4, "{run}");
            bytes.push(run["bytes"].as_u64().unwrap());
        }
    }
    for (bytes, limit) in bytes.iter_mut().zip([700, 2_000 + 64, 2_000 + 6_400]) {
        bytes.sort_unstable();
        assert!(bytes[2] <= limit, "{bytes:?}, at most {limit} as a rule");
    }
    let table = simulate(&["--reconcile", "100", "--differ", "3"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("ROUND TRIPS"));
    assert!(said(&table).contains("without HTTP headers"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (arguments, named) in [
        (&["--nodes", "1"][..], "nodes"),
        (&["--nodes", "200000"], "nodes"),
        (&["--max-peers", "1"], "max-peers"),
        (&["--loss", "5"], "5%"),
        (&["--loss", "120%"], "100%"),
        (&["--latency", "50ms-10ms"], "10ms-50ms"),
        (&["--senders", "nobody"], "senders"),
        (&["--reconcile", "10", "--differ", "11"], "differ"),
        (&["--reconcile", "1"], "reconcile"),
        (&["--differ", "1"], "--reconcile"),
        (&["--plot", "picture.gif", "--nodes", "4", "--broadcasts", "1"], ".svg"),
    ] {
        let output = simulate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(named), "{arguments:?}: {}", said(&output));
    }
    let missing = simulate(&["--compare", "no-such-a.json", "no-such-b.json"]);
    assert_eq!(missing.status.code(), Some(1));
}
