//! The examples work as they stand: sound, applied to a fresh account, and converged right after.

use crate::support::workspace::Workspace;

#[test]
fn enterprise_converges() {
    let workspace = Workspace::example("enterprise");
    let run = workspace.run(&["validate"]).expect(0);
    assert_eq!(run.stderr, "258 manifests are valid\n", "no finding, not even a warning");
    let run = workspace.run(&["plan", "--exit-code", "--quiet"]).expect(2);
    assert!(run.stdout.contains("\nPlan: 1,215 to add, 3 to change, 3 to remove; 1 waiting.\n"), "{run}");
    for shown in [
        "- former@example.com: remove from the account",
        "    - Bot Tester on HR Assistant  (not declared)",
        "+ riley.reed@partner.example.com: invite",
        "    ~ name Sam Stone -> Samuel Stone",
    ] {
        assert!(run.stdout.contains(shown), "no {shown} in {run}");
    }
    // The list of HR testers is authoritative for the first time.
    let run = workspace.run(&["apply", "--yes", "--take-over"]).expect(0);
    assert!(run.stdout.contains("\nDone: 1221 applied and read back, with 22 calls.\n"), "{run}");
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("\nNo changes; 243 waiting. Read with 10 calls.\n"), "{run}");
}

#[test]
fn enterprise_without_one_of_its_files_removes_nobody_undeclared() {
    let workspace = Workspace::example("enterprise");
    std::fs::remove_file(workspace.path("teams/engineering.yaml")).unwrap();
    workspace.run(&["validate"]).expect(3);
    let run = workspace.run(&["plan", "--keep-going"]).expect(0);
    assert!(!run.stdout.contains("(not declared)  #"), "{run}");
    assert!(!run.stdout.contains("former@example.com: remove"), "additions only: {run}");
    assert!(run.stderr.contains("not removed while manifests have errors"), "{run}");
}
