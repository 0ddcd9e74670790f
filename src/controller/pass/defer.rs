//! Defers changes of a plan: those that need an approval, and removals that may be the half of an edit. Pure.

use super::approvals::needs_approval;
use super::inputs::PassInputs;
use super::make_plan::Waits;
use super::view::Missing;
use super::view_to_manifests::object_of;
use super::{AccountMemory, Session};
use crate::facts::{self, Key, ObjectRef, Policy, Source};
use crate::plan::{self, Action, Change, ChangeId, Effect, Entry, Plan, Reason, RememberedFact};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// So many objects may be gone without anybody having seen that, and what they gave goes without an approval.
const UNSEEN_MAX: usize = 5;

/// A plan without the changes that are deferred.
pub(super) struct Deferred {
    /// The plan. Its waiting entries name the deferred changes.
    pub(super) plan: Plan,
    /// When the first of the deferred removals may be sent, if there are any.
    pub(super) settled_at: Option<Timestamp>,
}

/// Defers what is not approved and what has not settled; nothing where the account is only observed. `missing`: what has
/// become of the objects that declare nothing any more.
pub(super) fn defer_changes(
    inputs: PassInputs<'_>,
    plan: Plan,
    waits: &Waits,
    missing: &BTreeMap<ObjectRef, Missing>,
    session: &Session<'_>,
    memory: &mut AccountMemory,
) -> Deferred {
    let PassInputs { view, policy, now, .. } = inputs;
    let Waits { context, approved, held } = waits;
    let (unedited_since, started_at) = (memory.unedited_since(view, now), memory.started_at(now));
    if inputs.read_only().is_some() {
        return Deferred { plan, settled_at: None };
    }
    let wanted_since = memory.wanted_since(&plan, now).clone();
    let rules = DeferRules {
        policy,
        covered: approved,
        held,
        remembered: &memory.plan_memory.facts,
        missing,
        wanted_since: &wanted_since,
        unedited_since,
        started_at,
        quiet_start: session.quiet_start,
        now,
    };
    let DeferredChanges { entries, settled_at } = defer(&plan, &rules);
    Deferred { plan: plan::defer(plan, entries, policy, context), settled_at }
}

/// What decides which changes are deferred.
#[derive(Debug)]
struct DeferRules<'a> {
    policy: &'a Policy,
    /// Changes that are approved.
    covered: &'a BTreeSet<ChangeId>,
    /// Effects of declarations that are not.
    held: &'a BTreeSet<ChangeId>,
    /// What was remembered before this pass.
    remembered: &'a [(Key, RememberedFact)],
    /// What has become of the objects that declare nothing any more.
    missing: &'a BTreeMap<ObjectRef, Missing>,
    /// Since when each removal has been wanted without a break.
    wanted_since: &'a BTreeMap<ChangeId, Timestamp>,
    /// Since when no object has been edited.
    unedited_since: Timestamp,
    /// When this process first looked at the account.
    started_at: Timestamp,
    quiet_start: SignedDuration,
    now: Timestamp,
}

impl DeferRules<'_> {
    /// When a removal may be sent. What an edit or a deletion asks for goes when it has been wanted for a while without a
    /// break, however busy the other objects are. What only follows from what is *not* there waits until all of them
    /// have been still, and longer after a start or a restore: they may still be on their way.
    fn settled_at(&self, change: &Change) -> Timestamp {
        let after = |since: Timestamp, pause| since.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let settle = self.policy.settle;
        let wanted_since = self.wanted_since.get(&change.id).copied().unwrap_or(self.now);
        let still_at = || after(self.unedited_since, settle);
        match change.action {
            Action::Prune => {
                after(wanted_since, settle).max(still_at()).max(after(self.started_at, self.quiet_start))
            }
            Action::Retire if self.is_unseen(change) => {
                after(wanted_since, settle.max(self.quiet_start)).max(still_at())
            }
            Action::Add | Action::Change | Action::Remove | Action::Retire => after(wanted_since, settle),
        }
    }

    /// The objects that declared a change, where none of them is there and nobody saw one go.
    fn unseen_objects(&self, change: &Change) -> Vec<ObjectRef> {
        let objects: Vec<ObjectRef> =
            declaring_objects(&change.sources).map(|object| object.remembered()).collect();
        let is_unseen = |object: &ObjectRef| matches!(self.missing.get(object), Some(Missing::Unseen));
        if objects.iter().all(is_unseen) { objects } else { Vec::new() }
    }

    fn is_unseen(&self, change: &Change) -> bool {
        change.sources.is_empty() || !self.unseen_objects(change).is_empty()
    }

    /// A grant that the clock ended and not an edit: it was remembered with that end while it held. It needs no approval
    /// and no settling.
    fn is_ended_by_clock(&self, change: &Change, plan: &Plan) -> bool {
        let fact = facts::find(self.remembered, &change.key);
        let has_ended = fact
            .and_then(|fact| Some((fact.until?, fact.since.at)))
            .is_some_and(|(until, since)| until <= self.now && since < until);
        has_ended && (plan.ended.contains(&change.id) || change.action == Action::Retire)
    }
}

struct DeferredChanges {
    entries: Vec<Entry>,
    settled_at: Option<Timestamp>,
}

/// The deferred changes: at most one entry for each kind of approval and one for settling.
fn defer(plan: &Plan, rules: &DeferRules<'_>) -> DeferredChanges {
    let refused: BTreeSet<&ChangeId> = plan.refused.iter().flat_map(|entry| &entry.changes).collect();
    let open: Vec<&Change> = plan
        .changes
        .iter()
        .filter(|change| !refused.contains(&change.id) && !rules.is_ended_by_clock(change, plan))
        .collect();
    let retired = open.iter().filter(|change| change.action == Action::Retire);
    let vanished: BTreeSet<ObjectRef> = retired.flat_map(|change| rules.unseen_objects(change)).collect();
    let (mut unapproved, mut unseen, mut unsettled) = (Vec::new(), Vec::new(), Vec::new());
    for change in open {
        let is_covered = rules.covered.contains(&change.id);
        if needs_approval(rules.policy.approval, change.risk.level) && !is_covered {
            unapproved.push(change);
        } else if vanished.len() > UNSEEN_MAX
            && change.action == Action::Retire
            && rules.is_unseen(change)
            && !is_covered
        {
            unseen.push(change);
        } else if change.action.is_removal() && rules.settled_at(change) > rules.now {
            unsettled.push(change);
        }
    }
    let settled_at: Vec<Timestamp> = unsettled.iter().map(|change| rules.settled_at(change)).collect();
    let mut entries = Vec::new();
    let approve =
        || "look at the KorePlan, then create a KorePlanApproval with its digest or with ids".to_owned();
    if !unapproved.is_empty() {
        entries.push(entry(Reason::ApprovalRequired, "for an approval", approve(), &unapproved));
    }
    if !unseen.is_empty() {
        let what = format!(
            "for an approval: {} objects that declared them are gone, and nobody saw them go",
            vanished.len()
        );
        entries.push(entry(Reason::ApprovalRequired, &what, approve(), &unseen));
    }
    let effects: Vec<&Effect> =
        plan.declared.iter().filter(|effect| rules.held.contains(&effect.id)).collect();
    entries.extend(entry_of_effects(&effects, approve()));
    if let Some(last) = settled_at.iter().max() {
        let what = format!("until {}", last.strftime("%Y-%m-%d %H:%M:%S UTC"));
        let next_step = "nothing to do: they go by themselves, if they are still wanted then".to_owned();
        entries.push(entry(Reason::Settling, &what, next_step, &unsettled));
    }
    DeferredChanges { entries, settled_at: settled_at.into_iter().min() }
}

fn entry(reason: Reason, what: &str, next_step: String, changes: &[&Change]) -> Entry {
    let sources: BTreeSet<Source> =
        changes.iter().flat_map(|change| change.sources.iter().cloned()).collect();
    Entry {
        subjects: changes.iter().map(|change| change.key.clone()).collect(),
        subject: changes.first().map(|change| change.key.to_string()).unwrap_or_default(),
        reason,
        message: match changes.len() {
            1 => format!("1 change waits {what}"),
            count => format!("{count} changes wait {what}"),
        },
        next_step,
        sources: sources.into_iter().collect(),
        changes: changes.iter().map(|change| change.id.clone()).collect(),
    }
}

/// What is declared otherwise than before and not approved: the earlier declaration holds.
fn entry_of_effects(effects: &[&Effect], next_step: String) -> Option<Entry> {
    let first = effects.first()?;
    let sources: BTreeSet<Source> =
        effects.iter().flat_map(|effect| effect.sources.iter().cloned()).collect();
    let what = match &first.subject {
        Some(key) => format!("{key}: {}", first.message),
        None => first.message.clone(),
    };
    let rest = "for an approval; what was declared before holds until then";
    Some(Entry {
        subjects: effects.iter().filter_map(|effect| effect.subject.clone()).collect(),
        subject: first.subject.as_ref().map_or_else(|| "the account".to_owned(), ToString::to_string),
        reason: Reason::ApprovalRequired,
        message: match effects.len() {
            1 => format!("1 declaration waits {rest}: {what}"),
            count => format!("{count} declarations wait {rest}: {what}, and {} more", count - 1),
        },
        next_step,
        sources: sources.into_iter().collect(),
        changes: effects.iter().map(|effect| effect.id.clone()).collect(),
    })
}

/// The changes that a person has to approve: those without an approval, those of lists that are authoritative for the
/// first time, and those over the ceiling or reverted by another writer, which an approval acknowledges. The riskiest first.
pub(super) fn to_approve(plan: &Plan) -> Vec<(&Change, &Entry)> {
    let is_approvable = |entry: &&Entry| {
        matches!(
            entry.reason,
            Reason::ApprovalRequired | Reason::RemovalCeiling | Reason::Contested | Reason::ListProposed
        )
    };
    let mut changes: Vec<(&Change, &Entry)> = Vec::new();
    for entry in plan.waiting.iter().chain(&plan.refused).filter(is_approvable) {
        let ids: BTreeSet<&ChangeId> = entry.changes.iter().collect();
        changes.extend(
            plan.changes.iter().filter(|change| ids.contains(&change.id)).map(|change| (change, entry)),
        );
    }
    changes.sort_by(|(left, _), (right, _)| {
        right.risk.level.cmp(&left.risk.level).then_with(|| left.key.cmp(&right.key))
    });
    changes.dedup_by(|(left, _), (right, _)| left.id == right.id);
    changes
}

/// `90s`, `5m`, `2h`: as manifests write it.
pub(super) fn brief(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if seconds % 3_600 == 0 && seconds > 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 && seconds > 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// The objects that declare a change.
pub(super) fn declaring_objects(sources: &[Source]) -> impl Iterator<Item = super::view::ObjectRef> + '_ {
    sources.iter().filter_map(object_of)
}
