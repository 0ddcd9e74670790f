//! The controller dies in the middle of a pass, at any call: what has to outlive it was written into the account's status
//! before. Without a cluster: objects in memory, a sandbox in process, virtual time.

use crate::controller_pass::{bound, desk, desk_on, holders, plain, truth};
use crate::support::desk::Desk;
use koreconcile::manifest::kinds::Kind;
use koreconcile::manifest::kinds::account::ModeSpec;
use koreconcile::manifest::kinds::status::IN_FLIGHT_MAX;
use koreconcile::sandbox::{Dialect, NewBot, PutAssignments};
use serde_json::{Value, json};

const JANE: &str = "jane@example.com";

/// Bots that jane may use.
fn assigned(desk: &Desk) -> Vec<String> {
    truth(desk).users[JANE].assignments.keys().cloned().collect()
}

/// Where the platform adds to a list of assignments, and jane is to lose one of two.
async fn about_to_clear() -> Desk {
    let dialect = Dialect { put_assignments: PutAssignments::Adds, ..Dialect::default() };
    let mut desk = desk_on(dialect, json!({}));
    let owner = Some("owner@example.com".to_owned());
    desk.engine.admin.add_bot(&NewBot { owner, ..NewBot::named("Travel") }).unwrap();
    for bot in ["Banking", "Travel"] {
        desk.engine.admin.assign(JANE, bot, None).unwrap();
    }
    desk.pass().await;
    desk.declare(Kind::BotAssignment, "travel", travel());
    desk.wait(1);
    desk.pass().await;
    desk.wait(3);
    desk
}

fn travel() -> Value {
    json!({ "bot": "Travel", "subjects": [{ "user": "sam@example.com" }], "absent": [{ "user": JANE }] })
}

#[tokio::test]
async fn controller_crash_between_clearing_and_sending_anew_loses_no_assignment() {
    // The whole pass, to know its calls.
    let mut whole = about_to_clear().await;
    let before = whole.engine.cut.sent();
    whole.pass().await;
    let calls = whole.engine.cut.sent() - before;
    assert_eq!(assigned(&whole), ["Banking"]);

    let mut cleared = 0;
    for call in 1..=calls {
        let mut desk = about_to_clear().await;
        assert!(desk.pass_killed_before(call).await, "call {call} of {calls}");
        let kept = desk.drawer.in_flight();
        if assigned(&desk).is_empty() {
            cleared += 1;
            let kept = kept.as_ref().expect("what jane had is nowhere");
            assert!(kept.len() < IN_FLIGHT_MAX && kept.contains(JANE), "{kept}");
        }
        let was_cleared = assigned(&desk).is_empty();
        let done = desk.pass().await;
        assert!(!was_cleared || assigned(&desk) == ["Banking"], "killed before call {call}");
        // Whoever starts anew waits for things to settle before anything is taken away.
        desk.wait(3);
        desk.pass().await;
        assert_eq!(desk.drawer.in_flight(), None, "killed before call {call}");
        assert_eq!(assigned(&desk), ["Banking"], "killed before call {call}");
        assert!(truth(&desk).users["sam@example.com"].assignments.contains_key("Travel"));
        assert_eq!(done.account.in_flight, None, "it is written apart from the rest");
        let ready = desk.ready(Kind::BotAssignment, "travel");
        assert!(ready.starts_with("True UpToDate"), "killed before call {call}: {ready}");
    }
    assert_eq!(cleared, 1, "the moment with nothing is among them once");
}

/// Killed at the one moment in which jane has nothing.
async fn cleared() -> Desk {
    for call in 1.. {
        let mut desk = about_to_clear().await;
        assert!(desk.pass_killed_before(call).await, "nothing is ever cleared");
        if assigned(&desk).is_empty() {
            return desk;
        }
    }
    unreachable!("calls have numbers without end")
}

#[tokio::test]
async fn controller_crash_leaves_what_was_cleared_alone_while_the_account_is_only_observed() {
    let mut desk = cleared().await;
    desk.view.account.spec.mode = ModeSpec::Observe;
    desk.pass().await;
    assert_eq!(assigned(&desk), Vec::<String>::new());
    assert!(desk.drawer.in_flight().is_some());
    desk.view.account.spec.mode = ModeSpec::Enforce;
    desk.pass().await;
    assert_eq!(assigned(&desk), ["Banking"]);
}

#[tokio::test]
async fn controller_crash_whose_assignments_are_not_taken_back_is_told_and_the_rest_goes_on() {
    let mut desk = cleared().await;
    desk.engine.admin.delete_bot("Banking").unwrap();
    desk.declare(Kind::User, "kim", json!({ "email": "kim@example.com", "lastName": "Kaya" }));
    let done = desk.pass().await;
    let ready = desk.account_ready();
    assert!(ready.starts_with("False Failed: assignments left over from an interrupted run"), "{ready}");
    assert!(desk.drawer.in_flight().is_some(), "it is tried again");
    assert_eq!(done.next, desk.now() + jiff::SignedDuration::from_mins(1));
    assert_eq!(truth(&desk).users["kim@example.com"].last_name, "Kaya");
}

#[tokio::test]
async fn controller_crash_cannot_lose_what_is_not_cleared_because_it_cannot_be_kept() {
    let mut desk = about_to_clear().await;
    *desk.drawer.jam.lock().unwrap() = Some("the API server is away".to_owned());
    desk.pass().await;
    assert_eq!(assigned(&desk), ["Banking", "Travel"]);
    *desk.drawer.jam.lock().unwrap() = None;
    desk.wait(1);
    desk.pass().await;
    assert_eq!(assigned(&desk), ["Banking"]);
}

/// Two of four are about to lose a role, in a call each, and two is all that a day allows.
async fn about_to_remove() -> Desk {
    let safety = json!({ "maxRemovals": 2, "maxRemovalsPercent": 100, "settle": "2m" });
    let mut desk = desk(json!({ "batchSize": 1, "safety": safety }));
    bound(&mut desk, &["jane", "kim", "pat", "sam"]).await;
    desk.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim"]));
    desk.pass().await;
    assert_eq!(holders(&desk).len(), 4, "removals settle first");
    desk.wait(3);
    desk
}

fn window(desk: &Desk) -> Value {
    serde_json::to_value(desk.view.account.status.removals.as_ref().unwrap()).unwrap()
}

#[tokio::test]
async fn controller_crash_forgets_no_removal_and_counts_none_twice() {
    let mut whole = about_to_remove().await;
    let before = whole.engine.cut.sent();
    whole.pass().await;
    let calls = whole.engine.cut.sent() - before;
    assert_eq!((holders(&whole).len(), &window(&whole)["used"]), (2, &json!(2)));

    let mut gone_at_death = Vec::new();
    for call in 1..=calls {
        let mut desk = about_to_remove().await;
        assert!(desk.pass_killed_before(call).await, "call {call} of {calls}");
        let gone = 4 - holders(&desk).len();
        gone_at_death.push(gone);
        assert!(gone == 0 || window(&desk)["used"] == 2, "killed before call {call}: {}", window(&desk));
        // Whoever starts anew waits for things to settle; what was not sent is sent now, and room for nothing else is left.
        desk.pass().await;
        desk.wait(3);
        desk.pass().await;
        assert_eq!(holders(&desk), ["jane", "kim"], "killed before call {call}");
        assert_eq!(window(&desk)["used"], 2, "killed before call {call}: {}", window(&desk));
        desk.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
        desk.pass().await;
        desk.wait(3);
        desk.pass().await;
        assert_eq!(holders(&desk), ["jane", "kim"], "the ceiling holds, killed before call {call}");
        let ready = desk.ready(Kind::RoleBinding, "developers");
        assert!(ready.contains("1 removal besides 2 in the last 24 hours, 2 allowed"), "{ready}");
    }
    gone_at_death.dedup();
    assert_eq!(gone_at_death, [0, 1, 2], "it died before, between and after");
}

#[tokio::test]
async fn controller_crash_cannot_hide_removals_that_are_not_sent_because_they_cannot_be_counted() {
    let mut desk = about_to_remove().await;
    *desk.drawer.jam.lock().unwrap() = Some("the API server is away".to_owned());
    desk.pass().await;
    assert_eq!(holders(&desk).len(), 4);
    let ready = desk.account_ready();
    assert!(ready.starts_with("False Progressing: 2 changes not applied, 0 of them failed"), "{ready}");
    *desk.drawer.jam.lock().unwrap() = None;
    desk.wait(1);
    desk.pass().await;
    assert_eq!(holders(&desk), ["jane", "kim"]);
    assert!(window(&desk)["recent"][0].get("underWay").is_none(), "{}", window(&desk));
}
