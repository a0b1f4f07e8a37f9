//! Keeps nodes readable: apart from each other and off links that are not
//! theirs.
//!
//! A layout by distance puts nodes where their distances want them, which may
//! be on top of each other. Here they are pushed apart a little, as often as
//! needed; in small graphs also away from the links of others, which would
//! otherwise seem to end at them. How cluttered a layout is can be counted, to
//! choose between several.
//!
//! Nothing here looks at distances in the graph; see `stress`.

use std::collections::HashMap;

use super::super::scene::Point;

/// How many rounds of pushing there are at most.
const ROUNDS: usize = 120;

/// Up to this many pairs of a node and a link, nodes are kept off links; with
/// more there is no free room between the links anyway.
const LINK_PAIRS: usize = 16_000;

/// What a node on a foreign link counts, in crossings.
const NODE_ON_LINK: f64 = 4.0;

/// Pushes nodes apart until any two are at least `spacing` apart, or the
/// rounds are over.
pub(super) fn separate(places: &mut [Point], edges: &[(usize, usize)], radius: f64, spacing: f64) {
    let clear_links = places.len() * edges.len() <= LINK_PAIRS;
    for _ in 0..ROUNDS {
        let mut moved = push_apart(places, spacing);
        if clear_links {
            moved |= push_off_links(places, edges, clearance(radius));
        }
        if !moved {
            return;
        }
    }
}

/// How far a node's centre should be from a foreign link.
fn clearance(radius: f64) -> f64 {
    1.45 * radius
}

/// One round of pushing pairs apart; answers whether there were any.
fn push_apart(places: &mut [Point], spacing: f64) -> bool {
    let grid = Grid::new(places, spacing);
    let mut moved = false;
    for node in 0..places.len() {
        for other in grid.around(places[node]) {
            if other <= node {
                continue;
            }
            let between = direction(places[node] - places[other], node);
            let missing = spacing - (places[node] - places[other]).length();
            if missing > 0.01 * spacing {
                // A little less than all, so that crowds settle.
                let push = between * (missing * 0.45);
                places[node] = places[node] + push;
                places[other] = places[other] - push;
                moved = true;
            }
        }
    }
    moved
}

/// One round of pushing nodes and foreign links off each other.
fn push_off_links(places: &mut [Point], edges: &[(usize, usize)], clearance: f64) -> bool {
    let mut moved = false;
    for node in 0..places.len() {
        for &(a, b) in edges {
            if node == a || node == b {
                continue;
            }
            let off = from_link(places[node], places[a], places[b]);
            let missing = clearance - off.length();
            if missing > 0.05 * clearance {
                let push = direction(off, node) * (missing * 0.3);
                places[node] = places[node] + push;
                places[a] = places[a] - push * 0.5;
                places[b] = places[b] - push * 0.5;
                moved = true;
            }
        }
    }
    moved
}

/// A step of length 1 along `step`; for a step of no length, a direction that
/// differs from node to node.
fn direction(step: Point, node: usize) -> Point {
    let length = step.length();
    if length > 1e-9 {
        return step * (1.0 / length);
    }
    let (sin, cos) = (node as f64).sin_cos();
    Point::new(cos, sin)
}

/// The step from the nearest point of the link between `a` and `b` to `place`.
fn from_link(place: Point, a: Point, b: Point) -> Point {
    let along = b - a;
    let to_place = place - a;
    let square = dot(along, along).max(1e-9);
    let part = (dot(along, to_place) / square).clamp(0.0, 1.0);
    to_place - along * part
}

/// How cluttered a layout is: its crossings, and nodes on foreign links.
pub(super) fn clutter(places: &[Point], edges: &[(usize, usize)], radius: f64) -> f64 {
    let mut crossings = 0usize;
    for (at, &(a, b)) in edges.iter().enumerate() {
        for &(c, d) in &edges[at + 1..] {
            let apart = a != c && a != d && b != c && b != d;
            let (p, q, r, s) = (places[a], places[b], places[c], places[d]);
            if apart && side(p, q, r) != side(p, q, s) && side(r, s, p) != side(r, s, q) {
                crossings += 1;
            }
        }
    }
    let mut hits = 0usize;
    for (node, &place) in places.iter().enumerate() {
        for &(a, b) in edges {
            let foreign = node != a && node != b;
            let near = 0.8 * clearance(radius);
            if foreign && from_link(place, places[a], places[b]).length() < near {
                hits += 1;
            }
        }
    }
    crossings as f64 + NODE_ON_LINK * hits as f64
}

/// On which side of the line from `a` to `b` the place is.
fn side(a: Point, b: Point, place: Point) -> bool {
    let (along, to_place) = (b - a, place - a);
    along.x * to_place.y > along.y * to_place.x
}

fn dot(a: Point, b: Point) -> f64 {
    a.x * b.x + a.y * b.y
}

/// For each place, the distance to the nearest other one; 1 for a single
/// place.
pub(super) fn nearest_distances(places: &[Point]) -> Vec<f64> {
    let (low, high) = super::bounds(places);
    let area = (high.x - low.x).max(1e-9) * (high.y - low.y).max(1e-9);
    // About two places to a cell; the search widens where there are none.
    let cell = (2.0 * area / places.len().max(1) as f64).sqrt();
    let grid = Grid::new(places, cell);
    let nearest = |(node, &place): (usize, &Point)| {
        grid.around(place)
            .filter(|&other| other != node)
            .map(|other| (places[other] - place).length())
            .fold(cell, f64::min)
    };
    places.iter().enumerate().map(nearest).collect()
}

/// Places by the square cell of a grid they are in.
struct Grid {
    cell: f64,
    cells: HashMap<(i64, i64), Vec<usize>>,
}

impl Grid {
    fn new(places: &[Point], cell: f64) -> Self {
        let mut grid = Self { cell: cell.max(1e-9), cells: HashMap::new() };
        for (node, &place) in places.iter().enumerate() {
            let at = grid.cell_of(place);
            grid.cells.entry(at).or_default().push(node);
        }
        grid
    }

    fn cell_of(&self, place: Point) -> (i64, i64) {
        let index = |length: f64| (length / self.cell).floor() as i64;
        (index(place.x), index(place.y))
    }

    /// The nodes in the cell of `place` and the eight around it, in an order
    /// that depends only on the places.
    fn around(&self, place: Point) -> impl Iterator<Item = usize> + '_ {
        let (x, y) = self.cell_of(place);
        let cells = (-1..=1).flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy)));
        cells.filter_map(|at| self.cells.get(&at)).flatten().copied()
    }
}
