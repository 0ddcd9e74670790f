//! From two worlds to a plan: what would change, in which order, at what price, and what may not.
//!
//! [`make`] takes what is wanted, what was seen and the policy, and gives a [`Plan`]: a value to look at, print,
//! sign and apply. Everything here is pure: no clock, network, disk or task. Whatever is removed, is removed
//! through the rule in [`diff`](mod@diff), so that reading that one file is enough.

mod areas;
pub mod cost;
mod diff;
mod difference;
mod drift;
mod effects;
mod ends;
mod expiring;
pub mod explain;
mod focus;
mod guard;
mod id;
mod judged;
mod memory;
mod merge;
mod model;
mod moves;
mod name_index;
mod notices;
mod order;
pub mod origin;
pub mod pack;
pub mod render;
mod resolve;
mod risk;
mod sign_in;
mod take_over;
mod unmanaged;

pub use areas::{AreaNeed, DeclaredBefore, KindNeed, NeedKind, with_areas};
pub use difference::{FactDifference, FactTurn, Side, SideFact, Turn, difference};
pub use drift::{Difference, Drift, drift};
pub use effects::{Effect, EffectKind, loosened_guards};
pub use expiring::Ending;
pub use focus::{
    Earlier, Focus, Focused, FocusedRead, RestOf, as_remembered, focus, make_focused, remembered_world,
};
pub use guard::{Day, Limits, master_admins, takes_master_admin};
pub use id::{ChangeId, Digest};
pub use judged::{Judgement, Violation, ViolationState, is_behind, judged, unjudged};
pub use memory::{
    CONTESTED_AFTER, Declaration, DeclaringObject, Memory, MemoryFormat, NotDone, RememberedFact, Revision,
    UNKEPT_AFTER,
};
pub use model::{
    AccountRef, Action, Change, Cost, Entry, Inputs, ObservedSummary, Origin, Pin, Plan, Reason, Reversible,
    Risk, RiskLevel,
};
pub use name_index::AccountNames;
pub use risk::{escalating_permissions, of_holding as risk_of_holding};
pub use sign_in::{SignIn, mark_sign_in};
pub use unmanaged::{Tolerated, Unmanaged};

use crate::facts::{self, ClockCheck, Desired, Key, Policy, World};
use effects::Before;
use jiff::{SignedDuration, Timestamp};
use resolve::Wanted;
use std::collections::{BTreeMap, BTreeSet};

/// What a plan is made of, besides the worlds.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The account's name in the manifests.
    pub account: String,
    /// Scheme and host of the Admin API.
    pub host: String,
    /// Digest and revision of the manifests.
    pub inputs: Inputs,
    /// What this run allows beyond the policy.
    pub limits: Limits,
    /// What the ceilings count besides the plan, where they count a rolling day (controller).
    pub day: Option<Day>,
    /// Which of the values that cannot be read are sent again.
    pub rewrite: Rewrite,
    /// People asked for in one look-up, as the read just made has proved.
    pub look_up_size: usize,
    /// What earlier runs remember.
    pub memory: Memory,
    /// Which objects the manifests are.
    pub declaration: Declaration,
    /// When the plan is made; only memory and ends of grants are compared with it.
    pub now: Timestamp,
    /// How that clock compares with the platform's.
    pub clock: ClockCheck,
    /// How far ahead ends are listed; nothing: a week.
    pub ending_within: Option<SignedDuration>,
    /// Which ends nobody has to approve.
    pub trusted_ends: TrustedEnds,
    /// Above a ceiling the removals of the highest risk go, up to it, instead of none.
    pub fills_ceiling: bool,
    /// Effects that wait for an approval (controller): earlier ends hold, and what they adopt is not remembered.
    pub held: BTreeSet<ChangeId>,
}

/// Which removals only the clock has asked for, so that they need no approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustedEnds {
    /// Those of which the memory holds the same end, ahead of the time it was applied.
    #[default]
    Remembered,
    /// All that are declared: nothing remembers what was applied here.
    Declared,
}

/// Which of the values that the platform takes and never gives back are sent again to people who are there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// None: they are sent when a user is created.
    #[default]
    Nothing,
    /// All that are declared (`--rewrite-profiles`).
    All,
    /// Those for which a status or the memory of a run records that another value was sent, or none.
    Of(BTreeSet<Key>),
}

impl Rewrite {
    fn includes(&self, key: &Key) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Of(keys) => keys.contains(key),
        }
    }
}

/// Makes the plan: resolve names, compare, order, rank, guard, price.
///
/// The same desired facts and the same observed world give the same [`Plan::digest`], whatever the policy says.
pub fn make(desired: Desired, observed: &World, policy: &Policy, context: &Context) -> Plan {
    compare(Sides::new(desired, observed, context), observed, policy, context)
}

/// What is wanted and what is remembered, under the names of the account.
struct Sides {
    wanted: Wanted,
    recalled: Vec<(Key, RememberedFact)>,
    /// What is declared otherwise than it is remembered.
    effects: Vec<Effect>,
}

impl Sides {
    fn new(desired: Desired, observed: &World, context: &Context) -> Self {
        let Context { memory, declaration, held, now, .. } = context;
        let recalled = memory::recall(&memory.facts, &observed.directory);
        let mut wanted = resolve::resolve(desired, declaration.clone(), &memory.bots, observed);
        // Before the first apply everything would be new.
        let effects = match &memory.applied_revision {
            None => Vec::new(),
            Some(_) => Before::of_memory(&recalled, None).of_facts(&wanted.wants, observed),
        };
        effects::hold_ends(&mut wanted.wants, &effects, &recalled, held, *now);
        Self { wanted, recalled, effects }
    }

    /// The memory as it is stored before anything is sent.
    fn remember(&self, observed: &World, context: &Context) -> Memory {
        let mut memory = next_memory(&self.wanted, &self.recalled, observed, context);
        let unapproved: BTreeSet<&Key> = effects::held_adoptions(&self.effects, &context.held).collect();
        memory.facts.retain(|(key, _)| !unapproved.contains(key));
        memory
    }
}

/// The plan, and the memory as it has to be stored before any of it is sent.
pub fn plan_and_remember(
    desired: Desired,
    observed: &World,
    policy: &Policy,
    context: &Context,
) -> (Plan, Memory) {
    let sides = Sides::new(desired, observed, context);
    let memory = sides.remember(observed, context);
    let plan = compare(sides, observed, policy, context);
    let lists = take_over::without_proposed(memory.lists, &plan);
    (plan, Memory { lists, ..memory })
}

/// The memory alone: what a plan that was made before leaves to remember.
pub fn remember(plan: &Plan, desired: Desired, observed: &World, context: &Context) -> Memory {
    let memory = Sides::new(desired, observed, context).remember(observed, context);
    let lists = take_over::without_proposed(memory.lists, plan);
    Memory { lists, ..memory }
}

/// The same plan with the lists approved that it proposes, and what that leaves to remember.
#[must_use]
pub fn take_over(plan: Plan, memory: Memory) -> (Plan, Memory) {
    let mut memory = memory;
    memory
        .lists
        .extend(take_over::proposed(&plan).filter_map(|change| facts::ScopeExtent::holding(&change.key)));
    let mut plan = plan;
    plan.waiting.retain(|entry| entry.reason != Reason::ListProposed);
    (plan, memory)
}

fn next_memory(
    wanted: &Wanted,
    recalled: &[(Key, RememberedFact)],
    observed: &World,
    context: &Context,
) -> Memory {
    let facts = memory::next(
        recalled,
        &wanted.wants,
        observed,
        &wanted.names,
        &wanted.undeclared_reasons,
        context.now,
    );
    let bots = facts.iter().filter_map(|(key, _)| key.bot()).filter_map(|bot| {
        let before = context.memory.bots.get(bot);
        // As long as manifests use the name that a bot had, it is what tells that the bot was renamed.
        if let Some(before) = before.filter(|name| wanted.missed_bots.contains(name)) {
            return Some((bot.clone(), before.clone()));
        }
        let seen = observed.directory.bots.get(bot).map(|entry| entry.name.clone());
        Some((bot.clone(), seen.or_else(|| before.cloned())?))
    });
    let bots = bots.collect();
    let lists = take_over::lists(wanted, observed, &context.memory.lists);
    Memory { facts, bots, lists, ..context.memory.clone() }
}

fn compare(sides: Sides, observed: &World, policy: &Policy, context: &Context) -> Plan {
    let Sides { mut wanted, recalled, effects } = sides;
    let recalled = recalled.as_slice();
    let within = context.ending_within.unwrap_or(expiring::AHEAD);
    let expiring = expiring::collect(&wanted.wants, within, context.now);
    let mut difference = differences(&mut wanted, recalled, observed, policy, context);
    let ended = ends::by_clock(&difference.changes, recalled, context);
    let before = Before { facts: Vec::new(), guards: context.memory.guards.clone() };
    let declared = match &context.memory.applied_revision {
        None => Vec::new(),
        Some(_) => before.effects(effects, &difference.changes, &context.held, policy),
    };
    let digest = Digest::over(
        difference.changes.iter().filter(|change| !change.is_rewrite()).map(|change| &change.id),
    );
    let refused = guard::refuse(&difference.changes, &BTreeSet::new(), observed, policy, context);
    difference.waiting.extend(take_over::proposals(&difference.changes, &wanted.scopes, observed, context));
    let said = notices::collect(&wanted, observed);
    let ends = ends::warnings(&difference.changes, &ended, &wanted.wants, context);
    let idle = guard::idle(observed, policy);
    let stale = unmanaged::stale(&difference.unmanaged, &wanted, observed);
    let warnings =
        observed.warnings.iter().cloned().chain(said).chain(ends).chain(idle).chain(stale).collect();
    let mut plan = Plan {
        format: Plan::FORMAT.to_owned(),
        account: AccountRef {
            name: context.account.clone(),
            id: observed.account.clone(),
            host: context.host.clone(),
        },
        inputs: context.inputs.clone(),
        observed: ObservedSummary::from_world(observed),
        changes: difference.changes,
        blocked: difference.blocked,
        waiting: difference.waiting,
        manual: difference.manual,
        refused,
        violations: Vec::new(),
        unmanaged: difference.unmanaged,
        write_only: difference.write_only,
        expiring,
        ended,
        sign_in: BTreeMap::new(),
        declared,
        areas: Vec::new(),
        warnings,
        cost: Cost::default(),
        bots: BTreeMap::new(),
        digest,
        base: None,
        spent: BTreeSet::new(),
        redacted: false,
    };
    if let Some(sign_on) = &observed.sign_on {
        sign_in::mark_sign_in(&mut plan, sign_on, observed);
    }
    plan.bots = model::names_of_bots(&plan, &observed.directory);
    let calls = pack::pack(&plan.sendable(), policy.batch_size.0);
    plan.cost = cost::price(&plan, &calls, policy, context.look_up_size);
    plan
}

/// What differs: ordered, with risks and ends.
fn differences(
    wanted: &mut Wanted,
    recalled: &[(Key, RememberedFact)],
    observed: &World,
    policy: &Policy,
    context: &Context,
) -> diff::Difference {
    let retired_permissions = diff::retire_permissions(wanted, recalled, observed);
    let moving = moves::settle(wanted, observed);
    let mut difference = diff::diff(wanted, recalled, observed, policy, &context.rewrite);
    difference.manual.extend(retired_permissions);
    difference.waiting.extend(moving);
    let (overdue, waiting) = overdue(difference.waiting, policy, context);
    difference.waiting = waiting;
    difference.manual.extend(overdue);
    order::link(&mut difference.changes);
    moves::finish(&mut difference, wanted);
    for change in &mut difference.changes {
        change.risk = risk::assess(&change.key, change.action, change.after.as_ref());
    }
    ends::tell(&mut difference.changes, &wanted.wants, recalled);
    difference
}

/// What is declared otherwise than in other manifests (`before`), without a change of this plan.
pub fn declared_since(
    before: (Desired, &Policy),
    now: (Desired, &Policy),
    plan: &Plan,
    observed: &World,
) -> Vec<Effect> {
    let nothing = BTreeMap::new();
    let wants = |desired| resolve::resolve(desired, Declaration::default(), &nothing, observed).wants;
    let ((before, guards), (desired, policy)) = (before, now);
    let before = Before::of_wants(&wants(before), guards);
    let effects = before.of_facts(&wants(desired), observed);
    before.effects(effects, &plan.changes, &BTreeSet::new(), policy)
}

/// The plan that takes away what the memory knows with an end that has passed, and nothing else. What the manifests
/// declare by now with a later end, or without one, stays until that is applied.
pub fn make_ended(desired: Desired, observed: &World, policy: &Policy, context: &Context) -> Plan {
    let recalled = memory::recall(&context.memory.facts, &observed.directory);
    let wanted = resolve::resolve(desired, Declaration::default(), &context.memory.bots, observed);
    let ends::Over { wants, prolonged } = ends::over(&recalled, &wanted.wants, context.now);
    let recalled: Vec<_> =
        recalled.into_iter().filter(|(key, _)| facts::find(&wants, key).is_some()).collect();
    let sides = Sides { wanted: wanted.narrowed_to(wants), recalled, effects: Vec::new() };
    let mut plan = compare(sides, observed, policy, context);
    // What nobody asks for is no part of it.
    plan.unmanaged.clear();
    plan.declared.clear();
    plan.warnings.extend(prolonged);
    plan
}

/// The same plan under today's guards and on today's account: what a saved plan goes through before it is applied.
/// Its changes and its digest stay as they were approved.
#[must_use]
pub fn recheck(plan: Plan, observed: &World, policy: &Policy, context: &Context) -> Plan {
    let refused = guard::refuse(&plan.changes, &BTreeSet::new(), observed, policy, context);
    let mut plan = Plan { refused, ..plan };
    let calls = pack::pack(&plan.sendable(), policy.batch_size.0);
    plan.cost = cost::price(&plan, &calls, policy, context.look_up_size);
    plan
}

/// The same plan with some of its changes deferred: each entry names the changes that wait, and why. The digest stays
/// the same; the cost falls.
#[must_use]
pub fn defer(plan: Plan, entries: Vec<Entry>, policy: &Policy, context: &Context) -> Plan {
    let mut plan = plan;
    plan.waiting.extend(entries);
    let calls = pack::pack(&plan.sendable(), policy.batch_size.0);
    plan.cost = cost::price(&plan, &calls, policy, context.look_up_size);
    plan
}

/// Splits off the invitations that have been open for too long. The API cannot send one again, and deleting and
/// creating the user would lose what they hold, so it is a manual step.
fn overdue(waiting: Vec<Entry>, policy: &Policy, context: &Context) -> (Vec<Entry>, Vec<Entry>) {
    let after = policy.invitations.overdue_after;
    waiting.into_iter().fold((Vec::new(), Vec::new()), |(mut overdue, mut waiting), entry| {
        let open_for = match entry.subjects.as_slice() {
            [Key::Member(email)] => context.memory.pending_for(email, context.now),
            _ => None,
        };
        match open_for.filter(|open_for| *open_for > after) {
            Some(open_for) => overdue.push(Entry {
                reason: Reason::InvitationOverdue,
                message: format!("{} ({} days)", entry.message, open_for.as_hours() / 24),
                next_step: "invite again in the console (Enrollment > Invite), or remove and invite them with koreconcile reinvite EMAIL".to_owned(),
                ..entry
            }),
            None => waiting.push(entry),
        }
        (overdue, waiting)
    })
}

#[cfg(test)]
mod tests;
