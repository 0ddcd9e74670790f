//! What earlier runs remember: what the manifests asked for and no read has shown gone, since when invitations are
//! open, what was applied lately, and what was to be sent that nobody can look at.
//!
//! ```text
//! memory ──recall(today's names)──► remembered facts ─┬─ diff: what is not declared any more is retired
//!                                                     └─ next: the memory to store before anything is sent
//! ```
//!
//! It is a value: who stores it, and under which lock, is decided elsewhere. A fact is forgotten when a read shows it
//! gone, and never because a run ended early.

mod declaration;
mod fact;
mod next;
mod not_done;
mod recall;

pub use declaration::Declaration;
pub(super) use declaration::{UndeclaredReasons, WhyUndeclared};
pub use fact::{DeclaringObject, RememberedFact, Revision};
pub(super) use next::{is_named_only, next};
pub use not_done::NotDone;
pub(super) use recall::recall;

use super::judged::ViolationState;
use super::model::{Action, Change, ChangeId, Plan};
use crate::facts::{BotId, BotName, Email, Guards, Key, KeyRecord, Membership, ScopeExtent, Value, World};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A change that was applied so often in [`Memory::WINDOW`] is being reverted by another process.
pub const CONTESTED_AFTER: usize = 3;

/// After so many applies in a row that were accepted and did not show, a change is not sent any more.
pub const UNKEPT_AFTER: u32 = 2;

/// The version of the memory's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MemoryFormat {
    /// The first one.
    #[default]
    #[serde(rename = "koreconcile.dev/memory/v1")]
    V1,
}

/// What earlier runs on this account remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The version of this format.
    pub format: MemoryFormat,
    /// How often it was stored: the highest one is the newest.
    pub generation: u64,
    /// Whose declaration it is: the manifests of another one plan nothing until it is handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
    /// The commit that was applied last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_revision: Option<Revision>,
    /// What was asked for and is not seen gone, sorted by subject.
    #[serde(with = "fact::records", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<fact::records::Record>")]
    pub facts: Vec<(Key, RememberedFact)>,
    /// Names of the bots in it, for people.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bots: BTreeMap<BotId, BotName>,
    /// What the last apply has left undone, and since when.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub not_done: BTreeMap<NotDone, Revision>,
    /// What the last apply saw that no manifest asks for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<KeyRecord>")]
    pub unmanaged: BTreeSet<Key>,
    /// Since when policies have been violated, by policy and what it is about, as far as earlier runs have found it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    pub violations: BTreeMap<String, BTreeMap<String, Timestamp>>,
    /// Authoritative lists that were approved once, or had no holder to prune. Another one is proposed first.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub lists: BTreeSet<ScopeExtent>,
    /// The guards of the last apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub guards: Option<Guards>,
    /// People whose invitation is open, and when that was first seen.
    #[schemars(with = "BTreeMap<String, String>")]
    pub pending_since: BTreeMap<Email, Timestamp>,
    /// Changes applied lately. A change that comes back has the same id, because before and after are the same.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub applied: BTreeMap<ChangeId, Vec<Timestamp>>,
    /// What was applied by saved plans, the newest ones: each by when it was made and its digest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub saved_plans: BTreeMap<String, BTreeSet<ChangeId>>,
    /// What the platform has accepted and does not show, by [`Change::wish`], and in how many applies in a row.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, u32>")]
    pub unkept: BTreeMap<ChangeId, u32>,
    /// What approvals without an end were used for (controller), by the uid of each: they count once.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub approvals_used: BTreeMap<String, BTreeSet<ChangeId>>,
    /// Values that cannot be read, which a run set out to send and has not sent: the next plan sends them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<KeyRecord>")]
    pub unsent: BTreeSet<Key>,
}

impl Memory {
    /// How long an applied change is remembered.
    pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

    /// Takes over what a read shows: who is pending now, keeping when that began.
    pub fn note_pending(&mut self, observed: &World, now: Timestamp) {
        let before = std::mem::take(&mut self.pending_since);
        self.pending_since = observed
            .facts()
            .iter()
            .filter_map(|(key, value)| match (key, value) {
                (Key::Member(email), Value::Member(Membership::Pending { since: _ })) => Some(email.clone()),
                _ => None,
            })
            .map(|email| {
                let since = before.get(&email).copied().unwrap_or(now);
                (email, since)
            })
            .collect();
    }

    /// A remembered fact in one line, with its bot by name.
    pub fn named(&self, key: &Key) -> String {
        super::render::named(&self.bots, key)
    }

    /// With what the plan shows as unmanaged: the next one tells what is new.
    #[must_use]
    pub fn with_unmanaged(self, plan: &Plan) -> Self {
        Self { unmanaged: plan.unmanaged.iter().map(|fact| fact.subject.clone()).collect(), ..self }
    }

    /// Since when a policy has been violated, where an earlier run has found it.
    pub fn violated_since(&self, policy: &str, subject: &str) -> Option<Timestamp> {
        self.violations.get(policy)?.get(subject).copied()
    }

    /// With the violations that a plan finds: what was found before keeps its time, what is gone is forgotten.
    #[must_use]
    pub fn with_violations(self, plan: &Plan, now: Timestamp) -> Self {
        let mut violations: BTreeMap<String, BTreeMap<String, Timestamp>> = BTreeMap::new();
        for found in plan.violations.iter().filter(|found| found.state == ViolationState::Existing) {
            let since = self.violated_since(&found.policy, &found.subject).unwrap_or(now);
            violations.entry(found.policy.clone()).or_default().insert(found.subject.clone(), since);
        }
        Self { violations, ..self }
    }

    /// Whoever a remembered fact is about: a plan looks them up, declared or not.
    pub fn people(&self) -> impl Iterator<Item = &Email> {
        self.facts.iter().filter_map(|(key, _)| key.email())
    }

    /// Takes over what a run has applied and read back: what is taken away is forgotten.
    pub fn note_read_back<'a>(&mut self, changes: impl IntoIterator<Item = &'a Change>, now: Timestamp) {
        for change in changes {
            let Ok(at) = self.facts.binary_search_by(|(key, _)| key.cmp(&change.key)) else { continue };
            if change.action.is_removal() {
                self.facts.remove(at);
            } else if !matches!(change.key, Key::RoleDefinition(..)) {
                self.facts[at].1.read_back = Some(now);
            }
        }
    }

    /// Remembers what a saved plan asks for: it says nothing about what else is declared.
    pub fn note_saved_plan(&mut self, changes: &[&Change], revision: &Revision) {
        for change in changes.iter().filter(|change| !change.action.is_removal()) {
            let Some(value) = &change.after else { continue };
            let known = self.facts.binary_search_by(|(key, _)| key.cmp(&change.key));
            match known {
                Ok(at) => {
                    let fact = &mut self.facts[at].1;
                    fact.value = value.clone();
                    (fact.until, fact.reason) = (change.until, change.reason.clone());
                }
                Err(at) => {
                    let fact = RememberedFact {
                        sources: change.sources.clone(),
                        since: revision.clone(),
                        ids: change.pins.clone(),
                        until: change.until,
                        reason: change.reason.clone(),
                        ..RememberedFact::asked(value.clone())
                    };
                    self.facts.insert(at, (change.key.clone(), fact));
                }
            }
        }
    }

    /// Remembers what the undo of a run has brought back. What is declared as well stays remembered as that.
    pub fn note_undone<'a>(
        &mut self,
        run: &str,
        changes: impl IntoIterator<Item = &'a Change>,
        now: Timestamp,
    ) {
        for change in changes.into_iter().filter(|change| !change.action.is_removal()) {
            let Some(value) = &change.after else { continue };
            let Err(at) = self.facts.binary_search_by(|(key, _)| key.cmp(&change.key)) else { continue };
            let fact = RememberedFact {
                sources: change.sources.clone(),
                since: Revision { at: now, commit: None },
                ids: change.pins.clone(),
                until: change.until,
                reason: change.reason.clone(),
                read_back: Some(now),
                undone: Some(run.into()),
                ..RememberedFact::asked(value.clone())
            };
            self.facts.insert(at, (change.key.clone(), fact));
        }
    }

    /// Remembers a change that was applied, and forgets what is older than a day.
    pub fn note_applied<'a>(&mut self, ids: impl IntoIterator<Item = &'a ChangeId>, now: Timestamp) {
        for id in ids {
            self.applied.entry(id.clone()).or_default().push(now);
        }
        self.applied.retain(|_, times| {
            times.retain(|at| is_within_window(*at, now));
            !times.is_empty()
        });
    }

    /// Remembers what was applied by a saved plan; the oldest plans are forgotten.
    pub fn note_saved<'a>(&mut self, plan: &str, applied: impl IntoIterator<Item = &'a ChangeId>) {
        const MOST: usize = 50;
        let applied: Vec<ChangeId> = applied.into_iter().cloned().collect();
        if !applied.is_empty() {
            self.saved_plans.entry(plan.to_owned()).or_default().extend(applied);
        }
        while self.saved_plans.len() > MOST {
            self.saved_plans.pop_first();
        }
    }

    /// Counts a change that was sent: whether the platform has kept what it accepted.
    pub fn note_kept(&mut self, change: &Change, is_kept: bool) {
        if is_kept {
            self.unkept.remove(&change.wish());
        } else {
            *self.unkept.entry(change.wish()).or_default() += 1;
        }
    }

    /// Takes note of what nobody can look at afterwards, before it is sent. A profile that travels with its new user
    /// needs none: it is there if they are.
    pub fn note_unsent<'a>(&mut self, changes: impl IntoIterator<Item = &'a Change>) {
        let travels = |change: &Change| matches!(change.key, Key::Profile(_)) && change.action == Action::Add;
        let unseen =
            changes.into_iter().filter(|change| change.key.family().is_write_only() && !travels(change));
        self.unsent.extend(unseen.map(|change| change.key.clone()));
    }

    /// It was sent.
    pub fn note_sent(&mut self, key: &Key) {
        self.unsent.remove(key);
    }

    /// How often a change was applied since then, and within a day before `now`.
    pub(super) fn times_applied(&self, id: &ChangeId, since: Timestamp, now: Timestamp) -> usize {
        let times = self.applied.get(id).map_or(&[][..], Vec::as_slice);
        times.iter().filter(|at| **at >= since && is_within_window(**at, now)).count()
    }

    /// Notes for which changes an approval is used up.
    pub fn note_used(&mut self, approval: &str, changes: impl IntoIterator<Item = ChangeId>) {
        self.approvals_used.entry(approval.to_owned()).or_default().extend(changes);
    }

    /// It was not used for that change after all.
    pub fn note_unused(&mut self, approval: &str, change: &ChangeId) {
        if let Some(used) = self.approvals_used.get_mut(approval) {
            used.remove(change);
        }
    }

    /// For how long the invitation of a user has been open.
    pub(super) fn pending_for(&self, email: &Email, now: Timestamp) -> Option<SignedDuration> {
        self.pending_since.get(email).map(|since| now.duration_since(*since))
    }
}

/// Whether it was within a day before `now`. What was noted by a clock that was ahead says nothing.
fn is_within_window(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.duration_since(at) <= Memory::WINDOW
}
