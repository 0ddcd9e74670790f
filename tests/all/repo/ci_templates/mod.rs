//! The templates of `examples/ci`, step by step as their systems run them: against a served account and a forge on
//! loopback, each job on a fresh clone.

mod approvals;
mod forge;
mod github;
mod gitlab;
mod project;
mod setup;

use crate::support::served::{document, user};
use github::{Event, is_wanted};
use gitlab::Pipeline;
use jiff::{SignedDuration, Timestamp};
use project::{JobResult, Project, parsed};
use serde_json::{Value, json};

const MARKER: &str = "<!-- koreconcile:plan account=acme -->\n";
const WORKFLOWS: [&str; 5] =
    ["koreconcile-plan", "koreconcile-apply", "koreconcile-ended", "koreconcile-drift", "koreconcile-adopt"];

/// Declares `new.hire` on the branch `work`.
fn proposes(project: &Project, manifests: &str) {
    project.git(&["switch", "--quiet", "-c", "work"]);
    project.write("access/main.yaml", manifests);
    project.commit("Somebody new");
}

/// A manifest that renames Kim.
fn kim(first_name: &str) -> String {
    user("kim", &format!(", firstName: {first_name}"))
}

/// Somebody does this to the account meanwhile, by other manifests.
fn meanwhile(project: &Project, manifests: &str) {
    project.served.workspace.write("main.yaml", manifests);
    project.served.run(&["apply", "--yes"]).expect(0);
}

fn has(project: &Project, who: &str) -> bool {
    project.served.server.truth()["users"][format!("{who}@example.com")].is_object()
}

fn first_name_of_kim(project: &Project) -> Value {
    project.served.server.truth()["users"]["kim@example.com"]["first_name"].clone()
}

/// The one write since the last time: what, and the text in it.
#[track_caller]
fn wrote(project: &Project, what: &str, field: &str) -> String {
    let writes = project.forge.writes();
    let [write] = writes.as_slice() else { panic!("not one write: {writes:#?}") };
    assert_eq!(write.what, what);
    let text = write.body[field].as_str().unwrap();
    assert!(text.starts_with(MARKER), "{text}");
    text.to_owned()
}

/// The one request that was opened since the last time: the text in it.
#[track_caller]
fn proposed(project: &Project, what: &str, field: &str) -> String {
    let writes = project.forge.writes();
    let [write] = writes.as_slice() else { panic!("not one write: {writes:#?}") };
    assert_eq!(write.what, what);
    write.body[field].as_str().unwrap().to_owned()
}

/// Sam is Master Admin.
const MASTER_ADMIN: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: admins }
spec:
  role: { type: Admin, name: Master Admin }
  subjects: [{ user: sam@example.com }]
";

/// GitHub knows the pull request and the plan that its run has left.
fn remembers_the_pull_request(project: &Project, head: &str) {
    let pulls = json!([{ "merged_at": "2026-06-01T12:00:00Z", "head": { "sha": head } }]);
    project.forge.answer(&format!("commits/{}/pulls", project.head("main")), pulls.to_string());
    let run = |id: u64, from: u64, expired: bool| {
        let run = json!({ "id": id, "repository_id": 1, "head_repository_id": from });
        json!({ "expired": expired, "created_at": format!("2026-06-01T12:00:{id}Z"), "workflow_run": run })
    };
    let artifacts = json!({ "artifacts": [run(10, 1, true), run(11, 1, false), run(12, 2, false)] });
    project.forge.answer("actions/artifacts", artifacts.to_string());
}

/// Plans the pull request, merges it, and runs the first job after that.
fn merged(project: &Project, between: impl FnOnce()) -> (Event, JobResult) {
    let event = Event::pull_request(project, false);
    github::run(project, "koreconcile-plan", "plan", &event).expect(0);
    let head = project.head("work");
    between();
    project.merge();
    remembers_the_pull_request(project, &head);
    let event = Event::push(project);
    let ran = github::run(project, "koreconcile-apply", "plan", &event).expect(0);
    let environment = &ran.outputs["environment"];
    (event.with(&[("needs.plan.outputs.environment", environment)]), ran)
}

#[test]
fn github_pull_request_is_validated_planned_and_has_one_comment() {
    let project = Project::new(&[]);
    project.forge.has("issues/7/comments", json!({ "id": 1, "user": { "type": "User" }, "body": MARKER }));
    proposes(&project, &user("new.hire", ""));
    let event = Event::pull_request(&project, false);
    let ran = github::run(&project, "koreconcile-plan", "validate", &event).expect(0);
    assert_eq!(ran.summary, "");
    let ran = github::run(&project, "koreconcile-plan", "plan", &event).expect(0);
    let text = wrote(&project, "POST issues/7/comments", "body");
    assert!(text.contains("Edited since `HEAD^1`") && text.contains("new.hire@example.com"), "{text}");
    assert_eq!(ran.summary, text, "the summary says the same");
    let first = std::fs::read(
        project.kept(&format!("koreconcile-plan-{}", project.head("work"))).join("plan.sealed"),
    );
    assert!(first.unwrap().starts_with(b"{"));

    // The next push: the same comment, with the new plan.
    project.write("access/main.yaml", &(user("new.hire", "") + user("second.hire", "").as_str()));
    project.commit("One more");
    let event = Event::pull_request(&project, false);
    github::run(&project, "koreconcile-plan", "plan", &event).expect(0);
    let text = wrote(&project, "PATCH issues/comments/1001", "body");
    assert!(text.contains("second.hire@example.com"), "{text}");
    assert!(!has(&project, "new.hire"), "a plan writes nothing");
}

#[test]
fn github_invalid_manifests_are_annotated_and_stop_the_pipeline() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ", builderAcces: Builder"));
    let event = Event::pull_request(&project, false);
    let ran = github::run(&project, "koreconcile-plan", "validate", &event).expect(3);
    assert!(ran.log.contains("::error file=access/main.yaml,line=5,"), "{}", ran.log);
    assert_eq!(parsed("github/koreconcile-plan.yml")["jobs"]["plan"]["needs"], "validate");
}

#[test]
fn github_pull_request_that_adds_the_account_is_planned_without_base() {
    let project = Project::empty(&[user("new.hire", "")]);
    project.git(&["switch", "--quiet", "-c", "work"]);
    project.add_manifests();
    project.commit("The account as it is");
    let event = Event::pull_request(&project, false);
    let ran = github::run(&project, "koreconcile-plan", "plan", &event).expect(0);
    assert!(ran.log.contains("HEAD^1 declares no KoreAccount under access yet"), "{}", ran.log);
    assert!(
        ran.summary.contains("new.hire@example.com") && !ran.summary.contains("Drift"),
        "{}",
        ran.summary
    );
}

#[test]
fn github_pull_request_from_a_fork_is_planned_on_the_snapshot_without_secrets() {
    let project = Project::new(&[]);
    github::run(&project, "koreconcile-drift", "drift", &Event::other(&project)).expect(0);
    project.forge.writes();
    remembers_the_pull_request(&project, "none");
    proposes(&project, &user("new.hire", ""));
    let event = Event::pull_request(&project, true);
    assert!(!is_wanted("koreconcile-plan", "plan", &event), "it would not see the secrets");
    let calls = project.served.server.calls("bots");
    let ran = github::run(&project, "koreconcile-plan", "plan-without-secrets", &event).expect(0);
    assert!(
        ran.summary.contains("new.hire@example.com") && ran.summary.contains("snapshot of "),
        "{}",
        ran.summary
    );
    assert_eq!(project.served.server.calls("bots"), calls, "no call");
    assert!(project.forge.writes().is_empty(), "and no comment: a fork may not write one");
}

#[test]
fn github_merge_applies_the_approved_plan_and_nothing_else() {
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kim"));
    proposes(&project, &(kim("Kim") + user("new.hire", "").as_str()));
    // Kim is renamed in the console after the approval: not part of what was approved.
    let (event, ran) = merged(&project, || meanwhile(&project, &kim("Kimberly")));
    assert!(ran.summary.contains("approved with the pull request"), "{}", ran.summary);
    assert_eq!(ran.outputs["environment"], "koreconcile");
    let ran = github::run(&project, "koreconcile-apply", "apply", &event).expect(0);
    assert!(
        ran.summary.contains("### Apply: exit code 0") && ran.summary.contains("1 applied"),
        "{}",
        ran.summary
    );
    assert!(has(&project, "new.hire"));
    assert_eq!(first_name_of_kim(&project), "Kimberly");
    let journals =
        walkdir::WalkDir::new(project.kept("koreconcile-journal-1")).into_iter().map(Result::unwrap);
    let journals = journals.filter(|file| file.path().extension().is_some_and(|end| end == "jsonl")).count();
    assert_eq!(journals, 1, "undo needs it");
}

#[test]
fn github_merge_after_another_merge_waits_for_a_review() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    let (event, ran) = merged(&project, || {
        project.git(&["switch", "--quiet", "main"]);
        project.write("access/other.yaml", &user("second.hire", ""));
        project.commit("Merged before");
    });
    assert!(ran.summary.contains("Something else was merged"), "{}", ran.summary);
    assert_eq!(ran.outputs["environment"], "koreconcile-review");
    // The reviewer has agreed: the new plan has both.
    github::run(&project, "koreconcile-apply", "apply", &event).expect(0);
    assert!(has(&project, "new.hire") && has(&project, "second.hire"));
}

#[test]
fn github_merge_without_an_approved_plan_waits_for_a_review() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    project.merge();
    project.forge.answer(&format!("commits/{}/pulls", project.head("main")), "[]");
    let ran = github::run(&project, "koreconcile-apply", "plan", &Event::push(&project)).expect(0);
    assert!(ran.summary.contains("No plan was approved"), "{}", ran.summary);
    assert_eq!(ran.outputs["environment"], "koreconcile-review");
    // By hand nobody asks for an approved plan; with nothing to do there is nothing to review.
    meanwhile(&project, &user("new.hire", ""));
    let ran = github::run(&project, "koreconcile-apply", "plan", &Event::other(&project)).expect(0);
    assert!(ran.summary.contains("There is nothing to apply."), "{}", ran.summary);
    assert_eq!(ran.outputs["environment"], "koreconcile");
}

#[test]
fn github_summary_says_what_an_exit_code_means_and_what_to_do() {
    // Everything was overtaken: 5.
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kim"));
    proposes(&project, &kim("Kimmy"));
    let (event, _) = merged(&project, || meanwhile(&project, &kim("Kimberly")));
    let ran = github::run(&project, "koreconcile-apply", "apply", &event).expect(5);
    assert!(
        ran.summary.contains("exit code 5\n\nnothing was sent: every change of the plan was stale"),
        "{}",
        ran.summary
    );
    assert_eq!(first_name_of_kim(&project), "Kimberly");

    // A part was: 6.
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kim"));
    proposes(&project, &(kim("Kimmy") + user("new.hire", "").as_str()));
    let (event, _) = merged(&project, || meanwhile(&project, &kim("Kimberly")));
    let ran = github::run(&project, "koreconcile-apply", "apply", &event).expect(6);
    assert!(ran.summary.contains("exit code 6\n\nsomething declared is not in place"), "{}", ran.summary);
    assert!(ran.summary.contains("stale, not sent: the account shows"), "{}", ran.summary);
    assert!(has(&project, "new.hire"));

    // A guard refuses: 4.
    let project = Project::new(&[]);
    project.served.account("  safety: { maxRemovals: 0 }\n");
    project.add_manifests();
    project.commit("Careful");
    proposes(&project, &document("KoreUser", "kim", "{ email: kim@example.com, state: Absent }"));
    let (event, _) = merged(&project, || ());
    let ran = github::run(&project, "koreconcile-apply", "apply", &event).expect(4);
    assert!(ran.summary.contains("exit code 4\n\na guard refused"), "{}", ran.summary);
    assert!(ran.summary.contains("1 removal, 0 allowed"), "{}", ran.summary);
    assert!(has(&project, "kim"));
}

#[test]
fn github_drift_opens_one_issue_updates_it_and_closes_it() {
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kimberly"));
    let event = Event::other(&project);
    let check = || github::run(&project, "koreconcile-drift", "drift", &event).expect(0);
    // A pull request whose description begins with a comment of ours is no issue.
    let other = json!({ "id": 1, "user": { "type": "Bot" }, "body": MARKER, "pull_request": {} });
    project.forge.has("issues", other);
    for number in 2..150 {
        project.forge.has("issues", json!({ "id": number, "user": { "type": "User" }, "body": null }));
    }
    check();
    let text = wrote(&project, "POST issues", "body");
    assert!(text.contains("name Kimberly Kaya -> Kim"), "{text}");
    assert!(project.keeps("koreconcile-snapshot"));
    meanwhile(&project, &kim("Kimmy"));
    check();
    let text = wrote(&project, "PATCH issues/1149", "body");
    assert!(text.contains("name Kimmy Kaya -> Kim"), "{text}");
    meanwhile(&project, &kim("Kim"));
    check();
    let writes = project.forge.writes();
    assert_eq!((writes.len(), writes[0].what.as_str()), (1, "PATCH issues/1149"));
    assert_eq!(writes[0].body["state"], "closed");
    check();
    assert!(project.forge.writes().is_empty(), "nothing to say");
}

#[test]
fn github_adopt_opens_one_pull_request_and_never_adopts_what_is_critical() {
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kimberly"));
    meanwhile(&project, MASTER_ADMIN);
    let event = Event::other(&project);
    let job = || github::run(&project, "koreconcile-adopt", "adopt", &event).expect(0);
    let ran = job();
    let text = proposed(&project, "POST pulls", "body");
    assert!(text.contains("Kim -> Kimberly Kaya"), "{text}");
    let (_, adopted) = text.split_once("### Adopted by this change").unwrap();
    assert!(text.starts_with("### Critical: revert") && !adopted.contains("Master Admin"), "{text}");
    assert_eq!(ran.summary, text);
    let main = project.git(&["show", "koreconcile/adopt:access/main.yaml"]);
    assert!(main.contains("firstName: Kimberly") && !main.contains("Master Admin"), "{main}");
    job();
    let writes = project.forge.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(writes[0].what.starts_with("PATCH pulls/"), "{writes:?}");
}

#[test]
fn gitlab_adopt_opens_one_merge_request() {
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kimberly"));
    let pipeline = || Pipeline::on_main(&project, "schedule").with(&[("KORECONCILE_ADOPT", "yes")]);
    pipeline().run(&project, "adopt").expect(0);
    let text = proposed(&project, "POST merge_requests", "description");
    assert!(text.contains("Kim -> Kimberly Kaya"), "{text}");
    pipeline().run(&project, "adopt").expect(0);
    let writes = project.forge.writes();
    assert!(writes.len() == 1 && writes[0].what.starts_with("PUT merge_requests/"), "{writes:?}");
}

#[test]
fn gitlab_pipelines_have_the_jobs_of_their_occasion() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    let jobs = |pipeline: Pipeline| pipeline.jobs();
    let named = |jobs: &[(&str, &str)]| -> Vec<(String, String)> {
        jobs.iter().map(|(name, when)| ((*name).to_owned(), (*when).to_owned())).collect()
    };
    assert_eq!(
        jobs(Pipeline::merge_request(&project)),
        named(&[("validate", "on_success"), ("plan", "on_success")])
    );
    let after = named(&[
        ("plan merged", "on_success"),
        ("apply approved", "on_success"),
        ("apply reviewed", "manual"),
    ]);
    assert_eq!(jobs(Pipeline::on_main(&project, "push")), after);
    assert_eq!(jobs(Pipeline::on_main(&project, "web")), after);
    assert_eq!(jobs(Pipeline::on_main(&project, "schedule")), named(&[("drift", "on_success")]));
    assert_eq!(jobs(Pipeline::ending(&project)), named(&[("ended", "on_success")]));
}

/// Sam is an analyst until an end that has passed: applied on one machine, which is gone.
fn has_ended(project: &Project) {
    project.served.account("  memory: { reference: refs/koreconcile/acme }\n");
    project.add_manifests();
    for seconds in [6, 20, 60, 180] {
        let end = Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        let subject =
            format!("{{ user: sam@example.com, expiresAt: \"{}\" }}", end.strftime("%Y-%m-%dT%H:%M:%SZ"));
        let spec =
            format!("{{ role: {{ type: Bot, name: Analyst }}, bot: Travel Desk, subjects: [{subject}] }}");
        project.write("access/main.yaml", &document("KoreRoleBinding", "analysts", &spec));
        project.commit("For a while");
        let mut ran = JobResult::default();
        let apply =
            "PATH=\"$HOME/.local/bin:$PATH\"\nci/koreconcile-ci.sh install\nkoreconcile apply --yes access";
        project.checkout("main", 100).run(&["bash", "-e", "-c"], apply, &project.settings(), &mut ran);
        if is_analyst(project) {
            ran.expect(0);
            while Timestamp::now() <= end {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            return;
        }
    }
    panic!("an apply takes longer than three minutes");
}

fn is_analyst(project: &Project) -> bool {
    let roles = &project.served.server.truth()["users"]["sam@example.com"]["bot_roles"];
    roles.as_array().unwrap().iter().any(|held| held[0] == "Analyst")
}

#[test]
fn github_ends_what_has_ended_every_hour_and_nothing_else() {
    let project = Project::new(&[]);
    has_ended(&project);
    project.write("access/people.yaml", &user("new.hire", ""));
    project.commit("Not applied yet");
    let event = Event::other(&project);
    let ran = github::run(&project, "koreconcile-ended", "ended", &event).expect(0);
    assert!(
        ran.summary.contains("### Ended: exit code 0") && ran.summary.contains("- Analyst"),
        "{}",
        ran.summary
    );
    assert!(!is_analyst(&project) && !has(&project, "new.hire"));
    assert!(project.keeps("koreconcile-journal-ended-1"));
    let event = event.with(&[("github.run_id", "2")]);
    let ran = github::run(&project, "koreconcile-ended", "ended", &event).expect(0);
    assert!(ran.summary.contains("nothing that was applied has ended"), "{}", ran.summary);
}

#[test]
fn gitlab_ends_what_has_ended_on_a_schedule_of_its_own() {
    let project = Project::new(&[]);
    has_ended(&project);
    let ran = Pipeline::ending(&project).run(&project, "ended").expect(0);
    assert!(ran.log.contains("- Analyst"), "{}", ran.log);
    assert!(!is_analyst(&project));
}

#[test]
fn ends_without_a_memory_are_red() {
    let project = Project::new(&[]);
    let ran = github::run(&project, "koreconcile-ended", "ended", &Event::other(&project)).expect(6);
    assert!(ran.log.contains("nothing is known to have ended"), "{}", ran.log);
}

#[test]
fn gitlab_merge_request_has_one_comment_and_its_merge_applies_the_approved_plan() {
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kim"));
    project.forge.answer("user", json!({ "id": 1 }).to_string());
    project.forge.has("merge_requests/7/notes", json!({ "id": 1, "author": { "id": 2 }, "body": MARKER }));
    proposes(&project, &(kim("Kim") + user("new.hire", "").as_str()));
    let pipeline = Pipeline::merge_request(&project);
    let ran = pipeline.run(&project, "validate").expect(0);
    assert!(ran.log.contains("3 manifests are valid"), "{}", ran.log);
    pipeline.run(&project, "plan").expect(0);
    let text = wrote(&project, "POST merge_requests/7/notes", "body");
    assert!(text.contains("Edited since") && text.contains("new.hire@example.com"), "{text}");
    pipeline.run(&project, "plan").expect(0);
    wrote(&project, "PUT merge_requests/7/notes/1001", "body");

    let plan = std::fs::read(project.kept("plan").join("out/plan.sealed")).unwrap();
    meanwhile(&project, &kim("Kimberly"));
    let merged = project.merge();
    let request = json!([{ "iid": 7, "state": "merged" }]);
    project.forge.answer(&format!("repository/commits/{merged}/merge_requests"), request.to_string());
    let pipelines =
        json!([{ "id": 3, "project_id": 42 }, { "id": 4, "project_id": 42 }, { "id": 5, "project_id": 8 }]);
    project.forge.answer("merge_requests/7/pipelines", pipelines.to_string());
    project.forge.answer(
        "pipelines/4/jobs",
        json!([{ "name": "validate", "id": 8 }, { "name": "plan", "id": 9 }]).to_string(),
    );
    project.forge.answer("jobs/9/artifacts/out/plan.sealed", plan);
    let pipeline = Pipeline::on_main(&project, "push");
    let ran = pipeline.run(&project, "plan merged").expect(0);
    assert!(ran.log.contains("approved with the pull request"), "{}", ran.log);
    let ran = pipeline.run(&project, "apply reviewed").expect(0);
    assert!(ran.log.contains("this plan is for the environment koreconcile\n"), "{}", ran.log);
    assert!(!has(&project, "new.hire"));
    let ran = pipeline.run(&project, "apply approved").expect(0);
    assert!(ran.log.contains("### Apply: exit code 0"), "{}", ran.log);
    assert!(has(&project, "new.hire"));
    assert_eq!(first_name_of_kim(&project), "Kimberly");
}

#[test]
fn gitlab_merge_without_an_approved_plan_waits_for_somebody() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    let merged = project.merge();
    project.forge.answer(&format!("repository/commits/{merged}/merge_requests"), "[]");
    let pipeline = Pipeline::on_main(&project, "push");
    let ran = pipeline.run(&project, "plan merged").expect(0);
    assert!(ran.log.contains("No plan was approved"), "{}", ran.log);
    pipeline.run(&project, "apply approved").expect(0);
    assert!(!has(&project, "new.hire"));
    pipeline.run(&project, "apply reviewed").expect(0);
    assert!(has(&project, "new.hire"));
}

#[test]
fn gitlab_merge_request_without_credentials_is_planned_on_the_snapshot() {
    let project = Project::new(&[kim("Kim")]);
    meanwhile(&project, &kim("Kimberly"));
    project.forge.answer("user", json!({ "id": 1 }).to_string());
    let schedule = Pipeline::on_main(&project, "schedule");
    schedule.run(&project, "drift").expect(0);
    wrote(&project, "POST issues", "description");
    schedule.run(&project, "drift").expect(0);
    wrote(&project, "PUT issues/1000", "description");
    let snapshot = std::fs::read(project.kept("drift").join("out/account.snapshot")).unwrap();
    project.forge.answer("jobs/artifacts/main/raw/out/account.snapshot", snapshot);

    proposes(&project, &user("new.hire", ""));
    let calls = project.served.server.calls("bots");
    let pipeline = Pipeline::merge_request(&project).untrusted();
    pipeline.run(&project, "plan").expect(0);
    let text = wrote(&project, "POST merge_requests/7/notes", "body");
    assert!(text.contains("snapshot of ") && text.contains("new.hire@example.com"), "{text}");
    assert_eq!(project.served.server.calls("bots"), calls, "no call");

    meanwhile(&project, &kim("Kim"));
    schedule.run(&project, "drift").expect(0);
    let writes = project.forge.writes();
    assert_eq!((writes.len(), &writes[0].body["state_event"]), (1, &json!("close")));
}

#[test]
fn plan_without_credentials_and_without_snapshot_says_what_is_missing() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    project.forge.answer("actions/artifacts", json!({ "artifacts": [] }).to_string());
    let event = Event::pull_request(&project, true);
    let ran = github::run(&project, "koreconcile-plan", "plan-without-secrets", &event);
    assert_eq!(ran.code, 3, "{}", ran.log);
    assert!(ran.log.contains("run the drift check, which creates one"), "{}", ran.log);
}

#[test]
fn nothing_that_is_handed_over_or_said_holds_a_secret() {
    let project = Project::new(&[]);
    proposes(&project, &user("new.hire", ""));
    let (event, ran) = merged(&project, || ());
    let applied = github::run(&project, "koreconcile-apply", "apply", &event).expect(0);
    let drift = github::run(&project, "koreconcile-drift", "drift", &Event::other(&project)).expect(0);
    let kept =
        walkdir::WalkDir::new(project.served.workspace.path("../artifacts")).into_iter().map(Result::unwrap);
    let kept = kept.filter(|file| file.file_type().is_file());
    let kept: Vec<String> = kept.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect();
    assert!(kept.len() > 5, "{}", kept.len());
    let said = [ran, applied, drift].into_iter().flat_map(|ran| [ran.log, ran.summary]);
    let all: Vec<String> = kept.into_iter().chain(said).collect();
    for secret in project.served.workspace.secrets() {
        assert!(all.iter().all(|text| !text.contains(&secret)));
    }
}
