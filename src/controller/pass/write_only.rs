//! Fields that the platform takes and never shows. They are sent when a person is created, and later once for each new
//! value: the status of the `KoreUser` has a digest of what was sent last. Pure.

use super::view::{Declared, View};
use crate::apply::Outcome;
use crate::facts::Key;
use crate::manifest::kinds::{KoreUserSpec, Spec};
use crate::plan::{Plan, Rewrite};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What is sent again: the fields of everyone whose spec differs from what was sent.
pub(super) fn rewrite(view: &View) -> Rewrite {
    let keys = view.objects().flat_map(|object| match &object.spec {
        Spec::User(user) if digest(user).is_some_and(|digest| object.status.sent != Some(digest)) => {
            keys(user)
        }
        Spec::User(_)
        | Spec::Account(_)
        | Spec::Team(_)
        | Spec::GroupMembership(_)
        | Spec::Role(_)
        | Spec::RoleBinding(_)
        | Spec::BotAssignment(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => Vec::new(),
    });
    Rewrite::Of(keys.collect())
}

/// The fields that a plan sends, and whether they have arrived.
pub(super) fn arrived<'p>(plan: &'p Plan, outcome: Option<&Outcome>) -> BTreeMap<&'p Key, bool> {
    let sent = plan.changes.iter().filter(|change| change.key.family().is_write_only());
    sent.map(|change| (&change.key, outcome.is_some_and(|outcome| outcome.is_good(&change.id)))).collect()
}

/// The digest of what was sent: the spec's when all of it has arrived, else the one in the status.
pub(super) fn sent(object: &Declared, arrived: &BTreeMap<&Key, bool>) -> Option<String> {
    let Spec::User(user) = &object.spec else { return None };
    let before = object.status.sent.clone();
    let fields: Vec<bool> = keys(user).iter().filter_map(|key| arrived.get(key).copied()).collect();
    let has_arrived = !fields.is_empty() && fields.into_iter().all(|has_arrived| has_arrived);
    if has_arrived { digest(user).or(before) } else { before }
}

fn keys(user: &KoreUserSpec) -> Vec<Key> {
    let profile = user.profile.is_some().then(|| Key::Profile(user.email.clone()));
    let tables = user.data_tables.is_some().then(|| Key::DataTables(user.email.clone()));
    profile.into_iter().chain(tables).collect()
}

/// `None` when the spec has no such fields.
fn digest(user: &KoreUserSpec) -> Option<String> {
    if user.profile.is_none() && user.data_tables.is_none() {
        return None;
    }
    let fields = serde_json::to_vec(&(&user.profile, user.data_tables)).ok()?;
    let mut digest = hex::encode(Sha256::digest(fields));
    digest.truncate(16);
    Some(digest)
}
