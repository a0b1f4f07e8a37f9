//! Tests of reading and writing graphs as text.

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn edges(text: &str) -> Vec<(u64, u64)> {
    let file = parse_graph(text).unwrap();
    let labelled = |(a, b): (usize, usize)| (file.labels[a], file.labels[b]);
    file.graph.edges().map(labelled).collect()
}

fn refused(text: &str) -> String {
    parse_graph(text).unwrap_err().to_string()
}

#[test]
fn a_graph_is_written_plainly() {
    let graph = circular(3).unwrap();
    let text = to_dot(&graph, &[1, 2, 5]);
    assert_eq!(text, "graph network {\n  1 -- 2;\n  1 -- 5;\n  2 -- 5;\n}\n");
    let lonely = Graph::from_edges(3, [(0, 2)]);
    let text = to_dot(&lonely, &[1, 2, 3]);
    assert_eq!(text, "graph network {\n  2;\n  1 -- 3;\n}\n");
}

#[test]
fn dot_is_read_with_all_that_belongs_to_it() {
    let text = r##"/* a
        comment */ strict GRAPH "my net" { // another
        # and one more
        layout = neato; node [shape=circle, style="filled;[x]"]
        graph [bgcolor="#ffffff"]; edge [len=-1.5];
        1 -- 2 -- "3" [label="a \"b\" -- 9", html=<b <i>c</i> }>][color=red]
        3:north:e--1
        7 -- {4; 5, 6} -- 1
        subgraph cluster_1 { 4 -- 5 }
        2 -- 1
    }"##;
    let expected = [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 3), (4, 5), (4, 7), (5, 7), (6, 7)];
    assert_eq!(edges(text), expected);
}

#[test]
fn a_plain_list_is_read_with_all_separators() {
    let text = "\u{feff}# my net\n1 2\r\n\n 2,3\n3 , 10 // far\n10 -- 1; # back\n10--2\n1\t10\n";
    assert_eq!(edges(text), [(1, 2), (1, 10), (2, 3), (2, 10), (3, 10)]);
    assert_eq!(parse_graph(text).unwrap().labels, [1, 2, 3, 10]);
}

#[test]
fn mistakes_in_lists_are_named_with_their_line() {
    assert_eq!(refused("1 2\n2 x\n"), "line 2: \"x\" is not a node; nodes are whole numbers from 1 upwards");
    for number in ["0", "-1", "+1", "1.5", "99999999999999999999"] {
        let text = format!("1 2\n\n2 {number}");
        assert_eq!(
            refused(&text),
            format!("line 3: \"{number}\" is not a node; nodes are whole numbers from 1 upwards")
        );
    }
    assert_eq!(refused("1 2 3"), "line 1: expected two node numbers, as in \"1 2\", found \"1 2 3\"");
    assert_eq!(refused("1 2\n3 3"), "line 2: node 3 is linked to itself");
    assert!(refused("1 2\n1 -> 3").starts_with("line 2: the graph is directed"));
    let long = refused(&"9".repeat(5_000));
    assert!(long.len() < 150, "{long}");
}

#[test]
fn mistakes_in_dot_are_named_with_their_line() {
    assert!(refused("digraph { 1 -> 2 }").starts_with("line 1: the graph is directed"));
    assert!(refused("graph {\n 1 -> 2 }").starts_with("line 2: the graph is directed"));
    assert_eq!(refused("graph {\n a -- 2 }"), "line 2: \"a\" is not a node; nodes are whole numbers from 1 upwards");
    assert_eq!(refused("graph {\n\n 4 -- 4; }"), "line 3: node 4 is linked to itself");
    assert_eq!(refused("graph {\n 1 -- 2;\n"), "line 1: a \"{\" that starts here has no end");
    assert_eq!(refused("graph { 1 -- 2\n \"3 }"), "line 2: a text in quotes that starts here has no end");
    assert_eq!(refused("graph { 1 -- 2 [a=b }"), "line 1: a \"[\" that starts here has no end");
    assert_eq!(refused("graph { 1 -- ; }"), "line 1: expected a node, a setting or \"}\", found \";\"");
    assert_eq!(
        refused("graph { 1 -- 2 } 3"),
        "line 1: expected the end of the file after the closing \"}\", found \"3\""
    );
    assert_eq!(refused("graph x y { 1 -- 2 }"), "line 1: expected \"{\" after \"graph\" and its name, found \"y\"");
    assert!(refused("graph { 1 -- 2 & 3 }").ends_with("found \"&\""));
    assert!(refused("strict 1 2").starts_with("line 1: expected \"graph\""));
    let deep = format!("graph {}", "{".repeat(100_000));
    assert!(refused(&deep).contains("nested more than 16 deep"));
}

#[test]
fn a_text_without_links_is_empty() {
    for text in ["", "# nothing\n\n", "graph {}", "graph { 1; 2 }", "graph { a = b }"] {
        assert_eq!(parse_graph(text), Err(GraphFileError::Empty), "{text:?}");
    }
}

#[test]
fn the_parts_of_a_graph_in_pieces_are_named() {
    assert_eq!(
        refused("8 9\n1 2\n2 3\n"),
        "the graph is not connected: it falls into 2 parts, 3 nodes around node 1, \
         2 nodes around node 8"
    );
    assert_eq!(
        refused("graph { 1 -- 2; 7 }"),
        "the graph is not connected: it falls into 2 parts, 2 nodes around node 1, node 7 alone"
    );
    let many: String = (0..10).map(|i| format!("{} {}\n", 2 * i + 1, 2 * i + 2)).collect();
    assert!(refused(&many).ends_with("2 nodes around node 9, and 5 more"));
}

#[test]
fn sizes_are_bounded() {
    let star: String = (2..=100_001).map(|i| format!("1 {i}\n")).collect();
    assert_eq!(refused(&star), "the file has 100001 nodes; the limit is 100000");
    let group: String = (1..3_000).map(|i| format!("{i} ")).collect();
    let other: String = (3_000..6_000).map(|i| format!("{i} ")).collect();
    let dense = format!("graph {{\n {{ {group} }} -- {{ {other} }} }}");
    assert_eq!(refused(&dense), "line 2: more than 5000000 links");
}

#[test]
fn errors_know_their_line() {
    assert_eq!(parse_graph("1 2\n3").unwrap_err().line(), Some(2));
    assert_eq!(parse_graph("").unwrap_err().line(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(n in 2usize..80, gap in 1u64..1_000, seed: u64) {
        let graph = power_law(n, &mut StdRng::seed_from_u64(seed)).unwrap();
        let labels: Vec<u64> = (0..n as u64).map(|i| 1 + i * gap).collect();
        let text = to_dot(&graph, &labels);
        prop_assert_eq!(parse_graph(&text), Ok(GraphFile { labels, graph }));
    }

    #[test]
    fn no_text_is_too_much(text in "[-a-z0-9 {}\\[\\];:,=<>\"#/*\\\\\n]{0,200}") {
        let _ = parse_graph(&text);
        let _ = parse_graph(&format!("graph {{{text}}}"));
    }

    #[test]
    fn nothing_at_all_is_too_much(text in "\\PC{0,80}") {
        let _ = parse_graph(&text);
        let _ = parse_graph(&format!("graph g {{ {text} }}"));
    }
}
