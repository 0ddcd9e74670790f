//! What the platform is known to have (kore-api 2.0 and 3.5). The platform may know more: what is not listed here is
//! a warning, never an error.

use crate::facts::RoleType;

/// Levels of permissions that are switched.
const SWITCH: &[&str] = &["YES", "NO"];
/// Levels of permissions that are graded.
const GRADES: &[&str] = &["FULL", "VIEW", "NO"];

/// Admin permissions by their API name, over the generations of names seen.
const ADMIN: &[&str] = &[
    "Invite",
    "Import Users / Sync",
    "Directory Sync",
    "Manage Users",
    "Manage User Settings",
    "Manage Groups",
    "Manage Custom Admin Roles",
    "Manage Built-In Admin Roles",
    "Manage Bot Roles",
    "Manage App Roles",
    "Manage Deployment",
    "Enterprise Bots",
    "Enterprise Apps",
    "Consumer Bots",
    "Consumer Apps",
    "Smart Bots",
    "Smart Apps",
    "Preferences",
    "Single Sign On",
    "Kore.ai Connector",
    "Enterprise Key",
    "API Scopes",
    "View and Run Audit Reports",
    "View and Run Bot Chat History",
    "View and Run App Chat History",
    "Manage User Profile Fields",
    "Password Policies",
    "Domain Management",
    "Two-Factor Authentication",
];

/// Bot permissions that are graded, by their API name.
const BOT_GRADED: &[&str] = &[
    "Tasks",
    "Natural Language",
    "Knowledge Graph",
    "Testing",
    "Bot Developers",
    "Bot Settings",
    "Custom Dashboards",
    "Storyboard",
    "IntentDiscovery",
];

/// Bot permissions that are switched, by their API name.
const BOT_SWITCHED: &[&str] = &[
    "Bot Import",
    "Integrations & Extensions",
    "App Builder API Scopes",
    "Publish bot",
    "Channels",
    "Dashboard",
    "Bot Analytics",
];

/// Roles every account has.
pub(super) fn built_in_roles(role_type: RoleType) -> &'static [&'static str] {
    match role_type {
        RoleType::Admin => &["Master Admin", "admin"],
        RoleType::Bot => {
            &["Bot Owner", "Bot Developer", "Bot Tester", "App Owner", "App Developer", "App Tester"]
        }
    }
}

/// Every permission known for roles of this type.
pub fn permissions(role_type: RoleType) -> impl Iterator<Item = &'static str> {
    let (first, second): (&[&str], &[&str]) = match role_type {
        RoleType::Admin => (ADMIN, &[]),
        RoleType::Bot => (BOT_GRADED, BOT_SWITCHED),
    };
    first.iter().chain(second).copied()
}

/// The levels a known permission takes; `None` if the permission is not known.
pub(super) fn levels(role_type: RoleType, permission: &str) -> Option<&'static [&'static str]> {
    match role_type {
        RoleType::Admin => ADMIN.contains(&permission).then_some(SWITCH),
        RoleType::Bot if BOT_GRADED.contains(&permission) => Some(GRADES),
        RoleType::Bot => BOT_SWITCHED.contains(&permission).then_some(SWITCH),
    }
}
