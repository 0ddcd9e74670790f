//! `adopt` as a user meets it: what was changed in the console becomes an edit, a diff or a list.

use crate::support::quickstart::{BOT, console, converged, user};
use crate::support::served::document;
use crate::support::workspace::{Run, Workspace};
use serde_json::Value;
use std::collections::BTreeMap;

/// One of everything: given, revoked, changed, and a critical one.
fn drifted() -> Workspace {
    let workspace = converged();
    console(&workspace, |admin| {
        admin.bind(&user("sam.roe"), "Bot Tester", Some(BOT)).unwrap();
        admin.bind(&user("lou.fox"), "Bot Developer", Some(BOT)).unwrap();
        admin.bind(&user("robin.poe"), "admin", None).unwrap();
        admin.unbind(&user("jane.doe"), "Release Manager", Some(BOT)).unwrap();
        admin.set_access("sam.roe@example.com", false, false).unwrap();
        admin.unassign("robin.poe@example.com", BOT).unwrap();
        admin.leave("support-eu", "jane.doe@example.com").unwrap();
    });
    workspace
}

fn files(workspace: &Workspace) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(workspace.path("")).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| (name(&path), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn plan_is_empty(workspace: &Workspace) {
    let run = workspace.run(&["plan", "--exit-code"]);
    assert!(run.stdout.contains("No changes"), "{run}");
}

/// Without what differs from day to day.
fn dated(run: &Run) -> String {
    let text = run.to_string();
    let dates = regex::Regex::new(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?").unwrap();
    dates.replace_all(&text, "DATE").into_owned()
}

#[test]
fn after_adopting_everything_the_next_plan_is_empty() {
    let workspace = drifted();
    let before = files(&workspace);
    let run = workspace.run(&["adopt", "--all"]).expect(0);
    insta::assert_snapshot!(dated(&run));
    let after = files(&workspace);
    let changed: Vec<&String> = after.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(changed, ["access.yaml", "admins.yaml", "adopted-groups.yaml", "people.yaml"]);
    assert!(
        after["admins.yaml"].contains(
            "    - user: jane.doe@example.com\n    - user: robin.poe@example.com\n      expiresAt: "
        )
    );
    assert!(
        after["access.yaml"].contains("    - user: lou.fox@example.com\n---\n"),
        "{}",
        after["access.yaml"]
    );
    plan_is_empty(&workspace);
    let again = workspace.run(&["adopt", "--all"]).expect(0);
    assert!(again.stdout.contains("Nothing to adopt"), "{again}");
    assert_eq!(files(&workspace), after);
}

#[test]
fn after_adopting_nothing_no_byte_has_changed() {
    let workspace = drifted();
    let before = files(&workspace);
    let list = workspace.run(&["adopt", "--as", "list"]).expect(0);
    insta::assert_snapshot!(list);
    workspace.run(&["adopt", "--only", "nobody@example.com"]).expect(0);
    workspace.run(&["adopt", "--all", "--as", "patch"]).expect(0);
    let reverted = workspace.koreconcile(&["adopt"]).terminal("R\n").run().expect(0);
    assert!(reverted.stdout.contains("Not adopted ("), "{reverted}");
    assert_eq!(files(&workspace), before);
}

#[test]
fn the_patch_is_what_git_applies() {
    let workspace = drifted();
    workspace.write(".gitignore", ".koreconcile\n");
    workspace.git(&["init", "--quiet"]);
    workspace.git(&["add", "--all", "."]);
    workspace.git(&["commit", "--quiet", "--message", "all"]);
    let run = workspace.run(&["adopt", "--all", "--as", "patch", "--until", "2090-12-31"]).expect(0);
    workspace.write("adopt.patch", &run.stdout);
    workspace.git(&["apply", "--whitespace=error-all", "adopt.patch"]);
    let patched = files(&workspace);
    assert!(patched["admins.yaml"].contains("expiresAt: 2091-01-01T00:00:00Z"), "{}", patched["admins.yaml"]);
    workspace.git(&["checkout", "--quiet", "."]);
    workspace.git(&["clean", "--quiet", "--force"]);
    let before = files(&workspace);
    workspace.run(&["adopt", "--all", "--until", "2090-12-31"]).expect(0);
    assert_eq!(files(&workspace), patched);
    assert_ne!(before, patched);
}

#[test]
fn a_choice_is_made_at_the_terminal() {
    let workspace = drifted();
    let run = workspace.koreconcile(&["adopt"]).terminal("x\nr\na\nR\n").run().expect(0);
    assert!(run.stderr.contains("[1/"), "{run}");
    assert!(run.stdout.contains("Adopted (1)"), "{run}");
    assert!(
        !files(&workspace)["admins.yaml"].contains("robin.poe"),
        "the first one, which is critical, was not adopted"
    );
    let before = files(&workspace);
    let run = workspace.koreconcile(&["adopt"]).terminal("a\nq\n").run().expect(3);
    assert!(run.stderr.contains("nothing was written"), "{run}");
    assert_eq!(files(&workspace), before);
}

#[test]
fn flags_choose_by_person_family_pattern_and_risk() {
    let workspace = drifted();
    let adopted = |args: &[&str]| {
        let run =
            workspace.run(&[&["adopt", "--as", "patch", "--format", "json"][..], args].concat()).expect(0);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["format"], "koreconcile.dev/adopt/v1");
        let lines = report["adopted"].as_array().unwrap().iter();
        lines.map(|line| line["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let sam = [
        "~ builder access of sam.roe@example.com: Creator -> None",
        "+ sam.roe@example.com: Bot Tester on Banking Assistant",
    ];
    let mut found = adopted(&["--only", "SAM.ROE@example.com"]);
    found.sort();
    assert_eq!(found, [sam[1], sam[0]]);
    assert_eq!(adopted(&["--only", "admin roles"]), ["+ robin.poe@example.com: Master Admin"]);
    assert_eq!(adopted(&["--only", "*: bot tester on banking*"]), [sam[1]]);
    assert!(adopted(&["--all", "--max-risk", "high"]).iter().all(|line| !line.contains("Master Admin")));
}

#[test]
fn what_is_wrong_with_the_flags_is_said_before_anything_is_read() {
    let workspace = Workspace::example("quickstart");
    for (args, said) in [
        (&[][..], "there is no terminal to ask on"),
        (&["--only", "[x"], "--only [x is not a pattern"),
        (&["--all", "--until", "soon"], "a date or a timestamp"),
        (&["--all", "--only", "x"], "cannot be used with"),
    ] {
        let run = workspace.run(&[&["adopt"][..], args].concat()).expect(3);
        assert!(run.stderr.contains(said), "{run}");
    }
    let run = workspace.run(&["adopt", "--all", "--until", "2020-01-01"]).expect(3);
    assert!(run.stderr.contains("is in the past"), "{run}");
    assert!(!workspace.path(".koreconcile/acme/state").exists() || files(&workspace).len() == 5);
}

#[test]
fn many_risky_grants_need_a_decision() {
    let workspace = converged();
    console(&workspace, |admin| {
        for name in ["alex.moe", "kim.lee", "lou.fox", "max.oak", "nia.elm", "robin.poe"] {
            admin.bind(&user(name), "User Manager", None).unwrap();
            admin.bind(&user(name), "admin", None).unwrap();
        }
    });
    let before = files(&workspace);
    let run = workspace.run(&["adopt", "--all"]).expect(3);
    assert!(run.stderr.contains("12 grants of high or critical risk would be adopted, 10 end"), "{run}");
    assert_eq!(files(&workspace), before);
    workspace.run(&["adopt", "--all", "--permanent"]).expect(0);
    let admins = &files(&workspace)["admins.yaml"];
    assert!(admins.contains("reason: ") && !admins.contains("expiresAt"), "{admins}");
    plan_is_empty(&workspace);
}

#[test]
fn a_line_that_was_edited_is_no_drift() {
    let workspace = drifted();
    workspace.edit("people.yaml", "  lastName: Roe\n", "  lastName: Rowe\n");
    let run = workspace.run(&["adopt", "--all"]).expect(0);
    assert!(run.stdout.contains("Undecided"), "{run}");
    assert!(files(&workspace)["people.yaml"].contains("Rowe"), "what a person wrote stays");
}

#[test]
fn a_person_who_was_removed_in_the_console_goes_from_every_file() {
    let workspace = converged();
    console(&workspace, |admin| admin.delete_user("robin.poe@example.com").unwrap());
    let run = workspace.run(&["adopt", "--all"]).expect(0);
    assert!(run.stdout.contains("- user robin.poe@example.com, and "), "{run}");
    assert!(files(&workspace).values().all(|text| !text.contains("robin.poe")));
    plan_is_empty(&workspace);
}

#[test]
fn manifests_with_anchors_are_refused_with_the_place() {
    let workspace = Workspace::example("quickstart");
    workspace.edit(
        "access.yaml",
        "    - user: sam.roe@example.com",
        "    - &sam { user: sam.roe@example.com }",
    );
    let run = workspace.run(&["adopt", "--all"]).expect(3);
    assert!(run.stderr.contains("access.yaml:26") && run.stderr.contains("an anchor"), "{run}");
}

#[test]
fn a_pull_request_says_what_is_critical_first() {
    let workspace = drifted();
    let run = workspace.run(&["adopt", "--all", "--max-risk", "high", "--format", "markdown"]).expect(0);
    insta::assert_snapshot!(dated(&run));
}

#[test]
fn what_a_policy_does_not_allow_is_left_to_a_person_and_the_rest_is_written() {
    let workspace = drifted();
    let builders =
        "{ severity: high, validationActions: [Deny], holders: { roles: [Bot Developer], max: 2 } }";
    workspace.write("policies.yaml", &document("KorePolicy", "few-builders", builders));
    let run = workspace.run(&["adopt", "--all"]).expect(6);
    for shown in [
        "Left to a person (1)",
        "lou.fox@example.com: Bot Developer on Banking Assistant",
        "policy few-builders does not allow it",
    ] {
        assert!(run.stdout.contains(shown), "{shown}: {run}");
    }
    let after = files(&workspace);
    assert!(after["admins.yaml"].contains("robin.poe"), "the rest is adopted: {run}");
    workspace.run(&["validate"]).expect(0);
    let json = workspace.run(&["adopt", "--all", "--format", "json"]).expect(6);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["byHand"][0]["place"], "policies.yaml:4", "{json:#}");
    assert_eq!(files(&workspace), after, "a second time nothing is left to write");
}

#[test]
fn an_edit_that_makes_a_policy_violated_by_what_goes_is_shown_and_not_written() {
    let workspace = drifted();
    let releases = "{ validationActions: [Warn], holders: { roles: [Release Manager], min: 2 } }";
    workspace.write("policies.yaml", &document("KorePolicy", "two-release", releases));
    let before = files(&workspace);
    let run = workspace.run(&["adopt", "--all"]).expect(4);
    assert!(run.stderr.contains("policy two-release would be newly violated"), "{run}");
    assert!(
        run.stdout.contains("Release Manager") || run.stdout.contains("jane.doe"),
        "the edit is shown: {run}"
    );
    assert_eq!(files(&workspace), before);
}

#[test]
fn a_policy_that_is_violated_already_keeps_nobody_from_adopting() {
    let workspace = drifted();
    let nobody = "{ validationActions: [Warn], match: { emails: [jane.doe@example.com] }, allow: {} }";
    workspace.write("policies.yaml", &document("KorePolicy", "no-jane", nobody));
    workspace.run(&["adopt", "--only", "sam.roe@example.com"]).expect(0);
}
