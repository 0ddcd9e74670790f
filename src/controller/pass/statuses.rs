//! What a pass writes down about objects, approvals and the account. Pure.

use super::PlannedPass;
use super::conditions::conditions;
use super::defer::brief;
use super::interval;
use super::object_status::{Readiness, changes};
use super::pins;
use super::propose::covers;
use super::reason::ConditionReason;
use super::view::{Approval, Declared, ObjectRef, View};
use super::view_to_manifests::missing;
use super::write_only;
use crate::apply::Outcome;
use crate::facts::{Key, Membership, Policy, Value};
use crate::manifest::kinds::status::{MembershipState, PlanCounts};
use crate::manifest::kinds::{AccountStatus, ObjectStatus, Spec};
use crate::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

impl PlannedPass<'_> {
    /// How each object stands.
    pub(in crate::controller) fn statuses(
        &self,
        plan: &Plan,
        outcome: Option<&Outcome>,
    ) -> Vec<(ObjectRef, ObjectStatus)> {
        let arrived = write_only::arrived(plan, outcome);
        let declared = self.view.objects().map(|object| {
            let Declared { meta, spec, status } = object;
            let readiness = self.problems.readiness_of(&meta.object);
            let (membership, invited_since) = match spec {
                Spec::User(user) => (
                    Some(membership(self.seen.world.get(&Key::Member(user.email.clone())))),
                    self.memory.plan_memory.pending_since.get(&user.email).copied(),
                ),
                _ => (None, None),
            };
            let status = ObjectStatus {
                observed_generation: Some(meta.generation),
                conditions: conditions(&readiness, meta.generation, &status.conditions, self.now),
                resolved: pins::resolved(object, &self.seen.world),
                membership,
                sent: write_only::sent(object, &arrived),
                invited_since,
            };
            (meta.object.clone(), status)
        });
        let broken = self.view.broken.iter().map(|broken| {
            let readiness = self.problems.readiness_of(&broken.meta.object);
            let generation = broken.meta.generation;
            let status = ObjectStatus {
                observed_generation: Some(generation),
                conditions: conditions(&readiness, generation, &broken.status.conditions, self.now),
                ..broken.status.clone()
            };
            (broken.meta.object.clone(), status)
        });
        declared.chain(broken).collect()
    }

    /// How the account stands.
    pub(in crate::controller) fn account_status(
        &self,
        readiness: &Readiness,
        plan: &Plan,
        policy: &Policy,
        interval: SignedDuration,
        left: usize,
    ) -> AccountStatus {
        let meta = &self.view.account.meta;
        let before = &self.view.account.status;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut conditions = conditions(readiness, meta.generation, &before.conditions, self.now);
        if readiness.reason == ConditionReason::UpToDate
            && (left > 0
                || plan.blocked.len() + plan.manual.len() > 0
                || self.seen.manifests.has_errors()
                || missing(self.view).is_some())
        {
            let synced = conditions.iter_mut().find(|condition| condition.type_ == "Synced");
            if let Some(synced) = synced {
                "False".clone_into(&mut synced.status);
            }
        }
        AccountStatus {
            observed_generation: Some(meta.generation),
            conditions,
            account_id: self.seen.world.account.as_ref().map(ToString::to_string),
            effective_interval: Some(brief(interval)),
            calls: Some(interval::calls(policy, self.seen.world.calls, interval)),
            coverage: self
                .seen
                .world
                .coverage
                .listings
                .iter()
                .map(|(listing, extent)| (format!("{listing:?}"), extent.to_string()))
                .collect(),
            counts: Some(PlanCounts {
                objects: number(self.view.objects.len() + self.view.broken.len()),
                changes: number(left),
                waiting: number(plan.waiting.len()),
                blocked: number(plan.blocked.len()),
                manual: number(plan.manual.len()),
                refused: number(plan.refused.len()),
                unmanaged: number(plan.unmanaged.len()),
            }),
            plan_digest: Some(plan.digest.to_string()),
            removals: Some(self.memory.window(policy.safety.max_removals)),
            repeated: self.memory.repeated(),
            invited: self.memory.invited(self.view),
            // Only what writes ahead writes that.
            in_flight: None,
            handled_reconcile_at: meta.reconcile_at.clone(),
        }
    }
}

/// What each approval covers, so that whoever wrote it sees that it was understood.
pub(in crate::controller) fn approvals(view: &View, now: Timestamp) -> BTreeMap<String, ObjectStatus> {
    let status = |approval: &Approval| {
        let readiness = match covers(approval, &view.published).len() {
            0 => Readiness::new(
                ConditionReason::ReferenceMissing,
                "there is no KorePlan of that digest; kubectl get kp lists them",
            ),
            count => Readiness::new(ConditionReason::UpToDate, format!("covers {}", changes(count))),
        };
        let mut conditions = conditions(&readiness, approval.generation, &approval.status.conditions, now);
        for condition in conditions.iter_mut().filter(|condition| condition.type_ == "Accepted") {
            readiness.message.clone_into(&mut condition.message);
        }
        conditions.retain(|condition| condition.type_ == "Accepted");
        ObjectStatus { observed_generation: Some(approval.generation), conditions, ..ObjectStatus::default() }
    };
    view.approvals.iter().map(|approval| (approval.name.clone(), status(approval))).collect()
}

fn membership(seen: Option<&Value>) -> MembershipState {
    match seen {
        Some(Value::Member(Membership::Joined)) => MembershipState::Joined,
        Some(Value::Member(Membership::Pending { since: _ })) => MembershipState::Invited,
        _ => MembershipState::Absent,
    }
}
