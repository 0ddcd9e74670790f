//! One task for each account: waits for a trigger, runs a pass, publishes the result.

use super::audit_poll::Polled;
use super::config_map_memory::ConfigMapMemory;
use super::connect::{Connection, Connector};
use super::metrics::Metrics;
use super::publish::Publisher;
use super::status_write_ahead::StatusWriteAhead;
use super::store::Stores;
use crate::apply::ChangeOutcome;
use crate::controller::pass::{
    AccountMemory, Missing, ObjectRef, Pass, PassScope, Readiness, Session, View, WriteAhead, pass, reason_of,
};
use crate::facts::Email;
use crate::kore::LeaseTerm;
use crate::manifest::compile::rate;
use crate::memory::Seal;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// What all workers share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) stores: Arc<Mutex<Stores>>,
    pub(super) connector: Connector,
    pub(super) publisher: Arc<Publisher>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) lease_term: LeaseTerm,
    /// The namespace that memories are in, and what seals them.
    pub(super) memory_namespace: String,
    pub(super) seal: Seal,
    /// Quiet time after an edit before a pass starts.
    pub(super) debounce: Duration,
    /// Time between polls of the audit log.
    pub(super) audit_poll_interval: SignedDuration,
    /// After a start, what was never declared, and what unseen deletions leave, is taken away only after so long.
    pub(super) quiet_start: SignedDuration,
}

impl Shared {
    fn view(&self, account: &ObjectRef) -> Option<View> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).view(account)
    }
}

/// Edits that follow each other defer a pass by at most this many times the debounce.
const DEBOUNCE_MAX: u32 = 5;
/// The pause before a worker that could not start tries again.
const START_RETRY: SignedDuration = SignedDuration::from_secs(5);
/// The shortest time between two passes without an edit.
const MIN_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// A poll of the audit log leaves so many calls to an edit.
const LEFT_BY_POLLS: usize = 5;

/// Reconciles one account until it is gone or the worker is cancelled.
pub(super) async fn run_worker(
    shared: Arc<Shared>,
    account: ObjectRef,
    wake: Arc<Notify>,
    cancel: CancellationToken,
) {
    let mut worker: Option<Worker> = None;
    // An account and its objects come in one apply, as edits do.
    let mut next = Timestamp::now().saturating_add(shared.debounce).unwrap_or(Timestamp::MAX);
    loop {
        let cause = tokio::select! {
            () = cancel.cancelled() => return,
            cause = wait(&shared, &wake, next, worker.as_mut()) => cause,
        };
        let Some(cause) = cause else { continue };
        let Some(view) = shared.view(&account) else {
            shared.metrics.forget(&account);
            return;
        };
        let worker = match &mut worker {
            Some(worker) => worker,
            None => match Worker::start(&shared, &view).await {
                Ok(started) => worker.insert(started),
                Err(why) => {
                    tracing::warn!(%account, why, "nothing can be done for the account yet");
                    next = Timestamp::now().saturating_add(START_RETRY).unwrap_or(Timestamp::MAX);
                    continue;
                }
            },
        };
        let view = with_missing(&shared, &worker.memory, view).await;
        if cause == Cause::Edit && worker.has_looked_at(&view) {
            continue;
        }
        let span = tracing::info_span!("pass", namespace = &*account.namespace, account = &*account.name, cause = ?cause);
        next = worker.run(&shared, &view, cause, cancel.clone()).instrument(span).await;
        if cancel.is_cancelled() {
            return;
        }
    }
}

/// With what has become of remembered objects that are not in it. While what they were in is going as well, their
/// absence says nothing.
async fn with_missing(shared: &Shared, memory: &AccountMemory, mut view: View) -> View {
    let gone = memory.gone(&view);
    view.missing = shared.stores.lock().unwrap_or_else(PoisonError::into_inner).missing(gone);
    if view.missing.is_empty() {
        return view;
    }
    let own = Arc::clone(&view.account.meta.object.namespace);
    if shared.connector.is_terminating(&own).await {
        view.gap = Some(format!("namespace {own} is being deleted"));
        return view;
    }
    let others: BTreeSet<Arc<str>> = view
        .missing
        .keys()
        .filter_map(|object| object.namespace.clone())
        .filter(|other| *other != own)
        .collect();
    for namespace in others {
        // Nobody has deleted what goes with its namespace.
        if shared.connector.is_terminating(&namespace).await {
            let in_it =
                view.missing.iter_mut().filter(|(object, _)| object.namespace.as_ref() == Some(&namespace));
            let deleted = in_it.filter(|(_, missing)| matches!(missing, Missing::Deleted { .. }));
            deleted.for_each(|(_, missing)| *missing = Missing::Unseen);
        }
    }
    view
}

/// Why a pass begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    /// An object was edited.
    Edit,
    /// It is scheduled.
    Due,
    /// The audit log has new events.
    AuditPoll,
}

/// What the audit log has shown and no pass has looked at.
#[derive(Debug, Default)]
struct Noticed {
    /// People whom events name.
    people: BTreeSet<Email>,
    /// Whether an event names nobody.
    is_unnamed: bool,
}

impl Noticed {
    fn add(&mut self, polled: Polled) {
        match polled {
            Polled::People(people) => self.people.extend(people),
            Polled::NewEvents => self.is_unnamed = true,
            Polled::Nothing | Polled::Unavailable => {}
        }
    }

    /// Whom events name besides those whom a pass has written about.
    fn add_foreign(&mut self, polled: Polled, done: &Pass) {
        let Polled::People(people) = polled else { return };
        let changes = done.outcome.iter().flat_map(|outcome| outcome.changes.values());
        let ours: BTreeSet<&Email> = changes.filter_map(|change| change.key.email()).collect();
        self.people.extend(people.into_iter().filter(|person| !ours.contains(person)));
    }

    fn is_empty(&self) -> bool {
        self.people.is_empty() && !self.is_unnamed
    }

    fn take(&mut self) -> PassScope {
        let Self { people, is_unnamed } = std::mem::take(self);
        if is_unnamed { PassScope::Event } else { PassScope::Edits(people) }
    }
}

/// Waits for the next pass or poll. `None`: a poll found nothing, so there is no reason for a pass.
async fn wait(shared: &Shared, wake: &Notify, next: Timestamp, worker: Option<&mut Worker>) -> Option<Cause> {
    let now = Timestamp::now();
    let poll_at = worker.as_ref().filter(|worker| worker.may_poll()).map(|worker| worker.polls_at(shared));
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    let polls_first = poll_at.is_some_and(|at| at < next);
    tokio::select! {
        // An edit comes first: if a pass is due as well, one pass is for both.
        biased;
        () = wake.notified() => {
            let started = Instant::now();
            // An apply of a folder is a hundred edits, and should be one pass.
            while started.elapsed() < shared.debounce * DEBOUNCE_MAX {
                if tokio::time::timeout(shared.debounce, wake.notified()).await.is_err() {
                    break;
                }
            }
            Some(Cause::Edit)
        }
        () = tokio::time::sleep(until(next)), if !polls_first => Some(Cause::Due),
        () = tokio::time::sleep(until(poll_at.unwrap_or(next))), if polls_first => match worker {
            Some(worker) => worker.poll(shared).await,
            None => Some(Cause::Due),
        },
    }
}

/// What a worker keeps between passes.
struct Worker {
    account: ObjectRef,
    memory: AccountMemory,
    write_ahead: Arc<dyn WriteAhead>,
    connection: Option<Connection>,
    polled_at: Timestamp,
    noticed: Noticed,
    /// What the last pass was about.
    view: Option<View>,
    /// The full read that the status was last told of.
    noted_at: Option<Timestamp>,
}

impl Worker {
    /// Starts with what the statuses remember.
    async fn start(shared: &Shared, view: &View) -> Result<Self, String> {
        let account = view.account.meta.object.clone();
        let publisher = Arc::clone(&shared.publisher);
        let client = &shared.client;
        let memory = ConfigMapMemory::new(client.clone(), &shared.memory_namespace, shared.seal.clone());
        let write_ahead =
            StatusWriteAhead::new(client.clone(), &account, publisher, shared.lease_term.clone(), memory);
        let mut view = view.clone();
        view.account.status = write_ahead.status().await?;
        let (memory, polled_at) = (AccountMemory::restored(&view), Timestamp::now());
        Ok(Self {
            account,
            memory,
            write_ahead: Arc::new(write_ahead),
            connection: None,
            polled_at,
            noticed: Noticed::default(),
            view: None,
            noted_at: None,
        })
    }

    /// Whether the status is told of a full read at that time.
    fn is_worth_a_note(&self, at: Timestamp) -> bool {
        self.noted_at.is_none_or(|noted| noted.saturating_add(NOTE_EVERY).is_ok_and(|next| next <= at))
    }

    fn may_poll(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.audit_poll.is_possible())
    }

    fn polls_at(&self, shared: &Shared) -> Timestamp {
        self.polled_at.saturating_add(shared.audit_poll_interval).unwrap_or(Timestamp::MAX)
    }

    async fn poll(&mut self, shared: &Shared) -> Option<Cause> {
        let polled = self.poll_audit_log(shared).await?;
        let is_new = matches!(polled, Polled::NewEvents | Polled::People(_));
        self.noticed.add(polled);
        is_new.then_some(Cause::AuditPoll)
    }

    /// Whether the last pass was about the same objects: an edit of another account's wakes this one, too.
    fn has_looked_at(&self, view: &View) -> bool {
        self.view.as_ref().is_some_and(|last| last.declares_like(view))
    }

    /// Polls the audit log, where it can be read. A poll gives way: it leaves the calls of an edit, and never waits.
    async fn poll_audit_log(&mut self, shared: &Shared) -> Option<Polled> {
        let connection = self.connection.as_mut().filter(|connection| connection.audit_poll.is_possible())?;
        self.polled_at = Timestamp::now();
        if connection.gateway.room_within(SignedDuration::ZERO) <= LEFT_BY_POLLS {
            return None;
        }
        let polled = connection.audit_poll.poll(&connection.reader).await;
        shared.metrics.audit_polled(&self.account);
        if polled == Polled::Unavailable {
            tracing::info!(account = %self.account, "the audit log cannot be read: drift is noticed at the interval");
        }
        Some(polled)
    }

    /// Connects to the account, if it may be read at all.
    async fn connect(&mut self, shared: &Shared, view: &View) -> Result<(), Readiness> {
        let open = self.connection.take();
        if view.account.spec.suspend {
            return Err(Readiness::suspended(view.account.spec.suspend_reason.as_deref()));
        }
        if let Some(conflicting_account) = view.conflicting_account(view.account.tenant().as_deref()) {
            return Err(Readiness::conflicting(conflicting_account));
        }
        let limit = rate(&view.account.spec.rate_limit);
        self.connection = Some(shared.connector.connect(&view.account, limit, open).await?);
        Ok(())
    }

    /// One pass, and when the next is due.
    async fn run(
        &mut self,
        shared: &Shared,
        view: &View,
        cause: Cause,
        cancel: CancellationToken,
    ) -> Timestamp {
        let started = Instant::now();
        let unconnected = self.connect(shared, view).await.err();
        if let Some(Connection { gateway, .. }) = &self.connection {
            shared.metrics.connected(&self.account, gateway);
        }
        // Polled before the read: an event from here on may not be part of it.
        if cause != Cause::AuditPoll
            && let Some(polled) = self.poll_audit_log(shared).await
        {
            self.noticed.add(polled);
        }
        let scope = self.noticed.take();
        let now = Timestamp::now();
        let session = match (&self.connection, unconnected) {
            (Some(Connection { reader, gateway, host, .. }), None) => Ok(Session {
                reader,
                gateway,
                host,
                lease_term: &shared.lease_term,
                quiet_start: shared.quiet_start,
                write_ahead: &self.write_ahead,
                scope: &scope,
            }),
            (_, unconnected) => Err(unconnected.unwrap_or_else(Readiness::up_to_date)),
        };
        let done = Box::pin(pass(view, &mut self.memory, session, now, cancel.clone())).await;
        if done.outcome.is_some() {
            // The events of our own writes start no pass.
            if let Some(polled) = self.poll_audit_log(shared).await {
                self.noticed.add_foreign(polled, &done);
            }
        }
        // Another replica may lead by now, or the pass was cancelled before it knew anything.
        let is_cut_short = cancel.is_cancelled() && !done.was_read();
        if is_cut_short || shared.lease_term.ends_at() <= Timestamp::now() {
            return now;
        }
        self.view = Some(view.clone());
        if !done.was_read() {
            // What was noticed is still to be looked at.
            match scope {
                PassScope::Edits(people) => self.noticed.people.extend(people),
                PassScope::Event | PassScope::Everything => self.noticed.is_unnamed = true,
            }
        }
        shared.publisher.publish(view, &done).await;
        if let Some(at) = done.full_read_at.filter(|at| self.is_worth_a_note(*at)) {
            self.noted_at = Some(at);
            shared.publisher.note_read(&self.account, at).await;
        }
        shared.metrics.passed(view, &done, started.elapsed(), Timestamp::now());
        log_pass(&done, started.elapsed());
        let next = if done.was_read() && !self.noticed.is_empty() { now } else { done.schedule.next };
        next.max(now.saturating_add(MIN_PAUSE).unwrap_or(now))
    }
}

/// At most so often the status is told of a full read.
const NOTE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Reasons that an operator has to look at, and whose message names no user.
const TROUBLE: [&str; 5] =
    ["CredentialsRejected", "ScopeMissing", "Unreachable", "ProtocolError", "RateLimited"];

fn log_pass(done: &Pass, took: Duration) {
    let account = &done.report.account;
    let reason = reason_of(&account.conditions).unwrap_or_default();
    let counts = account.counts.clone().unwrap_or_default();
    let is_applied = |outcome: &ChangeOutcome| matches!(outcome, ChangeOutcome::Applied);
    let applied = done.outcome.as_ref().map_or(0, |outcome| outcome.count(is_applied));
    let calls = done.plan.as_ref().map_or(0, |plan| plan.observed.calls)
        + done.outcome.as_ref().map_or(0, |outcome| outcome.calls);
    let (left, waiting, is_unchanged) = (counts.changes, counts.waiting, done.is_unchanged());
    let observed = if done.is_focused() { "edits" } else { "everything" };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if TROUBLE.contains(&reason) {
        let ready = account.conditions.iter().find(|condition| condition.type_ == "Ready");
        let why = ready.map_or("", |condition| condition.message.as_str());
        tracing::warn!(reason, why, applied, left, waiting, calls, took_ms, observed, "pass");
    } else {
        tracing::info!(reason, applied, left, waiting, calls, took_ms, is_unchanged, observed, "pass");
    }
}
