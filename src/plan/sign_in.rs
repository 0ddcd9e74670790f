//! What the next sign-in by single sign-on makes of a plan (kore-api 2.17): exactly which changes it rewrites, and how.

use super::model::{Action, Change, ChangeId, Plan};
use crate::facts::{
    self, AttributeMapping, BuilderAccess, Holder, Key, MappedTarget, SignOn, SyncMode, Value, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a sign-in makes of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignIn {
    /// It is taken away: no attribute gives it, and Full Sync takes whatever none gives.
    TakesAway,
    /// It lasts only if the attributes of the person name it: Full Sync takes all away first.
    KeepsIfNamed,
    /// It may be given again: an attribute gives it.
    MayReturn,
}

impl SignIn {
    /// What a plan says beside the change.
    pub fn words(self) -> &'static str {
        match self {
            Self::TakesAway => "(SSO takes it away at the next sign-in)",
            Self::KeepsIfNamed => "(SSO keeps it only if the attributes name it)",
            Self::MayReturn => "(SSO may give it again at the next sign-in)",
        }
    }
}

/// Marks the changes that a sign-in rewrites, and says what it does and who can come back.
pub fn mark_sign_in(plan: &mut Plan, sign_on: &SignOn, observed: &World) {
    let SignOn { protocol, mapping, lets_anybody_join } = sign_on;
    if let Some(mapping) = mapping {
        let marks: BTreeMap<ChangeId, SignIn> = plan
            .changes
            .iter()
            .filter_map(|change| Some((change.id.clone(), of_change(change, mapping, observed)?)))
            .collect();
        if !marks.is_empty() {
            plan.warnings.push(notice(protocol, mapping.mode, marks.len()));
        }
        plan.sign_in = marks;
    }
    let leaves = |change: &&Change| change.action.is_removal() && matches!(change.key, Key::Member(_));
    let leaving = plan.changes.iter().filter(leaves).count();
    if *lets_anybody_join && leaving > 0 {
        plan.warnings.push(format!(
            "single sign-on ({protocol}) lets whoever the identity provider lets through join the account: {} of this plan \
             can join again; switch on Restrict Auto-Onboarding (Security & Control > Single Sign-On)",
            facts::count(leaving, "removed user")
        ));
    }
}

fn notice(protocol: &str, mode: SyncMode, count: usize) -> String {
    let count = facts::count(count, "change");
    match mode {
        SyncMode::FullSync => format!(
            "single sign-on ({protocol}, Full Sync) takes all groups and admin roles away at each sign-in and gives those that \
             its attributes name: {count} of this plan, marked SSO, may not last; who signs in with a password is spared"
        ),
        SyncMode::InclusionOnly => format!(
            "single sign-on ({protocol}, Inclusion Only) gives what its attributes name at each sign-in: {count} of this plan, \
             marked SSO, may come back"
        ),
    }
}

/// What becomes of one change. Only groups and admin roles of people are taken away, and switches only given.
fn of_change(change: &Change, mapping: &AttributeMapping, observed: &World) -> Option<SignIn> {
    let AttributeMapping { mode, targets } = mapping;
    let directory = &observed.directory;
    let gives = |is: &dyn Fn(&MappedTarget) -> bool| targets.iter().any(is);
    let is_given = match &change.key {
        Key::InGroup(_, group) => gives(
            &|target| matches!(target, MappedTarget::Group(id) if directory.groups.get(id).is_some_and(|entry| entry.name == *group)),
        ),
        Key::AdminRole(Holder::User(_), role) => gives(
            &|target| matches!(target, MappedTarget::AdminRole(id) if directory.roles.get(id).is_some_and(|entry| entry.name == *role)),
        ),
        Key::Access(_) => {
            let is_less = change.before > change.after && gives(&|target| is_switch(target, change));
            return is_less.then_some(SignIn::MayReturn);
        }
        Key::DataTables(_) => {
            let is_off = change.after == Some(Value::DataTables(false));
            let is_given = gives(&|target| is_switch(target, change));
            return (is_off && is_given).then_some(SignIn::MayReturn);
        }
        Key::RoleDefinition(..)
        | Key::Member(_)
        | Key::Names(_)
        | Key::Profile(_)
        | Key::AdminRole(Holder::Group(_), _)
        | Key::BotRole(..)
        | Key::Assigned(..) => return None,
    };
    match (change.action, mode, is_given) {
        (Action::Add | Action::Change, SyncMode::FullSync, true) => Some(SignIn::KeepsIfNamed),
        (Action::Add | Action::Change, SyncMode::FullSync, false) => Some(SignIn::TakesAway),
        (Action::Add | Action::Change, SyncMode::InclusionOnly, _) => None,
        (Action::Remove | Action::Retire | Action::Prune, _, is_given) => {
            is_given.then_some(SignIn::MayReturn)
        }
    }
}

/// Whether a mapped switch is about this access. Only one of their names is documented; another may be about any.
fn is_switch(target: &MappedTarget, change: &Change) -> bool {
    let MappedTarget::Switch(name) = target else { return false };
    match (name.as_str(), &change.key) {
        ("isDeveloper", key) => matches!(key, Key::Access(_)),
        ("canCreateBot", Key::Access(_)) => change.before == Some(Value::Access(BuilderAccess::Creator)),
        ("canCreateBot", _) => false,
        ("hasDataTableAndViewAccess", key) => matches!(key, Key::DataTables(_)),
        _ => true,
    }
}
