//! `fmt` as a user meets it.

use crate::support::workspace::Workspace;

const HEAD: &str = "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: a }\n";

#[test]
fn formats_files_once_and_checks_without_writing() {
    let crooked = format!("{HEAD}spec:\n    email:   a@example.com # why\n\n\n");
    let straight = format!("{HEAD}spec:\n  email: a@example.com # why\n");
    let foreign = "kind: Deployment\napiVersion: apps/v1\nspec:\n    a:  1\n";
    let workspace =
        Workspace::with(&[("b/a.yaml", &crooked), ("ok.yaml", &straight), ("foreign.yaml", foreign)]);
    let read = |name: &str| std::fs::read_to_string(workspace.path(name)).unwrap();
    let run = workspace.run(&["fmt", "--check"]).expect(2);
    assert_eq!((run.stdout.as_str(), read("b/a.yaml")), ("b/a.yaml\n", crooked));
    assert!(run.stderr.contains("1 file not formatted"), "{run}");
    let run = workspace.run(&["fmt"]).expect(0);
    assert_eq!((run.stdout.as_str(), read("b/a.yaml")), ("b/a.yaml\n", straight.clone()));
    let run = workspace.run(&["fmt", "--check"]).expect(0);
    assert!(run.stdout.is_empty() && run.stderr.contains("every file is formatted"), "{run}");
    assert_eq!((read("ok.yaml"), read("foreign.yaml")), (straight, foreign.to_owned()));
}

#[test]
fn standard_input_is_printed_formatted() {
    let workspace = Workspace::with(&[]);
    let input = format!("{HEAD}spec:\n    email: a@example.com");
    let run = workspace.koreconcile(&["fmt", "-"]).input(&input).run().expect(0);
    assert_eq!(run.stdout, format!("{HEAD}spec:\n  email: a@example.com\n"));
    let run = workspace.koreconcile(&["fmt", "-"]).input(&run.stdout).run().expect(0);
    assert_eq!(run.stdout, format!("{HEAD}spec:\n  email: a@example.com\n"));
}

#[test]
fn what_cannot_be_read_or_is_left_is_said() {
    let workspace = Workspace::with(&[("a.yaml", &format!("{HEAD}spec:\n    email: &a a@example.com\n"))]);
    let run = workspace.run(&["fmt"]).expect(0);
    assert!(run.stderr.contains("warning: a.yaml:1: left as it is"), "{run}");
    assert!(run.stderr.contains("everything else is formatted"), "{run}");
    let run = workspace.run(&["fmt", "missing.yaml"]).expect(3);
    assert!(run.stderr.contains("missing.yaml: cannot be read"), "{run}");
    assert!(!run.stderr.contains("formatted"), "nothing was looked at: {run}");
}

#[test]
fn the_examples_are_formatted() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    Workspace::with(&[]).run(&["fmt", "--check", examples]).expect(0);
}
