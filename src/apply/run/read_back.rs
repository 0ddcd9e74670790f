//! What was sent is read back until it shows, waits for a person to join, or has failed.

use super::super::check::has_taken_effect;
use super::super::outcome::ChangeOutcome;
use super::{EarlyEnd, READ_BACK_PAUSES, Run};
use crate::facts::World;
use crate::plan::{Change, ChangeId};
use jiff::{SignedDuration, Timestamp};

/// Reads after which assignments that should be gone are cleared and sent anew.
const READS_BEFORE_CLEARING: usize = 2;

impl Run<'_, '_> {
    /// Records what a read shows to have come about.
    pub(super) fn record_applied(&mut self, observed: &World) {
        let is_done = |change: &Change| {
            has_taken_effect(change, observed) == Some(true) && !self.cleared.awaits(change)
        };
        let done: Vec<ChangeId> = self
            .progress
            .in_flight()
            .filter(|(_, change)| is_done(change))
            .map(|(id, _)| id.clone())
            .collect();
        for id in done {
            self.record_outcome(&id, ChangeOutcome::Applied);
        }
    }

    /// Reads back everything that was sent, several times over a minute, until all of it has an outcome.
    pub(super) async fn read_back(&mut self) -> Result<(), EarlyEnd> {
        let mut last = World::default();
        for (reads, pause) in READ_BACK_PAUSES.into_iter().enumerate() {
            if self.progress.is_read_back() && self.cleared.is_confirmed() {
                return Ok(());
            }
            let until = self.account.gateway.now().saturating_add(SignedDuration::from_secs(pause));
            tokio::select! {
                () = self.account.gateway.sleep_until(until.unwrap_or(Timestamp::MAX)) => {}
                () = self.cancel.cancelled() => return Err(EarlyEnd::Cancelled),
            }
            let observation = self.observe(&[]).await?;
            self.confirm_cleared(&observation.world, reads + 1 == READ_BACK_PAUSES.len()).await?;
            self.record_applied(&observation.world);
            if reads + 1 == READS_BEFORE_CLEARING {
                self.clear_stale_assignments(&observation).await?;
            }
            // One more read than the first, because reads may lag behind writes.
            if reads > 0 {
                self.record_waiting(&observation.world);
            }
            last = observation.world;
        }
        self.resend_unconfirmed(&last);
        for (id, outcome) in self.progress.not_taken_effect(&last) {
            self.record_outcome(&id, outcome);
        }
        Ok(())
    }

    /// What was taken beside refused entries, and has not come about a minute later, goes once more without them.
    fn resend_unconfirmed(&mut self, observed: &World) {
        for (kind, entries) in self.progress.take_unconfirmed(observed) {
            self.queue.resend(kind, &entries, self.policy.batch_size.0);
        }
    }

    /// Facts that do not stick to a person who has not joined wait for them.
    fn record_waiting(&mut self, observed: &World) {
        for id in self.progress.waiting_for_people(observed) {
            self.record_outcome(&id, ChangeOutcome::Waiting);
        }
    }

    /// Changes whose dependency did not come about leave the queue.
    pub(super) fn fail_orphans(&mut self) {
        for (id, dependency) in self.queue.take_orphans(&self.progress) {
            self.record_outcome(&id, ChangeOutcome::HeldBack(dependency));
        }
    }
}
