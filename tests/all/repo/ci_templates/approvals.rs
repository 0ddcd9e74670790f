//! Approvals of both forges become the JSON that `--approvals` takes.

use super::forge::TOKEN;
use super::project::{JobResult, Project, Values};
use crate::support::served::document;
use serde_json::{Value, json};

/// An area with an owner by address, a team of the forge and one user.
fn area(team: &str) -> String {
    document(
        "KoreArea",
        "banking",
        &format!(
            "\n  paths: [\"banking/**\"]\n  owners: [lea.ost@example.com, \"@{team}\", \"@max\"]\n  mayTouch: {{ bots: [\"Banking *\"], roles: [Bot Developer], emailDomains: [example.com] }}\n  approvals: {{ additions: 1, removals: 0, privileged: 2 }}"
        ),
    )
}

/// A branch on which Sam may develop the Banking Assistant.
fn proposes(project: &Project, team: &str) {
    project.git(&["switch", "--quiet", "-c", "work"]);
    project.write("access/areas.yaml", &area(team));
    let subjects = "{ role: { type: Bot, name: Bot Developer }, bot: Banking Assistant, subjects: [{ user: sam@example.com }] }";
    project.write("access/banking/access.yaml", &document("KoreRoleBinding", "developers", subjects));
    project.commit("Sam develops");
}

fn on_github(project: &Project, more: &[(&str, &str)]) -> Values {
    let url = project.forge.url.as_str();
    let known = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", url),
        ("GITHUB_REPOSITORY", "acme/access"),
        ("GITHUB_TOKEN", TOKEN),
    ];
    values(&known, more)
}

fn on_gitlab(project: &Project, more: &[(&str, &str)]) -> Values {
    let url = project.forge.url.as_str();
    let known = [("CI_API_V4_URL", url), ("CI_PROJECT_ID", "42"), ("KORECONCILE_GITLAB_TOKEN", TOKEN)];
    values(&known, more)
}

fn values(known: &[(&str, &str)], more: &[(&str, &str)]) -> Values {
    known.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Runs `approvals out` on a clone, and then a plan that is held against it: its exit code and what it says.
fn fetched(project: &Project, reference: &str, variables: &Values) -> (Value, JobResult) {
    let workspace = project.checkout(reference, 0);
    let mut ran = JobResult::default();
    let mut variables = variables.clone();
    variables.extend(project.settings());
    let shell = &["bash", "-eo", "pipefail", "-c"];
    workspace.run(
        shell,
        "ci/koreconcile-ci.sh install && ci/koreconcile-ci.sh approvals out",
        &variables,
        &mut ran,
    );
    if ran.code != 0 {
        return (Value::Null, ran);
    }
    let text = std::fs::read_to_string(workspace.path("out/approvals.json")).unwrap();
    let plan = "PATH=\"$HOME/.local/bin:$PATH\" koreconcile plan --approvals out/approvals.json access";
    workspace.run(shell, plan, &variables, &mut ran);
    (serde_json::from_str(&text).unwrap(), ran)
}

#[test]
fn github_reviews_count_by_user_commit_and_team() {
    let project = Project::new(&[]);
    proposes(&project, "acme/banking-leads");
    let head = project.pull_request();
    let merge = project.head("refs/pull/7/merge");
    let pull = json!({ "head": { "sha": head }, "merge_commit_sha": merge, "user": { "login": "jane" } });
    project.forge.answer("pulls/7", pull.to_string());
    let commit =
        json!({ "author": { "login": "jane" }, "commit": { "author": { "email": "jane@example.com" } } });
    project.forge.has("pulls/7/commits", commit);
    let unknown = json!({ "author": null, "commit": { "author": { "email": "pat@example.com" } } });
    project.forge.has("pulls/7/commits", unknown);
    let says = |user: &str, state: &str, commit: &str| {
        let review = json!({ "user": { "login": user }, "state": state, "commit_id": commit });
        project.forge.has("pulls/7/reviews", review);
    };
    says("kim", "APPROVED", &head);
    says("kim", "CHANGES_REQUESTED", &head);
    says("jane", "APPROVED", &head);
    says("max", "APPROVED", "0000000000000000");
    let variables = on_github(&project, &[("KORECONCILE_PULL_REQUEST", "7")]);
    let (given, ran) = fetched(&project, "refs/pull/7/merge", &variables);
    assert_eq!(
        given,
        json!({
            "commit": head, "mergedAs": merge, "authors": ["jane", "jane@example.com", "pat@example.com"],
            "approvals": [
                { "user": "jane", "commit": head, "teams": [] },
                { "user": "max", "commit": "0000000000000000", "teams": [] },
            ],
        })
    );
    let ran = ran.expect(4);
    assert!(
        ran.log.contains(
            "area banking: 1 approval missing of 1, by lea.ost@example.com, @acme/banking-leads or @max"
        ),
        "{}",
        ran.log
    );
    assert!(
        ran.log.contains("the approval of max does not count: it is for commit 000000000000"),
        "{}",
        ran.log
    );

    // Kim comes round, and is in the team.
    says("kim", "APPROVED", &head);
    says("kim", "COMMENTED", &head);
    project.forge.answer("orgs/acme/teams/banking-leads/memberships/kim", r#"{ "state": "active" }"#);
    project.forge.answer("orgs/acme/teams/banking-leads/memberships/jane", r#"{ "state": "pending" }"#);
    let (given, ran) = fetched(&project, "refs/pull/7/merge", &variables);
    let kim = json!({ "user": "kim", "commit": head, "teams": ["acme/banking-leads"] });
    assert_eq!(given["approvals"][1], kim);
    ran.expect(0);

    // After the merge the commit leads to the pull request.
    let merged = project.merge();
    let pulls = json!([{ "merged_at": "2026-06-01T12:00:00Z", "number": 7 }]);
    project.forge.answer(&format!("commits/{merged}/pulls"), pulls.to_string());
    let pull = json!({ "head": { "sha": head }, "merge_commit_sha": merged, "user": { "login": "jane" } });
    project.forge.answer("pulls/7", pull.to_string());
    let (given, ran) = fetched(&project, "main", &on_github(&project, &[("GITHUB_SHA", &merged)]));
    assert_eq!(given["mergedAs"], json!(merged));
    ran.expect(0);
}

#[test]
fn gitlab_approvals_count_for_the_version_that_was_seen() {
    let project = Project::new(&[]);
    proposes(&project, "acme/leads");
    let head = project.pull_request();
    let request = json!({
        "sha": head, "merge_commit_sha": null, "squash_commit_sha": null, "author": { "username": "jane" },
    });
    project.forge.answer("merge_requests/7", request.to_string());
    project.forge.has("merge_requests/7/commits", json!({ "author_email": "jane@example.com" }));
    let version = |at: &str, commit: &str| {
        let version = json!({ "created_at": at, "head_commit_sha": commit });
        project.forge.has("merge_requests/7/versions", version);
    };
    version("2026-06-01T12:00:00.000Z", &head);
    version("2026-06-01T10:00:00.000Z", "1111111111111111");
    let by = |id: u64, user: &str, at: Option<&str>| json!({ "user": { "id": id, "username": user }, "approved_at": at });
    let approvals = json!({ "approved_by": [
        by(5, "kim", Some("2026-06-01T11:00:00.000Z")),
        by(6, "max", None),
    ] });
    project.forge.answer("merge_requests/7/approvals", approvals.to_string());
    project.forge.answer("groups/acme%2Fleads/members/all/5", r#"{ "state": "active" }"#);
    let variables = on_gitlab(&project, &[("CI_MERGE_REQUEST_IID", "7")]);
    let (given, ran) = fetched(&project, "work", &variables);
    assert_eq!(
        given,
        json!({
            "commit": head, "mergedAs": null, "authors": ["jane", "jane@example.com"],
            "approvals": [{ "user": "kim", "commit": "1111111111111111", "teams": ["acme/leads"] }],
        }),
        "an approval without a time is of no version"
    );
    let ran = ran.expect(4);
    assert!(
        ran.log.contains("the approval of kim does not count: it is for commit 111111111111"),
        "{}",
        ran.log
    );

    let approvals = json!({ "approved_by": [by(5, "kim", Some("2026-06-01T12:30:00.000Z"))] });
    project.forge.answer("merge_requests/7/approvals", approvals.to_string());
    fetched(&project, "work", &variables).1.expect(0);
}

#[test]
fn approvals_of_a_commit_without_a_request_are_an_error() {
    let project = Project::new(&[]);
    project.forge.answer("commits/abc/pulls", "[]");
    let (_, ran) = fetched(&project, "main", &on_github(&project, &[("GITHUB_SHA", "abc")]));
    let ran = ran.expect(3);
    assert!(ran.log.contains("this commit belongs to no request"), "{}", ran.log);
    project.forge.answer("repository/commits/abc/merge_requests", "[]");
    let (_, ran) = fetched(&project, "main", &on_gitlab(&project, &[("CI_COMMIT_SHA", "abc")]));
    assert!(ran.expect(3).log.contains("this commit belongs to no request"));
}
