//! Watching, measuring and tracing a live network; states of one's own; man pages, completions, the full-screen view.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::lines::Lines;
use crate::terminal::{Terminal, eventually};

/// A command that goes on until the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a command and hands out its lines as they come.
fn start(terminal: &Terminal, words: &[&str]) -> (Running, Lines) {
    let mut command = terminal.command(Path::new(env!("CARGO_BIN_EXE_gossip")));
    let mut child = command.args(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let lines = Lines::of(child.stdout.take().expect("piped"));
    (Running(child), lines)
}

#[test]
fn a_watched_node_tells_what_happens_also_after_it_was_restarted() {
    let terminal = Terminal::with_network("circular -n 3 --interval 0 --heartbeat 200ms");
    let (_watching, mut lines) = start(&terminal, &["watch", "3", "--kind", "message", "-o", "json"]);
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line")).expect("JSON") };
    assert_eq!(next()["event"], "snapshot");
    terminal.run("send-message 1 Apple").ok();
    let seen = next();
    assert_eq!((&seen["event"], &seen["payload"]["message"]), (&json!("message"), &json!("Apple")));
    terminal.run("remove-node 3 --crash").ok();
    terminal.run("restart-node 3").ok();
    assert_eq!(next()["event"], "reset");
    assert_eq!(next()["event"], "snapshot");
    // What the newcomer gets from its peers, and what is new.
    terminal.run("send-message 1 Pear").ok();
    eventually("the new message", || (next()["payload"]["message"] == "Pear").then_some(()));

    let watched = std::thread::scope(|scope| {
        let (terminal, mut seen) = (&terminal, false);
        let watch = scope.spawn(move || terminal.run("watch 2 --kind state -n 1").ok());
        eventually("the change is seen", || {
            terminal.run_words(&["set-state", "1", "{\"role\": \"db\"}"], b"").ok();
            seen = seen || watch.is_finished();
            seen.then_some(())
        });
        watch.join().expect("it ends")
    });
    assert!(watched.out.contains("Node 1 says {\"role\":\"db\"} (version "), "{watched:?}");
    terminal.run("watch 9").fails(3, "has no node 9");
    terminal.run("watch 1 --kind nonsense").fails(2, "possible values: state, message");
}

#[test]
fn a_node_that_comes_and_goes_is_told_of_by_its_number() {
    let terminal = Terminal::with_network("-n 2 --interval 0 --heartbeat 200ms");
    let (_watching, mut lines) = start(&terminal, &["watch", "1", "--kind", "status,link"]);
    let (_also, mut records) = start(&terminal, &["watch", "1", "--kind", "link", "-o", "json"]);
    assert!(lines.next().expect("a line").contains("knows 2 nodes") && records.next().is_some());
    terminal.run("add-node").ok();
    assert!(lines.any(|line| line.contains("Node 3 has joined and is alive")));
    let newcomer = terminal.base_port + 3;
    let mut link = |linked: bool| {
        records
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line).expect("JSON"))
            .find(|record| record["node"] == newcomer && record["linked"] == linked)
            .expect("a link of the newcomer")
    };
    // A link that was made has no reason, one that was lost has.
    let made = link(true);
    assert!(made.get("why").is_none(), "{made}");
    terminal.run("remove-node 3").ok();
    let lost = link(false);
    assert!(lost["why"].is_string(), "{lost}");
    assert!(lines.any(|line| line.ends_with("Node 3 has left")));
}

#[test]
fn a_command_is_run_for_each_event() {
    let terminal = Terminal::with_network("circular -n 2 --interval 0");
    let file = terminal.file("events");
    let command = format!("cat >> {0}; echo $GOSSIP_EVENT >> {0}", file.display());
    let (_watching, mut lines) = start(&terminal, &["watch", "2", "--kind", "message", "-n", "2", "--exec", &command]);
    assert!(lines.next().expect("a line").contains("knows 2 nodes"));
    terminal.run("send-message 1 Apple").ok();
    terminal.run("send-message 1 Pear").ok();
    let mut rest = lines.collect::<Vec<_>>();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert!(rest.remove(0).contains("Node 1 sent Apple"), "{rest:?}");
    let text = std::fs::read_to_string(file).expect("the command wrote it");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[1], lines[3]), (4, "message", "message"), "{text}");
    let first: Value = serde_json::from_str(lines[0]).expect("JSON on stdin");
    assert_eq!(first["payload"]["message"], "Apple");
}

#[test]
fn a_state_is_set_merged_and_unset() {
    let terminal = Terminal::with_network("circular -n 2 --interval 0");
    let payload =
        || terminal.run("state 1 -o json").ok().json()[(terminal.base_port + 1).to_string()]["payload"].clone();
    terminal.run_words(&["set-state", "1", "{\"role\": \"db\", \"load\": 0.4}"], b"").ok();
    assert_eq!(payload(), json!({"role": "db", "load": 0.4}));
    terminal.run_words(&["set-state", "1", "--merge", "{\"load\": null, \"up\": true}"], b"").ok();
    assert_eq!(payload(), json!({"role": "db", "up": true}));
    std::fs::write(terminal.file("state.json"), "[1, 2]").expect("written");
    terminal.run("set-state 1 --file state.json").ok();
    assert_eq!(payload(), json!([1, 2]));
    assert!(terminal.run_words(&["set-state", "1", "-f", "-", "-o", "json"], b"3").ok().json()["version"].is_u64());
    assert_eq!(payload(), json!(3));
    terminal.run("set-state 1 --unset").ok();
    assert!(payload()["book"].is_string());
    terminal.run("set-state 1").fails(2, "JSON");
    terminal.run("set-state 1 {").fails(2, "no JSON");
    terminal.run("set-state 1 --file nothing.json").fails(1, "nothing.json");
}

#[test]
fn a_message_is_traced_and_a_network_measured() {
    let terminal = Terminal::with_network("random 3 -n 8 --interval 0");
    let uuid = terminal.run("send-message 1 Apple").ok().out.trim().to_owned();
    terminal.run("wait").ok();
    let tree = terminal.run(&format!("trace {}", &uuid[..8])).ok();
    assert!(tree.out.starts_with(&format!("{uuid}: 8 of 8 live nodes hold it")), "{tree:?}");
    let lines = tree.lines();
    assert_eq!((lines.len(), lines[1]), (9, "1"), "{tree:?}");
    assert!(lines[2..].iter().all(|line| line.contains("─ ") && line.ends_with(" ms")), "{tree:?}");
    let mut nodes: Vec<&str> =
        lines[2..].iter().map(|line| line.split("─ ").nth(1).expect("a node").split(' ').next().expect("it")).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["2", "3", "4", "5", "6", "7", "8"]);
    // Nobody has it before the one that gave it.
    let mut givers: Vec<(usize, i64)> = vec![(0, 0)];
    for line in &lines[2..] {
        let depth = line.chars().position(|c| c.is_alphanumeric()).expect("a node") / 3;
        let after = line.rsplit('+').next().and_then(|time| time.strip_suffix(" ms")).expect("a time");
        let after: i64 = after.parse().expect("milliseconds");
        givers.retain(|(of, _)| *of < depth);
        assert!(givers.last().is_some_and(|(_, giver)| *giver <= after), "{line} in {tree:?}");
        givers.push((depth, after));
    }
    terminal.run(&format!("trace {uuid} tree.dot")).ok();
    let dot = std::fs::read_to_string(terminal.file("tree.dot")).expect("drawn");
    assert_eq!(dot.matches(" -> ").count(), 7, "{dot}");
    terminal.run(&format!("trace {uuid} tree.svg --node 5")).ok();
    let picture = std::fs::read_to_string(terminal.file("tree.svg")).expect("drawn");
    assert!(picture.contains("8 of 8 live nodes hold it") && picture.contains("Node 1: the origin"), "{picture}");
    assert_eq!(picture.matches("<title>from ").count(), 7, "an arrow to each other node: {picture}");
    assert_eq!(picture.matches(" ms</title>").count(), 7, "the time of each: {picture}");
    assert_eq!(terminal.run(&format!("trace {uuid} -o json")).ok().json()["held"], 8);
    terminal.run("trace 00000000-0000-4000-8000-000000000000").fails(1, "no node that answers holds");

    let measured = terminal.run("measure -n 10 -o json").ok().json();
    assert_eq!((&measured["nodes"], &measured["messages"]), (&json!(8), &json!(10)));
    // Trees need some messages to form themselves, and flooding needs at most 2.4 here.
    let transmissions = measured["transmissions"].as_f64().expect("a number");
    assert!((0.99..2.5).contains(&transmissions), "{measured}");
    assert!(measured["hops"]["max"].as_f64().is_some_and(|hops| (1.0..8.0).contains(&hops)), "{measured}");
    assert!(terminal.run("measure -n 3").ok().out.contains("time to the last node"));
}

#[test]
fn manuals_and_completions_know_every_command() {
    let terminal = Terminal::new();
    let help = terminal.run("--help").ok().out;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    terminal.run("man manuals").ok();
    for shell in ["bash", "zsh", "fish"] {
        let text = terminal.run(&format!("completions {shell}")).ok().out;
        for command in &commands {
            assert!(text.contains(command), "{shell} does not complete {command}");
        }
    }
    // What is not free text is offered.
    let bash = terminal.run("completions bash").ok().out;
    assert!(bash.contains("state message path status forgotten link read"), "kinds of events are not completed");
    assert!(bash.contains("random circular powerlaw turan optimal graph"), "shapes are not completed");
    let server = terminal.run("completions bash gossip_server").ok().out;
    assert!(server.contains("--heartbeat") && server.contains("trees flood"), "{server}");
    let page = std::fs::read_to_string(terminal.file("manuals/gossip_server.1")).expect("a page of the server");
    assert!(page.contains("GOSSIP_HEARTBEAT") && page.contains(".SH \"EXIT STATUS\""), "{page}");
    for command in &commands {
        let page = std::fs::read_to_string(terminal.file("manuals").join(format!("gossip-{command}.1")));
        let page = page.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(page.contains("SYNOPSIS") && page.contains(".SH EXAMPLES"), "{page}");
        assert!(page.contains(".SH \"EXIT STATUS\"") && !page.contains("EXTRA"), "{page}");
    }
    // The shell itself takes them.
    let script = "source <(\"$GOSSIP\" completions bash) && COMP_WORDS=(gossip send) COMP_CWORD=1 && _gossip gossip send gossip && echo ${COMPREPLY[@]}";
    let mut bash = terminal.command(Path::new("bash"));
    let done = bash.args(["-c", script]).env("GOSSIP", env!("CARGO_BIN_EXE_gossip")).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), "send-message", "{done:?}");
}

/// A terminal of tmux with a server of its own, which ends with the test.
struct Screen<'a> {
    terminal: &'a Terminal,
    socket: String,
}

impl Screen<'_> {
    fn tmux(&self, words: &[&str]) -> String {
        let mut tmux: Command = self.terminal.command(Path::new("tmux"));
        let done = tmux.args(["-S", &self.socket, "-f", "/dev/null"]).args(words).env_remove("TMUX").output();
        String::from_utf8_lossy(&done.expect("tmux is installed").stdout).into_owned()
    }

    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "top"])
    }

    fn shows(&self, what: &str) {
        eventually(&format!("{what:?} is shown"), || self.shown().contains(what).then_some(()));
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn the_full_screen_view_lives() {
    let terminal = Terminal::with_network("circular -n 4 --interval 0 --heartbeat 200ms");
    let screen = Screen { terminal: &terminal, socket: terminal.file("tmux").display().to_string() };
    let gossip = env!("CARGO_BIN_EXE_gossip");
    screen.tmux(&["new-session", "-d", "-s", "top", "-x", "140", "-y", "40", "sh"]);
    screen.tmux(&["send-keys", "-t", "top", &format!("{gossip} top 1"), "Enter"]);
    screen.shows("4 of 4 nodes live");
    for part in ["nodes by node", "messages, newest first", "what happens", "q quit", " by "] {
        screen.shows(part);
    }
    terminal.run("send-message 3 Apple").ok();
    screen.shows("Apple");
    terminal.run_words(&["set-state", "2", "{\"role\":\"db\"}"], b"").ok();
    screen.shows("{\"role\":\"db\"}");
    screen.tmux(&["send-keys", "-t", "top", "s"]);
    screen.shows("nodes by age");
    terminal.run("remove-node 4 --crash").ok();
    screen.shows("down");
    screen.shows("3 of 4 nodes live");
    // The node that is watched goes and comes back.
    terminal.run("remove-node 1 --crash").ok();
    screen.shows("CUT");
    terminal.run("restart-node 1").ok();
    eventually("it goes on", || (!screen.shown().contains("CUT")).then_some(()));
    screen.tmux(&["send-keys", "-t", "top", "q"]);
    eventually("the terminal is given back", || (!screen.shown().contains("q quit")).then_some(()));
    screen.tmux(&["send-keys", "-t", "top", "echo over and ove''r", "Enter"]);
    screen.shows("over and over");
    assert!(!screen.shown().contains("nodes by age"), "the terminal is left as it was");
    terminal.run("top 2").fails(2, "needs a terminal");
}
