//! `adopt`: what was changed in the console becomes an edit of the manifests, or is left for the plan to revert.
//!
//! Nothing is sent to the account. What is written is proved first ([`crate::manifest::edit`] and, for policies,
//! [`proved`]); what cannot be proved or edited is printed, as a manual step.

mod choose;
mod ends;
mod patch;
mod proved;
mod report;
mod store;

use super::base::BaseArgs;
use super::inputs::{Inputs, Reach, time};
use super::plan::{Made, extent, make};
use super::session::Session;
use super::{CliError, Exit, Output};
use crate::facts::{World, count};
use crate::manifest::edit::{Adoption, Edited, Stance};
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Difference, Drift, Memory, Plan};
use choose::{Choice, MaxRisk};
use clap::Args;
use ends::Ends;
use jiff::Timestamp;
use proved::Unproved;
use report::Report;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Write what was changed in the console into the manifests, or leave it for the plan to revert.
#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Adopt these facts: a user's address, a family such as `admin roles`, or a pattern such as `*: Bot Tester on *`;
    /// may be repeated
    #[arg(long, value_name = "WHAT", conflicts_with = "all")]
    only: Vec<String>,
    /// Adopt every fact that was changed in the account and not in the manifests
    #[arg(long)]
    all: bool,
    /// Leave facts of a higher risk to the plan
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = MaxRisk::Critical)]
    max_risk: MaxRisk,
    /// What to do with the edits
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = Form::Edit)]
    form: Form,
    /// Output format
    #[arg(long, value_enum, default_value_t = AdoptFormat::Text)]
    format: AdoptFormat,
    /// Adopted grants of high or critical risk do not end
    #[arg(long, conflicts_with = "until")]
    permanent: bool,
    /// End of adopted grants of high or critical risk: 2026-12-31 or 2026-12-31T18:00:00Z [default: in 14 days, for up
    /// to 10 of them]
    #[arg(long, value_name = "DATE", value_parser = ends::date)]
    until: Option<Timestamp>,
    #[command(flatten)]
    base: BaseArgs,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    max_wait: jiff::SignedDuration,
    /// Folder of memory and call budget [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// What happens to the edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Write them to the files
    Edit,
    /// Print them as a diff for `git apply`, and write nothing
    Patch,
    /// List what differs, and write nothing
    List,
}

/// The format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AdoptFormat {
    /// Readable text
    Text,
    /// JSON
    Json,
    /// Markdown for the description of a pull request
    Markdown,
}

/// The account beside its manifests.
struct Seen {
    plan: Plan,
    world: World,
    memory: Memory,
}

/// Reads, chooses, edits, proves, writes.
pub(super) async fn run(args: &AdoptArgs, output: &Output) -> Result<Exit, CliError> {
    let is_asking = !args.all && args.only.is_empty() && args.form != Form::List;
    if is_asking && !std::io::stdin().is_terminal() {
        return Err(CliError::AdoptNoTerminal);
    }
    let now = Timestamp::now();
    let choice = Choice::new(&args.only, args.all, args.max_risk)?;
    let (manifests, compiled) = args.inputs.compile(false, now, output)?;
    let Seen { plan, world, memory } = look(args, &manifests, &compiled, output).await?;
    let found = plan::drift(&plan, &world, &memory);
    let adopted = match args.form {
        Form::List => vec![false; found.len()],
        _ if is_asking => choose::ask(&found, &plan.bots)?,
        _ => choice.choose(&found, &plan.bots, output),
    };
    let ends = Ends::new(args.permanent, args.until, &found, &adopted, now)?;
    let chosen = found.iter().zip(&adopted).filter(|(_, is_adopted)| **is_adopted);
    let adoptions: Vec<Adoption> = chosen.map(|(drift, _)| adoption(drift, &ends)).collect();
    let edited = match proved::edit(&manifests, &compiled, &world, adoptions, now) {
        Ok(edited) => edited,
        Err(Unproved { edited, problems }) => {
            output.raw(&patch::patch(&edited.files));
            return Err(CliError::Unproved(problems.join("\n  ")));
        }
    };
    let patch = patch::patch(&edited.files);
    if args.form == Form::Edit {
        store::store(&edited.files)?;
    }
    let report = Report::new(&found, &adopted, &edited, &ends, &plan.bots);
    show(args, &report, &edited, &patch, output)?;
    Ok(if edited.by_hand.is_empty() { Exit::Done } else { Exit::Partial })
}

async fn look(
    args: &AdoptArgs,
    manifests: &Manifests,
    compiled: &Compiled,
    output: &Output,
) -> Result<Seen, CliError> {
    let reach = Reach::reading(args.max_wait, args.state_dir.clone());
    let base = args.base.read(&args.inputs, compiled, output)?;
    let session = Session::open(compiled, &reach, output).await?;
    let looked = async {
        let memory = session.memory.load_for_plan(output)?;
        let extent = extent(&args.inputs, &reach);
        let Made { plan, world, .. } =
            make(manifests, compiled.clone(), &session, &reach, extent, output).await?;
        let plan = match base {
            Some(base) => base.mark(plan, None, &world),
            None => plan,
        };
        Ok(Seen { plan, world, memory })
    }
    .await;
    session.close().await;
    looked
}

fn adoption(drift: &Drift, ends: &Ends) -> Adoption {
    let key = drift.key.clone();
    let stance = match (drift.difference, &drift.seen) {
        (Difference::Gone, _) | (_, None) => Stance::Gone,
        (_, Some(seen)) => {
            let (until, reason) = ends.end_and_reason(drift);
            Stance::Present { value: seen.clone(), until, reason }
        }
    };
    Adoption { key, stance }
}

fn show(
    args: &AdoptArgs,
    report: &Report,
    edited: &Edited,
    patch: &str,
    output: &Output,
) -> Result<(), CliError> {
    let shown = (args.form == Form::Patch).then_some(patch);
    match args.format {
        AdoptFormat::Json => output.json(&report.json(shown)?),
        AdoptFormat::Markdown => output.result(&report.markdown(shown)),
        AdoptFormat::Text => match shown {
            // The diff stands alone, so that it can be piped.
            Some(patch) => {
                output.raw(patch);
                output.note(report.text().trim_end());
            }
            None => output.result(&report.text()),
        },
    }
    if args.form == Form::Edit && !edited.files.is_empty() {
        let files = count(edited.files.len(), "file");
        output.note(format_args!(
            "{files} changed; look at them with git diff, then commit; koreconcile plan shows what is left"
        ));
    }
    Ok(())
}
