//! Tests of the graph, its distances, and the shapes drawn by chance or rule.

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn chance(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// The adjacency agrees with itself: sorted, without loops, the same from both
/// ends, and as many links as counted.
fn assert_simple(graph: &Graph) {
    let mut ends = 0;
    for node in 0..graph.node_count() {
        let neighbours = graph.neighbours(node);
        assert!(neighbours.is_sorted_by(|a, b| a < b), "sorted, no repeats");
        assert!(neighbours.iter().all(|&other| other != node), "no loops");
        assert!(neighbours.iter().all(|&other| graph.has_edge(other, node)));
        ends += graph.degree(node);
    }
    assert_eq!(ends, 2 * graph.edge_count());
    assert_eq!(graph.edges().count(), graph.edge_count());
    assert!(graph.edges().is_sorted());
}

/// Mean and diameter by one plain search per node.
fn plain_distances(graph: &Graph) -> (f64, usize) {
    let n = graph.node_count();
    let all: Vec<usize> = (0..n).flat_map(|node| graph.distances_from(node)).collect();
    let sum: usize = all.iter().sum();
    let mean = sum as f64 / (n * (n - 1)) as f64;
    (mean, all.into_iter().max().unwrap())
}

#[test]
fn links_come_and_go() {
    let mut graph = Graph::new(4);
    assert!(graph.add_edge(2, 0));
    assert!(graph.add_edge(0, 1));
    assert!(!graph.add_edge(0, 2), "a repeat is not new");
    assert!(!graph.add_edge(3, 3), "no loops");
    assert_eq!(graph.neighbours(0), [1, 2]);
    assert_eq!(graph.edges().collect::<Vec<_>>(), [(0, 1), (0, 2)]);
    assert!(!graph.is_connected());
    assert_eq!(graph.components(), [vec![0, 1, 2], vec![3]]);
    assert!(graph.mean_distance().is_infinite());
    assert_eq!(graph.diameter(), usize::MAX);
    assert!(graph.remove_edge(1, 0));
    assert!(!graph.remove_edge(1, 0));
    assert_eq!((graph.edge_count(), graph.degree(0)), (1, 1));
    assert_simple(&graph);
}

#[test]
fn the_smallest_graphs_have_distances() {
    for n in 0..2 {
        let graph = Graph::new(n);
        assert!(graph.is_connected());
        assert_eq!((graph.mean_distance(), graph.diameter()), (0.0, 0));
        assert_eq!(graph.mean_distance_sampled(5, &mut chance(1)), 0.0);
    }
    let pair = circular(2).unwrap();
    assert_eq!((pair.edge_count(), pair.mean_distance(), pair.diameter()), (1, 1.0, 1));
}

#[test]
fn distances_of_known_shapes() {
    // In a ring of 2k nodes the others are at 1, 1, 2, 2, .. k-1, k-1, k.
    let ring = circular(1_000).unwrap();
    assert_eq!(ring.diameter(), 500);
    assert!((ring.mean_distance() - 250_000.0 / 999.0).abs() < 1e-9);
    let complete = turan(7, 7).unwrap();
    assert_eq!((complete.edge_count(), complete.mean_distance()), (21, 1.0));
    // Two halves of three: three at distance 1, two at distance 2.
    let halves = turan(6, 2).unwrap();
    assert!((halves.mean_distance() - 1.4).abs() < 1e-12);
}

#[test]
fn a_sample_of_all_sources_is_the_mean() {
    let graph = random_regular(60, 4, &mut chance(3)).unwrap();
    let exact = graph.mean_distance();
    let sampled = graph.mean_distance_sampled(1_000, &mut chance(4));
    assert!((exact - sampled).abs() < 1e-12);
    let few = graph.mean_distance_sampled(10, &mut chance(4));
    assert!((few - exact).abs() < 0.2, "{few} against {exact}");
    let pieces = Graph::from_edges(4, [(0, 1), (2, 3)]);
    assert!(pieces.mean_distance_sampled(1, &mut chance(5)).is_infinite());
}

#[test]
fn the_moore_bound_counts_layers() {
    assert_eq!(moore_mean_distance(4, 3), 1.0);
    // Three at distance 1 and six at 2: the Petersen graph.
    assert!((moore_mean_distance(10, 3) - 15.0 / 9.0).abs() < 1e-12);
    assert!((moore_mean_distance(5, 2) - 1.5).abs() < 1e-12);
    assert_eq!(moore_mean_distance(2, 1), 1.0);
    assert!(moore_mean_distance(3, 1).is_infinite());
    assert!(moore_mean_distance(3, 0).is_infinite());
    assert_eq!(moore_mean_distance(1, 3), 0.0);
    assert_eq!(moore_mean_distance(100, usize::MAX), 1.0);
}

#[test]
fn ten_thousand_nodes_are_no_trouble() {
    for degree in [3, 64] {
        let graph = random_regular(10_000, degree, &mut chance(7)).unwrap();
        assert!((0..10_000).all(|node| graph.degree(node) == degree));
        assert_simple(&graph);
    }
    let graph = random_regular(10_000, 5, &mut chance(7)).unwrap();
    let mean = graph.mean_distance();
    assert!((6.0..8.0).contains(&mean), "{mean}");
}

#[test]
fn dense_regular_graphs_exist_in_every_size() {
    for n in 2..=24 {
        for degree in 1..n {
            let drawn = random_regular(n, degree, &mut chance(n as u64));
            let possible = (degree > 1 || n == 2) && (n * degree) % 2 == 0;
            assert_eq!(drawn.is_ok(), possible, "{n} nodes of degree {degree}");
            if let Ok(graph) = drawn {
                assert_simple(&graph);
                assert!(graph.is_connected());
                assert!((0..n).all(|node| graph.degree(node) == degree));
            }
        }
    }
}

#[test]
fn every_small_cubic_graph_is_drawn() {
    // On 6 nodes there are 60 prisms and 10 complete bipartite graphs.
    let mut prisms = 0;
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..2_000 {
        let graph = random_regular(6, 3, &mut chance(seed)).unwrap();
        let triangle = graph.edges().any(|(a, b)| {
            let both = |other: &&usize| graph.has_edge(b, **other);
            graph.neighbours(a).iter().find(both).is_some()
        });
        prisms += usize::from(triangle);
        seen.insert(graph.edges().collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 70);
    assert!((1_500..1_900).contains(&prisms), "{prisms} of 2000");
}

#[test]
fn a_power_law_has_hubs() {
    let graph = power_law(2_000, &mut chance(11)).unwrap();
    assert_eq!(graph.edge_count(), 3 + 2 * 1_997);
    let most = (0..2_000).map(|node| graph.degree(node)).max().unwrap();
    assert!(most > 50, "the largest hub has {most} links");
    for n in 2..6 {
        let small = power_law(n, &mut chance(1)).unwrap();
        assert_eq!(small.node_count(), n);
        assert!(small.is_connected());
    }
}

#[test]
fn turan_links_exactly_the_parts() {
    let graph = turan(10, 3).unwrap();
    // Parts of 4, 3 and 3 nodes.
    assert_eq!(graph.edge_count(), 4 * 3 + 4 * 3 + 3 * 3);
    assert_simple(&graph);
}

#[test]
fn errors_name_numbers_that_work() {
    let regular = |n, degree| {
        let drawn = random_regular(n, degree, &mut chance(0));
        drawn.unwrap_err().to_string()
    };
    assert_eq!(
        regular(15, 3),
        "15 nodes of degree 3: the number of nodes times the degree must be even; \
         try 16 nodes, or degree 2 or 4"
    );
    assert_eq!(regular(4, 5), "4 nodes of degree 5: a node has at most 3 neighbours here; try 6 nodes, or degree 3");
    assert_eq!(regular(2, 2), "2 nodes of degree 2: a node has at most 1 neighbour here; try 3 nodes, or degree 1");
    assert_eq!(regular(10, 1), "10 nodes of degree 1: with fewer than 2 neighbours each they fall apart; try degree 2");
    assert_eq!(regular(2, 0), "2 nodes of degree 0: with fewer than 1 neighbour each they fall apart; try degree 1");
    assert_eq!(regular(1, 3), "a regular graph of 1 node: it needs at least 4 nodes; try 4 nodes");
    assert_eq!(regular(100_001, 3), "100001 nodes are too many: the limit is 100000");
    assert_eq!(regular(100_000, 500), "100000 nodes with 25000000 links are too many links: the limit is 5000000");
    assert_eq!(
        turan(8, 1).unwrap_err().to_string(),
        "8 nodes in 1 part: the number of parts must be from 2 to the number of nodes; try 2 to 8"
    );
    assert_eq!(circular(0).unwrap_err().to_string(), "a ring of 0 nodes: it needs at least 2 nodes; try 2 nodes");
    assert!(power_law(1, &mut chance(0)).is_err());
    assert!(turan(100_000, 2).is_err(), "too many links");
    assert!(random_regular(usize::MAX, usize::MAX, &mut chance(0)).is_err());
    assert!(random_regular(0, usize::MAX, &mut chance(0)).is_err());
    assert!(random_regular(5, usize::MAX, &mut chance(0)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn regular_graphs_are_regular(n in 2usize..200, degree in 1usize..40, seed: u64) {
        let drawn = random_regular(n, degree, &mut chance(seed));
        let possible = (degree > 1 || n == 2) && degree < n && (n * degree) % 2 == 0;
        prop_assert_eq!(drawn.is_ok(), possible);
        if let Ok(graph) = drawn {
            assert_simple(&graph);
            prop_assert!(graph.is_connected());
            prop_assert!((0..n).all(|node| graph.degree(node) == degree));
            prop_assert!(graph.mean_distance() >= moore_mean_distance(n, degree) - 1e-9);
            prop_assert_eq!(&graph, &random_regular(n, degree, &mut chance(seed)).unwrap());
        }
    }

    #[test]
    fn the_other_shapes_are_connected(n in 2usize..150, parts in 2usize..10, seed: u64) {
        let parts = parts.min(n);
        for graph in [
            circular(n).unwrap(),
            power_law(n, &mut chance(seed)).unwrap(),
            turan(n, parts).unwrap(),
        ] {
            assert_simple(&graph);
            prop_assert_eq!(graph.node_count(), n);
            prop_assert!(graph.is_connected());
        }
    }

    #[test]
    fn side_by_side_searches_agree_with_single_ones(
        n in 2usize..600, extra in 0usize..200, seed: u64
    ) {
        let mut graph = power_law(n, &mut chance(seed)).unwrap();
        for i in 0..extra {
            graph.add_edge((i * 7) % n, (i * i + 3) % n);
        }
        let (mean, diameter) = plain_distances(&graph);
        let found = graph.distances();
        prop_assert!((found.mean - mean).abs() < 1e-9);
        prop_assert_eq!(found.diameter, diameter);
    }

    #[test]
    fn adding_and_removing_matches_a_set_of_pairs(
        steps in prop::collection::vec((0usize..8, 0usize..8, any::<bool>()), 0..80)
    ) {
        let mut graph = Graph::new(8);
        let mut pairs = std::collections::BTreeSet::new();
        for (a, b, add) in steps {
            let pair = (a.min(b), a.max(b));
            if add {
                prop_assert_eq!(graph.add_edge(a, b), a != b && pairs.insert(pair));
            } else {
                prop_assert_eq!(graph.remove_edge(a, b), pairs.remove(&pair));
            }
        }
        assert_simple(&graph);
        prop_assert!(graph.edges().eq(pairs.iter().copied()));
        prop_assert_eq!(Graph::from_edges(8, pairs), graph);
    }
}
