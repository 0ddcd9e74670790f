//! How violations read.

use super::picture::Picture;
use crate::facts::{RoleSet, RuleOn, Source};

/// `Bot Developer on Banking Assistant`, with the group it is held through.
pub(super) fn grant(picture: &Picture, person: usize, grant: usize) -> String {
    let held = &picture.people[person].grants[grant];
    let role = &picture.roles[held.role].name;
    let through = held.through.as_ref().map(|group| format!(" through group {group}")).unwrap_or_default();
    match held.bot {
        Some(bot) => format!("{role} on {}{through}", picture.bots[bot].label),
        None => format!("{role}{through}"),
    }
}

/// `Bot Developer, Release Manager, permission Publish bot`
pub(super) fn set_of(set: &RoleSet) -> String {
    let names = set.roles.iter().map(ToString::to_string);
    let permissions = set.permissions.iter().map(|name| format!("permission {name}"));
    names.chain(permissions).collect::<Vec<_>>().join(", ")
}

/// `A, B and C`
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// ` on Banking Assistant`, where roles are counted by bot.
pub(super) fn place(picture: &Picture, on: RuleOn, bot: Option<usize>) -> String {
    match (on, bot) {
        (RuleOn::SameBot, Some(bot)) => format!(" on {}", picture.bots[bot].label),
        _ => String::new(),
    }
}

/// `policies.yaml:3`
pub(super) fn line(source: &Source) -> String {
    let line = source.to_string();
    line.strip_prefix("./").map_or(line.clone(), str::to_owned)
}
