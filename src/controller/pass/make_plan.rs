//! The plan of a pass, before approvals and settling are considered. Pure.

use super::inputs::PassInputs;
use super::propose::covered;
use super::{AccountMemory, Session, write_only};
use crate::facts::Desired;
use crate::plan::{self, Context, Declaration, Inputs, Memory, Plan};

/// A plan, and what it leaves to remember.
pub(super) struct Planned {
    /// The plan.
    pub(super) plan: Plan,
    /// What it was made with: deferring changes prices the plan again.
    pub(super) context: Context,
    /// The memory to store before anything is sent.
    pub(super) next: Memory,
}

/// Plans what is desired.
pub(super) fn make_plan(
    inputs: PassInputs<'_>,
    desired: Desired,
    declaration: Declaration,
    memory: &mut AccountMemory,
    session: &Session<'_>,
) -> Planned {
    let PassInputs { view, manifests, policy, world, now } = inputs;
    memory.plan_memory.note_pending(world, now);
    let covered = covered(view);
    let mut context = Context {
        account: view.account.meta.object.name.to_string(),
        host: session.host.to_owned(),
        inputs: Inputs { digest: String::new(), documents: manifests.all().len() },
        day: Some(memory.day(covered.clone(), now)),
        rewrite: write_only::rewrite(view),
        look_up_size: session.reader.sizes().look_up,
        memory: memory.plan_memory.clone(),
        declaration,
        now,
        ..Context::default()
    };
    let for_correction = memory.wrote_ahead().then(|| desired.clone());
    let (plan, next) = plan::plan_and_remember(desired, world, policy, &context);
    let Some(desired) = for_correction else { return Planned { plan, context, next } };
    if !memory.correct(&plan) {
        return Planned { plan, context, next };
    }
    // Removals that were counted and never sent no longer use up the ceilings.
    context.day = Some(memory.day(covered, now));
    Planned { plan: plan::make(desired, world, policy, &context), context, next }
}
