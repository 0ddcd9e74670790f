//! `baseline`: what is known no longer counts, and what is new does.

use crate::support::quickstart::{BOT, console, converged, user};
use crate::support::workspace::{Workspace, shows};

const DAY: &str = "20[0-9]{2}-[0-9]{2}-[0-9]{2}";

/// What people clicked before anybody looked: everything that counts.
fn clicked() -> Workspace {
    let workspace = converged();
    let account = std::fs::read_to_string(workspace.path("account.yaml")).unwrap();
    let strict = account.replace("  ownership:\n", "  ownership:\n    failOn: All\n");
    assert_ne!(strict, account);
    workspace.write("account.yaml", &strict);
    console(&workspace, |admin| {
        admin.bind(&user("sam.roe"), "Analyst", Some(BOT)).unwrap();
        admin.bind(&user("robin.poe"), "admin", None).unwrap();
        admin.assign("robin.poe@example.com", BOT, None).unwrap();
    });
    workspace
}

#[test]
fn what_is_written_no_longer_counts() {
    let workspace = clicked();
    workspace.run(&["plan", "--exit-code"]).expect(2);
    let run = workspace.run(&["baseline"]).expect(0);
    assert!(run.stderr.contains("of high or critical risk: look at these first"), "{run}");
    shows!(workspace.run(&["plan", "--exit-code"]).expect(0));
    let verbose = workspace.run(&["plan", "-v"]).expect(0);
    assert!(verbose.stdout.contains("known since "), "{verbose}");
    // Whoever gets a privileged role later is seen.
    console(&workspace, |admin| admin.bind(&user("kim.lee"), "admin", None).unwrap());
    let run = workspace.run(&["plan", "--exit-code"]).expect(2);
    assert!(run.stdout.contains("kim.lee@example.com: Master Admin"), "{run}");
    assert!(!run.stdout.contains("robin.poe@example.com: Master Admin"), "{run}");
}

#[test]
fn file_reads_as_a_person_would_write_it() {
    let run = clicked().run(&["baseline", "--dry-run"]).expect(0).masked(DAY, "DAY");
    shows!(run);
}

#[test]
fn writing_it_anew_keeps_the_days_and_drops_what_is_gone() {
    let workspace = clicked();
    workspace.run(&["baseline"]).expect(0);
    let file = workspace.path("baseline.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let older = regex::Regex::new(DAY).unwrap().replace_all(&text, "2026-01-02").into_owned();
    std::fs::write(&file, &older).unwrap();
    workspace.run(&["baseline"]).expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), older);
    console(&workspace, |admin| admin.unbind(&user("sam.roe"), "Analyst", Some(BOT)).unwrap());
    let run = workspace.run(&["plan"]).expect(0);
    let stale = "1 fact of a KoreBaseline: declared by now, or not in the account any more";
    assert!(run.stdout.contains(stale), "{run}");
    workspace.run(&["baseline"]).expect(0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("sam.roe") && text.contains("2026-01-02"), "{text}");
}

#[test]
fn other_files_are_not_overwritten() {
    let workspace = clicked();
    let run = workspace.run(&["baseline", "--out", "account.yaml"]).expect(3);
    assert!(run.stderr.contains("account.yaml is there already, and it holds other manifests"), "{run}");
    workspace.write("notes.txt", "hello\n");
    let run = workspace.run(&["baseline", "--out", "notes.txt"]).expect(3);
    assert!(run.stderr.contains("it is not among the manifests that were read"), "{run}");
}

#[test]
fn facts_are_checked_like_anything_else() {
    let workspace = Workspace::example("quickstart");
    let fact = |fact: &str| {
        format!(
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreBaseline\nmetadata: {{ name: known }}\nspec:\n  facts:\n    - {{ {fact} }}\n"
        )
    };
    for (wrong, says) in [
        ("bot: Banking Assistant, since: \"2026-11-30\"", "a known fact is about either a user or a group"),
        ("group: QA, since: \"2026-11-30\"", "a known fact is a user, a user with memberOf"),
        (
            "user: a@example.com, role: { type: Bot, name: Analyst }, since: \"2026-11-30\"",
            "a Bot role names its bot",
        ),
        ("user: a@example.com, memberOf: QA, bot: A, since: \"2026-11-30\"", "a known fact is a user"),
        ("user: nobody, since: \"2026-11-30\"", "is not an e-mail address"),
        ("user: a@example.com, since: yesterday", "yesterday"),
        ("user: a@example.com", "since"),
    ] {
        workspace.write("known.yaml", &fact(wrong));
        let run = workspace.run(&["validate"]).expect(3);
        assert!(run.said().contains(says), "{wrong}: {run}");
    }
}
