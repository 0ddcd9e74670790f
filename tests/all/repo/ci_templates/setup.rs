//! What is set up once around the jobs: the release that is installed, what is required, who is asked, what waits for whom,
//! and what goes from run to run.

use super::forge::TOKEN;
use super::github::{self, Event, is_wanted};
use super::gitlab::Pipeline;
use super::project::{ARCHIVE, JobResult, Project, Values, parsed, template};
use super::{MASTER_ADMIN, WORKFLOWS, has, meanwhile, merged, proposes, remembers_the_pull_request, wrote};
use crate::support::served::user;
use regex::Regex;
use serde_json::json;
use std::process::Command;

/// Runs lines of shell on a new machine with a clone of `main`.
fn on_a_machine(project: &Project, script: &str, variables: &[(&str, &str)]) -> JobResult {
    let variables: Values =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut ran = JobResult::default();
    project.checkout("main", 0).run(&["bash", "-e", "-c"], script, &variables, &mut ran);
    ran
}

const INSTALL: &str = "ci/koreconcile-ci.sh install";

#[test]
fn install_takes_the_release_and_refuses_what_was_changed() {
    let project = Project::new(&[]);
    let ran = on_a_machine(&project, INSTALL, &[]).expect(0);
    assert!(ran.log.contains(&format!("koreconcile {}", env!("CARGO_PKG_VERSION"))), "{}", ran.log);
    let refuses = |says: &str| {
        project.write("README.md", says);
        project.commit("Another release");
        let ran = on_a_machine(&project, INSTALL, &[]).expect(3);
        assert!(ran.log.contains(says), "{}", ran.log);
    };
    let (url, checksum) = (project.release_url(), project.checksum());
    project.name_release(&url, &"0".repeat(64));
    refuses("is not what sha256 of koreconcile.release says; correct one of the two");
    project.name_release(&url, "");
    refuses("koreconcile.release does not set sha256");
    project.name_release("file:///nowhere", &checksum);
    refuses("cannot be fetched");

    // The archive that this repository names, and the list of the release does not.
    project.name_release(&url, &checksum);
    std::fs::write(project.release("SHA256SUMS"), format!("{}  {ARCHIVE}\n", "0".repeat(64))).unwrap();
    refuses("the signature of the release does not fit");
    let sign = "openssl dgst -sha256 -sign ../key -out SHA256SUMS.sig SHA256SUMS";
    let signed = Command::new("bash").args(["-c", sign]).current_dir(project.release("")).status().unwrap();
    assert!(signed.success());
    refuses("is not in SHA256SUMS of the release, which is signed");
    project.write("ci/koreconcile.pub", "");
    project.commit("Without a key");
    let ran = on_a_machine(&project, INSTALL, &[]).expect(0);
    assert!(ran.log.contains("no signature is checked: there is no "), "{}", ran.log);
}

#[test]
fn a_private_release_is_fetched_with_a_token_once() {
    let project = Project::new(&[]);
    let forge = &project.forge.url;
    let api = format!("{forge}/repos/acme/access/releases/tags/v1");
    project.name_release(&api, &project.checksum());
    project.commit("A private release");
    let asset =
        |name: &str| json!({ "name": name, "url": format!("{forge}/repos/acme/access/assets/{name}") });
    let files = [ARCHIVE, "SHA256SUMS", "SHA256SUMS.sig"];
    project.forge.answer("releases/tags/v1", json!({ "assets": files.map(asset) }).to_string());
    for name in files {
        project.forge.answer(&format!("assets/{name}"), std::fs::read(project.release(name)).unwrap());
    }
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().display().to_string();
    let token = [("KORECONCILE_DOWNLOAD_TOKEN", TOKEN), ("XDG_CACHE_HOME", &cache)];
    let ran = on_a_machine(&project, INSTALL, &token[1..]).expect(3);
    assert!(ran.log.contains("a private release takes KORECONCILE_DOWNLOAD_TOKEN"), "{}", ran.log);
    on_a_machine(&project, INSTALL, &token).expect(0);
    // The next machine has what the first one has kept, and asks nobody.
    on_a_machine(&project, INSTALL, &token[1..]).expect(0);
    let kept = std::fs::read_dir(format!("{cache}/koreconcile")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(kept, "something else").unwrap();
    on_a_machine(&project, INSTALL, &token[1..]).expect(3);
    // The forge that runs the pipeline takes the job's own token.
    let own = [("GITHUB_API_URL", forge.as_str()), ("GITHUB_TOKEN", TOKEN)];
    on_a_machine(&project, INSTALL, &own).expect(0);
    project.forge.answer("releases/tags/v1", json!({ "assets": [] }).to_string());
    let ran = on_a_machine(&project, INSTALL, &own).expect(3);
    assert!(ran.log.contains(&format!("has no file {ARCHIVE}")), "{}", ran.log);
}

#[test]
fn steps_are_named_when_one_is_missing() {
    let project = Project::new(&[]);
    let ran = on_a_machine(&project, "ci/koreconcile-ci.sh", &[]).expect(3);
    assert!(ran.log.contains("error: say which step: install changes gate"), "{}", ran.log);
    let ran = on_a_machine(&project, "ci/koreconcile-ci.sh aply", &[]).expect(3);
    assert!(ran.log.contains("error: there is no step aply; the steps are: install"), "{}", ran.log);
    let ran = on_a_machine(&project, "ci/koreconcile-ci.sh apply", &[]).expect(3);
    assert!(ran.log.contains("error: apply needs the folder to write to"), "{}", ran.log);
}

#[test]
fn an_edit_of_a_readme_plans_nothing_and_the_required_check_is_there() {
    let project = Project::new(&[]);
    project.git(&["switch", "--quiet", "-c", "work"]);
    let touched = |name: &str| {
        project.write(name, "x\n");
        project.commit("An edit");
        let event = Event::pull_request(&project, false);
        let ran = github::run(&project, "koreconcile-plan", "changes", &event).expect(0);
        let touched = ran.outputs["touched"].clone();
        let event = event.with(&[("needs.changes.outputs.touched", &touched)]);
        (touched, is_wanted("koreconcile-plan", "validate", &event))
    };
    assert_eq!(touched("README.md"), ("no".to_owned(), false));
    assert_eq!(touched("access/README.md"), ("yes".to_owned(), true));
    let event = Event::pull_request(&project, false);
    for (results, code) in [
        ("success skipped skipped skipped", 0),
        ("success success success skipped", 0),
        ("success failure skipped skipped", 3),
        ("success success cancelled skipped", 3),
    ] {
        let event = event.clone().with(&[("needs.results", results)]);
        github::run(&project, "koreconcile-plan", "koreconcile", &event).expect(code);
    }
    let jobs = parsed("github/koreconcile-plan.yml")["jobs"].clone();
    let needs = jobs["koreconcile"]["needs"].as_array().unwrap();
    assert_eq!(needs.len() + 1, jobs.as_object().unwrap().len(), "it waits for all others");
}

#[test]
fn a_base_that_is_not_known_counts_as_touched() {
    let project = Project::new(&[]);
    for base in ["", "0000000000000000000000000000000000000000", "1111111111111111111111111111111111111111"] {
        let ran =
            on_a_machine(&project, "ci/koreconcile-ci.sh changes", &[("KORECONCILE_BASE", base)]).expect(0);
        assert!(ran.log.contains("were touched: yes"), "{base}: {}", ran.log);
    }
}

#[test]
fn dependabot_is_planned_without_secrets() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    let wanted =
        |event: &Event| ["plan", "plan-without-secrets"].map(|job| is_wanted("koreconcile-plan", job, event));
    let event = Event::pull_request(&project, false);
    assert_eq!(wanted(&event), [true, false]);
    assert_eq!(wanted(&event.with(&[("github.actor", "dependabot[bot]")])), [false, true]);
    assert_eq!(wanted(&Event::pull_request(&project, true)), [false, true]);
}

#[test]
fn a_merge_queue_is_validated_and_gets_the_required_check() {
    assert!(parsed("github/koreconcile-plan.yml")["on"].as_object().unwrap().contains_key("merge_group"));
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ", builderAcces: Builder"));
    let event = Event::merge_group(&project);
    let ran = github::run(&project, "koreconcile-plan", "changes", &event).expect(0);
    let event = event.with(&[("needs.changes.outputs.touched", &ran.outputs["touched"])]);
    github::run(&project, "koreconcile-plan", "validate", &event).expect(3);
    assert!(["plan", "plan-without-secrets"].iter().all(|job| !is_wanted("koreconcile-plan", job, &event)));
    assert!(is_wanted("koreconcile-plan", "koreconcile", &event));
}

#[test]
fn a_rebase_merge_of_two_commits_is_edited_since_what_main_was() {
    let project = Project::new(&[]);
    let before = project.head("main");
    for name in ["first.hire", "second.hire"] {
        project.write(&format!("access/{name}.yaml"), &user(name, ""));
        project.commit("One of two");
    }
    project.forge.answer(&format!("commits/{}/pulls", project.head("main")), "[]");
    let event = Event::push(&project).with(&[("github.event.before", &before)]);
    let ran = github::run(&project, "koreconcile-apply", "plan", &event).expect(0);
    let edited = ran.summary.find("Edited since").unwrap();
    for name in ["first.hire@", "second.hire@"] {
        assert!(ran.summary.find(name).is_some_and(|at| at > edited), "{}", ran.summary);
    }
    assert!(!ran.summary.contains("Drift"), "{}", ran.summary);
}

#[test]
fn a_plan_that_nobody_would_be_asked_about_is_not_applied_until_it_is_named() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    project.merge();
    project.forge.answer(&format!("commits/{}/pulls", project.head("main")), "[]");
    for rules in
        [r#"{ "protection_rules": [] }"#, r#"{ "protection_rules": [{ "type": "branch_policy" }] }"#, "{}"]
    {
        project.forge.answer("environments/koreconcile-review", rules);
        let ran = github::run(&project, "koreconcile-apply", "plan", &Event::push(&project)).expect(3);
        assert!(ran.summary.contains("has no required reviewers"), "{}", ran.summary);
        assert!(!ran.outputs.contains_key("environment") || ran.outputs["environment"].is_empty());
    }
    let ran = github::run(&project, "koreconcile-apply", "plan", &Event::push(&project)).expect(3);
    let digest = Regex::new("with the digest `([0-9a-f]+)`").unwrap();
    let digest = digest.captures(&ran.summary).unwrap()[1].to_owned();
    let by_hand = |digest: &str| Event::other(&project).with(&[("inputs.digest", digest)]);
    let ran = github::run(&project, "koreconcile-apply", "plan", &by_hand("0000")).expect(3);
    assert!(ran.summary.contains("is not the one that was named, 0000"), "{}", ran.summary);
    let event = by_hand(&digest);
    let ran = github::run(&project, "koreconcile-apply", "plan", &event).expect(0);
    assert!(ran.summary.contains("applied as it was read then"), "{}", ran.summary);
    let event = event.with(&[("needs.plan.outputs.environment", &ran.outputs["environment"])]);
    github::run(&project, "koreconcile-apply", "apply", &event).expect(0);
    assert!(has(&project, "new.hire"));
}

#[test]
fn what_touches_the_account_runs_on_main_and_asks_only_where_somebody_has_to_look() {
    let project = Project::new(&[]);
    let event = Event::other(&project).with(&[("github.ref", "refs/heads/somebodys-branch")]);
    for (workflow, job, environment) in [
        ("koreconcile-apply", "plan", "koreconcile-main"),
        ("koreconcile-drift", "drift", "koreconcile-main"),
        ("koreconcile-adopt", "adopt", "koreconcile-main"),
        ("koreconcile-ended", "ended", "koreconcile"),
    ] {
        assert!(!is_wanted(workflow, job, &event), "{workflow} from another branch");
        assert_eq!(parsed(&format!("github/{workflow}.yml"))["jobs"][job]["environment"], environment);
    }
    assert_eq!(parsed("github/koreconcile-plan.yml")["jobs"]["plan"]["environment"], "koreconcile-plan");
}

#[test]
fn a_second_run_has_the_state_of_the_first_and_no_journal_is_lost() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    let (event, _) = merged(&project, || ());
    github::run(&project, "koreconcile-apply", "apply", &event).expect(0);
    // Run again: the plan is applied already, and the journal of the run that did it is still there.
    let again = event.with(&[("github.run_attempt", "2")]);
    github::run(&project, "koreconcile-apply", "plan", &again).expect(0);
    github::run(&project, "koreconcile-apply", "apply", &again);
    let journals = |name: &str| {
        let files = walkdir::WalkDir::new(project.kept(name)).into_iter().map(Result::unwrap);
        files.filter(|file| file.path().extension().is_some_and(|end| end == "jsonl")).count()
    };
    assert_eq!(journals("koreconcile-journal-1"), 1);
    assert!(journals("koreconcile-journal-2") >= 1, "with what the first has left");
}

#[test]
fn drift_names_a_master_admin_that_nobody_declares_first() {
    let project = Project::new(&[]);
    project.served.account("  ownership: { users: Report, roleBindings: Report }\n");
    project.add_manifests();
    project.commit("What is not declared is reported");
    meanwhile(&project, MASTER_ADMIN);
    github::run(&project, "koreconcile-drift", "drift", &Event::other(&project)).expect(0);
    let text = wrote(&project, "POST issues", "body");
    let at = text.find("Master Admin").unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains("critical") && text.contains("sam@example.com"), "{text}");
    assert!(text[..at].lines().count() < 25, "it is at the top: {text}");
}

#[test]
fn a_snapshot_is_of_this_repository_and_not_of_a_fork() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    remembers_the_pull_request(&project, "none");
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", project.forge.url.as_str()),
        ("GITHUB_REPOSITORY", "acme/access"),
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_OUTPUT", "/dev/stdout"),
    ];
    let ran = on_a_machine(&project, "ci/koreconcile-ci.sh snapshot", &variables).expect(0);
    assert!(ran.log.contains("run-id=11\n"), "the newest is 12, and a fork's: {}", ran.log);
}

#[test]
fn gitlab_merge_request_without_any_secret_is_planned_on_the_snapshot_into_its_log() {
    let project = Project::new(&[]);
    project.forge.answer("user", json!({ "id": 1 }).to_string());
    Pipeline::on_main(&project, "schedule").run(&project, "drift").expect(0);
    let snapshot = std::fs::read(project.kept("drift").join("out/account.snapshot")).unwrap();
    project.forge.answer("jobs/artifacts/main/raw/out/account.snapshot", snapshot);
    project.forge.writes();
    proposes(&project, &user("new.hire", ""));
    let without = [("KORECONCILE_GITLAB_TOKEN", ""), ("CI_JOB_TOKEN", TOKEN)];
    let pipeline = Pipeline::merge_request(&project).untrusted().with(&without);
    let ran = pipeline.run(&project, "plan").expect(0);
    assert!(
        ran.log.contains("new.hire@example.com") && ran.log.contains("no comment is written"),
        "{}",
        ran.log
    );
    assert!(project.forge.writes().is_empty());
}

#[test]
fn gitlab_has_one_pipeline_for_each_push() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    assert!(Pipeline::on_branch(&project).jobs().is_empty(), "its merge request has one");
    assert!(!Pipeline::merge_request(&project).jobs().is_empty());
    let file = parsed("gitlab/.gitlab-ci.yml");
    let changes = file["plan"]["rules"][0]["changes"].as_array().unwrap();
    assert!(changes.contains(&json!("access/**/*")) && !changes.contains(&json!("**/*")), "{changes:?}");
}

#[test]
fn workflows_pin_their_actions_and_ask_for_little() {
    let pinned = Regex::new(r"^actions/[a-z-]+(/[a-z]+)?@[0-9a-f]{40}$").unwrap();
    for name in WORKFLOWS {
        let file = format!("github/{name}.yml");
        let workflow = parsed(&file);
        assert_eq!(workflow["permissions"], json!({}), "{name}: a job says what it needs");
        for (job, says) in workflow["jobs"].as_object().unwrap() {
            let permissions = says["permissions"].as_object().unwrap();
            let writes: Vec<_> = permissions.iter().filter(|(_, level)| *level == "write").collect();
            let expected = match (name, job.as_str()) {
                ("koreconcile-plan", "plan") => vec!["pull-requests"],
                ("koreconcile-drift", _) => vec!["issues"],
                ("koreconcile-adopt", _) => vec!["contents", "pull-requests"],
                // They push the memory.
                ("koreconcile-apply", "apply") | ("koreconcile-ended", _) => vec!["contents"],
                _ => vec![],
            };
            assert_eq!(
                writes.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>(),
                expected,
                "{name} {job}"
            );
            assert!(says["timeout-minutes"].is_number(), "{name} {job}");
            let reads_memory = says["steps"].to_string().contains("KORECONCILE_MEMORY_KEY");
            for step in says["steps"].as_array().unwrap() {
                if let Some(uses) = step["uses"].as_str() {
                    assert!(pinned.is_match(uses), "{uses}");
                    let keeps_token = step["with"]["persist-credentials"] != json!(false);
                    let is_checkout = uses.starts_with("actions/checkout@");
                    assert!(!is_checkout || keeps_token == reads_memory, "{name} {job}");
                }
                let run = step["run"].as_str().unwrap_or_default();
                assert!(
                    !run.contains("${{"),
                    "what others wrote is a variable, never part of a command: {run}"
                );
            }
        }
    }
    // GitHub cancels what waits in a group when one more comes, so only applies wait for each other.
    for (name, job, group) in [
        ("koreconcile-apply", "apply", "koreconcile-acme"),
        ("koreconcile-ended", "ended", "koreconcile-acme-ended"),
        ("koreconcile-drift", "drift", "koreconcile-acme-drift"),
        ("koreconcile-adopt", "adopt", "koreconcile-acme-adopt"),
    ] {
        let concurrency = &parsed(&format!("github/{name}.yml"))["jobs"][job]["concurrency"];
        assert_eq!(*concurrency, json!({ "group": group, "cancel-in-progress": false }), "{name}");
    }
    let gitlab = template("gitlab/.gitlab-ci.yml");
    assert_eq!(gitlab.matches("resource_group: koreconcile-acme\n").count(), 2, "all that write");
    assert_eq!(gitlab.matches("resource_group: koreconcile-acme-drift\n").count(), 2);
}
