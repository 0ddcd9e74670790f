//! Names, ids and spellings while a run is under way: as the plan's read had them, corrected by every read since.

use crate::facts::{self, Email, GroupName, Key, Level, PermissionName, RoleId, RoleName, RoleType, World};
use crate::plan::{Change, Pin};
use std::collections::{BTreeMap, BTreeSet};

/// Names and ids as the last read that showed them has it.
pub(super) struct KnownIds {
    names: facts::Directory,
    members: BTreeMap<GroupName, Vec<Email>>,
    /// Roles this run defines: their ids may change under our own hands.
    defined: BTreeSet<(RoleType, RoleName)>,
}

impl KnownIds {
    /// From the read the plan was made of.
    pub(super) fn from_read(observed: &World, changes: &[&Change]) -> Self {
        let mut members: BTreeMap<GroupName, Vec<Email>> = BTreeMap::new();
        for (key, _) in observed.facts() {
            if let Key::InGroup(email, group) = key {
                members.entry(group.clone()).or_default().push(email.clone());
            }
        }
        let defined = changes
            .iter()
            .filter_map(|change| match &change.key {
                Key::RoleDefinition(role_type, role) => Some((*role_type, role.clone())),
                _ => None,
            })
            .collect();
        Self { names: observed.directory.clone(), members, defined }
    }

    /// Takes over what a later read shows.
    pub(super) fn learn(&mut self, observed: &World) {
        let facts::Directory { users, bots: _, groups: _, roles } = &observed.directory;
        self.names.users.extend(users.iter().map(|(email, entry)| (email.clone(), entry.clone())));
        for role_type in RoleType::ALL {
            if observed.coverage.requires(facts::Listing::roles(role_type)).is_ok() {
                self.names.roles.retain(|_, role| role.role_type != role_type);
                let fresh = roles.iter().filter(|(_, role)| role.role_type == role_type);
                self.names.roles.extend(fresh.map(|(id, role)| (id.clone(), role.clone())));
            }
        }
    }

    /// The account's own spelling of an address, where it has one.
    pub(super) fn spelling(&self, email: &Email) -> Email {
        self.names
            .users
            .get(email)
            .and_then(|user| user.spellings.first())
            .map_or_else(|| email.clone(), |spelling| Email::observed(spelling))
    }

    /// Two members of a group: enough to read what it holds.
    pub(super) fn some_members(&self, group: &GroupName) -> impl Iterator<Item = Email> {
        self.members.get(group).into_iter().flatten().take(2).map(|email| self.spelling(email))
    }

    /// What a change's names mean now, if that is not what they meant when the plan was made.
    pub(super) fn moved_name(&self, change: &Change) -> Option<String> {
        let (role_type, role) = change.key.role()?;
        if self.defined.contains(&(role_type, role.clone())) {
            return None;
        }
        let now = self.role(role_type, role)?;
        let then = change.pins.iter().find_map(|pin| match pin {
            Pin::Role { id, .. } => id.as_ref(),
            Pin::User { .. } | Pin::Group { .. } | Pin::BuilderAccess { .. } => None,
        })?;
        (*then != now).then(|| format!("role {role} has the id {now} now, and had {then}"))
    }

    pub(super) fn role(&self, role_type: RoleType, role: &RoleName) -> Option<RoleId> {
        self.names.roles_named(role_type, role).next().map(|(id, _)| id.clone())
    }

    pub(super) fn document(&self, role_type: RoleType, role: &RoleName) -> Option<serde_json::Value> {
        self.names.roles_named(role_type, role).next().map(|(_, entry)| entry.document.clone())
    }

    /// How a role of the account spells that level of the permission, if one has it.
    pub(super) fn spelling_of_level(
        &self,
        role_type: RoleType,
        name: &PermissionName,
        level: &Level,
    ) -> Option<Level> {
        let roles = self.names.roles.values().filter(|role| role.role_type == role_type);
        roles.filter_map(|role| role.spec.permissions.get(name)).find(|known| known.is_same(level)).cloned()
    }

    pub(super) fn group(&self, group: &GroupName) -> Option<facts::GroupId> {
        self.names.groups_named(group).next().map(|(id, _)| id.clone())
    }
}
