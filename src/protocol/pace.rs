//! How long the answers over a link take, and how steadily: the smoothed time and its deviation of RFC 6298, section 2.
//!
//! What overtook once may have been lucky, or nearer. Where answers waver, it was lucky; where they are as regular as a
//! distance is, it will be first again. `trees.rs` chooses by that between a short way and a fast one.

use super::words::Time;

/// Parts of a millisecond that are counted.
const PARTS: i64 = 16;

/// The time of one message is compared to this precision (the G of RFC 6298): clocks count milliseconds.
const GRANULARITY_MS: u64 = 2;

/// What is known of a link's answers, in parts of a millisecond.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    mean: Option<i64>,
    deviation: i64,
}

impl Pace {
    /// A question that went at `sent` was answered at `now`. Unlike in the RFC, nothing is supposed of the first one: a link
    /// is steady until it is seen to waver.
    pub(super) fn answered(&mut self, sent: Time, now: Time) {
        // An hour is longer than any question waits.
        let took = now.since(sent).min(3_600_000) as i64 * PARTS;
        let mean = self.mean.get_or_insert(took);
        let off = took - *mean;
        self.deviation += (off.abs() - self.deviation) / 4;
        *mean += off / 8;
    }

    /// By how many milliseconds something may be late by chance.
    pub(super) fn chance_ms(&self) -> u64 {
        (4 * self.deviation / PARTS).unsigned_abs().max(GRANULARITY_MS)
    }

    /// Whether answers take now longer and now shorter, by more than an eighth.
    pub(super) fn wavers(&self) -> bool {
        self.mean.is_some_and(|mean| 8 * self.deviation >= mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: &[u64]) -> Pace {
        let mut pace = Pace::default();
        times.iter().for_each(|took| pace.answered(Time(1_000), Time(1_000 + took)));
        pace
    }

    #[test]
    fn a_distance_does_not_waver_and_a_busy_link_does() {
        let far = after(&[80; 20]);
        assert!(!far.wavers());
        assert_eq!(far.chance_ms(), GRANULARITY_MS);
        let busy = after(&[20, 100, 40, 90, 30, 60, 95, 25, 70, 45]);
        assert!(busy.wavers());
        assert!((40..200).contains(&busy.chance_ms()), "{}", busy.chance_ms());
        assert!(!Pace::default().wavers(), "nothing is known of it");
        // One late answer among many is soon forgotten.
        let once = after(&[&[80; 20][..], &[400], &[80; 30]].concat());
        assert!(!once.wavers());
    }
}
