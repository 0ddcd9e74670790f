//! The promises, held on one account while it is planned and applied until nothing is left to do.

use super::engine::Engine;
use super::invariant_checker::invited_again;
use super::wants::email;
use super::world::{self, Case, OWNER, master_admins, truth};
use koreconcile::apply::{self, ChangeOutcome, Journal, Outcome};
use koreconcile::facts::{Desired, Email, Holder, Key, Listing, RoleName, ScopeExtent, World};
use koreconcile::kore::{Clock, KoreError, ReadRequest};
use koreconcile::plan::{Action, Plan, render};
use koreconcile::sandbox::{BuilderGroups, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Runs after which nothing that can be done is left.
const RUNS: usize = 3;
/// No plan of these accounts takes as many calls: more is an endless loop.
const CALLS: u64 = 400;

/// Plans and applies until nothing is left, and holds every promise on the way.
pub async fn reconcile(case: &Case, engine: &Engine, desired: &Desired) -> Result<(), String> {
    let mut last: Option<Outcome> = None;
    // What groups hide shows when they change: only the plan after that one can know.
    let mut may_uncover = false;
    for run in 0..=RUNS {
        let world = read(engine, desired).await;
        let plan = engine.plan_on(desired, &world);
        let told =
            || format!("run {run}\n{}{}", render::text(&plan, render::Style::default()), tell(last.as_ref()));
        removes_only_what_was_read_whole(&plan, &world).map_err(|why| format!("{why}\n{}", told()))?;
        if plan.sendable().is_empty() {
            return Ok(());
        }
        if let Some(last) = &last {
            if last.is_complete() && !may_uncover && !plan.changes.is_empty() {
                return Err(format!("complete, and yet the next plan has changes\n{}", told()));
            }
            if run == RUNS {
                return match plan
                    .sendable()
                    .iter()
                    .find(|change| is_unexplained(last.by_change.get(&change.id)))
                {
                    Some(change) => Err(format!("{} never settles\n{}", change.key, told())),
                    None => Ok(()),
                };
            }
        }
        may_uncover = uncovers(case, &plan, &world);
        let before = engine.admin.snapshot().unwrap();
        let admins = Arc::new(Mutex::new(vec![master_admins(&before)]));
        let outcome = apply_watched(engine, plan.clone(), &world, &admins).await?;
        let after = engine.admin.snapshot().unwrap();
        let told = || {
            format!("run {run}\n{}{}", render::text(&plan, render::Style::default()), tell(Some(&outcome)))
        };
        every_sendable_change_has_a_fate(&plan, &outcome).map_err(|why| format!("{why}\n{}", told()))?;
        changes_nothing_else(&plan, &before, &after).map_err(|why| format!("{why}\n{}", told()))?;
        keeps_people_safe(case, &before, &after).map_err(|why| format!("{why}\n{}", told()))?;
        let mut seen = admins.lock().unwrap().clone();
        seen.push(master_admins(&after));
        let floor = (case.floor as usize).min(seen[0]);
        if seen.iter().any(|count| *count < floor) {
            return Err(format!("Master Admins fell below {floor}: {seen:?}\n{}", told()));
        }
        let was_there = |who: &str| truth(&before).contains_key(&Key::Member(email(who)));
        if let Some(who) = invited_again(&before.invitations, &after.invitations, was_there) {
            return Err(format!("{who} was invited twice\n{}", told()));
        }
        last = Some(outcome);
    }
    Ok(())
}

async fn read(engine: &Engine, desired: &Desired) -> World {
    read_whole(engine, desired).await.unwrap()
}

/// Reads what a plan of these wishes needs.
pub async fn read_whole(engine: &Engine, desired: &Desired) -> Result<World, KoreError> {
    let look_up_everyone =
        desired.scopes.iter().any(|scope| matches!(scope.extent, ScopeExtent::Assignments(_)));
    engine
        .reader
        .read(&ReadRequest { look_up_everyone, ..ReadRequest::full(desired.referenced.clone()) })
        .await
}

/// Applies, counts the Master Admins before each call, and stops what does not end.
async fn apply_watched(
    engine: &Engine,
    plan: Plan,
    world: &World,
    admins: &Arc<Mutex<Vec<usize>>>,
) -> Result<Outcome, String> {
    let faults = engine.sandbox.faults();
    let first = faults.calls() + 1;
    let takes_somebody = plan.changes.iter().any(|change| {
        change.action.is_removal()
            && matches!(change.key, Key::Member(_) | Key::InGroup(..) | Key::AdminRole(..))
    });
    if takes_somebody {
        for call in first..first + CALLS {
            let admins = Arc::clone(admins);
            faults.before_call(call, move |admin| {
                admins.lock().unwrap().push(master_admins(&admin.snapshot().unwrap()));
            });
        }
    }
    let cancel = CancellationToken::new();
    faults.before_call(first + CALLS, {
        let cancel = cancel.clone();
        move |_| cancel.cancel()
    });
    let mut journal = match &engine.state {
        Some(folder) => Journal::create(folder, engine.clock.now()).unwrap(),
        None => Journal::none(),
    };
    let account = engine.account();
    let text = render::text(&plan, render::Style::default());
    let outcome = apply::run(plan, world, &engine.policy, &account, &mut journal, cancel).await;
    faults.clear();
    if outcome.was_interrupted {
        return Err(format!("more than {CALLS} calls\n{text}{}", tell(Some(&outcome))));
    }
    Ok(outcome)
}

pub fn removes_only_what_was_read_whole(plan: &Plan, world: &World) -> Result<(), String> {
    for change in plan.changes.iter().filter(|change| change.action == Action::Prune) {
        let listing = match &change.key {
            Key::InGroup(..) => Listing::Groups,
            _ => Listing::Users,
        };
        world.coverage.requires(listing).map_err(|why| format!("{} is swept, and {why}", change.key))?;
    }
    Ok(())
}

pub fn every_sendable_change_has_a_fate(plan: &Plan, outcome: &Outcome) -> Result<(), String> {
    let sendable: BTreeSet<_> = plan.sendable().into_iter().map(|change| &change.id).collect();
    let settled: BTreeSet<_> = outcome.by_change.keys().collect();
    if sendable == settled { Ok(()) } else { Err("fates and changes are not the same set".to_owned()) }
}

/// Everything that differs in the truth is in the plan, or goes or comes with a person who is.
fn changes_nothing_else(plan: &Plan, before: &Snapshot, after: &Snapshot) -> Result<(), String> {
    let (before, after) = (truth(before), truth(after));
    let sendable = plan.sendable();
    let planned: BTreeSet<&Key> = sendable.iter().map(|change| &change.key).collect();
    let of_members = |is_removal: bool| -> BTreeSet<&Email> {
        let members = sendable.iter().filter(|change| change.action.is_removal() == is_removal);
        members
            .filter_map(|change| if let Key::Member(email) = &change.key { Some(email) } else { None })
            .collect()
    };
    let (leaving, joining) = (of_members(true), of_members(false));
    for key in before.keys().chain(after.keys()) {
        let (was, is) = (before.get(key), after.get(key));
        let goes_along = key.email().is_some_and(|email| {
            let starts_plain = match key {
                Key::Names(_) => is.is_some_and(|name| name == " "),
                Key::Access(_) => is.is_some_and(|flags| flags == "false false"),
                _ => false,
            };
            (leaving.contains(email) && is.is_none())
                || (joining.contains(email) && was.is_none() && starts_plain)
        });
        if was != is && !planned.contains(key) && !goes_along {
            return Err(format!("{key} was {was:?} and is {is:?}, and no change says so"));
        }
    }
    Ok(())
}

/// Bot owners keep their bots; from protected people nothing is taken.
fn keeps_people_safe(case: &Case, before: &Snapshot, after: &Snapshot) -> Result<(), String> {
    let (before, after) = (truth(before), truth(after));
    let protected: BTreeSet<Email> =
        case.protected.map(|who| email(&world::address(who))).into_iter().chain([email(OWNER)]).collect();
    let owners = |facts: &BTreeMap<Key, String>| -> Vec<Key> {
        let is_owner = |key: &&Key| {
            key.role()
                .is_some_and(|(_, role)| *role == RoleName::new(RoleName::BOT_OWNER) && key.bot().is_some())
        };
        facts.keys().filter(is_owner).cloned().collect()
    };
    if owners(&before) != owners(&after) {
        return Err("a bot has another owner".to_owned());
    }
    match before.iter().find(|(key, was)| {
        key.email().is_some_and(|email| protected.contains(email)) && after.get(key) != Some(was)
    }) {
        Some((key, was)) => {
            Err(format!("{key} of a protected person was {was:?} and is {:?}", after.get(key)))
        }
        None => Ok(()),
    }
}

/// What an empty group holds shows with its first member; what somebody holds directly may show only when the same no
/// longer comes through a group (kore-api section 4, row 25).
///
/// A role that a group got inside an app may show as the members' own (row 55): it comes and goes with them.
fn uncovers(case: &Case, plan: &Plan, world: &World) -> bool {
    let follows_members = case.dialect.builder_groups == BuilderGroups::AsMembers;
    plan.changes.iter().any(|change| match &change.key {
        Key::InGroup(email, group) => {
            // A group shows whether its members have joined, where look-ups do not (row 48).
            change.action.is_removal()
                || follows_members
                || world.hides_state(email)
                || world.directory.groups_named(group).all(|(_, entry)| entry.members == 0)
        }
        key => change.action.is_removal() && matches!(key.holder(), Some(Holder::Group(_))),
    })
}

/// A change that comes again although nothing was said against it.
fn is_unexplained(outcome_of: Option<&ChangeOutcome>) -> bool {
    outcome_of.is_none_or(ChangeOutcome::is_good)
}

fn tell(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else { return String::new() };
    let by_change: Vec<String> = outcome
        .by_change
        .iter()
        .map(|(id, outcome_of)| format!("{}: {outcome_of:?}", outcome.changes[id].key))
        .collect();
    format!("last outcome ({} calls): {:?}\n{}\n", outcome.calls, outcome.error, by_change.join("\n"))
}
