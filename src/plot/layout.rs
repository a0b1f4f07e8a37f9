//! Where the nodes of a picture go.
//!
//! Small graphs stand in a circle. Larger ones are laid out so that the
//! distance on paper follows the number of links between two nodes: the terms
//! to be met come from `terms`, `stress` moves the nodes towards them, and
//! `tidy` keeps nodes off each other and off foreign links. Of several such
//! layouts of a small graph the one with the fewest crossings is taken.
//!
//! Chance is only used to shuffle, from fixed seeds of its own, so a graph
//! always looks the same. Nothing here knows colours or shapes.

mod shuffle;
mod stress;
mod terms;
mod tidy;

use std::f64::consts::TAU;

use self::shuffle::Shuffle;
use super::scene::Point;

/// How the nodes are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// A circle for up to 12 nodes, by distance for more.
    #[default]
    Auto,
    /// A circle, clockwise from the top in the order of the nodes.
    Circle,
    /// By distance: few links between two nodes bring them close together.
    Force,
}

/// Up to this many nodes a circle is the clearer picture.
const CIRCLE_NODES: usize = 12;

/// Up to this many nodes several layouts compete.
const COMPETING_NODES: usize = 80;

/// How many layouts compete.
const COMPETITORS: u64 = 16;

/// A node's radius and the side of a picture for a number of nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    pub(super) radius: f64,
    side: f64,
}

impl Sizes {
    pub(super) fn new(nodes: usize) -> Self {
        let root = (nodes.max(1) as f64).sqrt();
        // Large graphs get a larger picture, but also smaller nodes.
        let side = 400.0 + 38.0 * root;
        Self { side, radius: (0.2 * side / root).clamp(6.0, 17.0) }
    }

    /// The smallest distance between two nodes.
    fn spacing(self) -> f64 {
        3.0 * self.radius
    }
}

/// A place for each of `n` nodes, around no place in particular.
///
/// `edges` are pairs of different nodes below `n`.
pub(super) fn places(n: usize, edges: &[(usize, usize)], layout: Layout, sizes: Sizes) -> Vec<Point> {
    let circle = match layout {
        Layout::Circle => true,
        Layout::Force => n < 3,
        Layout::Auto => n <= CIRCLE_NODES,
    };
    if circle {
        return circular(n, sizes);
    }
    let terms = terms::terms(n, edges);
    if n > COMPETING_NODES {
        return by_distance(n, edges, terms, sizes, 0);
    }
    let mut best = (f64::INFINITY, Vec::new());
    for seed in 0..COMPETITORS {
        let places = by_distance(n, edges, terms.clone(), sizes, seed);
        let clutter = tidy::clutter(&places, edges, sizes.radius);
        if clutter < best.0 {
            best = (clutter, places);
        }
    }
    best.1
}

/// Clockwise from the top; two nodes side by side.
fn circular(n: usize, sizes: Sizes) -> Vec<Point> {
    let around = n as f64 * sizes.spacing() / TAU;
    let radius = around.max(sizes.side * 0.4);
    let first = if n == 2 { -TAU / 4.0 } else { 0.0 };
    (0..n)
        .map(|node| {
            let angle = first + TAU * node as f64 / n as f64;
            Point::new(angle.sin(), -angle.cos()) * radius
        })
        .collect()
}

/// One layout by distance.
fn by_distance(n: usize, edges: &[(usize, usize)], mut terms: Vec<terms::Term>, sizes: Sizes, seed: u64) -> Vec<Point> {
    let mut shuffle = Shuffle::new(seed);
    let mut places = start(n, &mut shuffle);
    stress::relax(&mut places, &mut terms, &mut shuffle);
    level(&mut places);
    order_clockwise(&mut places);
    scale(&mut places, sizes);
    tidy::separate(&mut places, edges, sizes.radius, sizes.spacing());
    places
}

/// A spiral that fills a disc evenly, in shuffled order.
fn start(n: usize, shuffle: &mut Shuffle) -> Vec<Point> {
    // Turning by the golden angle never lines up.
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    let spiral = (0..n).map(|i| {
        let angle = i as f64 * GOLDEN_ANGLE;
        Point::new(angle.cos(), angle.sin()) * (i as f64 + 0.5).sqrt()
    });
    let mut places: Vec<Point> = spiral.collect();
    shuffle.shuffle(&mut places);
    places
}

/// Turns the picture so that it is wider than high.
fn level(places: &mut [Point]) {
    let n = places.len().max(1) as f64;
    let sum = places.iter().fold(Point::default(), |sum, &p| sum + p);
    let centre = sum * (1.0 / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for place in places.iter_mut() {
        *place = *place - centre;
        xx += place.x * place.x;
        xy += place.x * place.y;
        yy += place.y * place.y;
    }
    // The direction in which the places spread most.
    let angle = f64::atan2(2.0 * xy, xx - yy) / 2.0;
    let (sin, cos) = angle.sin_cos();
    for place in places {
        *place = Point::new(place.x * cos + place.y * sin, place.y * cos - place.x * sin);
    }
}

/// Mirrors the picture if that makes the numbers run clockwise, on the whole.
fn order_clockwise(places: &mut [Point]) {
    let following = places.iter().zip(places.iter().skip(1));
    // Twice the area the numbers run around; y points down.
    let area: f64 = following.map(|(p, q)| p.x * q.y - p.y * q.x).sum();
    if area < 0.0 {
        for place in places {
            place.x = -place.x;
        }
    }
}

/// Brings the picture to its size: the wanted side, or more where that would
/// leave most nodes too close to another.
fn scale(places: &mut [Point], sizes: Sizes) {
    let (low, high) = bounds(places);
    let extent = (high.x - low.x).max(high.y - low.y).max(1e-9);
    let fitting = sizes.side / extent;
    let mut nearest = tidy::nearest_distances(places);
    nearest.sort_by(f64::total_cmp);
    let typical = nearest.get(nearest.len() * 3 / 4).copied().unwrap_or(1.0);
    let roomy = sizes.spacing() / typical.max(1e-9);
    let factor = fitting.max(roomy.min(3.0 * fitting));
    for place in places {
        *place = *place * factor;
    }
}

/// The corners of the smallest upright box around the places.
pub(super) fn bounds(places: &[Point]) -> (Point, Point) {
    let Some(&first) = places.first() else {
        return (Point::default(), Point::default());
    };
    places.iter().fold((first, first), |(low, high), place| {
        (Point::new(low.x.min(place.x), low.y.min(place.y)), Point::new(high.x.max(place.x), high.y.max(place.y)))
    })
}
