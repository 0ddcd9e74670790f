//! The one function that judges: rules over a picture, whatever it is a picture of.

use super::known::Known;
use super::picture::Picture;
use super::select::Selection;
use super::{Policies, cel, shapes};
use crate::facts::{Key, RuleAction, RuleSeverity, RuleShape, Source};
use crate::plan::{Change, ChangeId};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a rule says is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// Place of the policy, and of its condition.
    pub at: (usize, usize),
    /// Name of the policy.
    pub policy: String,
    /// How bad it is.
    pub severity: RuleSeverity,
    /// What follows.
    pub action: RuleAction,
    /// What it is about: the same in every picture in which it is violated.
    pub subject: String,
    /// What was found, and the rule.
    pub message: String,
    /// The facts that together are the violation, as far as the condition can tell.
    pub facts: Vec<Key>,
    /// Where these are declared.
    pub sources: Vec<Source>,
    /// The change that is the violation, for a rule over changes.
    pub change: Option<ChangeId>,
    /// Whether [`Self::facts`] are exactly those that matter; of a rule in CEL over a person, any of them may.
    pub is_exact: bool,
    /// The people it is about, as places in the picture.
    pub(super) people: Vec<usize>,
    /// The grants it is about: person and place.
    pub(super) grants: Vec<(usize, usize)>,
}

/// Breaches, and how many things each condition has looked at.
#[derive(Default)]
pub struct Judgement {
    /// What is violated.
    pub breaches: Vec<Breach>,
    /// By policy and condition.
    pub looked_at: BTreeMap<(usize, usize), usize>,
}

/// Judges a picture. `changes` are those of a plan, where there is one: only then rules over changes look at anything.
pub fn judge(
    policies: &Policies,
    picture: &Picture,
    known: &Known,
    changes: Option<&[&Change]>,
    now: Timestamp,
) -> Vec<Breach> {
    judge_and_count(policies, picture, known, changes, now, None).breaches
}

/// The same with what was looked at, of all policies or of one.
pub fn judge_and_count(
    policies: &Policies,
    picture: &Picture,
    known: &Known,
    changes: Option<&[&Change]>,
    now: Timestamp,
    only: Option<usize>,
) -> Judgement {
    let mut judgement = Judgement::default();
    let is_asked = |at: usize| only.is_none_or(|only| only == at);
    for (at, policy) in policies.rules.iter().enumerate().filter(|(at, _)| is_asked(*at)) {
        let selection = Selection::new(&policy.rule.about, picture);
        for (index, condition) in policy.conditions.iter().enumerate() {
            let mut examination = Examination {
                at: (at, index),
                policy,
                picture,
                known,
                selection: &selection,
                now,
                is_negated: condition.is_negated,
                looks_at_permissions: policy.rule.about.looks_at_permissions()
                    || condition.looks_at_permissions(),
                judgement: &mut judgement,
            };
            match &condition.shape {
                RuleShape::Cel { over, message, .. } => {
                    if let Some(program) = &condition.program {
                        let told =
                            cel::Told { fixed: message.as_deref(), expression: condition.message.as_ref() };
                        cel::judge(&mut examination, *over, program, &told, changes);
                    }
                }
                _ => shapes::judge(&mut examination, condition),
            }
        }
    }
    judgement
}

/// Where one condition is judged.
pub(super) struct Examination<'a> {
    pub(super) at: (usize, usize),
    pub(super) policy: &'a super::Policy,
    pub(super) picture: &'a Picture,
    pub(super) known: &'a Known,
    pub(super) selection: &'a Selection<'a>,
    pub(super) now: Timestamp,
    is_negated: bool,
    /// What a role permits is then part of a violation.
    looks_at_permissions: bool,
    judgement: &'a mut Judgement,
}

/// What one look of a condition was at.
#[derive(Default)]
pub(super) struct Look {
    pub(super) subject: String,
    pub(super) people: Vec<usize>,
    pub(super) grants: Vec<(usize, usize)>,
    /// Facts beside those that the grants come from.
    pub(super) facts: Vec<Key>,
    pub(super) change: Option<ChangeId>,
    /// Where an object is written that is looked at by itself.
    pub(super) source: Option<Source>,
    pub(super) is_exact: bool,
}

impl Examination<'_> {
    /// Notes one look and what it has found. The look is described only where it has to be.
    pub(super) fn note(&mut self, violation: Option<String>, describe: impl FnOnce() -> Look) {
        *self.judgement.looked_at.entry(self.at).or_default() += 1;
        let violation = match (violation, self.is_negated) {
            (Some(message), false) => message,
            (None, true) => "the condition is negated".to_owned(),
            _ => return,
        };
        let Look { subject, people, grants, mut facts, change, source, is_exact } = describe();
        for (person, grant) in &grants {
            facts.extend(self.picture.causes(*person, *grant));
            if self.looks_at_permissions {
                let role = &self.picture.roles[self.picture.people[*person].grants[*grant].role];
                facts.push(Key::RoleDefinition(role.role_type, role.name.clone()));
            }
        }
        facts.sort();
        facts.dedup();
        let mut sources: Vec<Source> =
            facts.iter().flat_map(|key| self.known.sources(key).iter().cloned()).chain(source).collect();
        sources.sort();
        sources.dedup();
        let rule = &self.policy.rule;
        self.judgement.breaches.push(Breach {
            at: self.at,
            policy: rule.name.to_string(),
            severity: rule.severity,
            action: rule.action,
            subject,
            message: violation,
            facts,
            sources,
            change,
            is_exact,
            people,
            grants,
        });
    }
}
