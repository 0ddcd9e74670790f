//! One task an account: waits for a reason to look, runs a pass, publishes what came of it.

use super::connect::{Connection, Connector};
use super::hint::Polled;
use super::judge::Standing;
use super::known::Known;
use super::metrics::Metrics;
use super::pass::{Pass, Session, pass};
use super::publish::Publisher;
use super::store::Stores;
use super::view::{Declared, ObjectRef, View};
use super::write_ahead::{StatusAhead, WriteAhead};
use crate::apply::Stop;
use crate::kore::Tenure;
use crate::manifest::compile::rate;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tracing::Instrument as _;

/// What all workers share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) stores: Arc<Mutex<Stores>>,
    pub(super) connector: Connector,
    pub(super) publisher: Arc<Publisher>,
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
    // An account and its objects come in one apply, as edits do.
    let mut next = Timestamp::now().saturating_add(shared.debounce).unwrap_or(Timestamp::MAX);
    loop {
        let cause = tokio::select! {
            () = stop.asked() => return,
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
        next = worker.run(&shared, &view, stop.clone()).instrument(span).await;
        if stop.is_asked() {
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
    known: Known,
    ahead: Arc<dyn WriteAhead>,
    connection: Option<Connection>,
    polled: Timestamp,
}

impl Worker {
    /// Takes over what the one before us has left in the statuses.
    async fn start(shared: &Shared, view: &View) -> Result<Self, String> {
        let account = view.account.meta.object.clone();
        let publisher = Arc::clone(&shared.publisher);
        let ahead = StatusAhead::new(shared.client.clone(), &account, publisher, shared.tenure.clone());
        let mut view = view.clone();
        view.account.status = ahead.status().await?;
        let (known, polled) = (Known::restored(&view), Timestamp::now());
        Ok(Self { account, known, ahead: Arc::new(ahead), connection: None, polled })
    }

    fn may_poll(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.hint.is_possible())
    }

    fn polls_at(&self, shared: &Shared) -> Timestamp {
        self.polled.saturating_add(shared.hint_every).unwrap_or(Timestamp::MAX)
    }

    async fn poll(&mut self, shared: &Shared) -> Cause {
        match self.ask_log(shared).await {
            Some(Polled::Something) => Cause::Hint,
            _ => Cause::Poll,
        }
    }

    /// What the audit log says, where it can be asked.
    async fn ask_log(&mut self, shared: &Shared) -> Option<Polled> {
        let connection = self.connection.as_mut().filter(|connection| connection.hint.is_possible())?;
        self.polled = Timestamp::now();
        let polled = connection.hint.poll(&connection.reader).await;
        shared.metrics.hinted(&self.account);
        if polled == Polled::Refused {
            tracing::info!(account = %self.account, "the audit log cannot be read: drift is noticed at the interval");
        }
        Some(polled)
    }

    /// One pass, and when the next is due.
    async fn run(&mut self, shared: &Shared, view: &View, stop: Stop) -> Timestamp {
        let started = Instant::now();
        let limit = rate(&view.account.spec.rate_limit);
        let known = self.connection.take();
        let connected = if view.account.spec.suspend {
            Err(Standing::suspended())
        } else if let Some(rival) = view.rival(view.account.tenant().as_deref()) {
            Err(Standing::rivalled(rival))
        } else {
            shared.connector.connect(&view.account, limit, known).await
        };
        let away = connected.map(|connection| self.connection = Some(connection)).err();
        // Where the log stands before the read: what happens from here on is news.
        self.ask_log(shared).await;
        let now = Timestamp::now();
        let session = match (&self.connection, away) {
            (Some(Connection { reader, gateway, host, .. }), None) => {
                Ok(Session { reader, gateway, host, tenure: &shared.tenure, ahead: &self.ahead })
            }
            (_, away) => Err(away.unwrap_or_else(Standing::fine)),
        };
        let done = pass(view, &mut self.known, session, now, stop.clone()).await;
        if done.outcome.is_some() {
            // Our own writing is no news.
            self.ask_log(shared).await;
        }
        if let Some(Connection { gateway, .. }) = &self.connection {
            shared.metrics.budget(&self.account, gateway.calls_left());
        }
        // Somebody else speaks for the account by now, or nothing was seen that is worth saying.
        let is_cut_short = stop.is_asked() && !done.was_read;
        if is_cut_short || shared.tenure.ends_at() <= Timestamp::now() {
            return now;
        }
        shared.publisher.publish(view, &done).await;
        shared.metrics.passed(view, &done, started.elapsed(), Timestamp::now());
        told(&done);
        done.next.max(now.saturating_add(LEAST).unwrap_or(now))
    }
}

/// The pause before somebody tries again to look after an account.
const RESTART: SignedDuration = SignedDuration::from_secs(5);
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
    let (left, waiting, is_still) = (counts.changes, counts.waiting, done.is_still);
    tracing::info!(reason, applied, left, waiting, calls, is_still, "pass");
}
