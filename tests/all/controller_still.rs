//! A pass that knows nothing new comes to what the pass before came to, without thinking, and anything new ends that.

use crate::controller_pass::{bound, desk, holders, plain};
use crate::support::desk::Desk;
use koreconcile::controller::{Known, Pass};
use koreconcile::manifest::kinds::Kind;
use koreconcile::sandbox::Holder;
use serde_json::{Value, json};

/// A desk where the last pass found nothing to do and nothing to write down.
async fn still_desk() -> Desk {
    let mut desk = desk(json!({ "safety": { "maxRemovals": 100, "maxRemovalsPercent": 100 } }));
    bound(&mut desk, &["jane", "sam"]).await;
    come_to_rest(&mut desk).await;
    desk
}

async fn come_to_rest(desk: &mut Desk) {
    for _ in 0..4 {
        desk.wait(5);
        if desk.pass().await.is_still {
            return;
        }
    }
    panic!("it never comes to rest: {}", desk.account_ready());
}

/// One pass more, by one who remembers nothing, comes to the same.
pub async fn thinking_agrees(desk: &mut Desk, still: &Pass) {
    let (before, fresh) = (desk.view.clone(), Known::restored(&desk.view));
    let known = std::mem::replace(&mut desk.known, fresh);
    let thought = desk.pass().await;
    desk.known = known;
    assert!(!thought.is_still);
    assert_eq!(desk.written(&before), Vec::<String>::new());
    assert_eq!(thought.news, []);
    assert!(thought.outcome.is_none());
    assert_eq!((thought.next, &thought.account), (still.next, &still.account));
    let digest = |pass: &Pass| pass.plan.as_ref().unwrap().digest.to_string();
    assert_eq!(digest(&thought), digest(still));
}

#[tokio::test]
async fn controller_still_costs_the_calls_of_a_read_and_says_what_thinking_says() {
    let mut desk = still_desk().await;
    for _ in 0..3 {
        desk.wait(30);
        let (before, sent) = (desk.view.clone(), desk.engine.cut.sent());
        let done = desk.pass().await;
        assert!(done.is_still);
        assert_eq!(desk.engine.cut.sent() - sent, done.account.calls.as_ref().unwrap().per_read as usize);
        assert_eq!(desk.written(&before), Vec::<String>::new());
        thinking_agrees(&mut desk, &done).await;
    }
}

#[tokio::test]
async fn controller_still_ends_with_an_edit_of_anything_that_a_pass_looks_at() {
    type Edit = fn(&mut Desk);
    let edits: [(&str, Edit); 6] = [
        ("an object", |desk| desk.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam", "kim"]))),
        ("one more object", |desk| desk.user("new")),
        ("one less", |desk| desk.delete(Kind::User, "pat")),
        ("the account", |desk| {
            desk.view.account.meta.generation += 1;
            desk.view.account.spec.interval = "3h".to_owned();
        }),
        ("an approval", |desk| desk.approve(Some("0000"), &[])),
        ("a kind that can't be listed", |desk| desk.view.gap = Some("KoreTeam cannot be listed".to_owned())),
    ];
    for (what, edit) in edits {
        let mut desk = still_desk().await;
        edit(&mut desk);
        assert!(!desk.pass().await.is_still, "{what}");
    }
}

#[tokio::test]
async fn controller_still_ends_with_anything_new_in_the_account() {
    let mut desk = still_desk().await;
    let kim = Holder::User("kim@example.com".to_owned());
    desk.engine.admin.bind(&kim, "Bot Developer", Some("Banking")).unwrap();
    desk.wait(5);
    assert!(!desk.pass().await.is_still);
    assert_eq!(holders(&desk), ["jane", "sam"]);
    come_to_rest(&mut desk).await;

    // Back to what it was before is news as well: nobody has looked in between.
    desk.engine
        .admin
        .unbind(&Holder::User("sam@example.com".to_owned()), "Bot Developer", Some("Banking"))
        .unwrap();
    assert!(!desk.pass().await.is_still);
    assert_eq!(holders(&desk), ["jane", "sam"]);
}

#[tokio::test]
async fn controller_still_ends_when_a_grant_does() {
    let mut desk = still_desk().await;
    let expiry = desk.now() + jiff::SignedDuration::from_hours(9);
    let at = expiry.to_string();
    let subjects: Value = json!([{ "user": "kim@example.com", "expiresAt": at }]);
    let spec =
        json!({ "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking", "subjects": subjects });
    desk.declare(Kind::RoleBinding, "testers", spec);
    desk.pass().await;
    come_to_rest(&mut desk).await;
    let done = desk.pass().await;
    assert!(done.is_still);
    desk.wait(expiry.duration_since(desk.now()).as_mins() - 3);
    let done = desk.pass().await;
    assert!(done.is_still);
    assert_eq!(done.next.to_string(), at, "the next pass is when the grant ends");
    thinking_agrees(&mut desk, &done).await;
    desk.wait(3);
    assert!(!desk.pass().await.is_still);
}

#[tokio::test]
async fn controller_still_ends_when_an_invitation_has_been_open_for_too_long() {
    let mut desk = still_desk().await;
    desk.user("ann");
    desk.pass().await;
    come_to_rest(&mut desk).await;
    assert!(desk.ready(Kind::User, "ann").starts_with("True WaitingForAcceptance"));
    desk.wait(6 * 24 * 60);
    let done = desk.pass().await;
    assert!(done.is_still);
    thinking_agrees(&mut desk, &done).await;
    desk.wait(24 * 60);
    assert!(!desk.pass().await.is_still);
    assert!(desk.ready(Kind::User, "ann").starts_with("False InvitationOverdue"));
}

#[tokio::test]
async fn controller_still_ends_when_a_removal_is_a_day_old() {
    let mut desk = still_desk().await;
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    desk.pass().await;
    desk.wait(5);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane"]);
    come_to_rest(&mut desk).await;
    let used = |desk: &Desk| desk.view.account.status.removals.as_ref().unwrap().used;
    assert_eq!(used(&desk), 1);
    desk.wait(22 * 60);
    assert!(desk.pass().await.is_still);
    desk.wait(2 * 60);
    assert!(!desk.pass().await.is_still);
    assert_eq!(used(&desk), 0);
}

#[tokio::test]
async fn controller_still_ends_with_the_process_and_with_what_an_earlier_one_has_kept() {
    let mut desk = still_desk().await;
    desk.restart();
    assert!(!desk.pass().await.is_still);
    come_to_rest(&mut desk).await;
    desk.drawer.put(Some("what an earlier leader has cleared".to_owned()));
    assert!(!desk.pass().await.is_still);
}
