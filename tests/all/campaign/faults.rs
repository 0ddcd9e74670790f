//! The campaign: random accounts, wishes and readings of the documentation on random bad days. Whatever goes wrong,
//! no write changes what nobody asked for, and once the sky is clear the work gets done or what is left is named.

use crate::support::chaos_transport::{ChaosTransport, InjectedFault, injected_fault, ledger};
use crate::support::engine::Engine;
use crate::support::invariant_checker::InvariantChecker;
use crate::support::promises::{
    every_sendable_change_has_a_fate, read_whole, reconcile, removes_only_what_was_read_whole,
};
use crate::support::random::on_any;
use crate::support::world::{self, Bot, BotState, Case, Person};
use koreconcile::apply::{self, BeforeImageSource, Journal};
use koreconcile::facts::Desired;
use koreconcile::kore::Clock;
use koreconcile::sandbox::{Admin, Dialect, Holder, UserState};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Runs on the bad day, each a process of its own.
const RUNS: usize = 2;

/// An account, and what goes wrong on its day.
#[derive(Clone)]
struct FaultCase {
    case: Case,
    injected_faults: Vec<InjectedFault>,
}

impl std::fmt::Debug for FaultCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, injected_faults } = self;
        write!(f, "{case:?}\n  {injected_faults:?}")
    }
}

fn day() -> impl Strategy<Value = FaultCase> {
    let injected_faults = prop::collection::vec(injected_fault(), 0..8);
    (world::case(), injected_faults).prop_map(|(case, injected_faults)| FaultCase { case, injected_faults })
}

/// What a campaign has gone through.
#[derive(Default)]
struct CampaignTotals {
    cases: u64,
    killed: u64,
    calls: u64,
    writes: u64,
    met: BTreeMap<&'static str, u64>,
}

#[test]
fn bad_days_break_no_promise() {
    let totals = Arc::new(Mutex::new(CampaignTotals::default()));
    on_any(day, 20_270_000_000, 1_000, |day| {
        let totals = Arc::clone(&totals);
        async move { Box::pin(survive(day, &totals)).await }
    });
    let CampaignTotals { cases, killed, calls, writes, met } = &*totals.lock().unwrap();
    println!("{cases} cases: {calls} calls, {writes} of them writes; {killed} processes killed; {met:?}");
    assert!(
        *cases < 1_000 || (*killed > 0 && *writes > 0),
        "a campaign in which nothing happens proves nothing"
    );
}

/// Days that a full campaign has found: a call that cleared a list timed out, and was carried out behind the one that sent it
/// again; what was kept of one list was lost when another was cleared; and a read that was behind showed a list as it was
/// right before the run cleared it and died.
#[test]
fn days_with_late_clearing_calls_lose_no_assignment() {
    for seed in [20_270_008_846, 20_270_005_757, 20_270_005_812] {
        on_any(day, seed, 1, |day| async move { Box::pin(survive(day, &Mutex::default())).await });
    }
}

async fn survive(
    FaultCase { case, injected_faults }: FaultCase,
    totals: &Mutex<CampaignTotals>,
) -> Result<(), String> {
    let mut engine = case.engine();
    let state = case.is_durable.then(|| tempfile::tempdir().unwrap());
    engine.state = state.as_ref().map(|folder| folder.path().to_owned());
    let start = engine.admin.snapshot().unwrap();
    let desired = case.desired(&start);
    let chaos = ChaosTransport::new(&engine, injected_faults, InvariantChecker::new(&case, &desired, &start));
    let ledger = ledger();
    let (mut killed, mut calls) = (0, 0);
    for _ in 0..RUNS {
        chaos.start(&mut engine, &ledger);
        match Box::pin(chaos.survive(run(&engine, &desired))).await {
            Some(promises) => promises?,
            None => killed += 1,
        }
        calls += u64::from(engine.gateway.total_calls());
    }
    chaos.start(&mut engine, &ledger);
    chaos.clear(&engine.reader).await;
    let settled = if repair(&engine).await {
        reconcile(&case, &engine, &desired).await
    } else {
        Err("what was kept is never restored".to_owned())
    };
    calls += u64::from(engine.gateway.total_calls());
    let mut watch = chaos.watch.lock().unwrap();
    watch.is_over();
    let mut totals = totals.lock().unwrap();
    totals.cases += 1;
    totals.killed += killed;
    totals.calls += calls;
    totals.writes += watch.writes();
    for (what, times) in chaos.met() {
        *totals.met.entry(what).or_default() += times;
    }
    match watch.complaints() {
        Some(complaints) => Err(complaints),
        None => settled,
    }
}

/// One process: repair, read, plan, apply. What ends it early has a name.
async fn run(engine: &Engine, desired: &Desired) -> Result<(), String> {
    if !repair(engine).await {
        return Ok(());
    }
    let Ok(world) = read_whole(engine, desired).await else { return Ok(()) };
    let plan = engine.plan_on(desired, &world);
    removes_only_what_was_read_whole(&plan, &world)?;
    let mut journal = match &engine.state {
        Some(folder) => Journal::create(folder, engine.clock.now()).unwrap(),
        None => Journal::none(),
    };
    let account = engine.account();
    let outcome =
        apply::run(plan.clone(), &world, &engine.policy, &account, &mut journal, CancellationToken::new())
            .await;
    every_sendable_change_has_a_fate(&plan, &outcome)
}

/// What the command does first of all. False: it could not, and ends there.
async fn repair(engine: &Engine) -> bool {
    let Some(folder) = &engine.state else { return true };
    engine.repair(BeforeImageSource::Folder(folder)).await.is_ok()
}

/// One account with a second Master Admin and one bot, of which nothing is asked.
pub(super) fn quiet() -> Case {
    let person = Person {
        state: UserState::Active,
        is_capital: false,
        access: 0,
        admin_roles: vec![0],
        bot_roles: Vec::new(),
        groups: Vec::new(),
        assigned: Vec::new(),
        has_other_tasks: false,
    };
    Case {
        dialect: Dialect::default(),
        people: vec![person],
        bots: vec![Bot { is_published: true, is_enterprise: true, owner: None, state: BotState::Kept }],
        groups: Vec::new(),
        custom_roles: [false; 3],
        wishes: Vec::new(),
        scopes: Vec::new(),
        strip: false,
        is_durable: false,
        floor: 2,
        protected: None,
    }
}

/// Something done to the account, and what the watch says of it.
type Violation<'a> = (&'a dyn Fn(&Admin), &'static str);

#[test]
fn checker_complains_of_what_nobody_asked_for_and_not_of_edits_in_the_console() {
    let bound =
        |admin: &Admin| admin.bind(&Holder::user("p00@example.com"), "Bot Tester", Some("Bot 0")).unwrap();
    let demoted = |admin: &Admin| admin.unbind(&Holder::user("p00@example.com"), "admin", None).unwrap();
    let wrongs: [Violation<'_>; 2] =
        [(&bound, "nobody asked for it"), (&demoted, "leaves 1 Master Admins of 2")];
    for (wrong, expected) in wrongs {
        let engine = quiet().engine();
        let start = engine.admin.snapshot().unwrap();
        let watch = || InvariantChecker::new(&quiet(), &quiet().desired(&start), &start);
        wrong(&engine.admin);
        let after = engine.admin.snapshot().unwrap();
        let (mut ours, mut theirs) = (watch(), watch());
        ours.written("PUT", &after);
        assert!(ours.complaints().unwrap().contains(expected), "{:?}", ours.complaints());
        theirs.edited(&after);
        theirs.written("PUT", &after);
        theirs.is_over();
        assert_eq!(theirs.complaints(), None);
    }
    let engine = quiet().engine();
    let mut after = engine.admin.snapshot().unwrap();
    let mut watch = InvariantChecker::new(&quiet(), &quiet().desired(&after), &after);
    after.invitations.insert("p05@example.com".to_owned(), 2);
    watch.written("POST", &after);
    assert!(watch.complaints().unwrap().contains("p05@example.com was invited again"));
}
