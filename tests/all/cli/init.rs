//! `init` as a user meets it: a first account file, by flags or by answers.

use crate::support::workspace::Workspace;

const MODELINE: &str = "# yaml-language-server: $schema=manifests.schema.json\n";

#[test]
fn by_flags_it_writes_an_account_and_its_schema() {
    let workspace = Workspace::with(&[]);
    let run = workspace
        .run(&[
            "init",
            "--host",
            "https://platform.example.com",
            "--name",
            "acme",
            "--primary-admin",
            "owner@example.com",
        ])
        .expect(0);
    assert_eq!(run.stdout, "account.yaml\nmanifests.schema.json\n");
    assert!(run.stderr.contains("koreconcile doctor account.yaml"), "{run}");
    let text = std::fs::read_to_string(workspace.path("account.yaml")).unwrap();
    assert!(text.starts_with(MODELINE), "{text}");
    for line in [
        "  name: acme\n",
        "    host: https://platform.example.com\n",
        "      env: KORE_CLIENT_ID\n",
        "    primaryAdmin: owner@example.com\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    workspace.run(&["validate"]).expect(0);
    workspace.run(&["fmt", "--check"]).expect(0);
    let schema = std::fs::read_to_string(workspace.path("manifests.schema.json")).unwrap();
    assert_eq!(schema, workspace.run(&["schema", "manifests"]).stdout);
}

#[test]
fn by_answers_it_leads_to_an_import_and_an_empty_plan() {
    let workspace = Workspace::with(&[]);
    let run = workspace
        .koreconcile(&["init", "--out", "kore/account.yaml"])
        .terminal("acme\n\n\n\n")
        .run()
        .expect(0);
    assert!(run.stderr.contains("Name of the account [kore]: "), "{run}");
    let next = run.stderr.lines().last().unwrap().trim().to_owned();
    assert_eq!(next, "koreconcile import --account-file kore/account.yaml --out kore");
    let words: Vec<&str> = next.split(' ').skip(1).collect();
    workspace.run(&words).expect(0);
    workspace.run(&["plan", "kore", "--exit-code"]).expect(0);
    workspace.run(&["fmt", "--check"]).expect(0);
}

#[test]
fn what_is_there_stays_and_bad_answers_are_refused() {
    let workspace = Workspace::with(&[("account.yaml", "mine")]);
    let run = workspace.run(&["init", "--sandbox", "data"]).expect(3);
    assert!(run.stderr.contains("account.yaml is there already; nothing was written"), "{run}");
    let workspace = Workspace::with(&[]);
    for (args, said) in [
        (&[][..], "there is no terminal to ask on"),
        (&["--host", "http://platform.example.com"], "use https"),
        (&["--sandbox", "data", "--primary-admin", "nobody"], "--primary-admin cannot be nobody"),
        (&["--sandbox", "data", "--name", "No Name"], "Kubernetes would refuse the name"),
        (&["--sandbox", "data", "--host", "https://x.example.com"], "cannot be used with"),
    ] {
        let run = workspace.run(&[&["init"][..], args].concat()).expect(3);
        assert!(run.stderr.contains(said), "{run}");
        assert!(
            !workspace.path("account.yaml").exists() && !workspace.path("manifests.schema.json").exists()
        );
    }
    let run = workspace.koreconcile(&["init"]).terminal("acme\n\u{4}").run().expect(3);
    assert!(run.stderr.contains("nothing was written"), "{run}");
}
