//! How ready an object or the account is: one reason and one message. Pure.

use super::reason::ConditionReason;
use super::view::ObjectRef;
use crate::facts::visible;

/// A reason and what to read about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Readiness {
    /// Why.
    pub reason: ConditionReason,
    /// What was found and the next step.
    pub message: String,
}

impl Readiness {
    /// With that reason.
    pub fn new(reason: ConditionReason, message: impl Into<String>) -> Self {
        Self { reason, message: in_passes(message.into()) }
    }

    /// The account is as declared.
    pub fn up_to_date() -> Self {
        Self::new(ConditionReason::UpToDate, "the account is as declared")
    }

    /// The account is neither read nor written.
    pub(in crate::controller) fn suspended(why: Option<&str>) -> Self {
        let message = format!("spec.suspend is true{}: nothing is read or written", in_quotes(why));
        Self::new(ConditionReason::Suspended, message)
    }

    /// The account is, and so the object was not looked at.
    pub(super) fn object_suspended(why: Option<&str>) -> Self {
        let message = format!("not looked at: the account is suspended{}", in_quotes(why));
        Self::new(ConditionReason::Suspended, message)
    }

    /// An older account object is about the same tenant.
    pub(in crate::controller) fn conflicting(older: &ObjectRef) -> Self {
        let message = format!("{older} is older and about the same tenant; only one of them may be in force");
        Self::new(ConditionReason::Conflict, message)
    }

    /// How bad it is. Of several, the worst is reported.
    pub(super) fn severity(&self) -> u8 {
        match self.reason {
            ConditionReason::UpToDate => 0,
            ConditionReason::WaitingForAcceptance => 1,
            ConditionReason::Drift | ConditionReason::Suspended | ConditionReason::Paused => 2,
            ConditionReason::Progressing | ConditionReason::Settling | ConditionReason::FullReadNeeded => 3,
            ConditionReason::ApprovalRequired => 4,
            ConditionReason::Unreachable | ConditionReason::RateLimited | ConditionReason::Failed => 5,
            ConditionReason::PlanEntry(_)
            | ConditionReason::NameMoved
            | ConditionReason::HostNotAllowed
            | ConditionReason::CredentialsMissing
            | ConditionReason::CredentialsRejected
            | ConditionReason::ScopeMissing
            | ConditionReason::ProtocolError
            | ConditionReason::AccountMismatch
            | ConditionReason::AccountTaken
            | ConditionReason::MemoryLost => 6,
            ConditionReason::Conflict
            | ConditionReason::ReferenceMissing
            | ConditionReason::ApprovalEnded
            | ConditionReason::SelfApproval
            | ConditionReason::NotAllowed
            | ConditionReason::AccountMissing
            | ConditionReason::Invalid => 7,
        }
    }
}

/// ` ("incident 4711")`.
fn in_quotes(why: Option<&str>) -> String {
    why.map(|why| format!(" (\"{}\")", one_line(&visible(why)))).unwrap_or_default()
}

/// The first of several, and how many more there are.
pub(super) fn and_more(first: String, more: usize) -> String {
    if more == 0 { first } else { format!("{first} (and {more} more)") }
}

/// An error and its cause in one line, for a condition.
pub(in crate::controller) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
/// Whoever runs a command runs it again; a controller does so by itself.
pub(super) fn in_passes(text: String) -> String {
    let words = [
        (", then run again", "; the next pass goes on"),
        ("and run again later", "and wait for a later pass"),
        ("run again later", "a later pass tries again"),
        ("run again", "the next pass tries again"),
    ];
    match words.iter().find(|(command, _)| text.contains(command)) {
        Some((command, pass)) => text.replace(command, pass),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_run_a_controller_again() {
        for (command, pass) in [
            ("create it in the console, then run again", "create it in the console; the next pass goes on"),
            (
                "run again; nothing is created without proof",
                "the next pass tries again; nothing is created without proof",
            ),
            (
                "assign the role in the console and run again later",
                "assign the role in the console and wait for a later pass",
            ),
            ("run again later, or allow a longer wait", "a later pass tries again, or allow a longer wait"),
            ("nothing to do", "nothing to do"),
        ] {
            assert_eq!(Readiness::new(ConditionReason::UpToDate, command).message, pass);
        }
    }
}
