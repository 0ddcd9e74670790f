//! `plan --focus`: looks only at what differs from what was read back, or from another revision.

use super::base::Base;
use super::declaration::{self, Extent};
use super::inputs::Reach;
use super::look_alike;
use super::memory;
use super::plan::{Asked, Made, digest_of, warn_if_behind};
use super::session::Session;
use super::snapshot::Snapshot;
use super::{CliError, Output};
use crate::facts::{Desired, Key, Looks, Policy, Verdict, World};
use crate::kore::ReadRequest;
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Change, Context, Earlier, Focus, Focused, Memory, RestOf};
use crate::policy::{self, Reviewer};
use jiff::{SignedDuration, Timestamp};

/// What the command line asks for.
pub(super) struct Request<'a> {
    pub manifests: &'a Manifests,
    /// The revision that tells what was edited, where nothing is remembered.
    pub base: Option<&'a Base>,
    /// What the rest is taken from.
    pub snapshot: Option<Snapshot>,
    pub reach: &'a Reach,
    pub extent: Extent,
    pub ending_within: Option<SignedDuration>,
}

/// Reads what the plan is about, and compares.
pub(super) async fn make(
    request: Request<'_>,
    compiled: Compiled,
    session: &Session,
    output: &Output,
) -> Result<Made, CliError> {
    let Request { manifests, base, snapshot, reach, extent, ending_within } = request;
    let remembered = session.memory.load_for_plan(output)?;
    memory::check_owner(&remembered, manifests, &compiled)?;
    if session.writable.is_none() {
        warn_if_behind(&remembered, manifests, &compiled, extent, output);
    }
    let is_remembered = remembered.applied_revision.is_some();
    if !is_remembered && base.is_none() && snapshot.is_none() {
        return Err(CliError::NothingToFocusOn);
    }
    let known = remembered.unmanaged.clone();
    let declaration = declaration::collect(manifests, &compiled, &remembered, extent, Timestamp::now())?;
    let mut context = session.context(&compiled, digest_of(manifests), reach, remembered);
    context.declaration = declaration;
    context.ending_within = ending_within;
    let Looked { earlier, rest, looks } = look(base, snapshot, &compiled, session, &context).await?;
    context.clock = session.clock_check();
    context.look_up_size = session.reader.sizes().look_up;
    let Compiled { desired, policy, rules, .. } = compiled;
    let people = desired.referenced.clone();
    let asked = Asked::new(&desired, &policy, &context.memory);
    let (compiled_rules, _) = policy::compile(&rules);
    let reviewer = Reviewer::new(&compiled_rules, &rules, &desired);
    let waits = |change: &Change| reviewer.beyond_person(change);
    let guards = countable(&policy, &rest);
    if let Some(before) = context.memory.guards.as_mut().filter(|_| rest.is_remembered()) {
        // It is left out here, and not loosened by an edit.
        before.safety.max_removals_percent = guards.safety.max_removals_percent;
    }
    let desired = reviewer.enforce_deadlines(desired, &earlier, &guards, &context);
    let earlier = Earlier { world: &earlier, rest: &rest };
    let Focused { plan, memory: _, world } =
        plan::make_focused(desired, earlier, &looks, &guards, &context, &waits);
    let mut plan = reviewer.review(plan, &world, &guards, &context);
    if rest.is_remembered() && plan.sendable().iter().any(|change| change.action.is_removal()) {
        let place = policy.blame("safety.maxRemovalsPercent");
        plan.warnings.push(format!(
            "the share that removals have of the account was not counted ({place}): apply counts it"
        ));
    }
    plan.warnings.extend(look_alike::warnings(&people, &world));
    let plan = asked.note_areas(plan, &policy, &context.memory, &world);
    Ok(Made {
        plan,
        world,
        policy,
        policies: rules.digest,
        memory: None,
        known,
        is_remembered,
        saved_as: None,
        undoes: None,
    })
}

/// The rules without those that count facts of the account, where these were not read.
fn countable(policy: &Policy, rest: &RestOf) -> Policy {
    let mut policy = policy.clone();
    if rest.is_remembered() {
        policy.safety.max_removals_percent = 100;
    }
    policy
}

/// The account as far as it was looked at, and the rest.
struct Looked {
    earlier: World,
    rest: RestOf,
    looks: Looks,
}

async fn look(
    base: Option<&Base>,
    snapshot: Option<Snapshot>,
    compiled: &Compiled,
    session: &Session,
    context: &Context,
) -> Result<Looked, CliError> {
    if let Some(Snapshot { made_at, world, .. }) = snapshot {
        let before = edited_since(base, compiled, &world, context);
        let focus = focus_on(compiled, &world, context, before.as_ref());
        let looks = look_up(&focus, compiled, session).await?;
        return Ok(Looked { earlier: world, rest: RestOf::Snapshot { at: made_at }, looks });
    }
    // Where nothing is remembered, names of the base mean something only beside the lists of bots and groups.
    let is_remembered = context.memory.applied_revision.is_some();
    let read = names(compiled, session, !is_remembered, !is_remembered).await?;
    let rest = match (&context.memory.applied_revision, base) {
        (Some(applied), _) => RestOf::Memory { at: applied.at },
        (None, Some(base)) => RestOf::Base { revision: base.revision().to_owned() },
        (None, None) => return Err(CliError::NothingToFocusOn),
    };
    let before = edited_since(base, compiled, &read, context);
    let known = before.as_ref().unwrap_or(&context.memory);
    let earlier = plan::remembered_world(known, &read);
    let focus = focus_on(compiled, &earlier, context, before.as_ref());
    let needs_bots = is_remembered && (focus.bots || assigns(compiled, &focus));
    let (read, earlier, focus) = if needs_bots || is_remembered && focus.groups {
        let read = more_names(compiled, session, read, needs_bots, focus.groups).await?;
        let earlier = plan::remembered_world(known, &read);
        let focus = focus_on(compiled, &earlier, context, before.as_ref());
        (read, earlier, focus)
    } else {
        (read, earlier, focus)
    };
    let people = Focus { roles: false, bots: false, ..focus };
    let looks = look_up(&people, compiled, session).await?;
    let mut world = read.overlaid(&looks);
    world.calls = read.calls + looks.world.calls;
    Ok(Looked { earlier, rest, looks: Looks { world, ..looks } })
}

/// The exports of roles, and whose account it is; where asked for the lists of bots and groups.
async fn names(compiled: &Compiled, session: &Session, bots: bool, groups: bool) -> Result<World, CliError> {
    let mut read =
        session.read(compiled, ReadRequest { roles: true, bots, groups, ..ReadRequest::default() }).await?;
    if read.account.is_none() {
        read.account = session.account(compiled).await?;
        read.calls += 1;
    }
    Ok(read)
}

/// The lists of bots and groups beside what was read.
async fn more_names(
    compiled: &Compiled,
    session: &Session,
    read: World,
    bots: bool,
    groups: bool,
) -> Result<World, CliError> {
    let more = session.read(compiled, ReadRequest { groups, bots, ..ReadRequest::default() }).await?;
    let calls = read.calls + more.calls;
    let roles = Looks { world: read, ..Looks::default() };
    let mut read = more.overlaid(&roles);
    read.calls = calls;
    Ok(read)
}

/// Whether a person who is looked at is assigned a bot: the list says which are published.
fn assigns(compiled: &Compiled, focus: &Focus) -> bool {
    let wants = compiled.desired.wants.iter();
    let mut assigned =
        wants.filter(|(key, want)| matches!((key, &want.verdict), (Key::Assigned(..), Verdict::Present(_))));
    assigned.any(|(key, _)| key.email().is_some_and(|email| focus.people.contains(email)))
}

/// What was declared before the edit, where nothing is remembered: what the base declares, or all that the account shows
/// as it is declared.
fn edited_since(
    base: Option<&Base>,
    compiled: &Compiled,
    world: &World,
    context: &Context,
) -> Option<Memory> {
    let declared = |desired: &Desired| plan::as_remembered(desired.clone(), world, context);
    match base {
        _ if context.memory.applied_revision.is_some() => None,
        Some(base) => Some(declared(base.desired())),
        None => Some(declared(&compiled.desired)),
    }
}

/// Whom and what to look at, beside what was declared before the edit; `None`: what is remembered.
fn focus_on(compiled: &Compiled, earlier: &World, context: &Context, before: Option<&Memory>) -> Focus {
    let desired = compiled.desired.clone();
    match before {
        None => plan::focus(desired, earlier, context),
        Some(before) => plan::focus(desired, earlier, &Context { memory: before.clone(), ..context.clone() }),
    }
}

async fn look_up(focus: &Focus, compiled: &Compiled, session: &Session) -> Result<Looks, CliError> {
    let Focus { people, roles, bots, groups: _, takes: _ } = focus.clone();
    if focus.is_empty() {
        return Ok(Looks::default());
    }
    let world = session.read(compiled, ReadRequest::focused(people.clone(), roles, bots)).await?;
    Ok(Looks { people, world, ..Looks::default() })
}
