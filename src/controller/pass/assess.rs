//! How ready the account and each object are after a plan and its outcome. Pure.

use super::inputs::{PassInputs, PlanResult};
use super::mode;
use super::object_problems::ObjectProblems;
use super::readiness::{Readiness, and_more, one_line};
use super::reason::ConditionReason;
use super::view::{ObjectRef, View};
use crate::apply::{ChangeOutcome, Outcome};
use crate::facts::{self, Key, Membership, Policy, Value};
use crate::manifest::kinds::Spec;
use crate::manifest::{Finding, Manifests};
use crate::plan::render::named;
use crate::plan::{Plan, RiskLevel};

/// How ready everything is.
#[derive(Debug)]
pub(super) struct Assessment {
    /// The account.
    pub(super) readiness: Readiness,
    /// The objects.
    pub(super) problems: ObjectProblems,
}

/// Assesses the account and its objects. `moved`: objects that were left out because a name in them has moved;
/// `by_mode`: those whose annotation says how far they are followed.
/// `unrestored`: why cleared assignments could not be restored.
pub(super) fn assess(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    findings: &[Finding],
    moved: &[(ObjectRef, String)],
    by_mode: Vec<(ObjectRef, Readiness)>,
    unrestored: Option<&str>,
) -> Assessment {
    let mut problems = ObjectProblems::default();
    problems.add_findings(inputs.manifests.findings().iter().chain(findings), inputs.view);
    for (object, readiness) in inputs.policies.problems() {
        problems.add(object.clone(), readiness);
    }
    // Before what follows from it.
    for (object, why) in moved {
        problems.add(object.clone(), Readiness::new(ConditionReason::NameMoved, why.clone()));
    }
    for (object, readiness) in by_mode {
        if readiness.reason == ConditionReason::Invalid {
            problems.add(object, readiness);
        } else {
            problems.settle(object, readiness);
        }
    }
    problems.add_plan(result, inputs.read_only());
    for broken in &inputs.view.broken {
        if inputs.policies.is_invalid(&broken.meta.object) {
            continue;
        }
        let readiness = Readiness::new(ConditionReason::Invalid, broken.why.clone());
        problems.add(broken.meta.object.clone(), readiness);
    }
    if result.outcome.is_some() {
        add_invited(&mut problems, inputs);
    }
    let readiness = match unrestored {
        Some(why) => Readiness::new(ConditionReason::Failed, why),
        None => with_modes(account_readiness(inputs, result), inputs.view),
    };
    Assessment { readiness, problems }
}

/// Whoever was invited by this pass waits for acceptance: the plan was made before.
fn add_invited(problems: &mut ObjectProblems, inputs: PassInputs<'_>) {
    for object in inputs.view.live_objects() {
        let Spec::User(user) = &object.spec else { continue };
        let member = inputs.world.get(&Key::Member(user.email.clone()));
        let is_pending = matches!(member, Some(Value::Member(Membership::Pending { since: _ })));
        if is_pending && problems.readiness_of(&object.meta.object) == Readiness::up_to_date() {
            let message = format!(
                "{} is invited and has not accepted yet; nothing to do; if the mail was lost, invite again in the \
                 console (Enrollment > Invite)",
                user.email
            );
            let readiness = Readiness::new(ConditionReason::WaitingForAcceptance, message);
            problems.add(object.meta.object.clone(), readiness);
        }
    }
}

/// The first of these that applies: an error that ended the run, only observed, refused, waiting, not applied, not
/// pruned, entries of the plan.
fn account_readiness(inputs: PassInputs<'_>, result: &PlanResult<'_>) -> Readiness {
    let PlanResult { plan, outcome, .. } = result;
    if let Some(error) = outcome.and_then(|outcome| outcome.error.as_ref()) {
        return Readiness::new(ConditionReason::of_error(error), one_line(&error.to_string()));
    }
    if let Some(reason) = inputs.read_only() {
        return observed_only(reason, inputs.policy, plan, inputs.partial);
    }
    if let Some(entry) = plan.refused.first() {
        let message = format!("refused: {}; {}", entry.message, entry.next_step);
        return Readiness::new(ConditionReason::of_entry(entry.reason), message);
    }
    for reason in
        [ConditionReason::ApprovalRequired, ConditionReason::Settling, ConditionReason::FullReadNeeded]
    {
        let mut waiting = plan.waiting.iter();
        if let Some(entry) = waiting.find(|entry| ConditionReason::of_entry(entry.reason) == reason) {
            return Readiness::new(reason, format!("{}; {}", entry.message, entry.next_step));
        }
    }
    if let Some(outcome) = outcome.filter(|outcome| !outcome.is_complete()) {
        return not_applied(outcome);
    }
    match inputs.partial {
        Some(missing) => not_pruned(missing),
        None => with_privileged(entries_left(plan, inputs.manifests), plan),
    }
}

/// What is not followed is told even where all else is as declared.
fn with_modes(readiness: Readiness, view: &View) -> Readiness {
    match (readiness.reason, mode::in_account(&mode::left_out(view))) {
        (ConditionReason::UpToDate | ConditionReason::WaitingForAcceptance, Some(what)) => {
            Readiness::new(readiness.reason, format!("{}; {what}", readiness.message))
        }
        _ => readiness,
    }
}

/// Who holds privileged roles that no manifest asks for is told even where all else is as declared.
fn with_privileged(readiness: Readiness, plan: &Plan) -> Readiness {
    let mut privileged = plan.open_unmanaged().filter(|fact| fact.risk.level >= RiskLevel::High);
    let Some(first) = privileged.next() else { return readiness };
    let Readiness { reason, message } = readiness;
    let first = and_more(named(&plan.bots, &first.subject), privileged.count());
    Readiness::new(reason, format!("{message}; no manifest asks for {first}"))
}

fn observed_only(reason: ConditionReason, policy: &Policy, plan: &Plan, missing: Option<&str>) -> Readiness {
    match (reason, plan.changes.len()) {
        (ConditionReason::Suspended, _) => Readiness::suspended(policy.suspend_reason.as_deref()),
        (_, 0) => missing.map_or_else(Readiness::up_to_date, not_pruned),
        (_, count) => {
            let message =
                format!("{} would be applied; mode Observe writes nothing", facts::count(count, "change"));
            Readiness::new(reason, message)
        }
    }
}

fn not_applied(outcome: &Outcome) -> Readiness {
    let failed = outcome.count(|outcome| matches!(outcome, ChangeOutcome::Failed(_)));
    let left = outcome.count(|outcome| !outcome.is_good());
    let reason = if failed > 0 { ConditionReason::Failed } else { ConditionReason::Progressing };
    Readiness::new(
        reason,
        format!("{} not applied, {failed} of them failed; tried again", facts::count(left, "change")),
    )
}

/// What can be seen is as declared; a part cannot be seen.
fn not_pruned(missing: &str) -> Readiness {
    let message = format!("all that can be seen is as declared; nothing is pruned meanwhile: {missing}");
    Readiness::new(ConditionReason::UpToDate, one_line(&message))
}

/// Everything was applied. What is left is named in the plan or found in the objects.
fn entries_left(plan: &Plan, manifests: &Manifests) -> Readiness {
    let rest = plan.blocked.len() + plan.manual.len();
    let errors = manifests.findings().iter().filter(|finding| finding.is_error()).count();
    match (errors, rest, plan.waiting.len()) {
        (0, 0, 0) => Readiness::up_to_date(),
        (0, 0, waiting) => Readiness::new(
            ConditionReason::WaitingForAcceptance,
            format!("applied; {waiting} entries wait for people"),
        ),
        (errors, rest, waiting) => {
            let open = [(errors, "with errors"), (rest, "blocked or manual"), (waiting, "waiting")];
            let open: Vec<String> = open
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            let message = format!("all else is as declared; {}: see the objects", open.join(", "));
            Readiness::new(ConditionReason::UpToDate, message)
        }
    }
}
