//! Sending and reading: nothing is changed on the way, and what was printed is read.

use std::path::Path;
use std::process::Stdio;

use crate::terminal::Terminal;

#[test]
fn messages_arrive_with_their_paths_and_are_read_once() {
    let terminal = Terminal::with_network("circular -n 4 --interval 0");
    terminal.run("send-message 1 Apple").ok();
    terminal.run("wait").ok();
    let listed = terminal.run("get-messages 2").ok();
    // Over which of the two ways round the ring is for the machine's load to decide.
    let ways = ["- Apple (Node 1 -> Node 2)\n", "- Apple (Node 1 -> Node 4 -> Node 3 -> Node 2)\n"];
    assert!(ways.contains(&listed.out.as_str()), "{listed:?}");
    assert_eq!(terminal.run("get-messages 2 unread").ok().out, "");
    assert_eq!(terminal.run("get-messages 2 read").ok().out, listed.out);
    // Marks belong to a node: at another one the message is unread.
    assert_eq!(terminal.run("get-messages 1 unread").ok().out, "- Apple (Node 1)\n");

    terminal.run("send-message 1 Pear --relays 3").ok();
    terminal.run("wait").ok();
    let all = terminal.run("get-messages 3 unread --all-paths").ok();
    let pear: Vec<&str> = all.lines().into_iter().skip_while(|line| !line.contains("Pear")).collect();
    assert!(pear[0].starts_with("- Pear (Node 1 -> Node "), "{all:?}");
    assert!(pear[1..].iter().all(|line| line.starts_with("  ↳ 1 ➜ ") && line.ends_with(" ➜ 3")), "{all:?}");
    let shortest = terminal.run("get-messages 3 -p").ok();
    let longest = terminal.run("get-messages 3 -ppp -ttt").ok();
    assert!(shortest.out.contains("  ↳ 1 ➜ "), "{shortest:?}");
    assert!(longest.out.contains("(shortest)") && longest.out.contains("(longest)"), "{longest:?}");
    assert!(longest.out.contains(" +00:00] Apple"), "{longest:?}");

    let books = terminal.run("get-messages 4 --books").ok();
    assert_eq!(books.lines().iter().filter(|line| line.contains(" likes ")).count(), 4, "{books:?}");
}

#[test]
fn text_arrives_unchanged() {
    let terminal = Terminal::with_network("circular -n 3 --interval 0");
    let long = "0123456789abcdef".repeat(60 * 1024 / 16);
    let texts = [
        "  two  spaces ",
        "\"quotes\" and 'quotes' \\ {}",
        "two\nlines\n",
        "🍎🏽‍🚀 ü \u{202e}x",
        "-dash",
        "-",
        "",
        &long,
    ];
    for text in texts {
        // A single word of Linux is at most 128 KiB, so even the long one fits.
        let words = ["send-message", "1", "--", text];
        let sent = if text == "-" {
            terminal.run_words(&["send-message", "1", "-"], b"-")
        } else {
            terminal.run_words(&words, b"")
        };
        assert_eq!(sent.ok().out.trim_end().len(), 36);
    }
    let piped = terminal.run_words(&["send-message", "1", "-", "-o", "json"], "from stdin\n".as_bytes()).ok().json();
    terminal.run("wait").ok();
    let got = terminal.run("get-messages 3 -o json").ok().json();
    let got: Vec<&str> = got.as_array().unwrap().iter().map(|m| m["payload"]["message"].as_str().unwrap()).collect();
    assert_eq!(got, [&texts[..], &["from stdin\n"]].concat());
    let lines = terminal.run("get-messages 3").ok();
    assert_eq!(lines.lines().len(), got.len());
    assert!(lines.out.contains("- two\\nlines\\n (Node 1 -> "), "{}", lines.lines()[2]);
    assert!(!lines.out.contains('\u{202e}'));

    let uuid = piped["uuid"].as_str().unwrap();
    let one = terminal.run(&format!("get-message 2 {}", &uuid[..9])).ok();
    assert!(one.out.contains("from stdin\\n (Node 1 -> "), "{one:?}");
    assert_eq!(terminal.run(&format!("get-message 2 {uuid} -o json")).ok().json()["uuid"], uuid);
    terminal.run("get-message 2 00000000-0000-4000-8000-000000000000").fails(1, "no message");
    terminal.run("get-message 2 xyz").fails(2, "hexadecimal");

    let too_long = "a".repeat(70_000);
    terminal.run_words(&["send-message", "1", "-"], too_long.as_bytes()).fails(1, "65536");
    terminal.run_words(&["send-message", "1", "-"], b"\xff\xfe").fails(1, "stdin");
}

#[test]
fn what_could_not_be_printed_stays_unread() {
    let terminal = Terminal::with_network("circular -n 2 --interval 0");
    terminal.run("send-message 1 Apple").ok();
    let mut command = terminal.command(Path::new(env!("CARGO_BIN_EXE_gossip")));
    let mut child = command.args(["get-messages", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(!child.wait().unwrap().success());
    assert_eq!(terminal.run("get-messages 1 unread").ok().out, "- Apple (Node 1)\n");
    assert_eq!(terminal.run("get-messages 1 unread").ok().out, "");
}

#[test]
fn nodes_are_numbers_or_addresses() {
    let terminal = Terminal::with_network("circular -n 3 --interval 0");
    let port = terminal.base_port + 2;
    let by_number = terminal.run("list-peers 2 -o json").ok().json();
    for node in [format!(":{port}"), format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        assert_eq!(terminal.run(&format!("list-peers {node} -o json")).ok().json(), by_number);
    }
    let addresses: Vec<&str> =
        by_number.as_array().unwrap().iter().map(|peer| peer["address"].as_str().unwrap()).collect();
    let expected = [1, 3].map(|number| format!("127.0.0.1:{}", terminal.base_port + number));
    assert_eq!(addresses, expected);

    let table = terminal.run("state 3").ok();
    assert_eq!(table.lines().len(), 4, "{table:?}");
    assert!(table.lines()[1..].iter().all(|line| line.contains("alive") && line.contains(" by ")), "{table:?}");
    assert_eq!(terminal.run("state 3 -o json").ok().json().as_object().unwrap().len(), 3);

    let nobody = terminal.base_port + 9;
    terminal.run("list-peers 9").fails(3, "has no node 9");
    terminal.run("send-message 9 Apple").fails(3, "has no node 9");
    terminal.run("get-messages 9").fails(3, "has no node 9");
    terminal.run("remove-node 3 --crash").ok();
    terminal.run("state 3").fails(3, &format!("node 3 (127.0.0.1:{}) does not answer", terminal.base_port + 3));
    terminal.run(&format!("state 127.0.0.1:{nobody}")).fails(3, "does not answer");
    terminal.run("list-peers 0").fails(2, "node numbers");
    terminal.run("list-peers node2").fails(2, "host:port");
    terminal.run("list-peers 60000").fails(3, "has no node 60000");
    terminal.run("list-peers 70000").fails(2, "node numbers are");
}

#[test]
fn the_wrapper_knows_the_other_form() {
    let terminal = Terminal::with_network("circular -n 2 --interval 0");
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("bin/gclient");
    let type_words = |words: &[&str]| terminal.run_program(&client, words, b"");
    let uuid = type_words(&["--id", "1", "--message", "two words"]).ok().out;
    type_words(&["--message=-dash", "--id=1"]).ok();
    type_words(&["--id", "1", "--message", "-"]).ok();
    terminal.run("wait").ok();
    let got = type_words(&["--id", "2", "--msgID", uuid.trim_end()]).ok();
    assert!(got.out.contains("two words (Node 1 -> Node 2)"), "{got:?}");
    let listed = type_words(&["--id", "2", "--list"]).ok();
    let expected = ["two words", "-dash", "-"].map(|text| format!("- {text} (Node 1 -> Node 2)"));
    assert_eq!(listed.lines(), expected);
    type_words(&["--id", "1"]).fails(2, "--message");
    type_words(&["--list"]).fails(2, "--id");
    type_words(&["--id", "9", "--list"]).fails(3, "has no node 9");
}
