//! One task an account: waits for a reason to look, runs a pass, publishes what came of it.

use super::connect::{Connection, Connector};
use super::hint::{Hint, Polled};
use super::judge::Standing;
use super::known::Known;
use super::metrics::Metrics;
use super::pass::{Pass, Session, pass};
use super::publish::Publisher;
use super::rhythm;
use super::store::Stores;
use super::view::{ObjectRef, View};
use crate::apply::Stop;
use crate::kore::{HOUR, MINUTE, Tenure};
use crate::manifest::compile::rate;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tracing::Instrument as _;

/// What all workers share.
pub(super) struct Shared {
    pub(super) stores: Arc<Mutex<Stores>>,
    pub(super) connector: Connector,
    pub(super) publisher: Publisher,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tenure: Tenure,
    /// Quiet time after an edit before a pass starts.
    pub(super) debounce: Duration,
    /// Time between polls of the audit log.
    pub(super) hint_every: SignedDuration,
}

impl Shared {
    fn view(&self, account: &ObjectRef) -> Option<View> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).view(account)
    }
}

/// Longest time that edits following each other put a pass off.
const DEBOUNCE_MAX: u32 = 5;

/// Looks after one account until it is gone or somebody asks to stop.
pub(super) async fn look_after(shared: Arc<Shared>, account: ObjectRef, wake: Arc<Notify>, mut stop: Stop) {
    let mut worker: Option<Worker> = None;
    let mut next = Timestamp::now();
    loop {
        let cause = tokio::select! {
            () = stop.asked() => return,
            cause = wait(&shared, &wake, next, worker.as_mut()) => cause,
        };
        if cause == Cause::Poll {
            continue;
        }
        let Some(view) = shared.view(&account) else { return };
        let worker = worker.get_or_insert_with(|| Worker::new(&view));
        let span = tracing::info_span!("pass", namespace = &*account.namespace, account = &*account.name, cause = ?cause);
        next = worker.run(&shared, &view, stop.clone()).instrument(span).await;
        if stop.is_asked() {
            return;
        }
    }
}

/// Why a pass begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    /// Somebody edited something.
    Edit,
    /// The time has come.
    Due,
    /// The audit log says that something happened.
    Hint,
    /// None: the audit log says nothing.
    Poll,
}

async fn wait(shared: &Shared, wake: &Notify, next: Timestamp, worker: Option<&mut Worker>) -> Cause {
    let now = Timestamp::now();
    let poll_at = worker.as_ref().filter(|worker| worker.may_poll()).map(|worker| worker.polls_at(shared));
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    let polls_first = poll_at.is_some_and(|at| at < next);
    tokio::select! {
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
    known: Known,
    connection: Option<Connection>,
    hint: Hint,
    polled: Timestamp,
}

impl Worker {
    fn new(view: &View) -> Self {
        Self {
            account: view.account.meta.object.clone(),
            known: Known::restored(view),
            connection: None,
            hint: Hint::default(),
            polled: Timestamp::now(),
        }
    }

    fn may_poll(&self) -> bool {
        self.connection.is_some() && self.hint.is_possible()
    }

    fn polls_at(&self, shared: &Shared) -> Timestamp {
        self.polled.saturating_add(shared.hint_every).unwrap_or(Timestamp::MAX)
    }

    async fn poll(&mut self, shared: &Shared) -> Cause {
        let Some(connection) = &self.connection else { return Cause::Due };
        self.polled = Timestamp::now();
        let polled = self.hint.poll(&connection.reader).await;
        shared.metrics.hinted(&self.account);
        match polled {
            Polled::Something => Cause::Hint,
            Polled::Still => Cause::Poll,
            Polled::Refused => {
                tracing::info!(account = %self.account, "the audit log cannot be read: drift is noticed at the interval");
                Cause::Poll
            }
        }
    }

    /// One pass, and when the next is due.
    async fn run(&mut self, shared: &Shared, view: &View, stop: Stop) -> Timestamp {
        let started = Instant::now();
        let limit = rate(&view.account.spec.rate_limit);
        let connected = if view.account.spec.suspend || view.rival.is_some() {
            Err(Standing::fine())
        } else {
            shared.connector.connect(&view.account, limit, self.connection.take()).await
        };
        let now = Timestamp::now();
        let done = match connected {
            Ok(connection) => {
                let is_new = self.connection.is_none();
                let connection = &*self.connection.insert(connection);
                // Where the log stands before the read: what happens from here on is news.
                if is_new || self.hint.is_possible() {
                    self.hint.poll(&connection.reader).await;
                    shared.metrics.hinted(&self.account);
                }
                let session = Session {
                    reader: &connection.reader,
                    gateway: &connection.gateway,
                    host: &connection.host,
                    tenure: &shared.tenure,
                };
                let done = pass(view, &mut self.known, Ok(session), now, stop).await;
                if done.outcome.is_some() && self.hint.is_possible() {
                    // Our own writing is no news.
                    self.hint.poll(&connection.reader).await;
                    shared.metrics.hinted(&self.account);
                }
                self.polled = Timestamp::now();
                let gateway = &connection.gateway;
                shared.metrics.budget(&self.account, gateway.room_within(MINUTE), gateway.room_within(HOUR));
                done
            }
            Err(standing) => pass(view, &mut self.known, Err(standing), now, stop).await,
        };
        shared.publisher.publish(view, &done).await;
        shared.metrics.passed(view, &done, started.elapsed(), Timestamp::now());
        told(&done);
        done.next.max(now.saturating_add(LEAST).unwrap_or(now))
    }
}

/// No pass follows another sooner than this by itself.
const LEAST: SignedDuration = SignedDuration::from_secs(1);

fn told(done: &Pass) {
    let reason = super::conditions::reason_of(&done.account.conditions).unwrap_or_default();
    let counts = done.account.counts.clone().unwrap_or_default();
    let applied = done
        .outcome
        .as_ref()
        .map_or(0, |outcome| outcome.count(|fate| matches!(fate, crate::apply::Fate::Applied)));
    let calls = done.plan.as_ref().map_or(0, |plan| plan.observed.calls)
        + done.outcome.as_ref().map_or(0, |outcome| outcome.calls);
    tracing::info!(reason, applied, left = counts.changes, waiting = counts.waiting, calls, "pass");
}

/// The usual time between polls.
pub(super) const HINT_EVERY: SignedDuration = rhythm::HINT_EVERY;
