//! When the account is read again. Pure.

use super::inputs::{PassInputs, PlanResult};
use super::interval;
use crate::apply::Outcome;
use jiff::{SignedDuration, Timestamp};

/// The pause before what failed is tried again.
pub(super) const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// When the account is read again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Schedule {
    /// The next pass, if nothing wakes the account before.
    pub next: Timestamp,
    /// Time between two reads while nothing happens.
    pub interval: SignedDuration,
    /// When the next grant ends by itself.
    pub expiry: Option<Timestamp>,
}

impl Schedule {
    /// After the interval, or when the next grant ends.
    pub(super) fn new(interval: SignedDuration, expiry: Option<Timestamp>, now: Timestamp) -> Self {
        let expiry = expiry.filter(|at| *at > now);
        Self { next: after(now, interval), interval, expiry }.no_later_than(expiry)
    }

    /// The same, with the next pass at that time if that is sooner.
    pub(super) fn no_later_than(self, at: Option<Timestamp>) -> Self {
        Self { next: at.map_or(self.next, |at| self.next.min(at)), ..self }
    }

    /// The same, with the next pass soon: something failed.
    pub(super) fn retrying(self, now: Timestamp) -> Self {
        self.no_later_than(Some(after(now, RETRY)))
    }
}

/// The schedule after a plan. `next_end`: when the next grant ends. Sooner where something failed, and when deferred removals may be sent.
pub(super) fn schedule(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    next_end: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    is_unrestored: bool,
) -> Schedule {
    let PassInputs { policy, world, now, .. } = inputs;
    let interval = interval::effective_interval(policy, world.calls);
    let schedule = Schedule::new(interval, next_end, now).no_later_than(settled_at);
    let is_complete = !is_unrestored && result.outcome.is_none_or(Outcome::is_complete);
    if is_complete { schedule } else { schedule.retrying(now) }
}

fn after(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_pass_is_at_whichever_comes_first() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |minutes| after(now, SignedDuration::from_mins(minutes));
        let interval = SignedDuration::from_mins(5);
        assert_eq!(Schedule::new(interval, None, now).next, at(5));
        assert_eq!(Schedule::new(interval, Some(at(3)), now).next, at(3));
        assert_eq!(Schedule::new(interval, Some(now), now), Schedule::new(interval, None, now));
        assert_eq!(Schedule::new(interval, Some(at(9)), now).retrying(now).next, at(1));
        assert_eq!(
            Schedule::new(SignedDuration::from_secs(9), None, now).retrying(now).next,
            now + SignedDuration::from_secs(9)
        );
    }
}
