//! Lists of assignments that the platform adds to: cleared and sent again, and kept until a look has shown them.

use super::super::check::has_taken_effect;
use super::super::journal::BeforeImage;
use super::super::outcome::ChangeOutcome;
use super::super::repair::{self, Resent};
use super::{End, Run, View};
use crate::facts::{Email, Key, World};
use crate::plan::{Change, ChangeId};
use std::collections::{BTreeMap, BTreeSet};

impl Run<'_, '_> {
    /// Where a list that was sent whole has not replaced what was there, the platform adds: then the list is
    /// cleared and sent again, with the people's assignments kept in between (kore-api 2.2).
    pub(super) async fn clear_stale_assignments(&mut self, view: &View) -> Result<(), End> {
        let images = self.stale_lists(&view.world);
        if images.is_empty() {
            return Ok(());
        }
        if !self.journal.is_durable() {
            let why = "the platform adds to the list of assignments instead of replacing it; clearing it first needs \
                       --state-dir, or a person in the console (Enterprise Bots)";
            self.fail_assignments(&people(&images), why);
            return Ok(());
        }
        if !self.unrestored.is_empty() {
            let why = "other assignments that were cleared have to be restored first; run again";
            self.fail_assignments(&people(&images), why);
            return Ok(());
        }
        for batch in images.chunks(self.policy.batch_size.0) {
            self.cleared.extend(batch.iter().map(|image| (image.user.clone(), image.clone())));
            if let Err(error) = self.keep_cleared().await {
                self.cleared.retain(|email, _| !batch.iter().any(|image| image.user == *email));
                self.fail_assignments(&people(batch), &format!("the list was not cleared: {error}"));
                continue;
            }
            let (known_ids, writer) = (&self.known_ids, self.account.writer);
            match repair::clear_and_resend(batch, known_ids, &view.world, writer).await? {
                Resent::Answered => {}
                Resent::OpenJournal(why) => {
                    // What is kept has to stay, so nobody else can be cleared now.
                    let at = images.iter().position(|image| image.user == batch[0].user).unwrap_or_default();
                    let why =
                        format!("the assignments were cleared to be sent anew, and were not taken; {why}");
                    self.mark_unrestored(&people(batch));
                    self.fail_assignments(&people(&images[at..]), &why);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What everybody shall be assigned whose list was sent and still has what should be gone.
    fn stale_lists(&self, view: &World) -> Vec<BeforeImage> {
        let sent = || self.sent.keys().filter_map(|id| self.outcome.changes.get(id));
        let stale: BTreeSet<&Email> = sent()
            .filter(|change| change.before.is_some() && has_taken_effect(change, view) == Some(false))
            .filter_map(|change| match &change.key {
                Key::Assigned(email, _) => Some(email),
                _ => None,
            })
            .collect();
        let mut changes: BTreeMap<&Email, Vec<&Change>> = BTreeMap::new();
        for change in sent() {
            if let Some(email) = change.key.email().filter(|email| stale.contains(email)) {
                changes.entry(email).or_default().push(change);
            }
        }
        changes
            .into_iter()
            .map(|(email, changes)| repair::before_image(email, changes.into_iter(), view, &self.known_ids))
            .collect()
    }

    /// Whether the change is about a list that was cleared and sent again, and not all of it was seen yet.
    pub(super) fn waits_for_whole_list(&self, change: &Change) -> bool {
        matches!(&change.key, Key::Assigned(email, _) if self.cleared.contains_key(email))
    }

    /// Lets go of the lists that a look shows whole. At the last look it is enough that everything is there; what is not
    /// stays kept, and the next run restores it.
    pub(super) async fn confirm_cleared(&mut self, view: &World, is_last: bool) -> Result<(), End> {
        let waiting = self.cleared.len();
        let is_there =
            |image: &BeforeImage| repair::is_as_sent(image, view) || (is_last && repair::holds(image, view));
        self.cleared.retain(|email, image| !view.coverage.not_found.contains(email) && !is_there(image));
        let has_changed = self.cleared.len() < waiting;
        if is_last && !self.cleared.is_empty() {
            let people = self.cleared.keys().cloned().collect();
            self.mark_unrestored(&people);
            let why = "the assignments were cleared to be sent anew, and a minute later they are not all there; the next \
                       run restores them";
            self.fail_assignments(&people, why);
        }
        if has_changed { self.keep_cleared().await.map_err(End::Journal) } else { Ok(()) }
    }

    /// The next run restores these before it plans anything.
    fn mark_unrestored(&mut self, people: &BTreeSet<Email>) {
        for email in people {
            self.unrestored.extend(self.cleared.remove(email));
        }
    }

    /// Keeps every list that no look has shown yet.
    async fn keep_cleared(&self) -> Result<(), String> {
        let images: Vec<BeforeImage> = self.unrestored.iter().chain(self.cleared.values()).cloned().collect();
        self.journal.keep(&images).await.map_err(|error| error.to_string())
    }

    fn fail_assignments(&mut self, people: &BTreeSet<Email>, why: &str) {
        let ids: Vec<ChangeId> = self.sent.keys().cloned().collect();
        for id in ids {
            let key = &self.outcome.changes[&id].key;
            if matches!(key, Key::Assigned(email, _) if people.contains(email)) {
                self.sent.remove(&id);
                self.record_outcome(&id, ChangeOutcome::Failed(why.to_owned()));
            }
        }
    }
}

fn people(images: &[BeforeImage]) -> BTreeSet<Email> {
    images.iter().map(|image| image.user.clone()).collect()
}
