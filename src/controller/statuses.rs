//! What a pass writes down about objects, approvals and the account. Pure.

use super::conditions::conditions;
use super::declare::missing;
use super::hold::brief;
use super::judge::{Standing, changes};
use super::pass::Work;
use super::pins;
use super::propose::covers;
use super::reason::Reason;
use super::rhythm;
use super::view::{Approval, Declared, ObjectRef, View};
use super::write_only;
use crate::apply::Outcome;
use crate::facts::{Key, Membership, Policy, Value};
use crate::manifest::kinds::status::{MembershipState, PlanCounts};
use crate::manifest::kinds::{AccountStatus, ObjectStatus, Spec};
use crate::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

impl Work<'_> {
    /// How each object stands.
    pub(super) fn statuses(&self, plan: &Plan, outcome: Option<&Outcome>) -> Vec<(ObjectRef, ObjectStatus)> {
        let arrived = write_only::arrived(plan, outcome);
        let declared = self.view.objects().map(|object| {
            let Declared { meta, spec, status } = object;
            let standing = self.verdicts.of(&meta.object);
            let (membership, invited_since) = match spec {
                Spec::User(user) => (
                    Some(membership(self.world.get(&Key::Member(user.email.clone())))),
                    self.known.memory.pending_since.get(&user.email).copied(),
                ),
                _ => (None, None),
            };
            let status = ObjectStatus {
                observed_generation: Some(meta.generation),
                conditions: conditions(&standing, meta.generation, &status.conditions, self.now),
                resolved: pins::resolved(object, &self.world),
                membership,
                sent: write_only::sent(object, &arrived),
                invited_since,
            };
            (meta.object.clone(), status)
        });
        let broken = self.view.broken.iter().map(|broken| {
            let standing = self.verdicts.of(&broken.meta.object);
            let generation = broken.meta.generation;
            let status = ObjectStatus {
                observed_generation: Some(generation),
                conditions: conditions(&standing, generation, &broken.status.conditions, self.now),
                ..broken.status.clone()
            };
            (broken.meta.object.clone(), status)
        });
        declared.chain(broken).collect()
    }

    /// How the account stands.
    pub(super) fn account_status(
        &self,
        standing: &Standing,
        plan: &Plan,
        policy: &Policy,
        interval: SignedDuration,
        left: usize,
    ) -> AccountStatus {
        let meta = &self.view.account.meta;
        let before = &self.view.account.status;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut conditions = conditions(standing, meta.generation, &before.conditions, self.now);
        if standing.reason == Reason::UpToDate
            && (left > 0
                || plan.blocked.len() + plan.manual.len() > 0
                || self.manifests.has_errors()
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
            account_id: self.world.account.as_ref().map(ToString::to_string),
            effective_interval: Some(brief(interval)),
            calls: Some(rhythm::calls(policy, self.world.calls, interval)),
            coverage: self
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
            removals: Some(self.known.window(policy.safety.max_removals)),
            repeated: self.known.repeated(),
            invited: self.known.invited(self.view),
            // Only what writes ahead writes that.
            in_flight: None,
            handled_reconcile_at: meta.reconcile_at.clone(),
        }
    }
}

/// What each approval covers, so that whoever wrote it sees that it was understood.
pub(super) fn approvals(view: &View, now: Timestamp) -> BTreeMap<String, ObjectStatus> {
    let status = |approval: &Approval| {
        let standing = match covers(approval, &view.published).len() {
            0 => Standing::new(
                Reason::ReferenceMissing,
                "there is no KorePlan of that digest; kubectl get kp lists them",
            ),
            count => Standing::new(Reason::UpToDate, format!("covers {}", changes(count))),
        };
        let mut conditions = conditions(&standing, approval.generation, &approval.status.conditions, now);
        for condition in conditions.iter_mut().filter(|condition| condition.type_ == "Accepted") {
            standing.message.clone_into(&mut condition.message);
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
