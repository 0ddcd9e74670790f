//! One pass of the controller after another, without a cluster: objects in memory, a sandbox in process, virtual time.

use crate::support::controller_harness::ControllerHarness;
use crate::support::engine::Engine;
use koreconcile::controller::{Broken, ConditionReason, ObjectRef, Readiness};
use koreconcile::facts::RateLimit;
use koreconcile::manifest::kinds::plan::PlanPhase;
use koreconcile::manifest::kinds::{Kind, ObjectStatus};
use koreconcile::sandbox::{Dialect, Holder, NewBot, NewUser, Options, Snapshot, Starter, UserState};
use serde_json::{Value, json};
use std::sync::Arc;

const PEOPLE: [&str; 4] = ["jane", "sam", "kim", "pat"];

/// An account with four people who have joined, a bot, and nothing granted.
pub fn harness(account: Value) -> ControllerHarness {
    desk_on(Dialect::default(), account)
}

/// The same where the platform behaves so.
pub fn desk_on(dialect: Dialect, account: Value) -> ControllerHarness {
    desk_at(dialect, RateLimit::default(), account)
}

/// The same where so many calls are allowed.
pub fn desk_at(dialect: Dialect, rate: RateLimit, account: Value) -> ControllerHarness {
    let options = Options { dialect, starter: Starter::Bare, ..Options::default() };
    let engine = Engine::start(options, rate);
    let owner = Some("owner@example.com".to_owned());
    engine.admin.add_bot(&NewBot { owner, ..NewBot::named("Banking") }).unwrap();
    for name in PEOPLE {
        let who = format!("{name}@example.com");
        engine
            .admin
            .add_user(&NewUser { state: UserState::Active, ..NewUser::named(&who, "Some", "Body") })
            .unwrap();
    }
    let mut harness = ControllerHarness::new(engine, account);
    for name in PEOPLE {
        harness.user(name);
    }
    harness
}

pub fn developers(names: &[&str], more: &Value) -> Value {
    let subjects: Vec<Value> =
        names.iter().map(|name| json!({ "user": format!("{name}@example.com") })).collect();
    let mut spec = json!({
        "role": { "type": "Bot", "name": "Bot Developer" },
        "bot": "Banking",
        "membership": "Authoritative",
        "subjects": subjects,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    spec
}

pub fn plain(names: &[&str]) -> Value {
    developers(names, &json!({}))
}

pub fn truth(harness: &ControllerHarness) -> Snapshot {
    harness.engine.admin.snapshot().unwrap()
}

/// Who develops Banking.
pub fn holders(harness: &ControllerHarness) -> Vec<String> {
    let develops = ("Bot Developer".to_owned(), "Banking".to_owned());
    let users = truth(harness).users;
    let holders = users.iter().filter(|(_, user)| user.bot_roles.contains(&develops));
    holders.map(|(email, _)| email.split('@').next().unwrap().to_owned()).collect()
}

fn writes(harness: &ControllerHarness) -> usize {
    let counts = harness.engine.sandbox.requests().counts();
    let is_write = |endpoint: &str| !endpoint.starts_with("GET") && !endpoint.ends_with("usersInfo");
    counts.iter().filter(|(endpoint, _)| is_write(endpoint)).map(|(_, count)| *count).sum()
}

/// Applies a binding, and waits until everything stands still.
pub async fn bound(harness: &mut ControllerHarness, names: &[&str]) {
    harness.declare(Kind::RoleBinding, "developers", plain(names));
    harness.pass().await;
    harness.wait(3);
    harness.pass().await;
    assert_eq!(holders(harness), names);
}

#[tokio::test]
async fn applies_once_and_then_writes_nothing_anywhere() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    assert_eq!(harness.ready(Kind::RoleBinding, "developers"), "True UpToDate: the account is as declared");
    assert_eq!(harness.account_ready(), "True UpToDate: the account is as declared");

    harness.wait(5);
    harness.pass().await;
    let (before, sent) = (harness.view.clone(), writes(&harness));
    for _ in 0..5 {
        harness.wait(5);
        let done = harness.pass().await;
        assert_eq!(done.report.events, [], "an event for nothing");
        assert_eq!(harness.written(&before), Vec::<String>::new());
    }
    assert_eq!(writes(&harness), sent);
}

#[tokio::test]
async fn takes_away_only_what_has_not_been_wanted_for_a_while() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane", "sam"]).await;
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    let done = harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    let ready = harness.ready(Kind::RoleBinding, "developers");
    let settled_at = harness.now() + jiff::SignedDuration::from_mins(2);
    let until = settled_at.strftime("%Y-%m-%d %H:%M:%S UTC");
    assert!(ready.starts_with(&format!("False Settling: 1 change waits until {until}")), "{ready}");
    assert_eq!(done.schedule.next, settled_at);

    // Wanted again in between: the clock starts anew.
    harness.wait(1);
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.pass().await;
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    harness.wait(1);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    // Edits of other objects do not put it off.
    harness.user("new");
    harness.pass().await;
    harness.wait(1);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    assert_eq!(harness.view.account.status.removals.as_ref().unwrap().used, 1);
}

#[tokio::test]
async fn waits_for_people_to_accept_and_is_ready_meanwhile() {
    let mut harness = harness(json!({}));
    harness.user("ann");
    harness.declare(
        Kind::RoleBinding,
        "developers",
        developers(&["ann"], &json!({ "membership": "Additive" })),
    );
    harness.pass().await;
    harness.wait(5);
    harness.pass().await;
    let ready = harness.ready(Kind::User, "ann");
    assert!(ready.starts_with("True WaitingForAcceptance"), "{ready}");
    assert!(harness.find(Kind::User, "ann").unwrap().status.invited_since.is_some());
    assert_eq!(harness.engine.admin.invitations_to("ann@example.com").unwrap().len(), 1);

    // Eight days later, after a restart, the invitation is overdue: the status remembers since when.
    harness.restart();
    harness.wait(8 * 24 * 60);
    harness.pass().await;
    let ready = harness.ready(Kind::User, "ann");
    assert!(ready.starts_with("False InvitationOverdue"), "{ready}");

    harness.engine.admin.accept("ann@example.com").unwrap();
    harness.wait(5);
    harness.pass().await;
    assert_eq!(holders(&harness), ["ann"]);
    assert!(harness.ready(Kind::User, "ann").starts_with("True UpToDate"));
    assert_eq!(harness.engine.admin.invitations_to("ann@example.com").unwrap().len(), 1);
}

#[tokio::test]
async fn counts_removals_over_a_day_and_lets_a_person_acknowledge_more() {
    let mut harness = harness(json!({ "safety": { "maxRemovals": 1, "maxRemovalsPercent": 100 } }));
    bound(&mut harness, &["jane", "kim", "pat", "sam"]).await;
    let remove = async |harness: &mut ControllerHarness, names: &[&str]| {
        harness.declare(Kind::RoleBinding, "developers", plain(names));
        harness.pass().await;
        harness.wait(3);
        harness.pass().await
    };
    remove(&mut harness, &["jane", "kim", "sam"]).await;
    assert_eq!(holders(&harness), ["jane", "kim", "sam"]);

    // The second of the day is over the ceiling, also after a restart.
    harness.restart();
    let done = remove(&mut harness, &["jane", "sam"]).await;
    assert_eq!(holders(&harness), ["jane", "kim", "sam"]);
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.contains("1 removal besides 1 in the last 24 hours, 1 allowed"), "{ready}");
    assert!(ready.starts_with("False RemovalCeiling"), "{ready}");
    let refused = done.plan.unwrap().refused[0].changes[0].clone();

    // It is published, so that its id can be found, and goes when somebody says so.
    assert_eq!(harness.view.published.len(), 1);
    assert!(harness.view.published[0].changes.contains(&refused));
    harness.approve(None, &[&refused]);
    harness.wait(1);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);

    // A day later there is room again.
    harness.wait(24 * 60 + 1);
    remove(&mut harness, &["jane"]).await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn applies_what_is_approved_while_what_is_new_waits() {
    let mut harness = harness(json!({ "approval": "Manual" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    assert_eq!(holders(&harness), Vec::<String>::new());
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False ApprovalRequired"), "{ready}");
    let [shown] = harness.view.published.as_slice() else { panic!("{:?}", harness.view.published) };
    let digest = shown.digest.clone();

    // The plan moves on before anybody looks: the approval covers what was shown.
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.approve(Some(&digest), &[]);
    harness.wait(3);
    let done = harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    assert_eq!(done.report.approvals["yes-0"].conditions[0].message, "covers 1 change");
    harness.pass().await;
    let phases: Vec<PlanPhase> = harness.view.published.iter().map(|plan| plan.progress.phase).collect();
    assert_eq!(phases, [PlanPhase::Done, PlanPhase::Pending]);

    let second = harness.view.published[1].digest.clone();
    harness.approve(Some(&second), &[]);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
}

#[tokio::test]
async fn needs_an_approval_only_for_what_is_risky() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    let master = json!({ "role": { "type": "Admin", "name": "Master Admin" }, "subjects": [{ "user": "sam@example.com" }] });
    harness.declare(Kind::RoleBinding, "masters", master);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    let ready = harness.ready(Kind::RoleBinding, "masters");
    assert!(ready.starts_with("False ApprovalRequired"), "{ready}");
}

#[tokio::test]
async fn takes_an_expired_grant_away_without_approval_and_without_settling() {
    let mut harness = harness(json!({ "approval": "Manual" }));
    let at = harness.now() + jiff::SignedDuration::from_mins(10);
    let until = json!({ "membership": "Additive", "subjects": [{ "user": "jane@example.com", "expiresAt": at.to_string() }] });
    harness.declare(Kind::RoleBinding, "developers", developers(&[], &until));
    harness.pass().await;
    let digest = harness.view.published[0].digest.clone();
    harness.approve(Some(&digest), &[]);
    let done = harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    assert_eq!(done.schedule.next, harness.now() + jiff::SignedDuration::from_mins(5));
    harness.wait(9);
    let done = harness.pass().await;
    assert_eq!(done.schedule.next, at, "the end of a grant wakes its account");
    harness.wait(1);
    harness.pass().await;
    assert_eq!(holders(&harness), Vec::<String>::new());
}

#[tokio::test]
async fn during_a_prune_one_object_at_a_time_removes_nothing_by_accident() {
    let mut harness = harness(json!({ "ownership": { "users": "Remove", "roleBindings": "Remove" } }));
    harness.declare(Kind::Team, "bankers", json!({ "members": ["jane@example.com", "sam@example.com"] }));
    let subjects = json!({ "subjects": [{ "team": "bankers" }] });
    harness.declare(Kind::RoleBinding, "developers", developers(&[], &subjects));
    harness.pass().await;
    harness.wait(3);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    // The team goes first: the binding names something that is not there, so its scope closes nothing.
    harness.delete(Kind::Team, "bankers");
    for _ in 0..3 {
        harness.wait(3);
        harness.pass().await;
    }
    assert_eq!(holders(&harness), ["jane", "sam"]);
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False ReferenceMissing: there is no KoreTeam named \"bankers\""), "{ready}");
    // Back within the hour: nothing was lost.
    harness.declare(Kind::Team, "bankers", json!({ "members": ["jane@example.com", "sam@example.com"] }));
    harness.pass().await;
    assert!(harness.ready(Kind::RoleBinding, "developers").starts_with("True UpToDate"));
}

#[tokio::test]
async fn with_a_gap_in_its_stores_prunes_nothing() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane"]).await;
    harness
        .engine
        .admin
        .bind(&Holder::User("kim@example.com".to_owned()), "Bot Developer", Some("Banking"))
        .unwrap();
    harness.view.gap = Some("KoreTeam in namespace platform cannot be listed: forbidden".to_owned());
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim"]);
    assert_eq!(
        harness.account_ready(),
        "True UpToDate: all that can be seen is as declared; nothing is pruned meanwhile: \
         KoreTeam in namespace platform cannot be listed: forbidden"
    );

    harness.view.gap = None;
    let meta = harness.find(Kind::User, "pat").unwrap().meta.clone();
    harness.view.objects.retain(|object| object.meta.object != meta.object);
    harness.view.broken.push(Broken {
        meta,
        spec: Value::Null,
        why: "no email".to_owned(),
        status: ObjectStatus::default(),
    });
    harness.wait(5);
    let done = harness.pass().await;
    harness.wait(5);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim"]);
    let (_, status) = done.report.statuses.iter().find(|(object, _)| &*object.name == "pat").unwrap();
    assert_eq!(status.conditions[0].reason, "Invalid");

    harness.view.broken.clear();
    harness.user("pat");
    harness.pass().await;
    harness.wait(3);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn keeps_the_older_of_two_objects_for_one_address() {
    let mut harness = harness(json!({}));
    harness.wait(1);
    harness.declare(Kind::User, "jane-again", json!({ "email": "JANE@example.com", "firstName": "Other" }));
    harness.pass().await;
    assert!(harness.ready(Kind::User, "jane").starts_with("True UpToDate"));
    let ready = harness.ready(Kind::User, "jane-again");
    assert!(ready.starts_with("False Conflict: JANE@example.com is declared twice"), "{ready}");
}

#[tokio::test]
async fn does_not_follow_a_name_to_another_bot() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane"]).await;
    let bot = harness.find(Kind::RoleBinding, "developers").unwrap().status.resolved["bot"].clone();
    harness.engine.admin.rename_bot("Banking", "Banking (old)").unwrap();
    let id = Some("st-00000000-0000-5000-8000-000000000001".to_owned());
    harness.engine.admin.add_bot(&NewBot { id, ..NewBot::named("Banking") }).unwrap();
    let sent = writes(&harness);
    harness.wait(5);
    harness.pass().await;
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with(&format!("False NameMoved: its bot was {bot}")), "{ready}");
    assert_eq!(writes(&harness), sent);
}

#[tokio::test]
async fn pass_that_only_observes_or_is_suspended_sends_nothing() {
    let mut harness = harness(json!({ "mode": "Observe" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    assert_eq!(writes(&harness), 0);
    assert_eq!(harness.account_ready(), "True Drift: 1 change would be applied; mode Observe writes nothing");
    assert!(harness.ready(Kind::RoleBinding, "developers").starts_with("True Drift: would be changed: +"));

    harness.view.account.spec.suspend = true;
    let calls = harness.engine.gateway.total_calls();
    harness.wait(5);
    harness.pass().await;
    assert_eq!(harness.engine.gateway.total_calls(), calls, "nothing is read either");
    assert_eq!(harness.account_ready(), "False Suspended: spec.suspend is true: nothing is read or written");
}

#[tokio::test]
async fn suspended_account_and_what_is_edited_meanwhile_say_why() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane"]).await;
    let before = harness.ready(Kind::RoleBinding, "developers");
    harness.view.account.spec.suspend = true;
    harness.view.account.spec.suspend_reason = Some("incident 4711\u{1b}[2K".to_owned());
    harness.declare(Kind::RoleBinding, "more", plain(&["kim"]));
    let calls = harness.engine.gateway.total_calls();
    harness.pass().await;
    assert_eq!(harness.engine.gateway.total_calls(), calls);
    let why = "(\"incident 4711\\u{1b}[2K\")";
    assert_eq!(
        harness.account_ready(),
        format!("False Suspended: spec.suspend is true {why}: nothing is read or written")
    );
    assert_eq!(
        harness.ready(Kind::RoleBinding, "more"),
        format!("False Suspended: not looked at: the account is suspended {why}")
    );
    assert_eq!(harness.ready(Kind::RoleBinding, "developers"), before, "it was looked at, and is as it was");

    harness.view.account.spec.suspend = false;
    harness.pass().await;
    assert!(harness.ready(Kind::RoleBinding, "more").starts_with("True UpToDate"));
}

#[tokio::test]
async fn without_a_way_to_the_account_rewrites_one_status_only() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane"]).await;
    let before = harness.view.clone();
    harness.user("late");
    let away = Readiness::new(ConditionReason::Unreachable, "the platform cannot be reached");
    let done = harness.pass_without(away).await;
    assert_eq!(harness.account_ready(), "False Unreachable: the platform cannot be reached");
    let told: Vec<&ObjectRef> = done.report.statuses.iter().map(|(object, _)| object).collect();
    assert_eq!(told.len(), 1, "only the object nobody has judged yet");
    assert_eq!(harness.written(&before).len(), 1, "and the account");
    assert!(harness.ready(Kind::User, "late").contains("the account is not ready (Unreachable)"));
}

#[tokio::test]
async fn pass_of_the_newer_of_two_accounts_for_one_tenant_reads_nothing() {
    let mut harness = harness(json!({}));
    let older = ObjectRef { kind: Kind::Account, namespace: Arc::from("other"), name: Arc::from("acme") };
    harness.view.older_accounts.insert(harness.engine.admin.account_id().to_string(), older);
    harness.pass().await;
    assert_eq!(harness.engine.gateway.total_calls(), 0);
    assert!(harness.account_ready().starts_with("False Conflict: KoreAccount other/acme is older"));
}

#[tokio::test]
async fn on_another_tenant_than_the_pinned_one_sends_nothing() {
    let mut harness = harness(json!({ "accountId": "64b0000000000000000000ff" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    assert_eq!(writes(&harness), 0);
    assert!(harness.account_ready().starts_with("False AccountMismatch"), "{}", harness.account_ready());
}

#[tokio::test]
async fn after_its_tenure_sends_nothing() {
    let mut harness = harness(json!({}));
    harness.lease_term.end();
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    assert_eq!(writes(&harness), 0);
    assert!(!harness.ready(Kind::RoleBinding, "developers").starts_with("True"));
}

#[tokio::test]
async fn gives_up_on_what_somebody_else_keeps_undoing() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane"]).await;
    let undo = |harness: &ControllerHarness| {
        let jane = Holder::User("jane@example.com".to_owned());
        harness.engine.admin.unbind(&jane, "Bot Developer", Some("Banking")).unwrap();
    };
    for _ in 0..2 {
        undo(&harness);
        harness.wait(10);
        harness.pass().await;
        assert_eq!(holders(&harness), ["jane"]);
    }
    // Once is forgotten with the process, more than once is not.
    harness.restart();
    undo(&harness);
    harness.wait(10);
    harness.pass().await;
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False Contested"), "{ready}");
    assert_eq!(holders(&harness), Vec::<String>::new());
}

#[tokio::test]
async fn sends_what_cannot_be_read_once_for_each_value() {
    let mut harness = harness(json!({}));
    let profile = |harness: &ControllerHarness| truth(harness).users["jane@example.com"].profile.clone();
    let declare = |harness: &mut ControllerHarness, title: &str| {
        let spec = json!({ "email": "jane@example.com", "profile": { "dept": title }, "dataTables": true });
        harness.declare(Kind::User, "jane", spec);
    };
    declare(&mut harness, "Support");
    harness.pass().await;
    assert_eq!(profile(&harness)["dept"], "Support");
    assert_eq!(truth(&harness).users["jane@example.com"].data_tables, Some(true));
    let sent = writes(&harness);
    harness.restart();
    harness.wait(5);
    harness.pass().await;
    assert_eq!(writes(&harness), sent, "sent once");

    declare(&mut harness, "Sales");
    let done = harness.pass().await;
    assert_eq!(profile(&harness)["dept"], "Sales");
    let empty = koreconcile::plan::Digest::over([].into_iter());
    assert_eq!(done.plan.unwrap().digest, empty, "no difference was seen, so none is in the digest");
}
