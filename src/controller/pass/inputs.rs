//! The values that the steps after reading share.

use super::policies::PoliciesInForce;
use super::reason::ConditionReason;
use super::view::View;
use crate::apply::Outcome;
use crate::facts::{Policy, World};
use crate::manifest::Manifests;
use crate::plan::{ChangeId, Plan};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The objects, the account as it was read, and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassInputs<'a> {
    /// The objects.
    pub(super) view: &'a View,
    /// The objects that are planned for, checked.
    pub(super) manifests: &'a Manifests,
    /// The account's rules.
    pub(super) policy: &'a Policy,
    /// Why the objects as a whole are not everything that is declared, if they are not: nothing is pruned or retired.
    pub(super) partial: Option<&'a str>,
    /// Which policies are in force.
    pub(super) policies: &'a PoliciesInForce,
    /// The account.
    pub(super) world: &'a World,
    /// When the pass began.
    pub(super) now: Timestamp,
}

impl PassInputs<'_> {
    /// Why nothing is written to the account, if it is only observed.
    pub(super) fn read_only(self) -> Option<ConditionReason> {
        ConditionReason::of_mode(self.policy.mode, self.policy.suspend)
    }
}

/// A plan and what became of it.
#[derive(Debug)]
pub(super) struct PlanResult<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// `None` when nothing was to be applied.
    pub(super) outcome: Option<&'a Outcome>,
    /// Changes of the plan that the account does not show yet, and declarations that wait for an approval.
    pub(super) left: BTreeSet<ChangeId>,
    /// Changes and declarations that are approved.
    pub(super) approved: BTreeSet<ChangeId>,
    /// Declarations that are not: what was declared before holds.
    pub(super) held: BTreeSet<ChangeId>,
}

impl<'a> PlanResult<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        outcome: Option<&'a Outcome>,
        approved: BTreeSet<ChangeId>,
        held: BTreeSet<ChangeId>,
    ) -> Self {
        let is_there = |id: &ChangeId| outcome.is_some_and(|outcome| outcome.is_good(id));
        let left = plan.changes.iter().map(|change| &change.id).filter(|id| !is_there(id)).chain(&held);
        let left = left.cloned().collect();
        Self { plan, outcome, left, approved, held }
    }
}
