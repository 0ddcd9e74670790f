//! A pass that found everything as declared and had nothing to write down. While all that it knew is the same, the next
//! one comes to the same and need not think: the account is read, and what is seen is compared.

use super::pass::{Pass, Question, Work};
use super::propose::Proposals;
use super::publish::is_silent;
use super::view::View;
use crate::facts::{Policy, World};
use crate::manifest::kinds::AccountStatus;
use crate::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What such a pass knew, and what it came to.
#[derive(Clone, Debug)]
pub(super) struct Still {
    view: View,
    world: Arc<World>,
    pub(super) question: Question,
    account: AccountStatus,
    plan: Arc<Plan>,
    interval: SignedDuration,
    /// When the next grant ends.
    expiry: Option<Timestamp>,
    /// When time alone makes another pass of it.
    until: Option<Timestamp>,
}

impl Work<'_> {
    /// What to remember of this pass, if it came to nothing: what is blocked, or waits for more than somebody's acceptance, is
    /// thought about each time.
    pub(super) fn still(
        &self,
        pass: &Pass,
        policy: &Policy,
        interval: SignedDuration,
        expiry: Option<Timestamp>,
    ) -> Option<Still> {
        let plan = pass.plan.as_ref().filter(|plan| plan.is_clean())?;
        let is_over = pass.outcome.is_none() && is_silent(self.view, pass);
        is_over.then(|| Still {
            view: self.view.clone(),
            world: Arc::clone(&self.world),
            question: self.question.clone(),
            account: pass.account.clone(),
            plan: Arc::clone(plan),
            interval,
            expiry,
            until: expiry.into_iter().chain(self.known.moves_at(policy, self.now)).min(),
        })
    }
}

impl Still {
    /// Whether the objects say the same as then, and nothing has ended by itself.
    pub(super) fn is_about(&self, view: &View, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until) && self.view == *view
    }

    /// Whether this is what was seen then. Mostly it is the very same: the reader hands it out again where the account answers
    /// the same.
    pub(super) fn has_seen(&self, world: &Arc<World>) -> bool {
        Arc::ptr_eq(&self.world, world) || self.world == *world
    }

    /// What the pass comes to once more.
    pub(super) fn again(&self, now: Timestamp) -> Pass {
        let regular = now.saturating_add(self.interval).unwrap_or(Timestamp::MAX);
        Pass {
            statuses: Vec::new(),
            account: self.account.clone(),
            has_foreseen: false,
            proposals: Proposals::default(),
            approvals: BTreeMap::new(),
            keep: Vec::new(),
            release: Vec::new(),
            news: Vec::new(),
            plan: Some(Arc::clone(&self.plan)),
            outcome: None,
            next: self.expiry.map_or(regular, |expiry| regular.min(expiry)),
            was_read: true,
            is_still: true,
        }
    }
}
