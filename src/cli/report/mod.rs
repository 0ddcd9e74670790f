//! `report`: who holds what, what is wrong, who is dormant and what has changed, as evidence for people who audit.

mod evidence;
mod gather;
mod moment;

pub use evidence::EvidenceError;

use super::inputs::Inputs;
use super::{CliError, Exit, Output, output};
use crate::plan::RiskLevel;
use crate::report::{self, Dormancy, Moment, Report};
use crate::{facts, render};
use clap::{Args, Subcommand};
pub(super) use evidence::{Store, Stored};
use gather::Gathered;
pub(super) use gather::{commit_of, stored};
use jiff::{SignedDuration, Timestamp};
pub(super) use moment::moment;
use std::path::{Path, PathBuf};

/// Report who holds which access and why, for audits.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Who holds what: one row a grant, with line, commit, author, beginning, end and reason
    Access(Common),
    /// What is wrong: unmanaged grants, ends that have passed, what is not in place or cannot be
    Violations(Common),
    /// Who holds much and has not signed in for long, users who never did included
    Dormant(DormantArgs),
    /// What was gained and lost between two reads
    Changes(ChangesArgs),
    /// Compute the digest of a report in JSON again, or check a folder of evidence
    Verify(VerifyArgs),
}

#[derive(Debug, Clone, Args)]
struct Common {
    #[command(flatten)]
    inputs: Inputs,
    /// Use a snapshot instead of the account: no calls, no credentials
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "at")]
    observed: Option<PathBuf>,
    /// Report on an earlier time: the nearest snapshot at or before it in --evidence, with the commit that was current.
    /// A day (2030-12-31) means its end in UTC
    #[arg(long, value_name = "DATE", value_parser = moment, requires = "evidence")]
    at: Option<Timestamp>,
    /// Keep what the report rests on, and the report itself, in this folder
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace addresses by stable names (user-3f9c2a1b) and hide names and ids of users
    #[arg(long)]
    redact: bool,
    /// Exit with 0 although the report could not see everything
    #[arg(long)]
    allow_gaps: bool,
    /// Continue with the valid manifests when others have errors; the report has a gap then
    #[arg(long)]
    keep_going: bool,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = super::inputs::time)]
    max_wait: SignedDuration,
    /// Folder of memory and journals of earlier runs [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct DormantArgs {
    #[command(flatten)]
    common: Common,
    /// List users without a sign-in for so many days
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
    /// List grants of at least this risk
    #[arg(long, value_enum, default_value_t = Least::Medium, value_name = "RISK")]
    least_risk: Least,
}

#[derive(Debug, Args)]
struct ChangesArgs {
    #[command(flatten)]
    common: Common,
    /// Where the comparison begins: a snapshot, or a time for which --evidence has one
    #[arg(long, value_name = "SNAPSHOT|DATE")]
    from: String,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// A report in JSON, or a folder of evidence
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One file to print or to send, without scripts
    Html,
    /// For a spreadsheet; cells are never formulas
    Csv,
    /// JSON; `koreconcile schema report` prints its schema
    Json,
    /// Markdown
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Least {
    Low,
    Medium,
    High,
    Critical,
}

impl Least {
    fn level(self) -> RiskLevel {
        match self {
            Self::Low => RiskLevel::Low,
            Self::Medium => RiskLevel::Medium,
            Self::High => RiskLevel::High,
            Self::Critical => RiskLevel::Critical,
        }
    }
}

/// Makes a report, or checks one.
pub(super) async fn run(args: &ReportArgs, output: &Output) -> Result<Exit, CliError> {
    match &args.about {
        About::Access(common) => {
            let gathered = gather::gather(common, output).await?;
            finish(report::access(gathered.evidence()), common, &gathered, output)
        }
        About::Violations(common) => {
            let gathered = gather::gather(common, output).await?;
            finish(report::violations(gathered.evidence()), common, &gathered, output)
        }
        About::Dormant(DormantArgs { common, days, least_risk }) => {
            let gathered = gather::gather(common, output).await?;
            let dormancy = Dormancy { days: *days, least_risk: least_risk.level() };
            finish(report::dormant(gathered.evidence(), dormancy), common, &gathered, output)
        }
        About::Changes(ChangesArgs { common, from }) => {
            // Before any call: a slip of the pen should cost none.
            let from = gather::earlier(from, common)?;
            let gathered = gather::gather(common, output).await?;
            gathered.is_same_account(&from)?;
            let before = Moment { world: &from.world, read_at: from.made_at };
            finish(report::changes(before, gathered.evidence()), common, &gathered, output)
        }
        About::Verify(VerifyArgs { path }) => verify(path, output),
    }
}

/// Keeps, writes and judges a report.
fn finish(report: Report, common: &Common, gathered: &Gathered, output: &Output) -> Result<Exit, CliError> {
    let report = if common.redact { report::redacted(report) } else { report };
    let unexpected = |error: String| CliError::Unexpected(error);
    let json = || render::json(&report).map_err(|error| unexpected(error.to_string()));
    if let Some(folder) = &common.evidence {
        let kept = Stored {
            account: report.head.account.id.as_ref().map(ToString::to_string),
            commit: report.head.manifests.commit.clone(),
            ..Stored::report(gathered.now)
        };
        let id = Store::new(folder).add(kept, json()?.as_bytes())?;
        output.note(format_args!("kept in {} as {id}", folder.display()));
    }
    let text = match common.format {
        Format::Html => render::html(&report).map_err(|error| unexpected(error.to_string()))?,
        Format::Csv => render::csv(&report),
        Format::Json => facts::visible_json(&json()?).into_owned(),
        Format::Markdown => render::markdown(&report),
    };
    match &common.out {
        Some(file) => output::store(file, text.as_bytes())
            .map_err(|source| CliError::Write { path: file.display().to_string(), source })?,
        None => output.raw(&text),
    }
    if report.is_complete() {
        return Ok(Exit::Done);
    }
    let gaps = facts::count(report.head.gaps.len(), "gap");
    output.warn(format_args!("warning: the report is not complete ({gaps}):"));
    for gap in &report.head.gaps {
        output.warn(format_args!("  {gap}"));
    }
    if common.allow_gaps {
        return Ok(Exit::Done);
    }
    output.warn("help: correct what is missing and run again, or accept the gaps with --allow-gaps");
    Ok(Exit::Partial)
}

fn verify(path: &Path, output: &Output) -> Result<Exit, CliError> {
    if path.is_dir() {
        let verified = Store::new(path).verify()?;
        output.result(&format!(
            "{}: {} kept, each as it was written\nhead {}\n",
            path.display(),
            facts::count(verified.entries, "file"),
            verified.head
        ));
        return Ok(Exit::Done);
    }
    let json =
        std::fs::read(path).map_err(|source| CliError::File { path: path.display().to_string(), source })?;
    let checked = report::check(&json)
        .map_err(|why| EvidenceError::NotAReport { path: path.display().to_string(), why })?;
    if !checked.is_right() {
        return Err(EvidenceError::OtherDigest {
            path: path.display().to_string(),
            stated: checked.stated,
            computed: checked.computed,
        }
        .into());
    }
    output.result(&format!("{}: SHA-256 {}, as stated\n", path.display(), checked.computed));
    Ok(Exit::Done)
}
