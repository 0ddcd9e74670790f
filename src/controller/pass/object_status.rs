//! The readiness of every object after a pass: the most severe of all that is known about it. Pure.

use super::reason::ConditionReason;
use super::view::{ObjectRef, View};
use super::view_to_manifests::object_of;
use crate::apply::{ChangeOutcome, Outcome};
use crate::facts::Source;
use crate::manifest::{Code, Finding, Manifests};
use crate::plan::render::in_words;
use crate::plan::{Entry, Plan};
use std::collections::{BTreeMap, HashMap};

/// Whether something is as declared, and if not, why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Readiness {
    /// Why.
    pub reason: ConditionReason,
    /// What was found and the next step.
    pub message: String,
}

impl Readiness {
    /// As declared.
    pub fn fine() -> Self {
        Self::new(ConditionReason::UpToDate, "the account is as declared")
    }

    /// Neither read nor written.
    pub(in crate::controller) fn suspended() -> Self {
        Self::new(ConditionReason::Suspended, "spec.suspend is true: nothing is read or written")
    }

    /// Another account object is about the same tenant.
    pub(in crate::controller) fn conflicting(conflicting_account: &ObjectRef) -> Self {
        let message = format!(
            "{conflicting_account} is older and about the same tenant; only one of them may be in force"
        );
        Self::new(ConditionReason::Conflict, message)
    }

    /// For that reason.
    pub fn new(reason: ConditionReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What is known of objects so far; the most severe problem counts.
#[derive(Debug, Default)]
pub(in crate::controller) struct ObjectProblems {
    readiness: HashMap<ObjectRef, Readiness>,
    /// How many other things of the same severity were said.
    others: HashMap<ObjectRef, u32>,
    applied: BTreeMap<ObjectRef, u32>,
}

impl ObjectProblems {
    /// Something about one object.
    pub(in crate::controller) fn record(&mut self, object: ObjectRef, readiness: Readiness) {
        match self.readiness.get_mut(&object) {
            Some(known) if severity(readiness.reason) <= severity(known.reason) => {
                if *known != readiness {
                    *self.others.entry(object).or_default() += 1;
                }
            }
            Some(known) => {
                *known = readiness;
                *self.others.entry(object).or_default() += 1;
            }
            None => {
                self.readiness.insert(object, readiness);
            }
        }
    }

    fn record_for(&mut self, sources: &[Source], readiness: &Readiness) {
        for object in sources.iter().filter_map(object_of) {
            self.record(object, readiness.clone());
        }
    }

    /// How an object stands.
    pub(in crate::controller) fn readiness_of(&self, object: &ObjectRef) -> Readiness {
        let Some(readiness) = self.readiness.get(object) else { return Readiness::fine() };
        let Readiness { reason, message } = readiness.clone();
        match self.others.get(object) {
            Some(others) => Readiness { reason, message: format!("{message} (and {others} more)") },
            None => Readiness { reason, message },
        }
    }

    /// How many changes each object asked for that were applied.
    pub(in crate::controller) fn applied(&self) -> &BTreeMap<ObjectRef, u32> {
        &self.applied
    }

    /// What checking and compiling found.
    pub(in crate::controller) fn record_findings<'f>(
        &mut self,
        findings: impl Iterator<Item = &'f Finding>,
        view: &View,
    ) {
        let mut errors = findings.filter(|finding| finding.is_error()).peekable();
        if errors.peek().is_none() {
            return;
        }
        let by_label: HashMap<String, &ObjectRef> =
            view.objects().map(|object| (object.meta.object.to_string(), &object.meta.object)).collect();
        for finding in errors {
            let reason = match finding.code {
                Code::DuplicateEmail
                | Code::DuplicateRole
                | Code::DuplicateObject
                | Code::TwoAuthorities
                | Code::Contradiction
                | Code::AbsentPerson => ConditionReason::Conflict,
                Code::UnknownTeam => ConditionReason::ReferenceMissing,
                Code::UnknownAccount | Code::NoAccount | Code::SeveralAccounts => {
                    ConditionReason::AccountMissing
                }
                Code::NotAllowed => ConditionReason::NotAllowed,
                _ => ConditionReason::Invalid,
            };
            if let Some(object) = by_label.get(&*finding.spot.file) {
                let hint = finding.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                let message = format!("{}{hint}", finding.message);
                self.record((*object).clone(), Readiness::new(reason, message));
            }
        }
    }

    /// What a plan and its outcome say. `outcome` is `None` when nothing was to be applied.
    pub(in crate::controller) fn record_plan(
        &mut self,
        plan: &Plan,
        outcome: Option<&Outcome>,
        held: Option<ConditionReason>,
    ) {
        for entry in plan.blocked.iter().chain(&plan.manual).chain(&plan.refused).chain(&plan.waiting) {
            let Entry { reason, message, next_step, sources, .. } = entry;
            self.record_for(
                sources,
                &Readiness::new(ConditionReason::of_entry(*reason), format!("{message}; {next_step}")),
            );
        }
        let spoken_for: std::collections::BTreeSet<_> =
            plan.refused.iter().chain(&plan.waiting).flat_map(|entry| &entry.changes).collect();
        for change in plan.changes.iter().filter(|change| !spoken_for.contains(&change.id)) {
            let what = in_words(&plan.bots, change);
            let readiness = match (held, outcome.and_then(|outcome| outcome.by_change.get(&change.id))) {
                (Some(reason), _) => Readiness::new(reason, format!("would be changed: {what}")),
                (None, Some(ChangeOutcome::Applied)) => {
                    for object in change.sources.iter().filter_map(object_of) {
                        *self.applied.entry(object).or_default() += 1;
                    }
                    continue;
                }
                (None, Some(ChangeOutcome::AlreadyThere)) => continue,
                (None, Some(ChangeOutcome::Waiting)) => {
                    let message = format!("{what}: sent, and shows when the person has accepted");
                    Readiness::new(ConditionReason::WaitingForAcceptance, message)
                }
                (None, Some(ChangeOutcome::Failed(why))) => {
                    Readiness::new(ConditionReason::Failed, format!("{what}: {why}"))
                }
                (None, Some(ChangeOutcome::Stale(seen))) => {
                    let message = format!("{what}: the account shows {seen} meanwhile; it is planned again");
                    Readiness::new(ConditionReason::Progressing, message)
                }
                (None, Some(ChangeOutcome::HeldBack(_) | ChangeOutcome::NotSent(_)) | None) => {
                    Readiness::new(ConditionReason::Progressing, format!("not applied yet: {what}"))
                }
            };
            self.record_for(&change.sources, &readiness);
        }
    }
}

/// How the account stands. `missing` is why the manifests are not everything that is declared.
pub(in crate::controller) fn status_of_account(
    plan: &Plan,
    outcome: Option<&Outcome>,
    held: Option<ConditionReason>,
    manifests: &Manifests,
    missing: Option<&str>,
) -> Readiness {
    if let Some(error) = outcome.and_then(|outcome| outcome.error.as_ref()) {
        return Readiness::new(ConditionReason::of_error(error), one_line(&error.to_string()));
    }
    if let Some(reason) = held {
        let message = match (reason, plan.changes.len()) {
            (ConditionReason::Suspended, _) => return Readiness::suspended(),
            (_, 0) => return missing.map_or_else(Readiness::fine, not_pruned),
            (_, count) => format!("{} would be applied; mode Observe writes nothing", changes(count)),
        };
        return Readiness::new(reason, message);
    }
    if let Some(entry) = plan.refused.first() {
        return Readiness::new(
            ConditionReason::of_entry(entry.reason),
            format!("refused: {}; {}", entry.message, entry.next_step),
        );
    }
    let waiting_for =
        |reason| plan.waiting.iter().find(|entry| ConditionReason::of_entry(entry.reason) == reason);
    for reason in [ConditionReason::ApprovalRequired, ConditionReason::Settling] {
        if let Some(entry) = waiting_for(reason) {
            return Readiness::new(reason, format!("{}; {}", entry.message, entry.next_step));
        }
    }
    if let Some(outcome) = outcome
        && !outcome.is_complete()
    {
        let failed = outcome.count(|fate| matches!(fate, ChangeOutcome::Failed(_)));
        let left = outcome.count(|fate| !fate.is_good());
        let reason = if failed > 0 { ConditionReason::Failed } else { ConditionReason::Progressing };
        return Readiness::new(
            reason,
            format!("{} not applied, {failed} of them failed; tried again", changes(left)),
        );
    }
    if let Some(missing) = missing {
        return not_pruned(missing);
    }
    let rest = plan.blocked.len() + plan.manual.len();
    let errors = manifests.findings().iter().filter(|finding| finding.is_error()).count();
    match (errors, rest, plan.waiting.len()) {
        (0, 0, 0) => Readiness::fine(),
        (0, 0, waiting) => Readiness::new(
            ConditionReason::WaitingForAcceptance,
            format!("applied; {waiting} entries wait for people"),
        ),
        (errors, rest, waiting) => {
            let open = [(errors, "with errors"), (rest, "blocked or manual"), (waiting, "waiting")];
            let open: Vec<String> = open
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            let message = format!("all else is as declared; {}: see the objects", open.join(", "));
            Readiness::new(ConditionReason::UpToDate, message)
        }
    }
}

/// What can be seen is as declared, which is not all there is.
fn not_pruned(missing: &str) -> Readiness {
    let message = format!("all that can be seen is as declared; nothing is pruned meanwhile: {missing}");
    Readiness::new(ConditionReason::UpToDate, one_line(&message))
}

/// `1 change`, `2 changes`.
pub(in crate::controller) fn changes(count: usize) -> String {
    format!("{count} change{}", if count == 1 { "" } else { "s" })
}

/// The first line of an error and its cause, for a condition.
pub(in crate::controller) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The larger, the more a person has to know.
fn severity(reason: ConditionReason) -> u8 {
    match reason {
        ConditionReason::UpToDate => 0,
        ConditionReason::WaitingForAcceptance => 1,
        ConditionReason::Drift | ConditionReason::Suspended => 2,
        ConditionReason::Progressing | ConditionReason::Settling => 3,
        ConditionReason::ApprovalRequired => 4,
        ConditionReason::Unreachable | ConditionReason::RateLimited | ConditionReason::Failed => 5,
        ConditionReason::Held(_)
        | ConditionReason::NameMoved
        | ConditionReason::HostNotAllowed
        | ConditionReason::CredentialsMissing
        | ConditionReason::CredentialsRejected
        | ConditionReason::ScopeMissing
        | ConditionReason::ProtocolError
        | ConditionReason::AccountMismatch => 6,
        ConditionReason::Conflict
        | ConditionReason::ReferenceMissing
        | ConditionReason::NotAllowed
        | ConditionReason::AccountMissing
        | ConditionReason::Invalid => 7,
    }
}
