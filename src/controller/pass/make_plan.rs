//! The plan of a pass, before approvals and settling are considered. Pure.

use super::inputs::PassInputs;
use super::propose::covered;
use super::{AccountMemory, Session, write_only};
use crate::facts::Desired;
use crate::plan::{self, Context, Inputs, Plan, TrustedEnds};

/// Plans what is desired. Gives the context as well: deferring changes prices the plan again.
pub(super) fn make_plan(
    inputs: PassInputs<'_>,
    desired: Desired,
    memory: &mut AccountMemory,
    session: &Session<'_>,
) -> (Plan, Context) {
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
        now,
        trusted_ends: TrustedEnds::Declared,
        ..Context::default()
    };
    let for_correction = memory.wrote_ahead().then(|| desired.clone());
    let plan = plan::make(desired, world, policy, &context);
    let Some(desired) = for_correction else { return (plan, context) };
    if !memory.correct(&plan) {
        return (plan, context);
    }
    // Removals that were counted and never sent no longer use up the ceilings.
    context.day = Some(memory.day(covered, now));
    (plan::make(desired, world, policy, &context), context)
}
