//! One spelling for every person: the one in their `KoreUser`, else the first by order.

use crate::facts::Email;
use std::collections::HashSet;

/// Everybody that was mentioned so far.
#[derive(Default)]
pub(super) struct People {
    known: HashSet<Email>,
}

impl People {
    /// The person in the spelling that was met first; later mentions share its memory.
    pub(super) fn known(&mut self, email: &Email) -> Email {
        if let Some(known) = self.known.get(email) {
            return known.clone();
        }
        self.known.insert(email.clone());
        email.clone()
    }

    /// All of them, each once.
    pub(super) fn all(self) -> impl Iterator<Item = Email> {
        self.known.into_iter()
    }
}
