//! `baseline`: what the account holds and no manifest asks for becomes a reviewed file, so that plans count what is new.

use super::inputs::Inputs;
use super::plan::{Made, extent, make};
use super::session::Session;
use super::{CliError, Exit, Output, schema};
use crate::facts::count;
use crate::kore::replace_file;
use crate::manifest::write::{self, BaselineFact, can_be_known};
use crate::manifest::{Manifest, Manifests};
use crate::plan::{Plan, RiskLevel, Tolerated, Unmanaged};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};

/// Write down what the account holds and no manifest asks for, so that plans count only what is new.
#[derive(Debug, Args)]
pub(super) struct BaselineArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// File to write; what it lists already keeps its day [default: baseline.yaml beside the account]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print it and write nothing
    #[arg(long, conflicts_with = "out")]
    dry_run: bool,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = super::inputs::time)]
    max_wait: SignedDuration,
    /// Folder of memory, call budget, journals and unfinished work [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Reads the account, and writes what is unmanaged.
pub(super) async fn run(args: &BaselineArgs, output: &Output) -> Result<Exit, CliError> {
    let now = Timestamp::now();
    let (manifests, compiled) = args.inputs.compile(false, now, output)?;
    let reach = super::inputs::Reach::reading(args.max_wait, args.state_dir.clone());
    let account = compiled.account.clone();
    let session = Session::open(&compiled, &reach, output).await?;
    let made = make(&manifests, compiled, &session, &reach, extent(&args.inputs, &reach), output).await;
    session.close().await;
    let Made { plan, world, .. } = made?;
    let facts = facts(&plan, now);
    let file = match (&args.out, &account.file) {
        (Some(file), _) => file.clone(),
        (None, Some(account)) => Path::new(&**account).with_file_name("baseline.yaml"),
        (None, None) => PathBuf::from("baseline.yaml"),
    };
    let names_account = (manifests.accounts().len() > 1).then_some(&*account.name);
    let text = write::baseline(&account.name, names_account, &facts, &world);
    if args.dry_run {
        output.raw(&text);
        return Ok(Exit::Done);
    }
    keep_others(&file, &manifests)?;
    let failed = |source| CliError::Write { path: file.display().to_string(), source };
    replace_file(&file, text.as_bytes()).map_err(failed)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    schema::write_beside(folder, true)?;
    output.result(&format!("{}\n", file.display()));
    tell(&plan, &facts, output);
    Ok(Exit::Done)
}

/// What is known keeps its day; the rest is known from today on.
fn facts(plan: &Plan, now: Timestamp) -> Vec<BaselineFact> {
    let today = now.strftime("%Y-%m-%d").to_string();
    let listed = plan.unmanaged.iter().filter(|fact| can_be_known(&fact.subject));
    let known = listed.filter_map(|Unmanaged { subject, why: _, risk, tolerated }| {
        let since = match tolerated {
            None => today.clone(),
            Some(Tolerated::Acknowledged { since, .. }) => since.clone(),
            Some(Tolerated::Undeclarable) => return None,
        };
        let note = (risk.level >= RiskLevel::High).then(|| format!("{}: {}", risk.level.label(), risk.why));
        Some(BaselineFact { key: subject.clone(), since, note })
    });
    known.collect()
}

/// A file is written anew only if it holds nothing but baselines, all of which were read.
fn keep_others(file: &Path, manifests: &Manifests) -> Result<(), CliError> {
    if std::fs::symlink_metadata(file).is_err() {
        return Ok(());
    }
    let path = file.display().to_string();
    let is_here =
        |manifest: &&Manifest| manifest.file().is_some_and(|other| same_file(Path::new(&**other), file));
    let mut documents = manifests.all().iter().filter(is_here).peekable();
    if documents.peek().is_none() {
        return Err(CliError::BaselineTaken { path, what: "it is not among the manifests that were read" });
    }
    match documents.find(|manifest| manifest.kind() != crate::manifest::kinds::Kind::Baseline) {
        Some(_) => Err(CliError::BaselineTaken { path, what: "it holds other manifests" }),
        None => Ok(()),
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn tell(plan: &Plan, facts: &[BaselineFact], output: &Output) {
    let new = plan.open_unmanaged().filter(|fact| can_be_known(&fact.subject));
    let privileged = new.clone().filter(|fact| fact.risk.level >= RiskLevel::High).count();
    let new = new.count();
    output.note(format_args!(
        "{} known, {new} of them new, {privileged} of those of high or critical risk: look at these first",
        count(facts.len(), "fact")
    ));
    output.note("review the file like any other change; plans no longer count what it lists");
}
