//! Graphs of three neighbours per node in a form that is fast to measure.
//!
//! The search in `optimal` weighs a great many candidates. This form keeps the
//! three neighbours of a node side by side, changes a graph in place, and adds
//! up distances with one bit per search, giving up as soon as the sum cannot
//! stay within the limit any more. All work is counted, so that a search can
//! be bounded without a clock.
//!
//! Nothing here decides which candidate is kept. For graphs in general see
//! `graph` and `distance`.

use super::Graph;
use super::distance::moore_sum;

/// A graph on `0..n` in which every node has exactly three neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cubic {
    neighbours: Vec<[u32; 3]>,
}

impl Cubic {
    /// From the three neighbours of each node; both ends must agree.
    pub(super) fn new(neighbours: Vec<[u32; 3]>) -> Self {
        Self { neighbours }
    }

    /// The same graph in this form; `None` when some degree is not 3.
    pub(super) fn from_graph(graph: &Graph) -> Option<Self> {
        let neighbours = (0..graph.node_count()).map(|node| match *graph.neighbours(node) {
            [a, b, c] => Some([a as u32, b as u32, c as u32]),
            _ => None,
        });
        neighbours.collect::<Option<_>>().map(Self::new)
    }

    pub(super) fn to_graph(&self) -> Graph {
        let edges = self.neighbours.iter().enumerate();
        let edges = edges.flat_map(|(a, row)| row.iter().map(move |&b| (a, b as usize)));
        Graph::from_edges(self.neighbours.len(), edges)
    }

    pub(super) fn node_count(&self) -> usize {
        self.neighbours.len()
    }

    /// One of the three neighbours of `node`; `slot` is 0, 1 or 2.
    pub(super) fn neighbour(&self, node: usize, slot: usize) -> usize {
        self.neighbours[node][slot] as usize
    }

    pub(super) fn has_edge(&self, a: usize, b: usize) -> bool {
        self.neighbours[a].contains(&(b as u32))
    }

    /// Puts the links a-c and b-d in the place of a-b and c-d.
    ///
    /// The four nodes must differ, a-b and c-d must be links and a-c and b-d
    /// must not. `switch(a, c, b, d)` undoes it.
    pub(super) fn switch(&mut self, a: usize, b: usize, c: usize, d: usize) {
        self.replace(a, b, c);
        self.replace(b, a, d);
        self.replace(c, d, a);
        self.replace(d, c, b);
    }

    fn replace(&mut self, node: usize, old: usize, new: usize) {
        for neighbour in &mut self.neighbours[node] {
            if *neighbour == old as u32 {
                *neighbour = new as u32;
                return;
            }
        }
    }
}

/// Rows of bits, one row per node: the searches that have reached it, before
/// and after a round.
#[derive(Debug)]
struct Rows<const WORDS: usize> {
    before: Vec<[u64; WORDS]>,
    after: Vec<[u64; WORDS]>,
}

impl<const WORDS: usize> Rows<WORDS> {
    fn new(n: usize) -> Self {
        Self { before: vec![[0; WORDS]; n], after: vec![[0; WORDS]; n] }
    }

    /// One round of all searches; answers how many nodes were newly reached,
    /// counted once per search.
    fn round(&mut self, graph: &Cubic) -> u64 {
        let mut newly_reached = 0;
        for (node, after) in self.after.iter_mut().enumerate() {
            let [x, y, z] = graph.neighbours[node].map(|other| &self.before[other as usize]);
            let before = &self.before[node];
            for word in 0..WORDS {
                after[word] = before[word] | x[word] | y[word] | z[word];
                newly_reached += u64::from((after[word] ^ before[word]).count_ones());
            }
        }
        std::mem::swap(&mut self.before, &mut self.after);
        newly_reached
    }
}

/// Adds up distances in cubic graphs of one size, and counts the work.
#[derive(Debug)]
pub(super) struct Gauge {
    n: usize,
    /// The smallest sum of distances from one node that any graph can have.
    least: u64,
    /// Up to 64 searches at once.
    narrow: Rows<1>,
    /// Up to 256 searches at once.
    wide: Rows<4>,
    work: u64,
}

impl Gauge {
    /// A gauge for graphs of `n` nodes; `n` is at least 4.
    pub(super) fn new(n: usize) -> Self {
        Self { n, least: moore_sum(n, 3).unwrap_or(0), narrow: Rows::new(n), wide: Rows::new(n), work: 0 }
    }

    /// The smallest sum that the distances from `sources` nodes can have.
    pub(super) fn least(&self, sources: usize) -> u64 {
        self.least * sources as u64
    }

    /// The work of the last sum, in machine words written.
    pub(super) fn work(&self) -> u64 {
        self.work
    }

    /// The sum of the distances of all nodes from the nodes `0..sources`, or
    /// `None` when it is above `limit` or some node cannot be reached.
    pub(super) fn sum(&mut self, graph: &Cubic, sources: usize, limit: u64) -> Option<u64> {
        self.work = 0;
        let mut sum = 0;
        let mut first = 0;
        while first < sources {
            let count = (sources - first).min(256);
            // The later searches take at least this much of the limit.
            let later = self.least(sources - first - count);
            let left = limit.checked_sub(sum + later)?;
            let searches = first..first + count;
            sum += if count <= 64 {
                sum_of(&mut self.narrow, graph, searches, left, &mut self.work)?
            } else {
                sum_of(&mut self.wide, graph, searches, left, &mut self.work)?
            };
            first += count;
        }
        debug_assert!(graph.node_count() == self.n, "one gauge, one size");
        Some(sum)
    }
}

/// [`Gauge::sum`] for as many searches as fit into the rows.
fn sum_of<const WORDS: usize>(
    rows: &mut Rows<WORDS>,
    graph: &Cubic,
    searches: std::ops::Range<usize>,
    limit: u64,
    work: &mut u64,
) -> Option<u64> {
    let n = graph.node_count();
    let mut unreached = (searches.len() * (n - 1)) as u64;
    rows.before.fill([0; WORDS]);
    for (bit, source) in searches.enumerate() {
        rows.before[source][bit / 64] |= 1 << (bit % 64);
    }
    let (mut sum, mut distance) = (0, 0);
    while unreached > 0 {
        distance += 1;
        // Whatever is not reached yet is at least this far away.
        if sum + unreached * distance > limit {
            return None;
        }
        let newly_reached = rows.round(graph);
        *work += (n * WORDS) as u64;
        if newly_reached == 0 {
            return None;
        }
        sum += newly_reached * distance;
        unreached -= newly_reached;
    }
    Some(sum)
}
