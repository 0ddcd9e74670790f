//! What approvals are about: one digest for the whole plan, once or until an end, by another person than the editor, and
//! for declarations that change nothing at the platform. Without a cluster, in virtual time.

use super::pass::{bound, desk_on, developers, harness, holders, plain, truth};
use crate::support::controller_harness::ControllerHarness;
use jiff::SignedDuration;
use koreconcile::controller::Published;
use koreconcile::manifest::kinds::Kind;
use koreconcile::manifest::kinds::account::{ApprovalSpec, ModeSpec};
use koreconcile::manifest::kinds::plan::PlanPhase;
use koreconcile::plan::{ChangeId, Digest, Reason};
use koreconcile::sandbox::{Dialect, Holder, ParentsSwitchChildren};
use serde_json::{Value, json};
use std::sync::Arc;

fn masters(names: &[&str]) -> Value {
    let subjects: Vec<Value> =
        names.iter().map(|name| json!({ "user": format!("{name}@example.com") })).collect();
    json!({ "role": { "type": "Admin", "name": "Master Admin" }, "subjects": subjects })
}

fn is_master(harness: &ControllerHarness, name: &str) -> bool {
    let users = truth(harness).users;
    users[&format!("{name}@example.com")]
        .admin_roles
        .iter()
        .any(|role| role == "admin" || role == "Master Admin")
}

fn pending(harness: &ControllerHarness) -> Vec<&Published> {
    harness.view.published.iter().filter(|plan| plan.progress.phase == PlanPhase::Pending).collect()
}

/// The `Accepted` condition of an approval.
fn accepted(done: &koreconcile::controller::Pass, name: &str) -> String {
    let condition = &done.report.approvals[name].conditions[0];
    format!("{} {}: {}", condition.status, condition.reason, condition.message)
}

async fn passes(harness: &mut ControllerHarness, count: usize) {
    for _ in 0..count {
        harness.wait(3);
        harness.pass().await;
    }
}

#[tokio::test]
async fn digest_that_a_pull_request_shows_is_approved_before_the_merge() {
    let account = json!({ "approval": "WhenRisky" });
    let declare = |harness: &mut ControllerHarness| {
        harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
        harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    };
    // The pull request: the same manifests and the same account, and nothing is written.
    let mut harness = harness(account);
    let objects = harness.view.objects.clone();
    declare(&mut harness);
    harness.view.account.spec.mode = ModeSpec::Observe;
    let shown = harness.pass().await.plan.unwrap().digest.clone();
    (harness.view.objects, harness.view.published) = (objects, Vec::new());
    harness.view.account.spec.mode = ModeSpec::Enforce;
    harness.restart();
    harness.approve(Some(shown.as_str()), &[]);
    let done = harness.pass().await;
    assert!(accepted(&done, "yes-0").starts_with("False ReferenceMissing: there is no KorePlan"));
    declare(&mut harness);
    let done = harness.pass().await;
    assert_eq!(done.plan.unwrap().digest, shown);
    assert!(is_master(&harness, "sam"));
    assert_eq!(holders(&harness), ["jane"]);
}

#[tokio::test]
async fn plan_in_the_cluster_is_the_whole_plan_under_its_digest() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    let done = harness.pass().await;
    let digest = done.report.account.plan_digest.clone().unwrap();
    let [(_, spec)] = done.housekeeping.proposals.create.as_slice() else { panic!("one plan") };
    assert_eq!(spec.digest, digest);
    assert_eq!(spec.changes.len(), 2);
    assert!(spec.changes[0].change.contains("sam@example.com: Master Admin"), "{:?}", spec.changes);
    assert_eq!(spec.changes[0].why, "1 change waits for an approval");
    assert_eq!(spec.changes[1].why, "", "applied without one");
    // What needs none is applied, and the plan still asks for the rest: no other is published for that.
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim"]));
    passes(&mut harness, 2).await;
    assert_eq!(holders(&harness), ["jane", "kim"]);
    assert_eq!(harness.view.published.len(), 1);
    assert_eq!(pending(&harness).len(), 1);
    harness.approve(Some(&digest), &[]);
    harness.pass().await;
    assert!(is_master(&harness, "sam"));
}

#[tokio::test]
async fn approved_removal_outlives_what_is_applied_before_it_settles() {
    let mut harness = harness(json!({ "approval": "Manual" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    let plan = harness.pass().await.plan.unwrap();
    harness.approve(Some(plan.digest.as_str()), &[]);
    passes(&mut harness, 2).await;
    assert_eq!(holders(&harness), ["jane"]);
    // One goes and one comes: approved by the digest before any plan of it is published.
    harness.declare(Kind::RoleBinding, "developers", plain(&["kim"]));
    harness.view.account.spec.mode = ModeSpec::Observe;
    let shown = harness.pass().await.plan.unwrap().digest.clone();
    harness.view.account.spec.mode = ModeSpec::Enforce;
    harness.view.published.clear();
    harness.approve(Some(shown.as_str()), &[]);
    harness.pass().await;
    assert_eq!(holders(&harness), ["jane", "kim"], "the removal settles");
    passes(&mut harness, 2).await;
    assert_eq!(holders(&harness), ["kim"], "and is still approved");
}

#[tokio::test]
async fn approval_of_master_admin_is_used_once() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    let plan = harness.pass().await.plan.unwrap();
    let id = plan.changes[0].id.clone();
    harness.approve(None, &[&id]);
    passes(&mut harness, 2).await;
    assert!(is_master(&harness, "sam"));
    // Taken away, and added again a day later, also by another process.
    let sam = Holder::User("sam@example.com".to_owned());
    harness.engine.admin.unbind(&sam, "admin", None).unwrap();
    harness.restart();
    passes(&mut harness, 2).await;
    assert!(!is_master(&harness, "sam"));
    assert!(harness.ready(Kind::RoleBinding, "masters").starts_with("False ApprovalRequired"));
    let done = harness.pass().await;
    assert!(
        accepted(&done, "yes-0").contains("covers 1 change; used up for 1"),
        "{}",
        accepted(&done, "yes-0")
    );
    // Another approval of the same change is another approval.
    harness.approve(None, &[&id]);
    passes(&mut harness, 1).await;
    assert!(is_master(&harness, "sam"));
    // What an approval that is gone was used for is not remembered.
    harness.view.approvals.clear();
    passes(&mut harness, 2).await;
    assert!(harness.status_store.memory().approvals_used.is_empty());
}

#[tokio::test]
async fn approval_of_little_risk_stays_in_force() {
    let mut harness = harness(json!({ "approval": "Manual" }));
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    let plan = harness.pass().await.plan.unwrap();
    harness.approve(Some(plan.digest.as_str()), &[]);
    let jane = Holder::User("jane@example.com".to_owned());
    for _ in 0..2 {
        passes(&mut harness, 1).await;
        assert_eq!(holders(&harness), ["jane"]);
        harness.engine.admin.unbind(&jane, "Bot Developer", Some("Banking")).unwrap();
    }
}

#[tokio::test]
async fn approval_with_an_end_counts_until_then_and_no_longer() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    let plan = harness.pass().await.plan.unwrap();
    harness.approve(None, &[&plan.changes[0].id]);
    harness.view.approvals[0].ends = Some(harness.now() + SignedDuration::from_mins(60));
    let sam = Holder::User("sam@example.com".to_owned());
    for _ in 0..2 {
        passes(&mut harness, 2).await;
        assert!(is_master(&harness, "sam"));
        harness.engine.admin.unbind(&sam, "admin", None).unwrap();
    }
    harness.wait(60);
    let done = harness.pass().await;
    assert!(!is_master(&harness, "sam"));
    assert!(
        accepted(&done, "yes-0").starts_with("False ApprovalEnded: it ended "),
        "{}",
        accepted(&done, "yes-0")
    );
}

#[tokio::test]
async fn approval_that_could_not_be_carried_out_is_not_used_up() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    let plan = harness.pass().await.plan.unwrap();
    harness.approve(None, &[&plan.changes[0].id]);
    harness.lease_term.end();
    harness.pass().await;
    assert!(!is_master(&harness, "sam"));
    harness.lease_term = koreconcile::kore::LeaseTerm::until(jiff::Timestamp::MAX);
    passes(&mut harness, 1).await;
    assert!(is_master(&harness, "sam"));
}

#[tokio::test]
async fn editor_does_not_approve_their_own_edit() {
    for (editors, approver, counts) in [
        (&["ann@example.com"][..], "Ann@Example.com", false),
        (&["argocd-controller", "ann@example.com"], "ann@example.com", false),
        (&["kubectl-client-side-apply"], "ann@example.com", true),
        (&["bob@example.com"], "ann@example.com", true),
        (&[], "ann@example.com", true),
    ] {
        let mut harness = harness(json!({ "approval": "WhenRisky" }));
        harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
        let editors = editors.iter().map(|editor| Arc::from(*editor)).collect();
        harness.find(Kind::RoleBinding, "masters").unwrap().meta.editors = editors;
        let plan = harness.pass().await.plan.unwrap();
        harness.approve(Some(plan.digest.as_str()), &[]);
        harness.view.approvals[0].approved_by = Some(approver.to_owned());
        let done = harness.pass().await;
        assert_eq!(is_master(&harness, "sam"), counts, "{approver}");
        let said = accepted(&done, "yes-0");
        if counts {
            assert!(said.starts_with("True Accepted: covers 1 change"), "{said}");
        } else {
            let why = format!("does not count for 1: {approver} has edited KoreRoleBinding platform/masters");
            assert!(said.starts_with("False SelfApproval: ") && said.contains(&why), "{said}");
        }
        // Somebody else has not edited it.
        harness.approve(Some(plan.digest.as_str()), &[]);
        harness.view.approvals[1].approved_by = Some("cid@example.com".to_owned());
        passes(&mut harness, 1).await;
        assert!(is_master(&harness, "sam"));
    }
}

#[tokio::test]
async fn own_approval_lifts_no_ceiling_either() {
    let mut harness = harness(json!({ "safety": { "maxRemovals": 1, "maxRemovalsPercent": 100 } }));
    bound(&mut harness, &["jane", "kim", "pat", "sam"]).await;
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim"]));
    harness.find(Kind::RoleBinding, "developers").unwrap().meta.editors = vec![Arc::from("ann@example.com")];
    passes(&mut harness, 2).await;
    let plan = harness.pass().await.plan.unwrap();
    assert_eq!(plan.refused[0].reason, Reason::RemovalCeiling);
    for (by, left) in [("ann@example.com", 4), ("bob@example.com", 2)] {
        harness.approve(Some(plan.digest.as_str()), &[]);
        harness.view.approvals.last_mut().unwrap().approved_by = Some(by.to_owned());
        passes(&mut harness, 2).await;
        assert_eq!(holders(&harness).len(), left, "{by}");
    }
}

#[tokio::test]
async fn observe_publishes_the_whole_plan_and_what_nobody_declared() {
    let mut harness = harness(json!({ "mode": "Observe", "approval": "WhenRisky" }));
    let pat = Holder::User("pat@example.com".to_owned());
    harness.engine.admin.bind(&pat, "admin", None).unwrap();
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    harness.declare(
        Kind::RoleBinding,
        "masters",
        json!({
            "role": { "type": "Admin", "name": "Master Admin" }, "membership": "Additive",
            "subjects": [{ "user": "sam@example.com" }],
        }),
    );
    let done = harness.pass().await;
    for name in ["developers", "masters"] {
        let ready = harness.ready(Kind::RoleBinding, name);
        assert!(ready.starts_with("True Drift: would be changed"), "{ready}");
    }
    let [(name, spec)] = done.housekeeping.proposals.create.as_slice() else { panic!("one plan") };
    assert_eq!(Some(&spec.digest), done.report.account.plan_digest.as_ref());
    let why: Vec<&str> = spec.changes.iter().map(|change| change.why.as_str()).collect();
    assert_eq!(
        why,
        ["mode Observe writes nothing; in Enforce it needs an approval", "mode Observe writes nothing",]
    );
    let rest = &done.housekeeping.proposals.phases[name].rest;
    let unmanaged: Vec<&str> =
        rest.iter().filter(|rest| rest.kind == "Unmanaged").map(|rest| rest.message.as_str()).collect();
    assert!(unmanaged.iter().any(|said| said.contains("pat@example.com: Master Admin")), "{unmanaged:?}");
    // Approved here, it is applied when the mode is set: it is the same plan.
    let digest = spec.digest.clone();
    harness.approve(Some(&digest), &[]);
    harness.pass().await;
    assert!(!is_master(&harness, "sam"));
    harness.view.account.spec.mode = ModeSpec::Enforce;
    passes(&mut harness, 1).await;
    assert!(is_master(&harness, "sam"));
    assert_eq!(holders(&harness), ["jane"]);
    assert!(
        harness.view.published.iter().all(|plan| plan.progress.rest.is_empty()),
        "an old plan tells nothing"
    );
}

#[tokio::test]
async fn what_we_took_back_ourselves_is_not_contested() {
    let mut harness = harness(json!({ "safety": { "maxRemovals": 100, "maxRemovalsPercent": 100 } }));
    for _ in 0..5 {
        harness.declare(
            Kind::RoleBinding,
            "incident",
            developers(&["jane"], &json!({ "membership": "Additive" })),
        );
        passes(&mut harness, 2).await;
        assert_eq!(holders(&harness), ["jane"], "{}", harness.ready(Kind::RoleBinding, "incident"));
        harness.delete(Kind::RoleBinding, "incident");
        passes(&mut harness, 2).await;
        assert_eq!(holders(&harness), Vec::<String>::new());
    }
}

#[tokio::test]
async fn contested_change_is_tried_again_after_an_edit_or_an_approval() {
    for by_edit in [true, false] {
        let mut harness = harness(json!({}));
        bound(&mut harness, &["jane"]).await;
        let undo = |harness: &ControllerHarness| {
            let jane = Holder::User("jane@example.com".to_owned());
            harness.engine.admin.unbind(&jane, "Bot Developer", Some("Banking")).unwrap();
        };
        for _ in 0..3 {
            undo(&harness);
            passes(&mut harness, 1).await;
        }
        assert!(harness.ready(Kind::RoleBinding, "developers").starts_with("False Contested"));
        harness.restart();
        if by_edit {
            harness.declare(
                Kind::RoleBinding,
                "developers",
                developers(
                    &["jane"],
                    &json!({ "subjects": [{ "user": "jane@example.com", "reason": "agreed" }] }),
                ),
            );
        } else {
            // It is published, so that its id can be found.
            let id: ChangeId = pending(&harness)[0].waiting.first().unwrap().clone();
            harness.approve(None, &[&id]);
        }
        passes(&mut harness, 1).await;
        assert_eq!(holders(&harness), ["jane"], "{}", harness.ready(Kind::RoleBinding, "developers"));
    }
}

#[tokio::test]
async fn value_that_the_platform_keeps_is_told_after_two_passes() {
    let parents_switch_children = ParentsSwitchChildren::WhenWritten;
    let mut harness = desk_on(Dialect { parents_switch_children, ..Dialect::default() }, json!({}));
    let permissions = json!({ "User Management": "NO", "Edit User Information": "YES" });
    let clerk = json!({ "type": "Admin", "name": "Clerk", "permissions": permissions });
    harness.declare(Kind::Role, "clerk", clerk);
    passes(&mut harness, 3).await;
    let ready = harness.ready(Kind::Role, "clerk");
    assert!(ready.starts_with("False PlatformKeeps"), "{ready}");
    // Another process knows it, too.
    harness.restart();
    passes(&mut harness, 1).await;
    let ready = harness.ready(Kind::Role, "clerk");
    assert!(ready.starts_with("False PlatformKeeps"), "{ready}");
}

/// A grant of that role with an end, applied.
async fn granted_until(approval: &str, role: &Value, minutes: i64) -> ControllerHarness {
    let mut harness = harness(json!({ "approval": approval }));
    let at = harness.now() + SignedDuration::from_mins(minutes);
    harness.declare(Kind::RoleBinding, "incident", grant(role, Some(at)));
    let plan = harness.pass().await.plan.unwrap();
    harness.approve(Some(plan.digest.as_str()), &[]);
    passes(&mut harness, 2).await;
    harness
}

fn grant(role: &Value, until: Option<jiff::Timestamp>) -> Value {
    let mut spec =
        json!({ "role": role, "membership": "Additive", "subjects": [{ "user": "sam@example.com" }] });
    if let Some(until) = until {
        spec["subjects"][0]["expiresAt"] = until.to_string().into();
    }
    if role["type"] == "Bot" {
        spec["bot"] = "Banking".into();
    }
    spec
}

#[tokio::test]
async fn earlier_end_holds_until_the_later_one_is_approved() {
    let role = json!({ "type": "Admin", "name": "Master Admin" });
    for is_approved in [false, true] {
        for is_removed in [false, true] {
            let mut harness = granted_until("WhenRisky", &role, 60).await;
            assert!(is_master(&harness, "sam"));
            let later = (!is_removed).then(|| harness.now() + SignedDuration::from_mins(600));
            harness.declare(Kind::RoleBinding, "incident", grant(&role, later));
            let done = harness.pass().await;
            let ready = harness.ready(Kind::RoleBinding, "incident");
            assert!(
                ready.starts_with("False ApprovalRequired: 1 declaration waits for an approval"),
                "{ready}"
            );
            let [(_, spec)] = done.housekeeping.proposals.create.as_slice() else { panic!("one plan") };
            assert!(
                spec.changes[0].change.starts_with("= sam@example.com: Master Admin"),
                "{:?}",
                spec.changes
            );
            assert_ne!(
                spec.digest,
                Digest::over([].into_iter()).to_string(),
                "nobody approves every empty plan"
            );
            let digest = spec.digest.clone();
            if is_approved {
                harness.approve(Some(&digest), &[]);
            }
            passes(&mut harness, 1).await;
            harness.restart();
            harness.wait(60);
            passes(&mut harness, 2).await;
            assert_eq!(is_master(&harness, "sam"), is_approved, "{is_removed}");
            if is_approved {
                assert_eq!(pending(&harness).len(), 0);
                assert_eq!(
                    harness.ready(Kind::RoleBinding, "incident"),
                    "True UpToDate: the account is as declared"
                );
            }
        }
    }
}

#[tokio::test]
async fn earlier_end_and_little_risk_need_no_approval() {
    let role = json!({ "type": "Bot", "name": "Bot Developer" });
    let mut harness = granted_until("WhenRisky", &role, 60).await;
    let later = harness.now() + SignedDuration::from_mins(600);
    harness.declare(Kind::RoleBinding, "incident", grant(&role, Some(later)));
    harness.wait(90);
    passes(&mut harness, 2).await;
    assert_eq!(holders(&harness), ["sam"], "a developer is of medium risk");
    let master = json!({ "type": "Admin", "name": "Master Admin" });
    let mut harness = granted_until("WhenRisky", &master, 600).await;
    let sooner = harness.now() + SignedDuration::from_mins(30);
    harness.declare(Kind::RoleBinding, "incident", grant(&master, Some(sooner)));
    harness.pass().await;
    assert_eq!(harness.ready(Kind::RoleBinding, "incident"), "True UpToDate: the account is as declared");
    harness.wait(30);
    passes(&mut harness, 1).await;
    assert!(!is_master(&harness, "sam"), "an end that moved closer is the clock's as well");
}

#[tokio::test]
async fn adopting_what_is_held_needs_an_approval_and_is_not_remembered_before() {
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    bound(&mut harness, &["jane"]).await;
    let sam = Holder::User("sam@example.com".to_owned());
    harness.engine.admin.bind(&sam, "admin", None).unwrap();
    passes(&mut harness, 1).await;
    harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    passes(&mut harness, 1).await;
    let ready = harness.ready(Kind::RoleBinding, "masters");
    assert!(ready.contains("held already, declared from now on"), "{ready}");
    let knows = |harness: &ControllerHarness| {
        harness.status_store.memory().facts.iter().any(|(key, _)| key.to_string().contains("Master Admin"))
    };
    assert!(!knows(&harness));
    let digest = pending(&harness)[0].digest.clone();
    harness.approve(Some(&digest), &[]);
    passes(&mut harness, 1).await;
    assert!(knows(&harness));
    assert_eq!(harness.ready(Kind::RoleBinding, "masters"), "True UpToDate: the account is as declared");
    assert!(is_master(&harness, "sam"));
}

#[tokio::test]
async fn loosened_guard_holds_until_it_is_approved_and_so_does_approval_itself() {
    let mut harness = harness(json!({
        "approval": "WhenRisky",
        "safety": { "maxRemovals": 1, "maxRemovalsPercent": 100 },
    }));
    bound(&mut harness, &["jane", "kim", "pat", "sam"]).await;
    let spec = &mut harness.view.account.spec;
    spec.safety.max_removals = 50;
    spec.approval = ApprovalSpec::Automatic;
    harness.view.account.meta.generation += 1;
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane"]));
    passes(&mut harness, 3).await;
    assert_eq!(holders(&harness).len(), 4, "three removals, and still one allowed");
    let ready = harness.account_ready();
    assert!(ready.contains("RemovalCeiling") && ready.contains("1 allowed"), "{ready}");
    let asked: Vec<Vec<String>> =
        pending(&harness).iter().map(|plan| plan.waiting.iter().map(ToString::to_string).collect()).collect();
    let effects: Vec<ChangeId> = {
        let plan = harness.pass().await.plan.unwrap();
        assert_eq!(plan.declared.len(), 2, "{:?}", plan.declared);
        plan.declared.iter().map(|effect| effect.id.clone()).collect()
    };
    assert!(effects.iter().all(|id| asked[0].contains(&id.to_string())), "{asked:?}");
    harness.approve(None, &effects.iter().collect::<Vec<_>>());
    passes(&mut harness, 3).await;
    assert_eq!(holders(&harness), ["jane"]);
    assert!(pending(&harness).is_empty());
}

#[tokio::test]
async fn plan_and_event_tell_what_single_sign_on_rewrites() {
    use koreconcile::facts::{AttributeMapping, SignOn, SyncMode};
    let mut harness = harness(json!({ "approval": "WhenRisky" }));
    harness.declare(Kind::RoleBinding, "masters", masters(&["sam"]));
    let done = harness.pass().await;
    // It is off, which was asked once.
    assert!(matches!(harness.memory.sign_on, Some((_, None))), "{:?}", harness.memory.sign_on);
    assert!(!done.report.events.iter().any(|event| event.reason == "SignOn"));
    let mapping = Some(AttributeMapping { mode: SyncMode::FullSync, targets: [].into() });
    let sign_on = SignOn { protocol: "oidc".to_owned(), mapping, lets_anybody_join: true };
    harness.memory.sign_on = Some((harness.now(), Some(sign_on)));
    harness.view.published.clear();
    let done = harness.pass().await;
    let [(name, spec)] = done.housekeeping.proposals.create.as_slice() else { panic!("one plan") };
    assert!(
        spec.changes[0].change.ends_with("(SSO takes it away at the next sign-in)"),
        "{:?}",
        spec.changes
    );
    let rest = &done.housekeeping.proposals.phases[name].rest;
    assert!(rest.iter().any(|rest| rest.kind == "Notice" && rest.message.contains("Full Sync")), "{rest:?}");
    let event = done.report.events.iter().find(|event| event.reason == "SignOn").expect("an event");
    assert!(event.message.contains("oidc, Full Sync"), "{event:?}");
    // An hour later it is asked again.
    harness.wait(61);
    harness.pass().await;
    assert!(matches!(harness.memory.sign_on, Some((_, None))), "{:?}", harness.memory.sign_on);
}
