//! `apply`: plan, ask, apply, read back, and report the outcome of every change.

use super::error::{of_kore, said};
use super::inputs::{Inputs, Reach};
use super::memory;
use super::plan::{Made, make, style};
use super::saved;
use super::session::Session;
use super::{CliError, Exit, Output};
use crate::apply::{self, Account, BeforeImageSource, ChangeOutcome, Journal, Outcome};
use crate::facts::{self, BotId, BotName, Mode};
use crate::kore::Writer;
use crate::manifest::Compiled;
use crate::plan::{Plan, render};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Show the plan, ask for confirmation, apply it, and read the result back.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    reach: Reach,
    /// Apply without asking for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Apply this saved plan and nothing else; account, credentials and limits come from the manifests
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

/// Applies what the manifests want.
pub(super) async fn run(args: &ApplyArgs, output: &Output) -> Result<Exit, CliError> {
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(CliError::NoTerminal);
    }
    let (manifests, compiled) = args.inputs.compile(args.reach.keep_going, Timestamp::now(), output)?;
    if let Some(why) = why_held(&compiled.policy) {
        output.warn(why);
    }
    let session = Session::open_to_write(&compiled, &args.reach, output).await?;
    let ended = async {
        restore(&session, &compiled.policy, output).await?;
        let made = match &args.plan {
            Some(file) => reopen(file, &compiled, &session, &args.reach, output).await?,
            None => make(&manifests, compiled, &session, &args.reach, output).await?,
        };
        output.result(&render::text(&made.plan, style(output)));
        output.written()?;
        carry_out(made, args.yes, &session, output).await
    }
    .await;
    session.close().await;
    ended
}

/// A saved plan, under today's guards and on today's account. Stale changes are found call by call.
async fn reopen(
    file: &Path,
    compiled: &Compiled,
    session: &Session,
    reach: &Reach,
    output: &Output,
) -> Result<Made, CliError> {
    let opened = saved::open(file, &compiled.policy, reach.limits(), session, output)?;
    let world = session.observe_for(&opened.saved.plan, compiled).await?;
    let memory = memory::load(session.state.as_deref(), output);
    let context = session.context(compiled, opened.saved.plan.inputs.clone(), reach, memory);
    let plan = saved::recheck(&opened, &world, context);
    Ok(Made { plan, world, policy: opened.policy })
}

/// Why nothing is written to this account.
fn why_held(policy: &crate::facts::Policy) -> Option<String> {
    if policy.suspend {
        return Some(format!(
            "nothing will be written: the account is suspended ({})",
            policy.blame("suspend")
        ));
    }
    (policy.mode == Mode::Observe).then(|| {
        format!("nothing will be written: the mode of the account is Observe ({})", policy.blame("mode"))
    })
}

/// First of all, what an interrupted run has left behind.
async fn restore(session: &Session, policy: &crate::facts::Policy, output: &Output) -> Result<(), CliError> {
    let Some(folder) = session.state.as_ref().filter(|_| why_held(policy).is_none()) else { return Ok(()) };
    let writer = Writer::new(session.gateway.clone());
    let account = Account { reader: &session.reader, writer: &writer, gateway: &session.gateway };
    let restored =
        apply::repair(BeforeImageSource::Folder(folder), &account, policy, &CancellationToken::new()).await?;
    for email in restored {
        output
            .note(format_args!("restored the assignments of {email}, which an interrupted run had cleared"));
    }
    Ok(())
}

pub(super) async fn carry_out(
    made: Made,
    is_agreed: bool,
    session: &Session,
    output: &Output,
) -> Result<Exit, CliError> {
    let Made { plan, world, policy } = made;
    let is_refused = !plan.refused.is_empty();
    let has_rest = !plan.blocked.is_empty() || !plan.manual.is_empty();
    let sendable = plan.sendable().len();
    if why_held(&policy).is_some() {
        return Ok(if is_refused { Exit::Refused } else { Exit::Done });
    }
    if sendable == 0 {
        if is_refused {
            output.warn("nothing was sent: a guard refused, see above");
            return Ok(Exit::Refused);
        }
        if has_rest {
            output.note("nothing was sent: the rest is blocked or needs manual steps, see above");
        }
        return Ok(Exit::Done);
    }
    if !is_agreed && !agrees(&plan, sendable, output)? {
        output.note("nothing was sent");
        return Ok(Exit::Done);
    }
    let mut journal = match &session.state {
        Some(folder) => Journal::create(folder, Timestamp::now())?,
        None => Journal::none(),
    };
    let mut memory = memory::load(session.state.as_deref(), output);
    memory.note_unsent(plan.sendable());
    memory::store(session.state.as_deref(), &memory)?;
    let bots = plan.bots.clone();
    let cancel = CancellationToken::new();
    let listener = tokio::spawn(listen(cancel.clone(), *output));
    let writer = Writer::new(session.gateway.clone());
    let account = Account { reader: &session.reader, writer: &writer, gateway: &session.gateway };
    let outcome = apply::run(plan, &world, &policy, &account, &mut journal, cancel).await;
    listener.abort();
    session.quiet_down();
    tell(&outcome, &bots, &journal, output);
    remember(&outcome, session, output)?;
    Ok(exit_of(&outcome, is_refused, has_rest))
}

/// Remembers what was applied: a fact that another process keeps reverting is noticed, and nothing is sent twice.
fn remember(outcome: &Outcome, session: &Session, output: &Output) -> Result<(), CliError> {
    let mut memory = memory::load(session.state.as_deref(), output);
    let applied =
        outcome.by_change.iter().filter(|(_, fate)| **fate == ChangeOutcome::Applied).map(|(id, _)| id);
    memory.note_applied(applied, Timestamp::now());
    for (id, fate) in &outcome.by_change {
        if let Some(change) = outcome.changes.get(id).filter(|_| fate.is_good()) {
            memory.note_sent(&change.key);
        }
    }
    memory::store(session.state.as_deref(), &memory)
}

fn agrees(plan: &Plan, sendable: usize, output: &Output) -> Result<bool, CliError> {
    let held = plan.changes.len() - sendable;
    let held = if held > 0 { format!(" ({held} refused or waiting)") } else { String::new() };
    let changes = facts::count(sendable, "change");
    output.warn(format_args!("\nApply {changes}{held}? Only \"yes\" will be accepted."));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CliError::Unexpected(format!("the answer could not be read: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// The first Ctrl-C finishes the call in flight; a second one ends the program.
async fn listen(cancel: CancellationToken, output: Output) {
    if tokio::signal::ctrl_c().await.is_ok() {
        cancel.cancel();
        output.warn("stopping after the call in flight; Ctrl-C again stops at once");
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(i32::from(Exit::Partial as u8));
    }
}

/// Reports the outcome: every change that was not applied, then the counts.
fn tell(outcome: &Outcome, bots: &BTreeMap<BotId, BotName>, journal: &Journal, output: &Output) {
    let Outcome { by_change, changes, calls, error, was_interrupted } = outcome;
    let mut amiss: Vec<_> = by_change
        .iter()
        .filter(|(_, fate)| !fate.is_good())
        .filter_map(|(id, fate)| Some((changes.get(id)?, fate)))
        .collect();
    amiss.sort_by(|(left, _), (right, _)| left.key.cmp(&right.key));
    for (change, fate) in amiss {
        let why = match fate {
            ChangeOutcome::Stale(seen) => format!("stale, not sent: the account shows {seen}"),
            ChangeOutcome::Failed(why) => format!("failed: {why}"),
            ChangeOutcome::HeldBack(ground) => {
                let ground = changes
                    .get(ground)
                    .map_or_else(|| ground.to_string(), |change| render::named(bots, &change.key));
                format!("blocked: {ground} was not applied")
            }
            ChangeOutcome::NotSent(why) => format!("not sent: {why}"),
            ChangeOutcome::Applied | ChangeOutcome::AlreadyThere | ChangeOutcome::Waiting => continue,
        };
        output.warn(format_args!("! {}\n    {why}", render::in_words(bots, change)));
    }
    let mut parts = Vec::new();
    for (count, what) in [
        (outcome.count(|fate| *fate == ChangeOutcome::Applied), "applied and read back"),
        (outcome.count(|fate| *fate == ChangeOutcome::AlreadyThere), "already there"),
        (outcome.count(|fate| *fate == ChangeOutcome::Waiting), "waiting for people to accept"),
        (outcome.count(|fate| matches!(fate, ChangeOutcome::Stale(_))), "stale"),
        (outcome.count(|fate| matches!(fate, ChangeOutcome::Failed(_))), "failed"),
        (outcome.count(|fate| matches!(fate, ChangeOutcome::HeldBack(_))), "blocked"),
        (outcome.count(|fate| matches!(fate, ChangeOutcome::NotSent(_))), "not sent"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let journal = journal.path().map(|path| format!(" Journal: {}", path.display())).unwrap_or_default();
    let ended = match (outcome.is_complete(), outcome.has_applied()) {
        (true, _) => "Done",
        (false, true) => "Partly done",
        (false, false) => "Not done",
    };
    let calls = facts::count(*calls as usize, "call");
    output.result(&format!("\n{ended}: {}, with {calls}.\n", parts.join(", ")));
    output.note(journal.trim_start());
    if let Some(error) = error {
        output.error(said(error));
    }
    if *was_interrupted {
        output.warn("interrupted; run again to apply the rest");
    }
}

/// Where several apply: credentials, unreachable, refused, stale, in part.
fn exit_of(outcome: &Outcome, is_refused: bool, has_rest: bool) -> Exit {
    if let Some(error) = &outcome.error {
        match of_kore(error) {
            Exit::Unexpected => {}
            exit => return exit,
        }
    }
    if is_refused {
        return Exit::Refused;
    }
    if outcome.is_all_stale() {
        return Exit::Stale;
    }
    match (outcome.is_complete(), outcome.has_applied()) {
        (true, true) if has_rest => Exit::Partial,
        (true, _) => Exit::Done,
        (false, _) if outcome.was_interrupted => Exit::Partial,
        (false, true) => Exit::Partial,
        (false, false) => Exit::Unexpected,
    }
}
