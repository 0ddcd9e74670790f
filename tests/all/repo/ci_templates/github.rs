//! GitHub Actions, as far as the templates use it: what a job's steps run, with which variables, and under which
//! conditions. An expression that the test does not know fails the test.

use super::forge::TOKEN;
use super::project::{JobResult, MEMORY_KEY, Project, Values, Workspace, parsed};
use regex::{Captures, Regex};
use serde_json::Value;
use std::sync::LazyLock;

/// What happened, for expressions: `github.event_name`, `needs.plan.outputs.environment`.
#[derive(Clone)]
pub struct Event {
    pub reference: String,
    pub values: Values,
}

impl Event {
    /// The pull request of `work`, from this repository or a fork.
    pub fn pull_request(project: &Project, is_fork: bool) -> Self {
        let head = project.pull_request();
        let from = if is_fork { "somebody/access" } else { "acme/access" };
        Self::of("refs/pull/7/merge", &head).with(&[
            ("github.event_name", "pull_request"),
            ("github.event.pull_request.number", "7"),
            ("github.event.pull_request.head.sha", &head),
            ("github.event.pull_request.head.repo.full_name", from),
        ])
    }

    /// A push to `main`.
    pub fn push(project: &Project) -> Self {
        Self::of("main", &project.head("main")).with(&[("github.event_name", "push")])
    }

    /// The schedule, or somebody's hand.
    pub fn other(project: &Project) -> Self {
        Self::of("main", &project.head("main")).with(&[("github.event_name", "workflow_dispatch")])
    }

    fn of(reference: &str, sha: &str) -> Self {
        let event = Self { reference: reference.to_owned(), values: Values::new() };
        event.with(&[("github.repository", "acme/access"), ("github.token", TOKEN), ("github.sha", sha)])
    }

    pub fn with(mut self, values: &[(&str, &str)]) -> Self {
        self.values.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }
}

/// Whether a job runs at all.
pub fn is_wanted(workflow: &str, job: &str, event: &Event) -> bool {
    let job = &parsed(&format!("github/{workflow}.yml"))["jobs"][job];
    job["if"].as_str().is_none_or(|condition| holds(condition, &event.values, false))
}

/// Runs a job of a workflow.
pub fn run(project: &Project, workflow: &str, job: &str, event: &Event) -> JobResult {
    assert!(is_wanted(workflow, job, event), "{job} is not for this event");
    let workflow = parsed(&format!("github/{workflow}.yml"));
    let job = &workflow["jobs"][job];
    let mut values = event.values.clone();
    let settings = project.settings();
    for (name, setting) in &settings {
        let is_secret = !name.starts_with("KORECONCILE_") || name == MEMORY_KEY;
        let kind = if is_secret { "secrets" } else { "vars" };
        // Secrets belong to an environment: a job that does not name one, and a fork, see none.
        let is_given = kind == "vars" || job["environment"].is_string();
        values.insert(format!("{kind}.{name}"), if is_given { setting.clone() } else { String::new() });
    }
    let steps = job["steps"].as_array().unwrap();
    let depth = steps.iter().find(|step| uses(step) == Some("actions/checkout")).unwrap();
    let workspace = project.checkout(&event.reference, depth["with"]["fetch-depth"].as_u64().unwrap_or(1));
    let mut ran = JobResult::default();
    for step in steps {
        let condition = step["if"].as_str();
        if !condition.map_or(ran.code == 0, |condition| holds(condition, &values, ran.code != 0)) {
            continue;
        }
        if let Some(action) = uses(step) {
            act(action, step, &values, &workspace);
        } else {
            let code = ran.code;
            shell(&workflow, job, step, &values, &workspace, &mut ran);
            ran.code = ran.code.max(code);
            let id = step["id"].as_str().unwrap_or("-");
            for (name, value) in lines(&workspace, "output") {
                values.insert(format!("steps.{id}.outputs.{name}"), value);
            }
        }
    }
    ran.summary = std::fs::read_to_string(workspace.path("../summary")).unwrap_or_default();
    for (name, value) in job["outputs"].as_object().into_iter().flatten() {
        ran.outputs.insert(name.clone(), filled(value.as_str().unwrap(), &values));
    }
    ran
}

/// `actions/checkout` of `actions/checkout@08c6…`.
pub fn uses(step: &Value) -> Option<&str> {
    Some(step["uses"].as_str()?.split_once('@').unwrap().0)
}

fn act(action: &str, step: &Value, values: &Values, workspace: &Workspace<'_>) {
    let with = |name: &str| filled(step["with"][name].as_str().unwrap_or_default(), values);
    match action {
        "actions/checkout" => {}
        "actions/upload-artifact" => {
            let path = workspace.path(&with("path"));
            let may_miss = with("if-no-files-found") == "ignore";
            assert!(may_miss || path.exists(), "{} is not there", path.display());
            if path.exists() {
                workspace.project.keep(&with("name"), &path);
            }
        }
        "actions/download-artifact" => {
            let is_of_another_run = !with("run-id").is_empty();
            assert_eq!(is_of_another_run, !with("github-token").is_empty(), "another run takes a token");
            workspace.fetch(&with("name"), &with("path"));
        }
        _ => panic!("what does {action} do?"),
    }
}

fn shell(
    workflow: &Value,
    job: &Value,
    step: &Value,
    values: &Values,
    workspace: &Workspace<'_>,
    ran: &mut JobResult,
) {
    let file = |name: &str| workspace.path(&format!("../{name}")).display().to_string();
    let mut variables: Values = [
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_API_URL", workspace.project.forge.url.clone()),
        ("GITHUB_REPOSITORY", values["github.repository"].clone()),
        ("GITHUB_SHA", values["github.sha"].clone()),
        ("GITHUB_OUTPUT", file("output")),
        ("GITHUB_STEP_SUMMARY", file("summary")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for scope in [workflow, job, step] {
        for (name, value) in scope["env"].as_object().into_iter().flatten() {
            variables.insert(name.clone(), filled(value.as_str().unwrap(), values));
        }
    }
    let _ = std::fs::remove_file(workspace.path("../output"));
    workspace.run(&["bash", "-e", "-c"], step["run"].as_str().unwrap(), &variables, ran);
}

fn lines(workspace: &Workspace<'_>, file: &str) -> Values {
    let text = std::fs::read_to_string(workspace.path(&format!("../{file}"))).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// With every expression in it replaced by what it means.
fn filled(text: &str, values: &Values) -> String {
    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{\{ ([^}]+) \}\}").unwrap());
    EXPRESSION.replace_all(text, |found: &Captures<'_>| value(&found[1], values)).into_owned()
}

fn value(expression: &str, values: &Values) -> String {
    match expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(literal) => literal.to_owned(),
        // The output of a step that was passed over is empty.
        None if expression.starts_with("steps.") => values.get(expression).cloned().unwrap_or_default(),
        None => values.get(expression).unwrap_or_else(|| panic!("what is {expression}?")).clone(),
    }
}

fn holds(condition: &str, values: &Values, has_failed: bool) -> bool {
    if condition == "always()" {
        return true;
    }
    let is_so = match (condition.split_once(" == "), condition.split_once(" != ")) {
        (Some((left, right)), _) => value(left, values) == value(right, values),
        (_, Some((left, right))) => value(left, values) != value(right, values),
        _ => panic!("what is {condition}?"),
    };
    is_so && !has_failed
}
