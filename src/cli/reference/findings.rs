//! What can be found in manifests, and why a plan does not send something: closed sets, each with one line.

use super::super::CliError;
use super::table::{Table, cell, code};
use crate::manifest::{Code, Severity};
use crate::plan::Plan;
use serde_json::Value;

/// The page.
pub(super) fn page() -> Result<String, CliError> {
    let mut findings = Table::new(["code", "severity", "what was found"]);
    for finding in Code::ALL {
        let severity = match finding.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        findings.row([code(finding.name()), severity.to_owned(), cell(finding.doc())]);
    }
    let mut reasons = Table::new(["reason", "why it is not sent"]);
    for (reason, about) in self::reasons()? {
        reasons.row([code(&reason), cell(&about)]);
    }
    Ok(format!(
        "# Findings and reasons\n\n## Findings\n\nWhat `validate` and every other verb find in manifests. A document with an \
         error is not used, and nothing is pruned\nwhile there is one.\n\n{}## Reasons\n\nWhy an entry of a \
         plan is refused, blocked, waiting or a manual step. The next step of each is in\n[refused \
         plans](../guides/refused-plans.md).\n\n{}",
        findings.markdown(),
        reasons.markdown()
    ))
}

/// From the schema of plans, which has them with their documentation.
fn reasons() -> Result<Vec<(String, String)>, CliError> {
    let schema =
        serde_json::to_value(Plan::schema()).map_err(|error| CliError::Unexpected(error.to_string()))?;
    let reasons = schema["$defs"]["Reason"]["oneOf"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(reasons.iter().map(|reason| (text(&reason["const"]), text(&reason["description"]))).collect())
}
