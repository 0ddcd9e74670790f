//! `validate`: everything that can be said without the account.

use super::inputs::{Inputs, finding_of, show};
use super::{CliError, Exit, Output};
use crate::facts;
use crate::manifest::model::PassedOver;
use crate::manifest::{self, Finding, Manifests};
use clap::Args;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Check manifests offline.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = FindingsFormat::Text)]
    format: FindingsFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FindingsFormat {
    /// Messages like those of a compiler, on stderr
    Text,
    /// JSON list of findings, on stdout
    Json,
    /// SARIF 2.1.0 for code scanning, on stdout
    Sarif,
    /// Annotations for GitHub Actions, on stdout
    Github,
}

/// Shows every finding; any error makes it invalid.
pub(super) fn run(args: &ValidateArgs, output: &Output) -> Result<Exit, CliError> {
    let manifests = args.inputs.open();
    let mut findings: Vec<Finding> = manifests.findings().to_vec();
    let accounts: Vec<String> = match &args.inputs.account {
        Some(name) => vec![name.clone()],
        None => manifests.accounts().iter().map(|account| account.name.to_string()).collect(),
    };
    let mut problems = Vec::new();
    if accounts.is_empty() {
        problems.extend(manifest::compile(&manifests, None, Timestamp::now()).err());
    }
    for account in &accounts {
        match manifest::compile(&manifests, Some(account), Timestamp::now()) {
            Ok(compiled) => {
                findings.extend(super::policies::problems(&compiled.rules));
                findings.extend(super::policies::violations(&compiled, Timestamp::now()));
                findings.extend(compiled.findings);
            }
            Err(error) => problems.push(error),
        }
    }
    findings.extend(problems.iter().filter_map(|error| finding_of(error, &manifests)));
    let mut seen = Vec::new();
    findings.retain(|finding| {
        let is_new = !seen.contains(finding);
        if is_new {
            seen.push(finding.clone());
        }
        is_new
    });
    match args.format {
        FindingsFormat::Text => show(&findings, &manifests, output),
        FindingsFormat::Json => output.json(&pretty(&manifest::render::json(&findings))?),
        FindingsFormat::Sarif => output.json(&pretty(&manifest::render::sarif(&findings))?),
        FindingsFormat::Github => output.result(&manifest::render::github(&findings)),
    }
    if findings.iter().any(Finding::is_error) {
        return Ok(Exit::Invalid);
    }
    if args.format == FindingsFormat::Text {
        output.note(summary(&manifests, output.verbose > 0));
    }
    Ok(Exit::Done)
}

/// How many are valid, and which documents are no manifests.
fn summary(manifests: &Manifests, is_verbose: bool) -> String {
    const SHOWN: usize = 5;
    let be = if manifests.all().len() == 1 { "is" } else { "are" };
    let mut text = format!("{} {be} valid", facts::count(manifests.all().len(), "manifest"));
    let passed_over = manifests.passed_over();
    if passed_over.is_empty() {
        return text;
    }
    let _ = write!(text, "; {} passed over, not manifests:", facts::count(passed_over.len(), "document"));
    let shown = if is_verbose { passed_over.len() } else { passed_over.len().min(SHOWN) };
    for PassedOver { spot, what } in &passed_over[..shown] {
        let _ = write!(text, "\n  {spot}: {what}");
    }
    if shown < passed_over.len() {
        let _ = write!(text, "\n  and {} more (-v shows all)", passed_over.len() - shown);
    }
    text
}

fn pretty(json: &serde_json::Value) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(json);
    Ok(text.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n")
}
