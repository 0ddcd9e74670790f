//! Whether the call budget has room for a pass. A pass that would wait for long ends instead, with the reason.

use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::{AccountMemory, Session, interval};
use jiff::{SignedDuration, Timestamp};

/// So long a pass may wait for its first call, in minutes.
const LONGEST_WAIT: usize = 1;
/// The windows of the budget are over by then.
const HOUR: usize = 60;

/// Why a pass ends before its first call: the call budget has no room for so many calls for some time. `what` it is for.
pub(super) fn must_wait(
    session: &Session<'_>,
    calls: usize,
    what: &str,
    now: Timestamp,
) -> Option<Readiness> {
    let per_minute = session.gateway.limit().usable_per_minute() as usize;
    // Calls that no minute has room for take several, and that is no waiting.
    let least = calls.div_ceil(per_minute.max(1)).max(LONGEST_WAIT);
    let has_room = |minutes: usize| {
        let within = SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(i64::MAX));
        session.gateway.room_within(within) >= calls
    };
    if has_room(least) {
        return None;
    }
    let minutes = (least + 1..=HOUR).find(|minutes| has_room(*minutes)).unwrap_or(HOUR);
    let waits = SignedDuration::from_mins(i64::try_from(minutes - least).unwrap_or(i64::MAX));
    let until = now.saturating_add(waits).unwrap_or(Timestamp::MAX);
    let message = format!(
        "waits for the call budget until about {}: {calls} calls are needed for {what}; raise spec.rateLimit, or look \
         for another tool that uses the same account",
        until.strftime("%H:%M UTC"),
    );
    Some(Readiness::new(ConditionReason::RateLimited, message))
}

/// When everything may be read again, as far as the share of reads goes.
pub(super) fn next_full_read(memory: &AccountMemory, session: &Session<'_>, now: Timestamp) -> Timestamp {
    interval::next_read_at(&memory.full_reads, session.gateway.limit(), now)
}

/// The calls that a full read takes, as far as is known.
pub(super) fn calls_of_full_read(memory: &AccountMemory) -> usize {
    memory.full_reads.last().map_or(0, |(_, calls)| *calls as usize)
}
