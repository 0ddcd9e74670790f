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
//! | suspended, paused | False | Unknown | True | | |

use super::readiness::{Readiness, one_line};
use super::reason::ConditionReason;
use crate::facts::visible;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The longest message that a condition takes.
pub(super) const MESSAGE_MAX: usize = 4_096;

/// The status of each condition, in order: Ready, Synced, Accepted, Reconciling, Stalled.
fn row(reason: ConditionReason) -> [&'static str; 5] {
    match reason {
        ConditionReason::UpToDate => ["True", "True", "True", "", ""],
        ConditionReason::WaitingForAcceptance | ConditionReason::Drift => ["True", "False", "True", "", ""],
        ConditionReason::Progressing
        | ConditionReason::Settling
        | ConditionReason::FullReadNeeded
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
        | ConditionReason::ApprovalEnded
        | ConditionReason::SelfApproval
        | ConditionReason::NotAllowed
        | ConditionReason::AccountMissing => ["False", "Unknown", "False", "", "True"],
        ConditionReason::Suspended | ConditionReason::Paused => ["False", "Unknown", "True", "", ""],
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
            let reason = if is_accepted { "Accepted".to_owned() } else { reason.to_string() };
            let message = if is_accepted { String::new() } else { message.clone() };
            condition((type_, status), reason, message, generation, before, now)
        })
        .collect()
}

/// One condition, of a type with a status. While the status stays, it keeps its transition time.
pub(super) fn condition(
    (type_, status): (&str, &str),
    reason: String,
    message: String,
    generation: i64,
    before: &[Condition],
    now: Timestamp,
) -> Condition {
    let same = before.iter().find(|condition| condition.type_ == type_ && condition.status == status);
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason,
        message,
        observed_generation: Some(generation),
        last_transition_time: same.map_or(Time(now), |same| same.last_transition_time.clone()),
    }
}

/// The condition of an account of which nothing is pruned or retired.
pub(in crate::controller) const PRUNING_PAUSED: &str = "PruningPaused";

/// Says why nothing is pruned or retired, and since when. An account without it has no such condition.
pub(super) fn pruning_paused(why: &str, generation: i64, before: &[Condition], now: Timestamp) -> Condition {
    let message = shortened(&one_line(why), MESSAGE_MAX);
    condition((PRUNING_PAUSED, "True"), "Incomplete".to_owned(), message, generation, before, now)
}

/// At most that many bytes, with an ellipsis if something was cut. What others wrote is shown as it can be: kubectl writes
/// it to a terminal.
pub(in crate::controller) fn shortened(text: &str, most: usize) -> String {
    let text = visible(text);
    if text.len() <= most {
        return text.into_owned();
    }
    let last = (0..=most.saturating_sub(4)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{} ...", &text[..last])
}

/// The reason of the `Ready` condition.
pub(in crate::controller) fn reason_of(conditions: &[Condition]) -> Option<&str> {
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.reason.as_str())
}
