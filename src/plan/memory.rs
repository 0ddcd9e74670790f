//! What earlier runs remember: since when invitations are open, what was applied lately, and what was to be sent that
//! nobody can look at.
//!
//! No promise needs it. Without it no invitation is called overdue and no fact contested, and what a killed run has not
//! sent is sent when it is requested.

use super::model::{Action, Change, ChangeId};
use crate::facts::{Email, Key, KeyRecord, Membership, Value, World};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A change that was applied so often in [`Memory::WINDOW`] is being reverted by another process.
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
    /// Values that cannot be read, which a run set out to send and has not sent: the next plan sends them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<KeyRecord>")]
    pub unsent: BTreeSet<Key>,
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

    /// Takes note of what nobody can look at afterwards, before it is sent. A profile that travels with its new user
    /// needs none: it is there if they are.
    pub fn note_unsent<'a>(&mut self, changes: impl IntoIterator<Item = &'a Change>) {
        let travels = |change: &Change| matches!(change.key, Key::Profile(_)) && change.action == Action::Add;
        let unseen =
            changes.into_iter().filter(|change| change.key.family().is_write_only() && !travels(change));
        self.unsent.extend(unseen.map(|change| change.key.clone()));
    }

    /// It was sent.
    pub fn note_sent(&mut self, key: &Key) {
        self.unsent.remove(key);
    }

    /// How often a change was applied within a day before `now`.
    pub(super) fn times_applied(&self, id: &ChangeId, now: Timestamp) -> usize {
        let times = self.applied.get(id).map_or(&[][..], Vec::as_slice);
        times.iter().filter(|at| now.duration_since(**at) <= Self::WINDOW).count()
    }

    /// For how long the invitation of a user has been open.
    pub(super) fn pending_for(&self, email: &Email, now: Timestamp) -> Option<SignedDuration> {
        self.pending_since.get(email).map(|since| now.duration_since(*since))
    }
}
