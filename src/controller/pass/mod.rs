//! One pass over one account, in named steps: observe, repair, compile, plan, defer, apply, assess, report, schedule.
//!
//! Comes in: the objects of the account as a [`View`], what is remembered from earlier passes as an [`AccountMemory`], and the
//! way to the account as a [`Session`]. Goes out: a [`Pass`], which says what to write to the cluster and when to look again.
//! This room must not know a Kubernetes client, a socket or a clock: whoever calls it fetches the one and writes down the
//! other, so the same pass runs in a cluster and in a test without one. Value types of Kubernetes, such as `Condition`, may
//! be named.

mod account_memory;
pub(super) mod conditions;
mod defer;
pub(super) mod events;
pub(super) mod interval;
pub(super) mod object_status;
mod pins;
mod propose;
mod reason;
mod statuses;
mod unchanged;
pub(super) mod view;
mod view_to_manifests;
pub(super) mod write_ahead;
mod write_only;
pub(super) mod writes;

pub use account_memory::AccountMemory;
pub use events::PassEvent;
pub use object_status::Readiness;
pub use propose::Proposals;
pub use reason::ConditionReason;
pub use view::{Approval, Broken, Declared, DeclaredAccount, Meta, ObjectRef, Published, View};
pub use write_ahead::WriteAhead;

use crate::apply::{self, Account, BeforeImageSource, BeforeImageStore, Journal, Outcome};
use crate::facts::{AccountId, Desired, Policy, World};
use crate::kore::{Gateway, KoreError, LeaseTerm, ReadRequest, Reader, Writer};
use crate::manifest::kinds::{AccountStatus, ObjectStatus};
use crate::manifest::{Compiled, Finding, Manifests, compile};
use crate::plan::{self, ChangeId, Context, Inputs, Plan};
use conditions::conditions;
use defer::{DeferRules, defer};
use jiff::{SignedDuration, Timestamp};
use object_status::{ObjectProblems, one_line, status_of_account};
use propose::{covered, propose};
use statuses::approvals;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use view_to_manifests::{leaving, manifests, missing, removes};

/// The way to the account.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Reads it.
    pub reader: &'a Reader,
    /// Budget and time.
    pub gateway: &'a Gateway,
    /// Scheme and host.
    pub host: &'a str,
    /// Until when this replica may write.
    pub lease_term: &'a LeaseTerm,
    /// What has to outlive the process before it is done.
    pub write_ahead: &'a Arc<dyn WriteAhead>,
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct Pass {
    /// Statuses and events to write.
    pub report: Report,
    /// Finalizers and published plans to write.
    pub housekeeping: Housekeeping,
    /// The plan, when there was one.
    pub plan: Option<Arc<Plan>>,
    /// The outcome of its changes, when something was applied.
    pub outcome: Option<Outcome>,
    /// When the next pass is due, if nothing wakes the account before.
    pub next: Timestamp,
    /// How far the pass went.
    pub extent: PassExtent,
}

/// How far a pass went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PassExtent {
    /// The account could not be read.
    #[default]
    Unread,
    /// It was read, and nothing has changed since a pass that had nothing to write: planning was skipped.
    Unchanged,
    /// It was read and planned.
    Planned,
}

impl Pass {
    /// Whether the account was read.
    pub fn was_read(&self) -> bool {
        self.extent != PassExtent::Unread
    }

    /// Whether planning was skipped, because neither objects nor account have changed.
    pub fn is_unchanged(&self) -> bool {
        self.extent == PassExtent::Unchanged
    }
}

/// Statuses and events that a pass came to.
#[derive(Debug, Default)]
pub struct Report {
    /// The status of each object; none where nothing has changed.
    pub statuses: Vec<(ObjectRef, ObjectStatus)>,
    /// The status of the account.
    pub account: AccountStatus,
    /// The account's status was written ahead: what is stored may be what was planned, not what came about.
    pub wrote_ahead: bool,
    /// The status of each approval, by name.
    pub approvals: BTreeMap<String, ObjectStatus>,
    /// What is worth an event.
    pub events: Vec<PassEvent>,
}

/// What a pass leaves to do in the cluster besides statuses.
#[derive(Debug, Default)]
pub struct Housekeeping {
    /// Objects that need our finalizer.
    pub add_finalizer: Vec<ObjectRef>,
    /// Objects whose finalizer can go.
    pub release: Vec<ObjectRef>,
    /// Plans to publish, and the phases of published ones.
    pub proposals: Proposals,
}

/// Runs one pass. `session` is the reason when there is no way to the account.
pub async fn pass(
    view: &View,
    memory: &mut AccountMemory,
    session: Result<Session<'_>, Readiness>,
    now: Timestamp,
    cancel: CancellationToken,
) -> Pass {
    match steps(view, memory, session, now, &cancel).await {
        Ok(pass) => pass,
        Err(readiness) => unread(view, memory, &readiness, now),
    }
}

/// The steps of a pass; `Err` says why the account was not read or planned.
async fn steps(
    view: &View,
    memory: &mut AccountMemory,
    session: Result<Session<'_>, Readiness>,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Pass, Readiness> {
    let session = session?;
    require_only_account(view, view.account.tenant().as_deref())?;
    let mut world = None;
    if let Some(unchanged) = memory.unchanged.as_ref().filter(|unchanged| unchanged.is_about(view, now)) {
        let seen = observe(&session, &unchanged.request, cancel).await?;
        if unchanged.has_seen(&seen) && session.write_ahead.kept().await == Ok(None) {
            return Ok(unchanged.repeat(now));
        }
        world = Some(seen);
    }
    let manifests = manifests(view);
    let compiled = compile_account(view, &manifests, now)?;
    let request = AccountRequest::new(&compiled);
    let world = match world {
        Some(world) => world,
        None => observe(&session, &request, cancel).await?,
    };
    // An account that does not name its tenant learns it only now.
    require_only_account(view, world.account.as_ref().map(ToString::to_string).as_deref())?;
    let (world, unrestored) = repair(&session, &compiled.policy, &request, world, cancel).await?;
    let (manifests, compiled, moved) = without_moved(view, manifests, compiled, &world, now);
    let seen = Seen { request, manifests, world, moved, unrestored };
    let problems = ObjectProblems::default();
    let mut planned = PlannedPass { view, memory, session, now, seen, problems, wrote_ahead: false };
    Ok(planned.run(compiled, cancel).await)
}

/// Another account object about the same tenant is older: it stays in force, and this one does nothing.
fn require_only_account(view: &View, tenant: Option<&str>) -> Result<(), Readiness> {
    view.conflicting_account(tenant).map_or(Ok(()), |other| Err(Readiness::conflicting(other)))
}

fn compile_account(view: &View, manifests: &Manifests, now: Timestamp) -> Result<Compiled, Readiness> {
    let compiled = compile(manifests, Some(&view.account.meta.object.name), now)
        .map_err(|error| Readiness::new(ConditionReason::Invalid, error.to_string()))?;
    if compiled.policy.suspend { Err(Readiness::suspended()) } else { Ok(compiled) }
}

/// What the account is asked for, and which account has to answer.
#[derive(Clone, Debug)]
struct AccountRequest {
    read: ReadRequest,
    account: Option<AccountId>,
}

impl AccountRequest {
    fn new(compiled: &Compiled) -> Self {
        let Compiled { desired, policy, .. } = compiled;
        Self { read: ReadRequest::for_plan(desired, policy), account: policy.account_id.clone() }
    }
}

async fn observe(
    session: &Session<'_>,
    request: &AccountRequest,
    cancel: &CancellationToken,
) -> Result<Arc<World>, Readiness> {
    let AccountRequest { read, account } = request;
    let failed =
        |error: KoreError| Readiness::new(ConditionReason::of_error(&error), one_line(&error.to_string()));

    let world = tokio::select! {
        world = session.reader.read_again(read) => world.map_err(failed)?,
        () = cancel.cancelled() => return Err(Readiness::new(ConditionReason::Progressing, "asked to stop while reading")),
    };
    match (account, &world.account) {
        (Some(pinned), Some(seen)) if pinned != seen => {
            let message = format!(
                "the account is {seen}, and spec.accountId says {pinned}; check host and credentials"
            );
            Err(Readiness::new(ConditionReason::AccountMismatch, message))
        }
        _ => Ok(world),
    }
}

/// Restores what an earlier run has cleared and not sent again, before anything else; then the account is read anew. With
/// the world comes the platform's message if it does not accept that: the rest of the pass goes on, and nothing else is
/// cleared.
async fn repair(
    session: &Session<'_>,
    policy: &Policy,
    request: &AccountRequest,
    world: Arc<World>,
    cancel: &CancellationToken,
) -> Result<(Arc<World>, Option<String>), Readiness> {
    if ConditionReason::of_mode(policy.mode, policy.suspend).is_some() {
        return Ok((world, None));
    }
    let later = |why: String| Readiness::new(ConditionReason::Progressing, one_line(&why));
    let Some(text) = session.write_ahead.kept().await.map_err(later)? else { return Ok((world, None)) };
    let writer = Writer::new(session.gateway.clone()).within(session.lease_term);
    let store: &dyn BeforeImageStore = session.write_ahead.as_ref();
    let account = Account { reader: session.reader, writer: &writer, gateway: session.gateway };
    match apply::repair(BeforeImageSource::Store(store, &text), &account, policy, cancel).await {
        Ok(people) => {
            tracing::warn!(people = people.len(), "assignments that an earlier run had cleared are restored");
            Ok((observe(session, request, cancel).await?, None))
        }
        Err(apply::RepairError::Kore(error)) => {
            Err(Readiness::new(ConditionReason::of_error(&error), one_line(&error.to_string())))
        }
        Err(error) => Ok((world, Some(one_line(&error.to_string())))),
    }
}

/// Leaves out the objects whose names mean something else than they did. Lists that they belong to are not authoritative meanwhile.
fn without_moved(
    view: &View,
    manifests: Manifests,
    compiled: Compiled,
    world: &World,
    now: Timestamp,
) -> (Manifests, Compiled, Vec<(ObjectRef, String)>) {
    let moved: Vec<(ObjectRef, String)> =
        view.objects().filter_map(|object| pins::moved(object, world)).collect();
    let Some((first, why)) = moved.first() else { return (manifests, compiled, moved) };
    let gone: BTreeSet<&ObjectRef> = moved.iter().map(|(object, _)| object).collect();
    let rest = View {
        objects: view.objects.iter().filter(|object| !gone.contains(&object.meta.object)).cloned().collect(),
        gap: Some(format!("{first}: {why}")),
        ..view.clone()
    };
    let manifests = self::manifests(&rest);
    match compile(&manifests, Some(&view.account.meta.object.name), now) {
        Ok(compiled) => (manifests, compiled, moved),
        // The account is the same as before, so this cannot happen; if it does, nothing is pruned.
        Err(_) => (manifests, compiled, moved),
    }
}

/// What one read of the account showed, with the manifests that it is compared with.
struct Seen {
    request: AccountRequest,
    manifests: Manifests,
    world: Arc<World>,
    /// Objects whose names mean something else than they did.
    moved: Vec<(ObjectRef, String)>,
    /// Why what an earlier run has cleared is not restored.
    unrestored: Option<String>,
}

/// A pass that has read the account.
struct PlannedPass<'a> {
    view: &'a View,
    memory: &'a mut AccountMemory,
    session: Session<'a>,
    now: Timestamp,
    seen: Seen,
    problems: ObjectProblems,
    wrote_ahead: bool,
}

impl PlannedPass<'_> {
    /// Plan, defer, apply, assess, report and schedule.
    async fn run(&mut self, compiled: Compiled, cancel: &CancellationToken) -> Pass {
        let Compiled { account: _, desired, policy, expiring, findings } = compiled;
        let (plan, settled_at) = self.plan(desired, &policy);
        let held = ConditionReason::of_mode(policy.mode, policy.suspend);
        let outcome = match held {
            None if !plan.sendable().is_empty() => Some(self.apply(&plan, &policy, cancel).await),
            _ => None,
        };
        self.assess_objects(&findings, &plan, outcome.as_ref(), held);
        let left = left(&plan, outcome.as_ref());
        let interval = interval::effective_interval(&policy, self.seen.world.calls);
        let expiry = expiring.first().map(|expiry| expiry.at).filter(|at| *at > self.now);
        let due = self.schedule(&plan, outcome.as_ref(), interval, expiry, settled_at);
        let pass = Pass {
            report: self.report(&plan, outcome.as_ref(), &policy, held, interval, left.len()),
            housekeeping: self.housekeeping(&plan, held, &left),
            plan: Some(Arc::new(plan)),
            outcome,
            next: due.next,
            extent: PassExtent::Planned,
        };
        self.memory.unchanged = self.remember_unchanged(&pass, &policy, due.regular, expiry);
        pass
    }

    fn report(
        &self,
        plan: &Plan,
        outcome: Option<&Outcome>,
        policy: &Policy,
        held: Option<ConditionReason>,
        interval: SignedDuration,
        left: usize,
    ) -> Report {
        let view = self.view;
        let readiness = match &self.seen.unrestored {
            Some(why) => Readiness::new(ConditionReason::Failed, why.clone()),
            None => status_of_account(plan, outcome, held, &self.seen.manifests, missing(view).as_deref()),
        };
        let account = self.account_status(&readiness, plan, policy, interval, left);
        let mut events = events::object_events(view, &self.problems);
        events.extend(view.objects().filter_map(events::release_event));
        events.extend(events::account_event(view, &readiness, &account));
        Report {
            statuses: self.statuses(plan, outcome),
            account,
            wrote_ahead: self.wrote_ahead,
            approvals: approvals(view, self.now),
            events,
        }
    }

    fn housekeeping(
        &self,
        plan: &Plan,
        held: Option<ConditionReason>,
        left: &BTreeSet<ChangeId>,
    ) -> Housekeeping {
        let (add_finalizer, release) = self.finalizers(held);
        Housekeeping { add_finalizer, release, proposals: propose(plan, self.view, left) }
    }

    /// When the next pass is due: after the interval, or sooner to try again, at the next end of a grant, or when edits
    /// have settled.
    fn schedule(
        &self,
        plan: &Plan,
        outcome: Option<&Outcome>,
        interval: SignedDuration,
        expiry: Option<Timestamp>,
        settled_at: Timestamp,
    ) -> Due {
        let is_well = self.seen.unrestored.is_none() && outcome.is_none_or(Outcome::is_complete);
        let regular = if is_well { interval } else { RETRY.min(interval) };
        let is_settling = plan.waiting.iter().any(|entry| entry.reason == plan::Reason::Settling);
        let times = [Some(after(self.now, regular)), expiry, is_settling.then_some(settled_at)];
        Due { regular, next: times.into_iter().flatten().min().unwrap_or(self.now) }
    }

    /// The plan, less what waits for an approval or for edits to settle; and when they have settled.
    fn plan(&mut self, desired: Desired, policy: &Policy) -> (Plan, Timestamp) {
        let (view, now) = (self.view, self.now);
        self.memory.plan_memory.note_pending(&self.seen.world, now);
        let covered = covered(view);
        let mut context = Context {
            account: view.account.meta.object.name.to_string(),
            host: self.session.host.to_owned(),
            inputs: Inputs { digest: String::new(), documents: self.seen.manifests.all().len() },
            day: Some(self.memory.day(covered.clone(), now)),
            rewrite: write_only::rewrite(view),
            look_up_size: self.session.reader.sizes().look_up,
            memory: self.memory.plan_memory.clone(),
            now,
            ..Context::default()
        };
        let repeated = self.memory.wrote_ahead().then(|| desired.clone());
        let mut plan = plan::make(desired, &self.seen.world, policy, &context);
        if let Some(desired) = repeated
            && self.memory.correct(&plan)
        {
            context.day = Some(self.memory.day(covered.clone(), now));
            plan = plan::make(desired, &self.seen.world, policy, &context);
        }
        let rules = DeferRules {
            policy,
            covered: &covered,
            leaving: &leaving(view),
            unedited_since: self.memory.unedited_since(view, now),
            now,
        };
        let entries = defer(&plan, &rules);
        (plan::defer(plan, entries, policy, &context), rules.settled_at())
    }

    fn assess_objects(
        &mut self,
        findings: &[Finding],
        plan: &Plan,
        outcome: Option<&Outcome>,
        held: Option<ConditionReason>,
    ) {
        self.problems.record_findings(self.seen.manifests.findings().iter().chain(findings), self.view);
        self.problems.record_plan(plan, outcome, held);
        for (object, why) in &self.seen.moved {
            self.problems.record(object.clone(), Readiness::new(ConditionReason::NameMoved, why.clone()));
        }
        for broken in &self.view.broken {
            let readiness = Readiness::new(ConditionReason::Invalid, broken.why.clone());
            self.problems.record(broken.meta.object.clone(), readiness);
        }
    }

    async fn apply(&mut self, plan: &Plan, policy: &Policy, cancel: &CancellationToken) -> Outcome {
        if let Err(why) = self.record_removals(plan, policy).await {
            return Outcome::not_sent(plan, &format!("its removals could not be counted beforehand: {why}"));
        }
        let writer = Writer::new(self.session.gateway.clone()).within(self.session.lease_term);
        let account = Account { reader: self.session.reader, writer: &writer, gateway: self.session.gateway };
        let mut journal = match self.seen.unrestored {
            None => Journal::in_store(Arc::clone(self.session.write_ahead) as Arc<dyn BeforeImageStore>),
            // Its place is taken.
            Some(_) => Journal::none(),
        };
        let outcome =
            apply::run(plan.clone(), &self.seen.world, policy, &account, &mut journal, cancel.clone()).await;
        self.memory.record(&outcome, self.session.gateway.now());
        outcome
    }

    /// Counts the removals to come where the next leader sees them: whoever dies in the middle of them has spent all of
    /// them. What really went is counted afterwards.
    async fn record_removals(&mut self, plan: &Plan, policy: &Policy) -> Result<(), String> {
        let sendable = plan.sendable();
        let removals = sendable.into_iter().filter(|change| change.action.is_removal());
        let Some(window) = self.memory.planned_removals(removals, policy.safety.max_removals, self.now)
        else {
            return Ok(());
        };
        self.wrote_ahead = true;
        let before = &self.view.account.status;
        let status = AccountStatus { removals: Some(window), in_flight: None, ..before.clone() };
        self.session.write_ahead.record_removals(&status).await
    }

    /// Which objects need our finalizer, and whose can go: it stands on what takes something away when it is deleted,
    /// until that is done or not wanted.
    fn finalizers(&self, held: Option<ConditionReason>) -> (Vec<ObjectRef>, Vec<ObjectRef>) {
        let (mut keep, mut release) = (Vec::new(), Vec::new());
        for Declared { meta, spec, status: _ } in self.view.objects() {
            let wants = removes(spec) && !meta.is_orphaned;
            let is_done = || {
                held.is_none() && self.problems.readiness_of(&meta.object).reason == ConditionReason::UpToDate
            };
            match (meta.has_finalizer, wants, meta.deleted.is_some()) {
                (false, true, false) => keep.push(meta.object.clone()),
                (true, false, _) => release.push(meta.object.clone()),
                (true, true, true) if is_done() => release.push(meta.object.clone()),
                _ => {}
            }
        }
        (keep, release)
    }
}

/// The pause before what failed is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// Changes of the plan that the account does not show yet.
fn left(plan: &Plan, outcome: Option<&Outcome>) -> BTreeSet<ChangeId> {
    let is_there = |id: &ChangeId| outcome.is_some_and(|outcome| outcome.is_good(id));
    plan.changes.iter().map(|change| &change.id).filter(|id| !is_there(id)).cloned().collect()
}

/// When a pass is due again.
struct Due {
    /// By the interval, or by the pause before a retry.
    regular: SignedDuration,
    next: Timestamp,
}

fn after(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

/// A pass that did not read the account: only the account object reports it, and objects without a status. A network that
/// is away for a minute does not rewrite ten thousand statuses.
fn unread(view: &View, memory: &mut AccountMemory, readiness: &Readiness, now: Timestamp) -> Pass {
    memory.unedited_since(view, now);
    let meta = &view.account.meta;
    let before = &view.account.status;
    let account = AccountStatus {
        observed_generation: Some(meta.generation),
        conditions: conditions(readiness, meta.generation, &before.conditions, now),
        handled_reconcile_at: meta.reconcile_at.clone(),
        in_flight: None,
        ..before.clone()
    };
    let events = view.objects().filter_map(events::release_event);
    let events = events.chain(events::account_event(view, readiness, &account)).collect();
    // An orphaned object is released without a read of the account.
    let release = view.objects().filter(|object| object.meta.has_finalizer && object.meta.is_orphaned);
    let interval = compile::duration(&view.account.spec.interval).unwrap_or(RETRY);
    Pass {
        report: Report { statuses: not_ready(view, readiness, now), account, events, ..Report::default() },
        housekeeping: Housekeeping {
            release: release.map(|object| object.meta.object.clone()).collect(),
            ..Housekeeping::default()
        },
        next: after(now, RETRY.min(interval)),
        ..Pass::default()
    }
}

/// Objects that have no status for what they declare now.
fn not_ready(view: &View, readiness: &Readiness, now: Timestamp) -> Vec<(ObjectRef, ObjectStatus)> {
    let new =
        view.objects().filter(|object| object.status.observed_generation != Some(object.meta.generation));
    new.map(|Declared { meta, spec: _, status }| {
        let message = format!("the account is not ready ({}): {}", readiness.reason, readiness.message);
        let readiness = Readiness::new(ConditionReason::Progressing, message);
        let conditions = conditions(&readiness, meta.generation, &status.conditions, now);
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        (meta.object.clone(), status)
    })
    .collect()
}
