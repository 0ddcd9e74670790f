//! A person whose address changes: the old address keeps everything until the new one has joined, and leaves then.

use super::diff::Difference;
use super::model::{Change, ChangeId, Entry, Reason};
use super::resolve::Wanted;
use crate::facts::{Email, Key, Membership, Move, Value, Verdict, Want, World};
use std::collections::BTreeSet;

/// Before the comparison: whoever has joined under the new address is declared absent under the old one; of everybody else
/// the old address is kept, and the entries say until when.
pub(super) fn settle(wanted: &mut Wanted, observed: &World) -> Vec<Entry> {
    let mut waiting = Vec::new();
    for (old, Move { to, source }) in std::mem::take(&mut wanted.moves) {
        let key = Key::Member(old.clone());
        if observed.get(&key).is_none() {
            continue;
        }
        let has_joined = observed.get(&Key::Member(to.clone())) == Some(&Value::Member(Membership::Joined));
        if has_joined {
            let want = Want {
                verdict: Verdict::Absent,
                sources: vec![source.clone()],
                until: None,
                reason: Some(format!("{to} by now").into()),
            };
            if let Err(at) = wanted.wants.binary_search_by(|(other, _)| other.cmp(&key)) {
                wanted.wants.insert(at, (key, want));
            }
        } else {
            wanted.kept.insert(old.clone());
            waiting.push(Entry {
                subject: key.to_string(),
                subjects: vec![key],
                reason: Reason::WaitingForAcceptance,
                message: format!("{old} keeps everything until {to} has joined"),
                next_step: "nothing to do: it leaves by itself then".to_owned(),
                sources: vec![source.clone()],
                changes: Vec::new(),
            });
        }
        wanted.moves.insert(old, Move { to, source });
    }
    waiting
}

/// After the comparison: the old address leaves when everything of this plan for the new one has come about, and stays
/// while something is in the way of the new one.
pub(super) fn finish(difference: &mut Difference, wanted: &Wanted) {
    for (old, Move { to, .. }) in &wanted.moves {
        let leaves = |change: &Change| change.key == Key::Member(old.clone()) && change.action.is_removal();
        let Some(at) = difference.changes.iter().position(leaves) else { continue };
        let is_about = |entry: &&Entry| entry.subjects.iter().any(|key| key.email() == Some(to));
        if let Some(obstacle) = difference.blocked.iter().find(is_about) {
            let message = format!("{old} keeps everything while {to} lacks something: {}", obstacle.message);
            let change = difference.changes.remove(at);
            difference.waiting.push(Entry {
                subject: change.key.to_string(),
                subjects: vec![change.key],
                reason: Reason::WaitingForAcceptance,
                message,
                next_step: "see what is blocked above".to_owned(),
                sources: change.sources,
                changes: Vec::new(),
            });
            continue;
        }
        let needed: BTreeSet<ChangeId> = difference
            .changes
            .iter()
            .filter(|change| !change.action.is_removal() && change.key.email() == Some(to))
            .map(|change| change.id.clone())
            .chain(difference.changes[at].depends_on.iter().cloned())
            .collect();
        difference.changes[at].depends_on = needed.into_iter().collect();
    }
}

/// Whether two people are one who moves.
pub(super) fn is_one_person(wanted: &Wanted, left: &Email, right: &Email) -> bool {
    let leads = |from: &Email, to: &Email| wanted.moves.get(from).is_some_and(|known| known.to == *to);
    leads(left, right) || leads(right, left)
}
