//! `policy replay`: what today's policies would have said about past commits. Reads git, and nothing else.

use super::report::Format;
use crate::cli::base::{self, BaseError};
use crate::cli::git_tree::ask;
use crate::cli::inputs::Inputs;
use crate::cli::{CliError, Exit, Output};
use crate::facts::{AccountId, Desired, Policy, RuleSet, count};
use crate::manifest::Compiled;
use crate::plan::{self, Context, Plan, Reason};
use crate::policy::{self, Beside};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Judge past commits by the policies of today.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The commits: REV..REV
    #[arg(value_name = "REV..REV")]
    range: String,
    #[command(flatten)]
    inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// One commit under the policies.
struct Judged {
    commit: String,
    subject: String,
    changes: usize,
    denied: usize,
    messages: Vec<String>,
}

/// Judges every commit of the range against the one before it.
pub(super) fn run(args: &ReplayArgs, output: &Output) -> Result<Exit, CliError> {
    let (_, today) = args.inputs.compile_all(false, Timestamp::now(), output)?;
    let Some((from, to)) =
        args.range.split_once("..").filter(|(from, to)| !from.is_empty() && !to.is_empty())
    else {
        return Err(CliError::PolicyTest(format!(
            "{:?} is not a range of commits; write REV..REV, such as v1.0..HEAD",
            args.range
        )));
    };
    let top = base::top_of(&args.inputs.paths, to)?;
    let commits = commits(&top, from, to)?;
    let mut before = at(from, &args.inputs, &today, Timestamp::now(), output)?;
    let mut judged = Vec::new();
    for Commit { id, time, subject } in commits {
        let after = at(&id, &args.inputs, &today, time, output)?;
        if let Some(after) = &after {
            let earlier = before.as_ref().map(|compiled| &compiled.desired);
            let plan = review(&today, earlier, after, time);
            judged.push(verdict(id, subject, &plan));
        }
        before = after.or(before);
    }
    match args.format {
        Format::Text => output.result(&text(&judged)),
        Format::Json => output.json(&json(&judged)?),
        Format::Junit => {
            return Err(CliError::PolicyTest("policy replay writes text or json".to_owned()));
        }
    }
    Ok(Exit::Done)
}

struct Commit {
    id: String,
    time: Timestamp,
    subject: String,
}

/// The commits of a range, the oldest first: what was merged, not how it was written.
fn commits(top: &Path, from: &str, to: &str) -> Result<Vec<Commit>, BaseError> {
    let range = format!("{from}..{to}");
    let listed = ask(
        top,
        &["log", "--first-parent", "--reverse", "--format=%H%x09%cI%x09%s", "--end-of-options", &range],
    )?;
    let commit = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (id, time, subject) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
        Some(Commit { id: id.to_owned(), time: time.parse().ok()?, subject: subject.to_owned() })
    };
    Ok(listed.lines().filter_map(commit).collect())
}

/// The manifests of a commit; nothing where it declares no such account.
fn at(
    revision: &str,
    inputs: &Inputs,
    today: &Compiled,
    now: Timestamp,
    output: &Output,
) -> Result<Option<Compiled>, BaseError> {
    match base::compile_at(revision, &inputs.paths, &today.account.name, now, output) {
        Ok(compiled) => Ok(Some(compiled)),
        Err(BaseError::NoAccount { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The plan from one declaration to the next, under the policies of today.
fn review(today: &Compiled, before: Option<&Desired>, after: &Compiled, now: Timestamp) -> Plan {
    let nothing = Desired::default();
    let before = before.unwrap_or(&nothing);
    let world = policy::account_of(before, &after.desired, &Beside::default());
    let account = Policy { account_id: Some(AccountId::new("test")), ..after.policy.clone() };
    let context = Context { look_up_size: 50, now, ..Context::default() };
    let set = RuleSet { terms: after.rules.terms.clone(), ..today.rules.clone() };
    let (policies, _) = policy::compile(&set);
    let plan = plan::make(after.desired.clone(), &world, &account, &context);
    policy::review_declared(plan, (&policies, &set), &after.desired, &world, &account, &context)
}

fn verdict(commit: String, subject: String, plan: &Plan) -> Judged {
    let denied = plan.blocked.iter().filter(|entry| entry.reason == Reason::PolicyDenied);
    let ids: std::collections::BTreeSet<_> = denied.clone().flat_map(|entry| &entry.changes).collect();
    Judged {
        commit,
        subject,
        changes: plan.changes.len(),
        denied: ids.len(),
        messages: denied.map(|entry| entry.message.clone()).collect(),
    }
}

fn text(judged: &[Judged]) -> String {
    let mut out = String::new();
    for Judged { commit, subject, changes, denied, messages } in judged.iter().filter(|one| one.denied > 0) {
        let _ = writeln!(out, "{} {subject}: {denied} of {changes} refused", &commit[..commit.len().min(10)]);
        for message in messages {
            let _ = writeln!(out, "    {message}");
        }
    }
    let changes: usize = judged.iter().map(|one| one.changes).sum();
    let denied: usize = judged.iter().map(|one| one.denied).sum();
    let commits = count(judged.len(), "commit");
    let _ = writeln!(
        out,
        "The policies would have refused {denied} of {} in {commits}.",
        count(changes, "change")
    );
    out
}

fn json(judged: &[Judged]) -> Result<String, CliError> {
    let commits: Vec<serde_json::Value> = judged
        .iter()
        .map(|Judged { commit, subject, changes, denied, messages }| {
            json!({ "commit": commit, "subject": subject, "changes": changes, "refused": denied, "messages": messages })
        })
        .collect();
    let changes: usize = judged.iter().map(|one| one.changes).sum();
    let denied: usize = judged.iter().map(|one| one.denied).sum();
    let report = json!({ "commits": commits, "changes": changes, "refused": denied });
    let text = serde_json::to_string_pretty(&report);
    Ok(text.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n")
}
