//! `reinvite`: a person decides that an invitation is sent again. The API has no call for it (kore-api 3.2): the user is
//! removed and created again with all that is declared, in two journalled runs under the usual guards.

use super::apply::carry_out;
use super::inputs::{Inputs, Reach};
use super::plan::{Made, extent, make, style};
use super::policies;
use super::session::Session;
use super::{CliError, Exit, Output};
use crate::facts::{BotRef, Completeness, Desired, Email, Key, Membership, Source, Value, Verdict, Want};
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, ChangeId, Entry, Memory, Plan, render};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal};

/// Send an invitation again.
#[derive(Debug, Args)]
pub(super) struct ReinviteArgs {
    /// Address of a user who was invited and has not accepted
    #[arg(value_name = "EMAIL", value_parser = address)]
    email: Email,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    reach: Reach,
    /// Do it without asking for confirmation
    #[arg(long, short)]
    yes: bool,
}

fn address(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|error| error.to_string())
}

/// Asks, removes the open invitation, and invites again.
pub(super) async fn run(args: &ReinviteArgs, output: &Output) -> Result<Exit, CliError> {
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(CliError::NoTerminal);
    }
    let (manifests, compiled) = args.inputs.compile(false, Timestamp::now(), output)?;
    check_declared(&args.email, &compiled)?;
    check_allowed(&args.email, &compiled)?;
    let session = Session::open_to_write(&compiled, &args.reach, output).await?;
    let ended = Box::pin(invite_again(args, &manifests, compiled, &session, output)).await;
    session.close().await;
    ended
}

fn refuse<T>(email: &Email, why: &str, next: &'static str) -> Result<T, CliError> {
    Err(CliError::Reinvite { email: email.to_string(), why: why.to_owned(), next })
}

fn check_declared(email: &Email, compiled: &Compiled) -> Result<(), CliError> {
    let want = compiled.desired.find(&Key::Member(email.clone()));
    if want.is_some_and(|want| matches!(want.verdict, Verdict::Present(_))) {
        return Ok(());
    }
    refuse(
        email,
        "no manifest declares the user",
        "declare a KoreUser first: what it declares is what they get",
    )
}

/// What a policy denies would be taken away by the removal and not given back by the invitation.
fn check_allowed(email: &Email, compiled: &Compiled) -> Result<(), CliError> {
    match policies::denied_of(email, compiled, Timestamp::now()).first() {
        None => Ok(()),
        Some(denied) => refuse(
            email,
            &format!("what is declared of them would not be sent again: {denied}"),
            "change what the policy denies first; nothing was sent",
        ),
    }
}

async fn invite_again(
    args: &ReinviteArgs,
    manifests: &Manifests,
    compiled: Compiled,
    session: &Session,
    output: &Output,
) -> Result<Exit, CliError> {
    let email = &args.email;
    let _lock = session.lock(args.reach.max_wait, output)?;
    let removal = removal(args, &compiled, session).await?;
    output.result(&render::text(&removal.plan, style(output)));
    output.written()?;
    if removal.plan.sendable().is_empty() {
        return Box::pin(carry_out(removal, true, session, output)).await;
    }
    output.warn(format_args!(
        "{email} is removed, which ends the open invitation, and invited again with what is declared."
    ));
    if !args.yes && !agrees(output)? {
        output.note("nothing was sent");
        return Ok(Exit::Done);
    }
    let removed = Box::pin(carry_out(removal, true, session, output)).await?;
    if removed != Exit::Done {
        output.warn("the user was not removed, so no invitation was sent");
        return Ok(removed);
    }
    let extent = extent(&args.inputs, &args.reach);
    let made = Box::pin(make(manifests, compiled, session, &args.reach, extent, output)).await?;
    let plan = about(made.plan, email);
    output.result(&render::text(&plan, style(output)));
    output.written()?;
    Box::pin(carry_out(Made { plan, memory: None, ..made }, true, session, output)).await
}

/// The plan that removes the user and does nothing else.
async fn removal(args: &ReinviteArgs, compiled: &Compiled, session: &Session) -> Result<Made, CliError> {
    let email = &args.email;
    let key: Key<BotRef> = Key::Member(email.clone());
    let sources: Vec<Source> = compiled.desired.find(&key).map_or_else(Vec::new, |want| want.sources.clone());
    let want = Want { verdict: Verdict::Absent, sources, until: None, reason: None };
    let desired = Desired {
        referenced: BTreeSet::from([email.clone()]),
        completeness: Completeness::Unknown,
        ..Desired::new(vec![(key, want)])
    };
    let compiled = Compiled { desired, ..compiled.clone() };
    let remembered = Memory { facts: Vec::new(), ..session.memory.load()? };
    let world = session.observe(&compiled, &remembered).await?;
    match world.get(&Key::Member(email.clone())) {
        Some(Value::Member(Membership::Pending { .. })) => {}
        Some(Value::Member(Membership::Joined)) => {
            return refuse(email, "they have accepted the invitation", "nothing to do");
        }
        Some(_) => return refuse(email, "the account does not say whether they have accepted", "run again"),
        None => return refuse(email, "the account has no such user", "invite them with koreconcile apply"),
    }
    let context = session.context(&compiled, plan::Inputs::default(), &args.reach, remembered);
    let Compiled { desired, policy, rules, .. } = compiled;
    let plan = about(plan::make(desired, &world, &policy, &context), email);
    let plan = Plan { unmanaged: Vec::new(), declared: Vec::new(), ..plan };
    Ok(Made::undeclared(plan, world, policy, rules.digest))
}

/// What of a plan is about one user, with the changes that it needs.
fn about(mut plan: Plan, email: &Email) -> Plan {
    let is_theirs = |key: &Key| key.email() == Some(email);
    let theirs = plan.changes.iter().filter(|change| is_theirs(&change.key));
    let needed: BTreeSet<ChangeId> =
        theirs.flat_map(|change| change.depends_on.iter().cloned().chain([change.id.clone()])).collect();
    plan.changes.retain(|change| needed.contains(&change.id));
    let keep = |entry: &Entry| {
        entry.subjects.iter().any(is_theirs) || entry.changes.iter().any(|change| needed.contains(change))
    };
    for entries in [&mut plan.blocked, &mut plan.waiting, &mut plan.manual, &mut plan.refused] {
        entries.retain(keep);
    }
    plan.write_only.retain(is_theirs);
    plan.unmanaged.clear();
    plan
}

fn agrees(output: &Output) -> Result<bool, CliError> {
    output.warn("Invite again? Only \"yes\" will be accepted.");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| CliError::Unexpected(format!("the answer could not be read: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
