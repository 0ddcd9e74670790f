//! `undo`: the inverse of a journal, planned, guarded and applied like anything else.

use super::apply::carry_out;
use super::inputs::{Inputs, Reach};
use super::plan::{Made, style};
use super::session::{Session, check_account};
use super::{CliError, Exit, Output, runs};
use crate::apply::{self, Undo, Undone};
use crate::facts::{self, AccountId, BotRef, Desired, Key, Verdict, World};
use crate::manifest::Compiled;
use crate::plan::{self, Change, Plan, RememberedFact, render};
use crate::policy;
use clap::Args;
use jiff::Timestamp;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Revert what a run did.
#[derive(Debug, Args)]
#[command(
    override_usage = "koreconcile undo [OPTIONS] JOURNAL [PATH]...\n       koreconcile undo [OPTIONS] --last [PATH]..."
)]
pub(super) struct UndoArgs {
    /// Journal of the run, as `koreconcile runs` lists it; then files or folders of manifests, or - [default: .]
    #[arg(value_name = "JOURNAL|PATH")]
    words: Vec<String>,
    /// Undo the last run that sent something
    #[arg(long)]
    last: bool,
    /// Name of the `KoreAccount`, when the manifests declare several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
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
    let (journal, paths) = chosen(args)?;
    let inputs = Inputs { paths, account: args.account.clone(), complete: false };
    let (_, compiled) = inputs.compile_all(true, Timestamp::now(), output)?;
    let journal = match journal {
        Some(journal) => journal,
        None => runs::last(&compiled, args.reach.state_dir.as_deref(), output)?,
    };
    output.note(format_args!("the run of {}", journal.display()));
    let undo = apply::undo(&journal, Timestamp::now())?;
    check_account(&compiled.policy, undo.account.clone().map(AccountId::new).as_ref())?;
    let referenced = undo.people();
    let asked = compiled.desired.clone();
    let compiled = Compiled { desired: Desired { referenced, ..Desired::default() }, ..compiled };
    let session = if args.dry_run {
        Session::open(&compiled, &args.reach, output).await?
    } else {
        Session::open_to_write(&compiled, &args.reach, output).await?
    };
    let ended = async {
        let _lock = session.lock(args.reach.max_wait, output)?;
        // An undo declares nothing: what was asked for stays remembered as it is.
        let mut remembered = session.memory.load()?;
        let known = std::mem::take(&mut remembered.facts);

        let world = session.observe(&compiled, &remembered).await?;
        let summary = Summary::new(&undo);
        let Undone { mut desired, mut lost, came_about } = undo.of_what_came_about(&world);
        lost.extend(with_known_ends(&mut desired, &known, Timestamp::now()));
        let context = session.context(&compiled, plan::Inputs::default(), &args.reach, remembered);
        let Compiled { policy, rules, .. } = compiled;
        // What is not declared is not part of an undo.
        let plan = Plan {
            unmanaged: Vec::new(),
            declared: Vec::new(),
            ..plan::make(desired, &world, &policy, &context)
        };
        let (compiled_rules, _) = policy::compile(&rules);
        let plan =
            policy::review_declared(plan, (&compiled_rules, &rules), &asked, &world, &policy, &context);
        output.result(&render::text(&plan, style(output)));
        output.written()?;
        summary.tell(came_about, output);
        tell_lost(&lost, output);
        if let Some(warning) = given_again(&plan, &asked, &world) {
            output.warn(warning);
        }
        if args.dry_run {
            return Ok(Exit::Done);
        }
        let run = journal.file_stem().map(|name| name.to_string_lossy().into_owned());
        let made = Made { undoes: run, ..Made::undeclared(plan, world, policy, rules.digest) };
        Box::pin(carry_out(made, args.yes, &session, output)).await
    }
    .await;
    session.close().await;
    ended
}

fn tell_lost(lost: &[String], output: &Output) {
    if !lost.is_empty() {
        output.warn("\nWhat cannot be restored:");
    }
    for line in lost {
        output.warn(format_args!("  {line}"));
    }
}

/// What an undo takes away and the manifests ask for: the next apply gives it again.
fn given_again(plan: &Plan, declared: &Desired, world: &World) -> Option<String> {
    let is_asked_for = |change: &&Change| {
        let by = |bot: BotRef| change.key.clone().with_bot(|_| Some(bot));
        let bot = change.key.bot();
        let names = bot.map(|bot| (BotRef::Id(bot.clone()), world.directory.bots.get(bot)));
        let keys = match names {
            None => vec![by(BotRef::new(""))],
            Some((id, entry)) => [Some(id), entry.map(|entry| BotRef::Name(entry.name.clone()))]
                .into_iter()
                .flatten()
                .map(by)
                .collect(),
        };
        let wants = keys.into_iter().flatten().filter_map(|key| declared.find(&key));
        wants.into_iter().any(|want| matches!(want.verdict, Verdict::Present(_)))
    };
    let again = plan.changes.iter().filter(|change| change.action.is_removal()).filter(is_asked_for).count();
    (again > 0).then(|| {
        format!(
            "\nwarning: the manifests still ask for {} that this takes away: the next apply gives them again; revert the manifests, too",
            facts::count(again, "fact")
        )
    })
}

/// The journal, unless it is the last one; and the manifests.
fn chosen(args: &UndoArgs) -> Result<(Option<PathBuf>, Vec<String>), CliError> {
    let (journal, paths) = match args.words.split_first() {
        _ if args.last => (None, &args.words[..]),
        Some((journal, paths)) => (Some(PathBuf::from(journal)), paths),
        None => return Err(CliError::NoJournal { given: "in the arguments".to_owned() }),
    };
    if let Some(journal) = journal.as_ref().filter(|journal| !journal.exists()) {
        return Err(CliError::NoJournal { given: journal.display().to_string() });
    }
    let paths = if paths.is_empty() { vec![".".to_owned()] } else { paths.to_vec() };
    Ok((journal, paths))
}

/// What the journal says of its run.
struct Summary {
    applied: usize,
    unconfirmed: usize,
    has_end: bool,
}

impl Summary {
    fn new(undo: &Undo) -> Self {
        let Undo { applied, unconfirmed, has_end, .. } = undo;
        Self { applied: *applied, unconfirmed: *unconfirmed, has_end: *has_end }
    }

    /// `came_about`: of the unconfirmed ones.
    fn tell(&self, came_about: usize, output: &Output) {
        let Self { applied, unconfirmed, has_end } = self;
        output.note(format_args!("\nthe run applied {}", facts::count(*applied, "change")));
        if *unconfirmed > 0 {
            output.warn(format_args!(
                "it sent {unconfirmed} more without seeing what became of them; the account shows {came_about} of them"
            ));
        }
        if !has_end {
            output.warn(
                "its journal has no end: it was killed, or could not write; what was sent is looked up in the account",
            );
        }
    }
}

/// What left with a person comes back with the end that it had, and not at all where that has passed; says what.
fn with_known_ends(desired: &mut Desired, known: &[(Key, RememberedFact)], now: Timestamp) -> Vec<String> {
    let mut over = Vec::new();
    desired.wants.retain_mut(|(key, want)| {
        if want.until.is_some() || !matches!(want.verdict, Verdict::Present(_)) {
            return true;
        }
        let by_id = key.clone().with_bot(|bot| match bot {
            BotRef::Id(id) => Some(id),
            BotRef::Name(_) => None,
        });
        let Some(fact) = by_id.and_then(|key| facts::find(known, &key)) else { return true };
        (want.until, want.reason) = (fact.until, fact.reason.clone());
        let Some(until) = want.until.filter(|until| *until <= now) else { return true };
        over.push(format!("{key}: it has ended ({until}), so it is not given back"));
        false
    });
    over
}
