//! Ends of grants, where the clock of the node is off and where an object has an error or is paused.

use super::pass::{developers, harness, holders};
use jiff::{SignedDuration, Timestamp};
use koreconcile::controller::Broken;
use koreconcile::facts::ClockCheck;
use koreconcile::manifest::kinds::{Kind, ObjectStatus};
use serde_json::{Value, json};

fn until(at: Timestamp) -> Value {
    json!({ "membership": "Additive", "subjects": [{ "user": "jane@example.com", "expiresAt": at.to_string() }] })
}

#[tokio::test]
async fn clock_that_is_off_gives_nothing_with_an_end_and_takes_nothing_at_one() {
    let year = SignedDuration::from_hours(24 * 365);
    for policy in ["Retain", "Remove"] {
        let mut harness = harness(json!({}));
        let at = harness.now() + SignedDuration::from_mins(60);
        let mut spec = developers(&[], &until(at));
        spec["deletionPolicy"] = policy.into();
        harness.declare(Kind::RoleBinding, "incident", spec);
        harness.pass().await;
        assert_eq!(holders(&harness), ["jane"]);
        if policy == "Retain" {
            // The end outlives the object.
            harness.delete(Kind::RoleBinding, "incident");
            harness.pass().await;
        }

        // The clock of the node jumps.
        *harness.engine.clock_check.lock().unwrap() = ClockCheck::Ahead(-year);
        harness.wait(60 * 24 * 365);
        let late = json!([{ "user": "sam@example.com", "expiresAt": "2099-01-01T00:00:00Z" }]);
        let late = json!({ "membership": "Additive", "subjects": late });
        harness.declare(Kind::RoleBinding, "later", developers(&[], &late));
        for _ in 0..3 {
            harness.pass().await;
            harness.wait(5);
        }
        assert_eq!(holders(&harness), ["jane"], "{policy}");
        let ready = harness.ready(Kind::RoleBinding, "later");
        assert!(ready.starts_with("False ClockSkew: "), "{ready}");
        assert!(ready.contains("the clock of this machine is 31536000 s ahead of the platform's"), "{ready}");

        // It is set, by now after the end.
        *harness.engine.clock_check.lock().unwrap() = ClockCheck::Ahead(SignedDuration::from_secs(100));
        for _ in 0..3 {
            harness.pass().await;
            harness.wait(5);
        }
        assert_eq!(holders(&harness), ["sam"], "{policy}");
    }
}

#[tokio::test]
async fn end_that_was_applied_holds_while_its_object_has_an_error() {
    let mut harness = harness(json!({ "approval": "Manual" }));
    let at = harness.now() + SignedDuration::from_mins(60);
    harness.declare(Kind::RoleBinding, "incident", developers(&["kim"], &until(at)));
    let subjects =
        json!([{ "user": "jane@example.com", "expiresAt": at.to_string() }, { "user": "kim@example.com" }]);
    let spec = developers(&[], &json!({ "membership": "Additive", "subjects": subjects }));
    harness.declare(Kind::RoleBinding, "incident", spec);
    harness.pass().await;
    let digest = harness.view.published[0].digest.clone();
    harness.approve(Some(&digest), &[]);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim"]);

    let object = harness.find(Kind::RoleBinding, "incident").unwrap().clone();
    harness.view.objects.clear();
    let spec = developers(&[], &json!({ "subjects": 1 }));
    let why = "does not fit".to_owned();
    let status = ObjectStatus::default();
    harness.view.broken.push(Broken { meta: object.meta.clone(), spec, why, status });
    harness.wait(30);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim"]);
    harness.wait(30);
    harness.pass().await;
    assert_eq!(holders(&harness), ["kim"], "no approval, no settling: the clock has ended it");
}
