//! Remembered facts under the names that they have now.
//!
//! A fact is the same as long as the ids behind its names are: a renamed role, group or person is followed, and what has
//! come to bear an old name is not ours.

use super::fact::RememberedFact;
use crate::facts::{Directory, Email, GroupId, GroupName, Holder, Key, RoleId, RoleName, RoleType, UserId};
use crate::plan::model::Pin;
use std::collections::HashMap;

/// Today's names, by id.
struct NamesById<'d> {
    users: HashMap<&'d UserId, &'d Email>,
    roles: HashMap<&'d RoleId, (RoleType, &'d RoleName)>,
    groups: HashMap<&'d GroupId, &'d GroupName>,
    directory: &'d Directory,
}

impl<'d> NamesById<'d> {
    fn new(directory: &'d Directory) -> Self {
        Self {
            users: directory
                .users
                .iter()
                .filter_map(|(email, user)| Some((user.id.as_ref()?, email)))
                .collect(),
            roles: directory.roles.iter().map(|(id, role)| (id, (role.role_type, &role.name))).collect(),
            groups: directory.groups.iter().map(|(id, group)| (id, &group.name)).collect(),
            directory,
        }
    }

    fn user(&self, email: &Email, id: &UserId) -> Now<Email> {
        let bears_name = self.directory.users.get(email).and_then(|user| user.id.as_ref());
        now(self.users.get(id).map(|email| (*email).clone()), email, bears_name.is_some())
    }

    fn role(&self, role: &RoleName, role_type: RoleType, id: &RoleId) -> Now<RoleName> {
        let known = self.roles.get(id).filter(|(known, _)| *known == role_type);
        let is_taken = self.directory.roles_named(role_type, role).next().is_some();
        now(known.map(|(_, role)| (*role).clone()), role, is_taken)
    }

    fn group(&self, group: &GroupName, id: &GroupId) -> Now<GroupName> {
        let is_taken = self.directory.groups_named(group).next().is_some();
        now(self.groups.get(id).map(|group| (*group).clone()), group, is_taken)
    }
}

/// What a remembered name is now.
enum Now<N> {
    /// The same, or not seen.
    Same,
    /// What bore it is called otherwise.
    Renamed(N),
    /// Something else bears it.
    Other,
}

fn now<N: PartialEq>(today: Option<N>, remembered: &N, is_taken: bool) -> Now<N> {
    match today {
        Some(name) if name == *remembered => Now::Same,
        Some(name) => Now::Renamed(name),
        None if is_taken => Now::Other,
        None => Now::Same,
    }
}

/// All remembered facts under today's names, sorted. What is not ours any more is left out.
pub(in crate::plan) fn recall(
    facts: &[(Key, RememberedFact)],
    directory: &Directory,
) -> Vec<(Key, RememberedFact)> {
    if facts.is_empty() {
        return Vec::new();
    }
    let names = NamesById::new(directory);
    let mut recalled: Vec<(Key, RememberedFact)> = facts
        .iter()
        .filter_map(|(key, fact)| Some((renamed(key, &fact.ids, &names)?, fact.clone())))
        .collect();
    recalled.sort_by(|(left, _), (right, _)| left.cmp(right));
    recalled.dedup_by(|(left, _), (right, _)| left == right);
    recalled
}

/// The key under today's names; `None`: another bears one of them.
fn renamed(key: &Key, ids: &[Pin], names: &NamesById<'_>) -> Option<Key> {
    let mut key = key.clone();
    for pin in ids {
        match pin {
            Pin::User { email, id: Some(id) } => match names.user(&Email::observed(email), id) {
                Now::Same => {}
                Now::Renamed(email) => key = with_email(key, email),
                Now::Other => return None,
            },
            Pin::Role { role_type, role, id: Some(id) } => match names.role(role, *role_type, id) {
                Now::Same => {}
                Now::Renamed(role) => key = with_role(key, role),
                Now::Other => return None,
            },
            Pin::Group { group, id: Some(id) } => match names.group(group, id) {
                Now::Same => {}
                Now::Renamed(group) => key = with_group(key, group),
                Now::Other => return None,
            },
            Pin::User { id: None, .. }
            | Pin::Role { id: None, .. }
            | Pin::Group { id: None, .. }
            | Pin::BuilderAccess { .. } => {}
        }
    }
    Some(key)
}

fn with_email(key: Key, email: Email) -> Key {
    match key {
        Key::Member(_) => Key::Member(email),
        Key::Names(_) => Key::Names(email),
        Key::Access(_) => Key::Access(email),
        Key::Profile(_) => Key::Profile(email),
        Key::DataTables(_) => Key::DataTables(email),
        Key::InGroup(_, group) => Key::InGroup(email, group),
        Key::Assigned(_, bot) => Key::Assigned(email, bot),
        Key::AdminRole(Holder::User(_), role) => Key::AdminRole(Holder::User(email), role),
        Key::BotRole(Holder::User(_), role, bot) => Key::BotRole(Holder::User(email), role, bot),
        key @ (Key::RoleDefinition(..)
        | Key::AdminRole(Holder::Group(_), _)
        | Key::BotRole(Holder::Group(_), _, _)) => key,
    }
}

fn with_role(key: Key, role: RoleName) -> Key {
    match key {
        Key::RoleDefinition(role_type, _) => Key::RoleDefinition(role_type, role),
        Key::AdminRole(holder, _) => Key::AdminRole(holder, role),
        Key::BotRole(holder, _, bot) => Key::BotRole(holder, role, bot),
        key @ (Key::Member(_)
        | Key::Names(_)
        | Key::Access(_)
        | Key::Profile(_)
        | Key::DataTables(_)
        | Key::InGroup(..)
        | Key::Assigned(..)) => key,
    }
}

fn with_group(key: Key, group: GroupName) -> Key {
    match key {
        Key::InGroup(email, _) => Key::InGroup(email, group),
        Key::AdminRole(Holder::Group(_), role) => Key::AdminRole(Holder::Group(group), role),
        Key::BotRole(Holder::Group(_), role, bot) => Key::BotRole(Holder::Group(group), role, bot),
        key @ (Key::RoleDefinition(..)
        | Key::Member(_)
        | Key::Names(_)
        | Key::Access(_)
        | Key::Profile(_)
        | Key::DataTables(_)
        | Key::Assigned(..)
        | Key::AdminRole(Holder::User(_), _)
        | Key::BotRole(Holder::User(_), _, _)) => key,
    }
}
