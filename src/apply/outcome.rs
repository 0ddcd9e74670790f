//! What became of a plan.

use crate::kore::KoreError;
use crate::plan::{Change, ChangeId, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// Sent, and read back.
    Applied,
    /// It already was as wanted when we came to it.
    AlreadyThere,
    /// Accepted by the platform for somebody who has not joined yet; it will be looked at when they have.
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

impl Fate {
    /// As wanted, or on its way without our help.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadyThere | Self::Waiting)
    }
}

/// What became of a plan. Every sendable change has exactly one fate.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By change.
    pub fates: BTreeMap<ChangeId, Fate>,
    /// The changes themselves, for telling about them.
    pub changes: BTreeMap<ChangeId, Change>,
    /// Requests the run made, reads included.
    pub calls: u32,
    /// What ended the run early.
    pub error: Option<KoreError>,
    /// Somebody asked it to stop.
    pub was_interrupted: bool,
}

impl Outcome {
    /// Nothing of this plan was sent; this is why.
    pub fn not_sent(plan: &Plan, why: &str) -> Self {
        let changes: BTreeMap<ChangeId, Change> =
            plan.sendable().into_iter().map(|change| (change.id.clone(), change.clone())).collect();
        let fates = changes.keys().map(|id| (id.clone(), Fate::NotSent(why.to_owned()))).collect();
        Self { fates, changes, ..Self::default() }
    }

    /// Whether this change is as wanted by now, or on its way without our help.
    pub fn is_good(&self, change: &ChangeId) -> bool {
        self.fates.get(change).is_some_and(Fate::is_good)
    }

    /// How many changes ended so.
    pub fn count(&self, wanted: impl Fn(&Fate) -> bool) -> usize {
        self.fates.values().filter(|fate| wanted(fate)).count()
    }

    /// Everything that was to be done is done, or waits for people.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && !self.was_interrupted && self.fates.values().all(Fate::is_good)
    }

    /// Something reached the account.
    pub fn has_applied(&self) -> bool {
        self.fates.values().any(|fate| matches!(fate, Fate::Applied | Fate::Waiting))
    }

    /// Everything that was to be done had been overtaken.
    pub fn is_all_stale(&self) -> bool {
        !self.fates.is_empty() && self.fates.values().all(|fate| matches!(fate, Fate::Stale(_)))
    }
}
