//! What was sent is read back until it shows, waits for a person to join, or has failed.

use super::super::check::has_taken_effect;
use super::super::outcome::ChangeOutcome;
use super::{End, Queued, READ_BACK_PAUSES, Run, Sent};
use crate::facts::{Key, Membership, Value, World};
use crate::plan::ChangeId;
use crate::plan::pack::{Call, WriteKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Looks after which assignments that should be gone are cleared and sent anew.
const READS_BEFORE_CLEARING: usize = 2;

impl Run<'_, '_> {
    /// Settles what a look shows to have come about.
    pub(super) fn settle(&mut self, view: &World) {
        let done: Vec<ChangeId> = self
            .sent
            .keys()
            .filter(|id| {
                self.outcome.changes.get(*id).is_some_and(|change| {
                    has_taken_effect(change, view) == Some(true) && !self.waits_for_whole_list(change)
                })
            })
            .cloned()
            .collect();
        for id in done {
            self.sent.remove(&id);
            self.record_outcome(&id, ChangeOutcome::Applied);
        }
    }

    /// Looks for everything that was sent, several times over a minute, and settles all of it in the end.
    pub(super) async fn verify(&mut self) -> Result<(), End> {
        let mut view = None;
        for (looks, pause) in READ_BACK_PAUSES.into_iter().enumerate() {
            if self.sent.is_empty() && self.cleared.is_empty() {
                return Ok(());
            }
            let until = self.account.gateway.now().saturating_add(SignedDuration::from_secs(pause));
            tokio::select! {
                () = self.account.gateway.sleep_until(until.unwrap_or(Timestamp::MAX)) => {}
                () = self.cancel.cancelled() => return Err(End::Asked),
            }
            let seen = self.observe(&[]).await?;
            self.confirm_cleared(&seen.world, looks + 1 == READ_BACK_PAUSES.len()).await?;
            self.settle(&seen.world);
            if looks + 1 == READS_BEFORE_CLEARING {
                self.clear_stale_assignments(&seen).await?;
            }
            self.record_pending(&seen.world, looks);
            view = Some(seen);
        }
        let view = view.map(|view| view.world).unwrap_or_default();
        self.resend_unconfirmed(&view);
        for (id, Sent { unknown }) in std::mem::take(&mut self.sent) {
            let change = &self.outcome.changes[&id];
            let seen = match has_taken_effect(change, &view) {
                None => "whether it came about could not be read".to_owned(),
                Some(_) if change.action.is_removal() => "a minute later it is still there".to_owned(),
                Some(_) => "a minute later it is not there".to_owned(),
            };
            let outcome = match unknown {
                Some(why) => ChangeOutcome::Failed(format!("the reply was lost ({why}); {seen}; run again")),
                None => ChangeOutcome::Failed(format!("the platform accepted it; {seen}")),
            };
            self.record_outcome(&id, outcome);
        }
        Ok(())
    }

    /// What was taken beside refused entries, and has not come about a minute later, goes once more without them.
    pub(super) fn resend_unconfirmed(&mut self, view: &World) {
        let mut again: BTreeMap<WriteKind, Vec<Vec<ChangeId>>> = BTreeMap::new();
        for (kind, mut entry) in std::mem::take(&mut self.unconfirmed) {
            entry.retain(|id| {
                self.sent.contains_key(id) && has_taken_effect(&self.outcome.changes[id], view) == Some(false)
            });
            for id in &entry {
                self.sent.remove(id);
            }
            if !entry.is_empty() {
                again.entry(kind).or_default().push(entry);
            }
        }
        for (kind, entries) in again {
            for entries in entries.chunks(self.policy.batch_size.0) {
                let call = Call { kind, entries: entries.to_vec() };
                self.queue.push_back(Queued { call, bisection: None, retries: 0, is_again: true });
            }
        }
    }

    /// Facts that do not stick to a person who has not joined wait for them. One more read than the first, because
    /// reads may lag behind writes.
    pub(super) fn record_pending(&mut self, view: &World, looks: usize) {
        if looks == 0 {
            return;
        }
        let waiting: Vec<ChangeId> = self
            .sent
            .keys()
            .filter(|id| {
                let change = &self.outcome.changes[*id];
                let member = change.key.email().map(|email| Key::Member(email.clone()));
                let is_pending = matches!(
                    member.and_then(|member| view.get(&member)),
                    Some(Value::Member(Membership::Pending { since: _ }))
                );
                is_pending && !change.action.is_removal()
            })
            .cloned()
            .collect();
        for id in waiting {
            self.sent.remove(&id);
            self.record_outcome(&id, ChangeOutcome::Waiting);
        }
    }

    /// Calls whose ground is settled and missing leave the queue.
    pub(super) fn fail_orphans(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        for mut queued in queue {
            for entry in &mut queued.call.entries {
                let mut kept = Vec::with_capacity(entry.len());
                for id in entry.drain(..) {
                    let change = &self.outcome.changes[&id];
                    let ground = change.depends_on.iter().find(|needed| {
                        self.outcome.by_change.get(*needed).is_some_and(|outcome| {
                            !matches!(outcome, ChangeOutcome::Applied | ChangeOutcome::AlreadyThere)
                        })
                    });
                    match ground.cloned() {
                        Some(ground) => self.record_outcome(&id, ChangeOutcome::HeldBack(ground)),
                        None => kept.push(id),
                    }
                }
                *entry = kept;
            }
            queued.call.entries.retain(|entry| !entry.is_empty());
            if !queued.call.entries.is_empty() {
                self.queue.push_back(queued);
            }
        }
    }
}
