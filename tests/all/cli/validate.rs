//! `validate`: every finding at once, each with its place and the way out.

use crate::support::served::{document, user};
use crate::support::workspace::{Workspace, shows};

fn broken() -> Workspace {
    Workspace::with(&[
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
fn says_that_all_is_well() {
    shows!(Workspace::example("quickstart").run(&["validate"]).expect(0));
}

#[test]
fn shows_all_findings_of_all_files_at_once() {
    shows!(broken().run(&["validate"]).expect(3));
}

#[test]
fn gives_findings_as_json_on_stdout() {
    let run = broken().run(&["validate", "--format", "json"]).expect(3);
    let findings: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(findings.as_array().is_some_and(|all| all.len() > 5), "{run}");
    let workspace =
        Workspace::with(&[("team.yaml", &document("KoreTeam", "a", "{ members: [], teams: [b] }"))]);
    shows!(workspace.run(&["validate", "--format", "json", "team.yaml"]).expect(3));
}

#[test]
fn reads_standard_input() {
    let text = document("KoreAccount", "acme", "{ endpoint: { sandbox: { dataDir: x } }, suspend: 1 }");
    shows!(Workspace::with(&[]).koreconcile(&["validate", "-"]).input(&text).run().expect(3));
}

#[test]
fn names_a_path_that_is_not_there() {
    shows!(Workspace::with(&[]).run(&["validate", "acount.yaml"]).expect(3));
}

#[test]
fn wants_to_know_which_account() {
    let workspace = Workspace::with(&[("user.yaml", &user("jane", ""))]);
    shows!(workspace.run(&["validate"]).expect(3));
}

#[test]
fn a_wrong_type_comes_with_the_right_form_of_exactly_this() {
    for (field, form) in [
        ("subjects: [jane@example.com]", "write { user: jane@example.com }"),
        ("subjects: [bankers]", "write { team: bankers }"),
        ("subjects: jane@example.com", "write subjects: [jane@example.com]"),
        ("role: Bot Developer", "write role: { type: Bot, name: Bot Developer }"),
        ("role: Master Admin", "write role: { type: Admin, name: Master Admin }"),
        ("absent: [jane@example.com]", "write { user: jane@example.com }"),
    ] {
        let spec = if field.starts_with("role") {
            format!("{{ {field}, bot: B }}")
        } else {
            format!("{{ role: {{ type: Bot, name: R }}, bot: B, {field} }}")
        };
        let workspace = Workspace::with(&[("a.yaml", &document("KoreRoleBinding", "a", &spec))]);
        let run = workspace.run(&["validate"]).expect(3);
        assert!(run.stderr.contains(form), "{field}: {run}");
    }
}

#[test]
fn documents_put_together_are_one_finding() {
    let joined: String = ["jane", "sam", "kim"].map(|name| user(name, "").replace("---\n", "")).concat();
    let workspace = Workspace::with(&[("people.yaml", &joined)]);
    let run = workspace.run(&["validate", "--format", "json"]).expect(3);
    let findings: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let codes: Vec<&str> =
        findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["missing-separator", "no-account"], "{run}");
}
