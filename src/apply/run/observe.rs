//! The read that checks the next calls and verifies what went before.

use super::queue::QueuedCall;
use super::{EarlyEnd, FirstLook, Observation, Run};
use crate::facts::{Holder, Key, Listing, Looks};
use crate::kore::ReadRequest;
use crate::plan::{ChangeId, master_admins, takes_master_admin};
use jiff::SignedDuration;

/// A batch is planned for less than an observation may be old, so that its last call is still in time.
const BATCH_TIME: SignedDuration = SignedDuration::from_secs(50);

impl Run<'_, '_> {
    /// Calls for one observation: as many as the budget lets through while it is fresh.
    pub(super) fn next_batch(&mut self) -> Vec<QueuedCall> {
        let room = self.account.gateway.room_within(BATCH_TIME);
        self.queue.next_batch(&self.progress, room, self.look_up_size())
    }

    /// One read of everyone the batch is about and everyone written before.
    pub(super) async fn observe(&mut self, batch: &[QueuedCall]) -> Result<Observation, EarlyEnd> {
        let request = self.read_request(batch);
        if let Some(FirstLook { looks, at }) = self.first.take().filter(|first| self.answers(first, &request))
        {
            self.known_ids.learn(&looks.world);
            return Ok(Observation { world: looks.world, at });
        }
        self.wait_for_room(1 + request.look_up.len() / self.look_up_size()).await?;
        let at = self.account.gateway.now();
        let world = tokio::select! {
            world = self.account.reader.read(&request) => world?,
            () = self.cancel.cancelled() => return Err(EarlyEnd::Cancelled),
        };
        self.known_ids.learn(&world);
        if let Some(looks) = &mut self.looks {
            looks.push(Looks { people: request.look_up, world: world.clone(), ..Looks::default() });
        }
        Ok(Observation { world, at })
    }

    /// Whether look-ups that were made before are fresh, and about everything that is asked now.
    fn answers(&self, first: &FirstLook, request: &ReadRequest) -> bool {
        let FirstLook { looks, at } = first;
        let is_fresh = self.account.gateway.now().duration_since(*at) <= BATCH_TIME;
        let exports = [Listing::AdminRoles, Listing::BotRoles];
        is_fresh
            && request.look_up.is_subset(&looks.people)
            && (!request.roles || exports.into_iter().all(|listing| looks.has_read(listing)))
    }

    pub(super) fn look_up_size(&self) -> usize {
        self.account.reader.sizes().look_up.max(1)
    }

    pub(super) fn read_request(&self, batch: &[QueuedCall]) -> ReadRequest {
        let mut request = ReadRequest::default();
        let mut takes_master_admin_away = false;
        let in_flight: Vec<ChangeId> = self.progress.ids_in_flight();
        for id in batch.iter().flat_map(|queued| queued.call.changes()).chain(&in_flight) {
            let Some(change) = self.progress.change(id) else { continue };
            takes_master_admin_away |=
                !takes_master_admin(&change.key, change.action.is_removal(), self.observed_by_plan)
                    .is_empty();
            request.roles |= matches!(change.key, Key::RoleDefinition(..));
            match change.key.holder() {
                Some(Holder::Group(group)) => {
                    request.look_up.extend(self.known_ids.some_members(group));
                }
                Some(Holder::User(_)) | None => {
                    request.look_up.extend(change.key.email().map(|email| self.known_ids.spelling(email)));
                }
            }
        }
        request.look_up.extend(self.cleared.people());
        if takes_master_admin_away {
            request.look_up.extend(master_admins(self.observed_by_plan));
            request.look_up.extend(self.progress.changes().values().filter_map(|change| match &change.key {
                Key::AdminRole(Holder::User(email), role) if role.is_master_admin() => Some(email.clone()),
                _ => None,
            }));
        }
        request
    }

    /// Waits until a read and the first call behind it fit into the budget together, so that no read is wasted.
    async fn wait_for_room(&self, reads: usize) -> Result<(), EarlyEnd> {
        let needed = (reads + 1).min(self.policy.rate.usable_per_minute() as usize);
        tokio::select! {
            waited = self.account.gateway.wait_for_room(needed, BATCH_TIME) => Ok(waited?),
            () = self.cancel.cancelled() => Err(EarlyEnd::Cancelled),
        }
    }
}
