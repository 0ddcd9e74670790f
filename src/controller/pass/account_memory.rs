//! What the controller remembers of an account between passes. What must survive a restart is in the statuses of the
//! objects; the rest is lost with the process.

use super::focus::{Focusing, FullRead, KeptRead};
use super::inputs::{PassInputs, PlanResult};
use super::schedule::Schedule;
use super::unchanged::UnchangedPass;
use super::view::View;
use super::{Looked, interval};
use crate::apply::{ChangeOutcome, Outcome};
use crate::facts::{Email, Family, ObjectRef, Policy, RateLimit, SignOn, World};
use crate::manifest::kinds::Spec;
use crate::manifest::kinds::status::{RemovalWindow, Removed, UNDER_WAY_MAX};
use crate::plan::{Change, ChangeId, Day, Memory, Plan};
use jiff::{SignedDuration, Timestamp};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The ceilings on removals count this time.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Full reads count this time.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The most open invitations of people without a `KoreUser` that the account's status remembers.
const INVITED_MAX: usize = 500;

/// Memory of one account.
#[derive(Clone, Debug, Default)]
pub struct AccountMemory {
    /// What was asked for, open invitations, and what was applied lately.
    pub plan_memory: Memory,
    /// What is stored of it, once that was read.
    pub(super) stored: Option<Memory>,
    /// Since when each removal has been wanted without a break.
    wanted_since: BTreeMap<ChangeId, Timestamp>,
    /// When this process first looked at the account.
    started_at: Option<Timestamp>,
    removals: Vec<Removed>,
    /// A hash of the objects' generations, and since when it has been the same.
    edits: Option<(u64, Timestamp)>,
    /// The configuration of single sign-on, and when it was read.
    pub sign_on: Option<(Timestamp, Option<SignOn>)>,
    /// What was violated in the last pass, by policy and subject.
    pub(super) violated: Option<BTreeSet<(String, String)>>,
    /// The last full read, with what was looked at since.
    pub(super) kept: Option<KeptRead>,
    /// When everything was read in the last hour, and with how many calls.
    pub(super) full_reads: Vec<(Timestamp, u32)>,
    /// The last pass, if there was nothing to do and nothing to write.
    pub(super) unchanged: Option<UnchangedPass>,
}

impl AccountMemory {
    /// What is stored in the statuses of the objects.
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
        Self { plan_memory: memory, removals, ..Self::default() }
    }

    /// The objects that remembered facts were declared by and that declare nothing now.
    pub fn gone(&self, view: &View) -> BTreeSet<&ObjectRef> {
        let objects = self.plan_memory.facts.iter().flat_map(|(_, fact)| &fact.objects);
        let mut gone: BTreeSet<&ObjectRef> = objects.map(|declaring| &declaring.object).collect();
        if !gone.is_empty() {
            for object in view.live_objects() {
                gone.remove(&object.meta.object.remembered());
            }
        }
        gone
    }

    /// The account was read in full, and is as it was.
    pub(super) fn note_unchanged(&mut self, now: Timestamp) {
        let world = self.unchanged.as_ref().map(UnchangedPass::world);
        if let Some(world) = &world {
            self.note_full_read(world.calls, now);
        }
        if let (Some(kept), Some(world)) = (self.kept.take(), world) {
            self.kept = Some(kept.read_again(world, now));
        }
    }

    fn note_full_read(&mut self, calls: u32, now: Timestamp) {
        let from = now.saturating_sub(HOUR).unwrap_or(Timestamp::MIN);
        self.full_reads.retain(|(at, _)| *at > from);
        self.full_reads.push((now, calls));
    }

    /// Keeps what is known of the account after a pass. Gives the schedule with the next full read in it.
    pub(super) fn keep(
        &mut self,
        inputs: PassInputs<'_>,
        result: &PlanResult<'_>,
        after: &Arc<World>,
        looked: &Looked,
        schedule: Schedule,
        rate: RateLimit,
    ) -> Schedule {
        let PlanResult { plan, outcome, .. } = result;
        if outcome.is_some() {
            self.plan_memory.note_pending(after, inputs.now);
        }
        let kept = match looked {
            Looked::Edits(focusing) => {
                let Focusing { kept, looks, .. } = &**focusing;
                let doubt = kept.doubt(looks, plan, *outcome, after);
                kept.clone().after_pass(Arc::clone(after), doubt)
            }
            Looked::Everything(request) => {
                self.note_full_read(inputs.world.calls, inputs.now);
                let read = FullRead {
                    at: inputs.now,
                    interval: schedule.interval,
                    has_everyone: request.is_of_everyone(),
                    had_refusals: !plan.refused.is_empty(),
                    generation: inputs.view.account.meta.generation,
                };
                KeptRead::new(Arc::clone(after), read, self.kept.as_ref())
            }
        };
        let due_at = kept.due_at(inputs.now).max(interval::next_read_at(&self.full_reads, rate, inputs.now));
        self.kept = Some(kept);
        schedule.no_later_than(Some(due_at))
    }

    /// Whether nothing was ever stored.
    pub(super) fn is_new(&self) -> bool {
        self.plan_memory.generation == 0
    }

    /// When this process first looked at the account.
    pub(super) fn started_at(&mut self, now: Timestamp) -> Timestamp {
        *self.started_at.get_or_insert(now)
    }

    /// Since when each of these removals has been wanted without a break.
    pub(super) fn wanted_since(&mut self, plan: &Plan, now: Timestamp) -> &BTreeMap<ChangeId, Timestamp> {
        let removals = plan.changes.iter().filter(|change| change.action.is_removal());
        self.wanted_since = removals
            .map(|change| {
                let since = self.wanted_since.get(&change.id).copied().unwrap_or(now);
                (change.id.clone(), since)
            })
            .collect();
        &self.wanted_since
    }

    /// Since when the objects have been as they are; at most since the first pass of this process.
    pub(super) fn unedited_since(&mut self, view: &View, now: Timestamp) -> Timestamp {
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
        let hash = hasher.finish();
        let same = self.edits.filter(|(last, _)| *last == hash);
        let (_, since) = *self.edits.insert(same.unwrap_or((hash, now)));
        since
    }

    /// What the ceilings count besides a plan.
    pub(super) fn day(&mut self, acknowledged: BTreeSet<ChangeId>, now: Timestamp) -> Day {
        self.removals.retain(|removed| now.duration_since(removed.at) < DAY);
        let mut lately: BTreeMap<Family, usize> = BTreeMap::new();
        for removed in &self.removals {
            *lately.entry(removed.family).or_default() += removed.count as usize;
        }
        Day { lately, acknowledged }
    }

    /// When the next grant ends that is remembered and not declared any more.
    pub(super) fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.plan_memory.facts.iter().filter_map(|(_, fact)| fact.until).filter(|until| *until > now).min()
    }

    /// When the complete account was read last.
    pub(super) fn full_read_at(&self) -> Option<Timestamp> {
        self.kept.as_ref().map(|kept| kept.read.at)
    }

    /// When grants end that the account holds.
    pub(super) fn held_ends(&self, world: &World) -> Vec<Timestamp> {
        let facts = self.plan_memory.facts.iter().filter(|(key, _)| world.get(key).is_some());
        facts.filter_map(|(_, fact)| fact.until).collect()
    }

    /// When time alone changes what a pass comes to: a removal is a day old, or an invitation is overdue.
    pub(super) fn next_change_at(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let forgotten = self.removals.iter().map(|removed| removed.at.saturating_add(DAY));
        let after = policy.invitations.overdue_after;
        let overdue = self.plan_memory.pending_since.values().map(|since| since.saturating_add(after));
        forgotten.chain(overdue).map(|at| at.unwrap_or(Timestamp::MAX)).filter(|at| *at > now).min()
    }

    /// Remembers what a run has applied.
    pub(super) fn record(&mut self, outcome: &Outcome, now: Timestamp) {
        let applied = outcome
            .by_change
            .iter()
            .filter(|(_, outcome)| **outcome == ChangeOutcome::Applied)
            .map(|(id, _)| id);
        self.plan_memory.note_applied(applied.clone(), now);
        for (id, fate) in &outcome.by_change {
            if let Some(change) = outcome.changes.get(id).filter(|_| fate.is_unkept() || fate.is_good()) {
                self.plan_memory.note_kept(change, fate.is_good());
            }
        }
        self.plan_memory.note_read_back(applied.clone().filter_map(|id| outcome.changes.get(id)), now);
        for change in applied.filter_map(|id| outcome.changes.get(id)) {
            if change.action.is_removal() {
                count(&mut self.removals, change, now);
            }
        }
    }

    /// The removals of the last day, for the status.
    pub(super) fn window(&self, allowed: u32) -> RemovalWindow {
        window(self.removals.clone(), allowed)
    }

    /// The removals of the last day, with these as if they were done. `None`: there are none of these.
    pub(super) fn planned_removals<'c>(
        &self,
        removals: impl Iterator<Item = &'c Change>,
        allowed: u32,
        now: Timestamp,
    ) -> Option<RemovalWindow> {
        let mut under_way: BTreeMap<Family, Removed> = BTreeMap::new();
        for change in removals {
            let family = change.key.family();
            let entry = under_way.entry(family).or_insert_with(|| Removed {
                at: minute(now),
                family,
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

    /// Whether an earlier process ended in the middle of removals that it had counted beforehand.
    pub(super) fn wrote_ahead(&self) -> bool {
        self.removals.iter().any(|removed| !removed.under_way.is_empty())
    }

    /// No longer counts removals that were counted beforehand and that the plan still lists. Those that it does not list
    /// stay counted. True when the count has changed.
    pub(super) fn correct(&mut self, plan: &Plan) -> bool {
        let planned: BTreeSet<String> = plan.changes.iter().map(|change| change.id.to_string()).collect();
        let mut is_changed = false;
        for removed in &mut self.removals {
            let under_way = std::mem::take(&mut removed.under_way);
            let not_done = under_way.iter().filter(|id| planned.contains(*id)).count();
            removed.count = removed.count.saturating_sub(u32::try_from(not_done).unwrap_or(u32::MAX));
            is_changed |= not_done > 0;
        }
        self.removals.retain(|removed| removed.count > 0);
        is_changed
    }

    /// Changes that were applied more than once, for the status. A single application is not stored.
    pub(super) fn repeated(&self) -> BTreeMap<String, Vec<Timestamp>> {
        let repeated = self.plan_memory.applied.iter().filter(|(_, times)| times.len() > 1);
        repeated.map(|(id, times)| (id.to_string(), times.clone())).collect()
    }

    /// Open invitations of people without a `KoreUser`, for the account's status.
    pub(super) fn invited(&self, view: &View) -> BTreeMap<String, Timestamp> {
        let declared: BTreeSet<&Email> = view
            .objects()
            .filter_map(|object| match &object.spec {
                Spec::User(spec) => Some(&spec.email),
                Spec::Account(_)
                | Spec::Team(_)
                | Spec::GroupMembership(_)
                | Spec::Role(_)
                | Spec::RoleBinding(_)
                | Spec::BotAssignment(_)
                | Spec::Policy(_)
                | Spec::PolicyException(_)
                | Spec::Baseline(_)
                | Spec::Area(_) => None,
            })
            .collect();
        let others = self.plan_memory.pending_since.iter().filter(|(email, _)| !declared.contains(email));
        others.take(INVITED_MAX).map(|(email, since)| (email.to_string(), *since)).collect()
    }
}

fn count(removals: &mut Vec<Removed>, change: &Change, now: Timestamp) {
    let (at, family) = (minute(now), change.key.family());
    match removals.iter_mut().find(|removed| removed.at == at && removed.family == family) {
        Some(removed) => removed.count += 1,
        None => removals.push(Removed { at, family, count: 1, under_way: Vec::new() }),
    }
}

fn minute(now: Timestamp) -> Timestamp {
    now.round(jiff::Unit::Minute).unwrap_or(now)
}

fn window(recent: Vec<Removed>, allowed: u32) -> RemovalWindow {
    RemovalWindow { used: recent.iter().map(|removed| removed.count).sum(), allowed, recent }
}
