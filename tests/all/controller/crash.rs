//! The controller dies in the middle of a pass, at any call: what has to outlive it was written into the account's status
//! before. Without a cluster: objects in memory, a sandbox in process, virtual time.

use crate::controller::pass::{bound, desk_on, harness, holders, plain, truth};
use crate::support::controller_harness::ControllerHarness;
use koreconcile::manifest::kinds::Kind;
use koreconcile::manifest::kinds::account::ModeSpec;
use koreconcile::manifest::kinds::status::IN_FLIGHT_MAX;
use koreconcile::sandbox::{Dialect, NewBot, PutAssignments};
use serde_json::{Value, json};

const JANE: &str = "jane@example.com";

/// Bots that jane may use.
fn assigned(harness: &ControllerHarness) -> Vec<String> {
    truth(harness).users[JANE].assignments.keys().cloned().collect()
}

/// Where the platform adds to a list of assignments, and jane is to lose one of two.
async fn about_to_clear() -> ControllerHarness {
    let dialect = Dialect { put_assignments: PutAssignments::Adds, ..Dialect::default() };
    let mut harness = desk_on(dialect, json!({}));
    let owner = Some("owner@example.com".to_owned());
    harness.engine.admin.add_bot(&NewBot { owner, ..NewBot::named("Travel") }).unwrap();
    for bot in ["Banking", "Travel"] {
        harness.engine.admin.assign(JANE, bot, None).unwrap();
    }
    harness.pass().await;
    harness.declare(Kind::BotAssignment, "travel", travel());
    harness.wait(1);
    harness.pass().await;
    harness.wait(3);
    harness
}

fn travel() -> Value {
    json!({ "bot": "Travel", "subjects": [{ "user": "sam@example.com" }], "absent": [{ "user": JANE }] })
}

#[tokio::test]
async fn between_clearing_and_sending_anew_loses_no_assignment() {
    // The whole pass, to know its calls.
    let mut whole = about_to_clear().await;
    let before = whole.engine.kill_point.sent();
    whole.pass().await;
    let calls = whole.engine.kill_point.sent() - before;
    assert_eq!(assigned(&whole), ["Banking"]);

    let mut cleared = 0;
    for call in 1..=calls {
        let mut harness = about_to_clear().await;
        assert!(harness.pass_killed_before(call).await, "call {call} of {calls}");
        let kept = harness.status_store.in_flight();
        if assigned(&harness).is_empty() {
            cleared += 1;
            let kept = kept.as_ref().expect("what jane had is nowhere");
            assert!(kept.len() < IN_FLIGHT_MAX && kept.contains(JANE), "{kept}");
        }
        let was_cleared = assigned(&harness).is_empty();
        let done = harness.pass().await;
        assert!(!was_cleared || assigned(&harness) == ["Banking"], "killed before call {call}");
        // Whoever starts anew waits for things to settle before anything is taken away.
        harness.wait(3);
        harness.pass().await;
        assert_eq!(harness.status_store.in_flight(), None, "killed before call {call}");
        assert_eq!(assigned(&harness), ["Banking"], "killed before call {call}");
        assert!(truth(&harness).users["sam@example.com"].assignments.contains_key("Travel"));
        assert_eq!(done.report.account.in_flight, None, "it is written apart from the rest");
        let ready = harness.ready(Kind::BotAssignment, "travel");
        assert!(ready.starts_with("True UpToDate"), "killed before call {call}: {ready}");
    }
    assert_eq!(cleared, 1, "the moment with nothing is among them once");
}

/// Killed at the one moment in which jane has nothing.
async fn cleared() -> ControllerHarness {
    for call in 1.. {
        let mut harness = about_to_clear().await;
        assert!(harness.pass_killed_before(call).await, "nothing is ever cleared");
        if assigned(&harness).is_empty() {
            return harness;
        }
    }
    unreachable!("calls have numbers without end")
}

#[tokio::test]
async fn leaves_what_was_cleared_alone_while_the_account_is_only_observed() {
    let mut harness = cleared().await;
    harness.view.account.spec.mode = ModeSpec::Observe;
    harness.pass().await;
    assert_eq!(assigned(&harness), Vec::<String>::new());
    assert!(harness.status_store.in_flight().is_some());
    harness.view.account.spec.mode = ModeSpec::Enforce;
    harness.pass().await;
    assert_eq!(assigned(&harness), ["Banking"]);
}

#[tokio::test]
async fn crash_whose_assignments_are_not_taken_back_is_told_and_the_rest_goes_on() {
    let mut harness = cleared().await;
    harness.engine.admin.delete_bot("Banking").unwrap();
    harness.declare(Kind::User, "kim", json!({ "email": "kim@example.com", "lastName": "Kaya" }));
    let done = harness.pass().await;
    let ready = harness.account_ready();
    assert!(ready.starts_with("False Failed: assignments left over from an interrupted run"), "{ready}");
    assert!(harness.status_store.in_flight().is_some(), "it is tried again");
    assert_eq!(done.schedule.next, harness.now() + jiff::SignedDuration::from_mins(1));
    assert_eq!(truth(&harness).users["kim@example.com"].last_name, "Kaya");
}

#[tokio::test]
async fn cannot_lose_what_is_not_cleared_because_it_cannot_be_kept() {
    let mut harness = about_to_clear().await;
    *harness.status_store.jam.lock().unwrap() = Some("the API server is away".to_owned());
    harness.pass().await;
    assert_eq!(assigned(&harness), ["Banking", "Travel"]);
    *harness.status_store.jam.lock().unwrap() = None;
    harness.wait(1);
    harness.pass().await;
    assert_eq!(assigned(&harness), ["Banking"]);
}

/// Two of four are about to lose a role, in a call each, and two is all that a day allows.
async fn about_to_remove() -> ControllerHarness {
    let safety = json!({ "maxRemovals": 2, "maxRemovalsPercent": 100, "settle": "2m" });
    let mut harness = harness(json!({ "batchSize": 1, "safety": safety }));
    bound(&mut harness, &["jane", "kim", "pat", "sam"]).await;
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim"]));
    harness.pass().await;
    assert_eq!(holders(&harness).len(), 4, "removals settle first");
    harness.wait(3);
    harness
}

fn window(harness: &ControllerHarness) -> Value {
    serde_json::to_value(harness.view.account.status.removals.as_ref().unwrap()).unwrap()
}

#[tokio::test]
async fn forgets_no_removal_and_counts_none_twice() {
    let mut whole = about_to_remove().await;
    let before = whole.engine.kill_point.sent();
    whole.pass().await;
    let calls = whole.engine.kill_point.sent() - before;
    assert_eq!((holders(&whole).len(), &window(&whole)["used"]), (2, &json!(2)));

    let mut gone_at_death = Vec::new();
    for call in 1..=calls {
        let mut harness = about_to_remove().await;
        assert!(harness.pass_killed_before(call).await, "call {call} of {calls}");
        let gone = 4 - holders(&harness).len();
        gone_at_death.push(gone);
        assert!(
            gone == 0 || window(&harness)["used"] == 2,
            "killed before call {call}: {}",
            window(&harness)
        );
        // Whoever starts anew waits for things to settle; what was not sent is sent now, and room for nothing else is left.
        harness.pass().await;
        harness.wait(3);
        harness.pass().await;
        assert_eq!(holders(&harness), ["jane", "kim"], "killed before call {call}");
        assert_eq!(window(&harness)["used"], 2, "killed before call {call}: {}", window(&harness));
        harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
        harness.pass().await;
        harness.wait(3);
        harness.pass().await;
        assert_eq!(holders(&harness), ["jane", "kim"], "the ceiling holds, killed before call {call}");
        let ready = harness.ready(Kind::RoleBinding, "developers");
        assert!(ready.contains("1 removal besides 2 in the last 24 hours, 2 allowed"), "{ready}");
    }
    gone_at_death.dedup();
    assert_eq!(gone_at_death, [0, 1, 2], "it died before, between and after");
}

#[tokio::test]
async fn cannot_hide_removals_that_are_not_sent_because_they_cannot_be_counted() {
    let mut harness = about_to_remove().await;
    *harness.status_store.jam.lock().unwrap() = Some("the API server is away".to_owned());
    harness.pass().await;
    assert_eq!(holders(&harness).len(), 4);
    let ready = harness.account_ready();
    assert!(ready.starts_with("False Progressing: 2 changes not applied, 0 of them failed"), "{ready}");
    *harness.status_store.jam.lock().unwrap() = None;
    harness.wait(1);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim"]);
    assert!(window(&harness)["recent"][0].get("underWay").is_none(), "{}", window(&harness));
}
