//! The controller as a process: watches, leadership, one worker for each account, and a graceful end.

use super::connect::Connector;
use super::health;
use super::lease::{Candidate, LeaseOptions};
use super::metrics::Metrics;
use super::publish::Publisher;
use super::store::{Stores, Watch};
use super::watch::{follow, watches};
use super::worker::Shared;
use super::worker_pool::WorkerPool;
use crate::controller::pass::AUDIT_POLL_INTERVAL;
use crate::kore::LeaseTerm;
use crate::memory::Seal;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How the controller runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespaces that are watched; empty: all, which takes a cluster-wide role.
    pub namespaces: Vec<String>,
    /// Hosts an account may name; empty: any https host.
    pub allowed_hosts: Vec<String>,
    /// The Lease by which replicas agree on who writes.
    pub lease: LeaseOptions,
    /// Where `/metrics` is served.
    pub metrics: Option<SocketAddr>,
    /// Where `/healthz` and `/readyz` are served.
    pub health: Option<SocketAddr>,
    /// Quiet time after an edit before a pass starts.
    pub debounce: Duration,
    /// Time between polls of the audit log.
    pub audit_poll_interval: Duration,
    /// After a start, what was never declared, and what unseen deletions leave, is taken away only after so long.
    pub quiet_start: Duration,
}

impl Options {
    /// The usual time between polls of the audit log.
    pub const AUDIT_POLL_INTERVAL: Duration =
        Duration::from_secs(AUDIT_POLL_INTERVAL.as_secs().unsigned_abs());
}

/// Why the controller ends.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The API server cannot be reached.
    #[error(
        "there is no way to a Kubernetes API server: {0}\n  run it in a cluster, or point KUBECONFIG to one"
    )]
    Client(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}\n  choose another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Runs with the credentials of the pod, or of the kubeconfig, until it is cancelled.
///
/// # Errors
/// When there is no API server to talk to, or an address cannot be listened on.
pub async fn run_in_cluster(options: Options, cancel: CancellationToken) -> Result<(), ControllerError> {
    let client = Client::try_default().await.map_err(|error| ControllerError::Client(error.to_string()))?;
    // Called once, so that a wrong address or token ends here with its reason and not in a thousand retries.
    client.apiserver_version().await.map_err(|error| ControllerError::Client(error.to_string()))?;
    run(client, options, cancel).await
}

/// Time between looks of a replica that stands by: so long nobody leads after a lease was released.
const STANDBY_EVERY: Duration = Duration::from_secs(1);

/// Runs until it is cancelled; then finishes the calls in flight and releases the lease.
///
/// # Errors
/// When an address cannot be listened on.
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
    let edits = follow_all(&mut tasks, &client, watches, &stores);
    let mut candidate = Candidate::new(client.clone(), options.lease.clone());
    let shared = Arc::new(shared(client, &options, stores, metrics, candidate.lease_term().clone()));
    lead(&mut candidate, &shared, edits, options.lease.renew_every, &cancel).await;
    if let Err(error) = candidate.release(&shared.connector.export_calls()).await {
        tracing::warn!(%error, "the lease could not be handed over; it ends by itself");
    }
    shared.metrics.stands_by();
    tasks.shutdown().await;
    Ok(())
}

fn follow_all(
    tasks: &mut JoinSet<()>,
    client: &Client,
    watches: Vec<Watch>,
    stores: &Arc<Mutex<Stores>>,
) -> mpsc::UnboundedReceiver<()> {
    let (sender, edits) = mpsc::unbounded_channel();
    for watch in watches {
        tasks.spawn(follow(client.clone(), watch, Arc::clone(stores), sender.clone()));
    }
    edits
}

fn shared(
    client: Client,
    options: &Options,
    stores: Arc<Mutex<Stores>>,
    metrics: Arc<Metrics>,
    lease_term: LeaseTerm,
) -> Shared {
    let allowed_hosts = options.allowed_hosts.clone();
    Shared {
        connector: Connector::new(client.clone(), allowed_hosts, &options.lease, Arc::clone(&metrics)),
        publisher: Arc::new(Publisher::new(client.clone(), &options.lease.identity, Arc::clone(&metrics))),
        memory_namespace: options.lease.namespace.clone(),
        seal: Seal::from_environment(),
        client,
        stores,
        metrics,
        lease_term,
        debounce: options.debounce,
        quiet_start: SignedDuration::try_from(options.quiet_start).unwrap_or(SignedDuration::MAX),
        audit_poll_interval: SignedDuration::try_from(options.audit_poll_interval)
            .unwrap_or(AUDIT_POLL_INTERVAL),
    }
}

/// Renews the lease, and keeps the workers running while it is held, until it is cancelled.
async fn lead(
    candidate: &mut Candidate,
    shared: &Arc<Shared>,
    mut edits: mpsc::UnboundedReceiver<()>,
    renew_every: Duration,
    cancel: &CancellationToken,
) {
    let mut pool = WorkerPool::new(Arc::clone(shared));
    let mut next_campaign = Instant::now();
    let (mut was_leading, mut has_failed) = (None, false);
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep_until(next_campaign) => {
                has_failed = !campaign(candidate, shared, has_failed).await;
                let is_leading = leads(&shared.lease_term);
                let pause = if is_leading { renew_every } else { renew_every.min(STANDBY_EVERY) };
                next_campaign = Instant::now() + pause;
                match was_leading.replace(is_leading) {
                    Some(true) if !is_leading => tracing::warn!("the lease is lost: nothing is written any more"),
                    None if !is_leading => tracing::info!("another replica holds the lease: this one stands by"),
                    _ => {}
                }
                if is_leading {
                    shared.metrics.leads();
                    if drain(&mut edits) {
                        pool.wake();
                    }
                    pool.ensure_workers();
                } else {
                    pool.shut_down().await;
                    shared.metrics.stands_by();
                }
            }
            Some(()) = edits.recv() => {
                drain(&mut edits);
                if leads(&shared.lease_term) {
                    // A worker that starts now sees this edit anyway, and needs no second pass for it.
                    pool.wake();
                    pool.ensure_workers();
                }
            }
        }
    }
    pool.shut_down().await;
}

/// Takes the edits that have come meanwhile. True if there were any.
fn drain(edits: &mut mpsc::UnboundedReceiver<()>) -> bool {
    std::iter::from_fn(|| edits.try_recv().ok()).count() > 0
}

fn leads(lease_term: &LeaseTerm) -> bool {
    lease_term.ends_at() > Timestamp::now()
}

/// Takes or renews the lease. False when that failed, which is logged once while it goes on failing.
async fn campaign(candidate: &mut Candidate, shared: &Shared, has_failed: bool) -> bool {
    match candidate.campaign(&shared.connector.export_calls()).await {
        Ok(taken) => {
            if let Some(last_calls) = taken {
                tracing::info!("the lease is ours");
                shared.connector.import_calls(&last_calls);
            }
            true
        }
        // Another replica was faster, or the API server is away: the lease term ends by itself.
        Err(error) if has_failed => {
            tracing::debug!(%error, "the lease could still not be renewed");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the lease could not be renewed; it is tried again until it can");
            false
        }
    }
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
