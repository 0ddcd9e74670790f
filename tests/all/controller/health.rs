//! How Flux and Argo CD read the objects: kstatus by Flux's own library, and the chart's Lua by the Lua of Argo CD.

use crate::support::cluster::built;
use crate::support::cluster_harness::{ClusterHarness, NAME, developers, document, user};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What Flux makes of an object, by its own library: `Current`, `InProgress` or `Failed`.
fn kstatus(object: &Value) -> String {
    let mut program = Command::new(built("kstatus"));
    let mut running = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{object}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().next().unwrap().to_owned()
}

/// What Argo CD makes of the same object, by the chart's own file.
fn argo(object: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("health.lua");
    let script = format!(
        "obj = {}\nlocal health = dofile('charts/koreconcile/files/argocd-health.lua')\nprint(health.status)",
        lua(object)
    );
    std::fs::write(&file, script).unwrap();
    let output =
        Command::new(built("glua")).arg(&file).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Array(items) => format!("{{ {} }}", items.iter().map(lua).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("[{name:?}] = {}", lua(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// One object of each kind, its reason, and what it means to Flux and to Argo CD.
const EXPECTED: [(&str, &str, &str, &str, &str); 21] = [
    ("KoreRoleBinding", "fine", "UpToDate", "Current", "Healthy"),
    ("KoreUser", "invited", "WaitingForAcceptance", "Current", "Healthy"),
    ("KoreTeam", "bankers", "UpToDate", "Current", "Healthy"),
    ("KoreRole", "readers", "UpToDate", "Current", "Healthy"),
    ("KoreBotAssignment", "desk", "UpToDate", "Current", "Healthy"),
    ("KorePolicy", "rule", "UpToDate", "Current", "Healthy"),
    ("KorePolicyException", "case", "UpToDate", "Current", "Healthy"),
    ("KoreBaseline", "known", "UpToDate", "Current", "Healthy"),
    ("KoreRoleBinding", "observed", "Drift", "Current", "Healthy"),
    ("KoreRoleBinding", "risky", "ApprovalRequired", "InProgress", "Suspended"),
    ("KoreRoleBinding", "paused", "Paused", "InProgress", "Suspended"),
    ("KoreUser", "paused", "Paused", "InProgress", "Suspended"),
    ("KoreTeam", "paused", "Invalid", "Failed", "Degraded"),
    ("KoreRoleBinding", "blocked", "BotUnresolved", "Failed", "Degraded"),
    ("KoreBotAssignment", "blocked", "BotUnresolved", "Failed", "Degraded"),
    ("KoreGroupMembership", "blocked", "GroupMissing", "Failed", "Degraded"),
    ("KoreRoleBinding", "invalid", "ReferenceMissing", "Failed", "Degraded"),
    ("KoreTeam", "invalid", "ReferenceMissing", "Failed", "Degraded"),
    ("KorePolicyException", "invalid", "ReferenceMissing", "Failed", "Degraded"),
    ("KoreUser", "homeless", "AccountMissing", "Failed", "Degraded"),
    ("KorePolicy", "homeless", "AccountMissing", "Failed", "Degraded"),
];

fn objects() -> Vec<Value> {
    let master = json!({ "role": { "type": "Admin", "name": "Master Admin" }, "subjects": [{ "user": "sam@example.com" }] });
    let of = |kind: &str, name: &str, spec: Value| document(kind, name, &spec);
    let by_mode = |mut object: Value, mode: &str| {
        object["metadata"]["annotations"] = json!({ "koreconcile.dev/mode": mode });
        object
    };
    let kim = json!([{ "user": "kim@example.com" }]);
    let testers =
        json!({ "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Travel Desk", "subjects": kim });
    let none = json!([]);
    vec![
        developers("fine", &["kim"], &json!({})),
        user("invited", &json!({})),
        of("KoreTeam", "bankers", json!({ "members": ["kim@example.com"] })),
        of(
            "KoreRole",
            "readers",
            json!({ "type": "Bot", "name": "Readers", "permissions": { "Dashboard": "YES" } }),
        ),
        of(
            "KoreBotAssignment",
            "desk",
            json!({ "bot": "Travel Desk", "membership": "Additive", "subjects": none }),
        ),
        of("KorePolicy", "rule", json!({ "validationActions": ["Warn"], "allow": {} })),
        of("KorePolicyException", "case", json!({ "policy": "rule", "expiresAt": "2099-01-01T00:00:00Z" })),
        of("KoreBaseline", "known", json!({ "facts": [] })),
        by_mode(of("KoreRoleBinding", "observed", testers.clone()), "Observe"),
        of("KoreRoleBinding", "risky", master),
        by_mode(
            of(
                "KoreRoleBinding",
                "paused",
                json!({ "role": { "type": "Bot", "name": "Analyst" }, "bot": "Travel Desk" }),
            ),
            "Paused",
        ),
        by_mode(user("paused", &json!({})), "Paused"),
        by_mode(of("KoreTeam", "paused", json!({ "members": ["kim@example.com"] })), "Paused"),
        developers("blocked", &["kim"], &json!({ "bot": "No Such Bot" })),
        of("KoreBotAssignment", "blocked", json!({ "bot": "No Such Bot", "subjects": kim })),
        of("KoreGroupMembership", "blocked", json!({ "group": "No Such Group", "subjects": kim })),
        developers("invalid", &[], &json!({ "subjects": [{ "team": "nobody" }] })),
        of("KoreTeam", "invalid", json!({ "teams": ["nobody"] })),
        of(
            "KorePolicyException",
            "invalid",
            json!({ "policy": "nothing", "expiresAt": "2099-01-01T00:00:00Z" }),
        ),
        of("KoreUser", "homeless", json!({ "account": "nowhere", "email": "lost@example.com" })),
        of(
            "KorePolicy",
            "homeless",
            json!({ "account": "nowhere", "validationActions": ["Warn"], "allow": {} }),
        ),
    ]
}

#[test]
fn machines_read_the_health_of_every_object_rightly() {
    let harness = ClusterHarness::new("health", &json!({ "interval": "1s", "approval": "WhenRisky" }));
    harness.apply(&objects());
    // Before the controller has looked at anything.
    for (kind, name, ..) in EXPECTED {
        let object = harness.get(kind, name).unwrap();
        assert_eq!(
            (kstatus(&object).as_str(), argo(&object).as_str()),
            ("InProgress", "Progressing"),
            "{object}"
        );
    }
    let operator = harness.start();
    for (kind, name, reason, in_flux, in_argo) in EXPECTED {
        let ready =
            |status: &str| harness.said(kind, name, "Ready").starts_with(&format!("{status} {reason}"));
        harness.until(&operator, &format!("{kind} {name}: {reason}"), || ready("True") || ready("False"));
        let object = harness.get(kind, name).unwrap();
        assert_eq!((kstatus(&object).as_str(), argo(&object).as_str()), (in_flux, in_argo), "{object}");
    }
    let plan = harness.list("KorePlan").remove(0);
    assert_eq!((kstatus(&plan).as_str(), argo(&plan).as_str()), ("Current", "Healthy"));
    let approval = json!({ "digest": plan["spec"]["digest"], "reason": "incident 4711" });
    harness.apply(&[document("KorePlanApproval", "yes", &approval)]);
    let unknown = json!({ "digest": "0".repeat(64) });
    harness.apply(&[document("KorePlanApproval", "unknown", &unknown)]);
    harness.wait(&operator, "KoreRoleBinding", "risky", "True UpToDate");
    for (name, expected) in [("yes", ("Current", "Healthy")), ("unknown", ("Current", "Progressing"))] {
        harness.until(&operator, name, || {
            harness.get("KorePlanApproval", name).unwrap()["status"]["conditions"].is_array()
        });
        let object = harness.get("KorePlanApproval", name).unwrap();
        assert_eq!((kstatus(&object).as_str(), argo(&object).as_str()), expected, "{object}");
    }
    // Edited, and not looked at yet.
    operator.signal("STOP");
    harness.apply(&[developers("fine", &["kim", "sam"], &json!({}))]);
    let object = harness.get("KoreRoleBinding", "fine").unwrap();
    assert_eq!((kstatus(&object).as_str(), argo(&object).as_str()), ("InProgress", "Progressing"));
    operator.signal("CONT");
    // The account is suspended, and so is what is edited meanwhile.
    harness.account(&json!({ "suspend": true, "suspendReason": "incident 4711" }));
    harness.wait(&operator, "KoreAccount", NAME, "False Suspended");
    harness.apply(&[developers("fine", &["kim", "jane.doe"], &json!({}))]);
    harness.wait(&operator, "KoreRoleBinding", "fine", "False Suspended");
    for (kind, name) in [("KoreAccount", NAME), ("KoreRoleBinding", "fine")] {
        let object = harness.get(kind, name).unwrap();
        assert_eq!((kstatus(&object).as_str(), argo(&object).as_str()), ("InProgress", "Suspended"));
        assert!(object.to_string().contains("incident 4711"), "{object}");
    }
}
