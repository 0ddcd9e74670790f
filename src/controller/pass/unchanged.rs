//! Skips planning while neither the objects nor the account have changed since a pass that found everything as declared
//! and had nothing to write. The account is read all the same, and compared.

use super::observe::{AccountRequest, observe};
use super::readiness::Readiness;
use super::schedule::Schedule;
use super::view::View;
use super::{AccountMemory, Pass, PassExtent, Report, Session};
use crate::facts::{Policy, World};
use crate::manifest::kinds::AccountStatus;
use crate::plan::Plan;
use jiff::Timestamp;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The inputs of such a pass, and its result.
#[derive(Clone, Debug)]
pub(super) struct UnchangedPass {
    view: View,
    world: Arc<World>,
    request: AccountRequest,
    account: AccountStatus,
    plan: Arc<Plan>,
    schedule: Schedule,
    /// When time alone changes the result.
    until: Option<Timestamp>,
}

/// How the account compares with the last pass.
pub(super) enum Comparison {
    /// Nothing has changed: this is the result once more.
    Unchanged(Box<Pass>),
    /// Something has changed; this is what was read.
    Changed(Arc<World>),
    /// There is nothing to compare with, so nothing was read.
    Impossible,
}

/// Reads the account and compares it, if the last pass had nothing to write and the objects are the same.
pub(super) async fn compare(
    view: &View,
    memory: &AccountMemory,
    session: &Session<'_>,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Comparison, Readiness> {
    let Some(last) = memory.unchanged.as_ref().filter(|last| last.is_about(view, now)) else {
        return Ok(Comparison::Impossible);
    };
    let world = observe(session, &last.request, cancel).await?;
    let is_unchanged = last.has_same_world(&world) && session.write_ahead.kept().await == Ok(None);
    Ok(if is_unchanged {
        Comparison::Unchanged(Box::new(last.repeat(now)))
    } else {
        Comparison::Changed(world)
    })
}

impl UnchangedPass {
    /// What to remember of this pass, if there was nothing to do and nothing to write. A plan with entries that are
    /// blocked, or wait for more than an invitation to be accepted, is made anew each time.
    pub(super) fn remember(
        view: &View,
        pass: &Pass,
        policy: &Policy,
        request: AccountRequest,
        world: Arc<World>,
        memory: &AccountMemory,
        now: Timestamp,
    ) -> Option<Self> {
        let plan = pass.plan.as_ref().filter(|plan| plan.is_clean())?;
        let is_silent = pass.outcome.is_none() && pass.is_silent(view);
        is_silent.then(|| Self {
            view: view.clone(),
            world,
            request,
            account: pass.report.account.clone(),
            plan: Arc::clone(plan),
            schedule: pass.schedule,
            until: pass
                .schedule
                .expiry
                .into_iter()
                .chain(memory.next_change_at(policy, now))
                .chain(view.approvals.iter().filter_map(|approval| approval.ends).filter(|ends| *ends > now))
                .min(),
        })
    }

    /// The account then.
    pub(super) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
    }

    /// Whether the objects are the same as then, and no time has run out.
    fn is_about(&self, view: &View, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until) && self.view == *view
    }

    /// Whether the account is as it was then. Mostly the pointer is the same: the reader gives out its last world again
    /// where the account answers the same.
    fn has_same_world(&self, world: &Arc<World>) -> bool {
        Arc::ptr_eq(&self.world, world) || self.world.plans_like(world)
    }

    /// The result once more.
    fn repeat(&self, now: Timestamp) -> Pass {
        let Schedule { next: _, interval, expiry } = self.schedule;
        Pass {
            extent: PassExtent::Unchanged,
            report: Report { account: self.account.clone(), ..Report::default() },
            schedule: Schedule::new(interval, expiry, now),
            plan: Some(Arc::clone(&self.plan)),
            ..Pass::default()
        }
    }
}
