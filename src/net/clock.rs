//! Time for the node: milliseconds since the process began, and their meaning on the wall.

use std::time::{Duration, Instant, SystemTime};

use crate::protocol::Time;

/// What the clock shows at the beginning: later than any age that is heard of, so that what began before this process
/// did has a time as well.
const BEGINNING: Time = Time(1_000 * 366 * 86_400_000);

/// The first second of the year 10000, since 1970.
const FOUR_DIGITS: u64 = 253_402_300_800;

/// Measures from one moment on; wall time is only for display, so a clock that is set back disturbs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    began_wall: SystemTime,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Clock {
        Clock { began: Instant::now(), began_wall: SystemTime::now() }
    }

    /// The time since the beginning.
    pub fn now(&self) -> Time {
        BEGINNING.after(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// What to add to a time of this clock for milliseconds since 1970.
    pub fn epoch_ms(&self) -> i64 {
        let since = self.began_wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        wall.saturating_sub(i64::try_from(BEGINNING.0).unwrap_or(i64::MAX))
    }

    /// The moment at which `time` is reached.
    pub fn instant(&self, time: Time) -> Instant {
        self.began + Duration::from_millis(time.since(BEGINNING))
    }

    /// `time` on the wall, as RFC 3339 text in UTC with milliseconds.
    pub fn rfc3339(&self, time: Time) -> String {
        let began = self.began_wall;
        let wall = began + Duration::from_millis(time.since(BEGINNING)) - Duration::from_millis(BEGINNING.since(time));
        Clock::rfc3339_of(wall)
    }

    /// A moment on the wall, as RFC 3339 text in UTC with milliseconds.
    pub fn rfc3339_of(wall: SystemTime) -> String {
        match wall.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) if since.as_secs() < FOUR_DIGITS => rfc3339(since.as_secs(), since.subsec_millis()),
            _ => jiff::Timestamp::try_from(wall).map_or_else(|_| String::new(), |t| format!("{t:.3}")),
        }
    }

    /// The time of a moment on the wall; what was before the beginning becomes the beginning.
    pub fn time_of(&self, wall: SystemTime) -> Time {
        let since = wall.duration_since(self.began_wall).unwrap_or_default();
        BEGINNING.after(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Seconds since 1970, before the year 10000, as a date and a time of day: an answer about all nodes of a large network has
/// tens of thousands of them.
fn rfc3339(seconds: u64, milliseconds: u32) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is the last of one; an era has 400 years of 146,097 days
    // (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);

    let mut text = String::with_capacity("1970-01-01T00:00:00.000Z".len());
    let mut number = |value: u64, digits: u32, end: char| {
        for place in (0..digits).rev() {
            text.push(char::from(b'0' + (value / 10_u64.pow(place) % 10) as u8));
        }
        text.push(end);
    };
    number(year, 4, '-');
    number(month, 2, '-');
    number(day, 2, 'T');
    number(second / 3_600, 2, ':');
    number(second / 60 % 60, 2, ':');
    number(second % 60, 2, '.');
    number(milliseconds.into(), 3, 'Z');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The library's times end some hours before the year 10000.
    const LIBRARY_ENDS: u64 = FOUR_DIGITS - 2 * 86_400;

    fn same_as_the_library(wall: SystemTime) {
        let expected = format!("{:.3}", jiff::Timestamp::try_from(wall).unwrap());
        assert_eq!(Clock::rfc3339_of(wall), expected);
    }

    #[test]
    fn ends_of_years_months_and_days_are_where_they_belong() {
        let leap_days = [68_169_600, 951_782_400, 4_107_542_400, 13_574_563_200];
        for second in leap_days.into_iter().chain([0, 1, 86_400, 1_798_761_600, LIBRARY_ENDS]) {
            for near in [second, second + 86_399, second + 86_400, second.saturating_sub(1)] {
                same_as_the_library(SystemTime::UNIX_EPOCH + Duration::from_secs(near.min(LIBRARY_ENDS)));
            }
        }
        assert_eq!(rfc3339(951_827_696, 7), "2000-02-29T12:34:56.007Z");
    }

    proptest! {
        #[test]
        fn every_moment_reads_as_the_library_says(milliseconds in 0..LIBRARY_ENDS * 1_000) {
            same_as_the_library(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds));
        }
    }
}
