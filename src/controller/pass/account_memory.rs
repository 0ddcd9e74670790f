//! What the controller remembers of an account between passes. In-process it is whole; what has to survive a restart
//! lies in the status of the objects.

use super::unchanged::UnchangedPass;
use super::view::View;
use crate::apply::{ChangeOutcome, Outcome};
use crate::facts::{Email, Family, Policy};
use crate::manifest::kinds::Spec;
use crate::manifest::kinds::status::{RemovalWindow, Removed, UNDER_WAY_MAX};
use crate::plan::{Change, ChangeId, Day, Memory, Plan};
use jiff::{SignedDuration, Timestamp};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// The ceilings count what was removed in this time.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Most open invitations of people without a `KoreUser` that the account's status remembers.
const INVITED_MAX: usize = 500;

/// Memory of one account.
#[derive(Clone, Debug, Default)]
pub struct AccountMemory {
    /// Open invitations, and what was applied lately.
    pub plan_memory: Memory,
    removals: Vec<Removed>,
    /// What the objects were, and since when they have been so.
    edits: Option<(u64, Timestamp)>,
    /// The last pass, if it came to nothing.
    pub(super) unchanged: Option<UnchangedPass>,
}

impl AccountMemory {
    /// What the status of the objects remembers.
    pub fn restored(view: &View) -> Self {
        let status = &view.account.status;
        let mut memory = Memory::default();
        for (email, since) in &status.invited {
            memory.pending_since.insert(Email::observed(email), *since);
        }
        for object in view.objects() {
            if let (Spec::User(spec), Some(since)) = (&object.spec, object.status.invited_since) {
                memory.pending_since.insert(spec.email.clone(), since);
            }
        }
        for (id, times) in &status.repeated {
            memory.applied.insert(ChangeId::parse(id), times.clone());
        }
        let removals = status.removals.as_ref().map(|window| window.recent.clone()).unwrap_or_default();
        Self { plan_memory: memory, removals, edits: None, unchanged: None }
    }

    /// Since when the objects have been as they are. Whoever just started has seen them only now.
    pub fn unedited_since(&mut self, view: &View, now: Timestamp) -> Timestamp {
        let mut metas: Vec<_> = view
            .objects()
            .map(|object| &object.meta)
            .chain(view.broken.iter().map(|broken| &broken.meta))
            .chain([&view.account.meta])
            .map(|meta| (&meta.object, &meta.uid, meta.generation, meta.deleted.is_some()))
            .collect();
        metas.sort();
        let mut hasher = DefaultHasher::new();
        metas.hash(&mut hasher);
        let seen = hasher.finish();
        match self.edits {
            Some((known, since)) if known == seen => since,
            _ => {
                self.edits = Some((seen, now));
                now
            }
        }
    }

    /// What the ceilings count besides a plan.
    pub fn day(&mut self, acknowledged: BTreeSet<ChangeId>, now: Timestamp) -> Day {
        self.removals.retain(|removed| now.duration_since(removed.at) < DAY);
        let mut lately: BTreeMap<Family, usize> = BTreeMap::new();
        for removed in &self.removals {
            if let Some(family) = Family::ALL.into_iter().find(|family| family.label() == removed.family) {
                *lately.entry(family).or_default() += removed.count as usize;
            }
        }
        Day { lately, acknowledged }
    }

    /// When time alone changes what this says: the oldest removal leaves the window, an invitation has been open for too
    /// long.
    pub(super) fn next_change_at(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let gone = self.removals.iter().map(|removed| removed.at.saturating_add(DAY));
        let after = policy.invitations.overdue_after;
        let overdue = self.plan_memory.pending_since.values().map(|since| since.saturating_add(after));
        gone.chain(overdue).map(|at| at.unwrap_or(Timestamp::MAX)).filter(|at| *at > now).min()
    }

    /// Remembers what a run did.
    pub fn record(&mut self, outcome: &Outcome, now: Timestamp) {
        let applied = outcome
            .by_change
            .iter()
            .filter(|(_, outcome)| **outcome == ChangeOutcome::Applied)
            .map(|(id, _)| id);
        self.plan_memory.note_applied(applied.clone(), now);
        for change in applied.filter_map(|id| outcome.changes.get(id)) {
            if change.action.is_removal() {
                count(&mut self.removals, change, now);
            }
        }
    }

    /// The window of removals as it is, for the status.
    pub fn window(&self, allowed: u32) -> RemovalWindow {
        window(self.removals.clone(), allowed)
    }

    /// The window of removals as it will be when all of these have gone. `None`: there are none.
    pub fn planned_removals<'c>(
        &self,
        removals: impl Iterator<Item = &'c Change>,
        allowed: u32,
        now: Timestamp,
    ) -> Option<RemovalWindow> {
        let mut under_way: BTreeMap<&str, Removed> = BTreeMap::new();
        for change in removals {
            let family = change.key.family().label();
            let entry = under_way.entry(family).or_insert_with(|| Removed {
                at: minute(now),
                family: family.to_owned(),
                count: 0,
                under_way: Vec::new(),
            });
            entry.count += 1;
            if entry.under_way.len() < UNDER_WAY_MAX {
                entry.under_way.push(change.id.to_string());
            }
        }
        let is_empty = under_way.is_empty();
        let planned = self.removals.iter().cloned().chain(under_way.into_values()).collect();
        (!is_empty).then(|| window(planned, allowed))
    }

    /// Whether a replica ended in the middle of removals that were counted beforehand.
    pub fn wrote_ahead(&self) -> bool {
        self.removals.iter().any(|removed| !removed.under_way.is_empty())
    }

    /// Takes off the window what was foreseen and has not gone: the plan wants it gone still. What is in no plan any more
    /// stays counted. True when something was taken off.
    pub fn correct(&mut self, plan: &Plan) -> bool {
        let planned: BTreeSet<String> = plan.changes.iter().map(|change| change.id.to_string()).collect();
        let mut is_less = false;
        for removed in &mut self.removals {
            let under_way = std::mem::take(&mut removed.under_way);
            let left = under_way.iter().filter(|id| planned.contains(*id)).count();
            removed.count = removed.count.saturating_sub(u32::try_from(left).unwrap_or(u32::MAX));
            is_less |= left > 0;
        }
        self.removals.retain(|removed| removed.count > 0);
        is_less
    }

    /// Changes that came back, for the status: a single application is forgotten with the process.
    pub fn repeated(&self) -> BTreeMap<String, Vec<Timestamp>> {
        let repeated = self.plan_memory.applied.iter().filter(|(_, times)| times.len() > 1);
        repeated.map(|(id, times)| (id.to_string(), times.clone())).collect()
    }

    /// Open invitations that no object's status remembers.
    pub fn invited(&self, view: &View) -> BTreeMap<String, Timestamp> {
        let declared: BTreeSet<&Email> = view
            .objects()
            .filter_map(|object| match &object.spec {
                Spec::User(spec) => Some(&spec.email),
                _ => None,
            })
            .collect();
        let others = self.plan_memory.pending_since.iter().filter(|(email, _)| !declared.contains(email));
        others.take(INVITED_MAX).map(|(email, since)| (email.to_string(), *since)).collect()
    }
}

fn count(removals: &mut Vec<Removed>, change: &Change, now: Timestamp) {
    let (at, family) = (minute(now), change.key.family().label());
    match removals.iter_mut().find(|removed| removed.at == at && removed.family == family) {
        Some(removed) => removed.count += 1,
        None => removals.push(Removed { at, family: family.to_owned(), count: 1, under_way: Vec::new() }),
    }
}

fn minute(now: Timestamp) -> Timestamp {
    now.round(jiff::Unit::Minute).unwrap_or(now)
}

fn window(recent: Vec<Removed>, allowed: u32) -> RemovalWindow {
    RemovalWindow { used: recent.iter().map(|removed| removed.count).sum(), allowed, recent }
}
