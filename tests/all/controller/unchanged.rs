//! A pass that knows nothing new comes to what the pass before came to, without thinking, and anything new ends that.

use crate::controller::pass::{bound, harness, holders, plain};
use crate::support::controller_harness::ControllerHarness;
use koreconcile::controller::{AccountMemory, Pass};
use koreconcile::manifest::kinds::Kind;
use koreconcile::sandbox::Holder;
use serde_json::{Value, json};

/// A desk where the last pass found nothing to do and nothing to write down.
async fn unchanged_harness() -> ControllerHarness {
    let mut harness = harness(json!({ "safety": { "maxRemovals": 100, "maxRemovalsPercent": 100 } }));
    bound(&mut harness, &["jane", "sam"]).await;
    become_unchanged(&mut harness).await;
    harness
}

async fn become_unchanged(harness: &mut ControllerHarness) {
    for _ in 0..4 {
        harness.wait(5);
        if harness.pass().await.is_unchanged() {
            return;
        }
    }
    panic!("it never becomes unchanged: {}", harness.account_ready());
}

/// One pass more, by one who remembers nothing, comes to the same.
pub async fn planning_agrees(harness: &mut ControllerHarness, repeated: &Pass) {
    let (before, fresh) = (harness.view.clone(), AccountMemory::restored(&harness.view));
    let memory = std::mem::replace(&mut harness.memory, fresh);
    let planned = harness.pass().await;
    harness.memory = memory;
    assert!(!planned.is_unchanged());
    assert_eq!(harness.written(&before), Vec::<String>::new());
    assert_eq!(planned.report.events, []);
    assert!(planned.outcome.is_none());
    assert_eq!(
        (planned.schedule.next, &planned.report.account),
        (repeated.schedule.next, &repeated.report.account)
    );
    let digest = |pass: &Pass| pass.plan.as_ref().unwrap().digest.to_string();
    assert_eq!(digest(&planned), digest(repeated));
}

#[tokio::test]
async fn costs_the_calls_of_a_read_and_says_what_thinking_says() {
    let mut harness = unchanged_harness().await;
    for _ in 0..3 {
        harness.wait(30);
        let (before, sent) = (harness.view.clone(), harness.engine.kill_point.sent());
        let done = harness.pass().await;
        assert!(done.is_unchanged());
        assert_eq!(
            harness.engine.kill_point.sent() - sent,
            done.report.account.calls.as_ref().unwrap().per_read as usize
        );
        assert_eq!(harness.written(&before), Vec::<String>::new());
        planning_agrees(&mut harness, &done).await;
    }
}

#[tokio::test]
async fn ends_with_an_edit_of_anything_that_a_pass_looks_at() {
    type Edit = fn(&mut ControllerHarness);
    let edits: [(&str, Edit); 6] = [
        ("an object", |harness| {
            harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam", "kim"]));
        }),
        ("one more object", |harness| harness.user("new")),
        ("one less", |harness| harness.delete(Kind::User, "pat")),
        ("the account", |harness| {
            harness.view.account.meta.generation += 1;
            harness.view.account.spec.interval = "3h".to_owned();
        }),
        ("an approval", |harness| harness.approve(Some("0000"), &[])),
        ("a kind that can't be listed", |harness| {
            harness.view.gap = Some("KoreTeam cannot be listed".to_owned());
        }),
    ];
    for (what, edit) in edits {
        let mut harness = unchanged_harness().await;
        edit(&mut harness);
        assert!(!harness.pass().await.is_unchanged(), "{what}");
    }
}

#[tokio::test]
async fn ends_with_anything_new_in_the_account() {
    let mut harness = unchanged_harness().await;
    let kim = Holder::User("kim@example.com".to_owned());
    harness.engine.admin.bind(&kim, "Bot Developer", Some("Banking")).unwrap();
    harness.wait(15);
    assert!(!harness.pass().await.is_unchanged());
    // What nobody declared goes when it has been seen for a while.
    harness.wait(3);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    become_unchanged(&mut harness).await;

    // Back to what it was before is news as well: nobody has looked in between.
    harness
        .engine
        .admin
        .unbind(&Holder::User("sam@example.com".to_owned()), "Bot Developer", Some("Banking"))
        .unwrap();
    assert!(!harness.pass().await.is_unchanged());
    assert_eq!(holders(&harness), ["jane", "sam"]);
}

#[tokio::test]
async fn ends_when_a_grant_does() {
    let mut harness = unchanged_harness().await;
    let expiry = harness.now() + jiff::SignedDuration::from_hours(9);
    let at = expiry.to_string();
    let subjects: Value = json!([{ "user": "kim@example.com", "expiresAt": at }]);
    let spec =
        json!({ "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking", "subjects": subjects });
    harness.declare(Kind::RoleBinding, "testers", spec);
    harness.pass().await;
    become_unchanged(&mut harness).await;
    let done = harness.pass().await;
    assert!(done.is_unchanged());
    harness.wait(expiry.duration_since(harness.now()).as_mins() - 3);
    let done = harness.pass().await;
    assert!(done.is_unchanged());
    assert_eq!(done.schedule.next.to_string(), at, "the next pass is when the grant ends");
    planning_agrees(&mut harness, &done).await;
    harness.wait(3);
    assert!(!harness.pass().await.is_unchanged());
}

#[tokio::test]
async fn ends_when_an_invitation_has_been_open_for_too_long() {
    let mut harness = unchanged_harness().await;
    harness.user("ann");
    harness.pass().await;
    become_unchanged(&mut harness).await;
    assert!(harness.ready(Kind::User, "ann").starts_with("True WaitingForAcceptance"));
    harness.wait(6 * 24 * 60);
    let done = harness.pass().await;
    assert!(done.is_unchanged());
    planning_agrees(&mut harness, &done).await;
    harness.wait(24 * 60);
    assert!(!harness.pass().await.is_unchanged());
    assert!(harness.ready(Kind::User, "ann").starts_with("False InvitationOverdue"));
}

#[tokio::test]
async fn ends_when_a_removal_is_a_day_old() {
    let mut harness = unchanged_harness().await;
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    harness.wait(5);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    become_unchanged(&mut harness).await;
    let used = |harness: &ControllerHarness| harness.view.account.status.removals.as_ref().unwrap().used;
    assert_eq!(used(&harness), 1);
    harness.wait(22 * 60);
    assert!(harness.pass().await.is_unchanged());
    harness.wait(2 * 60);
    assert!(!harness.pass().await.is_unchanged());
    assert_eq!(used(&harness), 0);
}

#[tokio::test]
async fn ends_with_the_process_and_with_what_an_earlier_one_has_kept() {
    let mut harness = unchanged_harness().await;
    harness.restart();
    assert!(!harness.pass().await.is_unchanged());
    become_unchanged(&mut harness).await;
    harness.status_store.put(Some("what an earlier leader has cleared".to_owned()));
    assert!(!harness.pass().await.is_unchanged());
}
