//! Edited or drift: why a change is in the plan.
//!
//! A change is *edited* when planning the manifests of the base revision against the same observed world does not
//! yield a change of the same id; else it is *drift*: those manifests asked for it too, so it is the account that
//! differs. Ids leave sources out, so moving a line edits nothing.

use super::model::{ChangeId, Origin, Plan};
use std::collections::HashSet;

/// Marks every change of `plan`. `base` is the plan of the manifests at `revision`, made of the same world.
#[must_use]
pub fn mark(mut plan: Plan, base: &Plan, revision: &str) -> Plan {
    let wanted_before: HashSet<&ChangeId> = base.changes.iter().map(|change| &change.id).collect();
    for change in &mut plan.changes {
        change.origin = if wanted_before.contains(&change.id) { Origin::Drift } else { Origin::Edited };
    }
    plan.base = Some(revision.to_owned());
    plan
}
