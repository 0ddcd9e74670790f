//! What people and machines see of the controller: columns, descriptions, metrics, logs, traces, probes.

use crate::support::cluster_harness::{ClusterHarness, NAME, Operator, developers, document, user, within};
use crate::support::workspace::{Run, snapshots};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What differs from run to run.
fn shown(run: &Run, harness: &ClusterHarness<'_>) -> String {
    let host = &harness.served.server.url;
    let mut text =
        run.to_string().replace(&harness.namespace.name, "NAMESPACE").replace(host, "http://127.0.0.1:PORT");
    for (pattern, mask) in [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
        (r"koreconcile-[0-9a-f]{32}", "koreconcile-REPLICA"),
        (r"\b[0-9a-f]{64}\b", "DIGEST"),
        (r"(?m)^(\S.*?)\b\d+(s|m(\d+s)?)( +|$)", "${1}AGE   "),
        (r"(\d+s|AGE) +koreconcile", "AGE   koreconcile"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"Resource Version: +\d+", "Resource Version:  N"),
        (r"(?m) +$", ""),
        (r"(Role: +)[0-9a-f]{24}\b", "${1}ROLE-ID"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, mask).into_owned();
    }
    text
}

#[test]
fn columns_and_descriptions_say_what_a_person_wants_to_know() {
    let harness = ClusterHarness::new("columns", &json!({ "interval": "1h" }));
    harness.apply(&[
        user("ann", &json!({ "firstName": "Ann", "lastName": "New" })),
        user("kim", &json!({ "firstName": "Kim", "lastName": "Kaya" })),
        document("KoreTeam", "bankers", &json!({ "members": ["kim@example.com", "ann@example.com"] })),
        developers("developers", &[], &json!({ "subjects": [{ "team": "bankers" }] })),
        developers("lost", &["kim"], &json!({ "bot": "No Such Bot" })),
    ]);
    let operator = harness.start();
    harness.wait(&operator, "KoreRoleBinding", "lost", "False BotUnresolved");
    harness.nudge("settled");
    harness.until(&operator, "it has looked again", || {
        harness.get("KoreAccount", NAME).unwrap()["status"]["handledReconcileAt"] == "settled"
    });
    harness.wait(&operator, "KoreUser", "ann", "True WaitingForAcceptance");
    let _guard = snapshots();
    let golden = |name: &str, args: &[&str]| {
        insta::assert_snapshot!(name, shown(&harness.kubectl(args), &harness));
    };
    golden("get_kore", &["get", "kore"]);
    golden("get_users", &["get", "ku"]);
    golden("describe_user", &["describe", "ku", "ann"]);
    golden("describe_binding", &["describe", "korerolebinding", "lost"]);
    golden("describe_account", &["describe", "koreaccount", NAME]);
}

/// The names of the chart's alerts and dashboard, less what only shows once a call has failed.
const METRICS: [&str; 21] = [
    "koreconcile_account_info",
    "koreconcile_account_reads",
    "koreconcile_api_call_duration_seconds",
    "koreconcile_api_calls",
    "koreconcile_api_calls_left",
    "koreconcile_build_info",
    "koreconcile_changes",
    "koreconcile_changes_applied",
    "koreconcile_edit_latency_seconds",
    "koreconcile_events",
    "koreconcile_last_full_read_timestamp_seconds",
    "koreconcile_last_success_timestamp_seconds",
    "koreconcile_leader",
    "koreconcile_objects",
    "koreconcile_overdue_grants",
    "koreconcile_pruning_paused",
    "koreconcile_reconcile_duration_seconds",
    "koreconcile_reconciles",
    "koreconcile_removals_in_window",
    "koreconcile_status_patches",
    "koreconcile_unmanaged",
];

#[test]
fn metrics_have_their_names_and_no_addresses() {
    let harness = ClusterHarness::new("metrics", &json!({ "interval": "1h" }));
    harness.apply(&[
        user("ann", &json!({})),
        user("kim", &json!({})),
        developers("developers", &["kim"], &json!({})),
    ]);
    let operator = harness.start();
    harness.wait_all(&operator);
    harness.until(&operator, "the first pass is counted", || operator.passes() >= 1);
    let text = operator.metrics();
    let types: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), METRICS);
    let line = Regex::new(
        r#"^(# (TYPE|HELP|UNIT) koreconcile_[a-z_]+ .+|koreconcile_[a-z_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)+\})? -?[0-9.e+-]+|# EOF)$"#,
    );
    let line = line.unwrap();
    for found in text.lines() {
        assert!(line.is_match(found), "{found}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains('@') && !text.contains("%40"), "{text}");
    let count = |name: &str, labels: &[&str]| operator.metric(name, labels);
    assert!(count("koreconcile_objects", &["KoreUser", "ready=\"true\""]) == 2);
    assert!(count("koreconcile_leader", &[]) == 1);
    assert!(count("koreconcile_changes_applied_total", &["add"]) == 2, "{text}");
    let calls = count("koreconcile_api_calls_total", &[]);
    assert!(calls == harness.served.server.requests().len() as u64, "every call is counted");

    // What is gone is told of no more.
    harness.kubectl(&["delete", "koreuser", "ann"]);
    harness.until(&operator, "one user is left", || count("koreconcile_objects", &["KoreUser"]) == 1);
    harness.kubectl(&["delete", "koreaccount", NAME]);
    harness.until(&operator, "the account is forgotten", || {
        !operator.metrics().contains("koreconcile_account_info{")
    });
}

#[test]
fn probes_tell_a_live_replica_from_one_that_has_not_listed() {
    let harness = ClusterHarness::new("probes", &json!({}));
    let operator = harness.start();
    assert_eq!(operator.health("/healthz"), (200, "ok\n".to_owned()));
    harness.until(&operator, "it is ready", || operator.health("/readyz") == (200, "ok\n".to_owned()));
    let standby = harness.start();
    harness.until(&operator, "a standby is ready, too", || standby.health("/readyz").0 == 200);
    assert!(!standby.leads() || !operator.leads());
}

/// Takes whatever is posted to it.
pub(crate) fn collector() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(500)));
                let (mut all, mut part) = (Vec::new(), [0; 4096]);
                while let Ok(length @ 1..) = stream.read(&mut part) {
                    all.extend_from_slice(&part[..length]);
                }
                kept.lock().unwrap().push(String::from_utf8_lossy(&all).into_owned());
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            });
        }
    });
    (address, seen)
}

#[test]
fn traces_and_logs_tell_of_passes_and_of_nobody() {
    let (address, seen) = collector();
    let harness = ClusterHarness::new("traces", &json!({ "interval": "1s" }));
    harness.apply(&[user("ann", &json!({}))]);
    let endpoint = format!("http://{address}");
    let env = [("OTEL_BSP_SCHEDULE_DELAY", "200")];
    let operator = Operator::start(&harness, &harness.user, &["--otlp-endpoint", &endpoint], &env);
    harness.wait_all(&operator);
    let arrived = within(|| {
        seen.lock().unwrap().iter().any(|request| {
            request.starts_with("POST /v1/traces ")
                && request.contains("koreconcile")
                && request.contains("pass")
        })
    });
    assert!(arrived, "{:?}\n{}", seen.lock().unwrap(), operator.logs());
    for request in seen.lock().unwrap().iter() {
        assert!(!request.contains("ann@example.com"), "{request}");
    }
    // Each line is one object of JSON, and each pass is one line.
    let logs = operator.logs();
    let lines: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pass = lines.iter().find(|line| line["message"] == "pass").unwrap();
    assert_eq!((&pass["applied"], &pass["level"]), (&json!(1), &json!("INFO")), "{pass}");
    assert_eq!(pass["span"]["account"], NAME, "{pass}");
    assert!(!logs.contains("ann@example.com"), "{logs}");
}

fn file(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The variants of an enum `Reason` in a source file.
fn reasons(path: &str) -> BTreeSet<String> {
    let text = file(path);
    let (_, body) = text.split_once("Reason {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let variant = Regex::new(r"(?m)^    ([A-Z][A-Za-z]+),$").unwrap();
    variant.captures_iter(body).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_run_book_has_every_reason_and_no_other() {
    let mut known = reasons("src/controller/pass/reason.rs");
    known.extend(reasons("src/plan/model.rs"));
    // Those of the condition `Compliant`.
    known.extend(["Compliant", "Violated", "PolicyInvalid"].map(str::to_owned));
    // An account that is not pinned is told as one that is another.
    assert!(known.remove("AccountNotPinned"));
    let page = file("docs/guides/operations.md");
    let (_, book) = page.split_once("## Run book").unwrap();
    let row = Regex::new(r"(?m)^\| `([A-Z][A-Za-z]+)` \|").unwrap();
    let told: Vec<String> = row.captures_iter(book).map(|found| found[1].to_owned()).collect();
    assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), known);
    assert_eq!(told.len(), known.len(), "each once");
}

#[test]
fn the_page_of_operations_has_every_metric() {
    let page = file("docs/guides/operations.md");
    for name in METRICS {
        let told = ["", "_total"].iter().any(|end| page.contains(&format!("| `{name}{end}` |")));
        assert!(told, "{name}");
    }
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let named = Regex::new(r"`controller::([a-z_]+)::([a-z0-9_]+)`").unwrap();
    let model = file("docs/threat-model.md");
    let (_, threats) = model.split_once("## What could go wrong").unwrap();
    let (threats, _) = threats.split_once("## What is left").unwrap();
    for line in threats.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat")) {
        assert!(named.is_match(line), "no test: {line}");
    }
    let pages = [
        "0009-waiting-people-are-ready",
        "0010-budget-in-the-lease",
        "0011-own-stores",
        "0016-no-finalizers",
    ];
    let pages: String = pages.iter().map(|page| file(&format!("docs/decisions/{page}.md"))).collect();
    for found in named.captures_iter(&(threats.to_owned() + pages.as_str())) {
        let source = file(&format!("tests/all/controller/{}.rs", &found[1]));
        assert!(source.contains(&format!("fn {}(", &found[2])), "there is no test {}", &found[0]);
    }
}

#[test]
fn waiting_for_everything_ends_beside_plans_and_approvals() {
    let harness = ClusterHarness::new("waits", &json!({ "interval": "1h" }));
    harness.apply(&[user("ann", &json!({}))]);
    let operator = harness.start();
    harness.wait_all(&operator);
    let plan = json!({
        "account": NAME, "digest": "0".repeat(64), "part": "1/1", "risk": "low", "riskiest": "none",
        "counts": { "add": 0, "change": 0, "remove": 0 }, "changes": []
    });
    harness.apply(&[
        document("KorePlan", "beside", &plan),
        document(
            "KorePlanApproval",
            "beside",
            &json!({ "changes": ["0123456789abcdef"], "approvedBy": "ann" }),
        ),
    ]);
    harness.kubectl(&["wait", "--for=condition=Ready", "kore", "--all", "--timeout=30s"]);
    let all = harness.kubectl(&["get", "kp,kpa", "-o", "name"]).stdout;
    assert!(all.contains("koreplanapproval") && all.contains("koreplan.koreconcile.dev/beside"), "{all}");
}
