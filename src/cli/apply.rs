//! `apply`: plan, ask, apply, read back, and report the outcome of every change.

use super::approvals::ApprovalArgs;
use super::declaration::Extent;
use super::error::{of_kore, said};
use super::inputs::{Inputs, Reach};
use super::plan::{Made, digest_of, extent, make, style};
use super::saved;
use super::session::Session;
use super::{CliError, Exit, Output};
use super::{declaration, ended, memory, not_done, stop};
use crate::apply::{self, Account, BeforeImageSource, ChangeOutcome, Journal, Outcome};
use crate::facts::{self, BotId, BotName, World, visible};
use crate::kore::Writer;
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Change, Context, Memory, NotDone, Plan, render};
use crate::policy;
use clap::Args;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Take away what was applied with an end that has passed, and nothing else; above a ceiling the highest risks
    #[arg(long, conflicts_with_all = ["plan", "approvals"])]
    ended: bool,
    #[command(flatten)]
    approvals: ApprovalArgs,
}

/// Applies what the manifests want.
pub(super) async fn run(args: &ApplyArgs, output: &Output) -> Result<Exit, CliError> {
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(CliError::NoTerminal);
    }
    if args.ended {
        return ended::run(&args.inputs, &args.reach, args.yes, output).await;
    }
    let (manifests, compiled) = args.inputs.compile(args.reach.keep_going, Timestamp::now(), output)?;
    let folder = declaration::folder(&manifests, &compiled);
    let session = Session::open_to_write(&compiled, &args.reach, output).await?;
    let ended = async {
        let _lock = session.lock(args.reach.max_wait, output)?;
        if !args.reach.rewind {
            memory::check_order(&session.memory.load()?, &manifests, &compiled)?;
        }
        restore(&session, &compiled.policy, output).await?;
        let made = match &args.plan {
            Some(file) => {
                Box::pin(reopen(file, &manifests, &compiled, &session, &args.reach, output)).await?
            }
            None => {
                make(&manifests, compiled, &session, &args.reach, extent(&args.inputs, &args.reach), output)
                    .await?
            }
        };
        output.result(&render::text(&made.plan, style(output)));
        output.written()?;
        args.approvals.check(&made.plan, folder.as_deref())?;
        let made = if args.yes { made } else { offer_lists(made, output)? };
        Box::pin(carry_out(made, args.yes, &session, output)).await
    }
    .await;
    session.close().await;
    ended
}

/// Asks whether lists that are authoritative for the first time are pruned.
fn offer_lists(made: Made, output: &Output) -> Result<Made, CliError> {
    let lists = made.plan.waiting.iter().filter(|entry| entry.reason == plan::Reason::ListProposed);
    let (lists, holders) =
        lists.fold((0, 0), |(lists, holders), entry| (lists + 1, holders + entry.changes.len()));
    if lists == 0 || made.policy.why_read_only().is_some() {
        return Ok(made);
    }
    let (lists, holders) = (facts::count(lists, "list"), facts::count(holders, "undeclared holder"));
    let question = format!("Prune {lists} for the first time, and remove {holders}?");
    if !agrees(&question, output)? {
        output.note("those holders stay for now");
        return Ok(made);
    }
    Ok(match made {
        Made { plan, memory: Some(memory), .. } => {
            let (plan, memory) = plan::take_over(plan, memory);
            Made { plan, memory: Some(memory), ..made }
        }
        undeclared => undeclared,
    })
}

/// A saved plan, under today's guards and on today's account. Stale changes are found call by call.
async fn reopen(
    file: &Path,
    manifests: &Manifests,
    compiled: &Compiled,
    session: &Session,
    reach: &Reach,
    output: &Output,
) -> Result<Made, CliError> {
    let opened =
        saved::open(file, &compiled.policy, &compiled.rules.digest, reach.limits(), session, output)?;
    let world = session.observe_for(&opened.saved.plan, compiled).await?;
    let remembered = session.memory.load()?;
    memory::check_owner(&remembered, manifests, compiled)?;
    let context = session.context(compiled, opened.saved.plan.inputs.clone(), reach, remembered.clone());
    let saved_as = opened.key();
    let mut plan = saved::recheck(&opened, &world, context.clone());
    plan.spent = remembered.saved_plans.get(&saved_as).cloned().unwrap_or_default();
    let limited = Context { limits: opened.limits, ..context };
    let (compiled_rules, _) = policy::compile(&compiled.rules);
    let rules = (&compiled_rules, &compiled.rules);
    let plan = policy::review_declared(plan, rules, &compiled.desired, &world, &opened.policy, &limited);
    let memory = remember_saved(&plan, manifests, compiled, &world, remembered)?;
    let (plan, memory) = if reach.take_over { plan::take_over(plan, memory) } else { (plan, memory) };
    Ok(Made {
        plan,
        world,
        policy: opened.policy,
        policies: compiled.rules.digest.clone(),
        memory: Some(memory),
        known: BTreeSet::new(),
        is_remembered: true,
        saved_as: Some(saved_as),
        undoes: None,
    })
}

/// What is remembered before a saved plan is applied: all that the manifests declare, where it was made of these; else
/// what it asks for, because it says nothing about what else is declared.
fn remember_saved(
    plan: &Plan,
    manifests: &Manifests,
    compiled: &Compiled,
    world: &World,
    remembered: Memory,
) -> Result<Memory, CliError> {
    let now = Timestamp::now();
    let declaration = declaration::collect(manifests, compiled, &remembered, Extent::default(), now)?;
    let revision = declaration.revision.clone();
    let owner = declaration::name(manifests, compiled).or_else(|| remembered.declaration.clone());
    let generation = remembered.generation + 1;
    let mut memory = remembered;
    if plan.inputs.digest == digest_of(manifests).digest {
        let context = Context { memory, declaration, now, ..Context::default() };
        let desired = compiled.desired.clone();
        memory = plan::remember(plan, desired, world, &context);
        memory.applied_revision = Some(revision);
        memory.guards = Some(compiled.policy.guards());
    } else {
        memory.note_saved_plan(&plan.sendable(), &revision);
    }
    Ok(Memory { declaration: owner, generation, ..memory })
}

/// First of all, what an interrupted run has left behind.
pub(super) async fn restore(
    session: &Session,
    policy: &crate::facts::Policy,
    output: &Output,
) -> Result<(), CliError> {
    let Some(folder) = session.state.as_ref().filter(|_| policy.why_read_only().is_none()) else {
        return Ok(());
    };
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
    let Made { plan, world, policy, policies: _, memory, known: _, is_remembered: _, saved_as, undoes } =
        made;
    // Only what speaks for all manifests has an outcome to remember.
    let declares = memory.is_some();
    let memory = memory.map(|memory| memory.with_unmanaged(&plan).with_violations(&plan, Timestamp::now()));
    let left = not_done::of_plan(&plan);
    let sendable = plan.sendable().len();
    if let Some(why) = policy.why_read_only() {
        output.warn(format_args!("nothing is written: {}", visible(&why)));
        let held = [left, not_done::of_changes(&plan, "not sent")].concat();
        return Ok(finish(&held, None, None, output));
    }
    if sendable == 0 {
        if !left.is_empty() {
            output.note("nothing was sent: what is left is refused, blocked or manual, see above");
        }
        let refused = (!plan.refused.is_empty()).then_some(Exit::Refused);
        return conclude(left, memory, refused, session, output);
    }
    if !is_agreed && !agrees(&question(&plan, sendable), output)? {
        output.note("nothing was sent");
        let declined = [left, not_done::of_changes(&plan, "declined")].concat();
        return Ok(finish(&declined, None, None, output));
    }
    let mut journal = match &session.state {
        Some(folder) => Journal::create(folder, Timestamp::now())?,
        None => Journal::none(),
    };
    let mut remembered = match &memory {
        Some(memory) => memory.clone(),
        None => session.memory.load()?,
    };
    remembered.note_unsent(plan.sendable());
    session.memory.store(&remembered)?;
    let bots = plan.bots.clone();
    let outcome = Box::pin(send(plan, &world, &policy, session, &mut journal, output)).await;
    tell(&outcome, &bots, &journal, output);
    note_outcome(&mut remembered, &outcome, saved_as.as_deref());
    if let Some(run) = undoes {
        let good = outcome.by_change.iter().filter(|(_, ended)| ended.is_good());
        let good = good.filter_map(|(id, _)| outcome.changes.get(id));
        remembered.note_undone(&run, good, Timestamp::now());
    }
    remembered.generation += 1;
    let left = [left, not_done::of_outcome(&outcome)].concat();
    let code = exit_of(&outcome);
    if declares {
        return conclude(left, Some(remembered), code, session, output);
    }
    session.memory.store_outcome(&remembered)?;
    Ok(finish(&left, None, code, output))
}

/// Sends it, for as long as this run has the lock and is not stopped.
async fn send(
    plan: Plan,
    world: &World,
    policy: &facts::Policy,
    session: &Session,
    journal: &mut Journal,
    output: &Output,
) -> Outcome {
    let cancel = CancellationToken::new();
    let listener = stop::listen(cancel.clone(), *output);
    let writer = Writer::new(session.gateway.clone()).within(session.memory.lease_term());
    let account = Account { reader: &session.reader, writer: &writer, gateway: &session.gateway };
    let outcome = tokio::select! {
        outcome = apply::run(plan, world, policy, &account, journal, cancel) => outcome,
        never = session.memory.keep_locked() => match never {},
    };
    listener.abort();
    session.quiet_down();
    outcome
}

/// Remembers what was applied: a fact that another process keeps reverting is noticed, what was taken away is
/// forgotten, and nothing is sent twice.
fn note_outcome(memory: &mut Memory, outcome: &Outcome, saved_as: Option<&str>) {
    let now = Timestamp::now();
    let applied =
        || outcome.by_change.iter().filter(|(_, fate)| **fate == ChangeOutcome::Applied).map(|(id, _)| id);
    memory.note_applied(applied(), now);
    if let Some(plan) = saved_as {
        memory.note_saved(plan, applied());
    }
    for (id, fate) in &outcome.by_change {
        if let Some(change) = outcome.changes.get(id).filter(|_| fate.is_unkept() || fate.is_good()) {
            memory.note_kept(change, fate.is_good());
        }
    }
    let good = outcome.by_change.iter().filter(|(_, fate)| fate.is_good());
    let good: Vec<&Change> = good.filter_map(|(id, _)| outcome.changes.get(id)).collect();
    for change in &good {
        memory.note_sent(&change.key);
    }
    let is_read_back = |change: &&&Change| outcome.by_change.get(&change.id) != Some(&ChangeOutcome::Waiting);
    memory.note_read_back(good.iter().filter(is_read_back).copied(), now);
}

/// Stores what is remembered, and ends with the code of what is not done.
fn conclude(
    left: Vec<NotDone>,
    memory: Option<Memory>,
    code: Option<Exit>,
    session: &Session,
    output: &Output,
) -> Result<Exit, CliError> {
    let Some(mut memory) = memory else { return Ok(finish(&left, None, code, output)) };
    let exit = finish(&left, Some(&memory), code, output);
    let now = memory.applied_revision.clone().unwrap_or_default();
    not_done::remember(left, &mut memory, &now);
    session.memory.store_outcome(&memory)?;
    Ok(exit)
}

/// The exit code of what is not done, unless there is one already, and the last line, which says why.
fn finish(left: &[NotDone], memory: Option<&Memory>, code: Option<Exit>, output: &Output) -> Exit {
    let now = memory.and_then(|memory| memory.applied_revision.clone()).unwrap_or_default();
    let exit = code.unwrap_or_else(|| not_done::exit(left, memory, &now));
    if let Some(line) = not_done::last_line(exit, left) {
        output.warn(line);
    }
    exit
}

fn question(plan: &Plan, sendable: usize) -> String {
    let held = plan.changes.len() - sendable;
    let held = if held > 0 { format!(" ({held} refused or waiting)") } else { String::new() };
    format!("Apply {}{held}?", facts::count(sendable, "change"))
}

fn agrees(question: &str, output: &Output) -> Result<bool, CliError> {
    output.warn(format_args!("\n{question} Only \"yes\" will be accepted."));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CliError::Unexpected(format!("the answer could not be read: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// Reports the outcome: every change that was not applied, then the counts.
fn tell(outcome: &Outcome, bots: &BTreeMap<BotId, BotName>, journal: &Journal, output: &Output) {
    let Outcome { by_change, changes, calls, error, was_interrupted, looks: _ } = outcome;
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

/// What outweighs whatever is not done: credentials, an unreachable platform, a plan of which everything was stale.
fn exit_of(outcome: &Outcome) -> Option<Exit> {
    if let Some(error) = &outcome.error {
        match of_kore(error) {
            Exit::Unexpected => {}
            exit => return Some(exit),
        }
    }
    outcome.is_all_stale().then_some(Exit::Stale)
}
