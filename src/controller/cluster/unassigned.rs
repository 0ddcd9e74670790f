//! Objects without an account: nobody else would tell them, or let go of them when they are deleted.

use super::worker::Shared;
use crate::controller::pass::ConditionReason;
use crate::controller::pass::conditions::conditions;
use crate::controller::pass::events::PassEvent;
use crate::controller::pass::object_status::Readiness;
use crate::controller::pass::view::{Meta, ObjectRef};
use crate::manifest::kinds::ObjectStatus;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Reports them until it is cancelled.
pub(super) async fn watch_unassigned(shared: Arc<Shared>, wake: Arc<Notify>, cancel: CancellationToken) {
    let mut unassigned = Homeless::default();
    loop {
        unassigned.tell(&shared).await;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = wake.notified() => {}
        }
        // An account and its objects come in one apply: who is without one a moment later really is.
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(shared.debounce) => {}
        }
    }
}

#[derive(Default)]
struct Homeless {
    /// What was last said to each: the store shows it only later.
    told: HashMap<ObjectRef, ObjectStatus>,
    /// Whom we have let go of, by uid.
    released: HashSet<String>,
}

impl Homeless {
    async fn tell(&mut self, shared: &Shared) {
        let (lost, broken) = shared.stores.lock().unwrap_or_else(PoisonError::into_inner).unassigned();
        let is_lost: HashSet<&ObjectRef> = lost
            .iter()
            .map(|(object, _)| &object.meta.object)
            .chain(broken.iter().map(|b| &b.meta.object))
            .collect();
        self.told.retain(|object, _| is_lost.contains(object));
        for (object, why) in &lost {
            let readiness = Readiness::new(ConditionReason::AccountMissing, why);
            self.say(shared, &object.meta, &object.status, &readiness).await;
            let Meta { object, uid, deleted, has_finalizer, .. } = &object.meta;
            if deleted.is_some() && *has_finalizer && self.released.insert(uid.clone()) {
                shared.publisher.tell(object, uid, &PassEvent::released(object, "its account is gone")).await;
                shared.publisher.release(object).await;
            }
        }
        for broken in &broken {
            let readiness = Readiness::new(ConditionReason::Invalid, &broken.why);
            self.say(shared, &broken.meta, &broken.status, &readiness).await;
        }
    }

    async fn say(&mut self, shared: &Shared, meta: &Meta, status: &ObjectStatus, readiness: &Readiness) {
        let before = self.told.get(&meta.object).unwrap_or(status);
        let conditions = conditions(readiness, meta.generation, &before.conditions, Timestamp::now());
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        if *before != status {
            shared.publisher.status(&meta.object, &status).await;
            self.told.insert(meta.object.clone(), status);
        }
    }
}
