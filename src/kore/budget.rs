//! The call budget of one account: two rolling windows over the times of past calls (kore-api 2.0).
//!
//! Pure: the time is an argument. Own code rather than a rate-limiter crate, because the usual algorithm (GCRA)
//! lets nearly twice the limit through in its first window, and two limiters can't be taken as one.

use crate::facts::{RateLimit, after};
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// The shorter window.
pub const MINUTE: SignedDuration = SignedDuration::from_secs(60);
/// The longer window.
pub const HOUR: SignedDuration = SignedDuration::from_secs(3600);

/// When calls were sent, and so when the next one may be.
///
/// Guarantee: if every call is recorded no earlier than [`Budget::next_slot`] says, no span of 60 s holds more calls
/// than the minute's limit, and no span of 3,600 s more than the hour's (spans open at one end). No other schedule
/// under the same limits sends any of the calls earlier.
#[derive(Clone, Debug)]
pub struct Budget {
    per_minute: usize,
    per_hour: usize,
    /// In order, at least the last hour's.
    sent: VecDeque<Timestamp>,
    drained_until: Timestamp,
}

impl Budget {
    /// Nothing sent yet. The reserve is left to other tools; at least one call a window remains.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            per_minute: limit.usable_per_minute() as usize,
            per_hour: limit.usable_per_hour() as usize,
            sent: VecDeque::new(),
            drained_until: Timestamp::MIN,
        }
    }

    /// The earliest time, `now` or later, at which one more call fits both windows.
    ///
    /// A send time in the future means that the machine's clock was set back; it counts as now, so that nobody
    /// waits longer than a window.
    pub fn next_slot(&self, now: Timestamp) -> Timestamp {
        self.next_slot_leaving(now, 0)
    }

    /// The same for a call that leaves so many of each hour to others. At least one call an hour remains.
    pub fn next_slot_leaving(&self, now: Timestamp, leave: usize) -> Timestamp {
        let free = |limit: usize, window: SignedDuration| {
            let oldest = self.sent.len().checked_sub(limit).and_then(|at| self.sent.get(at));
            oldest.map_or(now, |sent| after((*sent).min(now), window))
        };
        let drained = self.drained_until.min(after(now, HOUR));
        let per_hour = self.per_hour.saturating_sub(leave).max(1);
        now.max(drained).max(free(self.per_minute, MINUTE)).max(free(per_hour, HOUR))
    }

    /// How many calls could be sent from `now` up to and including `now + duration`, all leaving so many of each hour to
    /// others.
    pub fn room_within(&self, now: Timestamp, duration: SignedDuration, leave: usize) -> usize {
        let end = after(now, duration);
        let mut ahead = self.clone();
        let mut at = ahead.next_slot_leaving(now, leave);
        let mut room = 0;
        while at <= end {
            ahead.record(at);
            room += 1;
            at = ahead.next_slot_leaving(at, leave);
        }
        room
    }

    /// A call was sent.
    pub fn record(&mut self, at: Timestamp) {
        let place = self.sent.partition_point(|sent| *sent <= at);
        self.sent.insert(place, at);
        // No window depends on more than the last so many.
        while self.sent.len() > self.per_hour {
            self.sent.pop_front();
        }
    }

    /// How many calls the minute and the hour that end now have left; none while the platform refuses.
    pub fn left(&self, now: Timestamp) -> [usize; 2] {
        if self.drained_until > now {
            return [0, 0];
        }
        [(self.per_minute, MINUTE), (self.per_hour, HOUR)]
            .map(|(limit, window)| limit.saturating_sub(self.sent_after(minus(now, window)).count()))
    }

    /// When calls were sent after that time, in order.
    pub fn sent_after(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.sent.iter().copied().filter(move |sent| *sent > from)
    }

    /// The platform says that the limit is reached, whatever we counted: other tools share the account.
    /// Nothing is sent before `until`; an earlier drain that lasts longer stays.
    pub fn drain(&mut self, until: Timestamp) {
        self.drained_until = self.drained_until.max(until);
    }
}

fn minus(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_767_268_800_000 + ms).unwrap()
    }

    fn limit(per_minute: u32, per_hour: u32) -> RateLimit {
        RateLimit { per_minute, per_hour, reserve: 0, ..RateLimit::default() }
    }

    #[test]
    fn what_a_window_has_left_is_its_limit_less_what_was_sent_in_it() {
        let mut budget = Budget::new(limit(3, 5));
        for ms in [0, 1_000, 61_000] {
            budget.record(at(ms));
        }
        assert_eq!(budget.left(at(61_000)), [2, 2]);
        assert_eq!(budget.left(at(3_600_500)), [3, 3]);
        budget.drain(at(70_000));
        assert_eq!(budget.left(at(62_000)), [0, 0]);
        assert_eq!(budget.left(at(70_000)), [2, 2], "the drain is over");
    }

    /// Whether one more call at `t` keeps every window that ends at `t`: the rule itself, counted by hand.
    fn fits(sent: &[Timestamp], t: Timestamp, limit: RateLimit) -> bool {
        let within = |window| sent.iter().filter(|s| t.duration_since(**s) < window).count();
        within(MINUTE) < limit.per_minute as usize && within(HOUR) < limit.per_hour as usize
    }

    #[test]
    fn a_full_minute_waits_for_its_oldest_call_to_leave() {
        let mut budget = Budget::new(limit(3, 100));
        for ms in [0, 10_000, 20_000] {
            assert_eq!(budget.next_slot(at(ms)), at(ms));
            budget.record(at(ms));
        }
        assert_eq!(budget.next_slot(at(21_000)), at(60_000));
        assert_eq!(budget.room_within(at(21_000), SignedDuration::from_secs(50), 0), 2);
    }

    #[test]
    fn what_is_left_to_others_is_theirs() {
        let mut budget = Budget::new(limit(10, 10));
        for ms in 0..7 {
            budget.record(at(ms));
        }
        assert_eq!(budget.next_slot_leaving(at(100), 3), at(3_600_000));
        assert_eq!(budget.next_slot_leaving(at(100), 2), at(100));
        assert_eq!(budget.next_slot_leaving(at(100), 10), at(3_600_006), "one an hour remains");
        assert_eq!([0, 2, 3].map(|leave| budget.room_within(at(100), MINUTE, leave)), [3, 1, 0]);
    }

    #[test]
    fn a_full_hour_waits_although_the_minute_has_room() {
        let mut budget = Budget::new(limit(10, 12));
        let mut now = at(0);
        for _ in 0..12 {
            now = budget.next_slot(now);
            budget.record(now);
        }
        assert_eq!(now, at(60_000));
        assert_eq!(budget.next_slot(now), at(3_600_000));
        assert_eq!(budget.room_within(now, SignedDuration::from_secs(60), 0), 0);
    }

    #[test]
    fn a_drain_holds_everything_back_and_the_longer_one_wins() {
        let mut budget = Budget::new(limit(60, 1800));
        budget.drain(at(30_000));
        budget.drain(at(10_000));
        assert_eq!(budget.next_slot(at(0)), at(30_000));
        assert_eq!(budget.next_slot(at(40_000)), at(40_000));
    }

    #[test]
    fn a_clock_set_back_costs_one_window_at_most() {
        let mut budget = Budget::new(limit(1, 1800));
        budget.record(at(86_400_000));
        budget.drain(at(86_400_000));
        assert!(budget.next_slot(at(0)) <= at(3_600_000));
    }

    #[test]
    fn the_reserve_is_left_to_others() {
        let budget =
            Budget::new(RateLimit { per_minute: 60, per_hour: 1800, reserve: 6, ..RateLimit::default() });
        assert_eq!(budget.room_within(at(0), SignedDuration::ZERO, 0), 54);
        assert_eq!(budget.room_within(at(0), SignedDuration::from_secs(60), 0), 108);
    }

    /// Every schedule of up to seven calls with gaps from a small set, against the rule counted by hand.
    #[test]
    fn small_schedules_are_right_and_optimal_without_exception() {
        let gaps = [0, 1, 29_999, 60_000, 1_800_000];
        for (per_minute, per_hour) in [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5)] {
            let limit = limit(per_minute, per_hour);
            for code in 0..gaps.len().pow(6) {
                let (mut code, mut now) = (code, at(0));
                let mut budget = Budget::new(limit);
                let mut sent = Vec::new();
                for _ in 0..7 {
                    let slot = budget.next_slot(now);
                    assert!(fits(&sent, slot, limit));
                    // The earliest: a millisecond before, it would not fit.
                    assert!(slot == now || !fits(&sent, minus(slot, SignedDuration::from_millis(1)), limit));
                    budget.record(slot);
                    sent.push(slot);
                    now = after(slot, SignedDuration::from_millis(gaps[code % gaps.len()]));
                    code /= gaps.len();
                }
            }
        }
    }

    /// The earliest time of each call in any schedule that keeps both windows: all on the grid are tried.
    fn earliest(grid: &[i64], arrivals: &[i64], most: [usize; 2], sent: &mut Vec<i64>, best: &mut [i64]) {
        let Some(arrival) = arrivals.get(sent.len()) else { return };
        let from = sent.last().copied().unwrap_or(0).max(*arrival);
        for at in grid.iter().copied().filter(|at| *at >= from) {
            let within = |window| sent.iter().filter(|sent| at - **sent < window).count();
            if within(60) < most[0] && within(3_600) < most[1] {
                best[sent.len()] = best[sent.len()].min(at);
                sent.push(at);
                earliest(grid, arrivals, most, sent, best);
                sent.pop();
            }
        }
    }

    /// Five calls that come one by one, against every schedule there is for them, under both windows and the reserve.
    #[test]
    fn no_schedule_at_all_sends_any_of_the_calls_earlier() {
        let gaps = [0, 30, 3_600];
        for (per_minute, per_hour, reserve) in
            [(1, 1, 0), (1, 2, 0), (2, 2, 0), (1, 4, 0), (3, 4, 1), (5, 6, 3)]
        {
            let limit = RateLimit { reserve, ..limit(per_minute, per_hour) };
            let most = [per_minute, per_hour].map(|limit| (limit - reserve) as usize);
            for code in 0..gaps.len().pow(4) {
                let arrivals: Vec<i64> = (0..5)
                    .scan((code, 0), |(code, at), _| {
                        let arrival = *at;
                        *at += gaps[*code % gaps.len()];
                        *code /= gaps.len();
                        Some(arrival)
                    })
                    .collect();
                let mut budget = Budget::new(limit);
                let mut now = at(0);
                let ours: Vec<i64> = arrivals
                    .iter()
                    .map(|arrival| {
                        now = budget.next_slot(now.max(at(arrival * 1_000)));
                        budget.record(now);
                        now.duration_since(at(0)).as_secs()
                    })
                    .collect();
                // A schedule that wastes nothing sends at arrivals and whole windows after them, which is on the grid;
                // one that is better somewhere does it before our last call.
                let hours = 0..=ours[4] / 3_600;
                let grid: Vec<i64> = hours
                    .flat_map(|hour| (0..=12).map(move |half| hour * 3_600 + half * 30))
                    .filter(|at| *at <= ours[4])
                    .collect();
                let mut best = [i64::MAX; 5];
                earliest(&grid, &arrivals, most, &mut Vec::new(), &mut best);
                assert_eq!(ours, best, "{arrivals:?} under {most:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_schedule_keeps_both_windows_and_waits_no_longer_than_it_must(
            per_minute in 1u32..8,
            per_hour in 1u32..40,
            gaps in prop::collection::vec(0i64..400_000, 1..120),
        ) {
            let limit = limit(per_minute, per_hour);
            let mut budget = Budget::new(limit);
            let (mut sent, mut now) = (Vec::new(), at(0));
            for gap in gaps {
                let slot = budget.next_slot(now);
                prop_assert!(fits(&sent, slot, limit));
                prop_assert!(slot == now || !fits(&sent, minus(slot, SignedDuration::from_millis(1)), limit));
                budget.record(slot);
                sent.push(slot);
                now = after(slot, SignedDuration::from_millis(gap));
            }
        }

        #[test]
        fn room_is_what_a_greedy_sender_gets(
            per_minute in 1u32..6,
            per_hour in 1u32..20,
            past in prop::collection::vec(0i64..90_000, 0..30),
            seconds in 0i64..4_000,
        ) {
            let mut budget = Budget::new(limit(per_minute, per_hour));
            let mut now = at(0);
            for gap in past {
                now = budget.next_slot(after(now, SignedDuration::from_millis(gap)));
                budget.record(now);
            }
            let duration = SignedDuration::from_secs(seconds);
            let room = budget.room_within(now, duration, 0);
            let mut last = now;
            for _ in 0..room {
                last = budget.next_slot(last);
                budget.record(last);
            }
            prop_assert!(last <= after(now, duration));
            prop_assert!(budget.next_slot(last) > after(now, duration));
        }
    }
}
