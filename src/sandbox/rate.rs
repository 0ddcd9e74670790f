//! The rate limit: two rolling windows, 60 s and 3,600 s, both checked before a call is served.

use super::error::SandboxError;
use super::lock::lock;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

/// How many calls the sandbox serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// As many as come.
    Off,
    /// At most so many in any 60 s and any 3,600 s.
    Windows {
        /// Calls in any 60 s.
        per_minute: usize,
        /// Calls in any 3,600 s.
        per_hour: usize,
    },
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::Windows { per_minute: 60, per_hour: 1800 }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Windows { per_minute, per_hour } => write!(f, "{per_minute}/m,{per_hour}/h"),
        }
    }
}

impl FromStr for RateLimit {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || SandboxError::BadRateLimit(text.to_owned());
        if text.trim() == "off" {
            return Ok(Self::Off);
        }
        let (mut per_minute, mut per_hour) = (usize::MAX, usize::MAX);
        for part in text.split(',') {
            let (count, unit) = part.trim().split_once('/').ok_or_else(bad)?;
            let count: usize = count.trim().parse().map_err(|_| bad())?;
            match unit.trim() {
                "m" => per_minute = count,
                "h" => per_hour = count,
                _ => return Err(bad()),
            }
        }
        Ok(Self::Windows { per_minute, per_hour })
    }
}

/// Which window refused a call, and when it has room again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Whether it was the hour's window.
    pub(crate) hourly: bool,
    /// Whole seconds until a call would be served.
    pub(crate) retry_after: i64,
}

/// What a call is counted against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Budget {
    /// One account, all endpoints together or one of them (a dialect switch).
    Account {
        /// The account's id.
        account: String,
        /// The endpoint, when each has a budget of its own.
        endpoint: Option<&'static str>,
    },
    /// One bot.
    Bot(String),
    /// One request or publish job.
    Job(String),
}

/// The calls of the last hour, per budget.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<HashMap<Budget, VecDeque<Timestamp>>>);

impl Windows {
    /// Counts a call at `now`, or says which window is full. `count_refused` makes refused calls count too.
    pub(crate) fn admit(
        &self,
        budget: Budget,
        limit: RateLimit,
        now: Timestamp,
        count_refused: bool,
    ) -> Result<(), Exceeded> {
        let RateLimit::Windows { per_minute, per_hour } = limit else { return Ok(()) };
        let mut windows = lock(&self.0);
        let calls = windows.entry(budget).or_default();
        let age = |at: &Timestamp| now.duration_since(*at);
        while calls.front().is_some_and(|at| age(at) >= HOUR) {
            calls.pop_front();
        }
        let in_minute = calls.iter().rev().take_while(|at| age(at) < MINUTE).count();
        // The hour is looked at first: once it is spent, room in the minute does not help.
        let refusal = if calls.len() >= per_hour {
            Some((true, HOUR, per_hour))
        } else if in_minute >= per_minute {
            Some((false, MINUTE, per_minute))
        } else {
            None
        };
        let Some((hourly, window, allowed)) = refusal else {
            calls.push_back(now);
            return Ok(());
        };
        if count_refused {
            calls.push_back(now);
        }
        // Room comes when the call that is `allowed` back from the newest leaves the window.
        let blocking = calls.len().checked_sub(allowed.max(1)).and_then(|index| calls.get(index));
        let wait = blocking.map_or(window, |at| window - age(at));
        Err(Exceeded { hourly, retry_after: seconds_up(wait) })
    }
}

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const HOUR: SignedDuration = SignedDuration::from_secs(3600);

fn seconds_up(wait: SignedDuration) -> i64 {
    (wait.as_secs() + i64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn account() -> Budget {
        Budget::Account { account: "a".into(), endpoint: None }
    }

    #[test]
    fn minute_window_rolls() {
        let windows = Windows::default();
        let limit = RateLimit::Windows { per_minute: 2, per_hour: 100 };
        assert!(windows.admit(account(), limit, at(0), false).is_ok());
        assert!(windows.admit(account(), limit, at(30), false).is_ok());
        let refused = windows.admit(account(), limit, at(31), false).unwrap_err();
        assert_eq!(refused, Exceeded { hourly: false, retry_after: 29 });
        assert!(windows.admit(account(), limit, at(60), false).is_ok());
        assert!(windows.admit(account(), limit, at(61), false).is_err());
    }

    #[test]
    fn spent_hour_refuses_though_the_minute_has_room() {
        let windows = Windows::default();
        let limit = RateLimit::Windows { per_minute: 2, per_hour: 3 };
        for second in [0, 100, 200] {
            assert!(windows.admit(account(), limit, at(second), false).is_ok());
        }
        let refused = windows.admit(account(), limit, at(1000), false).unwrap_err();
        assert_eq!(refused, Exceeded { hourly: true, retry_after: 2600 });
        assert!(windows.admit(account(), limit, at(3600), false).is_ok());
    }

    #[test]
    fn limits_are_read_as_written() {
        assert_eq!("off".parse::<RateLimit>().unwrap(), RateLimit::Off);
        assert_eq!("60/m,1800/h".parse::<RateLimit>().unwrap(), RateLimit::default());
        assert!("60 a minute".parse::<RateLimit>().is_err());
    }
}
