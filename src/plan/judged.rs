//! A plan under rules about who may hold what. Who judges is above this room: here stands what a judgement is, and what
//! becomes of a plan under it.

use super::model::{Change, ChangeId, Entry, Plan, Reason};
use super::{Context, cost, guard, order, pack};
use crate::facts::{Key, KeyRecord, Policy, RuleAction, RuleSeverity, Source, World};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a `KorePolicy` does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Name of the `KorePolicy`.
    pub policy: String,
    /// How bad it is.
    pub severity: RuleSeverity,
    /// What follows: Deny blocks the additions that introduce it.
    pub action: RuleAction,
    /// Whether the plan introduces it, finds it or cures it.
    pub state: ViolationState,
    /// What it is about, as text.
    pub subject: String,
    /// What was found, and the rule.
    pub message: String,
    /// The facts that together are the violation.
    #[schemars(with = "Vec<KeyRecord>")]
    pub facts: Vec<Key>,
    /// The manifest lines that declare them.
    pub sources: Vec<Source>,
    /// Where the policy is written.
    pub rule: Source,
    /// Controls of a standard that the policy belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control: Vec<String>,
    /// Ids of the changes that introduce it.
    pub changes: Vec<ChangeId>,
    /// Of what was there before: at least since then, as far as earlier runs remember it; nothing: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

/// Whether a plan introduces a violation, finds it or cures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ViolationState {
    /// The plan brings it about, or makes it worse.
    Introduced,
    /// It is in the account and stays.
    Existing,
    /// It is in the account, and the plan ends it.
    Cured,
}

impl ViolationState {
    /// In lower case, as plans show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Existing => "existing",
            Self::Cured => "cured",
        }
    }
}

/// What rules say about a plan.
#[derive(Debug, Default)]
pub struct Judgement {
    /// All violations.
    pub violations: Vec<Violation>,
    /// What an administrator has to do: a deadline has passed.
    pub manual: Vec<Entry>,
    /// Entries that block changes.
    pub blocked: Vec<Entry>,
    /// Additions that are not sent.
    pub denied: BTreeSet<ChangeId>,
    /// Additions, each with the removals that make room for it and the additions that it is allowed only with.
    pub after: BTreeMap<ChangeId, BTreeSet<ChangeId>>,
    /// What else is worth knowing: an exception that covers nothing.
    pub warnings: Vec<String>,
}

/// The plan as it was before rules were applied to it.
#[must_use]
pub fn unjudged(plan: Plan) -> Plan {
    let mut plan = plan;
    plan.blocked.retain(|entry| entry.reason != Reason::PolicyDenied);
    plan.manual.retain(|entry| entry.reason != Reason::PolicyDeadline);
    plan.violations.clear();
    order::link(&mut plan.changes);
    plan
}

/// The plan under a judgement: what is denied is blocked, what makes room goes first, and the guards count without what
/// is denied. Removals are never held for an addition that is denied.
#[must_use]
pub fn judged(
    plan: Plan,
    judgement: Judgement,
    observed: &World,
    policy: &Policy,
    context: &Context,
) -> Plan {
    let Judgement { violations, manual, blocked, denied, after, warnings } = judgement;
    let mut plan = plan;
    let removals: BTreeSet<ChangeId> = plan
        .changes
        .iter()
        .filter(|change| change.action.is_removal())
        .map(|change| change.id.clone())
        .collect();
    for change in &mut plan.changes {
        if removals.contains(&change.id) {
            change.depends_on.retain(|needed| !denied.contains(needed));
        } else if let Some(needed) = after.get(&change.id) {
            change.depends_on.extend(needed.iter().cloned());
            change.depends_on.sort();
            change.depends_on.dedup();
        }
    }
    if !after.is_empty() {
        make_room(&mut plan.changes, &removals);
    }
    plan.changes = dependencies_first(std::mem::take(&mut plan.changes));
    plan.refused = guard::refuse(&plan.changes, &denied, observed, policy, context);
    plan.blocked.extend(blocked);
    plan.manual.extend(manual);
    plan.violations = violations;
    plan.warnings.extend(warnings);
    let calls = pack::pack(&plan.sendable(), policy.batch_size.0);
    plan.cost = cost::price(&plan, &calls, policy, context.look_up_size);
    plan
}

/// A removal that something waits for does not itself wait for that: what a policy asks for goes before access without a
/// gap.
fn make_room(changes: &mut [Change], removals: &BTreeSet<ChangeId>) {
    let mut waits: BTreeMap<ChangeId, Vec<ChangeId>> =
        changes.iter().map(|change| (change.id.clone(), change.depends_on.clone())).collect();
    for change in changes.iter_mut().filter(|change| removals.contains(&change.id)) {
        let waits_for = |id: &ChangeId| waits.get(id).into_iter().flatten();
        change
            .depends_on
            .retain(|needed| removals.contains(needed) || !is_behind(needed, &change.id, waits_for));
        waits.insert(change.id.clone(), change.depends_on.clone());
    }
}

/// Whether a change waits for another, directly or through what it waits for. `waits` says what one waits for directly.
pub fn is_behind<'a, I: IntoIterator<Item = &'a ChangeId>>(
    change: &ChangeId,
    other: &ChangeId,
    waits: impl Fn(&ChangeId) -> I,
) -> bool {
    let mut seen: BTreeSet<&ChangeId> = BTreeSet::new();
    let mut open: Vec<&ChangeId> = waits(change).into_iter().collect();
    while let Some(id) = open.pop() {
        if id == other {
            return true;
        }
        if seen.insert(id) {
            open.extend(waits(id));
        }
    }
    change == other
}

/// The same order, except that nothing stands before what it depends on.
fn dependencies_first(changes: Vec<Change>) -> Vec<Change> {
    let all: BTreeSet<ChangeId> = changes.iter().map(|change| change.id.clone()).collect();
    let mut placed: BTreeSet<ChangeId> = BTreeSet::new();
    let mut ordered = Vec::with_capacity(changes.len());
    let mut waiting = changes;
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for change in waiting {
            let is_ready = change.depends_on.iter().all(|id| placed.contains(id) || !all.contains(id));
            if is_ready {
                placed.insert(change.id.clone());
                ordered.push(change);
            } else {
                later.push(change);
            }
        }
        if later.len() == before {
            ordered.extend(later);
            return ordered;
        }
        waiting = later;
    }
    ordered
}
