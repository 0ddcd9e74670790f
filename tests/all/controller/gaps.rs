//! Objects with errors hold back what they could have spoken about, and nothing else.

use super::pass::{developers, harness, holders};
use crate::support::controller_harness::ControllerHarness;
use koreconcile::controller::Broken;
use koreconcile::manifest::kinds::{Kind, ObjectStatus};
use koreconcile::sandbox::Holder;
use serde_json::{Value, json};

/// Jane develops Banking by an authoritative list, and Kim by a click.
async fn clicked() -> ControllerHarness {
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "developers", developers(&["jane"], &json!({})));
    harness.pass().await;
    let kim = Holder::User("kim@example.com".to_owned());
    harness.engine.admin.bind(&kim, "Bot Developer", Some("Banking")).unwrap();
    harness
}

/// An object that does not fit the schema, with what it says.
fn break_object(harness: &mut ControllerHarness, kind: Kind, name: &str, spec: Value) {
    let valid = match kind {
        Kind::User => json!({ "email": "other@example.com" }),
        Kind::Team => json!({ "members": [] }),
        Kind::Role => json!({ "type": "Bot", "name": "Other" }),
        Kind::GroupMembership => json!({ "group": "Other" }),
        Kind::BotAssignment => json!({ "bot": "Other" }),
        _ => developers(&[], &json!({})),
    };
    harness.declare(kind, name, valid);
    let meta = harness.find(kind, name).unwrap().meta.clone();
    harness.view.objects.retain(|object| object.meta.object != meta.object);
    let why = "does not fit".to_owned();
    harness.view.broken.push(Broken { meta, spec, why, status: ObjectStatus::default() });
}

async fn settle(harness: &mut ControllerHarness) {
    for _ in 0..4 {
        harness.wait(10);
        harness.pass().await;
    }
}

fn paused(harness: &ControllerHarness) -> Option<String> {
    let conditions = &harness.view.account.status.conditions;
    let paused = conditions.iter().find(|condition| condition.type_ == "PruningPaused")?;
    assert_eq!((paused.status.as_str(), paused.reason.as_str()), ("True", "Incomplete"));
    Some(paused.message.clone())
}

#[tokio::test]
async fn what_a_broken_object_is_not_about_is_pruned() {
    for (kind, spec) in [
        (Kind::User, json!({ "email": "pat@example.com", "groups": "none" })),
        (Kind::Team, json!({ "members": "nobody" })),
        (Kind::Role, json!({ "type": "Bot", "name": "Bot Developer", "permissions": 1 })),
        (Kind::GroupMembership, json!({ "group": "QA", "subjects": 1 })),
        (Kind::BotAssignment, json!({ "bot": "Banking", "subjects": 1 })),
        (
            Kind::RoleBinding,
            json!({ "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking", "subjects": 1 }),
        ),
        (Kind::RoleBinding, json!({ "role": { "type": "Admin", "name": "Bot Developer" }, "subjects": 1 })),
    ] {
        let mut harness = clicked().await;
        break_object(&mut harness, kind, "broken", spec.clone());
        settle(&mut harness).await;
        assert_eq!(holders(&harness), ["jane"], "{kind} {spec}");
        assert_eq!(paused(&harness), None);
    }
}

#[tokio::test]
async fn what_a_broken_object_could_be_about_stays() {
    for (kind, spec, is_all) in [
        (Kind::User, json!({ "email": "Kim@example.com", "groups": "none" }), false),
        (
            Kind::RoleBinding,
            json!({ "role": { "type": "Bot", "name": "Bot Developer" }, "bot": "Banking", "subjects": 1 }),
            false,
        ),
        // The account has no bot of that name: it may be any.
        (
            Kind::RoleBinding,
            json!({ "role": { "type": "Bot", "name": "Bot Developer" }, "bot": "Bankng", "subjects": 1 }),
            false,
        ),
        (Kind::RoleBinding, json!({ "role": { "type": "Bot" }, "bot": "Banking" }), true),
        (Kind::User, json!({}), true),
    ] {
        let mut harness = clicked().await;
        break_object(&mut harness, kind, "broken", spec.clone());
        settle(&mut harness).await;
        assert_eq!(holders(&harness), ["jane", "kim"], "{kind} {spec}");
        let paused = paused(&harness);
        assert_eq!(paused.is_some(), is_all, "{kind} {spec}: {paused:?}");
        if let Some(message) = paused {
            assert!(message.contains("platform/broken cannot be read: does not fit"), "{message}");
        }
        // It is corrected: what it held back goes.
        harness.view.broken.clear();
        settle(&mut harness).await;
        assert_eq!(holders(&harness), ["jane"], "{kind} {spec}");
        assert_eq!(self::paused(&harness), None);
    }
}

#[tokio::test]
async fn a_broken_team_holds_back_the_lists_that_name_it() {
    for (team, stays) in [("bankers", true), ("inner", true), ("others", false)] {
        let mut harness = harness(json!({}));
        harness.declare(Kind::Team, "inner", json!({ "members": ["jane@example.com"] }));
        harness.declare(Kind::Team, "bankers", json!({ "teams": ["inner"] }));
        harness.declare(Kind::Team, "others", json!({ "members": ["sam@example.com"] }));
        let subjects = json!({ "subjects": [{ "team": "bankers" }] });
        harness.declare(Kind::RoleBinding, "developers", developers(&[], &subjects));
        harness.pass().await;
        let kim = Holder::User("kim@example.com".to_owned());
        harness.engine.admin.bind(&kim, "Bot Developer", Some("Banking")).unwrap();
        break_object(&mut harness, Kind::Team, team, json!({ "members": "nobody" }));
        settle(&mut harness).await;
        let expected: &[&str] = if stays { &["jane", "kim"] } else { &["jane"] };
        assert_eq!(holders(&harness), expected, "{team}");
    }
}

#[tokio::test]
async fn what_a_broken_object_gave_is_kept_and_what_others_drop_goes() {
    let additive = |who: &str, role: &str| {
        let role = json!({ "role": { "type": "Bot", "name": role }, "membership": "Additive" });
        developers(&[who], &role)
    };
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "jane", additive("jane", "Bot Developer"));
    harness.declare(Kind::RoleBinding, "sam", additive("sam", "Bot Developer"));
    harness.declare(Kind::RoleBinding, "testers", additive("pat", "Bot Tester"));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    // Jane's binding breaks, and names another role by now: what it gave before is kept all the same.
    harness.delete(Kind::RoleBinding, "sam");
    harness.delete(Kind::RoleBinding, "jane");
    let tester = json!({ "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking", "subjects": 1 });
    break_object(&mut harness, Kind::RoleBinding, "jane", tester);
    settle(&mut harness).await;
    assert_eq!(holders(&harness), ["jane"]);
    assert_eq!(paused(&harness), None);
}
