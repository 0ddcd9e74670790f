//! `undo`: the inverse of a journal, planned, guarded and applied like anything else.

use super::apply::carry_out;
use super::inputs::{Inputs, Reach};
use super::plan::{Made, style};
use super::policies;
use super::session::{Session, check_account};
use super::{CliError, Exit, Output};
use crate::apply::{self, Undo};
use crate::facts::AccountId;
use crate::manifest::Compiled;
use crate::plan::{self, Memory, Plan, render};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Revert what a run did.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// Journal of the run: a file in the state folder of the account
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    reach: Reach,
    /// Apply without asking for confirmation
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Show the plan and stop
    #[arg(long)]
    dry_run: bool,
}

/// Shows the inverse, asks, and applies it.
pub(super) async fn run(args: &UndoArgs, output: &Output) -> Result<Exit, CliError> {
    if !args.yes && !args.dry_run && !std::io::stdin().is_terminal() {
        return Err(CliError::NoTerminal);
    }
    let (_, compiled) = args.inputs.compile_all(true, Timestamp::now(), output)?;
    let Undo { desired, lost, account, applied } = apply::undo(&args.journal)?;
    check_account(&compiled.policy, account.map(AccountId::new).as_ref())?;
    let declared = policies::needed(&compiled.desired, &compiled.rules);
    let compiled = Compiled { desired, ..compiled };
    let session = if args.dry_run {
        Session::open(&compiled, &args.reach, output).await?
    } else {
        Session::open_to_write(&compiled, &args.reach, output).await?
    };
    let ended = async {
        let _lock = session.lock(args.reach.max_wait, output)?;
        // An undo declares nothing: what was asked for stays remembered as it is.
        let remembered = Memory { facts: Vec::new(), ..session.memory.load()? };
        let world = session.observe(&compiled, &remembered).await?;
        let context = session.context(&compiled, plan::Inputs::default(), &args.reach, remembered);
        let Compiled { desired, policy, rules, .. } = compiled;
        // What is not declared is not part of an undo.
        let plan = Plan { unmanaged: Vec::new(), ..plan::make(desired, &world, &policy, &context) };
        let plan = policies::review(plan, (&declared, &rules), &world, &policy, &context);
        output.result(&render::text(&plan, style(output)));
        output.written()?;
        output.note(format_args!("\nthe run applied {applied} changes"));
        if !lost.is_empty() {
            output.warn("\nWhat cannot be restored:");
            for line in &lost {
                output.warn(format_args!("  {line}"));
            }
        }
        if args.dry_run {
            return Ok(Exit::Done);
        }
        Box::pin(carry_out(
            Made { plan, world, policy, policies: rules.digest, memory: None, known: BTreeSet::new() },
            args.yes,
            &session,
            output,
        ))
        .await
    }
    .await;
    session.close().await;
    ended
}
