//! The examples work as they stand: sound, applied to a fresh account, and converged right after.

use crate::support::command::Place;

#[test]
fn cli_examples_enterprise_converges() {
    let place = Place::example("enterprise");
    let run = place.run(&["validate"]).expect(0);
    assert_eq!(run.stderr, "258 manifests are valid\n", "no finding, not even a warning");
    let run = place.run(&["plan", "--exit-code", "--quiet"]).expect(2);
    assert!(run.stdout.contains("\nPlan: 1,215 to add, 3 to alter, 3 to remove.\n"), "{run}");
    for shown in [
        "- former@example.com: remove from the account",
        "    - Bot Tester on HR Assistant  (nobody declared it)",
        "+ riley.reed@partner.example.com: invite",
        "    ~ name Sam Stone -> Samuel Stone",
    ] {
        assert!(run.stdout.contains(shown), "no {shown} in {run}");
    }
    let run = place.run(&["apply", "--yes"]).expect(0);
    assert!(run.stdout.contains("\nDone: 1221 applied and read back, with 22 calls.\n"), "{run}");
    let run = place.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("\nNo changes; 243 waiting. Read with 10 calls.\n"), "{run}");
}

#[test]
fn cli_examples_enterprise_without_one_of_its_files_removes_nobody_undeclared() {
    let place = Place::example("enterprise");
    std::fs::remove_file(place.path("teams/engineering.yaml")).unwrap();
    place.run(&["validate"]).expect(3);
    let run = place.run(&["plan", "--keep-going"]).expect(0);
    assert!(!run.stdout.contains("(nobody declared it)  #"), "{run}");
    assert!(run.stdout.contains("- former@example.com: remove from the account"), "{run}");
}
