//! `diff`: facts gained and lost between two snapshots, two folders of manifests, two git revisions, or any two of them.

use super::base;
use super::inputs::{Inputs, show};
use super::plan::{PlanFormat, style};
use super::snapshot::Snapshot;
use super::{CliError, Exit, Output};
use crate::facts::{BotId, BotName, BotRef, Directory, Key, Verdict, World};
use crate::manifest::{self, Compiled, Finding};
use crate::plan::{FactDifference, Side, SideFact, difference, render};
use crate::report;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Show which facts were gained and lost between two states.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The first: a snapshot, a file or folder of manifests, or a git revision
    #[arg(value_name = "A")]
    from: String,
    /// The second: the same
    #[arg(value_name = "B")]
    to: String,
    /// Files or folders that are the manifests, of a git revision
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<String>,
    /// Name of the `KoreAccount`, when the manifests declare several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Exit with 2 when there is a difference
    #[arg(long)]
    exit_code: bool,
}

/// What stands on one side.
enum Loaded {
    Observed(Box<World>, Vec<String>),
    Declared(Box<Compiled>),
}

/// Compares, and prints the difference.
pub(super) fn run(args: &DiffArgs, output: &Output) -> Result<Exit, CliError> {
    let now = Timestamp::now();
    let from = load(&args.from, args, now, output)?;
    let to = load(&args.to, args, now, output)?;
    let found = difference(&side(&args.from, &from, &to), &side(&args.to, &to, &from));
    match args.format {
        PlanFormat::Text => output.result(&render::difference(&found, style(output))),
        PlanFormat::Markdown => output.raw(&render::difference_markdown(&found)),
        PlanFormat::Json => {
            let json = serde_json::to_string_pretty(&found);
            output.json(&(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n"));
        }
    }
    let FactDifference { facts, .. } = found;
    Ok(if args.exit_code && !facts.is_empty() { Exit::Changes } else { Exit::Done })
}

/// What is there is a snapshot or manifests; what is not is a revision.
fn load(given: &str, args: &DiffArgs, now: Timestamp, output: &Output) -> Result<Loaded, CliError> {
    let path = Path::new(given);
    let is_manifest = path.is_dir()
        || given == "-"
        || path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"));
    if !path.exists() && given != "-" {
        let read = base::at_revision(given, &args.paths, args.account.as_deref(), now)?;
        let findings = read.manifests.findings().iter().chain(&read.compiled.findings);
        let errors: Vec<&Finding> = findings.filter(|finding| finding.is_error()).collect();
        if let Some(first) = errors.first() {
            let count = errors.len();
            output.warn(format_args!(
                "warning: the manifests at {given} have errors ({count}, the first at {}): what they hide is missing",
                first.spot
            ));
        }
        return Ok(Loaded::Declared(Box::new(read.compiled)));
    }
    if is_manifest {
        let paths = vec![given.to_owned()];
        let inputs = Inputs { paths, account: args.account.clone(), complete: false };
        let manifests = inputs.open();
        let compiled = match manifest::compile(&manifests, args.account.as_deref(), now) {
            Ok(compiled) => compiled,
            Err(error) => {
                show(&[error.finding()], &manifests, output);
                return Err(CliError::NoAccount);
            }
        };
        let findings: Vec<Finding> = manifests
            .findings()
            .iter()
            .chain(&compiled.findings)
            .filter(|found| found.is_error())
            .cloned()
            .collect();
        if !findings.is_empty() {
            show(&findings, &manifests, output);
            return Err(CliError::Findings(manifest::render::count(&findings)));
        }
        return Ok(Loaded::Declared(Box::new(compiled)));
    }
    let snapshot = Snapshot::load(path, SignedDuration::MAX, now)?;
    let gaps = report::gaps_of(&snapshot.world);
    Ok(Loaded::Observed(Box::new(snapshot.world), gaps))
}

/// The facts of one side, with bots as the other side knows them.
fn side(label: &str, loaded: &Loaded, other: &Loaded) -> Side {
    match loaded {
        Loaded::Observed(world, gaps) => Side {
            label: label.to_owned(),
            is_observed: true,
            facts: world
                .facts()
                .iter()
                .map(|(key, value)| {
                    (key.clone(), SideFact { value: value.clone(), sources: Vec::new(), until: None })
                })
                .collect(),
            bots: world.directory.bots.iter().map(|(id, bot)| (id.clone(), bot.name.clone())).collect(),
            gaps: gaps.clone(),
        },
        Loaded::Declared(compiled) => {
            let directory = match other {
                Loaded::Observed(world, _) => Some(&world.directory),
                Loaded::Declared(_) => None,
            };
            declared(label, compiled, directory)
        }
    }
}

fn declared(label: &str, compiled: &Compiled, directory: Option<&Directory>) -> Side {
    let ids = directory.map(ids_of).unwrap_or_default();
    let mut bots: BTreeMap<BotId, BotName> = BTreeMap::new();
    let mut facts: Vec<(Key, SideFact)> = Vec::new();
    for (key, want) in &compiled.desired.wants {
        let Verdict::Present(value) = &want.verdict else { continue };
        let key = key.clone().with_bot(|bot| {
            Some(match bot {
                BotRef::Id(id) => id,
                // Without an account that knows it, the name stands for itself.
                BotRef::Name(name) => {
                    let id = ids.get(&name).map_or_else(|| BotId::new(name.as_str()), |id| (*id).clone());
                    bots.insert(id.clone(), name);
                    id
                }
            })
        });
        if let Some(key) = key {
            let fact = SideFact { value: value.clone(), sources: want.sources.clone(), until: want.until };
            facts.push((key, fact));
        }
    }
    facts.sort_by(|(left, _), (right, _)| left.cmp(right));
    facts.dedup_by(|(left, _), (right, _)| left == right);
    Side { label: label.to_owned(), is_observed: false, facts, bots, gaps: Vec::new() }
}

/// Names that mean one bot.
fn ids_of(directory: &Directory) -> BTreeMap<&BotName, &BotId> {
    let mut ids = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for (id, bot) in &directory.bots {
        if ids.insert(&bot.name, id).is_some() {
            shared.insert(&bot.name);
        }
    }
    ids.retain(|name, _| !shared.contains(name));
    ids
}
