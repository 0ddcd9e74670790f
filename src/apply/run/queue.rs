//! What is still to be sent: the calls of the plan, the halves of refused batches, and what is sent a second time.
//!
//! The queue decides what comes next and how often a call may come back. It sends nothing and records no outcome: what
//! is given up goes back to the caller, with the reason.

use super::progress::Progress;
use crate::facts::Email;
use crate::plan::ChangeId;
use crate::plan::pack::{Call, WriteKind};
use std::collections::{BTreeSet, HashSet, VecDeque};

/// Times a call may come too late for its observation before it is given up: a budget this small cannot check anything.
const MAX_RETRIES: u32 = 3;
/// Extra calls spent on finding the bad entries of one batch.
const MAX_BISECTION_CALLS: u32 = 24;

/// A call that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueuedCall {
    pub(super) call: Call,
    /// Which bisection of a refused batch this call belongs to.
    pub(super) bisection: Option<usize>,
    /// Times it came too late for its observation.
    pub(super) retries: u32,
    /// Sent for the second time, now without the entries that were refused beside these.
    pub(super) is_resend: bool,
}

impl QueuedCall {
    fn new(call: Call) -> Self {
        Self { call, bisection: None, retries: 0, is_resend: false }
    }
}

/// A call that does not come back into the queue, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub(super) call: Call,
    pub(super) why: String,
}

/// The calls to send, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    calls: VecDeque<QueuedCall>,
    /// Calls made of each refused batch, sent or about to be.
    bisections: Vec<u32>,
}

impl Queue {
    pub(super) fn new(calls: Vec<Call>) -> Self {
        Self { calls: calls.into_iter().map(QueuedCall::new).collect(), bisections: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes the calls for one observation: as many as `room` requests allow, the look-ups of `look_up_size` people each
    /// included, and none that depends on another one of them or on one still queued. One call is taken however small
    /// the room is.
    pub(super) fn next_batch(
        &mut self,
        progress: &Progress,
        mut room: usize,
        look_up_size: usize,
    ) -> Vec<QueuedCall> {
        let queue = std::mem::take(&mut self.calls);
        let unsent: HashSet<&ChangeId> = queue.iter().flat_map(|queued| queued.call.changes()).collect();
        let mut people: HashSet<&Email> =
            progress.in_flight().filter_map(|(_, change)| change.key.email()).collect();
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        for (at, queued) in queue.iter().enumerate() {
            if !is_ready(&queued.call, &unsent, progress) {
                continue;
            }
            let more: HashSet<&Email> = progress
                .carried(&queued.call)
                .filter_map(|change| change.key.email())
                .filter(|email| !people.contains(email))
                .collect();
            let reads = (people.len() + more.len()).div_ceil(look_up_size);
            if !chosen.is_empty() && reads + queued.call.kind.requests() > room {
                break;
            }
            room = room.saturating_sub(queued.call.kind.requests());
            people.extend(more);
            chosen.insert(at);
        }
        let mut batch: Vec<QueuedCall> = Vec::new();
        for (at, queued) in queue.into_iter().enumerate() {
            if chosen.contains(&at) {
                batch.push(queued);
            } else {
                self.calls.push_back(queued);
            }
        }
        batch
    }

    /// Puts a call back to the front.
    pub(super) fn push_front(&mut self, queued: QueuedCall) {
        self.calls.push_front(queued);
    }

    /// Puts calls that were taken and not sent back to the front, in their order.
    pub(super) fn requeue(&mut self, batch: impl DoubleEndedIterator<Item = QueuedCall>) {
        for queued in batch.rev() {
            self.calls.push_front(queued);
        }
    }

    /// A call that comes too late for its observation gets another one, a bounded number of times.
    pub(super) fn retry(&mut self, queued: QueuedCall) -> Result<(), GivenUp> {
        if queued.retries >= MAX_RETRIES {
            let why =
                "the call budget is too small to check and send within 60 s; raise rateLimit".to_owned();
            return Err(GivenUp { call: queued.call, why });
        }
        self.calls.push_front(QueuedCall { retries: queued.retries + 1, ..queued });
        Ok(())
    }

    /// A refused batch comes back as two, to be observed and sent again, until the bad entry is alone or the calls for
    /// that are used up.
    pub(super) fn bisect(&mut self, refused: QueuedCall, message: &str) -> Result<(), GivenUp> {
        let QueuedCall { call: Call { kind, mut entries }, bisection, retries, is_resend: _ } = refused;
        let bisection = bisection.unwrap_or_else(|| {
            self.bisections.push(0);
            self.bisections.len() - 1
        });
        let spent = self.bisections.get_mut(bisection).filter(|spent| **spent + 2 <= MAX_BISECTION_CALLS);
        let Some(spent) = spent.filter(|_| entries.len() > 1) else {
            let why = if entries.len() > 1 {
                format!(
                    "the platform refused a batch of {} (the bad entry was not found in {MAX_BISECTION_CALLS} more calls): {message}",
                    entries.len()
                )
            } else {
                format!("the platform refused: {message}")
            };
            return Err(GivenUp { call: Call { kind, entries }, why });
        };
        *spent += 2;
        let second = entries.split_off(entries.len() / 2);
        for entries in [second, entries] {
            let call = Call { kind, entries };
            self.calls.push_front(QueuedCall { call, bisection: Some(bisection), retries, is_resend: false });
        }
        Ok(())
    }

    /// Sends entries a second time, after everything that is queued.
    pub(super) fn resend(&mut self, kind: WriteKind, entries: &[Vec<ChangeId>], batch_size: usize) {
        for entries in entries.chunks(batch_size.max(1)) {
            let call = Call { kind, entries: entries.to_vec() };
            self.calls.push_back(QueuedCall { is_resend: true, ..QueuedCall::new(call) });
        }
    }

    /// Takes out the changes whose dependency has an outcome and did not come about, and those that depend on them. With
    /// each goes what it depends on.
    pub(super) fn take_orphans(&mut self, progress: &Progress) -> Vec<(ChangeId, ChangeId)> {
        let mut orphans: Vec<(ChangeId, ChangeId)> = Vec::new();
        let mut orphaned: BTreeSet<ChangeId> = BTreeSet::new();
        for queued in &mut self.calls {
            for entry in &mut queued.call.entries {
                entry.retain(|id| {
                    let mut dependencies =
                        progress.change(id).into_iter().flat_map(|change| &change.depends_on);
                    let failed =
                        dependencies.find(|needed| progress.is_unmet(needed) || orphaned.contains(*needed));
                    let Some(failed) = failed else { return true };
                    orphans.push((id.clone(), failed.clone()));
                    orphaned.insert(id.clone());
                    false
                });
            }
            queued.call.entries.retain(|entry| !entry.is_empty());
        }
        self.calls.retain(|queued| !queued.call.entries.is_empty());
        orphans
    }

    /// Takes everything.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = QueuedCall> + use<> {
        std::mem::take(&mut self.calls).into_iter()
    }
}

/// Whether what a call depends on travels with it or is no longer queued.
fn is_ready(call: &Call, unsent: &HashSet<&ChangeId>, progress: &Progress) -> bool {
    let carried: HashSet<&ChangeId> = call.changes().collect();
    progress.carried(call).all(|change| {
        let mut needed = change.depends_on.iter();
        needed.all(|needed| carried.contains(needed) || !unsent.contains(needed))
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assignment, call, id, member, progress};
    use super::*;
    use crate::apply::ChangeOutcome;

    const ROOMY: usize = 100;

    fn ids(calls: impl IntoIterator<Item = QueuedCall>) -> Vec<Vec<ChangeId>> {
        calls.into_iter().map(|queued| queued.call.changes().cloned().collect()).collect()
    }

    fn update(entries: &[&[&str]]) -> Call {
        call(WriteKind::UpdateUsers, entries)
    }

    fn queued(call: Call) -> QueuedCall {
        QueuedCall::new(call)
    }

    #[test]
    fn a_call_waits_for_what_it_depends_on_unless_both_travel_together() {
        let progress = progress([member("a"), assignment("b", &["a"]), assignment("c", &["b"])]);
        let mut queue = Queue::new(vec![update(&[&["a", "b"]]), update(&[&["c"]])]);
        assert_eq!(ids(queue.next_batch(&progress, ROOMY, 10)), [[id("a"), id("b")]]);
        assert_eq!(ids(queue.next_batch(&progress, ROOMY, 10)), [[id("c")]]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_ends_where_the_room_does_and_never_before_its_first_call() {
        let progress = progress(["a", "b", "c"].map(member));
        let calls = || vec![update(&[&["a"]]), update(&[&["b"]]), update(&[&["c"]])];
        let mut queue = Queue::new(calls());
        assert_eq!(queue.next_batch(&progress, 0, 1).len(), 1, "however small the room is");
        // Each call costs itself, and the look-up of everyone so far.
        let mut queue = Queue::new(calls());
        assert_eq!(ids(queue.next_batch(&progress, 4, 1)), [[id("a")], [id("b")]]);
        assert_eq!(ids(queue.next_batch(&progress, 4, 1)), [[id("c")]]);
        let mut queue = Queue::new(calls());
        assert_eq!(queue.next_batch(&progress, 4, 3).len(), 3, "three people share a look-up");
    }

    #[test]
    fn requeued_calls_keep_their_order() {
        let mut queue = Queue::new(vec![update(&[&["c"]])]);
        queue.requeue([update(&[&["a"]]), update(&[&["b"]])].map(queued).into_iter());
        assert_eq!(queue.len(), 3);
        assert_eq!(ids(queue.take_all()), [[id("a")], [id("b")], [id("c")]]);
    }

    #[test]
    fn a_call_that_is_late_three_times_is_given_up_at_the_fourth() {
        let mut queue = Queue::new(vec![update(&[&["a"]])]);
        for _ in 0..3 {
            let late = queue.take_all().next().unwrap();
            queue.retry(late).unwrap();
        }
        let late = queue.take_all().next().unwrap();
        let given_up = queue.retry(late).unwrap_err();
        assert_eq!(given_up.call, update(&[&["a"]]));
        assert!(given_up.why.contains("raise rateLimit"), "{}", given_up.why);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_refused_batch_comes_back_in_halves_before_the_rest() {
        let mut queue = Queue::new(vec![update(&[&["z"]])]);
        queue.bisect(queued(update(&[&["a"], &["b"], &["c"]])), "Invalid role").unwrap();
        assert_eq!(ids(queue.take_all()), [vec![id("a")], vec![id("b"), id("c")], vec![id("z")]]);
        let given_up = queue.bisect(queued(update(&[&["a"]])), "Invalid role").unwrap_err();
        assert_eq!(given_up.why, "the platform refused: Invalid role");
    }

    #[test]
    fn a_bisection_ends_after_a_bounded_number_of_calls() {
        let mut queue = Queue::default();
        let batch = || update(&[&["a"], &["b"]]);
        queue.bisect(queued(batch()), "no").unwrap();
        let bisection = queue.take_all().next().unwrap().bisection;
        for _ in 1..12 {
            queue.bisect(QueuedCall { bisection, ..queued(batch()) }, "no").unwrap();
        }
        let given_up = queue.bisect(QueuedCall { bisection, ..queued(batch()) }, "no").unwrap_err();
        assert!(
            given_up.why.contains("batch of 2") && given_up.why.contains("24 more calls"),
            "{given_up:?}"
        );
        queue.bisect(queued(batch()), "no").unwrap();
    }

    #[test]
    fn what_is_sent_again_comes_last_and_in_batches() {
        let mut queue = Queue::new(vec![update(&[&["z"]])]);
        queue.resend(WriteKind::UpdateUsers, &["a", "b", "c"].map(|name| vec![id(name)]), 2);
        let calls: Vec<QueuedCall> = queue.take_all().collect();
        assert_eq!(calls.iter().map(|queued| queued.is_resend).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(ids(calls), [vec![id("z")], vec![id("a"), id("b")], vec![id("c")]]);
    }

    #[test]
    fn orphans_leave_the_queue_with_all_that_depend_on_them() {
        let changes = [member("a"), assignment("b", &["a"]), assignment("c", &["b"]), member("d")];
        let mut progress = progress(changes);
        let mut queue = Queue::new(vec![update(&[&["b"]]), update(&[&["c"], &["d"]])]);
        assert_eq!(queue.take_orphans(&progress), [], "what has no outcome is waited for");
        progress.resolve(&id("a"), ChangeOutcome::Failed("no".to_owned()));
        assert_eq!(queue.take_orphans(&progress), [(id("b"), id("a")), (id("c"), id("b"))]);
        assert_eq!(ids(queue.take_all()), [[id("d")]]);
    }

    #[test]
    fn a_change_that_came_about_orphans_nothing() {
        let mut progress = progress([member("a"), assignment("b", &["a"])]);
        progress.resolve(&id("a"), ChangeOutcome::AlreadyThere);
        let mut queue = Queue::new(vec![update(&[&["b"]])]);
        assert_eq!(queue.take_orphans(&progress), []);
        assert_eq!(queue.len(), 1);
    }
}
