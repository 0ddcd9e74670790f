//! Points in time that never run past the last one, and clocks that differ.

use jiff::{SignedDuration, Timestamp};

/// That long after `at`, at most the end of time.
pub fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// A time as people write it. The last one that is kept is how *never* was read (9999-12-31), and is shown so.
pub fn written(at: Timestamp) -> String {
    if at == Timestamp::MAX { "9999-12-31T23:59:59Z".to_owned() } else { at.to_string() }
}

/// How this machine's clock compares with the platform's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockCheck {
    /// Nobody has compared them: there is no platform, or one without a clock of its own.
    #[default]
    NotCompared,
    /// No answer said what time it is there.
    NoDate,
    /// The answers contradict each other: a clock was set meanwhile, or something in between invents dates.
    Inconsistent,
    /// By so much the platform's clock is ahead; negative: behind.
    Ahead(SignedDuration),
}

impl ClockCheck {
    /// What two clocks may differ by without a word.
    pub const TOLERABLE: SignedDuration = SignedDuration::from_mins(2);

    /// The difference, where it is too large for anything that depends on the time.
    pub fn skew(self) -> Option<SignedDuration> {
        match self {
            Self::Ahead(ahead) if ahead.abs() > Self::TOLERABLE => Some(ahead),
            Self::Ahead(_) | Self::NotCompared | Self::NoDate | Self::Inconsistent => None,
        }
    }

    /// Why times are judged by this machine's clock alone.
    pub fn doubt(self) -> Option<&'static str> {
        match self {
            Self::NoDate => Some("no answer of the platform said what time it is there"),
            Self::Inconsistent => Some("the platform's answers contradict each other about the time"),
            Self::Ahead(_) | Self::NotCompared => None,
        }
    }
}
