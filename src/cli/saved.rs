//! Saved plans: `plan --out FILE` seals what was shown, `apply --plan FILE` applies exactly that.

use super::session::Session;
use super::{CliError, Output, output};
use crate::apply::SavedPlan;
use crate::facts::Policy;
use crate::plan::{self, Context, Limits, Plan};
use jiff::Timestamp;
use std::path::Path;

/// Seals a plan into a file.
pub(super) fn save(
    path: &Path,
    plan: &Plan,
    policy: &Policy,
    policies: &str,
    limits: Limits,
    session: &Session,
) -> Result<(), CliError> {
    if policy.account_id.is_none() {
        let seen = plan.account.id.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        return Err(CliError::NotPinned { seen });
    }
    let saved = SavedPlan {
        made_at: Timestamp::now(),
        plan: plan.clone(),
        safety: policy.safety.clone(),
        limits,
        policies: policies.to_owned(),
    };
    let content = saved.seal(session.secret()).map_err(|error| CliError::Unexpected(error.to_string()))?;
    output::store(path, content.as_ref())
        .map_err(|source| CliError::Write { path: path.display().to_string(), source })
}

/// A saved plan, opened under the stricter of its own rules and the present ones.
pub(super) struct Opened {
    pub saved: SavedPlan,
    pub policy: Policy,
    pub limits: Limits,
}

impl Opened {
    /// What the memory knows it by, the newest last: when it was made, and what it does.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.saved.made_at, self.saved.plan.digest)
    }
}

/// Opens a file and checks that it is about this account, and that the policies are those it was judged by.
pub(super) fn open(
    path: &Path,
    policy: &Policy,
    policies: &str,
    asked: Limits,
    session: &Session,
    output: &Output,
) -> Result<Opened, CliError> {
    let content = std::fs::read_to_string(path)
        .map_err(|source| CliError::File { path: path.display().to_string(), source })?;
    let saved = SavedPlan::open(&content, session.secret(), Timestamp::now())?;
    let Some(pinned) = &policy.account_id else {
        let seen = saved.plan.account.id.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        return Err(CliError::NotPinned { seen });
    };
    if saved.plan.account.id.as_ref() != Some(pinned) {
        return Err(CliError::OtherAccount {
            seen: saved.plan.account.id.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string),
            pinned: pinned.to_string(),
            place: policy.blame("accountId"),
        });
    }
    if saved.policies != policies {
        return Err(CliError::OtherPolicies { path: path.display().to_string() });
    }
    output.note(format_args!("the plan {} was made at {}", saved.plan.digest, saved.made_at));
    let policy = Policy { safety: policy.safety.stricter(&saved.safety), ..policy.clone() };
    let allow_removals = match (saved.limits.allow_removals, asked.allow_removals) {
        (Some(sealed), Some(asked)) => Some(sealed.min(asked)),
        (sealed, asked) => sealed.or(asked),
    };
    let limits = Limits { allow_removals, take_over: saved.limits.take_over || asked.take_over };
    Ok(Opened { saved, policy, limits })
}

/// The plan under today's guards, on today's account.
pub(super) fn recheck(opened: &Opened, world: &crate::facts::World, context: Context) -> Plan {
    let context = Context { limits: opened.limits, ..context };
    plan::recheck(opened.saved.plan.clone(), world, &opened.policy, &context)
}
