//! How much is said, where, and in which colours; and what is never said.

use crate::support::command::{Place, shows};
use crate::support::served::{Served, user};
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn cli_output_unknown_verb() {
    shows!(Place::with(&[]).run(&["aply"]).expect(3));
}

#[test]
fn cli_output_unknown_flag() {
    shows!(Place::with(&[]).run(&["plan", "--exit-cod"]).expect(3));
}

#[test]
fn cli_output_bad_value() {
    shows!(Place::with(&[]).run(&["plan", "--max-wait", "soon"]).expect(3));
}

#[test]
fn cli_output_no_verb_shows_the_help() {
    shows!(Place::with(&[]).run(&[]).expect(3));
}

#[test]
fn cli_output_help_of_apply() {
    shows!(Place::with(&[]).run(&["apply", "--help"]).expect(0));
}

#[test]
fn cli_output_quiet_is_the_result_alone() {
    let place = Place::example("quickstart");
    let run = place.run(&["validate", "--quiet"]).expect(0);
    assert_eq!(run.said(), "", "{run}");
    let run = place.run(&["apply", "--yes", "--quiet"]).expect(0);
    assert!(run.stderr.is_empty() && run.stdout.contains("Done: "), "{run}");
}

#[test]
fn cli_output_verbose_ends_no_list_early() {
    let place = Place::example("quickstart");
    let run = place.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("more (-v shows all)"), "{run}");
    let run = place.run(&["plan", "-v"]).expect(0);
    assert!(!run.stdout.contains("more (-v shows all)"), "{run}");
    assert!(run.stdout.contains("user sue@example.com"), "{run}");
}

#[test]
fn cli_output_colours_only_where_they_are_wanted() {
    let place = Place::example("quickstart");
    let has_colour = |args: &[&str]| place.run(args).expect(0).said().contains('\u{1b}');
    assert!(!has_colour(&["plan"]));
    assert!(!has_colour(&["plan", "--color", "never"]));
    assert!(has_colour(&["plan", "--color", "always"]));
    let run = place.koreconcile(&["plan", "--color", "always"]).env("NO_COLOR", "1").run().expect(0);
    assert!(run.stdout.contains('\u{1b}'), "the flag is the nearer word: {run}");
    let plain = place.run(&["plan"]).stdout;
    let coloured = place.run(&["plan", "--color", "always"]).stdout;
    let escapes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert_eq!(escapes.replace_all(&coloured, ""), plain, "colour says nothing that signs do not");
}

#[test]
fn cli_output_colours_follow_the_terminal_and_no_color() {
    let place = Place::example("quickstart");
    let seen = place.koreconcile(&["plan"]).watched();
    assert!(seen.contains("\u{1b}[32m+"), "{seen}");
    let seen = place.koreconcile(&["plan"]).env("NO_COLOR", "1").watched();
    assert!(seen.contains("kim.lee@example.com: invite") && !seen.contains("\u{1b}[32m"), "{seen}");
}

#[test]
fn cli_output_secrets_are_never_shown() {
    let served = Served::new(&[user("new.hire", "")]);
    let canary = "canary-4fA9zQ77-secret-of-the-app";
    let truth = served.place.run(&["plan", "-vv", "account.yaml", "main.yaml"]).expect(0);
    let apply = served.run(&["apply", "--yes", "-vv"]).expect(0);
    let wrong = served.place.koreconcile(&Served::files(&["plan", "-vv"])).env("KORE_CLIENT_SECRET", canary);
    let wrong = wrong.run().expect(7);
    let secrets = served.place.secrets();
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
    for file in served.place.remembered() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!secrets.iter().any(|secret| text.contains(secret.as_str())), "{}", file.display());
    }
}

#[test]
fn cli_output_a_reader_that_goes_away_is_no_error() {
    let place = Place::example("quickstart");
    for args in [&["plan", "."][..], &["completions", "zsh"], &["schema", "manifests"], &["apply", "--help"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .args(args)
            .current_dir(place.path(""))
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
fn cli_output_completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let run = Place::with(&[]).run(&["completions", shell]).expect(0);
        assert!(run.stdout.contains("allow-removals") && run.stderr.is_empty(), "{run}");
    }
}

#[test]
fn cli_output_schema_of_manifests_knows_every_kind() {
    let run = Place::with(&[]).run(&["schema", "manifests"]).expect(0);
    let schema: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let kinds: Vec<&str> =
        schema["oneOf"].as_array().unwrap().iter().filter_map(|kind| kind["title"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            "KoreAccount",
            "KoreUser",
            "KoreTeam",
            "KoreGroupMembership",
            "KoreRole",
            "KoreRoleBinding",
            "KoreBotAssignment"
        ]
    );
}
