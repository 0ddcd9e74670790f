//! What the manifests stop asking for goes with the next apply, or is named in every plan until it is gone: from the
//! edit to the account, with the binary.

use crate::support::workspace::{Run, Workspace, shows};

const PEOPLE: [&str; 7] = ["alex.moe", "kim.lee", "lou.fox", "max.oak", "nia.elm", "robin.poe", "sam.roe"];

/// The quickstart, applied, with everybody in.
fn converged() -> Workspace {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    for name in PEOPLE {
        let email = format!("{name}@example.com");
        workspace.run(&["sandbox", "accept", "--data", ".koreconcile/acme", &email]).expect(0);
    }
    workspace.run(&["apply", "--yes"]).expect(0);
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes."), "{run}");
    workspace
}

fn commit(workspace: &Workspace, message: &str) -> String {
    workspace.git(&["add", "--all"]);
    workspace.git(&["commit", "--quiet", "--message", message]);
    workspace.git(&["rev-parse", "HEAD"])
}

/// The lines of a plan that take something away.
fn removals(run: &Run) -> Vec<String> {
    let lines = run.stdout.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("- "))
        .map(|line| line.split("  ").next().unwrap().split(", was to end").next().unwrap().to_owned())
        .collect()
}

/// Robin is Master Admin.
const ADMINS: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: break-glass }
spec:
  role: { type: Admin, name: Master Admin }
  subjects:
    - user: robin.poe@example.com
";
const JANE_RELEASES: &str =
    "    - user: jane.doe@example.com\n    - user: kim.lee@example.com\n      expiresAt";
const KIM_RELEASES: &str = "    - user: kim.lee@example.com\n      expiresAt";

#[test]
fn a_deleted_line_takes_back_what_it_gave() {
    let workspace = converged();
    workspace.edit("access.yaml", JANE_RELEASES, KIM_RELEASES);
    shows!(workspace.run(&["plan", "--exit-code"]).expect(2));
    let run = workspace.run(&["apply", "--yes"]).expect(0);
    assert!(run.stdout.contains("Done: 1 applied and read back"), "{run}");
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes."), "{run}");
}

/// A file that nobody reads any more, and why.
type Hiding<'a> = (&'a str, &'a dyn Fn(&Workspace), &'a str);

#[test]
fn a_file_that_is_there_and_holds_no_manifest_takes_nothing_back_whatever_sources_names() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n";
    let away =
        |workspace: &Workspace| std::fs::rename(workspace.path("sub"), workspace.path(".away")).unwrap();
    let link = |workspace: &Workspace, to: &str| {
        away(workspace);
        std::os::unix::fs::symlink(to, workspace.path("sub")).unwrap();
    };
    let cases: [Hiding<'_>; 7] = [
        ("emptied", &|workspace| workspace.write("sub/release.yaml", ""), "it is empty"),
        ("pointer", &|workspace| workspace.write("sub/release.yaml", pointer), "a pointer of Git LFS"),
        (
            "error",
            &|workspace| workspace.write("sub/release.yaml", "404: Not Found\n"),
            "no manifest any more",
        ),
        ("page", &|workspace| workspace.write("sub/release.yaml", "<html></html>"), "it is an HTML page"),
        ("broken link", &|workspace| link(workspace, "../nowhere"), "is a link to what is not there"),
        ("loop", &|workspace| link(workspace, "sub"), "cannot be read"),
        (
            "folder in its place",
            &|workspace| {
                std::fs::remove_file(workspace.path("sub/release.yaml")).unwrap();
                std::fs::create_dir(workspace.path("sub/release.yaml")).unwrap();
            },
            "cannot be read",
        ),
    ];
    let workspace = converged();
    let access = std::fs::read_to_string(workspace.path("access.yaml")).unwrap();
    let (ours, rest): (Vec<&str>, Vec<&str>) =
        access.split("---\n").partition(|text| text.contains("name: banking-release"));
    workspace.write("access.yaml", &rest.join("---\n"));
    std::fs::create_dir(workspace.path("sub")).unwrap();
    workspace.write("sub/release.yaml", ours[0]);
    workspace.run(&["apply", "--yes"]).expect(0);
    for (name, hide, why) in cases {
        hide(&workspace);
        let run = workspace.run(&["plan", "-v"]);
        assert_eq!(removals(&run), [""; 0], "{name}: {run}");
        assert!(run.said().contains(why) && run.said().contains("sub/release.yaml"), "{name}: {run}");
        // As it was.
        if workspace.path(".away").exists() {
            std::fs::remove_file(workspace.path("sub")).unwrap();
            std::fs::rename(workspace.path(".away"), workspace.path("sub")).unwrap();
        }
        let _ = std::fs::remove_dir(workspace.path("sub/release.yaml"));
        workspace.write("sub/release.yaml", ours[0]);
    }
    std::fs::remove_file(workspace.path("sub/release.yaml")).unwrap();
    assert_eq!(removals(&workspace.run(&["plan"]).expect(0)).len(), 2, "what is gone goes");
}

#[test]
fn a_deleted_object_or_file_takes_back_what_it_gave() {
    let release = ["- Release Manager on Banking Assistant", "- Release Manager on Banking Assistant"];
    let workspace = converged();
    let access = std::fs::read_to_string(workspace.path("access.yaml")).unwrap();
    let documents: Vec<&str> = access.split("---\n").collect();
    let rest: Vec<&str> =
        documents.iter().filter(|text| !text.contains("name: banking-release")).copied().collect();
    workspace.write("access.yaml", &rest.join("---\n"));
    assert_eq!(removals(&workspace.run(&["plan", "--exit-code"]).expect(2)), release);

    // The same document in a file of its own, which was there once: nothing has changed.
    let moved = documents.iter().find(|text| text.contains("name: banking-release")).unwrap();
    workspace.write("release.yaml", moved);
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes."), "{run}");
    workspace.run(&["apply", "--yes"]).expect(0);
    std::fs::remove_file(workspace.path("release.yaml")).unwrap();
    assert_eq!(removals(&workspace.run(&["plan", "--exit-code"]).expect(2)), release);

    // Left behind on purpose.
    workspace.write("release.yaml", &moved.replace("spec:\n", "spec:\n  deletionPolicy: Retain\n"));
    workspace.run(&["apply", "--yes"]).expect(0);
    std::fs::remove_file(workspace.path("release.yaml")).unwrap();
    let run = workspace.run(&["plan"]).expect(0);
    assert_eq!(removals(&run), [""; 0]);
    assert!(run.stdout.contains("its object was deleted with deletionPolicy: Retain"), "{run}");
}

#[test]
fn a_renamed_file_or_object_and_a_moved_line_take_nothing_back() {
    let workspace = converged();
    std::fs::rename(workspace.path("access.yaml"), workspace.path("grants.yaml")).unwrap();
    workspace.edit("grants.yaml", "name: banking-release", "name: banking-releases");
    workspace.edit("grants.yaml", JANE_RELEASES, KIM_RELEASES);
    workspace.write(
        "more.yaml",
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata: { name: jane }\nspec:\n  \
         role: { type: Bot, name: Release Manager }\n  bot: Banking Assistant\n  subjects:\n    \
         - user: jane.doe@example.com\n",
    );
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes."), "{run}");
}

#[test]
fn who_leaves_a_team_loses_what_came_through_it() {
    let workspace = converged();
    let teams = std::fs::read_to_string(workspace.path("teams.yaml")).unwrap();
    let member =
        teams.lines().find(|line| line.contains("lou.fox@example.com")).expect("a member").to_owned();
    workspace.edit("teams.yaml", &format!("{member}\n"), "");
    let run = workspace.run(&["plan", "--exit-code"]).expect(2);
    assert!(!removals(&run).is_empty() && run.stdout.contains("lou.fox@example.com"), "{run}");
    assert!(run.stdout.contains("(no longer declared)"), "{run}");
}

#[test]
fn what_exists_and_is_not_loaded_is_named_and_kept() {
    let workspace = converged();
    workspace.edit(
        "account.yaml",
        r#"sources: ["*.yaml"]"#,
        r#"sources: ["account.yaml", "people.yaml", "teams.yaml"]"#,
    );
    let loaded = ["account.yaml", "people.yaml", "teams.yaml"];
    let run = workspace.run(&[&["plan", "--exit-code"], &loaded[..]].concat()).expect(2);
    assert_eq!(removals(&run), [""; 0], "{run}");
    assert!(
        run.stdout.contains("what access.yaml declares is kept") && run.stdout.contains("NotLoaded"),
        "{run}"
    );
    let run = workspace.run(&[&["plan", "--complete"], &loaded[..]].concat()).expect(0);
    assert!(!removals(&run).is_empty(), "{run}");
}

#[test]
fn a_person_who_is_not_declared_any_more_is_named_in_every_plan() {
    let workspace = converged();
    let people = std::fs::read_to_string(workspace.path("people.yaml")).unwrap();
    let rest: Vec<&str> =
        people.split("---\n").filter(|text| !text.contains("sam.roe@example.com")).collect();
    assert_ne!(rest.len(), people.split("---\n").count());
    workspace.write("people.yaml", &rest.join("---\n"));
    workspace.edit("access.yaml", "    - user: sam.roe@example.com\n", "");
    workspace.run(&["apply", "--yes"]).expect(0);
    for _ in 0..2 {
        let run = workspace.run(&["plan"]).expect(0);
        assert!(run.stdout.contains("user sam.roe@example.com  (no longer declared since"), "{run}");
        assert!(run.stdout.contains("No changes"), "{run}");
    }
    let run = workspace.run(&["forget", "user sam.roe@example.com"]).expect(0);
    assert!(
        run.stdout.contains("user sam.roe@example.com") && run.stdout.contains("Forgot 1 fact; "),
        "{run}"
    );
    let run = workspace.run(&["plan"]).expect(0);
    assert!(!run.stdout.contains("no longer declared"), "{run}");
}

#[test]
fn a_revert_takes_back_master_admin() {
    let workspace = converged();
    workspace.git(&["init", "--quiet"]);
    workspace.write(".gitignore", ".koreconcile\nhome\n");
    let first = commit(&workspace, "start");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.write("break-glass.yaml", ADMINS);
    let second = commit(&workspace, "robin is Master Admin");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.git(&["revert", "--no-edit", "HEAD"]);
    let run = workspace.run(&["plan", "--exit-code", "--base", "HEAD^"]).expect(2);
    assert_eq!(removals(&run), ["- Master Admin"], "{run}");
    assert!(run.stdout.contains("# break-glass.yaml:7"), "where it stood: {run}");

    // An older commit, or a branch that has not seen the second one, takes nothing back.
    workspace.git(&["checkout", "--quiet", &first]);
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("newer than this branch"), "{run}");
    let run = workspace.run(&["apply", "--yes"]).expect(9);
    assert!(run.stderr.contains(&format!("commit {second} was applied last")), "{run}");
    let run = workspace.run(&["plan", "--rewind"]).expect(0);
    assert_eq!(removals(&run), ["- Master Admin"], "{run}");

    workspace.git(&["checkout", "--quiet", "main"]);
    workspace.run(&["apply", "--yes"]).expect(0);
    let shown = workspace.run(&["memory", "show"]).expect(0).stdout;
    assert!(!shown.contains("robin.poe@example.com: Master Admin"), "{shown}");
}

#[test]
fn a_shallow_clone_says_which_command_fetches_what_is_missing() {
    let workspace = converged();
    workspace.git(&["init", "--quiet"]);
    workspace.write(".gitignore", ".koreconcile\nhome\n");
    commit(&workspace, "start");
    workspace.run(&["apply", "--yes", "--state-dir", "../state"]).expect(0);
    workspace.edit("access.yaml", JANE_RELEASES, KIM_RELEASES);
    commit(&workspace, "jane releases no more");
    let origin = format!("file://{}", workspace.path("").display());
    workspace.git(&["clone", "--quiet", "--depth", "1", &origin, "../shallow"]);
    std::os::unix::fs::symlink(workspace.path(".koreconcile"), workspace.path("../shallow/.koreconcile"))
        .unwrap();
    let run = workspace.run(&["plan", "--state-dir", "../state", "../shallow"]);
    // Another clone of a repository without an origin is another declaration.
    let run = run.expect(4);
    assert!(run.stderr.contains("koreconcile memory accept"), "{run}");
    workspace.run(&["memory", "accept", "--state-dir", "../state", "../shallow"]).expect(0);
    let run = workspace.run(&["plan", "--state-dir", "../state", "../shallow"]).expect(3);
    assert!(run.stderr.contains("git fetch --unshallow"), "{run}");
}

#[test]
fn memory_of_another_declaration_is_handed_over_on_purpose() {
    let workspace = converged();
    let state = ["--state-dir", "../state"];
    workspace.run(&[&["apply", "--yes"], &state[..]].concat()).expect(0);
    for file in ["account.yaml", "people.yaml", "teams.yaml"] {
        let text = std::fs::read_to_string(workspace.path(file)).unwrap();
        workspace.write(
            &format!("../other/{file}"),
            &text.replace(".koreconcile/acme", "../work/.koreconcile/acme"),
        );
    }
    let other = [&state[..], &["../other"]].concat();
    shows!(workspace.run(&[&["plan"], &other[..]].concat()).expect(4));
    let run = workspace.run(&[&["memory", "accept"], &other[..]].concat()).expect(0);
    assert!(run.stdout.contains("Handed over from"), "{run}");
    let run = workspace.run(&[&["plan"], &other[..]].concat()).expect(0);
    assert!(!removals(&run).is_empty(), "what only the first declared is taken back: {run}");
    workspace.run(&[&["plan"], &state[..]].concat()).expect(4);
}

#[test]
fn a_memory_that_cannot_be_read_plans_nothing() {
    let workspace = converged();
    let memory = walkdir::WalkDir::new(workspace.path(".koreconcile"))
        .into_iter()
        .filter_map(Result::ok)
        .find(|entry| entry.file_name() == "memory.json")
        .unwrap()
        .into_path();
    std::fs::write(&memory, "{ \"facts\": [").unwrap();
    for verb in [&["plan"][..], &["apply", "--yes"], &["memory", "show"]] {
        let run = workspace.run(verb).expect(6);
        assert!(run.stderr.contains("memory.json cannot be read"), "{run}");
    }
    let run = workspace.run(&["memory", "accept"]).expect(0);
    assert!(run.stderr.contains("a new memory is started"), "{run}");
    workspace.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn memory_shows_what_was_asked_for_and_since_when() {
    let workspace = converged();
    let run = workspace.run(&["memory", "show"]).expect(0);
    assert!(run.stdout.contains("kim.lee@example.com: Release Manager on"), "{run}");
    assert!(run.stdout.contains("(read back ") && run.stdout.contains("# ./access.yaml:"), "{run}");
    let json = workspace.run(&["memory", "show", "--format", "json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["format"], "koreconcile.dev/memory/v1");
    let binding = json["facts"].as_array().unwrap().iter().find(|fact| fact["until"].is_string()).unwrap();
    assert_eq!(binding["objects"][0]["name"], "banking-release");
    assert_eq!(binding["objects"][0]["deletionPolicy"], "Remove");
    shows!(workspace.run(&["forget"]).expect(3));
    let run = workspace.run(&["forget", "--all"]).expect(0);
    assert!(run.stdout.ends_with("; 0 facts remembered.\n"), "{run}");
}

#[test]
fn a_second_run_waits_for_the_first() {
    let workspace = converged();
    let run = workspace.run(&["apply", "--yes", "--state-dir", "../state"]).expect(0);
    assert!(run.stdout.contains("No changes"), "{run}");
    let lock =
        std::fs::read_dir(workspace.path("../state")).unwrap().next().unwrap().unwrap().path().join("lock");
    let lock = std::fs::File::create(lock).unwrap();
    lock.lock().unwrap();
    let run = workspace.run(&["apply", "--yes", "--max-wait", "1s", "--state-dir", "../state"]).expect(11);
    assert!(run.stderr.contains("another run on this account is under way; waiting"), "{run}");
    workspace.run(&["plan", "--state-dir", "../state"]).expect(0);
    drop(lock);
    workspace.run(&["apply", "--yes", "--state-dir", "../state"]).expect(0);
}

#[test]
fn what_others_gave_is_first_and_fails_the_check() {
    let workspace = converged();
    let account = std::fs::read_to_string(workspace.path("account.yaml")).unwrap();
    let account = account.replace(".koreconcile/acme", "../work/.koreconcile/acme");
    workspace.write("../other/account.yaml", &account);
    workspace.write("../other/break-glass.yaml", ADMINS);
    workspace.run(&["apply", "--yes", "--state-dir", "../elsewhere", "../other"]).expect(0);
    let run = workspace.run(&["plan", "--exit-code"]).expect(2);
    assert!(
        run.stdout.contains("robin.poe@example.com: Master Admin  [critical: full control of the account]"),
        "{run}"
    );
    let markdown = workspace.run(&["plan", "--format", "markdown"]).expect(0).stdout;
    let [risky, folded] =
        ["Held, and no manifest asks for it", "<summary>Unmanaged"].map(|text| markdown.find(text));
    assert!(risky.is_some() && folded.is_none_or(|folded| risky.unwrap() < folded), "{markdown}");
}

#[test]
fn a_newer_grant_of_a_role_that_is_also_held_on_another_bot_is_not_taken_back() {
    let workspace = converged();
    workspace.git(&["init", "--quiet"]);
    workspace.write(".gitignore", ".koreconcile\nhome\n");
    commit(&workspace, "start");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.write(
        "hr.yaml",
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata: { name: hr }\nspec:\n  \
         role: { type: Bot, name: Release Manager }\n  bot: HR Assistant\n  subjects:\n    \
         - user: jane.doe@example.com\n",
    );
    commit(&workspace, "jane releases HR Assistant, too");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.git(&["checkout", "--quiet", "HEAD^"]);
    let run = workspace.run(&["plan"]).expect(0);
    assert_eq!(removals(&run), [""; 0], "{run}");
    assert!(run.stdout.contains("newer than this branch"), "{run}");
}

#[test]
fn named_files_and_standard_input_say_that_lists_are_not_pruned() {
    const WARNING: &str = "warning: lists are not pruned, because only some manifests were named";
    let workspace = converged();
    let files = ["account.yaml", "access.yaml", "admins.yaml", "people.yaml", "teams.yaml"];
    let text = |file: &&str| std::fs::read_to_string(workspace.path(file)).unwrap();
    let all: Vec<String> = files.iter().map(text).collect();
    let all = all.join("---\n").replacen("    - user: sam.roe@example.com\n", "", 1);
    let piped = |more: &[&str]| {
        let args = [&["plan", "-"], more].concat();
        workspace.koreconcile(&args).input(&all).run().expect(0)
    };
    let run = piped(&[]);
    assert!(run.stderr.contains(WARNING), "{run}");
    // The object is loaded, so a line that it has lost is known to be gone.
    assert_eq!(removals(&run).len(), 1, "{run}");
    let run = piped(&["--complete"]);
    assert!(!run.stderr.contains("warning"), "{run}");
    assert_eq!(removals(&run).len(), 1, "{run}");
    let run = workspace.run(&["plan", "account.yaml", "access.yaml", "teams.yaml"]).expect(0);
    assert!(run.stderr.contains(WARNING), "{run}");
    let run = workspace.run(&["plan", "."]).expect(0);
    assert!(!run.stderr.contains(WARNING), "{run}");
}
