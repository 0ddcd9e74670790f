//! Lists that are authoritative for the first time: the holders that they would remove wait for an
//! approval. Which lists have had it is part of the memory.

use super::Context;
use super::model::{Action, Change, ChangeId, Entry, Plan, Reason};
use super::resolve::Wanted;
use crate::facts::{self, Closure, Completeness, Listing, Scope, ScopeExtent, World};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One entry a list that no run has pruned yet, with the removals that wait.
pub(super) fn proposals(
    changes: &[Change],
    scopes: &HashMap<ScopeExtent, Scope>,
    observed: &World,
    context: &Context,
) -> Vec<Entry> {
    if context.limits.take_over {
        return Vec::new();
    }
    let is_acknowledged =
        |change: &Change| context.day.as_ref().is_some_and(|day| day.acknowledged.contains(&change.id));
    let mut by_list: BTreeMap<ScopeExtent, Vec<&Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.action == Action::Prune && !is_acknowledged(change)) {
        if let Some(extent) = ScopeExtent::holding(&change.key)
            && scopes.contains_key(&extent)
            && !context.memory.lists.contains(&extent)
        {
            by_list.entry(extent).or_default().push(change);
        }
    }
    by_list
        .into_iter()
        .map(|(extent, changes)| proposal(&extent, &changes, scopes, observed, context))
        .collect()
}

fn proposal(
    extent: &ScopeExtent,
    changes: &[&Change],
    scopes: &HashMap<ScopeExtent, Scope>,
    observed: &World,
    context: &Context,
) -> Entry {
    let list = extent.in_words(|bot| observed.directory.bot_label(bot).to_owned());
    let holders = facts::count(changes.len(), "undeclared holder");
    let next_step = match context.day {
        None => "if they are to go: answer yes when apply asks, or run it with --take-over".to_owned(),
        Some(_) => {
            "if they are to go: acknowledge them in a KorePlanApproval, by digest or by ids".to_owned()
        }
    };
    Entry {
        subjects: changes.iter().map(|change| change.key.clone()).collect(),
        subject: list.clone(),
        reason: Reason::ListProposed,
        message: format!("{list} is authoritative for the first time, and would remove {holders}"),
        next_step,
        sources: scopes.get(extent).map(|scope| scope.sources.clone()).unwrap_or_default(),
        changes: changes.iter().map(|change| change.id.clone()).collect(),
    }
}

/// The lists to remember: those that are authoritative and read completely, and of those that were, the ones that
/// cannot be judged now. What a plan still proposes is left out by [`without_proposed`].
pub(super) fn lists(
    wanted: &Wanted,
    observed: &World,
    before: &BTreeSet<ScopeExtent>,
) -> BTreeSet<ScopeExtent> {
    let is_complete = wanted.completeness == Completeness::Complete;
    let stays = |extent: &&ScopeExtent| match wanted.scopes.get(extent) {
        Some(scope) => scope.closure != Closure::Additive,
        None => !is_complete,
    };
    let everybody = everybody_is_looked_up(observed);
    let is_read = |extent: &ScopeExtent| match extent {
        ScopeExtent::AdminRole(_) => observed.coverage.requires(Listing::AdminRoles).is_ok(),
        ScopeExtent::BotRole(..) => observed.coverage.requires(Listing::BotRoles).is_ok(),
        ScopeExtent::Group(_) => observed.coverage.requires(Listing::Groups).is_ok(),
        ScopeExtent::Assignments(_) => everybody,
    };
    let is_listed = is_complete && observed.coverage.requires(Listing::Users).is_ok();
    let closed = wanted.scopes.values().filter(|scope| is_listed && scope.closure == Closure::Closed);
    let read = closed.map(|scope| &scope.extent).filter(|extent| is_read(extent));
    before.iter().filter(stays).chain(read).cloned().collect()
}

/// The lists without those that a plan still proposes.
pub(super) fn without_proposed(lists: BTreeSet<ScopeExtent>, plan: &Plan) -> BTreeSet<ScopeExtent> {
    let proposed: BTreeSet<ScopeExtent> =
        proposed(plan).filter_map(|change| ScopeExtent::holding(&change.key)).collect();
    lists.into_iter().filter(|extent| !proposed.contains(extent)).collect()
}

/// The removals that wait for an approval.
pub(super) fn proposed(plan: &Plan) -> impl Iterator<Item = &Change> {
    let entries = plan.waiting.iter().filter(|entry| entry.reason == Reason::ListProposed);
    let ids: BTreeSet<&ChangeId> = entries.flat_map(|entry| &entry.changes).collect();
    plan.changes.iter().filter(move |change| ids.contains(&change.id))
}

fn everybody_is_looked_up(observed: &World) -> bool {
    let looked_up = &observed.coverage.looked_up;
    observed.directory.users.keys().all(|email| looked_up.get(email).is_some_and(|seen| seen.assignments))
}
