//! Until when a write may be sent: a lease has an end, and so has the observation that a write was checked against.

use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Which deadline a call has missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// The [`LeaseTerm`] has ended: another replica may lead, or another run has the lock.
    Lease,
    /// The observation that the call was checked against would be older than 60 s.
    Freshness,
}

impl Deadline {
    /// What happens next, for the last line of a message.
    pub(super) fn next_step(self) -> &'static str {
        match self {
            Self::Lease => "whoever has it now continues",
            Self::Freshness => "the changes are checked against another observation first",
        }
    }
}

/// As the first line of a message says it.
impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lease => "the lease has ended, and another process may write now",
            Self::Freshness => "the observation that the call was checked against would be older than 60 s",
        })
    }
}

/// Until when its holder may write. It moves on as a lease is renewed, for every writer that shares it.
#[derive(Clone, Debug)]
pub struct LeaseTerm(Arc<AtomicI64>);

impl LeaseTerm {
    /// Until then.
    pub fn until(end: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(end.as_millisecond())))
    }

    /// Moves the end.
    pub fn extend(&self, end: Timestamp) {
        self.0.store(end.as_millisecond(), Ordering::Release);
    }

    /// Ends it at once.
    pub fn end(&self) {
        self.extend(Timestamp::MIN);
    }

    /// Until when.
    pub fn ends_at(&self) -> Timestamp {
        let end = self.0.load(Ordering::Acquire);
        // The last moment of all has no millisecond of its own.
        let beyond = if end > 0 { Timestamp::MAX } else { Timestamp::MIN };
        Timestamp::from_millisecond(end).unwrap_or(beyond)
    }
}

/// The deadlines of one call. Without any it may be sent at any time.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    /// Nothing is sent later than this: what the call was checked against is too old then.
    pub(super) freshness: Option<Timestamp>,
    /// Nothing is sent after its end, wherever that is when the call is sent.
    pub(super) lease_term: Option<LeaseTerm>,
}

impl Deadlines {
    /// The deadline that a call sent now would miss.
    pub(super) fn missed_at(&self, now: Timestamp) -> Option<Deadline> {
        let Self { freshness, lease_term } = self;
        if lease_term.as_ref().is_some_and(|term| term.ends_at() < now) {
            return Some(Deadline::Lease);
        }
        freshness.is_some_and(|end| end < now).then_some(Deadline::Freshness)
    }

    /// The deadline that a call sent at that later time is certain to miss. A lease never is: it may be renewed.
    pub(super) fn certainly_missed_at(&self, later: Timestamp) -> Option<Deadline> {
        self.freshness.is_some_and(|end| end < later).then_some(Deadline::Freshness)
    }

    /// When a call that waits for its turn at `slot` checks its deadlines again: at that time, or right after the lease
    /// term unless it is renewed, so that nothing waits that may no longer be sent.
    pub(super) fn check_again_at(&self, slot: Timestamp) -> Timestamp {
        let Some(term) = &self.lease_term else { return slot };
        let after = term.ends_at().saturating_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
        slot.min(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_268_800 + second).unwrap()
    }

    #[test]
    fn a_call_on_time_misses_nothing_and_a_deadline_includes_its_last_moment() {
        assert_eq!(Deadlines::default().missed_at(Timestamp::MAX), None);
        let both = Deadlines { freshness: Some(at(60)), lease_term: Some(LeaseTerm::until(at(60))) };
        assert_eq!(both.missed_at(at(60)), None);
    }

    #[test]
    fn a_lost_lease_is_told_before_an_old_observation() {
        let term = LeaseTerm::until(at(10));
        let both = Deadlines { freshness: Some(at(5)), lease_term: Some(term.clone()) };
        assert_eq!(both.missed_at(at(7)), Some(Deadline::Freshness));
        assert_eq!(both.missed_at(at(11)), Some(Deadline::Lease));
        term.end();
        assert_eq!(both.missed_at(at(0)), Some(Deadline::Lease));
    }

    #[test]
    fn a_lease_that_may_be_renewed_is_not_missed_yet_and_is_checked_when_it_ends() {
        let term = LeaseTerm::until(at(10));
        let leased = Deadlines { freshness: None, lease_term: Some(term.clone()) };
        assert_eq!(leased.certainly_missed_at(at(30)), None);
        assert!(leased.check_again_at(at(30)) > at(10), "the end itself is still in time");
        assert_eq!(leased.check_again_at(at(5)), at(5));
        term.extend(at(40));
        assert_eq!(leased.check_again_at(at(30)), at(30));
        let checked = Deadlines { freshness: Some(at(20)), lease_term: None };
        assert_eq!(checked.certainly_missed_at(at(30)), Some(Deadline::Freshness));
        assert_eq!(checked.check_again_at(at(30)), at(30));
    }
}
