//! Follows the watches of our kinds, and keeps their objects in [`Stores`].

use super::decode::Watched;
use super::store::{Stores, Watch};
use crate::controller::pass::one_line;
use futures::TryStreamExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, Client};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// The pause before a watch begins anew, after the usual ones have come to an end.
const RELIST: Duration = Duration::from_secs(30);

/// Every kind in each of these namespaces; in all of them when there are none.
pub(super) fn watches(namespaces: &[String]) -> Vec<Watch> {
    let namespaces: Vec<Option<Arc<str>>> = if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().map(|namespace| Some(Arc::from(namespace.as_str()))).collect()
    };
    let all = namespaces
        .iter()
        .flat_map(|namespace| Watched::all().map(|watched| Watch { namespace: namespace.clone(), watched }));
    all.collect()
}

/// Follows one watch for as long as the process lives. `edits` gets a message for each edit.
pub(super) async fn follow(
    client: Client,
    watch: Watch,
    stores: Arc<Mutex<Stores>>,
    edits: mpsc::UnboundedSender<()>,
) {
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
            // Sent under the lock, so that the message is there before anything can read the edit from the stores.
            let mut stores = lock();
            if stores.handle(&watch, event) {
                let _ = edits.send(());
            }
            drop(stores);
            futures::future::ready(Ok(()))
        });
        // A watch ends only when it fails. It begins anew with a listing, because only that shows that the objects are
        // complete again.
        if let Err(error) = failed.await {
            tracing::warn!(kind = watch.watched.name(), namespace = watch.namespace.as_deref(), %error, "a watch failed and is tried again");
            // The same failure again is nothing new.
            if lock().fail(&watch, brief(&error)) {
                let _ = edits.send(());
            }
        }
        tokio::time::sleep(pauses.next().unwrap_or(RELIST)).await;
    }
}

fn brief(error: &watcher::Error) -> String {
    one_line(&error.to_string()).chars().take(300).collect()
}
