//! `runs` and `undo --last`: what the journals of the state folder tell.

use crate::support::workspace::{Run, Workspace};
use serde_json::Value;
use std::path::PathBuf;

fn journals(workspace: &Workspace) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(workspace.path(".koreconcile")).into_iter().filter_map(Result::ok);
    let mut found: Vec<PathBuf> = all
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    found.sort();
    found
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn applied() -> Workspace {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace
}

#[test]
fn a_run_is_listed_with_its_plan_and_its_end() {
    let workspace = applied();
    let run = workspace.run(&["runs"]).expect(0);
    let [journal] = &journals(&workspace)[..] else { panic!("{:?}", journals(&workspace)) };
    let name = journal.file_name().unwrap().to_string_lossy().into_owned();
    for part in ["  plan ", " changes: ", " applied", "\n    ended ", " calls\n", &name] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    let listed = json_of(&workspace.run(&["runs", "--format", "json"]).expect(0));
    let [one] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
    let outcomes = one["outcomes"].as_object().unwrap();
    let total: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(Some(total), one["changes"].as_u64());
    assert!(one["ended"].is_string() && one["sent"].as_u64() > Some(0) && one.get("unanswered").is_none());
}

#[test]
fn a_run_without_an_end_says_so_and_names_the_call_without_an_answer() {
    let workspace = applied();
    let journal = journals(&workspace).remove(0);
    let text = std::fs::read_to_string(&journal).unwrap();
    let until_sent = text.lines().take_while(|line| !line.starts_with("{\"answered\"")).collect::<Vec<_>>();
    std::fs::write(&journal, until_sent.join("\n") + "\n{\"resol").unwrap();
    let run = workspace.run(&["runs"]).expect(0);
    assert!(
        run.stdout.contains("has no end: interrupted, or under way; 1 call sent; no answer to: "),
        "{run}"
    );
    let listed = json_of(&workspace.run(&["runs", "--format", "json"]).expect(0));
    assert!(listed[0]["ended"].is_null() && listed[0]["unanswered"].is_string());
}

#[test]
fn nothing_to_list_and_what_cannot_be_read_are_told() {
    let workspace = Workspace::example("quickstart");
    let run = workspace.run(&["runs"]).expect(0);
    assert!(run.stdout.is_empty() && run.stderr.contains("no run has a journal in "), "{run}");
    assert_eq!(json_of(&workspace.run(&["runs", "--format", "json"]).expect(0)), serde_json::json!([]));
    let run = workspace.run(&["undo", "--last", "--dry-run"]).expect(3);
    assert!(run.stderr.contains("nothing to undo") && run.stderr.contains("koreconcile runs"), "{run}");
    let workspace = applied();
    std::fs::write(journals(&workspace)[0].with_file_name("20990101T000000-1.jsonl"), [0xff, b'\n']).unwrap();
    let run = workspace.run(&["runs"]).expect(0);
    assert!(run.stdout.starts_with("unknown time  ") && run.stdout.contains("tells of no run"), "{run}");
    let folder = journals(&workspace)[0].parent().unwrap().to_owned();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    workspace.run(&["runs"]).expect(3);
}

#[test]
fn the_last_run_that_sent_something_is_undone() {
    let workspace = applied();
    let journal = journals(&workspace).remove(0);
    // A run that found nothing to do, and a journal of nothing, are not what is undone.
    std::fs::write(journal.with_file_name("20990101T000000-1.jsonl"), "").unwrap();
    let named = workspace.run(&["undo", journal.to_str().unwrap(), "--dry-run"]).expect(0);
    let last = workspace.run(&["undo", "--last", "--dry-run"]).expect(0);
    assert_eq!(last.stdout, named.stdout);
    assert!(last.stdout.contains("former@example.com: invite"), "{last}");
    assert!(last.stderr.contains(journal.file_name().unwrap().to_str().unwrap()), "{last}");
    let given = workspace.run(&["undo", "--last", "--dry-run", "."]).expect(0);
    assert_eq!(given.stdout, last.stdout, "what follows --last are manifests");
}

#[test]
fn a_word_where_a_journal_belongs_names_the_flag() {
    let workspace = applied();
    for args in
        [&["undo", "last", "--dry-run"][..], &["undo", "missing.jsonl", "--dry-run"], &["undo", "--dry-run"]]
    {
        let run = workspace.run(args).expect(3);
        assert!(
            run.stderr.contains("koreconcile undo --last") && run.stderr.contains("koreconcile runs"),
            "{run}"
        );
        assert!(run.stdout.is_empty(), "{run}");
    }
}
