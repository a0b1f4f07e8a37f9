//! Coded symbols of a set of fingerprints: the comparison whose cost follows the difference.
//!
//! A rateless invertible Bloom lookup table (Yang, Gilad and Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM
//! 2024). Each fingerprint is added to an endless, thinning sequence of symbols that only the fingerprint decides. Two
//! sequences subtract symbol by symbol; what is common vanishes, and about 1.35 symbols per differing fingerprint are
//! enough to peel the rest apart. Range-based comparison was the alternative: it needs a round trip per level of its
//! tree, and a list per differing leaf, where this needs one or two requests of known size.
//!
//! Nothing here knows what a fingerprint stands for; `repair.rs` does.

use super::fingerprint::{Fingerprint, mix};

/// Bytes of one symbol on the wire: sum, check, count.
pub const SYMBOL_BYTES: usize = 14;

/// Symbols that a large difference needs for each of its items.
const SYMBOLS_PER_ITEM: f64 = 1.35;

/// An estimate from the first symbols is within a quarter or so of the truth; this much more covers nearly all.
const ESTIMATE_MARGIN: f64 = 1.5;

/// Small differences need more symbols per item than large ones.
const SPARE_SYMBOLS: usize = 16;

/// The sum, check sum and count of the fingerprints that fall on one place of the sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Symbol {
    sum: u64,
    check: u32,
    count: i16,
}

fn check_of(fingerprint: Fingerprint) -> u32 {
    (mix(3, fingerprint) >> 32) as u32
}

impl Symbol {
    fn toggle(&mut self, fingerprint: Fingerprint, count: i16) {
        self.sum ^= fingerprint;
        self.check ^= check_of(fingerprint);
        self.count = self.count.wrapping_add(count);
    }

    /// The one fingerprint that this symbol consists of, if it is one.
    fn single(&self) -> Option<Fingerprint> {
        (matches!(self.count, 1 | -1) && check_of(self.sum) == self.check).then_some(self.sum)
    }
}

/// The places on which one fingerprint falls: the first always, later ones ever more rarely, place i with probability
/// 1/(1 + i/2).
struct Places {
    state: u64,
    next: u64,
}

impl Places {
    fn of(fingerprint: Fingerprint) -> Places {
        Places { state: mix(4, fingerprint), next: 0 }
    }
}

impl Iterator for Places {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let place = self.next;
        self.state = mix(5, self.state);
        // Inverse of the distribution of the gap behind `place`, for a uniform number in (0, 1]; square roots are exactly
        // rounded (IEEE 754), so every machine computes the same gap.
        let uniform = ((self.state >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let gap = ((place as f64 + 1.5) * (1.0 / uniform.sqrt() - 1.0)).ceil().max(1.0);
        self.next = place.saturating_add(gap as u64);
        Some(place)
    }
}

/// The first so many coded symbols of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    symbols: Vec<Symbol>,
}

/// What a comparison found: fingerprints that only one side holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Held by the set that was subtracted from.
    pub only_left: Vec<Fingerprint>,
    /// Held by the subtracted set.
    pub only_right: Vec<Fingerprint>,
}

impl Sketch {
    /// The first `length` symbols of `set`.
    pub fn new(length: usize, set: impl IntoIterator<Item = Fingerprint>) -> Sketch {
        let mut sketch = Sketch { symbols: vec![Symbol::default(); length] };
        for fingerprint in set {
            sketch.toggle(fingerprint, 1);
        }
        sketch
    }

    /// Number of symbols.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether it has no symbol, which compares nothing.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    fn toggle(&mut self, fingerprint: Fingerprint, count: i16) {
        for place in Places::of(fingerprint) {
            let Some(symbol) = usize::try_from(place).ok().and_then(|place| self.symbols.get_mut(place)) else { break };
            symbol.toggle(fingerprint, count);
        }
    }

    /// Bytes for the wire, [`SYMBOL_BYTES`] each.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.symbols.len() * SYMBOL_BYTES);
        for symbol in &self.symbols {
            bytes.extend_from_slice(&symbol.sum.to_le_bytes());
            bytes.extend_from_slice(&symbol.check.to_le_bytes());
            bytes.extend_from_slice(&symbol.count.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Sketch::to_bytes`] wrote; `None` if the length does not fit.
    pub fn from_bytes(bytes: &[u8]) -> Option<Sketch> {
        let (chunks, rest) = bytes.as_chunks::<SYMBOL_BYTES>();
        if !rest.is_empty() {
            return None;
        }
        let symbols = chunks
            .iter()
            .map(|c| Symbol {
                sum: u64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]),
                check: u32::from_le_bytes([c[8], c[9], c[10], c[11]]),
                count: i16::from_le_bytes([c[12], c[13]]),
            })
            .collect();
        Some(Sketch { symbols })
    }

    fn subtract(&mut self, right: &Sketch) {
        self.symbols.truncate(right.symbols.len());
        for (mine, other) in self.symbols.iter_mut().zip(&right.symbols) {
            mine.sum ^= other.sum;
            mine.check ^= other.check;
            mine.count = mine.count.wrapping_sub(other.count);
        }
    }

    /// How many symbols would suffice to peel the difference to `right` apart, most of the time.
    ///
    /// Place 0 counts how many more items one side holds. By how much the further counts depart from their shares of that
    /// tells how many items differ: each adds or takes one at place i with probability p = 1/(1 + i/2), and so p(1 - p) to
    /// the variance.
    pub fn enough_for(mut self, right: &Sketch) -> usize {
        self.subtract(right);
        let surplus = self.symbols.first().map_or(0.0, |symbol| f64::from(symbol.count));
        let (mut departed, mut share) = (0.0, 0.0);
        for (place, symbol) in self.symbols.iter().enumerate().skip(1) {
            let chance = 1.0 / (1.0 + place as f64 / 2.0);
            departed += (f64::from(symbol.count) - surplus * chance).powi(2);
            share += chance * (1.0 - chance);
        }
        let differing = if share > 0.0 { (departed / share).max(surplus.abs()) } else { surplus.abs() };
        (SYMBOLS_PER_ITEM * ESTIMATE_MARGIN * differing).ceil() as usize + SPARE_SYMBOLS
    }

    /// Subtracts `right` and peels the difference apart. `None` when there were too few symbols for it.
    pub fn difference(mut self, right: &Sketch) -> Option<Difference> {
        self.subtract(right);
        let length = self.symbols.len();
        let mut found = Difference::default();
        let mut ready: Vec<usize> = (0..length).rev().collect();
        while let Some(place) = ready.pop() {
            let symbol = self.symbols[place];
            let Some(fingerprint) = symbol.single() else { continue };
            // A hostile sequence could feed peeling for ever; an honest one never yields more items than symbols.
            if found.only_left.len() + found.only_right.len() >= length {
                return None;
            }
            let side = if symbol.count > 0 { &mut found.only_left } else { &mut found.only_right };
            side.push(fingerprint);
            for place in Places::of(fingerprint) {
                let Some(place) = usize::try_from(place).ok().filter(|place| *place < length) else { break };
                self.symbols[place].toggle(fingerprint, -symbol.count);
                ready.push(place);
            }
        }
        // Each fingerprint falls on place 0, so an empty place 0 means that nothing is left.
        (length > 0 && self.symbols.iter().all(|symbol| *symbol == Symbol::default())).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn set(seed: u64, size: u64) -> BTreeSet<u64> {
        // Mixed twice, as one small number mixed with another may give the same as two others.
        (0..size).map(|i| mix(mix(9, seed), i)).collect()
    }

    fn compare(left: &BTreeSet<u64>, right: &BTreeSet<u64>, length: usize) -> Option<(BTreeSet<u64>, BTreeSet<u64>)> {
        let right = Sketch::from_bytes(&Sketch::new(length, right.iter().copied()).to_bytes()).unwrap();
        let found = Sketch::new(length, left.iter().copied()).difference(&right)?;
        Some((found.only_left.into_iter().collect(), found.only_right.into_iter().collect()))
    }

    #[test]
    fn finds_exactly_the_difference() {
        for (common, only_left, only_right, length) in
            [(10_000, 0, 0, 1), (10_000, 1, 0, 16), (5_000, 20, 30, 128), (0, 300, 300, 1_200), (9, 0, 400, 800)]
        {
            let (left, right) = (set(1, only_left), set(2, only_right));
            let shared = set(3, common);
            let found = compare(&(&left | &shared), &(&right | &shared), length);
            assert_eq!(found, Some((left, right)), "{common} common, {only_left} and {only_right} not");
        }
    }

    #[test]
    fn says_when_the_symbols_do_not_suffice() {
        assert_eq!(compare(&set(1, 100), &set(2, 100), 32), None);
        assert_eq!(compare(&set(1, 1), &set(1, 1), 0), None);
    }

    #[test]
    fn about_one_and_a_third_symbols_per_difference_suffice() {
        let trials = 50;
        let decoded = (0..trials).filter(|t| compare(&set(*t, 1_000), &set(0x100 + t, 1_000), 3_000).is_some()).count();
        assert_eq!(decoded, trials as usize);
        let (mut least, left, right) = (2_000, set(7, 1_000), set(8, 1_000));
        while compare(&left, &right, least).is_none() {
            least += 50;
        }
        assert!(least <= 3_000, "{least} symbols for 2,000 differences");
    }

    #[test]
    fn a_few_symbols_tell_how_many_would_suffice() {
        for (left, right, common) in [(50, 50, 1_000), (500, 500, 9_000), (1_000, 0, 500), (0, 400, 5_000)] {
            let trials = 40;
            let mut decoded = 0;
            for trial in 0..trials {
                let shared = set(3 * trial, common);
                let (left, right) = (&set(3 * trial + 1, left) | &shared, &set(3 * trial + 2, right) | &shared);
                let few = |set: &BTreeSet<u64>| Sketch::new(32, set.iter().copied());
                let length = few(&left).enough_for(&few(&right));
                assert!(length < 6_000, "{length} symbols");
                decoded += u64::from(compare(&left, &right, length).is_some());
            }
            assert!(decoded * 10 >= trials * 8, "{decoded} of {trials} times for {left} and {right}");
        }
        let full = Sketch::new(32, set(1, 100));
        assert!(full.clone().enough_for(&Sketch::new(0, [])) > 0 && full.clone().enough_for(&full) > 0);
    }

    #[test]
    fn a_hostile_sequence_ends() {
        // Symbols that peel into each other without end if nothing bounds them.
        let bytes: Vec<u8> = (0..200 * SYMBOL_BYTES).map(|i| (i * 7 % 251) as u8).collect();
        let right = Sketch::from_bytes(&bytes).unwrap();
        assert_eq!(Sketch::new(200, set(1, 50)).difference(&right), None);
        assert_eq!(Sketch::from_bytes(&bytes[1..]), None);
    }
}
