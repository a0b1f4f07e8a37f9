//! Tests of whole pictures: what is in them, and that both formats hold it.

use proptest::prelude::*;

use super::*;

fn labels(n: usize) -> Vec<String> {
    (1..=n).map(|label| label.to_string()).collect()
}

/// A ring with a few chords.
fn edges(n: usize) -> Vec<(usize, usize)> {
    let ring = (0..n).map(|a| (a, (a + 1) % n));
    let chords = (0..n).step_by(3).map(|a| (a, (a * 7 + 5) % n));
    ring.chain(chords).collect()
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// Checks that elements open and close in order and that no reserved character
/// stands where it must not.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a bracket outside of a tag");
        let end = start + rest[start..].find('>').expect("each tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(count(tag, "\"") % 2, 0, "quotes in pairs: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in order");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
        // Words may be anything; what is drawn stands in shapes that have none.
        if matches!(tag.split_whitespace().next(), Some("circle" | "line" | "path" | "rect" | "use" | "g")) {
            assert!(!tag.contains("NaN") && !tag.contains("inf"), "no number: {tag}");
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for (at, _) in svg.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;"];
        assert!(known.iter().any(|entity| svg[at..].starts_with(entity)));
    }
}

/// The centres of the nodes of a plain picture.
fn centres(scene: &Scene) -> Vec<Point> {
    let groups = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Group { shapes, .. } => Some(shapes),
        _ => None,
    });
    groups
        .filter_map(|shapes| match shapes[0] {
            Shape::Circle { centre, .. } => Some(centre),
            _ => None,
        })
        .collect()
}

/// Width and height as the header of a PNG file says.
fn png_size(png: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn a_picture_holds_each_node_and_link_once() {
    for (n, layout) in [(7, Layout::Auto), (20, Layout::Auto), (20, Layout::Circle)] {
        let options = DrawOptions { layout, ..DrawOptions::default() };
        let links = [(0, 1), (1, 0), (2, 2), (1, 2), (3, 99), (4, 5)];
        let svg = draw_graph(&labels(n), &links, &options).to_svg();
        assert_well_formed(&svg);
        assert_eq!(count(&svg, "<circle"), n);
        assert_eq!(count(&svg, "<line"), 3);
        assert_eq!(count(&svg, "<title>"), n + 1);
        assert!(svg.contains("<title>node 2: 2 links</title>"));
        assert!(svg.contains("<title>node 5: 1 link</title>"));
    }
}

#[test]
fn words_are_escaped_and_shown() {
    let options = DrawOptions {
        title: Some("a < b & \"c\"\u{7}".to_owned()),
        caption: Some("3 nodes, 3 links".to_owned()),
        ..DrawOptions::default()
    };
    let mut names = labels(3);
    names[1] = "<&>".to_owned();
    let scene = draw_graph(&names, &edges(3), &options);
    let svg = scene.to_svg();
    assert_well_formed(&svg);
    assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot;\u{fffd}</title>"));
    assert!(svg.contains("<desc>3 nodes, 3 links</desc>"));
    assert!(svg.contains("node &lt;&amp;&gt;: 2 links"));
    let plain = draw_graph(&names, &edges(3), &DrawOptions::default());
    assert!(scene.height > plain.height + 40.0, "room for the words");
}

#[test]
fn classes_are_seen_and_named() {
    use NodeClass::{Alive, Down, Left, Suspect};
    let options = DrawOptions { classes: vec![Alive, Alive, Suspect, Down, Left], ..DrawOptions::default() };
    let svg = draw_graph(&labels(6), &edges(6), &options).to_svg();
    assert_well_formed(&svg);
    // A disc for each node and each entry of the legend, and a ring more for
    // each of the two that are suspect.
    assert_eq!(count(&svg, "<circle"), 6 + 5 + 2);
    for title in ["node 1: alive, ", "node 3: suspect, ", "node 4: down, ", "node 5: left, "] {
        assert!(svg.contains(title), "{title}");
    }
    assert!(svg.contains("<title>node 6: "), "beyond the list is plain");
}

#[test]
fn the_image_has_the_size_of_the_scene() {
    let scene = draw_graph(&labels(16), &edges(16), &DrawOptions::default());
    for scale in [0.5, 1.0, 1.7] {
        let png = scene.to_png(scale).unwrap();
        let side = |length: f64| (length * f64::from(scale)).ceil() as u32;
        assert_eq!(png_size(&png), (side(scene.width), side(scene.height)));
        let image = tiny_skia::Pixmap::decode_png(&png).unwrap();
        assert_eq!((image.width(), image.height()), png_size(&png));
    }
}

#[test]
fn the_image_shows_nodes_on_white() {
    let scene = draw_graph(&labels(16), &edges(16), &DrawOptions::default());
    let image = tiny_skia::Pixmap::decode_png(&scene.to_png(1.0).unwrap()).unwrap();
    let colour_at = |x: f64, y: f64| {
        let pixel = image.pixel(x as u32, y as u32).unwrap();
        (pixel.red(), pixel.green(), pixel.blue())
    };
    assert_eq!(colour_at(1.0, 1.0), (255, 255, 255));
    for centre in centres(&scene) {
        // Near the rim, where there is no digit.
        assert_eq!(colour_at(centre.x, centre.y + 12.0), (0, 103, 165));
    }
}

#[test]
fn impossible_scales_are_refused() {
    let scene = draw_graph(&labels(3), &edges(3), &DrawOptions::default());
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(matches!(scene.to_png(scale), Err(PngError::Scale(_))));
    }
    let huge = scene.to_png(1_000.0).unwrap_err();
    assert!(huge.to_string().starts_with("a picture of "), "{huge}");
    assert!(scene.to_png(1e-9).is_ok(), "rounded up to one pixel");
}

#[test]
fn nodes_do_not_overlap() {
    for n in [13, 40, 90, 200] {
        let scene = draw_graph(&labels(n), &edges(n), &DrawOptions::default());
        let centres = centres(&scene);
        assert_eq!(centres.len(), n);
        let radius = layout::Sizes::new(n).radius;
        for (i, &a) in centres.iter().enumerate() {
            assert!(a.x > radius && a.x < scene.width - radius);
            assert!(a.y > radius && a.y < scene.height - radius);
            for &b in &centres[..i] {
                assert!((a - b).length() > 2.0 * radius, "{n} nodes");
            }
        }
    }
}

#[test]
fn a_layout_follows_distances() {
    // The ends of a chain are farther apart than any neighbours.
    let chain: Vec<(usize, usize)> = (0..29).map(|a| (a, a + 1)).collect();
    let places = centres(&draw_graph(&labels(30), &chain, &DrawOptions::default()));
    let ends = (places[0] - places[29]).length();
    let steps = chain.iter().map(|&(a, b)| (places[a] - places[b]).length());
    let longest = steps.fold(0.0, f64::max);
    assert!(ends > 12.0 * longest, "{ends} against {longest}");
}

#[test]
fn large_and_odd_graphs_are_drawn() {
    let options = DrawOptions::default();
    for n in [0, 1, 2, 3, 1_200] {
        let scene = draw_graph(&labels(n), &edges(n), &options);
        assert_well_formed(&scene.to_svg());
        assert_eq!(scene, draw_graph(&labels(n), &edges(n), &options), "the same again");
    }
    for layout in [Layout::Force, Layout::Circle] {
        for n in [1, 2, 5, 30] {
            let options = DrawOptions { layout, ..DrawOptions::default() };
            // No links at all: every node is a part of its own.
            let scene = draw_graph(&labels(n), &[], &options);
            assert_well_formed(&scene.to_svg());
            assert_eq!(centres(&scene).len(), n);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_graph_and_any_words_make_a_picture(
        names in prop::collection::vec("\\PC{0,12}", 0..30),
        links in prop::collection::vec((0usize..35, 0usize..35), 0..60),
        title in prop::option::of("\\PC{0,200}"),
        force: bool,
    ) {
        let options = DrawOptions {
            layout: if force { Layout::Force } else { Layout::Auto },
            title,
            ..DrawOptions::default()
        };
        let scene = draw_graph(&names, &links, &options);
        assert_well_formed(&scene.to_svg());
        prop_assert!(scene.to_png(0.5).is_ok());
    }
}

/// A tree in the order of reading, from the parent of each node.
fn tree(parents: &[Option<usize>]) -> Vec<TreeNode> {
    let node = |(i, parent): (usize, &Option<usize>)| TreeNode {
        label: (i + 1).to_string(),
        parent: *parent,
        note: format!("+{i} ms"),
        title: format!("node {}", i + 1),
    };
    parents.iter().enumerate().map(node).collect()
}

#[test]
fn a_tree_grows_to_the_right_and_nothing_in_it_overlaps() {
    let parents = [None, Some(0), Some(1), Some(1), Some(0), Some(4), Some(5), Some(0)];
    let scene = draw_tree(&tree(&parents), "a <tree>", "eight nodes");
    let places = centres(&scene);
    assert_eq!(places.len(), parents.len());
    for (node, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            assert!(places[*parent].x < places[node].x, "{node} does not stand to the right of {parent}");
        }
        for other in node + 1..places.len() {
            assert!((places[node] - places[other]).length() > 30.0, "{node} lies on {other}");
        }
    }
    // A parent stands in the middle of its children, which keep their order.
    assert!((places[1].y - (places[2].y + places[3].y) / 2.0).abs() < 1e-9);
    assert!(places[1].y < places[4].y && places[4].y < places[7].y);
    let svg = scene.to_svg();
    assert_well_formed(&svg);
    assert_eq!(count(&svg, "<title>from "), 7, "an arrow to each but the root");
    assert!(svg.contains("a &lt;tree&gt;") && svg.contains("<title>node 8</title>"));
    scene.to_png(1.0).expect("a picture");
}

#[test]
fn large_and_odd_trees_are_drawn() {
    assert_well_formed(&draw_tree(&[], "nothing", "").to_svg());
    let chain: Vec<Option<usize>> = (0..64_usize).map(|i| i.checked_sub(1)).collect();
    let star: Vec<Option<usize>> = (0..1_000_usize).map(|i| (i > 0).then_some(0)).collect();
    for parents in [&chain[..], &star, &[Some(3), Some(1), None]] {
        let mut nodes = tree(parents);
        nodes[0].label = "db1.example.with.a.long.name:7000".to_owned();
        let scene = draw_tree(&nodes, "odd", "");
        assert_eq!(centres(&scene).len(), parents.len());
        assert!(centres(&scene).iter().all(|at| at.x > 0.0 && at.x < scene.width && at.y > 0.0 && at.y < scene.height));
        assert_well_formed(&scene.to_svg());
    }
}

#[test]
fn a_comparison_leaves_out_what_is_not_known_and_what_has_no_place_on_its_scale() {
    let series = |name: &str, values: &[Option<f64>]| Series { name: name.to_owned(), values: values.to_vec() };
    let comparison = Comparison {
        title: "Time".to_owned(),
        across: "nodes".to_owned(),
        unit: "ms".to_owned(),
        places: ["16", "32", "64"].map(str::to_owned).to_vec(),
        series: vec![
            series("all", &[Some(0.5), Some(20.0), Some(3_000.0)]),
            series("gap", &[Some(1.0), None, Some(2.0)]),
            series("zero", &[Some(0.0), None, None]),
        ],
    };
    let svg = draw_comparisons("Times", &[comparison.clone(), comparison]).to_svg();
    assert_well_formed(&svg);
    assert_eq!(count(&svg, "<circle"), 2 * (3 + 2));
    let nothing = Comparison {
        title: String::new(),
        across: String::new(),
        unit: String::new(),
        places: Vec::new(),
        series: Vec::new(),
    };
    assert_well_formed(&draw_comparisons("", &[nothing]).to_svg());
    assert_well_formed(&draw_comparisons("", &[]).to_svg());
}
