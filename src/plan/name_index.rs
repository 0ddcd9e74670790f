//! The names of an account. Names that read the same are one name: composed alike, whatever blanks are around and between
//! their words.

use super::model::Pin;
use crate::facts::{
    BotId, BotName, BotRef, Directory, GroupId, GroupName, Holder, Key, RoleId, RoleName, RoleType,
    ScopeExtent, as_read,
};
use std::collections::BTreeMap;

/// The names of an account, for whoever compares what is declared with what was read.
pub struct AccountNames(NameIndex);

impl AccountNames {
    /// Of the account that was read; of an empty directory, names are as they read.
    pub fn new(directory: &Directory) -> Self {
        Self(NameIndex::new(directory))
    }

    /// A declared fact under the names of the account, and the bot as it was named.
    pub fn but_for_the_bot<B>(&self, key: Key<B>) -> Key<B> {
        self.0.as_there(key)
    }

    /// A declared fact under the names of the account, as plans compare it. A bot that the account does not have, or that
    /// shares its name, is known by that name.
    pub fn as_there(&self, key: Key<BotRef>) -> Option<Key> {
        let bot = |bot| match bot {
            BotRef::Id(id) => id,
            BotRef::Name(name) => match self.0.bots_that_read(&name).as_slice() {
                [(_, only)] => (*only).clone(),
                _ => BotId::new(&*as_read(name.as_str())),
            },
        };
        self.0.as_there(key).with_bot(|named| Some(bot(named)))
    }
}

/// The directory by name, built once.
#[derive(Default)]
pub(super) struct NameIndex {
    /// As the account writes them.
    pub(super) bots: BTreeMap<BotName, Vec<BotId>>,
    pub(super) roles: BTreeMap<(RoleType, RoleName), Vec<RoleId>>,
    pub(super) groups: BTreeMap<GroupName, Vec<GroupId>>,
    /// The same as they read, where that differs from how one of them is written.
    read_bots: BTreeMap<String, Vec<BotName>>,
    read_roles: BTreeMap<(RoleType, String), Vec<RoleName>>,
    read_groups: BTreeMap<String, Vec<GroupName>>,
}

impl NameIndex {
    pub(super) fn new(directory: &Directory) -> Self {
        let Directory { users: _, bots, groups, roles } = directory;
        let bots = grouped(bots.iter().map(|(id, bot)| (bot.name.clone(), id.clone())));
        let roles = grouped(roles.iter().map(|(id, role)| ((role.role_type, role.name.clone()), id.clone())));
        let groups = grouped(groups.iter().map(|(id, group)| (group.name.clone(), id.clone())));
        let read = |name: &str| as_read(name).into_owned();
        Self {
            read_bots: grouped(bots.keys().map(|name| (read(name.as_str()), name.clone()))),
            read_roles: grouped(
                roles.keys().map(|(role_type, name)| ((*role_type, read(name.as_str())), name.clone())),
            ),
            read_groups: grouped(groups.keys().map(|name| (read(name.as_str()), name.clone()))),
            bots,
            roles,
            groups,
        }
    }

    /// The bots whose names read like this one, each with its id.
    pub(super) fn bots_that_read(&self, name: &BotName) -> Vec<(&BotName, &BotId)> {
        let names = self.read_bots.get(&*as_read(name.as_str())).into_iter().flatten();
        names.flat_map(|name| self.bots[name].iter().map(move |id| (name, id))).collect()
    }

    /// The names of roles that read like this one.
    pub(super) fn roles_that_read(&self, role_type: RoleType, role: &RoleName) -> &[RoleName] {
        let read = (role_type, as_read(role.as_str()).into_owned());
        self.read_roles.get(&read).map_or(&[], Vec::as_slice)
    }

    /// The names of groups that read like this one.
    pub(super) fn groups_that_read(&self, group: &GroupName) -> &[GroupName] {
        self.read_groups.get(&*as_read(group.as_str())).map_or(&[], Vec::as_slice)
    }

    /// A role as the account writes it, if it has one that reads so; else as it reads. Of twins, as it is written.
    pub(super) fn role_as_there(&self, role_type: RoleType, role: &RoleName) -> RoleName {
        match self.roles_that_read(role_type, role) {
            [there] => there.clone(),
            [] => RoleName::canonical(role_type, &as_read(role.as_str())),
            _ => role.clone(),
        }
    }

    /// The same of a group.
    pub(super) fn group_as_there(&self, group: &GroupName) -> GroupName {
        match self.groups_that_read(group) {
            [there] => there.clone(),
            [] => GroupName::new(as_read(group.as_str())),
            _ => group.clone(),
        }
    }

    /// A list of holders with its names as the account writes them.
    pub(super) fn list_as_there<B>(&self, list: ScopeExtent<B>) -> ScopeExtent<B> {
        match list {
            ScopeExtent::AdminRole(role) => {
                ScopeExtent::AdminRole(self.role_as_there(RoleType::Admin, &role))
            }
            ScopeExtent::BotRole(role, bot) => {
                ScopeExtent::BotRole(self.role_as_there(RoleType::Bot, &role), bot)
            }
            ScopeExtent::Group(group) => ScopeExtent::Group(self.group_as_there(&group)),
            ScopeExtent::Assignments(bot) => ScopeExtent::Assignments(bot),
        }
    }

    /// A key with its names as the account writes them.
    pub(super) fn as_there<B>(&self, key: Key<B>) -> Key<B> {
        let holder = |holder| match holder {
            Holder::Group(group) => Holder::Group(self.group_as_there(&group)),
            user @ Holder::User(_) => user,
        };
        match key {
            Key::RoleDefinition(role_type, role) => {
                Key::RoleDefinition(role_type, self.role_as_there(role_type, &role))
            }
            Key::AdminRole(who, role) => {
                Key::AdminRole(holder(who), self.role_as_there(RoleType::Admin, &role))
            }
            Key::BotRole(who, role, bot) => {
                Key::BotRole(holder(who), self.role_as_there(RoleType::Bot, &role), bot)
            }
            Key::InGroup(email, group) => Key::InGroup(email, self.group_as_there(&group)),
            key @ (Key::Member(_)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_)
            | Key::Assigned(..)) => key,
        }
    }

    /// Whether two roles of the account share this name, so that the name says nothing.
    pub(super) fn is_ambiguous_role(&self, role_type: RoleType, role: &RoleName) -> bool {
        self.roles.get(&(role_type, role.clone())).is_some_and(|ids| ids.len() > 1)
    }

    /// What the names in a key mean now.
    pub(super) fn pins(&self, key: &Key, directory: &Directory) -> Vec<Pin> {
        let mut pins = Vec::new();
        if let Some(email) = key.email() {
            let id = directory.users.get(email).and_then(|user| user.id.clone());
            pins.push(Pin::User { email: email.folded().to_owned(), id });
        }
        if let Some((role_type, role)) = key.role() {
            let ids = self.roles.get(&(role_type, role.clone()));
            let id = ids.and_then(|ids| ids.first()).cloned();
            pins.push(Pin::Role { role_type, role: role.clone(), id });
        }
        if let Some(group) = key.group() {
            let id = self.groups.get(group).and_then(|ids| ids.first()).cloned();
            pins.push(Pin::Group { group: group.clone(), id });
        }
        pins.shrink_to_fit();
        pins
    }
}

/// All values of each key, in the order of the pairs.
fn grouped<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}
