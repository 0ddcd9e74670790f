//! A plan under rules: which violations it introduces, which it finds and which it cures.
//!
//! The account is judged as it is and as the plan would leave it. Additions that introduce a violation of a rule with
//! Deny are taken out, and what is left is judged again, until nothing is introduced any more. Last, the additions alone
//! are judged: one that is allowed only because something is removed goes after that removal, and one that is allowed only
//! together with another goes after that one.

use super::judge::{self, Breach, judge_and_count};
use super::known::Known;
use super::picture::Picture;
use super::{Policies, deadline, exception, shapes, together, words};
use crate::facts::{
    Desired, Email, Holder, Key, Policy, RuleAction, RuleException, RuleSet, RuleShape, UnjudgedRule, Value,
    World,
};
use crate::plan::{
    self, Action, Change, ChangeId, Context, Entry, Judgement, Plan, Reason, Violation, ViolationState,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// More than so many additions are not tried one by one.
const TRIED: usize = 16;

/// What a review needs besides the plan.
pub struct Reviewed<'a> {
    /// The rules.
    pub policies: &'a Policies,
    /// The same as declared.
    pub set: &'a RuleSet,
    /// What the manifests declare.
    pub known: &'a Known,
    /// The account as it was read.
    pub world: &'a World,
    /// The rules of the account itself.
    pub policy: &'a Policy,
    /// What the plan was made of.
    pub context: &'a Context,
}

/// Reviews the plans of a declaration, which may have been made into them in the meantime.
pub struct Reviewer<'a> {
    policies: &'a Policies,
    set: &'a RuleSet,
    desired: Desired,
}

impl<'a> Reviewer<'a> {
    /// Keeps what policies have to know of the declaration: nothing where there are none.
    pub fn new(policies: &'a Policies, set: &'a RuleSet, desired: &Desired) -> Self {
        let desired = if set.is_empty() { Desired::default() } else { desired.clone() };
        Self { policies, set, desired }
    }

    /// What is declared, with what deadlines of policies take away declared absent: to be planned instead.
    #[must_use]
    pub fn enforce_deadlines(
        &self,
        desired: Desired,
        world: &World,
        policy: &Policy,
        context: &Context,
    ) -> Desired {
        deadline::enforce_deadlines(desired, (self.policies, self.set), world, policy, context)
    }

    /// Why a change waits until more than its own person was looked at.
    pub fn beyond_person(&self, change: &Change) -> Option<String> {
        self.policies.beyond_person(change)
    }

    /// The plan with what its rules say. A plan that was reviewed before is reviewed anew.
    #[must_use]
    pub fn review(&self, plan: Plan, world: &World, policy: &Policy, context: &Context) -> Plan {
        review_declared(plan, (self.policies, self.set), &self.desired, world, policy, context)
    }
}

/// The plan with what its rules say, beside what is declared. A plan that was reviewed before is reviewed anew.
#[must_use]
pub fn review_declared(
    plan: Plan,
    (policies, set): (&Policies, &RuleSet),
    desired: &Desired,
    world: &World,
    policy: &Policy,
    context: &Context,
) -> Plan {
    let known = Known::observed(desired, set, world).remembering(&context.memory);
    review(plan, &Reviewed { policies, set, known: &known, world, policy, context })
}

/// The plan with what its rules say. A plan that was reviewed before is reviewed anew.
#[must_use]
pub fn review(plan: Plan, request: &Reviewed<'_>) -> Plan {
    let plan = plan::unjudged(plan);
    if request.set.is_empty() {
        return plan;
    }
    let judgement = Review { request, plan: &plan, changes: &plan.changes }.judge();
    plan::judged(plan, judgement, request.world, request.policy, request.context)
}

/// How many things each condition looks at in the account as it is, and as the plan would leave it.
pub fn looked_at(plan: &Plan, request: &Reviewed<'_>) -> BTreeMap<(usize, usize), usize> {
    let review = Review { request, plan, changes: &plan.changes };
    let all: Vec<&Change> = plan.changes.iter().collect();
    let mut looked = BTreeMap::new();
    for effective in [&[][..], all.as_slice()] {
        for (at, count) in review.judged(effective, None).0.looked_at {
            *looked.entry(at).or_default() += count;
        }
    }
    looked
}

struct Review<'a> {
    request: &'a Reviewed<'a>,
    plan: &'a Plan,
    changes: &'a [Change],
}

/// A breach by which two pictures are compared.
type Identity = (usize, usize, String);

impl<'a> Review<'a> {
    fn judge(&self) -> Judgement {
        let (before, unused_before) = self.breaches(&[], None);
        let before: HashMap<Identity, Breach> =
            before.into_iter().map(|breach| (identity(&breach), breach)).collect();
        let sendable: BTreeSet<&ChangeId> =
            self.plan.sendable().into_iter().map(|change| &change.id).collect();
        let mut judgement = self.unjudged(&sendable);
        if sendable.is_empty() {
            let found = before.values().map(|breach| self.violation(breach, ViolationState::Existing, &[]));
            judgement.violations = found.collect();
            judgement.warnings = unused(&unused_before);
            self.overdue(&mut judgement);
            return sorted(judgement);
        }
        let (after, unused_after) = loop {
            let effective = self.effective(&sendable, &judgement.denied);
            let (after, unused) = self.breaches(&effective, None);
            if !self.deny(&before, &after, &effective, &mut judgement) {
                break (after, unused);
            }
        };
        let effective = self.effective(&sendable, &judgement.denied);
        self.compare(&before, &after, &effective, &mut judgement);
        self.order(&before, &after, &effective, &mut judgement);
        let is_unused_after = |exception: &&RuleException| unused_after.contains(exception);
        judgement.warnings =
            unused(&unused_before.iter().filter(is_unused_after).cloned().collect::<Vec<_>>());
        self.overdue(&mut judgement);
        sorted(judgement)
    }

    /// Where nobody can tell what a policy denies, additions of its kind are. Protected people keep getting theirs: they are
    /// who can mend it.
    fn unjudged(&self, sendable: &BTreeSet<&ChangeId>) -> Judgement {
        let Reviewed { set, policy, .. } = self.request;
        let mut judgement = Judgement::default();
        for UnjudgedRule { name, why, families, source } in &set.unjudged {
            let is_denied = |change: &&Change| {
                let is_protected = change.key.email().is_some_and(|email| policy.safety.protects(email));
                sendable.contains(&change.id)
                    && adds_access(change)
                    && families.contains(&change.key.family())
                    && !is_protected
            };
            let denied: Vec<&Change> = self.changes.iter().filter(is_denied).collect();
            if denied.is_empty() {
                continue;
            }
            judgement.denied.extend(denied.iter().map(|change| change.id.clone()));
            let message = format!(
                "policy {name} in {} cannot be judged, so that what it denies is not known: {why}",
                words::line(source)
            );
            judgement.blocked.push(entry(&denied, message, "correct the policy".to_owned()));
        }
        judgement
    }

    /// What will come about: what can be sent, less what is denied and the additions that wait for it.
    fn effective(&self, sendable: &BTreeSet<&ChangeId>, denied: &BTreeSet<ChangeId>) -> Vec<&'a Change> {
        let mut held: BTreeSet<&ChangeId> = denied.iter().collect();
        let mut effective = Vec::new();
        for change in self.changes.iter().filter(|change| sendable.contains(&change.id)) {
            let waits = change.depends_on.iter().any(|id| held.contains(id));
            if held.contains(&change.id) || (waits && !change.action.is_removal()) {
                held.insert(&change.id);
            } else {
                effective.push(change);
            }
        }
        effective
    }

    /// What is violated when these changes have come about, of all policies or of one.
    fn breaches(&self, effective: &[&Change], only: Option<usize>) -> (Vec<Breach>, Vec<RuleException>) {
        let (found, picture) = self.judged(effective, only);
        exception::apply(self.request.policies, &picture, found.breaches, self.request.context.now)
    }

    /// The account when these changes have come about.
    fn picture(&self, effective: &[&Change]) -> Picture {
        let roles = merged_roles(self.request.world, effective);
        let (facts, gone) = facts_after(self.request.world, effective, &roles);
        Picture::new(&facts, &gone, self.request.known)
    }

    fn judged(&self, effective: &[&Change], only: Option<usize>) -> (judge::Judgement, Picture) {
        let picture = self.picture(effective);
        let now = self.request.context.now;
        let found =
            judge_and_count(self.request.policies, &picture, self.request.known, Some(effective), now, only);
        (found, picture)
    }

    /// Takes out the additions that introduce a violation of a rule with Deny. False: there are none.
    fn deny(
        &self,
        before: &HashMap<Identity, Breach>,
        after: &[Breach],
        effective: &[&Change],
        judgement: &mut Judgement,
    ) -> bool {
        let mut is_any = false;
        for breach in after.iter().filter(|breach| breach.action == RuleAction::Deny) {
            let culprits = self.culprits(before.get(&identity(breach)), breach, effective);
            let ids: Vec<ChangeId> = culprits.iter().map(|change| change.id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            is_any = true;
            judgement.denied.extend(ids.iter().cloned());
            judgement.violations.push(self.violation(breach, ViolationState::Introduced, &ids));
            judgement.blocked.push(self.denied(breach, &culprits));
        }
        is_any
    }

    /// The additions that bring a breach about: those without which it would not be, else all that are part of it.
    fn culprits<'c>(
        &self,
        earlier: Option<&Breach>,
        breach: &Breach,
        effective: &[&'c Change],
    ) -> Vec<&'c Change> {
        let old: BTreeSet<&Key> = earlier.iter().flat_map(|earlier| &earlier.facts).collect();
        let is_part = |change: &&&Change| {
            adds_access(change)
                && match &breach.change {
                    Some(id) => change.id == *id,
                    None => breach.facts.binary_search(&change.key).is_ok() && !old.contains(&change.key),
                }
        };
        let parts: Vec<&Change> = effective.iter().filter(is_part).copied().collect();
        let is_sure =
            breach.is_exact && !parts.iter().any(|part| matches!(part.key, Key::RoleDefinition(..)));
        // A rule over a person that was violated already stays violated: only what is sure makes it worse.
        if earlier.is_some() && !breach.is_exact {
            return Vec::new();
        }
        if is_sure || parts.len() < 2 || parts.len() > TRIED {
            return parts;
        }
        let needed: Vec<&Change> =
            parts.iter().copied().filter(|part| !self.is_breached_without(breach, part, effective)).collect();
        if needed.is_empty() { parts } else { needed }
    }

    fn is_breached_without(&self, breach: &Breach, without: &Change, effective: &[&Change]) -> bool {
        let rest: Vec<&Change> = effective.iter().copied().filter(|change| change.id != without.id).collect();
        let (found, _) = self.breaches(&rest, Some(breach.at.0));
        found.iter().any(|other| identity(other) == identity(breach))
    }

    /// What is left is introduced by rules that only warn or by removals, was there before, or is cured.
    fn compare(
        &self,
        before: &HashMap<Identity, Breach>,
        after: &[Breach],
        effective: &[&Change],
        judgement: &mut Judgement,
    ) {
        let mut left: BTreeSet<Identity> = BTreeSet::new();
        for breach in after {
            left.insert(identity(breach));
            let earlier = before.get(&identity(breach));
            let culprits = self.culprits(earlier, breach, effective);
            let ids: Vec<ChangeId> = culprits.iter().map(|change| change.id.clone()).collect();
            let state = if earlier.is_some() && ids.is_empty() {
                ViolationState::Existing
            } else {
                ViolationState::Introduced
            };
            let mut violation = self.violation(breach, state, &ids);
            if state == ViolationState::Introduced && ids.is_empty() {
                self.by_removal(breach, effective, &mut violation);
            }
            judgement.violations.push(violation);
        }
        let cured = before.iter().filter(|(identity, _)| !left.contains(*identity));
        judgement
            .violations
            .extend(cured.map(|(_, breach)| self.violation(breach, ViolationState::Cured, &[])));
    }

    /// A removal brings it about: it is named, and nothing is blocked.
    fn by_removal(&self, breach: &Breach, effective: &[&Change], violation: &mut Violation) {
        let (policy, condition) = breach.at;
        let shape = self.request.policies.rules[policy].rule.shapes.get(condition);
        if let Some(RuleShape::Together { on_removal, .. }) = shape {
            violation.action = *on_removal;
        }
        let people: BTreeSet<&Email> = breach.facts.iter().filter_map(Key::email).collect();
        let takes = |change: &&&Change| {
            !adds_access(change)
                && (breach.change.as_ref() == Some(&change.id)
                    || change.key.email().is_some_and(|email| people.contains(email)))
        };
        violation.changes = effective.iter().filter(takes).map(|change| change.id.clone()).collect();
        if violation.action == RuleAction::Deny {
            violation.message += " (what takes access away is not blocked)";
        }
    }

    /// Additions that are allowed only because something is removed, or something else is added, go after it.
    fn order(
        &self,
        before: &HashMap<Identity, Breach>,
        after: &[Breach],
        effective: &[&Change],
        judgement: &mut Judgement,
    ) {
        let (additions, removals): (Vec<&Change>, Vec<&Change>) =
            effective.iter().copied().partition(|change| adds_access(change));
        if additions.is_empty() {
            return;
        }
        let picture = |changes: &[&Change]| self.picture(changes);
        together::order(self.request.policies, picture, effective, &additions, &mut judgement.after);
        if removals.is_empty() {
            return;
        }
        let still: BTreeSet<Identity> = after.iter().map(identity).collect();
        let (meanwhile, _) = self.breaches(&additions, None);
        let denies =
            |breach: &&Breach| breach.action == RuleAction::Deny && !still.contains(&identity(breach));
        for breach in meanwhile.iter().filter(denies) {
            let culprits = self.culprits(before.get(&identity(breach)), breach, &additions);
            let room: Vec<&Change> =
                removals.iter().copied().filter(|removal| makes_room(removal, breach)).collect();
            if culprits.is_empty() || room.is_empty() {
                continue;
            }
            let floor = room.iter().copied().find(|removal| self.is_below_floor(removal));
            if let Some(removal) = floor.filter(|_| culprits.iter().any(|change| gives_master_admin(change)))
            {
                judgement.blocked.push(self.both_orders(breach, &culprits, removal));
                judgement.denied.extend(culprits.iter().map(|change| change.id.clone()));
                continue;
            }
            for culprit in culprits {
                let after = judgement.after.entry(culprit.id.clone()).or_default();
                after.extend(room.iter().map(|removal| removal.id.clone()));
            }
        }
    }

    /// Whether taking this away before anything else leaves fewer Master Admins than the account needs.
    fn is_below_floor(&self, removal: &Change) -> bool {
        let losing = plan::takes_master_admin(&removal.key, true, self.request.world);
        let now = plan::master_admins(self.request.world);
        let left = now.iter().filter(|email| !losing.contains(email)).count();
        !losing.is_empty() && left < self.request.policy.safety.min_master_admins as usize
    }

    fn both_orders(&self, breach: &Breach, culprits: &[&Change], removal: &Change) -> Entry {
        let floor = self.request.policy.blame("safety.minMasterAdmins");
        let rule = &self.request.policies.rules[breach.at.0].rule;
        let message = format!(
            "policy {} ({}) allows the addition only after the removal of {}, and {floor} needs it before",
            breach.policy,
            words::line(&rule.source),
            self.request.known.named(&removal.key)
        );
        let next_step =
            "grant Master Admin to another user first, or make an exception from the policy".to_owned();
        let changes: Vec<&Change> = culprits.iter().copied().chain([removal]).collect();
        entry(&changes, message, next_step)
    }

    fn denied(&self, breach: &Breach, culprits: &[&Change]) -> Entry {
        let rule = &self.request.policies.rules[breach.at.0].rule;
        let why = rule.description.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
        let message =
            format!("{} (policy {} in {}){why}", breach.message, breach.policy, words::line(&rule.source));
        let next_step =
            "take the line out, or make an exception from the policy (KorePolicyException)".to_owned();
        entry(culprits, message, next_step)
    }

    fn violation(&self, breach: &Breach, state: ViolationState, changes: &[ChangeId]) -> Violation {
        let rule = &self.request.policies.rules[breach.at.0].rule;
        Violation {
            policy: breach.policy.clone(),
            severity: breach.severity,
            action: breach.action,
            state,
            subject: breach.subject.clone(),
            message: breach.message.clone(),
            facts: breach.facts.clone(),
            sources: breach.sources.clone(),
            rule: rule.source.clone(),
            control: rule.control.clone(),
            changes: changes.to_vec(),
            since: if state == ViolationState::Introduced { None } else { self.since(breach) },
        }
    }

    /// What stays although the deadline of its policy has passed is a manual step: it is declared, or more than one fact
    /// could go.
    fn overdue(&self, judgement: &mut Judgement) {
        for violation in judgement.violations.iter().filter(|found| found.state == ViolationState::Existing) {
            let mut rules = self.request.policies.rules.iter().map(|policy| &policy.rule);
            let Some(rule) = rules.find(|rule| *rule.name == *violation.policy) else { continue };
            let Some(deadline) = rule.passed_deadline(self.request.context.now) else { continue };
            let message = format!(
                "{} (policy {} in {}); its deadline was {deadline}",
                violation.message,
                rule.name,
                words::line(&rule.source)
            );
            let next_step = if violation.sources.is_empty() {
                "choose what has to go and remove it in the console, or make an exception (KorePolicyException)"
            } else {
                "take one of the lines out, or make an exception from the policy (KorePolicyException)"
            };
            judgement.manual.push(Entry {
                subjects: violation.facts.clone(),
                subject: violation.subject.clone(),
                reason: Reason::PolicyDeadline,
                message,
                next_step: next_step.to_owned(),
                sources: violation.sources.clone(),
                changes: Vec::new(),
            });
        }
    }

    /// The earliest time of which the memory knows that it was so: when all facts of it were held, or when a run found it.
    fn since(&self, breach: &Breach) -> Option<Timestamp> {
        let held = breach.facts.iter().filter(|fact| !matches!(fact, Key::RoleDefinition(..)));
        let all: Option<Vec<Timestamp>> = held.map(|fact| self.request.known.since(fact)).collect();
        let found = self.request.context.memory.violated_since(&breach.policy, &breach.subject);
        all.and_then(|all| all.into_iter().max()).into_iter().chain(found).min()
    }
}

fn entry(changes: &[&Change], message: String, next_step: String) -> Entry {
    let sources: BTreeSet<_> = changes.iter().flat_map(|change| change.sources.iter().cloned()).collect();
    Entry {
        subjects: changes.iter().map(|change| change.key.clone()).collect(),
        subject: changes.first().map(|change| change.key.to_string()).unwrap_or_default(),
        reason: Reason::PolicyDenied,
        message,
        next_step,
        sources: sources.into_iter().collect(),
        changes: changes.iter().map(|change| change.id.clone()).collect(),
    }
}

/// The riskiest first, introduced before existing before cured.
fn sorted(mut judgement: Judgement) -> Judgement {
    judgement.violations.sort_by(|left, right| {
        let rank = |violation: &Violation| (violation.state, std::cmp::Reverse(violation.severity));
        rank(left)
            .cmp(&rank(right))
            .then_with(|| (&left.policy, &left.subject).cmp(&(&right.policy, &right.subject)))
    });
    judgement
}

fn unused(exceptions: &[RuleException]) -> Vec<String> {
    let said = |exception: &RuleException| {
        format!(
            "KorePolicyException {} from {} covers nothing in the account; delete it ({})",
            exception.name,
            exception.policy,
            words::line(&exception.source)
        )
    };
    exceptions.iter().map(said).collect()
}

fn identity(breach: &Breach) -> Identity {
    (breach.at.0, breach.at.1, breach.subject.clone())
}

/// Whether a change gives anybody anything: only such a change is ever denied.
fn adds_access(change: &Change) -> bool {
    match (&change.key, change.action) {
        (_, Action::Remove | Action::Retire | Action::Prune)
        | (Key::Names(_) | Key::Profile(_), Action::Change) => false,
        (_, Action::Add) => true,
        (Key::RoleDefinition(..), Action::Change) => widens(change.before.as_ref(), change.after.as_ref()),
        (_, Action::Change) => !shapes::is_less_access(change.before.as_ref(), change.after.as_ref()),
    }
}

/// Whether a role permits something that it did not.
fn widens(before: Option<&Value>, after: Option<&Value>) -> bool {
    let (Some(Value::Role(before)), Some(Value::Role(after))) = (before, after) else { return true };
    after.permissions.iter().any(|(name, level)| {
        !level.is_nothing() && before.permissions.get(name).is_none_or(|earlier| !earlier.is_same(level))
    })
}

fn gives_master_admin(change: &Change) -> bool {
    matches!(&change.key, Key::AdminRole(_, role) if role.is_master_admin())
}

/// Whether a removal takes a part of a breach away: the fact itself, or with its person or group.
fn makes_room(removal: &Change, breach: &Breach) -> bool {
    match &removal.key {
        Key::Member(email) => breach.facts.iter().any(|fact| fact.email() == Some(email)),
        key => breach.facts.binary_search(key).is_ok(),
    }
}

/// What roles permit afterwards: a change names only the permissions that it sets.
fn merged_roles(world: &World, effective: &[&Change]) -> Vec<(Key, Value)> {
    let changed = effective.iter().filter_map(|change| match (&change.key, &change.after) {
        (Key::RoleDefinition(..), Some(Value::Role(after))) => Some((&change.key, after)),
        _ => None,
    });
    changed
        .map(|(key, after)| {
            let mut spec = after.clone();
            if let Some(Value::Role(before)) = world.get(key) {
                for (name, level) in &before.permissions {
                    spec.permissions.entry(name.clone()).or_insert_with(|| level.clone());
                }
            }
            (key.clone(), Value::Role(spec))
        })
        .collect()
}

type Facts<'a> = (Vec<(&'a Key, &'a Value)>, BTreeSet<&'a Key>);

/// The facts of an account when these changes have come about, and those that are gone.
fn facts_after<'a>(world: &'a World, effective: &[&'a Change], roles: &'a [(Key, Value)]) -> Facts<'a> {
    if effective.is_empty() {
        return (world.facts().iter().map(|(key, value)| (key, value)).collect(), BTreeSet::new());
    }
    let mut changed: BTreeMap<&Key, Option<&Value>> =
        effective.iter().map(|change| (&change.key, change.after.as_ref())).collect();
    changed.extend(roles.iter().map(|(key, value)| (key, Some(value))));
    let gone: BTreeSet<&Key> =
        changed.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| *key).collect();
    let left: BTreeSet<&Email> = gone
        .iter()
        .filter_map(|key| match key {
            Key::Member(email) => Some(email),
            _ => None,
        })
        .collect();
    let has_left = |key: &Key| {
        let holder = match key {
            Key::AdminRole(Holder::Group(_), _) | Key::BotRole(Holder::Group(_), _, _) => None,
            key => key.email(),
        };
        holder.is_some_and(|email| left.contains(email))
    };
    let mut facts: Vec<(&Key, &Value)> = world
        .facts()
        .iter()
        .filter(|(key, _)| !changed.contains_key(key) && (left.is_empty() || !has_left(key)))
        .map(|(key, value)| (key, value))
        .collect();
    facts.extend(changed.into_iter().filter_map(|(key, value)| Some((key, value?))));
    (facts, gone)
}
