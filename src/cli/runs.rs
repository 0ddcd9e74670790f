//! `runs`: the journals of the state folder: when each run was, what it set out to do, and how it ended.

use super::inputs::Inputs;
use super::secret::credentials;
use super::session::state_folder;
use super::{CliError, Exit, Output};
use crate::apply::{self, Run};
use crate::facts::{count, visible};
use crate::manifest::{AccountServer, Compiled};
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// List the runs that have a journal, the newest first.
#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Folder of the journals [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Readable text
    Text,
    /// JSON
    Json,
}

/// Lists them.
pub(super) fn run(args: &RunsArgs, output: &Output) -> Result<Exit, CliError> {
    let (_, compiled) = args.inputs.compile_all(true, Timestamp::now(), output)?;
    let folder = folder(&compiled, args.state_dir.as_deref(), output)?;
    let runs = listed(&folder)?;
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&runs);
            output.json(&(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n"));
        }
        Format::Text if runs.is_empty() => {
            output.note(format_args!("no run has a journal in {}", folder.display()));
        }
        Format::Text => output.result(&runs.iter().map(text).collect::<String>()),
    }
    Ok(Exit::Done)
}

/// The newest run that sent something: the one that can be undone.
pub(super) fn last(
    compiled: &Compiled,
    state_dir: Option<&Path>,
    output: &Output,
) -> Result<PathBuf, CliError> {
    let folder = folder(compiled, state_dir, output)?;
    let runs = listed(&folder)?;
    let last = runs.into_iter().find(|run| run.sent > 0);
    last.map(|run| run.journal).ok_or_else(|| CliError::NoRun { path: folder.display().to_string() })
}

fn listed(folder: &Path) -> Result<Vec<Run>, CliError> {
    apply::runs(folder).map_err(|source| CliError::File { path: folder.display().to_string(), source })
}

/// The state folder of the account. Without a pinned account it has the name of the app, which the credentials tell.
fn folder(compiled: &Compiled, state_dir: Option<&Path>, output: &Output) -> Result<PathBuf, CliError> {
    let client = match (&compiled.policy.account_id, &compiled.account.endpoint) {
        (None, AccountServer::Host(_)) => Some(credentials(compiled, output)?.client_id),
        _ => None,
    };
    state_folder(compiled, state_dir, client.as_deref()).ok_or_else(|| {
        let problem = "there is no state folder: neither HOME nor XDG_STATE_HOME is set".to_owned();
        CliError::State { problem }
    })
}

/// `2026-11-30T12:00:00Z  plan 1a2b3c4d5e6f, 12 changes: 11 applied, 1 failed; 9 calls`, and below it the journal.
fn text(run: &Run) -> String {
    let Run { journal, started, ended, plan, changes, outcomes, sent, unanswered, calls } = run;
    let time = |at: &Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let journal = journal.display();
    let Some(started) = started else {
        return format!("unknown time  {journal}\n    the journal tells of no run that began\n");
    };
    let plan = plan.as_deref().unwrap_or_default();
    let plan = visible(plan.get(..12).unwrap_or(plan));
    let told: Vec<String> = outcomes.iter().map(|(word, number)| format!("{number} {word}")).collect();
    let told = if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) };
    let end = if let Some(ended) = ended {
        let calls = calls.map(|calls| format!(" with {}", count(calls as usize, "call")));
        format!("ended {}{}", time(ended), calls.unwrap_or_default())
    } else {
        let call = unanswered.as_ref().map(|call| format!("; no answer to: {}", visible(call)));
        let calls = count(*sent, "call");
        format!("has no end: interrupted, or under way; {calls} sent{}", call.unwrap_or_default())
    };
    let changes = count(*changes, "change");
    format!("{}  plan {plan}, {changes}{told}\n    {end}\n    {journal}\n", time(started))
}
