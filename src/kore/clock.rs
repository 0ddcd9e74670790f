//! Time as a thing that is passed in, so that an hour of waiting takes a test no time.

use crate::facts::{LockAnyway as _, after};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;

/// Where the gateway reads the time and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Wall-clock time: the call budget outlives the process, so a monotonic clock would not do.
    fn now(&self) -> Timestamp;

    /// Returns once `now` has reached that time; at once if it has already.
    async fn sleep_until(&self, at: Timestamp);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait = at.duration_since(Timestamp::now());
        if let Ok(wait) = std::time::Duration::try_from(wait) {
            tokio::time::sleep(wait).await;
        }
    }
}

/// A clock that a sleeper moves: sleeping sets it to the time slept for, and returns. For tests and benches only.
///
/// A paused tokio clock is not enough, because it jumps while a socket waits.
#[derive(Debug)]
pub struct VirtualClock(Mutex<Timestamp>);

impl VirtualClock {
    /// Starts at that time.
    pub fn starting(at: Timestamp) -> Self {
        Self(Mutex::new(at))
    }

    /// Moves forward.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock_anyway();
        *now = after(*now, by);
    }
}

impl Default for VirtualClock {
    /// Starts at noon UTC on 1 January 2026.
    fn default() -> Self {
        Self::starting(Timestamp::from_second(1_767_268_800).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock_anyway()
    }

    async fn sleep_until(&self, at: Timestamp) {
        {
            let mut now = self.0.lock_anyway();
            *now = at.max(*now);
        }
        // Others waiting for the same time get their turn.
        tokio::task::yield_now().await;
    }
}
