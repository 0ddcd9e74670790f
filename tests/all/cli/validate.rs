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
        ("subjects: jane@example.com", "write subjects: [{ user: jane@example.com }]"),
        ("subjects: { user: jane@example.com }", "write subjects: [{ user: jane@example.com }]"),
        ("subjects: {}", "write subjects: []"),
        ("subjects: [[jane@example.com]]", "write { user: jane@example.com }"),
        ("role: [Bot Developer]", "write role: { type: Bot, name: Bot Developer }"),
        ("role: [{ type: Bot }, { name: Analyst }]", "write role: { type: Bot, name: Analyst }"),
        ("bot: [Banking]", "write bot: Banking"),
        ("bot: { name: \"Banking: EU\" }", "write bot: \"Banking: EU\""),
        ("role: Bot Developer", "write role: { type: Bot, name: Bot Developer }"),
        ("role: Master Admin", "write role: { type: Admin, name: Master Admin }"),
        ("absent: [jane@example.com]", "write { user: jane@example.com }"),
    ] {
        let spec = if field.starts_with("role") {
            format!("{{ {field}, bot: B }}")
        } else if field.starts_with("bot") {
            format!("{{ role: {{ type: Bot, name: R }}, {field} }}")
        } else {
            format!("{{ role: {{ type: Bot, name: R }}, bot: B, {field} }}")
        };
        let workspace = Workspace::with(&[("a.yaml", &document("KoreRoleBinding", "a", &spec))]);
        let run = workspace.run(&["validate"]).expect(3);
        assert!(run.stderr.contains(form), "{field}: {run}");
    }
}

#[test]
fn a_wrong_type_of_other_kinds_comes_with_the_right_form_too_and_never_with_a_secret() {
    for (kind, spec, form) in [
        ("KoreTeam", "{ members: {} }", "write members: []"),
        ("KoreTeam", "{ members: jane@example.com }", "write members: [jane@example.com]"),
        ("KoreTeam", "{ members: [{ user: jane@example.com }] }", "write jane@example.com"),
        ("KoreTeam", "{ members: { user: jane@example.com } }", "write members: [jane@example.com]"),
        ("KoreUser", "jane@example.com", "write spec: { email: jane@example.com }"),
        (
            "KoreUser",
            "[{ email: jane@example.com }, { state: Absent }]",
            "write spec: { email: jane@example.com, state: Absent }",
        ),
        (
            "KoreRole",
            "{ type: Bot, name: X, permissions: [Dashboard, Analyze] }",
            "write permissions: { Dashboard: …, Analyze: … }",
        ),
        (
            "KoreRole",
            "{ type: Bot, name: X, permissions: [Dashboard: YES] }",
            "write permissions: { Dashboard: YES }",
        ),
        (
            "KoreAccount",
            "{ endpoint: \"https://kore.example.com\" }",
            "write endpoint: { host: \"https://kore.example.com\" }",
        ),
        // Nothing of these is shown again.
        ("KoreAccount", "[{ credentials: hunter2 }]", "write key: value pairs below it"),
        ("KoreAccount", "{ endpoint: [{ clientSecret: hunter2 }] }", "write key: value pairs below it"),
        ("KoreTeam", "{ members: [{ a: 1, b: 2 }] }", "write one value"),
    ] {
        let workspace = Workspace::with(&[("a.yaml", &document(kind, "a", spec))]);
        let run = workspace.run(&["validate"]).expect(3);
        assert!(run.stderr.contains(form), "{kind} {spec}: {run}");
        let help: String = run.stderr.lines().filter(|line| line.contains("= help")).collect();
        assert!(!help.contains("hunter2"), "{run}");
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

/// Codes, lines and hints of what `validate` finds in one file.
fn found(text: &str) -> Vec<(String, u64, String)> {
    let workspace = Workspace::with(&[("a.yaml", text)]);
    let run = workspace.run(&["validate", "--format", "json"]).expect(3);
    let findings: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let one = |finding: &serde_json::Value| {
        (text(&finding["code"]), finding["line"].as_u64().unwrap_or_default(), text(&finding["hint"]))
    };
    findings.as_array().unwrap().iter().map(one).collect()
}

const ACCOUNT_BESIDE: &str = "---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec: { endpoint: { sandbox: { dataDir: x } } }
";

#[test]
fn documents_without_a_line_between_them_are_one_finding_in_any_order_of_keys() {
    let separate =
        "write --- on a line of its own before each document, and put a line end behind the last one";
    for (text, line) in [
        (
            "kind: KoreTeam\napiVersion: koreconcile.dev/v1alpha1\nspec: { members: [] }\nmetadata: { name: a }\n\
             kind: KoreTeam\nspec: { members: [] }\nmetadata: { name: b }\napiVersion: koreconcile.dev/v1alpha1\n\
             metadata: { name: c }\nspec: { members: [] }\nkind: KoreTeam\napiVersion: koreconcile.dev/v1alpha1\n",
            5,
        ),
        (
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreAccount\nmetadata: { name: a }\n\
             spec: { endpoint: { sandbox: { dataDir: x } } }\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\n\
             metadata: { name: b }\nspec: { members: [] }\n",
            5,
        ),
    ] {
        let text =
            if text.contains("KoreAccount") { text.to_owned() } else { format!("{text}{ACCOUNT_BESIDE}") };
        assert_eq!(found(&text), [("missing-separator".to_owned(), line, separate.to_owned())], "{text}");
    }
}

#[test]
fn a_separator_that_is_none_is_named() {
    for separator in [" ---", "  ---", "--", "----", "\u{2014}\u{2014}"] {
        let team = |name: &str| {
            format!(
                "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\nmetadata:\n  name: {name}\nspec:\n  members: []\n"
            )
        };
        let text = format!("{}{separator}\n{}{ACCOUNT_BESIDE}", team("a"), team("b"));
        let hint = "if a document begins behind this line, write --- here: three dashes, without a blank before them";
        assert_eq!(found(&text), [("syntax".to_owned(), 7, hint.to_owned())], "{text}");
    }
}

#[test]
fn lost_indentation_is_one_finding() {
    for (text, line, hint) in [
        (
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\nmetadata:\nname: a\nspec:\nmembers:\n- a@example.com\n",
            4,
            "indent the lines below metadata: by two blanks",
        ),
        (
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\nmetadata: { name: a }\nspec:\nmembers:\n- a@example.com\n",
            5,
            "indent the lines below spec: by two blanks",
        ),
        (
            "kind: KoreUser\nmetadata:\n  name: a\nspec:\nemail: a@example.com\nstate: Absent\napiVersion: koreconcile.dev/v1alpha1\n",
            5,
            "indent the lines below spec: by two blanks",
        ),
    ] {
        let text = format!("{text}{ACCOUNT_BESIDE}");
        assert_eq!(found(&text), [("header".to_owned(), line, hint.to_owned())], "{text}");
    }
}
