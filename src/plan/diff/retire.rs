//! What the manifests asked for once and do not ask for any more.

use super::super::memory::{RememberedFact, WhyUndeclared, is_named_only};
use super::super::model::{Action, Entry, Reason};
use super::super::resolve::Wanted;
use super::{Comparison, entry};
use crate::facts::{
    BuilderAccess, DeletionPolicy, Family, Key, Level, PermissionName, Retirement, RoleName, RoleSpec,
    RoleType, Source, Value, Verdict, World, of_family,
};

impl Comparison<'_> {
    /// Takes back a fact that is remembered, observed and not declared, or says why not.
    pub(super) fn retire(&mut self, key: &Key, seen: &Value, fact: &RememberedFact) {
        if fact.is_gone(key, self.observed) {
            return;
        }
        match self.wanted.undeclared_reasons.why(key, fact) {
            // The condition of its object tells that it is paused. An entry says which name means nothing.
            WhyUndeclared::Paused | WhyUndeclared::Unresolved => {}
            WhyUndeclared::Incomplete(_) | WhyUndeclared::Newer(_) | WhyUndeclared::NotLoaded(_)
                if is_named_only(key.family()) => {}
            WhyUndeclared::Incomplete(why) => self.hold_retiring(key, &why, fact),
            WhyUndeclared::Newer(commit) => {
                let commit = commit.get(..12).unwrap_or(&commit);
                let message = format!(
                    "{} was declared by commit {commit}, which is newer than this branch",
                    self.describe(key)
                );
                let next_step = "nothing to do here; merge or rebase to see what becomes of it";
                let waiting =
                    entry(Reason::NewerThanBranch, vec![key.clone()], message, next_step, &fact.sources);
                self.difference.waiting.push(waiting);
            }
            WhyUndeclared::NotLoaded(place) => {
                let message = format!("what {place} declares is kept, because it is not loaded");
                let next_step = "load that file as well; or take back what it gave, with --complete";
                let blocked = || entry(Reason::NotLoaded, Vec::new(), message, next_step, &[]);
                self.blocked.hold_pruning("not loaded", &place, key, blocked);
            }
            // Of a person, whether they go is a question of its own.
            WhyUndeclared::Released { until } if !matches!(key, Key::Member(_)) => {
                let is_orphaned = fact.objects.iter().any(|object| object.is_orphaned);
                let how = if is_orphaned { "koreconcile.dev/orphan" } else { "deletionPolicy: Retain" };
                let ends = until.map_or_else(String::new, |until| format!("; it ends at {until}"));
                self.report_unmanaged(key, &format!("its object was deleted with {how}{ends}"));
            }
            WhyUndeclared::Released { .. } | WhyUndeclared::Dropped => self.take_back(key, seen, fact),
        }
    }

    fn take_back(&mut self, key: &Key, seen: &Value, fact: &RememberedFact) {
        let retired = self.policy.ownership.retired;
        let since = no_longer_declared(self.wanted, fact);
        match key {
            Key::Member(email) => {
                let is_asked_for = fact
                    .objects
                    .iter()
                    .any(|object| object.deletion_policy == DeletionPolicy::Remove && !object.is_orphaned);
                if retired.people == Retirement::Remove || is_asked_for {
                    self.remove_member(email, seen, Action::Retire, &fact.sources);
                } else {
                    let why = format!("{since}; people are kept unless ownership.retired.people is Remove");
                    self.report_unmanaged(key, &why);
                }
            }
            Key::Names(_) | Key::Profile(_) | Key::DataTables(_) => {
                self.report_unmanaged(key, &format!("{since}; it is left as it is"));
            }
            Key::RoleDefinition(..) => {
                self.report_unmanaged(key, &format!("{since}; the role keeps its permissions"));
            }
            _ if retired.grants == Retirement::Report => self.report_unmanaged(key, &since),
            Key::BotRole(_, role, _) if role.is_bot_owner() => {}
            _ if self.is_ambiguous(key) => self.report_unmanaged(key, "several roles have that name"),
            Key::Assigned(email, _) if self.has_other_tasks(email) => {
                self.leave_assignments(email, key, &fact.sources);
            }
            Key::Assigned(email, _) if self.is_pending(email) => {
                self.wait_to_take_away(email, key, &fact.sources);
            }
            Key::Access(_) => {
                let none = Value::Access(BuilderAccess::None);
                self.push(key, Action::Retire, Some(seen), Some(&none), &fact.sources);
            }
            Key::InGroup(..) | Key::AdminRole(..) | Key::BotRole(..) | Key::Assigned(..) => {
                self.push(key, Action::Retire, Some(seen), None, &fact.sources);
            }
        }
    }

    /// A fact that travels with an invitation, and that nobody asks for any more.
    pub(super) fn watch_invitation(&mut self, key: &Key, fact: &RememberedFact) {
        let Some(email) = key.email().filter(|email| self.is_pending(email)) else { return };
        let is_dropped = self.wanted.undeclared_reasons.why(key, fact) == WhyUndeclared::Dropped;
        if !is_dropped || is_named_only(key.family()) || matches!(key, Key::Member(_)) {
            return;
        }
        let message = format!(
            "{} was asked for when {email} was invited, and is not declared any more: it is taken back if it \
             shows when they have accepted",
            self.describe(key)
        );
        let waiting =
            entry(Reason::WaitingForAcceptance, vec![key.clone()], message, "nothing to do", &fact.sources);
        self.difference.waiting.push(waiting);
    }

    fn hold_retiring(&mut self, key: &Key, why: &str, fact: &RememberedFact) {
        let message =
            format!("what is not declared any more is kept, because the manifests are incomplete: {why}");
        let next_step = "correct or load what is missing, then run again";
        let sources: &[Source] = &fact.sources;
        let held = || entry(Reason::ScopeNotProved, Vec::new(), message, next_step, sources);
        self.blocked.hold_pruning("what is not declared any more", why, key, held);
    }
}

/// `no longer declared since 2026-11-30 (commit 1a2b3c), was people.yaml:7`
fn no_longer_declared(wanted: &Wanted, fact: &RememberedFact) -> String {
    let since = fact.dropped.as_ref().unwrap_or(&wanted.undeclared_reasons.declaration().revision);
    match fact.sources.first() {
        Some(source) => format!("no longer declared since {since}, was {source}"),
        None => format!("no longer declared since {since}"),
    }
}

/// Permissions that a declared role does not list any more go back to NO; on a built-in role that is a manual step.
pub(in crate::plan) fn retire_permissions(
    wanted: &mut Wanted,
    recalled: &[(Key, RememberedFact)],
    observed: &World,
) -> Vec<Entry> {
    let mut manual = Vec::new();
    for (key, fact) in of_family(recalled, Family::RoleDefinitions) {
        let (Key::RoleDefinition(role_type, role), Some(Value::Role(seen))) = (key, observed.get(key)) else {
            continue;
        };
        if wanted.undeclared_reasons.why(key, fact) != WhyUndeclared::Dropped {
            continue;
        }
        let Ok(at) = wanted.wants.binary_search_by(|(candidate, _)| candidate.cmp(key)) else { continue };
        let want = &mut wanted.wants[at].1;
        let Verdict::Present(Value::Role(spec)) = &mut want.verdict else { continue };
        let dropped: Vec<PermissionName> = fact
            .granted_permissions(seen)
            .filter(|name| !spec.permissions.contains_key(*name))
            .cloned()
            .collect();
        if dropped.is_empty() {
            continue;
        }
        if role.is_built_in(*role_type) {
            manual.push(built_in(*role_type, role, key, &dropped, seen, &want.sources));
        } else {
            spec.permissions.extend(dropped.into_iter().map(|name| (name, Level::new(Level::NO))));
        }
    }
    manual
}

fn built_in(
    role_type: RoleType,
    role: &RoleName,
    key: &Key,
    dropped: &[PermissionName],
    seen: &RoleSpec,
    sources: &[Source],
) -> Entry {
    let levels: Vec<String> = dropped
        .iter()
        .filter_map(|name| seen.permissions.get(name).map(|level| format!("{name}: {level}")))
        .collect();
    let message = format!(
        "the built-in {} role {role} has permissions that are not declared any more: {}",
        role_type.as_str(),
        levels.join(", ")
    );
    let next_step = "set them back in the console (User Management > Role Management), or declare them again";
    entry(Reason::BuiltInRole, vec![key.clone()], message, next_step, sources)
}
