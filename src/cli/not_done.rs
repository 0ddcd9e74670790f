//! What an apply has not done: declared, and not in place at its end. The exit code and the last line report it.

use super::exit::Exit;
use crate::apply::{ChangeOutcome, Outcome};
use crate::plan::{Entry, Memory, NotDone, Plan, Reason, Revision};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// For so long what is not done counts as known; then it is red again.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What the plan itself does not send, people who have still to accept aside.
pub(super) fn of_plan(plan: &Plan) -> Vec<NotDone> {
    let of = |kind: &str, entries: &[Entry]| {
        let named = |entry: &Entry| NotDone::new(kind, &format!("{:?} {}", entry.reason, entry.subject));
        entries.iter().map(named).collect::<Vec<_>>()
    };
    let is_proposed = |entry: &&Entry| entry.reason == Reason::ListProposed;
    let proposed: Vec<Entry> = plan.waiting.iter().filter(is_proposed).cloned().collect();
    [
        of("refused", &plan.refused),
        of("blocked", &plan.blocked),
        of("manual", &plan.manual),
        of("to take over", &proposed),
    ]
    .concat()
}

/// Changes that were to be sent and were not, for this reason.
pub(super) fn of_changes(plan: &Plan, kind: &str) -> Vec<NotDone> {
    plan.sendable().iter().map(|change| NotDone::new(kind, &change.key.to_string())).collect()
}

/// What was sent, or was to be, and is not in place.
pub(super) fn of_outcome(outcome: &Outcome) -> Vec<NotDone> {
    let named = |id, kind: &str| Some(NotDone::new(kind, &outcome.changes.get(id)?.key.to_string()));
    let kind = |ended: &ChangeOutcome| match ended {
        ChangeOutcome::Applied | ChangeOutcome::AlreadyThere | ChangeOutcome::Waiting => None,
        ChangeOutcome::Stale(_) => Some("stale"),
        ChangeOutcome::Failed(_) => Some("failed"),
        ChangeOutcome::HeldBack(_) => Some("blocked"),
        ChangeOutcome::NotSent(_) => Some("not sent"),
    };
    outcome.by_change.iter().filter_map(|(id, ended)| named(id, kind(ended)?)).collect()
}

/// The code of an apply of which this is not done: [`Exit::Known`] where an apply of an earlier commit has not done it
/// either, and not for too long.
pub(super) fn exit(not_done: &[NotDone], memory: Option<&Memory>, now: &Revision) -> Exit {
    if not_done.is_empty() {
        return Exit::Done;
    }
    let is_known = |entry: &NotDone| {
        let since = memory.and_then(|memory| memory.not_done.get(entry));
        since.is_some_and(|since| {
            since.commit.is_some()
                && since.commit != now.commit
                && now.at.duration_since(since.at) <= KNOWN_FOR
        })
    };
    if not_done.iter().all(is_known) { Exit::Known } else { Exit::Partial }
}

/// Keeps since when each is not done.
pub(super) fn remember(not_done: Vec<NotDone>, memory: &mut Memory, now: &Revision) {
    let before = std::mem::take(&mut memory.not_done);
    let since = |entry: &NotDone| before.get(entry).cloned().unwrap_or_else(|| now.clone());
    memory.not_done = not_done.into_iter().map(|entry| (entry.clone(), since(&entry))).collect();
}

/// `exit 6: 2 blocked, 1 manual`; nothing for a run that has done everything.
pub(super) fn last_line(exit: Exit, not_done: &[NotDone]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in not_done {
        *counts.entry(entry.kind()).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let known = if exit == Exit::Known { ", all known from an earlier commit" } else { "" };
    (!counts.is_empty()).then(|| format!("exit {}: {}{known}", exit as u8, counts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn revision(commit: &str, day: i64) -> Revision {
        let at = Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        Revision { at, commit: Some(commit.to_owned()) }
    }

    #[test]
    fn what_an_earlier_commit_has_not_done_either_is_known_for_two_weeks() {
        let (bot, floor) = (NotDone::new("blocked", "a bot"), NotDone::new("refused", "the floor"));
        let mut memory = Memory::default();
        assert_eq!(exit(&[], Some(&memory), &revision("a", 0)), Exit::Done);
        assert_eq!(exit(std::slice::from_ref(&bot), Some(&memory), &revision("a", 0)), Exit::Partial);
        remember(vec![bot.clone()], &mut memory, &revision("a", 0));
        let code = |entries: &[NotDone], now| exit(entries, Some(&memory), &now);
        let one = std::slice::from_ref(&bot);
        assert_eq!(code(one, revision("a", 0)), Exit::Partial, "the same commit again");
        assert_eq!(code(one, revision("b", 1)), Exit::Known);
        assert_eq!(code(&[bot.clone(), floor], revision("b", 1)), Exit::Partial, "one of them is new");
        assert_eq!(code(one, revision("b", 15)), Exit::Partial, "for too long");
        assert_eq!(exit(one, None, &revision("b", 1)), Exit::Partial);
    }

    #[test]
    fn first_moment_is_kept_while_it_is_not_done() {
        let bot = NotDone::new("blocked", "a bot");
        let mut memory = Memory::default();
        remember(vec![bot.clone()], &mut memory, &revision("a", 0));
        remember(vec![bot.clone()], &mut memory, &revision("b", 3));
        assert_eq!(memory.not_done.get(&bot), Some(&revision("a", 0)));
        remember(Vec::new(), &mut memory, &revision("c", 4));
        assert!(memory.not_done.is_empty());
    }

    #[test]
    fn last_line_counts_what_is_not_done() {
        let entries = [("blocked", "a"), ("manual", "b"), ("blocked", "c")];
        let entries = entries.map(|(kind, what)| NotDone::new(kind, what));
        let line = last_line(Exit::Partial, &entries);
        assert_eq!(line.as_deref(), Some("exit 6: 2 blocked, 1 manual"));
        assert_eq!(last_line(Exit::Done, &[]), None);
    }
}
