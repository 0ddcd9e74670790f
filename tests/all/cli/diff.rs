//! `diff` between snapshots, manifests and revisions.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Run, Workspace, shows};
use serde_json::Value;

const ACCOUNT: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { host: \"http://127.0.0.1:9\" }
  accountId: 6661e128d3203924648c10bf
  credentials: { clientId: { env: KORE_CLIENT_ID }, clientSecret: { env: KORE_CLIENT_SECRET } }
";

fn binding(subjects: &str) -> String {
    let spec = format!(
        "{{ role: {{ type: Bot, name: Bot Developer }}, bot: Banking Assistant, subjects: [{subjects}] }}"
    );
    document("KoreRoleBinding", "developers", &spec)
}

/// Kim stays until a later day, Jane goes, Sam comes and may create bots.
fn folders() -> Workspace {
    let people = |names: &[&str]| -> String { names.iter().map(|name| user(name, "")).collect() };
    let until = |end: &str| format!("{{ user: kim@example.com, expiresAt: {end} }}");
    let (old_end, new_end) = (until("2031-01-01T00:00:00Z"), until("2031-06-01T00:00:00Z"));
    let old =
        [people(&["jane", "kim"]), binding(&format!("{{ user: jane@example.com }}, {old_end}"))].concat();
    let auditors = "{ role: { type: Admin, name: Auditor }, subjects: [{ user: sam@example.com }] }";
    let new = [
        people(&["kim"]),
        user("sam", ", builderAccess: Creator"),
        document("KoreRoleBinding", "auditors", auditors),
        binding(&format!("{{ user: sam@example.com }}, {new_end}")),
    ]
    .concat();
    Workspace::with(&[
        ("old/account.yaml", ACCOUNT),
        ("old/main.yaml", &old),
        ("new/account.yaml", ACCOUNT),
        ("new/main.yaml", &new),
    ])
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn of_two_folders_by_person_with_lines_and_ends() {
    let workspace = folders();
    shows!(workspace.run(&["diff", "old", "new"]).expect(0));
    shows!(workspace.run(&["diff", "old", "new", "--format", "markdown"]).expect(0));
    let json = json_of(&workspace.run(&["diff", "old", "new", "--format", "json"]).expect(0));
    let turns: Vec<&str> =
        json["facts"].as_array().unwrap().iter().map(|fact| fact["turn"].as_str().unwrap()).collect();
    let count = |turn| turns.iter().filter(|known| **known == turn).count();
    assert_eq!((count("gained"), count("changed"), count("lost")), (4, 1, 2), "{json:#}");
    assert_eq!(json["format"], "koreconcile.dev/difference/v1");
    let run = workspace.run(&["diff", "old", "old", "--exit-code"]).expect(0);
    assert_eq!(run.stdout, "From old to old: no difference.\n");
    workspace.run(&["diff", "old", "new", "--exit-code"]).expect(2);
}

#[test]
fn of_two_revisions_and_of_a_revision_and_the_disk() {
    let workspace = folders();
    workspace.write("here/account.yaml", ACCOUNT);
    let copy = |from: &str| {
        let text = std::fs::read_to_string(workspace.path(&format!("{from}/main.yaml"))).unwrap();
        workspace.write("here/main.yaml", &text);
    };
    copy("old");
    for args in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "old"], &["tag", "v1"]] {
        workspace.git(args);
    }
    copy("new");
    workspace.git(&["commit", "-q", "-a", "-m", "new"]);
    let folders = workspace.run(&["diff", "old", "new", "--format", "json"]).expect(0);
    let turns = |run: &Run| {
        let facts = json_of(run)["facts"].as_array().unwrap().clone();
        facts.into_iter().map(|fact| (fact["turn"].clone(), fact["subject"].clone())).collect::<Vec<_>>()
    };
    let revisions = workspace.run(&["diff", "v1", "HEAD", "here", "--format", "json"]).expect(0);
    assert_eq!(turns(&revisions), turns(&folders));
    let mixed = workspace.run(&["diff", "v1", "new", "here", "--format", "json"]).expect(0);
    assert_eq!(turns(&mixed), turns(&folders));
    let run = workspace.run(&["diff", "v1", "v2", "here"]).expect(3);
    assert!(run.stderr.contains("has no revision v2"), "{run}");
    let run = workspace.run(&["diff", "nowhere", "new"]).expect(3);
    assert!(run.stderr.contains("has no revision nowhere"), "{run}");
}

#[test]
fn of_two_snapshots_and_of_a_snapshot_and_manifests() {
    let served = Served::new(&[
        user("one", ""),
        document(
            "KoreRoleBinding",
            "testers",
            "{ role: { type: Bot, name: Bot Tester }, bot: HR Assistant, subjects: [{ user: one@example.com }] }",
        ),
    ]);
    served.run(&["snapshot", "--everyone", "--out", "before.json"]).expect(0);
    served.run(&["apply", "--yes"]).expect(0);
    served.run(&["snapshot", "--everyone", "--out", "after.json"]).expect(0);
    let run = served.workspace.run(&["diff", "before.json", "after.json"]).expect(0);
    for part in
        ["\n+ one@example.com\n", "    + Bot Tester on HR Assistant\n", "From before.json to after.json: "]
    {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    assert!(!run.stdout.contains("warning:") && !run.stdout.contains("lost"), "{run}");
    let run = served.workspace.run(&["diff", ".", "after.json", "--format", "json"]).expect(0);
    let facts = json_of(&run)["facts"].as_array().unwrap().clone();
    let of_one = facts.iter().filter(|fact| fact["subject"]["user"] == "one@example.com").count();
    assert_eq!(of_one, 0, "what is declared is there, with the bot by its name: {facts:#?}");
    assert!(facts.iter().all(|fact| fact["turn"] == "gained"), "the rest of the account is not declared");
    served.run(&["snapshot", "--out", "some.json"]).expect(0);
    let run = served.workspace.run(&["diff", "some.json", "after.json"]).expect(0);
    assert!(run.stdout.contains("warning: some.json: ") && run.stdout.contains("not looked up"), "{run}");
}

#[test]
fn what_is_neither_is_refused() {
    let workspace = folders();
    workspace.write("notes.txt", "not a snapshot\n");
    let run = workspace.run(&["diff", "notes.txt", "new"]).expect(3);
    assert!(run.stderr.contains("notes.txt is no snapshot"), "{run}");
    workspace.write("broken/account.yaml", ACCOUNT);
    workspace.write("broken/main.yaml", &binding("{ userr: jane@example.com }"));
    workspace.run(&["diff", "broken", "new"]).expect(3);
    let run = workspace.run(&["diff", "old/main.yaml", "new"]).expect(3);
    assert!(run.stderr.contains("KoreAccount"), "{run}");
    let run = workspace.run(&["diff", "HEAD", "new"]).expect(3);
    assert!(run.stderr.contains("not under git"), "{run}");
    workspace.run(&["diff", "old"]).expect(3);
}
