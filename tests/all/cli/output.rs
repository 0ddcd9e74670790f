//! How much is said, where, and in which colours; and what is never said.

use crate::support::served::{Served, user};
use crate::support::workspace::{Workspace, shows};
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn unknown_verb() {
    shows!(Workspace::with(&[]).run(&["aply"]).expect(3));
}

#[test]
fn unknown_flag() {
    shows!(Workspace::with(&[]).run(&["plan", "--exit-cod"]).expect(3));
}

#[test]
fn bad_value() {
    shows!(Workspace::with(&[]).run(&["plan", "--max-wait", "soon"]).expect(3));
}

#[test]
fn no_verb_shows_the_help() {
    shows!(Workspace::with(&[]).run(&[]).expect(3));
}

#[test]
fn help_of_apply() {
    shows!(Workspace::with(&[]).run(&["apply", "--help"]).expect(0));
}

#[test]
fn quiet_is_the_result_alone() {
    let workspace = Workspace::example("quickstart");
    let run = workspace.run(&["validate", "--quiet"]).expect(0);
    assert_eq!(run.said(), "", "{run}");
    let run = workspace.run(&["apply", "--yes", "--quiet"]).expect(0);
    assert!(run.stderr.is_empty() && run.stdout.contains("Done: "), "{run}");
}

#[test]
fn verbose_ends_no_list_early() {
    let workspace = Workspace::example("quickstart");
    let run = workspace.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("more (-v shows all)"), "{run}");
    let run = workspace.run(&["plan", "-v"]).expect(0);
    assert!(!run.stdout.contains("more (-v shows all)"), "{run}");
    assert!(run.stdout.contains("user sue@example.com"), "{run}");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let workspace = Workspace::example("quickstart");
    let has_colour = |args: &[&str]| workspace.run(args).expect(0).said().contains('\u{1b}');
    assert!(!has_colour(&["plan"]));
    assert!(!has_colour(&["plan", "--color", "never"]));
    assert!(has_colour(&["plan", "--color", "always"]));
    let run = workspace.koreconcile(&["plan", "--color", "always"]).env("NO_COLOR", "1").run().expect(0);
    assert!(run.stdout.contains('\u{1b}'), "the flag is the nearer word: {run}");
    let plain = workspace.run(&["plan"]).stdout;
    let coloured = workspace.run(&["plan", "--color", "always"]).stdout;
    let escapes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert_eq!(escapes.replace_all(&coloured, ""), plain, "colour says nothing that signs do not");
}

#[test]
fn colours_follow_the_terminal_and_no_color() {
    let workspace = Workspace::example("quickstart");
    let seen = workspace.koreconcile(&["plan"]).watched();
    assert!(seen.contains("\u{1b}[32m+"), "{seen}");
    let seen = workspace.koreconcile(&["plan"]).env("NO_COLOR", "1").watched();
    assert!(seen.contains("kim.lee@example.com: invite") && !seen.contains("\u{1b}[32m"), "{seen}");
}

#[test]
fn secrets_are_never_shown() {
    let served = Served::new(&[user("new.hire", "")]);
    let canary = "canary-4fA9zQ77-secret-of-the-app";
    let truth = served.workspace.run(&["plan", "-vv", "account.yaml", "main.yaml"]).expect(0);
    let apply = served.run(&["apply", "--yes", "-vv"]).expect(0);
    let wrong =
        served.workspace.koreconcile(&Served::files(&["plan", "-vv"])).env("KORE_CLIENT_SECRET", canary);
    let wrong = wrong.run().expect(7);
    let secrets = served.workspace.secrets();
    assert!(secrets.iter().any(|secret| secret.len() > 20));
    for run in [truth, apply, wrong] {
        assert!(run.stderr.contains("path=\"/api/public/"), "{run}");
        let said = run.said();
        assert!(!said.contains(canary) && !said.contains("eyJ"), "{run}");
        assert!(!said.contains("botClientSecret") && !said.contains("clientSecret\":"), "{run}");
        for secret in &secrets {
            assert!(!said.contains(secret.as_str()), "{run}");
        }
    }
    for file in served.workspace.remembered() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!secrets.iter().any(|secret| text.contains(secret.as_str())), "{}", file.display());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let workspace = Workspace::example("quickstart");
    for args in [&["plan", "."][..], &["completions", "zsh"], &["schema", "manifests"], &["apply", "--help"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .args(args)
            .current_dir(workspace.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
        assert_eq!(status.code(), Some(0), "{args:?}: {stderr}");
    }
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let run = Workspace::with(&[]).run(&["completions", shell]).expect(0);
        assert!(run.stdout.contains("allow-removals") && run.stderr.is_empty(), "{run}");
    }
}

#[test]
fn schema_of_manifests_knows_every_kind() {
    let run = Workspace::with(&[]).run(&["schema", "manifests"]).expect(0);
    let schema: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let kinds = schema["properties"]["kind"]["enum"].as_array().unwrap();
    assert_eq!(
        kinds.iter().filter_map(|kind| kind.as_str()).collect::<Vec<_>>(),
        [
            "KoreAccount",
            "KoreUser",
            "KoreTeam",
            "KoreGroupMembership",
            "KoreRole",
            "KoreRoleBinding",
            "KoreBotAssignment",
            "KorePolicy",
            "KorePolicyException",
            "KoreBaseline",
            "KoreArea",
        ]
    );
}
