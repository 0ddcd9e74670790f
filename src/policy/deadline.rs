//! Deadlines: what still violates a policy when its deadline has passed is taken away, where that is beyond doubt.
//!
//! Only what no manifest declares goes, and only where every such fact has to go: where one of several would do, or where a
//! declared one is part of it, an administrator decides. It goes as if it was declared absent, through the one rule, the
//! guards and the approvals.

use super::judge::{Breach, judge_and_count};
use super::known::Known;
use super::picture::Picture;
use super::{Policies, exception};
use crate::facts::{
    BotRef, Completeness, Desired, Email, Holder, Key, Policy, RuleOver, RuleReach, RuleSet, RuleShape,
    Source, Value, Verdict, Want, World,
};
use crate::plan::{AccountNames, Context};
use std::collections::{BTreeMap, BTreeSet};

/// More than so many facts of one violation are not tried one by one.
const TRIED: usize = 16;

/// What is declared, with what deadlines take away declared absent.
pub fn enforce_deadlines(
    desired: Desired,
    (policies, set): (&Policies, &RuleSet),
    world: &World,
    account: &Policy,
    context: &Context,
) -> Desired {
    let is_due = |rule: &super::Policy| rule.rule.passed_deadline(context.now).is_some();
    if !policies.rules.iter().any(is_due) || !is_everything_known(&desired, context) {
        return desired;
    }
    let surplus = Account::new(&desired, (policies, set), world, account, context).surplus();
    let mut desired = desired;
    desired.wants.extend(surplus.into_iter().filter_map(|(key, source)| {
        let key = key.with_bot(|bot| Some(BotRef::Id(bot)))?;
        let want = Want { verdict: Verdict::Absent, sources: vec![source], until: None, reason: None };
        Some((key, want))
    }));
    desired.wants.sort_by(|(left, _), (right, _)| left.cmp(right));
    desired
}

/// Whether a fact that is not declared here is declared nowhere.
fn is_everything_known(desired: &Desired, context: &Context) -> bool {
    desired.completeness == Completeness::Complete
        && desired.gaps.is_empty()
        && context.declaration.not_loaded.is_empty()
        && context.declaration.newer.is_empty()
}

/// An account without what is declared absent, and what in it has to stay.
struct Account<'a> {
    policies: &'a Policies,
    known: Known,
    world: &'a World,
    rules: &'a Policy,
    context: &'a Context,
    /// Sorted by key.
    facts: Vec<(&'a Key, &'a Value)>,
    gone: BTreeSet<Key>,
    /// What other manifests declare, or what the memory knows: that it goes is decided elsewhere.
    kept: BTreeSet<Key>,
    /// People of whom anything is declared or remembered.
    people: BTreeSet<Email>,
    /// Old addresses, whose facts wait for the new ones.
    moving: BTreeSet<Email>,
}

impl<'a> Account<'a> {
    fn new(
        desired: &Desired,
        (policies, set): (&'a Policies, &RuleSet),
        world: &'a World,
        rules: &'a Policy,
        context: &'a Context,
    ) -> Self {
        let names = AccountNames::new(&world.directory);
        let of_verdict = |is_absent: bool| {
            let wants = desired
                .wants
                .iter()
                .filter(move |(_, want)| matches!(want.verdict, Verdict::Absent) == is_absent);
            wants.filter_map(|(key, _)| names.as_there(key.clone())).collect::<BTreeSet<Key>>()
        };
        let gone = of_verdict(true);
        let elsewhere =
            context.declaration.elsewhere.iter().filter_map(|(key, _)| names.as_there(key.clone()));
        let remembered = context.memory.facts.iter().map(|(key, _)| key.clone());
        let kept: BTreeSet<Key> = elsewhere.chain(remembered).collect();
        let declared = of_verdict(false);
        let people = declared.iter().chain(&kept).filter_map(|key| key.email().cloned()).collect();
        let facts = world.facts().iter().map(|(key, value)| (key, value));
        let facts = facts.filter(|(key, _)| !is_gone(key, &gone)).collect();
        let known = Known::observed(desired, set, world).remembering(&context.memory);
        let moving = desired.moves.keys().cloned().collect();
        Self { policies, known, world, rules, context, facts, gone, kept, people, moving }
    }

    /// What has to go, each with the line that says until when it could stay.
    fn surplus(&self) -> BTreeMap<Key, Source> {
        let mut surplus = BTreeMap::new();
        for (at, policy) in self.policies.rules.iter().enumerate() {
            if policy.rule.passed_deadline(self.context.now).is_none() {
                continue;
            }
            for breach in self.breaches(at, &self.facts, &BTreeSet::new()) {
                let facts = self.surplus_of(&breach).into_iter().cloned();
                surplus.extend(facts.map(|fact| (fact, policy.rule.place("deadline").clone())));
            }
        }
        surplus
    }

    /// What violates one policy in these facts.
    fn breaches(&self, at: usize, facts: &[(&Key, &Value)], removed: &BTreeSet<&Key>) -> Vec<Breach> {
        let gone: BTreeSet<&Key> = self.gone.iter().chain(removed.iter().copied()).collect();
        let picture = Picture::new(facts, &gone, &self.known);
        let now = self.context.now;
        let found = judge_and_count(self.policies, &picture, &self.known, None, now, Some(at)).breaches;
        exception::apply(self.policies, &picture, found, now).0
    }

    /// The facts of a violation that are not declared, where each of them has to go; else none.
    fn surplus_of<'b>(&self, breach: &'b Breach) -> Vec<&'b Key> {
        let shape = &self.policies.rules[breach.at.0].conditions[breach.at.1].shape;
        let candidates = self.candidates(breach, shape);
        if candidates.is_empty() || candidates.len() > TRIED {
            return Vec::new();
        }
        let is_about_one_grant = matches!(
            shape,
            RuleShape::Allow { is_nothing: false, .. }
                | RuleShape::Require { .. }
                | RuleShape::Cel { over: RuleOver::Grant, .. }
        );
        if is_about_one_grant && breach.facts.len() == 1 {
            return candidates;
        }
        let is_needed = |at: usize| {
            let others = candidates.iter().enumerate().filter(|(other, _)| *other != at);
            self.is_violated_without(breach, shape, &others.map(|(_, key)| *key).collect())
        };
        let all = candidates.iter().copied().collect();
        if self.is_violated_without(breach, shape, &all) || !(0..candidates.len()).all(is_needed) {
            return Vec::new();
        }
        candidates
    }

    fn candidates<'b>(&self, breach: &'b Breach, shape: &RuleShape) -> Vec<&'b Key> {
        // A user is deleted only where a policy allows them nothing at all.
        let is_nothing = matches!(shape, RuleShape::Allow { is_nothing: true, .. });
        let mut found: Vec<&Key> = breach.facts.iter().filter(|key| self.may_go(key, is_nothing)).collect();
        let leaving: BTreeSet<&Email> = found
            .iter()
            .filter_map(|key| if let Key::Member(email) = key { Some(email) } else { None })
            .collect();
        found.retain(|key| {
            matches!(key, Key::Member(_)) || key.email().is_none_or(|email| !leaving.contains(email))
        });
        found
    }

    fn may_go(&self, key: &Key, with_user: bool) -> bool {
        let is_removable = match key {
            Key::AdminRole(Holder::User(_), _) | Key::Assigned(..) | Key::InGroup(..) => true,
            Key::BotRole(Holder::User(_), role, _) => !role.is_bot_owner(),
            Key::Member(email) => with_user && !self.people.contains(email),
            _ => false,
        };
        let is_own = self.world.get(key).is_some_and(|seen| !matches!(seen, Value::Inherited(_)));
        let may_lose = key
            .email()
            .is_some_and(|email| !self.rules.safety.protects(email) && !self.moving.contains(email));
        is_removable && is_own && may_lose && self.known.find(key).is_none() && !self.kept.contains(key)
    }

    fn is_violated_without(&self, breach: &Breach, shape: &RuleShape, removed: &BTreeSet<&Key>) -> bool {
        // What others hold makes no difference to a policy that looks at one person.
        let only = match (shape.reach(), breach.facts.iter().find_map(Key::email)) {
            (RuleReach::Person, Some(email)) => Some(email),
            _ => None,
        };
        let is_looked_at = |key: &Key| only.is_none_or(|only| key.email().is_none_or(|email| email == only));
        let left = |key: &Key| {
            !removed.contains(key)
                && key.email().is_none_or(|email| !removed.contains(&Key::Member(email.clone())))
        };
        let facts: Vec<(&Key, &Value)> =
            self.facts.iter().copied().filter(|(key, _)| is_looked_at(key) && left(key)).collect();
        let found = self.breaches(breach.at.0, &facts, removed);
        found.iter().any(|other| other.at == breach.at && other.subject == breach.subject)
    }
}

fn is_gone(key: &Key, gone: &BTreeSet<Key>) -> bool {
    gone.contains(key) || key.email().is_some_and(|email| gone.contains(&Key::Member(email.clone())))
}
