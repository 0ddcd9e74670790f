//! Objects that are paused or only observed by `koreconcile.dev/mode` (decision 0034).

use super::pass::{developers, harness, holders, plain};
use crate::support::controller_harness::ControllerHarness;
use jiff::SignedDuration;
use koreconcile::controller::ObjectMode;
use koreconcile::manifest::kinds::{Kind, Spec};
use koreconcile::sandbox::Holder;
use serde_json::{Value, json};

fn annotate(harness: &mut ControllerHarness, kind: Kind, name: &str, mode: Option<&str>) {
    harness.find(kind, name).unwrap().meta.mode = ObjectMode::of_annotation(mode);
}

async fn passes(harness: &mut ControllerHarness) {
    for _ in 0..4 {
        harness.wait(5);
        harness.pass().await;
    }
}

fn writes(harness: &ControllerHarness) -> u64 {
    harness.engine.sandbox.faults().calls()
}

fn click(harness: &ControllerHarness, name: &str) {
    let holder = Holder::User(format!("{name}@example.com"));
    harness.engine.admin.bind(&holder, "Bot Developer", Some("Banking")).unwrap();
}

/// Changes of the account's plan, blocked entries and manual steps.
fn left(harness: &ControllerHarness) -> (u32, u32, u32) {
    let counts = harness.view.account.status.counts.clone().unwrap();
    (counts.changes, counts.blocked, counts.manual)
}

#[tokio::test]
async fn paused_object_gives_and_takes_nothing_until_it_goes_on() {
    for mode in ["Paused", "paused", ""] {
        let mut harness = harness(json!({
            "ownership": { "roleBindings": "Remove" },
            "safety": { "maxRemovalsPercent": 100 },
        }));
        harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
        passes(&mut harness).await;
        assert_eq!(holders(&harness), ["jane", "sam"]);

        annotate(&mut harness, Kind::RoleBinding, "developers", Some(mode));
        harness.declare(Kind::RoleBinding, "developers", plain(&["sam", "kim"]));
        click(&harness, "pat");
        passes(&mut harness).await;
        assert_eq!(holders(&harness), ["jane", "pat", "sam"], "{mode}: neither added, retired nor pruned");
        let ready = harness.ready(Kind::RoleBinding, "developers");
        let said = match mode {
            "Paused" => "koreconcile.dev/mode is Paused: nothing that it declares is added or removed, except what ends".to_owned(),
            other => format!("koreconcile.dev/mode is \"{other}\" and counts as Paused; write Enforce, Observe or Paused"),
        };
        assert_eq!(ready, format!("False Paused: {said}"));
        assert_eq!(left(&harness), (0, 0, 0), "it is no fault of the account");
        let account = harness.account_ready();
        let named =
            "1 object is paused or only observed (koreconcile.dev/mode): KoreRoleBinding platform/developers";
        assert!(account.starts_with("True UpToDate") && account.contains(named), "{account}");

        annotate(&mut harness, Kind::RoleBinding, "developers", Some("Enforce"));
        passes(&mut harness).await;
        // Whoever came to an authoritative list meanwhile is proposed for removal first.
        assert_eq!(holders(&harness), ["kim", "pat", "sam"], "{mode}: what was edited meanwhile counts");
    }
}

#[tokio::test]
async fn others_go_on_beside_a_paused_object() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    annotate(&mut harness, Kind::RoleBinding, "developers", Some("Paused"));
    let testers = json!({ "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking",
        "subjects": [{ "user": "jane@example.com" }] });
    harness.declare(Kind::RoleBinding, "testers", testers);
    passes(&mut harness).await;
    assert_eq!(holders(&harness), Vec::<String>::new());
    assert_eq!(harness.ready(Kind::RoleBinding, "testers"), "True UpToDate: the account is as declared");
}

#[tokio::test]
async fn end_holds_while_its_object_is_paused() {
    let mut harness = harness(json!({}));
    let at = harness.now() + SignedDuration::from_mins(60);
    let until = |at: &str| {
        let subjects =
            json!([{ "user": "jane@example.com", "expiresAt": at }, { "user": "sam@example.com" }]);
        developers(&[], &json!({ "membership": "Additive", "subjects": subjects }))
    };
    harness.declare(Kind::RoleBinding, "developers", until(&at.to_string()));
    passes(&mut harness).await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    annotate(&mut harness, Kind::RoleBinding, "developers", Some("Paused"));
    // An edit does not count while it is paused, and so the later end does not.
    harness.declare(Kind::RoleBinding, "developers", until("2099-01-01T00:00:00Z"));
    harness.wait(20);
    let done = harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    assert!(done.schedule.next <= at);
    harness.wait(20);
    passes(&mut harness).await;
    assert_eq!(holders(&harness), ["sam"]);
}

#[tokio::test]
async fn observed_object_says_what_it_would_change_and_changes_nothing() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    annotate(&mut harness, Kind::RoleBinding, "developers", Some("Observe"));
    click(&harness, "sam");
    let before = writes(&harness);
    passes(&mut harness).await;
    assert_eq!(holders(&harness), ["sam"]);
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert_eq!(
        ready,
        "True Drift: would be changed: + jane@example.com: Bot Developer on Banking (and 1 more); \
         koreconcile.dev/mode is Observe"
    );
    assert!(writes(&harness) > before, "the account is read");
    assert_eq!(left(&harness), (0, 0, 0));
    // What it names and nobody knows is told, too.
    harness.declare(Kind::RoleBinding, "developers", developers(&["sam"], &json!({ "bot": "Bankng" })));
    harness.pass().await;
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("True Drift: ") && ready.contains("Bankng"), "{ready}");

    harness.declare(Kind::RoleBinding, "developers", plain(&["sam"]));
    harness.pass().await;
    let nothing = "True UpToDate: nothing would be changed; koreconcile.dev/mode is Observe";
    assert_eq!(harness.ready(Kind::RoleBinding, "developers"), nothing);
    // It has asked for nothing: nothing is taken back when it goes.
    harness.delete(Kind::RoleBinding, "developers");
    passes(&mut harness).await;
    assert_eq!(holders(&harness), ["sam"]);
}

#[tokio::test]
async fn every_kind_that_grants_can_be_paused_and_the_others_say_that_they_cannot() {
    let role = json!({ "type": "Bot", "name": "Bot Tester" });
    for (kind, spec, can) in [
        (Kind::User, json!({ "email": "new@example.com" }), true),
        (Kind::Role, json!({ "type": "Bot", "name": "Reader", "permissions": { "Dashboard": "YES" } }), true),
        (Kind::GroupMembership, json!({ "group": "QA", "subjects": [{ "user": "jane@example.com" }] }), true),
        (
            Kind::RoleBinding,
            json!({ "role": role, "bot": "Banking", "subjects": [{ "user": "jane@example.com" }] }),
            true,
        ),
        (
            Kind::BotAssignment,
            json!({ "bot": "Banking", "subjects": [{ "user": "jane@example.com" }] }),
            true,
        ),
        (Kind::Team, json!({ "members": ["jane@example.com"] }), false),
        (Kind::Policy, policy(), false),
        (Kind::PolicyException, json!({ "policy": "rule", "expiresAt": "2099-01-01T00:00:00Z" }), false),
        (Kind::Baseline, json!({ "facts": [] }), false),
    ] {
        assert!(Spec::from_value(kind, spec.clone()).is_ok(), "{kind}: {spec}");
        let mut harness = harness(json!({}));
        if kind == Kind::PolicyException {
            harness.declare(Kind::Policy, "rule", policy());
        }
        harness.declare(kind, "one", spec);
        annotate(&mut harness, kind, "one", Some("Paused"));
        let before = harness.engine.admin.snapshot().unwrap();
        passes(&mut harness).await;
        let ready = harness.ready(kind, "one");
        if can {
            assert!(ready.starts_with("False Paused: "), "{kind}: {ready}");
        } else {
            assert!(
                ready.starts_with("False Invalid: koreconcile.dev/mode has no effect on a "),
                "{kind}: {ready}"
            );
        }
        let after = harness.engine.admin.snapshot().unwrap();
        assert_eq!(before.users, after.users, "{kind}");
        assert_eq!(before.roles, after.roles, "{kind}");
    }
}

fn policy() -> Value {
    json!({ "validationActions": ["Warn"], "allow": {} })
}

#[tokio::test]
async fn account_with_the_annotation_is_not_touched() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.view.account.meta.mode = ObjectMode::of_annotation(Some("Paused"));
    let before = writes(&harness);
    passes(&mut harness).await;
    assert_eq!(writes(&harness), before);
    let ready = harness.account_ready();
    assert!(
        ready.starts_with("False Invalid: koreconcile.dev/mode is for the objects of an account"),
        "{ready}"
    );
    harness.view.account.meta.mode = ObjectMode::Enforce;
    passes(&mut harness).await;
    assert_eq!(holders(&harness), ["jane"]);
}
