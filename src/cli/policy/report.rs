//! What tests of policies came to: as text, JSON and `JUnit`.

use super::case::CaseOutcome;
use super::suite::Outcome;
use crate::cli::CliError;
use crate::facts::count;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How the outcome is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Readable text
    Text,
    /// JSON
    Json,
    /// `JUnit` XML, which CI systems show
    Junit,
}

/// Failures with their reasons, then the counts.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    for CaseOutcome { file, test, case, problems, .. } in
        outcome.cases.iter().filter(|case| !case.problems.is_empty())
    {
        let _ = writeln!(out, "FAILED {test}: {case}  # {file}");
        for problem in problems {
            let _ = writeln!(out, "    {problem}");
        }
    }
    for policy in &outcome.uncovered {
        let _ = writeln!(out, "NOT COVERED {policy}");
    }
    for condition in &outcome.unnoticed {
        let _ = writeln!(out, "NOT NOTICED {condition}: negated, and every test still passes");
    }
    let failed = outcome.cases.iter().filter(|case| !case.problems.is_empty()).count();
    let passed = outcome.cases.len() - failed;
    let _ = writeln!(
        out,
        "{} passed, {failed} failed; {}",
        count(passed, "case"),
        count(outcome.policies.len(), "policy").replace("policys", "policies")
    );
    out
}

/// The same for programs.
pub(super) fn json(outcome: &Outcome) -> Result<String, CliError> {
    let cases: Vec<serde_json::Value> = outcome
        .cases
        .iter()
        .map(|CaseOutcome { file, test, case, problems, looked, fired }| {
            json!({
                "file": file,
                "test": test,
                "case": case,
                "passed": problems.is_empty(),
                "problems": problems,
                "looked": looked,
                "violated": fired,
            })
        })
        .collect();
    let report = json!({
        "passed": outcome.is_good(),
        "policies": outcome.policies,
        "cases": cases,
        "notCovered": outcome.uncovered,
        "notNoticed": outcome.unnoticed,
    });
    let text = serde_json::to_string_pretty(&report);
    Ok(text.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n")
}

/// The same for CI systems: a suite for each file.
pub(super) fn junit(outcome: &Outcome) -> String {
    let mut suites: BTreeMap<&str, Vec<(String, &str, String)>> = BTreeMap::new();
    for CaseOutcome { file, test, case, problems, .. } in &outcome.cases {
        suites.entry(file).or_default().push((case.clone(), test, problems.join("\n")));
    }
    let beside = [("coverage", &outcome.uncovered), ("mutation", &outcome.unnoticed)];
    for (name, problems) in beside {
        for problem in problems {
            suites.entry(name).or_default().push((problem.clone(), name, problem.clone()));
        }
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (file, cases) in suites {
        let failures = cases.iter().filter(|(_, _, problems)| !problems.is_empty()).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">",
            escaped(file),
            cases.len()
        );
        for (case, test, problems) in cases {
            let (case, test) = (escaped(&case), escaped(test));
            if problems.is_empty() {
                let _ = writeln!(out, "    <testcase classname=\"{test}\" name=\"{case}\"/>");
            } else {
                let _ = writeln!(out, "    <testcase classname=\"{test}\" name=\"{case}\">");
                let _ = writeln!(out, "      <failure>{}</failure>", escaped(&problems));
                let _ = writeln!(out, "    </testcase>");
            }
        }
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

/// Text in XML; characters that XML has no place for are shown as U+FFFD.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\n' | '\t' => c.to_string(),
            c if c.is_control() => '\u{fffd}'.to_string(),
            c => c.to_string(),
        })
        .collect()
}
