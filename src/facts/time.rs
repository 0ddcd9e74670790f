//! Points in time that never run past the last one.

use jiff::{SignedDuration, Timestamp};

/// That long after `at`, at most the end of time.
pub fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
