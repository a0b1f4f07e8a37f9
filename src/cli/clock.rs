//! Times in the reader's own time zone, and ages in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How much of a time is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// Nothing.
    Off,
    /// Time of day.
    Time,
    /// Date and time.
    Date,
    /// Date, time and the zone's offset.
    Zone,
}

impl TimeForm {
    /// What `-t`, `-tt` and `-ttt` mean.
    pub fn of_count(count: u8) -> TimeForm {
        match count {
            0 => TimeForm::Off,
            1 => TimeForm::Time,
            2 => TimeForm::Date,
            _ => TimeForm::Zone,
        }
    }

    /// A moment as RFC 3339 text, in this form and zone; a text that is no moment stays as it is.
    pub fn show(self, moment: &str, zone: &TimeZone) -> Option<String> {
        let form = match self {
            TimeForm::Off => return None,
            TimeForm::Time => "%H:%M:%S%.3f",
            TimeForm::Date => "%Y-%m-%d %H:%M:%S%.3f",
            TimeForm::Zone => "%Y-%m-%d %H:%M:%S%.3f %:z",
        };
        let parsed: Result<Timestamp, _> = moment.parse();
        Some(match parsed {
            Ok(moment) => moment.to_zoned(zone.clone()).strftime(form).to_string(),
            Err(_) => super::plain_text::escape(moment),
        })
    }
}

/// How long ago a moment was, in one unit: `12s`, `3min`.
pub fn age(moment: &str, now: Timestamp) -> String {
    let Ok(moment) = moment.parse::<Timestamp>() else { return "?".to_owned() };
    let seconds = now.duration_since(moment).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}min", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
