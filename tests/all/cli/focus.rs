//! `plan --focus`: the same few calls for accounts of every size, from the edit to the message, with the binary.

use crate::support::workspace::{Run, Workspace};
use serde_json::Value;

const ACCOUNT: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { sandbox: { dataDir: acme } }
  accountId: 6661e128d3203924648c10bf
  sources: [\"*.yaml\"]
  ownership: { users: Ignore, roleBindings: Ignore, botAssignments: Ignore, failOn: Never }
  safety: { primaryAdmin: owner@example.com }
";

fn access(people: &str) -> String {
    format!(
        "apiVersion: koreconcile.dev/v1alpha1
kind: KoreTeam
metadata: {{ name: writers }}
spec: {{ members: [{people}], inviteMembers: true }}
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: {{ name: writers }}
spec:
  role: {{ type: Bot, name: Bot Tester }}
  bot: Banking Assistant
  subjects: [{{ team: writers }}]
"
    )
}

const TWO: &str = "ann@example.com, ben@example.com";
const THREE: &str = "ann@example.com, ben@example.com, cy@example.com";

/// Ann and Ben are in the account and test the bot, beside `users` people whom no manifest names.
fn converged(users: usize) -> Workspace {
    let workspace = Workspace::with(&[("account.yaml", ACCOUNT), ("access.yaml", &access(TWO))]);
    workspace.run(&["apply", "--yes"]).expect(0);
    for name in ["ann", "ben"] {
        let email = format!("{name}@example.com");
        workspace.run(&["sandbox", "accept", "--data", "acme", &email]).expect(0);
    }
    if users > 0 {
        workspace.run(&["sandbox", "seed", "--data", "acme", "--users", &users.to_string()]).expect(0);
    }
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn calls(run: &Run) -> u64 {
    json(run)["observed"]["calls"].as_u64().unwrap()
}

/// The facts that change, without what is told beside.
fn changes(run: &Run) -> Vec<String> {
    let changes = json(run)["changes"].as_array().unwrap().clone();
    changes.iter().map(|change| format!("{} {}", change["action"], change["subject"])).collect()
}

const FOCUS: [&str; 4] = ["plan", "--focus", "--format", "json"];
const FULL: [&str; 3] = ["plan", "--format", "json"];

#[test]
fn an_edit_takes_the_same_calls_whatever_the_accounts_size() {
    for users in [0, 60, 1_100] {
        let workspace = converged(users);
        // Roles of both types, and whose account it is; nobody is looked up.
        let nothing = workspace.run(&FOCUS).expect(0);
        assert_eq!((calls(&nothing), changes(&nothing).len()), (3, 0), "{users} users");
        // A new person, one who leaves the team, and one look-up for both.
        workspace.write("access.yaml", &access("ann@example.com, cy@example.com"));
        let focused = workspace.run(&FOCUS).expect(0);
        assert_eq!(calls(&focused), 4, "{users} users");
        let full = workspace.run(&FULL).expect(0);
        assert_eq!(changes(&focused), changes(&full), "{users} users");
        assert_eq!(changes(&focused).len(), 3, "{users} users");
        let read = &json(&focused)["observed"]["focused"];
        assert_eq!((&read["people"], &read["rest"]["from"]), (&2.into(), &"memory".into()));
        assert!(users < 60 || calls(&full) > 6, "{} calls", calls(&full));
    }
}

#[test]
fn the_plan_says_what_was_looked_at_and_of_when_the_rest_is() {
    let workspace = converged(0);
    workspace.write("access.yaml", &access(THREE));
    let run = workspace.run(&["plan", "--focus"]).expect(0);
    let looked =
        "Observed: 1 person, the export of admin roles, the export of bot roles now; the rest as of ";
    assert!(run.stdout.contains(looked), "{run}");
    assert!(run.stdout.contains("(last apply)"), "{run}");
    let run = workspace.run(&["plan", "--focus", "--format", "markdown"]).expect(0);
    assert!(run.stdout.contains("**Observed:** 1 person"), "{run}");
    // What changed in the console is for a full plan.
    workspace.write("access.yaml", &access(TWO));
    let run = workspace.run(&["plan", "--focus", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes") && run.stdout.contains("Observed: 0 people"), "{run}");
}

#[test]
fn a_snapshot_gives_the_rest() {
    let workspace = converged(60);
    workspace.run(&["snapshot", "--out", "acme.json"]).expect(0);
    workspace.write("access.yaml", &access("ann@example.com, cy@example.com"));
    let run = workspace.run(&[&FOCUS[..], &["--observed", "acme.json"]].concat()).expect(0);
    assert_eq!(calls(&run), 1, "one look-up");
    assert_eq!(json(&run)["observed"]["focused"]["rest"]["from"], "snapshot");
    assert_eq!(changes(&run), changes(&workspace.run(&FULL).expect(0)));
    // Admin rights are given only after another look at the role.
    let admin = access(TWO)
        .replace("type: Bot, name: Bot Tester }\n  bot: Banking Assistant", "type: Admin, name: Auditor }");
    let role = "---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreRole\nmetadata: { name: auditor }\nspec: { type: Admin, name: Auditor, permissions: { Dashboard: \"YES\" } }\n";
    workspace.write("access.yaml", &(admin + role));
    let run = workspace.run(&[&FOCUS[..], &["--observed", "acme.json"]].concat()).expect(0);
    assert_eq!(calls(&run), 3, "one look-up and both exports");
    // An old snapshot lists nobody: whoever is new waits for a full read.
    workspace.write("access.yaml", &access(THREE));
    let old = ["plan", "--focus", "--observed", "acme.json", "--max-age", "0s"];
    let run = workspace.run(&old).expect(0);
    assert!(run.stdout.contains("left to a full read"), "{run}");
    assert!(run.stdout.contains("[FullReadNeeded]"), "{run}");
    assert!(run.stdout.contains("plan without --focus"), "{run}");
}

#[test]
fn without_anything_to_compare_with_it_says_what_to_give() {
    let workspace = Workspace::with(&[("account.yaml", ACCOUNT), ("access.yaml", &access(TWO))]);
    let run = workspace.run(&["plan", "--focus"]).expect(3);
    assert!(run.stderr.contains("nothing tells what was edited"), "{run}");
    assert!(run.stderr.contains("--base REV"), "{run}");
}

#[test]
fn a_base_tells_what_was_edited_where_nothing_is_remembered() {
    let workspace = converged(60);
    workspace.write(".gitignore", "acme/\n");
    workspace.git(&["init", "--quiet"]);
    workspace.git(&["add", "--all"]);
    workspace.git(&["commit", "--quiet", "--message", "as applied"]);
    workspace.write("access.yaml", &access(THREE));
    // As in a pipeline that has no memory.
    let state = ["--state-dir", "elsewhere"];
    let run = workspace.run(&[&FOCUS[..], &["--base", "HEAD"], &state].concat()).expect(0);
    assert_eq!(calls(&run), 5, "the lists of bots and groups beside");
    assert_eq!(changes(&run).len(), 2, "{run}");
    assert!(json(&run)["changes"].as_array().unwrap().iter().all(|change| change["origin"] == "edited"));
    assert_eq!(json(&run)["observed"]["focused"]["rest"]["revision"], "HEAD");
    let run = workspace.run(&[&["plan", "--focus", "--base", "HEAD"], &state[..]].concat()).expect(0);
    assert!(run.stdout.contains("the rest as HEAD declares it"), "{run}");
}

#[test]
fn a_focused_plan_is_saved_and_applied_as_any_other() {
    let workspace = converged(60);
    workspace.write("access.yaml", &access(THREE));
    workspace.run(&["plan", "--focus", "--out", "plan.sealed"]).expect(0);
    let run = workspace.run(&["apply", "--yes", "--plan", "plan.sealed"]).expect(0);
    assert!(run.stdout.contains("Done: "), "{run}");
    workspace.run(&["sandbox", "accept", "--data", "acme", "cy@example.com"]).expect(0);
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes"), "{run}");
}

#[test]
fn a_removed_master_admin_waits_for_a_full_read() {
    let workspace = converged(0);
    let admins = |subjects: &str| {
        format!(
            "apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: {{ name: admins }}
spec:
  role: {{ type: Admin, name: Master Admin }}
  subjects: [{subjects}]
"
        )
    };
    workspace.write("admins.yaml", &admins("{ user: ann@example.com }, { user: ben@example.com }"));
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.write("admins.yaml", &admins("{ user: ann@example.com }"));
    let run = workspace.run(&["plan", "--focus"]).expect(0);
    assert!(run.stdout.contains("who else holds Master Admin is known only after a full read"), "{run}");
    let run = workspace.run(&["plan"]).expect(0);
    assert!(!run.stdout.contains("FullReadNeeded"), "{run}");
}
