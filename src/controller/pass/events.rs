//! What is worth an event: what is new about an object or its account. Pure.

use super::conditions::{is_stalled, reason_of};
use super::object_status::{ObjectProblems, Readiness, changes};
use super::reason::ConditionReason;
use super::view::{Declared, Meta, ObjectRef, View};
use crate::manifest::kinds::AccountStatus;

/// Something new about an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassEvent {
    /// The object; `None`: the account.
    pub object: Option<ObjectRef>,
    /// Why.
    pub reason: String,
    /// What.
    pub message: String,
    /// Whether a person has to do something.
    pub is_warning: bool,
}

impl PassEvent {
    /// An object is let go of, and nothing is taken away.
    pub(in crate::controller) fn released(object: &ObjectRef, why: &str) -> Self {
        Self {
            object: Some(object.clone()),
            reason: "Released".to_owned(),
            message: format!("released: {why}, so nothing was changed at the platform"),
            is_warning: true,
        }
    }
}

/// What has changed about objects since their statuses were written.
pub(in crate::controller) fn object_events(view: &View, problems: &ObjectProblems) -> Vec<PassEvent> {
    let mut events = Vec::new();
    for Declared { meta, spec: _, status } in view.objects() {
        let Readiness { reason, message } = problems.readiness_of(&meta.object);
        if let Some(count) = problems.applied().get(&meta.object) {
            events.push(PassEvent {
                object: Some(meta.object.clone()),
                reason: "Applied".to_owned(),
                message: format!("{} applied and read back", changes(*count as usize)),
                is_warning: false,
            });
        }
        let before = reason_of(&status.conditions);
        // What is well from the start is worth no event: ten thousand of them would say nothing.
        if before != Some(&reason.to_string()) && (before.is_some() || reason != ConditionReason::UpToDate) {
            let object = Some(meta.object.clone());
            events.push(PassEvent {
                object,
                reason: reason.to_string(),
                message,
                is_warning: is_stalled(reason),
            });
        }
    }
    events
}

/// What is said about an object that goes without anything being taken away.
pub(in crate::controller) fn release_event(object: &Declared) -> Option<PassEvent> {
    let Meta { deleted, has_finalizer, is_orphaned, .. } = &object.meta;
    (deleted.is_some() && *has_finalizer && *is_orphaned)
        .then(|| PassEvent::released(&object.meta.object, "it or its namespace was let go of"))
}

/// Whether the account stands otherwise than it did.
pub(in crate::controller) fn account_event(
    view: &View,
    readiness: &Readiness,
    account: &AccountStatus,
) -> Option<PassEvent> {
    let before = reason_of(&view.account.status.conditions);
    let now = reason_of(&account.conditions)?;
    (before != Some(now)).then(|| PassEvent {
        object: None,
        reason: now.to_owned(),
        message: readiness.message.clone(),
        is_warning: is_stalled(readiness.reason),
    })
}
