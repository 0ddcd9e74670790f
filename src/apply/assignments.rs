//! A person's assignments as one list: whether the platform replaces it or adds to it is open (kore-api 2.2), so it is
//! always sent whole.

use crate::facts::{BotId, DialogId, Email, Key, Value, World};
use crate::kore::{Assignments, BotAssignment};
use crate::plan::Change;
use std::collections::{BTreeMap, BTreeSet};

/// The complete list of a person's assignments after these changes. `None`: all dialogs.
pub(super) fn assignments_after<'a>(
    email: &Email,
    changes: impl Iterator<Item = &'a Change>,
    observed: &World,
) -> BTreeMap<BotId, Option<BTreeSet<DialogId>>> {
    let first = Key::Assigned(email.clone(), "".into());
    let facts = &observed.facts()[observed.facts().partition_point(|(key, _)| *key < first)..];
    let mut list: BTreeMap<BotId, Option<BTreeSet<DialogId>>> = facts
        .iter()
        .map_while(|(key, value)| match (key, value) {
            (Key::Assigned(user, bot), Value::Dialogs(dialogs)) if user == email => {
                Some((bot.clone(), dialogs.only.clone()))
            }
            _ => None,
        })
        .collect();
    for change in changes {
        let Key::Assigned(_, bot) = &change.key else { continue };
        match &change.after {
            Some(Value::Dialogs(dialogs)) => {
                list.insert(bot.clone(), dialogs.only.clone());
            }
            None => {
                list.remove(bot);
            }
            // No other value goes with an assignment.
            Some(_) => {}
        }
    }
    list
}

/// A complete list of assignments as the API takes it: an empty one has a form of its own.
pub(super) fn as_sent(list: BTreeMap<BotId, Option<BTreeSet<DialogId>>>) -> Assignments {
    if list.is_empty() {
        return Assignments::Clear;
    }
    let entry = |(bot, dialogs): (_, Option<BTreeSet<DialogId>>)| BotAssignment {
        bot,
        dialogs: dialogs.map(|dialogs| dialogs.into_iter().collect()),
    };
    Assignments::Complete(list.into_iter().map(entry).collect())
}
