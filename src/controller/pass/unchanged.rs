//! A pass that found everything as declared and had nothing to write. The controller skips planning while neither the
//! objects nor the account have changed since then: the account is read, and what is seen is compared.

use super::view::View;
use super::writes::is_silent;
use super::{AccountRequest, Pass, PassExtent, PlannedPass, Report, after};
use crate::facts::{Policy, World};
use crate::manifest::kinds::AccountStatus;
use crate::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// What such a pass saw, and what it came to.
#[derive(Clone, Debug)]
pub(super) struct UnchangedPass {
    view: View,
    world: Arc<World>,
    pub(super) request: AccountRequest,
    account: AccountStatus,
    plan: Arc<Plan>,
    interval: SignedDuration,
    /// When the next grant ends.
    expiry: Option<Timestamp>,
    /// When time alone changes what a pass comes to.
    until: Option<Timestamp>,
}

impl PlannedPass<'_> {
    /// What to remember of this pass, if it had nothing to do. A plan with anything blocked, or that waits for more than
    /// people to accept, is made again each time.
    pub(super) fn remember_unchanged(
        &self,
        pass: &Pass,
        policy: &Policy,
        interval: SignedDuration,
        expiry: Option<Timestamp>,
    ) -> Option<UnchangedPass> {
        let plan = pass.plan.as_ref().filter(|plan| plan.is_clean())?;
        let is_over = pass.outcome.is_none() && is_silent(self.view, pass);
        is_over.then(|| UnchangedPass {
            view: self.view.clone(),
            world: Arc::clone(&self.seen.world),
            request: self.seen.request.clone(),
            account: pass.report.account.clone(),
            plan: Arc::clone(plan),
            interval,
            expiry,
            until: expiry.into_iter().chain(self.memory.next_change_at(policy, self.now)).min(),
        })
    }
}

impl UnchangedPass {
    /// Whether the objects declare the same as then, and nothing has ended by itself.
    pub(super) fn is_about(&self, view: &View, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until) && self.view == *view
    }

    /// Whether the account is as it was then. Mostly it is the same value: the reader returns it again where all replies
    /// are the same.
    pub(super) fn has_seen(&self, world: &Arc<World>) -> bool {
        Arc::ptr_eq(&self.world, world) || self.world == *world
    }

    /// The same result once more.
    pub(super) fn repeat(&self, now: Timestamp) -> Pass {
        let regular = after(now, self.interval);
        Pass {
            report: Report { account: self.account.clone(), ..Report::default() },
            plan: Some(Arc::clone(&self.plan)),
            next: self.expiry.map_or(regular, |expiry| regular.min(expiry)),
            extent: PassExtent::Unchanged,
            ..Pass::default()
        }
    }
}
