//! What a controller takes back when objects stop declaring it, and what it never takes back: without a cluster, in
//! virtual time.

use super::pass::{bound, developers, holders, plain, truth};
use crate::support::controller_harness::ControllerHarness;
use jiff::SignedDuration;
use koreconcile::controller::{Missing, ObjectRef};
use koreconcile::manifest::kinds::Kind;
use koreconcile::sandbox::{Holder, NewGroup, UserState};
use serde_json::{Value, json};
use std::sync::Arc;

fn additive(names: &[&str], more: &Value) -> Value {
    let mut spec = developers(names, &json!({ "membership": "Additive" }));
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    spec
}

/// With ceilings that are no limit here, unless the account says else.
fn harness(account: &Value) -> ControllerHarness {
    let mut spec = json!({ "safety": { "maxRemovals": 100, "maxRemovalsPercent": 100 } });
    for (key, value) in account.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    super::pass::harness(spec)
}

/// So many passes, three minutes apart.
async fn passes(harness: &mut ControllerHarness, count: usize) {
    for _ in 0..count {
        harness.wait(3);
        harness.pass().await;
    }
}

async fn declared(names: &[&str], more: &Value) -> ControllerHarness {
    let mut harness = harness(&json!({}));
    harness.declare(Kind::RoleBinding, "developers", additive(names, more));
    harness.pass().await;
    harness.wait(3);
    harness.pass().await;
    assert_eq!(holders(&harness), names);
    harness
}

#[tokio::test]
async fn deleting_an_object_takes_back_what_nothing_else_declares() {
    let mut harness = declared(&["jane", "sam"], &json!({})).await;
    harness.declare(Kind::RoleBinding, "others", additive(&["sam"], &json!({})));
    passes(&mut harness, 1).await;
    harness.delete(Kind::RoleBinding, "developers");
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"], "removals settle first");
    passes(&mut harness, 1).await;
    assert_eq!(holders(&harness), ["sam"]);
    // What is seen gone is forgotten, and nothing is written from then on.
    passes(&mut harness, 2).await;
    let (memory, writes) =
        (harness.status_store.memory(), *harness.status_store.remembered_writes.lock().unwrap());
    assert!(!format!("{:?}", memory.facts).contains("jane@example.com\"), BotRole"), "{:?}", memory.facts);
    passes(&mut harness, 3).await;
    assert_eq!(*harness.status_store.remembered_writes.lock().unwrap(), writes);
}

#[tokio::test]
async fn a_line_that_goes_takes_back_what_it_gave() {
    let mut harness = declared(&["jane", "sam"], &json!({})).await;
    harness.declare(Kind::RoleBinding, "developers", additive(&["jane"], &json!({})));
    harness.pass().await;
    passes(&mut harness, 1).await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn an_object_that_retains_or_is_orphaned_leaves_what_it_gave() {
    for (more, is_orphaned) in [(json!({ "deletionPolicy": "Retain" }), false), (json!({}), true)] {
        let mut harness = declared(&["jane"], &more).await;
        harness.find(Kind::RoleBinding, "developers").unwrap().meta.is_orphaned = is_orphaned;
        harness.delete(Kind::RoleBinding, "developers");
        passes(&mut harness, 4).await;
        assert_eq!(holders(&harness), ["jane"]);
        let plan = harness.pass().await.plan.unwrap();
        assert_eq!(plan.unmanaged.iter().filter(|fact| fact.subject.to_string().contains("jane")).count(), 1);
    }
}

#[tokio::test]
async fn the_last_version_of_an_object_decides_what_its_deletion_means() {
    let mut harness = declared(&["jane"], &json!({})).await;
    // Both between two passes.
    harness.declare(
        Kind::RoleBinding,
        "developers",
        additive(&["jane"], &json!({ "deletionPolicy": "Retain" })),
    );
    harness.delete(Kind::RoleBinding, "developers");
    passes(&mut harness, 4).await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn an_end_outlives_the_object_that_set_it() {
    for policy in ["Retain", "Remove"] {
        let mut harness = harness(&json!({}));
        let at = harness.now() + SignedDuration::from_mins(60);
        let subjects = json!([{ "user": "jane@example.com", "expiresAt": at.to_string() }]);
        let spec = additive(&[], &json!({ "subjects": subjects, "deletionPolicy": policy }));
        harness.declare(Kind::RoleBinding, "incident", spec);
        harness.pass().await;
        harness.delete(Kind::RoleBinding, "incident");
        passes(&mut harness, 3).await;
        let holds_before_its_end = holders(&harness);
        assert_eq!(holds_before_its_end == ["jane"], policy == "Retain", "{policy}");
        harness.wait(60);
        passes(&mut harness, 2).await;
        assert_eq!(holders(&harness), Vec::<String>::new(), "{policy}");
    }
}

#[tokio::test]
async fn an_end_that_was_over_when_it_was_written_is_an_ordinary_removal() {
    let mut harness = harness(&json!({ "approval": "Manual" }));
    harness
        .engine
        .admin
        .bind(&Holder::User("jane@example.com".to_owned()), "Bot Developer", Some("Banking"))
        .unwrap();
    let past = json!([{ "user": "jane@example.com", "expiresAt": "2020-01-01T00:00:00Z" }]);
    harness.declare(Kind::RoleBinding, "sneaky", additive(&[], &json!({ "subjects": past })));
    passes(&mut harness, 3).await;
    assert_eq!(holders(&harness), ["jane"], "an approval is needed as for any other removal");
    let ready = harness.ready(Kind::RoleBinding, "sneaky");
    assert!(ready.starts_with("False ApprovalRequired"), "{ready}");
}

#[tokio::test]
async fn an_end_that_is_moved_into_the_past_is_an_ordinary_removal() {
    let mut harness = harness(&json!({ "approval": "Manual" }));
    let until = |at: &str| json!({ "subjects": [{ "user": "jane@example.com", "expiresAt": at }] });
    harness.declare(Kind::RoleBinding, "developers", additive(&[], &until("2099-01-01T00:00:00Z")));
    harness.pass().await;
    let digest = harness.view.published[0].digest.clone();
    harness.approve(Some(&digest), &[]);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    harness.declare(Kind::RoleBinding, "developers", additive(&[], &until("2020-01-01T00:00:00Z")));
    passes(&mut harness, 3).await;
    assert_eq!(holders(&harness), ["jane"]);
}

/// An object of a kind that grants something to jane, by name; what shows that she has it.
type Renamed = (Kind, Value, fn(&ControllerHarness) -> bool);

fn jane_is_there(harness: &ControllerHarness) -> bool {
    truth(harness).users.get("jane@example.com").is_some_and(|user| user.state == UserState::Active)
}

fn jane_develops(harness: &ControllerHarness) -> bool {
    holders(harness).contains(&"jane".to_owned())
}

fn jane_is_assigned(harness: &ControllerHarness) -> bool {
    !truth(harness).users["jane@example.com"].assignments.is_empty()
}

fn renamed() -> [Renamed; 3] {
    let subjects = json!([{ "user": "jane@example.com" }]);
    let remove = json!({ "deletionPolicy": "Remove" });
    [
        (Kind::User, json!({ "email": "jane@example.com", "deletionPolicy": "Remove" }), jane_is_there),
        (Kind::RoleBinding, additive(&["jane"], &remove), jane_develops),
        (
            Kind::BotAssignment,
            json!({ "bot": "Banking", "subjects": subjects, "deletionPolicy": "Remove" }),
            jane_is_assigned,
        ),
    ]
}

#[tokio::test]
async fn renaming_an_object_takes_nothing_back_whichever_comes_first() {
    for (kind, spec, holds) in renamed() {
        for is_new_first in [true, false] {
            let mut harness = harness(&json!({ "approval": "Automatic" }));
            let old = if kind == Kind::User { "jane" } else { "old" };
            harness.declare(kind, old, spec.clone());
            harness.pass().await;
            passes(&mut harness, 2).await;
            assert!(holds(&harness), "{kind}");
            let removed = |harness: &ControllerHarness| {
                let counts = harness.engine.sandbox.requests().counts();
                counts
                    .iter()
                    .filter(|(endpoint, _)| endpoint.starts_with("DELETE"))
                    .map(|(_, count)| *count)
                    .sum::<usize>()
            };
            if is_new_first {
                harness.declare(kind, "new", spec.clone());
                harness.pass().await;
                harness.delete(kind, old);
            } else {
                harness.delete(kind, old);
                harness.pass().await;
                harness.declare(kind, "new", spec.clone());
            }
            passes(&mut harness, 12).await;
            assert!(holds(&harness), "{kind}, new first: {is_new_first}");
            assert_eq!(removed(&harness), 0, "{kind}, new first: {is_new_first}");
            assert!(harness.ready(kind, "new").starts_with("True"), "{}", harness.ready(kind, "new"));
        }
    }
}

#[tokio::test]
async fn a_team_and_the_binding_to_it_go_in_any_order() {
    for order in [["team", "binding"], ["binding", "team"]] {
        for gap in [0, 1, 5] {
            let mut harness = harness(&json!({}));
            harness.declare(
                Kind::Team,
                "crew",
                json!({ "members": ["jane@example.com", "sam@example.com"] }),
            );
            let to_team = json!({ "subjects": [{ "team": "crew" }], "membership": "Authoritative" });
            harness.declare(Kind::RoleBinding, "developers", developers(&[], &to_team));
            harness.pass().await;
            passes(&mut harness, 1).await;
            assert_eq!(holders(&harness), ["jane", "sam"]);
            for what in order {
                match what {
                    "team" => harness.delete(Kind::Team, "crew"),
                    _ => harness.delete(Kind::RoleBinding, "developers"),
                }
                if gap > 0 {
                    harness.wait(gap);
                    harness.pass().await;
                }
            }
            passes(&mut harness, 3).await;
            assert_eq!(holders(&harness), Vec::<String>::new(), "{order:?}, {gap} minutes apart");
        }
    }
}

#[tokio::test]
async fn what_nobody_saw_go_waits_a_quarter_of_an_hour_and_for_stillness() {
    let mut harness = declared(&["jane", "sam"], &json!({})).await;
    harness.restart();
    harness.vanish(Kind::RoleBinding, "developers");
    let started = harness.now();
    while harness.now() < started + SignedDuration::from_mins(14) {
        harness.pass().await;
        harness.wait(2);
        assert_eq!(holders(&harness), ["jane", "sam"], "{}", harness.now() - started);
    }
    passes(&mut harness, 1).await;
    assert_eq!(holders(&harness), Vec::<String>::new());
}

#[tokio::test]
async fn what_came_back_in_time_was_never_gone() {
    let mut harness = declared(&["jane"], &json!({})).await;
    harness.restart();
    harness.vanish(Kind::RoleBinding, "developers");
    passes(&mut harness, 3).await;
    harness.declare(Kind::RoleBinding, "developers", additive(&["jane"], &json!({})));
    passes(&mut harness, 8).await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn more_than_five_objects_that_nobody_saw_go_need_an_approval() {
    for count in [5_usize, 6] {
        let mut harness = harness(&json!({}));
        for at in 0..count {
            let who = ["jane", "sam", "kim", "pat"][at % 4];
            let group = format!("squad-{at}");
            harness.engine.admin.add_group(&NewGroup::named(&group)).unwrap();
            harness.declare(
                Kind::GroupMembership,
                &group,
                json!({ "group": group, "subjects": [{ "user": format!("{who}@example.com") }] }),
            );
        }
        harness.pass().await;
        passes(&mut harness, 1).await;
        let members = |harness: &ControllerHarness| {
            truth(harness).users.values().map(|user| user.groups.len()).sum::<usize>()
        };
        assert_eq!(members(&harness), count);
        harness.restart();
        for at in 0..count {
            harness.vanish(Kind::GroupMembership, &format!("squad-{at}"));
        }
        passes(&mut harness, 12).await;
        if count == 5 {
            assert_eq!(members(&harness), 0);
            continue;
        }
        assert_eq!(members(&harness), count);
        assert!(
            harness.account_ready().contains("6 objects that declared them are gone, and nobody saw them go"),
            "{}",
            harness.account_ready()
        );
        let digest = harness.view.published.last().unwrap().digest.clone();
        harness.approve(Some(&digest), &[]);
        passes(&mut harness, 2).await;
        assert_eq!(members(&harness), 0);
    }
}

#[tokio::test]
async fn an_object_that_moved_to_another_account_is_named_and_keeps_what_it_gave() {
    let mut harness = declared(&["jane"], &json!({})).await;
    harness.delete(Kind::RoleBinding, "developers");
    for missing in harness.view.missing.values_mut() {
        *missing = Missing::NotLoaded(
            "KoreRoleBinding platform/developers, which is not for this account".to_owned(),
        );
    }
    passes(&mut harness, 10).await;
    assert_eq!(holders(&harness), ["jane"]);
    let plan = harness.pass().await.plan.unwrap();
    assert!(
        plan.blocked.iter().any(|entry| entry.message.contains("which is not for this account")),
        "{:?}",
        plan.blocked
    );
}

#[tokio::test]
async fn while_anything_around_it_goes_nothing_is_taken_back() {
    let gone: [fn(&mut ControllerHarness); 2] = [
        |harness| harness.view.account.meta.deleted = Some(harness.now()),
        |harness| harness.view.gap = Some("namespace platform is being deleted".to_owned()),
    ];
    for go in gone {
        let mut harness = declared(&["jane"], &json!({})).await;
        go(&mut harness);
        harness.delete(Kind::RoleBinding, "developers");
        passes(&mut harness, 10).await;
        assert_eq!(holders(&harness), ["jane"]);
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_compiled_any_more_keeps_what_it_gave() {
    let mut harness = declared(&["jane"], &json!({})).await;
    harness.declare(
        Kind::RoleBinding,
        "developers",
        additive(&[], &json!({ "subjects": [{ "team": "nobody" }] })),
    );
    passes(&mut harness, 10).await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_remembered_first() {
    let mut harness = harness(&json!({}));
    harness.pass().await;
    harness.declare(Kind::RoleBinding, "developers", additive(&["jane"], &json!({})));
    *harness.status_store.jam.lock().unwrap() = Some("the API server is away".to_owned());
    harness.pass().await;
    assert_eq!(holders(&harness), Vec::<String>::new());
    let said = harness.account_ready();
    assert!(said.starts_with("False Failed: what is asked for could not be stored beforehand"), "{said}");
    *harness.status_store.jam.lock().unwrap() = None;
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn killed_between_remembering_and_sending_nothing_is_forgotten() {
    let mut calls = 1;
    loop {
        let mut harness = harness(&json!({}));
        harness.declare(Kind::RoleBinding, "developers", additive(&["jane"], &json!({})));
        let is_killed = harness.pass_killed_before(calls).await;
        // Nobody asks for it any more, and nobody saw the object go.
        harness.vanish(Kind::RoleBinding, "developers");
        passes(&mut harness, 12).await;
        assert_eq!(holders(&harness), Vec::<String>::new(), "killed before call {calls}");
        if !is_killed {
            break;
        }
        calls += 1;
    }
    assert!(calls > 5, "{calls}");
}

#[tokio::test]
async fn a_memory_that_is_missing_or_older_stops_the_account_until_it_is_accepted() {
    for is_missing in [true, false] {
        let mut harness = declared(&["jane"], &json!({})).await;
        let old = harness.status_store.memory();
        harness.declare(Kind::RoleBinding, "more", additive(&["sam"], &json!({})));
        passes(&mut harness, 2).await;
        harness.status_store.replace_memory((!is_missing).then_some(old));
        harness.restart();
        harness.delete(Kind::RoleBinding, "more");
        passes(&mut harness, 8).await;
        let said = harness.account_ready();
        assert!(said.starts_with("False MemoryLost: the memory of generation"), "{said}");
        assert_eq!(holders(&harness), ["jane", "sam"]);
        harness.view.account.meta.accept_memory = Some("2026-11-30".to_owned());
        harness.pass().await;
        assert!(harness.account_ready().starts_with("True"), "{}", harness.account_ready());
        // Accepted once: the next loss is told again.
        harness.status_store.replace_memory(None);
        harness.restart();
        harness.pass().await;
        assert!(harness.account_ready().starts_with("False MemoryLost"), "{}", harness.account_ready());
    }
}

#[tokio::test]
async fn what_another_account_object_declared_is_taken_over_only_by_hand() {
    let mut harness = declared(&["jane"], &json!({})).await;
    let mut memory = harness.status_store.memory();
    memory.declaration = Some("KoreAccount elsewhere/acme".to_owned());
    harness.status_store.replace_memory(Some(memory));
    harness.restart();
    harness.delete(Kind::RoleBinding, "developers");
    passes(&mut harness, 8).await;
    let said = harness.account_ready();
    assert!(said.starts_with("False AccountTaken") && said.contains("KoreAccount elsewhere/acme"), "{said}");
    assert_eq!(holders(&harness), ["jane"]);
    harness.view.account.meta.accept_memory = Some("yes".to_owned());
    passes(&mut harness, 8).await;
    assert_eq!(holders(&harness), Vec::<String>::new());
}

#[tokio::test]
async fn old_finalizers_are_released_by_the_first_pass() {
    let mut harness = harness(&json!({}));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.find(Kind::RoleBinding, "developers").unwrap().meta.has_finalizer = true;
    let done = harness.pass().await;
    let released = ObjectRef {
        kind: Kind::RoleBinding,
        namespace: Arc::from("platform"),
        name: Arc::from("developers"),
    };
    assert_eq!(done.housekeeping.remove_finalizer, [released]);
}

/// As a careless prune deletes: some objects a minute, in an order of its own.
async fn pruned(all: usize, a_minute: usize) {
    let mut harness = harness(&json!({ "safety": { "maxRemovals": 3, "maxRemovalsPercent": 100 } }));
    let names: Vec<String> = (0..all).map(|at| format!("squad-{at}")).collect();
    for name in &names {
        harness.engine.admin.add_group(&NewGroup::named(name)).unwrap();
        let spec = json!({ "group": name, "subjects": [{ "user": "jane@example.com" }] });
        harness.declare(Kind::GroupMembership, name, spec);
    }
    harness.pass().await;
    passes(&mut harness, 1).await;
    let groups = |harness: &ControllerHarness| truth(harness).users["jane@example.com"].groups.len();
    assert_eq!(groups(&harness), all);
    // 7 has no factor in common with how many there are: each comes once.
    let order: Vec<usize> = (0..all).map(|at| at * 7 % all).collect();
    for part in order.chunks(a_minute) {
        for at in part {
            harness.delete(Kind::GroupMembership, &names[*at]);
        }
        harness.wait(1);
        harness.pass().await;
    }
    // The first hour closely, then two days.
    for minutes in [5; 12].into_iter().chain([240; 12]) {
        harness.wait(minutes);
        harness.pass().await;
    }
    assert_eq!(groups(&harness), all, "until they are acknowledged");
}

#[tokio::test]
async fn deletions_of_one_minute_beyond_the_ceiling_take_nothing_away_today_or_tomorrow() {
    pruned(390, 390).await;
}

#[tokio::test]
async fn deletions_over_ten_minutes_beyond_the_ceiling_take_nothing_away_either() {
    pruned(500, 50).await;
}

#[tokio::test]
async fn a_privileged_holder_that_nobody_declared_is_an_event_once() {
    let mut harness = harness(&json!({}));
    bound(&mut harness, &["jane"]).await;
    harness.engine.admin.bind(&Holder::User("kim@example.com".to_owned()), "admin", None).unwrap();
    harness.wait(5);
    let done = harness.pass().await;
    let told: Vec<&str> = done
        .report
        .events
        .iter()
        .filter(|event| event.reason == "Unmanaged")
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(told.len(), 1, "{:?}", done.report.events);
    assert!(told[0].contains("kim@example.com") && told[0].contains("critical"), "{told:?}");
    harness.restart();
    harness.wait(5);
    let done = harness.pass().await;
    assert!(done.report.events.iter().all(|event| event.reason != "Unmanaged"), "{:?}", done.report.events);
}
