//! Time for the node: milliseconds since the process began, and their meaning on the wall.

use std::time::{Duration, Instant, SystemTime};

use crate::protocol::Time;

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
        Time(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment at which `time` is reached.
    pub fn instant(&self, time: Time) -> Instant {
        self.began + Duration::from_millis(time.0)
    }

    /// `time` on the wall, as RFC 3339 text in UTC with milliseconds.
    pub fn rfc3339(&self, time: Time) -> String {
        let wall = self.began_wall.checked_add(Duration::from_millis(time.0)).unwrap_or(self.began_wall);
        jiff::Timestamp::try_from(wall).map_or_else(|_| String::new(), |t| format!("{t:.3}"))
    }

    /// The time of a moment on the wall; what was before the beginning becomes the beginning.
    pub fn time_of(&self, wall: SystemTime) -> Time {
        let since = wall.duration_since(self.began_wall).unwrap_or_default();
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
