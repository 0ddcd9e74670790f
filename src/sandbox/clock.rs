//! The sandbox's clock: rate windows, token expiry, time stamps and invitation life all read it, so a test
//! moves an hour by one call.

use super::lock::lock;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;

/// Where the sandbox reads the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present time.
    fn now(&self) -> Timestamp;

    /// Moves the clock to `at`. Clocks that cannot be set answer `false`.
    fn set(&self, at: Timestamp) -> bool {
        let _ = at;
        false
    }
}

/// The computer's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock standing at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(Mutex::new(at))
    }

    /// Moves the clock on by `by`.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = lock(&self.0);
        *now = after(*now, by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }

    fn set(&self, at: Timestamp) -> bool {
        *lock(&self.0) = at;
        true
    }
}

/// The computer's clock plus an offset: it runs by itself and can still be moved (`--test-controls`).
#[derive(Debug, Default)]
pub struct OffsetClock(Mutex<SignedDuration>);

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let offset = *lock(&self.0);
        after(Timestamp::now(), offset)
    }

    fn set(&self, at: Timestamp) -> bool {
        *lock(&self.0) = at.duration_since(Timestamp::now());
        true
    }
}

/// That long after `at`, at most the end of time.
pub(crate) fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// A time stamp as people read it. The sandbox knows no time zone but UTC.
pub(crate) fn people(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// A time stamp the way the platform writes one: UTC, always three digits of milliseconds.
pub(crate) fn wire(at: Timestamp) -> String {
    format!("{at:.3}")
}
