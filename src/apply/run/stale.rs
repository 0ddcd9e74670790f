//! Which changes of a call are still sent, given what was just observed.

use super::super::check::{Precondition, precondition};
use super::super::encode::access_of;
use super::super::known_ids::KnownIds;
use super::super::outcome::ChangeOutcome;
use super::Run;
use super::progress::Progress;
use crate::facts::{Key, World};
use crate::plan::pack::{Call, WriteKind};
use crate::plan::{Change, ChangeId};
use jiff::Timestamp;

impl Run<'_, '_> {
    /// Drops changes from a call that are done already, stale, not observed, or without what they depend on, and records
    /// their outcome. Entries that nothing is left of go with them.
    pub(super) fn drop_stale_changes(&mut self, call: &mut Call, observed: &World) {
        let kind = call.kind;
        for entry in &mut call.entries {
            let creates = kind == WriteKind::CreateUsers && self.has_membership(entry);
            for id in std::mem::take(entry) {
                // Without a change there is nothing to send.
                let Some(change) = self.progress.change(&id) else { continue };
                let now = self.account.gateway.now();
                let outcome =
                    outcome_without_sending(change, observed, entry, &self.progress, &self.known_ids, now);
                match outcome {
                    None if self.spent.contains(&id) => {
                        let why = "this plan has applied it already, and it was undone since; plan anew";
                        self.record_outcome(&id, ChangeOutcome::Stale(why.to_owned()));
                    }
                    None => entry.push(id),
                    Some(outcome) => self.record_outcome(&id, outcome),
                }
            }
            let changes: Vec<&Change> = entry.iter().filter_map(|id| self.progress.change(id)).collect();
            if let Some(outcome) = outcome_of_unsendable_entry(kind, creates, &changes, observed) {
                for id in std::mem::take(entry) {
                    self.record_outcome(&id, outcome.clone());
                }
            }
        }
        call.entries.retain(|entry| !entry.is_empty());
    }

    fn has_membership(&self, entry: &[ChangeId]) -> bool {
        entry.iter().filter_map(|id| self.progress.change(id)).any(is_membership)
    }
}

/// What becomes of a change that is not sent, given this observation and the changes of its entry that are. `None`: it is
/// sent.
fn outcome_without_sending(
    change: &Change,
    observed: &World,
    beside: &[ChangeId],
    progress: &Progress,
    known_ids: &KnownIds,
    now: Timestamp,
) -> Option<ChangeOutcome> {
    if let Some(dependency) = progress.missing_dependency(change, beside) {
        return Some(ChangeOutcome::HeldBack(dependency));
    }
    match precondition(change, observed) {
        Precondition::Holds => match ended_meanwhile(change, now) {
            Some(why) => Some(ChangeOutcome::Stale(why)),
            None => known_ids.moved_name(change).map(ChangeOutcome::Stale),
        },
        Precondition::Satisfied => Some(ChangeOutcome::AlreadyThere),
        Precondition::Broken(seen) => Some(ChangeOutcome::Stale(seen)),
        Precondition::NotObserved(why) => Some(ChangeOutcome::Failed(why)),
    }
}

/// What was to be given has ended since it was planned.
fn ended_meanwhile(change: &Change, now: Timestamp) -> Option<String> {
    let until = change.until.filter(|until| !change.action.is_removal() && *until <= now)?;
    Some(format!("no need for it any more: it ended at {until}"))
}

/// What becomes of the changes left of an entry that cannot be sent as it is. `creates`: it had the membership of a user
/// to create. `None`: it is sent.
fn outcome_of_unsendable_entry(
    kind: WriteKind,
    creates: bool,
    entry: &[&Change],
    observed: &World,
) -> Option<ChangeOutcome> {
    let email = entry.first().and_then(|change| change.key.email());
    match kind {
        WriteKind::SetDataTables { allow: _, access } => {
            let is_other = email.is_some_and(|email| access_of(observed, email) != Some(access));
            let why = "their builder access is another by now, and every such call sets that; run again";
            is_other.then(|| ChangeOutcome::Stale(why.to_owned()))
        }
        WriteKind::UpdateUsers => {
            let is_unknown = email.is_some_and(|email| access_of(observed, email).is_none());
            let why = "the account did not say what they may do in the builder, and every update sets that";
            is_unknown.then(|| ChangeOutcome::Failed(why.to_owned()))
        }
        // Without its first part, the user, an entry that creates is no entry.
        WriteKind::CreateUsers => {
            let is_overtaken = creates && !entry.iter().any(|change| is_membership(change));
            is_overtaken
                .then(|| ChangeOutcome::Stale("the user is in the account by now; run again".to_owned()))
        }
        WriteKind::ImportAdminRoles
        | WriteKind::ImportBotRoles
        | WriteKind::AssignAdminRoles
        | WriteKind::AssignBotRoles
        | WriteKind::TakeMasterAdmin
        | WriteKind::RemoveUsers => None,
    }
}

fn is_membership(change: &Change) -> bool {
    matches!(change.key, Key::Member(_))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        added, assigned, assignment, email, id, joined, member, not_found, observed, progress,
    };
    use super::*;
    use crate::facts::{BuilderAccess, Value};
    use crate::plan::Action;

    const NOW: i64 = 1_800_000_000;

    fn outcome_of(change: &Change, observed: &World, beside: &[ChangeId]) -> Option<ChangeOutcome> {
        let progress = progress([change.clone()]);
        let known_ids = KnownIds::from_read(&World::default(), &[]);
        let now = Timestamp::from_second(NOW).unwrap();
        outcome_without_sending(change, observed, beside, &progress, &known_ids, now)
    }

    fn access(name: &str, access: BuilderAccess) -> (Key, Value) {
        (Key::Access(email(name)), Value::Access(access))
    }

    #[test]
    fn a_change_is_sent_when_the_account_looks_as_planned() {
        assert_eq!(outcome_of(&member("a"), &not_found(&["a"]), &[]), None);
        assert_eq!(outcome_of(&assignment("a", &[]), &observed([joined("a")]), &[]), None);
    }

    #[test]
    fn a_change_that_is_done_already_is_not_sent() {
        let done = observed([joined("a"), assigned("a")]);
        assert_eq!(outcome_of(&assignment("a", &[]), &done, &[]), Some(ChangeOutcome::AlreadyThere));
    }

    #[test]
    fn a_change_of_what_is_something_else_by_now_is_stale() {
        let names = |level| Value::Access(level);
        let change = Change {
            before: Some(names(BuilderAccess::None)),
            ..added("a", Key::Access(email("a")), names(BuilderAccess::ALL[1]))
        };
        let other = observed([joined("a"), access("a", BuilderAccess::ALL[2])]);
        let outcome = outcome_of(&change, &other, &[]);
        assert!(matches!(outcome, Some(ChangeOutcome::Stale(_))), "{outcome:?}");
    }

    #[test]
    fn what_has_ended_since_the_plan_is_not_given_and_is_still_taken_away() {
        let end = |seconds| Some(Timestamp::from_second(NOW + seconds).unwrap());
        let seen = observed([joined("a")]);
        let given = |seconds| Change { until: end(seconds), ..assignment("a", &[]) };
        let outcome = outcome_of(&given(0), &seen, &[]);
        assert!(
            matches!(&outcome, Some(ChangeOutcome::Stale(why)) if why.contains("ended at")),
            "{outcome:?}"
        );
        assert_eq!(outcome_of(&given(1), &seen, &[]), None);
        let held = observed([joined("a"), assigned("a")]);
        let taken = Change { action: Action::Remove, before: given(0).after, after: None, ..given(0) };
        assert_eq!(outcome_of(&taken, &held, &[]), None);
    }

    #[test]
    fn a_change_of_what_was_not_observed_fails() {
        let outcome = outcome_of(&assignment("a", &[]), &World::default(), &[]);
        assert!(matches!(&outcome, Some(ChangeOutcome::Failed(why)) if why.contains("did not answer")));
    }

    #[test]
    fn a_change_without_its_dependency_is_held_back_unless_that_travels_beside_it() {
        let change = assignment("a", &["needed"]);
        let seen = observed([joined("a")]);
        assert_eq!(outcome_of(&change, &seen, &[]), Some(ChangeOutcome::HeldBack(id("needed"))));
        assert_eq!(outcome_of(&change, &seen, &[id("needed")]), None);
    }

    #[test]
    fn an_update_takes_the_builder_access_that_it_would_overwrite() {
        let change = assignment("a", &[]);
        let outcome = |kind, observed: &World| outcome_of_unsendable_entry(kind, false, &[&change], observed);
        let (unknown, none) =
            (observed([joined("a")]), observed([joined("a"), access("a", BuilderAccess::None)]));
        assert!(matches!(outcome(WriteKind::UpdateUsers, &unknown), Some(ChangeOutcome::Failed(_))));
        assert_eq!(outcome(WriteKind::UpdateUsers, &none), None);
        let tables = |access| WriteKind::SetDataTables { allow: true, access };
        assert_eq!(outcome(tables(BuilderAccess::None), &none), None);
        for seen in [&unknown, &none] {
            let outcome = outcome(tables(BuilderAccess::ALL[1]), seen);
            assert!(matches!(outcome, Some(ChangeOutcome::Stale(_))), "{outcome:?}");
        }
        assert_eq!(outcome(WriteKind::AssignBotRoles, &unknown), None, "sets no access");
    }

    #[test]
    fn an_entry_that_creates_is_not_sent_without_the_user() {
        let (user, rest) = (member("a"), assignment("b", &["a"]));
        let outcome = |creates, entry: &[&Change]| {
            outcome_of_unsendable_entry(WriteKind::CreateUsers, creates, entry, &World::default())
        };
        assert_eq!(outcome(true, &[&user, &rest]), None);
        assert!(matches!(outcome(true, &[&rest]), Some(ChangeOutcome::Stale(_))));
        assert_eq!(outcome(false, &[&rest]), None, "it never had one");
    }
}
