//! Objects that are paused or only observed, by their annotation `koreconcile.dev/mode` (decision 0034). Pure.

use super::inputs::PassInputs;
use super::readiness::{Readiness, and_more, in_passes};
use super::reason::ConditionReason;
use super::view::{Declared, ObjectMode, ObjectRef, View};
use super::view_to_manifests::object_of;
use crate::facts::{Desired, Source};
use crate::manifest::kinds::Kind;
use crate::plan::render::in_words;
use crate::plan::{self, Context, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// Whether an object grants something itself, so that leaving it out is all that pausing it takes.
fn is_followed_by_mode(kind: Kind) -> bool {
    match kind {
        Kind::User | Kind::Role | Kind::GroupMembership | Kind::RoleBinding | Kind::BotAssignment => true,
        Kind::Account | Kind::Team | Kind::Policy | Kind::PolicyException | Kind::Baseline | Kind::Area => {
            false
        }
    }
}

/// Whether an object is left out of what is applied.
pub(super) fn is_left_out(object: &Declared) -> bool {
    object.meta.mode != ObjectMode::Enforce && is_followed_by_mode(object.meta.object.kind)
}

/// The objects that are left out of what is applied, and why.
pub(super) fn left_out(view: &View) -> Vec<(ObjectRef, String)> {
    let why = |object: &Declared| match &object.meta.mode {
        _ if !is_followed_by_mode(object.meta.object.kind) => None,
        ObjectMode::Enforce => None,
        ObjectMode::Observe => Some("it is only observed (koreconcile.dev/mode)"),
        ObjectMode::Paused | ObjectMode::Unknown(_) => Some("it is paused (koreconcile.dev/mode)"),
    };
    let left_out =
        view.live_objects().filter_map(|object| Some((object.meta.object.clone(), why(object)?.to_owned())));
    left_out.collect()
}

/// Those of them that are not even observed.
pub(super) fn paused(view: &View) -> Vec<(ObjectRef, String)> {
    let is_observed = |name: &ObjectRef| observed(view).any(|object| object.meta.object == *name);
    left_out(view).into_iter().filter(|(name, _)| !is_observed(name)).collect()
}

fn observed(view: &View) -> impl Iterator<Item = &Declared> {
    view.live_objects().filter(|object| {
        object.meta.mode == ObjectMode::Observe && is_followed_by_mode(object.meta.object.kind)
    })
}

/// Whether an object is only observed.
pub(super) fn has_observed(view: &View) -> bool {
    observed(view).next().is_some()
}

/// How ready each object is whose annotation says something. `desired` is what all objects come to that are not paused.
pub(super) fn readiness(
    inputs: PassInputs<'_>,
    desired: Option<Desired>,
    context: &Context,
) -> Vec<(ObjectRef, Readiness)> {
    let view = inputs.view;
    let plan = desired.map(|desired| plan::make(desired, inputs.world, inputs.policy, context));
    let would = plan.as_ref().map(would_change).unwrap_or_default();
    let found = view.live_objects().filter_map(|Declared { meta, .. }| {
        let kind = meta.object.kind;
        let readiness = match &meta.mode {
            ObjectMode::Enforce => return None,
            _ if !is_followed_by_mode(kind) => no_effect(kind),
            ObjectMode::Observe => of_observed(would.get(&meta.object)),
            ObjectMode::Paused => Readiness::new(
                ConditionReason::Paused,
                "koreconcile.dev/mode is Paused: nothing that it declares is added or removed, except what ends",
            ),
            ObjectMode::Unknown(value) => Readiness::new(
                ConditionReason::Paused,
                format!("koreconcile.dev/mode is \"{value}\" and counts as Paused; write Enforce, Observe or Paused"),
            ),
        };
        Some((meta.object.clone(), readiness))
    });
    found.collect()
}

fn no_effect(kind: Kind) -> Readiness {
    let message = match kind {
        Kind::Team => {
            "koreconcile.dev/mode has no effect on a KoreTeam: set it on the objects that name the team"
                .to_owned()
        }
        kind => format!("koreconcile.dev/mode has no effect on a {kind}; remove the annotation"),
    };
    Readiness::new(ConditionReason::Invalid, message)
}

fn of_observed(would: Option<&Vec<String>>) -> Readiness {
    match would.map(Vec::as_slice) {
        None | Some([]) => Readiness::new(
            ConditionReason::UpToDate,
            "nothing would be changed; koreconcile.dev/mode is Observe",
        ),
        Some([first, more @ ..]) => Readiness::new(
            ConditionReason::Drift,
            format!("{}; koreconcile.dev/mode is Observe", and_more(first.clone(), more.len())),
        ),
    }
}

/// What a plan says of each object.
fn would_change(plan: &Plan) -> BTreeMap<ObjectRef, Vec<String>> {
    let mut would: BTreeMap<ObjectRef, Vec<String>> = BTreeMap::new();
    let mut add = |sources: &[Source], message: &str| {
        let objects: BTreeSet<ObjectRef> = sources.iter().filter_map(object_of).collect();
        for object in objects {
            would.entry(object).or_default().push(message.to_owned());
        }
    };
    for change in &plan.changes {
        add(&change.sources, &format!("would be changed: {}", in_words(&plan.bots, change)));
    }
    for entry in plan.blocked.iter().chain(&plan.manual) {
        add(&entry.sources, &in_passes(format!("{}; {}", entry.message, entry.next_step)));
    }
    would
}

/// `; 2 objects are paused or only observed: KoreRoleBinding …`, of the account.
pub(super) fn in_account(objects: &[(ObjectRef, String)]) -> Option<String> {
    let (first, _) = objects.first()?;
    let what = crate::facts::count(objects.len(), "object");
    let is = if objects.len() == 1 { "is" } else { "are" };
    let named = and_more(first.to_string(), objects.len() - 1);
    Some(format!("{what} {is} paused or only observed (koreconcile.dev/mode): {named}"))
}
