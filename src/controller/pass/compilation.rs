//! The objects of a view become what is desired of the account, less the objects whose names have moved. Pure.

use super::policies::PoliciesInForce;
use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::view::{ObjectRef, View};
use super::view_to_manifests::manifests;
use super::{approvals, mode, pins};
use crate::facts::{Desired, World};
use crate::manifest::{Compiled, Manifests, compile};
use crate::plan::{Effect, Memory};
use crate::policy::{self, Policies};
use jiff::Timestamp;

/// What the objects of a view come to.
pub(super) struct Compilation {
    /// The checked objects.
    pub(super) manifests: Manifests,
    /// What is desired, and how much may be done for it.
    pub(super) compiled: Compiled,
    /// Its rules, ready to be judged.
    pub(super) compiled_rules: Policies,
    /// Which policies are in force.
    pub(super) policies: PoliciesInForce,
    /// Objects that are left out because a name in them has moved, and why.
    pub(super) moved: Vec<(ObjectRef, String)>,
    /// What is desired together with the objects that are only observed, where there are some.
    pub(super) observed: Option<Desired>,
}

impl Compilation {
    /// Checks and compiles all objects of a view, its policies in the versions that are in force.
    pub(super) fn new(view: &View, now: Timestamp) -> Result<Self, Readiness> {
        Self::without(view, Vec::new(), now)
    }

    fn without(view: &View, moved: Vec<(ObjectRef, String)>, now: Timestamp) -> Result<Self, Readiness> {
        let left_out = [mode::left_out(view), moved.clone()].concat();
        let compiled_of = |view: &View| {
            let manifests = manifests(view, &left_out);
            let compiled = compile(&manifests, Some(&view.account.meta.object.name), now)
                .map_err(|error| Readiness::new(ConditionReason::Invalid, error.to_string()))?;
            Ok((manifests, compiled))
        };
        let (mut manifests, mut compiled) = compiled_of(view)?;
        let (mut compiled_rules, problems) = policy::compile(&compiled.rules);
        let mut policies = PoliciesInForce::new(view, &manifests, &compiled, problems);
        if !policies.are_current() {
            let current = compiled.rules;
            (manifests, compiled) = compiled_of(&policies.in_force(view))?;
            let problems;
            (compiled_rules, problems) = policy::compile(&compiled.rules);
            policies.deny_unjudged(&current, &mut compiled.rules, &problems);
        }
        policies.note_times(&compiled.rules, &compiled_rules, now);
        let observed = mode::has_observed(view).then(|| desired_with_observed(view, &moved, now)).flatten();
        Ok(Self { manifests, compiled, compiled_rules, policies, moved, observed })
    }

    /// Puts back what is loosened and waits for an approval; gives these effects.
    pub(super) fn hold_guards(&mut self, view: &View, memory: &Memory, now: Timestamp) -> Vec<Effect> {
        let Self { compiled: Compiled { policy, rules, .. }, compiled_rules, policies, .. } = self;
        let held = approvals::hold_guards(view, memory, policy, now);
        if rules.put_back(&policy.rules) {
            *compiled_rules = policy::compile(rules).0;
            policies.note_times(rules, compiled_rules, now);
        }
        held
    }

    /// Leaves out the objects whose names now mean something else. What they could have spoken about is neither pruned
    /// nor retired.
    pub(super) fn without_moved(self, view: &View, world: &World, now: Timestamp) -> Self {
        let moved: Vec<(ObjectRef, String)> =
            view.objects().filter_map(|object| pins::moved(object, world)).collect();
        if moved.is_empty() {
            return self;
        }
        // The account is the same as before, so compiling does not fail.
        Self::without(view, moved.clone(), now).unwrap_or(Self { moved, ..self })
    }
}

/// What all objects come to that are not paused.
fn desired_with_observed(view: &View, moved: &[(ObjectRef, String)], now: Timestamp) -> Option<Desired> {
    let left_out = [&mode::paused(view)[..], moved].concat();
    let account = &view.account.meta.object.name;
    compile(&manifests(view, &left_out), Some(account), now).ok().map(|compiled| compiled.desired)
}
