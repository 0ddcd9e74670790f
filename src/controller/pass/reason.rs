//! The closed set of reasons that conditions and events carry.

use crate::facts::Mode;
use crate::kore::{Deadline, KoreError};
use crate::plan;
use std::fmt;

/// Why an object stands as it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ConditionReason {
    /// The account is as declared.
    UpToDate,
    /// Declared and sent; a person has not accepted the invitation.
    WaitingForAcceptance,
    /// Changes are being applied, or will be tried again.
    Progressing,
    /// Removals wait until nothing has been edited for a while.
    Settling,
    /// A person has to approve a `KorePlan`.
    ApprovalRequired,
    /// The account differs, and is only observed.
    Drift,
    /// `suspend` is true.
    Suspended,
    /// The platform refused a change, or it could not be read back.
    Failed,
    /// The object breaks a rule, or cannot be read.
    Invalid,
    /// An older object says the same, or something that excludes it.
    Conflict,
    /// Something it names is not declared.
    ReferenceMissing,
    /// Its namespace may not touch that.
    NotAllowed,
    /// There is no account for it, or more than one.
    AccountMissing,
    /// A name in it now means something else at the platform.
    NameMoved,
    /// The endpoint is not one this controller may talk to.
    HostNotAllowed,
    /// The Secret with the credentials is missing or incomplete.
    CredentialsMissing,
    /// The platform does not accept the credentials.
    CredentialsRejected,
    /// The app lacks a scope.
    ScopeMissing,
    /// The platform does not answer.
    Unreachable,
    /// The call budget is used up.
    RateLimited,
    /// What answered is not the Admin API.
    ProtocolError,
    /// Another tenant than `accountId` answered.
    AccountMismatch,
    /// What the plan says about it: blocked, manual or refused.
    Held(plan::Reason),
}

impl ConditionReason {
    /// Of an error that spoils a whole pass.
    pub fn of_error(error: &KoreError) -> Self {
        match error {
            KoreError::Credentials { .. } => Self::CredentialsRejected,
            KoreError::Scope { .. } => Self::ScopeMissing,
            KoreError::Unreachable { .. } => Self::Unreachable,
            KoreError::RateLimited { .. } => Self::RateLimited,
            // Nothing is wrong with the account: the new leader continues, or the next pass does.
            KoreError::DeadlinePassed { endpoint: _, which: Deadline::Lease | Deadline::Freshness } => {
                Self::Progressing
            }
            KoreError::Refused { .. } => Self::Failed,
            KoreError::Protocol { .. } => Self::ProtocolError,
        }
    }

    /// Of an entry of a plan.
    pub fn of_entry(reason: plan::Reason) -> Self {
        match reason {
            plan::Reason::WaitingForAcceptance => Self::WaitingForAcceptance,
            plan::Reason::Settling => Self::Settling,
            plan::Reason::ApprovalRequired => Self::ApprovalRequired,
            plan::Reason::AccountNotPinned => Self::AccountMismatch,
            other => Self::Held(other),
        }
    }

    /// Of an account that is not written to.
    pub fn of_mode(mode: Mode, is_suspended: bool) -> Option<Self> {
        match (is_suspended, mode) {
            (true, _) => Some(Self::Suspended),
            (false, Mode::Observe) => Some(Self::Drift),
            (false, Mode::Enforce) => None,
        }
    }
}

impl fmt::Display for ConditionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(reason) => write!(f, "{reason:?}"),
            other => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kore::Endpoint;

    #[test]
    fn a_missed_deadline_is_progress_and_not_a_used_up_budget() {
        for which in [Deadline::Lease, Deadline::Freshness] {
            let error = KoreError::DeadlinePassed { endpoint: Endpoint::UpdateUsers, which };
            assert_eq!(ConditionReason::of_error(&error), ConditionReason::Progressing);
        }
    }
}
