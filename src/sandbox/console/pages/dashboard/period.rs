//! The time that a report is about: 24 hours by the hour, or up to 90 days by the day.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::traffic;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The furthest back (3.7).
const DAYS_MAX: i64 = 90;

/// A part of the time, in hours since 1970.
#[derive(Debug, Clone)]
pub(in crate::sandbox::console::pages) struct Bucket {
    pub(in crate::sandbox::console::pages) label: String,
    pub(in crate::sandbox::console::pages) from: i64,
    pub(in crate::sandbox::console::pages) until: i64,
}

/// What was asked for, and its parts.
#[derive(Debug)]
pub(in crate::sandbox::console::pages) struct Period {
    /// `24h`, `7d`, `90d` or `custom`.
    pub(in crate::sandbox::console::pages) word: &'static str,
    /// The ends of a custom period, as `yyyy-mm-dd`.
    pub(in crate::sandbox::console::pages) from: String,
    pub(in crate::sandbox::console::pages) to: String,
    /// What is wrong with a custom period; the last 24 hours are shown instead.
    pub(in crate::sandbox::console::pages) problem: Option<&'static str>,
    buckets: Vec<Bucket>,
}

const WORDS: [(&str, &str); 4] =
    [("24h", "24 Hours"), ("7d", "7 Days"), ("90d", "Last 90 Days"), ("custom", "Custom")];

impl Period {
    /// The period in the query.
    pub(in crate::sandbox::console::pages) fn new(admin: &AdminContext<'_>) -> Self {
        Self::parse(admin.query("period"), admin.query("from"), admin.query("to"), admin.now)
    }

    fn parse(word: &str, from: &str, to: &str, now: Timestamp) -> Self {
        let word = WORDS.iter().map(|(own, _)| *own).find(|own| *own == word).unwrap_or("24h");
        let (from, to) = (from.to_owned(), to.to_owned());
        let (buckets, problem) = match word {
            "7d" => (days_until(now, 7), None),
            "90d" => (days_until(now, DAYS_MAX), None),
            "custom" => match custom(&from, &to, now) {
                Ok(buckets) => (buckets, None),
                Err(problem) => (hours_until(now), Some(problem)),
            },
            _ => (hours_until(now), None),
        };
        Self { word, from, to, problem, buckets }
    }

    pub(in crate::sandbox::console::pages) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// What one part of it is.
    pub(in crate::sandbox::console::pages) fn part(&self) -> &'static str {
        if self.buckets.first().is_some_and(|first| first.until - first.from == 1) {
            "an hour"
        } else {
            "a day"
        }
    }

    /// Word, label, whether it is chosen.
    pub(in crate::sandbox::console::pages) fn choices(&self) -> [(&'static str, &'static str, bool); 4] {
        WORDS.map(|(word, label)| (word, label, word == self.word))
    }
}

fn label(hour: i64, format: &str) -> String {
    let at = Timestamp::from_second(hour * 3600).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

fn hours_until(now: Timestamp) -> Vec<Bucket> {
    let last = traffic::hour_of(now);
    (last - 23..=last)
        .map(|hour| Bucket { label: label(hour, "%-d %b, %H:00"), from: hour, until: hour + 1 })
        .collect()
}

/// The last `count` days, today included.
fn days_until(now: Timestamp, count: i64) -> Vec<Bucket> {
    let today = traffic::hour_of(now).div_euclid(24);
    days(today - count + 1, today, now)
}

/// Days since 1970; nothing has happened after `now`.
fn days(first: i64, last: i64, now: Timestamp) -> Vec<Bucket> {
    let end = traffic::hour_of(now) + 1;
    (first..=last)
        .map(|day| Bucket {
            label: label(day * 24, "%-d %b"),
            from: day * 24,
            until: ((day + 1) * 24).min(end).max(day * 24),
        })
        .collect()
}

fn custom(from: &str, to: &str, now: Timestamp) -> Result<Vec<Bucket>, &'static str> {
    let day = |text: &str| {
        let date: Date = text.parse().map_err(|_| "Choose both days of the custom period.")?;
        let at = date.to_zoned(TimeZone::UTC).map_err(|_| "Choose both days of the custom period.")?;
        Ok::<_, &'static str>(traffic::hour_of(at.timestamp()).div_euclid(24))
    };
    let (first, last) = (day(from)?, day(to)?);
    let oldest = now.checked_sub(SignedDuration::from_hours(24 * DAYS_MAX)).unwrap_or(now);
    if first > last || last > traffic::hour_of(now).div_euclid(24) {
        return Err("A custom period begins before it ends, and ends today at the latest.");
    }
    if first < traffic::hour_of(oldest).div_euclid(24) {
        return Err("A custom period goes back 90 days at most.");
    }
    Ok(days(first, last, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(word: &str, from: &str, to: &str) -> Period {
        Period::parse(word, from, to, "2026-03-02T09:30:00Z".parse().unwrap())
    }

    #[test]
    fn periods_end_with_the_present_hour() {
        for (word, parts, first) in [("", 24, "1 Mar, 10:00"), ("7d", 7, "24 Feb"), ("90d", 90, "3 Dec")] {
            let period = parsed(word, "", "");
            assert_eq!((period.buckets().len(), period.buckets()[0].label.as_str()), (parts, first));
            let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
            assert_eq!(period.buckets()[parts - 1].until, traffic::hour_of(now));
        }
    }

    #[test]
    fn custom_periods_are_checked() {
        assert_eq!(parsed("custom", "2026-02-27", "2026-03-01").buckets().len(), 3);
        for (from, to) in [("", "2026-03-01"), ("x", "y")] {
            assert_eq!(parsed("custom", from, to).problem, Some("Choose both days of the custom period."));
        }
        for (from, to) in [("2026-03-02", "2026-03-01"), ("2026-03-01", "2026-03-03")] {
            assert!(parsed("custom", from, to).problem.unwrap().contains("begins before it ends"));
        }
        let long = parsed("custom", "2025-11-01", "2026-03-01");
        assert!(long.problem.unwrap().contains("90 days") && long.buckets().len() == 24);
    }
}
