//! A standing becomes conditions: `Ready`, `Synced` and `Accepted` as people read them, `Reconciling` and `Stalled` as
//! kstatus does. Pure.
//!
//! | | Ready | Synced | Accepted | Reconciling | Stalled |
//! |---|---|---|---|---|---|
//! | as declared | True | True | True | | |
//! | waits for a person to accept; only observed | True | False | True | | |
//! | being applied, tried again, settling, to be approved | False | False | True | True | |
//! | blocked, manual, refused, credentials | False | False | True | | True |
//! | invalid, conflict, reference missing, not allowed | False | Unknown | False | | True |
//! | suspended | False | Unknown | True | | |

use super::object_status::Readiness;
use super::reason::ConditionReason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The longest message that a condition takes.
const MESSAGE_MAX: usize = 4_096;

/// What the conditions say, in order: Ready, Synced, Accepted, Reconciling, Stalled.
fn row(reason: ConditionReason) -> [&'static str; 5] {
    match reason {
        ConditionReason::UpToDate => ["True", "True", "True", "", ""],
        ConditionReason::WaitingForAcceptance | ConditionReason::Drift => ["True", "False", "True", "", ""],
        ConditionReason::Progressing
        | ConditionReason::Settling
        | ConditionReason::ApprovalRequired
        | ConditionReason::Unreachable
        | ConditionReason::RateLimited
        | ConditionReason::Failed => ["False", "False", "True", "True", ""],
        ConditionReason::Held(_)
        | ConditionReason::NameMoved
        | ConditionReason::HostNotAllowed
        | ConditionReason::CredentialsMissing
        | ConditionReason::CredentialsRejected
        | ConditionReason::ScopeMissing
        | ConditionReason::ProtocolError
        | ConditionReason::AccountMismatch => ["False", "False", "True", "", "True"],
        ConditionReason::Invalid
        | ConditionReason::Conflict
        | ConditionReason::ReferenceMissing
        | ConditionReason::NotAllowed
        | ConditionReason::AccountMissing => ["False", "Unknown", "False", "", "True"],
        ConditionReason::Suspended => ["False", "Unknown", "True", "", ""],
    }
}

/// Whether a person has to do something.
pub(in crate::controller) fn is_stalled(reason: ConditionReason) -> bool {
    row(reason)[4] == "True"
}

/// The conditions of a standing. A condition whose status stays keeps its time.
pub(in crate::controller) fn conditions(
    readiness: &Readiness,
    generation: i64,
    before: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let Readiness { reason, message } = readiness;
    let message = shortened(message, MESSAGE_MAX);
    let types = ["Ready", "Synced", "Accepted", "Reconciling", "Stalled"];
    let said = types.into_iter().zip(row(*reason)).filter(|(_, status)| !status.is_empty());
    said.map(|(type_, status)| {
        let is_accepted = type_ == "Accepted" && status == "True";
        let known = before.iter().find(|condition| condition.type_ == type_ && condition.status == status);
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: if is_accepted { "Accepted".to_owned() } else { reason.to_string() },
            message: if is_accepted { String::new() } else { message.clone() },
            observed_generation: Some(generation),
            last_transition_time: known.map_or(Time(now), |known| known.last_transition_time.clone()),
        }
    })
    .collect()
}

/// At most so many bytes, with an ellipsis where something was cut.
pub(in crate::controller) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let last = (0..=most.saturating_sub(4)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{} ...", &text[..last])
}

/// The reason that `Ready` gives.
pub(in crate::controller) fn reason_of(conditions: &[Condition]) -> Option<&str> {
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.reason.as_str())
}
