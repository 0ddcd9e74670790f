//! The tests of a folder, run.

use super::case::{self, CaseOutcome, Setting};
use super::document::TestDocument;
use crate::cli::CliError;
use crate::manifest::Input;
use crate::manifest::kinds::text;
use crate::policy;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where tests end.
const ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];
/// The time of a test that names none.
const NOW: &str = "2030-01-01T00:00:00Z";

/// One test document with what it is about.
pub(super) struct Suite {
    file: String,
    document: TestDocument,
    policies: Vec<Input>,
    now: Timestamp,
}

/// What all tests came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) cases: Vec<CaseOutcome>,
    /// Policies of all suites.
    pub(super) policies: BTreeSet<String>,
    /// Policies without a case in which they are violated, or without one in which they are kept.
    pub(super) uncovered: Vec<String>,
    /// Conditions that no test noticed when they were negated.
    pub(super) unnoticed: Vec<String>,
}

impl Outcome {
    /// Whether everything is as expected.
    pub(super) fn is_good(&self) -> bool {
        self.cases.iter().all(|case| case.problems.is_empty())
            && self.uncovered.is_empty()
            && self.unnoticed.is_empty()
    }

    /// Finds the policies that are not covered.
    pub(super) fn note_coverage(&mut self) {
        for policy in &self.policies {
            let fires = self.cases.iter().any(|case| case.fired.contains(policy));
            let keeps =
                self.cases.iter().any(|case| case.looked.contains(policy) && !case.fired.contains(policy));
            if !fires {
                self.uncovered.push(format!("{policy}: no case in which it is violated"));
            }
            if !keeps {
                self.uncovered.push(format!("{policy}: no case in which it looks at something and is kept"));
            }
        }
    }
}

/// Reads all tests below the paths.
pub(super) fn load(paths: &[PathBuf]) -> Result<Vec<Suite>, CliError> {
    let mut files = BTreeSet::new();
    for path in paths {
        if !path.exists() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(CliError::File { path: path.display().to_string(), source });
        }
        let entries = walkdir::WalkDir::new(path).into_iter().filter_map(Result::ok);
        files.extend(entries.filter(|entry| is_test(entry.path())).map(walkdir::DirEntry::into_path));
    }
    if files.is_empty() {
        let all: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(CliError::PolicyTest(format!("no *.test.yaml file in {}", all.join(", "))));
    }
    let mut suites = Vec::new();
    for file in files {
        suites.extend(suites_of(&file)?);
    }
    Ok(suites)
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    path.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn suites_of(file: &Path) -> Result<Vec<Suite>, CliError> {
    let name = file.display().to_string();
    let wrong = |why: String| CliError::PolicyTest(format!("{name}: {why}"));
    let content = read(file)?;
    let documents = TestDocument::read(&content).map_err(wrong)?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    documents
        .into_iter()
        .map(|document| {
            let now = document.spec.now.as_deref().unwrap_or(NOW);
            let now = text::time(now).map_err(|_| {
                CliError::PolicyTest(format!(
                    "{name}: not a timestamp: {now:?}; write RFC 3339, such as {NOW}"
                ))
            })?;
            let policies = policies_of(folder, &document.spec.policies)?;
            Ok(Suite { file: name.clone(), document, policies, now })
        })
        .collect()
}

/// The policies that a test is about: those it names, else all of its folder.
fn policies_of(folder: &Path, named: &[String]) -> Result<Vec<Input>, CliError> {
    let roots: Vec<PathBuf> = match named {
        [] => vec![folder.to_path_buf()],
        named => named.iter().map(|name| folder.join(name)).collect(),
    };
    let mut inputs = Vec::new();
    for root in roots {
        let deepest = if named.is_empty() { 1 } else { usize::MAX };
        let entries = walkdir::WalkDir::new(&root).max_depth(deepest).sort_by_file_name();
        for entry in entries {
            let entry = entry.map_err(|error| CliError::PolicyTest(error.to_string()))?;
            let is_yaml = entry.path().extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
            if entry.file_type().is_file() && is_yaml && !is_test(entry.path()) {
                inputs.push(Input::new(entry.path().display().to_string(), read(entry.path())?.as_bytes()));
            }
        }
    }
    Ok(inputs)
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path)
        .map_err(|source| CliError::File { path: path.display().to_string(), source })
}

/// Runs all cases.
pub(super) fn run(suites: &[Suite]) -> Result<Outcome, CliError> {
    let mut outcome = Outcome::default();
    for suite in suites {
        let rules = case::rules(&suite.policies, suite.now).map_err(|why| broken(suite, None, &why))?;
        outcome.policies.extend(rules.rules.iter().map(|rule| rule.name.to_string()));
        outcome.cases.extend(cases(suite, None)?);
    }
    Ok(outcome)
}

fn cases(suite: &Suite, mutant: Option<case::Mutant>) -> Result<Vec<CaseOutcome>, CliError> {
    let Suite { file, document, policies, now } = suite;
    let setting =
        Setting { policies, given: &document.spec.given, account: &document.spec.account, now: *now };
    let run = |spec| {
        let outcome =
            case::run(spec, &setting, mutant).map_err(|why| broken(suite, Some(&spec.name), &why))?;
        Ok(CaseOutcome { file: file.clone(), test: document.metadata.name.clone(), ..outcome })
    };
    document.spec.cases.iter().map(run).collect()
}

fn broken(suite: &Suite, case: Option<&String>, why: &str) -> CliError {
    let case = case.map(|case| format!(", case {case:?}")).unwrap_or_default();
    CliError::PolicyTest(format!("{}: {}{case}: {why}", suite.file, suite.document.metadata.name))
}

/// Negates each condition of each policy in turn. Gives those that no case of any suite noticed, by policy and field.
pub(super) fn mutate(suites: &[Suite]) -> Result<Vec<String>, CliError> {
    let mut noticed: BTreeMap<String, bool> = BTreeMap::new();
    for suite in suites {
        let rules = case::rules(&suite.policies, suite.now).map_err(|why| broken(suite, None, &why))?;
        let (policies, _) = policy::compile(&rules);
        for (at, condition, field) in policies.conditions() {
            let name = format!("{} {field}", policies.all()[at].rule.name);
            let is_noticed = noticed.entry(name).or_default();
            if !*is_noticed {
                let cases = cases(suite, Some((at, condition)))?;
                *is_noticed = cases.iter().any(|case| !case.problems.is_empty());
            }
        }
    }
    Ok(noticed.into_iter().filter(|(_, is_noticed)| !is_noticed).map(|(name, _)| name).collect())
}
