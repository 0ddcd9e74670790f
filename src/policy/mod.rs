//! Rules about who may hold what, judged by one function at every place.
//!
//! In: the rules as manifests declare them, and a [`Picture`] of an account: as it is declared, as it was observed, or as
//! a plan would leave it. Out: violations. [`compile`] turns rules into [`Policies`] and finds what is wrong with their
//! CEL; [`declared`] judges what manifests declare; [`review()`] judges a plan, says which violations it introduces, which
//! were there and which it cures, and blocks the additions that a rule with Deny does not allow; [`found_breaches()`] lists what
//! an account violates as it is, with the exceptions that cover it, for reports.
//!
//! # Guarantees
//!
//! Nothing that takes access away is ever blocked. A rule that cannot be evaluated counts as violated. The time is linear
//! in people and grants for every typed condition. Pure: `now` is passed in.

mod account;
mod cel;
mod condition;
mod deadline;
mod exception;
mod found;
mod judge;
mod known;
mod picture;
mod review;
mod select;
mod shapes;
mod together;
mod words;

pub use account::{Beside, account_of};
pub use deadline::enforce_deadlines;
pub use found::{FoundBreach, found_breaches};
pub use judge::{Breach, Judgement, judge, judge_and_count};
pub use known::Known;
pub use picture::Picture;
pub use review::{Reviewed, Reviewer, looked_at, review, review_declared};

use crate::facts::{
    Desired, Key, PolicyRule, RoleSet, RuleAction, RuleException, RuleOver, RuleReach, RuleSet, RuleShape,
    Source,
};
use crate::plan::Change;
use condition::Condition;
use jiff::Timestamp;
use regex::Regex;
use std::collections::BTreeSet;

/// Rules that can be judged.
pub struct Policies {
    rules: Vec<Policy>,
    exceptions: Vec<RuleException>,
}

/// One rule with its conditions, compiled.
pub struct Policy {
    /// What the manifest says.
    pub rule: PolicyRule,
    conditions: Vec<Condition>,
}

/// What is wrong with a rule itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The policy.
    pub policy: String,
    /// Where it is written.
    pub source: Source,
    /// What was found.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl Policies {
    /// Whether nothing is judged.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// All of them, by name.
    pub fn all(&self) -> &[Policy] {
        &self.rules
    }

    /// Whether what they say changes with time alone, ends of exceptions aside.
    pub fn depend_on_time(&self) -> bool {
        self.rules.iter().flat_map(|policy| &policy.conditions).any(Condition::depends_on_time)
    }

    /// How far the policy of that name looks.
    pub fn reach(&self, name: &str) -> Option<RuleReach> {
        self.rules.iter().find(|policy| *policy.rule.name == *name).map(|policy| policy.rule.reach())
    }

    /// Why a change waits for a look at more than the person whom it is about: a policy with Deny that could refuse what
    /// it gives looks further.
    pub fn beyond_person(&self, change: &Change) -> Option<String> {
        let may_refuse = |policy: &&Policy| {
            let conditions = policy.rule.shapes.iter().filter(|shape| shape.reach() > RuleReach::Person);
            policy.rule.action == RuleAction::Deny
                && conditions.into_iter().any(|shape| may_count(shape, &change.key))
        };
        if change.action.is_removal() {
            return None;
        }
        let policy = self.rules.iter().find(may_refuse)?;
        Some(format!("policy {} looks at more than the person whom the change is about", policy.rule.name))
    }

    /// The same with the condition of one rule negated: every test of it should notice.
    #[must_use]
    pub fn mutated(mut self, at: usize, condition: usize) -> Self {
        if let Some(condition) =
            self.rules.get_mut(at).and_then(|policy| policy.conditions.get_mut(condition))
        {
            condition.is_negated = true;
        }
        self
    }

    /// Every condition, as the place of its policy, its own place, and the field that declares it.
    pub fn conditions(&self) -> Vec<(usize, usize, &'static str)> {
        let each = |(at, policy): (usize, &Policy)| {
            let fields = policy.conditions.iter().enumerate();
            fields.map(|(index, condition)| (at, index, condition.shape.field())).collect::<Vec<_>>()
        };
        self.rules.iter().enumerate().flat_map(each).collect()
    }
}

/// Compiles the rules. Those with a problem are left out, and the problems say why.
pub fn compile(set: &RuleSet) -> (Policies, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut rules = Vec::new();
    for rule in &set.rules {
        let before = problems.len();
        let conditions: Vec<Condition> =
            rule.shapes.iter().filter_map(|shape| condition::compile(rule, shape, &mut problems)).collect();
        if problems.len() == before {
            rules.push(Policy { rule: rule.clone(), conditions });
        }
    }
    (Policies { rules, exceptions: set.exceptions.clone() }, problems)
}

/// What the declaration of an account violates, and the exceptions that cover nothing of it.
pub fn declared(
    policies: &Policies,
    set: &RuleSet,
    desired: &Desired,
    now: Timestamp,
) -> (Vec<Breach>, Vec<RuleException>) {
    let known = Known::declared(desired, set);
    let facts = known.facts();
    let picture = Picture::new(&facts, &BTreeSet::new(), &known);
    let breaches = judge(policies, &picture, &known, None, now);
    exception::apply(policies, &picture, breaches, now)
}

/// Whether a fact may make a difference to a condition over several people.
fn may_count(shape: &RuleShape, key: &Key) -> bool {
    let is_in_set = |set: &RoleSet| match key {
        // It gives what the group holds.
        Key::InGroup(..) => true,
        Key::RoleDefinition(..) => !set.permissions.is_empty(),
        key => key
            .role()
            .is_some_and(|(role_type, role)| !set.permissions.is_empty() || set.names(role_type, role)),
    };
    match shape {
        RuleShape::Holders { set, .. } => is_in_set(set),
        _ => true,
    }
}

/// What objects violate, each judged by itself, and how many of them each condition has looked at.
pub fn of_objects(policies: &Policies, set: &RuleSet, now: Timestamp) -> Judgement {
    let known = Known::of_objects(set);
    let mut found = judge_and_count(policies, &Picture::default(), &known, None, now, None);
    let is_over_objects = |(at, condition): (usize, usize)| {
        let shape = &policies.rules[at].conditions[condition].shape;
        matches!(shape, RuleShape::Cel { over: RuleOver::Object, .. })
    };
    found.breaches.retain(|breach| is_over_objects(breach.at));
    found.looked_at.retain(|at, _| is_over_objects(*at));
    found
}

fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| match error {
        regex::Error::Syntax(why) => why.lines().last().unwrap_or_default().trim().to_owned(),
        error => error.to_string(),
    })
}
