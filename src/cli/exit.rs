//! Exit codes, the same for every verb.

use std::process::ExitCode;

/// How a verb ended. Where several hold, the first of this order wins: credentials, unreachable, refused, stale,
/// in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, nothing to do, declined, or plan shown.
    Done = 0,
    /// Anything unexpected.
    Unexpected = 1,
    /// With `--exit-code`: changes, or something blocked, manual or refused.
    Changes = 2,
    /// Invalid input or usage, or no terminal and no `--yes`.
    Invalid = 3,
    /// Refused by a guard, or another account than the pinned one.
    Refused = 4,
    /// Everything was overtaken between plan and call.
    Stale = 5,
    /// Applied in part: part failed, stale, blocked or manual, or interrupted.
    Partial = 6,
    /// Credentials or scope.
    Credentials = 7,
    /// Platform unreachable, or the rate limit over `--max-wait`.
    Unreachable = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
