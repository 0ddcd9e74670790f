//! Does the account look as the plan saw it, and does it look as the plan wants it?

use crate::facts::{Holder, Key, Listing, Value, World};
use crate::plan::Change;

/// What a fresh read says about a change that is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    /// As the plan saw it.
    Holds,
    /// Already as the plan wants it.
    Satisfied,
    /// Neither; this is what is there.
    Broken(String),
    /// The read does not say.
    NotObserved(String),
}

/// Compares a change with a fresh read of its subject.
pub(super) fn precondition(change: &Change, observed: &World) -> Precondition {
    if let Err(why) = require_observed(change, observed) {
        return Precondition::NotObserved(why);
    }
    let seen = observed.get(&change.key);
    if !change.key.family().is_write_only() && is_as_wanted(change, seen) {
        return Precondition::Satisfied;
    }
    if same(change.before.as_ref(), seen) {
        return Precondition::Holds;
    }
    Precondition::Broken(seen.map_or_else(|| "no longer there".to_owned(), ToString::to_string))
}

/// Whether the change has come about. `None`: the read does not say.
pub(super) fn has_taken_effect(change: &Change, observed: &World) -> Option<bool> {
    require_observed(change, observed).ok()?;
    Some(is_as_wanted(change, observed.get(&change.key)))
}

fn is_as_wanted(change: &Change, seen: Option<&Value>) -> bool {
    match (&change.after, seen) {
        (Some(after), Some(seen)) => seen.satisfies(after),
        (Some(_), None) => false,
        // Held through a group is all that is left of a role that was taken away.
        (None, seen) => matches!(seen, None | Some(Value::Inherited(_))),
    }
}

/// How far a membership has come (invited, joined) does not make a plan stale.
fn same(before: Option<&Value>, seen: Option<&Value>) -> bool {
    match (before, seen) {
        (Some(Value::Member(_)), Some(Value::Member(_))) => true,
        (before, seen) => before == seen,
    }
}

/// `Err` says what is missing for the read to cover the subject. A person must have been answered for; a role exported;
/// a role held by a group is read from its members, who were looked up in its place.
fn require_observed(change: &Change, observed: &World) -> Result<(), String> {
    let coverage = &observed.coverage;
    match &change.key {
        Key::RoleDefinition(role_type, _) => coverage.requires(Listing::roles(*role_type)),
        Key::AdminRole(Holder::Group(group), _) | Key::BotRole(Holder::Group(group), _, _) => {
            if coverage.unread_groups.contains(group) {
                return Err(format!("no answer about a member of group {group} shows what comes through it"));
            }
            let has_member =
                observed.facts().iter().any(|(key, _)| matches!(key, Key::InGroup(_, of) if of == group));
            if has_member { Ok(()) } else { Err(format!("no member of group {group} could be looked up")) }
        }
        key => {
            let Some(email) = key.email() else { return Ok(()) };
            if observed.get(&Key::Member(email.clone())).is_none() {
                return if coverage.not_found.contains(email) {
                    Ok(())
                } else {
                    Err(format!("the account did not answer about {email}"))
                };
            }
            // Whoever is removed may be a Master Admin: their roles decide whether they may go.
            if matches!(key, Key::Member(_))
                && change.action.is_removal()
                && !coverage.looked_up.get(email).is_some_and(|seen| seen.roles)
            {
                return Err(format!("the account did not answer about the roles of {email}"));
            }
            if observed.get(key).is_some() || matches!(key, Key::Member(_)) || key.family().is_write_only() {
                return Ok(());
            }
            observed.proves_absent(key)
        }
    }
}
