//! Which statuses of a pass differ from those that the objects carry, and whether a pass has nothing to write. Pure.

use super::propose::Proposals;
use super::view::{ObjectRef, PlanProgress, View};
use super::{Housekeeping, Pass};
use crate::manifest::kinds::{AccountStatus, ObjectStatus};
use std::collections::HashMap;

/// The statuses to write.
#[derive(Debug)]
pub(in crate::controller) struct StatusChanges<'a> {
    /// Of objects.
    pub(in crate::controller) objects: Vec<(&'a ObjectRef, &'a ObjectStatus)>,
    /// Of the account.
    pub(in crate::controller) account: Option<&'a AccountStatus>,
    /// Of approvals, by name.
    pub(in crate::controller) approvals: Vec<(&'a str, &'a ObjectStatus)>,
    /// Of published plans, by name.
    pub(in crate::controller) plans: Vec<(&'a str, &'a PlanProgress)>,
}

impl<'a> StatusChanges<'a> {
    /// What a pass would write.
    pub(in crate::controller) fn new(view: &'a View, pass: &'a Pass) -> Self {
        let report = &pass.report;
        let stored: HashMap<&ObjectRef, &ObjectStatus> = view
            .objects()
            .map(|object| (&object.meta.object, &object.status))
            .chain(view.broken.iter().map(|broken| (&broken.meta.object, &broken.status)))
            .collect();
        let objects = report.statuses.iter().map(|(object, status)| (object, status));
        // Only `WriteAhead` writes what is in flight.
        let before = AccountStatus { in_flight: None, ..view.account.status.clone() };
        let is_account_changed = report.wrote_ahead || before != report.account;
        let approvals = view.approvals.iter().filter_map(|approval| {
            let status = report.approvals.get(&approval.name)?;
            (*status != approval.status).then_some((approval.name.as_str(), status))
        });
        let plans = view.published.iter().filter_map(|plan| {
            let progress = pass.housekeeping.proposals.phases.get(&plan.name)?;
            (plan.progress != *progress).then_some((plan.name.as_str(), progress))
        });
        Self {
            objects: objects.filter(|(object, status)| stored.get(object) != Some(status)).collect(),
            account: is_account_changed.then_some(&report.account),
            approvals: approvals.collect(),
            plans: plans.collect(),
        }
    }

    fn is_empty(&self) -> bool {
        let Self { objects, account, approvals, plans } = self;
        objects.is_empty() && account.is_none() && approvals.is_empty() && plans.is_empty()
    }
}

impl Pass {
    /// Whether there is nothing to write to the cluster.
    pub(super) fn is_silent(&self, view: &View) -> bool {
        let Housekeeping { remove_finalizer, proposals } = &self.housekeeping;
        let Proposals { create, phases: _, delete } = proposals;
        let is_published = create.is_empty() && delete.is_empty();
        remove_finalizer.is_empty()
            && is_published
            && self.report.events.is_empty()
            && StatusChanges::new(view, self).is_empty()
    }
}
