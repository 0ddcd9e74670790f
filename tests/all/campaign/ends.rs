//! The campaign with ends: grants end between plan and apply and between runs, clocks are off, and runs are stopped. Nothing
//! is given after its end or taken away before it; in the end what is over is gone or named, and what is not is there or
//! named.

use super::faults::quiet;
use super::memory::{is_declared, is_grant, is_owner, named, read_remembered};
use crate::support::chaos_transport::{
    CallKind, ChaosTransport, InjectedFault, What, injected_fault, ledger,
};
use crate::support::engine::Engine;
use crate::support::invariant_checker::InvariantChecker;
use crate::support::random::on_any;
use crate::support::wants::{Wants, email};
use crate::support::world::{self, Case};
use jiff::{SignedDuration, Timestamp};
use koreconcile::apply::{self, BeforeImageSource, ChangeOutcome, Journal};
use koreconcile::facts::{self, BotId, BotRef, Desired, Directory, Key, Value, Verdict, World};
use koreconcile::kore::Clock;
use koreconcile::plan::{self, Context, Declaration, Memory, Plan, Revision, render};
use koreconcile::sandbox::{Admin, Holder};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Runs after which nothing that can be done is left.
const RUNS: usize = 4;

/// One run: how long the plan waits for its apply, how long it is until the next run, and how far its clock is off.
#[derive(Clone, Debug)]
struct Turn {
    waits: i64,
    pause: i64,
    clock_offset: i64,
}

#[derive(Clone)]
struct Days {
    case: Case,
    injected_faults: Vec<InjectedFault>,
    turns: Vec<Turn>,
    /// Minutes after the start at which what is declared ends, one after the other; none: it does not.
    ends: Vec<Option<i64>>,
}

impl std::fmt::Debug for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, injected_faults, turns, ends } = self;
        write!(f, "{case:?}\n  {injected_faults:?}\n  {turns:?}\n  {ends:?}")
    }
}

fn days() -> impl Strategy<Value = Days> {
    let minutes = || prop_oneof![2 => Just(0i64), 1 => 1i64..60, 1 => 60i64..600];
    let clock_offset = prop_oneof![
        6 => Just(0i64),
        1 => prop_oneof![Just(-1i64), Just(1)],
        2 => prop_oneof![Just(-300i64), Just(300), Just(600_000)],
    ];
    let turn = (minutes(), minutes(), clock_offset).prop_map(|(waits, pause, clock_offset)| Turn {
        waits,
        pause,
        clock_offset,
    });
    let cancel = (0u64..8).prop_map(|nth| InjectedFault { kind: CallKind::Write, nth, what: What::Cancel });
    let fault = prop_oneof![2 => injected_fault().boxed(), 1 => cancel.boxed()];
    let faults = prop::collection::vec(fault, 0..6);
    let ends = prop::collection::vec(prop::option::weighted(0.7, 0i64..900), 1..9);
    (world::case(), faults, prop::collection::vec(turn, 2..5), ends)
        .prop_map(|(case, injected_faults, turns, ends)| Days { case, injected_faults, turns, ends })
}

/// When every declared grant ends.
fn ends_of(all: &Desired, ends: &[Option<i64>], start: Timestamp) -> BTreeMap<Key<BotRef>, Timestamp> {
    let given = all.wants.iter().filter(|(_, want)| matches!(want.verdict, Verdict::Present(_)));
    let grants = given.filter(|(key, _)| is_grant(key)).enumerate();
    grants
        .filter_map(|(at, (key, _))| {
            let minutes = ends[at % ends.len()]?;
            Some((key.clone(), start + SignedDuration::from_mins(minutes)))
        })
        .collect()
}

/// What the manifests say at a time.
fn declared_at(all: &Desired, ends: &BTreeMap<Key<BotRef>, Timestamp>, now: Timestamp) -> Desired {
    let mut desired = all.clone();
    for (key, want) in &mut desired.wants {
        if let Some(end) = ends.get(key) {
            want.until = Some(*end);
            if *end <= now {
                want.verdict = Verdict::Absent;
            }
        }
    }
    desired
}

#[derive(Default)]
struct Totals {
    killed: u64,
    ended: u64,
    met: BTreeMap<&'static str, u64>,
}

#[test]
fn days_of_ends_give_nothing_after_its_end_and_take_nothing_before() {
    let totals = Mutex::new(Totals::default());
    on_any(days, 20_290_000_000, 200, |days| {
        let totals = &totals;
        async move { Box::pin(survive(days, totals)).await }
    });
    let Totals { killed, ended, met } = &*totals.lock().unwrap();
    println!("{killed} processes killed, {ended} grants taken away after their end; {met:?}");
    assert!(*killed > 0 && *ended > 0 && met.contains_key("cancel"), "nothing happened");
}

async fn survive(days: Days, totals: &Mutex<Totals>) -> Result<(), String> {
    let Days { case, injected_faults, turns, ends } = days;
    let mut engine = case.engine();
    let start = engine.admin.snapshot().unwrap();
    let all = case.desired(&start);
    let ends = ends_of(&all, &ends, engine.clock.now());
    let id_of = world::bots_before(&start);
    let by_id = ends.iter().filter_map(|(key, end)| Some((key.clone().with_bot(&id_of)?, *end)));
    let checker = InvariantChecker::new(&case, &all, &start).with_ends(by_id.collect(), &engine.clock);
    let chaos = ChaosTransport::new(&engine, injected_faults, checker);
    let shared = ledger();
    let memory = Mutex::new(Memory::default());
    let mut killed = 0;
    for Turn { waits, pause, clock_offset } in &turns {
        // A machine whose clock is off has a ledger of its own.
        let ledger = if *clock_offset == 0 { Arc::clone(&shared) } else { ledger() };
        chaos.start_off(&mut engine, &ledger, SignedDuration::from_mins(*clock_offset));
        let waits = SignedDuration::from_mins(*waits);
        let run = Box::pin(run(&engine, (&all, &ends), &memory, waits, chaos.cancellation()));
        killed += u64::from(chaos.survive(run).await.is_none());
        engine.clock.advance(SignedDuration::from_mins(*pause));
    }
    chaos.start(&mut engine, &shared);
    chaos.clear(&engine.reader).await;
    let mut ended = 0;
    for _ in 0..RUNS {
        let run = run(&engine, (&all, &ends), &memory, SignedDuration::ZERO, CancellationToken::new());
        ended += run.await?;
    }
    let desired = declared_at(&all, &ends, engine.clock.now());
    let world = read_remembered(&engine, &desired, &memory).await.map_err(|error| error.to_string())?;
    let (plan, _) = planned(&engine, &desired, &world, &memory);
    let mut totals = totals.lock().unwrap();
    (totals.killed, totals.ended) = (totals.killed + killed, totals.ended + ended);
    for (what, times) in chaos.met() {
        *totals.met.entry(what).or_default() += times;
    }
    if let Some(complaints) = chaos.watch.lock().unwrap().complaints() {
        return Err(complaints);
    }
    is_done_or_named(&desired, &world, &plan)
}

/// One process. Gives how many grants it has taken away because they ended.
async fn run(
    engine: &Engine,
    (all, ends): (&Desired, &BTreeMap<Key<BotRef>, Timestamp>),
    memory: &Mutex<Memory>,
    waits: SignedDuration,
    cancellation: CancellationToken,
) -> Result<u64, String> {
    if let Some(folder) = &engine.state {
        let source = BeforeImageSource::Folder(folder);
        engine.repair(source).await.map_err(|error| error.to_string())?;
    }
    let desired = declared_at(all, ends, engine.gateway.now());
    let world = read_remembered(engine, &desired, memory).await.map_err(|error| error.to_string())?;
    let (plan, next) = planned(engine, &desired, &world, memory);
    *memory.lock().unwrap() = next;
    engine.clock.advance(waits);
    let account = engine.account();
    let mut journal = Journal::none();
    let outcome = apply::run(plan, &world, &engine.policy, &account, &mut journal, cancellation).await;
    let is_applied = |id| outcome.by_change.get(id) == Some(&ChangeOutcome::Applied);
    let applied: Vec<_> = outcome.changes.values().filter(|change| is_applied(&change.id)).collect();
    let ended = applied.iter().filter(|change| change.action.is_removal() && change.until.is_some()).count();
    memory.lock().unwrap().note_read_back(applied, engine.gateway.now());
    Ok(ended as u64)
}

fn planned(engine: &Engine, desired: &Desired, world: &World, memory: &Mutex<Memory>) -> (Plan, Memory) {
    // Revisions are of a repository, whose clock is right.
    let revision = Revision { at: engine.clock.now(), commit: None };
    let context = Context {
        account: "acme".to_owned(),
        limits: engine.limits,
        look_up_size: engine.reader.sizes().look_up,
        memory: memory.lock().unwrap().clone(),
        declaration: Declaration { revision, ..Declaration::default() },
        clock: engine.gateway.clock_check(),
        now: engine.gateway.now(),
        ..Context::default()
    };
    plan::plan_and_remember(desired.clone(), world, &engine.policy, &context)
}

/// What is declared is there, and what has ended is not, or the plan says why.
fn is_done_or_named(desired: &Desired, world: &World, plan: &Plan) -> Result<(), String> {
    let named = named(plan);
    let facts: BTreeSet<&Key> = world
        .facts()
        .iter()
        .filter(|(_, seen)| !matches!(seen, Value::Inherited(_)))
        .map(|(key, _)| key)
        .collect();
    for (wanted, want) in &desired.wants {
        let bots = &world.directory.bots;
        let resolved = wanted.clone().with_bot(|bot| match bot {
            BotRef::Id(id) => Some(id),
            BotRef::Name(name) => bots.iter().find(|(_, entry)| entry.name == name).map(|(id, _)| id.clone()),
        });
        // A name that the account does not have, or cannot assign, is named by itself, with how much hangs on it.
        let Some(key) = resolved.filter(|key| is_grant(key) && means_something(key, world)) else { continue };
        let is_held = facts.contains(&key);
        let is_wanted = is_declared(desired, &key, world);
        if is_held != is_wanted && want.until.is_some() && !named.contains(&key) && !is_owner(&key) {
            let what = if is_held { "has ended and is held" } else { "is declared and not held" };
            let text = render::text(plan, render::Style::default());
            return Err(format!("{key} {what}, and the plan does not say why\n{text}"));
        }
    }
    Ok(())
}

/// Whether the account has the role and the group that a fact names, and can assign the bot.
fn means_something(key: &Key, world: &World) -> bool {
    let Directory { roles, groups, bots, .. } = &world.directory;
    let is_published = |bot: &BotId| bots.get(bot).is_some_and(|bot| bot.status == "published");
    if let Key::Assigned(_, bot) = key
        && !is_published(bot)
    {
        return false;
    }
    let has_role = key.role().is_none_or(|(role_type, name)| {
        roles.values().any(|role| role.role_type == role_type && role.name == *name)
    });
    has_role && key.group().is_none_or(|name| groups.values().any(|group| group.name == *name))
}

#[test]
fn checker_complains_of_what_comes_after_its_end_and_goes_before_it() {
    let bind =
        |admin: &Admin| admin.bind(&Holder::user("p00@example.com"), "Bot Tester", Some("Bot 0")).unwrap();
    for (ends_in, comes, complaint) in [
        (-60, true, Some("it has ended")),
        (60, true, None),
        (60, false, Some("it has not ended")),
        (-60, false, None),
    ] {
        let engine = quiet().engine();
        if !comes {
            bind(&engine.admin);
        }
        let start = engine.admin.snapshot().unwrap();
        let bot = BotId::new(start.bots.keys().next().unwrap());
        let key = Key::BotRole(facts::Holder::User(email("p00@example.com")), "Bot Tester".into(), bot);
        let end = engine.clock.now() + SignedDuration::from_mins(ends_in);
        let mut watch = InvariantChecker::new(&quiet(), &quiet().desired(&start), &start)
            .with_ends(BTreeMap::from([(key, end)]), &engine.clock);
        if comes {
            bind(&engine.admin);
        } else {
            let holder = Holder::user("p00@example.com");
            engine.admin.unbind(&holder, "Bot Tester", Some("Bot 0")).unwrap();
        }
        watch.written("PUT", &engine.admin.snapshot().unwrap());
        let said = watch.complaints();
        assert_eq!(said.is_some(), complaint.is_some(), "{ends_in} {comes}: {said:?}");
        assert!(said.unwrap_or_default().contains(complaint.unwrap_or_default()));
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_in_its_last_call_has_done_its_work() {
    let mut engine = quiet().engine();
    let start = engine.admin.snapshot().unwrap();
    let bot = BotRef::Name("Bot 0".into());
    let key = Key::BotRole(facts::Holder::User(email("p00@example.com")), "Bot Tester".into(), bot);
    let desired = Wants::default().present(key, Value::Held).build();
    let stop = InjectedFault { kind: CallKind::Write, nth: 0, what: What::Cancel };
    let chaos = ChaosTransport::new(&engine, vec![stop], InvariantChecker::new(&quiet(), &desired, &start));
    chaos.start(&mut engine, &ledger());
    let (plan, world) = engine.plan(&desired).await;
    let (account, mut journal) = (engine.account(), Journal::none());
    let outcome =
        apply::run(plan, &world, &engine.policy, &account, &mut journal, chaos.cancellation()).await;
    assert_eq!(outcome.by_change.values().collect::<Vec<_>>(), [&ChangeOutcome::Applied]);
    assert!(chaos.cancellation().is_cancelled() && !outcome.was_interrupted && outcome.is_complete());
}
