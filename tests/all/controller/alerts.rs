//! What the chart brings for those who watch: alerts, a dashboard, and health for Argo CD.

use crate::controller::chart::{CHART, FULL, file, rendered};
use crate::support::cluster::built;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What the controller exports; an alert or a panel that names another one would never speak.
const METRICS: [&str; 23] = [
    "koreconcile_account_info",
    "koreconcile_account_reads_total",
    "koreconcile_api_call_duration_seconds",
    "koreconcile_api_calls_left",
    "koreconcile_api_calls_total",
    "koreconcile_api_failures_total",
    "koreconcile_build_info",
    "koreconcile_changes",
    "koreconcile_changes_applied_total",
    "koreconcile_edit_latency_seconds",
    "koreconcile_events_total",
    "koreconcile_last_full_read_timestamp_seconds",
    "koreconcile_last_success_timestamp_seconds",
    "koreconcile_leader",
    "koreconcile_objects",
    "koreconcile_overdue_grants",
    "koreconcile_policy_violations",
    "koreconcile_pruning_paused",
    "koreconcile_reconcile_duration_seconds",
    "koreconcile_reconciles_total",
    "koreconcile_removals_in_window",
    "koreconcile_status_patches_total",
    "koreconcile_unmanaged",
];

#[test]
fn alerts_and_dashboard_name_all_metrics_and_no_others() {
    let alerts: Value = serde_saphyr::from_str(&file("charts/koreconcile/files/alerts.yaml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 15);
    let dashboard: Value = serde_json::from_str(&file("charts/koreconcile/files/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked: Vec<&str> = rules.iter().map(|rule| rule["expr"].as_str().unwrap()).collect();
    asked.extend(
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["query"].as_str().unwrap()),
    );
    for panel in panels {
        asked.extend(panel["targets"].as_array().unwrap().iter().map(|t| t["expr"].as_str().unwrap()));
    }
    let word = Regex::new(r"\bkoreconcile_[a-z_]+").unwrap();
    let named: BTreeSet<&str> = asked
        .iter()
        .flat_map(|query| word.find_iter(query))
        .map(|found| found.as_str().trim_end_matches("_bucket"))
        .collect();
    assert_eq!(named.into_iter().collect::<Vec<_>>(), METRICS);
    // Helm hands them through as they are.
    let [rule] = &rendered(&["--values", FULL], "PrometheusRule")[..] else { panic!("one PrometheusRule") };
    assert_eq!(rule["spec"], alerts);
    let [map] = &rendered(&["--values", FULL], "ConfigMap")[..] else { panic!("one ConfigMap") };
    let shown: Value = serde_json::from_str(map["data"]["koreconcile.json"].as_str().unwrap()).unwrap();
    assert_eq!(shown, dashboard);
}

#[test]
fn health_for_argo_cd_follows_the_conditions() {
    let ready = |status, reason| {
        format!("{{ type = 'Ready', status = '{status}', reason = '{reason}', message = 'so it is' }}")
    };
    let stalled = "{ type = 'Stalled', status = 'True', reason = 'Conflict', message = 'an older one' }";
    let object = |kind: &str, observed: u8, conditions: &[&str]| {
        format!(
            "{{ kind = '{kind}', metadata = {{ generation = 2 }}, status = {{ observedGeneration = {observed}, \
             conditions = {{ {} }} }} }}",
            conditions.join(", ")
        )
    };
    let waits = "{ type = 'Accepted', status = 'True', reason = 'Accepted', message = '' }";
    for (object, said) in [
        (
            "{ kind = 'KoreUser', metadata = { generation = 1 } }".to_owned(),
            "Progressing the controller has not observed this generation yet",
        ),
        (
            object("KoreUser", 1, &[&ready("True", "UpToDate")]),
            "Progressing the controller has not observed this generation yet",
        ),
        (object("KoreUser", 2, &[&ready("True", "UpToDate")]), "Healthy UpToDate: so it is"),
        (
            object("KoreUser", 2, &[&ready("True", "WaitingForAcceptance")]),
            "Healthy WaitingForAcceptance: so it is",
        ),
        (object("KoreRole", 2, &[&ready("False", "Progressing")]), "Progressing Progressing: so it is"),
        (
            object("KoreRoleBinding", 2, &[&ready("False", "Conflict"), stalled]),
            "Degraded Conflict: an older one",
        ),
        (
            object("KoreTeam", 2, &[&ready("False", "ApprovalRequired")]),
            "Suspended ApprovalRequired: so it is",
        ),
        (object("KoreAccount", 2, &[&ready("False", "Suspended")]), "Suspended Suspended: so it is"),
        (object("KoreUser", 2, &[&ready("False", "Paused")]), "Suspended Paused: so it is"),
        (object("KorePlanApproval", 2, &[waits]), "Healthy"),
        (
            "{ kind = 'KorePlan', metadata = { generation = 1 }, status = { phase = 'Approved' } }"
                .to_owned(),
            "Healthy Approved",
        ),
    ] {
        assert_eq!(health(&object), said, "{object}");
    }
}

/// What Argo CD's own Lua makes of an object: status, a blank, message.
fn health(object: &str) -> String {
    let script = format!(
        "obj = {object}\nlocal health = dofile('{CHART}/files/argocd-health.lua')\nprint(health.status .. ' ' .. health.message)"
    );
    let output = Command::new(built("glua"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-e", &script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
