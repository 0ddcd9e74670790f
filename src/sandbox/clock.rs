//! The sandbox's clock: rate windows, token expiry, time stamps and invitation life all read it, so a test
//! moves an hour by one call.

use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

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
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Timestamp) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
        true
    }
}

/// The computer's clock plus an offset: it runs by itself and can still be moved (`--test-controls`).
#[derive(Debug, Default)]
pub struct OffsetClock(Mutex<SignedDuration>);

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let offset = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Timestamp::now().checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    fn set(&self, at: Timestamp) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at.duration_since(Timestamp::now());
        true
    }
}

/// A time stamp as people read it. The sandbox knows no time zone but UTC.
pub(crate) fn people(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// A time stamp the way the platform writes one: UTC, always three digits of milliseconds.
pub(crate) fn wire(at: Timestamp) -> String {
    format!("{at:.3}")
}
