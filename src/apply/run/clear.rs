//! Lists of assignments that the platform adds to: cleared and sent again, and kept until a read has shown them.

use super::super::check::has_taken_effect;
use super::super::journal::{BeforeImage, JournalError};
use super::super::outcome::ChangeOutcome;
use super::super::repair::{self, Resent};
use super::{EarlyEnd, Observation, Run};
use crate::facts::{Email, Key, World};
use crate::plan::{Change, ChangeId};
use std::collections::{BTreeMap, BTreeSet};

impl Run<'_, '_> {
    /// Where a complete list that was sent has not replaced what was there, the platform adds: then the list is cleared
    /// and sent again, with the people's assignments kept in between (kore-api 2.2).
    pub(super) async fn clear_stale_assignments(
        &mut self,
        observation: &Observation,
    ) -> Result<(), EarlyEnd> {
        let images = self.stale_lists(&observation.world);
        if images.is_empty() {
            return Ok(());
        }
        if !self.journal.is_durable() {
            let why = "the platform adds to the list of assignments instead of replacing it; clearing it first needs \
                       --state-dir, or a person in the console (Enterprise Bots)";
            self.fail_assignments(&people(&images), why);
            return Ok(());
        }
        if self.cleared.has_unrestored() {
            let why = "other assignments that were cleared have to be restored first; run again";
            self.fail_assignments(&people(&images), why);
            return Ok(());
        }
        let size = self.policy.batch_size.0.max(1);
        for (at, batch) in images.chunks(size).enumerate() {
            self.cleared.add(batch);
            if let Err(error) = self.keep_cleared().await {
                self.cleared.forget(batch);
                self.fail_assignments(&people(batch), &format!("the list was not cleared: {error}"));
                continue;
            }
            let (known_ids, writer) = (&self.known_ids, self.account.writer);
            match repair::clear_and_resend(batch, known_ids, &observation.world, writer).await? {
                Resent::Answered => {}
                Resent::OpenJournal(why) => {
                    // What is kept has to stay, so nobody else can be cleared now.
                    let why =
                        format!("the assignments were cleared to be sent anew, and were not taken; {why}");
                    self.cleared.mark_unrestored(&people(batch));
                    let rest: BTreeSet<Email> =
                        images.iter().skip(at * size).map(|image| image.user.clone()).collect();
                    self.fail_assignments(&rest, &why);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What all those shall be assigned whose list was sent and still has what should be gone.
    fn stale_lists(&self, observed: &World) -> Vec<BeforeImage> {
        let sent = || self.progress.in_flight().map(|(_, change)| change);
        let stale: BTreeSet<&Email> = sent()
            .filter(|change| change.before.is_some() && has_taken_effect(change, observed) == Some(false))
            .filter_map(assigned_person)
            .collect();
        let mut changes: BTreeMap<&Email, Vec<&Change>> = BTreeMap::new();
        for change in sent() {
            if let Some(email) = change.key.email().filter(|email| stale.contains(email)) {
                changes.entry(email).or_default().push(change);
            }
        }
        changes
            .into_iter()
            .map(|(email, changes)| {
                repair::before_image(email, changes.into_iter(), observed, &self.known_ids)
            })
            .collect()
    }

    /// Lets go of the lists that a read shows complete. What the last read does not show stays kept, and the next run
    /// restores it.
    pub(super) async fn confirm_cleared(&mut self, observed: &World, is_last: bool) -> Result<(), EarlyEnd> {
        let has_changed = self.cleared.confirm(observed, is_last);
        if is_last && !self.cleared.is_confirmed() {
            let people = self.cleared.people();
            self.cleared.mark_unrestored(&people);
            let why = "the assignments were cleared to be sent anew, and a minute later they are not all there; the next \
                       run restores them";
            self.fail_assignments(&people, why);
        }
        if has_changed { self.keep_cleared().await.map_err(EarlyEnd::Journal) } else { Ok(()) }
    }

    /// Keeps every list that no read has shown yet.
    async fn keep_cleared(&self) -> Result<(), JournalError> {
        self.journal.keep(&self.cleared.to_keep()).await
    }

    fn fail_assignments(&mut self, people: &BTreeSet<Email>, why: &str) {
        let is_theirs = |change: &Change| assigned_person(change).is_some_and(|email| people.contains(email));
        let theirs: Vec<ChangeId> = self
            .progress
            .in_flight()
            .filter(|(_, change)| is_theirs(change))
            .map(|(id, _)| id.clone())
            .collect();
        for id in theirs {
            self.record_outcome(&id, ChangeOutcome::Failed(why.to_owned()));
        }
    }
}

fn people(images: &[BeforeImage]) -> BTreeSet<Email> {
    images.iter().map(|image| image.user.clone()).collect()
}

fn assigned_person(change: &Change) -> Option<&Email> {
    if let Key::Assigned(email, _) = &change.key { Some(email) } else { None }
}
