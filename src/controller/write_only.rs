//! Fields that the platform takes and never shows: sent when a person is created, and later once for each new value. What
//! was sent last is remembered as a digest, in the status of the `KoreUser`. Pure.

use super::view::{Declared, View};
use crate::apply::{Fate, Outcome};
use crate::facts::Key;
use crate::manifest::kinds::{KoreUserSpec, Spec};
use crate::plan::{Plan, Rewrite};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// What is to be sent again: the fields of everyone whose spec says something else than what was sent.
pub(super) fn rewrite(view: &View) -> Rewrite {
    let keys = view.objects.iter().flat_map(|object| match &object.spec {
        Spec::User(user) if digest(user).is_some_and(|digest| object.status.sent != Some(digest)) => {
            keys(user)
        }
        _ => Vec::new(),
    });
    Rewrite::Of(keys.collect())
}

/// What was sent, now: the spec's digest when all of it has arrived, else what is known from before.
pub(super) fn sent(object: &Declared, plan: &Plan, outcome: Option<&Outcome>) -> Option<String> {
    let Spec::User(user) = &object.spec else { return None };
    let known = object.status.sent.clone();
    let keys: BTreeSet<Key> = keys(user).into_iter().collect();
    let fates: Vec<Option<&Fate>> = plan
        .changes
        .iter()
        .filter(|change| keys.contains(&change.key))
        .map(|change| outcome.and_then(|outcome| outcome.fates.get(&change.id)))
        .collect();
    let has_arrived = !fates.is_empty() && fates.iter().all(|fate| fate.is_some_and(Fate::is_good));
    if has_arrived { digest(user).or(known) } else { known }
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
