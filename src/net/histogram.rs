//! Counts of small numbers in fixed buckets, for `GET /metrics`.

/// Upper bounds of the buckets, in hops.
const BOUNDS: [u64; 12] = [0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 32, 64];

/// How many values fell where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hops {
    within: [u64; BOUNDS.len()],
    sum: u64,
    count: u64,
}

impl Hops {
    pub(super) fn add(&mut self, hops: u64) {
        if let Some(bucket) = BOUNDS.iter().position(|bound| hops <= *bound) {
            self.within[bucket] += 1;
        }
        self.sum += hops;
        self.count += 1;
    }

    /// Each bound, and how many values are at or below it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        BOUNDS.iter().zip(self.within).scan(0, |total, (bound, count)| {
            *total += count;
            Some((*bound, *total))
        })
    }

    /// The sum of all values.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }
}
