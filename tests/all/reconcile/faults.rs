//! One test a bad day: what goes wrong between the account and us, and what becomes of the plan.

use crate::support::engine::Engine;
use crate::support::in_process::InProcess;
use crate::support::wants::{Wants, email, user};
use koreconcile::apply::{self, ChangeOutcome, Journal, Outcome};
use koreconcile::facts::{
    BotRef, BuilderAccess, Desired, Key, PersonName, RateLimit, RoleSpec, RoleType, ScopeExtent, Value,
};
use koreconcile::kore::{Clock, Credentials, Gateway, KoreError, Ledger, Parts, Reader, Silent, Writer};
use koreconcile::plan::Reason;
use koreconcile::sandbox::{Dialect, Effect, Fault, Holder, NewBot, NewGroup, NewRole, NewUser, RoleKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const CREATE: &str = "POST /api/public/users";
const UPDATE: &str = "PUT /api/public/users";
const BOT_ROLES: &str = "POST /api/public/btroles/assignments";
const ADMIN_ROLES: &str = "POST /api/public/adminroles/assignments";
const LISTING: &str = "GET /api/public/alluserroles";
const JANE: &str = "jane@example.com";

fn engine(dialect: Dialect) -> Engine {
    let mut engine = Engine::bare(dialect);
    engine.policy.safety.primary_admin = Some(email("owner@example.com"));
    engine.limits.allow_removals = Some(100);
    for bot in ["Banking", "Travel"] {
        engine.admin.add_bot(&NewBot::named(bot)).unwrap();
    }
    engine.admin.add_group(&NewGroup::named("QA")).unwrap();
    engine
}

fn join(engine: &Engine, people: &[&str]) {
    for who in people {
        engine.admin.add_user(&NewUser::named(who, "Some", "Body")).unwrap();
    }
}

fn people(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("p{at:02}@example.com")).collect()
}

fn members(people: &[String]) -> Desired {
    people.iter().fold(Wants::default(), |wants, who| wants.member(who)).build()
}

fn break_once(engine: &Engine, endpoint: &str, effect: Effect) {
    engine.sandbox.faults().add(Fault::on(endpoint, effect));
}

fn sent(engine: &Engine, endpoint: &str) -> usize {
    engine.sandbox.requests().counts().get(endpoint).copied().unwrap_or(0)
}

fn told(outcome: &Outcome) -> String {
    let by_change: Vec<String> = outcome
        .by_change
        .iter()
        .map(|(id, outcome_of)| format!("{}: {outcome_of:?}", outcome.changes[id].key))
        .collect();
    format!("{} calls, {:?}\n{}", outcome.calls, outcome.error, by_change.join("\n"))
}

fn outcome_of<'a>(outcome: &'a Outcome, key: &str) -> &'a ChangeOutcome {
    let found = outcome.changes.values().find(|change| change.key.to_string().starts_with(key));
    &outcome.by_change[&found.unwrap_or_else(|| panic!("no change of {key}\n{}", told(outcome))).id]
}

fn failures(outcome: &Outcome) -> usize {
    outcome.count(|outcome_of| matches!(outcome_of, ChangeOutcome::Failed(_)))
}

async fn converges(engine: &Engine, desired: &Desired) {
    let outcome = engine.apply(desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    let plan = engine.plan(desired).await.0;
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
}

fn invitations(engine: &Engine) -> Vec<usize> {
    engine.admin.snapshot().unwrap().invitations.into_values().collect()
}

#[tokio::test]
async fn a_reply_lost_after_a_creation_is_found_by_looking_and_nobody_is_invited_twice() {
    let engine = engine(Dialect::default());
    break_once(&engine, CREATE, Effect::DropAfter);
    let desired = members(&people(3));
    let outcome = engine.apply(&desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    assert_eq!((sent(&engine, CREATE), invitations(&engine)), (1, vec![1; 3]));
    assert!(engine.plan(&desired).await.0.changes.is_empty());
}

#[tokio::test]
async fn a_creation_that_never_arrived_is_named_and_made_once_by_the_next_run() {
    for effect in [
        Effect::DropBefore,
        Effect::Status { status: 503, message: "busy".into() },
        Effect::Html { status: 502 },
        Effect::Html { status: 200 },
    ] {
        let engine = engine(Dialect::default());
        break_once(&engine, CREATE, effect);
        let desired = members(&people(3));
        let outcome = engine.apply(&desired).await;
        assert_eq!(failures(&outcome), 3, "{}", told(&outcome));
        assert!(told(&outcome).contains("the reply was lost"), "{}", told(&outcome));
        assert_eq!(sent(&engine, CREATE), 1, "an unknown outcome is never answered by sending again");
        converges(&engine, &desired).await;
        assert_eq!(invitations(&engine), [1; 3]);
    }
}

#[tokio::test]
async fn a_rate_limit_in_the_middle_is_waited_out_and_the_call_sent_again() {
    for retry_after in [None, Some(7)] {
        let engine = engine(Dialect::default());
        break_once(&engine, CREATE, Effect::RateLimited { retry_after });
        let desired = members(&people(3));
        let started = engine.clock.now();
        converges(&engine, &desired).await;
        assert_eq!((sent(&engine, CREATE), invitations(&engine)), (2, vec![1; 3]));
        let waited = engine.clock.now().duration_since(started).as_secs();
        assert!(waited >= i64::try_from(retry_after.unwrap_or(60)).unwrap(), "{waited} s");
    }
}

#[tokio::test]
async fn an_update_answered_with_an_error_is_named_and_repeated_by_the_next_run() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE]);
    break_once(&engine, UPDATE, Effect::Status { status: 500, message: "Internal Server Error".into() });
    let desired = Wants::default().access(JANE, BuilderAccess::Builder).build();
    let outcome = engine.apply(&desired).await;
    assert_eq!(failures(&outcome), 1, "{}", told(&outcome));
    converges(&engine, &desired).await;
}

#[tokio::test]
async fn half_a_batch_done_leaves_the_other_half_to_the_next_run() {
    for status in [None, Some(500)] {
        let engine = engine(Dialect::default());
        break_once(&engine, CREATE, Effect::PartialBatch { applied: 3, status });
        let desired = members(&people(6));
        let outcome = engine.apply(&desired).await;
        assert_eq!(
            outcome.count(|outcome_of| *outcome_of == ChangeOutcome::Applied),
            3,
            "{}",
            told(&outcome)
        );
        assert_eq!(failures(&outcome), 3, "{}", told(&outcome));
        converges(&engine, &desired).await;
        assert_eq!(invitations(&engine), [1; 6]);
    }
}

#[tokio::test]
async fn a_total_that_is_off_removes_nobody() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE]);
    engine.admin.bind(&Holder::user(JANE), "Bot Developer", Some("Banking")).unwrap();
    let developers = ScopeExtent::BotRole("Bot Developer".into(), BotRef::new("Banking"));
    let desired = Wants::default().closed(developers).build();
    for by in [1, -1] {
        // A first page that looks cut off is asked for once more: the answer stays wrong.
        engine.sandbox.faults().add(Fault::on(LISTING, Effect::WrongTotal { by }).times(2));
        let plan = engine.plan(&desired).await.0;
        engine.sandbox.faults().clear();
        assert!(plan.changes.is_empty(), "{:?}", plan.changes);
        assert_eq!(plan.blocked[0].reason, Reason::ScopeNotProved);
    }
    assert_eq!(engine.plan(&desired).await.0.changes.len(), 1);
}

#[tokio::test]
async fn reads_that_lag_are_looked_at_again() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE]);
    break_once(&engine, BOT_ROLES, Effect::StaleReads { reads: 3 });
    converges(&engine, &Wants::default().bot_role(user(JANE), "Bot Tester", "Banking").build()).await;
    assert_eq!(sent(&engine, BOT_ROLES), 1);
}

#[tokio::test]
async fn what_waits_for_something_that_never_shows_is_held_back_after_a_minute() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE]);
    engine.admin.bind(&Holder::user(JANE), "Bot Developer", Some("Banking")).unwrap();
    break_once(&engine, BOT_ROLES, Effect::StaleReads { reads: 10_000 });
    let desired = Wants::default()
        .bot_role(user(JANE), "Bot Tester", "Banking")
        .absent(Key::BotRole(user(JANE), "Bot Developer".into(), BotRef::new("Banking")))
        .build();
    let outcome = engine.apply(&desired).await;
    assert_eq!(failures(&outcome), 1, "{}", told(&outcome));
    assert_eq!(
        outcome.count(|outcome_of| matches!(outcome_of, ChangeOutcome::HeldBack(_))),
        1,
        "{}",
        told(&outcome)
    );
    assert!(outcome.calls < 20, "{}", told(&outcome));
}

/// Does something in the console right before the next call.
fn meanwhile(
    engine: &Engine,
    calls_from_now: u64,
    edit: impl FnOnce(&koreconcile::sandbox::Admin) + Send + 'static,
) {
    let faults = engine.sandbox.faults();
    faults.before_call(faults.calls() + calls_from_now, edit);
}

#[tokio::test]
async fn an_edit_in_the_console_makes_one_change_stale_and_the_others_go_on() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE, "sam@example.com"]);
    let desired = Wants::default()
        .access(JANE, BuilderAccess::Builder)
        .access("sam@example.com", BuilderAccess::Builder)
        .build();
    let (plan, world) = engine.plan(&desired).await;
    meanwhile(&engine, 1, |admin| admin.set_access(JANE, true, true).unwrap());
    let outcome = engine.apply_plan(plan, &world).await;
    assert!(
        matches!(outcome_of(&outcome, "builder access of jane"), ChangeOutcome::Stale(_)),
        "{}",
        told(&outcome)
    );
    assert_eq!(*outcome_of(&outcome, "builder access of sam"), ChangeOutcome::Applied, "{}", told(&outcome));
    assert!(engine.admin.snapshot().unwrap().users[JANE].can_create_bot, "the console's word stands");
}

#[tokio::test]
async fn somebody_deleted_meanwhile_is_named_and_the_others_go_on() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE, "sam@example.com"]);
    let desired = Wants::default()
        .group(JANE, "QA")
        .group("sam@example.com", "QA")
        .bot_role(user(JANE), "Bot Tester", "Banking")
        .bot_role(user("sam@example.com"), "Bot Tester", "Banking")
        .build();
    for calls_from_now in [1, 2, 3] {
        let (plan, world) = engine.plan(&desired).await;
        meanwhile(&engine, calls_from_now, |admin| admin.delete_user(JANE).unwrap());
        let outcome = engine.apply_plan(plan, &world).await;
        assert_eq!(*outcome_of(&outcome, "sam@example.com in"), ChangeOutcome::Applied, "{}", told(&outcome));
        assert_eq!(
            *outcome_of(&outcome, "sam@example.com: Bot Tester"),
            ChangeOutcome::Applied,
            "{}",
            told(&outcome)
        );
        assert!(!outcome_of(&outcome, "jane@example.com: Bot Tester").is_good(), "{}", told(&outcome));
        join(&engine, &[JANE]);
        engine.admin.leave("QA", "sam@example.com").unwrap();
        engine.admin.unbind(&Holder::user("sam@example.com"), "Bot Tester", Some("Banking")).unwrap();
    }
}

#[tokio::test]
async fn master_admins_taken_by_somebody_else_meanwhile_stop_what_would_leave_too_few() {
    let engine = engine(Dialect::default());
    let others = ["a@example.com", "b@example.com", "c@example.com"];
    join(&engine, &others);
    for who in others {
        engine.admin.bind(&Holder::user(who), "admin", None).unwrap();
    }
    // Two ways to lose one, so that it takes two calls; either alone leaves two.
    let desired = Wants::default()
        .absent(Key::AdminRole(user("a@example.com"), "Master Admin".into()))
        .absent(Key::Member(email("b@example.com")))
        .build();
    let (plan, world) = engine.plan(&desired).await;
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    meanwhile(&engine, 1, |admin| admin.unbind(&Holder::user("c@example.com"), "admin", None).unwrap());
    let outcome = engine.apply_plan(plan, &world).await;
    let left = crate::support::world::master_admins(&engine.admin.snapshot().unwrap());
    assert_eq!(left, 2, "{}", told(&outcome));
    assert_eq!(failures(&outcome), 1, "{}", told(&outcome));
    assert!(told(&outcome).contains("safety.minMasterAdmins"), "{}", told(&outcome));
}

#[tokio::test]
async fn a_bad_entry_of_fifty_is_found_within_the_bound_on_calls() {
    let engine = engine(Dialect::default());
    let everyone = people(50);
    let refused = Effect::Status { status: 400, message: "Invalid Arguments".into() };
    // The batch and whichever half the bad one is in: six levels down.
    engine.sandbox.faults().add(Fault::on(CREATE, refused.clone()).times(6));
    let outcome = engine.apply(&members(&everyone)).await;
    assert!(failures(&outcome) <= 2, "{}", told(&outcome));
    assert!(sent(&engine, CREATE) <= 1 + 24, "{}", sent(&engine, CREATE));

    let engine = self::engine(Dialect::default());
    engine.sandbox.faults().add(Fault::on(CREATE, refused).times(1_000));
    let outcome = engine.apply(&members(&everyone)).await;
    assert_eq!(failures(&outcome), 50, "{}", told(&outcome));
    assert!(sent(&engine, CREATE) <= 1 + 24, "{} calls for a batch that never goes", sent(&engine, CREATE));
}

#[tokio::test]
async fn where_one_bad_user_fails_the_batch_the_others_arrive_in_the_same_run() {
    for batch_fails_whole in [false, true] {
        let engine = engine(Dialect { batch_fails_whole, ..Dialect::default() });
        let mut everyone = people(20);
        everyone.push("not-an-address".to_owned());
        let outcome = engine.apply(&members(&everyone)).await;
        assert_eq!(
            outcome.count(|outcome_of| *outcome_of == ChangeOutcome::Applied),
            20,
            "{}",
            told(&outcome)
        );
        assert_eq!(failures(&outcome), 1, "{}", told(&outcome));
        assert_eq!(invitations(&engine), [1; 20]);
    }
}

#[tokio::test]
async fn an_element_that_fails_for_one_user_gives_the_others_their_role() {
    let engine = engine(Dialect { element_fails_whole: true, ..Dialect::default() });
    let everyone = people(8);
    join(&engine, &everyone.iter().map(String::as_str).collect::<Vec<_>>());
    let desired = everyone
        .iter()
        .fold(Wants::default(), |wants, who| wants.bot_role(user(who), "Bot Tester", "Banking"))
        .build();
    let (plan, world) = engine.plan(&desired).await;
    meanwhile(&engine, 2, |admin| admin.delete_user("p03@example.com").unwrap());
    let outcome = engine.apply_plan(plan, &world).await;
    assert_eq!(outcome.count(|outcome_of| *outcome_of == ChangeOutcome::Applied), 7, "{}", told(&outcome));
    assert!(!outcome_of(&outcome, "p03@example.com").is_good(), "{}", told(&outcome));
}

#[tokio::test]
async fn a_stop_finishes_the_call_in_flight_and_sends_nothing_after_it() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE]);
    let everyone = people(120);
    let (plan, world) = engine.plan(&members(&everyone)).await;
    let cancel = CancellationToken::new();
    meanwhile(&engine, 2, {
        let cancel = cancel.clone();
        move |_| cancel.cancel()
    });
    let account = engine.account();
    let outcome = apply::run(plan, &world, &engine.policy, &account, &mut Journal::none(), cancel).await;
    assert!(outcome.was_interrupted);
    assert_eq!(sent(&engine, CREATE), 1);
    assert_eq!(outcome.by_change.len(), 120);
    assert_eq!(
        outcome.count(|outcome_of| matches!(outcome_of, ChangeOutcome::NotSent(_))),
        70,
        "{}",
        told(&outcome)
    );
    assert_eq!(failures(&outcome), 0, "what was sent is read back once");
    converges(&engine, &members(&everyone)).await;
    assert_eq!(invitations(&engine), [1; 120]);
}

#[tokio::test]
async fn a_budget_that_is_used_up_ends_the_run_with_nothing_half_remembered() {
    let mut engine = engine(Dialect::default());
    let app = engine.admin.create_app("impatient", &["all"], true).unwrap();
    let rate = RateLimit { per_minute: 9, per_hour: 9, reserve: 0, ..RateLimit::default() };
    engine.gateway = Gateway::new(Parts {
        transport: Arc::new(InProcess::new(&engine.sandbox)),
        credentials: Credentials { client_id: app.client_id, client_secret: app.client_secret.into() },
        ledger: Arc::new(Ledger::in_memory(rate)),
        clock: Arc::clone(&engine.clock) as Arc<dyn Clock>,
        observer: Arc::new(Silent),
        max_wait: jiff::SignedDuration::from_secs(10),
    });
    engine.reader = Reader::new(engine.gateway.clone());
    engine.writer = Writer::new(engine.gateway.clone());
    engine.policy.rate = rate;
    let everyone = people(120);
    let outcome = engine.apply(&members(&everyone)).await;
    assert!(matches!(outcome.error, Some(KoreError::RateLimited { .. })), "{}", told(&outcome));
    assert_eq!(outcome.by_change.len(), 120);
    assert!(
        outcome.count(|outcome_of| matches!(outcome_of, ChangeOutcome::NotSent(_))) >= 20,
        "{}",
        told(&outcome)
    );
    engine.clock.advance(jiff::SignedDuration::from_hours(1));
    engine.reader = Reader::new(engine.gateway.clone());
    engine.apply(&members(&everyone)).await;
    assert!(invitations(&engine).iter().all(|mails| *mails == 1));
}

#[tokio::test]
async fn a_role_whose_id_changes_with_its_import_is_bound_by_the_new_one() {
    let engine = engine(Dialect { import_keeps_ids: false, ..Dialect::default() });
    join(&engine, &[JANE, "sam@example.com"]);
    engine.admin.add_role(&NewRole::named(RoleKind::Bot, "Analyst")).unwrap();
    engine.admin.bind(&Holder::user("sam@example.com"), "Analyst", Some("Banking")).unwrap();
    let permissions = BTreeMap::from([("Dashboard".into(), "YES".into())]);
    let spec = RoleSpec { description: None, permissions };
    let desired = Wants::default()
        .present(Key::RoleDefinition(RoleType::Bot, "Analyst".into()), Value::Role(spec))
        .bot_role(user(JANE), "Analyst", "Banking")
        .absent(Key::BotRole(user("sam@example.com"), "Analyst".into(), BotRef::new("Banking")))
        .build();
    converges(&engine, &desired).await;
    let truth = engine.admin.snapshot().unwrap();
    assert_eq!(truth.users[JANE].bot_roles.len(), 1);
    assert_eq!(truth.users["sam@example.com"].bot_roles, []);
}

#[tokio::test]
async fn names_and_roles_of_one_person_fail_apart() {
    let engine = engine(Dialect::default());
    join(&engine, &[JANE]);
    break_once(&engine, ADMIN_ROLES, Effect::Status { status: 400, message: "Invalid Arguments".into() });
    engine.admin.add_role(&NewRole::named(RoleKind::Admin, "Auditor")).unwrap();
    let name = PersonName { first: Some("Jane".into()), last: None };
    let desired = Wants::default()
        .present(Key::Names(email(JANE)), Value::Names(name))
        .admin_role(user(JANE), "Auditor")
        .build();
    let outcome = engine.apply(&desired).await;
    assert_eq!(*outcome_of(&outcome, "name of"), ChangeOutcome::Applied, "{}", told(&outcome));
    assert_eq!(failures(&outcome), 1, "{}", told(&outcome));
    converges(&engine, &desired).await;
}

#[tokio::test]
async fn somebody_added_meanwhile_with_more_access_keeps_it() {
    let engine = engine(Dialect::default());
    let desired =
        Wants::default().member(JANE).present(Key::DataTables(email(JANE)), Value::DataTables(true)).build();
    let (plan, world) = engine.plan(&desired).await;
    meanwhile(&engine, 1, |admin| {
        let creator = NewUser { is_developer: true, can_create_bot: true, ..NewUser::active(JANE) };
        admin.add_user(&creator).unwrap();
    });
    let outcome = engine.apply_plan(plan, &world).await;
    assert!(matches!(outcome_of(&outcome, "data tables of"), ChangeOutcome::Stale(_)), "{}", told(&outcome));
    assert!(engine.admin.snapshot().unwrap().users[JANE].can_create_bot);
}
