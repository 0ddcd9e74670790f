//! One task an account: waits for a reason to look, runs a pass, publishes what came of it.

use super::audit_poll::Polled;
use super::connect::{Connection, Connector};
use super::metrics::Metrics;
use super::publish::Publisher;
use super::status_write_ahead::StatusWriteAhead;
use super::store::Stores;
use crate::controller::pass::AccountMemory;
use crate::controller::pass::WriteAhead;
use crate::controller::pass::object_status::Readiness;
use crate::controller::pass::view::{Declared, ObjectRef, View};
use crate::controller::pass::{Pass, Session, pass};
use crate::kore::LeaseTerm;
use crate::manifest::compile::rate;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use std::collections::HashMap;
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
    /// Quiet time after an edit before a pass starts.
    pub(super) debounce: Duration,
    /// Time between polls of the audit log.
    pub(super) audit_poll_interval: SignedDuration,
}

impl Shared {
    fn view(&self, account: &ObjectRef) -> Option<View> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).view(account)
    }
}

/// Longest time that edits following each other put a pass off.
const DEBOUNCE_MAX: u32 = 5;

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
        if cause == Cause::Poll {
            continue;
        }
        let Some(view) = shared.view(&account) else {
            shared.metrics.forget(&account);
            return;
        };
        let view = without_terminating(&shared, view).await;
        let worker = match &mut worker {
            Some(worker) => worker,
            None => match Worker::start(&shared, &view).await {
                Ok(started) => worker.insert(started),
                Err(why) => {
                    tracing::warn!(%account, why, "nothing can be done for the account yet");
                    next = Timestamp::now().saturating_add(RESTART).unwrap_or(Timestamp::MAX);
                    continue;
                }
            },
        };
        let span = tracing::info_span!("pass", namespace = &*account.namespace, account = &*account.name, cause = ?cause);
        next = worker.run(&shared, &view, cancel.clone()).instrument(span).await;
        if cancel.is_cancelled() {
            return;
        }
    }
}

/// What is left of a namespace that is about to go: nothing in it can be waited for, so its objects are let go of.
async fn without_terminating(shared: &Shared, mut view: View) -> View {
    let is_leaving = |object: &&mut Arc<Declared>| object.meta.deleted.is_some() && object.meta.has_finalizer;
    let mut known: HashMap<Arc<str>, bool> = HashMap::new();
    for object in view.objects.iter_mut().filter(is_leaving) {
        let namespace = &object.meta.object.namespace;
        let is_terminating = match known.get(namespace) {
            Some(known) => *known,
            None => shared.connector.is_terminating(namespace).await,
        };
        known.insert(Arc::clone(namespace), is_terminating);
        Arc::make_mut(object).meta.is_orphaned |= is_terminating;
    }
    view
}

/// Why a pass begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    /// An object was edited.
    Edit,
    /// The time has come.
    Due,
    /// The audit log says that something happened.
    AuditPoll,
    /// None: the audit log says nothing.
    Poll,
}

async fn wait(shared: &Shared, wake: &Notify, next: Timestamp, worker: Option<&mut Worker>) -> Cause {
    let now = Timestamp::now();
    let poll_at = worker.as_ref().filter(|worker| worker.may_poll()).map(|worker| worker.polls_at(shared));
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    let polls_first = poll_at.is_some_and(|at| at < next);
    tokio::select! {
        // Where something was edited and the time has come as well, one pass is for both.
        biased;
        () = wake.notified() => {
            let started = Instant::now();
            // Edits come in flocks: an apply of a folder is one reason to look, not a hundred.
            while started.elapsed() < shared.debounce * DEBOUNCE_MAX {
                if tokio::time::timeout(shared.debounce, wake.notified()).await.is_err() {
                    break;
                }
            }
            Cause::Edit
        }
        () = tokio::time::sleep(until(next)), if !polls_first => Cause::Due,
        () = tokio::time::sleep(until(poll_at.unwrap_or(next))), if polls_first => match worker {
            Some(worker) => worker.poll(shared).await,
            None => Cause::Due,
        },
    }
}

/// What a worker keeps between passes.
struct Worker {
    account: ObjectRef,
    memory: AccountMemory,
    write_ahead: Arc<dyn WriteAhead>,
    connection: Option<Connection>,
    polled: Timestamp,
}

impl Worker {
    /// Takes over what the one before us has left in the statuses.
    async fn start(shared: &Shared, view: &View) -> Result<Self, String> {
        let account = view.account.meta.object.clone();
        let publisher = Arc::clone(&shared.publisher);
        let write_ahead =
            StatusWriteAhead::new(shared.client.clone(), &account, publisher, shared.lease_term.clone());
        let mut view = view.clone();
        view.account.status = write_ahead.status().await?;
        let (memory, polled) = (AccountMemory::restored(&view), Timestamp::now());
        Ok(Self { account, memory, write_ahead: Arc::new(write_ahead), connection: None, polled })
    }

    fn may_poll(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.audit_poll.is_possible())
    }

    fn polls_at(&self, shared: &Shared) -> Timestamp {
        self.polled.saturating_add(shared.audit_poll_interval).unwrap_or(Timestamp::MAX)
    }

    async fn poll(&mut self, shared: &Shared) -> Cause {
        match self.ask_log(shared).await {
            Some(Polled::Something) => Cause::AuditPoll,
            _ => Cause::Poll,
        }
    }

    /// What the audit log says, where it can be asked.
    async fn ask_log(&mut self, shared: &Shared) -> Option<Polled> {
        let connection = self.connection.as_mut().filter(|connection| connection.audit_poll.is_possible())?;
        self.polled = Timestamp::now();
        let polled = connection.audit_poll.poll(&connection.reader).await;
        shared.metrics.audit_polled(&self.account);
        if polled == Polled::Refused {
            tracing::info!(account = %self.account, "the audit log cannot be read: drift is noticed at the interval");
        }
        Some(polled)
    }

    /// One pass, and when the next is due.
    async fn run(&mut self, shared: &Shared, view: &View, cancel: CancellationToken) -> Timestamp {
        let started = Instant::now();
        let limit = rate(&view.account.spec.rate_limit);
        let before = self.connection.take();
        let connected = if view.account.spec.suspend {
            Err(Readiness::suspended())
        } else if let Some(conflicting_account) = view.conflicting_account(view.account.tenant().as_deref()) {
            Err(Readiness::conflicting(conflicting_account))
        } else {
            shared.connector.connect(&view.account, limit, before).await
        };
        let away = connected.map(|connection| self.connection = Some(connection)).err();
        // Where the log stands before the read: what happens from here on is news.
        self.ask_log(shared).await;
        let now = Timestamp::now();
        let session = match (&self.connection, away) {
            (Some(Connection { reader, gateway, host, .. }), None) => Ok(Session {
                reader,
                gateway,
                host,
                lease_term: &shared.lease_term,
                write_ahead: &self.write_ahead,
            }),
            (_, away) => Err(away.unwrap_or_else(Readiness::fine)),
        };
        let done = pass(view, &mut self.memory, session, now, cancel.clone()).await;
        if done.outcome.is_some() {
            // Our own writing is no news.
            self.ask_log(shared).await;
        }
        if let Some(Connection { gateway, .. }) = &self.connection {
            shared.metrics.budget(&self.account, gateway.calls_left());
        }
        // Somebody else speaks for the account by now, or nothing was seen that is worth saying.
        let is_cut_short = cancel.is_cancelled() && !done.was_read();
        if is_cut_short || shared.lease_term.ends_at() <= Timestamp::now() {
            return now;
        }
        shared.publisher.publish(view, &done).await;
        shared.metrics.passed(view, &done, started.elapsed(), Timestamp::now());
        told(&done);
        done.next.max(now.saturating_add(LEAST).unwrap_or(now))
    }
}

/// The pause before a worker tries again to start.
const RESTART: SignedDuration = SignedDuration::from_secs(5);
/// No pass follows another sooner than this by itself.
const LEAST: SignedDuration = SignedDuration::from_secs(1);

fn told(done: &Pass) {
    let reason =
        crate::controller::pass::conditions::reason_of(&done.report.account.conditions).unwrap_or_default();
    let counts = done.report.account.counts.clone().unwrap_or_default();
    let applied = done
        .outcome
        .as_ref()
        .map_or(0, |outcome| outcome.count(|fate| matches!(fate, crate::apply::ChangeOutcome::Applied)));
    let calls = done.plan.as_ref().map_or(0, |plan| plan.observed.calls)
        + done.outcome.as_ref().map_or(0, |outcome| outcome.calls);
    let (left, waiting, is_unchanged) = (counts.changes, counts.waiting, done.is_unchanged());
    tracing::info!(reason, applied, left, waiting, calls, is_unchanged, "pass");
}
