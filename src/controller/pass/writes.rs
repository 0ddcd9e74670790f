//! What a pass leaves to write: statuses that differ from what the objects carry, and plans in another phase. Pure.

use super::Pass;
use super::propose::Proposals;
use super::view::{ObjectRef, View};
use crate::manifest::kinds::plan::PlanPhase;
use crate::manifest::kinds::{AccountStatus, ObjectStatus};
use std::collections::HashMap;

/// A status that differs from what is stored.
#[derive(Debug)]
pub(in crate::controller) enum StatusWrite<'a> {
    /// Of an object.
    Object(&'a ObjectRef, &'a ObjectStatus),
    /// Of the account.
    Account(&'a ObjectRef, &'a AccountStatus),
    /// Of an approval, by name.
    Approval(&'a str, &'a ObjectStatus),
}

/// Whether a pass leaves nothing to write.
pub(in crate::controller) fn is_silent(view: &View, pass: &Pass) -> bool {
    let Proposals { create, phases: _, delete } = &pass.housekeeping.proposals;
    let is_plan_written =
        !create.is_empty() || !delete.is_empty() || moved_plans(view, pass).next().is_some();
    let is_object_written = !pass.housekeeping.add_finalizer.is_empty()
        || !pass.housekeeping.release.is_empty()
        || !pass.report.events.is_empty();
    !is_plan_written && !is_object_written && status_writes(view, pass).next().is_none()
}

/// The published plans that are in another phase, or have another number of approved changes.
pub(in crate::controller) fn moved_plans<'a>(
    view: &'a View,
    pass: &'a Pass,
) -> impl Iterator<Item = (&'a str, (PlanPhase, u32))> {
    view.published.iter().filter_map(|plan| {
        let phase = *pass.housekeeping.proposals.phases.get(&plan.name)?;
        (plan.phase != phase).then_some((plan.name.as_str(), phase))
    })
}

/// The statuses that differ from what the objects carry.
pub(in crate::controller) fn status_writes<'a>(
    view: &'a View,
    pass: &'a Pass,
) -> impl Iterator<Item = StatusWrite<'a>> {
    let stored: HashMap<&ObjectRef, &ObjectStatus> = view
        .objects()
        .map(|object| (&object.meta.object, &object.status))
        .chain(view.broken.iter().map(|broken| (&broken.meta.object, &broken.status)))
        .collect();
    let changed =
        pass.report.statuses.iter().filter(move |(object, status)| stored.get(object) != Some(&status));
    let objects = changed.map(|(object, status)| StatusWrite::Object(object, status));
    // What is in flight is written apart from the rest.
    let before = AccountStatus { in_flight: None, ..view.account.status.clone() };
    let is_account_changed = before != pass.report.account || pass.report.wrote_ahead;
    let account =
        is_account_changed.then_some(StatusWrite::Account(&view.account.meta.object, &pass.report.account));
    let approvals = view.approvals.iter().filter_map(|approval| {
        let status =
            pass.report.approvals.get(&approval.name).filter(|status| **status != approval.status)?;
        Some(StatusWrite::Approval(&approval.name, status))
    });
    objects.chain(account).chain(approvals)
}
