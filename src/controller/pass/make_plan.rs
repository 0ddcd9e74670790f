//! The plan of a pass, before approvals and settling are considered. Pure.

use super::approvals::{Approvals, approvable, needs_approval};
use super::focus::Focusing;
use super::inputs::PassInputs;
use super::{AccountMemory, Session, write_only};
use crate::facts::{Approval, Desired, World};
use crate::plan::{
    self, Change, ChangeId, Context, Declaration, Earlier, Effect, Focused, Inputs, Memory, Plan,
};
use crate::policy::Reviewer;
use std::collections::BTreeSet;

/// A plan, and what it leaves to remember.
pub(super) struct Planned {
    /// The plan.
    pub(super) plan: Plan,
    /// The memory to store before anything is sent.
    pub(super) next: Memory,
    /// What of it waits for an approval.
    pub(super) waits: Waits,
    /// What was read with what was looked at laid over it, where that was not everything.
    pub(super) laid: Option<World>,
}

/// What a plan was made with, and which of it is approved.
pub(super) struct Waits {
    /// What it was made with: deferring changes prices the plan again.
    pub(super) context: Context,
    /// Changes and effects of the plan that are approved.
    pub(super) approved: BTreeSet<ChangeId>,
    /// Effects of the plan that wait for an approval: what was declared before holds.
    pub(super) held: BTreeSet<ChangeId>,
}

/// What is desired, and what was made of it before the account was compared.
pub(super) struct Declared<'r> {
    /// The facts.
    pub(super) desired: Desired,
    /// The policies about who may hold what.
    pub(super) reviewer: Reviewer<'r>,
    /// What the objects are.
    pub(super) declaration: Declaration,
    /// Loosened guards that wait for an approval and were put back.
    pub(super) held_guards: Vec<Effect>,
}

/// Plans what is desired, as the policies allow it.
pub(super) fn make_plan(
    inputs: PassInputs<'_>,
    declared: Declared<'_>,
    memory: &mut AccountMemory,
    session: &Session<'_>,
    focusing: Option<&Focusing>,
) -> Planned {
    let PassInputs { view, manifests, policy, policies: _, partial: _, world, now } = inputs;
    let Declared { desired, reviewer, declaration, held_guards } = declared;
    memory.plan_memory.note_pending(world, now);
    let approvals = Approvals::new(view, &memory.plan_memory, now);
    let named = approvals.ids();
    let mut context = Context {
        account: view.account.meta.object.name.to_string(),
        host: session.host.to_owned(),
        inputs: Inputs { digest: String::new(), documents: manifests.all().len() },
        day: Some(memory.day(named.clone(), now)),
        rewrite: write_only::rewrite(view),
        look_up_size: session.reader.sizes().look_up,
        memory: memory.plan_memory.clone(),
        declaration,
        now,
        clock: session.gateway.clock_check(),
        ..Context::default()
    };
    let desired = reviewer.enforce_deadlines(desired, world, policy, &context);
    let compare = |desired: Desired, context: &Context| {
        let Compared { plan, next, laid } = compare(desired, inputs, &reviewer, focusing, context);
        let plan = reviewer.review(plan, laid.as_ref().unwrap_or(world), policy, context);
        Compared { plan, next, laid }
    };
    // Who has edited what, and the digest of the plan, are known only of a plan: it may have to be made once more.
    let is_once =
        policy.approval == Approval::Automatic && view.approvals.is_empty() && !memory.wrote_ahead();
    let again = (!is_once).then(|| desired.clone());
    let mut compared = compare(desired, &context);
    let mut approvals = approvals.with_plan(&compared.plan);
    if let Some(desired) = again {
        let approved = approvals.approved(approvable(&compared.plan));
        let waits = |effect: &&Effect| {
            needs_approval(policy.approval, effect.risk.level) && !approved.contains(&effect.id)
        };
        context.held = compared.plan.declared.iter().filter(waits).map(|effect| effect.id.clone()).collect();
        let counts = |change: &Change| named.contains(&change.id) == approved.contains(&change.id);
        let is_corrected = memory.correct(&compared.plan);
        if is_corrected || !context.held.is_empty() || !compared.plan.changes.iter().all(counts) {
            // Removals that were counted and never sent no longer use up the ceilings.
            context.day = Some(memory.day(approved, now));
            compared = compare(desired, &context);
            approvals = approvals.with_plan(&compared.plan);
        }
    }
    let Compared { mut plan, next, laid } = compared;
    let mut held = context.held.clone();
    held.extend(held_guards.iter().map(|effect| effect.id.clone()));
    plan.declared.extend(held_guards);
    let approved = approvals.approved(approvable(&plan));
    Planned { plan, next, waits: Waits { context, approved, held }, laid }
}

/// A comparison with the account, and what it leaves.
struct Compared {
    plan: Plan,
    next: Memory,
    laid: Option<World>,
}

/// Compares with what was read, or with what was looked at on top of what was read before.
fn compare(
    desired: Desired,
    inputs: PassInputs<'_>,
    reviewer: &Reviewer<'_>,
    focusing: Option<&Focusing>,
    context: &Context,
) -> Compared {
    let PassInputs { world, policy, .. } = inputs;
    let Some(Focusing { kept, rest, looks, at: _ }) = focusing else {
        let (plan, next) = plan::plan_and_remember(desired, world, policy, context);
        return Compared { plan, next, laid: None };
    };
    let earlier = Earlier { world: &kept.world, rest };
    let waits = |change: &Change| reviewer.beyond_person(change);
    let Focused { plan, memory: next, world: laid } =
        plan::make_focused(desired, earlier, looks, policy, context, &waits);
    Compared { plan, next, laid: Some(laid) }
}
