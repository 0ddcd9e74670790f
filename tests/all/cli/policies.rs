//! Policies as a user meets them: findings, plans, refusals, tests of policies and the past.

use crate::support::served::document;
use crate::support::workspace::{Run, Workspace};
use serde_json::Value;
use std::process::Command;

const SEPARATION: &str = "{ description: Who builds does not release., severity: high, validationActions: [Deny], \
     exclusive: { roles: [Bot Developer, Release Manager], on: SameBot } }";

/// The quickstart, in which Jane builds and releases.
fn quickstart(policy: &str) -> Workspace {
    let workspace = Workspace::example("quickstart");
    workspace.write("policies.yaml", &document("KorePolicy", "separation", policy));
    workspace
}

#[test]
fn the_examples_are_valid_and_their_tests_pass_cover_and_notice() {
    let workspace = Workspace::example("policies");
    let run = workspace.run(&["validate"]).expect(0);
    assert!(run.stderr.contains("14 manifests are valid"), "{run}");
    let run = workspace.run(&["policy", "test", "--coverage", "--mutate"]).expect(0);
    assert!(run.stdout.ends_with("26 cases passed, 0 failed; 11 policies\n"), "{run}");
}

#[test]
fn validate_shows_the_line_and_the_other_line_that_makes_the_conflict() {
    let workspace = quickstart(SEPARATION);
    let run = workspace.run(&["validate"]).expect(3);
    for shown in [
        "error[policy-denied]: jane.doe@example.com holds Bot Developer on Banking Assistant and Release Manager on \
         Banking Assistant: at most 1 of Bot Developer, Release Manager on Banking Assistant (policy separation, high)",
        "access.yaml:48:7",
        "access.yaml:25:7",
        "with this line",
        "the policy",
        "help: Who builds does not release.",
    ] {
        assert!(run.stderr.contains(shown), "no {shown} in {run}");
    }
    let sarif = workspace.run(&["validate", "--format", "sarif"]).expect(3).stdout;
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"policy-denied".into(), &"error".into()));
    assert_eq!(result["relatedLocations"].as_array().map(Vec::len), Some(2));
    let github = workspace.run(&["validate", "--format", "github"]).expect(3).stdout;
    assert!(github.starts_with("::error file=access.yaml,line=48"), "{github}");
    workspace.edit("policies.yaml", "[Deny]", "[Warn]");
    let run = workspace.run(&["validate"]).expect(0);
    assert!(run.stderr.contains("warning[policy-warned]"), "{run}");
    workspace.edit("policies.yaml", "[Warn]", "[Audit]");
    let idle =
        "{ policy: separation, match: { emails: [kim@example.com] }, expiresAt: 2099-01-01T00:00:00Z }";
    workspace.write("exception.yaml", &document("KorePolicyException", "idle", idle));
    let run = workspace.run(&["validate"]).expect(0);
    assert!(run.stderr.contains("note[policy-audited]"), "{run}");
    assert!(
        run.stderr.contains("warning[exception-unused]: this exception from separation covers nothing"),
        "{run}"
    );
}

#[test]
fn apply_blocks_what_introduces_a_violation_and_sends_the_rest() {
    let workspace = quickstart(SEPARATION);
    let run = workspace.run(&["plan"]).expect(0);
    let denied = "policy separation in policies.yaml:";
    assert!(run.stdout.contains("Blocked (1)") && run.stdout.contains(denied), "{run}");
    assert!(run.stdout.contains("[PolicyDenied]") && run.stdout.contains("Policies: 1 introduced"), "{run}");
    let json: Value =
        serde_json::from_str(&workspace.run(&["plan", "--format", "json"]).expect(0).stdout).unwrap();
    let violation = &json["violations"][0];
    assert_eq!(violation["state"], "introduced");
    assert_eq!(violation["policy"], "separation");
    assert_eq!(violation["changes"].as_array().map(Vec::len), Some(1), "{violation:#}");
    let markdown = workspace.run(&["plan", "--format", "markdown"]).expect(0).stdout;
    assert!(markdown.contains("<b>Policies</b>: 1 introduced"), "{markdown}");
    let redacted = workspace.run(&["plan", "--redact", "--format", "json"]).expect(0).stdout;
    assert!(!redacted.contains("jane.doe@example.com"), "{redacted}");
    let run = workspace.run(&["apply", "--yes"]).expect(6);
    assert!(run.stderr.contains("exit 6: 1 blocked"), "{run}");
    let left = workspace.run(&["plan", "--format", "json"]).expect(0);
    let left: Value = serde_json::from_str(&left.stdout).unwrap();
    let roles: Vec<&Value> =
        left["changes"].as_array().unwrap().iter().map(|change| &change["subject"]).collect();
    assert!(roles.iter().all(|subject| subject.to_string().contains("jane.doe@example.com")), "{roles:?}");
}

#[test]
fn a_saved_plan_is_stale_when_its_policies_change() {
    let workspace = quickstart("{ severity: low, validationActions: [Audit], rule: person.member }");
    workspace.run(&["plan", "--out", "plan.json"]).expect(0);
    workspace.edit("policies.yaml", "Audit", "Deny");
    let run = workspace.run(&["apply", "--yes", "--plan", "plan.json"]).expect(5);
    assert!(run.stderr.contains("plan.json was made under other policies, exceptions or areas"), "{run}");
    workspace.edit("policies.yaml", "Deny", "Audit");
    workspace.run(&["apply", "--yes", "--plan", "plan.json"]).expect(0);
}

#[test]
fn a_policy_with_an_error_ends_a_plan_and_keep_going_does_not_help() {
    let workspace = quickstart("{ validationActions: [Deny], over: Grant, rule: \"grant.rol == 'x'\" }");
    for args in [&["plan"][..], &["plan", "--keep-going"], &["apply", "--yes", "--keep-going"]] {
        let run = workspace.run(args).expect(3);
        assert!(
            run.stderr.contains("error[policy-cel]: policy separation: rule: a grant has no field rol"),
            "{run}"
        );
        assert!(run.stderr.contains("did you mean role?"), "{run}");
        assert!(run.stderr.contains("without its policies nothing is planned"), "{run}");
    }
}

#[test]
fn undo_gives_nothing_back_that_a_policy_denies() {
    let workspace = Workspace::example("quickstart");
    let binding = |subjects: &str| {
        let spec = format!("{{ role: {{ type: Bot, name: Bot Tester }}, bot: HR Assistant, {subjects} }}");
        document("KoreRoleBinding", "extra", &spec)
    };
    workspace.write("extra.yaml", &binding("subjects: [{ user: kim@example.com }]"));
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace.write("extra.yaml", &binding("absent: [{ user: kim@example.com }]"));
    let run = workspace.run(&["apply", "--yes"]).expect(0);
    let journal = run.stderr.split("Journal: ").nth(1).unwrap().lines().next().unwrap().trim().to_owned();
    let nobody = "{ validationActions: [Deny], match: { emails: [kim@example.com] }, allow: {} }";
    workspace.write("policies.yaml", &document("KorePolicy", "gone", nobody));
    let run = workspace.run(&["undo", &journal, "--yes", "."]).expect(6);
    assert!(run.stdout.contains("policy gone in policies.yaml"), "{run}");
    assert!(run.stderr.contains("exit 6: 1 blocked"), "{run}");
}

fn suite(policy: &str, cases: &str) -> Workspace {
    let workspace = Workspace::with(&[("p.yaml", &document("KorePolicy", "p", policy))]);
    let given = "given: [{ kind: KoreUser, spec: { email: kim@example.com } }]";
    let test = document("KorePolicyTest", "t", &format!("{{ {given}, cases: [{cases}] }}"));
    workspace.write("p.test.yaml", &test);
    workspace
}

fn test(workspace: &Workspace, more: &[&str], code: i32) -> Run {
    workspace.run(&[&["policy", "test"], more].concat()).expect(code)
}

const NO_DEVELOPERS: &str = "{ validationActions: [Deny], holders: { roles: [Bot Developer], max: 0 } }";
const BINDING: &str = "{ kind: KoreRoleBinding, spec: { role: { type: Bot, name: Bot Developer }, bot: B, \
     subjects: [{ user: kim@example.com }] } }";

#[test]
fn a_test_names_what_is_missing_and_what_is_too_much() {
    let cases = format!(
        "{{ name: forgotten, change: [{BINDING}], expect: [] }}, {{ name: wrong, change: [{BINDING}], \
         expect: [{{ policy: p, state: existing }}] }}, {{ name: right, change: [{BINDING}], expect: [{{ policy: p }}] }}"
    );
    let workspace = suite(NO_DEVELOPERS, &cases);
    let run = test(&workspace, &[], 3);
    for shown in [
        "FAILED t: forgotten  # ./p.test.yaml\n    found and not expected: p introduced: 1 person holds Bot Developer",
        "FAILED t: wrong  # ./p.test.yaml\n    expected and not found: p existing\n",
        "1 case passed, 2 failed; 1 policy\n",
    ] {
        assert!(run.stdout.contains(shown), "no {shown} in {run}");
    }
    let json: Value = serde_json::from_str(&test(&workspace, &["--format", "json"], 3).stdout).unwrap();
    assert_eq!((&json["passed"], &json["cases"][2]["passed"]), (&false.into(), &true.into()));
    let junit = test(&workspace, &["--format", "junit"], 3).stdout;
    assert!(junit.contains("<testsuite name=\"./p.test.yaml\" tests=\"3\" failures=\"2\">"), "{junit}");
}

#[test]
fn a_case_in_which_no_policy_looks_at_anything_fails() {
    let run = test(&suite(NO_DEVELOPERS, "{ name: idle, expect: [] }"), &[], 3);
    assert!(run.stdout.contains("no policy looked at anything: the case tests nothing"), "{run}");
}

#[test]
fn coverage_wants_both_cases_and_mutation_a_test_that_notices() {
    let fires = format!("{{ name: fires, change: [{BINDING}], expect: [{{ policy: p }}] }}");
    let workspace = suite(NO_DEVELOPERS, &fires);
    test(&workspace, &["--mutate"], 0);
    let run = test(&workspace, &["--coverage"], 3);
    assert!(
        run.stdout.contains("NOT COVERED p: no case in which it looks at something and is kept"),
        "{run}"
    );
    // Both conditions are kept in every case: the second one could say anything.
    let both = "{ validationActions: [Deny], together: { roles: [Bot Tester], needs: [Bot Developer] }, \
         rule: person.email.endsWith('example.com') }";
    let run = test(&suite(both, "{ name: kept, expect: [] }"), &["--coverage", "--mutate"], 3);
    assert!(run.stdout.contains("NOT NOTICED p together"), "{run}");
    assert!(!run.stdout.contains("NOT NOTICED p rule"), "{run}");
    assert!(run.stdout.contains("NOT COVERED p: no case in which it is violated"), "{run}");
}

#[test]
fn a_test_that_cannot_be_run_says_where_and_why() {
    let message = |cases: &str| test(&suite(NO_DEVELOPERS, cases), &[], 3).stderr;
    let said = message("{ name: a, expects: [] }");
    assert!(said.contains("p.test.yaml: ") && said.contains("expects"), "{said}");
    let said = message("{ name: a, expect: [{ policy: p, state: new }] }");
    assert!(said.contains("write introduced, existing or cured"), "{said}");
    let said = message("{ name: a, change: [{ kind: KoreUser, spec: { mail: x } }], expect: [] }");
    assert!(said.contains("case \"a\"") && said.contains("mail"), "{said}");
    let said = message("{ name: a, expect: [] }, { name: a, expect: [] }");
    assert!(said.contains("two cases named"), "{said}");
    let said = message("");
    assert!(said.contains("has no cases"), "{said}");
    let broken = suite("{ validationActions: [Deny], rule: person }", "{ name: a, expect: [] }");
    let said = test(&broken, &[], 3).stderr;
    assert!(said.contains("it is a person, and a boolean is needed"), "{said}");
    let empty = Workspace::with(&[("p.yaml", "")]);
    assert!(test(&empty, &[], 3).stderr.contains("no *.test.yaml file in ."));
    assert!(test(&empty, &["absent"], 3).stderr.contains("absent cannot be used"));
}

#[test]
fn replay_judges_past_commits() {
    let workspace = Workspace::example("quickstart");
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=kim", "-c", "user.email=kim@example.com"])
            .args(args)
            .current_dir(workspace.path(""))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    workspace.edit(
        "access.yaml",
        "    - user: jane.doe@example.com\n    - user: kim.lee@example.com\n",
        "    - user: kim.lee@example.com\n",
    );
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "Begin"]);
    workspace.edit(
        "access.yaml",
        "    - user: kim.lee@example.com\n",
        "    - user: jane.doe@example.com\n    - user: kim.lee@example.com\n",
    );
    git(&["commit", "--quiet", "-am", "Jane releases"]);
    workspace.edit("people.yaml", "firstName: Sam", "firstName: Samuel");
    git(&["commit", "--quiet", "-am", "A name"]);
    workspace.write("policies.yaml", &document("KorePolicy", "separation", SEPARATION));
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "A policy"]);
    let run = workspace.run(&["policy", "replay", "HEAD~3..HEAD"]).expect(0);
    assert!(run.stdout.contains("Jane releases: 1 of 1 refused"), "{run}");
    assert!(run.stdout.ends_with("The policies would have refused 1 of 2 changes in 3 commits.\n"), "{run}");
    let json = workspace.run(&["policy", "replay", "HEAD~3..HEAD", "--format", "json"]).expect(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["changes"], &json["refused"]), (&2.into(), &1.into()));
    let run = workspace.run(&["policy", "replay", "HEAD"]).expect(3);
    assert!(run.stderr.contains("is not a range of commits"), "{run}");
    let run = workspace.run(&["policy", "replay", "gone..HEAD"]).expect(3);
    assert!(run.stderr.contains("gone"), "{run}");
}

#[test]
fn an_existing_violation_has_its_age_where_earlier_applies_remember_it() {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    let admins = "{ severity: high, validationActions: [Warn], over: Grant, match: { roles: [Master Admin] }, \
         rule: 'false', message: nobody is an admin }";
    let separation = document("KorePolicy", "separation", &SEPARATION.replace("Deny", "Warn"));
    let policies = [separation, document("KorePolicy", "admins", admins)].concat();
    workspace.write("policies.yaml", &policies);
    let run = workspace.run(&["plan", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let violations = plan["violations"].as_array().unwrap();
    let since = |who: &str| {
        let found = violations.iter().find(|violation| violation["message"].as_str().unwrap().contains(who));
        found.unwrap_or_else(|| panic!("nothing about {who}: {plan:#}")).get("since").cloned()
    };
    assert!(since("Release Manager on Banking").unwrap().is_string());
    let undeclared = violations.iter().find(|violation| violation["sources"] == serde_json::json!([]));
    assert!(undeclared.expect("the sandbox has other admins").get("since").is_none(), "{plan:#}");
    let text = workspace.run(&["plan"]).expect(0).stdout;
    assert!(
        text.contains("(policy separation, high, Warn, since 20") && text.contains(" or earlier)"),
        "{text}"
    );
    let guarded = "{ validationActions: [Warn], over: Grant, rule: \"grant.since < now\" }";
    workspace.write("policies.yaml", &document("KorePolicy", "young", guarded));
    let run = workspace.run(&["validate"]).expect(3);
    assert!(run.stderr.contains("grant.since may be unknown"), "{run}");
    workspace.edit("policies.yaml", "grant.since < now", "!has(grant.since) || grant.since > now");
    let run = workspace.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("existing: jane.doe@example.com: Bot Developer on Banking"), "{run}");
}

#[test]
fn rules_over_objects_are_tested_like_others() {
    let reasons = "{ validationActions: [Deny], over: Object, match: { kinds: [KoreRoleBinding] }, \
         rule: \"!has(object.spec.subjects) || object.spec.subjects.all(s, has(s.reason))\", message: each subject has a reason }";
    let sound = BINDING.replace("{ user: kim@example.com }", "{ user: kim@example.com, reason: new }");
    let cases = format!(
        "{{ name: silent, change: [{BINDING}], expect: [{{ policy: p, message: 'each subject has a reason' }}] }}, \
         {{ name: said, change: [{sound}], expect: [] }}"
    );
    let workspace = suite(reasons, &cases);
    test(&workspace, &["--coverage", "--mutate"], 0);
    let held = "{ name: there, change: [], expect: [{ policy: p, state: existing }] }".to_owned();
    workspace.edit("p.test.yaml", "given: [", &format!("given: [{BINDING}, "));
    workspace.edit("p.test.yaml", &cases, &held);
    test(&workspace, &[], 0);
}

#[test]
fn a_deadline_is_judged_by_validate_by_tests_and_by_plans() {
    let undeclared = "{ validationActions: [Warn], deadline: 2029-01-01T00:00:00Z, over: Grant, \
         rule: grant.declared, message: no manifest says so }";
    let cases = format!(
        "{{ name: goes, undeclared: [{BINDING}], change: [], expect: [{{ policy: p, state: cured }}] }}, \
         {{ name: said, change: [{BINDING}], expect: [] }}"
    );
    let workspace = suite(undeclared, &cases);
    test(&workspace, &["--coverage"], 0);
    workspace.edit("p.yaml", "2029-01-01", "2031-01-01");
    let run = test(&workspace, &[], 3);
    assert!(run.stdout.contains("found and not expected: p existing"), "{run}");

    let workspace = Workspace::example("quickstart");
    let deadline = SEPARATION.replace("[Deny]", "[Warn], deadline: 2020-01-01T00:00:00Z");
    workspace.write("policies.yaml", &document("KorePolicy", "separation", &deadline));
    let run = workspace.run(&["validate"]).expect(3);
    assert!(run.stderr.contains("error[policy-overdue]"), "{run}");
    assert!(run.stderr.contains("; its deadline was 2020-01-01T00:00:00Z"), "{run}");
    workspace.edit("policies.yaml", "2020-01-01", "2099-01-01");
    workspace.run(&["validate"]).expect(0);
}
