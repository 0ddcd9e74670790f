//! What became of a plan.

use crate::facts::Looks;
use crate::kore::KoreError;
use crate::plan::{Change, ChangeId, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeOutcome {
    /// Sent, and read back.
    Applied,
    /// It already was as wanted when we came to it.
    AlreadyThere,
    /// Accepted by the platform for a person who has not joined yet; it is checked when they have.
    Waiting,
    /// The account no longer looks as the plan saw it, so nothing was sent; this is what was seen.
    Stale(String),
    /// The platform refused it, or it could not be checked or read back; this is why.
    Failed(String),
    /// Something it depends on did not come about.
    HeldBack(ChangeId),
    /// The run ended before its turn; this is why.
    NotSent(String),
}

impl ChangeOutcome {
    /// As wanted, or on its way without our help.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadyThere | Self::Waiting)
    }
}

/// How the outcome of a change begins that the platform has refused by itself.
pub(super) const REFUSED: &str = "the platform refused: ";

/// How the outcome of a change begins that the platform has accepted, and that does not show.
pub(super) const ACCEPTED: &str = "the platform accepted it; a minute later it is ";

impl ChangeOutcome {
    /// Whether the platform has accepted it and keeps its own value.
    pub fn is_unkept(&self) -> bool {
        matches!(self, Self::Failed(why) if why.starts_with(ACCEPTED))
    }

    /// Whether it was sent, and this does not say that nothing came of it.
    pub(super) fn may_have_come_about(&self) -> bool {
        match self {
            Self::Applied | Self::Waiting => true,
            Self::Failed(why) => !why.starts_with(REFUSED),
            Self::AlreadyThere | Self::Stale(_) | Self::HeldBack(_) | Self::NotSent(_) => false,
        }
    }
}

/// What became of a plan. Every change that may be sent has exactly one outcome.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By change.
    pub by_change: BTreeMap<ChangeId, ChangeOutcome>,
    /// The changes themselves, for telling about them.
    pub changes: BTreeMap<ChangeId, Change>,
    /// Requests the run made, reads included.
    pub calls: u32,
    /// What ended the run early.
    pub error: Option<KoreError>,
    /// It was asked to stop.
    pub was_interrupted: bool,
    /// What was looked up in between, the latest last; only where it was asked for.
    pub looks: Vec<Looks>,
}

impl Outcome {
    /// Nothing of this plan was sent; this is why.
    pub fn not_sent(plan: &Plan, why: &str) -> Self {
        let changes: BTreeMap<ChangeId, Change> =
            plan.sendable().into_iter().map(|change| (change.id.clone(), change.clone())).collect();
        let by_change =
            changes.keys().map(|id| (id.clone(), ChangeOutcome::NotSent(why.to_owned()))).collect();
        Self { by_change, changes, ..Self::default() }
    }

    /// Whether this change is as wanted by now, or on its way without our help.
    pub fn is_good(&self, change: &ChangeId) -> bool {
        self.by_change.get(change).is_some_and(ChangeOutcome::is_good)
    }

    /// How many changes ended so.
    pub fn count(&self, wanted: impl Fn(&ChangeOutcome) -> bool) -> usize {
        self.by_change.values().filter(|outcome| wanted(outcome)).count()
    }

    /// Everything that was to be done is done, or waits for people.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && !self.was_interrupted && self.by_change.values().all(ChangeOutcome::is_good)
    }

    /// Something reached the account.
    pub fn has_applied(&self) -> bool {
        self.by_change
            .values()
            .any(|outcome| matches!(outcome, ChangeOutcome::Applied | ChangeOutcome::Waiting))
    }

    /// Everything that was to be done had become stale.
    pub fn is_all_stale(&self) -> bool {
        !self.by_change.is_empty()
            && self.by_change.values().all(|outcome| matches!(outcome, ChangeOutcome::Stale(_)))
    }
}
