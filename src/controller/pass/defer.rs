//! Defers changes of a plan: those that need an approval, and removals while objects are being edited. Pure.

use super::AccountMemory;
use super::inputs::PassInputs;
use super::propose::covered;
use super::view_to_manifests::{leaving, object_of};
use crate::facts::{Approval, Location, Policy, Source};
use crate::plan::{self, Change, ChangeId, Context, Digest, Entry, Plan, Reason, RiskLevel};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// A plan without the changes that are deferred.
pub(super) struct Deferred {
    /// The plan. Its waiting entries name the deferred changes.
    pub(super) plan: Plan,
    /// When deferred removals may be sent, if there are any.
    pub(super) settled_at: Option<Timestamp>,
}

/// Defers what is not approved and what has not settled. `context`: the plan was made with it.
pub(super) fn defer_changes(
    inputs: PassInputs<'_>,
    plan: Plan,
    context: &Context,
    memory: &mut AccountMemory,
) -> Deferred {
    let PassInputs { view, policy, now, .. } = inputs;
    let rules = DeferRules {
        policy,
        covered: &covered(view),
        leaving: &leaving(view),
        unedited_since: memory.unedited_since(view, now),
        now,
    };
    let entries = defer(&plan, &rules);
    let plan = plan::defer(plan, entries, policy, context);
    let is_settling = plan.waiting.iter().any(|entry| entry.reason == Reason::Settling);
    Deferred { plan, settled_at: is_settling.then(|| rules.settled_at()) }
}

/// What decides which changes are deferred.
#[derive(Debug)]
struct DeferRules<'a> {
    policy: &'a Policy,
    /// Changes that are approved.
    covered: &'a BTreeSet<ChangeId>,
    /// Objects that are being deleted.
    leaving: &'a BTreeSet<Location>,
    /// Since when no object has been edited.
    unedited_since: Timestamp,
    now: Timestamp,
}

impl DeferRules<'_> {
    /// When removals may be sent.
    fn settled_at(&self) -> Timestamp {
        self.unedited_since.saturating_add(self.policy.settle).unwrap_or(Timestamp::MAX)
    }

    /// A grant that ended by itself and not by an edit needs no approval and no settling.
    fn is_expiry(&self, change: &Change, plan: &Plan) -> bool {
        plan.ended.contains(&change.id)
            && !change.sources.iter().any(|source| self.leaving.contains(&source.place))
    }

    fn needs_approval(&self, change: &Change) -> bool {
        match self.policy.approval {
            Approval::Automatic => false,
            Approval::WhenRisky => change.risk.level >= RiskLevel::High,
            Approval::Manual => true,
        }
    }
}

/// The deferred changes: at most one entry for approval and one for settling.
fn defer(plan: &Plan, rules: &DeferRules<'_>) -> Vec<Entry> {
    let refused: BTreeSet<&ChangeId> = plan.refused.iter().flat_map(|entry| &entry.changes).collect();
    let (mut unapproved, mut unsettled) = (Vec::new(), Vec::new());
    let is_settled = rules.settled_at() <= rules.now;
    for change in plan.changes.iter().filter(|change| !refused.contains(&change.id)) {
        if rules.is_expiry(change, plan) {
            continue;
        }
        if rules.needs_approval(change) && !rules.covered.contains(&change.id) {
            unapproved.push(change);
        } else if change.action.is_removal() && !is_settled {
            unsettled.push(change);
        }
    }
    let mut entries = Vec::new();
    if !unapproved.is_empty() {
        let next_step =
            "look at the KorePlan, then create a KorePlanApproval with its digest or with ids".to_owned();
        entries.push(entry(Reason::ApprovalRequired, "for an approval", next_step, &unapproved));
    }
    if !unsettled.is_empty() {
        let settle = brief(rules.policy.settle);
        let what = format!("until nothing has been edited for {settle}");
        let next_step = "nothing to do: they go by themselves".to_owned();
        entries.push(entry(Reason::Settling, &what, next_step, &unsettled));
    }
    entries
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

/// The changes that a person has to approve: those without an approval, and those over the ceiling, which an approval by
/// id acknowledges. The riskiest first.
pub(super) fn to_approve(plan: &Plan) -> Vec<(&Change, &Entry)> {
    let is_approvable =
        |entry: &&Entry| matches!(entry.reason, Reason::ApprovalRequired | Reason::RemovalCeiling);
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

/// The digest of a set of changes to approve.
pub(super) fn digest_of(changes: &[(&Change, &Entry)]) -> Digest {
    Digest::over(changes.iter().map(|(change, _)| &change.id))
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
