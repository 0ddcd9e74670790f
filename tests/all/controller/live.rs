//! The controller as a process on a real API server, against a served account: what people declare becomes so, and then
//! nothing is written any more.

use crate::support::cluster::Cluster;
use crate::support::cluster_harness::{
    ClusterHarness, KINDS, Operator, developers, document, roomy, said, user, within,
};
use crate::support::flaky_proxy::FlakyProxy;
use crate::support::served::Served;
use crate::support::workspace::Workspace;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An example of the command line in a cluster: its objects as they are, its account at the served one.
struct Example {
    harness: ClusterHarness<'static>,
    workspace: Workspace,
    spec: Value,
}

impl Example {
    fn new(name: &str) -> Self {
        let harness = ClusterHarness::on(Cluster::shared(), name, Served::new(&[]));
        let mut workspace = Workspace::example(name);
        for variable in ["KORE_CLIENT_ID", "KORE_CLIENT_SECRET"] {
            workspace.export(variable, harness.served.workspace.exported(variable));
        }
        let text = std::fs::read_to_string(workspace.path("account.yaml")).unwrap();
        let mut account: Value = serde_saphyr::from_str(&text).unwrap();
        let spec = &mut account["spec"];
        spec["endpoint"] = json!({ "host": harness.served.server.url });
        spec["rateLimit"] = roomy();
        let env = |name: &str| json!({ "env": name });
        spec["credentials"] =
            json!({ "clientId": env("KORE_CLIENT_ID"), "clientSecret": env("KORE_CLIENT_SECRET") });
        workspace.write("account.yaml", &account.to_string());
        let mut spec = account["spec"].clone();
        spec.as_object_mut().unwrap().remove("sources");
        Self { harness, workspace, spec }
    }

    /// Applies all of it, with more in the account's spec.
    fn apply(&self, more: &Value) {
        let folder = self.harness.served.workspace.path("objects");
        std::fs::create_dir_all(&folder).unwrap();
        let mut number = 0;
        for entry in walkdir::WalkDir::new(self.workspace.path("")).into_iter().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy();
            if name.ends_with(".yaml") && name != "account.yaml" {
                number += 1;
                std::fs::copy(entry.path(), folder.join(format!("{number}.yaml"))).unwrap();
            }
        }
        self.account(more);
        self.harness.kubectl(&["apply", "--server-side", "-f", folder.to_str().unwrap()]);
    }

    fn account(&self, more: &Value) {
        let mut spec = self.spec.clone();
        let declared = self.harness.declared("acme", &json!({}));
        for name in ["endpoint", "credentials", "accountId"] {
            spec[name] = declared["spec"][name].clone();
        }
        spec["safety"]["settle"] = "1s".into();
        for (name, value) in more.as_object().unwrap() {
            spec[name] = value.clone();
        }
        self.harness.apply(&[document("KoreAccount", "acme", &spec)]);
    }
}

/// What a status says; null before there is one.
fn status(harness: &ClusterHarness<'_>, name: &str) -> Value {
    harness.get("KoreAccount", name).unwrap()["status"].clone()
}

/// Looks at the account now, and gives the calls that took.
fn observe(harness: &ClusterHarness<'_>, operator: &Operator, value: &str) -> usize {
    let before = harness.served.server.requests().len();
    harness.nudge(value);
    harness.until(operator, "the annotation is acted on", || {
        status(harness, "acme")["handledReconcileAt"] == value
    });
    harness.served.server.requests().len() - before
}

fn becomes_ready_with_the_plan_of_the_command_line(name: &str, objects: usize, reads: u64) {
    let example = Example::new(name);
    let harness = &example.harness;
    let plan = example.workspace.run(&["plan", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    // The account's own time between reads would hide what a look costs.
    example.apply(&json!({ "mode": "Observe", "interval": "1h" }));
    let operator = harness.start();
    let drift = harness.wait(&operator, "KoreAccount", "acme", "True Drift");
    let seen = status(harness, "acme");
    assert_eq!(seen["counts"]["objects"], objects, "{seen}");
    assert_eq!(seen["planDigest"], plan["digest"], "{seen}");
    let changes = plan["changes"].as_array().unwrap().len();
    assert!(drift.contains(&format!("{changes} changes would be applied")), "{drift}");
    assert_eq!(harness.served.server.writes(), 0, "it only observes");

    example.account(&json!({ "interval": "1h" }));
    if plan["waiting"].as_array().unwrap().iter().any(|entry| entry["reason"] == "ListProposed") {
        approve_what_is_proposed(harness, &operator);
    }
    harness.until(&operator, "the account is enforced", || status(harness, "acme")["counts"]["changes"] == 0);
    harness.wait_all(&operator);
    let run = example.workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes"), "{run}");

    // Settled: what passes look at costs reads, and nothing is written anywhere.
    observe(harness, &operator, "first");
    let (writes, versions) = (harness.served.server.writes(), versions(harness));
    let patched = operator.metric("koreconcile_status_patches_total", &[]);
    let published = operator.metric("koreconcile_events_total", &[]);
    for value in ["second", "third", "fourth"] {
        // One full read, and the audit log before it.
        assert_eq!(observe(harness, &operator, value) as u64, reads + 1);
    }
    assert_eq!(status(harness, "acme")["calls"]["perRead"], reads);
    assert_eq!(harness.served.server.writes(), writes);
    assert_eq!(operator.metric("koreconcile_events_total", &[]), published);
    // The annotation is acknowledged in the account's own status, and that is all.
    assert_eq!(operator.metric("koreconcile_status_patches_total", &[]), patched + 3);
    assert_eq!(changed(harness, &versions), ["KoreAccount acme"]);
}

/// A list that is authoritative for the first time needs a yes.
fn approve_what_is_proposed(harness: &ClusterHarness<'_>, operator: &Operator) {
    harness.wait(operator, "KoreAccount", "acme", "False ApprovalRequired");
    let plans = harness.kubectl(&["get", "koreplans", "-o", "json"]).stdout;
    let plans: Value = serde_json::from_str(&plans).unwrap();
    let spec = json!({ "digest": plans["items"][0]["spec"]["digest"] });
    harness.apply(&[document("KorePlanApproval", "yes", &spec)]);
}

#[test]
fn quickstart_becomes_ready_with_the_plan_of_the_command_line_and_stays_still() {
    becomes_ready_with_the_plan_of_the_command_line("quickstart", 15, 6);
}

/// Twenty times the objects and a hundred times the people.
#[test]
fn enterprise_becomes_ready_with_the_plan_of_the_command_line_and_stays_still() {
    becomes_ready_with_the_plan_of_the_command_line("enterprise", 257, 10);
}

fn versions(harness: &ClusterHarness<'_>) -> BTreeMap<String, String> {
    let all = KINDS.iter().flat_map(|kind| harness.list(kind));
    all.map(|object| {
        let name =
            format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        (name, object["metadata"]["resourceVersion"].to_string())
    })
    .collect()
}

/// The objects that were written to since.
fn changed(harness: &ClusterHarness<'_>, before: &BTreeMap<String, String>) -> Vec<String> {
    let now = versions(harness);
    now.into_iter()
        .filter(|(name, version)| before.get(name) != Some(version))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn passes_by_itself_write_nothing() {
    let harness = ClusterHarness::new("still", &json!({ "interval": "1s" }));
    harness.apply(&[user("kim", &json!({})), developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start_with(&["--audit-poll-interval", "200ms"]);
    harness.wait_all(&operator);
    // On a busy machine the watches may show what a pass wrote only after the next one has begun.
    harness.until(&operator, "a pass finds nothing changed", || {
        let lines = operator.lines();
        let latest = lines.iter().rev().find(|line| line["message"] == "pass");
        latest.is_some_and(|pass| pass["is_unchanged"] == true)
    });
    let writes = harness.served.server.writes();
    let before = versions(&harness);
    let counters = ["koreconcile_status_patches_total", "koreconcile_events_total"];
    let counted = counters.map(|name| operator.metric(name, &[]));
    let [full, hints] =
        ["full", "audit_poll"].map(|kind| operator.metric("koreconcile_account_reads_total", &[kind]));
    harness.until(&operator, "three intervals and three hints have passed", || {
        operator.metric("koreconcile_account_reads_total", &["full"]) >= full + 3
            && operator.metric("koreconcile_account_reads_total", &["audit_poll"]) >= hints + 6
    });
    assert_eq!(counters.map(|name| operator.metric(name, &[])), counted);
    assert_eq!(changed(&harness, &before), Vec::<String>::new());
    assert_eq!(harness.served.server.writes(), writes);
    let lines = operator.lines();
    let latest = lines.iter().rev().filter(|line| line["message"] == "pass").take(3);
    let are_unchanged: Vec<&Value> = latest.map(|pass| &pass["is_unchanged"]).collect();
    assert_eq!(are_unchanged, [true; 3], "they planned again");
}

#[test]
fn one_edit_is_applied_and_patches_one_object() {
    let harness = ClusterHarness::new("edit", &json!({ "interval": "1h" }));
    harness.apply(&[
        user("kim", &json!({ "firstName": "Kim", "lastName": "Kaya" })),
        user("sam", &json!({})),
        developers("developers", &["kim"], &json!({})),
    ]);
    let operator = harness.start();
    harness.wait_all(&operator);
    observe(&harness, &operator, "settled");
    let (before, writes) = (versions(&harness), harness.served.server.writes());
    harness.apply(&[user("kim", &json!({ "firstName": "Kim", "lastName": "Kaya-Roe" }))]);
    let ready = harness.wait(&operator, "KoreUser", "kim", "True UpToDate");
    assert_eq!(ready, "True UpToDate: the account is as declared");
    assert_eq!(harness.truth().users["kim@example.com"].last_name, "Kaya-Roe");
    harness.until(&operator, "the event is there", || {
        harness.events("kim").contains(&("Applied".to_owned(), "1 change applied and read back".to_owned()))
    });
    assert_eq!(harness.served.server.writes(), writes + 1);
    // Only what is about the edit is written: its object, and the account with the digest of the plan.
    assert_eq!(changed(&harness, &before), ["KoreAccount acme", "KoreUser kim"]);
}

#[test]
fn an_object_beyond_reading_stops_nothing_but_what_it_could_be_about() {
    let cluster = Cluster::empty();
    cluster.define();
    let harness = ClusterHarness::on(&cluster, "broken", Served::new(&[]));
    harness.account(&json!({}));
    let binding = |names: &[&str]| developers("developers", names, &json!({ "membership": "Authoritative" }));
    harness.apply(&[user("kim", &json!({})), binding(&["kim", "jane.doe", "former"])]);
    store_broken_team(&harness);
    let operator = harness.start();
    harness.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
    // An edit that closes somebody out, and one that adds somebody.
    harness.apply(&[binding(&["kim", "sam"])]);
    harness.until(&operator, "the broken object is told", || {
        let team = harness.get("KoreTeam", "broken").unwrap();
        let conditions = team["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|found| {
            found["type"] == "Accepted" && found["status"] == "False" && found["reason"] == "Invalid"
        })
    });
    harness.until(&operator, "no list names that team", || harness.developers() == ["kim", "sam"]);
    assert_eq!(harness.said("KoreAccount", "acme", "PruningPaused"), " : ");
    // A list that names it is held.
    let through = json!({ "membership": "Authoritative", "subjects": [{ "user": "kim@example.com" }, { "team": "broken" }] });
    harness.apply(&[developers("developers", &[], &through)]);
    harness.next_pass(&operator);
    harness.next_pass(&operator);
    assert_eq!(harness.developers(), ["kim", "sam"], "sam may be in the team");
    harness.kubectl(&["delete", "koreteam", "broken"]);
    harness.apply(&[binding(&["kim"])]);
    harness.until(&operator, "it is held no more", || harness.developers() == ["kim"]);
}

#[test]
fn follows_everything_again_after_the_api_server_was_away() {
    let harness = ClusterHarness::new("away", &json!({ "interval": "1h" }));
    let binding = |names: &[&str]| developers("developers", names, &json!({ "membership": "Authoritative" }));
    harness.apply(&[user("kim", &json!({})), binding(&["kim", "jane.doe", "former"])]);
    let flaky_proxy = FlakyProxy::to(harness.cluster.address());
    let through = harness.cluster.kubeconfig_through(&harness.user, &flaky_proxy);
    let through = [("KUBECONFIG", through.to_str().unwrap())];
    let operator = Operator::start(&harness, &harness.user, &[], &through);
    harness.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    flaky_proxy.pull();
    harness.until(&operator, "every watch has noticed", || {
        let lines = operator.lines();
        let has_failed = |kind: &&str| {
            lines
                .iter()
                .any(|line| line["message"] == "a watch failed and is tried again" && line["kind"] == *kind)
        };
        KINDS.iter().all(has_failed)
    });
    flaky_proxy.plug_in();
    // One edit that adds and takes away: taking away needs every kind to be whole again.
    harness.apply(&[binding(&["kim", "sam"])]);
    harness.until(&operator, "the edit is seen and swept", || harness.developers() == ["kim", "sam"]);
    harness.until(&operator, "the account says so", || {
        harness.said("KoreAccount", "acme", "Synced").starts_with("True UpToDate: the account is as declared")
    });
}

/// Stores a team as an older definition allowed it.
fn store_broken_team(harness: &ClusterHarness<'_>) {
    let team = document("KoreTeam", "broken", &json!({ "members": "nobody" }));
    let crd =
        harness.cluster.kubectl(&["get", "crd", "koreteams.koreconcile.dev", "-o", "json"]).run().expect(0);
    let mut loose: Value = serde_json::from_str(&crd.stdout).unwrap();
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    });
    let replace = |crd: &Value| {
        loose_metadata(crd, |crd| {
            harness.cluster.kubectl(&["replace", "-f", "-"]).input(&crd.to_string()).run().expect(0)
        });
    };
    let strict: Value = serde_json::from_str(&crd.stdout).unwrap();
    replace(&loose);
    let stored = || harness.namespace.apply(&team.to_string()).run().code == Some(0);
    assert!(within(stored), "the loose definition never comes to be");
    replace(&strict);
    let probe = document("KoreTeam", "probe", &json!({ "members": "nobody" })).to_string();
    let refused = || {
        harness.namespace.kubectl(&["create", "--dry-run=server", "-f", "-"]).input(&probe).run().code
            != Some(0)
    };
    assert!(within(refused), "the strict definition never comes back");
}

/// Without what would pin the write to one version.
fn loose_metadata<T>(crd: &Value, write: impl Fn(&Value) -> T) {
    let mut crd = crd.clone();
    for name in ["resourceVersion", "uid", "generation", "managedFields", "creationTimestamp"] {
        crd["metadata"].as_object_mut().unwrap().remove(name);
    }
    crd.as_object_mut().unwrap().remove("status");
    write(&crd);
}

#[test]
fn takes_up_new_credentials_without_a_restart() {
    let mut harness = ClusterHarness::new("rotation", &json!({ "interval": "1h" }));
    harness.apply(&[user("kim", &json!({}))]);
    let operator = harness.start();
    harness.wait_all(&operator);
    let old = harness.served.workspace.exported("KORE_CLIENT_SECRET").to_owned();
    harness.served.sign_in("user_management:user_management");
    assert_ne!(harness.served.workspace.exported("KORE_CLIENT_SECRET"), old);
    harness.credentials();
    // The new app has fewer scopes: whoever says so has signed in with it.
    harness.nudge("rotated");
    let said = harness.wait(&operator, "KoreAccount", "acme", "False ScopeMissing");
    assert!(said.contains("Role Management"), "{said}");
    harness.served.sign_in("all");
    harness.credentials();
    harness.nudge("again");
    harness.wait(&operator, "KoreAccount", "acme", "True UpToDate");
}

#[test]
fn suspended_and_observed_accounts_are_not_written_to() {
    let harness = ClusterHarness::new("suspended", &json!({ "suspend": true }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start();
    let said = harness.wait(&operator, "KoreAccount", "acme", "False Suspended");
    assert_eq!(said, "False Suspended: spec.suspend is true: nothing is read or written");
    assert_eq!(harness.served.server.requests().len(), 0);

    harness.account(&json!({ "mode": "Observe", "suspend": false }));
    harness.wait(
        &operator,
        "KoreAccount",
        "acme",
        "True Drift: 1 change would be applied; mode Observe writes nothing",
    );
    harness.wait(
        &operator,
        "KoreRoleBinding",
        "developers",
        "True Drift: would be changed: + kim@example.com: Bot Developer",
    );
    assert_eq!(harness.served.server.writes(), 0);

    harness.account(&json!({ "suspend": false }));
    harness.wait_all(&operator);
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim"]);
}

#[test]
fn one_object_is_paused_by_an_annotation_and_the_account_tells_when_it_was_read() {
    let harness = ClusterHarness::new("paused", &json!({ "interval": "1s" }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start();
    harness.wait_all(&operator);
    let first = harness.get("KoreAccount", "acme").unwrap();
    let read: jiff::Timestamp = first["status"]["lastRead"].as_str().unwrap().parse().unwrap();
    let created: jiff::Timestamp = first["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(read >= created);
    let managers: Vec<&str> = first["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry.pointer("/fieldsV1/f:status/f:lastRead").is_some())
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, ["koreconcile-reads"], "the rest of the status is written without it");
    assert_eq!(operator.metric("koreconcile_edit_latency_seconds_count", &[]), 1, "{}", operator.metrics());

    let annotate = |mode: &str| {
        let args = ["annotate", "--overwrite", "krb", "developers", mode];
        harness.namespace.kubectl(&args).run().expect(0);
    };
    annotate("koreconcile.dev/mode=Paused");
    let said = harness.wait(&operator, "KoreRoleBinding", "developers", "False Paused");
    assert!(said.contains("koreconcile.dev/mode is Paused"), "{said}");
    harness.apply(&[developers("developers", &["kim", "sam"], &json!({}))]);
    harness.next_pass(&operator);
    harness.next_pass(&operator);
    assert!(!harness.developers().contains(&"sam".to_owned()));
    annotate("koreconcile.dev/mode=Observe");
    let said = harness.wait(&operator, "KoreRoleBinding", "developers", "True Drift");
    assert!(said.contains("+ sam@example.com: Bot Developer"), "{said}");
    annotate("koreconcile.dev/mode-");
    harness.wait_all(&operator);
    harness.until(&operator, "sam has it", || harness.developers().contains(&"sam".to_owned()));
}

/// Takes a role away from somebody, as another tool or a person in the console would.
fn drift(harness: &ClusterHarness<'_>) {
    let by_hand = developers("by-hand", &[], &json!({ "absent": [{ "user": "kim@example.com" }] }));
    harness.served.workspace.write("main.yaml", &by_hand.to_string());
    let run = harness.served.run(&["apply", "--yes"]);
    // Whether it can still read that back is a race, which the controller may win.
    assert!(run.stdout.contains("Plan: 1 to remove."), "{run}");
}

#[test]
fn drift_is_noticed_by_one_call_and_read_in_full_only_then() {
    let harness = ClusterHarness::new("hint", &json!({ "interval": "1h" }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start_with(&["--audit-poll-interval", "300ms"]);
    harness.wait_all(&operator);
    let reads = |kind: &str| operator.metric("koreconcile_account_reads_total", &[kind]);
    let hints = reads("audit_poll");
    harness.until(&operator, "some hints have passed", || reads("audit_poll") >= hints + 3);
    assert!(reads("full") <= 2, "nothing has happened, and it was read again");
    let full = reads("full");
    let focused = reads("focused");

    drift(&harness);
    harness.until(&operator, "the role is back", || harness.developers().contains(&"kim".to_owned()));
    harness.until(&operator, "the pass is counted", || reads("focused") + reads("full") > focused + full);
    let hints = reads("audit_poll");
    harness.until(&operator, "some more hints have passed", || reads("audit_poll") >= hints + 3);
    assert!(reads("full") <= full + 2, "its own writing is no drift");
    operator.signal("STOP");
    let polls = harness.served.server.requests();
    let polls = polls.iter().filter(|request| request["endpoint"] == "GET /api/public/auditlogs").count();
    operator.signal("CONT");
    let hints = reads("audit_poll");
    assert!(hints >= polls as u64, "{polls} calls, {hints} hints");
}

#[test]
fn without_the_scope_for_the_audit_log_lives_by_the_interval_and_says_so_once() {
    let served = Served::with(
        &["--rate-limit", "off"],
        "user_management:user_management,role_management:role_management",
        &[],
    );
    let harness = ClusterHarness::on(Cluster::shared(), "deaf", served);
    harness.account(&json!({ "interval": "1s" }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start_with(&["--audit-poll-interval", "100ms"]);
    harness.wait_all(&operator);
    harness.next_pass(&operator);
    let polls = || {
        let requests = harness.served.server.requests();
        requests.iter().filter(|request| request["endpoint"] == "GET /api/public/auditlogs").count()
    };
    assert_eq!(polls(), 1);
    drift(&harness);
    harness.until(&operator, "the role is back", || harness.developers().contains(&"kim".to_owned()));
    assert_eq!(polls(), 1, "it is not asked again");
    assert_eq!(operator.said("the audit log cannot be read: drift is noticed at the interval"), 1);
}

#[test]
fn an_expired_grant_goes_at_its_time() {
    let harness = ClusterHarness::new("expiry", &json!({ "interval": "1h" }));
    harness.apply(&[user("kim", &json!({}))]);
    let operator = harness.start();
    harness.wait_all(&operator);
    let is_granted = || harness.developers().contains(&"kim".to_owned());
    // However busy the machine is: one of these is long enough to see it granted.
    let at = [4, 8, 16, 32, 64].into_iter().find_map(|seconds| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let until = json!({ "subjects": [{ "user": "kim@example.com", "expiresAt": at.to_string() }] });
        harness.apply(&[developers("developers", &[], &until)]);
        harness.until(&operator, "it is granted, or over", || is_granted() || jiff::Timestamp::now() >= at);
        is_granted().then_some(at)
    });
    let at = at.expect("it was never granted in time");
    harness.until(&operator, "it has ended", || !is_granted());
    assert!(jiff::Timestamp::now() >= at);
    harness.wait_all(&operator);
    let binding = harness.get("KoreRoleBinding", "developers").unwrap();
    assert!(said(&binding, "Ready").starts_with("True UpToDate"), "{binding}");
}
