//! What an administrator may do: the vendor's admin permissions (3.5), who has them, and what a route asks for.

use crate::sandbox::store::accounts::Account;
use crate::sandbox::store::roles::Role;
use crate::sandbox::store::users::User;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// An admin permission. Every module and action of the console is behind one of them; it is named on the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Permission {
    Invite,
    ImportUsers,
    DirectorySync,
    ManageUsers,
    ManageUserSettings,
    ManageGroups,
    CustomAdminRoles,
    BuiltInAdminRoles,
    BotRoles,
    Deployment,
    EnterpriseBots,
    ConsumerBots,
    SmartBots,
    Preferences,
    SingleSignOn,
    TwoFactor,
    EnterpriseKey,
    ApiScopes,
    AuditReports,
    ChatHistory,
}

/// Each permission with its name in the older console, and the newer console's where that differs.
const NAMES: [(Permission, &[&str]); 20] = [
    (Permission::Invite, &["Invite"]),
    (Permission::ImportUsers, &["Import Users / Sync"]),
    (Permission::DirectorySync, &["Directory Sync"]),
    (Permission::ManageUsers, &["Manage Users"]),
    (Permission::ManageUserSettings, &["Manage User Settings"]),
    (Permission::ManageGroups, &["Manage Groups"]),
    (Permission::CustomAdminRoles, &["Manage Custom Admin Roles"]),
    (Permission::BuiltInAdminRoles, &["Manage Built-In Admin Roles"]),
    (Permission::BotRoles, &["Manage Bot Roles", "Manage App Roles"]),
    (Permission::Deployment, &["Manage Deployment"]),
    (Permission::EnterpriseBots, &["Enterprise Bots", "Enterprise Apps"]),
    (Permission::ConsumerBots, &["Consumer Bots", "Consumer Apps"]),
    (Permission::SmartBots, &["Smart Bots", "Smart Apps"]),
    (Permission::Preferences, &["Preferences"]),
    (Permission::SingleSignOn, &["Single Sign On"]),
    (Permission::TwoFactor, &["Two-Factor Authentication"]),
    (Permission::EnterpriseKey, &["Enterprise Key"]),
    (Permission::ApiScopes, &["API Scopes"]),
    (Permission::AuditReports, &["View and Run Audit Reports"]),
    (Permission::ChatHistory, &["View and Run Bot Chat History", "View and Run App Chat History"]),
];

impl Permission {
    /// The name that people and the API know it by.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(permission, _)| *permission == self).map_or("", |(_, names)| names[0])
    }

    /// Every permission, in the order of the vendor's table.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(permission, _)| *permission)
    }

    fn called(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(permission, _)| *permission)
    }
}

/// What a route asks of an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Any admin role.
    Administrator,
    /// Any of these permissions; none is named: all of them, as Master Admins have.
    Any(&'static [Permission]),
    /// To be the one Primary Admin.
    PrimaryAdmin,
}

impl Needs {
    /// In the words of the page that refuses.
    pub(super) fn words(self) -> String {
        match self {
            Self::Administrator => "an admin role in this account".to_owned(),
            Self::Any([]) => "the role Master Admin".to_owned(),
            Self::Any(permissions) => {
                let names: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
                format!("the permission {}", names.join(" or "))
            }
            Self::PrimaryAdmin => "the Primary Admin of the account".to_owned(),
        }
    }
}

impl Needs {
    /// Whoever has them, in a sentence.
    pub(super) fn holder(self) -> String {
        match self {
            Self::Administrator => "an administrator".to_owned(),
            Self::Any([]) => "a Master Admin".to_owned(),
            Self::Any(_) => format!("an administrator with {}", self.words()),
            Self::PrimaryAdmin => "the Primary Admin".to_owned(),
        }
    }
}

/// What one administrator may do in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) is_primary: bool,
    pub(super) is_master: bool,
    is_administrator: bool,
    granted: BTreeSet<Permission>,
}

impl Rights {
    /// What `user` may do by these admin roles.
    pub(super) fn new(account: &Account, user: &User, roles: &[Role]) -> Self {
        let is_primary = account.primary_admin.eq_ignore_ascii_case(&user.email);
        let granted = roles.iter().flat_map(|role| &role.permissions);
        Self {
            is_primary,
            is_master: is_primary || roles.iter().any(Role::is_master_admin),
            is_administrator: is_primary || !roles.is_empty(),
            granted: granted
                .filter(|(_, level)| matches!(level.as_str(), Some("YES" | "FULL" | "EDIT")))
                .filter_map(|(name, _)| Permission::called(name))
                .collect(),
        }
    }

    /// Whether they hold everything that a role of these permissions brings. What the console does not know is not held.
    pub(super) fn cover(&self, permissions: &Map<String, Value>) -> bool {
        let mut brought = permissions.iter().filter(|(_, level)| level.as_str() != Some("NO"));
        self.is_master
            || brought
                .all(|(name, _)| Permission::called(name).is_some_and(|one| self.granted.contains(&one)))
    }

    /// Whether they are enough.
    pub(super) fn satisfy(&self, needs: Needs) -> bool {
        match needs {
            Needs::Administrator => self.is_administrator,
            Needs::Any(permissions) => {
                self.is_master || permissions.iter().any(|permission| self.granted.contains(permission))
            }
            Needs::PrimaryAdmin => self.is_primary,
        }
    }
}
