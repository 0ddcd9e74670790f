//! The events of a pass: what is new about an object or its account. Pure.

use super::assess::Assessment;
use super::conditions::{is_stalled, reason_of};
use super::inputs::{PassInputs, PlanResult};
use super::object_problems::ObjectProblems;
use super::policies;
use super::readiness::{Readiness, and_more};
use super::reason::ConditionReason;
use super::view::{Declared, ObjectRef, View};
use crate::facts;
use crate::manifest::kinds::AccountStatus;
use crate::plan::render::named;
use crate::plan::{Plan, Unmanaged, Violation};
use std::collections::BTreeMap;

/// Something new about an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassEvent {
    /// The object; `None`: the account.
    pub object: Option<ObjectRef>,
    /// A [`ConditionReason`], `Applied`, `Unmanaged`, `SignOn` or `PolicyViolated`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// Whether it takes a person to go on.
    pub is_warning: bool,
}

/// All events of a pass that has read the account.
pub(super) fn collect(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    assessment: &Assessment,
    privileged: &[Unmanaged],
    violated: &[&Violation],
    account: &AccountStatus,
) -> Vec<PassEvent> {
    let Assessment { readiness, problems } = assessment;
    let mut events = object_events(inputs.view, problems);
    events.extend(privileged_event(privileged, result.plan));
    events.extend(sign_in_event(result.plan));
    events.extend(violated_events(violated));
    events.extend(account_event(inputs.view, readiness, account));
    events
}

/// A privileged role is held that no manifest asks for, and was not when the account was last read.
fn privileged_event(privileged: &[Unmanaged], plan: &Plan) -> Option<PassEvent> {
    let first = privileged.first()?;
    Some(PassEvent {
        object: None,
        reason: "Unmanaged".to_owned(),
        message: format!(
            "no manifest asks for it ({} risk): {}; declare it, or take it away in the console",
            first.risk.level.label(),
            and_more(named(&plan.bots, &first.subject), privileged.len() - 1),
        ),
        is_warning: true,
    })
}

/// What is sent may not last, and who goes may come back.
fn sign_in_event(plan: &Plan) -> Option<PassEvent> {
    let notices: Vec<&str> = plan
        .warnings
        .iter()
        .map(String::as_str)
        .filter(|warning| warning.starts_with("single sign-on"))
        .collect();
    (!notices.is_empty()).then(|| PassEvent {
        object: None,
        reason: "SignOn".to_owned(),
        message: notices.join("; "),
        is_warning: true,
    })
}

/// Policies that are violated and were not when the account was last read: one event a policy.
fn violated_events(violated: &[&Violation]) -> Vec<PassEvent> {
    let mut by_policy: BTreeMap<&str, Vec<&Violation>> = BTreeMap::new();
    for violation in violated {
        by_policy.entry(&violation.policy).or_default().push(violation);
    }
    let event = |violations: Vec<&Violation>| {
        let first = violations.first()?;
        Some(PassEvent {
            object: None,
            reason: "PolicyViolated".to_owned(),
            message: and_more(policies::told(first), violations.len() - 1),
            is_warning: true,
        })
    };
    by_policy.into_values().filter_map(event).collect()
}

/// What has changed about objects since their statuses were written.
fn object_events(view: &View, problems: &ObjectProblems) -> Vec<PassEvent> {
    let mut events = Vec::new();
    for Declared { meta, spec: _, status } in view.live_objects() {
        let Readiness { reason, message } = problems.readiness_of(&meta.object);
        if let Some(count) = problems.applied().get(&meta.object) {
            events.push(PassEvent {
                object: Some(meta.object.clone()),
                reason: "Applied".to_owned(),
                message: format!("{} applied and read back", facts::count(*count as usize, "change")),
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
