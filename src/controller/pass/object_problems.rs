//! What findings, the plan and its outcome say about each object; the worst is reported. Pure.

use super::inputs::PlanResult;
use super::readiness::{Readiness, and_more};
use super::reason::ConditionReason;
use super::view::{ObjectRef, View};
use super::view_to_manifests::object_of;
use crate::apply::ChangeOutcome;
use crate::facts::Source;
use crate::manifest::Finding;
use crate::plan::render::in_words;
use crate::plan::{Change, ChangeId, Entry};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The worst problem of each object so far.
#[derive(Debug, Default)]
pub(super) struct ObjectProblems {
    worst: HashMap<ObjectRef, Readiness>,
    /// How many more problems each object has.
    others: HashMap<ObjectRef, u32>,
    applied: BTreeMap<ObjectRef, u32>,
    /// Objects of which nothing else is told.
    settled: HashSet<ObjectRef>,
}

impl ObjectProblems {
    /// Sets how ready an object is, whatever else is found.
    pub(super) fn settle(&mut self, object: ObjectRef, readiness: Readiness) {
        self.others.remove(&object);
        self.worst.insert(object.clone(), readiness);
        self.settled.insert(object);
    }

    /// Adds a problem of one object.
    pub(super) fn add(&mut self, object: ObjectRef, readiness: Readiness) {
        if self.settled.contains(&object) {
            return;
        }
        match self.worst.get_mut(&object) {
            Some(worst) if readiness.severity() <= worst.severity() => {
                if *worst != readiness {
                    *self.others.entry(object).or_default() += 1;
                }
            }
            Some(worst) => {
                *worst = readiness;
                *self.others.entry(object).or_default() += 1;
            }
            None => {
                self.worst.insert(object, readiness);
            }
        }
    }

    fn add_to_sources(&mut self, sources: &[Source], readiness: &Readiness) {
        for object in sources.iter().filter_map(object_of) {
            self.add(object, readiness.clone());
        }
    }

    /// How ready an object is. One without problems is as declared.
    pub(super) fn readiness_of(&self, object: &ObjectRef) -> Readiness {
        let Some(worst) = self.worst.get(object) else { return Readiness::up_to_date() };
        let Readiness { reason, message } = worst.clone();
        let others = self.others.get(object).copied().unwrap_or_default();
        Readiness { reason, message: and_more(message, others as usize) }
    }

    /// How many changes of each object were applied.
    pub(super) fn applied(&self) -> &BTreeMap<ObjectRef, u32> {
        &self.applied
    }

    /// Adds what checking and compiling found.
    pub(super) fn add_findings<'f>(&mut self, findings: impl Iterator<Item = &'f Finding>, view: &View) {
        let mut errors = findings.filter(|finding| finding.is_error()).peekable();
        if errors.peek().is_none() {
            return;
        }
        let by_label: HashMap<String, &ObjectRef> =
            view.objects().map(|object| (object.meta.object.to_string(), &object.meta.object)).collect();
        for finding in errors {
            if let Some(object) = by_label.get(&*finding.spot.file) {
                let reason = ConditionReason::of_finding(finding.code);
                let readiness = Readiness::new(reason, finding.with_next_step());
                self.add((*object).clone(), readiness);
            }
        }
    }

    /// Adds what a plan and its outcome say. `read_only` is why nothing is applied, if the account is only observed.
    pub(super) fn add_plan(&mut self, result: &PlanResult<'_>, read_only: Option<ConditionReason>) {
        let PlanResult { plan, outcome, .. } = result;
        for entry in plan.blocked.iter().chain(&plan.manual).chain(&plan.refused).chain(&plan.waiting) {
            let Entry { reason, message, next_step, sources, .. } = entry;
            let reason = ConditionReason::of_entry(*reason);
            self.add_to_sources(sources, &Readiness::new(reason, format!("{message}; {next_step}")));
        }
        let in_entries: BTreeSet<&ChangeId> =
            plan.refused.iter().chain(&plan.waiting).flat_map(|entry| &entry.changes).collect();
        for change in plan.changes.iter().filter(|change| !in_entries.contains(&change.id)) {
            let what = in_words(&plan.bots, change);
            match read_only {
                Some(reason) => {
                    let readiness = Readiness::new(reason, format!("would be changed: {what}"));
                    self.add_to_sources(&change.sources, &readiness);
                }
                None => {
                    self.add_change(change, &what, outcome.and_then(|all| all.by_change.get(&change.id)));
                }
            }
        }
    }

    fn add_change(&mut self, change: &Change, what: &str, outcome: Option<&ChangeOutcome>) {
        let (reason, message) = match outcome {
            Some(ChangeOutcome::Applied) => {
                for object in change.sources.iter().filter_map(object_of) {
                    *self.applied.entry(object).or_default() += 1;
                }
                return;
            }
            Some(ChangeOutcome::AlreadyThere) => return,
            Some(ChangeOutcome::Waiting) => (
                ConditionReason::WaitingForAcceptance,
                format!("{what}: sent, and shows when the person has accepted"),
            ),
            Some(ChangeOutcome::Failed(why)) => (ConditionReason::Failed, format!("{what}: {why}")),
            Some(ChangeOutcome::Stale(seen)) => (
                ConditionReason::Progressing,
                format!("{what}: the account shows {seen} meanwhile; it is planned again"),
            ),
            Some(ChangeOutcome::HeldBack(_) | ChangeOutcome::NotSent(_)) | None => {
                (ConditionReason::Progressing, format!("not applied yet: {what}"))
            }
        };
        self.add_to_sources(&change.sources, &Readiness::new(reason, message));
    }
}
