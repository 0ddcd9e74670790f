//! Which finalizers are put on and taken off, and what happens to published plans. Pure.

use super::assess::Assessment;
use super::inputs::{PassInputs, PlanResult};
use super::propose::{Proposals, propose};
use super::reason::ConditionReason;
use super::view::{Declared, ObjectRef};
use super::view_to_manifests::removes;

/// What is kept in order besides statuses.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Housekeeping {
    /// Objects that get our finalizer.
    pub add_finalizer: Vec<ObjectRef>,
    /// Objects that lose our finalizer.
    pub remove_finalizer: Vec<ObjectRef>,
    /// Plans to publish, to mark and to delete.
    pub proposals: Proposals,
}

/// The finalizer is on every object whose deletion takes something away, until that has been done or is not wanted.
pub(super) fn housekeeping(
    inputs: PassInputs<'_>,
    result: &PlanResult<'_>,
    assessment: &Assessment,
) -> Housekeeping {
    let (mut add_finalizer, mut remove_finalizer) = (Vec::new(), Vec::new());
    for Declared { meta, spec, status: _ } in inputs.view.objects() {
        let is_wanted = removes(spec) && !meta.is_orphaned;
        let is_done = || {
            inputs.read_only().is_none()
                && assessment.problems.readiness_of(&meta.object).reason == ConditionReason::UpToDate
        };
        match (meta.has_finalizer, is_wanted, meta.deleted.is_some()) {
            (false, true, false) => add_finalizer.push(meta.object.clone()),
            (true, false, _) => remove_finalizer.push(meta.object.clone()),
            (true, true, true) if is_done() => remove_finalizer.push(meta.object.clone()),
            (true, true, _) | (false, true, true) | (false, false, _) => {}
        }
    }
    let proposals = propose(result.plan, inputs.view, &result.left);
    Housekeeping { add_finalizer, remove_finalizer, proposals }
}
