//! `policy`: tests of policies, and what they would have said about the past.

mod case;
mod document;
mod replay;
mod report;
mod suite;

use super::{CliError, Exit, Output};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Test policies, and judge past commits by them.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
enum PolicyVerb {
    /// Run the tests of policies: every `KorePolicyTest` in *.test.yaml files of a folder
    Test(TestArgs),
    /// Judge past commits by the policies of today: what would have been refused
    Replay(replay::ReplayArgs),
}

#[derive(Debug, Args)]
struct TestArgs {
    /// Folders with policies and their tests, or single *.test.yaml files
    #[arg(value_name = "DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Fail where a policy has no case in which it is violated, or none in which it looks and is kept
    #[arg(long)]
    coverage: bool,
    /// Negate each condition in turn, and fail where no test notices
    #[arg(long)]
    mutate: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = report::Format::Text)]
    format: report::Format,
}

/// Runs one of them.
pub(super) fn run(args: &PolicyArgs, output: &Output) -> Result<Exit, CliError> {
    match &args.verb {
        PolicyVerb::Test(args) => test(args, output),
        PolicyVerb::Replay(args) => replay::run(args, output),
    }
}

/// The JSON Schema of a `KorePolicyTest`, as far as the kinds of its documents do not matter.
pub(super) fn test_schema(settings: schemars::generate::SchemaSettings) -> schemars::Schema {
    settings.into_generator().into_root_schema_for::<document::TestDocument>()
}

fn test(args: &TestArgs, output: &Output) -> Result<Exit, CliError> {
    let suites = suite::load(&args.paths)?;
    let mut outcome = suite::run(&suites)?;
    if args.coverage {
        outcome.note_coverage();
    }
    if args.mutate {
        outcome.unnoticed = suite::mutate(&suites)?;
    }
    match args.format {
        report::Format::Text => output.result(&report::text(&outcome)),
        report::Format::Json => output.json(&report::json(&outcome)?),
        report::Format::Junit => output.result(&report::junit(&outcome)),
    }
    Ok(if outcome.is_good() { Exit::Done } else { Exit::Invalid })
}
