//! One worker for each account, while this replica leads.

use super::unassigned::watch_unassigned;
use super::worker::{Shared, run_worker};
use crate::controller::pass::ObjectRef;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The running workers.
pub(super) struct WorkerPool {
    shared: Arc<Shared>,
    workers: HashMap<ObjectRef, WorkerHandle>,
    /// Reports on the objects without an account.
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
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, workers: HashMap::new(), unassigned: None }
    }

    /// Starts the workers that are missing, once every watch has listed its objects.
    pub(super) fn ensure_workers(&mut self) {
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

    /// Tells all workers that something was edited.
    pub(super) fn wake(&self) {
        self.workers.values().chain(&self.unassigned).for_each(|worker| worker.wake.notify_one());
    }

    /// Ends all workers after the call in flight.
    pub(super) async fn shut_down(&mut self) {
        let mut workers: Vec<WorkerHandle> = std::mem::take(&mut self.workers).into_values().collect();
        workers.extend(self.unassigned.take());
        for worker in &workers {
            worker.cancel.cancel();
        }
        for worker in workers {
            // The panic of a worker has been logged already.
            let _ = worker.task.await;
        }
    }
}
