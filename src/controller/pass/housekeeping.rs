//! Which finalizers are taken off, and what happens to published plans. Pure.

use super::inputs::{PassInputs, PlanResult};
use super::propose::{Proposals, propose};
use super::view::{ObjectRef, View};

/// What is kept in order besides statuses.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Housekeeping {
    /// Objects that lose the finalizer of an earlier version: nothing of ours holds up a deletion.
    pub remove_finalizer: Vec<ObjectRef>,
    /// Plans to publish, to mark and to delete.
    pub proposals: Proposals,
}

/// What there is to keep in order after a plan.
pub(super) fn housekeeping(inputs: PassInputs<'_>, result: &PlanResult<'_>) -> Housekeeping {
    let proposals = propose(inputs, result);
    Housekeeping { remove_finalizer: finalizers(inputs.view), proposals }
}

/// The objects that the finalizer of an earlier version is on.
pub(super) fn finalizers(view: &View) -> Vec<ObjectRef> {
    let metas =
        view.objects().map(|object| &object.meta).chain(view.broken.iter().map(|broken| &broken.meta));
    metas.filter(|meta| meta.has_finalizer).map(|meta| meta.object.clone()).collect()
}
