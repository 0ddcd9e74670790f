//! Areas from the manifest to the message: whose approval an effect needs, wherever its line stands.

use crate::support::workspace::{Run, Workspace};
use serde_json::{Value, json};

/// The example, applied, in a repository.
fn example() -> Workspace {
    let workspace = Workspace::example("areas");
    workspace.write(".gitignore", ".koreconcile\n*.json\n");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.git(&["init", "--quiet", "--initial-branch=main"]);
    commit(&workspace);
    workspace
}

fn commit(workspace: &Workspace) -> String {
    workspace.git(&["add", "--all"]);
    workspace.git(&["commit", "--quiet", "--message", "Access"]);
    workspace.git(&["rev-parse", "HEAD"])
}

/// Kim joins the team that both areas give something.
fn kim_joins(workspace: &Workspace) {
    workspace.edit("teams/company.yaml", "[sam@example.com]", "[sam@example.com, kim@example.com]");
}

fn areas(run: &Run) -> Vec<Value> {
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    plan["areas"].as_array().cloned().unwrap_or_default()
}

/// `banking: 1 additions 2`: the area, how many approvals it needs, and its kinds with their effects.
fn told(run: &Run) -> Vec<String> {
    let told = areas(run).into_iter().map(|need| {
        let kinds = need["kinds"].as_array().unwrap().iter().map(|kind| {
            format!("{} {}", kind["kind"].as_str().unwrap(), kind["effects"].as_array().unwrap().len())
        });
        let kinds: Vec<String> = kinds.collect();
        format!("{}: {} {}", need["area"].as_str().unwrap(), need["approvals"], kinds.join(", "))
    });
    told.collect()
}

fn plan(workspace: &Workspace, more: &[&str]) -> Run {
    workspace.run(&[&["plan", "--format", "json"], more].concat()).expect(0)
}

/// What the forge says of a change at a commit: by whom, and by which teams they are owners.
fn approvals(workspace: &Workspace, commit: &str, given: &[(&str, &str)]) {
    let given: Vec<Value> =
        given.iter().map(|(user, team)| json!({ "user": user, "teams": [team], "commit": commit })).collect();
    let file = json!({ "commit": commit, "authors": ["sam"], "approvals": given });
    workspace.write("approvals.json", &file.to_string());
}

#[test]
fn example_is_sound_and_a_shared_team_touches_both_areas() {
    let workspace = example();
    assert_eq!(told(&plan(&workspace, &[])), [""; 0], "nothing has changed");
    kim_joins(&workspace);
    let expected = ["banking: 1 additions 1", "hr: 1 additions 1"];
    assert_eq!(told(&plan(&workspace, &[])), expected, "compared with the last apply");
    assert_eq!(told(&plan(&workspace, &["--base", "HEAD"])), expected, "compared with a revision");
    assert_eq!(told(&plan(&workspace, &["--focus"])), expected, "in a focused plan");
    let text = workspace.run(&["plan"]).expect(0);
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/areas.md")).unwrap();
    let sample = guide.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(text.stdout.contains(sample), "{sample}\n{text}");
    let markdown = workspace.run(&["plan", "--format", "markdown"]).expect(0);
    assert!(markdown.stdout.contains("<b>Approvals by area</b>: 2"), "{markdown}");
    assert!(markdown.stdout.contains("* hr: 1 approval of @acme/hr-leads (1 addition: 1)"), "{markdown}");
    let redacted = plan(&workspace, &["--redact"]);
    assert!(!redacted.stdout.contains("lea.ost@example.com"), "{redacted}");
    assert_eq!(areas(&redacted)[0]["owners"][1], "@acme/banking-leads");
}

#[test]
fn account_without_areas_is_planned_as_before() {
    let workspace = Workspace::example("quickstart");
    let run = plan(&workspace, &[]);
    assert!(!run.stdout.contains("\"areas\""), "{run}");
    workspace.write("approvals.json", r#"{ "commit": "c", "authors": ["sam"], "approvals": [] }"#);
    workspace.run(&["plan", "--approvals", "approvals.json"]).expect(0);
}

#[test]
fn missing_approvals_are_named_and_nothing_is_sent() {
    let workspace = example();
    kim_joins(&workspace);
    let head = commit(&workspace);
    approvals(&workspace, &head, &[("sam", "acme/hr-leads"), ("lea", "acme/banking-leads")]);
    for arguments in
        [&["plan", "--approvals", "approvals.json"][..], &["apply", "--yes", "--approvals", "approvals.json"]]
    {
        let run = workspace.run(arguments).expect(4);
        assert!(
            run.stderr.contains(
                "error: approvals are missing in approvals.json; nothing was sent\n  area hr: 1 approval missing of 1, by @acme/hr-leads\n    the approval of sam does not count: an author of the change\n"
            ),
            "{run}"
        );
        assert!(
            !run.stderr.contains("area banking") && run.stdout.contains("Approvals by area (2)"),
            "{run}"
        );
    }
    assert_eq!(told(&plan(&workspace, &[])).len(), 2, "nothing was sent");

    approvals(&workspace, &head, &[("pat", "acme/hr-leads"), ("lea", "acme/banking-leads")]);
    workspace.run(&["plan", "--approvals", "approvals.json"]).expect(0);
    let exit_code = &["plan", "--approvals", "approvals.json", "--exit-code"];
    workspace.run(exit_code).expect(2);

    // What is not committed was not approved, and neither is what was committed since.
    workspace.edit("teams/company.yaml", "kim@example.com", "jane.doe@example.com");
    let run = workspace.run(&["plan", "--approvals", "approvals.json"]).expect(4);
    assert!(run.stderr.contains("manifests are not committed"), "{run}");
    commit(&workspace);
    let run = workspace.run(&["plan", "--approvals", "approvals.json"]).expect(4);
    assert!(run.stderr.contains("the approvals are for a change at"), "{run}");
    workspace.git(&["reset", "--quiet", "--hard", &head]);
    let run = workspace.run(&["apply", "--yes", "--approvals", "approvals.json"]).expect(0);
    assert!(run.stdout.contains("Done: "), "{run}");
}

#[test]
fn privileged_effects_need_more_and_drift_asks_nobody() {
    let workspace = example();
    // Kim builds: of higher risk than testing. Others of the areas keep what they have.
    workspace.write(
        "admins.yaml",
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreArea\nmetadata: { name: audit }\nspec: { paths: [\"admins/**\"], owners: [\"@audit\"], mayTouch: { roles: [User Manager] }, approvals: { privileged: 3 } }\n",
    );
    workspace.write(
        "admins/one.yaml",
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\nmetadata: { name: none }\nspec: {}\n",
    );
    workspace.edit("account.yaml", "\"access/**/*.yaml\"", "\"access/**/*.yaml\", \"admins/*.yaml\"");
    workspace.run(&["apply", "--yes"]).expect(0);
    let binding = "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata: { name: managers }\nspec: { role: { type: Admin, name: User Manager }, subjects: [{ user: sam@example.com }] }\n";
    workspace.write("managers.yaml", binding);
    assert_eq!(told(&plan(&workspace, &[])), ["audit: 3 privileged 1"], "outside the area's files");
    workspace.run(&["apply", "--yes"]).expect(0);

    // Another writer takes it away: putting it back was approved when it was declared.
    workspace.write(
        "managers.yaml",
        &binding.replace("subjects: [{ user: sam@example.com }]", "absent: [{ user: sam@example.com }]"),
    );
    let run = plan(&workspace, &[]);
    assert_eq!(told(&run), ["audit: 0 removals 1"]);
    let elsewhere = ["apply", "--yes", "--state-dir", "elsewhere"];
    workspace.run(&elsewhere).expect(0);
    workspace.write("managers.yaml", binding);
    let run = plan(&workspace, &[]);
    assert!(run.stdout.contains("\"action\": \"add\""), "{run}");
    assert_eq!(told(&run), [""; 0], "{run}");
}

#[test]
fn changed_area_is_judged_by_what_it_was() {
    let workspace = example();
    let stolen =
        [("lea.ost@example.com, \"@acme/banking-leads\"", "\"@sam\""), ("privileged: 2", "privileged: 0")];
    for (from, to) in stolen {
        workspace.edit("areas.yaml", from, to);
    }
    for more in [&[][..], &["--base", "HEAD"]] {
        let run = plan(&workspace, more);
        assert_eq!(told(&run), ["banking: 2 privileged 1"]);
        assert_eq!(areas(&run)[0]["owners"], json!(["lea.ost@example.com", "@acme/banking-leads"]), "{run}");
    }
    let text = workspace.run(&["plan"]).expect(0);
    let line = "= area banking: owners are @sam instead of lea.ost@example.com, @acme/banking-leads; approvals are 1 of additions, 0 of removals, 0 of what is privileged instead of 1 of additions, 0 of removals, 2 of what is privileged";
    assert!(text.stdout.contains(line), "{text}");

    // Who takes the bots of another area asks its owners.
    workspace.git(&["checkout", "--quiet", "--", "."]);
    workspace.edit("areas.yaml", "bots: [\"HR *\"]", "bots: [\"HR *\", \"Banking *\"]");
    assert_eq!(told(&plan(&workspace, &[])), ["banking: 2 privileged 1", "hr: 1 privileged 1"]);
    workspace.git(&["checkout", "--quiet", "--", "."]);
    let all = std::fs::read_to_string(workspace.path("areas.yaml")).unwrap();
    workspace.write("areas.yaml", all.split_once("\n---\n").unwrap().0);
    let gone = workspace.run(&["plan"]).expect(0);
    assert!(gone.stdout.contains("= area hr is gone"), "{gone}");
    assert_eq!(told(&plan(&workspace, &[])), ["hr: 1 privileged 1"]);
}

#[test]
fn hand_over_takes_both_sides() {
    let workspace = example();
    let jane = "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane.doe@example.com }\n";
    workspace.write("access/banking/jane.yaml", jane);
    workspace.run(&["apply", "--yes"]).expect(0);
    commit(&workspace);
    std::fs::rename(workspace.path("access/banking/jane.yaml"), workspace.path("access/hr/jane.yaml"))
        .unwrap();
    for more in [&[][..], &["--base", "HEAD"]] {
        let run = plan(&workspace, more);
        assert_eq!(told(&run), ["banking: 1 additions 1", "hr: 1 additions 1"], "{run}");
        assert!(run.stdout.contains("1 fact moves from area banking to area hr"), "{run}");
    }
    // Out of every area: only the side that loses it is there.
    std::fs::rename(workspace.path("access/hr/jane.yaml"), workspace.path("jane.yaml")).unwrap();
    assert_eq!(told(&plan(&workspace, &[])), ["banking: 1 additions 1"]);
}

#[test]
fn saved_plan_keeps_its_areas_and_is_stale_under_others() {
    let workspace = example();
    kim_joins(&workspace);
    let head = commit(&workspace);
    workspace.run(&["plan", "--out", "plan.sealed.json"]).expect(0);
    approvals(&workspace, &head, &[("lea", "acme/banking-leads")]);
    let apply = ["apply", "--yes", "--plan", "plan.sealed.json", "--approvals", "approvals.json"];
    let run = workspace.run(&apply).expect(4);
    assert!(run.stderr.contains("area hr: 1 approval missing of 1"), "{run}");
    workspace.edit("areas.yaml", "\"@acme/hr-leads\"", "\"@sam\"");
    let run = workspace.run(&apply).expect(5);
    assert!(run.stderr.contains("made under other policies, exceptions or areas"), "{run}");
}

#[test]
fn file_of_approvals_that_says_too_little_is_refused() {
    let workspace = example();
    for (text, why) in [
        ("{", "EOF while parsing"),
        (r#"{ "commit": "c", "authors": [" "], "approvals": [] }"#, "authors is empty"),
        (
            r#"{ "commit": "c", "authors": ["sam"], "approvals": [{ "user": "kim" }] }"#,
            "the approval of kim has neither commit nor digest",
        ),
        (
            r#"{ "commit": "c", "authors": ["sam"], "approvals": [], "approved": true }"#,
            "unknown field `approved`",
        ),
    ] {
        workspace.write("approvals.json", text);
        let run = workspace.run(&["plan", "--approvals", "approvals.json"]).expect(3);
        assert!(run.stderr.contains(why) && run.stderr.contains("docs/guides/areas.md"), "{why}: {run}");
    }
    let run = workspace.run(&["plan", "--approvals", "none.json"]).expect(3);
    assert!(run.stderr.contains("none.json cannot be used"), "{run}");
}

#[test]
fn codeowners_is_written_beside_what_people_wrote_and_checked() {
    let workspace = example();
    let run = workspace.run(&["owners", "codeowners", "--check"]).expect(2);
    assert!(run.stderr.contains("CODEOWNERS is not what the areas say"), "{run}");
    assert!(!workspace.path("CODEOWNERS").exists());
    workspace.write(".github/CODEOWNERS", "* @acme/everybody\n");
    workspace.run(&["owners", "codeowners"]).expect(0);
    let written = std::fs::read_to_string(workspace.path(".github/CODEOWNERS")).unwrap();
    insta::assert_snapshot!(written, @r"
    * @acme/everybody

    # BEGIN koreconcile: areas (written by `koreconcile owners codeowners`; edit the KoreAreas instead)
    /access/banking/** lea.ost@example.com @acme/banking-leads
    /access/hr/** @acme/hr-leads
    # END koreconcile
    ");
    workspace.run(&["owners", "codeowners", "--check"]).expect(0);
    workspace.edit("areas.yaml", "\"@acme/hr-leads\"", "\"@acme/people\"");
    workspace.run(&["owners", "codeowners", "--check"]).expect(2);

    // The same from outside of the folder, into a file of one's own, and what cannot be written.
    workspace.run(&["owners", "codeowners", "--file", "OWNERS", "."]).expect(0);
    assert!(workspace.path("OWNERS").exists());
    workspace.edit("areas.yaml", "access/hr/**", "access/{hr,people}/**");
    let run = workspace.run(&["owners", "codeowners"]).expect(3);
    assert!(run.stderr.contains("hr: CODEOWNERS cannot say access/{hr,people}/**"), "{run}");
    workspace.edit("areas.yaml", "access/{hr,people}/**", "access/hr/**");
    workspace.write(".github/CODEOWNERS", "# BEGIN koreconcile\n/a @a\n");
    let run = workspace.run(&["owners", "codeowners"]).expect(3);
    assert!(run.stderr.contains("the block of koreconcile has no end, or there are two: line 1"), "{run}");
    let account = std::fs::read_to_string(workspace.path("account.yaml")).unwrap();
    let piped = workspace.koreconcile(&["owners", "codeowners", "-"]).input(&account).run().expect(3);
    assert!(piped.stderr.contains("paths of areas are relative to the file of the account"), "{piped}");
}
