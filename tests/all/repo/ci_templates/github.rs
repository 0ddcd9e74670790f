//! GitHub Actions, as far as the templates use it: what a job's steps run, with which variables, and under which
//! conditions. An expression that the test does not know fails the test.

use super::forge::TOKEN;
use super::project::{JobResult, Project, Values, Workspace, parsed};
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
            ("github.ref", "refs/pull/7/merge"),
            ("github.event_name", "pull_request"),
            ("github.event.pull_request.number", "7"),
            // What the job before has found, unless a test says otherwise.
            ("needs.changes.outputs.touched", "yes"),
            ("github.event.pull_request.head.sha", &head),
            ("github.event.pull_request.head.repo.full_name", from),
        ])
    }

    /// A push to `main`.
    pub fn push(project: &Project) -> Self {
        let before = project.head("main~1");
        Self::of("main", &project.head("main"))
            .with(&[("github.event_name", "push"), ("github.event.before", &before)])
    }

    /// A merge queue looks at the branch `work`, merged with what is before it in the queue.
    pub fn merge_group(project: &Project) -> Self {
        let base = project.head("main");
        let head = project.pull_request();
        Self::of("refs/pull/7/merge", &head).with(&[
            ("github.event_name", "merge_group"),
            ("github.ref", "refs/heads/gh-readonly-queue/main/pr-7"),
            ("github.event.merge_group.base_sha", &base),
        ])
    }

    /// The schedule, or somebody's hand.
    pub fn other(project: &Project) -> Self {
        Self::of("main", &project.head("main")).with(&[("github.event_name", "workflow_dispatch")])
    }

    fn of(reference: &str, sha: &str) -> Self {
        let event = Self { reference: reference.to_owned(), values: Values::new() };
        event.with(&[
            ("github.repository", "acme/access"),
            ("github.token", TOKEN),
            ("github.sha", sha),
            ("github.ref", "refs/heads/main"),
            ("github.actor", "jane"),
            ("github.run_id", "1"),
            ("github.run_attempt", "1"),
        ])
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
    for (name, setting) in &project.settings() {
        // Secrets belong to an environment: a job that does not name one, and a fork, see none.
        let is_given = job["environment"].is_string();
        values.insert(format!("secrets.{name}"), if is_given { setting.clone() } else { String::new() });
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
        // The download is kept on a machine, and here every job has a new one.
        "actions/checkout" | "actions/cache" => {}
        "actions/cache/save" => {
            let path = workspace.path(&with("path"));
            if path.exists() {
                workspace.project.keep(&with("key"), &path);
            }
        }
        "actions/cache/restore" => {
            let known = workspace.project.cached(&with("restore-keys"));
            if let Some(name) = known {
                workspace.fetch(&name, &with("path"));
            }
        }
        "actions/upload-artifact" => {
            let path = workspace.path(&with("path"));
            let may_miss = with("if-no-files-found") == "ignore";
            assert!(may_miss || path.exists(), "{} is not there", path.display());
            if path.exists() {
                // A second upload of one name fails, unless it may replace the first.
                let is_first = workspace.project.is_first(&values["github.run_id"], &with("name"));
                assert!(is_first || step["with"]["overwrite"] == true, "{} is there already", with("name"));
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

/// What is absent is empty, as on GitHub: an event of another kind, an input that was not given, the output of a step or job
/// that was passed over. Anything else that is unknown fails the test.
const MAY_BE_ABSENT: [&str; 4] = ["steps.", "github.event.", "inputs.", "needs."];

fn value(expression: &str, values: &Values) -> String {
    let alternatives = split(expression, " || ");
    if alternatives.len() > 1 {
        let mut found = alternatives.iter().map(|one| value(one, values));
        return found.find(|text| !text.is_empty()).unwrap_or_default();
    }
    if expression.starts_with("hashFiles(") {
        return "hash".to_owned();
    }
    if let Some(literal) = expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return literal.to_owned();
    }
    let is_absent = MAY_BE_ABSENT.iter().any(|prefix| expression.starts_with(prefix));
    match values.get(if expression == "join(needs.*.result, ' ')" { "needs.results" } else { expression }) {
        Some(value) => value.clone(),
        None if is_absent => String::new(),
        None => panic!("what is {expression}?"),
    }
}

/// The parts between a separator that is in no parenthesis.
fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= from && text[at..].starts_with(separator) => {
                parts.push(text[from..at].trim());
                from = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

fn holds(condition: &str, values: &Values, has_failed: bool) -> bool {
    condition == "always()" || is_true(condition, values) && !has_failed
}

fn is_true(condition: &str, values: &Values) -> bool {
    let alternatives = split(condition, " || ");
    if alternatives.len() > 1 {
        return alternatives.iter().any(|one| is_true(one, values));
    }
    let all = split(condition, " && ");
    if all.len() > 1 {
        return all.iter().all(|one| is_true(one, values));
    }
    if let Some(inner) = condition.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return is_true(inner, values);
    }
    match (condition.split_once(" == "), condition.split_once(" != ")) {
        (Some((left, right)), _) => value(left, values) == value(right, values),
        (_, Some((left, right))) => value(left, values) != value(right, values),
        _ => panic!("what is {condition}?"),
    }
}
