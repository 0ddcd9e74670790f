//! One pass over one account, in named steps. In: its objects as a [`View`], the way to the account as a [`Session`],
//! what the controller remembers of it, and the time. Out: a [`Pass`], which says what to write to the cluster and when
//! to run again. It must not know a Kubernetes client, a watch, a socket or a clock; of `k8s_openapi` it names value types
//! only, such as `Condition`. So the same pass runs in a cluster and in a test without one.

mod account_memory;
mod apply_plan;
mod approvals;
mod assess;
mod compilation;
mod conditions;
mod defer;
mod events;
mod focus;
mod housekeeping;
mod inputs;
mod interval;
mod make_plan;
mod mode;
mod object_problems;
mod observe;
mod pins;
mod policies;
mod propose;
mod readiness;
mod reason;
mod remember;
mod repair;
mod report;
mod room;
mod schedule;
mod sign_in;
mod status_changes;
mod unchanged;
mod unread;
mod view;
mod view_to_manifests;
mod write_ahead;
mod write_only;

pub use account_memory::AccountMemory;
pub use events::PassEvent;
pub use focus::PassScope;
pub use housekeeping::Housekeeping;
pub use propose::Proposals;
pub use readiness::Readiness;
pub use reason::ConditionReason;
pub use remember::RecallError;
pub use report::Report;
pub use schedule::Schedule;
pub use view::{
    Approval, Broken, Declared, DeclaredAccount, Meta, Missing, ObjectMode, ObjectRef, PlanProgress,
    Published, View,
};
pub use write_ahead::WriteAhead;

pub(super) use conditions::{PRUNING_PAUSED, conditions, reason_of, shortened};
pub(super) use interval::AUDIT_POLL_INTERVAL;
pub(super) use readiness::one_line;
pub(super) use status_changes::StatusChanges;

use crate::apply::{ChangeOutcome, Outcome};
use crate::facts::{Email, Holder, Key, Looks, World};
use crate::kore::{Gateway, LeaseTerm, Reader};
use crate::manifest::{Compiled, Expiry};
use crate::plan::{Change, Plan};
use crate::policy::Reviewer;
use apply_plan::{Applied, Sending, apply_plan};
use assess::assess;
use compilation::Compilation;
use defer::{Deferred, defer_changes};
use focus::Focusing;
use inputs::{PassInputs, PlanResult};
use jiff::{SignedDuration, Timestamp};
use make_plan::{Planned, Waits, make_plan};
use observe::{AccountRequest, observe};
use policies::PoliciesInForce;
use remember::Recalled;
use repair::{Repaired, repair};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use unchanged::{Comparison, UnchangedPass};

/// The way to the account.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Reads it.
    pub reader: &'a Reader,
    /// The call budget and the time.
    pub gateway: &'a Gateway,
    /// Scheme and host.
    pub host: &'a str,
    /// Until when this process may write.
    pub lease_term: &'a LeaseTerm,
    /// After a start, what was never declared, and what unseen deletions leave, is taken away only after so long: objects may still
    /// be on their way.
    pub quiet_start: SignedDuration,
    /// Stores what must outlive the process before it is sent.
    pub write_ahead: &'a Arc<dyn WriteAhead>,
    /// What has to be looked at.
    pub scope: &'a PassScope,
}

/// How far a pass went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PassExtent {
    /// The account could not be read, or must not be: the report says why.
    #[default]
    Unread,
    /// The account was read. Neither it nor the objects have changed since the last pass, which had nothing to write.
    Unchanged,
    /// The account was read, and a plan was made.
    Planned,
}

/// The result of a pass.
#[derive(Debug, Default)]
pub struct Pass {
    /// How far it went.
    pub extent: PassExtent,
    /// Statuses and events.
    pub report: Report,
    /// Finalizers and published plans.
    pub housekeeping: Housekeeping,
    /// When the account is read again.
    pub schedule: Schedule,
    /// The plan, if one was made or is unchanged.
    pub plan: Option<Arc<Plan>>,
    /// What became of each change, if something was to be applied.
    pub outcome: Option<Outcome>,
    /// When the complete account was read last; nothing while it has not been.
    pub full_read_at: Option<Timestamp>,
    /// When grants end that the account holds.
    pub ends: Vec<Timestamp>,
}

impl Pass {
    /// Whether it looked only at what was edited.
    pub fn is_focused(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.observed.focused.is_some())
    }

    /// Whether the account was read.
    pub fn was_read(&self) -> bool {
        match self.extent {
            PassExtent::Unread => false,
            PassExtent::Unchanged | PassExtent::Planned => true,
        }
    }

    /// Whether planning was skipped, because neither the objects nor the account have changed.
    pub fn is_unchanged(&self) -> bool {
        self.extent == PassExtent::Unchanged
    }
}

/// Runs one pass. `session` is the reason when there is no way to the account.
pub async fn pass(
    view: &View,
    memory: &mut AccountMemory,
    session: Result<Session<'_>, Readiness>,
    now: Timestamp,
    cancel: CancellationToken,
) -> Pass {
    let result = match session {
        Ok(session) => {
            let tenth = interval::left_to_urgent(session.gateway.limit());
            session.gateway.leave_to_urgent(tenth);
            let result = Box::pin(run_steps(view, memory, session, now, cancel)).await;
            // A pass about ends and removals has used it.
            session.gateway.leave_to_urgent(tenth);
            result
        }
        Err(readiness) => Err(readiness),
    };
    result.unwrap_or_else(|readiness| unread::unread(view, memory, &readiness, now))
}

/// An account that was read, and what its objects come to.
struct Reading {
    compilation: Compilation,
    world: Arc<World>,
    /// Why cleared assignments could not be restored.
    unrestored: Option<String>,
    looked: Looked,
}

/// How much of the account a pass looked at.
enum Looked {
    /// All that this asks for.
    Everything(AccountRequest),
    /// What was edited.
    Edits(Box<Focusing>),
}

impl Looked {
    fn focusing(&self) -> Option<&Focusing> {
        match self {
            Self::Everything(_) => None,
            Self::Edits(focusing) => Some(focusing),
        }
    }
}

/// The steps, in order. An error says why the account cannot be read, or must not be.
async fn run_steps(
    view: &View,
    memory: &mut AccountMemory,
    session: Session<'_>,
    now: Timestamp,
    cancel: CancellationToken,
) -> Result<Pass, Readiness> {
    require_no_conflict(view, view.account.tenant().as_deref())?;
    require_no_mode(view)?;
    if let (PassScope::Event, Some(kept)) = (session.scope, &mut memory.kept) {
        kept.note_event();
    }
    let reading = if let Some(reading) = look(view, memory, &session, now, &cancel).await? {
        reading
    } else {
        let calls = room::calls_of_full_read(memory);
        if let Some(readiness) = room::must_wait(&session, calls, "a full read", now) {
            return Err(readiness);
        }
        let world = match unchanged::compare(view, memory, &session, now, &cancel).await? {
            Comparison::Unchanged(pass) => {
                memory.note_unchanged(now);
                return Ok(Pass { full_read_at: Some(now), ..*pass });
            }
            Comparison::Changed(world) => Some(world),
            Comparison::Impossible => None,
        };
        read(view, memory, session, world, now, &cancel).await?
    };
    Ok(Box::pin(decide(view, memory, session, reading, now, cancel)).await)
}

/// Plans and applies.
async fn decide(
    view: &View,
    memory: &mut AccountMemory,
    session: Session<'_>,
    reading: Reading,
    now: Timestamp,
    cancel: CancellationToken,
) -> Pass {
    let Reading { mut compilation, world, unrestored, looked } = reading;
    let held_guards = compilation.hold_guards(view, &memory.plan_memory, now);
    let Compilation { manifests, compiled, compiled_rules, policies, moved, observed } = compilation;
    let Compiled { account: _, desired, policy, expiring, objects, rules, findings } = compiled;
    let partial = desired.completeness.missing().map(str::to_owned);
    let inputs = PassInputs {
        view,
        manifests: &manifests,
        policy: &policy,
        partial: partial.as_deref(),
        policies: &policies,
        world: &world,
        now,
    };
    let missing = remember::missing(view, memory);
    let declaration = remember::declaration(view, &objects, &missing, memory, now);
    let reviewer = Reviewer::new(&compiled_rules, &rules, &desired);
    let declared = make_plan::Declared { desired, reviewer, declaration, held_guards };
    let Planned { mut plan, next, waits, laid } =
        make_plan(inputs, declared, memory, &session, looked.focusing());
    let world = laid.map_or_else(|| Arc::clone(&world), Arc::new);
    let inputs = PassInputs { world: &world, ..inputs };
    sign_in::mark(&mut plan, memory, &session, &world, now).await;
    let Deferred { plan, settled_at } = defer_changes(inputs, plan, &waits, &missing, &session, memory);
    let by_mode = mode::readiness(inputs, observed, &waits.context);
    let Waits { context: _, approved, held } = waits;
    let privileged = remember::replace(memory, next, &plan, inputs);
    let is_unrestored = unrestored.is_some();
    let sending = Sending { approved: &approved, focusing: looked.focusing(), is_unrestored };
    let Applied { outcome, wrote_ahead, unremembered } =
        apply_plan(inputs, &plan, memory, &session, sending, cancel).await;
    let after = after_apply(&world, outcome.as_ref());
    let inputs = PassInputs { world: &after, ..inputs };
    let result = PlanResult::new(&plan, outcome.as_ref(), approved, held);
    let failed = unrestored.or(unremembered);
    let assessment = assess(inputs, &result, &findings, &moved, by_mode, failed.as_deref());
    let next_end = next_end(&expiring, memory, &policies, now);
    let schedule = schedule::schedule(inputs, &result, next_end, settled_at, failed.is_some());
    let schedule = memory.keep(inputs, &result, &after, &looked, schedule, session.gateway.limit());
    let report = report::report(inputs, &result, &assessment, memory, &privileged, schedule.interval);
    let housekeeping = housekeeping::housekeeping(inputs, &result);
    let (plan, report) = (Some(Arc::new(plan)), Report { wrote_ahead, ..report });
    let (extent, ends, full_read_at) = (PassExtent::Planned, memory.held_ends(&after), memory.full_read_at());
    let pass = Pass { extent, report, housekeeping, schedule, plan, outcome, full_read_at, ends };
    memory.unchanged = match looked {
        Looked::Everything(request) if !policies.depend_on_time => {
            UnchangedPass::remember(view, &pass, &policy, request, world, memory, now)
        }
        Looked::Everything(_) | Looked::Edits(_) => None,
    };
    pass
}

/// When time takes the next thing away that is declared, remembered, or an exception from a policy.
fn next_end(
    expiring: &[Expiry],
    memory: &AccountMemory,
    policies: &PoliciesInForce,
    now: Timestamp,
) -> Option<Timestamp> {
    let ends = [expiring.first().map(|expiry| expiry.at), memory.next_end(now), policies.next_end];
    ends.into_iter().flatten().min()
}

/// Looks at what was edited, where that suffices. `None`: everything has to be read.
async fn look(
    view: &View,
    memory: &mut AccountMemory,
    session: &Session<'_>,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Option<Reading>, Readiness> {
    let Some(kept) = focus::kept(view, memory, session, now).await else { return Ok(None) };
    let compilation = Compilation::new(view, now)?;
    if compilation.compiled.policy.suspend {
        return Err(Readiness::suspended(view.account.spec.suspend_reason.as_deref()));
    }
    let compilation = compilation.without_moved(view, &kept.world, now);
    let focusing = focus::look(view, &compilation, memory, session, kept, now, cancel).await?;
    Ok(focusing.map(|focusing| Reading {
        compilation,
        world: Arc::clone(&focusing.kept.world),
        unrestored: None,
        looked: Looked::Edits(Box::new(focusing)),
    }))
}

/// The account after what was applied, as far as it was read back.
fn after_apply(world: &Arc<World>, outcome: Option<&Outcome>) -> Arc<World> {
    let Some(outcome) = outcome.filter(|outcome| !outcome.looks.is_empty()) else { return Arc::clone(world) };
    let applied = outcome.by_change.iter().filter(|(_, outcome)| **outcome == ChangeOutcome::Applied);
    let applied: Vec<&Change> = applied.filter_map(|(id, _)| outcome.changes.get(id)).collect();
    let is_gone = |change: &&&Change| matches!(change.key, Key::Member(_)) && change.action.is_removal();
    let gone: BTreeSet<Email> =
        applied.iter().filter(is_gone).filter_map(|change| change.key.email().cloned()).collect();
    let laid = outcome.looks.iter().fold(World::clone(world), |world, looks| {
        world.overlaid(&Looks { gone: gone.clone(), ..looks.clone() })
    });
    // What a group holds shows in its members, and not all of them are looked up.
    let of_groups = applied.iter().filter(|change| matches!(change.key.holder(), Some(Holder::Group(_))));
    let of_groups = of_groups.map(|change| (change.key.clone(), change.after.clone()));
    Arc::new(laid.with_changed(&of_groups.collect()))
}

/// Reads the account, unless `world` was just read, and what is remembered of it.
async fn read(
    view: &View,
    memory: &mut AccountMemory,
    session: Session<'_>,
    world: Option<Arc<World>>,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Reading, Readiness> {
    let compilation = Compilation::new(view, now)?;
    let policy = &compilation.compiled.policy;
    if policy.suspend {
        return Err(Readiness::suspended(policy.suspend_reason.as_deref()));
    }
    if let Some(tenant) = view.account.tenant() {
        remember::recall(&session, view, memory, &tenant).await?;
    }
    let mut request = AccountRequest::new(&compilation, memory);
    let mut world = match world {
        Some(world) => world,
        None => observe(&session, &request, cancel).await?,
    };
    // An account object without spec.accountId learns its tenant only from the answer.
    let tenant = remember::tenant(view, &world);
    require_no_conflict(view, tenant.as_deref())?;
    if let Some(tenant) = tenant
        && remember::recall(&session, view, memory, &tenant).await? == Recalled::Facts
    {
        request = AccountRequest::new(&compilation, memory);
        world = observe(&session, &request, cancel).await?;
    }
    let Repaired { world, unrestored } =
        repair(&session, &compilation.compiled.policy, &request, world, cancel).await?;
    let compilation = compilation.without_moved(view, &world, now);
    Ok(Reading { compilation, world, unrestored, looked: Looked::Everything(request) })
}

/// An account has fields for what the annotation says of other objects. One that has it is not touched.
fn require_no_mode(view: &View) -> Result<(), Readiness> {
    let message = "koreconcile.dev/mode is for the objects of an account: set spec.mode or spec.suspend of the account, and \
                   remove the annotation; nothing is read or written";
    match view.account.meta.mode {
        ObjectMode::Enforce => Ok(()),
        _ => Err(Readiness::new(ConditionReason::Invalid, message)),
    }
}

/// Of two account objects about one tenant only the older one is in force.
fn require_no_conflict(view: &View, tenant: Option<&str>) -> Result<(), Readiness> {
    match view.conflicting_account(tenant) {
        Some(conflicting_account) => Err(Readiness::conflicting(conflicting_account)),
        None => Ok(()),
    }
}
