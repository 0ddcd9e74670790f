//! The controller as a process: watches, leadership, one worker an account, and a graceful end.

use super::connect::Connector;
use super::decode::Watched;
use super::health;
use super::lease::{Candidate, LeaseOptions};
use super::metrics::Metrics;
use super::publish::Publisher;
use super::store::{Stores, Watch};
use super::unassigned::watch_unassigned;
use super::worker::{Shared, run_worker};
use crate::controller::pass::interval::AUDIT_POLL_INTERVAL;
use crate::controller::pass::view::ObjectRef;
use crate::kore::LeaseTerm;
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kube::api::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, Client};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How the controller runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespaces to look after; empty: all, which takes a cluster-wide role.
    pub namespaces: Vec<String>,
    /// Hosts an account may name; empty: any https host.
    pub allowed_hosts: Vec<String>,
    /// Who leads.
    pub lease: LeaseOptions,
    /// Where `/metrics` is served.
    pub metrics: Option<SocketAddr>,
    /// Where `/healthz` and `/readyz` are served.
    pub health: Option<SocketAddr>,
    /// Quiet time after an edit before a pass starts.
    pub debounce: Duration,
    /// Time between polls of the audit log.
    pub audit_poll_interval: Duration,
}

impl Options {
    /// The usual time between polls of the audit log.
    pub const AUDIT_POLL_INTERVAL: Duration =
        Duration::from_secs(AUDIT_POLL_INTERVAL.as_secs().unsigned_abs());
}

/// Why the controller ends.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// No way to the API server.
    #[error(
        "there is no way to a Kubernetes API server: {0}\n  run it in a cluster, or point KUBECONFIG to one"
    )]
    Client(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}\n  choose another address")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Runs with the credentials of the pod, or of the kubeconfig, until `stop` asks.
///
/// # Errors
/// When there is no API server to talk to, or an address cannot be listened on.
pub async fn run_in_cluster(options: Options, cancel: CancellationToken) -> Result<(), ControllerError> {
    let client = Client::try_default().await.map_err(|error| ControllerError::Client(error.to_string()))?;
    // Asked once, so that a wrong address or token ends here with its reason and not in a thousand retries.
    client.apiserver_version().await.map_err(|error| ControllerError::Client(error.to_string()))?;
    run(client, options, cancel).await
}

/// Runs until `stop` asks; then finishes the calls in flight and hands the lease over.
pub async fn run(client: Client, options: Options, cancel: CancellationToken) -> Result<(), ControllerError> {
    let metrics = Arc::new(Metrics::new());
    let watches = watches(&options.namespaces);
    let stores = Arc::new(Mutex::new(Stores::new(watches.clone())));
    let mut tasks = JoinSet::new();
    if let Some(address) = options.metrics {
        serve(&mut tasks, "metrics", address, health::metrics(Arc::clone(&metrics))).await?;
    }
    if let Some(address) = options.health {
        serve(&mut tasks, "health", address, health::router(Arc::clone(&stores))).await?;
    }
    let (edits, mut edited) = mpsc::unbounded_channel();
    for watch in watches {
        tasks.spawn(follow(client.clone(), watch, Arc::clone(&stores), edits.clone()));
    }
    let mut candidate = Candidate::new(client.clone(), options.lease.clone());
    let connector =
        Connector::new(client.clone(), options.allowed_hosts.clone(), &options.lease, Arc::clone(&metrics));
    let publisher = Publisher::new(client.clone(), &options.lease.identity, Arc::clone(&metrics));
    let shared = Arc::new(Shared {
        client,
        stores: Arc::clone(&stores),
        connector,
        publisher: Arc::new(publisher),
        metrics: Arc::clone(&metrics),
        lease_term: candidate.lease_term().clone(),
        debounce: options.debounce,
        audit_poll_interval: SignedDuration::try_from(options.audit_poll_interval)
            .unwrap_or(AUDIT_POLL_INTERVAL),
    });
    let mut pool = WorkerPool::new(Arc::clone(&shared));
    let mut renew = tokio::time::interval(options.lease.renew_every);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            _ = renew.tick() => {
                campaign(&mut candidate, &shared).await;
                let leads = leads(&shared.lease_term);
                if leads {
                    metrics.leads();
                    if has_more(&mut edited) {
                        pool.wake();
                    }
                    pool.ensure_workers();
                } else {
                    pool.shut_down().await;
                    metrics.stands_by();
                }
            }
            Some(()) = edited.recv() => {
                has_more(&mut edited);
                if leads(&shared.lease_term) {
                    // Whoever starts now sees this edit anyway, and needs no second pass for it.
                    pool.wake();
                    pool.ensure_workers();
                }
            }
        }
    }
    pool.shut_down().await;
    if let Err(error) = candidate.release(&shared.connector.hand_on()).await {
        tracing::warn!(%error, "the lease could not be handed over; it ends by itself");
    }
    metrics.stands_by();
    tasks.shutdown().await;
    Ok(())
}

/// Takes the edits that have come meanwhile.
fn has_more(edited: &mut mpsc::UnboundedReceiver<()>) -> bool {
    std::iter::from_fn(|| edited.try_recv().ok()).count() > 0
}

fn leads(lease_term: &LeaseTerm) -> bool {
    lease_term.ends_at() > Timestamp::now()
}

async fn campaign(candidate: &mut Candidate, shared: &Shared) {
    match candidate.campaign(&shared.connector.hand_on()).await {
        Ok(Some(handed_over)) => {
            tracing::info!("the lease is ours");
            shared.connector.inherit(&handed_over);
        }
        Ok(None) => {}
        // Somebody else was faster, or the API server is away: the tenure ends by itself.
        Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
    }
}

fn watches(namespaces: &[String]) -> Vec<Watch> {
    let places: Vec<Option<Arc<str>>> = if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().map(|namespace| Some(Arc::from(namespace.as_str()))).collect()
    };
    let all = places
        .iter()
        .flat_map(|namespace| Watched::all().map(|watched| Watch { namespace: namespace.clone(), watched }));
    all.collect()
}

/// Follows one kind in one place, for as long as the process lives.
async fn follow(client: Client, watch: Watch, stores: Arc<Mutex<Stores>>, edits: mpsc::UnboundedSender<()>) {
    let resource = watch.watched.resource();
    let api: Api<DynamicObject> = match &watch.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let lock = || stores.lock().unwrap_or_else(PoisonError::into_inner);
    let mut pauses = watcher::DefaultBackoff::default();
    loop {
        // An API server that gets a new definition may forget a watch without ending it: a minute later it is resumed.
        let events = watcher(api.clone(), watcher::Config::default().timeout(60));
        let failed = events.try_for_each(|event| {
            // Told before anybody else can look: who has seen it has been told.
            let mut stores = lock();
            if stores.take(&watch, event) {
                let _ = edits.send(());
            }
            drop(stores);
            futures::future::ready(Ok(()))
        });
        // Until it fails, a watch has no end. After that it begins anew with a listing: only that shows that nothing was
        // missed, and that what is in the store is the whole again.
        if let Err(error) = failed.await {
            tracing::warn!(kind = watch.watched.name(), namespace = watch.namespace.as_deref(), %error, "a watch failed and is tried again");
            lock().fail(&watch, brief(&error));
            let _ = edits.send(());
        }
        tokio::time::sleep(pauses.next().unwrap_or(RELIST)).await;
    }
}

/// The pause before a watch begins anew, where the usual ones have come to an end.
const RELIST: Duration = Duration::from_secs(30);

fn brief(error: &watcher::Error) -> String {
    crate::controller::pass::object_status::one_line(&error.to_string()).chars().take(300).collect()
}

async fn serve(
    tasks: &mut JoinSet<()>,
    what: &'static str,
    address: SocketAddr,
    router: axum::Router,
) -> Result<(), ControllerError> {
    let failed = |source| ControllerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    if let Ok(bound) = listener.local_addr() {
        tracing::info!(what, %bound, "listening");
    }
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a listener ended");
        }
    });
    Ok(())
}

/// The workers, while we lead.
struct WorkerPool {
    shared: Arc<Shared>,
    workers: HashMap<ObjectRef, WorkerHandle>,
    /// Looks after the objects that have no account.
    unassigned: Option<WorkerHandle>,
}

struct WorkerHandle {
    task: JoinHandle<()>,
    wake: Arc<Notify>,
    cancel: CancellationToken,
}

impl WorkerHandle {
    fn start<F: Future<Output = ()> + Send + 'static>(
        work: impl FnOnce(Arc<Notify>, CancellationToken) -> F,
    ) -> Self {
        let (wake, cancel) = (Arc::new(Notify::new()), CancellationToken::new());
        Self { task: tokio::spawn(work(Arc::clone(&wake), cancel.clone())), wake, cancel }
    }
}

impl WorkerPool {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, workers: HashMap::new(), unassigned: None }
    }

    /// One worker for each account there is, once everything has been listed.
    fn ensure_workers(&mut self) {
        let accounts: Vec<ObjectRef> = {
            let stores = self.shared.stores.lock().unwrap_or_else(PoisonError::into_inner);
            if !stores.is_listed() {
                return;
            }
            stores.accounts().map(|account| account.meta.object.clone()).collect()
        };
        self.workers.retain(|_, worker| !worker.task.is_finished());
        for account in accounts {
            let shared = &self.shared;
            self.workers.entry(account.clone()).or_insert_with(|| {
                WorkerHandle::start(|wake, cancel| run_worker(Arc::clone(shared), account, wake, cancel))
            });
        }
        let shared = &self.shared;
        self.unassigned.get_or_insert_with(|| {
            WorkerHandle::start(|wake, cancel| watch_unassigned(Arc::clone(shared), wake, cancel))
        });
    }

    fn wake(&self) {
        self.workers.values().chain(&self.unassigned).for_each(|worker| worker.wake.notify_one());
    }

    /// Ends all workers after the call in flight.
    async fn shut_down(&mut self) {
        let mut workers: Vec<WorkerHandle> = std::mem::take(&mut self.workers).into_values().collect();
        workers.extend(self.unassigned.take());
        for worker in &workers {
            worker.cancel.cancel();
        }
        for worker in workers {
            // A worker that panicked has said so already.
            let _ = worker.task.await;
        }
    }
}
