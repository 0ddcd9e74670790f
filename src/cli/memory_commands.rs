//! `memory` and `forget`: look at what earlier applies asked for, hand it over, and let go of parts of it. None of them
//! sends anything.

use super::inputs::Inputs;
use super::lock::RunLock;
use super::memory::MemoryStore;
use super::session::state_folder;
use super::{CliError, Exit, Output, declaration, memory};
use crate::facts;
use crate::manifest::{Compiled, Manifests};
use crate::memory::KEY_VARIABLE;
use crate::plan::{Memory, RememberedFact};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Show or hand over the memory of what was asked for.
#[derive(Debug, Args)]
pub(super) struct MemoryArgs {
    #[command(subcommand)]
    verb: MemoryVerb,
}

#[derive(Debug, Subcommand)]
enum MemoryVerb {
    /// Print what earlier applies asked for and no read has shown gone
    Show(ShowArgs),
    /// Let these manifests take over the memory of others, or start a new one where it cannot be read
    Accept(AcceptArgs),
    /// Print a new key for the seal of a memory in a git reference
    Key,
}

#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct AcceptArgs {
    #[command(flatten)]
    place: Place,
}

/// Forget what was asked for: it is not taken back, and from then on it is unmanaged.
#[derive(Debug, Args)]
#[command(
    override_usage = "koreconcile forget [OPTIONS] FACT [PATH]...\n       koreconcile forget --all [PATH]..."
)]
pub(super) struct ForgetArgs {
    /// Text that the facts to forget contain, as `memory show` prints them: an address, a role, a bot id
    #[arg(value_name = "FACT|PATH")]
    words: Vec<String>,
    /// Forget everything
    #[arg(long)]
    all: bool,
    /// Name of the `KoreAccount`, when the manifests declare several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Folder of the memory [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Which account, and where its memory is.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    inputs: Inputs,
    /// Folder of the memory [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Readable text
    Text,
    /// JSON, as it is stored
    Json,
}

/// Shows or hands over.
pub(super) fn run(args: &MemoryArgs, output: &Output) -> Result<Exit, CliError> {
    match &args.verb {
        MemoryVerb::Show(args) => show(args, output),
        MemoryVerb::Accept(args) => accept(args, output),
        MemoryVerb::Key => {
            let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
            output.result(&format!("{}{}\n", halves[0].simple(), halves[1].simple()));
            output.note(format_args!(
                "keep it as a secret of the pipeline, and give it to apply and plan jobs as {KEY_VARIABLE}"
            ));
            Ok(Exit::Done)
        }
    }
}

/// Forgets.
pub(super) fn forget(args: &ForgetArgs, output: &Output) -> Result<Exit, CliError> {
    let (fact, paths) = match args.words.split_first() {
        Some((fact, paths)) if !args.all => (Some(fact.to_lowercase()), paths),
        _ if args.all => (None, &args.words[..]),
        _ => {
            output.error(
                "forget needs a fact\n  give a part of what `koreconcile memory show` prints, or --all",
            );
            return Ok(Exit::Invalid);
        }
    };
    let paths = if paths.is_empty() { vec![".".to_owned()] } else { paths.to_vec() };
    let inputs = Inputs { paths, account: args.account.clone(), complete: false };
    let opened = open(&inputs, args.state_dir.as_deref(), output)?;
    let _lock = RunLock::take(opened.folder.as_deref(), &opened.memory)?;
    let mut memory = opened.memory.load()?;
    memory::check_owner(&memory, &opened.manifests, &opened.compiled)?;
    let before = memory.facts.len();
    let mut kept = std::mem::take(&mut memory.facts);
    let is_kept = |name: String| fact.as_ref().is_some_and(|fact| !name.to_lowercase().contains(fact));
    kept.retain(|(key, _)| is_kept(memory.named(key)));
    memory.facts = kept;
    let forgotten = before - memory.facts.len();
    memory.generation += 1;
    opened.memory.store(&memory)?;
    output.result(&format!(
        "Forgot {}; {} remembered.\n",
        facts::count(forgotten, "fact"),
        facts::count(memory.facts.len(), "fact")
    ));
    Ok(Exit::Done)
}

fn show(args: &ShowArgs, output: &Output) -> Result<Exit, CliError> {
    let opened = open(&args.place.inputs, args.place.state_dir.as_deref(), output)?;
    let memory = opened.memory.load()?;
    let text = match args.format {
        Format::Text => text(&memory),
        Format::Json => {
            let json = serde_json::to_string_pretty(&memory);
            json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n"
        }
    };
    output.result(&text);
    Ok(Exit::Done)
}

fn accept(args: &AcceptArgs, output: &Output) -> Result<Exit, CliError> {
    let opened = open(&args.place.inputs, args.place.state_dir.as_deref(), output)?;
    let _lock = RunLock::take(opened.folder.as_deref(), &opened.memory)?;
    let memory = match opened.memory.load_any() {
        Ok(memory) => memory,
        Err(error) => {
            output.warn(format_args!("warning: {error}"));
            output.warn("a new memory is started: what it held is not taken back, and shows as unmanaged");
            Memory::default()
        }
    };
    let owner = declaration::name(&opened.manifests, &opened.compiled);
    let message = match (&memory.declaration, &owner) {
        (Some(before), Some(now)) if before != now => format!("Handed over from {before} to {now}"),
        (_, Some(now)) => format!("The memory belongs to {now}"),
        (_, None) => "The memory belongs to manifests from standard input".to_owned(),
    };
    let generation = memory.generation + 1;
    // A new owner has applied nothing yet.
    let is_same = memory.declaration == owner;
    let applied_revision = memory.applied_revision.clone().filter(|_| is_same);
    let memory = Memory { declaration: owner, generation, applied_revision, ..memory };
    opened.memory.store(&memory)?;
    output.result(&format!("{message}: {} remembered.\n", facts::count(memory.facts.len(), "fact")));
    Ok(Exit::Done)
}

struct Opened {
    manifests: Manifests,
    compiled: Compiled,
    folder: Option<PathBuf>,
    memory: MemoryStore,
}

fn open(inputs: &Inputs, state_dir: Option<&std::path::Path>, output: &Output) -> Result<Opened, CliError> {
    let (manifests, compiled) = inputs.compile(true, Timestamp::now(), output)?;
    let client_id = super::secret::client_id(&compiled, output);
    let folder = state_folder(&compiled, state_dir, client_id.as_deref());
    let memory = MemoryStore::open(&compiled, folder.as_deref());
    Ok(Opened { manifests, compiled, folder, memory })
}

fn text(memory: &Memory) -> String {
    let mut text = String::new();
    let Memory { declaration, applied_revision, facts: remembered, .. } = memory;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "Declared by {}", declaration.as_deref().unwrap_or("nobody yet"));
    if let Some(revision) = applied_revision {
        let _ = writeln!(text, "Applied last on {revision}");
    }
    let (dropped, declared): (Vec<_>, Vec<_>) =
        remembered.iter().partition(|(_, fact)| fact.dropped.is_some());
    let _ = writeln!(text, "\nDeclared ({})", declared.len());
    for (key, fact) in declared {
        let _ = writeln!(text, "{}", line(&memory.named(key), fact));
    }
    if !dropped.is_empty() {
        let _ = writeln!(text, "\nNo longer declared, and not seen gone ({})", dropped.len());
        for (key, fact) in dropped {
            let _ = writeln!(text, "{}", line(&memory.named(key), fact));
        }
    }
    text
}

fn line(fact_in_words: &str, fact: &RememberedFact) -> String {
    let place = fact.sources.first().map(|source| format!("  # {source}")).unwrap_or_default();
    let state = match (&fact.dropped, fact.read_back) {
        (Some(dropped), _) => format!("no longer declared since {dropped}"),
        (None, Some(at)) => format!("read back {}", at.strftime("%Y-%m-%d %H:%M")),
        (None, None) => "asked for".to_owned(),
    };
    format!("    {fact_in_words}  ({state}){place}")
}
