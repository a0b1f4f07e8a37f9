//! Parsing of arguments and the forms of text; what needs processes is in `spec/cli.rs`.

use std::ffi::OsString;

use clap::CommandFactory;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::clock::{TimeForm, age};
use super::listing::{Listing, PathChoice};
use super::names::Names;
use super::node_arg::NodeArg;
use super::picture::PictureFile;
use super::plain_text::{compact, escape};
use super::state::told;
use super::{Arguments, Command, parse};
use crate::client::MessageReport;
use crate::protocol::NodeId;

fn typed(line: &str) -> Result<Arguments, clap::Error> {
    parse(std::iter::once("gossip").chain(line.split_whitespace()).map(OsString::from))
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

#[test]
fn the_arguments_hold_together_and_every_command_has_examples() {
    Arguments::command().debug_assert();
    for command in Arguments::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Examples:"), "{} has no examples", command.get_name());
        let typed = typed(&format!("{} --help", command.get_name())).unwrap_err().to_string();
        assert!(typed.contains("Exit codes: 0 ok"), "{} does not tell its exit codes", command.get_name());
    }
}

#[test]
fn usual_command_lines_are_understood() {
    for line in [
        "start-network",
        "start-network random 4 -n 50 --name two --base-port 9000",
        "start-network -n 20 optimal -P ring.svg",
        "start-network turan 4 --interval 2s --ttl 9 -P",
        "start-network graph ring.dot --allow-origin=https://example.org --allow-shutdown",
        "start-network circular -- --log-level debug",
        "stop-network --name two -o json",
        "send-message 1 Apple -r 2 --ttl 70",
        "send-message db1.example:7000 -- -dash",
        "get-messages 10 unread -A -ttt --books",
        "get-messages :7010 -ppp",
        "get-message 5 7d44",
        "list-peers 3 --timeout 500ms",
        "state 3",
        "status",
        "remove-node 7 --crash",
        "add-node",
        "restart-node 7",
        "start-network --allow-fault-injection -n 4",
        "partition 1-8 9-16",
        "partition 1,3,5-8 2 4,9-16 -o json",
        "slow 5 200ms",
        "slow :7005 0",
        "lose 3 20%",
        "lose 3 20",
        "pause 4",
        "resume 4",
        "heal --name two",
        "plot network.PNG",
        "wait --timeout 2min",
    ] {
        assert!(typed(line).is_ok(), "{line}: {}", typed(line).unwrap_err());
    }
}

#[test]
fn wrong_command_lines_are_refused() {
    for line in [
        "",
        "start-network --base-port 70000",
        "start-network --interval soon",
        "start-network --name a/b",
        "send-message 1",
        "send-message 0 Apple",
        "send-message node1 Apple",
        "send-message 1 Apple --relays 17",
        "send-message 1 -dash",
        "get-messages 1 some",
        "get-messages 1 -p -A",
        "get-message 1 7d4",
        "get-message 1 ../livez",
        "partition",
        "partition 1-8",
        "partition 8-1 9-16",
        "partition 1-8 0",
        "partition 1-8 9..16",
        "partition 1,,2 3",
        "slow 5",
        "slow 5 soon",
        "slow 5 2min",
        "lose 3 101%",
        "lose 3 some",
        "pause",
        "plot network.gif",
        "wait --timeout 0s",
        "wait --timeout soon",
    ] {
        assert!(typed(line).is_err(), "{line} was taken");
    }
}

#[test]
fn flags_that_only_nodes_know_are_handed_on() {
    let marked = |line: &str| {
        let words = line.split_whitespace().map(OsString::from);
        super::start_network::with_node_flags(words).join(&OsString::from(" ")).into_string().unwrap()
    };
    assert_eq!(marked("gossip start-network --allow-x=y -n 3"), "gossip start-network --node-flag=--allow-x=y -n 3");
    assert_eq!(marked("gossip send-message 1 --allow-x"), "gossip send-message 1 --allow-x");
    assert_eq!(marked("gossip start-network -- --allow-x"), "gossip start-network -- --allow-x");
    assert!(matches!(typed("start-network --allow-x").unwrap().command, Command::StartNetwork(_)));
}

#[test]
fn a_node_is_a_number_or_an_address() {
    let port = |port| Ok(NodeArg::Address(NodeId::Port(port)));
    assert_eq!("9".parse(), Ok(NodeArg::Number(9)));
    assert_eq!(":7009".parse::<NodeArg>(), port(7009));
    assert_eq!("localhost:7009".parse::<NodeArg>(), port(7009));
    assert_eq!("127.0.0.1:7009".parse::<NodeArg>(), port(7009));
    assert_eq!("DB1.example:1".parse(), Ok(NodeArg::Address(NodeId::Host("db1.example:1".into()))));
    for wrong in ["", "0", "70000", "nine", "host:", ":0", "a b:1", "http://h:1"] {
        assert!(wrong.parse::<NodeArg>().is_err(), "{wrong} was taken");
    }
}

#[test]
fn nodes_of_the_network_are_numbers_and_others_addresses() {
    let names = Names::of(None);
    assert_eq!(names.long(&NodeId::Port(7010)), "Node 10");
    assert_eq!(names.full(&NodeId::Port(7010)), "node 10 (127.0.0.1:7010)");
    assert_eq!(names.short(&NodeId::Port(7000)), "127.0.0.1:7000");
    assert_eq!(names.short(&NodeId::Port(9000)), "127.0.0.1:9000");
    assert_eq!(names.long(&NodeId::Host("db1.example:7001".into())), "Node db1.example:7001");
    assert_eq!(names.list(&[NodeId::Port(7010), NodeId::Port(9000), NodeId::Port(7002)]), "2, 10, 127.0.0.1:9000");
}

#[test]
fn text_stays_on_one_line_and_cannot_move_the_cursor() {
    assert_eq!(escape("a\nb\tc\rd\u{1b}[2J\u{202e}e\u{2066}ü🍎"), "a\\nb\\tc\\rd\\u{1b}[2J\\u{202e}e\\u{2066}ü🍎");
    assert_eq!(
        compact(&raw("{ \"a b\" : [1,\n 2.50], \"c\\\" \\\\\": \" \" }")),
        "{\"a b\":[1,2.50],\"c\\\" \\\\\":\" \"}"
    );
    assert_eq!(told(&raw("{\"book\": \"Emma\\u0007\"}")), "Emma\\u{7}");
    assert_eq!(told(&raw("{\"book\": null}")), "{\"book\":null}");
    assert_eq!(told(&raw("[1, 2]")), "[1,2]");
}

#[test]
fn a_picture_is_known_by_its_ending() {
    for right in ["a.svg", "b.PNG", "c/d.dot", "e.f.svg"] {
        assert!(right.parse::<PictureFile>().is_ok(), "{right}");
    }
    for wrong in ["a", "svg", ".svg", "a.gif", "random"] {
        assert!(wrong.parse::<PictureFile>().is_err(), "{wrong} was taken");
    }
}

const APPLE: &str = r#"{"uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2", "origin": 7001, "version": 2,
    "kind": "message", "payload": {"message": "Apple"}, "stamp": 1, "received_at": "2026-11-20T11:03:44.500Z",
    "read": false, "paths": [
        {"path": [7001, 7008, 7010], "received_at": "2026-11-20T11:03:44.500Z"},
        {"path": [7001, 7010], "received_at": "2026-11-20T11:03:44.512Z"},
        {"path": [7001, 7014, 7003, 7010], "received_at": "2026-11-20T11:03:44.520Z"},
        {"path": [7001, 7014, 7009, 7010], "received_at": "2026-11-20T11:03:44.530Z"}]}"#;

fn shown(json: &str, paths: PathChoice, time: TimeForm) -> String {
    let message: MessageReport = serde_json::from_str(json).unwrap();
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    Listing { names: Names::of(None), paths, time, zone }.show(&message)
}

#[test]
fn a_message_is_a_line_with_the_path_of_its_first_arrival() {
    let line = "- Apple (Node 1 -> Node 8 -> Node 10)\n";
    let below = |paths, lines: &str| assert_eq!(shown(APPLE, paths, TimeForm::Off), format!("{line}{lines}"));
    below(PathChoice::First, "");
    below(PathChoice::Shortest, "  ↳ 1 ➜ 10\n");
    below(PathChoice::Longest, "  ↳ 1 ➜ 14 ➜ 3 ➜ 10\n");
    below(PathChoice::Both, "  ↳ 1 ➜ 10 (shortest)\n  ↳ 1 ➜ 14 ➜ 3 ➜ 10 (longest)\n");
    below(PathChoice::All, "  ↳ 1 ➜ 8 ➜ 10\n  ↳ 1 ➜ 10\n  ↳ 1 ➜ 14 ➜ 3 ➜ 10\n  ↳ 1 ➜ 14 ➜ 9 ➜ 10\n");
}

#[test]
fn times_are_those_of_the_readers_zone() {
    let first = |time| shown(APPLE, PathChoice::First, time);
    assert_eq!(first(TimeForm::of_count(1)), "- [12:03:44.500] Apple (Node 1 -> Node 8 -> Node 10)\n");
    assert!(first(TimeForm::of_count(2)).starts_with("- [2026-11-20 12:03:44.500] Apple"));
    assert!(first(TimeForm::of_count(9)).starts_with("- [2026-11-20 12:03:44.500 +01:00] Apple"));
    assert!(shown(APPLE, PathChoice::Shortest, TimeForm::Time).ends_with("  ↳ 1 ➜ 10 [12:03:44.512]\n"));
    let now = "2026-11-20T11:03:44Z".parse().unwrap();
    assert_eq!(age("2026-11-20T11:03:41.2Z", now), "2s");
    assert_eq!(age("2026-11-20T11:05:00Z", now), "0s");
    assert_eq!(age("2026-11-20T10:00:00Z", now), "63min");
    assert_eq!(age("2026-11-10T10:00:00Z", now), "10d");
}

#[test]
fn other_payloads_are_json_and_books_are_sentences() {
    let with = |kind: &str, payload: &str| {
        let json = APPLE.replace("\"kind\": \"message\"", &format!("\"kind\": \"{kind}\""));
        shown(&json.replace("{\"message\": \"Apple\"}", payload), PathChoice::First, TimeForm::Off)
    };
    let path = "(Node 1 -> Node 8 -> Node 10)\n";
    assert_eq!(with("message", "{\"message\": {\"a\": 1}}"), format!("- {{\"message\":{{\"a\":1}}}} {path}"));
    assert_eq!(with("message", "\"bare\""), format!("- \"bare\" {path}"));
    assert_eq!(with("state", "{\"book\": \"Emma\"}"), format!("- Node 1 likes Emma {path}"));
    assert_eq!(with("state", "{\"load\": 3}"), format!("- Node 1 says {{\"load\":3}} {path}"));
}
