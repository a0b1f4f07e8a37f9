//! Chance for the layout: a small generator with a fixed seed.
//!
//! A layout must not change when a library does, so it does not use the
//! generators of the `rand` crate, whose numbers may differ between versions.
//! This is the SplitMix64 generator; it is good enough to shuffle and not meant
//! for anything else.

/// A source of shuffled order.
#[derive(Debug, Clone)]
pub(super) struct Shuffle {
    state: u64,
}

impl Shuffle {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above 0.
    fn below(&mut self, end: usize) -> usize {
        // The upper half of the product is nearly uniform and needs no division.
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// Puts the items in an order by chance.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
