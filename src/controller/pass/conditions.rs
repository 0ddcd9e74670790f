//! A readiness becomes conditions: `Ready`, `Synced` and `Accepted` for people, `Reconciling` and `Stalled` for kstatus.
//! Pure.
//!
//! | | Ready | Synced | Accepted | Reconciling | Stalled |
//! |---|---|---|---|---|---|
//! | as declared | True | True | True | | |
//! | invitation not accepted; only observed | True | False | True | | |
//! | being applied, tried again, settling, approval required | False | False | True | True | |
//! | blocked, manual, refused, credentials | False | False | True | | True |
//! | invalid, conflict, reference missing, not allowed | False | Unknown | False | | True |
//! | suspended | False | Unknown | True | | |

use super::readiness::Readiness;
use super::reason::ConditionReason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The longest message that a condition takes.
const MESSAGE_MAX: usize = 4_096;

/// The status of each condition, in order: Ready, Synced, Accepted, Reconciling, Stalled.
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
        ConditionReason::PlanEntry(_)
        | ConditionReason::NameMoved
        | ConditionReason::HostNotAllowed
        | ConditionReason::CredentialsMissing
        | ConditionReason::CredentialsRejected
        | ConditionReason::ScopeMissing
        | ConditionReason::ProtocolError
        | ConditionReason::AccountMismatch
        | ConditionReason::AccountTaken
        | ConditionReason::MemoryLost => ["False", "False", "True", "", "True"],
        ConditionReason::Invalid
        | ConditionReason::Conflict
        | ConditionReason::ReferenceMissing
        | ConditionReason::NotAllowed
        | ConditionReason::AccountMissing => ["False", "Unknown", "False", "", "True"],
        ConditionReason::Suspended => ["False", "Unknown", "True", "", ""],
    }
}

/// Whether it takes a person to go on.
pub(super) fn is_stalled(reason: ConditionReason) -> bool {
    row(reason)[4] == "True"
}

/// The conditions of a readiness. A condition whose status stays keeps its transition time.
pub(in crate::controller) fn conditions(
    readiness: &Readiness,
    generation: i64,
    before: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let Readiness { reason, message } = readiness;
    let message = shortened(message, MESSAGE_MAX);
    let types = ["Ready", "Synced", "Accepted", "Reconciling", "Stalled"];
    let present = types.into_iter().zip(row(*reason)).filter(|(_, status)| !status.is_empty());
    present
        .map(|(type_, status)| {
            let is_accepted = type_ == "Accepted" && status == "True";
            let same = before.iter().find(|condition| condition.type_ == type_ && condition.status == status);
            Condition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: if is_accepted { "Accepted".to_owned() } else { reason.to_string() },
                message: if is_accepted { String::new() } else { message.clone() },
                observed_generation: Some(generation),
                last_transition_time: same.map_or(Time(now), |same| same.last_transition_time.clone()),
            }
        })
        .collect()
}

/// At most that many bytes, with an ellipsis if something was cut.
pub(in crate::controller) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let last = (0..=most.saturating_sub(4)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{} ...", &text[..last])
}

/// The reason of the `Ready` condition.
pub(in crate::controller) fn reason_of(conditions: &[Condition]) -> Option<&str> {
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.reason.as_str())
}
