//! Objects without an account: nobody else would tell them, or let go of them when they are deleted.

use super::conditions::conditions;
use super::judge::Standing;
use super::news::News;
use super::reason::Reason;
use super::view::{Meta, ObjectRef};
use super::worker::Shared;
use crate::apply::Stop;
use crate::manifest::kinds::ObjectStatus;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use tokio::sync::Notify;

/// Looks after them until somebody asks to stop.
pub(super) async fn look_after_homeless(shared: Arc<Shared>, wake: Arc<Notify>, mut stop: Stop) {
    let mut homeless = Homeless::default();
    loop {
        homeless.tell(&shared).await;
        tokio::select! {
            () = stop.asked() => return,
            () = wake.notified() => {}
        }
        // An account and its objects come in one apply: who is without one a moment later really is.
        tokio::select! {
            () = stop.asked() => return,
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
        let (lost, broken) = shared.stores.lock().unwrap_or_else(PoisonError::into_inner).homeless();
        let is_lost: HashSet<&ObjectRef> = lost
            .iter()
            .map(|(object, _)| &object.meta.object)
            .chain(broken.iter().map(|b| &b.meta.object))
            .collect();
        self.told.retain(|object, _| is_lost.contains(object));
        for (object, why) in &lost {
            let standing = Standing::new(Reason::AccountMissing, why);
            self.say(shared, &object.meta, &object.status, &standing).await;
            let Meta { object, uid, deleted, has_finalizer, .. } = &object.meta;
            if deleted.is_some() && *has_finalizer && self.released.insert(uid.clone()) {
                shared.publisher.tell(object, uid, &News::released(object, "its account is gone")).await;
                shared.publisher.release(object).await;
            }
        }
        for broken in &broken {
            let standing = Standing::new(Reason::Invalid, &broken.why);
            self.say(shared, &broken.meta, &broken.status, &standing).await;
        }
    }

    async fn say(&mut self, shared: &Shared, meta: &Meta, status: &ObjectStatus, standing: &Standing) {
        let before = self.told.get(&meta.object).unwrap_or(status);
        let conditions = conditions(standing, meta.generation, &before.conditions, Timestamp::now());
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        if *before != status {
            shared.publisher.status(&meta.object, &status).await;
            self.told.insert(meta.object.clone(), status);
        }
    }
}
