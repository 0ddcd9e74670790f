//! Which changes of a plan are deferred, and why: those that need an approval, and removals while objects are still
//! being edited. Pure.

use super::view_to_manifests::object_of;
use crate::facts::{Approval, Location, Policy, Source};
use crate::plan::{Change, ChangeId, Digest, Entry, Plan, Reason, RiskLevel};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// What decides about deferring.
#[derive(Debug)]
pub(in crate::controller) struct DeferRules<'a> {
    /// The rules.
    pub(in crate::controller) policy: &'a Policy,
    /// Changes that are approved.
    pub(in crate::controller) covered: &'a BTreeSet<ChangeId>,
    /// Objects that are being deleted.
    pub(in crate::controller) leaving: &'a BTreeSet<Location>,
    /// Since when nothing has been edited.
    pub(in crate::controller) unedited_since: Timestamp,
    /// Now.
    pub(in crate::controller) now: Timestamp,
}

impl DeferRules<'_> {
    /// When removals may go.
    pub(in crate::controller) fn settled_at(&self) -> Timestamp {
        self.unedited_since.saturating_add(self.policy.settle).unwrap_or(Timestamp::MAX)
    }

    /// The clock decided, not an edit: nobody approves it, and it waits for no edit to settle.
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

/// What waits, in words: at most one entry for approval and one for settling.
pub(in crate::controller) fn defer(plan: &Plan, rules: &DeferRules<'_>) -> Vec<Entry> {
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
        let still = brief(rules.policy.settle);
        let what = format!("until nothing has been edited for {still}");
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

/// The changes a person has to look at: those without an approval, and those over the ceiling, which an approval by id
/// acknowledges. The riskiest first.
pub(in crate::controller) fn to_approve(plan: &Plan) -> Vec<(&Change, &Entry)> {
    let asks = |entry: &&Entry| matches!(entry.reason, Reason::ApprovalRequired | Reason::RemovalCeiling);
    let mut asked: Vec<(&Change, &Entry)> = Vec::new();
    for entry in plan.waiting.iter().chain(&plan.refused).filter(asks) {
        let ids: BTreeSet<&ChangeId> = entry.changes.iter().collect();
        asked.extend(
            plan.changes.iter().filter(|change| ids.contains(&change.id)).map(|change| (change, entry)),
        );
    }
    asked.sort_by(|(left, _), (right, _)| {
        right.risk.level.cmp(&left.risk.level).then_with(|| left.key.cmp(&right.key))
    });
    asked.dedup_by(|(left, _), (right, _)| left.id == right.id);
    asked
}

/// Names a set of changes to approve.
pub(in crate::controller) fn digest_of(changes: &[(&Change, &Entry)]) -> Digest {
    Digest::over(changes.iter().map(|(change, _)| &change.id))
}

/// `90s`, `5m`, `2h`: as manifests write it.
pub(in crate::controller) fn brief(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if seconds % 3_600 == 0 && seconds > 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 && seconds > 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// The objects that ask for a change.
pub(in crate::controller) fn askers(sources: &[Source]) -> impl Iterator<Item = super::view::ObjectRef> + '_ {
    sources.iter().filter_map(object_of)
}
