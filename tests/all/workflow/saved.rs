//! The pull-request workflow: saved plans, snapshots, undo.

use crate::support::served::{Served, document, user};
use crate::support::workspace::Workspace;

const PLAN: &str = "plan.json";

/// Applies the saved plan.
const APPLY: [&str; 4] = ["apply", "--yes", "--plan", PLAN];

fn save(served: &Served) {
    served.run(&["plan", "--out", PLAN]).expect(0);
}

#[test]
fn a_saved_plan_applies_exactly_what_it_shows() {
    let served = Served::new(&[user("new.hire", "")]);
    save(&served);
    // Who is declared later is not in the plan.
    served.workspace.write("main.yaml", &(user("new.hire", "") + user("too.late", "").as_str()));
    served.run(&APPLY).expect(0);
    let truth = served.server.truth();
    assert!(truth["users"]["new.hire@example.com"].is_object());
    assert!(truth["users"]["too.late@example.com"].is_null());
}

#[test]
fn a_plan_that_is_shown_redacted_is_saved_whole() {
    let served = Served::new(&[user("new.hire", "")]);
    let run = served.run(&["plan", "--redact", "--out", PLAN]).expect(0);
    assert!(run.stdout.contains("+ user-") && !run.stdout.contains("new.hire@"), "{run}");
    served.run(&APPLY).expect(0);
    assert!(served.server.truth()["users"]["new.hire@example.com"].is_object());
}

#[test]
fn a_saved_plan_skips_what_was_overtaken_and_applies_the_rest() {
    let served = Served::new(&[user("new.hire", ""), user("second.hire", "")]);
    save(&served);
    served.workspace.write("main.yaml", &user("new.hire", ""));
    served.run(&["apply", "--yes"]).expect(0);
    let run = served.run(&APPLY);
    assert!(run.stdout.contains("1 applied and read back, 1 already there"), "{run}");
    assert!(served.server.truth()["users"]["second.hire@example.com"].is_object());
}

#[test]
fn a_saved_plan_that_was_touched_is_refused() {
    let served = Served::new(&[user("new.hire", "")]);
    save(&served);
    let content = std::fs::read_to_string(served.workspace.path(PLAN)).unwrap();
    for (change, words) in [
        (content.replace("new.hire", "evil.hire"), "the seal does not fit"),
        (content[..content.len() / 2].to_owned(), "cut off"),
        (content.replace("saved-plan/v1", "saved-plan/v2"), "saved-plan/v2"),
    ] {
        served.workspace.write(PLAN, &change);
        let run = served.run(&APPLY).expect(3);
        assert!(run.stderr.contains(words), "{run}");
    }
    assert!(served.server.truth()["users"]["evil.hire@example.com"].is_null());
    served.recovers();
}

#[test]
fn a_saved_plan_is_for_its_account_and_its_app_only() {
    let served = Served::new(&[user("new.hire", "")]);
    save(&served);
    let content = std::fs::read_to_string(served.workspace.path(PLAN)).unwrap();
    let other = Served::new(&[user("new.hire", "")]);
    other.workspace.write(PLAN, &content);
    let run = other.run(&APPLY).expect(3);
    assert!(run.stderr.contains("another app's credentials"), "{run}");
}

#[test]
fn a_saved_plan_obeys_the_stricter_rules() {
    let leaver = document("KoreUser", "kim", "{ email: kim@example.com, state: Absent }");
    let served = Served::new(&[leaver]);
    save(&served);
    served.account("  safety: { maxRemovals: 0 }\n");
    let run = served.run(&APPLY).expect(4);
    assert!(run.stdout.contains("1 removal, 0 allowed"), "{run}");
    assert!(served.server.truth()["users"]["kim@example.com"].is_object());
}

#[test]
fn a_plan_on_a_snapshot_spends_no_calls_and_needs_no_secret() {
    let served = Served::new(&[user("new.hire", "")]);
    served.run(&["snapshot", "--out", "account.json"]).expect(0);
    let live = served.run(&["plan", "--format", "json"]).expect(0);
    let snapshot = std::fs::read_to_string(served.workspace.path("account.json")).unwrap();
    for secret in served.workspace.secrets() {
        assert!(!snapshot.contains(&secret), "a secret is in the snapshot");
    }
    let workspace = Workspace::with(&[("account.json", &snapshot)]);
    for file in Served::files(&[]) {
        workspace.write(file, &std::fs::read_to_string(served.workspace.path(file)).unwrap());
    }
    let args = Served::files(&["plan", "--format", "json", "--observed", "account.json"]);
    let offline = workspace.run(&args).expect(0);
    let digest = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["digest"].clone();
    assert_eq!(digest(&offline.stdout), digest(&live.stdout));
}

#[test]
fn an_old_snapshot_proves_nothing() {
    let served = Served::new(&[user("new.hire", "")]);
    served.run(&["snapshot", "--out", "account.json"]).expect(0);
    let text = std::fs::read_to_string(served.workspace.path("account.json")).unwrap();
    let mut snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
    snapshot["madeAt"] = "2020-01-01T00:00:00Z".into();
    served.workspace.write("account.json", &snapshot.to_string());
    let run = served.run(&["plan", "--exit-code", "--observed", "account.json"]).expect(2);
    assert!(run.stdout.contains("0 to add") || run.stdout.contains("No changes"), "{run}");
    assert!(run.stdout.contains("--max-age") && run.stdout.contains("NotProved"), "{run}");
}

#[test]
fn a_snapshot_of_another_account_or_no_snapshot_is_refused() {
    let served = Served::new(&[user("new.hire", "")]);
    served.run(&["snapshot", "--out", "account.json"]).expect(0);
    let text = std::fs::read_to_string(served.workspace.path("account.json")).unwrap();
    let mut snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
    snapshot["world"]["account"] = "000000000000000000000000".into();
    served.workspace.write("account.json", &snapshot.to_string());
    served.run(&["plan", "--observed", "account.json"]).expect(4);
    let later = text.replace("snapshot/v1", "snapshot/v2").replace("\"world\"", "\"seen\"");
    for other in [text.replace("snapshot/v1", "snapshot/v2"), later] {
        served.workspace.write("account.json", &other);
        let run = served.run(&["plan", "--observed", "account.json"]).expect(3);
        assert!(run.stderr.contains("format koreconcile.dev/snapshot/v2"), "{run}");
    }
    served.workspace.write("account.json", &text[..text.len() / 2]);
    let run = served.run(&["plan", "--observed", "account.json"]).expect(3);
    assert!(run.stderr.contains("is no snapshot"), "{run}");
    served.run(&["plan", "--observed", "missing.json"]).expect(3);
}

#[test]
fn undo_gives_back_what_a_run_took() {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    let journal = workspace
        .remembered()
        .into_iter()
        .chain(walk(&workspace.path(".koreconcile")))
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .unwrap();
    let journal = journal.to_str().unwrap();
    let shown = workspace.run(&["undo", journal, "--dry-run"]).expect(0);
    assert!(shown.stderr.contains("the API cannot delete a role"), "{shown}");
    assert!(shown.stdout.contains("maxRemovalsPercent"), "guarded like any other plan: {shown}");
    let undone = workspace.run(&["undo", journal, "--yes", "--allow-removals", "20"]).expect(0);
    assert!(undone.stdout.contains("former@example.com: invite"), "{undone}");
    let again = workspace.run(&["undo", journal, "--dry-run"]).expect(0);
    assert!(again.stdout.contains("No changes"), "{again}");
}

#[test]
fn undo_of_something_else_is_refused() {
    let workspace = Workspace::example("quickstart");
    workspace.write("notes.txt", "not a journal\n");
    let run = workspace.run(&["undo", "notes.txt", "--dry-run"]).expect(3);
    assert!(run.stderr.contains("notes.txt:1 is no line of a journal"), "{run}");
    workspace.run(&["undo", "missing.jsonl", "--dry-run"]).expect(3);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] })
        .collect()
}
