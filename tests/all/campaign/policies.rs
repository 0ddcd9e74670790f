//! The campaign with policies: random accounts and wishes under rules with Deny, on random bad days. No write introduces a
//! violation, and no rule keeps anybody's access in place.

use super::faults::quiet;
use crate::policy::{compiled, removals};
use crate::support::chaos_transport::{ChaosTransport, InjectedFault, What, injected_fault, ledger};
use crate::support::engine::Engine;
use crate::support::invariant_checker::InvariantChecker;
use crate::support::promises::read_whole;
use crate::support::random::on_any;
use crate::support::world::{self, Case};
use koreconcile::apply::BeforeImageSource;
use koreconcile::facts::{Desired, RuleSet, World};
use koreconcile::kore::Clock;
use koreconcile::plan::{self, Context, Plan};
use koreconcile::policy::{self, Known};
use koreconcile::sandbox::Holder;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Runs on the bad day, each a process of its own.
const RUNS: usize = 2;
/// Runs after which nothing that can be done is left.
const CLEAR_RUNS: usize = 3;
const SHAPES: [&str; 7] = [
    "exclusive: { roles: [Bot Developer, Release Manager], on: SameBot }",
    "exclusive: { roles: [Bot Developer, Bot Tester, Analyst], atMost: 1 }",
    "holders: { roles: [Auditor], max: 1 }",
    "holders: { roles: [Bot Tester], max: 2 }",
    "allow: { roles: [Bot Tester, Analyst, Auditor, Master Admin, Bot Owner], builderAccess: Creator }",
    "together: { roles: [Release Manager], needs: [Bot Tester, Analyst], on: SameBot }",
    "over: Bot, rule: \"bot.holders.size() <= 3\"",
];

#[derive(Clone)]
struct Days {
    case: Case,
    injected_faults: Vec<InjectedFault>,
    shapes: BTreeSet<usize>,
}

impl std::fmt::Debug for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, injected_faults, shapes } = self;
        write!(f, "{case:?}\n  {injected_faults:?}\n  {shapes:?}")
    }
}

fn days() -> impl Strategy<Value = Days> {
    // A plan on an old or a shortened read does not know what is held: that is for other campaigns.
    let fault = injected_fault()
        .prop_filter("is read as it is", |fault| !matches!(fault.what, What::Stale(_) | What::WrongTotal(_)));
    let faults = prop::collection::vec(fault, 0..6);
    let shapes = prop::collection::btree_set(0..SHAPES.len(), 1..4);
    (world::case(), faults, shapes).prop_map(|(case, injected_faults, shapes)| Days {
        case,
        injected_faults,
        shapes,
    })
}

#[derive(Default)]
struct Totals {
    killed: u64,
    denied: u64,
    writes: u64,
}

#[test]
fn days_of_policies_introduce_no_violation_and_keep_nobodys_access() {
    let totals = Mutex::new(Totals::default());
    on_any(days, 20_300_000_000, 200, |days| {
        let totals = &totals;
        async move { Box::pin(survive(days, totals)).await }
    });
    let Totals { killed, denied, writes } = &*totals.lock().unwrap();
    println!("{writes} writes, {killed} processes killed, {denied} changes denied");
    assert!(*killed > 0 && *denied > 0 && *writes > 0, "nothing happened");
}

async fn survive(Days { case, injected_faults, shapes }: Days, totals: &Mutex<Totals>) -> Result<(), String> {
    let lines: Vec<String> = shapes
        .iter()
        .map(|shape| format!("KorePolicy s{shape}: {{ validationActions: [Deny], {} }}", SHAPES[*shape]))
        .collect();
    let rules = compiled(&lines.iter().map(String::as_str).collect::<Vec<_>>()).rules;
    let mut engine = case.engine();
    let start = engine.admin.snapshot().unwrap();
    let desired = case.desired(&start);
    let world = engine.read(&desired).await;
    let (policies, _) = policy::compile(&rules);
    let checker = InvariantChecker::new(&case, &desired, &start)
        .with_policies(policies, Known::observed(&desired, &rules, &world));
    let chaos = ChaosTransport::new(&engine, injected_faults, checker);
    let ledger = ledger();
    let (mut killed, mut denied) = (0, 0);
    for _ in 0..RUNS {
        chaos.start(&mut engine, &ledger);
        match Box::pin(chaos.survive(run(&engine, &chaos, &desired, &rules))).await {
            Some(run) => denied += run?,
            None => killed += 1,
        }
    }
    chaos.start(&mut engine, &ledger);
    chaos.clear(&engine.reader).await;
    for _ in 0..CLEAR_RUNS {
        denied += run(&engine, &chaos, &desired, &rules).await?;
    }
    let watch = chaos.watch.lock().unwrap();
    let mut totals = totals.lock().unwrap();
    totals.killed += killed;
    totals.denied += denied;
    totals.writes += watch.writes();
    watch.complaints().map_or(Ok(()), Err)
}

/// One process. Gives how many changes the rules denied.
async fn run(
    engine: &Engine,
    chaos: &ChaosTransport,
    desired: &Desired,
    rules: &RuleSet,
) -> Result<u64, String> {
    if let Some(folder) = &engine.state
        && engine.repair(BeforeImageSource::Folder(folder)).await.is_err()
    {
        return Ok(0);
    }
    let Ok(world) = read_whole(engine, desired).await else { return Ok(0) };
    chaos.watch.lock().unwrap().sees(&world);
    let before = engine.plan_on(desired, &world);
    let plan = reviewed(engine, before.clone(), (desired, rules), &world);
    if removals(&plan) != removals(&before) {
        return Err(format!("a rule changes what is taken away: {:#?}", plan.blocked));
    }
    let denied = plan.blocked.iter().filter(|entry| entry.reason == plan::Reason::PolicyDenied);
    let denied = denied.map(|entry| entry.changes.len() as u64).sum();
    engine.apply_plan(plan, &world).await;
    Ok(denied)
}

fn reviewed(engine: &Engine, plan: Plan, (desired, rules): (&Desired, &RuleSet), world: &World) -> Plan {
    let (policies, _) = policy::compile(rules);
    let context = Context {
        account: "acme".to_owned(),
        limits: engine.limits,
        look_up_size: engine.reader.sizes().look_up,
        now: engine.clock.now(),
        ..Context::default()
    };
    policy::review_declared(plan, (&policies, rules), desired, world, &engine.policy, &context)
}

#[test]
fn checker_complains_of_a_violation_that_a_write_introduces() {
    let engine = quiet().engine();
    let start = engine.admin.snapshot().unwrap();
    let rules =
        compiled(&["KorePolicy p: { validationActions: [Deny], holders: { roles: [Bot Tester], max: 0 } }"])
            .rules;
    let desired = quiet().desired(&start);
    let watch = || {
        let (policies, _) = policy::compile(&rules);
        InvariantChecker::new(&quiet(), &desired, &start)
            .with_policies(policies, Known::observed(&desired, &rules, &World::default()))
    };
    engine.admin.bind(&Holder::user("p00@example.com"), "Bot Tester", Some("Bot 0")).unwrap();
    let after = engine.admin.snapshot().unwrap();
    let (mut ours, mut theirs) = (watch(), watch());
    ours.written("PUT", &after);
    assert!(
        ours.complaints().unwrap().contains("introduces: 1 person holds Bot Tester"),
        "{:?}",
        ours.complaints()
    );
    theirs.edited(&after);
    theirs.written("PUT", &after);
    assert_eq!(theirs.complaints(), None);
}
