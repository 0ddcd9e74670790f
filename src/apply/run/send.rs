//! One call: what of it still stands, whether the floor holds, how it is sent, and what the answer means.

use super::super::check::{Precondition, precondition};
use super::super::encode::{Reply, RequestEncoder, access_of};
use super::super::journal::Record;
use super::super::outcome::ChangeOutcome;
use super::{End, MAX_OBSERVATION_AGE, Queued, Run, Sent, View};
use crate::facts::{BuilderAccess, Email, Key, World};
use crate::kore::{Deadline, KoreError};
use crate::plan::pack::{Call, WriteKind};
use crate::plan::{Change, ChangeId, master_admins, takes_master_admin};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Extra calls spent on finding the bad entries of one batch.
const MAX_BISECTION_CALLS: u32 = 24;

impl Run<'_, '_> {
    /// Drops changes from a call that are done already, stale, not observed, or without what they depend on.
    pub(super) fn drop_stale_changes(&mut self, call: &mut Call, view: &View) {
        for entry in &mut call.entries {
            let creates = entry.iter().any(|id| matches!(self.outcome.changes[id].key, Key::Member(_)))
                && call.kind == WriteKind::CreateUsers;
            let mut kept = Vec::with_capacity(entry.len());
            for id in entry.drain(..) {
                let change = &self.outcome.changes[&id];
                let outcome = match self.missing_ground(change, &kept) {
                    Some(ground) => Some(ChangeOutcome::HeldBack(ground)),
                    None => match precondition(change, &view.world) {
                        Precondition::Holds => self.known_ids.moved_name(change).map(ChangeOutcome::Stale),
                        Precondition::Satisfied => Some(ChangeOutcome::AlreadyThere),
                        Precondition::Broken(seen) => Some(ChangeOutcome::Stale(seen)),
                        Precondition::Unseen(why) => Some(ChangeOutcome::Failed(why)),
                    },
                };
                match outcome {
                    None => kept.push(id),
                    Some(outcome) => self.record_outcome(&id, outcome),
                }
            }
            if let WriteKind::SetDataTables { allow: _, access } = call.kind
                && !self.has_access(&kept, &view.world, access)
            {
                for id in kept.drain(..) {
                    let why =
                        "their builder access is another by now, and every such call sets that; run again";
                    self.record_outcome(&id, ChangeOutcome::Stale(why.to_owned()));
                }
            }
            if call.kind == WriteKind::UpdateUsers && !self.shows_access(&kept, &view.world) {
                for id in kept.drain(..) {
                    let why =
                        "the account did not say what they may do in the builder, and every update sets that";
                    self.record_outcome(&id, ChangeOutcome::Failed(why.to_owned()));
                }
            }
            // Without its first part, the user, an entry that creates is no entry.
            if creates && !kept.iter().any(|id| matches!(self.outcome.changes[id].key, Key::Member(_))) {
                for id in kept.drain(..) {
                    self.record_outcome(
                        &id,
                        ChangeOutcome::Stale("the user is in the account by now; run again".to_owned()),
                    );
                }
            }
            *entry = kept;
        }
        call.entries.retain(|entry| !entry.is_empty());
    }

    /// Whether the look shows the builder access of the person an update is about.
    pub(super) fn shows_access(&self, entry: &[ChangeId], view: &World) -> bool {
        let email = entry.first().and_then(|id| self.outcome.changes[id].key.email());
        email.is_none_or(|email| access_of(view, email).is_some())
    }

    pub(super) fn has_access(&self, entry: &[ChangeId], view: &World, access: BuilderAccess) -> bool {
        let email = entry.first().and_then(|id| self.outcome.changes[id].key.email());
        email.is_none_or(|email| access_of(view, email) == Some(access))
    }

    /// What a change depends on that did not come about and does not travel with it.
    pub(super) fn missing_ground(&self, change: &Change, beside: &[ChangeId]) -> Option<ChangeId> {
        change
            .depends_on
            .iter()
            .find(|needed| {
                !beside.contains(needed)
                    && match self.outcome.by_change.get(*needed) {
                        Some(ChangeOutcome::Applied | ChangeOutcome::AlreadyThere) => false,
                        // A user who was just there already has a look of their own on the next run.
                        Some(_) => true,
                        None => {
                            !self.outcome.changes.contains_key(*needed) || !self.sent.contains_key(*needed)
                        }
                    }
            })
            .cloned()
    }

    /// Whether too few who can sign in would be left. Counted on this very look, less whom calls since then took.
    pub(super) fn breaks_floor(&self, call: &Call, view: &World) -> Option<String> {
        let losers = self.losers(call, view);
        if losers.is_empty() {
            return None;
        }
        let now = master_admins(view);
        let left = now.difference(&losers).filter(|email| !self.lost_master_admin.contains(*email)).count();
        let least = self.policy.safety.min_master_admins as usize;
        (left < least).then(|| {
            format!("Master Admins who can sign in: {left} would be left now, {least} are needed (safety.minMasterAdmins)")
        })
    }

    /// Who loses Master Admin by this call.
    pub(super) fn losers(&self, call: &Call, view: &World) -> BTreeSet<Email> {
        call.changes()
            .filter_map(|id| self.outcome.changes.get(id))
            .flat_map(|change| takes_master_admin(&change.key, change.action.is_removal(), view))
            .collect()
    }

    pub(super) async fn send(&mut self, queued: Queued, view: &View) -> Result<(), End> {
        let Queued { call, bisection, retries, is_again } = queued;
        self.calls_sent += 1;
        self.lost_master_admin.extend(self.losers(&call, &view.world));
        let ids: Vec<ChangeId> = call.changes().cloned().collect();
        let label = call.kind.label().to_owned();
        self.note(&Record::Sending { at: self.account.gateway.now(), call: label, changes: ids })?;
        let encoder = RequestEncoder {
            call: &call,
            changes: &self.outcome.changes,
            known_ids: &self.known_ids,
            view: &view.world,
        };
        // Rate-limited and waited out, a call must not go on a look that has grown old meanwhile.
        let writer =
            self.account.writer.until(view.at.saturating_add(MAX_OBSERVATION_AGE).unwrap_or(Timestamp::MAX));
        let answer = encoder.send(&writer, self.policy).await;
        let text = match &answer {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        };
        self.note(&Record::Answered { at: self.account.gateway.now(), answer: text })?;
        let answer = match answer {
            Err(
                KoreError::RateLimited { .. } | KoreError::DeadlinePassed { which: Deadline::Freshness, .. },
            ) => {
                // Nothing was executed. Whether waiting is allowed at all is decided before the next look.
                self.retry(Queued { call, bisection, retries, is_again });
                return Ok(());
            }
            answer => answer?,
        };
        match answer {
            Reply::Sorted { refused, together } => {
                let refused: BTreeMap<usize, String> = refused.into_iter().collect();
                let apart: BTreeSet<usize> =
                    together.iter().flat_map(|(entries, _)| entries).copied().collect();
                for (at, entry) in call.entries.iter().enumerate().filter(|(at, _)| !apart.contains(at)) {
                    for id in entry {
                        match refused.get(&at) {
                            Some(why) => {
                                self.record_outcome(
                                    id,
                                    ChangeOutcome::Failed(format!("the platform refused: {why}")),
                                );
                            }
                            None => self.mark_sent(id, None),
                        }
                    }
                }
                if !refused.is_empty() && !is_again {
                    let taken = call.entries.iter().enumerate();
                    let taken = taken.filter(|(at, _)| !apart.contains(at) && !refused.contains_key(at));
                    self.unconfirmed.extend(taken.map(|(_, entry)| (call.kind, entry.clone())));
                }
                for (entries, why) in together {
                    let entries = entries.into_iter().map(|at| call.entries[at].clone()).collect();
                    self.halve(Call { kind: call.kind, entries }, bisection, retries, &why);
                }
            }
            Reply::Unknown(why) => {
                for id in call.changes() {
                    self.mark_sent(id, Some(why.clone()));
                }
            }
            Reply::Refused(why) => self.halve(call, bisection, retries, &why),
        }
        Ok(())
    }

    /// A refused batch comes back as two, to be looked at and sent again, until the bad entry stands alone.
    pub(super) fn halve(&mut self, call: Call, bisection: Option<usize>, retries: u32, message: &str) {
        let Call { kind, mut entries } = call;
        let bisection = bisection.unwrap_or_else(|| {
            self.bisections.push(0);
            self.bisections.len() - 1
        });
        if entries.len() == 1 || self.bisections[bisection] + 2 > MAX_BISECTION_CALLS {
            let why = if entries.len() == 1 {
                format!("the platform refused: {message}")
            } else {
                format!(
                    "the platform refused a batch of {} (the bad entry was not found in {MAX_BISECTION_CALLS} more calls): {message}",
                    entries.len()
                )
            };
            return self.fail(&Call { kind, entries }, &why);
        }
        self.bisections[bisection] += 2;
        let second = entries.split_off(entries.len() / 2);
        for entries in [second, entries] {
            self.queue.push_front(Queued {
                call: Call { kind, entries },
                bisection: Some(bisection),
                retries,
                is_again: false,
            });
        }
    }

    pub(super) fn mark_sent(&mut self, id: &ChangeId, unknown: Option<String>) {
        let is_write_only =
            self.outcome.changes.get(id).is_some_and(|change| change.key.family().is_write_only());
        match (is_write_only, unknown) {
            (true, None) => self.record_outcome(id, ChangeOutcome::Applied),
            (true, Some(why)) => {
                let why = format!("the reply was lost, and this cannot be read back: {why}");
                self.record_outcome(id, ChangeOutcome::Failed(why));
            }
            (false, unknown) => {
                self.sent.insert(id.clone(), Sent { unknown });
            }
        }
    }
}
