//! The executor: looks, checks, sends, reads back.
//!
//! # Expected flow
//!
//! Calls are taken from the queue in windows: as many as the budget lets through within the life of one look. The
//! look asks about everyone in the window and everyone written before, so that the same read checks what comes and
//! verifies what went. Then each call is checked once more, sent, and its answer sorted. What a call depends on has
//! been read back before it is sent.
//!
//! # Guarantees
//!
//! A call is sent at most 60 seconds after the look that found its subjects as the plan saw them. Before anything
//! takes Master Admin away, the holders we know are looked up, and enough who can sign in are left after the call.
//! Nobody is created without their own *not found* in that look. A refused batch is halved, after another look,
//! until the bad entry is found or a bound on calls is reached. What was taken beside refused entries and does not show
//! is sent once more without them. A lost reply is never answered by sending again:
//! the change is looked for, several times over a minute, and then reported.

mod clear;
mod observe;
mod send;
mod settle;

use super::journal::{BeforeImage, Journal, Record};
use super::known_ids::KnownIds;
use super::outcome::{ChangeOutcome, Outcome};
use crate::facts::{Email, Policy, World};
use crate::kore::{Gateway, KoreError, Reader, Writer};
use crate::plan::pack::{Call, WriteKind, pack};
use crate::plan::{Change, ChangeId, Plan};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio_util::sync::CancellationToken;

/// How old a look may be when a call that relies on it is sent.
const MAX_OBSERVATION_AGE: SignedDuration = SignedDuration::from_secs(60);
/// Times a call may come too late for its look before it is given up: a budget this small cannot check anything.
const MAX_RETRIES: u32 = 3;
/// Pauses in seconds between looks for something that was sent and is not there: a minute in all.
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

/// Applies what the guards let through, and says what became of every change.
pub async fn run(
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
        observed,
        policy,
        account,
        journal,
        cancel,
        known_ids: KnownIds::from_read(observed, &sendable),
        queue: calls
            .into_iter()
            .map(|call| Queued { call, bisection: None, retries: 0, is_again: false })
            .collect(),
        sent: BTreeMap::new(),
        calls_sent: 0,
        lost_master_admin: BTreeSet::new(),
        cleared: BTreeMap::new(),
        unrestored: Vec::new(),
        bisections: Vec::new(),
        unconfirmed: Vec::new(),
        outcome: Outcome { changes, ..Outcome::default() },
    };
    let started = run.note_start(&plan);
    let ended = match started {
        Ok(()) => run.work().await,
        Err(end) => Err(end),
    };
    run.finish(ended, calls_before)
}

/// Why the work ends early.
enum End {
    Asked,
    Kore(KoreError),
    Journal(String),
}

impl From<KoreError> for End {
    fn from(error: KoreError) -> Self {
        Self::Kore(error)
    }
}

struct Queued {
    call: Call,
    /// Which hunt for a bad entry this call belongs to.
    bisection: Option<usize>,
    retries: u32,
    /// Sent for the second time, now without the entries that were refused beside these.
    is_again: bool,
}

/// A change that has reached the platform, as far as we know, and is not read back.
struct Sent {
    /// Why the answer says nothing, if it was lost.
    unknown: Option<String>,
}

/// What one look showed, and when it was asked for.
struct View {
    world: World,
    at: Timestamp,
}

struct Run<'a, 'b> {
    observed: &'a World,
    policy: &'a Policy,
    account: &'a Account<'b>,
    journal: &'a mut Journal,
    cancel: CancellationToken,
    known_ids: KnownIds,
    queue: VecDeque<Queued>,
    sent: BTreeMap<ChangeId, Sent>,
    calls_sent: usize,
    /// Who has lost Master Admin by what was sent: a look may be older than that.
    lost_master_admin: BTreeSet<Email>,
    /// Lists of assignments that were cleared and sent again, and that no look has shown whole yet. They are kept.
    cleared: BTreeMap<Email, BeforeImage>,
    /// Those that the next run has to restore.
    unrestored: Vec<BeforeImage>,
    /// Halves made of each refused batch, sent or about to be.
    bisections: Vec<u32>,
    /// Entries taken beside refused ones: the platform may have undone the whole batch (kore-api section 4, row 15).
    unconfirmed: Vec<(WriteKind, Vec<ChangeId>)>,
    outcome: Outcome,
}

impl Run<'_, '_> {
    async fn work(&mut self) -> Result<(), End> {
        loop {
            self.drain_queue().await?;
            self.verify().await?;
            if self.queue.is_empty() {
                return Ok(());
            }
        }
    }

    async fn drain_queue(&mut self) -> Result<(), End> {
        while !self.queue.is_empty() {
            let batch = self.next_batch();
            if batch.is_empty() {
                let queued = self.queue.len();
                let was_settled = self.sent.is_empty();
                self.verify().await?;
                self.fail_orphans();
                if was_settled && self.queue.len() == queued {
                    // Nothing can move any more. Plans have no cycles, so this is ours to be blamed for.
                    for queued in std::mem::take(&mut self.queue) {
                        self.fail(&queued.call, "what it depends on never settled");
                    }
                }
                continue;
            }
            let view = match self.observe(&batch).await {
                Ok(view) => view,
                Err(end) => {
                    self.requeue(batch);
                    return Err(end);
                }
            };
            self.settle(&view.world);
            let progress = self.progress();
            let mut batch: VecDeque<Queued> = batch.into();
            while let Some(queued) = batch.pop_front() {
                if let Err(end) = self.handle(queued, &view).await {
                    self.requeue(batch.into());
                    return Err(end);
                }
            }
            if self.progress() == progress {
                // Everything waits for something that was sent: that is settled first, one way or the other.
                self.verify().await?;
            }
        }
        Ok(())
    }

    /// What handling a window moves on: calls sent, changes settled.
    fn progress(&self) -> (usize, usize) {
        (self.calls_sent, self.outcome.by_change.len())
    }

    /// Checks one call against the look, and sends what stands.
    async fn handle(&mut self, mut queued: Queued, view: &View) -> Result<(), End> {
        if self.waits_for_sent(&queued.call) {
            self.queue.push_front(queued);
            return Ok(());
        }
        self.drop_stale_changes(&mut queued.call, view);
        if queued.call.entries.is_empty() {
            return Ok(());
        }
        if let Some(why) = self.breaks_floor(&queued.call, &view.world) {
            self.fail(&queued.call, &why);
            return Ok(());
        }
        let requests = queued.call.kind.requests().min(self.policy.rate.usable_per_minute() as usize);
        tokio::select! {
            // Until they fit now: what waits in the gateway would be sent long after it was checked.
            waited = self.account.gateway.wait_for_room(requests, SignedDuration::ZERO) => {
                if let Err(error) = waited {
                    self.queue.push_front(queued);
                    return Err(error.into());
                }
            }
            () = self.cancel.cancelled() => {
                self.queue.push_front(queued);
                return Err(End::Asked);
            }
        }
        if self.cancel.is_cancelled() {
            self.queue.push_front(queued);
            return Err(End::Asked);
        }
        if self.account.gateway.now().duration_since(view.at) > MAX_OBSERVATION_AGE {
            self.retry(queued);
            return Ok(());
        }
        self.send(queued, view).await
    }

    /// A call that comes too late for its look gets another one, a bounded number of times.
    fn retry(&mut self, queued: Queued) {
        if queued.retries >= MAX_RETRIES {
            let why = "the call budget is too small to check and send within 60 s; raise rateLimit";
            return self.fail(&queued.call, why);
        }
        self.queue.push_front(Queued { retries: queued.retries + 1, ..queued });
    }

    fn waits_for_sent(&self, call: &Call) -> bool {
        let carried: BTreeSet<&ChangeId> = call.changes().collect();
        carried.iter().filter_map(|id| self.outcome.changes.get(*id)).any(|change| {
            change.depends_on.iter().any(|needed| !carried.contains(needed) && self.sent.contains_key(needed))
        })
    }

    fn requeue(&mut self, batch: Vec<Queued>) {
        for queued in batch.into_iter().rev() {
            self.queue.push_front(queued);
        }
    }

    fn fail(&mut self, call: &Call, why: &str) {
        for id in call.changes() {
            self.record_outcome(id, ChangeOutcome::Failed(why.to_owned()));
        }
    }

    fn record_outcome(&mut self, id: &ChangeId, outcome: ChangeOutcome) {
        debug_assert!(!self.outcome.by_change.contains_key(id), "{id} has a fate already");
        // A journal that cannot be written has already ended the run at the call before.
        let _ = self.journal.write(&Record::Resolved { change: id.clone(), outcome: outcome.clone() });
        self.outcome.by_change.insert(id.clone(), outcome);
    }

    fn note(&mut self, record: &Record) -> Result<(), End> {
        self.journal.write(record).map_err(|error| End::Journal(error.to_string()))
    }

    fn note_start(&mut self, plan: &Plan) -> Result<(), End> {
        let at = self.account.gateway.now();
        self.journal.start(at, plan, self.observed).map_err(|error| End::Journal(error.to_string()))
    }

    /// Gives every change that is left its fate.
    fn finish(mut self, ended: Result<(), End>, calls_before: u32) -> Outcome {
        let why = match ended {
            Ok(()) => String::new(),
            Err(End::Asked) => {
                self.outcome.was_interrupted = true;
                "the run was interrupted".to_owned()
            }
            Err(End::Kore(error)) => {
                let why = error.to_string();
                self.outcome.error = Some(error);
                why.lines().next().unwrap_or_default().to_owned()
            }
            Err(End::Journal(why)) => why,
        };
        for (id, Sent { unknown: _ }) in std::mem::take(&mut self.sent) {
            self.record_outcome(
                &id,
                ChangeOutcome::Failed(format!("sent, and not read back: {why}; run again")),
            );
        }
        let left: Vec<ChangeId> = self
            .outcome
            .changes
            .keys()
            .filter(|id| !self.outcome.by_change.contains_key(*id))
            .cloned()
            .collect();
        for id in left {
            self.record_outcome(&id, ChangeOutcome::NotSent(why.clone()));
        }
        self.outcome.calls = self.account.gateway.total_calls() - calls_before;
        let (at, calls) = (self.account.gateway.now(), self.outcome.calls);
        let _ = self.journal.write(&Record::Finished { at, calls });
        self.outcome
    }
}
