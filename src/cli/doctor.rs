//! `doctor`: is this app, this account and this machine fit for the work? By harmless reads only.

mod ask;
mod judge;
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

/// Check credentials, scopes, limits and costs, by harmless reads only.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The longest one call may wait for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = super::inputs::time)]
    max_wait: SignedDuration,
    /// Where the call budget is remembered [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Asks, judges, and tells. Manifests with errors are no hindrance: only the account's own matters.
pub(super) async fn run(args: &DoctorArgs, output: &Output) -> Result<Exit, CliError> {
    let (manifests, compiled) = args.inputs.compile(true, Timestamp::now(), output)?;
    let reach = Reach {
        keep_going: true,
        allow_removals: None,
        rewrite_profiles: false,
        max_wait: args.max_wait,
        state_dir: args.state_dir.clone(),
    };
    let session = Session::open(&compiled, &reach, output).await?;
    let evidence = ask::ask(&session, &compiled).await;
    let host = session.host.clone();
    session.close().await;
    let interval = interval(&manifests, &compiled.account.name);
    let report = judge::judge(&evidence, &compiled, interval, host);
    let text = match args.format {
        Format::Text => report.text(style(output)),
        Format::Json => report.json().map_err(|error| CliError::Unexpected(error.to_string()))?,
    };
    output.result(&text);
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
