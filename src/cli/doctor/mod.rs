//! `doctor`: is this app, this account and this machine fit for the work? By harmless reads only.

mod checks;
mod evidence;
mod report;

use super::inputs::{Inputs, Reach};
use super::plan::style;
use super::session::Session;
use super::{CliError, Exit, Output};
use crate::manifest::kinds::Spec;
use crate::manifest::{self, Manifests};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use report::Report;
use std::path::PathBuf;

/// Check credentials, scopes, limits and costs with reads only.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = super::inputs::time)]
    max_wait: SignedDuration,
    /// Folder of the call budget [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReportFormat {
    /// Readable text
    Text,
    /// JSON
    Json,
}

/// Reads, checks and reports. Errors in manifests do not stop it: it needs the `KoreAccount` only.
pub(super) async fn run(args: &DoctorArgs, output: &Output) -> Result<Exit, CliError> {
    let (manifests, compiled) = args.inputs.compile_all(true, Timestamp::now(), output)?;
    let reach = Reach { keep_going: true, ..Reach::reading(args.max_wait, args.state_dir.clone()) };
    let session = Session::open(&compiled, &reach, output).await?;
    let evidence = evidence::collect(&session, &compiled).await;
    let host = session.host.clone();
    session.close().await;
    let interval = interval(&manifests, &compiled.account.name);
    let report = checks::run(&evidence, &compiled, interval, host);
    match args.format {
        ReportFormat::Text => output.result(&report.text(style(output))),
        ReportFormat::Json => {
            output.json(&report.json().map_err(|error| CliError::Unexpected(error.to_string()))?);
        }
    }
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    let has = |exit| report.findings.iter().any(|finding| finding.exit == exit);
    [Exit::Credentials, Exit::Unreachable, Exit::Refused, Exit::Unexpected]
        .into_iter()
        .find(|exit| has(*exit))
        .unwrap_or(Exit::Done)
}

/// How often the controller would read, as the account's manifest says.
fn interval(manifests: &Manifests, account: &str) -> Option<SignedDuration> {
    let account = manifests.accounts().into_iter().find(|manifest| *manifest.name == *account)?;
    match &account.spec {
        Spec::Account(spec) => manifest::compile::duration(&spec.interval),
        _ => None,
    }
}
