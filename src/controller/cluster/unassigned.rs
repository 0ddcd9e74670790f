//! Objects without an account. No pass reports on them, or takes the finalizer of an earlier version off; this does.

use super::worker::Shared;
use crate::controller::pass::{ConditionReason, Meta, ObjectRef, Readiness, conditions};
use crate::manifest::kinds::ObjectStatus;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Reports on them after each wake, until it is cancelled.
pub(super) async fn watch_unassigned(shared: Arc<Shared>, wake: Arc<Notify>, cancel: CancellationToken) {
    let mut unassigned = UnassignedObjects::default();
    loop {
        unassigned.report_all(&shared).await;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = wake.notified() => {}
        }
        // An account and its objects may come in one apply, so an object gets a moment to find its account.
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(shared.debounce) => {}
        }
    }
}

#[derive(Default)]
struct UnassignedObjects {
    /// The last status written to each: the cache has it only later.
    reported: HashMap<ObjectRef, ObjectStatus>,
    /// The uids of those whose finalizer was taken off.
    released: HashSet<String>,
}

impl UnassignedObjects {
    async fn report_all(&mut self, shared: &Shared) {
        let (unassigned, broken) = shared.stores.lock().unwrap_or_else(PoisonError::into_inner).unassigned();
        let present: HashSet<&ObjectRef> = unassigned
            .iter()
            .map(|(object, _)| &object.meta.object)
            .chain(broken.iter().map(|broken| &broken.meta.object))
            .collect();
        self.reported.retain(|object, _| present.contains(object));
        for (object, why) in &unassigned {
            let readiness = Readiness::new(ConditionReason::AccountMissing, why);
            self.report(shared, &object.meta, &object.status, &readiness).await;
            let Meta { object, uid, has_finalizer, .. } = &object.meta;
            if *has_finalizer && self.released.insert(uid.clone()) {
                shared.publisher.remove_finalizer(object).await;
            }
        }
        for broken in &broken {
            let readiness = Readiness::new(ConditionReason::Invalid, &broken.why);
            self.report(shared, &broken.meta, &broken.status, &readiness).await;
        }
    }

    async fn report(&mut self, shared: &Shared, meta: &Meta, status: &ObjectStatus, readiness: &Readiness) {
        let before = self.reported.get(&meta.object).unwrap_or(status);
        let conditions = conditions(readiness, meta.generation, &before.conditions, Timestamp::now());
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        if *before != status {
            shared.publisher.write_object_status(&meta.object, &status).await;
            self.reported.insert(meta.object.clone(), status);
        }
    }
}
