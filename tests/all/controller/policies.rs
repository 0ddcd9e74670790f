//! Policies in a cluster: which version is in force, what it denies, and who is told. Passes on objects in memory first,
//! then the process on a real API server.

use super::pass::{bound, developers, harness, holders, plain, truth};
use crate::support::cluster_harness::{self, ClusterHarness, document};
use crate::support::controller_harness::{ControllerHarness, NAMESPACE};
use jiff::SignedDuration;
use koreconcile::controller::{Broken, Pass};
use koreconcile::manifest::kinds::Kind;
use serde_json::{Value, json};
use std::sync::Arc;

/// Nobody but Jane builds.
fn only_jane(action: &str) -> Value {
    json!({
        "severity": "high",
        "validationActions": [action],
        "over": "Grant",
        "match": { "roles": ["Bot Developer"] },
        "rule": "grant.holder == 'jane@example.com'",
        "messageExpression": "grant.holder + ' builds'",
    })
}

/// The same with a slip.
fn broken(action: &str) -> Value {
    let mut spec = only_jane(action);
    spec["rule"] = json!("grant.holdr == 'jane@example.com'");
    spec
}

fn compliant(harness: &ControllerHarness) -> Option<String> {
    let conditions = &harness.view.account.status.conditions;
    let condition = conditions.iter().find(|condition| condition.type_ == "Compliant")?;
    Some(format!("{} {}: {}", condition.status, condition.reason, condition.message))
}

fn events(pass: &Pass) -> Vec<String> {
    let of_policies = pass.report.events.iter().filter(|event| event.reason == "PolicyViolated");
    of_policies.map(|event| event.message.clone()).collect()
}

#[tokio::test]
async fn an_addition_that_is_denied_is_not_sent_and_its_object_says_why() {
    let mut harness = harness(json!({}));
    assert_eq!(compliant(&harness), None);
    harness.declare(Kind::Policy, "only-jane", only_jane("Deny"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"], "what is allowed is sent");
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False PolicyDenied: sam@example.com builds (policy only-jane in "), "{ready}");
    assert_eq!(harness.ready(Kind::Policy, "only-jane"), "True UpToDate: the account is as declared");
    assert_eq!(compliant(&harness).unwrap(), "True Compliant: 1 policy: none is violated");

    harness.declare(
        Kind::PolicyException,
        "sam",
        json!({ "policy": "only-jane", "match": { "emails": ["sam@example.com"] },
                "expiresAt": (harness.now() + SignedDuration::from_hours(1)).to_string() }),
    );
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"], "the exception is looked at as soon as it is there");
    assert_eq!(harness.ready(Kind::RoleBinding, "developers"), "True UpToDate: the account is as declared");
}

#[tokio::test]
async fn a_violation_is_a_condition_and_one_event_until_it_is_cured() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.declare(Kind::Policy, "only-jane", only_jane("Warn"));
    let done = harness.pass().await;
    assert_eq!(events(&done), ["policy only-jane (high): sam@example.com builds"]);
    assert_eq!(
        compliant(&harness).unwrap(),
        "False Violated: policy only-jane (high): sam@example.com builds"
    );
    assert_eq!(holders(&harness), ["jane", "sam"], "Warn denies nothing");
    for _ in 0..3 {
        harness.wait(5);
        let done = harness.pass().await;
        assert_eq!(events(&done), Vec::<String>::new(), "it is not new any more");
    }
    // Given in the console: nobody planned it.
    let kim = koreconcile::sandbox::Holder::User("kim@example.com".to_owned());
    harness.declare(
        Kind::RoleBinding,
        "developers",
        developers(&["jane", "sam"], &json!({ "membership": "Additive" })),
    );
    harness.pass().await;
    harness.engine.admin.bind(&kim, "Bot Developer", Some("Banking")).unwrap();
    harness.wait(5);
    let done = harness.pass().await;
    assert_eq!(events(&done), ["policy only-jane (high): kim@example.com builds"]);

    harness.engine.admin.unbind(&kim, "Bot Developer", Some("Banking")).unwrap();
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    for _ in 0..3 {
        harness.wait(20);
        harness.pass().await;
    }
    assert_eq!(compliant(&harness).unwrap(), "True Compliant: 1 policy: none is violated");
}

#[tokio::test]
async fn a_version_with_errors_leaves_the_last_one_in_force_also_after_a_restart() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::Policy, "only-jane", only_jane("Deny"));
    harness.pass().await;
    harness.declare(Kind::Policy, "only-jane", broken("Deny"));
    harness.restart();
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    let ready = harness.ready(Kind::Policy, "only-jane");
    assert!(ready.starts_with("False Invalid: ") && ready.contains("a grant has no field holdr"), "{ready}");
    assert!(ready.contains("did you mean holder?"), "{ready}");
    assert!(ready.ends_with("; the version of generation 1 stays in force"), "{ready}");
    let denied = harness.ready(Kind::RoleBinding, "developers");
    assert!(denied.starts_with("False PolicyDenied: sam@example.com builds"), "{denied}");

    let mut mended = only_jane("Deny");
    mended["rule"] = json!("grant.holder in ['jane@example.com', 'sam@example.com']");
    harness.declare(Kind::Policy, "only-jane", mended);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"], "it is compiled again as soon as it changes");
    assert_eq!(harness.ready(Kind::Policy, "only-jane"), "True UpToDate: the account is as declared");
}

#[tokio::test]
async fn one_that_never_compiled_denies_additions_of_its_kind_but_for_protected_people() {
    let mut harness = harness(json!({ "safety": { "protected": ["kim@example.com"] } }));
    harness.declare(Kind::Policy, "only-jane", broken("Deny"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim", "sam"]));
    harness.user("nina");
    harness.pass().await;
    assert_eq!(holders(&harness), ["kim"]);
    let ready = harness.ready(Kind::RoleBinding, "developers");
    assert!(ready.starts_with("False PolicyDenied: policy only-jane in "), "{ready}");
    assert!(ready.contains("cannot be judged") && ready.contains("correct the policy"), "{ready}");
    let ready = harness.ready(Kind::Policy, "only-jane");
    assert!(ready.contains("no version was ever in force"), "{ready}");
    assert!(
        compliant(&harness).unwrap().starts_with("Unknown PolicyInvalid: KorePolicy "),
        "{:?}",
        compliant(&harness)
    );
    assert!(truth(&harness).users.contains_key("nina@example.com"), "an invitation is no grant");

    harness.delete(Kind::Policy, "only-jane");
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim", "sam"], "a policy that is gone denies nothing");
    assert_eq!(compliant(&harness), None);
}

#[tokio::test]
async fn one_that_never_compiled_keeps_nobody_in_place() {
    let mut harness = harness(json!({}));
    bound(&mut harness, &["jane", "sam"]).await;
    harness.declare(Kind::Policy, "only-jane", broken("Deny"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    for _ in 0..3 {
        harness.wait(20);
        harness.pass().await;
    }
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn one_that_only_warns_and_never_compiled_denies_nothing() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::Policy, "only-jane", broken("Warn"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    assert!(harness.ready(Kind::Policy, "only-jane").starts_with("False Invalid: "));
}

#[tokio::test]
async fn one_that_cannot_be_read_is_used_as_it_was_and_else_denies_every_addition() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::Policy, "only-jane", only_jane("Deny"));
    harness.pass().await;
    let known =
        harness.view.objects.iter().find(|object| object.meta.object.kind == Kind::Policy).cloned().unwrap();
    harness.view.objects.retain(|object| object.meta.object.kind != Kind::Policy);
    let mut unread = Broken {
        meta: known.meta.clone(),
        spec: Value::Null,
        why: "no field".to_owned(),
        status: known.status.clone(),
    };
    harness.view.broken.push(unread.clone());
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);

    unread.status.in_force = None;
    harness.view.broken = vec![unread];
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "pat"]));
    harness.user("nina");
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);
    assert!(harness.ready(Kind::User, "nina").starts_with("False PolicyDenied: "));
}

#[tokio::test]
async fn one_of_another_namespace_is_not_in_force() {
    let mut harness = harness(json!({}));
    let any = json!({ "roles": ["*"], "bots": ["*"], "groups": ["*"], "emailDomains": ["*"] });
    harness.declare(
        Kind::Area,
        "tenants",
        json!({ "namespaces": ["team"], "owners": ["@tenants"], "mayTouch": any }),
    );
    harness.declare(Kind::Policy, "only-jane", broken("Deny"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    let policy =
        harness.view.objects.iter_mut().find(|object| object.meta.object.kind == Kind::Policy).unwrap();
    assert_eq!(&*policy.meta.object.namespace, NAMESPACE);
    Arc::make_mut(policy).meta.object.namespace = Arc::from("team");
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "sam"]);
    let ready = harness.ready(Kind::Policy, "only-jane");
    assert!(ready.starts_with("False NotAllowed: area tenants may not declare policies"), "{ready}");
    assert_eq!(compliant(&harness), None);
}

#[tokio::test]
async fn an_end_of_an_exception_is_seen_when_it_comes() {
    let mut harness = harness(json!({}));
    harness.declare(Kind::Policy, "only-jane", only_jane("Warn"));
    let end = harness.now() + SignedDuration::from_mins(30);
    harness.declare(
        Kind::PolicyException,
        "sam",
        json!({ "policy": "only-jane", "match": { "emails": ["sam@example.com"] }, "expiresAt": end.to_string() }),
    );
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    for _ in 0..3 {
        harness.pass().await;
        harness.wait(5);
    }
    let done = harness.pass().await;
    assert!(done.is_unchanged(), "nothing has changed, and nothing has ended");
    assert_eq!(done.schedule.expiry, Some(end));
    assert_eq!(compliant(&harness).unwrap(), "True Compliant: 1 policy: none is violated");
    harness.wait(20);
    let done = harness.pass().await;
    assert_eq!(events(&done), ["policy only-jane (high): sam@example.com builds"]);
    assert!(compliant(&harness).unwrap().starts_with("False Violated: "));
}

#[tokio::test]
async fn what_depends_on_the_time_is_judged_in_every_pass() {
    let mut harness = harness(json!({}));
    let until = (harness.now() + SignedDuration::from_mins(40)).to_string();
    harness.declare(
        Kind::Policy,
        "young",
        json!({ "validationActions": ["Warn"], "over": "Person", "rule": format!("now < timestamp('{until}')"),
                "message": "the time is over" }),
    );
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    for _ in 0..4 {
        let done = harness.pass().await;
        assert!(!done.is_unchanged());
        harness.wait(5);
    }
    assert!(compliant(&harness).unwrap().starts_with("True "));
    harness.wait(30);
    let done = harness.pass().await;
    assert!(compliant(&harness).unwrap().starts_with("False Violated: "), "{done:?}");
}

/// On a real API server: the definitions, the role of the chart, statuses, metrics and events.
#[test]
fn a_process_denies_reports_and_keeps_the_last_version() {
    let harness = ClusterHarness::new("policies", &json!({}));
    let policy = |spec: &Value| document("KorePolicy", "only-jane", spec);
    let mut spec = only_jane("Deny");
    spec["rule"] = json!("grant.holder != 'kim@example.com'");
    harness.apply(&[
        policy(&spec),
        cluster_harness::user("kim", &json!({})),
        cluster_harness::user("sam", &json!({})),
        cluster_harness::developers("developers", &["kim", "sam"], &json!({})),
    ]);
    let operator = harness.start();
    let denied = harness.wait(&operator, "KoreRoleBinding", "developers", "False PolicyDenied");
    assert!(denied.contains("kim@example.com builds (policy only-jane"), "{denied}");
    harness.wait(&operator, "KorePolicy", "only-jane", "True UpToDate");

    let mut slip = spec.clone();
    slip["rule"] = json!("grant.holdr != 'kim@example.com'");
    harness.apply(&[policy(&slip)]);
    let kept = harness.wait(&operator, "KorePolicy", "only-jane", "False Invalid");
    assert!(kept.contains("the version of generation 1 stays in force"), "{kept}");
    let status = harness.get("KorePolicy", "only-jane").unwrap()["status"].clone();
    assert_eq!(status["inForce"]["generation"], 1, "{status}");

    spec["validationActions"] = json!(["Warn"]);
    harness.apply(&[policy(&spec)]);
    let compliant = |status: &str| {
        let account = harness.get("KoreAccount", "acme").unwrap();
        let conditions = account["status"]["conditions"].as_array().unwrap().clone();
        conditions.iter().any(|condition| condition["type"] == "Compliant" && condition["status"] == status)
    };
    harness.until(&operator, "the account is not compliant", || compliant("False"));
    let labels = ["policy=\"only-jane\"", "severity=\"high\"", "state=\"existing\""];
    harness.until(&operator, "the metric counts it", || {
        operator.metric("koreconcile_policy_violations", &labels) == 1
    });
    let events = harness.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
    assert!(events.stdout.contains("PolicyViolated"), "{events}");
    harness.kubectl(&["delete", "korepolicy", "only-jane"]);
    harness.until(&operator, "the condition is gone with the policy", || {
        !compliant("False") && !compliant("True")
    });
    harness.until(&operator, "so is the metric", || {
        operator.metric("koreconcile_policy_violations", &labels) == 0
    });
}

/// Nobody but Jane builds, and loosening it is as bad as that.
#[tokio::test]
async fn a_policy_that_is_loosened_or_goes_stays_in_force_until_that_is_approved() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::Policy, "only-jane", only_jane("Deny"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane"]);

    harness.declare(Kind::Policy, "only-jane", only_jane("Warn"));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
    let plan = harness.pass().await.plan.unwrap();
    let messages: Vec<&str> = plan.declared.iter().map(|effect| effect.message.as_str()).collect();
    assert_eq!(messages, ["policy only-jane: validationActions: Warn instead of Deny"]);
    assert_eq!(holders(&harness), ["jane"], "the earlier version denies it");
    let id = plan.declared[0].id.clone();
    harness.approve(None, &[&id]);
    for _ in 0..2 {
        harness.wait(5);
        harness.pass().await;
    }
    assert_eq!(holders(&harness), ["jane", "sam"]);

    harness.declare(
        Kind::PolicyException,
        "sam",
        json!({ "policy": "only-jane", "match": { "emails": ["sam@example.com"] },
                "expiresAt": (harness.now() + SignedDuration::from_hours(1)).to_string() }),
    );
    let plan = harness.pass().await.plan.unwrap();
    let message = &plan.declared[0].message;
    assert!(message.starts_with("exception sam from only-jane: new, ends "), "{message}");
    assert!(
        compliant(&harness).unwrap().starts_with("False Violated"),
        "it covers nothing before it is approved"
    );
    let id = plan.declared[0].id.clone();
    harness.approve(None, &[&id]);
    harness.wait(5);
    harness.pass().await;
    assert_eq!(compliant(&harness).unwrap(), "True Compliant: 1 policy: none is violated");
}

#[tokio::test]
async fn a_deadline_wakes_the_account_and_takes_away_what_nobody_declares() {
    let mut harness = harness(json!({}));
    let additive = developers(&["jane"], &json!({ "membership": "Additive" }));
    harness.declare(Kind::RoleBinding, "developers", additive);
    let mut policy = only_jane("Warn");
    policy["deadline"] = json!((harness.now() + SignedDuration::from_mins(30)).to_string());
    harness.declare(Kind::Policy, "only-jane", policy);
    harness.pass().await;
    let kim = koreconcile::sandbox::Holder::User("kim@example.com".to_owned());
    harness.engine.admin.bind(&kim, "Bot Developer", Some("Banking")).unwrap();
    for _ in 0..2 {
        harness.wait(10);
        harness.pass().await;
    }
    assert_eq!(holders(&harness), ["jane", "kim"], "until then it is only found");
    for _ in 0..2 {
        harness.wait(20);
        harness.pass().await;
    }
    assert_eq!(holders(&harness), ["jane"]);
    assert_eq!(compliant(&harness).unwrap(), "True Compliant: 1 policy: none is violated");
}
