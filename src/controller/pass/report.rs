//! What a pass reports of the account, its objects and its approvals. Pure.

use super::AccountMemory;
use super::approvals::Approvals;
use super::assess::Assessment;
use super::conditions::{conditions, pruning_paused};
use super::defer::brief;
use super::events::{self, PassEvent};
use super::inputs::{PassInputs, PlanResult};
use super::interval;
use super::mode;
use super::pins;
use super::policies;
use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::view::{Declared, ObjectRef, View};
use super::write_only;
use crate::facts::{Key, Membership, Value};
use crate::manifest::kinds::status::{MembershipState, PlanCounts};
use crate::manifest::kinds::{AccountStatus, ObjectStatus, Spec};
use crate::plan::Unmanaged;
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::BTreeMap;

/// Statuses and events.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The status of each object; none where the pass is unchanged.
    pub statuses: Vec<(ObjectRef, ObjectStatus)>,
    /// The status of the account.
    pub account: AccountStatus,
    /// The account's status was written in the middle of the pass, so the stored one may differ from the view's.
    pub wrote_ahead: bool,
    /// The status of each approval, by name.
    pub approvals: BTreeMap<String, ObjectStatus>,
    /// What is new about the account and its objects.
    pub events: Vec<PassEvent>,
}

/// The report on a plan and its outcome. `privileged`: who holds what is not declared, and was not seen before;
/// `interval`: the time between two reads. Whether the account's status was written
/// ahead is for the caller to add.
pub(super) fn report(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    assessment: &Assessment,
    memory: &mut AccountMemory,
    privileged: &[Unmanaged],
    interval: SignedDuration,
) -> Report {
    let violated = policies::new_since(result.plan, &mut memory.violated);
    let account = account_status(inputs, result, &assessment.readiness, memory, interval);
    Report {
        statuses: object_statuses(inputs, result, assessment, memory),
        approvals: Approvals::new(inputs.view, &memory.plan_memory, inputs.now)
            .with_plan(result.plan)
            .statuses(result.plan),
        events: events::collect(inputs, result, assessment, privileged, &violated, &account),
        account,
        wrote_ahead: false,
    }
}

fn object_statuses(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    assessment: &Assessment,
    memory: &AccountMemory,
) -> Vec<(ObjectRef, ObjectStatus)> {
    let PassInputs { view, world, now, .. } = inputs;
    let arrived = write_only::arrived(result.plan, result.outcome);
    let declared = view.live_objects().map(|object| {
        let Declared { meta, spec, status } = object;
        let readiness = assessment.problems.readiness_of(&meta.object);
        let (membership, invited_since) = match spec {
            Spec::User(user) => (
                Some(membership(world.get(&Key::Member(user.email.clone())))),
                memory.plan_memory.pending_since.get(&user.email).copied(),
            ),
            Spec::Account(_)
            | Spec::Team(_)
            | Spec::GroupMembership(_)
            | Spec::Role(_)
            | Spec::RoleBinding(_)
            | Spec::BotAssignment(_)
            | Spec::Policy(_)
            | Spec::PolicyException(_)
            | Spec::Baseline(_)
            | Spec::Area(_) => (None, None),
        };
        let status = ObjectStatus {
            observed_generation: Some(meta.generation),
            conditions: conditions(&readiness, meta.generation, &status.conditions, now),
            resolved: pins::resolved(object, world),
            membership,
            sent: write_only::sent(object, &arrived),
            invited_since,
            in_force: inputs.policies.status(object),
        };
        (meta.object.clone(), status)
    });
    let broken = view.broken.iter().map(|broken| {
        let readiness = assessment.problems.readiness_of(&broken.meta.object);
        let generation = broken.meta.generation;
        let status = ObjectStatus {
            observed_generation: Some(generation),
            conditions: conditions(&readiness, generation, &broken.status.conditions, now),
            ..broken.status.clone()
        };
        (broken.meta.object.clone(), status)
    });
    declared.chain(broken).collect()
}

fn account_status(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    readiness: &Readiness,
    memory: &AccountMemory,
    interval: SignedDuration,
) -> AccountStatus {
    let PassInputs { view, policy, world, .. } = inputs;
    let meta = &view.account.meta;
    let coverage = world.coverage.listings.iter();
    AccountStatus {
        observed_generation: Some(meta.generation),
        conditions: account_conditions(inputs, result, readiness),
        account_id: world.account.as_ref().map(ToString::to_string),
        effective_interval: Some(brief(interval)),
        calls: Some(interval::calls(policy, world.calls, interval)),
        coverage: coverage.map(|(listing, extent)| (format!("{listing:?}"), extent.to_string())).collect(),
        counts: Some(counts(view, result)),
        plan_digest: Some(result.plan.digest.to_string()),
        removals: Some(memory.window(policy.safety.max_removals)),
        repeated: memory.repeated(),
        invited: memory.invited(view),
        // Written beside, with another manager: a pass with nothing to say writes nothing.
        last_read: None,
        // Only `WriteAhead` writes that.
        in_flight: None,
        handled_reconcile_at: meta.reconcile_at.clone(),
        memory_generation: (!memory.is_new()).then_some(memory.plan_memory.generation),
        handled_accept_memory: meta.accept_memory.clone(),
    }
}

/// An account that is up to date apart from what is blocked, left or not seen is ready and not synced.
fn account_conditions(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    readiness: &Readiness,
) -> Vec<Condition> {
    let PassInputs { view, manifests, partial, now, .. } = inputs;
    let PlanResult { plan, left, .. } = result;
    let before = &view.account.status.conditions;
    let mut conditions = conditions(readiness, view.account.meta.generation, before, now);
    let is_synced = left.is_empty()
        && plan.blocked.is_empty()
        && plan.manual.is_empty()
        && !manifests.has_errors()
        && partial.is_none()
        && mode::left_out(view).is_empty();
    if readiness.reason == ConditionReason::UpToDate && !is_synced {
        for synced in conditions.iter_mut().filter(|condition| condition.type_ == "Synced") {
            "False".clone_into(&mut synced.status);
        }
    }
    let generation = view.account.meta.generation;
    conditions.extend(partial.map(|why| pruning_paused(why, generation, before, now)));
    conditions.extend(inputs.policies.condition(inputs, plan));
    conditions
}

fn counts(view: &View, result: &PlanResult<'_>) -> PlanCounts {
    let PlanResult { plan, left, .. } = result;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    PlanCounts {
        objects: number(view.objects.len() + view.broken.len()),
        changes: number(left.len()),
        waiting: number(plan.waiting.len()),
        blocked: number(plan.blocked.len()),
        manual: number(plan.manual.len()),
        refused: number(plan.refused.len()),
        unmanaged: number(plan.open_unmanaged().count()),
    }
}

/// A user who is listed without a status is not known to have joined.
fn membership(observed: Option<&Value>) -> MembershipState {
    let Some(Value::Member(membership)) = observed else { return MembershipState::Absent };
    match membership {
        Membership::Joined => MembershipState::Joined,
        Membership::Pending { since: _ } => MembershipState::Invited,
        Membership::Listed => MembershipState::Absent,
    }
}
