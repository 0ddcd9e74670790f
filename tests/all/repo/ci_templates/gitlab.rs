//! GitLab CI, as far as the template uses it: which jobs a pipeline has, and what they run with which variables.

use super::forge::TOKEN;
use super::project::{JobResult, Project, Values, parsed};
use regex::{Captures, Regex};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What makes a pipeline.
#[derive(Clone)]
pub struct Pipeline {
    reference: String,
    variables: Values,
    is_trusted: bool,
}

impl Pipeline {
    /// The merge request of `work`.
    pub fn merge_request(project: &Project) -> Self {
        Self::of(project, "merge_request_event", "work")
            .with(&[("CI_MERGE_REQUEST_IID", "7"), ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &project.head("main"))])
    }

    /// On `main`, made by `push`, `web` or `schedule`.
    pub fn on_main(project: &Project, source: &str) -> Self {
        let before = if source == "push" { project.head("main~1") } else { "0".repeat(40) };
        Self::of(project, source, "main")
            .with(&[("CI_COMMIT_BRANCH", "main"), ("CI_COMMIT_BEFORE_SHA", &before)])
    }

    fn of(project: &Project, source: &str, reference: &str) -> Self {
        let pipeline = Self { reference: reference.to_owned(), variables: Values::new(), is_trusted: true };
        pipeline.with(&[
            ("CI_API_V4_URL", &project.forge.url),
            ("CI_PROJECT_ID", "42"),
            ("CI_COMMIT_SHA", &project.head(reference)),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_PIPELINE_SOURCE", source),
            ("KORECONCILE_GITLAB_TOKEN", TOKEN),
        ])
    }

    /// With these variables.
    pub fn with(mut self, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.variables.extend(variables);
        self
    }

    /// A push to a branch that has a merge request.
    pub fn on_branch(project: &Project) -> Self {
        Self::of(project, "push", "work").with(&[("CI_COMMIT_BRANCH", "work")])
    }

    /// The schedule that ends what has ended.
    pub fn ending(project: &Project) -> Self {
        Self::on_main(project, "schedule").with(&[("KORECONCILE_SCHEDULE", "ended")])
    }

    /// Without the variables that are for protected branches only.
    pub fn untrusted(self) -> Self {
        Self { is_trusted: false, ..self }
    }

    /// The jobs it has, and when they run: `on_success`, or `manual`.
    pub fn jobs(&self) -> Vec<(String, String)> {
        let file = parsed("gitlab/.gitlab-ci.yml");
        if !file["workflow"]["rules"].as_array().unwrap().iter().any(|rule| self.holds(rule)) {
            return Vec::new();
        }
        let names = file.as_object().unwrap().keys().filter(|name| !name.starts_with('.'));
        let names = names.filter(|name| file[*name]["script"].is_array());
        names
            .filter_map(|name| {
                let job = job(&file, name);
                let rule = job["rules"].as_array().unwrap().iter().find(|rule| self.holds(rule))?;
                Some((name.clone(), rule["when"].as_str().unwrap_or("on_success").to_owned()))
            })
            .collect()
    }

    fn holds(&self, rule: &Value) -> bool {
        let value = |word: &str| match word.strip_prefix('$') {
            Some(name) => self.variables.get(name).cloned().unwrap_or_default(),
            None => word.trim_matches('"').to_owned(),
        };
        rule["if"].as_str().unwrap().split(" && ").all(|condition| {
            if let Some((left, right)) = condition.split_once(" == ") {
                return value(left) == value(right);
            }
            let (left, right) = condition.split_once(" != ").unwrap();
            value(left) != value(right)
        })
    }

    /// Runs a job.
    pub fn run(&self, project: &Project, name: &str) -> JobResult {
        let jobs = self.jobs();
        assert!(jobs.iter().any(|(known, _)| known == name), "{name} is not in {jobs:?}");
        let file = parsed("gitlab/.gitlab-ci.yml");
        let job = job(&file, name);
        let mut variables = self.variables.clone();
        let given = project.settings().into_iter();
        variables.extend(given.filter(|(name, _)| self.is_trusted || !name.starts_with("KORE_")));
        let depth = file["variables"]["GIT_DEPTH"].as_str().unwrap().parse().unwrap();
        let workspace = project.checkout(&self.reference, depth);
        variables.insert("CI_PROJECT_DIR".to_owned(), workspace.path("").display().to_string());
        for scope in [&file, &job] {
            for (name, value) in scope["variables"].as_object().into_iter().flatten() {
                let text = filled(value.as_str().unwrap(), &variables);
                variables.insert(name.clone(), text);
            }
        }
        let caches = job["cache"].as_array().into_iter().flatten();
        let caches: Vec<&Value> = caches.filter(|cache| cache["key"].is_string()).collect();
        for cache in &caches {
            let known = project.cached(cache["key"].as_str().unwrap());
            if let Some(name) = known {
                workspace.fetch(&name, cache["paths"][0].as_str().unwrap());
            }
        }
        for needed in job["needs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            workspace.fetch(needed, "");
        }
        let lines = [&file["default"]["before_script"], &job["script"]];
        let lines: Vec<&str> =
            lines.into_iter().flat_map(|lines| lines.as_array().unwrap()).filter_map(Value::as_str).collect();
        let mut ran = JobResult::default();
        workspace.run(&["bash", "-eo", "pipefail", "-c"], &lines.join("\n"), &variables, &mut ran);
        let artifacts = &job["artifacts"];
        if ran.code == 0 || artifacts["when"] == "always" {
            for path in artifacts["paths"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if workspace.path(path).exists() {
                    let above = std::path::Path::new(path).parent().unwrap().to_str().unwrap();
                    let whole = workspace.path("../kept");
                    workspace.copy(path, &whole.join(above));
                    project.keep(name, &whole);
                }
            }
        }
        for cache in caches {
            let path = workspace.path(cache["paths"][0].as_str().unwrap());
            if path.exists() {
                project.keep(cache["key"].as_str().unwrap(), &path);
            }
        }
        ran
    }
}

/// With every `$VARIABLE` in it replaced.
fn filled(text: &str, variables: &Values) -> String {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$(\w+)").unwrap());
    VARIABLE.replace_all(text, |found: &Captures<'_>| variables[&found[1]].clone()).into_owned()
}

/// A job with what it extends.
fn job(file: &Value, name: &str) -> Value {
    let written = file[name].as_object().unwrap().clone();
    let mut whole: Map<String, Value> = match written.get("extends").and_then(Value::as_str) {
        Some(above) => job(file, above).as_object().unwrap().clone(),
        None => Map::new(),
    };
    whole.extend(written);
    whole.into()
}
