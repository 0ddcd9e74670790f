//! The events of a pass: what is new about an object or its account. Pure.

use super::assess::Assessment;
use super::conditions::{is_stalled, reason_of};
use super::object_problems::ObjectProblems;
use super::readiness::{Readiness, changes};
use super::reason::ConditionReason;
use super::view::{Declared, Meta, ObjectRef, View};
use crate::manifest::kinds::AccountStatus;

/// Something new about an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassEvent {
    /// The object; `None`: the account.
    pub object: Option<ObjectRef>,
    /// A [`ConditionReason`], `Applied` or `Released`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// Whether it takes a person to go on.
    pub is_warning: bool,
}

impl PassEvent {
    /// Our finalizer is taken off an object, and nothing is changed at the platform.
    pub(in crate::controller) fn released(object: &ObjectRef, why: &str) -> Self {
        Self {
            object: Some(object.clone()),
            reason: "Released".to_owned(),
            message: format!("released: {why}, so nothing was changed at the platform"),
            is_warning: true,
        }
    }
}

/// All events of a pass that has read the account.
pub(super) fn collect(view: &View, assessment: &Assessment, account: &AccountStatus) -> Vec<PassEvent> {
    let Assessment { readiness, problems } = assessment;
    let mut events = object_events(view, problems);
    events.extend(view.objects().filter_map(release_event));
    events.extend(account_event(view, readiness, account));
    events
}

/// What has changed about objects since their statuses were written.
fn object_events(view: &View, problems: &ObjectProblems) -> Vec<PassEvent> {
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
        // An object that is up to date from the start gets no event: ten thousand of them would tell nothing.
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

/// The event of a deleted object that is released without changes at the platform.
pub(super) fn release_event(object: &Declared) -> Option<PassEvent> {
    let Meta { deleted, has_finalizer, is_orphaned, .. } = &object.meta;
    (deleted.is_some() && *has_finalizer && *is_orphaned)
        .then(|| PassEvent::released(&object.meta.object, "it or its namespace was let go of"))
}

/// The event of an account whose reason has changed.
pub(super) fn account_event(
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
