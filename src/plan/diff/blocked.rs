//! The entries of facts that are blocked. Everything that is blocked because of one person is one entry.

use crate::facts::{Email, Key};
use crate::plan::model::Entry;
use std::collections::{BTreeMap, HashMap};

/// Entries in the order in which they came up.
#[derive(Default)]
pub(super) struct Blocked {
    entries: Vec<Entry>,
    /// Where the entry of a person is.
    of_person: HashMap<Email, usize>,
    /// Prunings without proof, one entry a list and reason; they come last.
    unproved_lists: BTreeMap<String, Entry>,
}

impl Blocked {
    /// One more entry.
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The entry that takes in everything else about this person.
    pub(super) fn push_for(&mut self, email: &Email, entry: Entry) {
        self.of_person.insert(email.clone(), self.entries.len());
        self.push(entry);
    }

    /// Adds a fact to the entry of its person. False: the person has none.
    pub(super) fn add_to_person(&mut self, email: &Email, key: &Key) -> bool {
        let entry = self.of_person.get(email).and_then(|at| self.entries.get_mut(*at));
        entry.map(|entry| entry.subjects.push(key.clone())).is_some()
    }

    /// A fact that is not pruned, because `list` is not proved complete for `why`.
    pub(super) fn hold_pruning(&mut self, list: &str, why: &str, key: &Key, entry: impl FnOnce() -> Entry) {
        let held = self.unproved_lists.entry(format!("{list}: {why}")).or_insert_with(entry);
        held.subjects.push(key.clone());
    }

    /// All of them.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries.into_iter().chain(self.unproved_lists.into_values()).collect()
    }
}
