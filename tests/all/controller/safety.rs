//! What the controller does when objects contradict each other, when they are deleted, and when people have to say yes:
//! on a real API server.

use crate::support::cluster::Cluster;
use crate::support::cluster_harness::{
    ClusterHarness, NAME, Operator, chart_role, developers, document, user,
};
use crate::support::served::Served;
use crate::support::workspace::{Run, Workspace, snapshots};
use regex::Regex;
use serde_json::{Value, json};

#[test]
fn the_newer_of_two_accounts_for_one_tenant_never_writes() {
    let harness = ClusterHarness::new("rivals", &json!({}));
    // Another object about the same tenant, which does not even say so: it learns it from the first answer.
    let mut younger = harness.declared("younger", &json!({}));
    younger["spec"].as_object_mut().unwrap().remove("accountId");
    // Creation times have seconds.
    std::thread::park_timeout(std::time::Duration::from_millis(1_100));
    let named = |mut object: Value, account: &str| {
        object["spec"]["account"] = account.into();
        object
    };
    let theirs = named(developers("theirs", &["sam"], &json!({})), "younger");
    harness.apply(&[younger, named(developers("ours", &["kim"], &json!({})), NAME), theirs]);
    let operator = harness.start();
    let said = harness.wait(&operator, "KoreAccount", "younger", "False Conflict");
    assert!(said.contains(&format!("KoreAccount {}/acme is older", harness.namespace.name)), "{said}");
    harness.wait(&operator, "KoreAccount", NAME, "True UpToDate");
    harness.wait(&operator, "KoreRoleBinding", "ours", "True UpToDate");
    let said = harness.wait(&operator, "KoreRoleBinding", "theirs", "False Progressing");
    assert!(said.contains("the account is not ready (Conflict)"), "{said}");
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);

    // The older one goes: the younger takes its place when it is told to, and what the older one asked for is its own now.
    harness.kubectl(&["delete", "koreaccount", NAME]);
    harness.wait(&operator, "KoreAccount", "younger", "False AccountTaken");
    harness.kubectl(&["annotate", "koreaccount", "younger", "koreconcile.dev/accept-memory=yes"]);
    harness.wait(&operator, "KoreRoleBinding", "theirs", "True UpToDate");
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim", "sam"]);
    harness.wait(&operator, "KoreRoleBinding", "ours", "False AccountMissing");
}

#[test]
fn the_newer_of_two_objects_for_one_address_waits() {
    let harness = ClusterHarness::new("twice", &json!({}));
    harness.apply(&[user("kim", &json!({ "lastName": "Kaya" }))]);
    let operator = harness.start();
    harness.wait_all(&operator);
    std::thread::park_timeout(std::time::Duration::from_millis(1_100));
    harness.apply(&[document(
        "KoreUser",
        "again",
        &json!({ "email": "KIM@example.com", "lastName": "Other" }),
    )]);
    let said = harness.wait(&operator, "KoreUser", "again", "False Conflict");
    assert!(said.contains("KIM@example.com is declared twice"), "{said}");
    assert_eq!(harness.said("KoreUser", "again", "Accepted").split(':').next(), Some("False Conflict"));
    harness.wait(&operator, "KoreUser", "kim", "True UpToDate");
    assert_eq!(harness.truth().users["kim@example.com"].last_name, "Kaya");
}

#[test]
fn objects_without_an_account_are_told_and_find_one_later() {
    let harness = ClusterHarness::on(Cluster::shared(), "homeless", Served::new(&[]));
    harness.apply(&[developers("lost", &["kim"], &json!({}))]);
    let operator = harness.start();
    let said = harness.wait(&operator, "KoreRoleBinding", "lost", "False AccountMissing");
    assert!(
        said.contains(
            "there is no KoreAccount in this namespace, and none elsewhere with a KoreArea that lets it in"
        ),
        "{said}"
    );
    harness.account(&json!({}));
    harness.wait(&operator, "KoreRoleBinding", "lost", "True UpToDate");
    // Lost once more: it is told once more.
    harness.kubectl(&["delete", "koreaccount", NAME]);
    harness.wait(&operator, "KoreRoleBinding", "lost", "False AccountMissing");
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
}

#[test]
fn other_namespaces_keep_within_their_limits() {
    let area = |namespaces: &[&str]| {
        json!({ "namespaces": namespaces, "owners": ["lea.ost@example.com"], "mayTouch": {
            "roles": ["*"], "bots": ["Banking *"], "emailDomains": ["example.com"],
        } })
    };
    let harness = ClusterHarness::on(Cluster::shared(), "landlord", Served::new(&[]));
    let guests = harness.cluster.namespace("guests");
    let role = chart_role(&harness.namespace.name, &guests.name);
    harness.cluster.kubectl(&["apply", "-f", "-"]).input(&role).run().expect(0);
    harness.account(&json!({}));
    harness.apply(&[document("KoreArea", "guests", &area(&[&guests.name]))]);
    let own = document("KoreArea", "own", &area(&[&guests.name, "third"]));
    guests.apply(&own.to_string()).run().expect(0);
    let master = document(
        "KoreRoleBinding",
        "master",
        &json!({ "role": { "type": "Admin", "name": "Master Admin" }, "subjects": [{ "user": "sam@example.com" }] }),
    );
    let elsewhere = developers("elsewhere", &["sam"], &json!({ "bot": "HR Assistant" }));
    let stranger =
        developers("stranger", &[], &json!({ "subjects": [{ "user": "kim@partner.example.org" }] }));
    let fine = developers("fine", &["sam"], &json!({}));
    for object in [&master, &elsewhere, &stranger, &fine] {
        guests.apply(&object.to_string()).run().expect(0);
    }
    let operator = harness.start_with(&["--namespace", &guests.name]);
    let told = |name: &str| {
        let found = guests.kubectl(&["get", "korerolebinding", name, "-o", "json"]).run().expect(0);
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        crate::support::cluster_harness::said(&found, "Ready")
    };
    harness.until(&operator, "what is allowed is applied", || told("fine").starts_with("True UpToDate"));
    for (name, what) in [
        ("master", "the role Master Admin"),
        ("elsewhere", "the bot HR Assistant"),
        ("stranger", "people such as kim@partner.example.org"),
    ] {
        let refused = format!("False NotAllowed: area guests may not declare {what}");
        assert!(told(name).starts_with(&refused), "{name}: {}", told(name));
    }
    harness.wait(&operator, "KoreArea", "guests", "True UpToDate");
    // An area counts only beside its account.
    let found = guests.kubectl(&["get", "korearea", "own", "-o", "json"]).run().expect(0);
    let said = crate::support::cluster_harness::said(&serde_json::from_str(&found.stdout).unwrap(), "Ready");
    assert!(
        said.starts_with("False AccountMissing: an area counts only in the namespace of its KoreAccount"),
        "{said}"
    );
    assert_eq!(harness.developers(), ["former", "jane.doe", "sam"]);
    let sam = harness.truth().users["sam@example.com"].clone();
    assert_eq!(sam.admin_roles, Vec::<String>::new());
    assert_eq!(sam.bot_roles, [("Bot Developer".to_owned(), "Banking Assistant".to_owned())]);

    // Nobody lets the namespace in any more: its objects are homeless, and what they granted stays.
    harness.kubectl(&["delete", "korearea", "guests"]);
    harness.until(&operator, "the guest is told", || told("fine").starts_with("False AccountMissing"));
    assert_eq!(harness.developers(), ["former", "jane.doe", "sam"]);
}

fn finalizers(harness: &ClusterHarness<'_>, name: &str) -> Vec<Value> {
    let found = harness.get("KoreRoleBinding", name).unwrap();
    found["metadata"]["finalizers"].as_array().cloned().unwrap_or_default()
}

/// With a binding of kim that is in place.
fn granted(prefix: &str) -> (ClusterHarness<'static>, Operator) {
    let harness = ClusterHarness::new(prefix, &json!({ "interval": "1s" }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start();
    harness.wait_all(&operator);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
    (harness, operator)
}

/// Nothing holds it up: kubectl waits until it is gone.
fn delete(harness: &ClusterHarness<'_>, name: &str) {
    harness.kubectl(&["delete", "korerolebinding", name, "--timeout=20s"]);
}

#[test]
fn a_deleted_object_is_gone_at_once_and_what_it_granted_follows() {
    let (harness, operator) = granted("remove");
    assert_eq!(finalizers(&harness, "developers"), Vec::<Value>::new());
    delete(&harness, "developers");
    harness.until(&operator, "the role is gone", || harness.developers() == ["former", "jane.doe"]);

    // With Retain it goes without a trace.
    harness.apply(&[developers("developers", &["kim"], &json!({ "deletionPolicy": "Retain" }))]);
    harness.wait_all(&operator);
    delete(&harness, "developers");
    harness.next_pass(&operator);
    harness.next_pass(&operator);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
}

#[test]
fn what_was_asked_for_outlives_the_process() {
    let (harness, mut operator) = granted("outlives");
    operator.kill();
    // Nobody looks while the line goes.
    harness.apply(&[developers("developers", &["sam"], &json!({}))]);
    let operator = harness.start();
    harness.until(&operator, "the role has moved", || harness.developers() == ["former", "jane.doe", "sam"]);
}

#[test]
fn a_finalizer_of_an_earlier_version_comes_off_and_others_stay() {
    let (harness, operator) = granted("finalizers");
    let ours_and_theirs =
        json!({ "metadata": { "finalizers": ["koreconcile.dev/remove", "example.com/theirs"] } });
    let patch = |patch: &Value| {
        let patch = patch.to_string();
        harness.kubectl(&["patch", "korerolebinding", "developers", "--type=merge", "-p", &patch]);
    };
    let is_off = || finalizers(&harness, "developers") == ["example.com/theirs"];
    patch(&ours_and_theirs);
    harness.until(&operator, "ours is off", is_off);
    // Without an account, too.
    harness.kubectl(&["delete", "koreaccount", NAME]);
    harness.wait(&operator, "KoreRoleBinding", "developers", "False AccountMissing");
    let mut lost = developers("lost", &["sam"], &json!({}));
    lost["metadata"]["finalizers"] = json!(["koreconcile.dev/remove"]);
    harness.apply(&[lost]);
    harness.until(&operator, "ours is off", || finalizers(&harness, "lost").is_empty());
    // What a foreign finalizer holds up is not declared any more, and not taken back without an account.
    harness.kubectl(&["delete", "korerolebinding", "developers", "--wait=false"]);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
}

#[test]
fn an_orphaned_object_leaves_what_it_granted() {
    let (harness, operator) = granted("orphaned");
    harness.kubectl(&["annotate", "korerolebinding", "developers", "koreconcile.dev/orphan=true"]);
    delete(&harness, "developers");
    harness.next_pass(&operator);
    harness.next_pass(&operator);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
}

#[test]
fn an_account_that_goes_with_its_objects_takes_nothing_back() {
    for order in [["koreaccount", "korerolebinding"], ["korerolebinding", "koreaccount"]] {
        let (harness, operator) = granted("all-goes");
        harness.account(&json!({ "safety": { "settle": "1h" } }));
        harness.next_pass(&operator);
        for kind in order {
            harness.kubectl(&["delete", kind, "--all", "--timeout=20s"]);
        }
        harness.until(&operator, "the account is let go", || {
            !operator.metrics().contains("koreconcile_account_info{")
        });
        assert_eq!(harness.developers(), ["former", "jane.doe", "kim"], "{order:?}");
    }
}

#[test]
fn a_terminating_namespace_takes_nothing_back() {
    let (harness, operator) = granted("terminating");
    harness
        .cluster
        .kubectl(&["delete", "namespace", &harness.namespace.name, "--wait=false"])
        .run()
        .expect(0);
    delete(&harness, "developers");
    harness.next_pass(&operator);
    harness.next_pass(&operator);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
}

#[test]
fn what_another_account_object_remembers_is_taken_over_by_hand() {
    let (harness, operator) = granted("handed-over");
    harness.kubectl(&["delete", "koreaccount", NAME]);
    let mut other = harness.declared("successor", &json!({ "interval": "1s" }));
    harness.apply(&[other.clone()]);
    let said = harness.wait(&operator, "KoreAccount", "successor", "False AccountTaken");
    assert!(said.contains(&format!("KoreAccount {}/acme", harness.namespace.name)), "{said}");
    other["metadata"]["annotations"] = json!({ "koreconcile.dev/accept-memory": "2026-11-30" });
    harness.apply(&[other]);
    harness.wait(&operator, "KoreAccount", "successor", "True");
}

#[test]
fn a_memory_that_somebody_has_deleted_is_missed() {
    let (harness, mut operator) = granted("missed");
    operator.kill();
    harness.kubectl(&["delete", "configmap", "--selector", "koreconcile.dev/memory"]);
    let operator = harness.start();
    let said = harness.wait(&operator, "KoreAccount", NAME, "False MemoryLost");
    assert!(said.contains("there is none"), "{said}");
    harness.kubectl(&["annotate", "koreaccount", NAME, "koreconcile.dev/accept-memory=yes"]);
    harness.wait(&operator, "KoreAccount", NAME, "True");
}

#[test]
fn a_memory_that_somebody_has_changed_is_not_trusted() {
    let harness = ClusterHarness::new("sealed", &json!({ "interval": "1s" }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let key = [("KORECONCILE_MEMORY_KEY", "a key of the test")];
    let mut operator = harness.start_sealed(&key);
    harness.wait_all(&operator);
    operator.kill();
    let maps = harness.list("ConfigMap");
    let index = maps.iter().find(|map| map["data"]["index.json"].is_string()).expect("an index");
    let name = index["metadata"]["name"].as_str().unwrap();
    let head = index["data"]["memory.json"].as_str().unwrap().replace("\"generation\":", "\"generation\":9");
    let patch = json!({ "data": { "memory.json": head } }).to_string();
    harness.kubectl(&["patch", "configmap", name, "--type=merge", "-p", &patch]);
    let mut operator = harness.start_sealed(&key);
    let said = harness.wait(&operator, "KoreAccount", NAME, "False MemoryLost");
    assert!(said.contains("its seal does not fit"), "{said}");
    harness.kubectl(&["annotate", "koreaccount", NAME, "koreconcile.dev/accept-memory=yes"]);
    harness.wait(&operator, "KoreAccount", NAME, "True");
    operator.kill();
    // A new key, and the one before it.
    let keys =
        [("KORECONCILE_MEMORY_KEY", "another"), ("KORECONCILE_MEMORY_KEY_PREVIOUS", "a key of the test")];
    let operator = harness.start_sealed(&keys);
    harness.next_pass(&operator);
    harness.wait(&operator, "KoreAccount", NAME, "True");
}

#[test]
fn without_credentials_it_says_so_waits_and_goes_on() {
    let (harness, operator) = granted("secretless");
    harness.kubectl(&["delete", "secret", "kore"]);
    let said = harness.wait(&operator, "KoreAccount", NAME, "False CredentialsMissing");
    assert!(said.contains("there is no Secret kore in namespace"), "{said}");
    delete(&harness, "developers");
    harness.next_pass(&operator);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
    // What went meanwhile is not forgotten.
    harness.credentials();
    harness.until(&operator, "the role is gone", || harness.developers() == ["former", "jane.doe"]);
    harness.wait(&operator, "KoreAccount", NAME, "True UpToDate");
}

#[test]
fn a_host_that_is_not_allowed_gets_no_call() {
    let harness = ClusterHarness::new("hosts", &json!({}));
    harness.apply(&[user("kim", &json!({}))]);
    let operator = harness.start_with(&["--allowed-host", "platform.kore.ai"]);
    let said = harness.wait(&operator, "KoreAccount", NAME, "False HostNotAllowed");
    assert!(said.contains("127.0.0.1 is not one of the allowed hosts (platform.kore.ai)"), "{said}");
    assert_eq!(harness.served.server.requests().len(), 0);
}

/// Binds the chart's example roles to the users of the cluster.
fn reviewers(harness: &ClusterHarness<'_>) {
    let shown = [
        "template",
        "kore",
        "charts/koreconcile",
        "--show-only",
        "templates/clusterroles.yaml",
        "--set",
        "image.repository=x",
    ];
    let roles = harness.cluster.helm(&shown).run().expect(0).stdout;
    harness
        .cluster
        .kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"])
        .input(&roles)
        .run()
        .expect(0);
    for role in ["editor", "approver"] {
        let cluster_role = format!("--clusterrole=kore-koreconcile-{role}");
        harness.kubectl(&["create", "rolebinding", role, &cluster_role, &format!("--user={role}")]);
    }
}

fn approval(name: &str, spec: &Value) -> String {
    document("KorePlanApproval", name, spec).to_string()
}

fn plans(harness: &ClusterHarness<'_>, phase: &str) -> Vec<Value> {
    let all = harness.list("KorePlan");
    all.into_iter().filter(|plan| plan["status"]["phase"] == phase).collect()
}

/// What differs from run to run.
fn shown(run: &Run, harness: &ClusterHarness<'_>) -> String {
    let mut text = run.to_string().replace(&harness.namespace.name, "NAMESPACE");
    for (pattern, mask) in [
        (r"\b[0-9a-f]{64}\b", "DIGEST"),
        (r"acme-[0-9a-f]{12}\b", "acme-DIGESTDIGEST"),
        (r"\b[0-9a-f]{16}\b", "ID"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
        (r"(?m)\b\d+(s|m(\d+s)?)( +|$)", "AGE   "),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r"Resource Version: +\d+", "Resource Version:  N"),
        (r"(?m) +$", ""),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, mask).into_owned();
    }
    text
}

#[test]
fn changes_wait_for_an_approver_and_editors_cannot_approve() {
    let harness = ClusterHarness::new("approvals", &json!({ "approval": "Manual" }));
    reviewers(&harness);
    let edit = |names: &[&str], code: i32| {
        let object = developers("developers", names, &json!({})).to_string();
        harness.namespace.kubectl_as("editor", &["apply", "-f", "-"]).input(&object).run().expect(code);
    };
    edit(&["kim"], 0);
    let operator = harness.start();
    let said = harness.wait(&operator, "KoreRoleBinding", "developers", "False ApprovalRequired");
    assert!(said.contains("1 change waits for an approval; look at the KorePlan"), "{said}");
    harness.until(&operator, "the plan is published", || plans(&harness, "Pending").len() == 1);
    let first = plans(&harness, "Pending")[0].clone();
    let digest = first["spec"]["digest"].as_str().unwrap().to_owned();
    {
        let _guard = snapshots();
        insta::assert_snapshot!("plan_listed", shown(&harness.kubectl(&["get", "kp"]), &harness));
        insta::assert_snapshot!("plan_described", shown(&harness.kubectl(&["describe", "kp"]), &harness));
    }

    // Who edits may not approve, who approves may not edit, and nobody but the controller writes plans.
    let yes = approval("yes", &json!({ "digest": digest, "reason": "reviewed" }));
    let by =
        |user: &str, text: &str| harness.namespace.kubectl_as(user, &["create", "-f", "-"]).input(text).run();
    let refused = by("editor", &yes).expect(1);
    assert!(refused.stderr.contains("cannot create resource \"koreplanapprovals\""), "{refused}");
    let refused = by("approver", &developers("more", &["sam"], &json!({})).to_string()).expect(1);
    assert!(refused.stderr.contains("cannot create resource \"korerolebindings\""), "{refused}");
    let refused = harness.namespace.kubectl_as("editor", &["delete", "kp", "--all"]).run().expect(1);
    assert!(refused.stderr.contains("cannot delete resource \"koreplans\""), "{refused}");

    // The plan moves on before anybody looks: the approval covers what was shown, and what is new waits.
    edit(&["kim", "sam"], 0);
    harness.until(&operator, "the plan has moved on", || plans(&harness, "Superseded").len() == 1);
    by("approver", &yes).expect(0);
    harness.until(&operator, "what was shown is applied", || {
        harness.developers() == ["former", "jane.doe", "kim"]
    });
    harness.until(&operator, "the approval is understood", || {
        let yes = harness.get("KorePlanApproval", "yes").unwrap();
        crate::support::cluster_harness::said(&yes, "Accepted") == "True Accepted: covers 1 change"
    });
    harness.wait(&operator, "KoreRoleBinding", "developers", "False ApprovalRequired");
    let newest = |phase: &str| plans(&harness, phase).first().cloned().unwrap_or_default();
    harness.until(&operator, "the rest is published", || newest("Pending")["spec"]["counts"]["add"] == 1);
    let id = newest("Pending")["spec"]["changes"][0]["id"].clone();
    by("approver", &approval("single", &json!({ "changes": [id] }))).expect(0);
    harness.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim", "sam"]);

    let unknown = approval("unknown", &json!({ "digest": "0".repeat(64) }));
    by("approver", &unknown).expect(0);
    harness.until(&operator, "an approval of nothing is told so", || {
        let unknown = harness.get("KorePlanApproval", "unknown").unwrap();
        crate::support::cluster_harness::said(&unknown, "Accepted")
            .starts_with("False ReferenceMissing: there is no KorePlan")
    });
}

#[test]
fn the_same_changes_wanted_again_open_their_plan_again() {
    let harness = ClusterHarness::new("again", &json!({ "approval": "Manual" }));
    let wants = |names: &[&str]| {
        harness.apply(&[developers("developers", names, &json!({}))]);
    };
    wants(&["kim"]);
    let operator = harness.start();
    harness.until(&operator, "the plan is published", || plans(&harness, "Pending").len() == 1);
    let first = plans(&harness, "Pending")[0]["metadata"]["name"].clone();
    wants(&["sam"]);
    harness.until(&operator, "another plan is published", || plans(&harness, "Done").len() == 1);
    wants(&["kim"]);
    harness.until(&operator, "the first is open again", || {
        plans(&harness, "Pending").iter().any(|plan| plan["metadata"]["name"] == first)
    });
    assert_eq!(harness.list("KorePlan").len(), 2);
}

#[test]
fn settled_plans_are_kept_for_a_while_only() {
    let harness = ClusterHarness::new("history", &json!({ "approval": "Manual", "interval": "1s" }));
    let operator = harness.start();
    for number in 0..13 {
        let name = format!("Tester {number}");
        let role = document(
            "KoreRole",
            "wanted",
            &json!({ "type": "Bot", "name": name, "permissions": { "Tasks": "VIEW" } }),
        );
        harness.kubectl(&["delete", "korerole", "wanted", "--ignore-not-found"]);
        harness.apply(&[role]);
        let is_shown = |plan: &Value| plan["spec"]["riskiest"].as_str().unwrap().contains(&name);
        harness.until(&operator, "its plan is published", || plans(&harness, "Pending").iter().any(is_shown));
    }
    // One that waits, and ten of the twelve that do not any more.
    harness.until(&operator, "the oldest are gone", || harness.list("KorePlan").len() == 11);
    assert_eq!(plans(&harness, "Done").len(), 10);
}

#[test]
fn a_large_plan_comes_in_parts_and_goes_by_one_approval() {
    let harness = ClusterHarness::on(Cluster::shared(), "parts", Served::new(&[]));
    let workspace = Workspace::example("enterprise");
    std::fs::remove_file(workspace.path("account.yaml")).unwrap();
    harness.account(&json!({
        "approval": "Manual", "interval": "1h",
        "safety": { "maxRemovals": 8, "maxRemovalsPercent": 30, "protected": ["owner@example.com"] },
        "ownership": { "emailDomains": ["example.com"] },
    }));
    let folder = workspace.path("");
    harness.kubectl(&["apply", "--server-side", "--recursive", "-f", folder.to_str().unwrap()]);
    let operator = harness.start();
    harness.until(&operator, "all parts are published", || plans(&harness, "Pending").len() == 3);
    let mut parts: Vec<(String, usize)> = plans(&harness, "Pending")
        .iter()
        .map(|plan| {
            let spec = &plan["spec"];
            assert_eq!(
                spec["counts"],
                json!({ "add": 1215, "change": 3, "remove": 3 }),
                "the whole in numbers"
            );
            (spec["part"].as_str().unwrap().to_owned(), spec["changes"].as_array().unwrap().len())
        })
        .collect();
    parts.sort();
    assert_eq!(parts, [("1/3".to_owned(), 500), ("2/3".to_owned(), 500), ("3/3".to_owned(), 221)]);
    assert_eq!(harness.served.server.writes(), 0);

    let digest = plans(&harness, "Pending")[0]["spec"]["digest"].clone();
    harness.namespace.apply(&approval("all", &json!({ "digest": digest }))).run().expect(0);
    harness.wait_all(&operator);
    harness.nudge("look");
    harness.until(&operator, "every part is done", || plans(&harness, "Done").len() == 3);
    assert!(!harness.truth().users.contains_key("former@example.com"));
}
