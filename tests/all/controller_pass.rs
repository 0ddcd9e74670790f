//! One pass of the controller after another, without a cluster: objects in memory, a sandbox in process, virtual time.

use crate::support::desk::Desk;
use crate::support::engine::Engine;
use koreconcile::controller::{Broken, ObjectRef, Reason, Standing};
use koreconcile::manifest::kinds::plan::PlanPhase;
use koreconcile::manifest::kinds::{Kind, ObjectStatus};
use koreconcile::sandbox::{Dialect, Holder, NewBot, NewUser, Snapshot, UserState};
use serde_json::{Value, json};
use std::sync::Arc;

const PEOPLE: [&str; 4] = ["jane", "sam", "kim", "pat"];

/// An account with four people who have joined, a bot, and nothing granted.
pub fn desk(account: Value) -> Desk {
    desk_on(Dialect::default(), account)
}

/// The same where the platform behaves so.
pub fn desk_on(dialect: Dialect, account: Value) -> Desk {
    let engine = Engine::bare(dialect);
    let owner = Some("owner@example.com".to_owned());
    engine.admin.add_bot(&NewBot { owner, ..NewBot::named("Banking") }).unwrap();
    for name in PEOPLE {
        let who = format!("{name}@example.com");
        engine
            .admin
            .add_user(&NewUser { state: UserState::Active, ..NewUser::named(&who, "Some", "Body") })
            .unwrap();
    }
    let mut desk = Desk::new(engine, account);
    for name in PEOPLE {
        desk.user(name);
    }
    desk
}

fn developers(names: &[&str], more: &Value) -> Value {
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

pub fn truth(desk: &Desk) -> Snapshot {
    desk.engine.admin.snapshot().unwrap()
}

/// Who develops Banking.
pub fn holders(desk: &Desk) -> Vec<String> {
    let develops = ("Bot Developer".to_owned(), "Banking".to_owned());
    let users = truth(desk).users;
    let holders = users.iter().filter(|(_, user)| user.bot_roles.contains(&develops));
    holders.map(|(email, _)| email.split('@').next().unwrap().to_owned()).collect()
}

fn writes(desk: &Desk) -> usize {
    let counts = desk.engine.sandbox.requests().counts();
    let is_write = |endpoint: &str| !endpoint.starts_with("GET") && !endpoint.ends_with("usersInfo");
    counts.iter().filter(|(endpoint, _)| is_write(endpoint)).map(|(_, count)| *count).sum()
}

/// Applies a binding, and waits until everything stands still.
pub async fn bound(desk: &mut Desk, names: &[&str]) {
    desk.declare(Kind::RoleBinding, "developers", plain(names));
    desk.pass().await;
    desk.wait(3);
    desk.pass().await;
    assert_eq!(holders(desk), names);
}

#[tokio::test]
async fn controller_pass_applies_once_and_then_writes_nothing_anywhere() {
    let mut desk = desk(json!({}));
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"]);
    assert_eq!(desk.ready(Kind::RoleBinding, "developers"), "True UpToDate: the account is as declared");
    assert_eq!(desk.account_ready(), "True UpToDate: the account is as declared");

    desk.wait(5);
    desk.pass().await;
    let (before, sent) = (desk.view.clone(), writes(&desk));
    for _ in 0..5 {
        desk.wait(5);
        let done = desk.pass().await;
        assert_eq!(done.news, [], "an event for nothing");
        assert_eq!(desk.written(&before), Vec::<String>::new());
    }
    assert_eq!(writes(&desk), sent);
}

#[tokio::test]
async fn controller_pass_takes_away_only_after_nothing_was_edited_for_a_while() {
    let mut desk = desk(json!({}));
    bound(&mut desk, &["jane", "sam"]).await;
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    let done = desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"]);
    let ready = desk.ready(Kind::RoleBinding, "developers");
    assert!(
        ready.starts_with("False Settling: 1 change waits until nothing has been edited for 2m"),
        "{ready}"
    );
    assert_eq!(done.next, desk.now() + jiff::SignedDuration::from_mins(2));

    // Another edit starts the clock anew.
    desk.wait(1);
    desk.user("new");
    desk.pass().await;
    desk.wait(1);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"]);
    desk.wait(1);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane"]);
    assert_eq!(desk.view.account.status.removals.as_ref().unwrap().used, 1);
}

#[tokio::test]
async fn controller_pass_waits_for_people_to_accept_and_is_ready_meanwhile() {
    let mut desk = desk(json!({}));
    desk.user("ann");
    desk.declare(Kind::RoleBinding, "developers", developers(&["ann"], &json!({ "membership": "Additive" })));
    desk.pass().await;
    desk.wait(5);
    desk.pass().await;
    let ready = desk.ready(Kind::User, "ann");
    assert!(ready.starts_with("True WaitingForAcceptance"), "{ready}");
    assert!(desk.find(Kind::User, "ann").unwrap().status.invited_since.is_some());
    assert_eq!(desk.engine.admin.invitations_to("ann@example.com").unwrap().len(), 1);

    // Eight days later, after a restart, the invitation is overdue: the status remembers since when.
    desk.restart();
    desk.wait(8 * 24 * 60);
    desk.pass().await;
    let ready = desk.ready(Kind::User, "ann");
    assert!(ready.starts_with("False InvitationOverdue"), "{ready}");

    desk.engine.admin.accept("ann@example.com").unwrap();
    desk.wait(5);
    desk.pass().await;
    assert_eq!(holders(&desk), ["ann"]);
    assert!(desk.ready(Kind::User, "ann").starts_with("True UpToDate"));
    assert_eq!(desk.engine.admin.invitations_to("ann@example.com").unwrap().len(), 1);
}

#[tokio::test]
async fn controller_pass_counts_removals_over_a_day_and_lets_a_person_acknowledge_more() {
    let mut desk = desk(json!({ "safety": { "maxRemovals": 1, "maxRemovalsPercent": 100 } }));
    bound(&mut desk, &["jane", "kim", "pat", "sam"]).await;
    let remove = async |desk: &mut Desk, names: &[&str]| {
        desk.declare(Kind::RoleBinding, "developers", plain(names));
        desk.pass().await;
        desk.wait(3);
        desk.pass().await
    };
    remove(&mut desk, &["jane", "kim", "sam"]).await;
    assert_eq!(holders(&desk), ["jane", "kim", "sam"]);

    // The second of the day is over the ceiling, also after a restart.
    desk.restart();
    let done = remove(&mut desk, &["jane", "sam"]).await;
    assert_eq!(holders(&desk), ["jane", "kim", "sam"]);
    let ready = desk.ready(Kind::RoleBinding, "developers");
    assert!(ready.contains("1 removal besides 1 in the last 24 hours, 1 allowed"), "{ready}");
    assert!(ready.starts_with("False RemovalCeiling"), "{ready}");
    let refused = done.plan.unwrap().refused[0].changes[0].clone();

    // It is published, so that its id can be found, and goes when somebody says so.
    assert_eq!(desk.view.published.len(), 1);
    assert!(desk.view.published[0].changes.contains(&refused));
    desk.approve(None, &[&refused]);
    desk.wait(1);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"]);

    // A day later there is room again.
    desk.wait(24 * 60 + 1);
    remove(&mut desk, &["jane"]).await;
    assert_eq!(holders(&desk), ["jane"]);
}

#[tokio::test]
async fn controller_pass_applies_what_is_approved_while_what_is_new_waits() {
    let mut desk = desk(json!({ "approval": "Manual" }));
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    desk.pass().await;
    assert_eq!(holders(&desk), Vec::<String>::new());
    let ready = desk.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False ApprovalRequired"), "{ready}");
    let [shown] = desk.view.published.as_slice() else { panic!("{:?}", desk.view.published) };
    let digest = shown.digest.clone();

    // The plan moves on before anybody looks: the approval covers what was shown.
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    desk.approve(Some(&digest), &[]);
    desk.wait(3);
    let done = desk.pass().await;
    assert_eq!(holders(&desk), ["jane"]);
    assert_eq!(done.approvals["yes-0"].conditions[0].message, "covers 1 change");
    desk.pass().await;
    let phases: Vec<PlanPhase> = desk.view.published.iter().map(|plan| plan.standing.0).collect();
    assert_eq!(phases, [PlanPhase::Done, PlanPhase::Pending]);

    let second = desk.view.published[1].digest.clone();
    desk.approve(Some(&second), &[]);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"]);
}

#[tokio::test]
async fn controller_pass_needs_an_approval_only_for_what_is_risky() {
    let mut desk = desk(json!({ "approval": "WhenRisky" }));
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    let master = json!({ "role": { "type": "Admin", "name": "Master Admin" }, "subjects": [{ "user": "sam@example.com" }] });
    desk.declare(Kind::RoleBinding, "masters", master);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane"]);
    let ready = desk.ready(Kind::RoleBinding, "masters");
    assert!(ready.starts_with("False ApprovalRequired"), "{ready}");
}

#[tokio::test]
async fn controller_pass_takes_an_expired_grant_away_without_approval_and_without_settling() {
    let mut desk = desk(json!({ "approval": "Manual" }));
    let at = desk.now() + jiff::SignedDuration::from_mins(10);
    let until = json!({ "membership": "Additive", "subjects": [{ "user": "jane@example.com", "expiresAt": at.to_string() }] });
    desk.declare(Kind::RoleBinding, "developers", developers(&[], &until));
    desk.pass().await;
    let digest = desk.view.published[0].digest.clone();
    desk.approve(Some(&digest), &[]);
    let done = desk.pass().await;
    assert_eq!(holders(&desk), ["jane"]);
    assert_eq!(done.next, desk.now() + jiff::SignedDuration::from_mins(5));
    desk.wait(9);
    let done = desk.pass().await;
    assert_eq!(done.next, at, "the end of a grant wakes its account");
    desk.wait(1);
    desk.pass().await;
    assert_eq!(holders(&desk), Vec::<String>::new());
}

#[tokio::test]
async fn controller_pass_of_a_deleted_object_removes_what_it_granted_and_then_lets_it_go() {
    let mut desk = desk(json!({}));
    let spec = developers(&["jane", "sam"], &json!({ "deletionPolicy": "Remove", "membership": "Additive" }));
    desk.declare(Kind::RoleBinding, "developers", spec);
    desk.pass().await;
    assert!(desk.find(Kind::RoleBinding, "developers").unwrap().meta.has_finalizer);
    // Somebody else grants one of them the same: that outlasts the deletion.
    desk.declare(Kind::RoleBinding, "others", developers(&["sam"], &json!({ "membership": "Additive" })));
    desk.wait(3);
    desk.pass().await;
    desk.delete(Kind::RoleBinding, "developers");
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"], "removals settle first");
    assert!(desk.find(Kind::RoleBinding, "developers").is_some());
    desk.wait(3);
    desk.pass().await;
    assert_eq!(holders(&desk), ["sam"]);
    assert!(desk.find(Kind::RoleBinding, "developers").is_none(), "the finalizer is gone");
}

#[tokio::test]
async fn controller_pass_of_a_deleted_object_that_retains_or_is_orphaned_changes_nothing() {
    for (more, is_orphaned) in [(json!({}), false), (json!({ "deletionPolicy": "Remove" }), true)] {
        let mut desk = desk(json!({}));
        desk.declare(Kind::RoleBinding, "developers", developers(&["jane"], &more));
        desk.pass().await;
        desk.wait(3);
        desk.find(Kind::RoleBinding, "developers").unwrap().meta.is_orphaned = is_orphaned;
        desk.pass().await;
        desk.delete(Kind::RoleBinding, "developers");
        for _ in 0..3 {
            desk.wait(3);
            desk.pass().await;
        }
        assert!(desk.find(Kind::RoleBinding, "developers").is_none());
        assert_eq!(holders(&desk), ["jane"]);
    }
}

#[tokio::test]
async fn controller_pass_during_a_prune_one_object_at_a_time_removes_nothing_by_accident() {
    let mut desk = desk(json!({ "ownership": { "users": "Remove", "roleBindings": "Remove" } }));
    desk.declare(Kind::Team, "bankers", json!({ "members": ["jane@example.com", "sam@example.com"] }));
    let subjects = json!({ "subjects": [{ "team": "bankers" }] });
    desk.declare(Kind::RoleBinding, "developers", developers(&[], &subjects));
    desk.pass().await;
    desk.wait(3);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "sam"]);
    // The team goes first: the binding names something that is not there, so its scope closes nothing.
    desk.delete(Kind::Team, "bankers");
    for _ in 0..3 {
        desk.wait(3);
        desk.pass().await;
    }
    assert_eq!(holders(&desk), ["jane", "sam"]);
    let ready = desk.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False ReferenceMissing: there is no KoreTeam named \"bankers\""), "{ready}");
    // Back within the hour: nothing was lost.
    desk.declare(Kind::Team, "bankers", json!({ "members": ["jane@example.com", "sam@example.com"] }));
    desk.pass().await;
    assert!(desk.ready(Kind::RoleBinding, "developers").starts_with("True UpToDate"));
}

#[tokio::test]
async fn controller_pass_with_a_gap_in_its_stores_sweeps_nothing() {
    let mut desk = desk(json!({}));
    bound(&mut desk, &["jane"]).await;
    desk.engine
        .admin
        .bind(&Holder::User("kim@example.com".to_owned()), "Bot Developer", Some("Banking"))
        .unwrap();
    desk.view.gap = Some("KoreTeam in namespace platform cannot be listed: forbidden".to_owned());
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "kim"]);
    assert_eq!(
        desk.account_ready(),
        "True UpToDate: all that can be seen is as declared; nothing is swept meanwhile: \
         KoreTeam in namespace platform cannot be listed: forbidden"
    );

    desk.view.gap = None;
    let meta = desk.find(Kind::User, "pat").unwrap().meta.clone();
    desk.view.objects.retain(|object| object.meta.object != meta.object);
    desk.view.broken.push(Broken { meta, why: "no email".to_owned(), status: ObjectStatus::default() });
    desk.wait(5);
    let done = desk.pass().await;
    desk.wait(5);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "kim"]);
    let (_, status) = done.statuses.iter().find(|(object, _)| &*object.name == "pat").unwrap();
    assert_eq!(status.conditions[0].reason, "Invalid");

    desk.view.broken.clear();
    desk.user("pat");
    desk.pass().await;
    desk.wait(3);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane"]);
}

#[tokio::test]
async fn controller_pass_keeps_the_older_of_two_objects_for_one_address() {
    let mut desk = desk(json!({}));
    desk.wait(1);
    desk.declare(Kind::User, "jane-again", json!({ "email": "JANE@example.com", "firstName": "Other" }));
    desk.pass().await;
    assert!(desk.ready(Kind::User, "jane").starts_with("True UpToDate"));
    let ready = desk.ready(Kind::User, "jane-again");
    assert!(ready.starts_with("False Conflict: JANE@example.com is declared twice"), "{ready}");
}

#[tokio::test]
async fn controller_pass_does_not_follow_a_name_to_another_bot() {
    let mut desk = desk(json!({}));
    bound(&mut desk, &["jane"]).await;
    let bot = desk.find(Kind::RoleBinding, "developers").unwrap().status.resolved["bot"].clone();
    desk.engine.admin.rename_bot("Banking", "Banking (old)").unwrap();
    let id = Some("st-00000000-0000-5000-8000-000000000001".to_owned());
    desk.engine.admin.add_bot(&NewBot { id, ..NewBot::named("Banking") }).unwrap();
    let sent = writes(&desk);
    desk.wait(5);
    desk.pass().await;
    let ready = desk.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with(&format!("False NameMoved: its bot was {bot}")), "{ready}");
    assert_eq!(writes(&desk), sent);
}

#[tokio::test]
async fn controller_pass_that_only_observes_or_is_suspended_sends_nothing() {
    let mut desk = desk(json!({ "mode": "Observe" }));
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    desk.pass().await;
    assert_eq!(writes(&desk), 0);
    assert_eq!(desk.account_ready(), "True Drift: 1 change would be applied; mode Observe writes nothing");
    assert!(desk.ready(Kind::RoleBinding, "developers").starts_with("True Drift: would be changed: +"));

    desk.view.account.spec.suspend = true;
    let calls = desk.engine.gateway.total_calls();
    desk.wait(5);
    desk.pass().await;
    assert_eq!(desk.engine.gateway.total_calls(), calls, "nothing is read either");
    assert!(desk.account_ready().starts_with("False Suspended"));
}

#[tokio::test]
async fn controller_pass_without_a_way_to_the_account_rewrites_one_status_only() {
    let mut desk = desk(json!({}));
    bound(&mut desk, &["jane"]).await;
    let before = desk.view.clone();
    desk.user("late");
    let away = Standing::new(Reason::Unreachable, "the platform cannot be reached");
    let done = desk.pass_without(away).await;
    assert_eq!(desk.account_ready(), "False Unreachable: the platform cannot be reached");
    let told: Vec<&ObjectRef> = done.statuses.iter().map(|(object, _)| object).collect();
    assert_eq!(told.len(), 1, "only the object nobody has judged yet");
    assert_eq!(desk.written(&before).len(), 1, "and the account");
    assert!(desk.ready(Kind::User, "late").contains("the account is not ready (Unreachable)"));
}

#[tokio::test]
async fn controller_pass_of_the_newer_of_two_accounts_for_one_tenant_reads_nothing() {
    let mut desk = desk(json!({}));
    let older = ObjectRef { kind: Kind::Account, namespace: Arc::from("other"), name: Arc::from("acme") };
    desk.view.elders.insert(desk.engine.admin.account_id().to_string(), older);
    desk.pass().await;
    assert_eq!(desk.engine.gateway.total_calls(), 0);
    assert!(desk.account_ready().starts_with("False Conflict: KoreAccount other/acme is older"));
}

#[tokio::test]
async fn controller_pass_on_another_tenant_than_the_pinned_one_sends_nothing() {
    let mut desk = desk(json!({ "accountId": "64b0000000000000000000ff" }));
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    desk.pass().await;
    assert_eq!(writes(&desk), 0);
    assert!(desk.account_ready().starts_with("False AccountMismatch"), "{}", desk.account_ready());
}

#[tokio::test]
async fn controller_pass_after_its_tenure_sends_nothing() {
    let mut desk = desk(json!({}));
    desk.tenure.end();
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    desk.pass().await;
    assert_eq!(writes(&desk), 0);
    assert!(!desk.ready(Kind::RoleBinding, "developers").starts_with("True"));
}

#[tokio::test]
async fn controller_pass_gives_up_on_what_somebody_else_keeps_undoing() {
    let mut desk = desk(json!({}));
    bound(&mut desk, &["jane"]).await;
    let undo = |desk: &Desk| {
        let jane = Holder::User("jane@example.com".to_owned());
        desk.engine.admin.unbind(&jane, "Bot Developer", Some("Banking")).unwrap();
    };
    for _ in 0..2 {
        undo(&desk);
        desk.wait(10);
        desk.pass().await;
        assert_eq!(holders(&desk), ["jane"]);
    }
    // Once is forgotten with the process, more than once is not.
    desk.restart();
    undo(&desk);
    desk.wait(10);
    desk.pass().await;
    let ready = desk.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False Contested"), "{ready}");
    assert_eq!(holders(&desk), Vec::<String>::new());
}

#[tokio::test]
async fn controller_pass_sends_what_cannot_be_read_once_for_each_value() {
    let mut desk = desk(json!({}));
    let profile = |desk: &Desk| truth(desk).users["jane@example.com"].profile.clone();
    let declare = |desk: &mut Desk, title: &str| {
        let spec = json!({ "email": "jane@example.com", "profile": { "dept": title }, "dataTables": true });
        desk.declare(Kind::User, "jane", spec);
    };
    declare(&mut desk, "Support");
    desk.pass().await;
    assert_eq!(profile(&desk)["dept"], "Support");
    assert_eq!(truth(&desk).users["jane@example.com"].data_tables, Some(true));
    let sent = writes(&desk);
    desk.restart();
    desk.wait(5);
    desk.pass().await;
    assert_eq!(writes(&desk), sent, "sent once");

    declare(&mut desk, "Sales");
    let done = desk.pass().await;
    assert_eq!(profile(&desk)["dept"], "Sales");
    let empty = koreconcile::plan::Digest::of([].into_iter());
    assert_eq!(done.plan.unwrap().digest, empty, "no difference was seen, so none is in the digest");
}
