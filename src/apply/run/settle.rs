//! What was sent is looked for until it shows, waits for somebody to join, or has failed.

use super::super::check::has_come_about;
use super::super::outcome::Fate;
use super::{End, LOOKS, Queued, Run, Sent};
use crate::facts::{Key, Membership, Value, World};
use crate::plan::ChangeId;
use crate::plan::pack::{Call, Endpoint};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Looks after which assignments that should be gone are cleared and sent anew.
const LOOKS_BEFORE_CLEARING: usize = 2;

impl Run<'_, '_> {
    /// Settles what a look shows to have come about.
    pub(super) fn settle(&mut self, view: &World) {
        let done: Vec<ChangeId> = self
            .sent
            .keys()
            .filter(|id| {
                self.outcome.changes.get(*id).is_some_and(|change| {
                    has_come_about(change, view) == Some(true) && !self.waits_for_the_whole_list(change)
                })
            })
            .cloned()
            .collect();
        for id in done {
            self.sent.remove(&id);
            self.settle_as(&id, Fate::Applied);
        }
    }

    /// Looks for everything that was sent, several times over a minute, and settles all of it in the end.
    pub(super) async fn verify(&mut self) -> Result<(), End> {
        let mut view = None;
        for (looks, pause) in LOOKS.into_iter().enumerate() {
            if self.sent.is_empty() && self.cleared.is_empty() {
                return Ok(());
            }
            let until = self.account.gateway.now().saturating_add(SignedDuration::from_secs(pause));
            tokio::select! {
                () = self.account.gateway.sleep_until(until.unwrap_or(Timestamp::MAX)) => {}
                () = self.stop.asked() => return Err(End::Asked),
            }
            let seen = self.look(&[]).await?;
            self.confirm_cleared(&seen.world, looks + 1 == LOOKS.len()).await?;
            self.settle(&seen.world);
            if looks + 1 == LOOKS_BEFORE_CLEARING {
                self.clear_stale_assignments(&seen).await?;
            }
            self.settle_pending(&seen.world, looks);
            view = Some(seen);
        }
        let view = view.map(|view| view.world).unwrap_or_default();
        self.send_doubtful_again(&view);
        for (id, Sent { unknown }) in std::mem::take(&mut self.sent) {
            let change = &self.outcome.changes[&id];
            let seen = match has_come_about(change, &view) {
                None => "whether it came about could not be read".to_owned(),
                Some(_) if change.action.is_removal() => "a minute later it is still there".to_owned(),
                Some(_) => "a minute later it is not there".to_owned(),
            };
            let fate = match unknown {
                Some(why) => Fate::Failed(format!("the reply was lost ({why}); {seen}; run again")),
                None => Fate::Failed(format!("the platform accepted it; {seen}")),
            };
            self.settle_as(&id, fate);
        }
        Ok(())
    }

    /// What was taken beside refused entries, and has not come about a minute later, goes once more without them.
    pub(super) fn send_doubtful_again(&mut self, view: &World) {
        let mut again: BTreeMap<Endpoint, Vec<Vec<ChangeId>>> = BTreeMap::new();
        for (endpoint, mut entry) in std::mem::take(&mut self.doubtful) {
            entry.retain(|id| {
                self.sent.contains_key(id) && has_come_about(&self.outcome.changes[id], view) == Some(false)
            });
            for id in &entry {
                self.sent.remove(id);
            }
            if !entry.is_empty() {
                again.entry(endpoint).or_default().push(entry);
            }
        }
        for (endpoint, entries) in again {
            for entries in entries.chunks(self.policy.batch_size.0) {
                let call = Call { endpoint, entries: entries.to_vec() };
                self.queue.push_back(Queued { call, hunt: None, late: 0, is_again: true });
            }
        }
    }

    /// Facts that do not stick to somebody who has not joined wait for them. One more look than the first, because
    /// reads may lag behind writes.
    pub(super) fn settle_pending(&mut self, view: &World, looks: usize) {
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
            self.settle_as(&id, Fate::Waiting);
        }
    }

    /// Calls whose ground is settled and missing leave the queue.
    pub(super) fn hold_back_orphans(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        for mut queued in queue {
            for entry in &mut queued.call.entries {
                let mut kept = Vec::with_capacity(entry.len());
                for id in entry.drain(..) {
                    let change = &self.outcome.changes[&id];
                    let ground = change.depends_on.iter().find(|needed| {
                        self.outcome
                            .fates
                            .get(*needed)
                            .is_some_and(|fate| !matches!(fate, Fate::Applied | Fate::AlreadyThere))
                    });
                    match ground.cloned() {
                        Some(ground) => self.settle_as(&id, Fate::HeldBack(ground)),
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
