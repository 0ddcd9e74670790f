//! How every object stands after a pass: the worst that anything says about it. Pure.

use super::declare::object_of;
use super::reason::Reason;
use super::view::{ObjectRef, View};
use crate::apply::{Fate, Outcome};
use crate::facts::Source;
use crate::manifest::{Code, Finding, Manifests};
use crate::plan::render::in_words;
use crate::plan::{Entry, Plan};
use std::collections::{BTreeMap, HashMap};

/// How something stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Why.
    pub reason: Reason,
    /// What was found and the next step.
    pub message: String,
}

impl Standing {
    /// As declared.
    pub fn fine() -> Self {
        Self::new(Reason::UpToDate, "the account is as declared")
    }

    /// Neither read nor written.
    pub(super) fn suspended() -> Self {
        Self::new(Reason::Suspended, "spec.suspend is true: nothing is read or written")
    }

    /// Another account object is about the same tenant.
    pub(super) fn rivalled(rival: &ObjectRef) -> Self {
        let message = format!("{rival} is older and about the same tenant; only one of them may be in force");
        Self::new(Reason::Conflict, message)
    }

    /// For that reason.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What is known of objects so far; the worst counts.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    standings: HashMap<ObjectRef, Standing>,
    /// How many other things of the same severity were said.
    others: HashMap<ObjectRef, u32>,
    applied: BTreeMap<ObjectRef, u32>,
}

impl Verdicts {
    /// Something about one object.
    pub(super) fn say(&mut self, object: ObjectRef, standing: Standing) {
        match self.standings.get_mut(&object) {
            Some(known) if severity(standing.reason) <= severity(known.reason) => {
                if *known != standing {
                    *self.others.entry(object).or_default() += 1;
                }
            }
            Some(known) => {
                *known = standing;
                *self.others.entry(object).or_default() += 1;
            }
            None => {
                self.standings.insert(object, standing);
            }
        }
    }

    fn say_to(&mut self, sources: &[Source], standing: &Standing) {
        for object in sources.iter().filter_map(object_of) {
            self.say(object, standing.clone());
        }
    }

    /// How an object stands.
    pub(super) fn of(&self, object: &ObjectRef) -> Standing {
        let Some(standing) = self.standings.get(object) else { return Standing::fine() };
        let Standing { reason, message } = standing.clone();
        match self.others.get(object) {
            Some(others) => Standing { reason, message: format!("{message} (and {others} more)") },
            None => Standing { reason, message },
        }
    }

    /// How many changes each object asked for that were applied.
    pub(super) fn applied(&self) -> &BTreeMap<ObjectRef, u32> {
        &self.applied
    }

    /// What checking and compiling found.
    pub(super) fn of_findings<'f>(&mut self, findings: impl Iterator<Item = &'f Finding>, view: &View) {
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
                | Code::AbsentPerson => Reason::Conflict,
                Code::UnknownTeam => Reason::ReferenceMissing,
                Code::UnknownAccount | Code::NoAccount | Code::SeveralAccounts => Reason::AccountMissing,
                Code::NotAllowed => Reason::NotAllowed,
                _ => Reason::Invalid,
            };
            if let Some(object) = by_label.get(&*finding.spot.file) {
                let hint = finding.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                let message = format!("{}{hint}", finding.message);
                self.say((*object).clone(), Standing::new(reason, message));
            }
        }
    }

    /// What a plan and its outcome say. `outcome` is `None` when nothing was to be applied.
    pub(super) fn of_plan(&mut self, plan: &Plan, outcome: Option<&Outcome>, held: Option<Reason>) {
        for entry in plan.blocked.iter().chain(&plan.manual).chain(&plan.refused).chain(&plan.waiting) {
            let Entry { reason, message, next_step, sources, .. } = entry;
            self.say_to(
                sources,
                &Standing::new(Reason::of_entry(*reason), format!("{message}; {next_step}")),
            );
        }
        let spoken_for: std::collections::BTreeSet<_> =
            plan.refused.iter().chain(&plan.waiting).flat_map(|entry| &entry.changes).collect();
        for change in plan.changes.iter().filter(|change| !spoken_for.contains(&change.id)) {
            let what = in_words(&plan.bots, change);
            let standing = match (held, outcome.and_then(|outcome| outcome.fates.get(&change.id))) {
                (Some(reason), _) => Standing::new(reason, format!("would be changed: {what}")),
                (None, Some(Fate::Applied)) => {
                    for object in change.sources.iter().filter_map(object_of) {
                        *self.applied.entry(object).or_default() += 1;
                    }
                    continue;
                }
                (None, Some(Fate::AlreadyThere)) => continue,
                (None, Some(Fate::Waiting)) => {
                    let message = format!("{what}: sent, and shows when the person has accepted");
                    Standing::new(Reason::WaitingForAcceptance, message)
                }
                (None, Some(Fate::Failed(why))) => Standing::new(Reason::Failed, format!("{what}: {why}")),
                (None, Some(Fate::Stale(seen))) => {
                    let message = format!("{what}: the account shows {seen} meanwhile; it is planned again");
                    Standing::new(Reason::Progressing, message)
                }
                (None, Some(Fate::HeldBack(_) | Fate::NotSent(_)) | None) => {
                    Standing::new(Reason::Progressing, format!("not applied yet: {what}"))
                }
            };
            self.say_to(&change.sources, &standing);
        }
    }
}

/// How the account stands. `missing` is why the manifests are not everything that is declared.
pub(super) fn of_account(
    plan: &Plan,
    outcome: Option<&Outcome>,
    held: Option<Reason>,
    manifests: &Manifests,
    missing: Option<&str>,
) -> Standing {
    if let Some(error) = outcome.and_then(|outcome| outcome.error.as_ref()) {
        return Standing::new(Reason::of_error(error), one_line(&error.to_string()));
    }
    if let Some(reason) = held {
        let message = match (reason, plan.changes.len()) {
            (Reason::Suspended, _) => return Standing::suspended(),
            (_, 0) => return missing.map_or_else(Standing::fine, not_swept),
            (_, count) => format!("{} would be applied; mode Observe writes nothing", changes(count)),
        };
        return Standing::new(reason, message);
    }
    if let Some(entry) = plan.refused.first() {
        return Standing::new(
            Reason::of_entry(entry.reason),
            format!("refused: {}; {}", entry.message, entry.next_step),
        );
    }
    let waiting_for = |reason| plan.waiting.iter().find(|entry| Reason::of_entry(entry.reason) == reason);
    for reason in [Reason::ApprovalRequired, Reason::Settling] {
        if let Some(entry) = waiting_for(reason) {
            return Standing::new(reason, format!("{}; {}", entry.message, entry.next_step));
        }
    }
    if let Some(outcome) = outcome
        && !outcome.is_complete()
    {
        let failed = outcome.count(|fate| matches!(fate, Fate::Failed(_)));
        let left = outcome.count(|fate| !fate.is_good());
        let reason = if failed > 0 { Reason::Failed } else { Reason::Progressing };
        return Standing::new(
            reason,
            format!("{} not applied, {failed} of them failed; tried again", changes(left)),
        );
    }
    if let Some(missing) = missing {
        return not_swept(missing);
    }
    let rest = plan.blocked.len() + plan.manual.len();
    let errors = manifests.findings().iter().filter(|finding| finding.is_error()).count();
    match (errors, rest, plan.waiting.len()) {
        (0, 0, 0) => Standing::fine(),
        (0, 0, waiting) => {
            Standing::new(Reason::WaitingForAcceptance, format!("applied; {waiting} entries wait for people"))
        }
        (errors, rest, waiting) => {
            let open = [(errors, "with errors"), (rest, "blocked or for a person"), (waiting, "waiting")];
            let open: Vec<String> = open
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            let message = format!("all else is as declared; {}: see the objects", open.join(", "));
            Standing::new(Reason::UpToDate, message)
        }
    }
}

/// What can be seen is as declared, which is not all there is.
fn not_swept(missing: &str) -> Standing {
    let message = format!("all that can be seen is as declared; nothing is swept meanwhile: {missing}");
    Standing::new(Reason::UpToDate, one_line(&message))
}

/// `1 change`, `2 changes`.
pub(super) fn changes(count: usize) -> String {
    format!("{count} change{}", if count == 1 { "" } else { "s" })
}

/// The first line of an error and its cause, for a condition.
pub(super) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The larger, the more a person has to know.
fn severity(reason: Reason) -> u8 {
    match reason {
        Reason::UpToDate => 0,
        Reason::WaitingForAcceptance => 1,
        Reason::Drift | Reason::Suspended => 2,
        Reason::Progressing | Reason::Settling => 3,
        Reason::ApprovalRequired => 4,
        Reason::Unreachable | Reason::RateLimited | Reason::Failed => 5,
        Reason::Held(_)
        | Reason::NameMoved
        | Reason::HostNotAllowed
        | Reason::CredentialsMissing
        | Reason::CredentialsRejected
        | Reason::ScopeMissing
        | Reason::ProtocolError
        | Reason::AccountMismatch => 6,
        Reason::Conflict
        | Reason::ReferenceMissing
        | Reason::NotAllowed
        | Reason::AccountMissing
        | Reason::Invalid => 7,
    }
}
