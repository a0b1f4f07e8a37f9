//! Time for the node: milliseconds since the process began, and their meaning on the wall.

use std::time::{Duration, Instant, SystemTime};

use jiff::fmt::temporal::DateTimePrinter;

use crate::protocol::Time;

/// What the clock shows at the beginning: later than any age that is heard of, so that what began before this process
/// did has a time as well.
const BEGINNING: Time = Time(1_000 * 366 * 86_400_000);

/// Writes times with milliseconds; an answer about all nodes of a large network has tens of thousands of them.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

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
        jiff::Timestamp::try_from(wall).map_or_else(|_| String::new(), |time| PRINTER.timestamp_to_string(&time))
    }

    /// The time of a moment on the wall; what was before the beginning becomes the beginning.
    pub fn time_of(&self, wall: SystemTime) -> Time {
        let since = wall.duration_since(self.began_wall).unwrap_or_default();
        BEGINNING.after(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_on_the_wall_have_milliseconds_and_are_utc() {
        for (milliseconds, text) in [(0, "1970-01-01T00:00:00.000Z"), (951_827_696_007, "2000-02-29T12:34:56.007Z")] {
            assert_eq!(Clock::rfc3339_of(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)), text);
        }
        let clock = Clock::start();
        let (early, late) = (clock.rfc3339(Time(0)), clock.rfc3339(clock.now()));
        assert!(early < late, "{early} {late}");
    }
}
