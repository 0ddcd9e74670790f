//! How often an account is read, and what that costs. Pure.

use crate::facts::{Policy, RateLimit};
use crate::manifest::kinds::status::CallStatus;
use jiff::{SignedDuration, Timestamp};

/// The usual time between polls of the audit log.
pub(in crate::controller) const AUDIT_POLL_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

const HOUR: u32 = 3_600;

/// The declared interval, or a longer one at which reads and polls stay under their share of the hourly call budget.
pub(super) fn effective_interval(policy: &Policy, calls_per_read: u32) -> SignedDuration {
    let share = u64::from(reads_allowed(policy.rate));
    let left = share.saturating_sub(u64::from(polls_per_hour())).max(1);
    let seconds = (u64::from(calls_per_read) * u64::from(HOUR)).div_ceil(left);
    policy.interval.max(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// When everything may be read again, by what full reads have taken in the last hour: from `now` on, as soon as one more
/// stays under their share. One read an hour is always possible.
pub(super) fn next_read_at(reads: &[(Timestamp, u32)], rate: RateLimit, now: Timestamp) -> Timestamp {
    let hour = SignedDuration::from_secs(i64::from(HOUR));
    let left = u64::from(reads_allowed(rate)).saturating_sub(u64::from(polls_per_hour()));
    let Some((_, needed)) = reads.last() else { return now };
    let begins = |at: Timestamp| at.saturating_add(hour).unwrap_or(Timestamp::MAX);
    let fits = |at: Timestamp| {
        let taken: u64 =
            reads.iter().filter(|(read, _)| begins(*read) > at).map(|(_, calls)| u64::from(*calls)).sum();
        taken == 0 || taken + u64::from(*needed) <= left
    };
    let ends = reads.iter().map(|(read, _)| begins(*read)).filter(|at| *at > now);
    std::iter::once(now).chain(ends).find(|at| fits(*at)).unwrap_or(now)
}

/// A tenth of the hour is left to what must not be late: ends, and removals that are asked for by name.
pub(super) fn left_to_urgent(rate: RateLimit) -> usize {
    rate.usable_per_hour() as usize / 10
}

/// The calls that reads take at that interval, for the status of the account.
pub(super) fn calls(policy: &Policy, calls_per_read: u32, interval: SignedDuration) -> CallStatus {
    let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX).max(1);
    let reads = (u64::from(calls_per_read) * u64::from(HOUR)).div_ceil(u64::from(seconds));
    let reads_per_hour = u32::try_from(reads).unwrap_or(u32::MAX).saturating_add(polls_per_hour());
    CallStatus {
        per_read: calls_per_read,
        reads_per_hour,
        left_per_hour: policy.rate.usable_per_hour().saturating_sub(reads_per_hour),
    }
}

fn reads_allowed(rate: RateLimit) -> u32 {
    rate.usable_per_hour() * rate.read_share.min(100) / 100
}

fn polls_per_hour() -> u32 {
    HOUR / u32::try_from(AUDIT_POLL_INTERVAL.as_secs()).unwrap_or(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_reads_wait_for_their_share_of_the_hour() {
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let rate = Policy::default().rate;
        let next = |reads: &[(Timestamp, u32)], now| next_read_at(reads, rate, now);
        assert_eq!(next(&[], at(0)), at(0));
        assert_eq!(next(&[(at(0), 2_000)], at(1)), at(60), "one is always possible");
        let three = [(at(0), 221), (at(1), 221), (at(2), 221)];
        assert_eq!(next(&three[..2], at(2)), at(2));
        // 837 calls an hour are theirs.
        assert_eq!(next(&three, at(3)), at(60));
        assert_eq!(next(&three, at(61)), at(61));
        assert_eq!(left_to_urgent(rate), 179);
    }

    #[test]
    fn reads_of_a_large_account_are_spread_over_their_share_of_the_hour() {
        let policy = Policy::default();
        assert_eq!(effective_interval(&policy, 32), SignedDuration::from_mins(5));
        // 1,794 usable calls an hour, half of them for reads, 60 of those for the audit log.
        assert_eq!(effective_interval(&policy, 221), SignedDuration::from_secs(951));
        let cost = calls(&policy, 221, SignedDuration::from_secs(951));
        assert_eq!(cost, CallStatus { per_read: 221, reads_per_hour: 897, left_per_hour: 897 });
    }
}
