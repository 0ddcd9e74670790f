//! The platform's clock, by the `Date` of its answers.

use crate::facts::ClockCheck;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;

/// How many answers are compared.
const SAMPLES: usize = 3;

/// What one answer says about the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatedAnswer {
    /// Its `Date`, in whole seconds.
    pub date: Timestamp,
    /// Nothing in between may keep an answer to POST, and one with an `Age` was kept.
    pub is_fresh: bool,
    /// When it was here, by this machine's clock.
    pub received: Timestamp,
    /// How long the call took.
    pub took: Duration,
}

/// By how much the platform's clock is ahead of this machine's, by its last answers.
#[derive(Debug, Default)]
pub(super) struct Dates {
    latest: Option<SignedDuration>,
    fresh: VecDeque<SignedDuration>,
}

impl Dates {
    /// Takes note of an answer.
    pub(super) fn note(&mut self, answer: &DatedAnswer) {
        let DatedAnswer { date, is_fresh, received, took } = answer;
        let least = date.duration_since(*received);
        self.latest = Some(least);
        if !is_fresh {
            return;
        }
        // It was written at some moment of the call and of the second that it names: what that explains is no difference.
        let took = SignedDuration::try_from(*took).unwrap_or(SignedDuration::MAX);
        let most = least.saturating_add(took).saturating_add(SignedDuration::from_secs(1));
        let skew = SignedDuration::ZERO.clamp(least, most.max(least));
        if self.fresh.len() == SAMPLES {
            self.fresh.pop_front();
        }
        self.fresh.push_back(skew);
    }

    /// By the last answer of any kind; good to about a second, and the time it took.
    pub(super) fn latest(&self) -> Option<SignedDuration> {
        self.latest
    }

    /// The median of the last three fresh answers; of fewer, what they agree on.
    pub(super) fn check(&self) -> ClockCheck {
        let mut sorted: Vec<SignedDuration> = self.fresh.iter().copied().collect();
        sorted.sort_unstable();
        let Some(median) = sorted.get(sorted.len().saturating_sub(1) / 2).copied() else {
            return ClockCheck::NoDate;
        };
        let agrees = |other: &&SignedDuration| (**other - median).abs() <= ClockCheck::TOLERABLE;
        let agreeing = sorted.iter().filter(agrees).count();
        if agreeing >= sorted.len().min(2) { ClockCheck::Ahead(median) } else { ClockCheck::Inconsistent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    /// An answer that came now, that many seconds after it was asked for, with a date that many seconds ahead.
    fn answer(seconds_off: i64, took: u64) -> DatedAnswer {
        DatedAnswer {
            date: at(seconds_off),
            is_fresh: true,
            received: at(0),
            took: Duration::from_secs(took),
        }
    }

    fn check(answers: &[DatedAnswer]) -> ClockCheck {
        let mut dates = Dates::default();
        for answer in answers {
            dates.note(answer);
        }
        dates.check()
    }

    fn differs_by(seconds: i64) -> ClockCheck {
        ClockCheck::Ahead(SignedDuration::from_secs(seconds))
    }

    #[test]
    fn what_a_slow_answer_explains_is_no_difference() {
        assert_eq!(check(&[answer(-50, 60)]), differs_by(0));
        assert_eq!(check(&[answer(-200, 60)]), differs_by(-139));
        assert_eq!(check(&[answer(200, 60)]), differs_by(200));
    }

    #[test]
    fn of_three_answers_the_middle_one_counts() {
        assert_eq!(check(&[answer(0, 0), answer(4_000, 0), answer(10, 0)]), differs_by(10));
        assert_eq!(check(&[answer(4_000, 0), answer(4_001, 0), answer(0, 0)]), differs_by(4_000));
        assert_eq!(
            check(&[answer(9, 0), answer(9, 0), answer(9, 0), answer(7, 0), answer(7, 0)]),
            differs_by(7)
        );
    }

    #[test]
    fn answers_that_contradict_each_other_say_nothing() {
        assert_eq!(check(&[answer(0, 0), answer(4_000, 0)]), ClockCheck::Inconsistent);
        assert_eq!(check(&[answer(-900, 0), answer(0, 0), answer(900, 0)]), ClockCheck::Inconsistent);
        assert_eq!(check(&[answer(0, 0), answer(100, 0)]), differs_by(0));
    }

    #[test]
    fn answers_that_may_be_kept_by_something_in_between_are_left_out() {
        let kept = DatedAnswer { is_fresh: false, ..answer(-7_200, 0) };
        let mut dates = Dates::default();
        dates.note(&kept);
        assert_eq!(dates.check(), ClockCheck::NoDate);
        assert_eq!(dates.latest(), Some(SignedDuration::from_secs(-7_200)));
        assert_eq!(check(&[kept, answer(1, 0)]), differs_by(1));
        assert_eq!(check(&[]), ClockCheck::NoDate);
    }
}
