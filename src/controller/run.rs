//! The controller as a process: watches, leadership, one worker an account, and a graceful end.

use super::connect::Connector;
use super::decode::Watched;
use super::judge::Standing;
use super::lease::{Candidate, LeaseOptions};
use super::metrics::Metrics;
use super::pass::News;
use super::publish::Publisher;
use super::reason::Reason;
use super::store::{Stores, Watch};
use super::view::ObjectRef;
use super::worker::{HINT_EVERY, Shared, look_after};
use super::{conditions, health};
use crate::apply::{Stop, Stopper, stop};
use crate::kore::Tenure;
use crate::manifest::kinds::ObjectStatus;
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kube::api::DynamicObject;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};

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
    pub hint_every: Duration,
}

impl Options {
    /// The usual time between polls of the audit log.
    pub const HINT_EVERY: Duration = Duration::from_secs(HINT_EVERY.as_secs().unsigned_abs());
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
pub async fn run_in_cluster(options: Options, stop: Stop) -> Result<(), ControllerError> {
    let client = Client::try_default().await.map_err(|error| ControllerError::Client(error.to_string()))?;
    // Asked once, so that a wrong address or token ends here with its reason and not in a thousand retries.
    client.apiserver_version().await.map_err(|error| ControllerError::Client(error.to_string()))?;
    run(client, options, stop).await
}

/// Runs until `stop` asks; then finishes the calls in flight and hands the lease over.
pub async fn run(client: Client, options: Options, mut stop_asked: Stop) -> Result<(), ControllerError> {
    let metrics = Arc::new(Metrics::new());
    let watches = watches(&options.namespaces);
    let stores = Arc::new(Mutex::new(Stores::new(watches.clone())));
    let mut tasks = JoinSet::new();
    if let Some(address) = options.metrics {
        serve(&mut tasks, address, health::metrics(Arc::clone(&metrics))).await?;
    }
    if let Some(address) = options.health {
        serve(&mut tasks, address, health::router(Arc::clone(&stores))).await?;
    }
    let (edits, mut edited) = mpsc::unbounded_channel();
    for watch in watches {
        tasks.spawn(follow(client.clone(), watch, Arc::clone(&stores), edits.clone()));
    }
    let mut candidate = Candidate::new(client.clone(), options.lease.clone());
    let connector = Connector::new(
        client.clone(),
        options.allowed_hosts.clone(),
        options.lease.call_timeout,
        Arc::clone(&metrics),
    );
    let shared = Arc::new(Shared {
        stores: Arc::clone(&stores),
        connector,
        publisher: Publisher::new(client, &options.lease.identity, Arc::clone(&metrics)),
        metrics: Arc::clone(&metrics),
        tenure: candidate.tenure().clone(),
        debounce: options.debounce,
        hint_every: SignedDuration::try_from(options.hint_every).unwrap_or(HINT_EVERY),
    });
    let mut team = Team::new(Arc::clone(&shared));
    let mut renew = tokio::time::interval(options.lease.renew_every);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop_asked.asked() => break,
            _ = renew.tick() => {
                campaign(&mut candidate, &shared).await;
                let leads = leads(&shared.tenure);
                metrics.leads(leads);
                if leads { team.staff().await } else { team.dismiss().await }
            }
            Some(()) = edited.recv() => {
                while edited.try_recv().is_ok() {}
                if leads(&shared.tenure) {
                    team.staff().await;
                    team.wake();
                }
            }
        }
    }
    team.dismiss().await;
    if let Err(error) = candidate.release(&shared.connector.hand_on()).await {
        tracing::warn!(%error, "the lease could not be handed over; it ends by itself");
    }
    metrics.leads(false);
    tasks.shutdown().await;
    Ok(())
}

fn leads(tenure: &Tenure) -> bool {
    tenure.ends_at() > Timestamp::now()
}

async fn campaign(candidate: &mut Candidate, shared: &Shared) {
    match candidate.campaign(&shared.connector.hand_on()).await {
        Ok(Some(left_behind)) => {
            tracing::info!("leading");
            shared.connector.inherit(&left_behind);
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
    let stream = watcher(api, watcher::Config::default());
    let lock = || stores.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = stream
        .inspect_err(|error| {
            tracing::warn!(kind = watch.watched.name(), namespace = watch.namespace.as_deref(), %error, "a watch failed and is tried again");
            lock().fail(&watch, brief(error));
            let _ = edits.send(());
        })
        .default_backoff()
        .try_for_each(|event| {
            if lock().take(&watch, event) {
                let _ = edits.send(());
            }
            futures::future::ready(Ok(()))
        });
    // The stream heals itself and has no end.
    let _ = seen.await;
}

fn brief(error: &watcher::Error) -> String {
    super::judge::one_line(&error.to_string()).chars().take(300).collect()
}

async fn serve(
    tasks: &mut JoinSet<()>,
    address: SocketAddr,
    router: axum::Router,
) -> Result<(), ControllerError> {
    let failed = |source| ControllerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    if let Ok(bound) = listener.local_addr() {
        tracing::info!(%bound, "listening");
    }
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a listener ended");
        }
    });
    Ok(())
}

/// The workers, while we lead.
struct Team {
    shared: Arc<Shared>,
    members: HashMap<ObjectRef, Member>,
    /// What was last said to objects that have no account.
    lost: HashMap<ObjectRef, ObjectStatus>,
}

struct Member {
    task: JoinHandle<()>,
    wake: Arc<Notify>,
    stopper: Stopper,
}

impl Team {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, members: HashMap::new(), lost: HashMap::new() }
    }

    /// One worker for each account there is, once everything has been listed.
    async fn staff(&mut self) {
        let (accounts, lost, broken) = {
            let stores = self.shared.stores.lock().unwrap_or_else(PoisonError::into_inner);
            if !stores.is_listed() {
                return;
            }
            let accounts: Vec<ObjectRef> =
                stores.accounts().map(|account| account.meta.object.clone()).collect();
            let (lost, broken) = stores.homeless();
            (accounts, lost, broken)
        };
        self.members.retain(|_, member| !member.task.is_finished());
        for account in accounts {
            let shared = &self.shared;
            self.members.entry(account.clone()).or_insert_with(|| {
                let (wake, (stopper, stop)) = (Arc::new(Notify::new()), stop());
                let task = tokio::spawn(look_after(Arc::clone(shared), account, Arc::clone(&wake), stop));
                Member { task, wake, stopper }
            });
        }
        for (object, why) in lost {
            let standing = Standing::new(Reason::AccountMissing, why);
            self.tell_lost(&object.meta, &object.status, &standing).await;
            if object.meta.deleted.is_some() && object.meta.has_finalizer {
                let message = "released: its account is gone, so nothing was changed at the platform";
                let news = News {
                    object: None,
                    reason: "Released".to_owned(),
                    message: message.to_owned(),
                    is_warning: true,
                };
                self.shared.publisher.tell(&object.meta.object, &object.meta.uid, &news).await;
                self.shared.publisher.finalizer(&object.meta.object, &object.meta.uid, false).await;
            }
        }
        for broken in broken {
            let standing = Standing::new(Reason::Invalid, broken.why.clone());
            self.tell_lost(&broken.meta, &broken.status, &standing).await;
        }
    }

    async fn tell_lost(&mut self, meta: &super::view::Meta, status: &ObjectStatus, standing: &Standing) {
        let before = self.lost.get(&meta.object).unwrap_or(status);
        let conditions =
            conditions::conditions(standing, meta.generation, &before.conditions, Timestamp::now());
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        if *before != status {
            self.shared.publisher.status(&meta.object, &status).await;
            self.lost.insert(meta.object.clone(), status);
        }
    }

    fn wake(&self) {
        self.members.values().for_each(|member| member.wake.notify_one());
    }

    /// Ends all workers after the call in flight.
    async fn dismiss(&mut self) {
        let members = std::mem::take(&mut self.members);
        for member in members.values() {
            member.stopper.stop();
        }
        for (_, member) in members {
            // A worker that panicked has said so already.
            let _ = member.task.await;
        }
    }
}
