//! What is worth an event: what is new about an object or its account. Pure.

use super::conditions::{is_stalled, reason_of};
use super::judge::{Standing, Verdicts, changes};
use super::reason::Reason;
use super::view::{Declared, Meta, ObjectRef, View};
use crate::manifest::kinds::AccountStatus;

/// Something new about an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// The object; `None`: the account.
    pub object: Option<ObjectRef>,
    /// Why.
    pub reason: String,
    /// What.
    pub message: String,
    /// Whether a person has to do something.
    pub is_warning: bool,
}

impl News {
    /// An object is let go of, and nothing is taken away.
    pub(super) fn released(object: &ObjectRef, why: &str) -> Self {
        Self {
            object: Some(object.clone()),
            reason: "Released".to_owned(),
            message: format!("released: {why}, so nothing was changed at the platform"),
            is_warning: true,
        }
    }
}

/// What has changed about objects since their statuses were written.
pub(super) fn of_objects(view: &View, verdicts: &Verdicts) -> Vec<News> {
    let mut news = Vec::new();
    for Declared { meta, spec: _, status } in view.objects() {
        let Standing { reason, message } = verdicts.of(&meta.object);
        if let Some(count) = verdicts.applied().get(&meta.object) {
            news.push(News {
                object: Some(meta.object.clone()),
                reason: "Applied".to_owned(),
                message: format!("{} applied and read back", changes(*count as usize)),
                is_warning: false,
            });
        }
        let before = reason_of(&status.conditions);
        // What is well from the start is worth no event: ten thousand of them would say nothing.
        if before != Some(&reason.to_string()) && (before.is_some() || reason != Reason::UpToDate) {
            let object = Some(meta.object.clone());
            news.push(News { object, reason: reason.to_string(), message, is_warning: is_stalled(reason) });
        }
    }
    news
}

/// What is said about an object that goes without anything being taken away.
pub(super) fn of_letting_go(object: &Declared) -> Option<News> {
    let Meta { deleted, has_finalizer, is_orphaned, .. } = &object.meta;
    (deleted.is_some() && *has_finalizer && *is_orphaned)
        .then(|| News::released(&object.meta.object, "it or its namespace was let go of"))
}

/// Whether the account stands otherwise than it did.
pub(super) fn of_account(view: &View, standing: &Standing, account: &AccountStatus) -> Option<News> {
    let before = reason_of(&view.account.status.conditions);
    let now = reason_of(&account.conditions)?;
    (before != Some(now)).then(|| News {
        object: None,
        reason: now.to_owned(),
        message: standing.message.clone(),
        is_warning: is_stalled(standing.reason),
    })
}
