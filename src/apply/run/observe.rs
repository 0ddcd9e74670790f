//! Which calls come next, and the look that checks them and verifies what went before.

use super::{End, Queued, Run, View};
use crate::facts::{Email, Holder, Key};
use crate::kore::ReadRequest;
use crate::plan::{ChangeId, master_admins, takes_master_admin};
use jiff::SignedDuration;
use std::collections::HashSet;

/// A window is planned for less than a look may be old, so that its last call is still in time.
const BATCH_TIME: SignedDuration = SignedDuration::from_secs(50);

impl Run<'_, '_> {
    /// Calls for one look: as many as the budget lets through while the look is fresh, none that depends on another
    /// one of them or on one still queued.
    pub(super) fn next_batch(&mut self) -> Vec<Queued> {
        let mut room = self.account.gateway.room_within(BATCH_TIME);
        let look_up_size = self.account.reader.sizes().look_up.max(1);
        let queue = std::mem::take(&mut self.queue);
        let unsent: HashSet<&ChangeId> = queue.iter().flat_map(|queued| queued.call.changes()).collect();
        let changes = &self.outcome.changes;
        let mut people: HashSet<&Email> =
            self.sent.keys().filter_map(|id| changes.get(id)?.key.email()).collect();
        let (mut chosen, mut is_started) = (vec![false; queue.len()], false);
        for (at, queued) in queue.iter().enumerate() {
            let carried: HashSet<&ChangeId> = queued.call.changes().collect();
            let is_ready = carried.iter().filter_map(|id| changes.get(*id)).all(|change| {
                let mut needed = change.depends_on.iter();
                needed.all(|needed| carried.contains(needed) || !unsent.contains(needed))
            });
            if !is_ready {
                continue;
            }
            let more: HashSet<&Email> = carried
                .iter()
                .filter_map(|id| changes.get(*id)?.key.email())
                .filter(|email| !people.contains(email))
                .collect();
            let reads = (people.len() + more.len()).div_ceil(look_up_size);
            if is_started && reads + queued.call.kind.requests() > room {
                break;
            }
            room = room.saturating_sub(queued.call.kind.requests());
            people.extend(more);
            chosen[at] = true;
            is_started = true;
        }
        let mut batch: Vec<Queued> = Vec::new();
        for (queued, is_chosen) in queue.into_iter().zip(chosen) {
            if is_chosen {
                batch.push(queued);
            } else {
                self.queue.push_back(queued);
            }
        }
        batch
    }

    /// One look at everyone the window is about and everyone written before.
    pub(super) async fn observe(&mut self, batch: &[Queued]) -> Result<View, End> {
        let mut ask = ReadRequest::default();
        let mut takes_master_admin_away = false;
        for id in batch.iter().flat_map(|queued| queued.call.changes()).chain(self.sent.keys()) {
            let Some(change) = self.outcome.changes.get(id) else { continue };
            takes_master_admin_away |=
                !takes_master_admin(&change.key, change.action.is_removal(), self.observed).is_empty();
            ask.roles |= matches!(change.key, Key::RoleDefinition(..));
            match change.key.holder() {
                Some(Holder::Group(group)) => {
                    ask.look_up.extend(self.known_ids.some_members(group));
                }
                _ => ask.look_up.extend(change.key.email().map(|email| self.known_ids.spelling(email))),
            }
        }
        ask.look_up.extend(self.cleared.keys().cloned());
        if takes_master_admin_away {
            ask.look_up.extend(master_admins(self.observed));
            ask.look_up.extend(self.outcome.changes.values().filter_map(|change| match &change.key {
                Key::AdminRole(Holder::User(email), role) if role.is_master_admin() => Some(email.clone()),
                _ => None,
            }));
        }
        self.wait_for_room(1 + ask.look_up.len() / self.account.reader.sizes().look_up.max(1)).await?;
        let at = self.account.gateway.now();
        let world = tokio::select! {
            world = self.account.reader.read(&ask) => world?,
            () = self.cancel.cancelled() => return Err(End::Asked),
        };
        self.known_ids.learn(&world);
        Ok(View { world, at })
    }

    /// Waits until a look and the first call behind it fit into the budget together, so that no look is wasted.
    pub(super) async fn wait_for_room(&mut self, reads: usize) -> Result<(), End> {
        let needed = (reads + 1).min(self.policy.rate.usable_per_minute() as usize);
        tokio::select! {
            waited = self.account.gateway.wait_for_room(needed, BATCH_TIME) => Ok(waited?),
            () = self.cancel.cancelled() => Err(End::Asked),
        }
    }
}
