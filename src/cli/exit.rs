//! Exit codes, the same for every verb.

use std::process::ExitCode;

/// How a verb ended. Where several apply, the first of this order wins: credentials, unreachable, refused, stale,
/// in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, nothing to do, declined, or plan shown.
    Done = 0,
    /// An unexpected error.
    Unexpected = 1,
    /// With `--exit-code`: changes, or something blocked, manual or refused.
    Changes = 2,
    /// Invalid input or usage, or no terminal and no `--yes`.
    Invalid = 3,
    /// Refused by a guard, or the account is not the one of `accountId`.
    Refused = 4,
    /// Every change was stale: the account changed between plan and call.
    Stale = 5,
    /// Applied in part: part failed, stale, blocked or manual, or interrupted.
    Partial = 6,
    /// Credentials refused, or a scope is missing.
    Credentials = 7,
    /// Platform unreachable, or the rate limit needs more than `--max-wait`.
    Unreachable = 8,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Unexpected,
        Self::Changes,
        Self::Invalid,
        Self::Refused,
        Self::Stale,
        Self::Partial,
        Self::Credentials,
        Self::Unreachable,
    ];

    /// One line for the reference page.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Done, nothing to do, declined, or plan shown.",
            Self::Unexpected => "An unexpected error.",
            Self::Changes => "With `--exit-code`: changes, or something blocked, manual or refused.",
            Self::Invalid => "Invalid input or usage, a tampered plan, or no terminal and no `--yes`.",
            Self::Refused => "Refused by a guard, or the account is not the one of `accountId`.",
            Self::Stale => "Every change was stale: the account changed between plan and call.",
            Self::Partial => "Applied in part: part failed, stale, blocked or manual, or interrupted.",
            Self::Credentials => "Credentials refused, or a scope is missing.",
            Self::Unreachable => "Platform unreachable, or the rate limit needs more than `--max-wait`.",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
