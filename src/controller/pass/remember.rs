//! The memory of what was asked for: read before the first plan, stored before anything is sent.

use super::inputs::PassInputs;
use super::readiness::{Readiness, one_line};
use super::reason::ConditionReason;
use super::view::{Declared, Missing, View};
use super::{AccountMemory, Session};
use crate::facts::{LoadedObjects, ObjectRef, World};
use crate::plan::{CONTESTED_AFTER, Declaration, Memory, Plan, Revision, RiskLevel, Unmanaged};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Recalled {
    /// Nothing: it had been read before, or nothing is remembered.
    Nothing,
    /// Facts that were not known before.
    Facts,
}

/// Reads what is remembered of the tenant, if that has not been done. An error says why nothing may be planned on it.
pub(super) async fn recall(
    session: &Session<'_>,
    view: &View,
    memory: &mut AccountMemory,
    tenant: &str,
) -> Result<Recalled, Readiness> {
    if memory.stored.is_some() {
        return Ok(Recalled::Nothing);
    }
    let lost = |why: &str| {
        let next_step = "annotate the account with koreconcile.dev/accept-memory=<a new value> to go on without \
                         what is missing; what was forgotten stays in the account";
        Readiness::new(ConditionReason::MemoryLost, format!("{}; {next_step}", one_line(why)))
    };
    let is_accepted = is_accepted(view);
    let expected = view.account.status.memory_generation.unwrap_or_default();
    let stored = match session.write_ahead.remembered(&key(session, tenant)).await {
        Err(RecallError::Unreachable(why)) => {
            let why = format!("the memory cannot be read: {}", one_line(&why));
            return Err(Readiness::new(ConditionReason::Progressing, why));
        }
        Err(RecallError::Unusable(_)) if is_accepted => Memory::default(),
        Err(RecallError::Unusable(why)) => return Err(lost(&format!("the memory cannot be used: {why}"))),
        Ok(stored) => stored,
    };
    if stored.generation < expected && !is_accepted {
        let found = match stored.generation {
            0 => "there is none".to_owned(),
            generation => format!("it is of generation {generation}"),
        };
        return Err(lost(&format!("the memory of generation {expected} is missing: {found}")));
    }
    let owner = view.account.meta.object.to_string();
    if let Some(other) = stored.declaration.as_ref().filter(|other| **other != owner && !is_accepted) {
        let message = format!(
            "what is remembered of this tenant was declared by {other}; annotate this account with \
             koreconcile.dev/accept-memory=<a new value> to take it over"
        );
        return Err(Readiness::new(ConditionReason::AccountTaken, message));
    }
    memory.plan_memory = Memory {
        pending_since: std::mem::take(&mut memory.plan_memory.pending_since),
        applied: std::mem::take(&mut memory.plan_memory.applied),
        generation: stored.generation.max(expected),
        ..stored.clone()
    };
    memory.stored = Some(stored);
    let is_empty = memory.plan_memory.facts.is_empty();
    Ok(if is_empty { Recalled::Nothing } else { Recalled::Facts })
}

/// Why what is stored cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecallError {
    /// It could not be asked for: another try may do.
    #[error("{0}")]
    Unreachable(String),
    /// It is there, and not as it was written.
    #[error("{0}")]
    Unusable(String),
}

/// A new value of the annotation that accepts the memory as it is.
fn is_accepted(view: &View) -> bool {
    let value = &view.account.meta.accept_memory;
    value.is_some() && *value != view.account.status.handled_accept_memory
}

/// Names the tenant on every platform.
fn key(session: &Session<'_>, tenant: &str) -> String {
    format!("{} {tenant}", session.host)
}

/// Stores the memory, if it says something new.
pub(super) async fn store(
    session: &Session<'_>,
    inputs: PassInputs<'_>,
    memory: &mut AccountMemory,
) -> Result<(), String> {
    let Some(tenant) = tenant(inputs.view, inputs.world) else { return Ok(()) };
    let mut next = Memory {
        pending_since: BTreeMap::new(),
        applied: BTreeMap::new(),
        unsent: BTreeSet::new(),
        not_done: BTreeMap::new(),
        declaration: Some(inputs.view.account.meta.object.to_string()),
        ..memory.plan_memory.clone()
    };
    let is_empty = next.facts.is_empty() && next.approvals_used.is_empty();
    if memory.stored.as_ref() == Some(&next) || (is_empty && memory.is_new()) {
        return Ok(());
    }
    next.generation += 1;
    session.write_ahead.remember(&key(session, &tenant), &next).await?;
    memory.plan_memory.generation = next.generation;
    memory.stored = Some(next);
    Ok(())
}

/// The tenant that the objects are about, as far as it is known.
pub(super) fn tenant(view: &View, world: &World) -> Option<String> {
    world.account.as_ref().map(ToString::to_string).or_else(|| view.account.tenant())
}

/// What has become of each remembered object that declares nothing now. What their last versions said about their
/// deletion is remembered.
pub(super) fn missing(view: &View, memory: &mut AccountMemory) -> BTreeMap<ObjectRef, Missing> {
    let gone = memory.gone(view).into_iter();
    let missing = gone
        .map(|object| (object.clone(), view.missing.get(object).cloned().unwrap_or(Missing::Unseen)))
        .collect();
    note_deletions(memory, &missing);
    missing
}

/// What the plan has to know of the objects besides what they want.
pub(super) fn declaration(
    view: &View,
    objects: &LoadedObjects,
    missing: &BTreeMap<ObjectRef, Missing>,
    memory: &AccountMemory,
    now: Timestamp,
) -> Declaration {
    // Only what was applied again and again asks when its objects were edited.
    let is_repeated = memory.plan_memory.applied.values().any(|times| times.len() >= CONTESTED_AFTER);
    let edited = view.live_objects().filter(|_| is_repeated);
    let orphaned = view.live_objects().filter(|object| object.meta.is_orphaned);
    let let_go =
        missing.iter().filter(|(_, missing)| matches!(missing, Missing::Deleted { is_orphaned: true, .. }));
    let not_loaded = missing.iter().filter_map(|(object, missing)| match missing {
        Missing::NotLoaded(why) => Some((object.clone(), why.clone())),
        Missing::Deleted { .. } | Missing::Unseen => None,
    });
    Declaration {
        revision: Revision { at: now, commit: None },
        objects: objects.clone(),
        not_loaded: not_loaded.collect(),
        edited: edited.map(|object| (object.meta.object.remembered(), object.meta.edited)).collect(),
        orphaned: orphaned
            .map(|Declared { meta, .. }| meta.object.remembered())
            .chain(let_go.map(|(object, _)| object.clone()))
            .collect(),
        ..Declaration::default()
    }
}

/// Takes over what the last versions of deleted objects said about their deletion.
fn note_deletions(memory: &mut AccountMemory, missing: &BTreeMap<ObjectRef, Missing>) {
    let is_deletion = |missing: &Missing| matches!(missing, Missing::Deleted { .. });
    if !missing.values().any(is_deletion) {
        return;
    }
    let declaring = memory.plan_memory.facts.iter_mut().flat_map(|(_, fact)| &mut fact.objects);
    for object in declaring {
        if let Some(Missing::Deleted { deletion_policy, is_orphaned }) = missing.get(&object.object) {
            object.deletion_policy = *deletion_policy;
            object.is_orphaned |= is_orphaned;
        }
    }
}

/// Takes over what a plan leaves to remember, and the guards that are in force. Gives the privileged holders that are not
/// declared and that the last pass has not seen, riskiest first.
pub(super) fn replace(
    memory: &mut AccountMemory,
    next: Memory,
    plan: &Plan,
    inputs: PassInputs<'_>,
) -> Vec<Unmanaged> {
    let PassInputs { view, policy, now, .. } = inputs;
    let privileged = plan.open_unmanaged().filter(|fact| fact.risk.level >= RiskLevel::High);
    let known = &memory.plan_memory.unmanaged;
    let new = privileged.clone().filter(|fact| !known.contains(&fact.subject)).cloned().collect();
    let unmanaged = privileged.map(|fact| fact.subject.clone()).collect();
    let mut next = Memory { unmanaged, ..next };
    // In Observe nothing is stored, and what is declared meanwhile was never in force.
    if inputs.read_only().is_none() {
        if next.applied_revision.is_none() && !next.facts.is_empty() {
            next.applied_revision = Some(Revision { at: now, commit: None });
        }
        next.guards = Some(policy.guards());
        next = next.with_violations(plan, now);
    }
    if view.gap.is_none() {
        next.approvals_used.retain(|uid, _| view.approvals.iter().any(|approval| approval.uid == *uid));
    }
    memory.plan_memory = next;
    new
}
