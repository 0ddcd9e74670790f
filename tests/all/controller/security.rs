//! What the controller may do, and what it never tells: on a real API server, by the chart's own role.

use crate::controller::output::collector;
use crate::repo::secrets::secrets_of_bots;
use crate::support::cluster_harness::{
    ClusterHarness, KINDS, NAME, Operator, chart_role, developers, document, user, within,
};
use crate::support::served::ACCOUNT;
use serde_json::{Value, json};

/// What the role gives, one line for each rule and verb, and what makes the controller need it.
type Case = (&'static str, &'static str, fn(&ClusterHarness<'_>));

fn nothing(_: &ClusterHarness<'_>) {}

/// A binding with the finalizer of an earlier version.
fn releases(harness: &ClusterHarness<'_>) {
    let mut object = developers("released", &["kim"], &json!({}));
    object["metadata"]["finalizers"] = json!(["koreconcile.dev/remove"]);
    harness.apply(&[object]);
}

/// A binding that is in place, and is deleted then.
fn leaves(harness: &ClusterHarness<'_>) {
    harness.apply(&[developers("leaving", &["kim"], &json!({}))]);
    let is_there = || harness.said("KoreRoleBinding", "leaving", "Ready").starts_with("True UpToDate");
    assert!(within(is_there), "{:?}", harness.get("KoreRoleBinding", "leaving"));
    harness.kubectl(&["delete", "korerolebinding", "leaving"]);
}

/// One more fact to remember.
fn remembers_more(harness: &ClusterHarness<'_>) {
    harness.apply(&[user("remembered", &json!({}))]);
    let is_there = || harness.said("KoreUser", "remembered", "Ready").starts_with("True");
    within(is_there);
    harness.apply(&[user("remembered-too", &json!({}))]);
}

/// Waits until what the account says of itself is about the spec as it is now, and is so.
fn account_is(harness: &ClusterHarness<'_>, what: &str, is_so: impl Fn(&str) -> bool) {
    let seen = || {
        let said = harness.said("KoreAccount", NAME, "Ready");
        !said.is_empty() && is_so(&said)
    };
    assert!(within(seen), "the account is not {what}: {:?}", harness.get("KoreAccount", NAME));
}

/// Something to approve. Kinds are watched apart: the account has to be known before what it is to hold back.
fn proposes(harness: &ClusterHarness<'_>) {
    harness.account(&json!({ "approval": "Manual" }));
    account_is(harness, "seen", |_| true);
    harness.apply(&[user("wanted", &json!({}))]);
}

/// More settled plans than are kept.
fn remembers(harness: &ClusterHarness<'_>) {
    let names: Vec<String> = (0..12).map(|number| format!("{NAME}-old-{number}")).collect();
    let plans: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let counts = json!({ "add": 0, "change": 0, "remove": 0 });
            let spec = json!({
                "account": NAME, "digest": format!("{number:064}"), "part": "1/1", "counts": counts,
                "risk": "low", "riskiest": "", "changes": [],
            });
            document("KorePlan", name, &spec)
        })
        .collect();
    harness.apply(&plans);
    let settled = json!({ "status": { "phase": "Superseded" } }).to_string();
    let mut args = vec!["patch", "koreplan", "--subresource=status", "--type=merge", "-p", &settled];
    args.extend(names.iter().map(String::as_str));
    harness.kubectl(&args);
}

/// The same, with no plan of an earlier case in the way.
fn proposes_anew(harness: &ClusterHarness<'_>) {
    harness.kubectl(&["delete", "koreplan", "--all"]);
    proposes(harness);
    harness.apply(&[user("wanted-anew", &json!({}))]);
}

/// A status to write.
fn happens(harness: &ClusterHarness<'_>) {
    harness.apply(&[user("eventful", &json!({}))]);
}

/// The same thing happens twice, whatever was before: the second event is a patch of the first.
fn repeats(harness: &ClusterHarness<'_>) {
    for suspend in [false, true, false, true] {
        harness.account(&json!({ "suspend": suspend }));
        account_is(harness, &format!("suspended: {suspend}"), |said| said.contains("Suspended") == suspend);
    }
}

const CASES: [Case; 22] = [
    ("list", "koreusers", nothing),
    ("watch", "koreusers", nothing),
    ("patch", "koreusers/status", happens),
    ("get", "korerolebindings", releases),
    ("patch", "korerolebindings", releases),
    ("list", "koreplans", nothing),
    ("watch", "koreplans", nothing),
    ("create", "koreplans", proposes),
    ("delete", "koreplans", remembers),
    ("patch", "koreplans/status", proposes_anew),
    ("create", "events", repeats),
    ("patch", "events", repeats),
    ("get", "secrets", nothing),
    ("get", "namespaces", leaves),
    ("create", "leases", nothing),
    ("get", "leases", nothing),
    ("update", "leases", nothing),
    ("get", "configmaps", nothing),
    ("list", "configmaps", remembers_more),
    ("create", "configmaps", remembers_more),
    ("update", "configmaps", remembers_more),
    ("delete", "configmaps", remembers_more),
];

/// The chart's role less one verb of the rule that is about this resource, and with one that only says which role this is.
fn without(harness: &ClusterHarness<'_>, verb: &str, resource: &str, mark: &str) -> String {
    let text = chart_role(&harness.namespace.name, &harness.namespace.name);
    let mut documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let mut removed = 0;
    for rule in documents.iter_mut().filter_map(|document| document["rules"].as_array_mut()).flatten() {
        let is_meant = rule["resources"].as_array().unwrap().iter().any(|name| name == resource);
        let verbs = rule["verbs"].as_array_mut().unwrap();
        let before = verbs.len();
        verbs.retain(|known| !(is_meant && known == verb));
        removed += before - verbs.len();
    }
    for rules in documents.iter_mut().filter_map(|document| document["rules"].as_array_mut()) {
        rules.retain(|rule| rule["verbs"] != json!([]));
    }
    assert_eq!(removed, 1, "{verb} {resource} stands in the role once");
    let last = documents.iter_mut().rev().find_map(|document| document["rules"].as_array_mut()).unwrap();
    last.push(json!({ "apiGroups": ["koreconcile.dev"], "resources": ["koreplans"], "verbs": [mark] }));
    documents.retain(|document| document["kind"] != "ServiceAccount");
    documents.iter().map(|document| format!("---\n{document}\n")).collect()
}

/// Takes one verb away. The server learns of roles by a watch of its own: it has seen this one, and all before it, when
/// it knows the mark.
fn take_away(harness: &ClusterHarness<'_>, verb: &str, resource: &str, mark: &str) {
    harness.namespace.apply(&without(harness, verb, resource, mark)).run().expect(0);
    let account = format!("--as=system:serviceaccount:{}:kore-koreconcile", harness.namespace.name);
    let may = ["auth", "can-i", mark, "koreplans.koreconcile.dev", &account];
    let is_known = || harness.namespace.kubectl(&may).run().stdout.starts_with("yes");
    assert!(within(is_known), "the server never learns of the role without {verb} {resource}");
}

#[test]
fn the_table_of_verbs_is_the_role_of_the_chart() {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&chart_role("system", "accounts")).unwrap();
    let rules = documents.iter().filter_map(|document| document["rules"].as_array()).flatten();
    let given: usize = rules.map(|rule| rule["verbs"].as_array().unwrap().len()).sum();
    assert_eq!(given, CASES.len());
}

#[test]
fn every_verb_of_the_role_is_needed() {
    let harness = ClusterHarness::new("verbs", &json!({ "interval": "1s" }));
    harness.apply(&[user("kim", &json!({}))]);
    let mut unneeded = Vec::new();
    for (number, (verb, resource, arrange)) in CASES.into_iter().enumerate() {
        harness.account(&json!({ "interval": "1s", "suspend": false, "approval": "Automatic" }));
        take_away(&harness, verb, resource, &format!("mark-{number}"));
        if resource == "leases" {
            harness.kubectl(&["delete", "lease", "koreconcile", "--ignore-not-found"]);
        }
        let operator = harness.start();
        arrange(&harness);
        // The server says what was refused, and the log, or the account's status, says what the server said.
        let refused = format!("cannot {verb} resource \\\"{resource}\\\"");
        let is_refused = || {
            let status = harness.get("KoreAccount", NAME).unwrap()["status"].to_string();
            operator.logs().contains(&refused) || status.contains(&refused)
        };
        if !within(is_refused) {
            unneeded.push(format!("{verb} {resource}\n{}", operator.logs()));
        }
        drop(operator);
        harness.kubectl(&["delete", "lease", "koreconcile", "--ignore-not-found"]);
    }
    assert!(unneeded.is_empty(), "{}", unneeded.join("\n"));
}

#[test]
fn the_role_is_enough_and_nothing_is_refused() {
    let harness = ClusterHarness::new("enough", &json!({ "interval": "1s" }));
    let operator = harness.start();
    for arrange in [releases, leaves, remembers_more, remembers, proposes, repeats] {
        arrange(&harness);
        harness.next_pass(&operator);
    }
    let logs = operator.logs();
    assert!(!logs.contains("cannot") && !logs.contains("\"ERROR\"") && !logs.contains("orbidden"), "{logs}");
}

/// Everything a person or a machine can read of a run.
fn everything(harness: &ClusterHarness<'_>, operator: &Operator) -> Vec<(&'static str, String)> {
    let listed = |kind: &str| harness.list(kind).iter().map(ToString::to_string).collect::<String>();
    let mut all = vec![
        ("log", operator.logs()),
        ("metrics", operator.metrics()),
        ("events", listed("Event")),
        ("lease", listed("Lease")),
        ("plans", listed("KorePlan")),
    ];
    all.extend(KINDS.iter().map(|kind| (*kind, listed(kind))));
    all
}

#[test]
fn the_client_secret_appears_nowhere() {
    let harness = ClusterHarness::new("canary", &json!({ "approval": "WhenRisky", "interval": "1s" }));
    let master = json!({ "role": { "type": "Admin", "name": "Master Admin" }, "subjects": [{ "user": "sam@example.com" }] });
    harness.apply(&[
        user("ann", &json!({ "firstName": "Ann" })),
        developers("developers", &["kim", "nobody"], &json!({})),
        document("KoreRoleBinding", "master", &master),
    ]);
    let (address, traced) = collector();
    let endpoint = format!("http://{address}");
    let env = [("KORECONCILE_LOG", "trace"), ("OTEL_BSP_SCHEDULE_DELAY", "200")];
    let operator = Operator::start(&harness, &harness.user, &["--otlp-endpoint", &endpoint], &env);
    harness.until(&operator, "a plan is published", || !harness.list("KorePlan").is_empty());
    // Every way in which a call goes wrong says something, too.
    for effect in [
        json!({ "status": { "status": 500, "message": "no" } }),
        json!({ "status": { "status": 401, "message": "no" } }),
        json!({ "html": { "status": 502 } }),
        json!("drop-before"),
    ] {
        harness.served.server.fault(&json!({ "endpoint": "GET /api/public/bots", "effect": effect }));
        harness.next_pass(&operator);
    }
    let secret = harness.served.workspace.exported("KORE_CLIENT_SECRET");
    assert!(secret.len() > 20);
    let encoded = harness.get("Secret", "kore").unwrap()["data"]["secret"].as_str().unwrap().to_owned();
    let of_a_bot = secrets_of_bots(&harness.served.workspace.path("../sandbox")).remove(0);
    harness.until(&operator, "passes were traced", || {
        traced.lock().unwrap().iter().any(|sent| sent.contains("pass"))
    });
    let mut all = everything(&harness, &operator);
    all.push(("traces", traced.lock().unwrap().concat()));
    for (what, text) in all {
        assert!(text.len() > 2 || what.starts_with("Kore"), "{what} is empty");
        for secret in [secret, &encoded, &of_a_bot] {
            assert!(!text.contains(secret), "the {what} holds the secret");
        }
        assert!(!text.contains("Bearer ") && !text.contains("eyJ"), "the {what} holds a token");
    }
    let metrics = operator.metrics();
    assert!(!metrics.contains("example.com"), "{metrics}");
    assert!(!metrics.contains(ACCOUNT), "{metrics}");
}
