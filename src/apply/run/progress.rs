//! How far every change has come: not sent, in flight until it is read back, or with an outcome.
//!
//! It holds the plan's changes, so that no other value has to. It sends and reads nothing; what a read shows comes in as
//! a [`World`], and outcomes come out for the caller to record.

use super::super::check::has_taken_effect;
use super::super::outcome::{ACCEPTED, ChangeOutcome, Outcome};
use crate::facts::{Email, Key, Membership, Value, World};
use crate::plan::pack::{Call, WriteKind};
use crate::plan::{Change, ChangeId, master_admins, takes_master_admin};
use std::collections::{BTreeMap, BTreeSet};

/// A change that has reached the platform, as far as we know, and is not read back.
#[derive(Debug)]
struct Sent {
    /// Why the answer says nothing, if it was lost.
    unknown: Option<String>,
}

/// How far every change of the plan has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    changes: BTreeMap<ChangeId, Change>,
    outcomes: BTreeMap<ChangeId, ChangeOutcome>,
    in_flight: BTreeMap<ChangeId, Sent>,
    /// Entries taken beside refused ones: the platform may have undone the complete batch (kore-api section 4, row 15).
    unconfirmed: Vec<(WriteKind, Vec<ChangeId>)>,
    /// Who has lost Master Admin by what was sent: an observation may be older than that.
    lost_master_admin: BTreeSet<Email>,
    calls_sent: usize,
}

impl Progress {
    pub(super) fn new(changes: BTreeMap<ChangeId, Change>) -> Self {
        Self { changes, ..Self::default() }
    }

    /// All changes of the plan that may be sent.
    pub(super) fn changes(&self) -> &BTreeMap<ChangeId, Change> {
        &self.changes
    }

    pub(super) fn change(&self, id: &ChangeId) -> Option<&Change> {
        self.changes.get(id)
    }

    /// The changes that a call carries.
    pub(super) fn carried(&self, call: &Call) -> impl Iterator<Item = &Change> {
        call.changes().filter_map(move |id| self.changes.get(id))
    }

    /// The changes that were sent and are not read back.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = (&ChangeId, &Change)> {
        self.in_flight.keys().filter_map(move |id| Some((id, self.changes.get(id)?)))
    }

    /// Whether everything that was sent has an outcome.
    pub(super) fn is_read_back(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Grows with every call sent and every outcome: while it stays, nothing moves.
    pub(super) fn steps(&self) -> usize {
        self.calls_sent + self.outcomes.len()
    }

    /// A call is about to be sent, by which these people lose Master Admin.
    pub(super) fn begin_call(&mut self, losing_master_admin: BTreeSet<Email>) {
        self.calls_sent += 1;
        self.lost_master_admin.extend(losing_master_admin);
    }

    /// A change has reached the platform; `unknown` says why the answer says nothing, if it was lost. What cannot be read
    /// back has its outcome with that, and the caller records it.
    #[must_use]
    pub(super) fn mark_sent(&mut self, id: &ChangeId, unknown: Option<String>) -> Option<ChangeOutcome> {
        let is_write_only = self.changes.get(id)?.key.family().is_write_only();
        match (is_write_only, unknown) {
            (true, None) => Some(ChangeOutcome::Applied),
            (true, Some(why)) => Some(ChangeOutcome::Failed(format!(
                "the reply was lost, and this cannot be read back: {why}"
            ))),
            (false, unknown) => {
                self.in_flight.insert(id.clone(), Sent { unknown });
                None
            }
        }
    }

    /// An entry was taken beside refused ones.
    pub(super) fn mark_unconfirmed(&mut self, kind: WriteKind, entry: Vec<ChangeId>) {
        self.unconfirmed.push((kind, entry));
    }

    /// A change has its outcome, and is no longer in flight.
    pub(super) fn resolve(&mut self, id: &ChangeId, outcome: ChangeOutcome) {
        debug_assert!(!self.outcomes.contains_key(id), "{id} has an outcome already");
        self.in_flight.remove(id);
        self.outcomes.insert(id.clone(), outcome);
    }

    /// Whether a change has an outcome and did not come about, so that nothing that depends on it can be sent.
    pub(super) fn is_unmet(&self, id: &ChangeId) -> bool {
        // A user who waits to join is observed again by the next run.
        self.outcomes
            .get(id)
            .is_some_and(|outcome| !matches!(outcome, ChangeOutcome::Applied | ChangeOutcome::AlreadyThere))
    }

    /// What a change depends on that did not come about, is not in flight, and does not travel beside it.
    pub(super) fn missing_dependency(&self, change: &Change, beside: &[ChangeId]) -> Option<ChangeId> {
        let is_missing = |needed: &ChangeId| {
            if self.outcomes.contains_key(needed) {
                self.is_unmet(needed)
            } else {
                !self.in_flight.contains_key(needed)
            }
        };
        change.depends_on.iter().find(|needed| !beside.contains(needed) && is_missing(needed)).cloned()
    }

    /// Whether a call depends on something in flight that does not travel with it.
    pub(super) fn waits_for_in_flight(&self, call: &Call) -> bool {
        let carried: BTreeSet<&ChangeId> = call.changes().collect();
        self.carried(call).any(|change| {
            let mut needed = change.depends_on.iter();
            needed.any(|needed| !carried.contains(needed) && self.in_flight.contains_key(needed))
        })
    }

    /// Who loses Master Admin by this call.
    pub(super) fn losing_master_admin(&self, call: &Call, observed: &World) -> BTreeSet<Email> {
        self.carried(call)
            .flat_map(|change| takes_master_admin(&change.key, change.action.is_removal(), observed))
            .collect()
    }

    /// How many of the Master Admins observed would be left without these, and without those that calls since the
    /// observation have taken it from.
    pub(super) fn master_admins_left(&self, observed: &World, losing: &BTreeSet<Email>) -> usize {
        let now = master_admins(observed);
        now.difference(losing).filter(|email| !self.lost_master_admin.contains(*email)).count()
    }

    /// Changes in flight of people who are observed to be invited and not to have joined: what does not stick to them
    /// waits for them.
    pub(super) fn waiting_for_people(&self, observed: &World) -> Vec<ChangeId> {
        self.in_flight()
            .filter(|(_, change)| !change.action.is_removal() && is_of_pending_user(change, observed))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Takes the unconfirmed entries that have not come about: they are to be sent once more, and are not in flight until
    /// then.
    pub(super) fn take_unconfirmed(&mut self, observed: &World) -> BTreeMap<WriteKind, Vec<Vec<ChangeId>>> {
        let mut again: BTreeMap<WriteKind, Vec<Vec<ChangeId>>> = BTreeMap::new();
        for (kind, mut entry) in std::mem::take(&mut self.unconfirmed) {
            entry.retain(|id| {
                let change = self.changes.get(id);
                self.in_flight.contains_key(id)
                    && change.is_some_and(|change| has_taken_effect(change, observed) == Some(false))
            });
            // Who is in the account by now is not created, and invited, a second time for what did not stick to them.
            let creates =
                |id| self.changes.get(id).is_some_and(|change| matches!(change.key, Key::Member(_)));
            if kind == WriteKind::CreateUsers && !entry.iter().any(creates) {
                continue;
            }
            for id in &entry {
                self.in_flight.remove(id);
            }
            if !entry.is_empty() {
                again.entry(kind).or_default().push(entry);
            }
        }
        again
    }

    /// The outcomes of everything that is still in flight after the last read, a minute after it was sent.
    pub(super) fn not_taken_effect(&self, observed: &World) -> Vec<(ChangeId, ChangeOutcome)> {
        const UNREAD: &str = "whether it came about could not be read";
        let outcome = |(id, Sent { unknown }): (&ChangeId, &Sent)| {
            let change = self.changes.get(id);
            let is_removal = change.is_some_and(|change| change.action.is_removal());
            let seen = match change.and_then(|change| has_taken_effect(change, observed)) {
                None => None,
                Some(_) if is_removal => Some("still there"),
                Some(_) => Some("not there"),
            };
            let why = match (unknown, seen) {
                (Some(why), Some(seen)) => {
                    format!("the reply was lost ({why}); a minute later it is {seen}; run again")
                }
                (Some(why), None) => format!("the reply was lost ({why}); {UNREAD}; run again"),
                (None, Some(seen)) => format!("{ACCEPTED}{seen}"),
                (None, None) => format!("the platform accepted it; {UNREAD}"),
            };
            (id.clone(), ChangeOutcome::Failed(why))
        };
        self.in_flight.iter().map(outcome).collect()
    }

    /// Changes in flight.
    pub(super) fn ids_in_flight(&self) -> Vec<ChangeId> {
        self.in_flight.keys().cloned().collect()
    }

    /// Changes without an outcome.
    pub(super) fn unresolved(&self) -> Vec<ChangeId> {
        self.changes.keys().filter(|id| !self.outcomes.contains_key(*id)).cloned().collect()
    }

    /// What became of the plan.
    pub(super) fn into_outcome(self) -> Outcome {
        let Self { changes, outcomes, in_flight: _, unconfirmed: _, lost_master_admin: _, calls_sent: _ } =
            self;
        Outcome { by_change: outcomes, changes, ..Outcome::default() }
    }
}

fn is_of_pending_user(change: &Change, observed: &World) -> bool {
    let member = change.key.email().map(|email| Key::Member(email.clone()));
    matches!(
        member.and_then(|member| observed.get(&member)),
        Some(Value::Member(Membership::Pending { since: _ }))
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        added, assigned, assignment, call, email, id, joined, member, not_found, observed, pending, progress,
        removed,
    };
    use super::*;
    use crate::facts::{Holder, RoleName};

    fn sent(progress: &mut Progress, names: &[&str]) {
        for name in names {
            assert_eq!(progress.mark_sent(&id(name), None), None);
        }
    }

    fn master_admin(name: &str) -> (Key, Value) {
        let role = RoleName::new(RoleName::MASTER_ADMIN);
        (Key::AdminRole(Holder::User(email(name)), role), Value::Held)
    }

    #[test]
    fn a_dependency_is_met_by_an_outcome_by_being_in_flight_or_by_travelling_beside() {
        let dependent = assignment("b", &["a"]);
        let changes = || progress([member("a"), dependent.clone()]);
        let missing = |progress: &Progress, beside: &[ChangeId]| {
            progress.missing_dependency(&dependent, beside).is_some()
        };
        assert!(missing(&changes(), &[]), "not sent yet");
        assert!(!missing(&changes(), &[id("a")]));
        let mut in_flight = changes();
        sent(&mut in_flight, &["a"]);
        assert!(!missing(&in_flight, &[]));
        assert!(in_flight.waits_for_in_flight(&call(WriteKind::UpdateUsers, &[&["b"]])));
        assert!(!in_flight.waits_for_in_flight(&call(WriteKind::UpdateUsers, &[&["a", "b"]])));
        for (outcome, is_missing) in [
            (ChangeOutcome::Applied, false),
            (ChangeOutcome::AlreadyThere, false),
            (ChangeOutcome::Waiting, true),
            (ChangeOutcome::Failed("no".to_owned()), true),
        ] {
            let mut resolved = changes();
            resolved.resolve(&id("a"), outcome.clone());
            assert_eq!(missing(&resolved, &[]), is_missing, "{outcome:?}");
            assert_eq!(resolved.is_unmet(&id("a")), is_missing, "{outcome:?}");
        }
    }

    #[test]
    fn a_dependency_that_no_change_of_the_plan_has_is_missing() {
        let dependent = assignment("b", &["elsewhere"]);
        let progress = progress([dependent.clone()]);
        assert_eq!(progress.missing_dependency(&dependent, &[]), Some(id("elsewhere")));
    }

    #[test]
    fn what_is_sent_is_in_flight_until_it_has_an_outcome() {
        let mut progress = progress([member("a"), member("b")]);
        let steps = progress.steps();
        progress.begin_call(BTreeSet::new());
        sent(&mut progress, &["a"]);
        assert_eq!((progress.steps(), progress.is_read_back()), (steps + 1, false));
        assert_eq!(progress.unresolved(), [id("a"), id("b")]);
        progress.resolve(&id("a"), ChangeOutcome::Applied);
        assert_eq!((progress.steps(), progress.is_read_back()), (steps + 2, true));
        assert_eq!(progress.unresolved(), [id("b")]);
        assert_eq!(progress.into_outcome().by_change, BTreeMap::from([(id("a"), ChangeOutcome::Applied)]));
    }

    #[test]
    fn what_cannot_be_read_back_has_its_outcome_with_the_answer() {
        let data_tables = added("a", Key::DataTables(email("a")), Value::DataTables(true));
        let mut progress = progress([data_tables]);
        assert_eq!(progress.mark_sent(&id("a"), None), Some(ChangeOutcome::Applied));
        let lost = progress.mark_sent(&id("a"), Some("timed out".to_owned()));
        assert!(matches!(&lost, Some(ChangeOutcome::Failed(why)) if why.contains("timed out")), "{lost:?}");
        assert!(progress.is_read_back());
        assert_eq!(progress.mark_sent(&id("unknown"), None), None, "no such change");
        assert!(progress.is_read_back());
    }

    #[test]
    fn whoever_lost_master_admin_by_an_earlier_call_is_not_counted_again() {
        let takes = |name: &str| {
            let (key, value) = master_admin(name);
            removed(name, key, value)
        };
        let mut progress = progress(["a", "b"].map(takes));
        let observed = observed(["a", "b", "c"].iter().flat_map(|name| [joined(name), master_admin(name)]));
        let call = call(WriteKind::TakeMasterAdmin, &[&["a"]]);
        let losing = progress.losing_master_admin(&call, &observed);
        assert_eq!(losing, BTreeSet::from([email("a")]));
        assert_eq!(progress.master_admins_left(&observed, &losing), 2);
        progress.begin_call(BTreeSet::from([email("b")]));
        assert_eq!(progress.master_admins_left(&observed, &losing), 1);
    }

    #[test]
    fn changes_of_invited_users_wait_for_them_and_removals_do_not() {
        let (key, value) = assigned("b");
        let mut progress = progress([assignment("a", &[]), removed("b", key, value), assignment("c", &[])]);
        sent(&mut progress, &["a", "b", "c"]);
        let observed = observed([pending("a"), pending("b"), joined("c")]);
        assert_eq!(progress.waiting_for_people(&observed), [id("a")]);
    }

    #[test]
    fn of_what_was_taken_beside_refused_entries_only_what_does_not_show_is_sent_again() {
        let mut progress = progress(["a", "b", "c"].map(|name| assignment(name, &[])));
        sent(&mut progress, &["a", "b"]);
        for name in ["a", "b", "c"] {
            progress.mark_unconfirmed(WriteKind::UpdateUsers, vec![id(name)]);
        }
        let observed = observed([joined("a"), assigned("a"), joined("b"), joined("c")]);
        let again = progress.take_unconfirmed(&observed);
        assert_eq!(again, BTreeMap::from([(WriteKind::UpdateUsers, vec![vec![id("b")]])]));
        assert_eq!(progress.ids_in_flight(), [id("a")]);
        assert_eq!(progress.take_unconfirmed(&observed), BTreeMap::new());
    }

    #[test]
    fn who_was_created_is_not_created_again_for_what_does_not_show() {
        let role = assignment("role", &[]);
        let mut progress = progress([member("new"), role]);
        sent(&mut progress, &["new", "role"]);
        progress.mark_unconfirmed(WriteKind::CreateUsers, vec![id("new"), id("role")]);
        let observed = observed([joined("new"), joined("role")]);
        assert_eq!(progress.take_unconfirmed(&observed), BTreeMap::new());
        assert_eq!(progress.ids_in_flight().len(), 2, "what does not show fails in the end");
    }

    #[test]
    fn what_does_not_show_in_the_end_says_what_was_seen_and_whether_the_reply_was_lost() {
        let (key, value) = assigned("c");
        let changes = [member("a"), member("b"), removed("c", key, value), member("d")];
        let mut progress = progress(changes);
        sent(&mut progress, &["a", "c", "d"]);
        assert_eq!(progress.mark_sent(&id("b"), Some("timed out".to_owned())), None);
        let text = |observed: &World| -> BTreeMap<ChangeId, String> {
            let outcomes = progress.not_taken_effect(observed).into_iter();
            outcomes
                .map(|(id, outcome)| match outcome {
                    ChangeOutcome::Failed(why) => (id, why),
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        let absent = text(&not_found(&["a", "b"]));
        assert_eq!(absent[&id("a")], "the platform accepted it; a minute later it is not there");
        assert_eq!(
            absent[&id("b")],
            "the reply was lost (timed out); a minute later it is not there; run again"
        );
        assert_eq!(absent[&id("d")], "the platform accepted it; whether it came about could not be read");
        let present = text(&observed([joined("c"), assigned("c")]));
        assert_eq!(present[&id("c")], "the platform accepted it; a minute later it is still there");
    }
}
