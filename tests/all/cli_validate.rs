//! `validate`: every finding at once, each with its place and the way out.

use crate::support::command::{Place, shows};
use crate::support::served::{document, user};

fn broken() -> Place {
    Place::with(&[
        (
            "account.yaml",
            &document("KoreAccount", "acme", "{ endpoint: { sandbox: { dataDir: x } }, maxRemovals: 3 }"),
        ),
        (
            "people/users.yaml",
            &[
                user("jane", ", firstName: No, builderAcess: Builder"),
                user("sam", ", state: Gone"),
                document("KoreUser", "jane-again", "{ email: Jane@Example.com }"),
            ]
            .concat(),
        ),
        (
            "people/teams.yaml",
            &document("KoreTeam", "bankers", "{ members: [not-an-address], teams: [teller] }"),
        ),
        (
            "access.yaml",
            &[
                document("KoreTeam", "tellers", "{ members: [jane@example.com] }"),
                document(
                    "KoreRoleBinding",
                    "owners",
                    "{ role: { type: Bot, name: Bot Owner }, bot: Banking Assistant, subjects: [{ team: tellers }] }",
                ),
                document(
                    "KoreRoleBinding",
                    "developers",
                    "{ role: { type: Bot, name: Bot Developer }, subjects: [{ team: bankrs }] }",
                ),
            ]
            .concat(),
        ),
    ])
}

#[test]
fn cli_validate_says_that_all_is_well() {
    shows!(Place::example("quickstart").run(&["validate"]).expect(0));
}

#[test]
fn cli_validate_shows_all_findings_of_all_files_at_once() {
    shows!(broken().run(&["validate"]).expect(3));
}

#[test]
fn cli_validate_gives_findings_as_json_on_stdout() {
    let run = broken().run(&["validate", "--format", "json"]).expect(3);
    let findings: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(findings.as_array().is_some_and(|all| all.len() > 5), "{run}");
    let place = Place::with(&[("team.yaml", &document("KoreTeam", "a", "{ members: [], teams: [b] }"))]);
    shows!(place.run(&["validate", "--format", "json", "team.yaml"]).expect(3));
}

#[test]
fn cli_validate_reads_standard_input() {
    let text = document("KoreAccount", "acme", "{ endpoint: { sandbox: { dataDir: x } }, suspend: 1 }");
    shows!(Place::with(&[]).koreconcile(&["validate", "-"]).input(&text).run().expect(3));
}

#[test]
fn cli_validate_names_a_path_that_is_not_there() {
    shows!(Place::with(&[]).run(&["validate", "acount.yaml"]).expect(3));
}

#[test]
fn cli_validate_wants_to_know_which_account() {
    let place = Place::with(&[("user.yaml", &user("jane", ""))]);
    shows!(place.run(&["validate"]).expect(3));
}
