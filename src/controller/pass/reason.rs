//! The closed set of reasons that conditions and events carry.

use crate::facts::Mode;
use crate::kore::{Deadline, KoreError};
use crate::manifest::Code;
use crate::plan;
use std::fmt;

/// Why an object is ready, or is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ConditionReason {
    /// The account is as declared.
    UpToDate,
    /// Declared and sent; an invitation has not been accepted.
    WaitingForAcceptance,
    /// Changes are being applied, or will be tried again.
    Progressing,
    /// Removals wait until nothing has been edited for a while.
    Settling,
    /// The change was not looked at: it waits for the next full read.
    FullReadNeeded,
    /// A person has to approve a `KorePlan`.
    ApprovalRequired,
    /// The account differs from what is declared, and is only observed.
    Drift,
    /// `suspend` is true.
    Suspended,
    /// `koreconcile.dev/mode` is Paused: the object is not looked at.
    Paused,
    /// The platform refused a change, or it could not be read back.
    Failed,
    /// The object breaks a rule, or cannot be read.
    Invalid,
    /// An older object declares the same, or something that excludes it.
    Conflict,
    /// Something it names is not declared.
    ReferenceMissing,
    /// Its namespace may not touch that.
    NotAllowed,
    /// It has no account, or could have more than one.
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
    /// What is remembered of the tenant was declared by another account object.
    AccountTaken,
    /// An approval whose end has passed.
    ApprovalEnded,
    /// An approval by whoever has edited the object.
    SelfApproval,
    /// What was asked for earlier is not known any more, or cannot be trusted.
    MemoryLost,
    /// The reason of a blocked, manual or refused entry of the plan.
    PlanEntry(plan::Reason),
}

impl ConditionReason {
    /// Of an error that ends a pass.
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
            KoreError::Protocol { .. } | KoreError::Encrypted { .. } => Self::ProtocolError,
        }
    }

    /// Of an entry of a plan.
    pub fn of_entry(reason: plan::Reason) -> Self {
        match reason {
            plan::Reason::WaitingForAcceptance => Self::WaitingForAcceptance,
            plan::Reason::Settling => Self::Settling,
            plan::Reason::FullReadNeeded => Self::FullReadNeeded,
            plan::Reason::ApprovalRequired | plan::Reason::ListProposed => Self::ApprovalRequired,
            plan::Reason::AccountNotPinned => Self::AccountMismatch,
            plan::Reason::BotUnresolved
            | plan::Reason::BotNotPublished
            | plan::Reason::RoleUnresolved
            | plan::Reason::GroupUnresolved
            | plan::Reason::GroupMissing
            | plan::Reason::SubjectUnknown
            | plan::Reason::AddressAmbiguous
            | plan::Reason::NotProved
            | plan::Reason::ScopeNotProved
            | plan::Reason::NotLoaded
            | plan::Reason::NewerThanBranch
            | plan::Reason::BuiltInRole
            | plan::Reason::OwnsBots
            | plan::Reason::Inherited
            | plan::Reason::OtherTasks
            | plan::Reason::InvitationOverdue
            | plan::Reason::GroupEmpty
            | plan::Reason::UserAbsent
            | plan::Reason::Protected
            | plan::Reason::RemovalCeiling
            | plan::Reason::AdminFloor
            | plan::Reason::PolicyDenied
            | plan::Reason::PolicyDeadline
            | plan::Reason::Contested
            | plan::Reason::ClockSkew
            | plan::Reason::PlatformKeeps => Self::PlanEntry(reason),
        }
    }

    /// Of an error that checking or compiling found.
    pub(super) fn of_finding(code: Code) -> Self {
        match code {
            Code::DuplicateEmail
            | Code::DuplicateRole
            | Code::DuplicateObject
            | Code::Contradiction
            | Code::AbsentPerson => Self::Conflict,
            Code::UnknownTeam | Code::UnknownPolicy => Self::ReferenceMissing,
            Code::UnknownAccount | Code::NoAccount | Code::SeveralAccounts => Self::AccountMissing,
            Code::NotAllowed => Self::NotAllowed,
            Code::Unreadable
            | Code::TooLarge
            | Code::NotUtf8
            | Code::Syntax
            | Code::DuplicateKey
            | Code::MissingSeparator
            | Code::Anchor
            | Code::Header
            | Code::UnknownKind
            | Code::ForeignGroup
            | Code::ControllerKind
            | Code::InvalidName
            | Code::UnknownField
            | Code::MissingField
            | Code::WrongType
            | Code::QuoteIt
            | Code::UnknownValue
            | Code::OutOfRange
            | Code::Pattern
            | Code::Email
            | Code::Timestamp
            | Code::ExactlyOne
            | Code::Credentials
            | Code::LocalGroup
            | Code::BotOfRole
            | Code::BotOwner
            | Code::MasterAdminGroup
            | Code::FixedRole
            | Code::Rule
            | Code::TeamCycle
            | Code::NobodyLeft
            | Code::Expired
            | Code::NearRole
            | Code::LookAlike
            | Code::DuplicateAccountId
            | Code::UnknownPermission
            | Code::UnknownLevel
            | Code::NotLoaded
            | Code::NotUnderstood
            | Code::PolicyShape
            | Code::PolicyAction
            | Code::PolicyCel
            | Code::PolicyMatch
            | Code::PolicyRole
            | Code::PolicyRoleUnseen
            | Code::ExceptionEnded
            | Code::ExceptionUnused
            | Code::PolicyDenied
            | Code::PolicyOverdue
            | Code::PolicyWarned
            | Code::PolicyAudited
            | Code::AreaPath
            | Code::AreaPattern
            | Code::AreaOverlap => Self::Invalid,
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
            Self::PlanEntry(reason) => write!(f, "{reason:?}"),
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
