//! A standing becomes conditions: `Ready`, `Synced` and `Accepted` as people read them, `Reconciling` and `Stalled` as
//! kstatus does. Pure.
//!
//! | | Ready | Synced | Accepted | Reconciling | Stalled |
//! |---|---|---|---|---|---|
//! | as declared | True | True | True | | |
//! | waits for somebody to accept; only observed | True | False | True | | |
//! | being applied, tried again, settling, to be approved | False | False | True | True | |
//! | blocked, manual, refused, credentials | False | False | True | | True |
//! | invalid, conflict, reference missing, not allowed | False | Unknown | False | | True |
//! | suspended | False | Unknown | True | | |

use super::judge::Standing;
use super::reason::Reason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The longest message that a condition takes.
const MESSAGE_MAX: usize = 4_096;

/// What the conditions say, in order: Ready, Synced, Accepted, Reconciling, Stalled.
fn row(reason: Reason) -> [&'static str; 5] {
    match reason {
        Reason::UpToDate => ["True", "True", "True", "", ""],
        Reason::WaitingForAcceptance | Reason::Drift => ["True", "False", "True", "", ""],
        Reason::Progressing
        | Reason::Settling
        | Reason::ApprovalRequired
        | Reason::Unreachable
        | Reason::RateLimited
        | Reason::Failed => ["False", "False", "True", "True", ""],
        Reason::Held(_)
        | Reason::NameMoved
        | Reason::HostNotAllowed
        | Reason::CredentialsMissing
        | Reason::CredentialsRejected
        | Reason::ScopeMissing
        | Reason::ProtocolError
        | Reason::AccountMismatch => ["False", "False", "True", "", "True"],
        Reason::Invalid
        | Reason::Conflict
        | Reason::ReferenceMissing
        | Reason::NotAllowed
        | Reason::AccountMissing => ["False", "Unknown", "False", "", "True"],
        Reason::Suspended => ["False", "Unknown", "True", "", ""],
    }
}

/// Whether a person has to do something.
pub(super) fn is_stalled(reason: Reason) -> bool {
    row(reason)[4] == "True"
}

/// The conditions of a standing. A condition whose status stays keeps its time.
pub(super) fn conditions(
    standing: &Standing,
    generation: i64,
    before: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let Standing { reason, message } = standing;
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
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let last = (0..=most.saturating_sub(4)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{} ...", &text[..last])
}

/// The reason that `Ready` gives.
pub(super) fn reason_of(conditions: &[Condition]) -> Option<&str> {
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.reason.as_str())
}
