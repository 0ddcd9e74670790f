//! What stays of the last full read between passes, so that an edit is planned with a few look-ups: which passes may
//! look at less than everything, and what they look at.

use super::compilation::Compilation;
use super::observe::unreadable;
use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::view::View;
use super::{AccountMemory, Session, remember, room, write_only};
use crate::apply::Outcome;
use crate::facts::{Email, Look, Looks, RoleId, World, count};
use crate::kore::{KoreError, ReadRequest};
use crate::plan::{self, ChangeId, Context, Entry, Focus, Plan, Reason, RestOf};
use crate::policy;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// So many passes rest on one full read.
const MOST_PASSES: u32 = 50;
/// The check, a write and its read-back follow a look-up.
const CALLS_BESIDE: usize = 2;

/// What a pass has to look at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum PassScope {
    /// The complete account: at a start, at the interval, and where nothing says what has changed.
    #[default]
    Everything,
    /// What was edited, deleted or approved, has ended or has settled; and these people, whom an event of the audit log
    /// names.
    Edits(BTreeSet<Email>),
    /// An event of the audit log names nobody: everything, though at most once between two reads at the interval.
    Event,
}

/// The last full read, with everything laid over it since.
#[derive(Clone, Debug)]
pub(super) struct KeptRead {
    /// The account, as far as it is known.
    pub(super) world: Arc<World>,
    /// When and how all of it was read.
    pub(super) read: FullRead,
    /// Passes that have rested on it.
    passes: u32,
    /// Why it is not to be relied on any more.
    doubt: Option<String>,
    /// Whether it was made early, because an earlier one was doubted. The next doubt waits for the interval.
    is_extra: bool,
}

/// A read of the complete account.
#[derive(Clone, Copy, Debug)]
pub(super) struct FullRead {
    /// When it was made.
    pub(super) at: Timestamp,
    /// Time between full reads.
    pub(super) interval: SignedDuration,
    /// Whether every person was looked up.
    pub(super) has_everyone: bool,
    /// Whether a guard refused something after it.
    pub(super) had_refusals: bool,
    /// The generation of the account object that it was made for.
    pub(super) generation: i64,
}

impl KeptRead {
    /// After a full read. `before`: what was kept until then.
    pub(super) fn new(world: Arc<World>, read: FullRead, before: Option<&Self>) -> Self {
        let is_early = |before: &Self| before.doubt.is_some() && read.at < before.full_read_at();
        let is_extra = before.is_some_and(|before| is_early(before) && !before.is_extra);
        Self { world, read, passes: 0, doubt: None, is_extra }
    }

    /// The same account was read once more.
    pub(super) fn read_again(self, world: Arc<World>, at: Timestamp) -> Self {
        Self::new(world, FullRead { at, ..self.read }, Some(&self))
    }

    /// Something happened, and nothing says to whom.
    pub(super) fn note_event(&mut self) {
        self.doubt.get_or_insert_with(|| "an event of the audit log names nobody".to_owned());
    }

    /// When everything is read again, whatever happens.
    fn full_read_at(&self) -> Timestamp {
        self.read.at.saturating_add(self.read.interval).unwrap_or(Timestamp::MAX)
    }

    /// When the next full read is due.
    pub(super) fn due_at(&self, now: Timestamp) -> Timestamp {
        if self.is_worn() { now } else { self.full_read_at() }
    }

    /// Whether a full read has to come before anything else.
    fn is_worn(&self) -> bool {
        self.passes >= MOST_PASSES || (self.doubt.is_some() && !self.is_extra)
    }

    /// After a pass that rested on it.
    pub(super) fn after_pass(self, world: Arc<World>, doubt: Option<String>) -> Self {
        if let (Some(doubt), None) = (&doubt, &self.doubt) {
            tracing::info!(doubt, "the account is to be read in full");
        }
        let doubt = doubt.or(self.doubt);
        Self { world, passes: self.passes + 1, doubt, ..self }
    }

    /// Why a pass gives reason to read everything: what it saw contradicts what was read, a guard or the platform has
    /// refused something, names mean something else now, or only that read is missing.
    pub(super) fn doubt(
        &self,
        looks: &Looks,
        plan: &Plan,
        outcome: Option<&Outcome>,
        after: &World,
    ) -> Option<String> {
        let is_odd =
            |email: &Email| matches!(looks.about(email, &self.world), Look::Contradicted | Look::Unanswered);
        let roles = |world: &World| -> BTreeSet<RoleId> { world.directory.roles.keys().cloned().collect() };
        let doubt = if looks.people.iter().any(is_odd) {
            "a look-up contradicts the last full read"
        } else if !plan.refused.is_empty() && !self.read.had_refusals {
            "a guard has refused a change"
        } else if outcome.is_some_and(|outcome| !outcome.is_complete()) {
            "a change has not come about"
        } else if roles(&self.world) != roles(after) {
            "roles have other ids"
        } else if waits_for_nothing_else(plan) {
            "a change waits for nothing else"
        } else {
            return None;
        };
        Some(doubt.to_owned())
    }
}

/// Whether a change is deferred for want of a full read, and for nothing else.
fn waits_for_nothing_else(plan: &Plan) -> bool {
    let is_left = |entry: &&Entry| entry.reason == Reason::FullReadNeeded;
    let others: BTreeSet<&ChangeId> = plan
        .refused
        .iter()
        .chain(plan.waiting.iter().filter(|entry| !is_left(entry)))
        .flat_map(|entry| &entry.changes)
        .collect();
    let mut left = plan.waiting.iter().filter(is_left).flat_map(|entry| &entry.changes);
    left.any(|id| !others.contains(id))
}

/// What a focused pass looked at.
pub(super) struct Focusing {
    pub(super) kept: KeptRead,
    pub(super) rest: RestOf,
    pub(super) looks: Looks,
    pub(super) at: Timestamp,
}

/// What a pass may rest on; `None`: everything has to be read.
pub(super) async fn kept(
    view: &View,
    memory: &AccountMemory,
    session: &Session<'_>,
    now: Timestamp,
) -> Option<KeptRead> {
    if *session.scope == PassScope::Everything || asks_for_everything(view) || memory.wrote_ahead() {
        return None;
    }
    let kept = memory.kept.as_ref()?;
    // A full read that the budget has no room for yet comes later: what is looked at meanwhile is proved all the same.
    if kept.due_at(now) <= now && has_room_for_everything(memory, session, now) {
        return None;
    }
    let answered = kept.world.account.as_ref();
    let is_same_account = view.account.spec.account_id.as_ref().is_none_or(|pinned| Some(pinned) == answered);
    let is_usable =
        memory.stored.is_some() && is_same_account && kept.read.generation == view.account.meta.generation;
    // Assignments that were cleared come first, and that takes a full read.
    (is_usable && session.write_ahead.kept().await == Ok(None)).then(|| kept.clone())
}

fn has_room_for_everything(memory: &AccountMemory, session: &Session<'_>, now: Timestamp) -> bool {
    room::next_full_read(memory, session, now) <= now
        && room::must_wait(session, room::calls_of_full_read(memory), "a full read", now).is_none()
}

/// Whether an annotation of the account asks for a pass.
fn asks_for_everything(view: &View) -> bool {
    let (meta, status) = (&view.account.meta, &view.account.status);
    meta.reconcile_at != status.handled_reconcile_at || meta.accept_memory != status.handled_accept_memory
}

/// Looks at what the objects are about. An error says why the account cannot be looked at.
pub(super) async fn look(
    view: &View,
    compilation: &Compilation,
    memory: &mut AccountMemory,
    session: &Session<'_>,
    kept: KeptRead,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Option<Focusing>, Readiness> {
    let compiled = &compilation.compiled;
    if ReadRequest::for_plan(&compiled.desired, &compiled.policy).look_up_everyone && !kept.read.has_everyone
    {
        return Ok(None);
    }
    let missing = remember::missing(view, memory);
    let context = Context {
        declaration: remember::declaration(view, &compiled.objects, &missing, memory, now),
        rewrite: write_only::rewrite(view),
        memory: memory.plan_memory.clone(),
        now,
        ..Context::default()
    };
    let rules = (&compilation.compiled_rules, &compiled.rules);
    let desired = compiled.desired.clone();
    let desired = policy::enforce_deadlines(desired, rules, &kept.world, &compiled.policy, &context);
    let mut focus = plan::focus(desired, &kept.world, &context);
    if let PassScope::Edits(people) = session.scope {
        focus.people.extend(people.iter().cloned());
    }
    focus.people.extend(observed_only(compilation, &kept.world));
    let rest = RestOf::FullRead { at: kept.read.at };
    let at = session.gateway.now();
    if focus.is_empty() {
        return Ok(Some(Focusing { kept, rest, looks: Looks::default(), at }));
    }
    if focus.takes {
        session.gateway.leave_to_urgent(0);
    }
    let (calls, what) = (calls_of(&focus, session), count(focus.people.len(), "edited user"));
    if let Some(readiness) = room::must_wait(session, calls, &what, now) {
        return Err(readiness);
    }
    let Focus { people, roles, bots, groups: _, takes: _ } = focus;
    let request = ReadRequest::focused(people.clone(), roles, bots);
    let world = read(session, &request, cancel).await?;
    Ok(Some(Focusing { kept, rest, looks: Looks { people, world, ..Looks::default() }, at }))
}

/// People of whom objects speak that are only observed, and who were not looked up: what these objects would change is told.
fn observed_only(compilation: &Compilation, world: &World) -> BTreeSet<Email> {
    let wants = compilation.observed.iter().flat_map(|desired| &desired.wants);
    let people = wants.filter_map(|(key, _)| key.email());
    people.filter(|email| !world.coverage.looked_up.contains_key(*email)).cloned().collect()
}

/// Calls of a pass about this, its writes included as one.
fn calls_of(focus: &Focus, session: &Session<'_>) -> usize {
    let look_ups = focus.people.len().div_ceil(session.reader.sizes().look_up.max(1));
    look_ups + if focus.roles { 2 } else { 0 } + CALLS_BESIDE
}

async fn read(
    session: &Session<'_>,
    request: &ReadRequest,
    cancel: &CancellationToken,
) -> Result<World, Readiness> {
    tokio::select! {
        world = session.reader.read(request) => world.map_err(|error: KoreError| unreadable(&error)),
        () = cancel.cancelled() => Err(Readiness::new(ConditionReason::Progressing, "asked to stop while reading")),
    }
}
