//! When adopted grants end: those of high or critical risk end by themselves, unless a person decides otherwise.

use crate::cli::CliError;
use crate::plan::{Drift, RiskLevel};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How long a single one lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// With more than these, a person decides.
const MOST: usize = 10;

/// The end of grants of high or critical risk, and why they are there.
#[derive(Debug)]
pub(super) struct Ends {
    until: Option<Timestamp>,
    reason: String,
}

impl Ends {
    pub(super) fn new(
        is_permanent: bool,
        until: Option<Timestamp>,
        found: &[Drift],
        adopted: &[bool],
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let risky =
            found.iter().zip(adopted).filter(|(drift, is_adopted)| **is_adopted && is_risky(drift)).count();
        if risky > MOST && !is_permanent && until.is_none() {
            return Err(CliError::AdoptEnds { risky, most: MOST });
        }
        if let Some(past) = until.filter(|until| *until <= now) {
            return Err(CliError::AdoptPast { until: past.to_string() });
        }
        let seconds = Timestamp::from_second((now + LASTS).as_second()).unwrap_or(now + LASTS);
        let until = if is_permanent { None } else { Some(until.unwrap_or(seconds)) };
        let reason = format!("found in the account on {}, not declared", now.strftime("%Y-%m-%d"));
        Ok(Self { until, reason })
    }

    /// The end and the reason of one.
    pub(super) fn end_and_reason(&self, drift: &Drift) -> (Option<Timestamp>, Option<String>) {
        if is_risky(drift) { (self.until, Some(self.reason.clone())) } else { (None, None) }
    }
}

fn is_risky(drift: &Drift) -> bool {
    drift.is_grant() && drift.risk.level >= RiskLevel::High
}

/// A timestamp, or a day, which is included.
pub(super) fn date(text: &str) -> Result<Timestamp, String> {
    if let Ok(until) = text.parse::<Timestamp>() {
        return Ok(until);
    }
    // A time without an offset is no day.
    let day = text.parse::<Date>().ok().filter(|_| !text.contains(['T', 't', ' ']));
    let day = day.and_then(|day| day.tomorrow().ok());
    let midnight = day.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    midnight
        .map(|zoned| zoned.timestamp())
        .ok_or_else(|| "a date or a timestamp: 2026-12-31, 2026-12-31T18:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_day_is_included_and_what_is_no_date_is_refused() {
        assert_eq!(date("2026-12-31").unwrap().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(date("2026-12-31T18:00:00Z").unwrap().to_string(), "2026-12-31T18:00:00Z");
        for text in ["tomorrow", "2026-13-01", "2026-12-31T18:00", ""] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
