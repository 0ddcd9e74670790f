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
    /// Refused by a guard, an approval of an area is missing, or the account is not the one of `accountId`.
    Refused = 4,
    /// Every change was stale: the account changed between plan and call; or the policies of a saved plan changed.
    Stale = 5,
    /// Applied in part: part failed, stale, blocked or manual, or interrupted.
    Partial = 6,
    /// Credentials refused, or a scope is missing.
    Credentials = 7,
    /// Platform unreachable, or the rate limit needs more than `--max-wait`.
    Unreachable = 8,
    /// The manifests do not contain the commit that was applied last.
    Behind = 9,
    /// All that is not done was known before: it was in the outcome of an apply of an earlier commit.
    Known = 10,
    /// Another run on the account is under way.
    Locked = 11,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Unexpected,
        Self::Changes,
        Self::Invalid,
        Self::Refused,
        Self::Stale,
        Self::Partial,
        Self::Credentials,
        Self::Unreachable,
        Self::Behind,
        Self::Known,
        Self::Locked,
    ];

    /// One line for the reference page.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "Everything declared is in place, or waits only for people to accept; or the plan was shown."
            }
            Self::Unexpected => "An unexpected error.",
            Self::Changes => {
                "With `--exit-code`: changes, something blocked, manual or refused, or intolerable unmanaged facts. With `fmt --check`: a file is not formatted. With `owners codeowners --check`: the file is not fresh."
            }
            Self::Invalid => {
                "Invalid input or usage, a tampered plan, a failed test of a policy, or no terminal and no `--yes`."
            }
            Self::Refused => {
                "A guard refused, or an approval of an area is missing (`--approvals`), and nothing was sent; or the account is not the one of `accountId`, or another declaration's."
            }
            Self::Stale => {
                "Every change was stale: the account changed between plan and call; or a saved plan was made under other policies."
            }
            Self::Partial => {
                "Something declared is not in place: blocked, manual, refused, failed, stale, not sent, or interrupted; or the memory cannot be read or written. `adopt`: something is left to a person. `report`: it has gaps."
            }
            Self::Credentials => "Credentials refused, or a scope is missing.",
            Self::Unreachable => "Platform unreachable, or the rate limit needs more than `--max-wait`.",
            Self::Behind => {
                "The manifests do not contain the commit that was applied last; nothing was sent."
            }
            Self::Locked => "Another run on the account is under way, for longer than `--max-wait`.",
            Self::Known => {
                "Applied, and all that is not done was known: it was not done by an apply of an earlier commit either."
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
