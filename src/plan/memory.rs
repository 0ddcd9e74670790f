//! What earlier runs remember: since when invitations are open, and what was applied lately.
//!
//! No promise needs it. Without it no invitation is called overdue and no fact contested.

use super::model::ChangeId;
use crate::facts::{Email, Key, Membership, Value, World};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change that was applied so often in [`Memory::WINDOW`] is being undone by somebody else.
pub const CONTESTED_AFTER: usize = 3;

/// What earlier runs on this account remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// People whose invitation is open, and when that was first seen.
    #[schemars(with = "BTreeMap<String, String>")]
    pub pending_since: BTreeMap<Email, Timestamp>,
    /// Changes applied lately. A change that comes back has the same id, because before and after are the same.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub applied: BTreeMap<ChangeId, Vec<Timestamp>>,
}

impl Memory {
    /// How long an applied change is remembered.
    pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

    /// Takes over what a read shows: who is pending now, keeping when that began.
    pub fn note_pending(&mut self, observed: &World, now: Timestamp) {
        let before = std::mem::take(&mut self.pending_since);
        self.pending_since = observed
            .facts()
            .iter()
            .filter_map(|(key, value)| match (key, value) {
                (Key::Member(email), Value::Member(Membership::Pending { since: _ })) => Some(email.clone()),
                _ => None,
            })
            .map(|email| {
                let since = before.get(&email).copied().unwrap_or(now);
                (email, since)
            })
            .collect();
    }

    /// Remembers a change that was applied, and forgets what is older than a day.
    pub fn note_applied<'a>(&mut self, ids: impl IntoIterator<Item = &'a ChangeId>, now: Timestamp) {
        for id in ids {
            self.applied.entry(id.clone()).or_default().push(now);
        }
        self.applied.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) <= Self::WINDOW);
            !times.is_empty()
        });
    }

    /// How often a change was applied within a day before `now`.
    pub(super) fn times_applied(&self, id: &ChangeId, now: Timestamp) -> usize {
        let times = self.applied.get(id).map_or(&[][..], Vec::as_slice);
        times.iter().filter(|at| now.duration_since(**at) <= Self::WINDOW).count()
    }

    /// For how long somebody's invitation has been open.
    pub(super) fn pending_for(&self, email: &Email, now: Timestamp) -> Option<SignedDuration> {
        self.pending_since.get(email).map(|since| now.duration_since(*since))
    }
}
