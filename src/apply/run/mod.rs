//! The executor: observes, checks, sends, reads back.
//!
//! # Expected flow
//!
//! Calls are taken from the queue in batches: as many as the budget lets through while one observation is fresh. The
//! read asks about everyone in the batch and everyone written before, so that it checks what comes and verifies what
//! went. Then each call is checked once more, sent, and its answer sorted. What a call depends on has been read back
//! before it is sent.
//!
//! Three values hold the state, and [`Run`] drives them: the [`Queue`] of what is to be sent, the [`Progress`] of every
//! change from there to its outcome, and the [`ClearedLists`] of assignments that must not be lost.
//!
//! # Guarantees
//!
//! A call is sent at most 60 seconds after the observation that found its subjects as the plan saw them. Before anything
//! takes Master Admin away, the holders we know are looked up, and enough who can sign in are left after the call.
//! Nobody is created without their own *not found* in that observation. A refused batch is halved, after another
//! observation, until the bad entry is found or a bound on calls is reached. What was taken beside refused entries and
//! does not show is sent once more without them. A lost reply is never answered by sending again: the change is read
//! back, several times over a minute, and then reported. After the lease has ended nothing more is sent.

mod clear;
mod cleared_lists;
mod observe;
mod progress;
mod queue;
mod read_back;
#[cfg(test)]
mod samples;
mod send;
mod stale;

use self::cleared_lists::ClearedLists;
use self::progress::Progress;
use self::queue::{GivenUp, Queue, QueuedCall};
use super::journal::{Journal, JournalError, Record};
use super::known_ids::KnownIds;
use super::outcome::{ChangeOutcome, Outcome};
use crate::facts::{Looks, Policy, World};
use crate::kore::{Deadline, Gateway, KoreError, Reader, Writer};
use crate::plan::pack::{Call, pack};
use crate::plan::{Change, ChangeId, Plan};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio_util::sync::CancellationToken;

/// How old an observation may be when a call that relies on it is sent.
const MAX_OBSERVATION_AGE: SignedDuration = SignedDuration::from_secs(60);
/// Pauses in seconds between reads of something that was sent and is not there: a minute in all.
pub(super) const READ_BACK_PAUSES: [i64; 7] = [0, 1, 2, 5, 10, 20, 22];

/// The account a plan is applied to.
pub struct Account<'a> {
    /// Reads.
    pub reader: &'a Reader,
    /// Writes.
    pub writer: &'a Writer,
    /// Budget and time.
    pub gateway: &'a Gateway,
}

/// Look-ups that were just made: the first calls are checked against them instead of others.
#[derive(Clone, Debug)]
pub struct FirstLook {
    /// What was seen; nothing where nobody was looked up.
    pub looks: Looks,
    /// When the look-ups began.
    pub at: Timestamp,
}

/// Applies what the guards let through, and says what became of every change. `observed` is the read that the plan was
/// made of.
pub async fn run(
    plan: Plan,
    observed: &World,
    policy: &Policy,
    account: &Account<'_>,
    journal: &mut Journal,
    cancel: CancellationToken,
) -> Outcome {
    run_after(None, plan, observed, policy, account, journal, cancel).await
}

/// The same after look-ups (`first`) that may still be fresh. With them, the outcome has what was looked up meanwhile.
pub async fn run_after(
    first: Option<FirstLook>,
    plan: Plan,
    observed: &World,
    policy: &Policy,
    account: &Account<'_>,
    journal: &mut Journal,
    cancel: CancellationToken,
) -> Outcome {
    let sendable: Vec<&Change> = plan.sendable();
    let calls = pack(&sendable, policy.batch_size.0);
    let changes: BTreeMap<ChangeId, Change> =
        sendable.iter().map(|change| (change.id.clone(), (*change).clone())).collect();
    let calls_before = account.gateway.total_calls();
    let mut run = Run {
        observed_by_plan: observed,
        policy,
        account,
        journal,
        cancel,
        spent: plan.spent.clone(),
        known_ids: KnownIds::from_read(observed, &sendable),
        queue: Queue::new(calls),
        progress: Progress::new(changes),
        cleared: ClearedLists::default(),
        looks: first.is_some().then(Vec::new),
        first,
    };
    let started = run.write_start(&plan);
    let ended = match started {
        Ok(()) => run.drive().await,
        Err(end) => Err(end),
    };
    run.look_once_more(&ended).await;
    run.finish(ended, calls_before)
}

/// Why a run ends before everything has an outcome.
#[derive(Debug)]
enum EarlyEnd {
    /// It was asked to stop.
    Cancelled,
    /// The account cannot be read or written any more, or must not be.
    Kore(KoreError),
    /// What a run has to remember cannot be written.
    Journal(JournalError),
}

impl From<KoreError> for EarlyEnd {
    fn from(error: KoreError) -> Self {
        Self::Kore(error)
    }
}

impl EarlyEnd {
    /// As it is told about each change that was not sent.
    fn why(&self) -> String {
        match self {
            Self::Cancelled => "the run was interrupted".to_owned(),
            Self::Kore(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
            Self::Journal(error) => error.to_string(),
        }
    }

    /// What is to be done about a change that was sent and not read back.
    fn next_step(&self) -> &'static str {
        match self {
            Self::Kore(KoreError::DeadlinePassed { which: Deadline::Lease, .. }) => {
                "the new leader reads it back"
            }
            Self::Cancelled | Self::Kore(_) | Self::Journal(_) => "run again",
        }
    }
}

/// What one read showed, and when it was begun.
struct Observation {
    world: World,
    at: Timestamp,
}

/// One run: what it works with, and how far it has come.
struct Run<'a, 'b> {
    /// The read that the plan was made of.
    observed_by_plan: &'a World,
    policy: &'a Policy,
    account: &'a Account<'b>,
    journal: &'a mut Journal,
    cancel: CancellationToken,
    /// What an earlier run has applied by the same plan.
    spent: BTreeSet<ChangeId>,
    known_ids: KnownIds,
    queue: Queue,
    progress: Progress,
    cleared: ClearedLists,
    /// Look-ups that are still to be used.
    first: Option<FirstLook>,
    /// What was looked up in this run, where that is asked for.
    looks: Option<Vec<Looks>>,
}

impl Run<'_, '_> {
    async fn drive(&mut self) -> Result<(), EarlyEnd> {
        loop {
            self.drain_queue().await?;
            self.read_back().await?;
            if self.queue.is_empty() {
                return Ok(());
            }
        }
    }

    async fn drain_queue(&mut self) -> Result<(), EarlyEnd> {
        while !self.queue.is_empty() {
            let batch = self.next_batch();
            if batch.is_empty() {
                self.unblock().await?;
                continue;
            }
            let observation = match self.observe(&batch).await {
                Ok(observation) => observation,
                Err(end) => {
                    self.queue.requeue(batch.into_iter());
                    return Err(end);
                }
            };
            self.record_applied(&observation.world);
            let steps = self.progress.steps();
            let mut batch: VecDeque<QueuedCall> = batch.into();
            while let Some(queued) = batch.pop_front() {
                if let Err(end) = self.handle(queued, &observation).await {
                    self.queue.requeue(batch.into_iter());
                    return Err(end);
                }
            }
            if self.progress.steps() == steps {
                // Everything waits for something that was sent: that is read back first, until it has an outcome.
                self.read_back().await?;
            }
        }
        Ok(())
    }

    /// Nothing queued can be sent: reads back what it waits for, and fails what waits for nothing that can still happen.
    async fn unblock(&mut self) -> Result<(), EarlyEnd> {
        let queued = self.queue.len();
        let was_read_back = self.progress.is_read_back();
        self.read_back().await?;
        self.fail_orphans();
        if was_read_back && self.queue.len() == queued {
            // Nothing can move any more. Plans have no cycles, so this is a defect of ours.
            for queued in self.queue.take_all() {
                self.fail(&queued.call, "what it depends on never settled");
            }
        }
        Ok(())
    }

    /// Checks one call against the observation, and sends what still holds.
    async fn handle(&mut self, mut queued: QueuedCall, observation: &Observation) -> Result<(), EarlyEnd> {
        if self.progress.waits_for_in_flight(&queued.call) {
            self.queue.push_front(queued);
            return Ok(());
        }
        self.drop_stale_changes(&mut queued.call, &observation.world);
        if queued.call.entries.is_empty() {
            return Ok(());
        }
        if let Some(why) = self.why_too_few_admins(&queued.call, &observation.world) {
            self.fail(&queued.call, &why);
            return Ok(());
        }
        if let Err(end) = self.wait_to_send(&queued.call).await {
            self.queue.push_front(queued);
            return Err(end);
        }
        if self.account.gateway.now().duration_since(observation.at) > MAX_OBSERVATION_AGE {
            self.retry(queued);
            return Ok(());
        }
        self.send(queued, observation).await
    }

    /// Waits until the requests of a call fit now: what waits in the gateway would be sent long after it was checked.
    async fn wait_to_send(&self, call: &Call) -> Result<(), EarlyEnd> {
        let requests = call.kind.requests().min(self.policy.rate.usable_per_minute() as usize);
        tokio::select! {
            waited = self.account.gateway.wait_for_room(requests, SignedDuration::ZERO) => waited?,
            () = self.cancel.cancelled() => return Err(EarlyEnd::Cancelled),
        }
        if self.cancel.is_cancelled() { Err(EarlyEnd::Cancelled) } else { Ok(()) }
    }

    /// A call that comes too late for its observation gets another one, a bounded number of times.
    fn retry(&mut self, queued: QueuedCall) {
        if let Err(given_up) = self.queue.retry(queued) {
            self.give_up(&given_up);
        }
    }

    fn give_up(&mut self, given_up: &GivenUp) {
        self.fail(&given_up.call, &given_up.why);
    }

    fn fail(&mut self, call: &Call, why: &str) {
        for id in call.changes() {
            self.record_outcome(id, ChangeOutcome::Failed(why.to_owned()));
        }
    }

    fn record_outcome(&mut self, id: &ChangeId, outcome: ChangeOutcome) {
        let outcome = self.with_possible_reason(id, outcome);
        // A journal that cannot be written has already ended the run at the call before.
        let _ = self.journal.write(&Record::Resolved { change: id.clone(), outcome: outcome.clone() });
        self.progress.resolve(id, outcome);
    }

    fn write_record(&mut self, record: &Record) -> Result<(), EarlyEnd> {
        self.journal.write(record).map_err(EarlyEnd::Journal)
    }

    fn write_start(&mut self, plan: &Plan) -> Result<(), EarlyEnd> {
        let at = self.account.gateway.now();
        self.journal.start(at, plan, self.observed_by_plan).map_err(EarlyEnd::Journal)
    }

    /// A run that is asked to stop, or cannot write any more, still looks at what it has sent: once, and only where that
    /// takes no waiting.
    async fn look_once_more(&mut self, ended: &Result<(), EarlyEnd>) {
        let is_worth_a_look = matches!(ended, Err(EarlyEnd::Cancelled | EarlyEnd::Journal(_)));
        if !is_worth_a_look || self.progress.is_read_back() {
            return;
        }
        let request = self.read_request(&[]);
        let calls = 1 + request.look_up.len() / self.look_up_size();
        if self.account.gateway.room_within(SignedDuration::ZERO) < calls {
            return;
        }
        if let Ok(world) = self.account.reader.read(&request).await {
            self.record_applied(&world);
        }
    }

    /// Gives every change that is left its outcome.
    fn finish(mut self, ended: Result<(), EarlyEnd>, calls_before: u32) -> Outcome {
        let end = ended.err();
        let why = end.as_ref().map(EarlyEnd::why).unwrap_or_default();
        let next_step = end.as_ref().map_or("run again", EarlyEnd::next_step);
        for id in self.progress.ids_in_flight() {
            let text = format!("sent, and not read back: {why}; {next_step}");
            self.record_outcome(&id, ChangeOutcome::Failed(text));
        }
        for id in self.progress.unresolved() {
            self.record_outcome(&id, ChangeOutcome::NotSent(why.clone()));
        }
        let calls = self.account.gateway.total_calls() - calls_before;
        let _ = self.journal.write(&Record::Finished { at: self.account.gateway.now(), calls });
        let was_cancelled = matches!(end, Some(EarlyEnd::Cancelled));
        let error = end.and_then(|end| match end {
            EarlyEnd::Kore(error) => Some(error),
            EarlyEnd::Cancelled | EarlyEnd::Journal(_) => None,
        });
        let looks = self.looks.take().unwrap_or_default();
        let outcome = self.progress.into_outcome();
        // Who was asked to stop with nothing left to do has not been interrupted.
        let was_interrupted = was_cancelled && !outcome.is_complete();
        Outcome { calls, error, was_interrupted, looks, ..outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kore::Endpoint;

    #[test]
    fn a_lost_lease_sends_nobody_to_run_again() {
        let endpoint = Endpoint::UpdateUsers;
        let lost = EarlyEnd::Kore(KoreError::DeadlinePassed { endpoint, which: Deadline::Lease });
        assert_eq!(lost.why(), "the lease has ended, and another process may write now");
        assert_eq!(lost.next_step(), "the new leader reads it back");
        assert_eq!(EarlyEnd::Cancelled.next_step(), "run again");
    }
}
