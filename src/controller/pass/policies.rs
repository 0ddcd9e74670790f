//! Which version of each policy is in force, and what policies say of the account. Pure.
//!
//! A version with errors is not used: the last one without stays in force, as the object's own status has it. Where no
//! version could ever be judged, what the policy denies is not known, so that additions of its kind are denied.

use super::conditions::{MESSAGE_MAX, condition, shortened};
use super::inputs::PassInputs;
use super::readiness::{Readiness, and_more};
use super::reason::ConditionReason;
use super::view::{Broken, Declared, ObjectRef, View};
use super::view_to_manifests::object_of;
use crate::facts::{Family, RuleAction, RuleSet, UnjudgedRule};
use crate::manifest::kinds::status::PolicyInForce;
use crate::manifest::kinds::{Kind, KorePolicySpec, ObjectStatus, Spec};
use crate::manifest::{Compiled, Manifest, Manifests};
use crate::plan::{Plan, Violation, ViolationState};
use crate::policy::{Policies, Problem};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The type of the account's condition.
const COMPLIANT: &str = "Compliant";

/// The policies of a view.
#[derive(Debug, Default)]
pub(super) struct PoliciesInForce {
    /// Objects whose current version is not used.
    invalid: BTreeMap<ObjectRef, Invalid>,
    /// How many policies there are.
    count: usize,
    /// When an exception ends next, or a deadline passes.
    pub(super) next_end: Option<Timestamp>,
    /// Time alone changes what they say.
    pub(super) depend_on_time: bool,
}

/// A policy with errors.
#[derive(Debug)]
struct Invalid {
    why: String,
    /// The version that is used instead; none was ever judged.
    last: Option<PolicyInForce>,
}

impl PoliciesInForce {
    /// What is wrong with the policies of these manifests, by object: errors in them, CEL that does not compile, objects
    /// that cannot be read.
    pub(super) fn new(
        view: &View,
        manifests: &Manifests,
        compiled: &Compiled,
        cel_problems: Vec<Problem>,
    ) -> Self {
        let mut found = Self::default();
        let is_policy = |object: &ObjectRef| {
            object.kind == Kind::Policy && object.namespace == view.account.meta.object.namespace
        };
        let errors =
            manifests.findings().iter().chain(&compiled.findings).filter(|finding| finding.is_error());
        let mut by_label: BTreeMap<&str, String> = BTreeMap::new();
        for finding in errors {
            by_label.entry(&*finding.spot.file).or_insert_with(|| finding.with_next_step());
        }
        for Declared { meta, spec: _, status } in view.live_objects() {
            if !is_policy(&meta.object) {
                continue;
            }
            found.count += 1;
            if let Some(why) = by_label.remove(meta.object.to_string().as_str()) {
                found.add(&meta.object, why, status);
            }
        }
        for problem in cel_problems {
            let object = object_of(&problem.source).filter(|object| !found.invalid.contains_key(object));
            let declared =
                view.live_objects().find(|declared| Some(&declared.meta.object) == object.as_ref());
            if let Some(Declared { meta, spec: _, status }) = declared {
                found.add(&meta.object, format!("{}; {}", problem.message, problem.hint), status);
            }
        }
        for Broken { meta, spec: _, why, status } in &view.broken {
            if is_policy(&meta.object) && meta.deleted.is_none() {
                found.count += 1;
                found.add(&meta.object, why.clone(), status);
            }
        }
        found
    }

    fn add(&mut self, object: &ObjectRef, why: String, status: &ObjectStatus) {
        self.invalid.insert(object.clone(), Invalid { why, last: status.in_force.clone() });
    }

    /// Whether every policy is used as it is.
    pub(super) fn are_current(&self) -> bool {
        self.invalid.is_empty()
    }

    /// Whether the current version of an object is not used.
    pub(super) fn is_invalid(&self, object: &ObjectRef) -> bool {
        self.invalid.contains_key(object)
    }

    /// The objects with the versions that are in force. A policy without one is left out.
    pub(super) fn in_force(&self, view: &View) -> View {
        let mut objects: Vec<Arc<Declared>> = Vec::with_capacity(view.objects.len());
        for object in &view.objects {
            let Some(invalid) = self.invalid.get(&object.meta.object) else {
                objects.push(Arc::clone(object));
                continue;
            };
            if let Some(spec) = invalid.last_spec() {
                objects.push(Arc::new(Declared { spec, ..(**object).clone() }));
            }
        }
        let of_broken = view.broken.iter().filter_map(|broken| {
            let spec = self.invalid.get(&broken.meta.object)?.last_spec()?;
            Some(Arc::new(Declared { meta: broken.meta.clone(), spec, status: broken.status.clone() }))
        });
        objects.extend(of_broken);
        let is_used = |broken: &Broken| {
            self.invalid.get(&broken.meta.object).is_some_and(|invalid| invalid.last_spec().is_some())
        };
        let broken = view.broken.iter().filter(|broken| !is_used(broken)).cloned().collect();
        View { objects, broken, ..view.clone() }
    }

    /// Adds the policies to the rules of which no version is used. `first` are the rules of the current versions, `now` of
    /// those in force: an old version may have `problems`, either.
    pub(super) fn deny_unjudged(&self, first: &RuleSet, now: &mut RuleSet, problems: &[Problem]) {
        let broken_again: BTreeSet<&str> = problems.iter().map(|problem| problem.policy.as_str()).collect();
        let unjudged = self.invalid.iter().filter_map(|(object, invalid)| {
            let is_used = invalid.last_spec().is_some() && !broken_again.contains(&*object.name);
            if is_used {
                return None;
            }
            let families = match first.rules.iter().find(|rule| rule.name == object.name) {
                Some(rule) if rule.action != RuleAction::Deny => return None,
                Some(rule) => rule.shapes.iter().flat_map(crate::facts::RuleShape::families).collect(),
                // What cannot be read may be about anything.
                None => BTreeSet::from(Family::ALL),
            };
            let source =
                Manifest::resource(&object.namespace, &object.name, Spec::Policy(Box::default())).source("");
            Some(UnjudgedRule { name: Arc::clone(&object.name), why: invalid.why.clone(), families, source })
        });
        now.unjudged = unjudged.collect();
    }

    /// When they have to be judged again although nothing has changed.
    pub(super) fn note_times(&mut self, rules: &RuleSet, compiled_rules: &Policies, now: Timestamp) {
        let deadlines = rules.rules.iter().filter_map(|rule| rule.deadline);
        let ends = rules.exceptions.iter().map(|exception| exception.expires_at).chain(deadlines);
        self.next_end = ends.filter(|end| now < *end).min();
        self.depend_on_time = compiled_rules.depend_on_time();
    }

    /// What each of those with errors says of itself.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&ObjectRef, Readiness)> {
        self.invalid.iter().map(|(object, Invalid { why, last })| {
            let instead = match last {
                Some(last) => format!("the version of generation {} stays in force", last.generation),
                None => {
                    "no version was ever in force: additions that it could be about are denied".to_owned()
                }
            };
            (object, Readiness::new(ConditionReason::Invalid, format!("{why}; {instead}")))
        })
    }

    /// What a policy's status keeps: the version that is in force.
    pub(super) fn status(&self, object: &Declared) -> Option<PolicyInForce> {
        let Spec::Policy(spec) = &object.spec else { return None };
        match self.invalid.get(&object.meta.object) {
            Some(invalid) => invalid.last.clone(),
            None => Some(PolicyInForce {
                generation: object.meta.generation,
                spec: serde_json::to_string(spec).ok()?,
            }),
        }
    }

    /// The account's condition: none where there are no policies.
    pub(super) fn condition(&self, inputs: PassInputs<'_>, plan: &Plan) -> Option<Condition> {
        if self.count == 0 {
            return None;
        }
        let left = left_violations(plan);
        let never = self.invalid.iter().find(|(_, invalid)| invalid.last.is_none());
        let (status, reason, message) = match (left.first(), never) {
            (Some(first), _) => ("False", "Violated", and_more(told(first), left.len() - 1)),
            (None, Some((object, _))) => (
                "Unknown",
                "PolicyInvalid",
                format!("{object} was never in force: what it asks for is not known"),
            ),
            (None, None) => {
                let policies = if self.count == 1 { "policy" } else { "policies" };
                ("True", COMPLIANT, format!("{} {policies}: none is violated", self.count))
            }
        };
        let meta = &inputs.view.account.meta;
        let before = &inputs.view.account.status.conditions;
        let (reason, message) = (reason.to_owned(), shortened(&message, MESSAGE_MAX));
        Some(condition((COMPLIANT, status), reason, message, meta.generation, before, inputs.now))
    }
}

impl Invalid {
    fn last_spec(&self) -> Option<Spec> {
        let spec: KorePolicySpec = serde_json::from_str(&self.last.as_ref()?.spec).ok()?;
        Some(Spec::Policy(Box::new(spec)))
    }
}

/// What is violated when the plan has been applied: what it introduces and is not blocked, and what stays.
fn left_violations(plan: &Plan) -> Vec<&Violation> {
    let blocked: BTreeSet<_> = plan.blocked.iter().flat_map(|entry| &entry.changes).collect();
    let is_blocked = |violation: &Violation| {
        !violation.changes.is_empty() && violation.changes.iter().all(|id| blocked.contains(id))
    };
    let stays = |violation: &&Violation| match violation.state {
        ViolationState::Cured => false,
        ViolationState::Existing => true,
        ViolationState::Introduced => !is_blocked(violation),
    };
    plan.violations.iter().filter(stays).collect()
}

/// `policy separation (high): jane@example.com holds ...`
pub(super) fn told(violation: &Violation) -> String {
    format!("policy {} ({}): {}", violation.policy, violation.severity.label(), violation.message)
}

/// The violations that are new since the last pass: those that the plan introduces, and after the first pass of this
/// process those that came about at the platform.
pub(super) fn new_since<'p>(
    plan: &'p Plan,
    seen: &mut Option<BTreeSet<(String, String)>>,
) -> Vec<&'p Violation> {
    let identity = |violation: &Violation| (violation.policy.clone(), violation.subject.clone());
    let is_there = |violation: &&Violation| violation.state != ViolationState::Cured;
    let now: BTreeSet<_> = plan.violations.iter().filter(is_there).map(identity).collect();
    let before = seen.replace(now);
    let is_new = |violation: &&Violation| match &before {
        Some(before) => !before.contains(&identity(violation)),
        None => violation.state == ViolationState::Introduced,
    };
    plan.violations.iter().filter(is_there).filter(is_new).collect()
}
