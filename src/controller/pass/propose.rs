//! Plans that are published for approval, and the progress of those that were. Pure.

use super::defer::{declaring_objects, digest_of, to_approve};
use super::view::{Approval, PlanProgress, Published, View};
use crate::manifest::kinds::KorePlanSpec;
use crate::manifest::kinds::plan::{KorePlanCounts, PlanPhase, PlannedChange};
use crate::plan::render::in_words;
use crate::plan::{Action, Change, ChangeId, Entry, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// Changes in one part.
const PART: usize = 500;
/// The most parts. Beyond them the least risky changes are left out; the counts stay exact.
const PARTS_MAX: usize = 20;
/// Settled plans that are kept.
const HISTORY: usize = 10;

/// What happens to the published plans of an account.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Proposals {
    /// To create: name and content.
    pub create: Vec<(String, KorePlanSpec)>,
    /// The progress of each open plan, by name.
    pub phases: BTreeMap<String, PlanProgress>,
    /// To delete, by name: older than the history that is kept.
    pub delete: Vec<String>,
}

/// Every change that is approved.
pub(super) fn covered(view: &View) -> BTreeSet<ChangeId> {
    view.approvals.iter().flat_map(|approval| covers(approval, &view.published)).collect()
}

/// The changes that one approval covers: those it lists, and those of the plan it names.
pub(super) fn covers(approval: &Approval, published: &[Published]) -> BTreeSet<ChangeId> {
    let named = published.iter().filter(|plan| approval.digest.as_ref() == Some(&plan.digest));
    named.flat_map(|plan| plan.changes.iter().cloned()).chain(approval.changes.iter().cloned()).collect()
}

/// What is published, marked and deleted. `left`: changes of the plan that are not applied.
pub(super) fn propose(plan: &Plan, view: &View, left: &BTreeSet<ChangeId>) -> Proposals {
    let changes = to_approve(plan);
    let digest = (!changes.is_empty()).then(|| digest_of(&changes).as_str().to_owned());
    let covered = covered(view);
    let mut proposals = Proposals::default();
    if let Some(digest) = &digest
        && !view.published.iter().any(|published| published.digest == *digest)
    {
        proposals.create = parts(&view.account.meta.object.name, digest, &changes, plan);
    }
    // The same changes may be planned again later: the published plan that lists them is opened again.
    let is_current = |published: &Published| digest.as_ref() == Some(&published.digest);
    for published in view.published.iter().filter(|published| published.is_open() || is_current(published)) {
        let approved = published.changes.intersection(&covered).count();
        let is_current = is_current(published);
        let phase = match (is_current, published.changes.is_disjoint(left)) {
            (true, _) => PlanPhase::Pending,
            (false, true) => PlanPhase::Done,
            (false, false) if approved > 0 => PlanPhase::Approved,
            (false, false) => PlanPhase::Superseded,
        };
        let approved = u32::try_from(approved).unwrap_or(u32::MAX);
        proposals.phases.insert(published.name.clone(), PlanProgress { phase, approved });
    }
    proposals.delete = outdated(
        view.published.iter().filter(|published| !published.is_open() && !is_current(published)).collect(),
    );
    proposals
}

/// Every part of settled plans except the newest.
fn outdated(mut settled: Vec<&Published>) -> Vec<String> {
    settled.sort_by_key(|published| std::cmp::Reverse(published.created));
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    let mut outdated = Vec::new();
    for published in settled {
        let is_kept = kept.contains(published.digest.as_str());
        if is_kept || kept.len() < HISTORY {
            kept.insert(&published.digest);
        } else {
            outdated.push(published.name.clone());
        }
    }
    outdated
}

fn parts(
    account: &str,
    digest: &str,
    changes: &[(&Change, &Entry)],
    plan: &Plan,
) -> Vec<(String, KorePlanSpec)> {
    let count = |wanted: fn(Action) -> bool| {
        u32::try_from(changes.iter().filter(|(change, _)| wanted(change.action)).count()).unwrap_or(u32::MAX)
    };
    let counts = KorePlanCounts {
        add: count(|action| action == Action::Add),
        change: count(|action| action == Action::Change),
        remove: count(Action::is_removal),
    };
    let chunks: Vec<_> = changes.chunks(PART).take(PARTS_MAX).collect();
    let riskiest = changes.first().map(|(change, _)| in_words(&plan.bots, change)).unwrap_or_default();
    let risk = changes.first().map_or("low", |(change, _)| change.risk.level.label());
    // A name in Kubernetes: an account's name has at most 63 characters where it is used as one.
    let stem: String = account.chars().take(200).collect();
    let part = |(index, chunk): (usize, &&[(&Change, &Entry)])| {
        let number = index + 1;
        let name = format!("{stem}-{}", &digest[..12]);
        let name = if number == 1 { name } else { format!("{name}-{number}") };
        let spec = KorePlanSpec {
            account: account.to_owned(),
            digest: digest.to_owned(),
            part: format!("{number}/{}", chunks.len()),
            counts: counts.clone(),
            risk: risk.to_owned(),
            riskiest: cut(&riskiest, 512),
            changes: chunk.iter().map(|(change, entry)| planned(change, entry, plan)).collect(),
        };
        (name, spec)
    };
    chunks.iter().enumerate().map(part).collect()
}

fn planned(change: &Change, entry: &Entry, plan: &Plan) -> PlannedChange {
    let risk = match change.risk.why.as_str() {
        "" => change.risk.level.label().to_owned(),
        why => format!("{}: {why}", change.risk.level.label()),
    };
    PlannedChange {
        id: change.id.to_string(),
        change: cut(&in_words(&plan.bots, change), 1024),
        risk: cut(&risk, 256),
        why: cut(&entry.message, 512),
        sources: declaring_objects(&change.sources)
            .map(|object| cut(&object.to_string(), 512))
            .take(16)
            .collect(),
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn history_counts_plans_however_many_parts_they_have() {
        let part = |plan: i64, part: usize| Published {
            name: format!("{plan}-{part}"),
            digest: format!("digest {plan}"),
            changes: BTreeSet::new(),
            created: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(plan),
            progress: PlanProgress { phase: PlanPhase::Done, approved: 0 },
        };
        let published: Vec<Published> =
            (0..12).flat_map(|plan| [part(plan, 1), part(plan, 2), part(plan, 3)]).collect();
        let mut names = outdated(published.iter().collect());
        names.sort();
        assert_eq!(names, ["0-1", "0-2", "0-3", "1-1", "1-2", "1-3"]);
    }
}
