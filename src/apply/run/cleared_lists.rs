//! Which lists of assignments were cleared, and what each shall be in the end: what has to be kept until it is there.

use super::super::journal::BeforeImage;
use super::super::repair;
use crate::facts::{Email, Key, World};
use crate::plan::Change;
use std::collections::{BTreeMap, BTreeSet};

/// The lists that have to be kept in the journal, by what is still to come for them.
#[derive(Debug, Default)]
pub(super) struct ClearedLists {
    /// Cleared and sent again; no read has shown them complete yet.
    unconfirmed: BTreeMap<Email, BeforeImage>,
    /// Those that the next run has to restore.
    unrestored: Vec<BeforeImage>,
}

impl ClearedLists {
    /// These are about to be cleared.
    pub(super) fn add(&mut self, batch: &[BeforeImage]) {
        self.unconfirmed.extend(batch.iter().map(|image| (image.user.clone(), image.clone())));
    }

    /// These were not cleared after all.
    pub(super) fn forget(&mut self, batch: &[BeforeImage]) {
        self.unconfirmed.retain(|email, _| !batch.iter().any(|image| image.user == *email));
    }

    /// Lets go of the lists that a read shows complete, and of those whose user has left. At the last read it is enough
    /// that everything is there, whatever else is. Says whether any was let go of.
    pub(super) fn confirm(&mut self, observed: &World, is_last: bool) -> bool {
        let before = self.unconfirmed.len();
        let is_there = |image: &BeforeImage| {
            repair::is_as_sent(image, observed) || (is_last && repair::holds(image, observed))
        };
        self.unconfirmed
            .retain(|email, image| !observed.coverage.not_found.contains(email) && !is_there(image));
        self.unconfirmed.len() < before
    }

    /// The next run restores these before it plans anything.
    pub(super) fn mark_unrestored(&mut self, people: &BTreeSet<Email>) {
        for email in people {
            self.unrestored.extend(self.unconfirmed.remove(email));
        }
    }

    /// Whether every list that was cleared and sent again has been shown complete, or is left to the next run.
    pub(super) fn is_confirmed(&self) -> bool {
        self.unconfirmed.is_empty()
    }

    /// Whether the next run has to restore any.
    pub(super) fn has_unrestored(&self) -> bool {
        !self.unrestored.is_empty()
    }

    /// Whose lists were cleared and sent again, and not shown complete yet.
    pub(super) fn people(&self) -> BTreeSet<Email> {
        self.unconfirmed.keys().cloned().collect()
    }

    /// Whether the change is about such a list.
    pub(super) fn awaits(&self, change: &Change) -> bool {
        matches!(&change.key, Key::Assigned(email, _) if self.unconfirmed.contains_key(email))
    }

    /// What has to be kept: every list that no read has shown yet.
    pub(super) fn to_keep(&self) -> Vec<BeforeImage> {
        self.unrestored.iter().chain(self.unconfirmed.values()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assigned, assignment, email, joined, member, not_found, observed};
    use super::*;
    use crate::facts::{DialogSet, Value};

    /// The user shall be assigned the bot of the samples, and nothing else.
    fn image(name: &str) -> BeforeImage {
        BeforeImage { user: email(name), target: BTreeMap::from([("st-1".into(), None)]) }
    }

    fn cleared(names: &[&str]) -> ClearedLists {
        let mut lists = ClearedLists::default();
        lists.add(&names.iter().map(|name| image(name)).collect::<Vec<_>>());
        lists
    }

    fn other_bot(name: &str) -> (Key, Value) {
        (Key::Assigned(email(name), "st-2".into()), Value::Dialogs(DialogSet::ALL))
    }

    #[test]
    fn a_cleared_list_is_kept_until_a_read_shows_exactly_it() {
        let mut lists = cleared(&["a", "b"]);
        assert!(!lists.confirm(&observed([joined("a"), joined("b")]), false), "both are empty still");
        let both = observed([joined("a"), assigned("a"), joined("b"), assigned("b"), other_bot("b")]);
        assert!(lists.confirm(&both, false));
        assert_eq!(lists.to_keep(), [image("b")], "what it was cleared of may be there still");
        assert!(lists.confirm(&both, true), "all of it is there, and more");
        assert!(lists.is_confirmed() && lists.to_keep().is_empty());
    }

    #[test]
    fn a_user_who_has_left_needs_no_list() {
        let mut lists = cleared(&["a"]);
        assert!(lists.confirm(&not_found(&["a"]), false));
        assert!(lists.is_confirmed());
    }

    #[test]
    fn what_the_next_run_restores_stays_kept() {
        let mut lists = cleared(&["a", "b"]);
        assert!(!lists.has_unrestored());
        lists.mark_unrestored(&BTreeSet::from([email("a"), email("c")]));
        assert!(lists.has_unrestored());
        assert_eq!(lists.people(), BTreeSet::from([email("b")]));
        lists.forget(&[image("b")]);
        assert!(lists.is_confirmed());
        assert_eq!(lists.to_keep(), [image("a")]);
    }

    #[test]
    fn only_assignments_wait_for_the_list() {
        let lists = cleared(&["a"]);
        assert!(lists.awaits(&assignment("a", &[])));
        assert!(!lists.awaits(&assignment("b", &[])) && !lists.awaits(&member("a")));
    }
}
