//! The pass of an account that could not be read. Pure.

use super::conditions::conditions;
use super::events::account_event;
use super::housekeeping::finalizers;
use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::schedule::{RETRY, Schedule};
use super::view::{Declared, ObjectRef, View};
use super::{AccountMemory, Housekeeping, Pass, PassExtent, Report};
use crate::manifest::compile;
use crate::manifest::kinds::{AccountStatus, ObjectStatus};
use jiff::Timestamp;

/// The reason goes to the account object, and to objects that have no status for their generation yet. The others keep
/// theirs: a network that is down for a minute must not rewrite ten thousand statuses.
pub(super) fn unread(view: &View, memory: &mut AccountMemory, readiness: &Readiness, now: Timestamp) -> Pass {
    memory.unedited_since(view, now);
    let account = account_status(view, readiness, now);
    let events = account_event(view, readiness, &account).into_iter();
    let interval = compile::duration(&view.account.spec.interval).unwrap_or(RETRY);
    Pass {
        extent: PassExtent::Unread,
        report: Report {
            statuses: new_objects(view, readiness, now).collect(),
            events: events.collect(),
            account,
            ..Report::default()
        },
        housekeeping: Housekeeping { remove_finalizer: finalizers(view), ..Housekeeping::default() },
        schedule: Schedule::new(interval, None, now).retrying(now),
        ..Pass::default()
    }
}

fn account_status(view: &View, readiness: &Readiness, now: Timestamp) -> AccountStatus {
    let meta = &view.account.meta;
    let before = &view.account.status;
    AccountStatus {
        observed_generation: Some(meta.generation),
        conditions: conditions(readiness, meta.generation, &before.conditions, now),
        handled_reconcile_at: meta.reconcile_at.clone(),
        in_flight: None,
        ..before.clone()
    }
}

/// The objects that no pass has reported on since they were edited.
fn new_objects(
    view: &View,
    readiness: &Readiness,
    now: Timestamp,
) -> impl Iterator<Item = (ObjectRef, ObjectStatus)> {
    let readiness = match readiness.reason {
        ConditionReason::Suspended => {
            Readiness::object_suspended(view.account.spec.suspend_reason.as_deref())
        }
        reason => Readiness::new(
            ConditionReason::Progressing,
            format!("the account is not ready ({reason}): {}", readiness.message),
        ),
    };
    let is_new = |object: &&Declared| object.status.observed_generation != Some(object.meta.generation);
    view.live_objects().filter(is_new).map(move |Declared { meta, spec: _, status }| {
        let conditions = conditions(&readiness, meta.generation, &status.conditions, now);
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        (meta.object.clone(), status)
    })
}
