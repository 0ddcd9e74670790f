//! The campaign with a memory: on random bad days the declaration changes from run to run, and processes are killed
//! between remembering, sending and reading back. In the end, what a complete declaration has stopped asking for is gone
//! or named, and what nobody asks for is named.

use crate::support::chaos_transport::{ChaosTransport, InjectedFault, injected_fault, ledger};
use crate::support::engine::Engine;
use crate::support::invariant_checker::InvariantChecker;
use crate::support::promises::read_whole;
use crate::support::random::on_any;
use crate::support::world::{self, Case};
use koreconcile::apply::{BeforeImageSource, ChangeOutcome};
use koreconcile::facts::{BotName, BotRef, Completeness, Desired, Family, Key, Value, Verdict, World};
use koreconcile::kore::Clock;
use koreconcile::plan::{self, Context, Declaration, Memory, Plan, Revision};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Runs after which nothing that can be done is left.
const RUNS: usize = 4;

/// What is loaded for one run.
#[derive(Clone, Debug)]
struct Edition {
    /// Which of the wishes are declared.
    kept: u64,
    /// Something could not be loaded.
    is_partial: bool,
}

impl Edition {
    /// What of all wishes it declares.
    fn of(&self, all: &Desired) -> Desired {
        let mut at = 0_u32;
        let mut desired = all.clone();
        desired.wants.retain(|_| {
            at += 1;
            self.kept >> (at % 64) & 1 == 1
        });
        desired.referenced = desired.wants.iter().filter_map(|(key, _)| key.email().cloned()).collect();
        if self.is_partial {
            desired.completeness = Completeness::Partial("b.yaml was not loaded".to_owned());
        }
        desired
    }
}

#[derive(Clone)]
struct Days {
    case: Case,
    injected_faults: Vec<InjectedFault>,
    editions: Vec<Edition>,
}

impl std::fmt::Debug for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, injected_faults, editions } = self;
        write!(f, "{case:?}\n  {injected_faults:?}\n  {editions:x?}")
    }
}

fn days() -> impl Strategy<Value = Days> {
    let edition =
        (any::<u64>(), prop::bool::weighted(0.2)).prop_map(|(kept, is_partial)| Edition { kept, is_partial });
    let faults = prop::collection::vec(injected_fault(), 0..6);
    (world::case(), faults, prop::collection::vec(edition, 2..5))
        .prop_map(|(case, injected_faults, editions)| Days { case, injected_faults, editions })
}

#[test]
fn days_of_reverts_forget_nothing_and_hide_nothing() {
    let runs = Mutex::new((0_u64, 0_u64));
    on_any(days, 20_280_000_000, 300, |days| {
        let runs = &runs;
        async move { Box::pin(survive(days, runs)).await }
    });
    let (killed, retired) = *runs.lock().unwrap();
    assert!(killed > 0 && retired > 0, "nothing happened: {killed} killed, {retired} taken back");
}

async fn survive(days: Days, runs: &Mutex<(u64, u64)>) -> Result<(), String> {
    let Days { case, injected_faults, editions } = days;
    let mut engine = case.engine();
    let start = engine.admin.snapshot().unwrap();
    let all = case.desired(&start);
    let chaos = ChaosTransport::new(&engine, injected_faults, InvariantChecker::new(&case, &all, &start));
    let ledger = ledger();
    let memory = Mutex::new(Memory::default());
    let (mut killed, mut asked) = (0, BTreeSet::new());
    for edition in &editions {
        chaos.start(&mut engine, &ledger);
        let desired = edition.of(&all);
        let run = Box::pin(run(&engine, &desired, &memory));
        killed += u64::from(chaos.survive(run).await.is_none());
        asked.extend(memory.lock().unwrap().facts.iter().map(|(key, _)| key.clone()));
    }
    chaos.start(&mut engine, &ledger);
    chaos.clear(&engine.reader).await;
    let last = Edition { kept: editions.last().map_or(0, |edition| edition.kept), is_partial: false };
    let desired = last.of(&all);
    let mut retired = 0;
    for _ in 0..RUNS {
        retired += run(&engine, &desired, &memory).await.unwrap_or(0);
    }
    let world = read_remembered(&engine, &desired, &memory).await.map_err(|error| error.to_string())?;
    let (plan, _) = planned(&engine, &desired, &world, &memory);
    {
        let mut runs = runs.lock().unwrap();
        (runs.0, runs.1) = (runs.0 + killed, runs.1 + retired);
    }
    is_gone_or_named(&asked, &desired, &world, &plan)?;
    is_named(&desired, &world, &plan, &engine)
}

/// One process: what is asked for is stored before anything is sent. Gives how many facts it has taken back.
async fn run(engine: &Engine, desired: &Desired, memory: &Mutex<Memory>) -> Result<u64, String> {
    if let Some(folder) = &engine.state {
        let source = BeforeImageSource::Folder(folder);
        engine.repair(source).await.map_err(|error| error.to_string())?;
    }
    let world = read_remembered(engine, desired, memory).await.map_err(|error| error.to_string())?;
    let (plan, next) = planned(engine, desired, &world, memory);
    *memory.lock().unwrap() = next;
    let outcome = engine.apply_plan(plan, &world).await;
    let is_applied = |id| outcome.by_change.get(id) == Some(&ChangeOutcome::Applied);
    let applied: Vec<_> = outcome.changes.values().filter(|change| is_applied(&change.id)).collect();
    let retired = applied.iter().filter(|change| change.action == plan::Action::Retire).count();
    memory.lock().unwrap().note_read_back(applied, engine.clock.now());
    Ok(retired as u64)
}

pub(super) async fn read_remembered(
    engine: &Engine,
    desired: &Desired,
    memory: &Mutex<Memory>,
) -> Result<World, koreconcile::kore::KoreError> {
    let mut wider = desired.clone();
    wider.referenced.extend(memory.lock().unwrap().people().cloned());
    read_whole(engine, &wider).await
}

fn planned(engine: &Engine, desired: &Desired, world: &World, memory: &Mutex<Memory>) -> (Plan, Memory) {
    let now = engine.clock.now();
    let context = Context {
        account: "acme".to_owned(),
        limits: engine.limits,
        look_up_size: engine.reader.sizes().look_up,
        memory: memory.lock().unwrap().clone(),
        declaration: Declaration { revision: Revision { at: now, commit: None }, ..Declaration::default() },
        now,
        ..Context::default()
    };
    plan::plan_and_remember(desired.clone(), world, &engine.policy, &context)
}

/// The families that a declaration gives and takes back.
pub(super) fn is_grant<B>(key: &Key<B>) -> bool {
    matches!(key.family(), Family::Groups | Family::AdminRoles | Family::BotRoles | Family::Assignments)
}

pub(super) fn is_declared(desired: &Desired, key: &Key, world: &World) -> bool {
    desired.wants.iter().any(|(wanted, want)| {
        let named = |name: &BotName| world.directory.bots.iter().find(|(_, entry)| entry.name == *name);
        let resolved = wanted.clone().with_bot(|bot| match bot {
            BotRef::Id(id) => Some(id),
            BotRef::Name(name) => named(&name).map(|(id, _)| id.clone()),
        });
        resolved.as_ref() == Some(key) && matches!(want.verdict, Verdict::Present(_))
    })
}

/// Everything that the plan says something about.
pub(super) fn named(plan: &Plan) -> BTreeSet<&Key> {
    let entries = [&plan.blocked, &plan.waiting, &plan.manual, &plan.refused];
    let in_entries = entries.into_iter().flatten().flat_map(|entry| &entry.subjects);
    let changes = plan.changes.iter().map(|change| &change.key);
    in_entries.chain(changes).chain(plan.unmanaged.iter().map(|fact| &fact.subject)).collect()
}

/// Promise 10.
fn is_gone_or_named(
    asked: &BTreeSet<Key>,
    desired: &Desired,
    world: &World,
    plan: &Plan,
) -> Result<(), String> {
    let named = named(plan);
    for key in asked.iter().filter(|key| is_grant(key)) {
        let is_held = world.get(key).is_some_and(|seen| !matches!(seen, Value::Inherited(_)));
        if is_held && !is_declared(desired, key, world) && !named.contains(key) && !is_owner(key) {
            return Err(format!("{key} was asked for, is held, not declared, and named nowhere"));
        }
    }
    Ok(())
}

/// Promise 11.
fn is_named(desired: &Desired, world: &World, plan: &Plan, engine: &Engine) -> Result<(), String> {
    let named = named(plan);
    let leaves: BTreeSet<_> = plan
        .changes
        .iter()
        .filter(|change| change.action.is_removal() && matches!(change.key, Key::Member(_)))
        .filter_map(|change| change.key.email())
        .collect();
    for (key, seen) in world.facts() {
        let goes_along = key.email().is_some_and(|email| leaves.contains(email));
        let is_primary = key.email() == engine.policy.safety.primary_admin.as_ref();
        let is_direct = !matches!(seen, Value::Inherited(_));
        if is_grant(key) && is_direct && !goes_along && !is_primary && !is_owner(key) && !named.contains(key)
        {
            let is_wanted = desired.wants.iter().any(|(wanted, _)| {
                wanted.clone().with_bot(|_| Some(())) == key.clone().with_bot(|_| Some(()))
            });
            if !is_wanted {
                return Err(format!("{key} is held, nobody asks for it, and the plan does not say so"));
            }
        }
    }
    let order: Vec<_> = plan.unmanaged.iter().map(|fact| fact.risk.level).collect();
    if !order.is_sorted_by(|one, next| one >= next) {
        return Err(format!("the riskiest do not come first: {order:?}"));
    }
    Ok(())
}

/// Given when the bot was made, and moved in the console.
pub(super) fn is_owner(key: &Key) -> bool {
    key.role().is_some_and(|(_, role)| role.is_bot_owner())
}
