//! Plans that are published for approval or, in mode Observe, to be looked at; and the progress of those that were. Pure.

use super::approvals::{Approvals, approvable, needs_approval};
use super::defer::{declaring_objects, to_approve};
use super::inputs::{PassInputs, PlanResult};
use super::readiness::in_passes;
use super::view::{PlanProgress, Published, View};
use crate::facts::{Source, visible};
use crate::manifest::kinds::KorePlanSpec;
use crate::manifest::kinds::plan::{KorePlanCounts, PlanPhase, PlanRest, PlannedChange};
use crate::plan::render::{in_words, named};
use crate::plan::{Action, ChangeId, Digest, Plan, Risk};
use std::collections::{BTreeMap, BTreeSet};

/// Changes in one part.
const PART: usize = 500;
/// The most parts. Beyond them the least risky changes are left out; the counts stay exact.
const PARTS_MAX: usize = 20;
/// Settled plans that are kept.
const HISTORY: usize = 10;
/// The most that is told of what a plan does not change.
const REST_MAX: usize = 500;

/// What happens to the published plans of an account.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Proposals {
    /// To create: name and content.
    pub create: Vec<(String, KorePlanSpec)>,
    /// The progress of each open plan and of those to create, by name.
    pub phases: BTreeMap<String, PlanProgress>,
    /// To delete, by name: older than the history that is kept.
    pub delete: Vec<String>,
}

/// What is published of a plan.
struct Proposal<'p> {
    /// Those that need an approval first, then the riskiest.
    items: Vec<Item<'p>>,
    digest: String,
}

/// A change, or a declaration without one.
struct Item<'p> {
    id: &'p ChangeId,
    /// `None`: nothing changes at the platform.
    action: Option<Action>,
    words: String,
    risk: &'p Risk,
    /// Why it needs an approval; empty: it needs none.
    why: String,
    sources: &'p [Source],
}

impl<'p> Proposal<'p> {
    /// The whole plan, where something of it needs an approval, where an approval names it, or where the account is only
    /// observed.
    fn new(inputs: PassInputs<'_>, result: &PlanResult<'p>, is_named: bool) -> Option<Self> {
        let plan = result.plan;
        let is_observed = inputs.read_only().is_some();
        let waiting: BTreeMap<&ChangeId, &str> = to_approve(plan)
            .into_iter()
            .map(|(change, entry)| (&change.id, entry.message.as_str()))
            .collect();
        if waiting.is_empty() && result.held.is_empty() && !is_observed && !is_named {
            return None;
        }
        let why = |id: &ChangeId, risk: &Risk| match (waiting.get(id), is_observed) {
            (Some(why), _) => (*why).to_owned(),
            (None, false) => String::new(),
            (None, true) if needs_approval(inputs.policy.approval, risk.level) => {
                "mode Observe writes nothing; in Enforce it needs an approval".to_owned()
            }
            (None, true) => "mode Observe writes nothing".to_owned(),
        };
        let changes = plan.changes.iter().map(|change| Item {
            id: &change.id,
            action: Some(change.action),
            words: match plan.sign_in.get(&change.id) {
                Some(sign_in) => format!("{} {}", in_words(&plan.bots, change), sign_in.words()),
                None => in_words(&plan.bots, change),
            },
            risk: &change.risk,
            why: why(&change.id, &change.risk),
            sources: &change.sources,
        });
        let declared = plan.declared.iter().filter(|effect| result.held.contains(&effect.id) || is_observed);
        let effects = declared.map(|effect| Item {
            id: &effect.id,
            action: None,
            words: match &effect.subject {
                Some(key) => format!("= {}: {}", named(&plan.bots, key), effect.message),
                None => format!("= {}", effect.message),
            },
            risk: &effect.risk,
            why: if is_observed {
                why(&effect.id, &effect.risk)
            } else {
                "a declaration waits for an approval; what was declared before holds until then".to_owned()
            },
            sources: &effect.sources,
        });
        let mut items: Vec<Item<'p>> = changes.chain(effects).collect();
        items.sort_by(|left, right| {
            let rank = |item: &Item<'_>| (item.why.is_empty(), std::cmp::Reverse(item.risk.level));
            rank(left).cmp(&rank(right))
        });
        (!items.is_empty()).then(|| Self { digest: digest(plan, &items), items })
    }

    fn waiting(&self) -> BTreeSet<&ChangeId> {
        self.items.iter().filter(|item| !item.why.is_empty()).map(|item| item.id).collect()
    }

    /// The digests of published plans that ask for the same, whatever else has been applied since.
    fn current_digests<'v>(&self, view: &'v View) -> BTreeSet<&'v str> {
        let mut by_digest: BTreeMap<&str, BTreeSet<&ChangeId>> = BTreeMap::new();
        for published in &view.published {
            by_digest.entry(&published.digest).or_default().extend(&published.waiting);
        }
        let waiting = self.waiting();
        by_digest
            .retain(|digest, asked| *digest == self.digest || (!waiting.is_empty() && *asked == waiting));
        by_digest.into_keys().collect()
    }
}

/// The digest of the plan. Where something of it counts for no digest and needs an approval, its id counts here.
fn digest(plan: &Plan, items: &[Item<'_>]) -> String {
    let counted: BTreeSet<&ChangeId> =
        plan.changes.iter().filter(|change| !change.is_rewrite()).map(|change| &change.id).collect();
    let more: Vec<&ChangeId> = items
        .iter()
        .filter(|item| !item.why.is_empty() && !counted.contains(item.id))
        .map(|item| item.id)
        .collect();
    if more.is_empty() {
        return plan.digest.to_string();
    }
    Digest::over(counted.into_iter().chain(more)).to_string()
}

/// What is published, marked and deleted.
pub(super) fn propose(inputs: PassInputs<'_>, result: &PlanResult<'_>) -> Proposals {
    let PassInputs { view, now, .. } = inputs;
    let PlanResult { plan, left, .. } = result;
    // What a pull request has approved is kept under that digest, for what of it is applied later.
    let approvals = Approvals::new(view, &crate::plan::Memory::default(), now);
    let is_named = !plan.changes.is_empty() && approvals.name_digest(plan.digest.as_str());
    let proposal = Proposal::new(inputs, result, is_named);
    let named = approved_ids(approvals, result);
    let count =
        |ids: &BTreeSet<ChangeId>| u32::try_from(ids.intersection(&named).count()).unwrap_or(u32::MAX);
    // Of a plan that waits for nobody, all is approved.
    let phase_now = match &proposal {
        Some(proposal) if proposal.waiting().is_empty() => PlanPhase::Approved,
        Some(_) | None => PlanPhase::Pending,
    };
    let mut proposals = Proposals::default();
    let current = proposal.as_ref().map(|proposal| proposal.current_digests(view)).unwrap_or_default();
    let is_current = |published: &Published| current.contains(published.digest.as_str());
    let rest = rest_of(plan, inputs.read_only().is_some());
    if let Some(proposal) = &proposal {
        let is_there = view.published.iter().any(is_current);
        let has_digest = view.published.iter().any(|published| published.digest == proposal.digest);
        if !is_there || (is_named && !has_digest) {
            proposals.create = parts(&view.account.meta.object.name, proposal);
        }
        for (index, (name, spec)) in proposals.create.iter().enumerate() {
            let rest = if index == 0 { rest.clone() } else { Vec::new() };
            let ids = spec.changes.iter().map(|change| ChangeId::parse(&change.id)).collect();
            let progress = PlanProgress { phase: phase_now, approved: count(&ids), rest };
            proposals.phases.insert(name.clone(), progress);
        }
    }
    // The same changes may be planned again later: the published plan that lists them is opened again.
    for published in view.published.iter().filter(|published| published.is_open() || is_current(published)) {
        let approved = count(&published.changes);
        let is_current = is_current(published);
        let phase = match (is_current, published.changes.is_disjoint(left)) {
            (true, _) => phase_now,
            (false, true) => PlanPhase::Done,
            (false, false) if approved > 0 => PlanPhase::Approved,
            (false, false) => PlanPhase::Superseded,
        };
        let rest = if is_current && published.is_first_part() { rest.clone() } else { Vec::new() };
        proposals.phases.insert(published.name.clone(), PlanProgress { phase, approved, rest });
    }
    proposals.delete = outdated(
        view.published.iter().filter(|published| !published.is_open() && !is_current(published)).collect(),
    );
    proposals
}

/// What approvals name, less what does not count in this plan.
fn approved_ids(approvals: Approvals<'_>, result: &PlanResult<'_>) -> BTreeSet<ChangeId> {
    let mut ids = approvals.with_plan(result.plan).ids();
    for item in approvable(result.plan) {
        if !result.approved.contains(item.id) {
            ids.remove(item.id);
        }
    }
    ids
}

/// What a plan does not change and why, where the account is only observed; what is to be known about it everywhere.
fn rest_of(plan: &Plan, is_observed: bool) -> Vec<PlanRest> {
    let of = |kind: &str, message: String| PlanRest { kind: kind.to_owned(), message: cut(&message, 512) };
    let entries = [
        ("Refused", &plan.refused),
        ("Blocked", &plan.blocked),
        ("Manual", &plan.manual),
        ("Waiting", &plan.waiting),
    ];
    let entries = entries.into_iter().flat_map(|(kind, entries)| {
        entries.iter().map(move |entry| {
            let what = entry.subjects.first().map(|key| named(&plan.bots, key));
            let what = what.unwrap_or_else(|| entry.subject.clone());
            of(kind, in_passes(format!("{what}: {}; {}", entry.message, entry.next_step)))
        })
    });
    let mut unmanaged: Vec<_> = plan.open_unmanaged().collect();
    unmanaged.sort_by_key(|fact| std::cmp::Reverse(fact.risk.level));
    let unmanaged = unmanaged.into_iter().map(|fact| {
        let (what, risk) = (named(&plan.bots, &fact.subject), fact.risk.level.label());
        of("Unmanaged", format!("{what}: {} ({risk} risk)", fact.why))
    });
    let notices = plan.warnings.iter().map(|warning| of("Notice", warning.clone()));
    let observed = entries.chain(unmanaged).filter(|_| is_observed);
    notices.chain(observed).take(REST_MAX).collect()
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

fn parts(account: &str, proposal: &Proposal<'_>) -> Vec<(String, KorePlanSpec)> {
    let Proposal { items, digest } = proposal;
    let count = |wanted: fn(Action) -> bool| {
        u32::try_from(items.iter().filter_map(|item| item.action).filter(|action| wanted(*action)).count())
            .unwrap_or(u32::MAX)
    };
    let counts = KorePlanCounts {
        add: count(|action| action == Action::Add),
        change: count(|action| action == Action::Change),
        remove: count(Action::is_removal),
    };
    let chunks: Vec<_> = items.chunks(PART).take(PARTS_MAX).collect();
    let riskiest = items.first().map(|item| item.words.as_str()).unwrap_or_default();
    let risk = items.first().map_or("low", |item| item.risk.level.label());
    // A name in Kubernetes: an account's name has at most 63 characters where it is used as one.
    let stem: String = account.chars().take(200).collect();
    let part = |(index, chunk): (usize, &&[Item<'_>])| {
        let number = index + 1;
        let name = format!("{stem}-{}", &digest[..12]);
        let name = if number == 1 { name } else { format!("{name}-{number}") };
        let spec = KorePlanSpec {
            account: account.to_owned(),
            digest: digest.clone(),
            part: format!("{number}/{}", chunks.len()),
            counts: counts.clone(),
            risk: risk.to_owned(),
            riskiest: cut(riskiest, 512),
            changes: chunk.iter().map(planned).collect(),
        };
        (name, spec)
    };
    chunks.iter().enumerate().map(part).collect()
}

fn planned(item: &Item<'_>) -> PlannedChange {
    let risk = match item.risk.why.as_str() {
        "" => item.risk.level.label().to_owned(),
        why => format!("{}: {why}", item.risk.level.label()),
    };
    PlannedChange {
        id: item.id.to_string(),
        change: cut(&item.words, 1024),
        risk: cut(&risk, 256),
        why: cut(&item.why, 512),
        sources: declaring_objects(item.sources)
            .map(|object| cut(&object.to_string(), 512))
            .take(16)
            .collect(),
    }
}

fn cut(text: &str, most: usize) -> String {
    visible(text).chars().take(most).collect()
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
            part: format!("{part}/3"),
            changes: BTreeSet::new(),
            waiting: BTreeSet::new(),
            created: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(plan),
            progress: PlanProgress { phase: PlanPhase::Done, approved: 0, rest: Vec::new() },
        };
        let published: Vec<Published> =
            (0..12).flat_map(|plan| [part(plan, 1), part(plan, 2), part(plan, 3)]).collect();
        let mut names = outdated(published.iter().collect());
        names.sort();
        assert_eq!(names, ["0-1", "0-2", "0-3", "1-1", "1-2", "1-3"]);
    }
}
