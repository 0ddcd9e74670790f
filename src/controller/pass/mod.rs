//! One pass over one account, in named steps. In: its objects as a [`View`], the way to the account as a [`Session`],
//! what the controller remembers of it, and the time. Out: a [`Pass`], which says what to write to the cluster and when
//! to run again. It must not know a Kubernetes client, a watch, a socket or a clock; of `k8s_openapi` it names value types
//! only, such as `Condition`. So the same pass runs in a cluster and in a test without one.

mod account_memory;
mod apply_plan;
mod assess;
mod compilation;
mod conditions;
mod defer;
mod events;
mod housekeeping;
mod inputs;
mod interval;
mod make_plan;
mod object_problems;
mod observe;
mod pins;
mod propose;
mod readiness;
mod reason;
mod remember;
mod repair;
mod report;
mod schedule;
mod status_changes;
mod unchanged;
mod unread;
mod view;
mod view_to_manifests;
mod write_ahead;
mod write_only;

pub use account_memory::AccountMemory;
pub use events::PassEvent;
pub use housekeeping::Housekeeping;
pub use propose::Proposals;
pub use readiness::Readiness;
pub use reason::ConditionReason;
pub use remember::RecallError;
pub use report::Report;
pub use schedule::Schedule;
pub use view::{
    Approval, Broken, Declared, DeclaredAccount, Meta, Missing, ObjectRef, PlanProgress, Published, View,
};
pub use write_ahead::WriteAhead;

pub(super) use conditions::{conditions, reason_of, shortened};
pub(super) use interval::AUDIT_POLL_INTERVAL;
pub(super) use readiness::one_line;
pub(super) use status_changes::StatusChanges;

use crate::apply::Outcome;
use crate::facts::World;
use crate::kore::{Gateway, LeaseTerm, Reader};
use crate::manifest::Compiled;
use crate::plan::Plan;
use apply_plan::{Applied, apply_plan};
use assess::assess;
use compilation::Compilation;
use defer::{Deferred, defer_changes};
use inputs::{PassInputs, PlanResult};
use jiff::{SignedDuration, Timestamp};
use make_plan::{Planned, make_plan};
use observe::{AccountRequest, observe};
use remember::Recalled;
use repair::{Repaired, repair};
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
}

impl Pass {
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
        Ok(session) => run_steps(view, memory, session, now, cancel).await,
        Err(readiness) => Err(readiness),
    };
    result.unwrap_or_else(|readiness| unread::unread(view, memory, &readiness, now))
}

/// An account that was read, and what its objects come to.
struct Reading {
    compilation: Compilation,
    request: AccountRequest,
    world: Arc<World>,
    /// Why cleared assignments could not be restored.
    unrestored: Option<String>,
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
    let world = match unchanged::compare(view, memory, &session, now, &cancel).await? {
        Comparison::Unchanged(pass) => return Ok(*pass),
        Comparison::Changed(world) => Some(world),
        Comparison::Impossible => None,
    };
    let Reading { compilation, request, world, unrestored } =
        read(view, memory, session, world, now, &cancel).await?;
    let Compilation { manifests, compiled, moved } = compilation.without_moved(view, &world, now);
    let Compiled { account: _, desired, policy, expiring, objects, rules: _, findings } = compiled;
    let inputs = PassInputs { view, manifests: &manifests, policy: &policy, world: &world, now };

    let missing = remember::missing(view, memory);
    remember::note_deletions(memory, &missing);
    let declaration = remember::declaration(view, &objects, &missing, now);
    let Planned { plan, context, next } = make_plan(inputs, desired, declaration, memory, &session);
    let Deferred { plan, settled_at } = defer_changes(inputs, plan, &context, &missing, &session, memory);
    let privileged = remember::replace(memory, next, &plan);
    let Applied { outcome, wrote_ahead, unremembered } =
        apply_plan(inputs, &plan, memory, &session, unrestored.is_some(), cancel).await;
    let result = PlanResult::new(&plan, outcome.as_ref());
    let failed = unrestored.or(unremembered);
    let assessment = assess(inputs, &result, &findings, &moved, failed.as_deref());
    let next_end = expiring.first().map(|expiry| expiry.at).into_iter().chain(memory.next_end(now)).min();
    let schedule = schedule::schedule(inputs, &result, next_end, settled_at, failed.is_some());
    let report = report::report(inputs, &result, &assessment, memory, &privileged, schedule.interval);
    let pass = Pass {
        extent: PassExtent::Planned,
        report: Report { wrote_ahead, ..report },
        housekeeping: housekeeping::housekeeping(inputs, &result),
        schedule,
        plan: Some(Arc::new(plan)),
        outcome,
    };

    memory.unchanged = UnchangedPass::remember(view, &pass, &policy, request, world, memory, now);
    Ok(pass)
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
    if compilation.compiled.policy.suspend {
        return Err(Readiness::suspended());
    }
    if let Some(tenant) = view.account.tenant() {
        remember::recall(&session, view, memory, &tenant).await?;
    }
    let mut request = AccountRequest::new(&compilation.compiled, memory);
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
        request = AccountRequest::new(&compilation.compiled, memory);
        world = observe(&session, &request, cancel).await?;
    }
    let Repaired { world, unrestored } =
        repair(&session, &compilation.compiled.policy, &request, world, cancel).await?;
    Ok(Reading { compilation, request, world, unrestored })
}

/// Of two account objects about one tenant only the older one is in force.
fn require_no_conflict(view: &View, tenant: Option<&str>) -> Result<(), Readiness> {
    match view.conflicting_account(tenant) {
        Some(conflicting_account) => Err(Readiness::conflicting(conflicting_account)),
        None => Ok(()),
    }
}
