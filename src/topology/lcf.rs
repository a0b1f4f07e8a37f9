//! Cubic graphs in LCF notation, and those known to have short distances.
//!
//! `[k1, k2, .. km]^r` is a ring of `m * r` nodes in which node `i` also has a
//! link, a chord, to node `i + k(i mod m)`. Such a graph looks the same after
//! turning it by `m` nodes, so the distances from `m` nodes tell all.
//!
//! The table at the end holds the patterns this program brings along. Looking
//! for more of them is done in `lcf_search`.

use super::cubic::Cubic;

/// A ring with chords that repeats after `offsets.len()` nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lcf {
    n: usize,
    offsets: Vec<usize>,
}

impl Lcf {
    /// The pattern of these offsets, from `0` to below `n`, on `n` nodes.
    ///
    /// `None` when it is not a cubic graph: the length must divide `n`, the
    /// other end of each chord must name the same chord, and no chord may be a
    /// link of the ring.
    pub(super) fn new(n: usize, offsets: Vec<usize>) -> Option<Self> {
        let period = offsets.len();
        let fits = period > 0 && n >= 4 && n.is_multiple_of(period);
        let agrees = |(class, &offset): (usize, &usize)| {
            let back = offsets[(class + offset) % period];
            (2..n - 1).contains(&offset) && offset + back == n
        };
        if fits && offsets.iter().enumerate().all(agrees) { Some(Self { n, offsets }) } else { None }
    }

    /// After how many nodes the pattern repeats.
    pub(super) fn period(&self) -> usize {
        self.offsets.len()
    }

    /// How far around the ring the chord of node `class` leads; `class` is
    /// below the period.
    pub(super) fn offset(&self, class: usize) -> usize {
        self.offsets[class]
    }

    pub(super) fn graph(&self) -> Cubic {
        let n = self.n;
        let neighbours = (0..n).map(|node| {
            let chord = (node + self.offsets[node % self.period()]) % n;
            [(node + n - 1) % n, (node + 1) % n, chord].map(|other| other as u32)
        });
        Cubic::new(neighbours.collect())
    }
}

/// The pattern in the table for `n` nodes, if there is one.
pub(super) fn known(n: usize) -> Option<Lcf> {
    let (_, offsets) = KNOWN.iter().find(|(nodes, _)| *nodes == n)?;
    Lcf::new(n, offsets.to_vec())
}

/// Patterns by their number of nodes. Those for 16, 20 and 32 nodes reach the
/// Moore bound, so no cubic graph of these sizes has shorter distances; those for
/// 64 and 256 nodes (3.766 and 5.685) are the best that long searches with this module found.
#[rustfmt::skip]
const KNOWN: &[(usize, &[usize])] = &[
    (16, &[6, 9, 6, 10, 7, 9, 10, 5, 10, 6, 7, 9, 11, 6, 7, 10]),
    (20, &[10, 13, 6, 15, 7, 10, 13, 5, 14, 7, 10, 13, 15, 4, 7, 10, 13, 16, 5, 7]),
    (32, &[23, 26, 16, 6, 10, 16, 22, 9]),
    (
        64,
        &[
            19, 39, 22, 43, 27, 46, 8, 15, 52, 30, 44, 34, 22, 50, 56, 42, 22, 30, 35, 45, 12, 22, 49, 13, 42, 33, 26, 17, 34, 8, 25, 37,
            52, 26, 42, 15, 51, 56, 42, 34, 25, 8, 14, 42, 47, 30, 21, 34, 13, 56, 49, 18, 38, 29, 20, 39, 50, 22, 31, 38, 12, 51, 30, 14,
        ],
    ),
    (256, &[76, 244, 108, 204, 180, 12, 148, 52]),
];
